"""HTTP/1.1 heads read with httptools, which is llhttp: fast.

Theory of operation.  That httptools is installed changes how long it takes to read a response, and
nothing else.  So what llhttp refuses goes to h11, whose answer counts: the two differ in what they
put up with (folded lines, bare line feeds, two equal Content-Length), and a server is not to work
with the one and to fail with the other.  What llhttp accepts and h11 may read in another way goes
to h11 at once: protocols other than HTTP/1, and statuses below 200, which are rare.
"""

from __future__ import annotations

import httptools

from ..aliases import RawHeaders
from .http11_events import InformationalHead, ResponseHead, has_controls

# Where the reason phrase begins in a status line that llhttp has accepted.
_REASON = len("HTTP/1.1 200 ")


def read_head(section: bytes) -> ResponseHead | InformationalHead:
    """The engine; see `ReadHead`."""
    head = _read_by_llhttp(section)
    if head is not None:
        return head
    from . import http11_h11  # takes a while to load, and is hardly ever needed

    return http11_h11.read_head(section)


class _Head:
    """What llhttp tells of one head."""

    __slots__ = ("headers",)

    def __init__(self) -> None:
        self.headers: RawHeaders = []

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name, value))


def _read_by_llhttp(section: bytes) -> ResponseHead | None:
    """The head that `section` is, or `None` where h11 is to read it."""
    if not (section.startswith(b"HTTP/1.") and section.endswith(b"\r\n\r\n")):
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
