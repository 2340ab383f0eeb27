"""Cancelled, interrupted or failed at each single waiting operation: nothing is lost.

An exchange is run once to count its suspension points; then, for each of them, it is run again and
cancelled there.  After each the pool has to be whole, no stream open that nobody owns, and the next
request has to work.
"""

from __future__ import annotations

import asyncio
import collections.abc
import contextlib
import functools
import itertools
import pathlib
import signal
import threading
import time
import typing

import pytest
import trio

import httpcore
from httpcore.backends.base import default_backend
from tests import ways
from tests.backends.kinds import unanswering
from tests.dispatch.test_tunnel import DEMAND, Challenged, socks5_proxy
from tests.faults import POINTS, FaultyBackend, Stepping, interrupted
from tests.servers.certs import Certs
from tests.servers.raw import RawConnection, RawServer, chunked_response, response
from tests.servers.relay import connect_proxy
from tests.ways import pool_of

Exchange = collections.abc.Callable[
    [httpcore.AsyncClient, str], collections.abc.Coroutine[typing.Any, typing.Any, typing.Any]
]


def serve(connection: RawConnection) -> None:
    """Answer by path, in several packets."""
    while True:
        request = connection.read_request()
        path = request.target
        if path == "/redirect":
            in_pieces(
                connection,
                [b"HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 2\r\n\r\n", b"ok"],
            )
        elif path == "/private" and request.header("Authorization") == "Bearer old":
            head = b"HTTP/1.1 401 Who\r\nContent-Length: 4\r\n\r\n"
            in_pieces(connection, [head, b"wh", b"o?"])
        elif path == "/digest" and not request.header("Authorization"):
            demand = ("WWW-Authenticate", 'Digest realm="r", nonce="n", qop="auth"')
            in_pieces(connection, [response(b"who?", "401 Who", [demand])])
        elif path == "/silent":
            connection.wait_closed()
        elif path == "/chunked":
            reply = chunked_response([b"one", b"two"])
            in_pieces(connection, [reply[:30], reply[30:-12], reply[-12:-4], reply[-4:]])
        else:
            in_pieces(connection, [b"HTTP/1.1 200 OK\r\nConten", b"t-Length: 4\r\n\r\nbo", b"dy"])


def in_pieces(connection: RawConnection, pieces: list[bytes]) -> None:
    """Send the pieces far enough apart that each is read on its own."""
    for piece in pieces:
        connection.send(piece)
        time.sleep(0.002)


async def plain(client: httpcore.AsyncClient, url: str) -> None:
    await client.get(url + "/")


async def chunked(client: httpcore.AsyncClient, url: str) -> None:
    await client.get(url + "/chunked")


async def streamed(client: httpcore.AsyncClient, url: str) -> None:
    async with await client.get(url + "/chunked", stream=True) as answer:
        async for _ in answer.stream():
            pass


async def upload(client: httpcore.AsyncClient, url: str) -> None:
    await client.post(url + "/", content=iter([b"x" * 100_000] * 3))


async def form(client: httpcore.AsyncClient, url: str) -> None:
    backend = default_backend()

    async def pieces() -> collections.abc.AsyncIterator[bytes]:
        for _ in range(2):
            await backend.sleep(0.002)
            yield b"x"

    await client.post(url + "/", files={"f": pieces(), "p": pathlib.Path(__file__)})


async def redirect(client: httpcore.AsyncClient, url: str) -> None:
    await client.get(url + "/redirect")


async def renewed(client: httpcore.AsyncClient, url: str) -> None:
    tokens = iter(["old", "new"])

    async def source() -> str:
        await client.get(url + "/", auth=None)
        return next(tokens, "none left")

    await client.get(url + "/private", auth=httpcore.BearerAuth(source))


async def digest(client: httpcore.AsyncClient, url: str) -> None:
    auth = httpcore.DigestAuth("user", "word")
    await client.post(url + "/digest", content=b"x" * 100, auth=auth)


async def queued(client: httpcore.AsyncClient, url: str) -> None:
    backend = default_backend()
    async with await client.get(url + "/chunked", stream=True) as first:

        async def give_back() -> None:
            await backend.sleep(0.002)
            await first.read()
            await backend.sleep(10)

        await backend.race(client.get(url + "/"), give_back)


