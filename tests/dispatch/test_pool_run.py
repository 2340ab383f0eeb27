"""What the pool does around its decisions, with scripted peers and a few threads."""

from __future__ import annotations

import asyncio
import collections.abc
import gc
import pathlib
import threading
import time

import pytest

import httpcore
from httpcore.backends.base import Guard, TruncatedTLS
from httpcore.backends.scripted import Arrived, Piece, ScriptedBackend
from httpcore.dispatch import incoming, pool, pool_run
from tests.conftest import MakeClient
from tests.dispatch.test_http11 import good, serving
from tests.servers.raw import RawConnection, RawServer
from tests.ways import pool_of

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def test_three_attempts_at_most() -> None:
    """A request that each connection fails is sent three times at most, then its error counts."""
    dying: list[Piece] = [OK, TruncatedTLS("gone")]
    backend = ScriptedBackend([dying, [ConnectionResetError()]])
    with httpcore.Client(backend=backend) as client:
        client.get("http://example.org")
        with pytest.raises(httpcore.ReadError):
            client.get("http://example.org")
        assert len(backend.streams) == 2


def test_dead_connection_is_dropped_while_idle() -> None:
    """What arrives on an idle connection that is watched drops it at once."""
    backend = ScriptedBackend([[OK]])
    with httpcore.Client(backend=backend) as client:
        client.get("http://example.org")
        backend.streams[0].arrive(b"HTTP/1.1 408 Request Timeout\r\n\r\n")
        assert pool_of(client).keepalive_connections == []
        assert backend.streams[0].is_closed


def test_stale_connections_are_passed_over() -> None:
    """Idle connections that turn out to be dead are dropped one after the other."""
    backend = ScriptedBackend([[OK, Arrived(b"")], [OK]])
    with httpcore.Client(backend=backend) as client:
        client.get("http://example.org")
        assert client.get("http://example.org").content == b"ok"
        assert [stream.is_closed for stream in backend.streams] == [True, False]


def test_closed_while_connecting() -> None:
    """A client that is closed while a connection is being opened ends with NetworkError."""

    def close_and_resolve(host: str, port: int) -> list[str]:
        client.close()
        return ["127.0.0.1"]

    with RawServer.replies([]) as server:
        client = httpcore.Client(connect=httpcore.ConnectConfig(resolver=close_and_resolve))
        with pytest.raises(httpcore.NetworkError, match="closed while connecting to example"):
            client.get(f"http://example.org:{server.port}")


class Timed(ScriptedBackend):
    """`timers`: what is to be called, and after how many seconds; `now`: what the clock says."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, scripts: list[list[Piece]]) -> None:
        super().__init__(scripts)
        self.now = 0.0
        self.timers: list[tuple[float, collections.abc.Callable[[], None]]] = []
        monkeypatch.setattr(time, "monotonic", lambda: self.now)

    def call_later(
        self, seconds: float, callback: collections.abc.Callable[[], None]
    ) -> collections.abc.Callable[[], None]:
        self.timers.append((seconds, callback))
        return lambda: None


def test_expiry_comes_again_for_those_that_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    """When one idle connection expires the others go on, until their time has come."""
    backend = Timed(monkeypatch, [[OK], [OK]])
    limits = httpcore.PoolLimits(keepalive_expiry=15)
    with httpcore.Client(backend=backend, pool_limits=limits) as client:
        pool = pool_of(client)
        client.get("http://a.example")
        backend.now = 10
        client.get("http://b.example")
        for moment, origins in ((15, ["http://b.example:80"]), (25, [])):
            seconds, expire = backend.timers[-1]
            assert backend.now + seconds >= moment
            backend.now = moment
            expire()
            assert [str(each.origin) for each in pool.keepalive_connections] == origins


def test_expiry_of_many_is_not_one_look_each(monkeypatch: pytest.MonkeyPatch) -> None:
    """The more idle connections there are, the longer it is until they are looked through again."""
    limits = httpcore.PoolLimits(None, None, keepalive_expiry=15)
    backend = Timed(monkeypatch, [[OK]] * 200)
    with httpcore.Client(backend=backend, pool_limits=limits) as client:
        for number in range(200):
            client.get(f"http://host{number}.example")
            backend.now += 0.001
        (seconds, expire), backend.now = backend.timers[0], 15.0
        assert seconds == 15
        expire()
        assert len(pool_of(client).keepalive_connections) == 199
        assert backend.timers[1][0] == pytest.approx(0.0199)


@pytest.mark.ways("asyncio")
async def test_expiry_does_not_keep_a_dropped_pool() -> None:
    """The timer of the expiry holds no pool: one that is dropped is gone at once."""
    with serving(good) as server:
        limits = httpcore.PoolLimits(keepalive_expiry=0.05)
        client = httpcore.AsyncClient(pool_limits=limits)
        await client.get(server.url)
        with pytest.warns(ResourceWarning, match="without being closed"):
            del client
            gc.collect()  # PyPy does not count references
        await asyncio.sleep(0.1)


def test_dropped_response_serves_a_waiter() -> None:
    """A slot that a finaliser gave back serves a request that is waiting already."""

    def endless(connection: RawConnection) -> None:
        connection.read_request()
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\nhello")
        connection.wait_closed()

    limits = httpcore.PoolLimits(hard_limit=1, pool_timeout=1.5)
    with serving(endless, good) as server, httpcore.Client(pool_limits=limits) as client:
        held = [client.get(server.url, stream=True)]
        answers: list[httpcore.Response] = []
        waiting = threading.Thread(target=lambda: answers.append(client.get(server.url)))
        waiting.start()
        (run,) = pool_of(client)._runs.values()
        while not run.state.waiting:
            time.sleep(0.01)
        with pytest.warns(ResourceWarning):
            held.clear()
            gc.collect()  # PyPy does not count references
        waiting.join()
        assert answers[0].content == b"ok"


def test_dropped_response_where_references_are_not_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before a request gives up waiting, what was dropped is collected, and serves it."""
    monkeypatch.setattr(pool_run, "_COUNTS_REFERENCES", False)

    def endless(connection: RawConnection) -> None:
        connection.read_request()
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\nhello")
        connection.wait_closed()

    limits = httpcore.PoolLimits(hard_limit=1, pool_timeout=0.1)
    with serving(endless, good) as server, httpcore.Client(pool_limits=limits) as client:
        gc.disable()
        try:
            held: list[object] = [client.get(server.url, stream=True)]
            held.append(held)  # a cycle, which CPython does not find at once either
            del held
            with pytest.warns(ResourceWarning, match="was dropped"):
                assert client.get(server.url).content == b"ok"
        finally:
            gc.enable()


