"""Chunked bodies (RFC 9112 §7.1) taken apart: once, whichever engine has read the head.

Engines do not limit a size line that has arrived whole, and llhttp does not say where in what it
was fed a message ended.  Trailers, which are rare, are read by h11.
"""

from __future__ import annotations

import re

from ..exceptions import RemoteProtocolError
from .http11_events import NEED_DATA, EndOfMessage, Event
from .http11_sections import section_end

# Some servers fill the size up with blanks.
_SIZE_LINE = re.compile(rb"([0-9a-fA-F]{1,20})(?:;.*|[ \t]*)\r\n")
_EMPTY_LINE = re.compile(rb"\r?\n")


class ChunkedBody:
    """
    A chunked body; `data` is what has arrived of it.

    `next_event()` gives data, then `EndOfMessage`, and `NEED_DATA` where it wants to be fed.  What
    it raises says what was sent, as the end of a sentence.  No size line, with its extension and
    line end, and no trailers, with the empty line behind them, have more than `max_framing_bytes`,
    in whatever pieces they arrive.
    """

    __slots__ = (
        "_buffer",
        "_searched",
        "_max_framing_bytes",
        "_left",
        "_in_chunk",
        "_in_trailers",
    )

    def __init__(self, data: bytes, max_framing_bytes: int) -> None:
        self._buffer: bytes | bytearray = data
        self._searched = 0  # so far into the buffer there is nothing of what is looked for
        self._max_framing_bytes = max_framing_bytes
        self._left = 0  # of the data of a chunk
        self._in_chunk = False  # until the line end behind its data
        self._in_trailers = False

    def feed(self, data: bytes) -> None:
        """Take what arrived."""
        if not self._buffer:
            self._buffer = data
            return
        if isinstance(self._buffer, bytes):
            self._buffer = bytearray(self._buffer)  # can be appended to without a copy of it all
        self._buffer += data

    @property
    def held(self) -> int:
        """How many bytes were fed and not used."""
        return len(self._buffer)

    @property
    def rest(self) -> bytes:
        """What was fed behind its end."""
        return bytes(self._buffer)

    def next_event(self) -> Event:
        return self._trailers_event() if self._in_trailers else self._data_event()

    def _data_event(self) -> Event:
        """All data that is there, in one piece: where chunks begin and end means nothing."""
        buffer, at, searched = self._buffer, 0, 0
        pieces: list[bytes | bytearray] = []
        while not self._in_trailers:
            if self._left:
                pieces.append(buffer[at : at + self._left])
                at += len(pieces[-1])
                self._left -= len(pieces[-1])
            end = 0 if self._left else buffer.find(b"\n", max(at, self._searched)) + 1
            if not end:
                searched = len(buffer) - at
                break
            try:
                self._take_framing_line(buffer[at:end])
            except RemoteProtocolError:
                if not pieces:
                    raise
                break  # what was there before it first
            at = end
        self._buffer = buffer[at:]
        self._searched = searched
        if data := b"".join(pieces):
            return data
        if self._in_trailers:
            return self._trailers_event()
        if searched > self._max_framing_bytes:
            raise self._too_large("a chunk size line")
        return NEED_DATA

    def _take_framing_line(self, line: bytes | bytearray) -> None:
        """The line end behind a chunk's data, or the size line of the next one."""
        if self._in_chunk:
            if line != b"\r\n":
                raise RemoteProtocolError("a chunk without a line end behind its data")
            self._in_chunk = False
            return
        if len(line) > self._max_framing_bytes:
            raise self._too_large("a chunk size line")
        size = _SIZE_LINE.fullmatch(line)
        if size is None:
            raise RemoteProtocolError(f"an illegal chunk size, {bytes(line[:40])!r}")
        self._left = int(size[1], 16)
        self._in_chunk = self._left > 0
        self._in_trailers = self._left == 0

    def _trailers_event(self) -> Event:
        empty = _EMPTY_LINE.match(self._buffer)
        if empty is not None:
            self._buffer = self._buffer[empty.end() :]
            return EndOfMessage([])
        end = section_end(self._buffer, self._searched)
        if (end or len(self._buffer)) > self._max_framing_bytes:
            raise self._too_large("trailers")
        if not end:
            self._searched = len(self._buffer)
            return NEED_DATA
        section, self._buffer = bytes(self._buffer[:end]), self._buffer[end:]
        from .http11_h11 import read_trailers  # takes a while to load

        try:
            return EndOfMessage(read_trailers(section))
        except RemoteProtocolError as exc:
            raise RemoteProtocolError(f"malformed trailers ({exc})") from exc.__cause__

    def _too_large(self, what: str) -> RemoteProtocolError:
        return RemoteProtocolError(
            f"{what} of more than {self._max_framing_bytes} bytes, the max_chunk_framing_bytes "
            "of ResponseLimits"
        )
