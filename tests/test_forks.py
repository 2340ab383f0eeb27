"""A child process that is forked: it works, and its parent does not notice it."""

from __future__ import annotations

import asyncio
import collections.abc
import contextlib
import gc
import os
import signal
import threading
import time
import typing

import pytest

import httpcore
from httpcore import forks
from httpcore.backends import sync, tls_context
from httpcore.driver import run_sync
from httpcore.models.cookie_state import CookieState
from httpcore.ssl_config import SSLConfig
from tests.ways import pool_of

if typing.TYPE_CHECKING:
    from tests.servers.certs import Certs

from tests.servers.h2_server import H2Peer, H2Server, serve_with_h2
from tests.servers.raw import RawConnection, RawServer, response

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="only POSIX forks"),
    pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning"),
]

SECONDS = 20

LONG = bytes(5_000_000)  # comes in several pieces


def end_in_time() -> None:
    """Have this process killed if it hangs."""
    signal.signal(signal.SIGALRM, signal.SIG_DFL)  # pytest has a handler of its own
    signal.alarm(SECONDS)


def in_child(work: collections.abc.Callable[[], object]) -> str:
    """Run `work()` in a forked child; what went wrong there, `""` if nothing did."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        end_in_time()
        try:
            work()
        except BaseException as exc:
            os.write(writing, repr(exc).encode())
        os._exit(0)
    os.close(writing)
    with open(reading, encoding="utf-8") as pipe:
        told = pipe.read()
    status = os.waitpid(child, 0)[1]
    return told or (f"the child ended with {status}" if status else "")


def serve(connection: RawConnection) -> None:
    """Answer everything; on /half only half, until the other half is asked for."""
    while True:
        if connection.read_request().target == "/half":
            connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nhalf")
            time.sleep(0.2)
            connection.send(b"done")
        else:
            connection.send(response(b"ok"))


@contextlib.contextmanager
def serving(kind: str, certs: Certs) -> collections.abc.Iterator[RawServer]:
    """A server of that kind."""
    if kind == "http2":
        script = serve_with_h2(lambda fields, body: LONG if (":path", "/half") in fields else b"ok")
        with RawServer(script, tls=certs.server.server_context(["h2"])) as server:
            yield server
    else:
        context = certs.server.server_context() if kind == "tls" else None
        with RawServer(serve, tls=context) as server:
            yield server


KINDS = ["plain", "tls", "http2"]


@pytest.mark.parametrize("kind", KINDS)
def test_sync(kind: str, certs: Certs) -> None:
    """The child opens its own connections, the parent goes on with its own."""
    with serving(kind, certs) as server, httpcore.Client(ssl=str(certs.ca)) as client:

        def work() -> None:
            assert client.get(server.url).content == b"ok"
            client.close()

        for _ in range(2):
            assert client.get(server.url).content == b"ok"
            assert in_child(work) == ""
        assert client.get(server.url).content == b"ok"
        assert len(server.connections) == 3


@pytest.mark.parametrize("kind", KINDS)
def test_asyncio(kind: str, certs: Certs) -> None:
    """The same, with a loop in each of them; the parent forks inside of its own."""

    async def main(url: str, client: httpcore.AsyncClient) -> None:
        assert (await client.get(url)).content == b"ok"
        # In a thread, as in the one of the loop a child could not run another one.
        assert await asyncio.to_thread(in_child, lambda: asyncio.run(work(url, client))) == ""
        assert (await client.get(url)).content == b"ok"
        await client.close()

    async def work(url: str, client: httpcore.AsyncClient) -> None:
        assert (await client.get(url)).content == b"ok"
        await client.close()

    with serving(kind, certs) as server:
        asyncio.run(main(server.url, httpcore.AsyncClient(ssl=str(certs.ca))))
        assert len(server.connections) == 2


@pytest.mark.parametrize("kind", KINDS)
def test_a_response_that_is_on_its_way(kind: str, certs: Certs) -> None:
    """It is the parent's: a child that reads, closes or drops it takes nothing from it."""
    with serving(kind, certs) as server, httpcore.Client(ssl=str(certs.ca)) as client:
        answer: httpcore.Response | None = client.get(server.url + "/half", stream=True)

        def read() -> None:
            with pytest.raises(httpcore.NetworkError):
                assert answer is not None
                answer.read()

        def close() -> None:
            assert answer is not None
            answer.close()
            assert client.get(server.url).content == b"ok"

        def drop() -> None:
            nonlocal answer
            answer = None
            gc.collect()
            assert client.get(server.url).content == b"ok"

        for work in (read, close, drop):
            assert in_child(work) == ""
        assert answer is not None
        assert answer.read() == (LONG if kind == "http2" else b"halfdone")
        assert client.get(server.url).content == b"ok"


