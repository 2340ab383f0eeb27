"""HTTP/1.1 heads, and trailers, read by h11: the reference, strict and pure Python."""

from __future__ import annotations

import sys
import typing

import h11

from ..aliases import RawHeaders
from ..exceptions import RemoteProtocolError
from .http11_events import InformationalHead, ResponseHead

# h11 does not ask for a request before it reads a final response: a server may refuse what it could
# not read.  That spares a quarter of the time.  Informational ones need a request; that it may be
# answered by 101 is for the reader to refuse.
_REQUEST = h11.Request(
    method="GET",
    target="/",
    headers=[("Host", ""), ("Connection", "upgrade"), ("Upgrade", "any")],
)
_INFORMATIONAL = b"1"
_STATUS = slice(len("HTTP/1.1 "), len("HTTP/1.1 1"))  # the first digit of a status code

_BEFORE_TRAILERS = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n"


def read_head(section: bytes) -> ResponseHead | InformationalHead:
    """The engine; see `ReadHead`."""
    connection = _connection()
    if section[_STATUS] == _INFORMATIONAL:
        connection.send(_REQUEST)
    connection.receive_data(section)
    event = _next_event(connection)
    if isinstance(event, h11.Response):
        version = "HTTP/" + event.http_version.decode("ascii")
        return ResponseHead(event.status_code, event.reason, event.headers.raw_items(), version)
    assert isinstance(event, h11.InformationalResponse), event
    return InformationalHead(event.status_code, event.headers.raw_items())


def read_trailers(section: bytes) -> RawHeaders:
    """The fields of trailers, complete with their empty line; or `RemoteProtocolError`."""
    connection = _connection()
    connection.receive_data(_BEFORE_TRAILERS + section)
    connection.next_event()
    event = _next_event(connection)
    assert isinstance(event, h11.EndOfMessage), event
    return event.headers.raw_items()


def _connection() -> h11.Connection:
    # The limit is the reader's; h11 is not to have one of its own.
    return h11.Connection(h11.CLIENT, max_incomplete_event_size=sys.maxsize)


def _next_event(connection: h11.Connection) -> typing.Any:
    try:
        return connection.next_event()
    except h11.RemoteProtocolError as exc:
        raise RemoteProtocolError(str(exc)) from exc
