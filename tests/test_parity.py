"""The two clients, and the two responses, are one thing each: nothing drifts apart."""

from __future__ import annotations

import inspect
import typing

import pytest

import httpcore
from httpcore import AsyncClient, AsyncResponse, Client, Response
from httpcore import api as one_shot
from httpcore.client.base import ClientBase
from httpcore.client.options import BuildOptions, OneShotOptions, RequestOptions, SendOptions
from httpcore.models.response_base import ResponseBase

VERBS = ("get", "options", "head", "post", "put", "patch", "delete", "query")
PAIRS = [(Client, AsyncClient, ClientBase), (Response, AsyncResponse, ResponseBase)]
IDS = ["clients", "responses"]

# What only one of each pair has: how it is used as a context.
CONTEXT = {"__enter__", "__exit__", "__aenter__", "__aexit__"}
# What is behind them, and differs on purpose.
INSIDE = {"__module__", "__doc__", "__annotations__", "_default_backend", "response_class"}
INSIDE |= {"__static_attributes__", "__firstlineno__"}  # of newer Pythons
INSIDE |= {"__slotnames__"}  # what pickling leaves behind


def own(cls: type) -> dict[str, typing.Any]:
    """What `cls` defines itself."""
    return {name: value for name, value in vars(cls).items() if name not in INSIDE}


def shape(function: typing.Any) -> list[tuple[str, object, object]]:
    """The parameters with their kinds and defaults."""
    parameters = inspect.signature(function).parameters.values()
    return [(parameter.name, parameter.kind, parameter.default) for parameter in parameters]


@pytest.mark.parametrize(("sync", "asynchronous", "base"), PAIRS, ids=IDS)
def test_same_names(sync: type, asynchronous: type, base: type) -> None:
    """Both define the same names; everything else they have from one base."""
    assert sync.__bases__ == asynchronous.__bases__ == (base,)
    assert own(sync).keys() - CONTEXT == own(asynchronous).keys() - CONTEXT
    public = {name for name in dir(sync) if not name.startswith("_")}
    assert public == {name for name in dir(asynchronous) if not name.startswith("_")}


@pytest.mark.parametrize(("sync", "asynchronous", "base"), PAIRS, ids=IDS)
def test_same_parameters(sync: type, asynchronous: type, base: type) -> None:
    """What they define has the same parameters, with the same defaults and types."""
    for name in own(sync).keys() - CONTEXT:
        left, right = vars(sync)[name], vars(asynchronous)[name]
        assert shape(left) == shape(right), name
        parameters = left.__annotations__.keys() - {"return"}
        assert all(left.__annotations__[p] == right.__annotations__[p] for p in parameters), name


@pytest.mark.parametrize(("sync", "asynchronous", "base"), PAIRS, ids=IDS)
def test_same_results(sync: type, asynchronous: type, base: type) -> None:
    """What is returned there is awaited here, and iterators are async ones."""
    for name in own(sync).keys() - CONTEXT:
        left, right = vars(sync)[name], vars(asynchronous)[name]
        expected = (
            left.__annotations__["return"]
            .replace("Response", "AsyncResponse")
            .replace("collections.abc.Iterator", "collections.abc.AsyncIterator")
        )
        assert right.__annotations__["return"] == expected, name
        assert not inspect.iscoroutinefunction(left)
        assert inspect.iscoroutinefunction(right) != ("Iterator" in expected), name


@pytest.mark.parametrize(("sync", "asynchronous", "base"), PAIRS, ids=IDS)
def test_same_docstrings_where_they_say_the_same(
    sync: type, asynchronous: type, base: type
) -> None:
    """Methods of responses are told about alike; those of `AsyncClient` may refer to `Client`."""
    for name in own(sync).keys() - CONTEXT:
        left, right = inspect.getdoc(vars(sync)[name]), inspect.getdoc(vars(asynchronous)[name])
        if base is ResponseBase or name in VERBS:
            assert left == right, name


def test_same_constructors() -> None:
    """There is one constructor for each pair."""
    assert Client.__init__ is AsyncClient.__init__
    assert Response.__init__ is AsyncResponse.__init__


def test_options_are_what_they_are_typed_as() -> None:
    """The typed options are the parameters beneath, so that type checkers know all of them."""

    def keywords(function: typing.Any) -> set[str]:
        parameters = inspect.signature(function).parameters.values()
        return {p.name for p in parameters if p.kind is p.KEYWORD_ONLY}

    build, send = set(BuildOptions.__annotations__), set(SendOptions.__annotations__)
    assert keywords(ClientBase._build) == build
    assert keywords(ClientBase._send) == send
    assert RequestOptions.__optional_keys__ == build | send
    assert OneShotOptions.__optional_keys__ == (build | send) - {"stream"}


def test_one_shot_functions() -> None:
    """They take what the client's methods take."""
    for name in ("request", *VERBS):
        assert shape(getattr(one_shot, name)) == shape(getattr(Client, name))[1:]


def test_dispatchers_take_what_clients_give_them() -> None:
    """Every dispatcher's `send` has the parameters of the base's."""
    expected = shape(httpcore.Dispatcher.send)
    for cls in (httpcore.ConnectionPool, httpcore.HTTPConnection, httpcore.MockDispatch):
        assert shape(cls.send) == expected


def test_settings_go_through_to_the_pool() -> None:
    """What a client says about connections are settings of the pool, with the same defaults."""
    pool = inspect.signature(httpcore.ConnectionPool).parameters
    client = inspect.signature(Client).parameters
    shared = pool.keys() & client.keys()
    assert shared == pool.keys()
    assert all(pool[name].default == client[name].default for name in shared - {"ssl"})
