"""The body of a response over HTTP/2, as its reader sees it."""

from __future__ import annotations

import functools
import typing

from ..deadline import Deadline
from ..models.request import Request
from ..wire.http2_stream import Stream
from .base import reap
from .incoming import IncomingBody

if typing.TYPE_CHECKING:
    from .http2 import HTTP2Connection


class HTTP2Body(IncomingBody):
    """The body of one response, read from its stream."""

    __slots__ = ("_connection", "_stream")

    def __init__(
        self, connection: HTTP2Connection, stream: Stream, deadline: Deadline, request: Request
    ) -> None:
        self.trailers = []
        self._connection = connection
        self._stream = stream
        self._deadline = deadline
        self._request = request
        self._ended = False

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

    def abandon(self) -> None:
        if not self._ended:
            self._ended = True
            give_up = functools.partial(self._connection.give_up, self._stream)
            self._connection.abandoned.append(give_up)
