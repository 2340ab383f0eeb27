"""Request bodies: where the bytes come from, how many there are, whether they can be sent twice.

A request is not always sent once: a redirect, an auth round or a tired connection asks for its body
again.  So one attempt to send is one *pass* over the body: `rewind()`, then `next_chunk()` until it
gives `None`.  What can start over says so by `replayable`; the layers above ask `can_send` before
they start a pass, and raise an error of theirs where the answer is no.

`length` is settled when the body is made, because the head is sent before the body.  What the
caller does to a file or a buffer after that cannot change how the message is framed: a pass gives
exactly `length` bytes, or it raises.

Bodies never close what the caller opened.  They wait in two places only: on the caller's own async
iterator, and on `run_blocking`, which takes the reads of a file off the event loop.
"""

from __future__ import annotations

import abc
import collections.abc
import typing

from ..aliases import BlockingRunner
from ..exceptions import LocalProtocolError, StreamConsumed

if typing.TYPE_CHECKING:
    from _typeshed import ReadableBuffer

# Large enough that a thread hop or a system call for each does not show.
CHUNK_BYTES = 256 * 1024
# Buffers up to this size are copied when the body is made: cheaper than to guard against changes.
_SNAPSHOT_BYTES = 64 * 1024

_END: typing.Any = object()

Piece = bytes | bytearray | memoryview
"""What an iterable that is a body may give."""


class Body(abc.ABC):
    """
    The body of one request.  For one task or thread at a time.

    * `length`: the bytes of one pass; `None` where nobody knows, so that chunked coding is needed.
    * `replayable`: whether `rewind()` works once a pass has begun.
    * `needs_async`: whether its source is asynchronous, so that a sync client cannot send it.
    * `may_wait`: whether its source may take its time: the caller's async iterator, a pipe.
    """

    __slots__ = ()

    length: int | None
    replayable: bool
    needs_async: bool = False
    may_wait: bool = False

    @property
    @abc.abstractmethod
    def can_send(self) -> bool:
        """Whether a pass can begin: nothing has been taken yet, or it is replayable."""

    @abc.abstractmethod
    def rewind(self) -> None:
        """
        Go to the start.  Called before every pass, the first one too.

        Raises `StreamConsumed` where `can_send` is false.
        """

    @abc.abstractmethod
    async def next_chunk(self, run_blocking: BlockingRunner) -> bytes | memoryview | None:
        """
        The next bytes, never none of them; `None` at the end.

        What the caller's file or iterator raises passes as it is.  Raises `TypeError` if that gives
        anything but bytes, `LocalProtocolError` if it gives fewer than `length`.
        """

    async def aclose(self) -> None:  # noqa: B027 - most bodies hold nothing
        """
        Give up a pass half-way: let the caller's generator run its `finally` now.

        May be called at any time and twice; after it `rewind()` works as before.
        """


class BytesBody(Body):
    """
    A body in memory: `bytes`, or any buffer: `bytearray`, `memoryview`, `mmap`, `array`.

    Buffers of more than 64 KiB are not copied.  They are exported during a pass, so that Python
    itself refuses to resize them, and free between passes, so that the caller may close an `mmap`
    once it is sent.  Bytes that the caller changes before they are sent go out changed.
    """

    __slots__ = ("length", "_source", "_view", "_sent")

    length: int
    replayable = True

    def __init__(self, data: ReadableBuffer) -> None:
        if not isinstance(data, bytes):
            with memoryview(data) as view:
                if view.nbytes <= _SNAPSHOT_BYTES or not view.c_contiguous:
                    data = view.tobytes()
                self.length = view.nbytes
        else:
            self.length = len(data)
        self._source: ReadableBuffer = data
        self._view: memoryview | None = None
        self._sent = 0

    @property
    def data(self) -> bytes | memoryview:
        """
        All of it: `bytes` if it was given so or is at most 64 KiB, else a view of single bytes.

        Raises `LocalProtocolError` if the buffer has another size now than `length`.
        """
        if isinstance(self._source, bytes):
            return self._source
        view = memoryview(self._source).cast("B")
        if view.nbytes != self.length:
            raise LocalProtocolError(
                f"the request's body had {self.length} bytes when the request was made, "
                f"and has {view.nbytes} now"
            )
        return view

    @property
    def can_send(self) -> bool:
        return True

    def rewind(self) -> None:
        self._view = None
        self._sent = 0

    async def next_chunk(self, run_blocking: BlockingRunner) -> bytes | memoryview | None:
        start = self._sent
        if start == self.length:
            self._view = None
            return None
        self._sent = min(start + CHUNK_BYTES, self.length)
        if self._view is None:
            data = self.data
            if self._sent == self.length and isinstance(data, bytes):
                return data
            self._view = memoryview(data)
        return self._view[start : self._sent]

    async def aclose(self) -> None:
        self._view = None


