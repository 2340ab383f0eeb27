"""HTTP/2 frames as bytes: cutting what arrives into frames, and building some (RFC 9113 §4, §6).

What concerns bytes only is settled here: sizes, padding, and header blocks that come in several
frames.  A HEADERS frame that leaves here has the whole block as its payload.
"""

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

# The error codes (§7) that are used here.
PROTOCOL_ERROR = 0x1
FLOW_CONTROL_ERROR = 0x3
STREAM_CLOSED = 0x5
FRAME_SIZE_ERROR = 0x6
COMPRESSION_ERROR = 0x9
ENHANCE_YOUR_CALM = 0xB

# The largest payload that we take: no more than has to be taken (§4.2), it is enough.
MAX_FRAME_BYTES = 16_384
# How many frames one header block may come in, or more if they are full (CVE-2023-45288).
MAX_BLOCK_FRAMES = 64

# The sizes that frames of fixed size have.
_SIZES = {PRIORITY: 5, RST_STREAM: 4, PING: 8, WINDOW_UPDATE: 4}
_OF_CONNECTION = frozenset({SETTINGS, PING, GOAWAY})
_SETTING_BYTES = 6
_GOAWAY_BYTES = 8

_HEADER = struct.Struct(">BHBBL")
_HEADER_BYTES = 9
_PRIORITY_BYTES = 5

Frame = tuple[int, int, int, bytes, int]
"""Type, flags, stream id, payload without padding, size with it."""


class ConnectionViolation(Exception):
    """The peer did what ends the connection (§5.4.1); `code` is for GOAWAY."""

    def __init__(self, code: int, what: str) -> None:
        super().__init__(what)
        self.code = code
        self.what = what


def build_head(size: int, kind: int, flags: int, stream_id: int) -> bytes:
    """What comes before a frame's payload of `size` bytes."""
    return _HEADER.pack(size >> 16, size & 0xFFFF, kind, flags, stream_id)


def build_frame(kind: int, flags: int, stream_id: int, payload: bytes = b"") -> bytes:
    """One frame."""
    return build_head(len(payload), kind, flags, stream_id) + payload


class FrameSplitter:
    """
    Cuts the byte stream into frames; holds at most one frame and one header block, which has at
    most `max_block_bytes`, compressed.
    """

    __slots__ = ("_rest", "_block", "_block_flags", "_block_stream_id", "_max_block_bytes")

    def __init__(self, max_block_bytes: int) -> None:
        self._max_block_bytes = max_block_bytes
        self._rest = b""
        self._block: list[bytes] = []
        self._block_flags = 0
        self._block_stream_id = 0

    def split(self, data: bytes) -> collections.abc.Iterator[Frame]:
        """
        The frames that `data` completes.  To be iterated to its end.

        Raises `ConnectionViolation`; for a frame that is too large, as soon as its header is there.
        """
        if self._rest:
            data = self._rest + data
            self._rest = b""
        start, end = 0, len(data)
        while end - start >= _HEADER_BYTES:
            high, low, kind, flags, stream_id = _HEADER.unpack_from(data, start)
            size = high << 16 | low
            if size > MAX_FRAME_BYTES:
                raise ConnectionViolation(
                    FRAME_SIZE_ERROR, f"sent a frame of {size} bytes, over {MAX_FRAME_BYTES}"
                )
            payload_start = start + _HEADER_BYTES
            if end - payload_start < size:
                break
            start = payload_start + size
            payload = data[payload_start:start]
            stream_id &= 0x7FFF_FFFF  # the highest bit is reserved, and ignored (§4.1)
            if kind <= HEADERS:
                payload = _without_padding(kind, flags, payload)
            else:
                _check_shape(kind, flags, stream_id, size)
            if kind == CONTINUATION or self._block or (kind == HEADERS and not flags & END_HEADERS):
                complete = self._add_to_block(kind, flags, stream_id, payload)
                if complete:
                    yield complete
            else:
                yield kind, flags, stream_id, payload, size
        self._rest = data[start:]

    def _add_to_block(self, kind: int, flags: int, stream_id: int, payload: bytes) -> Frame | None:
        """Nothing may come between the frames of a header block (§6.10)."""
        block = self._block
        if not block:
            if kind == CONTINUATION:
                raise ConnectionViolation(
                    PROTOCOL_ERROR, "sent a CONTINUATION frame that continues nothing"
                )
            self._block_flags, self._block_stream_id = flags, stream_id
        elif kind != CONTINUATION or stream_id != self._block_stream_id:
            raise ConnectionViolation(PROTOCOL_ERROR, "sent another frame inside a header block")
        block.append(payload)
        size = sum(map(len, block))
        few = max(MAX_BLOCK_FRAMES, size // MAX_FRAME_BYTES + 2)
        if len(block) > few or size > self._max_block_bytes:
            raise ConnectionViolation(
                ENHANCE_YOUR_CALM,
                f"sent a header block of {len(block)} frames and {size} bytes; the limits are "
                f"{few} frames, and the max_head_bytes of ResponseLimits, {self._max_block_bytes}",
            )
        if not flags & END_HEADERS:
            return None
        self._block = []
        return HEADERS, self._block_flags, stream_id, b"".join(block), size


def _check_shape(kind: int, flags: int, stream_id: int, size: int) -> None:
    """Frames that have a certain size, or are about the connection or about a stream only (§6)."""
    wrong = _SIZES.get(kind, size) != size
    if kind == SETTINGS:
        wrong = bool(size % _SETTING_BYTES or (size and flags & ACK))
    elif kind == GOAWAY:
        wrong = size < _GOAWAY_BYTES
    if wrong:
        raise ConnectionViolation(
            FRAME_SIZE_ERROR, f"sent a frame of type {kind} with {size} bytes, which it cannot have"
        )
    if (kind in _OF_CONNECTION) if stream_id else (kind == PRIORITY):
        raise ConnectionViolation(
            PROTOCOL_ERROR, f"sent a frame of type {kind} on stream {stream_id}"
        )


def _without_padding(kind: int, flags: int, payload: bytes) -> bytes:
    """`payload` without its padding (§6.1), and that of HEADERS without priority (§6.2)."""
    start, end = 0, len(payload)
    if flags & PADDED:
        if not payload:
            raise ConnectionViolation(FRAME_SIZE_ERROR, "sent a padded frame without a pad length")
        start, end = 1, end - payload[0]
    if flags & HAS_PRIORITY and kind == HEADERS:
        start += _PRIORITY_BYTES
    if end < start:
        raise ConnectionViolation(PROTOCOL_ERROR, "sent a frame that is padded beyond its length")
    return payload[start:end] if start or end < len(payload) else payload
