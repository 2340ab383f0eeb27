"""Our half of an HTTP/2 connection: what goes out, in which order, as far as it may.

h2 keeps what concerns the connection: HPACK, the peer's SETTINGS and what follows from them, PING,
and the connection's window.  It is told by `tell()` what the peer says of these, in frames without
fault; see `wire/http2.py`.  Its streams are not used.  Which frames go out when is decided by
`Streams`, and what else a stream needs is a window, a number.  To have h2 check both once more took
half of the work of an exchange.
"""

from __future__ import annotations

import struct

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.exceptions import ProtocolError as H2ProtocolError
from h2.settings import SettingCodes

from ..aliases import RawHeaders
from . import http2_frames as frames
from .http2_frames import ConnectionViolation, build_frame, build_head
from .http2_hpack import RequestEncoder

# No more of a body is framed while this much has not been taken.
MAX_UNSENT_BYTES = 256 * 1024
# Large frames cost less, but all other streams wait behind one.
MAX_SENT_FRAME_BYTES = 64 * 1024
# Our encoder searches its table entry by entry: a larger one costs more than it saves.
MAX_ENCODER_TABLE_BYTES = 4096
DEFAULT_WINDOW_BYTES = 65_535
_HIGHEST_WINDOW = 2**31 - 1

_SETTING = struct.Struct(">HL")
_LONG = struct.Struct(">L")
_GOAWAY = struct.Struct(">LL")

_CONFIG = H2Configuration(client_side=True)


