"""One HTTP/2 connection: many exchanges at once, by tasks or by threads.

An exchange begins with `send()` and ends when `on_done(reusable)` is called, exactly once: behind
the last byte of the response's body, or when the exchange is given up.  Giving one up resets its
stream, and the connection goes on.

What arrives, and what goes out, is decided by `HTTP2State`, which is touched under the guard only.
Here it is read, written and waited:

* Reading.  There is no task that reads.  Whoever waits for something of its stream reads for all,
  if nobody does: one read, its frames routed, those woken whom they concern, until there is
  something for itself.  `_reader` says whose turn it is.  However the reader leaves, it hands its
  turn to one who waits, in the same step.  Each wait has the limit of its own exchange.
* Writing.  What has to go out is taken by whoever finds it and nobody writing; a writer goes on
  until nothing is left, also for others, who need not wait for it.  While it waits and it is
  nobody's turn to read, it takes what arrives: a peer may wait for that before it reads on.
* In between.  Where the backend can watch, what arrives while nobody reads is taken and answered
  (PING, SETTINGS) at once.

A write that is interrupted leaves half a frame on the wire: this ends the connection.  A read that
is cancelled loses nothing.
"""

from __future__ import annotations

import collections.abc
import time

from h2.errors import ErrorCodes

from ..backends.base import ConcurrencyBackend, Event, NetworkStream, TruncatedTLS
from ..config import TimeoutConfig
from ..content.bodies import BytesBody
from ..deadline import Deadline
from ..exceptions import (
    LocalProtocolError,
    NetworkError,
    ReadError,
    ReadTimeout,
    RemoteProtocolError,
    RequestException,
    Timeout,
    WriteError,
    WriteTimeout,
)
from ..models.headers import Headers
from ..models.request import Request
from ..models.response import AsyncResponse, ResponseBase
from ..wire.http2 import HTTP2State
from ..wire.http2_fields import request_fields
from ..wire.http2_stream import Stream
from .base import Abandoned, Unprocessed
from .http2_body import HTTP2Body

# Bodies up to this size go out in one write with the head.
_ONE_WRITE_BYTES = 64 * 1024
# How long to wait for 100 Continue before sending the body all the same (RFC 9110 §10.1.1).
_CONTINUE_SECONDS = 1.0
# How long a peer that has answered may stop reading the rest of a request.
_PATIENCE_SECONDS = 1.0
# A connection that was quiet for longer is asked for a sign of life with the next request, and
# given up if there is none within the same time.
_QUIET_SECONDS = 10.0

# For what is sent at once or not at all.
_AT_ONCE = Deadline(TimeoutConfig(write_timeout=0.001))

_WAITING = "waiting for a response of"
_UPLOADING = "waiting until more of the request may be sent to"

Ready = collections.abc.Callable[[Stream], bool]


class HTTP11Required(Unprocessed):
    """The peer wants the request over HTTP/1.1 (RFC 9113 §7)."""


class HTTP2Connection:
    """
    HTTP/2 over a connected stream.  Nothing is sent before the first request.

    * `on_done`: called with whether the connection takes new exchanges when one ends.
    * `on_capacity`: called with how many exchanges it carries at once when that changes; 0: it
      finishes what it has and takes nothing new, for good.
    * `abandoned`: takes what finalisers give up, for the owner to carry out.
    * `capacity`: how many exchanges it carries at once; at first, how many are assumed.
    * `keepalive_hint`: HTTP/2 has no such thing.
    """

    keepalive_hint: float | None = None

    def __init__(
        self,
        stream: NetworkStream,
        backend: ConcurrencyBackend,
        on_done: collections.abc.Callable[[bool], None],
        on_capacity: collections.abc.Callable[[int], None],
        abandoned: Abandoned,
    ) -> None:
        self.stream = stream
        self.abandoned = abandoned
        self._backend = backend
        self._on_done = on_done
        self._on_capacity = on_capacity
        self._guard = backend.guard()
        self._state = HTTP2State(stream.peer, time.monotonic())
        self.capacity = self._state.capacity
        self._waiting: dict[Stream, Event] = {}
        self._reader: object = None  # the stream, or this connection, whose turn it is to read
        self._writing = False
        self._closed_by_owner = False
        stream.watch(self._take_what_is_there)

    # One exchange.

    async def send(self, request: Request, deadline: Deadline) -> ResponseBase:
        """
        Send `request`, which has been prepared, and return once the head of its response is there.

        Raises `Unprocessed` where the peer has not processed the request, or where a connection that
        had been used before turned out to be dead.
        """
        stream: Stream | None = None
        try:
            stream, quiet_since = self._open(request)
            await self._flush(deadline)
            if not stream.sent_all:
                await self._upload(stream, request, deadline)
            await self._wait_for_head(stream, quiet_since, deadline)
            if stream.status is None:
                raise self._failure(stream)
        except BaseException as exc:
            if stream is None:
                self._on_done(self.capacity > 0)
            else:
                self.give_up(stream)
            if isinstance(exc, Unprocessed):
                raise exc from exc.error.__cause__
            raise
        return AsyncResponse.from_wire(
            stream.status,
            Headers.from_raw(stream.headers),
            HTTP2Body(self, stream, deadline, request),
            request,
            "HTTP/2",
            None,
        )

    def _open(self, request: Request) -> tuple[Stream, float | None]:
        """The new stream, and since when the connection has been quiet, if that is suspicious."""
        fields = request_fields(
            request.method, request.url.scheme, request.target, request.headers.raw
        )
        body = request.body
        data = None
        if isinstance(body, BytesBody) and body.length <= _ONE_WRITE_BYTES:
            data = None if request.expects_continue else memoryview(body.data)
        quiet_since = None
        state = self._state
        with self._guard:
            stream = state.open_stream(request.method, fields, body is None or body.length == 0)
            if stream is None:
                raise self._unprocessed(
                    RemoteProtocolError(f"{self.stream.peer} takes no more streams at the moment")
                )
            if data:
                state.send_data(stream, data, True)
            last_received = state.last_received
            if stream.on_used_connection and time.monotonic() - last_received > _QUIET_SECONDS:
                state.ping()
                quiet_since = last_received
        return stream, quiet_since
