"""Bodies of responses, in all ways: read, streamed, by lines, closed, and the next request."""

from __future__ import annotations

import asyncio
import collections.abc
import functools
import gzip
import itertools
import sys
import threading
import typing
import zlib

import brotli
import hypothesis
import hypothesis.strategies as st
import pytest
import zstandard

import httpcore
from httpcore import Response
from httpcore.content import decompressors
from httpcore.content.decoders import accept_encoding
from tests.conftest import MakeClient
from tests.servers.raw import RawConnection, RawServer, chunked_response, response

GZIP = [("Content-Encoding", "gzip")]


async def gathered(pieces: collections.abc.AsyncIterable[typing.Any]) -> list[typing.Any]:
    return [piece async for piece in pieces]


def serving(*replies: bytes) -> RawServer:
    return RawServer.replies(replies)


# Read.


async def test_bd13_read_twice(make_client: MakeClient) -> None:
    """The body is kept: `read()`, `content`, and streams come from memory after that."""
    with serving(chunked_response([b"one\n", b"two"])) as server:
        answer = await make_client().get(server.url, stream=True)
        assert await answer.read() == await answer.read() == answer.content == b"one\ntwo"
        assert await gathered(answer.stream()) == [b"one\ntwo"]
        assert await gathered(answer.stream()) == [b"one\ntwo"]
        assert await gathered(answer.raw()) == [b"one\ntwo"]
        assert await gathered(answer.stream_text()) == ["one\ntwo"]
        assert await gathered(answer.lines()) == ["one", "two"]


async def test_read_by_default(make_client: MakeClient) -> None:
    """Without `stream=True` the body is there, and its connection is free."""
    with serving(response(b"one"), response(b"two")) as server:
        client = make_client()
        answer = await client.get(server.url)
        assert answer.content == b"one"
        await answer.close()
        assert answer.content == b"one"
        assert (await client.get(server.url)).content == b"two"
        assert len(server.connections) == 1


async def test_not_read(make_client: MakeClient) -> None:
    """Of a streamed response nothing is there before `read()`, and the error says what to do."""
    with serving(response(b"one")) as server:
        answer = await make_client().get(server.url, stream=True)
        for name in ("content", "text", "encoding"):
            with pytest.raises(httpcore.ResponseNotRead, match=r"call read\(\) first") as caught:
                getattr(answer, name)
            assert caught.value.request is answer.request
            assert f"GET {server.url} answered 200 OK" in str(caught.value)
        with pytest.raises(httpcore.ResponseNotRead):
            answer.json()
        await answer.close()


async def test_bd13_closed_unread(make_client: MakeClient) -> None:
    """After `close()` of an unread response its content is gone, whatever is asked for."""
    with serving(response(b"one")) as server:
        answer = await make_client().get(server.url, stream=True)
        await answer.close()
        await answer.close()
        with pytest.raises(httpcore.ResponseClosed, match="closed before its body was read"):
            _ = answer.content
        with pytest.raises(httpcore.ResponseClosed):
            await answer.read()
        for pieces in (answer.stream, answer.raw, answer.lines, answer.stream_text):
            with pytest.raises(httpcore.ResponseClosed):
                pieces()


async def test_block_closes(make_client: MakeClient) -> None:
    """So it is at the end of a block."""
    with serving(response(b"one")) as server:
        async with await make_client().get(server.url, stream=True) as answer:
            assert answer.status_code == 200
        with pytest.raises(httpcore.ResponseClosed):
            await answer.read()


# Streamed.


async def test_bd12_streamed_once(make_client: MakeClient) -> None:
    """Who streams takes the body: it cannot be read, or streamed, again."""
    with serving(chunked_response([b"one", b"two"])) as server:
        answer = await make_client().get(server.url, stream=True)
        pieces = answer.stream()
        for again in (answer.stream, answer.raw, answer.lines, answer.stream_text):
            with pytest.raises(httpcore.StreamConsumed):
                again()
        with pytest.raises(httpcore.StreamConsumed):
            await answer.read()
        assert b"".join(await gathered(pieces)) == b"onetwo"
        with pytest.raises(httpcore.StreamConsumed, match="was streamed and is gone"):
            _ = answer.content


@pytest.mark.ways("asyncio")
async def test_bd12_two_tasks(make_client: MakeClient) -> None:
    """Of two tasks that read one response, one gets it all and the other an error."""
    with serving(response(b"x" * 1_000_000)) as server:
        answer = await make_client().get(server.url, stream=True)
        got = await asyncio.gather(answer.read(), answer.read(), return_exceptions=True)
        assert got[0] == b"x" * 1_000_000
        assert isinstance(got[1], httpcore.StreamConsumed)


