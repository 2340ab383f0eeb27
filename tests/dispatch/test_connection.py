"""`HTTPConnection` on its own: opening, using again, and what is told when it cannot connect."""

from __future__ import annotations

import gc
import threading
import typing

import pytest

import httpcore
from httpcore import ConnectError, HTTPConnection, Request, TimeoutConfig
from httpcore.backends.base import ConcurrencyBackend
from tests.servers.certs import Certs
from tests.servers.h2_server import H2Peer, H2Server, answer_all
from tests.servers.hypercorn_server import HypercornServer
from tests.servers.raw import RawConnection, RawServer, response

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


async def test_used_again(backend: ConcurrencyBackend) -> None:
    """One request after the other goes over one connection, opened with the first."""
    with RawServer.replies([response(b"one"), response(b"two")]) as server:
        async with HTTPConnection(server.url, backend=backend) as connection:
            assert repr(connection) == f"<HTTPConnection('127.0.0.1:{server.port}', closed)>"
            assert connection.stream is None
            assert connection.capacity == 0
            connection.watch(None)
            assert (await connection.request("GET", f"{server.url}/1")).content == b"one"
            assert repr(connection) == f"<HTTPConnection('127.0.0.1:{server.port}', open)>"
            answer = await connection.request("POST", f"{server.url}/2", json=[1])
            assert answer.content == b"two"
            assert answer.request is not None
        assert connection.stream is not None
        assert connection.stream.is_closed
    assert [request.target for request in server.requests] == ["/1", "/2"]
    assert len(server.connections) == 1


async def test_origins(backend: ConcurrencyBackend) -> None:
    """The origin is given as text, `URL` or `Origin`; it finds out what runs by itself."""
    with RawServer.replies([response(b"one")] * 3) as server:
        url = httpcore.URL(server.url)
        for origin in (server.url, url, url.origin):
            async with HTTPConnection(origin, backend=backend) as connection:
                assert (await connection.request("GET", url)).content == b"one"


@pytest.mark.ways("asyncio", "trio")
async def test_backend_by_itself() -> None:
    """Without `backend=` it is the one of the loop that runs."""
    with RawServer.replies([response(b"one")]) as server:
        async with HTTPConnection(server.url) as connection:
            assert (await connection.request("GET", server.url)).content == b"one"


async def test_opened_again(backend: ConcurrencyBackend) -> None:
    """After the server, or the caller, closed it the next request opens a new one."""
    with RawServer.replies([response(b"one")] * 3, close=True) as server:
        connection = HTTPConnection(server.url, backend=backend)
        assert (await connection.request("GET", server.url)).content == b"one"
        while not connection.is_stale():  # until its FIN has come
            await backend.sleep(0.01)
        assert (await connection.request("POST", server.url)).content == b"one"
        await connection.close()
        await connection.close()
        assert (await connection.request("GET", server.url)).content == b"one"
        await connection.close()
    assert len(server.connections) == 3


async def test_one_at_a_time(backend: ConcurrencyBackend) -> None:
    """While a response is neither read nor closed there is no second exchange."""
    with RawServer.replies([response(b"one"), response(b"two"), response(b"three")]) as server:
        async with HTTPConnection(server.url, backend=backend) as connection:
            first = await connection.request("GET", f"{server.url}/busy", stream=True)
            with pytest.raises(RuntimeError, match=f"response of {server.url}/busy has neither"):
                await connection.request("GET", server.url)
            await first.load()
            second = await connection.request("GET", server.url, stream=True)
            await second.release()
            assert (await connection.request("GET", server.url)).content == b"three"


async def test_dropped_response(backend: ConcurrencyBackend) -> None:
    """One that was dropped unread does not block it for ever: it is closed, and opened again."""
    with RawServer.replies([response(b"x" * 10_000_000), response(b"two")]) as server:
        async with HTTPConnection(server.url, backend=backend) as connection:
            with pytest.warns(ResourceWarning, match=f"response of GET {server.url} was dropped"):
                await connection.request("GET", server.url, stream=True)
                gc.collect()  # PyPy does not count references
            assert (await connection.request("GET", server.url)).content == b"two"
    assert len(server.connections) == 2


async def test_only_its_own(backend: ConcurrencyBackend) -> None:
    """Requests to other origins, or with other TLS settings, are refused."""
    connection = HTTPConnection("https://example.org", backend=backend)
    with pytest.raises(ValueError, match=r"http://\[secure\]@example.org/a does not belong to"):
        await connection.request("GET", "http://u:p@example.org/a")
    with pytest.raises(ValueError, match="keeps its TLS settings"):
        await connection.request("GET", "https://example.org/", ssl=False)


@pytest.mark.parametrize("http2", ["no", None, 2])
def test_http2_setting(http2: typing.Any) -> None:
    """It is a switch with three positions."""
    with pytest.raises(ValueError, match="http2 is True, False or 'only'"):
        HTTPConnection("https://example.org", http2=http2)


