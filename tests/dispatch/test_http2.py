"""One HTTP/2 connection against servers that misbehave: what goes on, what is resent, what ends."""

from __future__ import annotations

import asyncio
import collections.abc
import contextlib
import functools
import gc
import itertools
import socket
import threading
import time
import typing

import pytest
import trio
from hyperframe import frame as hyperframe

import httpcore
from httpcore.backends.base import Event
from httpcore.dispatch import http2 as http2_module
from httpcore.driver import run_sync
from httpcore.wire import http2_streams as wire_streams
from httpcore.wire.http2 import HTTP2State
from httpcore.wire.http2_stream import Stream
from httpcore.wire.http2_windows import STREAM_WINDOW_BYTES
from tests import ways
from tests.conftest import MakeClient
from tests.faults import POINTS, FaultyBackend, Stepping
from tests.servers import h2_server
from tests.servers.certs import Certs
from tests.servers.h2_server import Code, H2Peer, H2Server, answer_all, serve_with_h2
from tests.servers.nginx import Nginx
from tests.servers.raw import RawConnection, RawServer, response
from tests.servers.relay import connect_proxy
from tests.ways import pool_of

Run = collections.abc.Callable[[], collections.abc.Coroutine[typing.Any, typing.Any, typing.Any]]


async def together(way: str, *runs: Run) -> list[typing.Any]:
    """Run all at once, by tasks or, in sync, by threads; their results, or what they raised."""
    results: list[typing.Any] = [None] * len(runs)

    async def note(number: int) -> None:
        try:
            results[number] = await runs[number]()
        except Exception as exc:
            results[number] = exc

    if way == "sync":
        threads = [
            threading.Thread(target=lambda number=number: run_sync(note(number)))
            for number in range(len(runs))
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    elif way == "trio":
        async with trio.open_nursery() as nursery:
            for number in range(len(runs)):
                nursery.start_soon(note, number)
    else:
        await asyncio.gather(*map(note, range(len(runs))))
    return results


async def sleep(way: str, seconds: float) -> None:
    await ways.make_backend(way).sleep(seconds)


async def reached(way: str, event: threading.Event) -> None:
    """Wait for what a server's thread, or another task or thread, sets."""
    while not event.is_set():
        await sleep(way, 0.01)


async def until(way: str, condition: collections.abc.Callable[[], bool]) -> None:
    while not condition():
        await sleep(way, 0.005)


@pytest.fixture
def client(make_client: MakeClient) -> httpcore.AsyncClient:
    """A client that speaks HTTP/2 over plain TCP."""
    return make_client(http2="only", timeout=5)


def getting(client: httpcore.AsyncClient, url: str) -> Run:
    """To GET `url`; gives the body."""

    async def run() -> bytes:
        return (await client.get(url)).content

    return run


def resets(peer: H2Peer) -> dict[int, int]:
    """The streams that the client has reset, with the codes."""
    return {
        frame.stream_id: frame.error_code
        for frame in peer.frames
        if isinstance(frame, hyperframe.RstStreamFrame)
    }


# What goes well.


async def test_connection_is_kept(client: httpcore.AsyncClient) -> None:
    """Requests one after the other share a connection; the preface goes out with the first."""
    with H2Server(answer_all) as server:
        for path in ("/one", "/two?x=y", "/three"):
            answer = await client.get(server.url + path)
            assert (answer.status_code, answer.protocol) == (200, "HTTP/2")
            assert (answer.content, answer.reason_phrase) == (path.encode(), "OK")
        assert len(server.peers) == 1
        pool = pool_of(client)
        assert (len(pool.active_connections), len(pool.keepalive_connections)) == (0, 1)


async def test_request_on_the_wire(client: httpcore.AsyncClient) -> None:
    """RQ7: pseudo-headers, lower case, nothing of HTTP/1.1."""
    with H2Server(answer_all) as server:
        headers = {"X-Mine": "1", "Host": "other.example", "Connection": "x-mine", "TE": "trailers"}
        await client.get(server.url + "/p?q", headers=headers)
        fields = server.peers[0].requests[1].fields
        assert fields[:4] == [
            (":method", "GET"),
            (":scheme", "http"),
            (":authority", "other.example"),
            (":path", "/p?q"),
        ]
        names = [name for name, _ in fields]
        assert not {"host", "connection", "x-mine"} & set(names)
        assert ("te", "trailers") in fields
        assert names == [name.lower() for name in names]


async def test_rq7_rq10_what_cannot_be_sent(client: httpcore.AsyncClient) -> None:
    """RQ7, RQ10: refused before a byte goes out; the connection goes on."""
    with H2Server(answer_all, settings={h2_server.MAX_HEADER_LIST_SIZE: 2000}) as server:
        await client.get(server.url + "/1")
        with pytest.raises(httpcore.LocalProtocolError, match="TE 'gzip'"):
            await client.get(server.url, headers={"TE": "gzip"})
        with pytest.raises(httpcore.LocalProtocolError, match="takes at most 2000"):
            await client.get(server.url, headers={"X": "x" * 2000})
        assert pool_of(client).active_connections == []
        await client.get(server.url + "/2")
        assert [request[":path"] for request in server.peers[0].requests.values()] == ["/1", "/2"]


async def test_many_at_once(client: httpcore.AsyncClient, way: str) -> None:
    """All requests to a new origin wait for the first connection, and share it."""
    with H2Server(answer_all) as server:
        paths = [f"/{number}" for number in range(50)]
        bodies = await together(way, *[getting(client, server.url + path) for path in paths])
        assert bodies == [path.encode() for path in paths]
        assert len(server.peers) == 1


async def test_answers_in_reverse(client: httpcore.AsyncClient, way: str) -> None:
    """Whoever reads, each gets its own."""

    def script(peer: H2Peer) -> None:
        requests = [peer.request() for _ in range(20)]
        for request in reversed(requests):
            peer.send(peer.head(request.stream_id))
        for request in requests:
            peer.send(peer.data(request.stream_id, request[":path"].encode(), True))
        peer.read_to_end()

    with H2Server(script) as server:
        paths = [f"/{number}" for number in range(20)]
        bodies = await together(way, *[getting(client, server.url + path) for path in paths])
        assert bodies == [path.encode() for path in paths]


async def test_bodies_both_ways(make_client: MakeClient, way: str) -> None:
    """Bodies of any size, at once, against h2's own idea of windows."""

    def echo(fields: list[tuple[str, str]], body: bytes) -> bytes:
        return body

    sizes = [0, 1, 16_384, 16_385, 65_535, 65_536, 100_000, 262_144, 300_001, 1_500_000]
    with RawServer(serve_with_h2(echo)) as server:
        client = make_client(http2="only", timeout=20)

        def posting(size: int, cut: int) -> Run:
            data = bytes(range(256)) * (size // 256 + 1)
            data = data[:size]
            pieces = [data[start : start + cut] for start in range(0, size, cut)]

            async def run() -> bool:
                whole = await client.post(server.url, content=data)
                in_pieces = await client.post(server.url, content=iter(pieces))
                return whole.content == data and in_pieces.content == data

            return run

        runs = [posting(size, 70_000) for size in sizes]
        assert await together(way, *runs) == [True] * len(sizes)
        assert len(server.connections) == 1


async def test_h2_13_trailers_and_informational(client: httpcore.AsyncClient) -> None:
    """H2.13: three 103 are passed over; trailers come with the end."""

    def script(peer: H2Peer) -> None:
        stream_id = peer.request().stream_id
        peer.send(*[peer.head(stream_id, 103, [("link", "</style.css>")])] * 3)
        peer.send(peer.head(stream_id), peer.data(stream_id, b"body"))
        peer.send(peer.fields(stream_id, [("x-checksum", "1")], end_stream=True))
        answer_all(peer)

    with H2Server(script) as server:
        answer = await client.get(server.url)
        assert (answer.status_code, answer.content) == (200, b"body")
        assert answer.trailers["X-Checksum"] == "1"


async def test_head_of_60_kib(client: httpcore.AsyncClient) -> None:
    """RQ10: a large head is sent."""
    with H2Server(answer_all) as server:
        headers = {f"x-{number}": "v" * 1000 for number in range(60)}
        assert (await client.get(server.url, headers=headers)).status_code == 200
        assert server.peers[0].requests[1]["x-59"] == "v" * 1000


async def test_second_connection_when_streams_run_out(
    client: httpcore.AsyncClient, way: str
) -> None:
    """A limit of streams is kept to; the pool opens further connections."""
    at_once = []

    def script(peer: H2Peer) -> None:
        answered: set[int] = set()
        while True:
            peer.read_for(0.25)
            waiting = set(peer.requests) - answered
            at_once.append(len(waiting))
            for stream_id in sorted(waiting)[:2]:
                peer.respond(stream_id)
            for stream_id in sorted(waiting)[2:]:  # none, once our SETTINGS are known
                peer.send(peer.reset(stream_id, Code.REFUSED_STREAM))
            answered |= waiting

    settings = {h2_server.MAX_CONCURRENT_STREAMS: 2}
    with H2Server(script, settings=settings) as server:
        await client.get(server.url)
        answers = await together(way, *[getting(client, server.url)] * 8)
        assert answers == [b""] * 8
        assert max(at_once) == 2
        assert 2 <= len(server.peers) <= 4


async def test_queue_when_streams_run_out(make_client: MakeClient, way: str) -> None:
    """With no more connections allowed, requests wait for a stream."""
    limits = httpcore.PoolLimits(hard_limit=1)
    client = make_client(http2="only", pool_limits=limits)
    with H2Server(answer_all, settings={h2_server.MAX_CONCURRENT_STREAMS: 1}) as server:
        await client.get(server.url)
        answers = await together(way, *[getting(client, server.url + "/x")] * 10)
        assert answers == [b"/x"] * 10
        assert len(server.peers) == 1
        assert len(pool_of(client).keepalive_connections) == 1


async def test_limit_of_another_connection(client: httpcore.AsyncClient, way: str) -> None:
    """A new connection takes what the one before took, until it says how much it takes itself."""

    def script(peer: H2Peer) -> None:
        peer.send(peer.settings({h2_server.MAX_CONCURRENT_STREAMS: 1}))
        request = peer.request()
        peer.send(peer.goaway(request.stream_id))
        peer.respond(request.stream_id)
        peer.read_to_end()

    settings = {h2_server.MAX_CONCURRENT_STREAMS: wire_streams.ASSUMED_STREAMS}
    with H2Server(script, answer_all, settings=settings) as server:
        await client.get(server.url)
        await client.get(server.url)
        assert await together(way, *[getting(client, server.url + "/x")] * 5) == [b"/x"] * 5
        assert len(server.peers) == 2


# Uploads.


async def test_h2_4_window_cut_below_zero(client: httpcore.AsyncClient) -> None:
    """H2.4: SETTINGS cut the window below 0 in an upload: it waits, and all bytes arrive."""

    def script(peer: H2Peer) -> None:
        request = peer.head_of_request()
        while len(request.received) < 65_535:
            peer.read_frame()
        peer.send(peer.settings({h2_server.INITIAL_WINDOW_SIZE: 10}))
        peer.expect_ack()
        peer.send(peer.window_update(0, 200_000), peer.window_update(request.stream_id, 65_520))
        time.sleep(0.05)
        peer.send(peer.window_update(request.stream_id, 200_000))
        peer.respond(request.stream_id, str(len(peer.wait_end(request))).encode())

    with H2Server(script) as server:
        server.give_credit = False
        answer = await client.post(server.url, content=bytes(200_000))
        assert answer.content == b"200000"


@pytest.mark.parametrize("size", [65_535, 70_000, 300_000])
async def test_h2_7_no_window_update(make_client: MakeClient, size: int) -> None:
    """H2.7: a window that never opens is a WriteTimeout; the stream is reset, nothing else."""

    def script(peer: H2Peer) -> None:
        peer.head_of_request()
        peer.expect(hyperframe.RstStreamFrame)
        peer.send(peer.window_update(0, 1_000_000))
        answer_all(peer)

    with H2Server(script) as server:
        server.give_credit = False
        client = make_client(
            http2="only", timeout=httpcore.TimeoutConfig(5, write_timeout=0.3, read_timeout=5)
        )
        with pytest.raises(httpcore.WriteTimeout, match=r"may be sent to .* 0.3 s \(write_timeo"):
            await client.post(server.url, content=bytes(size + 1))
        assert (await client.get(server.url + "/next")).content == b"/next"
        assert resets(server.peers[0]) == {1: Code.CANCEL}
        assert len(server.peers) == 1


async def test_h2_3_no_error_after_complete_response(client: httpcore.AsyncClient) -> None:
    """H2.3: RST_STREAM NO_ERROR behind a full 200 in mid-upload is a success."""

    def script(peer: H2Peer) -> None:
        stream_id = peer.head_of_request().stream_id
        peer.respond(stream_id, b"enough")
        peer.send(peer.reset(stream_id, Code.NO_ERROR))
        answer_all(peer)

    with H2Server(script) as server:
        server.give_credit = False
        answer = await client.post(server.url, content=iter([bytes(60_000)] * 100))
        assert (answer.status_code, answer.content) == (200, b"enough")
        assert (await client.get(server.url + "/next")).content == b"/next"
        assert len(server.peers) == 1


@pytest.mark.parametrize("gives_credit", [True, False])
async def test_answer_that_stops_an_upload(
    client: httpcore.AsyncClient, gives_credit: bool
) -> None:
    """A 413 ends the upload, whether the server would read on or not; the stream is reset."""
    sent = 0

    def pieces() -> collections.abc.Iterator[bytes]:
        nonlocal sent
        for _ in range(2_000):
            sent += 1
            yield bytes(50_000)

    def script(peer: H2Peer) -> None:
        stream_id = peer.head_of_request().stream_id
        peer.respond(stream_id, b"too much", 413)
        answer_all(peer)

    with H2Server(script) as server:
        server.give_credit = gives_credit
        answer = await client.post(server.url, content=pieces())
        assert (answer.status_code, answer.content) == (413, b"too much")
        assert sent < 2_000
        assert (await client.get(server.url + "/next")).content == b"/next"
        assert resets(server.peers[0]) == {1: Code.NO_ERROR}


class EndlessWait:
    """Gives one piece, and then waits for ever; `ended` is set when it is closed."""

    def __init__(self, way: str) -> None:
        self.forever = trio.sleep_forever if way == "trio" else asyncio.Event().wait
        self.ended = False

    async def pieces(self) -> collections.abc.AsyncIterator[bytes]:
        try:
            yield b"x"
            await self.forever()
        finally:
            self.ended = True


@pytest.mark.ways("asyncio", "trio")
async def test_bd2_final_answer_while_an_iterator_waits(
    client: httpcore.AsyncClient, way: str
) -> None:
    """The answer is returned, the iterator ended, the stream reset, and the connection goes on."""

    def script(peer: H2Peer) -> None:
        stream_id = peer.head_of_request().stream_id
        peer.respond(stream_id, b"too much", 413)
        answer_all(peer)

    waiting = EndlessWait(way)
    with H2Server(script) as server:
        answer = await client.post(server.url, content=waiting.pieces())
        assert (answer.status_code, answer.content) == (413, b"too much")
        assert waiting.ended
        assert (await client.get(server.url + "/next")).content == b"/next"
        assert resets(server.peers[0]) == {1: Code.NO_ERROR}


@pytest.mark.ways("asyncio", "trio")
async def test_tm1_total_time_passes_while_an_iterator_waits(
    client: httpcore.AsyncClient, way: str
) -> None:
    """TotalTimeout on time; the stream is reset, and the connection goes on."""
    waiting = EndlessWait(way)
    limits = httpcore.TimeoutConfig(total_timeout=0.3)

    def script(peer: H2Peer) -> None:
        peer.head_of_request()
        answer_all(peer)

    with H2Server(script) as server:
        started = time.monotonic()
        with pytest.raises(httpcore.TotalTimeout, match=r"caller.*0\.3 s \(total_timeout\)"):
            await client.post(server.url, content=waiting.pieces(), timeout=limits)
        assert 0.3 <= time.monotonic() - started < 5
        assert waiting.ended
        assert (await client.get(server.url + "/next")).content == b"/next"
        assert resets(server.peers[0]) == {1: Code.CANCEL}


async def test_generator_is_closed_when_its_upload_is_stopped(
    client: httpcore.AsyncClient,
) -> None:
    """It gets to run its `finally`."""
    ended = []

    def pieces() -> collections.abc.Iterator[bytes]:
        try:
            while True:
                yield bytes(50_000)
        finally:
            ended.append(True)

    def script(peer: H2Peer) -> None:
        peer.respond(peer.head_of_request().stream_id, b"", 413)
        answer_all(peer)

    with H2Server(script) as server:
        assert (await client.post(server.url, content=pieces())).status_code == 413
        assert ended == [True]


@pytest.mark.parametrize("tls", [False, True])
async def test_peer_that_waits_for_us_to_read(
    make_client: MakeClient, certs: Certs, tls: bool
) -> None:
    """While a write waits, what arrives is read: a peer may wait for that before it reads on."""
    pings = 5_000

    def script(peer: H2Peer) -> None:
        peer.send(peer.settings({h2_server.INITIAL_WINDOW_SIZE: 2**31 - 1}))
        peer.send(peer.window_update(0, 2**30))
        request = peer.head_of_request()
        time.sleep(0.3)
        peer.send(peer.head(request.stream_id))
        peer.send(peer.data(request.stream_id, bytes(STREAM_WINDOW_BYTES)))
        peer.send(peer.ping() * pings)
        total = len(peer.wait_end(request))
        peer.send(peer.data(request.stream_id, str(total).encode(), True))
        peer.read_to_end()

    context = certs.server.server_context(["h2"]) if tls else None
    with H2Server(script, tls=context) as server:
        server.give_credit = False
        client = make_client(http2="only", ssl=str(certs.ca), timeout=10)
        answer = await client.post(server.url, content=bytes(8_000_000))
        assert answer.content[STREAM_WINDOW_BYTES:] == b"8000000"


async def test_answer_to_an_upload_that_is_not_read(client: httpcore.AsyncClient) -> None:
    """A server that answers 200 and stops reading has answered."""

    def script(peer: H2Peer) -> None:
        stream_id = peer.head_of_request().stream_id
        peer.respond(stream_id, b"half is enough")
        answer_all(peer)

    with H2Server(script) as server:
        server.give_credit = False
        answer = await client.post(server.url, content=bytes(1_000_000))
        assert answer.content == b"half is enough"
        assert (await client.get(server.url + "/next")).content == b"/next"


async def test_answer_before_what_is_wrong(client: httpcore.AsyncClient) -> None:
    """A response that is complete stays so, whatever the peer does to the stream behind it."""

    def script(peer: H2Peer) -> None:
        stream_id = peer.head_of_request().stream_id
        wrong = peer.data(stream_id, b"x")
        peer.send(peer.response(stream_id, b"half is enough"), wrong)
        answer_all(peer)

    with H2Server(script) as server:
        server.give_credit = False
        answer = await client.post(server.url, content=bytes(1_000_000))
        assert answer.content == b"half is enough"
        assert (await client.get(server.url + "/next")).content == b"/next"
        assert list(resets(server.peers[0])) == [1]


async def test_body_that_turns_wrong_as_it_is_taken(
    client: httpcore.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another thread receives the error, which drops the body, just before its owner takes that."""
    take_body = HTTP2State.take_body

    def take(state: HTTP2State, stream: Stream) -> tuple[bytes, bool]:
        state.receive(h2_server.Frames().data(stream.id, b"too much"), 0.0)
        return take_body(state, stream)

    def script(peer: H2Peer) -> None:
        stream_id = peer.request().stream_id
        peer.send(peer.head(stream_id, 200, [("content-length", "10")]))
        peer.send(peer.data(stream_id, b"part"))
        peer.read_to_end()

    monkeypatch.setattr(HTTP2State, "take_body", take)
    wrong = pytest.raises(httpcore.RemoteProtocolError, match="12 bytes or more")
    with H2Server(script) as server, wrong:
        await client.get(server.url)


async def test_bd3_answered_early_and_read_on(client: httpcore.AsyncClient) -> None:
    """BD3: an upload goes on behind the head of its answer, as far as the peer gives credit."""

    def script(peer: H2Peer) -> None:
        request = peer.head_of_request()
        while len(request.received) < 65_535:
            peer.read_frame()
        peer.send(peer.head(request.stream_id), peer.ping())
        peer.expect(hyperframe.PingFrame)  # the client has seen the head, and waits
        for stream_id in (0, request.stream_id):
            peer.send(peer.window_update(stream_id, 200_000))
        received = len(peer.wait_end(request))
        peer.send(peer.data(request.stream_id, str(received).encode(), True))
        answer_all(peer)

    with H2Server(script) as server:
        server.give_credit = False
        answer = await client.post(server.url, content=bytes(200_000))
        assert (answer.status_code, answer.content) == (200, b"200000")
        assert (await client.get(server.url + "/next")).content == b"/next"
        assert resets(server.peers[0]) == {}


async def test_expect_continue(client: httpcore.AsyncClient) -> None:
    """The body waits for 100, is not sent after 417, and does not wait for long."""

    def script(peer: H2Peer) -> None:
        first = peer.head_of_request()
        time.sleep(0.05)
        assert (first.body, first.ended) == (b"", False)
        peer.send(peer.head(first.stream_id, 100))
        assert peer.wait_end(first) == b"small"
        peer.respond(first.stream_id)
        second = peer.head_of_request()
        peer.respond(second.stream_id, b"no", 417)
        peer.expect(hyperframe.RstStreamFrame, second.stream_id)
        assert second.body == b""
        again = peer.request()
        assert "expect" not in again
        peer.respond(again.stream_id, again.body)
        silent = peer.request()
        peer.respond(silent.stream_id, silent.body)
        peer.read_to_end()

    with H2Server(script) as server:
        headers = {"Expect": "100-continue"}
        for body in (b"", b"small", b"small"):
            answer = await client.post(server.url, content=b"small", headers=headers)
            assert (answer.status_code, answer.content) == (200, body)


@pytest.mark.parametrize(("declared", "given"), [(5, b"1234"), (5, b"123456")])
async def test_body_of_another_length(
    client: httpcore.AsyncClient, declared: int, given: bytes
) -> None:
    """An iterator that gives another length than was declared: an error, and a reset."""
    with H2Server(answer_all) as server:
        headers = {"Content-Length": str(declared)}
        with pytest.raises(httpcore.LocalProtocolError, match="Content-Length is 5"):
            await client.post(server.url, content=iter([given[:3], given[3:]]), headers=headers)
        assert (await client.get(server.url + "/next")).content == b"/next"
        assert resets(server.peers[0]) == {1: Code.CANCEL}


async def test_cx10_iterator_that_raises(client: httpcore.AsyncClient) -> None:
    """What the user's iterator raises comes out bare; the stream is reset."""

    def pieces() -> collections.abc.Iterator[bytes]:
        yield b"one"
        raise ZeroDivisionError

    with H2Server(answer_all) as server:
        with pytest.raises(ZeroDivisionError):
            await client.post(server.url, content=pieces())
        assert (await client.get(server.url + "/next")).content == b"/next"
        assert resets(server.peers[0]) == {1: Code.CANCEL}


# What is sent again.


async def test_h2_1_goaway_before_the_first_answer(client: httpcore.AsyncClient) -> None:
    """H2.1: last id 0: the request goes out again on a new connection, a POST too."""

    def script(peer: H2Peer) -> None:
        peer.request()
        peer.send(peer.goaway(0))
        peer.read_to_end()

    with H2Server(script, answer_all) as server:
        answer = await client.post(server.url + "/post", content=b"again")
        assert answer.content == b"/post"
        assert [peer.requests[1].body for peer in server.peers] == [b"again", b"again"]


async def test_h2_1_iterator_is_not_sent_again(client: httpcore.AsyncClient) -> None:
    """H2.1: what cannot be replayed is an error that says what happened."""

    def script(peer: H2Peer) -> None:
        peer.request()
        peer.send(peer.goaway(0))
        peer.read_to_end()

    with H2Server(script, answer_all) as server:
        with pytest.raises(httpcore.RemoteProtocolError, match="no more requests on this conn"):
            await client.post(server.url, content=iter([b"x"]))
        assert (await client.get(server.url + "/next")).content == b"/next"


async def test_h2_1_goaway_below_ours(client: httpcore.AsyncClient, way: str) -> None:
    """H2.1: lower ids finish, higher ones are resent, nothing new goes to that connection."""

    def script(peer: H2Peer) -> None:
        requests = sorted((peer.request() for _ in range(3)), key=lambda each: each.stream_id)
        peer.send(peer.goaway(2**31 - 1))
        time.sleep(0.02)
        peer.send(peer.goaway(3))
        for request in requests[:2]:
            peer.respond(request.stream_id, b"old " + request[":path"].encode())
        peer.read_to_end()

    with H2Server(script, answer_all) as server:
        bodies = await together(way, *[getting(client, f"{server.url}/{n}") for n in range(3)])
        assert sorted(body[:3] for body in bodies)[-2:] == [b"old", b"old"]
        assert len({body.split(b"/")[-1] for body in bodies}) == 3
        assert (await client.get(server.url + "/new")).content == b"/new"
        assert len(server.peers) == 2


async def test_h2_1_goaway_while_idle(client: httpcore.AsyncClient, way: str) -> None:
    """H2.1: a connection that was ended while nobody used it is not used again."""

    gone = threading.Event()

    def script(peer: H2Peer) -> None:
        peer.respond(peer.request().stream_id)
        peer.send(peer.goaway(1))
        gone.set()
        peer.read_to_end()

    with H2Server(script, answer_all) as server:
        await client.get(server.url)
        assert gone.wait(10)
        await sleep(way, 0.05)
        if way == "asyncio":
            async with asyncio.timeout(10):
                while pool_of(client).keepalive_connections:
                    await asyncio.sleep(0.01)
        answer = await client.post(server.url + "/new", content=iter([b"x"]))
        assert answer.content == b"/new"
        assert len(server.peers) == 2


async def test_h2_2_goaway_with_error(client: httpcore.AsyncClient) -> None:
    """H2.2: the code and what the peer says, escaped and cut; the next request works."""

    def script(peer: H2Peer) -> None:
        peer.request()
        peer.send(peer.goaway(1, Code.ENHANCE_YOUR_CALM, b"too\nmany" * 2000))
        peer.read_to_end()

    with H2Server(script, answer_all) as server:
        with pytest.raises(httpcore.RemoteProtocolError) as caught:
            await client.get(server.url)
        assert "ENHANCE_YOUR_CALM: too\\nmanytoo\\nmany" in str(caught.value)
        assert len(str(caught.value)) < 320
        assert caught.value.request is not None
        assert (await client.get(server.url + "/next")).content == b"/next"


async def test_h2_3_refused_once(client: httpcore.AsyncClient) -> None:
    """H2.3: a refused stream is sent again, a POST too."""

    def script(peer: H2Peer) -> None:
        peer.send(peer.reset(peer.request().stream_id, Code.REFUSED_STREAM))
        answer_all(peer)

    with H2Server(script, answer_all) as server:
        answer = await client.post(server.url + "/post", content=b"again")
        assert answer.content == b"/post"


async def test_h2_3_refused_always(client: httpcore.AsyncClient) -> None:
    """H2.3: after three rounds it is an error."""
    refused = []

    def script(peer: H2Peer) -> None:
        while True:
            refused.append(peer.request())
            peer.send(peer.reset(refused[-1].stream_id, Code.REFUSED_STREAM))

    with H2Server(script) as server:
        with pytest.raises(httpcore.RemoteProtocolError, match="with REFUSED_STREAM before"):
            await client.get(server.url)
        assert len(refused) == 3
        assert pool_of(client).active_connections == []


async def test_used_connection_that_dies(client: httpcore.AsyncClient) -> None:
    """A connection that closes as the next request comes: a GET is sent again, a POST is not."""

    def script(peer: H2Peer) -> None:
        peer.respond(peer.request().stream_id)
        peer.request()
        peer.wait_acknowledged()  # bytes that are left would make it a RST

    with H2Server(script) as server:
        await client.get(server.url)
        assert (await client.get(server.url)).status_code == 200
        with pytest.raises(httpcore.RemoteProtocolError, match="closed the connection before"):
            await client.post(server.url, content=b"x")
        assert len(server.peers) == 2


async def test_new_connection_that_dies(client: httpcore.AsyncClient) -> None:
    """A connection that never carried an answer is no reason to try again."""

    def script(peer: H2Peer) -> None:
        peer.request()
        peer.wait_acknowledged()

    with H2Server(script) as server:
        with pytest.raises(httpcore.RemoteProtocolError, match="closed the connection before"):
            await client.get(server.url)
        assert len(server.peers) == 1


async def test_connection_that_is_reset(client: httpcore.AsyncClient) -> None:
    """A RST of TCP is a ReadError, with the cause."""
    answered = threading.Event()

    def script(peer: H2Peer) -> None:
        stream_id = peer.request().stream_id
        peer.wait_acknowledged()  # the system tells of a RST once: who writes would be told
        peer.send(peer.head(stream_id), peer.data(stream_id, b"abc"))
        assert answered.wait(10)
        peer.connection.reset()

    with H2Server(script, answer_all) as server:
        answer = await client.get(server.url, stream=True)
        answered.set()
        with pytest.raises(httpcore.ReadError) as caught:
            await answer.read()
        assert caught.value.__cause__ is not None
        assert (await client.get(server.url + "/next")).content == b"/next"


async def test_answer_before_the_connection_breaks(client: httpcore.AsyncClient) -> None:
    """An answer that came before a write failed counts."""

    def script(peer: H2Peer) -> None:
        stream_id = peer.head_of_request().stream_id
        peer.send(peer.settings({h2_server.INITIAL_WINDOW_SIZE: 2**31 - 1}))
        peer.send(peer.window_update(0, 2**30))
        peer.expect_ack()
        peer.respond(stream_id, b"no", 403)
        peer.send(peer.goaway(stream_id))

    with H2Server(script, answer_all) as server:
        answer = await client.post(server.url, content=bytes(50_000_000))
        assert (answer.status_code, answer.content) == (403, b"no")
        assert (await client.get(server.url + "/next")).content == b"/next"


async def test_tls_that_is_cut(make_client: MakeClient, certs: Certs) -> None:
    """A connection that ends without close_notify is no better than one that is closed."""

    def script(peer: H2Peer) -> None:
        stream_id = peer.request().stream_id
        peer.send(peer.head(stream_id), peer.data(stream_id, b"ha"))
        peer.wait_acknowledged()
        peer.connection.cut()

    with H2Server(script, tls=certs.server.server_context(["h2"])) as server:
        client = make_client(ssl=str(certs.ca))
        with pytest.raises(httpcore.RemoteProtocolError, match="after 2 bytes of the body"):
            await client.get(server.url)


@pytest.mark.ways("asyncio", "trio")
async def test_write_fails_while_another_reads(way: str) -> None:
    """Then the reader is told, and nothing of it is left."""

    def script(peer: H2Peer) -> None:
        peer.respond(peer.request().stream_id)
        peer.read_to_end()

    backend = FaultyBackend(ways.make_backend(way), 0, httpcore.WriteError("injected"))
    with H2Server(script, answer_all) as server:
        async with ways.make_client(way, http2="only", backend=backend) as client:
            await client.get(server.url)

            async def fails() -> bytes:
                await sleep(way, 0.05)
                backend.fail_at = backend.count + 1
                return (await client.get(server.url + "/second")).content

            bodies = await together(way, getting(client, server.url + "/first"), fails)
            assert bodies == [b"/first", b"/second"]
            assert len(server.peers) == 2


async def test_h2_14_stream_ids_run_out(client: httpcore.AsyncClient) -> None:
    """H2.14: then there is a new connection, and no error."""
    with H2Server(answer_all) as server:
        await client.get(server.url)
        (connection,) = pool_of(client).keepalive_connections
        connection._protocol._state._next_id = 2**31 - 1
        assert (await client.get(server.url + "/last")).content == b"/last"
        assert pool_of(client).keepalive_connections == []
        assert (await client.get(server.url + "/new")).content == b"/new"
        assert len(server.peers) == 2


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_h2_15_dead_peer(
    client: httpcore.AsyncClient, monkeypatch: pytest.MonkeyPatch, way: str, method: str
) -> None:
    """H2.15: a peer that is gone without a word is found by PING; a GET is sent again."""
    monkeypatch.setattr(http2_module, "_QUIET_SECONDS", 0.2)

    def script(peer: H2Peer) -> None:
        peer.respond(peer.request().stream_id)
        peer.connection.peer_closed.wait(5)  # reads nothing any more

    with H2Server(script, answer_all) as server:
        await client.get(server.url)
        await sleep(way, 0.25)
        began = time.monotonic()
        if method == "GET":
            assert (await client.get(server.url + "/again")).content == b"/again"
        else:
            with pytest.raises(httpcore.ReadError, match="did not even answer a PING"):
                await client.post(server.url, content=b"x")
        assert time.monotonic() - began < 5
        server.peers[0].connection.peer_closed.set()


async def test_h2_15_slow_peer(
    make_client: MakeClient, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    """H2.15: a peer that answers the PING has its time for the request."""
    patience = 0.6
    monkeypatch.setattr(http2_module, "_QUIET_SECONDS", patience)

    def script(peer: H2Peer) -> None:
        for pause in (0, 0, patience + 0.1):
            request = peer.request()
            peer.read_for(0.01 + pause)
            peer.respond(request.stream_id)
        peer.read_to_end()

    with H2Server(script) as server:
        client = make_client(http2="only", timeout=10)
        await client.get(server.url)
        (connection,) = pool_of(client).keepalive_connections
        for timeout in (10, 10, patience + 0.1, patience / 2):
            connection._protocol._state.last_received -= 2 * patience  # it was quiet
            if timeout == 10:
                await client.get(server.url)
                continue
            with pytest.raises(httpcore.ReadTimeout):
                await client.get(server.url, timeout=timeout)
        pings = [
            frame for frame in server.peers[0].frames if isinstance(frame, hyperframe.PingFrame)
        ]
        assert len(pings) == 4
        assert len(server.peers) == 1


# Errors of one stream.


async def test_h2_3_cancel_in_the_body(client: httpcore.AsyncClient, way: str) -> None:
    """H2.3: RPE for that response; the other one goes on."""

    def script(peer: H2Peer) -> None:
        requests = {}
        for _ in range(2):
            request = peer.request()
            requests[request[":path"]] = request.stream_id
        for stream_id in requests.values():
            peer.send(peer.head(stream_id), peer.data(stream_id, b"abc"))
        peer.send(peer.reset(requests["/bad"], Code.CANCEL))
        peer.send(peer.data(requests["/good"], b"def", True))
        answer_all(peer)

    with H2Server(script) as server:
        bad, good = await together(
            way, getting(client, server.url + "/bad"), getting(client, server.url + "/good")
        )
        assert isinstance(bad, httpcore.RemoteProtocolError)
        assert "reset the stream with CANCEL after 3 bytes" in str(bad)
        assert good == b"abcdef"
        assert (await client.get(server.url + "/next")).content == b"/next"
        assert len(server.peers) == 1


async def test_h2_11_malformed_response(client: httpcore.AsyncClient) -> None:
    """H2.11: RPE that names the peer; the connection goes on."""

    def script(peer: H2Peer) -> None:
        peer.send(peer.head(peer.request().stream_id, 200, [("Upper", "x")]))
        answer_all(peer)

    with H2Server(script) as server:
        with pytest.raises(httpcore.RemoteProtocolError, match=r"127.0.0.1:\d+ sent 'Upper'"):
            await client.get(server.url)
        assert (await client.get(server.url + "/next")).content == b"/next"
        assert resets(server.peers[0]) == {1: Code.PROTOCOL_ERROR}
        assert len(server.peers) == 1


async def test_h2_12_short_body(client: httpcore.AsyncClient) -> None:
    """H2.12: a body that is shorter than it should be is never taken for whole."""

    def script(peer: H2Peer) -> None:
        stream_id = peer.request().stream_id
        peer.respond(stream_id, b"9 bytes..", 200, [("content-length", "10")])
        answer_all(peer)

    with H2Server(script) as server:
        with pytest.raises(httpcore.RemoteProtocolError, match="after 9 bytes a body that should"):
            await client.get(server.url)
        assert (await client.get(server.url + "/next")).content == b"/next"


async def test_timeout_of_one_stream(make_client: MakeClient, way: str) -> None:
    """Each wait has its own limit, whoever reads: one is over while another goes on."""

    def script(peer: H2Peer) -> None:
        streams = {}
        for _ in range(2):
            request = peer.request()
            streams[request[":path"]] = request.stream_id
        peer.send(peer.head(streams["/lives"]))
        for _ in range(8):
            time.sleep(0.2)
            peer.send(peer.data(streams["/lives"], b"x"))
        peer.send(peer.data(streams["/lives"], b"", True))
        answer_all(peer)

    with H2Server(script) as server:
        client = make_client(http2="only", timeout=1)
        ended = []

        async def starves() -> None:
            with pytest.raises(httpcore.ReadTimeout, match=r"response of .* 1 s \(read_timeout"):
                await client.get(server.url + "/starves")
            ended.append("starves")

        async def lives() -> None:
            assert (await client.get(server.url + "/lives")).content == b"xxxxxxxx"
            ended.append("lives")

        await together(way, starves, lives)
        assert ended == ["starves", "lives"]
        assert (await client.get(server.url + "/next")).content == b"/next"
        assert Code.CANCEL in resets(server.peers[0]).values()
        assert len(server.peers) == 1


async def test_total_timeout(make_client: MakeClient, way: str) -> None:
    """A body that drips ends at the total limit, for the one who reads and the one who waits."""

    def script(peer: H2Peer) -> None:
        streams = [peer.request().stream_id for _ in range(2)]
        peer.send(*[peer.head(stream_id) for stream_id in streams])
        while True:
            time.sleep(0.05)
            peer.send(*[peer.data(stream_id, b"x") for stream_id in streams])

    with H2Server(script) as server:
        client = make_client(http2="only", timeout=httpcore.TimeoutConfig(total_timeout=0.4))
        errors = await together(way, *[getting(client, server.url)] * 2)
        assert [type(error) for error in errors] == [httpcore.TotalTimeout] * 2


# Errors of the connection: RPE, and the next request works on another one.

BREAKING: dict[str, tuple[str, collections.abc.Callable[[H2Peer], bytes]]] = {
    "push": ("pushed a response", lambda peer: peer.frame(h2_server.PUSH_PROMISE, 4, 1, bytes(4))),
    "enable push": ("rules of HTTP/2", lambda peer: peer.settings({h2_server.ENABLE_PUSH: 1})),
    "frame of 16385": ("frame of 16385 bytes", lambda peer: peer.frame(0, 0, 1, bytes(16_385))),
    "window": ("WINDOW_UPDATE of 0", lambda peer: peer.window_update(0, 0)),
    "settings": ("rules of HTTP/2", lambda peer: peer.settings({h2_server.MAX_FRAME_SIZE: 16_383})),
    "continuation": (
        "header block of",
        lambda peer: peer.frame(1, 0, 1) + peer.frame(9, 0, 1, b"") * 100_000,
    ),
    "ping flood": ("that bring nothing", lambda peer: peer.ping() * 100_000),
    "settings flood": ("that bring nothing", lambda peer: peer.settings({}) * 100_000),
    "window too large": ("rules of HTTP/2", lambda peer: peer.window_update(0, 2**31 - 1)),
    "data flood": ("that bring nothing", lambda peer: peer.head(1) + peer.data(1) * 100_000),
}


async def test_h2_6_settings(client: httpcore.AsyncClient) -> None:
    """A SETTINGS_MAX_FRAME_SIZE of 16383 ends the connection."""
    await check_broken(client, "settings")


@pytest.mark.parametrize("name", ["frame of 16385", "window", "window too large"])
async def test_h2_7_flow_control(client: httpcore.AsyncClient, name: str) -> None:
    """So do frames and windows that are too large, and an increment of 0."""
    await check_broken(client, name)


async def test_h2_8_continuation_flood(client: httpcore.AsyncClient) -> None:
    """So does a header block that never ends."""
    await check_broken(client, "continuation")


@pytest.mark.parametrize("name", ["ping flood", "settings flood", "data flood"])
async def test_h2_9_floods(client: httpcore.AsyncClient, name: str) -> None:
    """So do 100,000 frames that bring nothing."""
    await check_broken(client, name)


@pytest.mark.parametrize("name", ["push", "enable push"])
async def test_h2_10_push(client: httpcore.AsyncClient, name: str) -> None:
    """So does a push, and the announcement of one."""
    await check_broken(client, name)


async def check_broken(client: httpcore.AsyncClient, name: str) -> None:
    """An error that says why, GOAWAY where it can be sent, a fresh connection."""
    said, make = BREAKING[name]

    def script(peer: H2Peer) -> None:
        peer.request()
        peer.send(make(peer))
        peer.read_to_end()

    with H2Server(script, answer_all) as server:
        with pytest.raises(httpcore.RemoteProtocolError, match=said):
            await client.get(server.url)
        assert pool_of(client).active_connections == []
        assert (await client.get(server.url + "/next")).content == b"/next"
        assert len(server.peers) == 2


async def test_goaway_tells_the_peer(client: httpcore.AsyncClient) -> None:
    """A peer that broke the rules is told which error that was."""

    def script(peer: H2Peer) -> None:
        peer.request()
        peer.send(peer.window_update(0, 0))
        peer.read_to_end()

    with H2Server(script) as server:
        with pytest.raises(httpcore.RemoteProtocolError):
            await client.get(server.url)
        assert server.peers[0].connection.peer_closed.wait(5)
    assert isinstance(server.peers[0].frames[-1], hyperframe.GoAwayFrame)
    assert server.peers[0].frames[-1].error_code == Code.PROTOCOL_ERROR


async def test_h2_9_peer_that_does_not_read(make_client: MakeClient) -> None:
    """H2.9: acknowledgements that the peer does not take do not pile up."""

    def script(peer: H2Peer) -> None:
        peer.request()
        try:
            for _ in range(100):
                peer.send(peer.ping() * 1000)
        except OSError:
            pass
        peer.connection.peer_closed.wait(5)

    with H2Server(script, answer_all) as server:
        client = make_client(http2="only", timeout=2)
        with pytest.raises((httpcore.RemoteProtocolError, httpcore.WriteTimeout)):
            await client.get(server.url)
        server.peers[0].connection.peer_closed.set()
        assert (await client.get(server.url + "/next")).content == b"/next"


@pytest.mark.parametrize("reply", [b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n", b""])
async def test_h2_18_no_http2_after_all(
    make_client: MakeClient, certs: Certs, reply: bytes
) -> None:
    """H2.18: a server that agreed on HTTP/2 and speaks something else, or nothing."""

    def handler(connection: RawConnection) -> None:
        connection.receive()
        connection.send(reply)

    with RawServer(handler, tls=certs.server.server_context(["h2"])) as server:
        client = make_client(ssl=str(certs.ca))
        said = r"answered in HTTP/1; it starts 'HTTP" if reply else "closed the connection instead"
        with pytest.raises(httpcore.RemoteProtocolError, match=f"agreed on HTTP/2, but {said}"):
            await client.get(server.url)
        assert pool_of(client).active_connections == []


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (
            b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n",
            r"answered in HTTP/1; it starts 'HTTP/1.1 400 Bad .*'; leave http2='only' out to speak",
        ),
        (b"", r"closed the connection instead; leave http2='only' out to speak HTTP/1.1$"),
        (
            b"\x15\x03\x01\x00\x02\x02\x46",
            r"closed the connection instead; is the URL to begin with https\?$",
        ),
    ],
)
async def test_h2_18_no_http2_where_it_was_assumed(
    make_client: MakeClient, reply: bytes, said: str
) -> None:
    """H2.18: by prior knowledge nothing was agreed; the error says what was assumed."""

    def handler(connection: RawConnection) -> None:
        connection.receive()
        connection.send(reply)
        connection.shut()
        connection.wait_closed()

    with RawServer(handler) as server:
        client = make_client(http2="only")
        with pytest.raises(
            httpcore.RemoteProtocolError,
            match=rf":{server.port} was spoken to in HTTP/2, as http2='only' says .*{said}",
        ):
            await client.get(server.url)
        assert pool_of(client).active_connections == []


async def test_h2_18_a_real_server_of_http11(make_client: MakeClient, nginx: Nginx) -> None:
    """H2.18: what such a server answers to the preface."""
    with pytest.raises(httpcore.RemoteProtocolError, match="http2='only' out"):
        await make_client(http2="only").get(nginx.url)


@pytest.mark.parametrize("by", ["reset", "goaway"])
async def test_h2_18_http11_required(make_client: MakeClient, certs: Certs, by: str) -> None:
    """H2.18: HTTP_1_1_REQUIRED: the request goes out again over HTTP/1.1, a POST too."""

    def handler(connection: RawConnection) -> None:
        if connection.sock.selected_alpn_protocol() != "h2":  # type: ignore[attr-defined]
            request = connection.read_request()
            connection.send(response(request.body))
            connection.wait_closed()
            return
        assert connection.read_exactly(24) == h2_server.PREFACE
        peer = H2Peer(connection)
        peer.send(peer.settings())
        stream_id = peer.request().stream_id
        code = Code.HTTP_1_1_REQUIRED
        peer.send(peer.reset(stream_id, code) if by == "reset" else peer.goaway(0, code))
        peer.read_to_end()

    context = certs.server.server_context(["h2", "http/1.1"])
    with RawServer(handler, tls=context) as server:
        client = make_client(ssl=str(certs.ca))
        answer = await client.post(server.url, content=b"body")
        assert (answer.protocol, answer.content) == ("HTTP/1.1", b"body")
        only = make_client(ssl=str(certs.ca), http2="only")
        with pytest.raises(httpcore.RemoteProtocolError, match="HTTP_1_1_REQUIRED"):
            await only.post(server.url, content=b"body")


async def test_only_http2_where_there_is_none(make_client: MakeClient, certs: Certs) -> None:
    """`http2="only"` does not fall back."""
    with RawServer.replies([], tls=certs.server.server_context(["http/1.1"])) as server:
        client = make_client(ssl=str(certs.ca), http2="only")
        with pytest.raises(httpcore.ConnectError, match="does not offer HTTP/2 by ALPN"):
            await client.get(server.url)
        assert pool_of(client).active_connections == []


# A connection on its own, without a pool.


async def test_connection_on_its_own(way: str, to_close: list[typing.Any]) -> None:
    """It carries several exchanges at once, as many as the peer allows, and is opened again."""
    refused = threading.Event()

    def script(peer: H2Peer) -> None:
        peer.respond(peer.request().stream_id, b"first")
        for _ in range(2):
            stream_id = peer.request().stream_id
            peer.send(peer.head(stream_id))
        assert refused.wait(10)
        # Before the bodies: who has read them is not to find the connection good.
        ends = [peer.data(each, b"both", True) for each in (stream_id - 2, stream_id)]
        peer.send(peer.goaway(stream_id), *ends)
        peer.read_to_end()

    settings = {h2_server.MAX_CONCURRENT_STREAMS: 2}
    with H2Server(script, answer_all, settings=settings) as server:
        connection = httpcore.HTTPConnection(
            server.url, http2="only", backend=ways.make_backend(way)
        )
        to_close.append(connection)

        async def get() -> typing.Any:
            return await connection.request("GET", server.url, stream=True)

        first = await get()
        assert await first.read() == b"first"
        held = [await get(), await get()]
        with pytest.raises(httpcore.RemoteProtocolError, match="no more requests at the moment"):
            await get()
        refused.set()
        for answer in held:
            assert await answer.read() == b"both"
        assert await (await get()).read() == b"/"
        assert len(server.peers) == 2


async def test_connection_on_its_own_that_retires(way: str, to_close: list[typing.Any]) -> None:
    """What it has is finished while a new connection takes what comes."""
    new_one = threading.Event()

    def script(peer: H2Peer) -> None:
        stream_id = peer.request().stream_id
        peer.send(peer.head(stream_id), peer.goaway(stream_id))
        new_one.wait(5)
        peer.send(peer.data(stream_id, b"old", True))
        peer.read_to_end()

    with H2Server(script, answer_all) as server:
        connection = httpcore.HTTPConnection(
            server.url, http2="only", backend=ways.make_backend(way)
        )
        to_close.append(connection)
        old: typing.Any = await connection.request("GET", server.url, stream=True)
        await sleep(way, 0.05)
        new = await connection.request("GET", server.url + "/new")
        new_one.set()
        assert (await old.read(), new.content) == (b"old", b"/new")
        assert server.peers[0].connection.peer_closed.wait(5)


async def test_capacity_is_told_before_anybody_is_woken(
    way: str, to_close: list[typing.Any]
) -> None:
    """Who has to send again would else find the connection that has just ended, again."""
    log: list[str] = []
    waits = threading.Event()

    class Backend(type(ways.make_backend(way))):  # type: ignore[misc]
        def event(self) -> Event:
            return Logged(super().event())

    class Told(httpcore.HTTPConnection):
        def on_capacity(self, capacity: int) -> None:
            log.append(f"capacity {capacity}")

    class Logged(Event):
        def __init__(self, inner: Event) -> None:
            self.inner = inner

        def set(self) -> None:
            if connection.capacity == 0:  # else it is somebody's turn to read
                log.append("woken")
            self.inner.set()

        def is_set(self) -> bool:
            return self.inner.is_set()

        async def wait(self, seconds: float | None) -> bool:
            waits.set()
            return await self.inner.wait(seconds)

    def script(peer: H2Peer) -> None:
        peer.respond(peer.request().stream_id, b"first")
        last_id = peer.request().stream_id
        peer.request()
        assert waits.wait(5)  # one of them reads, the other one waits for that
        peer.send(peer.goaway(last_id - 2))
        peer.read_to_end()

    with H2Server(script) as server:
        connection = Told(server.url, http2="only", backend=Backend())
        to_close.append(connection)

        async def get() -> httpcore.Response:
            return typing.cast("httpcore.Response", await connection.request("GET", server.url))

        assert (await get()).content == b"first"
        results = await together(way, get, get)
        assert all(isinstance(result, httpcore.RemoteProtocolError) for result in results)
        ended = log.index("capacity 0")
        assert log[ended + 1] == "woken"


async def test_body_after_its_end(client: httpcore.AsyncClient) -> None:
    """A body stream that has ended stays so."""
    with H2Server(answer_all) as server:
        answer = await client.get(server.url, stream=True)
        body = answer._body
        await answer.read()
        assert await anext(body, None) is None
        body.abandon()
        await body.aclose()
        assert (await client.get(server.url + "/next")).content == b"/next"


# The peer's limits.


async def test_h2_5_no_streams(client: httpcore.AsyncClient) -> None:
    """H2.5: MAX_CONCURRENT_STREAMS 0: what is under way ends, the next goes elsewhere."""

    def script(peer: H2Peer) -> None:
        stream_id = peer.request().stream_id
        peer.send(peer.settings({h2_server.MAX_CONCURRENT_STREAMS: 0}))
        peer.expect_ack()
        peer.respond(stream_id, b"first")
        peer.read_to_end()

    with H2Server(script, answer_all) as server:
        assert (await client.get(server.url)).content == b"first"
        assert (await client.get(server.url + "/next")).content == b"/next"
        assert len(server.peers) == 2


async def test_h2_5_limit_is_lowered(make_client: MakeClient, way: str) -> None:
    """H2.5: from 100 to 5 with 20 open: all are answered, then 5 at a time, no deadlock."""
    lowered = threading.Event()

    def script(peer: H2Peer) -> None:
        peer.respond(peer.request().stream_id)
        requests = [peer.request() for _ in range(20)]
        peer.send(peer.settings({h2_server.MAX_CONCURRENT_STREAMS: 5}))
        peer.expect_ack()
        lowered.set()
        for request in requests:
            peer.respond(request.stream_id, b"early")
        answer_all(peer)

    with H2Server(script, settings={h2_server.MAX_CONCURRENT_STREAMS: 100}) as server:
        limits = httpcore.PoolLimits(hard_limit=1)
        client = make_client(http2="only", pool_limits=limits)
        await client.get(server.url)

        async def later() -> bytes:
            while not lowered.is_set():
                await sleep(way, 0.01)
            return (await client.get(server.url + "/late")).content

        early = [getting(client, server.url)] * 20
        bodies = await together(way, *early, *[later] * 20)
        assert bodies == [b"early"] * 20 + [b"/late"] * 20
        assert len(server.peers) == 1


async def test_h2_5_pool_timeout(make_client: MakeClient, way: str) -> None:
    """H2.5: with all streams in use and no connection allowed, PoolTimeout."""

    def script(peer: H2Peer) -> None:
        peer.send(peer.head(peer.request().stream_id))
        peer.read_to_end()

    with H2Server(script, settings={h2_server.MAX_CONCURRENT_STREAMS: 1}) as server:
        limits = httpcore.PoolLimits(hard_limit=1, pool_timeout=0.2)
        client = make_client(http2="only", pool_limits=limits)
        held = await client.get(server.url, stream=True)
        with pytest.raises(httpcore.PoolTimeout, match=server.url):
            await client.get(server.url)
        await held.close()


# Windows.


async def test_h2_16_streams_closed_unread(client: httpcore.AsyncClient) -> None:
    """H2.16: 100 bodies of 60 KB that nobody reads do not use up the connection."""

    def script(peer: H2Peer) -> None:
        for _ in range(100):
            stream_id = peer.request().stream_id
            peer.send(peer.head(stream_id), peer.data(stream_id, bytes(60_000)))
            peer.expect(hyperframe.RstStreamFrame)
            peer.send(peer.data(stream_id, bytes(16_000)))
        answer_all(peer)

    with H2Server(script) as server:
        for _ in range(100):
            await (await client.get(server.url, stream=True)).close()
        assert (await client.get(server.url + "/next")).content == b"/next"
        assert len(server.peers) == 1


async def test_h2_17_body_that_nobody_reads(client: httpcore.AsyncClient) -> None:
    """H2.17: it holds one window, and another stream finishes."""
    limit = STREAM_WINDOW_BYTES

    def script(peer: H2Peer) -> None:
        held = peer.request().stream_id
        peer.send(peer.head(held), peer.data(held, bytes(limit)))
        stream_id = peer.request().stream_id
        peer.send(peer.head(stream_id), peer.data(stream_id, bytes(limit)))
        peer.expect(hyperframe.WindowUpdateFrame, stream_id)
        peer.send(peer.data(stream_id, bytes(limit // 2), True))
        peer.read_to_end()

    with H2Server(script) as server:
        held = await client.get(server.url, stream=True)
        other = await client.get(server.url)
        assert len(other.content) == limit * 3 // 2
        await held.close()
        await client.close()
        assert server.peers[0].connection.peer_closed.wait(10)
        updates = [
            frame.stream_id
            for frame in server.peers[0].frames
            if isinstance(frame, hyperframe.WindowUpdateFrame)
        ]
        assert set(updates) == {0, 3}


@pytest.mark.ways("asyncio")
async def test_ping_is_answered_while_idle(client: httpcore.AsyncClient) -> None:
    """Where the loop can watch, PING and SETTINGS are answered while nobody uses the connection."""
    answered = threading.Event()

    def script(peer: H2Peer) -> None:
        peer.respond(peer.request().stream_id)
        time.sleep(0.05)
        peer.send(peer.ping(b"are you?"))
        assert peer.expect(hyperframe.PingFrame).opaque_data == b"are you?"
        answered.set()
        answer_all(peer)

    with H2Server(script) as server:
        await client.get(server.url)
        async with asyncio.timeout(10):
            while not answered.is_set():
                await asyncio.sleep(0.01)
        assert len(pool_of(client).keepalive_connections) == 1


# Giving up.


async def test_close_in_the_middle(client: httpcore.AsyncClient) -> None:
    """A body that is closed half-way resets its stream; the connection is kept."""

    def script(peer: H2Peer) -> None:
        stream_id = peer.request().stream_id
        peer.send(peer.head(stream_id), peer.data(stream_id, b"half"))
        peer.expect(hyperframe.RstStreamFrame)
        answer_all(peer)

    with H2Server(script) as server:
        answer = await client.get(server.url, stream=True)
        await answer.close()
        await answer.close()
        assert pool_of(client).active_connections == []
        assert (await client.get(server.url + "/next")).content == b"/next"
        assert resets(server.peers[0]) == {1: Code.CANCEL}


async def test_close_after_the_end_arrived(client: httpcore.AsyncClient, way: str) -> None:
    """A body that has come whole needs no reset."""
    with H2Server(answer_all) as server:
        answer = await client.get(server.url + "/whole", stream=True)
        if way == "asyncio":
            await asyncio.sleep(0.05)
        else:
            await (await client.get(server.url)).read()
        await answer.close()
        assert (await client.get(server.url + "/next")).content == b"/next"
        assert resets(server.peers[0]) == {}


async def test_abandoned_response(client: httpcore.AsyncClient) -> None:
    """A response that is dropped warns, and its stream is reset when the pool is used next."""

    def script(peer: H2Peer) -> None:
        stream_id = peer.request().stream_id
        peer.send(peer.head(stream_id))
        answer_all(peer)

    with H2Server(script) as server:
        dropped = [await client.get(server.url, stream=True)]
        with pytest.warns(ResourceWarning, match="was dropped without being read or closed"):
            dropped.clear()
            gc.collect()  # PyPy does not count references
        assert (await client.get(server.url + "/next")).content == b"/next"
        assert pool_of(client).active_connections == []
        assert resets(server.peers[0]) == {1: Code.CANCEL}


async def test_redirect_is_drained(client: httpcore.AsyncClient) -> None:
    """The body of a redirect is read where it is short, and reset where it is long or late."""

    def script(peer: H2Peer) -> None:
        while True:
            request = peer.request()
            if request[":path"] == "/end":
                peer.respond(request.stream_id, b"end")
                continue
            peer.send(peer.head(request.stream_id, 302, [("location", "/end")]))
            size = {"/short": 10, "/long": 500_000}.get(request[":path"], 0)
            if size:
                time.sleep(0.02)
                peer.send(peer.data(request.stream_id, bytes(size), True))

    with H2Server(script) as server:
        for path in ("/short", "/long", "/late"):
            assert (await client.get(server.url + path)).content == b"end"
        paths = {
            request.stream_id: request[":path"] for request in server.peers[0].requests.values()
        }
        assert "/short" not in [paths[stream_id] for stream_id in resets(server.peers[0])]
        assert "/late" in [paths[stream_id] for stream_id in resets(server.peers[0])]
        assert pool_of(client).active_connections == []


async def test_client_closed_in_the_middle(make_client: MakeClient, way: str) -> None:
    """Exchanges under way fail with a NetworkError that says so, waiting or reading."""
    waiting = threading.Event()

    def script(peer: H2Peer) -> None:
        for _ in range(3):
            request = peer.request()
            if request[":path"] == "/head":
                peer.send(peer.head(request.stream_id))
        waiting.set()
        peer.read_to_end()

    with H2Server(script) as server:
        client = make_client(http2="only")

        async def close() -> None:
            while not waiting.is_set():
                await sleep(way, 0.01)
            await sleep(way, 0.02)
            await client.close()

        urls = [server.url, server.url, server.url + "/head"]
        *errors, _ = await together(way, *[getting(client, url) for url in urls], close)
        assert [type(error) for error in errors] == [httpcore.NetworkError] * 3
        assert all("the client was closed" in str(error) for error in errors)


def cancelling(way: str) -> typing.Any:
    """`async with cancelling(way) as start:` runs tasks whose `cancel()` it gives."""
    return _Tasks(way)


class _Tasks:
    """Tasks of asyncio or trio, each of which can be cancelled."""

    def __init__(self, way: str) -> None:
        self.way = way
        self.results: dict[int, typing.Any] = {}

    async def __aenter__(self) -> _Tasks:
        self._group: typing.Any = (
            asyncio.TaskGroup() if self.way == "asyncio" else trio.open_nursery()
        )
        self._open = await self._group.__aenter__()
        return self

    async def __aexit__(self, *exc_info: typing.Any) -> None:
        await self._group.__aexit__(*exc_info)

    def start(self, run: Run) -> collections.abc.Callable[[], object]:
        number = len(self.results)
        self.results[number] = "running"

        async def note() -> None:
            try:
                self.results[number] = await run()
            except Exception as exc:
                self.results[number] = exc

        if self.way == "asyncio":
            return typing.cast("typing.Any", self._open.create_task(note())).cancel
        scope = trio.CancelScope()

        async def in_scope() -> None:
            with scope:
                await note()

        self._open.start_soon(in_scope)
        return scope.cancel


@pytest.mark.ways("asyncio", "trio")
async def test_cx5_reader_is_cancelled(client: httpcore.AsyncClient, way: str) -> None:
    """CX5: the one who reads is cancelled while ten wait: another reads on; CX4: it is reset."""
    came: list[h2_server.H2Request] = []
    go_on = threading.Event()

    def script(peer: H2Peer) -> None:
        for _ in range(11):
            came.append(peer.request())
        assert go_on.wait(10)
        for request in came[1:]:
            peer.respond(request.stream_id, b"answer")
        answer_all(peer)

    with H2Server(script) as server:
        async with cancelling(way) as tasks:
            cancel = tasks.start(getting(client, server.url + "/first"))
            await until(way, lambda: len(came) == 1)
            for _ in range(10):
                tasks.start(getting(client, server.url))
            await until(way, lambda: len(came) == 11)
            cancel()
            await sleep(way, 0.02)
            go_on.set()
        assert list(tasks.results.values()) == ["running"] + [b"answer"] * 10
        assert (await client.get(server.url + "/next")).content == b"/next"
        assert len(server.peers) == 1
        assert resets(server.peers[0]) == {1: Code.CANCEL}
        assert pool_of(client).active_connections == []


PIECE = bytes(range(251)) * 4000


class StopsReading:
    """A script: read nothing behind the first request until `reads_on`, then answer all."""

    def __init__(self, first_request: bool = True) -> None:
        self.stopped = threading.Event()
        self.reads_on = threading.Event()
        self.first_is_answered = False
        self._first_request = first_request

    def __call__(self, peer: H2Peer) -> None:
        peer.send(peer.settings({h2_server.INITIAL_WINDOW_SIZE: 2**31 - 1}))
        peer.send(peer.window_update(0, 2**30))
        first = peer.request() if self._first_request else None
        self.stopped.set()
        assert self.reads_on.wait(10)
        upload = peer.head_of_request()
        assert upload[":path"] == "/upload"
        reset = peer.expect(hyperframe.RstStreamFrame, upload.stream_id)
        assert (reset.error_code, upload.ended) == (Code.CANCEL, False)
        repeats = len(upload.body) // len(PIECE) + 1
        assert upload.body == (PIECE * repeats)[: len(upload.body)]
        if first is not None and not self.first_is_answered:
            peer.respond(first.stream_id, first[":path"].encode())
        answer_all(peer)


@contextlib.contextmanager
def reached_by(
    by: str, script: StopsReading, make_client: MakeClient, certs: Certs
) -> collections.abc.Iterator[tuple[httpcore.AsyncClient, H2Server]]:
    """A client with small buffers for sending, and the server that it reaches `by` so much TLS."""
    options: dict[str, typing.Any] = {"http2": "only", "ssl": str(certs.ca), "timeout": 10}
    options["connect"] = httpcore.ConnectConfig(
        socket_options=[(socket.SOL_SOCKET, socket.SO_SNDBUF, 32_768)]
    )
    with contextlib.ExitStack() as stack:
        tls = None if by == "TCP" else certs.server.server_context(["h2"])
        if by == "TLS in TLS":
            context = certs.server.server_context()
            proxy = stack.enter_context(RawServer(connect_proxy, tls=context))
            options["proxies"] = httpcore.Proxy(proxy.url, ssl=str(certs.ca))
        server = stack.enter_context(H2Server(script, tls=tls))
        yield make_client(**options), server


@pytest.mark.parametrize("by", ["TCP", "TLS", "TLS in TLS"])
async def test_cx4_limit_in_mid_write(
    make_client: MakeClient, certs: Certs, way: str, by: str
) -> None:
    """CX4: who waits completes the frame and resets the stream; the others do not notice."""
    script = StopsReading()
    begun = threading.Event()

    def pieces() -> collections.abc.Iterator[bytes]:
        begun.set()  # when the first one is wanted: the stream has been opened
        yield from itertools.repeat(PIECE)

    with reached_by(by, script, make_client, certs) as (client, server):

        async def upload() -> None:
            await reached(way, script.stopped)
            limits = httpcore.TimeoutConfig(write_timeout=0.3)
            with pytest.raises(httpcore.WriteTimeout):
                await client.post(server.url + "/upload", content=pieces(), timeout=limits)
            script.reads_on.set()

        async def behind() -> bytes:
            await reached(way, begun)
            return (await client.get(server.url + "/behind")).content

        results = await together(way, getting(client, server.url + "/waits"), upload, behind)
        assert results == [b"/waits", None, b"/behind"]
        assert pool_of(client).active_connections == []
        assert (await client.get(server.url + "/next")).content == b"/next"
        assert len(server.peers) == 1


@pytest.mark.parametrize("by", ["TCP", "TLS"])
async def test_cx4_limit_in_mid_write_while_nobody_waits(
    make_client: MakeClient, certs: Certs, by: str
) -> None:
    """CX4: the next request completes the frame."""
    script = StopsReading(first_request=False)
    with reached_by(by, script, make_client, certs) as (client, server):
        limits = httpcore.TimeoutConfig(write_timeout=0.2)
        with pytest.raises(httpcore.WriteTimeout):
            content = itertools.repeat(PIECE)
            await client.post(server.url + "/upload", content=content, timeout=limits)
        assert pool_of(client).active_connections == []
        script.reads_on.set()
        for path in ("/one", "/two"):
            assert (await client.get(server.url + path)).content == path.encode()
        assert len(server.peers) == 1


async def test_cx4_who_waits_has_a_limit_of_its_own(
    make_client: MakeClient, certs: Certs, way: str
) -> None:
    """CX4: where nobody takes the rest of another's frame, that is not the fault of who waits."""
    script = StopsReading()
    with reached_by("TCP", script, make_client, certs) as (client, server):

        async def waits() -> None:
            limits = httpcore.TimeoutConfig(read_timeout=1)
            with pytest.raises(httpcore.ReadTimeout, match="waiting for a response of"):
                await client.get(server.url + "/waits", timeout=limits)

        async def upload() -> None:
            await reached(way, script.stopped)
            limits = httpcore.TimeoutConfig(write_timeout=0.2)
            with pytest.raises(httpcore.WriteTimeout):
                content = itertools.repeat(PIECE)
                await client.post(server.url + "/upload", content=content, timeout=limits)

        assert await together(way, waits, upload) == [None, None]
        script.reads_on.set()
        assert (await client.get(server.url + "/next")).content == b"/next"
        assert len(server.peers) == 1


async def test_cx4_who_receives_needs_no_write(
    make_client: MakeClient, certs: Certs, way: str
) -> None:
    """CX4: a body arrives behind another's half frame, though no credit can be given for it."""
    script = StopsReading()
    first_part = bytes(STREAM_WINDOW_BYTES * 3 // 4)  # the window is told behind half of it
    first_part_is_read = threading.Event()
    with reached_by("TCP", script, make_client, certs) as (client, server):

        async def waits() -> int:
            limits = httpcore.TimeoutConfig(write_timeout=0.5)
            received = 0
            try:
                answer = await client.get(server.url + "/waits", timeout=limits, stream=True)
                async for piece in answer.stream():
                    received += len(piece)
                    if received == len(first_part):
                        first_part_is_read.set()
            finally:
                first_part_is_read.set()
            return received

        async def upload() -> None:
            await reached(way, script.stopped)
            limits = httpcore.TimeoutConfig(write_timeout=0.2)
            with pytest.raises(httpcore.WriteTimeout):
                content = itertools.repeat(PIECE)
                await client.post(server.url + "/upload", content=content, timeout=limits)
            (peer,) = server.peers
            peer.send(peer.head(1), peer.data(1, first_part))
            await reached(way, first_part_is_read)
            peer.send(peer.data(1, b"end", True))
            script.first_is_answered = True

        assert await together(way, waits, upload) == [len(first_part) + 3, None]
        script.reads_on.set()
        assert (await client.get(server.url + "/next")).content == b"/next"
        assert len(server.peers) == 1


@pytest.mark.ways("asyncio", "trio")
@pytest.mark.parametrize("by", ["TCP", "TLS", "TLS in TLS"])
async def test_cx4_cancelled_in_mid_write(
    make_client: MakeClient, certs: Certs, way: str, by: str
) -> None:
    """CX4: the same for one that is cancelled, which need not get to reset its stream."""
    script = StopsReading()
    begun = threading.Event()

    def pieces() -> collections.abc.Iterator[bytes]:
        begun.set()  # when the first one is wanted: the stream has been opened
        yield from itertools.repeat(PIECE)

    with reached_by(by, script, make_client, certs) as (client, server):

        async def upload() -> None:
            await client.post(server.url + "/upload", content=pieces())

        async with cancelling(way) as tasks:
            tasks.start(getting(client, server.url + "/waits"))
            await reached(way, script.stopped)
            cancel = tasks.start(upload)
            await reached(way, begun)
            tasks.start(getting(client, server.url + "/behind"))
            await sleep(way, 0.2)
            cancel()
            script.reads_on.set()
        assert list(tasks.results.values()) == [b"/waits", "running", b"/behind"]
        assert pool_of(client).active_connections == []
        assert (await client.get(server.url + "/next")).content == b"/next"
        assert len(server.peers) == 1


@pytest.mark.ways("asyncio", "trio")
async def test_cancel_storm(client: httpcore.AsyncClient, way: str) -> None:
    """Requests that are cancelled at all moments leave the connection as it was."""
    with RawServer(serve_with_h2(lambda fields, body: bytes(100_000))) as server:
        await client.get(server.url)  # who is cancelled while connecting leaves no connection
        async with cancelling(way) as tasks:
            cancels = []
            for number in range(100):
                cancels.append(tasks.start(getting(client, server.url)))
                if number % 5 == 0:
                    await sleep(way, 0.001)
                if number % 3 == 0:
                    cancels[number // 2]()
        bodies = [result for result in tasks.results.values() if result != "running"]
        assert {len(body) for body in bodies} == {100_000}
        assert len(bodies) > 20
        assert pool_of(client).active_connections == []
        assert len((await client.get(server.url)).content) == 100_000
        assert len(server.connections) == 1


# Every operation in turn.


class _Exchanges:
    """What is run again and again, with something going wrong at each operation."""

    @staticmethod
    async def plain(client: httpcore.AsyncClient, url: str) -> None:
        await client.get(url)

    @staticmethod
    async def streamed(client: httpcore.AsyncClient, url: str) -> None:
        async with await client.get(url + "/long", stream=True) as answer:
            async for _ in answer.stream():
                pass

    @staticmethod
    async def closed(client: httpcore.AsyncClient, url: str) -> None:
        await (await client.get(url + "/long", stream=True)).close()

    @staticmethod
    async def upload(client: httpcore.AsyncClient, url: str) -> None:
        await client.post(url, content=iter([bytes(40_000)] * 5))


EXCHANGES = [_Exchanges.plain, _Exchanges.streamed, _Exchanges.closed, _Exchanges.upload]


def answer_in_steps(peer: H2Peer) -> None:
    """Answer in several packets."""
    while True:
        request = peer.request()
        pieces = 5 if request[":path"] == "/long" else 1
        time.sleep(0.002)
        peer.send(peer.head(request.stream_id))
        for number in range(pieces):
            time.sleep(0.002)
            peer.send(peer.data(request.stream_id, b"body", number == pieces - 1))


@pytest.mark.parametrize(
    "error",
    [
        httpcore.WriteError("injected"),
        KeyboardInterrupt(),
        MemoryError("injected"),
    ],
    ids=lambda error: type(error).__name__,
)
@pytest.mark.parametrize("exchange", EXCHANGES)
async def test_dg6_error_at_each_operation(
    way: str, exchange: typing.Any, error: BaseException, record_property: typing.Any
) -> None:
    """CX7, DG6: an error at any waiting operation comes out, and nothing is lost."""
    with H2Server(answer_in_steps) as server:
        for number in itertools.count(1):
            backend = FaultyBackend(ways.make_backend(way), number, error)
            client = ways.make_client(
                way, backend=backend, http2="only", pool_limits=httpcore.PoolLimits(hard_limit=1)
            )
            async with client:
                try:
                    await exchange(client, server.url)
                except type(error):
                    pass
                reached = backend.count >= number
                backend.fail_at = 0
                assert pool_of(client).active_connections == []
                assert (await client.get(server.url)).content == b"body"
            assert all(stream.is_closed for stream in backend.streams)
            if not reached:
                break
        assert number > 3
        record_property(POINTS, number - 1)


@pytest.mark.ways("sync")
@pytest.mark.parametrize("exchange", EXCHANGES)
async def test_another_thread_at_each_operation(
    way: str, exchange: typing.Any, record_property: typing.Any
) -> None:
    """Wherever another thread begins on the same connection, reading and writing are handed on."""
    with RawServer(serve_with_h2(lambda fields, body: b"body" * 20_000)) as server:
        for number in itertools.count(1):
            other = _OtherThread(server.url)
            backend = FaultyBackend(ways.make_backend(way), 0, other.begin)
            async with ways.make_client(way, backend=backend, http2="only") as client:
                other.client = client
                await client.get(server.url)
                backend.fail_at = backend.count + number
                await exchange(client, server.url)
                if other.thread is None:
                    break
                other.thread.join(20)
                assert pool_of(client).active_connections == []
            assert other.answers == [b"body" * 20_000]
        assert number > 1
        record_property(POINTS, number - 1)


class _OtherThread:
    """Gets `url` once, in a thread, which may have to wait for who has it begun."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.client: typing.Any = None
        self.thread: threading.Thread | None = None
        self.answers: list[bytes] = []

    def begin(self) -> None:
        self.thread = threading.Thread(target=self.get)
        self.thread.start()
        self.thread.join(0.005)

    def get(self) -> None:
        self.answers.append(self.client.sync_object.get(self.url).content)


@pytest.mark.parametrize("exchange", EXCHANGES)
@pytest.mark.ways("asyncio", "trio")
def test_cx1_cancelled_at_each_step(
    way: str, exchange: typing.Any, record_property: typing.Any
) -> None:
    """CX1: wherever it is cancelled, the stream is reset and the connection is kept."""
    finished = False

    async def main(url: str, number: int) -> None:
        nonlocal finished
        async with ways.make_client(way, http2="only") as client:
            assert (await client.get(url)).content == b"body"
            async with cancelling(way) as tasks:
                cancel: list[typing.Any] = []
                stepping = functools.partial(_stepping, exchange, client, url, number, cancel)
                cancel.append(tasks.start(stepping))
            finished = tasks.results[0] is None
            assert pool_of(client).active_connections == []
            assert (await client.get(url)).content == b"body"

    with H2Server(answer_in_steps) as server:
        for number in itertools.count(1):
            ways.run(way, functools.partial(main, server.url, number))
            if finished:
                break
        assert number > 1
        record_property(POINTS, number - 1)


async def _stepping(
    exchange: typing.Any,
    client: httpcore.AsyncClient,
    url: str,
    number: int,
    cancel: list[typing.Any],
) -> None:
    await Stepping(exchange(client, url), number, functools.partial(_call, cancel))


def _call(functions: list[typing.Any]) -> None:
    functions[0]()