def test_a_child_keeps_no_connection_of_its_parent_open() -> None:
    """What the parent closes is closed, also while a child that does nothing lives."""
    with RawServer(serve) as server:
        client = httpcore.Client()
        client.get(server.url)
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            end_in_time()
            os.close(writing)
            os.read(reading, 1)  # until the parent has closed its end
            os._exit(0)
        client.close()
        assert server.connections[0].peer_closed.wait(10)
        os.close(writing)
        os.close(reading)
        os.waitpid(child, 0)


def test_a_connection_on_its_own() -> None:
    """A child opens it anew."""
    with RawServer(serve) as server:
        backend = httpcore.SyncBackend()
        connection = httpcore.HTTPConnection(server.url, backend=backend)

        def get() -> bytes:
            return run_sync(connection.request("GET", server.url)).content

        assert get() == b"ok"
        assert in_child(get) == ""
        assert get() == b"ok"
        assert len(server.connections) == 2
        run_sync(connection.close())


# Locks that a thread holds at the moment of the fork.


@contextlib.contextmanager
def held(guard: typing.Any) -> collections.abc.Iterator[None]:
    """Another thread holds `guard`."""
    has_it, let_go = threading.Event(), threading.Event()

    def hold() -> None:
        with guard:
            has_it.set()
            let_go.wait(SECONDS)

    thread = threading.Thread(target=hold)
    thread.start()
    assert has_it.wait(SECONDS)
    try:
        yield
    finally:
        let_go.set()
        thread.join()


def test_held_guards(certs: Certs) -> None:
    """Guards of pool, jar, HTTP/2, and the lock of who builds TLS contexts: new in the child."""
    with (
        serving("http2", certs) as server,
        httpcore.Client(ssl=str(certs.ca), cookies={"a": "b"}) as client,
    ):
        answer = client.get(server.url + "/half", stream=True)
        (run,) = pool_of(client)._runs.values()
        connection: typing.Any = pool_of(client).active_connections[0]
        transport = connection._protocol._transport
        jar, building = client.cookies._state, tls_context._Building.lock

        def work() -> None:
            answer.close()
            other = SSLConfig(verify=str(certs.ca), minimum_version="TLSv1.3")
            assert client.get(server.url, ssl=other).content == b"ok"
            assert client.cookies["a"] == "b"
            client.close()

        with held(run._guard), held(jar._guard), held(transport._guard), held(building):
            assert in_child(work) == ""
        assert answer.read() == LONG


def test_a_connection_that_a_thread_reads() -> None:
    """A child does not wait for what a thread of its parent would read."""
    reads, go_on = threading.Event(), threading.Event()

    def script(peer: H2Peer) -> None:
        half = peer.request()
        peer.send(peer.head(half.stream_id), peer.data(half.stream_id, b"half"))
        waits = peer.request()
        reads.set()
        assert go_on.wait(SECONDS)
        peer.respond(waits.stream_id, b"ok")
        peer.send(peer.data(half.stream_id, b"done", True))
        peer.read_to_end()

    with H2Server(script) as server, httpcore.Client(http2="only", timeout=SECONDS) as client:
        answer = client.get(server.url, stream=True)
        thread = threading.Thread(target=client.get, args=(server.url,))
        thread.start()
        assert reads.wait(SECONDS)
        time.sleep(0.05)  # it begins to wait; if that takes longer, nothing is tested

        def work() -> None:
            pieces = answer.stream()
            assert next(pieces) == b"half"
            with pytest.raises(httpcore.NetworkError):
                next(pieces)

        assert in_child(work) == ""
        go_on.set()
        thread.join()
        assert answer.read() == b"halfdone"


def test_a_token_that_a_thread_is_getting() -> None:
    """A child does not wait for what only a thread of its parent would do."""
    asked, go_on = threading.Event(), threading.Event()

    def source() -> str:
        asked.set()
        go_on.wait(0 if os.getpid() != parent else SECONDS)
        return "token"

    parent = os.getpid()
    with RawServer(serve) as server, httpcore.Client(auth=httpcore.BearerAuth(source)) as client:
        thread = threading.Thread(target=client.get, args=(server.url,))
        thread.start()
        assert asked.wait(SECONDS)
        assert in_child(lambda: client.get(server.url)) == ""
        go_on.set()
        thread.join()