async def test_own_time_limits(backend: ConcurrencyBackend) -> None:
    """They count where a request brings none."""

    def silent(connection: RawConnection) -> None:
        connection.read_request()
        connection.wait_closed()

    with RawServer(silent) as server:
        limits = TimeoutConfig(read_timeout=0.1)
        async with HTTPConnection(server.url, timeout=limits, backend=backend) as connection:
            with pytest.raises(httpcore.ReadTimeout, match=r"0\.1 s") as caught:
                await connection.request("GET", server.url)
            assert caught.value.request is not None
            with pytest.raises(httpcore.ReadTimeout, match=r"0\.2 s"):
                await connection.request("GET", server.url, timeout=0.2)


async def test_server_hangs_up(backend: ConcurrencyBackend) -> None:
    """On its own it sends nothing again; the error has the request, and the next one works."""

    def handler(connection: RawConnection) -> None:
        connection.read_request()
        connection.send(response(b"one"))
        connection.read_request()

    with RawServer(handler) as server:
        async with HTTPConnection(server.url, backend=backend) as connection:
            assert (await connection.request("GET", server.url)).content == b"one"
            with pytest.raises(httpcore.RemoteProtocolError) as caught:
                await connection.request("GET", f"{server.url}/again")
            assert typing.cast("Request", caught.value.request).url == f"{server.url}/again"
            assert (await connection.request("GET", server.url)).content == b"one"


async def test_refused_before_connecting(backend: ConcurrencyBackend) -> None:
    """What cannot be sent is refused before anybody is connected to, with the request on it."""
    connection = HTTPConnection("http://example.org", backend=backend)
    with pytest.raises(httpcore.LocalProtocolError) as caught:
        await connection.request("GET", "http://example.org", headers={"Content-Length": "1"})
    assert caught.value.request is not None


# HTTP/2.


async def test_http2(backend: ConcurrencyBackend, h2_server: HypercornServer, certs: Certs) -> None:
    """Where ALPN finds HTTP/2 several exchanges go on at once."""
    async with HTTPConnection(h2_server.url, ssl=str(certs.ca), backend=backend) as connection:
        first = await connection.request("GET", f"{h2_server.url}/bytes/100000", stream=True)
        second = await connection.request("GET", f"{h2_server.url}/bytes/10")
        assert (first.protocol, second.protocol) == ("HTTP/2", "HTTP/2")
        assert connection.capacity > 1
        connection.watch(None)
        assert len(await first.load()) == 100_000


async def test_http2_switched_off(
    backend: ConcurrencyBackend, h2_server: HypercornServer, certs: Certs
) -> None:
    """`http2=False` does not offer it."""
    async with HTTPConnection(
        h2_server.url, ssl=str(certs.ca), http2=False, backend=backend
    ) as connection:
        assert (await connection.request("GET", h2_server.url)).protocol == "HTTP/1.1"


async def test_http2_only(backend: ConcurrencyBackend, certs: Certs) -> None:
    """`http2="only"` takes nothing else."""
    closed = threading.Event()

    def handler(connection: RawConnection) -> None:
        if connection.wait_closed():
            closed.set()

    context = certs.server.server_context(["http/1.1"])
    with RawServer(handler, tls=context) as server:
        connection = HTTPConnection(server.url, ssl=str(certs.ca), http2="only", backend=backend)
        with pytest.raises(ConnectError, match="does not offer HTTP/2 by ALPN"):
            await connection.request("GET", server.url)
        assert closed.wait(10)


async def test_http2_only_over_plain_tcp(backend: ConcurrencyBackend) -> None:
    """Over plain TCP it needs no asking: HTTP/2 is what is spoken first."""
    with H2Server(answer_all) as server:
        async with HTTPConnection(server.url, http2="only", backend=backend) as connection:
            answer = await connection.request("GET", f"{server.url}/a")
            assert (answer.content, answer.protocol) == (b"/a", "HTTP/2")


async def test_http2_going_away(backend: ConcurrencyBackend) -> None:
    """A connection that takes nothing new finishes what it has, while another one is opened."""
    may_finish = threading.Event()

    def leaving(peer: H2Peer) -> None:
        stream_id = peer.request().stream_id
        peer.send(peer.head(stream_id), peer.goaway(stream_id))
        assert may_finish.wait(10)
        peer.send(peer.data(stream_id, b"first", True))
        peer.read_to_end()

    with H2Server(leaving, answer_all) as server:
        async with HTTPConnection(server.url, http2="only", backend=backend) as connection:
            first = await connection.request("GET", server.url, stream=True)
            assert (await connection.request("GET", f"{server.url}/second")).content == b"/second"
            may_finish.set()
            assert await first.load() == b"first"
    assert len(server.peers) == 2