def test_dg7_dropped_when_the_interpreter_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """What nobody closed says nothing once modules have been taken apart, and uses none of them."""
    client = httpcore.Client(backend=ScriptedBackend([[b"HTTP/1.1 200 OK\r\n\r\nendless"]]))
    answer = client.get("http://example.org", stream=True)
    for module in (pool, incoming):
        monkeypatch.setattr(module, "warnings", None)
    del answer, client
    gc.collect()


def test_two_threads_make_one_run() -> None:
    """Threads that use a new client at the same moment share one pool."""
    barrier = threading.Barrier(8)
    with RawServer(good) as server, httpcore.Client() as client:

        def use() -> None:
            barrier.wait(20)
            client.get(server.url)

        threads = [threading.Thread(target=use) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(pool_of(client)._runs) == 1


def test_cn14_closed_by_another_thread_before_it_has_a_run() -> None:
    """A client that is closed while a thread is on its way into it opens nothing any more."""

    class Overtaken(httpcore.SyncBackend):
        def guard(self) -> Guard:
            client.close()
            return super().guard()

    with serving() as server:
        client = httpcore.Client(backend=Overtaken())
        for _ in range(2):
            with pytest.raises(RuntimeError, match="has been closed"):
                client.get(server.url)
        assert pool_of(client).active_connections == []


def test_idle_connection_that_only_looked_readable() -> None:
    """A call of the idle watch that is about nothing (a TLS ticket) changes nothing."""
    backend = ScriptedBackend([[OK]])
    with httpcore.Client(backend=backend) as client:
        client.get("http://example.org")
        on_readable = backend.streams[0]._on_readable
        assert on_readable is not None
        on_readable()
        assert len(pool_of(client).keepalive_connections) == 1


def test_two_event_loops_at_once() -> None:
    """One client in two threads with a loop each: both work, neither closes what is the other's."""
    barrier = threading.Barrier(2)
    contents: list[bytes] = []

    async def use(client: httpcore.AsyncClient, url: str) -> None:
        for _ in range(3):
            barrier.wait(20)
            contents.append((await client.get(url)).content)
        barrier.wait(20)

    with RawServer(good) as server:
        client = httpcore.AsyncClient()
        threads = [
            threading.Thread(target=lambda: asyncio.run(use(client, server.url))) for _ in range(2)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert contents == [b"ok"] * 6
        assert len(server.connections) == 2
        asyncio.run(client.close())


async def test_pool_that_was_closed(backend: httpcore.ConcurrencyBackend) -> None:
    """A closed pool says so, used without a client too."""
    pool = httpcore.ConnectionPool(backend=backend)
    await pool.close()
    with pytest.raises(RuntimeError, match="closed"):
        await pool.request("GET", "http://example.org")


@pytest.mark.parametrize("kind", ["missing", "empty"])
async def test_dg1_unusable_ca_file(
    make_client: MakeClient, tmp_path: pathlib.Path, kind: str
) -> None:
    """A CA file that cannot be used is an SSLError that names it; plain http works on."""
    path = tmp_path / "ca.pem"
    if kind == "empty":
        path.write_bytes(b"")
    with serving(good) as server:
        client = make_client(ssl=path)
        with pytest.raises(httpcore.SSLError, match=r"ca\.pem"):
            await client.get(server.url.replace("http:", "https:"))
        assert pool_of(client).active_connections == []
        assert (await client.get(server.url)).content == b"ok"


async def test_cn14_client_closed_while_a_body_is_streamed(make_client: MakeClient) -> None:
    """Whoever reads a body when the client is closed gets NetworkError, not a short body."""

    def endless(connection: RawConnection) -> None:
        connection.read_request()
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\nhello")
        connection.wait_closed()

    with serving(endless) as server:
        client = make_client()
        pieces = (await client.get(server.url, stream=True)).stream()
        assert await anext(pieces) == b"hello"
        await client.close()
        with pytest.raises(httpcore.NetworkError, match="client was closed"):
            await anext(pieces)


async def test_streaming_ends_with_close(make_client: MakeClient) -> None:
    """An iterator whose response was closed under it says so, and is no short success."""
    with serving(good) as server:
        answer = await make_client().get(server.url, stream=True)
        pieces = answer.stream()
        assert await anext(pieces) == b"ok"
        await answer.close()
        with pytest.raises(httpcore.ResponseClosed):
            await anext(pieces)