# What servers let one process use once.


def test_nonces_are_not_shared() -> None:
    """Parent and child do not number their requests with one nonce of Digest twice."""
    challenge = 'Digest realm="r", qop="auth", nonce="%d"'

    def demand(connection: RawConnection) -> None:
        while True:
            request = connection.read_request()
            if request.header("Authorization"):
                connection.send(response(b"ok"))
            else:
                field = ("WWW-Authenticate", challenge % len(server.requests))
                connection.send(response(b"who?", "401 Who", [field]))

    auth = httpcore.DigestAuth("user", "word")
    with RawServer(demand) as server, httpcore.Client(auth=auth) as client:
        client.get(server.url)
        assert in_child(lambda: client.get(server.url)) == ""
        client.get(server.url)
        numbered = []
        for request in server.requests:
            field = request.header("Authorization") or ""
            numbered += [field[field.index("nonce=") :].partition(",")[0]] if field else []
        assert len(numbered) == 3
        assert numbered[0] == numbered[2] != numbered[1]


def test_tickets_are_not_shared(certs: Certs) -> None:
    """Nor do they resume TLS by the same ticket."""
    context = tls_context.ssl_context(SSLConfig(verify=str(certs.ca)), True)
    assert isinstance(context, tls_context.OwnContext)
    sessions = context.sessions
    with serving("tls", certs) as server, httpcore.Client(ssl=str(certs.ca)) as client:
        client.get(server.url)
        assert sessions._servers

        def look() -> None:
            assert context.sessions is not sessions

        assert in_child(look) == ""
        assert context.sessions is sessions


# The same without a child, where it can be measured.


def test_who_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Modules for good, objects while they live."""

    class Owner:
        def after_fork(self) -> None:
            told.append(self)

    told: list[object] = []
    monkeypatch.setattr(forks, "_in_children", [])
    forks.in_each_child(lambda: told.append("module"))
    owner, other = Owner(), Owner()
    forks.tell_of_forks(owner)
    forks.tell_of_forks(other)
    del other
    gc.collect()
    forks._after_fork()
    assert told == ["module", owner]
    assert forks._no_forks(after_in_child=None) is None  # type: ignore[func-returns-value]


def test_what_is_made_anew(certs: Certs, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards, sessions, the run of a process."""
    jar = CookieState()
    before = jar._guard
    jar.after_fork()
    assert jar._guard is not before

    auth = httpcore.DigestAuth("user", "word")
    auth._spaces = {}
    auth.after_fork()
    assert auth._spaces == {}

    context = tls_context.ssl_context(SSLConfig(verify=str(certs.ca)), True)
    assert isinstance(context, tls_context.OwnContext)
    sessions, lock = context.sessions, tls_context._Building.lock
    monkeypatch.setattr(tls_context._Building, "lock", lock)
    tls_context._Building.after_fork()
    assert context.sessions is not sessions
    assert tls_context._Building.lock is not lock

    monkeypatch.setattr(sync._Process, "token", token := object())
    sync._Process.after_fork()
    backend = httpcore.SyncBackend()
    assert backend.run_is_over(token)
    assert not backend.run_is_over(backend.run_token())


@pytest.mark.parametrize("kind", ["plain", "http2"])
async def test_what_is_closed(kind: str, make_client: typing.Any, certs: Certs) -> None:
    """A pool forgets what it inherited, a response that is on its way fails."""
    with serving(kind, certs) as server:
        client = make_client(ssl=str(certs.ca))
        answer = await client.get(server.url + "/half", stream=True)
        connection: typing.Any = pool_of(client).active_connections[0]
        if kind == "http2":
            connection._protocol._transport.after_fork()
        pool_of(client).after_fork()
        assert pool_of(client).active_connections == []
        assert connection.stream.is_closed
        with pytest.raises(httpcore.NetworkError):
            await answer.read()
        assert (await client.get(server.url)).content == b"ok"


async def test_a_connection_on_its_own_is_closed(backend: typing.Any) -> None:
    """And opened anew when it is used again."""
    with RawServer(serve) as server:
        connection = httpcore.HTTPConnection(server.url, backend=backend)
        await connection.request("GET", server.url)
        connection.after_fork()
        answer = await connection.request("GET", server.url)
        assert answer.status_code == 200
        assert len(server.connections) == 2
        await connection.close()
