"""The types in the signatures that the README documents can be imported: these, and no others."""

from __future__ import annotations

import ast
import builtins
import collections.abc
import inspect
import pathlib
import re
import typing

import httpcore
from httpcore import types
from httpcore.types import AuthFlow, HeaderTypes, RequestOptions, SSLTypes, TimeoutTypes
from tests.conftest import MakeClient
from tests.servers.raw import RawServer, response

README = pathlib.Path(__file__).parents[1] / "README.md"
REFERENCE = README.read_text(encoding="utf-8").partition("## API reference")[2]

# What the pool and its connections say to each other.
INTERNAL = {"Abandoned", "OnCapacity", "OnDone", "Route", "NetworkStream"}


def documented() -> collections.abc.Iterator[typing.Any]:
    """The public functions, constructors, and those of their members that the reference names."""
    named = {"__init__", *re.findall(r"\.(\w+)", REFERENCE)}
    for name in httpcore.__all__:
        value = getattr(httpcore, name)
        if inspect.isfunction(value):
            yield value
        elif inspect.isclass(value):
            yield value
            for base in value.__mro__:
                if base.__module__.startswith("httpcore."):
                    for member, found in vars(base).items():
                        if member in named or (member == "flow" and base is httpcore.Auth):
                            yield getattr(found, "fget", getattr(found, "__func__", found))
    yield from (types.BuildOptions, types.SendOptions, types.OneShotOptions)


def names_in(annotation: object) -> set[str]:
    """The names in an annotation, without those of modules."""
    text = getattr(annotation, "__forward_arg__", annotation)  # as a TypedDict keeps it
    if not isinstance(text, str):
        return set()  # it was evaluated, so it is an alias no more
    tree = ast.parse(text)
    modules = {
        node.value.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
    }
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)} - modules


def test_every_name_can_be_imported() -> None:
    """Each is a built-in, public in the package, or one of the types; of which each is used."""
    used: set[str] = set()
    for value in documented():
        if callable(value):
            for name, annotation in inspect.get_annotations(value).items():
                used |= names_in("" if name.startswith("_") else annotation)
    ours = {name for name in used if not hasattr(builtins, name) and not hasattr(httpcore, name)}
    assert ours - INTERNAL - set(types.__all__) == set()
    assert set(types.__all__) - ours == {"HeaderValue", "UNSET"}  # what goes with others


def test_all() -> None:
    """It has nothing else that looks public."""
    there = {name for name, value in vars(types).items() if not name.startswith("_")}
    assert there - set(types.__all__) == {"annotations"}
    assert "httpcore.types" in REFERENCE


# For mypy, which reads the tests, too.


class Token(httpcore.Auth):
    """An `Auth`, annotated."""

    def flow(self, request: httpcore.Request) -> AuthFlow:
        request.headers["X-Token"] = "a"
        yield request


class Logging(httpcore.Dispatcher):
    """A dispatcher, annotated."""

    def __init__(self, inner: httpcore.Dispatcher) -> None:
        self.inner = inner

    async def send(
        self,
        request: httpcore.Request,
        stream: bool = False,
        ssl: SSLTypes | None = None,
        timeout: TimeoutTypes = None,
    ) -> httpcore.ResponseBase:
        return await self.inner.send(request, stream, ssl, timeout)


async def fetch(
    client: httpcore.AsyncClient, url: str, **options: typing.Unpack[RequestOptions]
) -> httpcore.AsyncResponse:
    """A wrapper that takes what a client takes."""
    headers: HeaderTypes = {"X-Wrapped": "yes"}
    options.setdefault("headers", headers)
    return await client.get(url, **options)


async def test_annotated_code_runs(
    make_client: MakeClient, backend: httpcore.ConcurrencyBackend
) -> None:
    """What a type checker accepts does what it says."""
    with RawServer.replies([response(b"ok")]) as server:
        async with httpcore.ConnectionPool(backend=backend) as pool:
            client = make_client(dispatch=Logging(pool), auth=Token())
            assert (await fetch(client, server.url, timeout=5)).content == b"ok"
        assert server.requests[0].header("X-Token") == "a"
        assert server.requests[0].header("X-Wrapped") == "yes"
