"""Bodies on their way: in memory, out of an iterable, and handed on piece by piece."""

from __future__ import annotations

import collections.abc
import gc
import typing

import pytest

import httpcore
from httpcore.aliases import RawHeaders
from httpcore.driver import run_sync
from httpcore.models.streams import BytesStream, IterableStream, PieceIterator, PlainIterator


async def drained(stream: typing.Any) -> list[bytes]:
    return [piece async for piece in stream]


class ScriptedStream:
    """A `BodyStream` that gives `pieces`, raises those that are errors, and notes what is asked."""

    def __init__(self, *pieces: bytes | BaseException) -> None:
        self.trailers: RawHeaders = []
        self.calls: list[str] = []
        self._pieces = iter(pieces)

    def __aiter__(self) -> ScriptedStream:
        return self

    async def __anext__(self) -> bytes:
        self.calls.append("next")
        piece = next(self._pieces, None)
        if piece is None:
            raise StopAsyncIteration
        if isinstance(piece, BaseException):
            raise piece
        return piece

    async def read(self) -> bytes:
        return b"".join(await drained(self))

    async def aclose(self) -> None:
        self.calls.append("aclose")

    async def drain(self) -> None:
        self.calls.append("drain")

    def abandon(self) -> None:
        self.calls.append("abandon")


def pieces_of(
    stream: ScriptedStream,
    convert: typing.Any = None,
    flush: typing.Any = None,
) -> PieceIterator[bytes]:
    request = httpcore.Request("GET", "http://example.org")
    response = httpcore.Response.from_wire(
        200, httpcore.Headers(), stream, request, "HTTP/1.1", None
    )
    return PieceIterator(response, stream, convert, flush)


# In memory.


async def test_bytes_stream() -> None:
    """The bytes come as one piece, once; none come as no piece."""
    assert await drained(BytesStream(b"data")) == [b"data"]
    assert await drained(BytesStream(b"")) == []


async def test_bytes_stream_given_up() -> None:
    """What was given up is gone, whichever way."""
    for give_up in (BytesStream.aclose, BytesStream.drain):
        stream = BytesStream(b"data")
        stream.abandon()
        await give_up(stream)
        assert await drained(stream) == []


# Out of an iterable.


async def plain(*pieces: typing.Any) -> collections.abc.AsyncIterator[typing.Any]:
    for piece in pieces:
        yield piece


@pytest.mark.parametrize("make", [lambda *pieces: list(pieces), plain])
async def test_iterable_stream(make: typing.Any) -> None:
    """Pieces come as they are given, as bytes; empty ones are skipped."""
    stream = IterableStream(make(b"", b"a", bytearray(b"b"), b"", memoryview(b"c")))
    pieces = await drained(stream)
    assert pieces == [b"a", b"b", b"c"]
    assert {type(piece) for piece in pieces} == {bytes}
    assert await drained(IterableStream(make())) == []


@pytest.mark.parametrize("make", [lambda *pieces: list(pieces), plain])
@pytest.mark.parametrize("piece", ["text", None, 5])
async def test_iterable_stream_of_something_else(make: typing.Any, piece: typing.Any) -> None:
    """A piece that is not bytes is an error, not the end."""
    stream = IterableStream(make(b"a", piece))
    assert await anext(stream) == b"a"
    with pytest.raises(TypeError, match=f"its iterator gave {type(piece).__name__}"):
        await anext(stream)
    await stream.aclose()


async def test_iterable_stream_given_up() -> None:
    """An async generator is closed, so that its `finally` runs now."""
    closed = []

    async def source() -> collections.abc.AsyncIterator[bytes]:
        try:
            yield b"a"
            yield b"b"
        finally:
            closed.append(True)

    stream = IterableStream(source())
    assert await anext(stream) == b"a"
    stream.abandon()
    await stream.drain()
    assert closed == [True]
    assert await drained(stream) == []
    await stream.aclose()


