"""Uploads against scripted peers, for what real ones do too seldom."""

from __future__ import annotations

import asyncio
import collections.abc
import os
import threading
import time
import typing

import pytest
import trio

import httpcore
from httpcore.backends.base import TruncatedTLS
from httpcore.backends.scripted import Arrived, Piece, ScriptedBackend, ScriptedStream
from httpcore.dispatch import upload
from httpcore.dispatch.upload import check_sent
from tests.conftest import MakeClient
from tests.servers.certs import Certs
from tests.servers.raw import RawConnection, RawServer, response
from tests.ways import pool_of

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
CHUNK = b"x" * 100_000


@pytest.fixture(autouse=True)
def looks_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """What has arrived is looked at before each piece, however fast it comes."""
    monkeypatch.setattr(upload, "_LOOK_SECONDS", 0.0)


def client_of(*scripts: list[Piece | Arrived], max_written: int | None = None) -> httpcore.Client:
    backend = ScriptedBackend(scripts, max_written=max_written)
    return httpcore.Client(backend=backend)


def test_small_body_goes_in_one_write() -> None:
    """A small body goes out together with its head."""
    with client_of([OK]) as client:
        backend = client.dispatch._backend  # type: ignore[attr-defined]
        client.post("http://example.org", content=b"body")
        assert len(backend.streams[0].writes) == 1
        assert backend.streams[0].written.endswith(b"\r\n\r\nbody")


def test_peer_that_takes_no_more_after_its_answer() -> None:
    """A 200 that came before the peer stopped reading counts; the connection does not."""
    answered = Arrived(OK, after=50_000)
    with client_of([answered], max_written=250_000) as client:
        answer = client.post("http://example.org", content=iter([CHUNK] * 5))
        assert answer.content == b"ok"
        assert client.dispatch.keepalive_connections == []  # type: ignore[attr-defined]


def test_peer_that_takes_no_more_without_an_answer() -> None:
    """Without an answer it is WriteTimeout."""
    with client_of([], max_written=250_000) as client, pytest.raises(httpcore.WriteTimeout):
        client.post("http://example.org", content=iter([CHUNK] * 5))


def test_early_answer_is_not_held_without_bound() -> None:
    """Of a long early answer about a MiB is held while the upload goes on; the rest comes later."""
    length = 30 * len(CHUNK)
    early: list[Piece | Arrived] = [
        Arrived(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % length)
    ]
    early += [Arrived(CHUNK)] * 30
    with client_of(early) as client:
        assert len(client.post("http://example.org", content=iter([CHUNK] * 40)).content) == length


def test_informational_answer_while_uploading() -> None:
    """A 1xx in the middle of an upload does not end it."""
    hint = Arrived(b"HTTP/1.1 103 Early Hints\r\n\r\n", after=1000)
    with client_of([hint, OK]) as client:
        answer = client.post("http://example.org", content=iter([CHUNK] * 3))
        assert (answer.status_code, answer.content) == (200, b"ok")


def test_peer_that_closes_behind_its_answer() -> None:
    """A close behind an answer ends the upload, also of a 200."""
    with client_of([Arrived(OK, after=1000), Arrived(b"")]) as client:
        assert client.post("http://example.org", content=iter([CHUNK] * 9)).content == b"ok"


def test_refused_while_the_peer_takes_no_more() -> None:
    """A 413 that comes while a write is stuck ends the upload at once."""
    refused = Arrived(b"HTTP/1.1 413 X\r\nContent-Length: 0\r\n\r\n", after=250_000)
    with client_of([refused], max_written=250_000) as client:
        assert client.post("http://example.org", content=iter([CHUNK] * 9)).status_code == 413


@pytest.mark.parametrize("hints", [1, 2])
def test_peer_that_waits_for_us_to_look(monkeypatch: pytest.MonkeyPatch, hints: int) -> None:
    """A peer that takes more once each 1xx has been read gets the whole upload."""
    look, seen = ScriptedStream.read_available, []

    def look_and_go_on(stream: ScriptedStream) -> bytes | None:
        data = look(stream)
        if data:
            seen.append(data)
        if len(seen) == hints:
            stream.max_written = None
        return data

    monkeypatch.setattr(ScriptedStream, "read_available", look_and_go_on)
    hint = Arrived(b"HTTP/1.1 103 Early Hints\r\n\r\n", after=250_000)
    with client_of([*[hint] * hints, OK], max_written=250_000) as client:
        backend = client.dispatch._backend  # type: ignore[attr-defined]
        assert client.post("http://example.org", content=iter([CHUNK] * 9)).content == b"ok"
        assert backend.streams[0].written.count(b"x") >= 9 * len(CHUNK)