async def reused(client: httpcore.AsyncClient, url: str) -> None:
    await client.get(url + "/")
    await client.get(url + "/")


EXCHANGES: list[Exchange] = [plain, chunked, streamed, upload, redirect, digest, renewed, reused]
ASYNC_EXCHANGES = [*EXCHANGES, form, queued]

Record = collections.abc.Callable[[str, object], None]


async def check_whole(client: httpcore.AsyncClient, url: str) -> None:
    """The pool has nobody on its books, and works."""
    pool = pool_of(client)
    assert pool.active_connections == []
    assert (await client.get(url + "/")).content == b"body"
    assert pool.active_connections == []
    assert len(pool.keepalive_connections) == 1


def options_for(certs: Certs) -> dict[str, typing.Any]:
    limits = httpcore.PoolLimits(hard_limit=1)
    return {"pool_limits": limits, "ssl": str(certs.ca), "timeout": 10}


def sweep_on_asyncio(
    exchange: Exchange,
    url: str,
    options: dict[str, typing.Any],
    new_loop: collections.abc.Callable[[], asyncio.AbstractEventLoop] | None = None,
) -> int:
    """Cancel `exchange` at each step in turn, after each the client has to be whole; how many."""

    async def cancelled_at(number: int) -> bool:
        async with httpcore.AsyncClient(**options) as client:
            task: asyncio.Task[None]
            task = asyncio.create_task(run(client, number))
            try:
                await task
                finished = True
            except asyncio.CancelledError:
                finished = False
            await check_whole(client, url)
            return finished

    async def run(client: httpcore.AsyncClient, number: int) -> None:
        task = asyncio.current_task()
        assert task is not None
        await Stepping(exchange(client, url), number, task.cancel)

    for number in itertools.count(1):
        with asyncio.Runner(loop_factory=new_loop) as runner:
            if runner.run(cancelled_at(number)):
                break
    assert number > 2, "connecting and the answer are waited for"
    return number - 1


def sweep_on_trio(exchange: Exchange, url: str, options: dict[str, typing.Any]) -> int:
    """The same where a trio scope is cancelled."""

    async def cancelled_at(number: int) -> bool:
        async with ways.make_client("trio", **options) as client:
            with trio.CancelScope() as scope:
                await Stepping(exchange(client, url), number, scope.cancel)
            await check_whole(client, url)
            return not scope.cancelled_caught

    for number in itertools.count(1):
        if trio.run(cancelled_at, number):
            break
    assert number > 2, "connecting and the answer are waited for"
    return number - 1


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("exchange", ASYNC_EXCHANGES)
def test_cx1_cancelled_at_each_step_on_asyncio(
    exchange: Exchange, tls: bool, certs: Certs, record_property: Record
) -> None:
    """A bare CancelledError, and nothing is lost, wherever an asyncio task is cancelled."""
    with RawServer(serve, tls=certs.server.server_context() if tls else None) as server:
        record_property(POINTS, sweep_on_asyncio(exchange, server.url, options_for(certs)))


@pytest.mark.parametrize("exchange", [plain, upload])
def test_cx1_cancelled_at_each_step_on_uvloop(
    exchange: Exchange, certs: Certs, record_property: Record
) -> None:
    """The same on uvloop, over TLS."""
    uvloop = pytest.importorskip("uvloop")
    with RawServer(serve, tls=certs.server.server_context()) as server:
        options = options_for(certs)
        points = sweep_on_asyncio(exchange, server.url, options, uvloop.new_event_loop)
        record_property(POINTS, points)


@pytest.mark.parametrize(
    ("exchange", "tls"), [*((exchange, False) for exchange in ASYNC_EXCHANGES), (plain, True)]
)
def test_cx1_cancelled_at_each_step_on_trio(
    exchange: Exchange, tls: bool, certs: Certs, record_property: Record
) -> None:
    """A bare Cancelled, and nothing is lost, wherever a trio scope is cancelled."""
    with RawServer(serve, tls=certs.server.server_context() if tls else None) as server:
        record_property(POINTS, sweep_on_trio(exchange, server.url, options_for(certs)))


