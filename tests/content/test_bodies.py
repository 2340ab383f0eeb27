"""Request bodies: what one pass gives, and whether there can be another."""

from __future__ import annotations

import array
import collections.abc
import io
import mmap
import os
import pathlib
import sys
import typing

import hypothesis
import pytest
from hypothesis import strategies as st

from httpcore.content.bodies import AsyncIteratorBody, Body, BytesBody, IteratorBody
from httpcore.content.files import FileBody
from httpcore.driver import run_sync
from httpcore.exceptions import LocalProtocolError, StreamConsumed
from tests.content.passes import content_of, one_pass, run_here

KIB = 1024


# In memory.


async def test_bytes_are_sent_as_often_as_wanted() -> None:
    """Small ones in one piece, none at all in no piece."""
    body = BytesBody(b"content")
    assert (body.length, body.data, body.replayable, body.can_send) == (7, b"content", True, True)
    for _ in range(2):
        assert await one_pass(body) == [b"content"]
        assert body.can_send
    assert await one_pass(BytesBody(b"")) == []


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
async def test_bd11_large_content_is_sent_in_views_of_it(
    kind: collections.abc.Callable[[bytes], bytes],
) -> None:
    """256 KiB at a time, no byte copied."""
    content = os.urandom(600 * KIB)
    body = BytesBody(kind(content))
    assert body.length == len(content)
    for _ in range(2):
        body.rewind()
        sizes = []
        offset = 0
        while (piece := await body.next_chunk(run_here)) is not None:
            assert isinstance(piece, memoryview)
            assert piece == content[offset : offset + len(piece)]
            offset += len(piece)
            sizes.append(len(piece))
        assert sizes == [256 * KIB, 256 * KIB, 88 * KIB]


@pytest.mark.parametrize(
    "content",
    [
        array.array("d", [1.0] * 10),
        array.array("d", [1.0] * 50_000),
        array.array("I"),
        memoryview(bytes(200_000))[::2],
        memoryview(bytes(200_000)).cast("B", (1000, 200)),
    ],
    ids=["small", "large", "empty", "strided", "two dimensions"],
)
async def test_bd9_the_length_of_a_buffer_is_in_bytes(content: array.array[float]) -> None:
    """Whatever its items are and however they lie in memory."""
    expected = memoryview(content).tobytes()
    body = BytesBody(content)
    assert body.length == len(expected)
    assert await content_of(body) == expected
    assert bytes(body.data) == expected


async def test_bd9_a_small_buffer_is_sent_as_it_was_given() -> None:
    """What the caller does to it later is not seen."""
    buffer = bytearray(b"before")
    body = BytesBody(buffer)
    buffer[:] = b"after, and longer"
    assert body.data == b"before"
    assert await content_of(body) == b"before"


async def test_bd9_a_large_buffer_cannot_be_resized_while_it_is_sent() -> None:
    """Changed in place it goes out changed, but always in its length."""
    buffer = bytearray(300 * KIB)
    body = BytesBody(buffer)
    body.rewind()
    first = await body.next_chunk(run_here)
    assert first is not None
    if sys.implementation.name != "pypy":  # there nothing but the caller keeps it from this
        with pytest.raises(BufferError):
            buffer.clear()
    buffer[-1] = 7
    rest = await body.next_chunk(run_here)
    assert rest is not None
    assert (len(first) + len(rest), rest[-1]) == (300 * KIB, 7)


async def test_bd9_a_large_buffer_that_was_resized_before_is_refused() -> None:
    """The head has announced another length; the error has both numbers."""
    buffer = bytearray(300 * KIB)
    body = BytesBody(buffer)
    buffer.append(0)
    body.rewind()
    with pytest.raises(LocalProtocolError, match=r"307200.*307201"):
        await body.next_chunk(run_here)
    with pytest.raises(LocalProtocolError, match=r"307200.*307201"):
        _ = body.data


