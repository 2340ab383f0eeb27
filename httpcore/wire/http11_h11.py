"""HTTP/1.1 heads, and trailers, read by h11: the reference, strict and pure Python."""

from __future__ import annotations

import sys
import typing

import h11

from ..exceptions import RemoteProtocolError
from .http11_events import NEED_DATA, EndOfMessage, Event, InformationalHead, ResponseHead

# Where a status code stands in a response, and how that of an informational one begins.
_STATUS_AT = len("HTTP/1.1 ")
_FIRST_OF_INFORMATIONAL = ord("1")


class H11Parser:
    """
    A `Parser` on h11.

    h11 does not ask for a request before it reads a final response: a server may refuse what it
    could not read.  That spares a quarter of the time.  Only what depends on the request needs one:
    a response to HEAD, and those that are not final.
    """

    __slots__ = ("_connection", "_start")

    # That a request may be answered by 101 is for the reader to refuse.
    _UPGRADABLE: typing.ClassVar = [("Host", ""), ("Connection", "upgrade"), ("Upgrade", "any")]
    _GET = h11.Request(method="GET", target="/", headers=_UPGRADABLE)
    _HEAD = h11.Request(method="HEAD", target="/", headers=_UPGRADABLE)

    def __init__(self, method: str) -> None:
        # The limit is the reader's; h11 is not to have one of its own.
        self._connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=sys.maxsize)
        self._start: bytes | None = b""  # of the first head; `None` once h11 has got it
        if method == "HEAD":
            self._connection.send(self._HEAD)
            self._start = None

    def feed(self, data: bytes) -> None:
        if self._start is not None:
            data = self._start + data
            if len(data) > _STATUS_AT:
                if data[_STATUS_AT] == _FIRST_OF_INFORMATIONAL:
                    self._connection.send(self._GET)
            elif b"\n" not in data:  # a line so short is for h11 to refuse
                self._start = data
                return
            self._start = None
        self._connection.receive_data(data)

    def next_event(self) -> Event:
        try:
            event = self._connection.next_event()
        except h11.RemoteProtocolError as exc:
            raise RemoteProtocolError(str(exc)) from exc
        kind = type(event)
        if kind is h11.NEED_DATA:
            return NEED_DATA
        if isinstance(event, h11.Response):
            version = "HTTP/" + event.http_version.decode("ascii")
            return ResponseHead(event.status_code, event.reason, event.headers.raw_items(), version)
        if isinstance(event, h11.InformationalResponse):
            return InformationalHead(event.status_code, event.headers.raw_items())
        assert isinstance(event, h11.EndOfMessage), event
        return EndOfMessage(event.headers.raw_items())

    def rest(self) -> bytes:
        return self._connection.trailing_data[0]