def test_bd12_many_threads() -> None:
    """The same with threads, however they meet."""
    for _ in range(100):
        answer = Response(200, content=iter([b"one", b"two"]))
        start = threading.Barrier(4)
        results: list[object] = []

        def read(start: threading.Barrier, answer: Response, results: list[object]) -> None:
            start.wait()
            try:
                results.append(b"".join(answer.stream()))
            except httpcore.StreamConsumed:
                results.append(None)

        threads = [
            threading.Thread(target=read, args=(start, answer, results), daemon=True)
            for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(10)
        assert sorted(results, key=bool) == [None, None, None, b"onetwo"]


async def test_closed_while_streamed(make_client: MakeClient) -> None:
    """A stream whose response is closed ends with an error, never as if it were complete."""

    def half(connection: RawConnection) -> None:
        connection.read_request()
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
        connection.wait_closed()

    with RawServer(half) as server:
        answer = await make_client().get(server.url, stream=True)
        pieces = answer.stream()
        assert await anext(pieces) == b"half"
        await answer.close()
        with pytest.raises(httpcore.ResponseClosed, match="closed while its body was streamed"):
            await anext(pieces)


async def test_bd14_pieces_as_they_arrive(make_client: MakeClient) -> None:
    """A slow stream is handed on at once: the server waits until the client has had each piece."""
    had = threading.Semaphore(0)

    def slow(connection: RawConnection) -> None:
        connection.read_request()
        connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for number in range(10):
            connection.send(b"9\r\ndata: %d\n\n\r\n" % number)
            assert had.acquire(timeout=10)
        connection.send(b"0\r\n\r\n")

    with RawServer(slow) as server:
        answer = await make_client().get(server.url, stream=True)
        pieces = []
        async for piece in answer.stream():
            pieces.append(piece)
            had.release()
        assert pieces == [b"data: %d\n\n" % number for number in range(10)]


async def test_pieces_of_one_size(make_client: MakeClient) -> None:
    """`chunk_size` cuts the body evenly, decoded or raw."""
    packed = gzip.compress(b"0123456789", mtime=0)
    with serving(response(packed, headers=GZIP), response(packed, headers=GZIP)) as server:
        client = make_client()
        answer = await client.get(server.url, stream=True)
        assert await gathered(answer.stream(4)) == [b"0123", b"4567", b"89"]
        answer = await client.get(server.url, stream=True)
        pieces = await gathered(answer.raw(10))
        assert b"".join(pieces) == packed
        assert {len(piece) for piece in pieces[:-1]} == {10}


async def test_pieces_of_no_size(make_client: MakeClient) -> None:
    """A size below one is refused, and the body is still there."""
    with serving(response(b"one")) as server:
        answer = await make_client().get(server.url, stream=True)
        for pieces in (answer.stream, answer.raw):
            with pytest.raises(ValueError, match="chunk_size"):
                pieces(0)
        assert await answer.read() == b"one"


async def test_raw_is_not_decoded(make_client: MakeClient) -> None:
    """`raw()` gives the bytes off the wire, and not once they were decoded."""
    packed = gzip.compress(b"hello")
    replies = [response(packed, headers=GZIP)] * 2
    with serving(*replies, response(b"", headers=GZIP)) as server:
        client = make_client()
        answer = await client.get(server.url, stream=True)
        assert b"".join(await gathered(answer.raw())) == packed
        answer = await client.get(server.url)
        assert answer.content == b"hello"
        with pytest.raises(httpcore.StreamConsumed, match="its raw bytes are gone"):
            answer.raw()
        answer = await client.get(server.url)
        assert await gathered(answer.raw()) == []


async def test_trailers(make_client: MakeClient) -> None:
    """They are there once the body has been read to its end, and not among the headers."""
    raw = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nX-Sum: 1\r\n\r\n"
    with serving(raw) as server:
        answer = await make_client().get(server.url, stream=True)
        assert answer.trailers == {}
        await answer.read()
        assert answer.trailers == {"x-sum": "1"}
        assert "X-Sum" not in answer.headers


# Decoded.


@pytest.mark.parametrize(
    ("coding", "content"),
    [
        ("gzip", gzip.compress(b"hello", mtime=0)),
        ("x-gzip", gzip.compress(b"hello", mtime=0)),
        ("GZIP", gzip.compress(b"hello", mtime=0)),
        ("deflate", zlib.compress(b"hello")),
        ("identity", b"hello"),
        ("", b"hello"),
        ("deflate, gzip", gzip.compress(zlib.compress(b"hello"), mtime=0)),
    ],
)
async def test_en7_codings(make_client: MakeClient, coding: str, content: bytes) -> None:
    """Known codings are undone, whatever their case, one after the other."""
    reply = response(content, headers=[("Content-Encoding", coding)])
    with serving(reply, reply) as server:
        client = make_client()
        assert (await client.get(server.url)).content == b"hello"
        answer = await client.get(server.url, stream=True)
        assert b"".join(await gathered(answer.stream())) == b"hello"


@pytest.mark.parametrize("coding", ["foo", "gzip, foo"])
async def test_en7_unknown_codings(make_client: MakeClient, coding: str) -> None:
    """Bytes in a coding that nobody here knows are the caller's as they came."""
    with serving(response(b"\x1f\x8bbytes", headers=[("Content-Encoding", coding)])) as server:
        assert (await make_client().get(server.url)).content == b"\x1f\x8bbytes"


COMPRESS = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "br": brotli.compress,
    "zstd": zstandard.compress,
}


