"""The body of a response over HTTP/2, as its reader sees it."""

from __future__ import annotations

import functools
import typing
import warnings

from ..deadline import Deadline
from ..exceptions import ReadTimeout, RequestException
from ..models.request import Request
from ..types import RawHeaders
from ..wire.http2_stream import Stream
from .base import reap

if typing.TYPE_CHECKING:
    from .http2 import HTTP2Connection

# Of a body that nobody wants: take this much, for this long, before resetting the stream.  Peers
# count resets, as an attack can be made of them (CVE-2023-44487).
MAX_DRAINED_BYTES = 64 * 1024
DRAIN_SECONDS = 1.0


class HTTP2Body:
    """The body of one response, read from its stream; a `BodyStream`."""

    __slots__ = ("trailers", "_connection", "_stream", "_deadline", "_request", "_ended")

    def __init__(
        self, connection: HTTP2Connection, stream: Stream, deadline: Deadline, request: Request
    ) -> None:
        self.trailers: RawHeaders = []
        self._connection = connection
        self._stream = stream
        self._deadline = deadline
        self._request = request
        self._ended = False

    def __aiter__(self) -> HTTP2Body:
        return self

    async def __anext__(self) -> bytes:
        if self._ended:
            raise StopAsyncIteration
        try:
            data = await self._connection.next_piece(self._stream, self._deadline)
        except BaseException:
            self._ended = True
            self._connection.give_up(self._stream)
            raise
        if data:
            return data
        self._end()
        raise StopAsyncIteration

    async def read(self) -> bytes:
        return b"".join([piece async for piece in self])

    def _end(self) -> None:
        self._ended = True
        self.trailers = self._stream.trailers
        self._connection.finish(self._stream)

    async def aclose(self) -> None:
        reap(self._connection.abandoned)  # an iterator over it may have been dropped before
        if self._ended:
            return
        if self._stream.ended:
            self._stream.take()
            self._end()
        else:
            self._ended = True
            self._connection.give_up(self._stream)

    async def drain(self) -> None:
        """Read the rest where it is short and comes soon, so that the stream need not be reset."""
        self._deadline = self._deadline.phase(DRAIN_SECONDS, ReadTimeout)
        drained = 0
        while not self._ended and drained <= MAX_DRAINED_BYTES:
            try:
                drained += len(await anext(self, b""))
            except RequestException:
                return
        await self.aclose()

    def abandon(self) -> None:
        if not self._ended:
            self._ended = True
            give_up = functools.partial(self._connection.give_up, self._stream)
            self._connection.abandoned.append(give_up)

    def __del__(self) -> None:
        if not self._ended:
            self.abandon()
            warnings.warn(
                f"a response of {self._request.method} {self._request.url.masked} was dropped "
                "without being read or closed",
                ResourceWarning,
                stacklevel=2,
                source=self,
            )