def test_early_answer_in_the_last_moment() -> None:
    """An answer that comes when all but the last chunk has been sent is the answer all the same."""
    refused = Arrived(b"HTTP/1.1 409 Conflict\r\nContent-Length: 0\r\n\r\n", after=len(CHUNK))
    with client_of([refused]) as client:
        assert client.post("http://example.org", content=iter([CHUNK])).status_code == 409


def test_expectation_met_by_hints_first() -> None:
    """While waiting for 100 Continue other 1xx responses are passed over."""
    script: list[Piece | Arrived] = [b"HTTP/1.1 103 Early Hints\r\n\r\n"]
    script += [b"HTTP/1.1 100 Continue\r\n\r\n", OK]
    with client_of(script) as client:
        backend = client.dispatch._backend  # type: ignore[attr-defined]
        headers = {"Expect": "100-continue"}
        client.post("http://example.org", content=iter([b"body"]), headers=headers)
        assert len(backend.streams[0].writes) == 3


def test_generator_is_closed_when_the_upload_ends_early() -> None:
    """A generator whose rest is not wanted gets to run its `finally`."""
    ended: list[str] = []

    def body() -> object:
        try:
            while True:
                yield CHUNK
        finally:
            ended.append("yes")

    with client_of([Arrived(b"HTTP/1.1 413 X\r\nContent-Length: 0\r\n\r\n")]) as client:
        client.post("http://example.org", content=body())  # type: ignore[arg-type]
        assert ended == ["yes"]


def test_tl8_no_close_notify_in_the_head() -> None:
    """TLS that is cut in a head, or in a body that ends with the connection, is an error."""
    cut = TruncatedTLS("cut")
    for start in (b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\n\r\nbody"):
        expected = pytest.raises(httpcore.RemoteProtocolError, match=r"example\.org:80")
        with client_of([start, cut]) as client, expected:
            client.get("http://example.org")


async def test_tl8_no_close_notify(make_client: object, certs: Certs) -> None:
    """The same over real TLS: good behind the last byte of a length, an error without one."""

    def cutting(connection: RawConnection) -> None:
        target = connection.read_request().target
        framing = b"Content-Length: 4\r\n" if target == "/length" else b""
        connection.send(b"HTTP/1.1 200 OK\r\n" + framing + b"\r\nbody")
        connection.cut()

    with RawServer(cutting, tls=certs.server.server_context()) as server:
        client = make_client(ssl=str(certs.ca))  # type: ignore[operator]
        assert (await client.get(server.url + "/length")).content == b"body"
        with pytest.raises(httpcore.RemoteProtocolError, match="close_notify"):
            await client.get(server.url + "/close")
        assert (await client.get(server.url + "/length")).content == b"body"


def test_malformed_rest_of_a_closed_body() -> None:
    """A streamed body that is closed, and whose rest is malformed, is simply given up."""
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n"
    with client_of([head, Arrived(b"no chunk\r\n")]) as client:
        client.get("http://example.org", stream=True).close()
        assert client.dispatch.active_connections == []  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("script", "answered"), [([], False), ([OK], True), ([ConnectionResetError()], False)]
)
def test_bd1_write_that_fails(script: list[Piece | Arrived], answered: bool) -> None:
    """After a failed write an answer that had arrived counts; without one the error does."""
    failure = httpcore.WriteError("write to example.org:80 failed: broken pipe")
    backend = ScriptedBackend([script], fail_at=4, error=failure)
    with httpcore.Client(backend=backend) as client:
        if answered:
            assert client.post("http://example.org", content=iter([CHUNK])).content == b"ok"
        else:
            with pytest.raises(httpcore.WriteError, match="broken pipe"):
                client.post("http://example.org", content=iter([CHUNK]))
        assert client.dispatch.keepalive_connections == []  # type: ignore[attr-defined]


