"""HTTP/1.1 as bytes in, events out: one response read, one request written.

Theory of operation.  A `ResponseReader` lives for one exchange: it is made when a request goes
out, is fed what arrives, and gives events until the end of the final response:

    InformationalHead*  ResponseHead  bytes*  EndOfMessage

`next_event()` returns `NEED_DATA` when it wants to be fed; feeding `b""` says that the peer has
closed.  What was fed behind the end makes the connection unusable (RFC 9112 §9.2).

Who decides what.  An *engine*, h11 or httptools, reads a head once it is complete; chunks are taken
apart by `ChunkedBody`.  Everything else is decided here, whichever engine it is: where a head and a
message end (§2.1, §6.3), whether the connection may be used again (§9.3), and the limits.  A body
of known length, or one that ends with the connection, is counted and handed on as it is.

Rejected: h11 for sending too.  It would check again, header by header, what `Headers` and
`Request` have checked when they were made, and with httptools it would be needed all the same.
"""

from __future__ import annotations

import enum

from ..aliases import RawHeaders
from ..exceptions import RemoteProtocolError
from ..field_values import FieldIndex, field_index, has_token
from ..response_limits import DEFAULT_RESPONSE_LIMITS, ResponseLimits
from .http11_chunks import ChunkedBody
from .http11_events import (
    NEED_DATA,
    EndOfMessage,
    Event,
    InformationalHead,
    ReadHead,
    ResponseHead,
    has_controls,
)
from .http11_sections import section_end

# Framing beyond this many bytes, and this many times the data, is an attack (CVE-2023-39326).
FREE_OVERHEAD_BYTES = 256 * 1024
MAX_OVERHEAD_RATIO = 32

_NO_TRAILERS = EndOfMessage([])


class _Framing(enum.Enum):
    """Where the message being read ends (RFC 9112 §6.3)."""

    HEAD = "in the head"
    NO_BODY = "no body"
    LENGTH = "Content-Length"
    CHUNKED = "chunked"
    UNTIL_CLOSE = "until the connection closes"
    ENDED = "ended"


# To look up the member of an enum takes three times as long.
_HEAD, _NO_BODY, _LENGTH, _CHUNKED, _UNTIL_CLOSE, _ENDED = _Framing


