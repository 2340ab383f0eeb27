"""That httptools reads gives what h11 would: the same responses, and the same refused.

What every parser does is tested in `test_http11.py`, with both.
"""

from __future__ import annotations

import dataclasses
import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from httpcore.exceptions import RemoteProtocolError
from httpcore.wire import http11_h11, http11_httptools
from httpcore.wire.http11_events import ReadHead
from tests.wire.test_http11 import read_pieces

STATUS_LINES = (
    b"HTTP/1.1 200 OK",
    b"HTTP/1.1 200",
    b"HTTP/1.1 200 ",
    b"HTTP/1.0 404 Not Found",
    b"HTTP/1.1 304 ",
    b"HTTP/1.1 103 Early",
    b"HTTP/1.1 101 Switch",
    b"HTTP/1.1 099 X",
    b"HTTP/1.1  200 OK",
    b"HTTP/1.2 200 OK",
    b"HTTP/2.0 200 OK",
    b"RTSP/1.0 200 OK",
    b"ICE/1.0 200 OK",
    b"http/1.1 200 OK",
    b"HTTP/1.1 200 O\x01K",
    b"HTTP/1.1 999 \xe9",
)
FIELDS = (
    b"X: y",
    b"X:y \t",
    b"x-y:",
    b"X: \xff",
    b"X : y",
    b" X: y",
    b"\tfolded",
    b"X: a\rb",
    b"X: a\x00b",
    b"X: a\x7fb",
    b"no colon",
    b": y",
    b"Content-Length: 5",
    b"content-length: 0",
    b"Content-Length: 5, 5",
    b"Content-Length: +5",
    b"Content-Length:",
    b"Content-Length: 18446744073709551616",
    b"Transfer-Encoding: chunked",
    b"Transfer-Encoding: CHUNKED",
    b"Transfer-Encoding: gzip, chunked",
    b"Transfer-Encoding: identity",
    b"Connection: close",
    b"Connection: keep-alive, Upgrade",
    b"Upgrade: websocket",
    b"Keep-Alive: timeout=5",
)
CHUNKS = (
    b"5\r\nhello\r\n",
    b"5  \r\nhello\r\n",
    b"5;a=b\r\nhello\r\n",
    b"5 ;a\r\nhello\r\n",
    b"5\nhello\n",
    b"5\r\nhelloX",
    b"00000000000000000005\r\nhello\r\n",
    b"-5\r\n",
    b"0x5\r\nhello\r\n",
    b"g\r\n",
    b"0\r\n",
    b"0;x\r\n",
    b"\r\n",
    b"\r",
    b"\n",
)

lines = st.builds(
    lambda status, fields, ends: b"".join(
        line + end for line, end in zip([status, *fields, b""], ends, strict=False)
    ),
    st.sampled_from(STATUS_LINES) | st.just(STATUS_LINES[0]),
    st.lists(st.sampled_from(FIELDS) | st.just(FIELDS[0]), max_size=4),
    st.lists(st.sampled_from([b"\r\n"] * 9 + [b"\n", b"\r"]), min_size=6, max_size=6),
)
bodies = st.lists(st.sampled_from(CHUNKS) | st.binary(max_size=3), max_size=5).map(b"".join)
trailers = st.lists(st.sampled_from(FIELDS), max_size=2).map(
    lambda fields: b"".join(field + b"\r\n" for field in fields)
)
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


def outcome(read_head: ReadHead, pieces: list[bytes], method: str) -> object:
    """What comes of reading `pieces` and a close."""
    try:
        got = read_pieces(read_head, [*pieces, b""], method)
    except RemoteProtocolError:
        return "refused"
    if got.head is None:
        return got
    # h11 writes "chunked" for "CHUNKED", and leaves it to the reader to look for controls.
    headers = [(name, value.lower()) for name, value in got.head.headers]
    return got._replace(head=dataclasses.replace(got.head, headers=headers, is_clean=False))


@settings(max_examples=400, deadline=None)
@given(
    head=lines | st.just(CHUNKED),
    body=bodies,
    trailer=trailers,
    method=st.sampled_from(["GET", "HEAD"]),
    cuts=st.sets(st.integers(0, 200), max_size=3),
)
def test_both_engines_read_the_same(
    head: bytes, body: bytes, trailer: bytes, method: str, cuts: set[int]
) -> None:
    """Whole, byte by byte or in pieces, with either engine: the same response, or none."""
    data = head + body + trailer + b"\r\n"
    edges = [0, *sorted(cuts), len(data)]
    ways = [
        [data],
        [data[i : i + 1] for i in range(len(data))],
        [piece for a, b in itertools.pairwise(edges) if (piece := data[a:b])],
    ]
    outcomes = [
        outcome(parser, pieces, method)
        for parser in (http11_h11.read_head, http11_httptools.read_head)
        for pieces in ways
    ]
    assert all(other == outcomes[0] for other in outcomes)