@pytest.mark.parametrize(
    "error",
    [httpcore.ReadError("injected"), KeyboardInterrupt(), MemoryError("injected")],
    ids=["ReadError", "KeyboardInterrupt", "MemoryError"],
)
@pytest.mark.parametrize("exchange", EXCHANGES)
async def test_dg6_error_at_each_operation(
    way: str, exchange: Exchange, error: BaseException, record_property: Record
) -> None:
    """CX7: an error at any waiting operation comes out bare, and nothing is lost."""
    with RawServer(serve) as server:
        for number in itertools.count(1):
            backend = FaultyBackend(ways.make_backend(way), number, error)
            client = ways.make_client(
                way, backend=backend, pool_limits=httpcore.PoolLimits(hard_limit=1)
            )
            async with client:
                try:
                    await exchange(client, server.url)
                except type(error):
                    pass
                reached = backend.count >= number
                backend.fail_at = 0
                await check_whole(client, server.url)
            assert all(stream.is_closed for stream in backend.streams)
            if not reached:
                break
        assert number > 2, "connecting and the answer are waited for"
        record_property(POINTS, number - 1)


@pytest.mark.ways("sync")
@pytest.mark.parametrize("exchange", EXCHANGES)
async def test_another_thread_at_each_operation(
    way: str, exchange: Exchange, record_property: Record
) -> None:
    """Wherever another thread takes its turn with the same client, both get what is theirs."""
    with RawServer(serve) as server:
        for number in itertools.count(1):
            answers: list[bytes] = []
            backend = FaultyBackend(ways.make_backend(way), number, lambda: None)
            client = ways.make_client(
                way, backend=backend, pool_limits=httpcore.PoolLimits(hard_limit=2)
            )
            backend.fault = functools.partial(_get_in_thread, client, server.url, answers)
            async with client:
                await exchange(client, server.url)
                assert pool_of(client).active_connections == []
                assert len(pool_of(client).keepalive_connections) in (1, 2)
            assert all(stream.is_closed for stream in backend.streams)
            if not answers:
                break
            assert answers == [b"body"]
        assert number > 2, "connecting and the answer are waited for"
        record_property(POINTS, number - 1)


def _get_in_thread(client: typing.Any, url: str, answers: list[bytes]) -> None:
    def get() -> None:
        answers.append(client.sync_object.get(url).content)

    thread = threading.Thread(target=get)
    thread.start()
    thread.join(20)


@pytest.mark.parametrize("wait", ["recv", "send", "connect", "handshake", "pool", "http2"])
def test_cx7_ctrl_c_in_a_wait_of_the_system(wait: str) -> None:
    """It comes out bare at once, the connection is closed, and the next request works."""

    def read_nothing(connection: RawConnection) -> None:
        over.wait(20)

    over = threading.Event()
    limits = httpcore.PoolLimits(hard_limit=1)
    with (
        RawServer(serve) as server,
        RawServer(read_nothing) as mute,
        unanswering() as address,
        httpcore.Client(pool_limits=limits, timeout=30) as client,
        httpcore.Client(http2="only", timeout=30) as multiplexing,
    ):
        waits: dict[str, collections.abc.Callable[[], object]] = {
            "recv": lambda: client.get(server.url + "/silent"),
            "send": lambda: client.post(mute.url, content=bytes(64 << 20)),
            "connect": lambda: client.get(f"http://127.0.0.1:{address.sockaddr[1]}"),
            "handshake": lambda: client.get(f"https://127.0.0.1:{mute.port}"),
            "pool": lambda: client.get(server.url),
            "http2": lambda: multiplexing.get(mute.url),
        }
        first = client.get(server.url + "/chunked", stream=True) if wait == "pool" else None
        with interrupted(signal.SIGINT), pytest.raises(KeyboardInterrupt):
            waits[wait]()
        if first is not None:
            assert first.read() == b"onetwo"
        assert pool_of(client).active_connections == []
        assert pool_of(multiplexing).active_connections == []
        assert client.get(server.url).content == b"body"
        over.set()


# The same through proxies.


