"""HTTP/2 on h2: bytes in, bytes out, and what becomes of each stream (RFC 9113).

Theory of operation.  `HTTP2State` is one connection without its socket.  `receive()` takes what
arrived and writes it into the `Stream`s that it concerns; `take_changed()` says which; calls open a
stream, send on it, take from it or reset it; `take_output()` gives the bytes that have to go out, whole
frames in their order.  No I/O, no clock, no lock: the connection calls under its guard.

Who decides what.  *Our half is h2's*: HPACK, frames, the states of connection and streams, the peer's
SETTINGS and its windows.  *The peer's half is read here*, frame by frame, because h2 answers with
the end of the connection where the RFC wants the end of one stream, or nothing at all:

* A malformed response is an error of its stream (§8.1.1).
* Behind GOAWAY the streams that the peer still processes go on (§6.8); h2 would take nothing more.
* Frames on streams that were reset are dropped, and given credit for (§5.1); h2 answers each.
* Floods of what means nothing are ended.

So h2 is told what a peer without fault would have said.  It sees SETTINGS, PING, WINDOW_UPDATE and
RST_STREAM, after they were looked at; of a response it sees the end only, as a HEADERS frame with
END_STREAM that stands for all of it.  What it does not see it cannot hold against anybody.

Windows.  Credit for the connection is given back when bytes arrive, credit for a stream when they
are taken.  A body that nobody reads holds `STREAM_WINDOW_BYTES` and no other stream waits for it.  The window
of a stream whose owner keeps up doubles, up to 16 MiB, so that distance does not limit the speed; all
streams of a connection together get at most `MAX_GROWTH_BYTES` in that way.

Errors.  An error of a stream is put into `Stream.error`.  What breaks the connection is put into all of
them, and `closed` is set; `receive()` itself never raises.
"""

from __future__ import annotations

import struct
import typing

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import Event, StreamReset
from h2.exceptions import ProtocolError as H2ProtocolError
from h2.settings import SettingCodes
from hpack import Decoder, HPACKError

from ..exceptions import LocalProtocolError, RemoteProtocolError, RequestException
from ..types import RawHeaders
from . import http2_frames as frames
from .http2_fields import StreamViolation, section_size
from .http2_frames import ConnectionViolation, FrameSplitter, build_frame, without_padding
from .http2_stream import Stream

# How many streams are opened at once, whatever the peer allows: each may hold a window of memory.
MAX_STREAMS = 256
# How many before the peer has said how many it allows (§6.5.2 recommends no fewer).
ASSUMED_STREAMS = 100
STREAM_WINDOW_BYTES = 1024 * 1024
MAX_STREAM_WINDOW_BYTES = 16 * 1024 * 1024
MAX_GROWTH_BYTES = 64 * 1024 * 1024
CONNECTION_WINDOW_BYTES = 64 * 1024 * 1024
MAX_HEADER_LIST_BYTES = 256 * 1024
# Of one header block: its frames; h2 has the same limit, for the same attack (CVE-2023-45288).
MAX_BLOCK_FRAMES = 64
# How many frames that bring nothing may come in a row within a minute (CVE-2019-9512 and its kin).
MAX_NOISE = 10_000
NOISE_SECONDS = 60.0
# Our encoder searches its table line by line: a larger one than the default costs more than it saves.
MAX_ENCODER_TABLE_BYTES = 4096
# No more is framed while this much has not been taken.
MAX_UNSENT_BYTES = 256 * 1024
# Large frames cost less, but all other streams wait behind one.
MAX_SENT_FRAME_BYTES = 64 * 1024
_HIGHEST_ID = 2**31 - 1
_MAX_SHOWN_DEBUG_CHARS = 200

_SETTING = struct.Struct(">HL")
_LONG = struct.Struct(">L")
_GOAWAY = struct.Struct(">LL")
_STATUS_200 = b"\x88"  # in HPACK, by the static table

_CONFIG = H2Configuration(
    client_side=True,
    header_encoding=None,
    validate_outbound_headers=False,
    normalize_outbound_headers=False,
    validate_inbound_headers=False,
    normalize_inbound_headers=False,
)


