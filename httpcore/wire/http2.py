"""HTTP/2 on h2: bytes in, bytes out, and what becomes of each stream (RFC 9113).

Theory of operation.  `HTTP2State` is one connection without its socket.  `receive()` takes what
arrived and writes it into the `Stream`s that it concerns; `take_changed()` says which.  Other calls
open a stream, send on it, take from it or reset it; `take_output()` gives the bytes that have to go
out, whole frames in their order.  No I/O, no clock, no lock: the connection calls under its guard.

Who decides what.  *What concerns the connection is h2's*, see `http2_output`.  *The peer's frames
are read here*, because h2 answers with the end of the connection where the RFC wants the end of one
stream, or nothing at all:

* A malformed response is an error of its stream (§8.1.1).
* Behind GOAWAY the streams that the peer still processes go on (§6.8); h2 would take nothing more.
* Frames on streams that were reset are dropped, and given credit for (§5.1); h2 answers each.
* Floods of what means nothing are ended.

So h2 is told what a peer without fault would have said, and only of the connection: SETTINGS, PING
and its WINDOW_UPDATE, after they were looked at.  What it does not see it cannot hold against
anybody.

Errors.  An error of a stream is put into `Stream.error`.  What breaks the connection is put into
all of them, and `closed` is set; `receive()` itself never raises.
"""

from __future__ import annotations

import struct
import typing

from h2.errors import ErrorCodes
from hpack import HPACKError, OversizedHeaderListError

from ..exceptions import RemoteProtocolError, RequestException
from ..response_limits import DEFAULT_RESPONSE_LIMITS, ResponseLimits
from . import http2_frames as frames
from .http2_fields import StreamViolation
from .http2_frames import ConnectionViolation, FrameSplitter
from .http2_hpack import ResponseDecoder
from .http2_output import error_name
from .http2_stream import Stream
from .http2_streams import HIGHEST_ID, MAX_STREAMS, Streams

# Frames that bring nothing are counted within this time (CVE-2019-9512 and its kin).
_NOISE_SECONDS = 60.0
# A large upload may get its credit back in thousands of pieces, when all of it has been sent.  From
# this size on they are no noise: a flood of them ends where a window is full, at 2**31-1.
_MUCH_CREDIT = 4096
_MAX_SHOWN_DEBUG_CHARS = 200

_LONG = struct.Struct(">L")
_GOAWAY = struct.Struct(">LL")


