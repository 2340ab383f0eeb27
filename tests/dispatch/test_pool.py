"""The pool at work: limits, waiting, time limits, closing, several event loops, threads, forks."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
import typing

import pytest
import trio

import httpcore
from httpcore import ConnectionPool
from httpcore.backends.base import ConcurrencyBackend
from tests.conftest import MakeClient
from tests.dispatch.test_http11 import OK, answering, good, serving
from tests.servers.certs import Certs
from tests.servers.raw import RawConnection, RawServer, response
from tests.servers.relay import connect_proxy
from tests.ways import pool_of

PoolLimits = httpcore.PoolLimits
TimeoutConfig = httpcore.TimeoutConfig


def held(connection: RawConnection) -> None:
    """Begin an answer that never ends."""
    connection.read_request()
    connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhello")
    connection.wait_closed()


async def test_cn11_exhausted_pool_says_who_holds_it(make_client: MakeClient) -> None:
    """PoolTimeout names the limit, the waiters and the URLs whose responses are not closed."""
    with serving(held, good) as server:
        client = make_client(pool_limits=PoolLimits(hard_limit=1, pool_timeout=0.1))
        answer = await client.get(server.url + "/held", stream=True)
        with pytest.raises(httpcore.PoolTimeout) as caught:
            await client.get(server.url)
        message = str(caught.value)
        assert message == (
            "waiting, with 1 in the queue, for one of the pool's 1 connections (hard_limit=1), in "
            f"use by {server.url}/held timed out after 0.1 s (pool_timeout); read or close "
            "streamed responses, or raise the limit"
        )
        assert isinstance(caught.value, TimeoutError)
        await answer.close()
        assert (await client.get(server.url)).content == b"ok"


async def test_tm6_default_wait_ends_with_the_read_timeout(make_client: MakeClient) -> None:
    """Without a pool_timeout a pool that gives nothing back is reported after read_timeout."""
    with serving(held) as server:
        client = make_client(
            pool_limits=PoolLimits(hard_limit=1), timeout=TimeoutConfig(read_timeout=0.2)
        )
        answer = await client.get(server.url, stream=True, timeout=10)
        with pytest.raises(httpcore.PoolTimeout, match=r"0\.2 s"):
            await client.get(server.url)
        await answer.close()


async def test_total_timeout_while_waiting_for_the_pool(make_client: MakeClient) -> None:
    """total_timeout ends the wait for a connection too, under its own name."""
    with serving(held) as server:
        client = make_client(pool_limits=PoolLimits(hard_limit=1))
        answer = await client.get(server.url, stream=True)
        with pytest.raises(httpcore.TotalTimeout):
            await client.get(server.url, timeout=TimeoutConfig(total_timeout=0.1))
        await answer.close()


@pytest.mark.ways("asyncio")
async def test_burst_is_worked_off() -> None:
    """
    A queue that keeps moving is no timeout, though the last one waits longer than read_timeout.
    """

    def slow(connection: RawConnection) -> None:
        while True:
            connection.read_request()
            time.sleep(0.1)
            connection.send(OK)

    with RawServer(slow) as server:
        limits, timeout = PoolLimits(hard_limit=1), TimeoutConfig(read_timeout=1)
        async with httpcore.AsyncClient(pool_limits=limits, timeout=timeout) as client:
            answers = await asyncio.gather(*[client.get(server.url) for _ in range(12)])
        assert [answer.content for answer in answers] == [b"ok"] * 12
        assert len(server.connections) == 1


@pytest.mark.ways("asyncio")
async def test_cn12_third_of_the_waiters_is_cancelled() -> None:
    """500 tasks on 10 connections, a third of them cancelled: all the others are answered."""
    with RawServer(good) as server:
        async with httpcore.AsyncClient(pool_limits=PoolLimits(hard_limit=10)) as client:
            tasks = [asyncio.create_task(client.get(server.url)) for _ in range(500)]
            await asyncio.sleep(0)
            for task in tasks[::3]:
                task.cancel()
            done = await asyncio.gather(*tasks, return_exceptions=True)
            for number, result in enumerate(done):
                if number % 3:
                    assert isinstance(result, httpcore.AsyncResponse)
                else:
                    assert isinstance(result, asyncio.CancelledError)
            assert len(server.connections) <= 14  # four were cancelled while they connected
            assert len(pool_of(client).active_connections) == 0


async def test_cn13_failures_do_not_poison_the_pool(make_client: MakeClient) -> None:
    """A pool of one, after each of five kinds of failure 50 times over, still works."""

    def resetting(connection: RawConnection) -> None:
        connection.read_request()
        connection.reset()

    def silent(connection: RawConnection) -> None:
        connection.read_request()
        connection.wait_closed()

    def bad_gzip(connection: RawConnection) -> None:
        connection.read_request()
        connection.send(response(b"no gzip", headers=[("Content-Encoding", "gzip")]))
        connection.wait_closed()

    def hook(request: httpcore.Request) -> httpcore.Request:
        raise ZeroDivisionError

    with serving(*[resetting, silent, bad_gzip] * 50, good) as server:
        client = make_client(pool_limits=PoolLimits(hard_limit=1, soft_limit=0))
        for _ in range(50):
            with pytest.raises(httpcore.ReadError):
                await client.get(server.url)
            with pytest.raises(httpcore.ReadTimeout):
                await client.get(server.url, timeout=TimeoutConfig(read_timeout=0.005))
            with pytest.raises(httpcore.DecodingError):
                await client.get(server.url)
            with pytest.raises(httpcore.ConnectError):
                await client.get("http://127.0.0.1:1")
            with pytest.raises(ZeroDivisionError):
                await client.get(server.url, auth=hook)
        assert (await client.get(server.url)).content == b"ok"
        assert len(server.connections) == 151


async def test_cn14_use_after_close(make_client: MakeClient) -> None:
    """A closed client says so; closing it twice is fine."""
    client = make_client()
    await client.close()
    await client.close()
    with pytest.raises(RuntimeError, match="closed"):
        await client.get("http://example.org")


@pytest.mark.ways("asyncio")
async def test_cn14_close_while_requests_run_and_wait() -> None:
    """Closing ends what runs and what waits at once, with NetworkError."""

    def silent(connection: RawConnection) -> None:
        connection.read_request()
        connection.wait_closed()

    with RawServer(silent) as server:
        client = httpcore.AsyncClient(pool_limits=PoolLimits(hard_limit=1))
        tasks = [asyncio.create_task(client.get(server.url)) for _ in range(3)]
        await asyncio.sleep(0.1)
        await client.close()
        for result in await asyncio.gather(*tasks, return_exceptions=True):
            assert isinstance(result, httpcore.NetworkError)
            assert "closed" in str(result)


def test_cn14_close_from_another_thread() -> None:
    """Closing a sync client ends what runs and what waits in other threads."""

    def silent(connection: RawConnection) -> None:
        connection.read_request()
        connection.wait_closed()

    errors: list[BaseException] = []

    def use(client: httpcore.Client, url: str) -> None:
        try:
            client.get(url, timeout=20)
        except BaseException as exc:
            errors.append(exc)

    with RawServer(silent) as server:
        client = httpcore.Client(pool_limits=PoolLimits(hard_limit=1))
        threads = [threading.Thread(target=use, args=(client, server.url)) for _ in range(3)]
        for thread in threads:
            thread.start()
        pool = pool_of(client)
        while not server.requests or sum(run.state.waiting for run in pool._runs.values()) < 2:
            time.sleep(0.01)
        client.close()
        for thread in threads:
            thread.join()
        assert [type(error).__mro__.count(httpcore.NetworkError) for error in errors] == [1, 1, 1]
        assert all("closed" in str(error) for error in errors)


async def test_cn7_keep_alive_hint(make_client: MakeClient) -> None:
    """A connection is not used past the server's `Keep-Alive: timeout=`."""
    reply = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nKeep-Alive: timeout=1\r\n\r\nok"
    with serving(answering(reply), good) as server:
        client = make_client()
        await client.get(server.url)
        time.sleep(1.1)
        await client.get(server.url)
        assert len(server.connections) == 2


