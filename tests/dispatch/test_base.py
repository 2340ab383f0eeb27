"""A dispatcher of one's own: one class serves both clients."""

from __future__ import annotations

import collections
import collections.abc
import typing

import pytest

import httpcore
from httpcore import AsyncResponse, Dispatcher, Request, Response, TimeoutConfig
from httpcore.dispatch.base import Unprocessed, reap
from tests.conftest import MakeClient
from tests.servers.raw import RawServer, response

URL = "http://example.org/"


class Cache(Dispatcher):
    """Keeps the answers of `inner`; what a user would write."""

    def __init__(self, inner: Dispatcher) -> None:
        self.inner = inner
        self.kept: dict[httpcore.URL, typing.Any] = {}
        self.options: list[tuple[typing.Any, ...]] = []

    async def send(
        self,
        request: Request,
        stream: bool = False,
        ssl: typing.Any = None,
        timeout: typing.Any = None,
    ) -> typing.Any:
        self.options.append((stream, ssl, timeout))
        if request.url not in self.kept:
            answer = await self.inner.send(request, False, ssl, timeout)
            self.kept[request.url] = answer
        kept = self.kept[request.url]
        return Response(kept.status_code, kept.headers, kept.content, request)

    async def close(self) -> None:
        await self.inner.close()


async def test_a_cache(make_client: MakeClient, backend: httpcore.ConcurrencyBackend) -> None:
    """A dispatcher around a pool, in both clients and on every backend."""
    async with Cache(httpcore.ConnectionPool(backend=backend)) as cache:
        with RawServer.replies([response(b"there")]) as server:
            client = make_client(dispatch=cache)
            assert (await client.get(server.url)).content == b"there"
            assert (await client.get(server.url)).content == b"there"
            assert len(server.requests) == 1
        inner = typing.cast("httpcore.ConnectionPool", cache.inner)
        assert len(inner.keepalive_connections) == 1
    assert len(inner.keepalive_connections) == 0


async def test_request(backend: httpcore.ConcurrencyBackend) -> None:
    """`request()` makes the request from its parts, and prepares it."""
    mock = httpcore.MockDispatch(lambda request: AsyncResponse(200))
    cache = Cache(mock)
    limits = TimeoutConfig(3)
    await cache.request(
        "post",
        URL,
        json=[1],
        query_params={"a": "b"},
        headers={"X": "1"},
        stream=True,
        ssl=False,
        timeout=limits,
    )
    (request,) = mock.requests
    assert (request.method, str(request.url), request.content) == ("POST", f"{URL}?a=b", b"[1]")
    assert (request.headers["X"], request.headers["Host"]) == ("1", "example.org")
    assert cache.options == [(True, False, limits)]
    await cache.request("PUT", URL, content=b"abc")
    assert mock.requests[1].headers["Content-Length"] == "3"
    await cache.request("POST", URL + "form", files={"f": b"abc"}, cookies={"a": "1"})
    assert mock.requests[2].headers["Content-Type"].startswith("multipart/form-data; boundary=")
    assert mock.requests[2].headers["Cookie"] == "a=1"


def test_prepare_request() -> None:
    """Dispatchers may fill in more; the base does what `Request.prepare()` does."""
    request = Request("GET", URL)
    httpcore.MockDispatch(lambda request: Response(200)).prepare_request(request)
    assert request.headers["Host"] == "example.org"


async def test_close_by_default() -> None:
    """Who holds nothing need not define `close()`."""

    class Minimal(Dispatcher):
        async def send(self, request: Request, *args: object, **options: object) -> Response:
            return Response(204)

    async with Minimal() as dispatcher:
        answer = await dispatcher.request("GET", URL)
    assert answer.status_code == 204


def test_send_has_to_be_defined() -> None:
    """The base alone is no dispatcher."""
    with pytest.raises(TypeError, match="abstract"):
        Dispatcher()  # type: ignore[abstract]


def test_unprocessed() -> None:
    """It has the error that the caller gets, and whether the request may be sent again."""
    error = httpcore.ReadError("told")
    unprocessed = Unprocessed(error, certain=True)
    assert (unprocessed.error, unprocessed.certain, unprocessed.needs_http11) == (
        error,
        True,
        False,
    )
    assert str(unprocessed) == "told"


def test_reaping_in_several_threads() -> None:
    """What one thread has taken, another one does not miss."""

    class Raced(collections.deque[collections.abc.Callable[[], None]]):
        def __bool__(self) -> bool:
            return True  # it was not empty, a moment ago

    done: list[str] = []
    reap(Raced([lambda: done.append("given up")]))
    assert done == ["given up"]
