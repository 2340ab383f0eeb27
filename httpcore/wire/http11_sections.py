"""Where a section of lines ends: that of a head, or of trailers (RFC 9112 §2.1)."""

from __future__ import annotations


def section_end(data: bytes | bytearray, searched: int) -> int:
    """
    The length of the section that `data` begins with, up to and with its empty line; 0: it has not
    ended yet.  The first `searched` bytes are known to have no end of one.

    Lines may end in a bare line feed (§2.2).
    """
    at = max(0, searched - 2)
    end = data.find(b"\n\r\n", at)
    bare = data.find(b"\n\n", at) if end < 0 else data.find(b"\n\n", at, end + 1)
    if bare >= 0:
        return bare + 2
    return 0 if end < 0 else end + 3