@contextlib.contextmanager
def tunnelled(
    kind: str, certs: Certs
) -> collections.abc.Iterator[tuple[str, dict[str, typing.Any]]]:
    """The URL of an https origin, and what leads through a proxy of that kind to it."""
    context = certs.server.server_context()
    asked: list[bytes] = []
    with RawServer(serve, tls=context) as origin:

        def serve_proxy(connection: RawConnection) -> None:
            if kind == "socks5h":
                socks5_proxy(connection, port=origin.port, asked=asked)
            else:
                connect_proxy(connection, [response(b"who?", "407 Who", DEMAND)])

        with RawServer(serve_proxy, tls=context if kind == "https" else None) as proxy:
            url = f"{kind}://127.0.0.1:{proxy.port}"
            if kind == "socks5h":
                through = httpcore.Proxy(url, auth=("user", "word"))
            else:
                ssl = str(certs.ca) if kind == "https" else None
                through = httpcore.Proxy(url, auth=Challenged(), ssl=ssl)
            yield origin.url, {**options_for(certs), "proxies": through}


KINDS = ["http", "https", "socks5h"]


@pytest.mark.parametrize("kind", KINDS)
def test_cx1_cancelled_while_a_tunnel_is_made_on_asyncio(
    kind: str, certs: Certs, record_property: Record
) -> None:
    """With a 407 to be answered, with TLS in TLS, with SOCKS: no step loses anything."""
    with tunnelled(kind, certs) as (url, options):
        record_property(POINTS, sweep_on_asyncio(plain, url, options))


@pytest.mark.parametrize("kind", KINDS)
def test_cx1_cancelled_while_a_tunnel_is_made_on_trio(
    kind: str, certs: Certs, record_property: Record
) -> None:
    """The same on trio."""
    with tunnelled(kind, certs) as (url, options):
        record_property(POINTS, sweep_on_trio(plain, url, options))


@pytest.mark.parametrize(
    ("kind", "error"),
    [("https", httpcore.ReadError("injected")), ("socks5h", KeyboardInterrupt())],
    ids=["https", "socks5h"],
)
async def test_dg6_error_while_a_tunnel_is_made(
    way: str, kind: str, error: BaseException, certs: Certs, record_property: Record
) -> None:
    """What breaks on the way to the origin is told as that, and nothing is lost."""
    with tunnelled(kind, certs) as (url, options):
        for number in itertools.count(1):
            backend = FaultyBackend(ways.make_backend(way), number, error)
            async with ways.make_client(way, backend=backend, **options) as client:
                try:
                    await plain(client, url)
                except (type(error), httpcore.ConnectError):
                    pass
                reached = backend.count >= number
                backend.fail_at = 0
                await check_whole(client, url)
            assert all(stream.is_closed for stream in backend.streams)
            if not reached:
                break
        assert number > 5, "the proxy's answers are waited for, too"
        record_property(POINTS, number - 1)


@pytest.mark.ways("asyncio")
@pytest.mark.parametrize("hard_limit", [1, 5])
async def test_cx12_gather_of_which_one_fails(hard_limit: int) -> None:
    """100 requests of which one fails and the rest are cancelled: the next 100 work."""
    with RawServer(serve) as server:
        limits = httpcore.PoolLimits(hard_limit=hard_limit)
        async with httpcore.AsyncClient(pool_limits=limits) as client:

            async def fails() -> None:
                await client.get(server.url)
                raise ZeroDivisionError

            with pytest.raises(BaseExceptionGroup):
                async with asyncio.TaskGroup() as group:
                    for number in range(100):
                        group.create_task(fails() if number == 50 else plain(client, server.url))
            pool = pool_of(client)
            assert pool.active_connections == []
            answers = await asyncio.gather(*[client.get(server.url) for _ in range(100)])
            assert [answer.content for answer in answers] == [b"body"] * 100


@pytest.mark.ways("asyncio")
@pytest.mark.parametrize("exchange", EXCHANGES)
async def test_cancelled_in_the_queue(exchange: Exchange) -> None:
    """Whoever is cancelled while waiting for the pool leaves the queue; the others are served."""
    with RawServer(serve) as server:
        limits = httpcore.PoolLimits(hard_limit=1)
        async with httpcore.AsyncClient(pool_limits=limits) as client:
            tasks = [asyncio.create_task(exchange(client, server.url)) for _ in range(6)]
            await asyncio.sleep(0.002)
            for task in tasks[1::2]:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await check_whole(client, server.url)


