"""One HTTP/2 connection: many exchanges at once, by tasks or by threads.

An exchange begins with `send()` and ends when `on_done()` is called, exactly once: behind
the last byte of the response's body, or when it is given up.  Giving one up resets its stream, and
the connection goes on (RFC 9113 §5.4.2).

An upload is stopped when the final response makes the rest of it pointless: at a status of 300 or
above, when the peer resets the stream after a complete response (§8.1), and when a peer that has
begun to answer does not take the rest.
"""

from __future__ import annotations

import collections.abc
import functools
import time
import typing

from h2.errors import ErrorCodes

from ..aliases import RawHeaders
from ..backends.base import ConcurrencyBackend, NetworkStream
from ..content.bodies import Body, BytesBody
from ..deadline import Deadline
from ..exceptions import (
    NetworkError,
    ReadError,
    ReadTimeout,
    RemoteProtocolError,
    RequestException,
    TotalTimeout,
    WriteError,
    WriteTimeout,
)
from ..models.connection_info import ConnectionInfo
from ..models.headers import Headers
from ..models.request import Request
from ..models.response import AsyncResponse
from ..models.response_base import ResponseBase
from ..response_limits import DEFAULT_RESPONSE_LIMITS, ResponseLimits
from ..wire.http2 import HTTP2State
from ..wire.http2_fields import request_fields
from ..wire.http2_stream import Stream
from .base import Abandoned, OnDone, Unprocessed
from .http2_body import HTTP2Body
from .http2_transport import HTTP2Transport
from .upload import (
    CONTINUE_SECONDS,
    ONE_WRITE_BYTES,
    PATIENCE_SECONDS,
    WAITING_FOR_BODY,
    check_sent,
)

# A connection that has been quiet for longer is asked for a sign of life together with the next
# request, and given up if none comes within that time again.
_QUIET_SECONDS = 10.0


