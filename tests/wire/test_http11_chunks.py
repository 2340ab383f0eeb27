"""Chunked bodies: the limit of their framing is exact.

How they are read otherwise is tested in `test_http11.py`, behind every parser.
"""

from __future__ import annotations

import collections.abc

import pytest

from httpcore.exceptions import RemoteProtocolError
from httpcore.wire.http11_chunks import ChunkedBody
from httpcore.wire.http11_events import NEED_DATA, EndOfMessage

LIMIT = 100


def line_of(size: int) -> bytes:
    """The size line of a chunk of two bytes, `size` bytes long."""
    return b"2;" + b"x" * (size - 4) + b"\r\n"


def trailers_of(size: int) -> bytes:
    """Trailers, with the empty line behind them, of `size` bytes."""
    return b"X: " + b"y" * (size - 7) + b"\r\n\r\n"


def whole(data: bytes) -> list[bytes]:
    return [data]


def byte_by_byte(data: bytes) -> list[bytes]:
    return [data[i : i + 1] for i in range(len(data))]


def in_seventies(data: bytes) -> list[bytes]:
    return [data[i : i + 70] for i in range(0, len(data), 70)]


def read(pieces: list[bytes]) -> tuple[bytes, list[tuple[bytes, bytes]]]:
    """The data and the trailers of a body that is complete with the last piece."""
    first, *others = pieces
    body = ChunkedBody(first, LIMIT)
    data = b""
    while True:
        event = body.next_event()
        if event is NEED_DATA:
            body.feed(others.pop(0))
        elif isinstance(event, bytes):
            data += event
        else:
            assert isinstance(event, EndOfMessage)
            assert others == []
            return data, event.trailers


@pytest.mark.parametrize("arriving", [whole, byte_by_byte, in_seventies])
def test_fr9_a_size_line_of_the_limit(
    arriving: collections.abc.Callable[[bytes], list[bytes]],
) -> None:
    """It passes, first or behind data; one byte more does not, though it is there as a whole."""
    for before in (b"", b"3\r\nabc\r\n", b"5a\r\n" + b"z" * 90 + b"\r\n"):
        end = b"ok\r\n0\r\n\r\n"
        data, _ = read(arriving(before + line_of(LIMIT) + end))
        assert data.endswith(b"ok")
        with pytest.raises(RemoteProtocolError, match=r"^a chunk size line of more than 100 bytes"):
            read(arriving(before + line_of(LIMIT + 1) + end))


@pytest.mark.parametrize("arriving", [whole, byte_by_byte, in_seventies])
def test_fr10_trailers_of_the_limit(
    arriving: collections.abc.Callable[[bytes], list[bytes]],
) -> None:
    """They pass, all together; one byte more does not."""
    start = line_of(LIMIT) + b"ok\r\n0\r\n"
    data, trailers = read(arriving(start + trailers_of(LIMIT)))
    assert (data, len(trailers)) == (b"ok", 1)
    with pytest.raises(RemoteProtocolError, match=r"^trailers of more than 100 bytes"):
        read(arriving(start + trailers_of(LIMIT + 1)))


def test_fr9_a_size_line_without_end() -> None:
    """What would be too long is refused without its end; what came before it is given first."""
    body = ChunkedBody(b"2\r\nok\r\n" + line_of(LIMIT + 3)[:-2], LIMIT)
    assert body.next_event() == b"ok"
    with pytest.raises(RemoteProtocolError, match="max_chunk_framing_bytes of ResponseLimits"):
        body.next_event()


def test_what_is_behind() -> None:
    """Bytes behind the end are left."""
    body = ChunkedBody(b"0\r\nX: y\r\n\r\nHTTP/1.1 ", LIMIT)
    assert body.next_event() == EndOfMessage([(b"X", b"y")])
    assert body.rest == b"HTTP/1.1 "


def test_malformed_trailers() -> None:
    """What h11 makes of them is told."""
    body = ChunkedBody(b"0\r\nno colon\r\n\r\n", LIMIT)
    with pytest.raises(RemoteProtocolError, match=r"^malformed trailers \(illegal header line"):
        body.next_event()
