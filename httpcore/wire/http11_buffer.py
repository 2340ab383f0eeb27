"""What has been fed and not been used yet, and how a section of lines is taken out of it."""

from __future__ import annotations

import re

_SECTION_END = re.compile(rb"\n\r?\n")


class SectionBuffer:
    """
    Bytes that arrive in pieces of any size, among them sections: lines that end with an empty one.

    * `_searched`: so far into the buffer there is nothing of what is looked for.

    Both are set by subclasses; a constructor called by theirs would cost each response its time.
    """

    __slots__ = ("_buffer", "_searched")

    _buffer: bytes | bytearray
    _searched: int

    def feed(self, data: bytes) -> None:
        """Take what arrived."""
        if not self._buffer:
            self._buffer = data
            return
        if isinstance(self._buffer, bytes):
            self._buffer = bytearray(self._buffer)  # can be appended to without a copy of it all
        self._buffer += data

    def rest(self) -> bytes:
        """What was fed and not used."""
        return bytes(self._buffer)

    def _take_section(self) -> bytes | None:
        """What is there up to and with the next empty line; `None` where that has not come yet."""
        found = _SECTION_END.search(self._buffer, self._searched)
        if found is None:
            self._searched = max(0, len(self._buffer) - 3)
            return None
        end = found.end()
        section = bytes(self._buffer[:end])
        self._buffer = self._buffer[end:]
        self._searched = 0
        return section
