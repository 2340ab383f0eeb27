"""Time limits: each phase under its own name, and one that ends everything."""

from __future__ import annotations

import asyncio
import collections.abc
import pickle
import socket
import threading
import time
import typing

import pytest
import trio

import httpcore
from tests.backends.kinds import unanswering
from tests.conftest import MakeClient
from tests.dispatch.test_http11 import OK, good, serving
from tests.servers.raw import RawConnection, RawServer
from tests.ways import pool_of

TimeoutConfig = httpcore.TimeoutConfig


def dripping(head_too: bool) -> collections.abc.Callable[[RawConnection], None]:
    """A server that sends one byte every 50 ms, for ever."""

    def script(connection: RawConnection) -> None:
        connection.read_request()
        if not head_too:
            connection.send(b"HTTP/1.1 200 OK\r\n\r\n")
        try:
            connection.send(b"HTTP/1.1 200 OK\r\nX: ")
            while True:
                connection.send(b"x")
                time.sleep(0.05)
        except ConnectionError:
            return

    return script


@pytest.mark.parametrize("head_too", [True, False])
async def test_tm1_dripping_response(make_client: MakeClient, head_too: bool) -> None:
    """A head or body that drips never hits read_timeout, but total_timeout, on time."""
    with serving(dripping(head_too), good) as server:
        client = make_client(timeout=TimeoutConfig(0.8, total_timeout=1.0))
        started = time.monotonic()
        with pytest.raises(httpcore.TotalTimeout, match=r"1 s \(total_timeout\)"):
            await client.get(server.url)
        assert 1 <= time.monotonic() - started < 5
        assert (await client.get(server.url, timeout=None)).content == b"ok"


@pytest.mark.parametrize(
    "start",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nCont",
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhe",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhe",
        b"HTTP/1.1 100 Continue\r\n\r\n",
    ],
)
async def test_tm2_silence(make_client: MakeClient, start: bytes) -> None:
    """
    Silence before, in and after the head is ReadTimeout, with the response where there is one.
    """

    def silent(connection: RawConnection) -> None:
        connection.read_request()
        connection.send(start)
        assert connection.wait_closed()

    with serving(silent, good) as server:
        client = make_client(timeout=TimeoutConfig(read_timeout=0.5))
        with pytest.raises(
            httpcore.ReadTimeout, match=r"127\.0\.0\.1:\d+ timed out after 0\.5 s"
        ) as caught:
            await client.get(server.url)
        assert caught.value.request.method == "GET"
        assert (caught.value.response is not None) == (b"\r\n\r\nhe" in start or b"5\r\n" in start)
        assert (await client.get(server.url, timeout=None)).content == b"ok"


async def test_tm3_connect_timeout(make_client: MakeClient) -> None:
    """A SYN that nobody answers is ConnectTimeout within its limit."""
    with unanswering() as address:
        started = time.monotonic()
        with pytest.raises(httpcore.ConnectTimeout, match=r"0\.2 s \(connect_timeout\)"):
            await make_client(timeout=TimeoutConfig(connect_timeout=0.2)).get(f"http://{address}")
        assert time.monotonic() - started < 5


async def test_tm3_tls_answer_never_comes(make_client: MakeClient) -> None:
    """A TLS handshake that is not answered is ConnectTimeout."""

    def silent(connection: RawConnection) -> None:
        connection.wait_closed()

    with RawServer(silent) as server:
        url = server.url.replace("http:", "https:")
        with pytest.raises(httpcore.ConnectTimeout):
            await make_client(timeout=TimeoutConfig(connect_timeout=0.2)).get(url)


async def test_tm4_peer_stops_reading(make_client: MakeClient) -> None:
    """A peer that does not take the request is WriteTimeout."""

    timed_out = threading.Event()

    def deaf(connection: RawConnection) -> None:
        timed_out.wait(10)

    with serving(deaf) as server:
        client = make_client(timeout=TimeoutConfig(write_timeout=0.2))
        with pytest.raises(httpcore.WriteTimeout, match=r"0\.2 s \(write_timeout\)"):
            await client.post(server.url, content=b"x" * 50_000_000)
        timed_out.set()