class HTTP2State(Streams):
    """
    One connection; see the module.

    * `now`: the time on the caller's clock, in seconds.
    * `agreed`: whether the peer has chosen HTTP/2; else it is spoken by prior knowledge (§3.3).
    * `last_received`: when the last bytes came.
    """

    __slots__ = (
        *("last_received", "_agreed", "_splitter", "_decoder"),
        *("_noise", "_noise_since", "_first_bytes"),
    )

    def __init__(
        self,
        peer: str,
        now: float,
        limits: ResponseLimits = DEFAULT_RESPONSE_LIMITS,
        agreed: bool = True,
    ) -> None:
        super().__init__(peer, limits)
        self.last_received = now
        self._agreed = agreed
        self._splitter = FrameSplitter(limits.max_head_bytes)
        self._decoder = ResponseDecoder(limits.max_head_bytes)
        self._noise = 0
        self._noise_since = now
        self._first_bytes = b""

    def send_data(self, stream: Stream, data: memoryview, end_stream: bool) -> int:
        """See `Streams.send_data()`."""
        self._noise = 0  # the peer has something to answer
        return super().send_data(stream, data, end_stream)

    def receive(self, data: bytes, now: float) -> None:
        """Take what arrived; never raises."""
        self.last_received = now
        if now - self._noise_since > _NOISE_SECONDS:
            self._noise, self._noise_since = 0, now
        if not self._output.settled:
            self._first_bytes += data[: 40 - len(self._first_bytes)]
        try:
            for kind, flags, stream_id, payload, size in self._splitter.split(data):
                if self.closed:
                    return
                if kind == frames.SETTINGS:
                    self._on_settings(flags, stream_id, payload)
                elif not self._output.settled:
                    raise ConnectionViolation(frames.PROTOCOL_ERROR, "did not send SETTINGS first")
                elif kind == frames.DATA:
                    self._on_data(flags, stream_id, payload, size)
                else:
                    _RECEIVERS.get(kind, HTTP2State._on_other)(self, flags, stream_id, payload)
            credit = self._windows.connection_credit()
            if credit and not self.closed:
                self._output.credit(0, credit)
        except ConnectionViolation as violation:
            self._break(violation)

    def receive_end(self, cause: RequestException | None = None) -> None:
        """The peer has closed the connection, or it broke with `cause`."""
        for stream in self._close():
            if cause is not None:
                stream.error = type(cause)(str(cause))
                stream.error.__cause__ = cause
            elif self._output.settled:
                stream.error = self._error(f"closed the connection {stream.progress}")
            else:
                stream.error = self._error(self._no_http2("closed the connection instead"))

    def _no_http2(self, what: str) -> str:
        """What a peer did that has sent no SETTINGS, and what to try."""
        if self._agreed:
            return f"agreed on HTTP/2, but {what}"
        told = f"was spoken to in HTTP/2, as http2='only' says without asking, but {what}"
        if self._first_bytes.startswith(b"\x15\x03"):  # an alert of TLS, RFC 8446 §5.1
            return f"{told}; is the URL to begin with https?"
        return f"{told}; leave http2='only' out to speak HTTP/1.1"

    def _error(self, what: str) -> RemoteProtocolError:
        return RemoteProtocolError(f"{self._peer} {what}")

    def _close(self) -> list[Stream]:
        """Nothing comes or goes any more; returns the streams whose responses are not complete."""
        self.closed = True
        self.capacity = 0
        streams = list(self._streams.values())
        for stream in streams:
            stream.stopped = True
            self._forget(stream)
            self._changed[stream] = None
        return [stream for stream in streams if not stream.ended]

    def _break(self, violation: ConnectionViolation) -> None:
        """End the connection with GOAWAY (§5.4.1)."""
        what = violation.what
        if not self._output.settled:
            sent = (
                "answered in HTTP/1" if self._first_bytes[:5] == b"HTTP/" else "sent what is none"
            )
            what = self._no_http2(f"{sent}; it starts {repr(self._first_bytes)[1:]}")
        for stream in self._close():
            stream.error = self._error(what)
            stream.error.__cause__ = violation.__cause__
        self._output.go_away(violation.code)

    def _fail(self, stream: Stream, code: int, what: str) -> None:
        """End one stream (§5.4.2), whose response is wrong, or complete already."""
        if stream.ended:
            self._stop(stream, code)
            return
        self.reset(stream, code)
        stream.error = self._error(what)
        self._changed[stream] = None

    def _stop(self, stream: Stream, code: int) -> None:
        """End a stream whose response is complete: it stays so, what is wrong came behind it."""
        stream.stopped = True
        self._output.reset(stream.id, code)
        self._forget(stream)
        self._changed[stream] = None

    def _live(self, stream_id: int, is_noise: bool = True) -> Stream | None:
        """
        The stream of a frame; `None`: it has ended here, and the frame is ignored (§5.1).

        `is_noise`: whether such a frame brings nothing.
        """
        stream = self._streams.get(stream_id)
        if stream is None:
            if stream_id % 2 == 0 or stream_id >= self._next_id:
                raise ConnectionViolation(
                    frames.PROTOCOL_ERROR,
                    f"sent a frame on stream {stream_id}, which was never opened",
                )
            if is_noise:
                self._note_noise()
        return stream

    def _note_noise(self) -> None:
        self._noise += 1
        if self._noise > self._limits.max_empty_frames:
            raise ConnectionViolation(
                frames.ENHANCE_YOUR_CALM,
                f"sent more than {self._limits.max_empty_frames} frames that bring nothing, the "
                "max_empty_frames of ResponseLimits",
            )

    # One method for each type of frame.

    def _on_data(self, flags: int, stream_id: int, data: bytes, size: int) -> None:
        stream = self._live(stream_id, not data)
        self._windows.receive(size, stream)
        if stream is None:
            return
        if stream.ended:
            self._stop(stream, frames.STREAM_CLOSED)
            return
        end_stream = bool(flags & frames.END_STREAM)
        if data or end_stream:
            self._noise = 0
        else:
            self._note_noise()
        try:
            stream.receive_data(data, end_stream)
        except StreamViolation as violation:
            self._fail(stream, frames.PROTOCOL_ERROR, violation.what)
            return
        self._changed[stream] = None
        if end_stream:
            self._forget_if_over(stream)
        elif size > len(data):
            self._give_credit_back(stream, size - len(data))

    def _on_headers(self, flags: int, stream_id: int, block: bytes) -> None:
        try:
            # Also of a stream that has ended: all blocks share one state (RFC 7541 §2.2).
            fields = self._decoder.decode_block(block)
        except OversizedHeaderListError as exc:
            raise ConnectionViolation(
                frames.COMPRESSION_ERROR,
                f"sent a header block of more than {self._limits.max_head_bytes} bytes when "
                "decoded, the max_head_bytes of ResponseLimits",
            ) from exc
        except HPACKError as exc:
            # Without its words: there may be the address of an object in them.
            raise ConnectionViolation(
                frames.COMPRESSION_ERROR, "sent a header block that cannot be decoded"
            ) from exc
        stream = self._live(stream_id)
        if stream is None:
            return
        if stream.ended:
            self._stop(stream, frames.STREAM_CLOSED)
            return
        self._noise = 0
        self._used = True
        self._changed[stream] = None
        end_stream = bool(flags & frames.END_STREAM)
        try:
            stream.receive_fields(fields, end_stream)
        except StreamViolation as violation:
            self._fail(stream, frames.PROTOCOL_ERROR, violation.what)
            return
        self._forget_if_over(stream)

    def _on_rst_stream(self, flags: int, stream_id: int, payload: bytes) -> None:
        stream = self._live(stream_id)
        if stream is None:
            return
        self._forget(stream)
        self._changed[stream] = None
        stream.stopped = True
        if stream.ended:
            return  # the response made the rest of the request pointless (§8.1)
        code = _LONG.unpack(payload)[0]
        stream.error = self._error(f"reset the stream with {error_name(code)} {stream.progress}")
        if not stream.started:
            stream.needs_http11 = code == ErrorCodes.HTTP_1_1_REQUIRED
            stream.refused = stream.needs_http11 or code == ErrorCodes.REFUSED_STREAM

    def _on_settings(self, flags: int, stream_id: int, payload: bytes) -> None:
        self._note_noise()
        if not flags & frames.ACK:  # what we have announced holds from the start
            self._output.tell_settings(payload)
            if self.capacity:
                # At 0 it may allow some later (§5.1.2), but another connection is as good for that.
                self.capacity = min(self._output.max_streams, MAX_STREAMS)
            self._wake_blocked()

    def _on_push_promise(self, flags: int, stream_id: int, payload: bytes) -> None:
        raise ConnectionViolation(
            frames.PROTOCOL_ERROR, "pushed a response, which it had been told not to do"
        )

    def _on_ping(self, flags: int, stream_id: int, payload: bytes) -> None:
        self._note_noise()
        if not flags & frames.ACK:
            self._output.tell(frames.PING, payload)

    def _on_goaway(self, flags: int, stream_id: int, payload: bytes) -> None:
        self._note_noise()
        self.capacity = 0
        last_id, code = _GOAWAY.unpack_from(payload)
        shown = error_name(code)
        if len(payload) > _GOAWAY.size:
            debug = repr(payload[_GOAWAY.size : _GOAWAY.size + _MAX_SHOWN_DEBUG_CHARS])
            shown += ": " + debug[2:-1][:_MAX_SHOWN_DEBUG_CHARS]
        for stream in [each for each in self._streams.values() if each.id > last_id & HIGHEST_ID]:
            self._forget(stream)
            self._changed[stream] = None
            stream.stopped = True
            if not stream.ended:
                stream.refused = True
                stream.needs_http11 = code == ErrorCodes.HTTP_1_1_REQUIRED
                stream.error = self._error(
                    f"takes no more requests on this connection (GOAWAY, {shown})"
                )
        if code != ErrorCodes.NO_ERROR:
            for stream in self._close():
                stream.error = self._error(
                    f"ended the connection {stream.progress} (GOAWAY, {shown})"
                )

    def _on_window_update(self, flags: int, stream_id: int, payload: bytes) -> None:
        increment = _LONG.unpack(payload)[0] & HIGHEST_ID
        if increment < _MUCH_CREDIT:
            self._note_noise()
        if stream_id == 0:
            if increment == 0:
                raise ConnectionViolation(frames.PROTOCOL_ERROR, "sent a WINDOW_UPDATE of 0")
            self._output.tell(frames.WINDOW_UPDATE, payload)
            self._wake_blocked()
            return
        stream = self._live(stream_id)
        if stream is None:
            return
        if increment == 0:
            self._fail(stream, frames.PROTOCOL_ERROR, "sent a WINDOW_UPDATE of 0")
        elif not self._output.tell_stream_credit(stream_id, increment):
            self._fail(stream, frames.FLOW_CONTROL_ERROR, "raised a stream's window beyond 2**31-1")
        elif stream in self._blocked:
            self._blocked.discard(stream)
            self._changed[stream] = None

    def _on_other(self, flags: int, stream_id: int, payload: bytes) -> None:
        """PRIORITY, and what we do not know, have no meaning here (§5.3, §5.5)."""
        self._note_noise()


_RECEIVERS: dict[int, typing.Callable[[HTTP2State, int, int, bytes], None]] = {
    frames.HEADERS: HTTP2State._on_headers,
    frames.RST_STREAM: HTTP2State._on_rst_stream,
    frames.PUSH_PROMISE: HTTP2State._on_push_promise,
    frames.PING: HTTP2State._on_ping,
    frames.GOAWAY: HTTP2State._on_goaway,
    frames.WINDOW_UPDATE: HTTP2State._on_window_update,
}