@pytest.mark.parametrize("coding", COMPRESS)
async def test_en1_cut_short(make_client: MakeClient, coding: str) -> None:
    """Content that is cut short in a complete message is an error at its end, in every way."""
    content = COMPRESS[coding](b"hello" * 1000)[:-5]
    reply = response(content, headers=[("Content-Encoding", coding)])
    with serving(reply, reply, response(b"next")) as server:
        client = make_client()
        with pytest.raises(httpcore.DecodingError, match="cut short") as caught:
            await client.get(server.url)
        assert (caught.value.request.method, caught.value.response.status_code) == ("GET", 200)
        answer = await client.get(server.url, stream=True)
        with pytest.raises(httpcore.DecodingError, match="cut short"):
            await gathered(answer.stream())
        assert (await client.get(server.url)).content == b"next"


@pytest.mark.parametrize("count", [6, 2000])
async def test_en6_too_many_codings(make_client: MakeClient, count: int) -> None:
    """Also where each stands on a line of its own; nothing is decoded, and the client works on."""
    headers = [("Content-Encoding", "gzip")] * min(count, 6)
    headers += [("Content-Encoding", ", ".join(["br"] * (count - 6)))] * (count > 6)
    reply = response(b"whatever", headers=headers)
    with serving(reply, reply, reply, response(b"next")) as server:
        client = make_client()
        with pytest.raises(httpcore.DecodingError, match=f"encoded {count} times over"):
            await client.get(server.url)
        answer = await client.get(server.url, stream=True)
        with pytest.raises(httpcore.DecodingError, match="at most 5 codings"):
            await gathered(answer.stream())
        answer = await client.get(server.url, stream=True)
        assert b"".join(await gathered(answer.raw())) == b"whatever"
        assert (await client.get(server.url)).content == b"next"


@pytest.fixture
def no_extras(monkeypatch: pytest.MonkeyPatch) -> collections.abc.Iterator[None]:
    """None of the libraries for br and zstd is there."""
    caches = decompressors._import, accept_encoding
    for module in ("brotli", "brotlicffi", "compression.zstd", "backports.zstd", "zstandard"):
        monkeypatch.setitem(sys.modules, module, None)
    for cache in caches:
        cache.cache_clear()
    yield
    for cache in caches:
        cache.cache_clear()


@pytest.mark.parametrize("coding", ["br", "zstd"])
async def test_en8_without_the_extra(make_client: MakeClient, coding: str, no_extras: None) -> None:
    """`raw()` gives the bytes; decoding says what to install."""
    content = COMPRESS[coding](b"hello")
    reply = response(content, headers=[("Content-Encoding", coding)])
    with serving(reply, reply) as server:
        client = make_client()
        with pytest.raises(httpcore.DecodingError, match="install the extra httpcore") as caught:
            await client.get(server.url)
        assert caught.value.response.status_code == 200
        answer = await client.get(server.url, stream=True)
        assert b"".join(await gathered(answer.raw())) == content


