"""HTTP/1.1 responses."""

from __future__ import annotations

import dataclasses
import typing

from httpcore.aliases import RawHeaders
from httpcore.exceptions import RemoteProtocolError
from httpcore.wire import http11_h11, http11_httptools
from httpcore.wire.http11 import ResponseReader
from httpcore.wire.http11_events import (
    NEED_DATA,
    EndOfMessage,
    InformationalHead,
    ReadHead,
    ResponseHead,
)

# By the first byte; any other one is a GET.
_METHODS = {b"H": "HEAD", b"C": "CONNECT", b"P": "POST"}
_ENGINES: tuple[ReadHead, ...] = (http11_h11.read_head, http11_httptools.read_head)


class _Read(typing.NamedTuple):
    """What came of reading a response."""

    informational: list[int]
    head: ResponseHead | None
    body: bytes
    trailers: RawHeaders
    reusable: bool
    how: str  # it ended


def http11(data: bytes) -> None:
    """
    Any bytes give a response or `RemoteProtocolError`: the same whole and byte by byte, by h11 and
    by httptools.  The first byte chooses the method; the connection is closed behind the last.
    """
    method = _METHODS.get(data[:1], "GET")
    data = data[1:]
    reads = {
        (engine.__module__, len(pieces)): _read(engine, method, pieces)
        for engine in _ENGINES
        for pieces in ([data] if data else [], [data[at : at + 1] for at in range(len(data))])
    }
    first, *others = reads.values()
    assert all(other == first for other in others), reads


def _read(engine: ReadHead, method: str, pieces: list[bytes]) -> _Read:
    reader = ResponseReader(engine, method, "example.org:80", upgrades=method == "POST")
    waiting = iter([*pieces, b""])
    read = _Read([], None, b"", [], False, "")
    while True:
        try:
            event = reader.next_event()
        except RemoteProtocolError as exc:
            assert str(exc).startswith("example.org:80 ")
            return read._replace(how="refused")
        if event is NEED_DATA:
            reader.feed(next(waiting))
        elif isinstance(event, bytes):
            assert event, "an empty piece would be the end"
            read = read._replace(body=read.body + event)
        elif isinstance(event, InformationalHead):
            read.informational.append(event.status)
        elif isinstance(event, ResponseHead):
            # Who has looked for control characters is the engines' own business.
            head = dataclasses.replace(event, headers=_comparable(event.headers), is_clean=False)
            read = read._replace(head=head)
        else:
            assert isinstance(event, EndOfMessage)
            rest = b"".join(waiting)
            reusable = reader.reusable and not rest
            return read._replace(trailers=event.trailers, reusable=reusable, how="complete")


def _comparable(fields: RawHeaders) -> RawHeaders:
    """h11 writes "chunked" for "CHUNKED"."""
    return [
        (name, value.lower() if name.lower() == b"transfer-encoding" else value)
        for name, value in fields
    ]