class _Connection(H2Connection):
    MAX_CLOSED_STREAMS = 1  # it remembers them for frames that it never sees here


class HTTP2State:
    """
    One connection; see the module.  `peer` names the server in errors.

    * `closed`: whether it is broken, or ended: nothing can be sent or received any more.
    * `last_received`: when the last bytes came, on the caller's clock.
    """

    def __init__(self, peer: str, now: float) -> None:
        self.closed = False
        self.last_received = now
        self._peer = peer
        self._h2 = _Connection(_CONFIG)
        self._splitter = FrameSplitter()
        self._decoder = Decoder()
        self._decoder.max_header_list_size = MAX_HEADER_LIST_BYTES
        self._streams: dict[int, Stream] = {}
        self._next_id = 1
        self._retiring = False
        self._used = False
        self._changed: dict[Stream, None] = {}
        self._blocked: set[Stream] = set()
        self._output = bytearray()
        self._unsent = 0
        self._window = CONNECTION_WINDOW_BYTES
        self._credit = 0
        self._growth_left = MAX_GROWTH_BYTES
        self._noise = 0
        self._noise_since = now
        self._first_bytes = b""
        self._settled = False  # whether the peer's first SETTINGS have come
        self._block: list[bytes] = []  # of a header block that has not ended
        self._block_stream = 0
        self._block_ends = False

    # What there is.

    @property
    def capacity(self) -> int:
        """How many streams may be open at once; 0: it takes none any more."""
        if self._retiring or self.closed:
            return 0
        if not self._settled:
            return ASSUMED_STREAMS
        return min(self._h2.remote_settings.max_concurrent_streams, MAX_STREAMS)

    @property
    def active(self) -> int:
        """How many streams are open."""
        return len(self._streams)

    def take_changed(self) -> list[Stream]:
        """The streams whose owners should look again, once."""
        changed = list(self._changed)
        self._changed.clear()
        return changed

    def take_output(self) -> bytes | bytearray:
        """What has to go out, once; nothing, if nothing has to."""
        if self._unsent:
            self._unsent = 0
            if self._blocked:
                self._wake_blocked()
        data = self._h2.data_to_send()
        if not self._output:
            return data
        output, self._output = self._output, bytearray()
        output += data
        return output

    # Sending.

    def start(self) -> None:
        """The connection preface (§3.4)."""
        settings = self._h2.local_settings
        for key, value in (
            (SettingCodes.ENABLE_PUSH, 0),
            (SettingCodes.INITIAL_WINDOW_SIZE, STREAM_WINDOW_BYTES),
            (SettingCodes.MAX_HEADER_LIST_SIZE, MAX_HEADER_LIST_BYTES),
        ):
            settings[key] = value
        settings.acknowledge()
        del settings[SettingCodes.MAX_CONCURRENT_STREAMS]  # about pushed streams, of which are none
        self._h2.initiate_connection()
        self._send_credit(0, CONNECTION_WINDOW_BYTES - 65_535)

    def open_stream(self, method: str, fields: RawHeaders, end_stream: bool) -> Stream | None:
        """
        Open a stream with a request's field section; `None` where it has to be another connection.

        Raises `LocalProtocolError` if `fields` are more than the peer takes (§10.5.1).
        """
        if self.active >= self.capacity:
            return None
        limit = self._h2.remote_settings.max_header_list_size
        if limit is not None and (size := section_size(fields)) > limit:
            raise LocalProtocolError(
                f"the request's header fields are {size} bytes in the counting of HTTP/2, but "
                f"{self._peer} takes at most {limit} (SETTINGS_MAX_HEADER_LIST_SIZE)"
            )
        stream = Stream(self._next_id, method, STREAM_WINDOW_BYTES, self._used)
        self._h2.send_headers(stream.id, fields, end_stream)
        stream.sent_all = end_stream
        self._streams[stream.id] = stream
        self._next_id += 2
        if self._next_id > _HIGHEST_ID:
            self._retiring = True
        return stream

    def send_data(self, stream: Stream, data: memoryview, end_stream: bool) -> int:
        """
        Send of `data` what the peer's windows allow now; how many bytes that was.

        `end_stream` says that nothing follows `data`.  Where it did not go out whole, `stream` will be
        among the changed ones when it is worth another try.
        """
        if stream.id not in self._streams or stream.stopped:
            return 0
        size, sent = len(data), 0
        frame_limit = min(self._h2.max_outbound_frame_size, MAX_SENT_FRAME_BYTES)
        while self._unsent < MAX_UNSENT_BYTES:
            count = min(size - sent, frame_limit)
            if count:
                count = min(count, self._h2.local_flow_control_window(stream.id))
                if count <= 0:
                    break
            last = sent + count == size
            self._h2.send_data(stream.id, data[sent : sent + count], end_stream and last)
            sent += count
            self._unsent += count
            self._noise = 0
            if last:
                if end_stream:
                    self._sent_all(stream)
                return sent
        self._blocked.add(stream)
        return sent

    def _sent_all(self, stream: Stream) -> None:
        stream.sent_all = True
        if stream.ended:
            self._forget(stream)

    def reset(self, stream: Stream, cancelled: bool = True) -> None:
        """
        End `stream` before its time, unless it has ended; drop what came of its body.

        `cancelled`: with CANCEL; otherwise with NO_ERROR: the answer made the rest of the request pointless.
        """
        stream.take()
        if stream.id in self._streams:
            code = ErrorCodes.CANCEL if cancelled else ErrorCodes.NO_ERROR
            self._h2.reset_stream(stream.id, code)
            self._forget(stream)

    def ping(self) -> None:
        """Ask for a sign of life."""
        self._h2.ping(b"httpcore")

    def take_body(self, stream: Stream) -> bytes:
        """What has arrived of the body, and give its window back; perhaps nothing."""
        data = stream.take()
        if not stream.ended and stream.id in self._streams:
            stream.credit += len(data)
            self._maybe_send_stream_credit(stream)
        return data

    def _maybe_send_stream_credit(self, stream: Stream) -> None:
        if stream.credit < stream.granted // 2:
            return
        growth = min(
            stream.granted, MAX_STREAM_WINDOW_BYTES - stream.granted, self._growth_left
        )
        if growth and not stream.buffered:
            self._growth_left -= growth
            stream.granted += growth
            stream.credit += growth
        self._send_credit(stream.id, stream.credit)
        stream.window += stream.credit
        stream.credit = 0

    def _send_credit(self, stream_id: int, credit: int) -> None:
        self._write(build_frame(frames.WINDOW_UPDATE, 0, stream_id, _LONG.pack(credit)))

    def _write(self, frame: bytes) -> None:
        """Send a frame that h2 knows nothing of, behind what it has to send."""
        self._output += self._h2.data_to_send()
        self._output += frame

    def _forget(self, stream: Stream) -> None:
        del self._streams[stream.id]
        self._blocked.discard(stream)
        self._growth_left += stream.granted - STREAM_WINDOW_BYTES

    # Receiving.

    def receive(self, data: bytes, now: float) -> None:
        """Take what arrived; never raises."""
        self.last_received = now
        if now - self._noise_since > NOISE_SECONDS:
            self._noise, self._noise_since = 0, now
        if not self._settled:
            self._first_bytes += data[: 40 - len(self._first_bytes)]
        try:
            for kind, flags, stream_id, payload in self._splitter.split(data):
                if self._block and (kind != frames.CONTINUATION or stream_id != self._block_stream):
                    raise ConnectionViolation(
                        frames.PROTOCOL_ERROR, "sent another frame inside a header block"
                    )
                if not self._settled and kind != frames.SETTINGS:
                    raise ConnectionViolation(
                        frames.PROTOCOL_ERROR, "did not start with a SETTINGS frame"
                    )
                _RECEIVERS.get(kind, HTTP2State._on_other)(self, flags, stream_id, payload)
                if self.closed:
                    return
        except ConnectionViolation as violation:
            self._break(violation)
        if self._credit >= CONNECTION_WINDOW_BYTES // 2:
            self._send_credit(0, self._credit)
            self._window += self._credit
            self._credit = 0

    def receive_end(self, cause: RequestException | None = None) -> None:
        """The peer has closed the connection, or it broke with `cause`."""
        for stream in self._close():
            if cause is not None:
                stream.error = type(cause)(str(cause))
                stream.error.__cause__ = cause
            elif not self._settled:
                stream.error = self._error("agreed on HTTP/2, but closed the connection instead")
            else:
                stream.error = self._error(f"closed the connection {stream.progress}")

    def _error(self, what: str) -> RemoteProtocolError:
        return RemoteProtocolError(f"{self._peer} {what}")

    def _close(self) -> list[Stream]:
        """Nothing comes or goes any more; the streams that this ends."""
        self.closed = True
        ended = [stream for stream in self._streams.values() if not stream.ended]
        self._changed.update(self._streams)  # type: ignore[arg-type]
        self._streams.clear()
        self._blocked.clear()
        return ended

    def _break(self, violation: ConnectionViolation) -> None:
        """End the connection with GOAWAY (§5.4.1), in the place of all that was to be sent."""
        if self._settled:
            what = violation.what
        else:
            shown = repr(self._first_bytes)[1:]
            what = f"agreed on HTTP/2, but what it sent is none; it starts {shown}"
        for stream in self._close():
            stream.error = self._error(what)
            stream.error.__cause__ = violation.__cause__
        self._h2.clear_outbound_data_buffer()
        self._output = bytearray(
            build_frame(frames.GOAWAY, 0, 0, _GOAWAY.pack(0, violation.code))
        )

    def _fail(self, stream: Stream, code: int, what: str) -> None:
        """End one stream, whose response is wrong (§5.4.2)."""
        stream.error = self._error(what)
        stream.take()
        self._h2.reset_stream(stream.id, code)
        self._forget(stream)
        self._changed[stream] = None

    def _tell_h2(self, kind: int, flags: int, stream_id: int, payload: bytes) -> list[Event]:
        try:
            return self._h2.receive_data(build_frame(kind, flags, stream_id, payload))
        except H2ProtocolError as exc:
            raise ConnectionViolation(exc.error_code, f"broke the rules of HTTP/2: {exc}") from exc

    def _live(self, stream_id: int) -> Stream | None:
        """The stream of a frame; `None`: it has ended here, and the frame is to be ignored (§5.1)."""
        stream = self._streams.get(stream_id)
        if stream is None:
            if stream_id % 2 == 0 or stream_id >= self._next_id:
                raise ConnectionViolation(
                    frames.PROTOCOL_ERROR,
                    f"sent a frame on stream {stream_id}, which was never opened",
                )
            self._note_noise()
        return stream

    def _note_noise(self) -> None:
        self._noise += 1
        if self._noise > MAX_NOISE:
            raise ConnectionViolation(
                frames.ENHANCE_YOUR_CALM, f"sent more than {MAX_NOISE} frames that bring nothing"
            )

    # One method for each type of frame.

    def _on_data(self, flags: int, stream_id: int, payload: bytes) -> None:
        size = len(payload)
        self._window -= size
        self._credit += size
        data = without_padding(flags & frames.PADDED, payload) if flags & frames.PADDED else payload
        stream = self._live(stream_id)
        if self._window < 0:
            raise ConnectionViolation(
                frames.FLOW_CONTROL_ERROR, "sent more than the connection's window allows"
            )
        if stream is None:
            return
        stream.window -= size
        if stream.window < 0:
            raise ConnectionViolation(
                frames.FLOW_CONTROL_ERROR, f"sent more than the window of stream {stream_id} allows"
            )
        if stream.ended:
            self._fail(stream, frames.STREAM_CLOSED, "sent a body behind the response's end")
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
            self._response_ended(stream)
        elif size > len(data):
            stream.credit += size - len(data)
            self._maybe_send_stream_credit(stream)

    def _on_headers(self, flags: int, stream_id: int, payload: bytes) -> None:
        if flags & (frames.PADDED | frames.HAS_PRIORITY):
            payload = without_padding(flags, payload)
        end_stream = bool(flags & frames.END_STREAM)
        if flags & frames.END_HEADERS:
            self._on_block(stream_id, payload, end_stream)
        else:
            self._block = [payload]
            self._block_stream = stream_id
            self._block_ends = end_stream

    def _on_continuation(self, flags: int, stream_id: int, payload: bytes) -> None:
        if not self._block:
            raise ConnectionViolation(
                frames.PROTOCOL_ERROR, "sent a CONTINUATION frame outside of a header block"
            )
        self._block.append(payload)
        if len(self._block) > MAX_BLOCK_FRAMES or self._block_bytes() > MAX_HEADER_LIST_BYTES:
            raise ConnectionViolation(
                frames.ENHANCE_YOUR_CALM,
                f"sent a header block of more than {MAX_BLOCK_FRAMES} frames, or of more than "
                f"{MAX_HEADER_LIST_BYTES} bytes",
            )
        if flags & frames.END_HEADERS:
            block, self._block = b"".join(self._block), []
            self._on_block(stream_id, block, self._block_ends)

    def _block_bytes(self) -> int:
        return sum(map(len, self._block))

    def _on_block(self, stream_id: int, block: bytes, end_stream: bool) -> None:
        try:
            # Also of a stream that has ended: all blocks share one state (RFC 7541 §2.2).
            fields = typing.cast("RawHeaders", self._decoder.decode(block, raw=True))
        except HPACKError as exc:
            raise ConnectionViolation(
                frames.COMPRESSION_ERROR,
                f"sent a header block that cannot be decoded, or one that decodes to more than "
                f"{MAX_HEADER_LIST_BYTES} bytes ({exc})",
            ) from exc
        stream = self._live(stream_id)
        if stream is None:
            return
        if stream.ended:
            self._fail(stream, frames.STREAM_CLOSED, "sent fields behind the response's end")
            return
        self._noise = 0
        self._used = True
        self._changed[stream] = None
        try:
            stream.receive_fields(fields, end_stream)
        except StreamViolation as violation:
            self._fail(stream, frames.PROTOCOL_ERROR, violation.what)
            return
        if end_stream:
            self._response_ended(stream)

    def _response_ended(self, stream: Stream) -> None:
        self._tell_h2(
            frames.HEADERS, frames.END_HEADERS | frames.END_STREAM, stream.id, _STATUS_200
        )
        if stream.sent_all:
            self._forget(stream)

    def _on_rst_stream(self, flags: int, stream_id: int, payload: bytes) -> None:
        _check_size("RST_STREAM", payload, 4)
        stream = self._live(stream_id)
        if stream is None:
            return
        self._tell_h2(frames.RST_STREAM, 0, stream_id, payload)
        self._forget(stream)
        self._changed[stream] = None
        stream.stopped = True
        if stream.ended:
            return  # the answer made the rest of the request pointless (§8.1)
        code = _LONG.unpack(payload)[0]
        stream.error = self._error(f"reset the stream with {_name(code)} {stream.progress}")
        if not stream.started:
            stream.needs_http11 = code == ErrorCodes.HTTP_1_1_REQUIRED
            stream.refused = stream.needs_http11 or code == ErrorCodes.REFUSED_STREAM

    def _on_settings(self, flags: int, stream_id: int, payload: bytes) -> None:
        if stream_id:
            raise ConnectionViolation(
                frames.PROTOCOL_ERROR, f"sent SETTINGS on stream {stream_id}"
            )
        is_ack = flags & frames.ACK
        if len(payload) % _SETTING.size or (is_ack and payload):
            raise ConnectionViolation(
                frames.FRAME_SIZE_ERROR, f"sent SETTINGS of {len(payload)} bytes"
            )
        self._note_noise()
        if is_ack:
            return  # all that we announce holds from the start
        settings = bytearray()
        for key, value in _SETTING.iter_unpack(payload):
            if key == SettingCodes.HEADER_TABLE_SIZE:
                value = min(value, MAX_ENCODER_TABLE_BYTES)  # we need not use all of it
            if key <= SettingCodes.MAX_HEADER_LIST_SIZE:  # h2 would keep all, for ever
                settings += _SETTING.pack(key, value)
        self._tell_h2(frames.SETTINGS, 0, 0, bytes(settings))
        self._settled = True
        self._wake_blocked()

    def _on_push_promise(self, flags: int, stream_id: int, payload: bytes) -> None:
        raise ConnectionViolation(
            frames.PROTOCOL_ERROR, "pushed a response, which we had told it not to do"
        )

    def _on_ping(self, flags: int, stream_id: int, payload: bytes) -> None:
        _check_size("PING", payload, 8)
        self._note_noise()
        if not flags & frames.ACK:
            self._tell_h2(frames.PING, 0, stream_id, payload)

    def _on_goaway(self, flags: int, stream_id: int, payload: bytes) -> None:
        if stream_id or len(payload) < _GOAWAY.size:
            raise ConnectionViolation(frames.FRAME_SIZE_ERROR, "sent a malformed GOAWAY")
        self._note_noise()
        self._retiring = True
        last_id, code = _GOAWAY.unpack_from(payload)
        last_id &= _HIGHEST_ID
        debug = repr(payload[_GOAWAY.size : _GOAWAY.size + _MAX_SHOWN_DEBUG_CHARS])[2:-1]
        shown = _name(code) + (f", {debug[:_MAX_SHOWN_DEBUG_CHARS]!r}" if debug else "")
        for stream in [each for each in self._streams.values() if each.id > last_id]:
            self._forget(stream)
            self._changed[stream] = None
            stream.stopped = True
            if not stream.ended:
                stream.refused = True
                stream.needs_http11 = code == ErrorCodes.HTTP_1_1_REQUIRED
                stream.error = self._error(
                    f"takes no more requests on this connection (GOAWAY: {shown})"
                )
        if code != ErrorCodes.NO_ERROR:
            for stream in self._close():
                stream.error = self._error(
                    f"ended the connection {stream.progress} (GOAWAY: {shown})"
                )

    def _on_window_update(self, flags: int, stream_id: int, payload: bytes) -> None:
        _check_size("WINDOW_UPDATE", payload, 4)
        self._note_noise()
        increment = _LONG.unpack(payload)[0] & _HIGHEST_ID
        if stream_id == 0:
            if increment == 0:
                raise ConnectionViolation(
                    frames.PROTOCOL_ERROR, "sent a WINDOW_UPDATE of 0 for the connection"
                )
            self._tell_h2(frames.WINDOW_UPDATE, 0, 0, payload)
            self._wake_blocked()
            return
        stream = self._live(stream_id)
        if stream is None:
            return
        if increment == 0:
            self._fail(stream, frames.PROTOCOL_ERROR, "sent a WINDOW_UPDATE of 0")
            return
        for event in self._tell_h2(frames.WINDOW_UPDATE, 0, stream_id, payload):
            if isinstance(event, StreamReset):
                self._forget(stream)
                stream.error = self._error("raised a window beyond 2**31-1 by WINDOW_UPDATE")
        if stream in self._blocked or stream.error is not None:
            self._blocked.discard(stream)
            self._changed[stream] = None

    def _on_other(self, flags: int, stream_id: int, payload: bytes) -> None:
        """PRIORITY, and what we do not know (§5.5)."""
        self._note_noise()

    def _wake_blocked(self) -> None:
        for stream in self._blocked:
            self._changed[stream] = None
        self._blocked.clear()


_RECEIVERS: dict[int, typing.Callable[[HTTP2State, int, int, bytes], None]] = {
    frames.DATA: HTTP2State._on_data,
    frames.HEADERS: HTTP2State._on_headers,
    frames.RST_STREAM: HTTP2State._on_rst_stream,
    frames.SETTINGS: HTTP2State._on_settings,
    frames.PUSH_PROMISE: HTTP2State._on_push_promise,
    frames.PING: HTTP2State._on_ping,
    frames.GOAWAY: HTTP2State._on_goaway,
    frames.WINDOW_UPDATE: HTTP2State._on_window_update,
    frames.CONTINUATION: HTTP2State._on_continuation,
}


def _check_size(name: str, payload: bytes, size: int) -> None:
    if len(payload) != size:
        raise ConnectionViolation(
            frames.FRAME_SIZE_ERROR, f"sent a {name} frame of {len(payload)} bytes, not {size}"
        )


def _name(code: int) -> str:
    try:
        return ErrorCodes(code).name
    except ValueError:
        return f"error {code:#x}"