async def test_cn8_soft_limit(make_client: MakeClient) -> None:
    """Of more idle connections than soft_limit says the oldest is closed."""
    with serving(good) as one, serving(good) as two, serving(good) as three:
        client = make_client(pool_limits=PoolLimits(soft_limit=2))
        for server in (one, two, three):
            await client.get(server.url)
        assert len(pool_of(client).keepalive_connections) == 2
        assert one.connections[0].peer_closed.wait(5)
        for server in (two, three):
            await client.get(server.url)
            assert len(server.connections) == 1


@pytest.mark.ways("asyncio", "trio")
async def test_cn19_many_at_once_to_an_unknown_protocol(
    make_client: MakeClient, way: str, certs: Certs
) -> None:
    """
    100 requests at once to a new origin that turns out to speak HTTP/1.1: at most hard_limit
    connections, all of which are used at the same time.
    """
    together = threading.Barrier(10, timeout=10)

    def answering_together(connection: RawConnection) -> None:
        for _ in range(2):
            connection.read_request()
            together.wait()  # ten at a time have to be under way for any of them to be answered
            connection.send(OK)
        good(connection)

    with RawServer(answering_together, tls=certs.server.server_context(["http/1.1"])) as server:
        client = make_client(ssl=str(certs.ca), pool_limits=PoolLimits(hard_limit=10))
        answers = await at_once(way, [client.get(server.url) for _ in range(100)])
        assert [answer.content for answer in answers] == [b"ok"] * 100
        assert len(server.connections) == 10
        assert len(pool_of(client).active_connections) == 0