@pytest.mark.ways("asyncio", "trio")
async def test_cx2_cancelled_while_others_wait_for_the_protocol(
    make_client: typing.Any, way: str, certs: Certs
) -> None:
    """The one who opens the first connection is cancelled in TLS: the others open the next one."""
    stuck = threading.Event()
    context = certs.server.server_context(["http/1.1"])
    second = threading.Lock()

    def handler(connection: RawConnection) -> None:
        if second.acquire(blocking=False):
            connection.receive()
            stuck.set()
            connection.wait_closed()
            return
        connection.sock = context.wrap_socket(connection.sock, server_side=True)
        while True:
            connection.read_request()
            connection.send(response(b"body"))

    with RawServer(handler) as server:
        url = server.url.replace("http://127.0.0.1", "https://localhost")
        client = make_client(ssl=str(certs.ca), pool_limits=httpcore.PoolLimits(hard_limit=3))
        bodies: list[bytes] = []

        async def get() -> None:
            bodies.append((await client.get(url)).content)

        if way == "asyncio":
            tasks = [asyncio.create_task(get()) for _ in range(5)]
            while not stuck.is_set():
                await asyncio.sleep(0.005)
            tasks[0].cancel()
            results = await asyncio.gather(*tasks, return_exceptions=True)
            assert isinstance(results[0], asyncio.CancelledError)
        else:
            async with trio.open_nursery() as nursery:
                scope = trio.CancelScope()

                async def first() -> None:
                    with scope:
                        await get()

                nursery.start_soon(first)
                await trio.sleep(0.005)
                for _ in range(4):
                    nursery.start_soon(get)
                while not stuck.is_set():
                    await trio.sleep(0.005)
                scope.cancel()
            assert scope.cancelled_caught
        assert bodies == [b"body"] * 4
        assert pool_of(client).active_connections == []
        await client.close()


@pytest.mark.ways("asyncio", "trio")
@pytest.mark.parametrize("what", ["response", "pieces", "client"])
async def test_cx6_cancelled_inside_close(make_client: typing.Any, way: str, what: str) -> None:
    """Closing in a task that is being cancelled closes the socket all the same."""

    def endless(connection: RawConnection) -> None:
        connection.read_request()
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\nhello")
        connection.wait_closed()

    with RawServer(endless) as server:
        client = make_client()
        answer = await client.get(server.url, stream=True)
        pieces = answer.stream()
        assert await anext(pieces) == b"hello"
        close = {"response": answer.close, "pieces": pieces.aclose, "client": client.close}[what]
        if way == "asyncio":

            async def closing() -> None:
                task = asyncio.current_task()
                assert task is not None
                task.cancel()
                await close()
                await asyncio.sleep(0)

            with pytest.raises(asyncio.CancelledError):
                await asyncio.create_task(closing())
        else:
            with trio.CancelScope() as scope:
                scope.cancel()
                await close()
        assert server.connections[0].peer_closed.wait(5)
        assert pool_of(client).active_connections == []
        await pieces.aclose()


def test_cx9_run_ends_with_requests_in_flight(capfd: pytest.CaptureFixture[str]) -> None:
    """`asyncio.run()` that ends with requests in flight prints nothing."""

    def silent(connection: RawConnection) -> None:
        connection.read_request()
        connection.wait_closed()

    client = httpcore.AsyncClient()

    async def main(url: str) -> None:
        for _ in range(3):
            task = asyncio.create_task(client.get(url))
            task.add_done_callback(lambda task: task.cancelled())
        await asyncio.sleep(0.05)

    with RawServer(silent) as server:
        asyncio.run(main(server.url))
        asyncio.run(client.close())
    assert capfd.readouterr() == ("", "")


async def test_response_after_interrupt(make_client: typing.Any) -> None:
    """A response that was there before an interrupt stays readable."""
    with RawServer.replies([response(b"ok")]) as server:
        answer = await make_client().get(server.url)
        assert answer.content == b"ok"
