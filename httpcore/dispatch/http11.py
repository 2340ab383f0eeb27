"""One HTTP/1.1 connection: one exchange at a time, one after the other.

An exchange begins with `send()` and ends when `on_done()` is called, exactly once: behind
the last byte of the response's body, or when the exchange is given up.  Whatever fails in between
closes the connection at once, so that no later exchange can read what belongs to an earlier one.
"""

from __future__ import annotations

import collections.abc
import typing

from ..backends.base import ConcurrencyBackend, NetworkStream, TruncatedTLS
from ..deadline import Deadline
from ..exceptions import (
    NetworkError,
    ReadError,
    RemoteProtocolError,
    RequestException,
    SSLError,
    WriteError,
)
from ..field_values import has_token
from ..models.connection_info import ConnectionInfo
from ..models.headers import Headers
from ..models.request import Request
from ..models.response import AsyncResponse, Response
from ..models.response_base import ResponseBase
from ..response_limits import DEFAULT_RESPONSE_LIMITS, ResponseLimits
from ..wire.http11 import ResponseReader, request_head
from ..wire.http11_events import NEED_DATA, EndOfMessage, Event, ReadHead, ResponseHead
from .base import Abandoned, OnDone, Unprocessed, reap
from .incoming import MAX_DRAINED_BYTES, IncomingBody
from .upload import Upload, whole_message


class HTTP11Connection:
    """
    HTTP/1.1 over a connected stream.

    * `on_done`: called when an exchange ends.
    * `abandoned`: takes what finalisers give up, for the owner to carry out.
    * `capacity`: how many exchanges it carries at once.
    """

    capacity = 1

    def __init__(
        self,
        stream: NetworkStream,
        backend: ConcurrencyBackend,
        read_head: ReadHead,
        on_done: OnDone,
        abandoned: Abandoned,
        limits: ResponseLimits = DEFAULT_RESPONSE_LIMITS,
    ) -> None:
        self.stream = stream
        self.abandoned = abandoned
        self._backend = backend
        self._read_head = read_head
        self._limits = limits
        self._on_done = on_done
        self._info = ConnectionInfo.of(stream.socket, stream.ssl_object)
        self._response_class = AsyncResponse if backend.is_async else Response
        self._requests = 0
        self._closed_by_owner = False

    async def send(self, request: Request, deadline: Deadline) -> ResponseBase:
        """
        Send `request`, which has been prepared, and return once the head of its response is there.

        Raises `Unprocessed` where a connection that had been used before turned out to be dead.
        """
        index = request.headers.by_name()
        options = index.get(b"connection", ())
        upgrades = b"upgrade" in index and has_token(options, b"upgrade")
        reader = ResponseReader(
            self._read_head, request.method, self.stream.peer, upgrades, self._limits
        )
        self._requests += 1
        try:
            head, complete = await self._exchange_heads(request, reader, deadline)
        except BaseException as exc:
            refusal = self._refusal() if isinstance(exc, WriteError) else None
            self.give_up()
            error = self._what_to_raise(exc if refusal is None else refusal)
            if error is not exc:
                raise error from exc
            if not reader.started and _is_disconnect(exc):
                if self._requests > 1:
                    raise Unprocessed(exc, certain=False) from exc
                self._suspect_https(exc)
            raise
        if not complete or has_token(options, b"close"):
            reader.reusable = False
        return self._response_class.from_wire(
            head.status,
            Headers.from_raw(head.headers, reader.index),
            HTTP11Body(self, reader, deadline, request),
            request,
            head.http_version,
            head.reason.decode("latin-1"),
            (self._info, self._requests),
        )

    def _refusal(self) -> SSLError | None:
        """After a write has failed: what TLS had to say before the peer hung up."""
        self.stream.read_available()
        return self.stream.refusal()

    def _suspect_https(self, exc: RequestException) -> None:
        # A server of TLS that is sent plain HTTP mostly hangs up without a word.
        remote = self._info.remote_address
        is_tcp = isinstance(remote, tuple) and remote[1] != 80
        if is_tcp and self.stream.ssl_object is None:
            exc.args = (f"{exc}; is this a port for https?",)

    async def _exchange_heads(
        self, request: Request, reader: ResponseReader, deadline: Deadline
    ) -> tuple[ResponseHead, bool]:
        """The head of the final response, and whether the request was sent to its end."""
        head = request_head(request.method, request.target, request.headers.section())
        event: Event = NEED_DATA
        stream = self.stream
        message = whole_message(request, head)
        if message is not None:
            await stream.write(message, deadline)
        else:
            upload = Upload(request, stream, self._backend, reader, deadline)
            await upload.run(head)
            if upload.head is not None:
                return upload.head, upload.complete
            if reader.started:
                event = reader.next_event()  # of what came meanwhile
        try:
            while type(event) is not ResponseHead:
                if event is NEED_DATA:
                    reader.feed(await stream.read(deadline))
                event = reader.next_event()
        except TruncatedTLS as exc:
            raise reader.truncated() from exc
        return event, True

    def is_stale(self) -> bool:
        """Whether the idle connection is of no use: whatever arrived on it was not asked for."""
        return self.stream.read_available() is not None

    def watch(self, on_readable: collections.abc.Callable[[], None] | None) -> bool:
        """Call `on_readable` when something arrives while it is idle; whether the backend can."""
        return self.stream.watch(on_readable)

    def close(self) -> None:
        """Close at once, from any thread; an exchange under way fails with `NetworkError`."""
        if not self.stream.is_closed:
            self._closed_by_owner = True
            self.stream.close()

    def finish(self, reader: ResponseReader) -> None:
        """The response is complete."""
        if not reader.reusable or reader.requests_left == 0:
            self.stream.close()
        self._on_done(not self.stream.is_closed, reader.keepalive_hint)

    def give_up(self) -> None:
        """End the exchange in the middle: the connection cannot be used any more."""
        self.stream.close()
        self._on_done(False, None)

    def fail(self, exc: BaseException) -> BaseException:
        """
        The exchange failed with `exc` while the body was read: give up, and say what to raise.
        """
        self.give_up()
        return self._what_to_raise(exc)

    def _what_to_raise(self, exc: BaseException) -> BaseException:
        if self._closed_by_owner and _is_disconnect(exc):
            return NetworkError(
                f"the client was closed while an exchange with {self.stream.peer} was under way"
            )
        return exc