def test_iterator_dropped_after_the_response_was_closed() -> None:
    """Whoever closes the response and then drops its iterator has nothing left to give back."""
    with client_of([OK[:-1]]) as client:
        answer = client.get("http://example.org", stream=True)
        pieces = answer.stream()
        assert next(pieces) == b"o"
        answer.close()
        del pieces
        assert client.dispatch.active_connections == []  # type: ignore[attr-defined]


# While the caller's own iterator makes the next piece.


class Waiting:
    """Gives `x`, and then waits for `more`, which nothing but a test sets."""

    def __init__(self, way: str) -> None:
        self.more = trio.Event() if way == "trio" else asyncio.Event()
        self.ended: list[str] = []

    async def pieces(self) -> collections.abc.AsyncIterator[bytes]:
        try:
            yield b"x"
            await self.more.wait()
            yield b"y"
        finally:
            self.ended.append("yes")


@pytest.fixture
def waiting(way: str) -> Waiting:
    return Waiting(way)


def reading_one_chunk(connection: RawConnection) -> None:
    connection.read_head()
    assert connection.read_until(b"x\r\n") == b"1\r\nx\r\n"


def in_form(source: typing.Any) -> dict[str, typing.Any]:
    return {"files": {"f": ("n", source)}}


@pytest.mark.ways("asyncio", "trio")
@pytest.mark.parametrize("form", [False, True])
async def test_tm1_total_time_passes_while_the_iterator_waits(
    make_client: MakeClient, waiting: Waiting, form: bool
) -> None:
    """TotalTimeout on time; the iterator has ended, and its connection is closed."""
    closed = threading.Event()

    def script(connection: RawConnection) -> None:
        if connection.read_head().method == "GET":
            connection.send(response())
        elif connection.wait_closed():
            closed.set()

    with RawServer(script) as server:
        client = make_client(timeout=httpcore.TimeoutConfig(5, total_timeout=0.3))
        source = waiting.pieces()
        options = in_form(source) if form else {"content": source}
        started = time.monotonic()
        with pytest.raises(httpcore.TotalTimeout, match=r"caller.*0\.3 s \(total_timeout\)"):
            await client.post(server.url, **options)
        assert 0.3 <= time.monotonic() - started < 5
        assert waiting.ended == ["yes"]
        assert closed.wait(10)
        assert (await client.get(server.url, timeout=None)).status_code == 200


@pytest.mark.ways("asyncio", "trio")
async def test_total_time_passes_while_a_pipe_is_silent(make_client: MakeClient) -> None:
    """The thread that reads it is left to itself."""
    reading, writing = os.pipe()

    def script(connection: RawConnection) -> None:
        connection.wait_closed()

    with RawServer(script) as server:
        client = make_client(timeout=httpcore.TimeoutConfig(5, total_timeout=0.3))
        with open(reading, "rb", buffering=0) as file:
            try:
                with pytest.raises(httpcore.TotalTimeout):
                    await client.post(server.url, content=file)
            finally:
                os.close(writing)  # ends the read


@pytest.mark.ways("asyncio", "trio")
@pytest.mark.parametrize("tls", [False, True])
async def test_bd2_final_answer_while_the_iterator_waits(
    make_client: MakeClient, waiting: Waiting, certs: Certs, tls: bool
) -> None:
    """The answer is returned, the iterator ended, and the connection not used again."""

    def script(connection: RawConnection) -> None:
        if len(server.connections) == 1:
            reading_one_chunk(connection)
            connection.send(b"HTTP/1.1 103 Early Hints\r\n\r\n")
            connection.send(response(b"too much", "413 Too Large"))
            connection.wait_closed()
        else:
            connection.read_request()
            connection.send(response())

    context = certs.server.server_context() if tls else None
    with RawServer(script, tls=context) as server:
        client = make_client(ssl=str(certs.ca))
        answer = await client.post(server.url, content=waiting.pieces())
        assert (answer.status_code, answer.content) == (413, b"too much")
        assert waiting.ended == ["yes"]
        assert (await client.get(server.url)).status_code == 200


@pytest.mark.ways("asyncio", "trio")
async def test_bd3_answer_that_does_not_end_the_upload(
    make_client: MakeClient, backend: httpcore.ConcurrencyBackend
) -> None:
    """After an early 200 the iterator goes on, and the connection is used again."""
    answered = threading.Event()

    def script(connection: RawConnection) -> None:
        reading_one_chunk(connection)
        connection.send(response(b"early"))
        answered.set()
        assert connection.read_until(b"0\r\n\r\n") == b"1\r\ny\r\n0\r\n\r\n"
        connection.read_request()
        connection.send(response(b"second"))

    async def pieces() -> collections.abc.AsyncIterator[bytes]:
        yield b"x"
        await backend.run_blocking(answered.wait)
        yield b"y"

    with RawServer(script) as server:
        client = make_client()
        assert (await client.post(server.url, content=pieces())).content == b"early"
        assert (await client.get(server.url)).content == b"second"
    assert len(server.connections) == 1