class IteratorBody(Body):
    """
    An iterable of bytes.  Its pieces are sent as they come; empty ones are skipped.

    Replayable if it gives a new iterator each time it is asked: a list, or a class whose `__iter__`
    is a generator function.  It is iterated inline, not in a thread, so in an async client it
    should not block.
    """

    __slots__ = ("replayable", "_source", "_iterator")

    length = None

    def __init__(self, source: collections.abc.Iterable[Piece]) -> None:
        first = iter(source)
        self.replayable = first is not source and iter(source) is not first
        self._source = source
        self._iterator: collections.abc.Iterator[Piece] | None = None

    @property
    def can_send(self) -> bool:
        return self.replayable or self._iterator is None

    def rewind(self) -> None:
        if not self.can_send:
            raise used_up("iterator")
        self._iterator = None

    async def next_chunk(self, run_blocking: BlockingRunner) -> bytes | memoryview | None:
        if self._iterator is None:
            self._iterator = iter(self._source)
        while (piece := next(self._iterator, _END)) is not _END:
            if checked := checked_piece(piece, "iterator"):
                return checked
        return None

    async def aclose(self) -> None:
        close = getattr(self._iterator, "close", None)
        if close is not None:
            close()


class AsyncIteratorBody(Body):
    """An async iterable of bytes, for async clients; else the rules are those of `IteratorBody`."""

    __slots__ = ("replayable", "_source", "_iterator")

    length = None
    needs_async = may_wait = True

    def __init__(self, source: collections.abc.AsyncIterable[Piece]) -> None:
        first = aiter(source)
        self.replayable = first is not source and aiter(source) is not first
        self._source = source
        self._iterator: collections.abc.AsyncIterator[Piece] | None = None

    @property
    def can_send(self) -> bool:
        return self.replayable or self._iterator is None

    def rewind(self) -> None:
        if not self.can_send:
            raise used_up("async iterator")
        self._iterator = None

    async def next_chunk(self, run_blocking: BlockingRunner) -> bytes | memoryview | None:
        if self._iterator is None:
            self._iterator = aiter(self._source)
        try:
            while not (piece := checked_piece(await anext(self._iterator), "async iterator")):
                pass
        except StopAsyncIteration:
            return None
        return piece

    async def aclose(self) -> None:
        aclose = getattr(self._iterator, "aclose", None)
        if aclose is not None:
            await aclose()


def checked_piece(piece: object, source: str) -> bytes | memoryview:
    """`piece` of the caller's `source`, as bytes that may be held while the next one is made."""
    if isinstance(piece, bytes):
        return piece
    if isinstance(piece, bytearray):
        return bytes(piece)  # a view would forbid its owner to fill it anew
    if isinstance(piece, memoryview):
        return piece.cast("B") if piece.c_contiguous and piece.nbytes else piece.tobytes()
    hint = "; encode it, for example with .encode()" if isinstance(piece, str) else ""
    raise TypeError(
        f"the request's body has to consist of bytes, but its {source} gave "
        f"{type(piece).__name__}{hint}"
    )


def used_up(source: str) -> StreamConsumed:
    """The error for a body whose `source` has been taken from, and cannot start over."""
    return StreamConsumed(
        f"the request's body cannot be sent again: its {source} is used up; give bytes, a file "
        "that can seek, or an iterable that can start over"
    )
