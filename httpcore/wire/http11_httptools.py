"""HTTP/1.1 heads and chunked bodies read with httptools, which is llhttp: fast.

Theory of operation.  That httptools is installed changes how long it takes to read a response, and
nothing else.  So llhttp gets a head once it is complete, and what llhttp refuses goes to h11, whose
answer counts: the two differ in what they put up with (folded lines, bare line feeds, two equal
Content-Length), and a server is not to work with the one and to fail with the other.  What llhttp
accepts and h11 may read in another way goes to h11 at once: protocols other than HTTP/1, and
statuses below 200, which are rare.

Heads are what costs.  Chunks are taken apart here, as llhttp does not say where in what it was fed
a message ended; trailers, which are rare, are read by h11.
"""

from __future__ import annotations

import re

import httptools

from ..exceptions import RemoteProtocolError
from ..types import RawHeaders
from .http11_events import NEED_DATA, EndOfMessage, Event, Parser, ResponseHead, has_controls

_SECTION_END = re.compile(rb"\n\r?\n")
# Where the reason phrase begins in a status line that llhttp has accepted.
_REASON = len("HTTP/1.1 200 ")
_EMPTY_LINE = re.compile(rb"\r?\n")
# RFC 9112 §7.1.  Some servers fill the size up with blanks.
_SIZE_LINE = re.compile(rb"([0-9a-fA-F]{1,20})(?:;.*|[ \t]*)\r\n")
_BEFORE_TRAILERS = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n"


class HttptoolsParser:
    """A `Parser` on httptools."""

    __slots__ = (
        "_method",
        "_buffer",
        "_searched",
        "_in_body",
        "_left",
        "_in_chunk",
        "_in_trailers",
    )

    def __init__(self, method: str) -> None:
        self._method = method
        self._buffer: bytes | bytearray = b""
        self._searched = 0  # so far into the buffer there is nothing of what is looked for
        self._in_body = False
        self._left = 0  # of the data of a chunk
        self._in_chunk = False  # until the line end behind its data
        self._in_trailers = False

    def feed(self, data: bytes) -> None:
        if not self._buffer:
            self._buffer = data
            return
        if isinstance(self._buffer, bytes):
            self._buffer = bytearray(self._buffer)  # can be appended to without a copy of it all
        self._buffer += data

    def next_event(self) -> Event:
        if not self._in_body:
            return self._head_event()
        return self._trailers_event() if self._in_trailers else self._data_event()

    def rest(self) -> bytes:
        return bytes(self._buffer)

    def _head_event(self) -> Event:
        # What llhttp accepts has no line feed without its CR, so its end is found like this.
        end = self._buffer.find(b"\r\n\r\n", self._searched) + 4
        head: Event | None = None if end < 4 else _read_by_llhttp(bytes(self._buffer[:end]))
        if head is not None:
            self._buffer = self._buffer[end:]
            self._searched = 0
        else:
            section = self._take_section()
            if section is None:
                return NEED_DATA
            head = self._h11(section).next_event()
        self._in_body = type(head) is ResponseHead
        return head

    def _take_section(self) -> bytes | None:
        """What is there up to and with the next empty line."""
        found = _SECTION_END.search(self._buffer, self._searched)
        if found is None:
            self._searched = max(0, len(self._buffer) - 3)
            return None
        end = found.end()
        section = bytes(self._buffer[:end])
        self._buffer = self._buffer[end:]
        self._searched = 0
        return section

    def _h11(self, section: bytes) -> Parser:
        from .http11_h11 import H11Parser  # takes a while to load, and is hardly ever needed

        reference = H11Parser(self._method)
        reference.feed(section)
        return reference

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
        return self._trailers_event() if self._in_trailers else NEED_DATA

    def _take_framing_line(self, line: bytes | bytearray) -> None:
        """The line end behind a chunk's data, or the size line of the next one."""
        if self._in_chunk:
            if line != b"\r\n":
                raise RemoteProtocolError("no line end behind the data of a chunk")
            self._in_chunk = False
            return
        size = _SIZE_LINE.fullmatch(line)
        if size is None:
            raise RemoteProtocolError(f"illegal chunk size: {bytes(line[:40])!r}")
        self._left = int(size[1], 16)
        self._in_chunk = self._left > 0
        self._in_trailers = self._left == 0

    def _trailers_event(self) -> Event:
        empty = _EMPTY_LINE.match(self._buffer)
        if empty is not None:
            self._buffer = self._buffer[empty.end() :]
            return EndOfMessage([])
        section = self._take_section()
        if section is None:
            return NEED_DATA
        reference = self._h11(_BEFORE_TRAILERS + section)
        reference.next_event()  # the head
        return reference.next_event()


class _Head:
    """What llhttp tells of one head."""

    __slots__ = ("headers",)

    def __init__(self) -> None:
        self.headers: RawHeaders = []

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name, value))


def _read_by_llhttp(section: bytes) -> ResponseHead | None:
    """The head that `section` is, or `None` where h11 is to read it."""
    if not section.startswith(b"HTTP/1."):
        return None
    head = _Head()
    parser = httptools.HttpResponseParser(head)
    try:
        parser.feed_data(section)
    except (httptools.HttpParserError, httptools.HttpParserUpgrade):
        return None
    status = parser.get_status_code()
    if status < 200:
        return None
    headers = head.headers
    # Not by `in`, which first tries bytes as an integer, and makes an exception of it.
    if section.find(b" \r") >= 0 or section.find(b"\t\r") >= 0:
        headers = [(name, value.rstrip(b" \t")) for name, value in headers]
    reason = section[_REASON : section.find(b"\r")]
    version = "HTTP/1.1" if section.startswith(b"HTTP/1.1") else "HTTP/1.0"
    # llhttp has looked at all values, but not at the reason.
    return ResponseHead(status, reason, headers, version, not has_controls(reason))