@pytest.mark.ways("asyncio", "trio")
@pytest.mark.parametrize("ending", ["close", "reset"])
async def test_connection_that_ends_while_the_iterator_waits(
    make_client: MakeClient, waiting: Waiting, ending: str
) -> None:
    """It is an error at once."""

    def script(connection: RawConnection) -> None:
        reading_one_chunk(connection)
        getattr(connection, ending)()

    with RawServer(script) as server:
        with pytest.raises((httpcore.NetworkError, httpcore.RemoteProtocolError)):
            await make_client().post(server.url, content=waiting.pieces())
        assert waiting.ended == ["yes"]


@pytest.mark.ways("asyncio", "trio")
async def test_what_is_no_http_while_the_iterator_waits(
    make_client: MakeClient, waiting: Waiting
) -> None:
    """It is the error that it always is."""

    def script(connection: RawConnection) -> None:
        reading_one_chunk(connection)
        connection.send(b"220 smtp.example.org\r\n\r\n")
        connection.wait_closed()

    with RawServer(script) as server:
        with pytest.raises(httpcore.RemoteProtocolError):
            await make_client().post(server.url, content=waiting.pieces())
        assert waiting.ended == ["yes"]


@pytest.mark.ways("asyncio", "trio")
async def test_early_answer_that_is_too_long_to_be_held(
    make_client: MakeClient, waiting: Waiting
) -> None:
    """It is not read on, but the total time passes all the same."""

    def script(connection: RawConnection) -> None:
        reading_one_chunk(connection)
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
        try:
            while True:
                connection.send(bytes(100_000))
        except OSError:
            return

    with RawServer(script) as server:
        client = make_client(timeout=httpcore.TimeoutConfig(5, total_timeout=1))
        with pytest.raises(httpcore.TotalTimeout, match="caller"):
            await client.post(server.url, content=waiting.pieces())


@pytest.mark.ways("asyncio", "trio")
async def test_cancelled_while_the_iterator_waits(
    make_client: MakeClient, waiting: Waiting, way: str
) -> None:
    """The cancellation passes, the iterator has ended, the connection is closed."""
    closed = threading.Event()
    arrived = threading.Event()

    def script(connection: RawConnection) -> None:
        reading_one_chunk(connection)
        arrived.set()
        if connection.wait_closed():
            closed.set()

    with RawServer(script) as server:
        client = make_client()
        if way == "trio":
            with trio.CancelScope() as scope:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(posting(client, server.url, waiting))
                    await trio.to_thread.run_sync(arrived.wait, 5)
                    scope.cancel()
            assert scope.cancelled_caught
        else:
            task = asyncio.create_task(posting(client, server.url, waiting)())
            await asyncio.to_thread(arrived.wait, 5)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        assert waiting.ended == ["yes"]
        assert closed.wait(5)
        assert pool_of(client).active_connections == []


def posting(
    client: httpcore.AsyncClient, url: str, waiting: Waiting
) -> collections.abc.Callable[[], collections.abc.Coroutine[typing.Any, typing.Any, None]]:
    async def post() -> None:
        await client.post(url, content=waiting.pieces())

    return post


@pytest.mark.parametrize(("sent", "length"), [(5, None), (5, 5), (5, 6), (0, 0)])
def test_what_may_have_been_sent(sent: int, length: int | None) -> None:
    """Anything where no length was declared, else no more than that."""
    check_sent(sent, length)


@pytest.mark.parametrize(
    ("sent", "is_all", "message"),
    [(6, False, "gave 6 bytes or more, but"), (4, True, "ended after 4 bytes, but")],
)
def test_another_length_than_declared(sent: int, is_all: bool, message: str) -> None:
    """Too much is told at once, too little at the end; both numbers are named."""
    with pytest.raises(httpcore.LocalProtocolError, match=f"{message} its Content-Length is 5"):
        check_sent(sent, 5, is_all)
