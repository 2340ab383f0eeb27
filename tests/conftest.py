"""How tests run, and what they run against.

An `async def` test runs three times: on asyncio, on trio and on the blocking backend (see
`tests/ways.py`).  Its fixtures that depend on the way are `way`, its name; `backend`, the library's
backend; and `make_client(**options)`, whose engine for HTTP/1.1 is httptools, or h11 on trio.
`@pytest.mark.ways("asyncio", "trio")` leaves some out.

Servers are shared by the whole run: `app_server`, `app_tls_server`, `h2_server`, `httpbin`,
`nginx`, `tinyproxy`, `squid` and `microsocks`.  A test that needs a server to misbehave scripts a
`RawServer` of its own (`tests/servers/raw.py`).
"""

from __future__ import annotations

import collections.abc
import gc
import inspect
import os
import signal
import sys
import typing

import hypothesis  # what it asks of gc while it is imported, gc.freeze() prevents
import pytest

from tests import ways
from tests.faults import POINTS
from tests.servers.certs import Certs
from tests.servers.hypercorn_server import HypercornServer
from tests.servers.nginx import Nginx, NginxMissing
from tests.servers.proxies import Microsocks, ProxyMissing, ProxyProcess, Squid, Tinyproxy
from tests.servers.uvicorn_server import UvicornServer
from tests.servers.wsgi_server import HttpbinServer

if typing.TYPE_CHECKING:
    import httpcore

MakeClient = collections.abc.Callable[..., "httpcore.AsyncClient"]

PERSONAL_VARIABLES = (
    *(f"{scheme}_PROXY" for scheme in ("HTTP", "HTTPS", "ALL", "NO")),
    *("NETRC", "SSL_CERT_FILE", "SSL_CERT_DIR", "SSLKEYLOGFILE"),
    *("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "REQUEST_METHOD", "HTTPCORE_ENGINE"),
)


def pytest_configure() -> None:
    # What a shell runs in the background ignores Ctrl-C, and so would what tests start.
    signal.signal(signal.SIGINT, signal.default_int_handler)


# How long an example takes is the machine's affair.
hypothesis.settings.register_profile(
    "tests",
    hypothesis.settings.default,
    deadline=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("tests")


# The three ways.


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if inspect.iscoroutinefunction(metafunc.function) and "way" not in metafunc.fixturenames:
        metafunc.fixturenames.append("way")
    if "way" in metafunc.fixturenames:
        marker = metafunc.definition.get_closest_marker("ways")
        metafunc.parametrize("way", ways.WAYS if marker is None else marker.args)


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    test = pyfuncitem.obj
    if not inspect.iscoroutinefunction(test):
        return None
    values: dict[str, typing.Any] = pyfuncitem.funcargs
    arguments = {name: values[name] for name in inspect.signature(test).parameters}

    async def main() -> None:
        try:
            await test(**arguments)
        finally:
            for resource in reversed(values.get("to_close", [])):
                await resource.close()

    ways.run(str(pyfuncitem.callspec.params["way"]), main)
    return True


def pytest_collection_finish() -> None:
    # What was imported and collected stays until the end: the garbage collection after each
    # async test need not look at it, and takes less than a millisecond instead of thirty.
    gc.collect()
    if sys.implementation.name == "cpython":
        gc.freeze()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    passed = terminalreporter.getreports("passed")
    points = sum(dict(report.user_properties).get(POINTS, 0) for report in passed)
    if points:
        terminalreporter.write_line(
            f"exchanges were cancelled, broken, interrupted or overtaken at {points:,} points"
        )


@pytest.fixture
def backend(way: str) -> httpcore.ConcurrencyBackend:
    """The library's backend for the way in which the test runs."""
    return ways.make_backend(way)


@pytest.fixture
def to_close() -> list[typing.Any]:
    """What an async test appends here has its `close()` awaited when the test ends."""
    return []


@pytest.fixture
def make_client(way: str, to_close: list[typing.Any]) -> MakeClient:
    """`make_client(**options)`: a client to be awaited, closed when the test ends."""

    def make(**options: typing.Any) -> httpcore.AsyncClient:
        client = ways.make_client(way, **options)
        to_close.append(client)
        return client

    return make


# The surroundings.


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No variable of the person who runs the tests has a say in them."""
    for name in PERSONAL_VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    monkeypatch.setenv("NETRC", os.devnull)  # else the one in the home folder counts


# The servers.


@pytest.fixture(scope="session")
def certs(tmp_path_factory: pytest.TempPathFactory) -> Certs:
    """A CA and the certificates that it issued; `certs.ca` is the path that clients trust."""
    return Certs(tmp_path_factory.mktemp("certs"))


@pytest.fixture(scope="session")
def app_server() -> collections.abc.Iterator[UvicornServer]:
    """uvicorn over plain HTTP/1.1."""
    with UvicornServer() as server:
        yield server


@pytest.fixture(scope="session")
def app_tls_server(certs: Certs) -> collections.abc.Iterator[UvicornServer]:
    """uvicorn over TLS and HTTP/1.1; it offers no protocol by ALPN."""
    with UvicornServer(certs.server) as server:
        yield server


@pytest.fixture(scope="session")
def h2_server(certs: Certs) -> collections.abc.Iterator[HypercornServer]:
    """hypercorn over TLS; it offers HTTP/2 and HTTP/1.1 by ALPN."""
    with HypercornServer(certs.server) as server:
        yield server


@pytest.fixture(scope="session")
def httpbin() -> collections.abc.Iterator[HttpbinServer]:
    """httpbin, and Digest by Flask-HTTPAuth."""
    with HttpbinServer() as server:
        yield server


@pytest.fixture(scope="session")
def nginx(certs: Certs) -> collections.abc.Iterator[Nginx]:
    """nginx over plain HTTP/1.1, TLS with HTTP/2, and TLS without.  Skips where there is none."""
    try:
        server = Nginx(certs.server, certs.ca)
    except NginxMissing as exc:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(str(exc))
    with server:
        yield server


@pytest.fixture(scope="session")
def tinyproxy() -> collections.abc.Iterator[ProxyProcess]:
    """An HTTP proxy that wants a password.  Skips where there is none."""
    yield from _running(Tinyproxy)


@pytest.fixture(scope="session")
def microsocks() -> collections.abc.Iterator[ProxyProcess]:
    """A SOCKS5 proxy that wants a password.  Skips where there is none."""
    yield from _running(Microsocks)


@pytest.fixture(scope="session")
def squid() -> collections.abc.Iterator[ProxyProcess]:
    """An HTTP proxy that wants Digest authentication.  Skips where there is none."""
    yield from _running(Squid)


def _running(proxy_class: type[ProxyProcess]) -> collections.abc.Iterator[ProxyProcess]:
    try:
        proxy = proxy_class()
    except ProxyMissing as exc:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(str(exc))
    with proxy:
        yield proxy
