"""Our half of an HTTP/2 connection, which is h2's: what goes out, in which order, as far as it may.

h2 keeps HPACK, frames, the states of connection and streams, the peer's SETTINGS and its windows.
It is told by `tell()` what concerns these, in frames without fault; see `wire/http2.py`.  Of a
stream it knows as long as both sides use it: what comes behind that is not shown to it.
"""

from __future__ import annotations

import struct

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import Event, StreamReset
from h2.exceptions import ProtocolError as H2ProtocolError
from h2.settings import SettingCodes

from ..aliases import RawHeaders
from . import http2_frames as frames
from .http2_frames import ConnectionViolation, build_frame
from .http2_hpack import RequestEncoder

# No more of a body is framed while this much has not been taken.
MAX_UNSENT_BYTES = 256 * 1024
# Large frames cost less, but all other streams wait behind one.
MAX_SENT_FRAME_BYTES = 64 * 1024
# Our encoder searches its table entry by entry: a larger one costs more than it saves.
MAX_ENCODER_TABLE_BYTES = 4096
DEFAULT_WINDOW_BYTES = 65_535

_SETTING = struct.Struct(">HL")
_LONG = struct.Struct(">L")
_GOAWAY = struct.Struct(">LL")

# Everything that it could check has been checked: names and values by `Headers`, and what comes
# in by `http2_fields`.
_CONFIG = H2Configuration(
    client_side=True,
    header_encoding=None,
    validate_outbound_headers=False,
    normalize_outbound_headers=False,
    validate_inbound_headers=False,
    normalize_inbound_headers=False,
)


class _Connection(H2Connection):
    @property
    def open_outbound_streams(self) -> int:
        """For its limit, which `Streams` has kept to: it would go through all of them each time."""
        return 0


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
        "_frames",
        "_unsent",
    )

    def __init__(self) -> None:
        self.pending = False
        self.settled = False
        self.max_streams = 2**31
        self.max_header_list_bytes: int | None = None
        self._h2 = _Connection(_CONFIG)
        self._h2.encoder = RequestEncoder()
        self._frames = bytearray()
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
        self.credit(0, connection_window - DEFAULT_WINDOW_BYTES)

    def take(self) -> bytes | bytearray:
        """What has to go out, whole frames, once; nothing, if nothing has to."""
        self.pending = False
        self._unsent = 0
        data = self._h2.data_to_send()
        if not self._frames:
            return data
        taken, self._frames = self._frames, bytearray()
        taken += data
        return taken

    @property
    def is_full(self) -> bool:
        """Whether as much of bodies waits to be taken as may."""
        return self._unsent >= MAX_UNSENT_BYTES

    def open(self, stream_id: int, fields: RawHeaders, end_stream: bool) -> None:
        """A request's field section."""
        self.pending = True
        self._h2.send_headers(stream_id, fields, end_stream)

    def send_data(self, stream_id: int, data: memoryview, end_stream: bool) -> int | None:
        """
        Send of `data` what the windows allow; how many bytes did not go out.

        `None`: all of it went out, and the end of the stream, if that was asked for.
        """
        self.pending = True
        frame_limit = min(self._h2.max_outbound_frame_size, MAX_SENT_FRAME_BYTES)
        left = len(data)
        while not self.is_full:
            count = min(left, frame_limit)
            if count:
                count = min(count, self._h2.local_flow_control_window(stream_id))
                if count <= 0:
                    break
            is_last = count == left
            self._h2.send_data(stream_id, data[:count], end_stream and is_last)
            self._unsent += count
            if is_last:
                return None
            data = data[count:]
            left -= count
        return left

    def reset(self, stream_id: int, code: int) -> None:
        """RST_STREAM, for a stream that is open."""
        self.pending = True
        self._h2.reset_stream(stream_id, code)

    def ping(self) -> None:
        """PING, which the peer has to answer."""
        self.pending = True
        self._h2.ping(b"httpcore")

    def credit(self, stream_id: int, size: int) -> None:
        """WINDOW_UPDATE; 0 stands for the connection."""
        self.pending = True
        # h2 is not told: it counts what it receives, and is not shown DATA.
        self._frames += self._h2.data_to_send()
        self._frames += build_frame(frames.WINDOW_UPDATE, 0, stream_id, _LONG.pack(size))

    def go_away(self, code: int) -> None:
        """GOAWAY, in the place of all that was to be sent."""
        self.pending = True
        self._h2.clear_outbound_data_buffer()
        self._frames = bytearray(build_frame(frames.GOAWAY, 0, 0, _GOAWAY.pack(0, code)))

    # What h2 has to know of the peer.

    def tell(self, kind: int, stream_id: int, payload: bytes) -> list[Event]:
        """Show h2 a frame; raises `ConnectionViolation` for one that it does not accept."""
        self.pending = True  # it answers some of them
        try:
            return self._h2.receive_data(build_frame(kind, 0, stream_id, payload))
        except H2ProtocolError as exc:
            raise ConnectionViolation(exc.error_code, f"broke the rules of HTTP/2: {exc}") from exc

    def forget(self, stream_id: int) -> None:
        """The stream has ended, both ways, or is ended by what has been told."""
        del self._h2.streams[stream_id]

    def tell_stream_credit(self, stream_id: int, payload: bytes) -> bool:
        """WINDOW_UPDATE of a stream; `False`: it was too much, and the stream has been reset."""
        events = self.tell(frames.WINDOW_UPDATE, stream_id, payload)
        return not any(isinstance(event, StreamReset) for event in events)

    def tell_settings(self, payload: bytes) -> None:
        """The peer's SETTINGS, without what means nothing here: h2 would keep it for ever."""
        known = bytearray()
        for key, value in _SETTING.iter_unpack(payload):
            if key == SettingCodes.HEADER_TABLE_SIZE:
                known += _SETTING.pack(key, min(value, MAX_ENCODER_TABLE_BYTES))
            elif key <= SettingCodes.MAX_HEADER_LIST_SIZE:
                known += _SETTING.pack(key, value)
        self.tell(frames.SETTINGS, 0, bytes(known))
        self.settled = True
        self.max_streams = self._h2.remote_settings.max_concurrent_streams
        self.max_header_list_bytes = self._h2.remote_settings.max_header_list_size


def error_name(code: int) -> str:
    """The name of an error code (§7)."""
    try:
        return ErrorCodes(code).name
    except ValueError:
        return f"error {code:#x}"
