"""HTTP/2 frames as bytes: splitting what arrives, building what h2 does not build (RFC 9113 §4, §6)."""

from __future__ import annotations

import collections.abc
import struct

DATA = 0x0
HEADERS = 0x1
PRIORITY = 0x2
RST_STREAM = 0x3
SETTINGS = 0x4
PUSH_PROMISE = 0x5
PING = 0x6
GOAWAY = 0x7
WINDOW_UPDATE = 0x8
CONTINUATION = 0x9

# Flags; what a bit means depends on the type.
END_STREAM = ACK = 0x1
END_HEADERS = 0x4
PADDED = 0x8
HAS_PRIORITY = 0x20

# The largest payload that we take: what we have to take (§4.2), and enough.
MAX_FRAME_BYTES = 16_384

_HEADER = struct.Struct(">BHBBL")
_HEADER_BYTES = 9
_PRIORITY_BYTES = 5

Frame = tuple[int, int, int, bytes]
"""Type, flags, stream id, payload."""


class ConnectionViolation(Exception):
    """The peer did what ends the connection (§5.4.1); `code` is for GOAWAY."""

    def __init__(self, code: int, what: str) -> None:
        super().__init__(what)
        self.code = code
        self.what = what


PROTOCOL_ERROR = 0x1
FLOW_CONTROL_ERROR = 0x3
STREAM_CLOSED = 0x5
FRAME_SIZE_ERROR = 0x6
COMPRESSION_ERROR = 0x9
ENHANCE_YOUR_CALM = 0xB


def build_frame(kind: int, flags: int, stream_id: int, payload: bytes = b"") -> bytes:
    """One frame."""
    length = len(payload)
    return _HEADER.pack(length >> 16, length & 0xFFFF, kind, flags, stream_id) + payload


class FrameSplitter:
    """Cuts the byte stream into frames; holds at most one frame that is not complete."""

    __slots__ = ("_rest",)

    def __init__(self) -> None:
        self._rest = b""

    def split(self, data: bytes) -> collections.abc.Iterator[Frame]:
        """
        The frames that `data` completes.  To be iterated to its end.

        Raises `ConnectionViolation` for a frame that is too large, as soon as its header is there.
        """
        if self._rest:
            data = self._rest + data
            self._rest = b""
        start, end = 0, len(data)
        while end - start >= _HEADER_BYTES:
            high, low, kind, flags, stream_id = _HEADER.unpack_from(data, start)
            length = high << 16 | low
            if length > MAX_FRAME_BYTES:
                raise ConnectionViolation(
                    FRAME_SIZE_ERROR,
                    f"sent a frame of {length} bytes; the limit is {MAX_FRAME_BYTES}",
                )
            payload_start = start + _HEADER_BYTES
            if end - payload_start < length:
                break
            start = payload_start + length
            # The highest bit is reserved, and ignored (§4.1).
            yield kind, flags, stream_id & 0x7FFF_FFFF, data[payload_start:start]
        self._rest = data[start:]


def without_padding(flags: int, payload: bytes) -> bytes:
    """`payload` of a DATA or HEADERS frame without its padding (§6.1) and priority (§6.2)."""
    start, end = 0, len(payload)
    if flags & PADDED:
        if not payload:
            raise ConnectionViolation(FRAME_SIZE_ERROR, "sent a padded frame without a pad length")
        start, end = 1, end - payload[0]
    if flags & HAS_PRIORITY:
        start += _PRIORITY_BYTES
    if end < start:
        raise ConnectionViolation(PROTOCOL_ERROR, "sent a frame that is padded beyond its length")
    return payload[start:end]