@pytest.mark.parametrize("coding", ["gzip", "br", "zstd", "gzip, gzip, gzip, gzip, gzip, gzip"])
async def test_en9_no_content(make_client: MakeClient, coding: str) -> None:
    """HEAD, 204, 304 and an empty body may name a coding."""
    field = f"Content-Encoding: {coding}\r\n".encode()
    replies = [
        b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n" + field + b"\r\n",
        b"HTTP/1.1 204 No Content\r\n" + field + b"\r\n",
        b"HTTP/1.1 304 Not Modified\r\n" + field + b"\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n" + field + b"\r\n",
    ]
    with serving(*replies, *replies) as server:
        client = make_client()
        for stream in (False, True):
            for method in ("HEAD", "GET", "GET", "GET"):
                answer = await client.request(method, server.url, stream=stream)
                assert (await answer.read() if stream else answer.content) == b""


async def test_en11_error_in_mid_stream(make_client: MakeClient) -> None:
    """Pieces before the error were handed out; the client works on."""
    good = gzip.compress(bytes(range(256)) * 4096)
    broken = bytearray(good)
    broken[len(good) // 2] ^= 0xFF
    replies = [chunked_response([bytes(broken[:200]), bytes(broken[200:])], headers=GZIP)]
    with serving(*replies, response(b"next")) as server:
        client = make_client()
        answer = await client.get(server.url, stream=True)
        pieces = answer.stream()
        first = await anext(pieces)
        assert first
        with pytest.raises(httpcore.DecodingError) as caught:
            await gathered(pieces)
        assert caught.value.response.status_code == 200
        assert (await client.get(server.url)).content == b"next"


async def test_failed_read_is_not_repeated(make_client: MakeClient) -> None:
    """A body that could not be read is gone: the second attempt says so."""

    def cut(connection: RawConnection) -> None:
        connection.read_request()
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")

    with RawServer(cut) as server:
        answer = await make_client().get(server.url, stream=True)
        with pytest.raises(httpcore.RemoteProtocolError) as caught:
            await answer.read()
        assert caught.value.response.status_code == 200
        with pytest.raises(httpcore.StreamConsumed):
            await answer.read()


def test_read_of_something_else() -> None:
    """What an iterable does wrong is no error of the exchange."""
    with pytest.raises(TypeError, match="its iterator gave int"):
        Response(200, content=typing.cast("typing.Any", [b"a", 5])).read()


# Text and lines.


async def test_text_of_a_stream(make_client: MakeClient) -> None:
    """Text comes as it arrives; a character that is cut in two comes whole."""
    raw = "gr\u00fcn\u20ac".encode()
    for coding in ("identity", "gzip"):
        data = gzip.compress(raw) if coding == "gzip" else raw
        pieces = [data[at : at + 1] for at in range(len(data))]
        headers = [("Content-Encoding", coding)]
        with serving(chunked_response(pieces, headers=headers)) as server:
            answer = await make_client().get(server.url, stream=True)
            texts = await gathered(answer.stream_text())
        assert "".join(texts) == "gr\u00fcn\u20ac"
        assert "" not in texts


async def test_text_of_a_stream_cut_in_a_character(make_client: MakeClient) -> None:
    """What is left over at the end becomes U+FFFD."""
    with serving(response(b"gr\xc3")) as server:
        answer = await make_client().get(server.url, stream=True)
        assert "".join(await gathered(answer.stream_text())) == "gr\ufffd"


LINES_TEXT = "one\r\ntw\u00f6\rthree\n\nfive\u2028still"
LINES = ["one", "tw\u00f6", "three", "", "five\u2028still"]


async def test_tx5_lines(make_client: MakeClient) -> None:
    """The same lines however the bytes are cut, compressed or not."""
    plain = LINES_TEXT.encode()
    for coding in ("identity", "gzip"):
        data = gzip.compress(plain) if coding == "gzip" else plain
        replies = [
            chunked_response(
                [data[at : at + size] for at in range(0, len(data), size)],
                headers=[("Content-Encoding", coding)],
            )
            for size in (1, 2, 1000)
        ]
        with RawServer.replies(replies) as server:
            client = make_client()
            for _ in replies:
                answer = await client.get(server.url, stream=True)
                assert await gathered(answer.lines()) == LINES


@hypothesis.given(cuts=st.lists(st.integers(0, len(LINES_TEXT.encode())), max_size=8))
@hypothesis.settings(max_examples=100, deadline=None)
def test_tx5_every_split(cuts: list[int]) -> None:
    """For every split of the bytes, in the charset of the response or in the one that was set."""
    data = LINES_TEXT.encode()
    bounds = [0, *sorted(cuts), len(data)]
    pieces = [data[start:end] for start, end in itertools.pairwise(bounds)]
    assert list(Response(200, content=iter(pieces)).lines()) == LINES
    answer = Response(200, {"Content-Type": "text/plain; charset=latin-1"}, iter(pieces))
    answer.encoding = "utf-8"
    assert list(answer.lines()) == LINES


def test_lines_of_lf_only() -> None:
    """Line-based protocols have CR as content."""
    answer = Response(200, content=iter([b"a\rb\r", b"\nc"]))
    assert list(answer.lines(lf_only=True)) == ["a\rb", "c"]


def test_lines_from_memory_have_the_guessed_charset() -> None:
    """What was read is split as `text` shows it."""
    answer = Response(200, content="d\u00e9\u00e7u\nna\u00efve\nc\u00f4t\u00e9".encode("cp1252"))
    assert list(answer.lines()) == answer.text.split("\n")


async def test_tx6_line_too_long(make_client: MakeClient) -> None:
    """A line over the limit is an error that names the limit; `None` is no limit."""
    data = b"short\n" + b"x" * 1000
    with serving(response(data), response(data)) as server:
        client = make_client()
        answer = await client.get(server.url, stream=True)
        lines = answer.lines(max_line_bytes=999)
        assert await anext(lines) == "short"
        with pytest.raises(httpcore.ResponseTooLarge, match="999 bytes") as caught:
            await anext(lines)
        assert caught.value.response.status_code == 200
        answer = await client.get(server.url, stream=True)
        assert len((await gathered(answer.lines(max_line_bytes=None)))[1]) == 1000


# The next request.


async def test_next_of_a_streamed_redirect(make_client: MakeClient) -> None:
    """The redirect is closed by `next()`, and stands in the history of what follows."""
    replies = [
        response(b"moved", "302 Found", [("Location", "/b")]),
        response(b"there"),
    ]
    with serving(*replies) as server:
        answer = await make_client().get(server.url, stream=True, allow_redirects=False)
        following = await answer.next()
        with pytest.raises(httpcore.ResponseClosed):
            await answer.read()
        assert following.history[0] is getattr(answer, "sync_object", answer)
        with pytest.raises(httpcore.ResponseNotRead):
            _ = following.content
        assert await following.read() == b"there"


async def test_next_keeps_what_was_read(make_client: MakeClient) -> None:
    """A redirect that was read has its content in the history."""
    replies = [response(b"moved", "302 Found", [("Location", "/b")]), response(b"there")]
    with serving(*replies) as server:
        answer = await make_client().get(server.url, stream=True, allow_redirects=False)
        assert await answer.read() == b"moved"
        following = await answer.next()
        assert following.history[0].content == b"moved"
        assert await following.read() == b"there"


@pytest.mark.ways("sync")
async def test_history_is_of_the_same_class(make_client: MakeClient) -> None:
    """Whatever a dispatcher built, all responses of a client are its own."""
    replies = [response(b"", "302 Found", [("Location", "/b")]), response(b"there")] * 2
    with serving(*replies) as server:
        answer = await make_client().get(server.url)
        assert all(isinstance(earlier, Response) for earlier in answer.history)
        answer = await make_client().get(server.url, allow_redirects=False)
        following = await answer.next()
        assert all(isinstance(earlier, Response) for earlier in following.history)
        assert len(following.history) == 1


async def test_no_next(make_client: MakeClient) -> None:
    """Where no redirect asks for another request there is none."""
    with serving(response(b"there")) as server:
        answer = await make_client().get(server.url, allow_redirects=False)
        with pytest.raises(RuntimeError, match=f"GET {server.url} answered 200 OK, no redirect"):
            await answer.next()


def test_by_hand_there_is_no_next() -> None:
    """A response that was built by hand belongs to no client."""
    with pytest.raises(RuntimeError, match="there is no next request: 302 Found"):
        Response(302, {"Location": "/b"}).next()


def test_sync_block() -> None:
    """`with` closes a plain response."""
    with Response(200, content=iter([b"a"])) as answer:
        pass
    with pytest.raises(httpcore.ResponseClosed):
        answer.read()


def test_pieces_may_be_closed_by_contextlib() -> None:
    """What `stream()` gives has a `close()`, after which nothing comes."""
    pieces = typing.cast("typing.Any", Response(200, content=iter([b"a", b"b"])).stream())
    first = functools.partial(next, pieces, None)
    assert first() == b"a"
    pieces.close()
    assert first() is None