# Piece by piece.


async def test_pieces_as_they_come() -> None:
    """Without a conversion each piece is handed on by itself, before the next one is read."""
    stream = ScriptedStream(b"one", b"two")
    pieces = pieces_of(stream)
    assert await anext(pieces) == b"one"
    assert stream.calls == ["next"]
    assert await drained(pieces) == [b"two"]
    assert await drained(pieces) == []


async def test_converted_pieces() -> None:
    """A piece may become several or none, and something may follow the end."""

    def convert(raw: bytes) -> list[bytes]:
        return [raw[:1], raw[1:]] if len(raw) > 1 else []

    pieces = pieces_of(ScriptedStream(b"ab", b"c", b"de"), convert, lambda: [b"end"])
    assert await drained(pieces) == [b"a", b"b", b"d", b"e", b"end"]


async def test_errors_close_the_body() -> None:
    """What the body raises comes out, with request and response on it; after that nothing comes."""
    stream = ScriptedStream(b"one", httpcore.ReadError("told"), b"never")
    pieces = pieces_of(stream)
    assert await anext(pieces) == b"one"
    with pytest.raises(httpcore.ReadError) as caught:
        await anext(pieces)
    assert caught.value.request is not None
    assert caught.value.response is not None
    assert stream.calls[-1] == "aclose"
    assert await drained(pieces) == []


async def test_errors_of_the_conversion_close_the_body() -> None:
    """Pieces before what does not decode were handed out."""

    def convert(raw: bytes) -> collections.abc.Iterator[bytes]:
        yield raw
        raise httpcore.DecodingError("told")

    stream = ScriptedStream(b"one")
    pieces = pieces_of(stream, convert)
    assert await anext(pieces) == b"one"
    with pytest.raises(httpcore.DecodingError):
        await anext(pieces)
    assert stream.calls == ["next", "aclose"]


async def test_pieces_given_up() -> None:
    """`aclose()` closes the body, also twice, and what was ready is gone."""
    stream = ScriptedStream(b"ab")
    pieces = pieces_of(stream, lambda raw: [raw[:1], raw[1:]])
    assert await anext(pieces) == b"a"
    await pieces.aclose()
    await pieces.aclose()
    assert await drained(pieces) == []
    assert set(stream.calls[1:]) == {"aclose"}


def test_pieces_dropped() -> None:
    """Dropping them half-way gives up the body without waiting; later there is nothing to do."""
    stream = ScriptedStream(b"one", b"two")
    pieces = PlainIterator(pieces_of(stream))
    assert next(pieces) == b"one"
    del pieces
    gc.collect()
    assert stream.calls == ["next", "abandon"]
    stream = ScriptedStream(b"one")
    assert list(PlainIterator(pieces_of(stream))) == [b"one"]
    gc.collect()
    assert stream.calls == ["next", "next"]


def test_pieces_that_were_never_made() -> None:
    """A finaliser runs also where the constructor failed."""
    PieceIterator.__new__(PieceIterator).__del__()


def test_plain_iterator() -> None:
    """In a plain loop the same pieces come, and the end is a plain end."""
    stream = ScriptedStream(b"one", b"two")
    pieces = PlainIterator(pieces_of(stream))
    assert iter(pieces) is pieces
    assert list(pieces) == [b"one", b"two"]
    assert next(pieces, None) is None


def test_plain_iterator_closed() -> None:
    """`close()` is there for `contextlib.closing`."""
    stream = ScriptedStream(b"one", b"two")
    pieces = PlainIterator(pieces_of(stream))
    assert next(pieces) == b"one"
    pieces.close()
    assert list(pieces) == []
    assert "aclose" in stream.calls


def test_run_sync_is_enough() -> None:
    """Nothing in here waits by itself."""
    assert run_sync(drained(pieces_of(ScriptedStream(b"one")))) == [b"one"]