class ResponseReader:
    """
    Reads the response to one request; `method` is the request's, `peer` names the server in errors.
    `upgrades`: whether the request asks for another protocol; 101 is a final response to it, whose
    body is what that protocol says until the connection closes (RFC 9110 §7.8).

    * `index`: the final response's fields by name, once its head was read.
    * `started`: whether any byte of a response has arrived.
    * `reusable`: whether the connection may carry another exchange; known at the end.
    * `keepalive_hint`: the seconds of `Keep-Alive: timeout=`, or `None`.
    * `requests_left`: the number of `Keep-Alive: max=`, or `None`.
    """

    __slots__ = (
        "_read_head",
        "_method",
        "_peer",
        "_upgrades",
        "_limits",
        "_framing",
        "_buffer",
        "_searched",
        "_chunks",
        "_eof",
        "_first_bytes",
        "_length",
        "_received",
        "_fed_in_body",
        "_informational",
        "index",
        "started",
        "reusable",
        "keepalive_hint",
        "requests_left",
    )

    def __init__(
        self,
        read_head: ReadHead,
        method: str,
        peer: str,
        upgrades: bool = False,
        limits: ResponseLimits = DEFAULT_RESPONSE_LIMITS,
    ) -> None:
        self._read_head = read_head
        self._method = method
        self._peer = peer
        self._upgrades = upgrades
        self._limits = limits
        self._framing = _HEAD
        self._buffer = b""  # what was fed and not used, but of chunks
        self._searched = 0  # so far into it the head has no end
        self._chunks: ChunkedBody | None = None
        self._eof = False
        self._first_bytes = b""
        self._length = 0
        self._received = 0
        self._fed_in_body = 0
        self._informational = 0
        self.index: FieldIndex = {}
        self.started = False
        self.reusable = False
        self.keepalive_hint: float | None = None
        self.requests_left: int | None = None

    def feed(self, data: bytes) -> None:
        """Take what arrived; `b""`: the peer has closed."""
        if not data:
            self._eof = True
            return
        if not self.started:
            self.started = True
            self._first_bytes = data
        if self._chunks is None:
            self._buffer = self._buffer + data if self._buffer else data
        else:
            self._chunks.feed(data)
            self._fed_in_body += len(data)

    def next_event(self) -> Event:
        """The next event; raises `RemoteProtocolError` for what is no HTTP/1.1 response."""
        framing = self._framing
        if framing is _LENGTH:
            return self._sized_event()
        if framing is _HEAD:
            return self._head_event()
        if self._chunks is not None:
            return self._chunked_event(self._chunks)
        if framing is _UNTIL_CLOSE:
            return self._last_event()
        return self._end(_NO_TRAILERS)

    @property
    def buffered(self) -> int:
        """How many body bytes are held that nobody has asked for yet."""
        return len(self._buffer) if self._chunks is None else self._chunks.held

    @property
    def rest(self) -> bytes:
        """What was fed behind the end of the response."""
        return self._buffer

    def truncated(self) -> RemoteProtocolError:
        """The error for a connection that ends now; says what is missing."""
        if not self.started:
            return self._violation("closed the connection without sending a response")
        if self._framing is _HEAD:
            return self._violation(
                f"closed the connection inside the response's head, which starts {self._shown()}"
            )
        if self._framing is _LENGTH:
            return self._violation(
                f"closed the connection after {self._received} of {self._length} bytes of the body"
            )
        if self._framing is _CHUNKED:
            return self._violation(
                f"closed the connection inside a chunked body, after {self._received} bytes, "
                "before its last chunk"
            )
        return self._violation(
            f"ended TLS without close_notify after {self._received} bytes of a body that ends with "
            "the connection, so it may have been cut short"
        )

    def _violation(self, what: str) -> RemoteProtocolError:
        return RemoteProtocolError(f"{self._peer} {what}")

    def _shown(self) -> str:
        return repr(self._first_bytes[:40])[1:]

    # The head.

    def _head_event(self) -> Event:
        end = section_end(self._buffer, self._searched)
        if not end:
            return self._incomplete_head()
        if end > self._limits.max_head_bytes:
            raise self._large_head()
        section, self._buffer = self._buffer[:end], self._buffer[end:]
        self._searched = 0
        try:
            head = self._read_head(section)
        except RemoteProtocolError as exc:
            self._refuse_tls()
            raise self._violation(
                f"sent what is no HTTP/1.1 response ({exc}); it starts {self._shown()}"
            ) from exc.__cause__
        if isinstance(head, InformationalHead):
            return self._after_informational(head)
        self._check_head(head)
        self._decide_framing(head)
        return head

    def _incomplete_head(self) -> Event:
        """`NEED_DATA`, but for what does not become a head any more."""
        self._refuse_tls()
        if not b"HTTP/".startswith(self._first_bytes[:5]):
            # A server that speaks first, such as SSH, waits for our answer now.
            raise self._violation(f"sent what is no HTTP/1.1 response; it starts {self._shown()}")
        if len(self._buffer) > self._limits.max_head_bytes:
            raise self._large_head()
        if self._eof:
            raise self.truncated()
        self._searched = len(self._buffer)
        return NEED_DATA

    def _after_informational(self, head: InformationalHead) -> Event:
        self._informational += 1
        self._check_text(head.headers)
        if head.status == 101:
            return self._switch(head)
        if self._informational > self._limits.max_informational:
            raise self._violation(
                f"sent more than {self._limits.max_informational} informational (1xx) responses, "
                "the max_informational of ResponseLimits"
            )
        return head

    def _large_head(self) -> RemoteProtocolError:
        return self._violation(
            f"sent a response head of more than {self._limits.max_head_bytes} bytes, the "
            "max_head_bytes of ResponseLimits"
        )

    def _switch(self, event: InformationalHead) -> ResponseHead:
        if not self._upgrades:
            raise self._violation("sent 101 Switching Protocols, which was not asked for")
        self.index = field_index(event.headers)
        self._framing = _UNTIL_CLOSE
        return ResponseHead(101, b"Switching Protocols", event.headers, "HTTP/1.1")

    def _refuse_tls(self) -> None:
        # An alert, RFC 8446 §5.1.  At once: what follows it is mostly a reset without any words.
        if self._first_bytes[:2] == b"\x15\x03":
            raise self._violation(
                f"answered plain HTTP with an alert of TLS, {self._shown()}; "
                "is the URL to begin with https?"
            )

    def _check_head(self, head: ResponseHead) -> None:
        if head.http_version not in ("HTTP/1.1", "HTTP/1.0"):
            raise self._violation(
                f"answered with {head.http_version} on an HTTP/1.1 connection; "
                f"the response starts {self._shown()}"
            )
        if not head.is_clean or len(head.headers) > self._limits.max_header_fields:
            self._check_text(head.headers, head.reason)

    def _check_text(self, fields: RawHeaders, reason: bytes = b"") -> None:
        if len(fields) > self._limits.max_header_fields:
            raise self._violation(
                f"sent more than {self._limits.max_header_fields} header fields, the "
                "max_header_fields of ResponseLimits"
            )
        if not has_controls(reason + b"".join([value for _, value in fields])):
            return
        # A cookie with controls is ignored, and nothing else with it (RFC 6265bis §5.6).
        fields[:] = [
            (name, value)
            for name, value in fields
            if name.lower() != b"set-cookie" or not has_controls(value)
        ]
        if has_controls(reason + b"".join([value for _, value in fields])):
            raise self._violation("sent control characters in a header field or reason phrase")

    def _decide_framing(self, head: ResponseHead) -> None:
        """RFC 9112 §6.3 for the body, §9.3 for the connection."""
        index = self.index = field_index(head.headers)
        lengths = index.get(b"content-length")
        codings = index.get(b"transfer-encoding")
        options = index.get(b"connection", ())
        if codings is not None and (len(codings) > 1 or codings[0].lower() != b"chunked"):
            shown = b", ".join(codings).decode("latin-1")
            raise self._violation(
                f"sent Transfer-Encoding: {shown!r}, of which only 'chunked', once, can be read"
            )
        if b"keep-alive" in index:
            self._note_keep_alive(index[b"keep-alive"])
        if head.http_version == "HTTP/1.1":
            # Both framings, or chunks from HTTP/1.0, are how responses are smuggled (§6.1).
            self.reusable = not (has_token(options, b"close") or (codings and lengths))
        else:
            self.reusable = has_token(options, b"keep-alive") and not codings
        if head.status in (204, 304) or (self._method != "GET" and self._has_no_body(head)):
            self._framing = _NO_BODY
        elif codings:
            self._framing = _CHUNKED
            self._fed_in_body = len(self._buffer)
            self._chunks = ChunkedBody(self._buffer, self._limits.max_chunk_framing_bytes)
            self._buffer = b""
        elif lengths is None:
            self._framing = _UNTIL_CLOSE
            self.reusable = False
        else:
            self._framing = _LENGTH
            self._length = int(lengths[0])

    def _has_no_body(self, head: ResponseHead) -> bool:
        """Whether it ends here, whatever length it announces (RFC 9110 §9.3.2, §9.3.6)."""
        return self._method == "HEAD" or (self._method == "CONNECT" and 200 <= head.status < 300)

    def _note_keep_alive(self, values: list[bytes]) -> None:
        for item in b",".join(values).decode("latin-1").split(","):
            key, _, number = item.strip().partition("=")
            if not (number.isascii() and number.isdigit() and len(number) < 9):
                continue
            if key.lower() == "timeout" and int(number) > 0:
                self.keepalive_hint = float(number)
            elif key.lower() == "max":
                self.requests_left = int(number)

    # Bodies.

    def _sized_event(self) -> Event:
        data, missing = self._buffer, self._length - self._received
        if not missing:
            return self._end(_NO_TRAILERS)
        if data:
            self._buffer = data[missing:]
            data = data[:missing]
            self._received += len(data)
            return data
        if self._eof:
            raise self.truncated()
        return NEED_DATA

    def _last_event(self) -> Event:
        data, self._buffer = self._buffer, b""
        if data:
            self._received += len(data)
            return data
        return self._end(_NO_TRAILERS) if self._eof else NEED_DATA

    def _chunked_event(self, chunks: ChunkedBody) -> Event:
        try:
            event = chunks.next_event()
        except RemoteProtocolError as exc:
            raise self._violation(
                f"sent, after {self._received} bytes of data, {exc}"
            ) from exc.__cause__
        if event is NEED_DATA:
            self._check_overhead()
            if self._eof:
                raise self.truncated()
            return NEED_DATA
        if isinstance(event, bytes):
            self._received += len(event)
            return event
        assert isinstance(event, EndOfMessage), event
        self._check_text(event.trailers)
        self._chunks, self._buffer = None, chunks.rest
        return self._end(event)

    def _check_overhead(self) -> None:
        overhead = self._fed_in_body - self._received
        free = max(FREE_OVERHEAD_BYTES, 4 * self._limits.max_chunk_framing_bytes)
        if overhead > free and overhead > MAX_OVERHEAD_RATIO * self._received:
            raise self._violation(
                f"sent {overhead} bytes of chunk framing around {self._received} bytes of data"
            )

    def _end(self, end: EndOfMessage) -> EndOfMessage:
        if self._buffer or self._eof:
            # A second response that nobody asked for, or a connection that is gone.
            self.reusable = False
        self._framing = _ENDED
        return end


# The request.


def request_head(method: str, target: bytes, section: bytes) -> bytes:
    """The request line and header section (RFC 9112 §3), whose parts have been checked before."""
    return b"%b %b HTTP/1.1\r\n%b" % (method.encode("ascii"), target, section)


def chunk(data: bytes | memoryview) -> tuple[bytes, bytes | memoryview, bytes]:
    """The parts of `data`, not empty, as one chunk (RFC 9112 §7.1)."""
    return b"%x\r\n" % len(data), data, b"\r\n"


LAST_CHUNK = b"0\r\n\r\n"