@pytest.mark.parametrize("given_up", [False, True])
async def test_bd11_an_mmap_is_sent_and_may_be_closed_then(
    tmp_path: pathlib.Path, given_up: bool
) -> None:
    """The body, which the response's request still has, does not hold on to it."""
    path = tmp_path / "file"
    path.write_bytes(os.urandom(300 * KIB))
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        body = BytesBody(mapped)
        if given_up:
            body.rewind()
            await body.next_chunk(run_here)
            await body.aclose()
        else:
            assert await content_of(body) == mapped[:]
    assert body.length == 300 * KIB


def test_what_is_no_buffer_is_a_type_error() -> None:
    """`str` among it."""
    with pytest.raises(TypeError):
        BytesBody("text")  # type: ignore[arg-type]


# Iterables, of both kinds: each test runs with plain pieces and with awaited ones.


class Again:
    """Gives a new iterator each time."""

    def __init__(self, *pieces: typing.Any) -> None:
        self.pieces = pieces

    def __iter__(self) -> collections.abc.Iterator[typing.Any]:
        return iter(self.pieces)


class AgainAsync(Again):
    """The same, awaited."""

    async def __aiter__(self) -> collections.abc.AsyncIterator[typing.Any]:
        for piece in self.pieces:
            yield piece


class Once:
    """Looks as if it could start over, but gives the same iterator each time."""

    def __init__(self, *pieces: typing.Any) -> None:
        self.iterator = iter(pieces)

    def __iter__(self) -> collections.abc.Iterator[typing.Any]:
        return self.iterator


class OnceAsync:
    """The same, awaited."""

    def __init__(self, *pieces: typing.Any) -> None:
        self.iterator = aiter(AgainAsync(*pieces))

    def __aiter__(self) -> collections.abc.AsyncIterator[typing.Any]:
        return self.iterator


def again(kind: str, *pieces: object) -> Body:
    return (
        IteratorBody(Again(*pieces)) if kind == "plain" else AsyncIteratorBody(AgainAsync(*pieces))
    )


def once(kind: str, *pieces: object) -> Body:
    return (
        IteratorBody(iter(typing.cast("tuple[bytes, ...]", pieces)))
        if kind == "plain"
        else AsyncIteratorBody(aiter(AgainAsync(*pieces)))
    )


kinds = pytest.mark.parametrize("kind", ["plain", "async"])


@kinds
async def test_bd5_pieces_are_sent_as_they_come_and_empty_ones_skipped(kind: str) -> None:
    """Bytes-like ones too; a buffer that is filled anew for each piece may be."""
    pieces = (b"", b"one", bytearray(b"two"), memoryview(b"333"), b"", memoryview(b"aabb")[::2])
    body = again(kind, *pieces, memoryview(b""), array_view())
    assert (body.length, body.needs_async) == (None, kind == "async")
    expected = [b"one", b"two", b"333", b"ab", array_view().tobytes()]
    assert await one_pass(body) == expected


def array_view() -> memoryview:
    return memoryview(array.array("H", [1, 2, 3]))


async def test_a_generator_may_fill_its_buffer_anew() -> None:
    """A piece is not a view of it, which would forbid that."""

    def refilled() -> collections.abc.Iterator[bytearray]:
        buffer = bytearray()
        for count in range(1, 4):
            buffer.clear()
            buffer.extend(b"x" * count)
            yield buffer

    body = IteratorBody(refilled())
    held = [await body.next_chunk(run_here) for _ in range(3)]
    assert held == [b"x", b"xx", b"xxx"]


@kinds
async def test_bd5_no_pieces_are_an_empty_body(kind: str) -> None:
    """As are empty ones."""
    assert await one_pass(once(kind)) == []
    assert await one_pass(once(kind, b"", b"")) == []


@kinds
@pytest.mark.parametrize("piece", ["text", None, 5])
async def test_bd5_a_piece_that_is_no_bytes_is_a_type_error(kind: str, piece: object) -> None:
    """After the pieces before it; its type is named."""
    body = again(kind, b"good", piece)
    assert await body.next_chunk(run_here) == b"good"
    with pytest.raises(TypeError, match=f"iterator gave {type(piece).__name__}"):
        await body.next_chunk(run_here)
    await body.aclose()