class HTTP2Connection:
    """
    HTTP/2 over a connected stream.  Nothing is sent before the first request.

    * `on_done`: called when an exchange ends.
    * `on_capacity`: called with `capacity` when that changes.
    * `abandoned`: takes what finalisers give up, for the owner to carry out.
    * `agreed`: whether the peer has chosen HTTP/2, by ALPN; else it is assumed to speak it.
    """

    def __init__(
        self,
        stream: NetworkStream,
        backend: ConcurrencyBackend,
        on_done: OnDone,
        on_capacity: collections.abc.Callable[[int], None],
        abandoned: Abandoned,
        limits: ResponseLimits = DEFAULT_RESPONSE_LIMITS,
        agreed: bool = True,
    ) -> None:
        self.stream = stream
        self.abandoned = abandoned
        self._backend = backend
        self._on_done = on_done
        self._state = HTTP2State(stream.peer, time.monotonic(), limits, agreed)
        self._transport = HTTP2Transport(stream, self._state, backend, on_capacity)
        self._info = ConnectionInfo.of(stream.socket, stream.ssl_object)
        self._closed_by_owner = False

    @property
    def capacity(self) -> int:
        """
        How many exchanges it carries at once; assumed, until the peer has said so.

        0: it finishes what it has, and takes nothing new for good.
        """
        return self._transport.capacity

    def is_stale(self) -> bool:
        """Whether it takes nothing new; looks at what has arrived while nobody used it."""
        self._transport.look()
        return self.capacity == 0

    def watch(self, on_readable: collections.abc.Callable[[], None] | None) -> bool:
        """Nothing to do: it watches itself, and tells by `on_capacity`."""
        return True

    def close(self) -> None:
        """Close at once, from any thread; exchanges under way fail with `NetworkError`."""
        if not self.stream.is_closed:
            self._closed_by_owner = True
            self.stream.close()

    async def send(self, request: Request, deadline: Deadline) -> ResponseBase:
        """
        Send `request`, which has been prepared, and return once the head of its response is there.

        Raises `Unprocessed` where the peer has not processed the request, and where a connection
        that had been used before turned out to be dead.
        """
        stream: Stream | None = None
        try:
            fields = request_fields(
                request.method, request.url.scheme, request.target, request.headers.raw
            )
            if request.body is not None:
                request.body.rewind()
            stream, rest, quiet_since = self._transport.do(self._open, request, fields)
            await self._transport.flush(deadline)
            if not stream.sent_all:
                await self._upload(stream, request, rest, deadline)
            await self._wait_for_head(stream, quiet_since, deadline)
            if stream.status is None:
                raise self._why_no_head(stream)
        except BaseException:
            self.give_up(stream)
            raise
        return AsyncResponse.from_wire(
            stream.status,
            Headers.from_raw(stream.headers),
            HTTP2Body(self, stream, deadline, request),
            request,
            "HTTP/2",
            None,
            (self._info, (stream.id + 1) // 2),  # the client's streams are 1, 3, 5 (§5.1.1)
        )

    # The request.

    def _open(
        self, request: Request, fields: RawHeaders
    ) -> tuple[Stream, memoryview | None, float | None]:
        """
        Open a stream, with the body if it is small.  Under the guard.

        Returns it, what could not be sent of a small body, and since when the connection has been
        quiet, where that is suspicious.
        """
        body, state = request.body, self._state
        ends = body is None or body.length == 0
        stream = state.open_stream(request.method, fields, ends)
        if stream is None:
            raise Unprocessed(
                RemoteProtocolError(f"{self.stream.peer} takes no more requests at the moment"),
                certain=True,
            )
        rest = None
        if not ends and _goes_at_once(request):
            rest = memoryview(typing.cast("BytesBody", body).data)
            rest = rest[state.send_data(stream, rest, True) :]
        quiet_since = state.last_received
        if not stream.on_used_connection or time.monotonic() - quiet_since < _QUIET_SECONDS:
            return stream, rest, None
        state.ping()
        return stream, rest, quiet_since

    async def _upload(
        self, stream: Stream, request: Request, rest: memoryview | None, deadline: Deadline
    ) -> None:
        """Send the body, or the `rest` of a small one, as far as it is wanted."""
        if rest is not None:
            await self._send_piece(stream, rest, True, deadline)
            return
        if _expects_continue(request):
            try:
                await self._transport.wait(stream, _may_continue, deadline, CONTINUE_SECONDS)
            except ReadTimeout:
                pass
        body = request.body
        assert body is not None
        try:
            await self._send_pieces(stream, body, request.declared_length, deadline)
        finally:
            if not stream.sent_all:
                await body.aclose()

    async def _send_pieces(
        self, stream: Stream, body: Body, length: int | None, deadline: Deadline
    ) -> None:
        sent = 0
        while (piece := await self._next_piece(stream, body, deadline)) is not None:
            sent += len(piece)
            check_sent(sent, length)
            self._transport.look()
            # A length that the user has declared is known to be true only at the iterator's end.
            is_last = sent == body.length
            if not await self._send_piece(stream, memoryview(piece), is_last, deadline):
                return
        if _is_answered(stream):
            return
        check_sent(sent, length, is_all=True)
        if not stream.sent_all:
            await self._send_piece(stream, memoryview(b""), True, deadline)

    async def _next_piece(
        self, stream: Stream, body: Body, deadline: Deadline
    ) -> bytes | memoryview | None:
        """The next piece of `body`; `None` at its end, or where the rest is not wanted any more."""
        piece = body.next_chunk(self._backend.run_blocking)
        if not body.may_wait:
            return await piece
        return await self._backend.race(
            piece, functools.partial(self._wait_for_end, stream, deadline)
        )

    async def _wait_for_end(self, stream: Stream, deadline: Deadline) -> None:
        """Wait until nobody wants more of the request."""
        try:
            await self._transport.wait(stream, _is_answered, deadline, None)
        except TotalTimeout as exc:
            raise deadline.error(TotalTimeout, WAITING_FOR_BODY, self.stream.peer) from exc

    async def _send_piece(
        self, stream: Stream, piece: memoryview, is_last: bool, deadline: Deadline
    ) -> bool:
        """Send `piece` as the peer's windows allow; `False` where it is not wanted any more."""
        transport = self._transport
        while not _is_answered(stream):
            piece = piece[transport.do(self._state.send_data, stream, piece, is_last) :]
            await transport.flush(deadline)
            if stream.sent_all or not (piece or is_last):
                return True
            if stream.status is None:
                await transport.wait(
                    stream, self._may_send_or_stop, deadline, deadline.write, WriteTimeout
                )
                continue
            limit = _at_most(PATIENCE_SECONDS, deadline.write)
            try:
                await transport.wait(stream, self._may_send, deadline, limit, WriteTimeout)
            except WriteTimeout:
                return False
        return False

    def _may_send(self, stream: Stream) -> bool:
        return not self._state.is_blocked(stream) or _is_answered(stream)

    def _may_send_or_stop(self, stream: Stream) -> bool:
        return self._may_send(stream) or stream.status is not None

    # The response.

    async def _wait_for_head(
        self, stream: Stream, quiet_since: float | None, deadline: Deadline
    ) -> None:
        limit = deadline.read
        if quiet_since is not None:
            patience = _at_most(_QUIET_SECONDS, limit)
            try:
                await self._transport.wait(stream, _has_head, deadline, patience)
                return
            except ReadTimeout:
                now = time.monotonic()
                if self._state.last_received == quiet_since:
                    self._transport.fail(
                        ReadError(
                            f"{self.stream.peer} has been silent for {now - quiet_since:.1f} s, "
                            "and did not even answer a PING: the connection is dead"
                        )
                    )
                elif patience == limit:
                    raise
            limit = None if limit is None else limit - patience
        await self._transport.wait(stream, _has_head, deadline, limit)

    def _why_no_head(self, stream: Stream) -> Exception:
        error = self._shown(stream)
        if stream.refused:
            return Unprocessed(error, certain=True, needs_http11=stream.needs_http11)
        lost = self._state.closed and not self._closed_by_owner
        if lost and stream.on_used_connection and not stream.started:
            return Unprocessed(error, certain=False)
        return error

    def _shown(self, stream: Stream) -> RequestException:
        """What to tell the caller of the error of `stream`."""
        error = stream.error
        assert error is not None
        if self._closed_by_owner and isinstance(error, (ReadError, WriteError)):
            shown = NetworkError(
                f"the client was closed while an exchange with {self.stream.peer} was under way"
            )
            shown.__cause__ = error
            return shown
        return error

    async def next_piece(self, stream: Stream, deadline: Deadline) -> bytes:
        """Wait for more of the body; `b""` at its end."""
        while True:
            ended = stream.ended  # before `buffered`: another thread may be receiving
            if stream.buffered:
                data, credit_is_due = self._transport.do(self._state.take_body, stream)
                if credit_is_due:
                    self._transport.send_at_once()  # what cannot be, whoever waits next sends
                if data:  # not, if another thread has just received what ends the stream early
                    return data
                continue
            if ended:
                return b""
            if stream.error is not None:
                raise self._shown(stream)
            await self._transport.wait(stream, _has_more, deadline, deadline.read)

    def finish(self, stream: Stream) -> None:
        """The response is complete."""
        # Where the request has not been sent to its end, the rest of it is pointless (§8.1).
        self._end(None if stream.sent_all else stream, ErrorCodes.NO_ERROR)

    def give_up(self, stream: Stream | None) -> None:
        """End the exchange in the middle; waits for nothing."""
        self._end(stream, ErrorCodes.CANCEL)

    def _end(self, stream: Stream | None, code: int) -> None:
        """End the exchange, and reset `stream` unless it is `None`."""
        try:
            if stream is not None:
                self._transport.do(self._state.reset, stream, code)
                self._transport.send_at_once()
        finally:
            self._on_done(self.capacity > 0, None)


def _at_most(seconds: float, limit: float | None) -> float:
    return seconds if limit is None else min(seconds, limit)


def _expects_continue(request: Request) -> bool:
    return "100-continue" in request.headers.get("Expect", "").lower()


def _goes_at_once(request: Request) -> bool:
    body = request.body
    is_small = isinstance(body, BytesBody) and body.length <= ONE_WRITE_BYTES
    return is_small and not _expects_continue(request)


def _may_continue(stream: Stream) -> bool:
    return stream.may_continue or _has_head(stream)


def _has_head(stream: Stream) -> bool:
    return stream.status is not None or stream.error is not None


def _has_more(stream: Stream) -> bool:
    return stream.buffered > 0 or stream.ended or stream.error is not None


def _is_answered(stream: Stream) -> bool:
    """Whether nobody wants more of the request."""
    answered = stream.status is not None and stream.status >= 300
    return answered or stream.stopped or stream.error is not None
