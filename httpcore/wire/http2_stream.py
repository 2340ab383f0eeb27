"""One HTTP/2 stream as its client sees it: a request that was sent, a response on its way.

A `Stream` is a record.  `HTTP2State` writes into it, under the guard of the connection; the
exchange that owns it reads, under the same guard.  What is decided here is whether a response is
well-formed, as a sequence of field sections and data (RFC 9113 §8.1).
"""

from __future__ import annotations

import collections

from ..aliases import RawHeaders
from ..exceptions import RequestException
from ..response_limits import ResponseLimits
from .http2_fields import StreamViolation, content_length, plain_fields, response_fields

# Pieces of a body are joined up to this size: many tiny DATA frames must not cost many objects.
_PIECE_BYTES = 16 * 1024


class Stream:
    """
    What has arrived, and what has become of the stream.

    * `status`, `headers`: of the final response, `None` until its head is there.
    * `may_continue`: whether 100 Continue has come.
    * `ended`: whether the response is complete; `trailers` then counts.
    * `buffered`: the bytes of the body that nobody has taken yet.
    * `error`: why the stream ended before that, for its owner to raise; `None` if it did not.
    * `started`: whether anything of a response has arrived.
    * `refused`: whether the peer has said that it did not process the request.
    * `needs_http11`: whether it wants the request over HTTP/1.1 (§7, HTTP_1_1_REQUIRED).
    * `stopped`: whether nothing more of the request may be sent, or is wanted.
    * `sent_all`: whether the request has been sent to its end.
    * `on_used_connection`: whether the connection had carried a response before.
    * `window`: how many bytes the peer may still send; `granted`: how many when the window is
      full; `credit`: taken by the owner, or padding, and not yet given back to the window.
    """

    __slots__ = (
        "id",
        "method",
        "status",
        "headers",
        "trailers",
        "may_continue",
        "ended",
        "buffered",
        "error",
        "started",
        "refused",
        "needs_http11",
        "stopped",
        "sent_all",
        "on_used_connection",
        "window",
        "granted",
        "credit",
        "received",
        "_pieces",
        "_length",
        "_informational",
        "_limits",
    )

    def __init__(
        self,
        stream_id: int,
        method: str,
        window: int,
        on_used_connection: bool,
        limits: ResponseLimits,
    ) -> None:
        self.id = stream_id
        self.method = method
        self.status: int | None = None
        self.headers: RawHeaders = []
        self.trailers: RawHeaders = []
        self.may_continue = False
        self.ended = False
        self.buffered = 0
        self.error: RequestException | None = None
        self.started = False
        self.refused = False
        self.needs_http11 = False
        self.stopped = False
        self.sent_all = False
        self.on_used_connection = on_used_connection
        self.window = self.granted = window
        self.credit = 0
        self.received = 0
        self._pieces: collections.deque[bytes] = collections.deque()
        self._length: int | None = None
        self._informational = 0
        self._limits = limits

    def receive_fields(self, fields: RawHeaders, end_stream: bool) -> None:
        """A field section has arrived; raises `StreamViolation`."""
        self.started = True
        limit = self._limits.max_header_fields
        if len(fields) > limit + 1:  # :status is none of them
            raise StreamViolation(
                f"sent more than {limit} header fields, the max_header_fields of ResponseLimits"
            )
        if self.status is not None:
            if not end_stream:
                raise StreamViolation("sent a field section in the middle of the body")
            self.trailers = plain_fields(fields)
            self._end()
            return
        status, headers = response_fields(fields)
        if status < 200:
            self._receive_informational(status, end_stream)
            return
        self._length = content_length(headers)
        if self.method == "HEAD" or status in (204, 304):
            self._length = 0
        self.status, self.headers = status, headers
        if end_stream:
            self._end()

    def _receive_informational(self, status: int, end_stream: bool) -> None:
        if status == 101:
            raise StreamViolation("sent 101 Switching Protocols, which HTTP/2 does not have")
        if end_stream:
            raise StreamViolation(f"ended the response with an informational status, {status}")
        self._informational += 1
        if self._informational > self._limits.max_informational:
            raise StreamViolation(
                f"sent more than {self._limits.max_informational} informational (1xx) responses, "
                "the max_informational of ResponseLimits"
            )
        self.may_continue = self.may_continue or status == 100

    def receive_data(self, data: bytes, end_stream: bool) -> None:
        """The payload of a DATA frame has arrived; raises `StreamViolation`."""
        self.started = True
        if self.status is None:
            raise StreamViolation("sent a body before its head")
        if data:
            self.received += len(data)
            if self._length is not None and self.received > self._length:
                raise StreamViolation(
                    f"sent {self.received} bytes or more of a body that should have {self._length}"
                )
            self.buffered += len(data)
            pieces = self._pieces
            if pieces and len(pieces[-1]) + len(data) <= _PIECE_BYTES:
                pieces[-1] += data
            else:
                pieces.append(data)
        if end_stream:
            self._end()

    def _end(self) -> None:
        if self._length is not None and self.received != self._length:
            raise StreamViolation(
                f"ended after {self.received} bytes a body that should have {self._length}"
            )
        self.ended = True

    def take(self) -> bytes:
        """What has arrived of the body and was not taken yet; perhaps nothing."""
        pieces = self._pieces
        if len(pieces) == 1:
            data = pieces.popleft()
        else:
            data = b"".join(pieces)
            pieces.clear()
        self.buffered = 0
        return data

    @property
    def progress(self) -> str:
        """How far the response had come, in words."""
        if self.status is None:
            return "before the head of the response"
        return f"after {self.received} bytes of the body"