async def test_bd5_text_pieces_say_what_to_do() -> None:
    """They have to be encoded."""
    with pytest.raises(TypeError, match=r"\.encode\(\)"):
        await one_pass(IteratorBody(typing.cast("typing.Any", ["text"])))


@kinds
async def test_bd5_an_error_of_the_iterator_passes_as_it_is(kind: str) -> None:
    """It is the caller's."""

    def failing() -> collections.abc.Iterator[bytes]:
        yield b"good"
        raise ZeroDivisionError

    async def failing_async() -> collections.abc.AsyncIterator[bytes]:
        yield b"good"
        raise ZeroDivisionError

    body = IteratorBody(failing()) if kind == "plain" else AsyncIteratorBody(failing_async())
    assert await body.next_chunk(run_here) == b"good"
    with pytest.raises(ZeroDivisionError):
        await body.next_chunk(run_here)
    assert not body.can_send


@kinds
async def test_what_can_start_over_is_sent_again(kind: str) -> None:
    """From its start, also after a pass that was given up half-way."""
    body = again(kind, b"one", b"two")
    assert body.replayable
    body.rewind()
    assert await body.next_chunk(run_here) == b"one"
    await body.aclose()
    assert body.can_send
    for _ in range(2):
        assert await one_pass(body) == [b"one", b"two"]


@kinds
@pytest.mark.parametrize("disguised", [False, True])
async def test_rd2_what_is_used_up_is_not_sent_again(kind: str, disguised: bool) -> None:
    """It can be rewound until the first piece is taken, and then says no in good time."""
    pieces = (b"one", b"two")
    if disguised:
        body: Body = (
            IteratorBody(Once(*pieces))
            if kind == "plain"
            else AsyncIteratorBody(OnceAsync(*pieces))
        )
    else:
        body = once(kind, *pieces)
    assert not body.replayable
    body.rewind()
    body.rewind()
    assert body.can_send
    assert await one_pass(body) == [b"one", b"two"]
    assert not body.can_send
    with pytest.raises(StreamConsumed, match="used up"):
        body.rewind()


@kinds
async def test_a_generator_that_is_given_up_is_closed(kind: str) -> None:
    """Its `finally` runs now, not when it is collected; at any time and twice is fine."""
    closed = []

    def generator() -> collections.abc.Iterator[bytes]:
        try:
            yield b"one"
            yield b"two"
        finally:
            closed.append(True)

    async def async_generator() -> collections.abc.AsyncIterator[bytes]:
        try:
            yield b"one"
            yield b"two"
        finally:
            closed.append(True)

    body = IteratorBody(generator()) if kind == "plain" else AsyncIteratorBody(async_generator())
    await body.aclose()
    assert await body.next_chunk(run_here) == b"one"
    assert not closed
    await body.aclose()
    await body.aclose()
    assert closed == [True]


@kinds
async def test_an_iterator_without_close_can_be_given_up(kind: str) -> None:
    """Not all are generators."""

    class Endless:
        def __iter__(self) -> Endless:
            return self

        def __next__(self) -> bytes:
            return b"on"

        def __aiter__(self) -> Endless:
            return self

        async def __anext__(self) -> bytes:
            return b"on"

    body: Body = IteratorBody(Endless()) if kind == "plain" else AsyncIteratorBody(Endless())
    assert await body.next_chunk(run_here) == b"on"
    await body.aclose()


@hypothesis.settings(max_examples=100, deadline=None)
@hypothesis.given(pieces=st.lists(st.binary(max_size=20), max_size=10), start=st.integers(0, 50))
def test_every_source_gives_the_same_content_twice(pieces: list[bytes], start: int) -> None:
    """Whatever the source: all bytes, in order, as many as `length` says where it says so."""
    content = b"".join(pieces)
    file = io.BytesIO(b"?" * start + content)
    file.seek(start)
    bodies: list[Body] = [BytesBody(content), FileBody(file), IteratorBody(pieces)]
    bodies.append(AsyncIteratorBody(AgainAsync(*pieces)))
    for body in bodies:
        for _ in range(2):
            assert run_sync(content_of(body)) == content
            assert body.length in {None, len(content)}