async def test_tm4_peer_reads_slowly(make_client: MakeClient) -> None:
    """A peer that reads slowly but steadily is no error, however long it takes in all."""

    def slow(connection: RawConnection) -> None:
        head = connection.read_head()
        left = int(head.header("Content-Length") or 0)
        while left > 0:
            left -= len(connection.receive())
            time.sleep(0.05)
        connection.send(OK)
        connection.wait_closed()

    with serving(slow) as server:
        # Of a large buffer the system would only tell when a third of it is free again.
        small = [(socket.SOL_SOCKET, socket.SO_SNDBUF, 32 * 1024)]
        client = make_client(
            timeout=TimeoutConfig(write_timeout=1),
            connect=httpcore.ConnectConfig(socket_options=small),
        )
        assert (await client.post(server.url, content=b"x" * 3_000_000)).content == b"ok"


async def test_tm5_hanging_dns(make_client: MakeClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """A look-up that hangs is ConnectTimeout on time."""
    release = threading.Event()

    def hang(*args: typing.Any, **kwargs: typing.Any) -> typing.Any:
        release.wait(10)
        raise socket.gaierror(socket.EAI_NONAME, "never")

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    started = time.monotonic()
    with pytest.raises(httpcore.ConnectTimeout):
        await make_client(timeout=TimeoutConfig(connect_timeout=0.2)).get("http://slow.invalid")
    assert time.monotonic() - started < 5
    release.set()


@pytest.mark.parametrize("value", [0, -1, float("nan")])
async def test_tm7_senseless_limits(make_client: MakeClient, value: float) -> None:
    """Zero, negative numbers and NaN are refused before anything is sent."""
    with pytest.raises(ValueError, match="timeout"):
        await make_client().get("http://127.0.0.1:1", timeout=value)


async def test_tm7_text_is_no_limit(make_client: MakeClient) -> None:
    """A limit as text is a TypeError."""
    with pytest.raises(TypeError, match="timeout"):
        await make_client().get("http://127.0.0.1:1", timeout="5")  # type: ignore[arg-type]


@pytest.mark.parametrize("value", [float("inf"), 10**12, None])
async def test_tm7_very_long_limits(make_client: MakeClient, value: float | None) -> None:
    """Infinity means no limit, and a huge number works."""
    with serving(good) as server:
        assert (await make_client().get(server.url, timeout=value)).content == b"ok"


async def test_tm8_total_counts_once(make_client: MakeClient) -> None:
    """total_timeout runs through all redirects, none of which takes as long."""

    def slow(connection: RawConnection) -> None:
        for number in range(20):
            connection.read_request()
            time.sleep(0.1)
            connection.send(
                b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: /%d\r\n\r\n" % number
            )

    with serving(slow) as server, pytest.raises(httpcore.TotalTimeout):
        await make_client(timeout=TimeoutConfig(total_timeout=0.5)).get(server.url)


async def test_tm9_total_passes_between_reads(make_client: MakeClient) -> None:
    """When the total time passes while the caller does other things, the next read says so."""

    def two_pieces(connection: RawConnection) -> None:
        connection.read_request()
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello")
        connection.wait_closed()

    with serving(two_pieces, good) as server:
        client = make_client()
        timeout = TimeoutConfig(total_timeout=1)
        answer = await client.get(server.url, stream=True, timeout=timeout)
        pieces = answer.stream()
        assert await anext(pieces) == b"hello"
        time.sleep(1)
        with pytest.raises(httpcore.TotalTimeout):
            await anext(pieces)
        assert (await client.get(server.url)).content == b"ok"


@pytest.mark.ways("asyncio", "trio")
async def test_tm10_blocked_loop(make_client: MakeClient, way: str) -> None:
    """
    The loop is blocked for longer than read_timeout while a request waits: it gets its answer.
    """
    with serving(good) as server:
        client = make_client(timeout=TimeoutConfig(read_timeout=1))
        if way == "asyncio":
            task = asyncio.create_task(client.get(server.url))
            asyncio.get_running_loop().call_later(0.001, time.sleep, 1.2)
            assert (await task).content == b"ok"
            return

        async def block() -> None:
            await trio.sleep(0.001)
            time.sleep(1.2)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(block)
            assert (await client.get(server.url)).content == b"ok"


@pytest.mark.ways("asyncio", "trio")
async def test_tm11_callers_own_timeout(make_client: MakeClient, way: str) -> None:
    """`asyncio.timeout` and `trio.fail_after` of the caller raise what is theirs, not ours."""

    def silent(connection: RawConnection) -> None:
        connection.read_request()
        connection.wait_closed()

    with serving(silent, good) as server:
        client = make_client()
        with pytest.raises(TimeoutError if way == "asyncio" else trio.TooSlowError) as caught:
            if way == "asyncio":
                async with asyncio.timeout(0.3):
                    await client.get(server.url)
            else:
                with trio.fail_after(0.3):
                    await client.get(server.url)
        assert not isinstance(caught.value, httpcore.RequestException)
        assert pool_of(client).active_connections == []
        assert (await client.get(server.url)).content == b"ok"


async def test_tm12_partial_config(make_client: MakeClient) -> None:
    """A call's config changes what it names; the rest is the client's."""

    def silent(connection: RawConnection) -> None:
        connection.read_request()
        connection.wait_closed()

    with serving(silent) as server:
        client = make_client(timeout=TimeoutConfig(read_timeout=0.1))
        with pytest.raises(httpcore.ReadTimeout, match=r"0\.1 s"):
            await client.get(server.url, timeout=TimeoutConfig(connect_timeout=1))


async def test_tm13_errors_tell_everything(make_client: MakeClient) -> None:
    """A timeout tells phase, peer, limit and elapsed time, and survives pickling."""

    def silent(connection: RawConnection) -> None:
        connection.read_request()
        connection.wait_closed()

    with serving(silent) as server:
        with pytest.raises(httpcore.ReadTimeout) as caught:
            await make_client(timeout=0.1).get(server.url + "/x")
        error = pickle.loads(pickle.dumps(caught.value))
        assert str(error) == str(caught.value)
        assert error.peer == server.url.removeprefix("http://")
        assert error.limit == 0.1
        assert error.elapsed >= 0.1
        assert error.phase
        assert error.request.method == "GET"
        assert repr(error)


@pytest.mark.parametrize("hours", [1, -1])
async def test_dg8_wall_clock_jumps(
    make_client: MakeClient, monkeypatch: pytest.MonkeyPatch, hours: int
) -> None:
    """Time limits and kept connections do not look at the wall clock, whichever way it jumps."""
    real = time.time

    def jump() -> None:
        monkeypatch.setattr(time, "time", lambda: real() + 3600 * hours)

    def late(connection: RawConnection) -> None:
        connection.read_request()
        connection.send(OK)
        connection.read_request()
        jump()
        connection.send(OK)
        connection.read_request()
        jump()
        connection.wait_closed()

    with serving(late) as server:
        client = make_client(timeout=TimeoutConfig(5, total_timeout=10))
        await client.get(server.url)
        jump()
        assert (await client.get(server.url)).content == b"ok"
        assert len(server.connections) == 1
        started = time.monotonic()
        with pytest.raises(httpcore.ReadTimeout):
            await client.get(server.url, timeout=TimeoutConfig(read_timeout=0.2))
        assert 0.2 <= time.monotonic() - started < 10
        assert len(server.connections) == 1
