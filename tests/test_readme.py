"""The examples of the README run, its reference is true, and what documents name is there."""

from __future__ import annotations

import ast
import asyncio
import collections.abc
import doctest
import inspect
import pathlib
import re
import socket
import typing

import pytest
import trustme

import httpcore
from httpcore.backends.base import Address
from tests.servers.certs import Cert
from tests.servers.h2_server import serve_with_h2
from tests.servers.raw import RawServer
from tests.servers.uvicorn_server import UvicornServer

ROOT = pathlib.Path(__file__).parents[1]
DOCUMENTS = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
CONSOLE = [block for block in BLOCKS if block.startswith(">>>")]
SCRIPTS = [block for block in BLOCKS if not block.startswith(">>>")]

PAGE = b"""<!doctype html>
<html>
<head>
<title>Example Domain</title>
<meta charset="utf-8">
</head>
</html>
"""


def test_there_are_examples() -> None:
    """None of what follows passes because nothing was found."""
    assert len(CONSOLE) >= 2
    assert len(SCRIPTS) >= 5


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_what_documents_name_is_there(path: pathlib.Path) -> None:
    """Links within the repository lead somewhere, and the commands exist."""
    text = path.read_text(encoding="utf-8")
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", text)
    commands = re.findall(r"(?<![\w./])scripts/[a-z][a-z0-9_./]*[a-z0-9]", text)
    missing = [link for link in links if not (path.parent / link).exists()]
    assert missing + [command for command in commands if not (ROOT / command).exists()] == []


# The console sessions, which talk to example.org.


@pytest.fixture
def example_org(
    monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path
) -> collections.abc.Iterator[RawServer]:
    """https://example.org over HTTP/2: its name leads here, and its CA is what certifi has."""
    authority = trustme.CA()
    issued = authority.issue_cert("example.org")
    chain, key, ca = (tmp_path / name for name in ("chain.pem", "key.pem", "ca.pem"))
    issued.private_key_pem.write_to_path(str(key))
    issued.cert_chain_pems[0].write_to_path(str(chain))
    authority.cert_pem.write_to_path(str(ca))
    monkeypatch.setattr("certifi.where", lambda: str(ca))
    monkeypatch.setattr("httpcore.backends.tls_context._contexts", {})
    context = Cert(str(chain), str(key)).server_context(["h2"])
    with RawServer(serve_with_h2(lambda fields, body: PAGE), tls=context) as server:

        async def resolve(
            self: object, host: str, port: int, deadline: object, resolver: object = None
        ) -> list[Address]:
            assert (host, port) == ("example.org", 443)
            return [Address(socket.AF_INET, (server.host, server.port))]

        monkeypatch.setattr(httpcore.SyncBackend, "resolve", resolve)
        monkeypatch.setattr(httpcore.AsyncioBackend, "resolve", resolve)
        yield server


async def run_console(block: str, shown: list[str]) -> None:
    """Run the examples of a session; what each prints is compared with what the README says."""
    namespace: dict[str, typing.Any] = {}
    try:
        for example in doctest.DocTestParser().get_examples(block):
            shown.clear()
            code = compile(example.source, "README.md", "single", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
            result = eval(code, namespace)
            if inspect.iscoroutine(result):
                await result
            got = "".join(f"{line}\n" for line in shown)
            matches = doctest.OutputChecker().check_output(example.want, got, doctest.ELLIPSIS)
            assert matches, f"{example.source}gives\n{got}"
    finally:
        await close_clients(namespace)


async def close_clients(namespace: dict[str, typing.Any]) -> None:
    for value in namespace.values():
        if isinstance(value, httpcore.AsyncClient):
            await value.close()
        elif isinstance(value, httpcore.Client):
            value.close()


@pytest.mark.parametrize("block", CONSOLE)
def test_console(block: str, example_org: RawServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each session shows what the README shows."""
    shown: list[str] = []

    def display(value: object) -> None:
        if value is not None:
            shown.append(repr(value))

    monkeypatch.setattr("sys.displayhook", display)
    asyncio.run(run_console(block, shown))


# The scripts, which talk to whatever `url` is.


@pytest.mark.parametrize("block", SCRIPTS)
def test_script(
    block: str,
    app_server: UvicornServer,
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each runs, given the names that it takes for granted."""
    monkeypatch.chdir(tmp_path)
    given = {
        "httpcore": httpcore,
        "client": httpcore.Client(),
        "url": f"{app_server.url}/echo",
        "lines": [b"one\n", b"two\n"],
    }
    namespace = dict(given)
    exec(compile(closing_files(block), "README.md", "exec"), namespace)
    for names in (given, namespace):
        asyncio.run(close_clients(names))


def closing_files(source: str) -> str:
    """The README leaves the closing of a file to the interpreter, which would warn here."""
    return re.sub(r"\bopen\((.*?), .rb.\)", r"__import__('io').BytesIO(\1.encode())", source)


# The reference.


def documented(heading: str) -> set[str]:
    """The parameters that the reference gives for `Name(...)` or `.name(...)`."""
    found = re.search(rf"^\* `{re.escape(heading)}\(([^`]*)\)`", README, re.MULTILINE)
    assert found is not None, heading
    words = re.sub(r"=[^,]*", "", found[1]).replace("\n", " ").split(",")
    return {word.strip() for word in words} - {"*", "..."}


@pytest.mark.parametrize(
    "cls",
    [
        httpcore.Client,
        httpcore.Request,
        httpcore.URL,
        httpcore.Origin,
        httpcore.Headers,
        httpcore.QueryParams,
        httpcore.Cookies,
        httpcore.PoolLimits,
        httpcore.SSLConfig,
        httpcore.ConnectConfig,
        httpcore.JSONCodec,
        httpcore.BasicAuth,
        httpcore.ConnectionPool,
    ],
    ids=lambda cls: cls.__name__,
)
def test_parameters(cls: type) -> None:
    """The reference names exactly the parameters of each constructor."""
    parameters = inspect.signature(cls).parameters.values()
    there = {p.name for p in parameters if p.kind is not p.VAR_KEYWORD}
    assert documented(cls.__name__) == there


def test_parameters_of_a_call() -> None:
    """And those of a call."""
    from httpcore.client.options import RequestOptions

    assert documented(".request") == {"method", "url"} | RequestOptions.__optional_keys__


@pytest.mark.parametrize(
    ("heading", "cls"),
    [
        ("Client, AsyncClient", httpcore.Client),
        ("Response, AsyncResponse", httpcore.Response),
        ("Request, URL, Origin, Headers, QueryParams", None),
        ("Cookies", httpcore.Cookies),
    ],
)
def test_attributes(heading: str, cls: type | None) -> None:
    """Every attribute that the reference names is there."""
    section = README.partition(f"### {heading}\n")[2].partition("\n### ")[0]
    classes = [cls] if cls else [getattr(httpcore, name) for name in heading.split(", ")]
    instance_attributes = {"status_code", "headers", "request", "history", "protocol", "cookies"}
    for name in re.findall(r"`(?:await )?\.(\w+)", section):
        assert name in instance_attributes or any(hasattr(c, name) for c in classes), name