async def at_once(way: str, coroutines: list[typing.Any]) -> list[typing.Any]:
    """What the coroutines return, run at the same time."""
    if way == "asyncio":
        return await asyncio.gather(*coroutines)
    results: dict[int, typing.Any] = {}

    async def keep(number: int) -> None:
        results[number] = await coroutines[number]

    async with trio.open_nursery() as nursery:
        for number in range(len(coroutines)):
            nursery.start_soon(keep, number)
    return [results[number] for number in range(len(coroutines))]


async def test_cn8_keepalive_expiry(make_client: MakeClient) -> None:
    """A connection that was idle for longer than keepalive_expiry is not used again."""
    with serving(good) as server:
        client = make_client(pool_limits=PoolLimits(keepalive_expiry=0.05))
        await client.get(server.url)
        time.sleep(0.1)
        await client.get(server.url)
        assert len(server.connections) == 2


@pytest.mark.ways("asyncio")
async def test_cn8_expired_connection_is_closed_without_a_request() -> None:
    """On asyncio an idle connection is closed when its time has come, not at the next request."""
    with serving(good) as server:
        limits = PoolLimits(keepalive_expiry=0.1)
        async with httpcore.AsyncClient(pool_limits=limits) as client:
            await client.get(server.url)
            await asyncio.sleep(0.05)
            await client.get(server.url)
            async with asyncio.timeout(10):
                while pool_of(client).keepalive_connections:
                    await asyncio.sleep(0.01)


@pytest.mark.ways("asyncio")
async def test_idle_connection_is_watched() -> None:
    """On asyncio a FIN on an idle connection removes it from the pool at once."""

    def first(connection: RawConnection) -> None:
        connection.read_request()
        connection.send(OK)

    with serving(first, good) as server:
        async with httpcore.AsyncClient() as client:
            await client.get(server.url)
            async with asyncio.timeout(10):
                while pool_of(client).keepalive_connections:
                    await asyncio.sleep(0.01)


async def test_no_expiry(make_client: MakeClient) -> None:
    """keepalive_expiry=None keeps idle connections."""
    with serving(good) as server:
        client = make_client(pool_limits=PoolLimits(keepalive_expiry=None))
        await client.get(server.url)
        await client.get(server.url)
        assert len(server.connections) == 1


def test_two_event_loops() -> None:
    """A client used in two `asyncio.run()` calls works, and closes what the first loop opened."""
    with serving(good) as server:
        client = httpcore.AsyncClient()

        async def use(last: bool) -> None:
            assert (await client.get(server.url)).content == b"ok"
            if last:
                await client.close()

        asyncio.run(use(False))
        asyncio.run(use(True))
        assert len(server.connections) == 2
        assert server.connections[0].peer_closed.wait(5)


@pytest.mark.ways("asyncio")
async def test_sync_client_inside_a_running_loop() -> None:
    """A sync client works where an event loop runs."""
    with serving(good) as server, httpcore.Client() as client:
        assert client.get(server.url).content == b"ok"


