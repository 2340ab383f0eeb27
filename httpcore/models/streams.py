"""Response bodies on their way: where the bytes come from, and who iterates over them."""

from __future__ import annotations

import collections.abc
import typing

from ..aliases import RawHeaders
from ..driver import run_sync

if typing.TYPE_CHECKING:
    from .response_body import ResponseBody

Piece = typing.TypeVar("Piece", bytes, str)

_END: typing.Any = object()


class BodyStream(typing.Protocol):
    """The raw body of a response on its way, from a dispatcher."""

    trailers: RawHeaders

    def __aiter__(self) -> BodyStream: ...

    async def __anext__(self) -> bytes:
        """The next bytes, not empty; `StopAsyncIteration` once the body is complete."""

    async def read(self) -> bytes:
        """All bytes that are left."""

    async def aclose(self) -> None:
        """Give up the rest.  Never waits on the network; may be called twice."""

    async def drain(self) -> None:
        """Read the rest where it is short and comes soon, else `aclose()`."""

    def abandon(self) -> None:
        """`aclose()` for finalisers: takes no lock, waits for nothing."""


@typing.runtime_checkable
class DuplexStream(BodyStream, typing.Protocol):
    """What follows a 101: another protocol, in both directions."""

    async def write(self, data: bytes) -> None:
        """Send `data`, at the same time as somebody else may read."""


class BytesStream:
    """A body that is in memory."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.trailers: RawHeaders = []

    def __aiter__(self) -> BytesStream:
        return self

    async def __anext__(self) -> bytes:
        data, self._data = self._data, b""
        if not data:
            raise StopAsyncIteration
        return data

    async def read(self) -> bytes:
        data, self._data = self._data, b""
        return data

    async def aclose(self) -> None:
        self._data = b""

    async def drain(self) -> None:
        await self.aclose()

    def abandon(self) -> None: ...


class IterableStream:
    """A body out of an iterable or async iterable that the user gave; empty pieces are skipped."""

    def __init__(
        self, content: collections.abc.Iterable[object] | collections.abc.AsyncIterable[object]
    ) -> None:
        self._source: collections.abc.Iterator[object] | collections.abc.AsyncIterator[object]
        if isinstance(content, collections.abc.AsyncIterable):
            self._source = aiter(content)
        else:
            self._source = iter(content)
        self.trailers: RawHeaders = []

    def __aiter__(self) -> IterableStream:
        return self

    async def __anext__(self) -> bytes:
        while (piece := await self._next_piece()) is not _END:
            if not isinstance(piece, (bytes, bytearray, memoryview)):
                raise TypeError(
                    "the content of a response has to consist of bytes, but its iterator gave "
                    f"{type(piece).__name__}"
                )
            if piece:
                return bytes(piece)
        raise StopAsyncIteration

    async def read(self) -> bytes:
        return b"".join([piece async for piece in self])

    async def _next_piece(self) -> typing.Any:
        source = self._source
        if isinstance(source, collections.abc.AsyncIterator):
            return await anext(source, _END)
        return next(source, _END)

    async def aclose(self) -> None:
        source, self._source = self._source, iter(())
        # An async generator that is left to the garbage collector warns on trio.
        close = getattr(source, "aclose", None)
        if close is not None:
            await close()

    async def drain(self) -> None:
        await self.aclose()

    def abandon(self) -> None: ...


class PieceIterator(typing.Generic[Piece]):
    """
    The pieces of a streamed body: an async iterator, and for `Response` the inside of a plain one.

    Dropping it half-way gives the connection back: nobody can read the rest any more.
    """

    __slots__ = ("_body", "_response", "_convert", "_flush", "_ready", "_ended")

    def __init__(
        self,
        response: ResponseBody,
        body: BodyStream,
        convert: collections.abc.Callable[[bytes], collections.abc.Iterable[Piece]] | None,
        flush: collections.abc.Callable[[], collections.abc.Iterable[Piece]] | None,
    ) -> None:
        self._response = response
        self._body = body
        self._convert: typing.Any = convert  # "Any": mypy cannot infer it for both kinds of pieces
        self._flush: typing.Any = flush
        self._ready: collections.abc.Iterator[Piece] = iter(())
        self._ended = False

    def __aiter__(self) -> PieceIterator[Piece]:
        return self

    async def __anext__(self) -> Piece:
        try:
            while True:
                piece = next(self._ready, None)
                if piece is not None:
                    return piece
                if self._ended:
                    break
                await self._more()
        except BaseException as exc:
            self._ended = True
            self._response.note_error(exc)
            await self._body.aclose()
            raise
        raise StopAsyncIteration

    async def _more(self) -> None:
        raw = await anext(self._body, None)
        if raw is not None:
            pieces: typing.Any = (raw,) if self._convert is None else self._convert(raw)
            self._ready = iter(pieces)
            return
        self._ended = True
        self._response.note_end(self._body)
        if self._flush is not None:
            self._ready = iter(self._flush())

    async def aclose(self) -> None:
        """Stop here; the connection is closed, or kept where the rest has arrived already."""
        self._ended = True
        self._ready = iter(())
        await self._body.aclose()

    def __del__(self) -> None:
        if not getattr(self, "_ended", True):
            self._body.abandon()


class PlainIterator(typing.Generic[Piece]):
    """A `PieceIterator` for plain `for` loops: each step runs to its end before it returns."""

    __slots__ = ("_pieces",)

    def __init__(self, pieces: PieceIterator[Piece]) -> None:
        self._pieces: PieceIterator[Piece] = pieces

    def __iter__(self) -> PlainIterator[Piece]:
        return self

    def __next__(self) -> Piece:
        try:
            return run_sync(self._pieces.__anext__())
        except StopAsyncIteration:
            raise StopIteration from None

    def close(self) -> None:
        """Stop here; the connection is closed, or kept where the rest has arrived already."""
        run_sync(self._pieces.aclose())