class Output:
    """
    What we send.

    * `pending`: whether there may be something to take.
    * `settled`: whether the peer's SETTINGS have come.
    * `max_streams`: how many streams the peer allows at once; huge, if it does not say.
    * `max_header_list_bytes`: how large a field section it takes; `None`, if it does not say.
    """

    __slots__ = (
        "pending",
        "settled",
        "max_streams",
        "max_header_list_bytes",
        "_h2",
        "_encode",
        "_frames",
        "_windows",
        "_initial_window",
        "_unsent",
    )

    def __init__(self) -> None:
        self.pending = False
        self.settled = False
        self.max_streams = 2**31
        self.max_header_list_bytes: int | None = None
        self._h2 = H2Connection(_CONFIG)
        self._h2.encoder = RequestEncoder()
        self._encode = self._h2.encoder.encode
        self._frames: list[bytes] = []  # perhaps in pieces
        self._windows: dict[int, int] = {}  # of each open stream: how much may be sent
        self._initial_window = DEFAULT_WINDOW_BYTES
        self._unsent = 0

    def start(self, stream_window: int, connection_window: int, max_header_list_bytes: int) -> None:
        """The connection preface (§3.4)."""
        settings = self._h2.local_settings
        settings[SettingCodes.ENABLE_PUSH] = 0
        settings[SettingCodes.INITIAL_WINDOW_SIZE] = stream_window
        settings[SettingCodes.MAX_HEADER_LIST_SIZE] = max_header_list_bytes
        settings.acknowledge()  # they hold from the start: nothing has been sent yet
        del settings[SettingCodes.MAX_CONCURRENT_STREAMS]  # of pushed streams, which are none
        self._h2.initiate_connection()
        self._frames.append(self._h2.data_to_send())
        self.credit(0, connection_window - DEFAULT_WINDOW_BYTES)

    def take(self) -> bytes:
        """What has to go out, whole frames, once; nothing, if nothing has to."""
        self.pending = False
        self._unsent = 0
        data = b"".join(self._frames)
        self._frames.clear()
        return data

    def _send(self, kind: int, flags: int, stream_id: int, payload: bytes | memoryview) -> None:
        self.pending = True
        self._frames.append(build_head(len(payload), kind, flags, stream_id))
        self._frames.append(bytes(payload))

    @property
    def is_full(self) -> bool:
        """Whether as much of bodies waits to be taken as may."""
        return self._unsent >= MAX_UNSENT_BYTES

    def open(self, stream_id: int, fields: RawHeaders, end_stream: bool) -> None:
        """A request's field section: HEADERS, and CONTINUATION where it is large (§6.10)."""
        self._windows[stream_id] = self._initial_window
        block = self._encode(fields)
        limit = self._h2.max_outbound_frame_size
        kind, flags = frames.HEADERS, frames.END_STREAM if end_stream else 0
        while len(block) > limit:
            self._send(kind, flags, stream_id, block[:limit])
            block = block[limit:]
            kind, flags = frames.CONTINUATION, 0
        self._send(kind, flags | frames.END_HEADERS, stream_id, block)

    def send_data(self, stream_id: int, data: memoryview, end_stream: bool) -> int | None:
        """
        Send of `data` what the windows allow; how many bytes did not go out.

        `None`: all of it went out, and the end of the stream, if that was asked for.
        """
        frame_limit = min(self._h2.max_outbound_frame_size, MAX_SENT_FRAME_BYTES)
        left = len(data)
        while not self.is_full:
            count = min(left, frame_limit)
            if count:
                window = self._windows[stream_id]
                count = min(count, window, self._h2.outbound_flow_control_window)
                if count <= 0:
                    break
                self._windows[stream_id] = window - count
                self._h2.outbound_flow_control_window -= count
            is_last = count == left
            flags = frames.END_STREAM if end_stream and is_last else 0
            self._send(frames.DATA, flags, stream_id, data[:count])
            self._unsent += count
            if is_last:
                return None
            data = data[count:]
            left -= count
        return left

    def reset(self, stream_id: int, code: int) -> None:
        """RST_STREAM, for a stream that is open."""
        self._send(frames.RST_STREAM, 0, stream_id, _LONG.pack(code))

    def ping(self) -> None:
        """PING, which the peer has to answer."""
        self._send(frames.PING, 0, 0, b"httpcore")

    def credit(self, stream_id: int, size: int) -> None:
        """WINDOW_UPDATE; 0 stands for the connection."""
        self._send(frames.WINDOW_UPDATE, 0, stream_id, _LONG.pack(size))

    def go_away(self, code: int) -> None:
        """GOAWAY, in the place of all that was to be sent."""
        self._frames.clear()
        self._send(frames.GOAWAY, 0, 0, _GOAWAY.pack(0, code))

    def forget(self, stream_id: int) -> None:
        """The stream is not open any more."""
        del self._windows[stream_id]

    # What the peer says.

    def tell(self, kind: int, payload: bytes) -> None:
        """Show h2 a frame of the connection; raises `ConnectionViolation` if it is not accepted."""
        try:
            self._h2.receive_data(build_frame(kind, 0, 0, payload))
        except H2ProtocolError as exc:
            raise ConnectionViolation(exc.error_code, f"broke the rules of HTTP/2: {exc}") from exc
        if answer := self._h2.data_to_send():
            self.pending = True
            self._frames.append(answer)

    def tell_stream_credit(self, stream_id: int, increment: int) -> bool:
        """WINDOW_UPDATE of a stream; `False`: that was too much (§6.9.1)."""
        self._windows[stream_id] += increment
        return self._windows[stream_id] <= _HIGHEST_WINDOW

    def tell_settings(self, payload: bytes) -> None:
        """The peer's SETTINGS, without what means nothing here: h2 would keep it for ever."""
        known = bytearray()
        for key, value in _SETTING.iter_unpack(payload):
            if key == SettingCodes.HEADER_TABLE_SIZE:
                # One after the other (§6.5.3): h2 would take the last one of several only, and the
                # smallest counts too (RFC 7541 §4.2).
                self._h2.encoder.header_table_size = min(value, MAX_ENCODER_TABLE_BYTES)
            elif key <= SettingCodes.MAX_HEADER_LIST_SIZE:
                known += _SETTING.pack(key, value)
        self.tell(frames.SETTINGS, bytes(known))
        settings = self._h2.remote_settings
        change = settings.initial_window_size - self._initial_window
        self._initial_window += change
        for stream_id in self._windows:
            self._windows[stream_id] += change  # perhaps below zero (§6.9.2)
            if self._windows[stream_id] > _HIGHEST_WINDOW:
                raise ConnectionViolation(
                    frames.FLOW_CONTROL_ERROR, "raised a stream's window beyond 2**31-1"
                )
        self.settled = True
        self.max_streams = settings.max_concurrent_streams
        self.max_header_list_bytes = settings.max_header_list_size


def error_name(code: int) -> str:
    """The name of an error code (§7)."""
    try:
        return ErrorCodes(code).name
    except ValueError:
        return f"error {code:#x}"