@pytest.mark.parametrize("engine", ["h11", "httptools"])
def test_cn20_many_threads_one_client(engine: typing.Any) -> None:
    """32 threads on one client; every answer belongs to its request, and the counts are right."""

    def echoing(connection: RawConnection) -> None:
        for number in range(1, 1000):
            request = connection.read_request()
            connection.send(response(request.target.encode()))
            if number % 7 == 0:
                return  # a random-looking close

    wrong: list[object] = []

    def use(client: httpcore.Client, url: str, name: int) -> None:
        for number in range(15):
            target = f"/{name}/{number}"
            content = client.get(url + target).text
            if content != target:
                wrong.append((target, content))

    with (
        RawServer(echoing) as server,
        httpcore.Client(pool_limits=PoolLimits(hard_limit=8), engine=engine) as client,
    ):
        threads = [threading.Thread(target=use, args=(client, server.url, n)) for n in range(32)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert wrong == []
        pool = pool_of(client)
        assert pool.active_connections == []
        assert len(pool.keepalive_connections) <= 8


async def test_shared_pool_is_left_open(make_client: MakeClient, backend: typing.Any) -> None:
    """A client does not close a dispatcher that it was given."""
    with serving(good) as server:
        async with httpcore.ConnectionPool(backend=backend) as pool:
            async with make_client(dispatch=pool) as client:
                await client.get(server.url)
            assert len(pool.keepalive_connections) == 1
            answer = await pool.request("GET", server.url)
            assert answer.content == b"ok"
        assert repr(pool) == "<ConnectionPool(0 active, 0 idle)>"


def test_cn10_dropped_client() -> None:
    """A client that is dropped with connections open warns once and closes them."""
    with serving(good) as server:
        client = httpcore.Client()
        client.get(server.url)
        with pytest.warns(ResourceWarning, match="without being closed") as caught:
            del client
            gc.collect()  # PyPy does not count references
        assert len(caught) == 1
        assert server.connections[0].peer_closed.wait(5)


def test_unused_client_needs_no_close() -> None:
    """A client that opened nothing is dropped without a word."""
    httpcore.Client()
    httpcore.AsyncClient()


# Proxies.


async def test_px5_one_connection_for_each_way(backend: ConcurrencyBackend) -> None:
    """One origin by proxy A, by A as another user, by B, and directly: four connections."""
    with (
        RawServer.replies([response(b"origin")] * 2) as origin,
        RawServer.replies([response(b"A")] * 4) as a,
        RawServer.replies([response(b"B")] * 2) as b,
    ):
        ways: list[typing.Any] = [
            None,
            a.url,
            httpcore.Proxy(a.url, auth=("user", "pass")),
            httpcore.URL(b.url),
        ]
        turn = iter(ways * 2)
        async with ConnectionPool(proxies=lambda url: next(turn), backend=backend) as pool:
            bodies = [(await pool.request("GET", origin.url)).content for _ in ways * 2]
            assert len(pool.keepalive_connections) == 4
        assert bodies == [b"origin", b"A", b"A", b"B"] * 2
        assert [len(server.connections) for server in (origin, a, b)] == [1, 2, 1]


async def test_forwarding_proxy_is_shared(backend: ConcurrencyBackend) -> None:
    """One connection to a proxy that forwards serves all origins."""
    with RawServer.replies([response(b"one"), response(b"two")]) as proxy:
        async with ConnectionPool(proxies=proxy.url, backend=backend) as pool:
            await pool.request("GET", "http://one.example/")
            await pool.request("GET", "http://two.example/")
        assert [request.target for request in proxy.requests] == [
            "http://one.example/",
            "http://two.example/",
        ]
        assert len(proxy.connections) == 1


async def test_px4_tunnel(backend: ConcurrencyBackend, certs: Certs) -> None:
    """A Proxy-Authorization of the request's own does not reach an origin through a tunnel."""
    with (
        RawServer.replies([response(b"ok")], tls=certs.server.server_context()) as origin,
        RawServer(connect_proxy) as proxy,
    ):
        async with ConnectionPool(proxies=proxy.url, ssl=str(certs.ca), backend=backend) as pool:
            await pool.request("GET", origin.url, headers={"Proxy-Authorization": "Basic x"})
        assert origin.requests[0].header("Proxy-Authorization") is None
        assert proxy.requests[0].header("Proxy-Authorization") is None


async def test_choice_is_no_proxy(backend: ConcurrencyBackend) -> None:
    """What a callable returns has to be a proxy."""
    async with ConnectionPool(
        proxies=typing.cast("typing.Any", lambda url: 8080), backend=backend
    ) as pool:
        with pytest.raises(TypeError, match="a proxy is a URL, a Proxy or None, not int"):
            await pool.request("GET", "http://example.org")
        assert pool.active_connections == []


async def test_upgrade_takes_a_tunnel(backend: ConcurrencyBackend) -> None:
    """A request for another protocol does not end at the proxy, and shares no connection of it."""

    def switching(connection: RawConnection) -> None:
        connection.read_request()
        connection.send(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\nhello")
        connection.wait_closed()

    headers = {"Connection": "upgrade", "Upgrade": "x"}
    with RawServer(switching) as origin, RawServer(connect_proxy) as proxy:
        async with ConnectionPool(proxies=proxy.url, backend=backend) as pool:
            answer = await pool.request("GET", origin.url, headers=headers, stream=True)
            assert answer.status_code == 101
            await answer.release()
        assert [request.method for request in proxy.requests] == ["CONNECT"]
