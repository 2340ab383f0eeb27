"""HTTP/1.1 heads and chunked bodies read by h11: the reference, strict and pure Python."""

from __future__ import annotations

import typing

import h11

from ..exceptions import RemoteProtocolError
from .http11 import (
    MAX_HEAD_BYTES,
    NEED_DATA,
    EndOfMessage,
    Event,
    InformationalHead,
    ResponseHead,
)


class H11Parser:
    """A `Parser` on h11."""

    __slots__ = ("_connection",)

    # h11 reads a response only behind a request; what it has to know of ours is the method.  That
    # it may be answered by 101 is for the reader to refuse.
    _UPGRADABLE: typing.ClassVar = [("Host", ""), ("Connection", "upgrade"), ("Upgrade", "any")]
    _REQUESTS: typing.ClassVar = {
        False: h11.Request(method="GET", target="/", headers=_UPGRADABLE),
        True: h11.Request(method="HEAD", target="/", headers=_UPGRADABLE),
    }

    def __init__(self, method: str) -> None:
        # The limit is the reader's, and comes first; h11 is not to have a lower one of its own.
        self._connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=2 * MAX_HEAD_BYTES)
        self._connection.send(self._REQUESTS[method == "HEAD"])

    def feed(self, data: bytes) -> None:
        self._connection.receive_data(data)

    def next_event(self) -> Event:
        try:
            event = self._connection.next_event()
        except h11.RemoteProtocolError as exc:
            raise RemoteProtocolError(str(exc)) from exc
        kind = type(event)
        if kind is h11.NEED_DATA:
            return NEED_DATA
        if isinstance(event, h11.Data):
            return bytes(event.data)
        if isinstance(event, h11.Response):
            version = "HTTP/" + event.http_version.decode("ascii")
            return ResponseHead(event.status_code, event.reason, event.headers.raw_items(), version)
        if isinstance(event, h11.InformationalResponse):
            return InformationalHead(event.status_code, event.headers.raw_items())
        assert isinstance(event, h11.EndOfMessage), event
        return EndOfMessage(event.headers.raw_items())

    def rest(self) -> bytes:
        return self._connection.trailing_data[0]