class HTTP11Body(IncomingBody):
    """The body of one response, read from its connection."""

    __slots__ = ("_connection", "_reader")

    def __init__(
        self,
        connection: HTTP11Connection,
        reader: ResponseReader,
        deadline: Deadline,
        request: Request,
    ) -> None:
        self.trailers = []
        self._connection = connection
        self._reader = reader
        self._deadline = deadline
        self._request = request
        self._ended = False

    async def __anext__(self) -> bytes:
        if self._ended:
            raise StopAsyncIteration
        try:
            while True:
                event = self._reader.next_event()
                if isinstance(event, bytes):
                    return event
                if event is not NEED_DATA:
                    break
                self._reader.feed(await self._connection.stream.read(self._deadline))
        except BaseException as exc:
            error = self._fail(exc)
            if error is exc:
                raise
            raise error from exc
        self._end(event)
        raise StopAsyncIteration

    async def read(self) -> bytes:
        """All that is left of it: as `b"".join()` of the pieces, in fewer steps."""
        pieces = []
        try:
            while not self._ended:
                event = self._reader.next_event()
                if isinstance(event, bytes):
                    pieces.append(event)
                elif event is NEED_DATA:
                    self._reader.feed(await self._connection.stream.read(self._deadline))
                else:
                    self._end(event)
        except BaseException as exc:
            error = self._fail(exc)
            if error is exc:
                raise
            raise error from exc
        return b"".join(pieces)

    async def write(self, data: bytes) -> None:
        """Send in the protocol that the connection was switched to."""
        try:
            await self._connection.stream.write(data, self._deadline)
        except BaseException as exc:
            error = self._fail(exc)
            if error is exc:
                raise
            raise error from exc

    def _fail(self, exc: BaseException) -> BaseException:
        """What to raise for `exc`; the first failure of the two directions ends both."""
        if self._ended:
            return exc
        self._ended = True
        if isinstance(exc, TruncatedTLS):
            exc = self._reader.truncated()
        return self._connection.fail(exc)

    def _end(self, event: object) -> None:
        assert isinstance(event, EndOfMessage), event
        self.trailers = event.trailers
        self._ended = True
        self._connection.finish(self._reader)

    async def aclose(self) -> None:
        if not self._ended:
            self._drain_what_is_there()
        reap(self._connection.abandoned)  # an iterator over it may have been dropped before

    def _drain_what_is_there(self) -> None:
        drained = 0
        try:
            while drained <= MAX_DRAINED_BYTES:
                event = self._reader.next_event()
                if event is NEED_DATA:
                    data = self._connection.stream.read_available()
                    if not data:
                        break
                    self._reader.feed(data)
                elif isinstance(event, bytes):
                    drained += len(event)
                else:
                    self._end(event)
                    return
        except RemoteProtocolError:
            pass
        self._ended = True
        self._connection.give_up()

    def abandon(self) -> None:
        if not self._ended:
            self._ended = True
            self._connection.abandoned.append(self._connection.give_up)


def _is_disconnect(exc: BaseException) -> typing.TypeGuard[RequestException]:
    return isinstance(exc, (ReadError, WriteError, RemoteProtocolError))
