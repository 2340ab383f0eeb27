"""Responses read from bytes: whole and byte by byte give the same, for every engine."""

from __future__ import annotations

import dataclasses
import time
import typing

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from httpcore.exceptions import RemoteProtocolError
from httpcore.response_limits import DEFAULT_RESPONSE_LIMITS
from httpcore.wire import http11_h11, http11_httptools
from httpcore.wire.http11 import ResponseReader, chunk, request_head
from httpcore.wire.http11_events import (
    NEED_DATA,
    EndOfMessage,
    Event,
    InformationalHead,
    ReadHead,
    ResponseHead,
)
from tests.cpu_time import assert_takes_no_time
from tests.memory import holding_less_than

ENGINES: list[ReadHead] = [http11_h11.read_head, http11_httptools.read_head]
OK = b"HTTP/1.1 200 OK\r\n"


@pytest.fixture(params=ENGINES, ids=["h11", "httptools"])
def read_head(request: pytest.FixtureRequest) -> ReadHead:
    return typing.cast("ReadHead", request.param)


class Read(typing.NamedTuple):
    """What came of reading some bytes."""

    informational: list[int]
    head: ResponseHead | None
    body: bytes
    trailers: list[tuple[bytes, bytes]]
    complete: bool
    reusable: bool


def read_pieces(read_head: ReadHead, pieces: typing.Iterable[bytes], method: str = "GET") -> Read:
    """Feed `pieces` one after the other, `b""` being the close, and collect what comes out."""
    reader = ResponseReader(read_head, method, "example.org:80")
    informational: list[int] = []
    head: ResponseHead | None = None
    body = b""
    queue = list(pieces)
    while True:
        event: Event = reader.next_event()
        if event is NEED_DATA:
            if not queue:
                return Read(informational, head, body, [], False, False)
            reader.feed(queue.pop(0))
        elif isinstance(event, InformationalHead):
            informational.append(event.status)
        elif isinstance(event, ResponseHead):
            head = event
        elif isinstance(event, bytes):
            body += event
        else:
            assert isinstance(event, EndOfMessage)
            for left in queue:
                reader.feed(left)
            reusable = reader.reusable and not any(queue)
            return Read(informational, head, body, event.trailers, True, reusable)


def read(read_head: ReadHead, data: bytes, method: str = "GET", closes: bool = False) -> Read:
    """Read `data` whole and byte by byte, which has to give the same."""
    end = [b""] if closes else []
    whole = read_pieces(read_head, [data, *end], method)
    single = [data[i : i + 1] for i in range(len(data))]
    assert read_pieces(read_head, [*single, *end], method) == whole
    return whole


def refused(read_head: ReadHead, data: bytes, method: str = "GET", closes: bool = False) -> str:
    """Check that `data` is refused, whole and byte by byte, and return the message."""
    end = [b""] if closes else []
    single = [data[i : i + 1] for i in range(len(data))]
    with pytest.raises(RemoteProtocolError):
        read_pieces(read_head, [*single, *end], method)
    with pytest.raises(RemoteProtocolError) as caught:
        read_pieces(read_head, [data, *end], method)
    assert "example.org:80" in str(caught.value)
    return str(caught.value)


def test_length_body(read_head: ReadHead) -> None:
    """A body ends after Content-Length bytes, and the connection is kept."""
    got = read(read_head, OK + b"Content-Length: 5\r\nX-Case: Kept\r\n\r\nhello")
    fields = [(b"Content-Length", b"5"), (b"X-Case", b"Kept")]
    assert got.head is not None
    assert dataclasses.astuple(got.head)[:4] == (200, b"OK", fields, "HTTP/1.1")
    assert (got.body, got.complete, got.reusable) == (b"hello", True, True)


def test_chunked_body_with_trailers(read_head: ReadHead) -> None:
    """A chunked body ends with its last chunk; what follows is in the trailers."""
    data = (
        OK + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nX-Sum: 1\r\n\r\n"
    )
    got = read(read_head, data)
    assert (got.body, got.trailers, got.reusable) == (b"abcde", [(b"X-Sum", b"1")], True)


def test_body_until_close(read_head: ReadHead) -> None:
    """Without framing the body ends with the connection."""
    got = read(read_head, OK + b"\r\nhello", closes=True)
    assert (got.body, got.complete, got.reusable) == (b"hello", True, False)


def test_empty_body(read_head: ReadHead) -> None:
    """Content-Length 0 ends at once."""
    assert read(read_head, OK + b"Content-Length: 0\r\n\r\n").reusable


@pytest.mark.parametrize(
    ("fields", "reusable"),
    [
        (b"Connection: close\r\n", False),
        (b"Connection: CLOSE\r\n", False),
        (b"Connection: keep-alive, Close\r\n", False),
        (b"Connection: foo\r\nConnection: close\r\n", False),
        (b"Connection: enclosed\r\n", True),
    ],
)
def test_cn6_connection_options(read_head: ReadHead, fields: bytes, reusable: bool) -> None:
    """`close`, in any case and place, ends the connection; a word that holds it does not."""
    got = read(read_head, OK + b"Content-Length: 0\r\n" + fields + b"\r\n")
    assert got.reusable is reusable


@pytest.mark.parametrize(
    ("field", "reusable"), [(b"", False), (b"Connection: Keep-Alive\r\n", True)]
)
def test_cn6_http_10(read_head: ReadHead, field: bytes, reusable: bool) -> None:
    """HTTP/1.0 keeps the connection only where it says so."""
    got = read(read_head, b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n" + field + b"\r\nok")
    assert (got.body, got.reusable) == (b"ok", reusable)


@pytest.mark.parametrize(
    ("value", "hint", "left"),
    [
        (b"timeout=2, max=3", 2.0, 3),
        (b"timeout=0", None, None),
        (b"timeout=-1", None, None),
        (b"timeout=x, max=y", None, None),
        (b"TIMEOUT=5", 5.0, None),
        (b"max=0", None, 0),
        (b"timeout=99999999999", None, None),
    ],
)
def test_cn7_keep_alive_hints(
    read_head: ReadHead, value: bytes, hint: float | None, left: int | None
) -> None:
    """`Keep-Alive: timeout=, max=` is read; what makes no sense is ignored."""
    reader = ResponseReader(read_head, "GET", "peer")
    reader.feed(OK + b"Content-Length: 0\r\nKeep-Alive: " + value + b"\r\n\r\n")
    reader.next_event()
    assert (reader.keepalive_hint, reader.requests_left) == (hint, left)


@pytest.mark.parametrize("unit", [b"<", b";", b",", b"=", b'"', b"timeout=1,", b"timeout=1;"])
def test_hd13_keep_alive_of_64_kib(read_head: ReadHead, unit: bytes) -> None:
    """No exception, and no time worth speaking of."""
    field = b"Keep-Alive: " + unit * (65536 // len(unit)) + b"\r\n"

    def call() -> None:
        assert read_pieces(read_head, [OK + field + b"Content-Length: 0\r\n\r\n"]).complete

    assert_takes_no_time(call)


def test_fr1_length_and_chunked(read_head: ReadHead) -> None:
    """Both framings: the chunks count, or nothing does, and the connection is not used again."""
    data = OK + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
    try:
        got = read_pieces(read_head, [data])
    except RemoteProtocolError:
        return
    assert (got.body, got.reusable) == (b"hello", False)


@pytest.mark.parametrize(
    "fields", [b"Content-Length: 5\r\nContent-Length: 6", b"Content-Length: 5, 6"]
)
def test_fr2_two_different_lengths(read_head: ReadHead, fields: bytes) -> None:
    """Two different lengths are refused."""
    refused(read_head, OK + fields + b"\r\n\r\nhello!")


@pytest.mark.parametrize(
    "fields", [b"Content-Length: 5\r\nContent-Length: 5", b"Content-Length: 5, 5"]
)
def test_fr2_equal_lengths(read_head: ReadHead, fields: bytes) -> None:
    """A length that is there twice counts once, or is refused."""
    try:
        got = read(read_head, OK + fields + b"\r\n\r\nhello")
    except RemoteProtocolError:
        return
    assert (got.body, got.complete) == (b"hello", True)


@pytest.mark.parametrize(
    "value",
    [
        b"+5",
        b"-5",
        b"0x5",
        b"5_0",
        b"5;a",
        b"",
        "\u0665".encode(),
        "\u00b2".encode("latin-1"),
        b"%d" % 2**70,
        b"1" * 5000,
    ],
)
def test_fr3_malformed_length(read_head: ReadHead, value: bytes) -> None:
    """A Content-Length that is no decimal number of a sane size is refused, and soon."""
    data = OK + b"Content-Length: " + value + b"\r\n\r\nhello"
    refused(read_head, data)

    def call() -> None:
        with pytest.raises(RemoteProtocolError):
            read_pieces(read_head, [data])

    assert_takes_no_time(call)


@pytest.mark.parametrize(
    "value",
    [
        b"xchunked",
        b'"chunked"',
        b"\x0bchunked",
        b"chunked, gzip",
        b"chunked, chunked",
        b"chunked;a=b",
    ],
)
def test_fr4_odd_transfer_codings(read_head: ReadHead, value: bytes) -> None:
    """A transfer coding other than chunked, once, is refused."""
    refused(read_head, OK + b"Transfer-Encoding: " + value + b"\r\n\r\n0\r\n\r\n", closes=True)


def test_fr5_http_10_with_chunks(read_head: ReadHead) -> None:
    """Chunks from HTTP/1.0 are read or refused, and the connection is not used again."""
    data = (
        b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"2\r\nok\r\n0\r\n\r\n"
    )
    try:
        got = read_pieces(read_head, [data])
    except RemoteProtocolError:
        return
    assert (got.body, got.reusable) == (b"ok", False)


@pytest.mark.parametrize(
    "size", [b"zz", b"-1", b"+5", b"0x5", b"5_0", b"", b"1" * 17 + b"f", b"fffffffffffffffff"]
)
def test_fr6_malformed_chunk_size(read_head: ReadHead, size: bytes) -> None:
    """A chunk size that is no hexadecimal number of a sane size is refused."""
    data = OK + b"Transfer-Encoding: chunked\r\n\r\n" + size + b"\r\nhello\r\n0\r\n\r\n"
    refused(read_head, data, closes=True)


def test_fr7_chunk_without_end(read_head: ReadHead) -> None:
    """Chunk data that is not followed by CR LF is refused."""
    refused(read_head, OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhelloXX0\r\n\r\n")


@pytest.mark.parametrize("line", [b"2\n", b"2;a\nb\r\n", b"2;a\rb\r\n", b"2\r"])
def test_fr8_bare_line_ends_in_a_size_line(read_head: ReadHead, line: bytes) -> None:
    """A bare LF or CR never ends a chunk size line."""
    data = OK + b"Transfer-Encoding: chunked\r\n\r\n" + line + b"ok\r\n0\r\n\r\n"
    try:
        got = read_pieces(read_head, [data, b""])
    except RemoteProtocolError:
        return
    assert got.body == b"ok"
    assert b"\r\n" in line


def test_fr9_endless_extension(read_head: ReadHead) -> None:
    """A size line without end is refused before it fills the memory."""
    start = OK + b"Transfer-Encoding: chunked\r\n\r\n5;"
    pieces = [start] + [b"a" * 4096] * (DEFAULT_RESPONSE_LIMITS.max_chunk_framing_bytes // 4096 + 2)
    with pytest.raises(RemoteProtocolError):
        read_pieces(read_head, pieces)


def test_fr9_more_framing_than_data(read_head: ReadHead) -> None:
    """Chunks of one byte with 4 KiB of extension each are refused after a while."""
    start = OK + b"Transfer-Encoding: chunked\r\n\r\n"
    one = b"1;" + b"a" * 4096 + b"\r\nx\r\n"
    with pytest.raises(RemoteProtocolError, match="chunk framing"):
        read_pieces(read_head, [start] + [one] * 1000)


def test_fr10_endless_trailers(read_head: ReadHead) -> None:
    """Trailers without end are refused."""
    start = OK + b"Transfer-Encoding: chunked\r\n\r\n0\r\n"
    pieces = [start] + [b"X-Trailer: " + b"a" * 4000 + b"\r\n"] * 100
    with pytest.raises(RemoteProtocolError):
        read_pieces(read_head, pieces)


def test_fr10_trailers_have_no_force(read_head: ReadHead) -> None:
    """Framing fields and cookies in trailers stay there."""
    trailers = b"Content-Length: 99\r\nTransfer-Encoding: chunked\r\nSet-Cookie: a=b\r\n"
    data = OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n" + trailers + b"\r\n"
    got = read(read_head, data)
    assert (got.body, len(got.trailers)) == (b"ok", 3)
    assert got.head is not None
    assert len(got.head.headers) == 1


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"Content-Length: 10\r\n\r\nhello", "5 of 10"),
        (b"Transfer-Encoding: chunked\r\n\r\n5\r\nhel", "3 bytes"),
        (b"Transfer-Encoding: chunked\r\n\r\n5", "0 bytes"),
        (b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", "5 bytes"),
    ],
)
def test_fr11_cut_short(read_head: ReadHead, data: bytes, says: str) -> None:
    """A body that stops in the middle is never taken for a whole one; the message counts bytes."""
    assert says in refused(read_head, OK + data, closes=True)


def test_fr12_close_before_the_last_line_end(read_head: ReadHead) -> None:
    """A close between the last chunk and its line end gives the body, unusable, or an error."""
    refused(read_head, OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n", closes=True)


@pytest.mark.parametrize("framing", [b"Content-Length: 5\r\n", b"Transfer-Encoding: chunked\r\n"])
@pytest.mark.parametrize(("status", "method"), [(b"204", "GET"), (b"304", "GET"), (b"200", "HEAD")])
def test_fr14_no_body(read_head: ReadHead, framing: bytes, status: bytes, method: str) -> None:
    """204, 304 and answers to HEAD have no body, whatever they announce."""
    got = read(read_head, b"HTTP/1.1 " + status + b" X\r\n" + framing + b"\r\n", method)
    assert (got.body, got.complete, got.reusable) == (b"", True, True)


@pytest.mark.parametrize(
    ("response", "method"),
    [
        (b"HTTP/1.1 204 No Content\r\n\r\n", "GET"),
        (b"HTTP/1.1 304 Not Modified\r\n\r\n", "GET"),
        (OK + b"Content-Length: 5\r\n\r\n", "HEAD"),
        (OK + b"Content-Length: 2\r\n\r\nok", "GET"),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", "GET"),
    ],
)
def test_fr15_bytes_behind_the_end(read_head: ReadHead, response: bytes, method: str) -> None:
    """A second response behind the first belongs to nobody."""
    got = read_pieces(read_head, [response + OK + b"Content-Length: 3\r\n\r\nbad"], method)
    assert got.complete
    assert not got.reusable
    assert b"bad" not in got.body


def test_fr17_many_small_chunks(read_head: ReadHead) -> None:
    """20,000 chunks of one byte give 20,000 bytes; four times as many take four times as long."""
    start = OK + b"Transfer-Encoding: chunked\r\n\r\n"

    def seconds(count: int) -> float:
        elapsed = []
        for _ in range(2):
            started = time.thread_time()
            got = read_pieces(read_head, [start + b"1\r\nx\r\n" * count + b"0\r\n\r\n"])
            elapsed.append(time.thread_time() - started)
            assert got.body == b"x" * count
        return min(elapsed)

    assert seconds(20_000) < 8 * seconds(5_000) + 0.2


def test_fr17_cut_anywhere(read_head: ReadHead) -> None:
    """Each byte in a packet of its own, and line ends that are cut in two, give the same body."""
    start = OK + b"Transfer-Encoding: chunked\r\n\r\n"
    chunks = b"1\r\nx\r\n" * 500
    assert read(read_head, start + chunks + b"0\r\n\r\n").body == b"x" * 500
    pieces = [start, b"1\r", *[b"\nx\r", b"\n1\r"] * 500, b"\nx\r", b"\n0\r\n\r", b"\n"]
    assert read_pieces(read_head, pieces).body == b"x" * 501


def test_fr18_announced_size_is_not_allocated(read_head: ReadHead) -> None:
    """A length of 8 TiB costs nothing until bytes arrive."""
    got = read(read_head, OK + b"Content-Length: 8796093022208\r\n\r\nx")
    assert (got.body, got.complete) == (b"x", False)


@pytest.mark.parametrize(
    ("line", "status", "reason"),
    [
        (b"HTTP/1.1 200", 200, b""),
        (b"HTTP/1.1 200 ", 200, b""),
        (b"HTTP/1.1 299 Odd", 299, b"Odd"),
        (b"HTTP/1.1 599 " + b"x" * 600, 599, b"x" * 600),
        (b"HTTP/1.1 418 \xe9t\xe9", 418, b"\xe9t\xe9"),
    ],
)
def test_hd1_status_lines(read_head: ReadHead, line: bytes, status: int, reason: bytes) -> None:
    """Reasons may be missing, long or Latin-1, and codes unknown."""
    got = read(read_head, line + b"\r\nContent-Length: 0\r\n\r\n")
    assert got.head is not None
    assert (got.head.status, got.head.reason) == (status, reason)


@pytest.mark.parametrize(
    "data", [b"\x15\x03\x01\x00\x02\x02\x46", b"\x15\x03\x03\x00\x02\x02\x28\r\n"]
)
def test_tl10_an_alert_of_tls(read_head: ReadHead, data: bytes) -> None:
    """Plain HTTP on a port for https is told as that, before the reset that follows."""
    with pytest.raises(RemoteProtocolError) as caught:
        read_pieces(read_head, [data])
    assert str(caught.value) == (
        f"example.org:80 answered plain HTTP with an alert of TLS, {repr(data)[1:]}; "
        "is the URL to begin with https?"
    )


@pytest.mark.parametrize(
    "data",
    [
        b"<html><body>hello</body></html>\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.0\r\n\r\n",
        b"\x15\x03\x01\x00\x02\x02\x28\r\n\r\n",
        b"\x00\x00\x12\x04\x00\x00\x00\x00\x00\r\n\r\n",
        b"ICY 200 OK\r\n\r\n",
        b"HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n",
    ],
)
def test_hd2_no_status_line(read_head: ReadHead, data: bytes) -> None:
    """What is no status line is refused, with its start, escaped."""
    message = refused(read_head, data, closes=True)
    assert repr(data[:40])[1:] in message
    assert message.isprintable()


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.1 20 OK\r\n\r\n",
        b"HTTP/1.1 099 OK\r\n\r\n",
        b"HTTP/1.1 2000 OK\r\n\r\n",
        b"HTTP/1.1 +20 OK\r\n\r\n",
        b"HTTP/1.1 abc OK\r\n\r\n",
        "HTTP/1.1 \u0662\u0660\u0660 OK\r\n\r\n".encode(),
    ],
)
def test_hd3_no_status_code(read_head: ReadHead, data: bytes) -> None:
    """A code has three digits, of ASCII, and is not below 100."""
    assert repr(data[:40])[1:] in refused(read_head, data, closes=True)


@pytest.mark.parametrize(
    "piece", [b"a" * 8192, b"X: y\r\n" * 1000, b"X: y\r\n folded\r\n" * 500, b"\r\n" * 4096]
)
def test_hd4_endless_head(read_head: ReadHead, piece: bytes) -> None:
    """A head that never ends is refused, and no more than the limit was held."""
    start = b"" if piece.startswith(b"\r\n") else OK
    count = DEFAULT_RESPONSE_LIMITS.max_head_bytes // len(piece) + 9
    with holding_less_than(4 * 1024 * 1024), pytest.raises(RemoteProtocolError):
        read_pieces(read_head, [start, *[piece] * count])


def test_hd4_too_many_fields(read_head: ReadHead) -> None:
    """More than 1,000 fields are refused."""
    refused_head = OK + b"X: y\r\n" * 1001 + b"Content-Length: 0\r\n\r\n"
    with pytest.raises(RemoteProtocolError, match="header fields"):
        read_pieces(read_head, [refused_head])


def test_hd5_large_heads(read_head: ReadHead) -> None:
    """A value of 60 KiB and 200 fields, 100 KiB in all, are accepted."""
    fields = b"Long: " + b"v" * 60 * 1024 + b"\r\n" + (b"X: " + b"y" * 200 + b"\r\n") * 200
    head = OK + fields + b"Content-Length: 2\r\n\r\nok"
    assert len(head) > 100 * 1024
    for pieces in ([head], [head[:50_000], head[50_000:]]):
        got = read_pieces(read_head, pieces)
        assert got.body == b"ok"
        assert got.head is not None
        assert (len(got.head.headers), len(got.head.headers[0][1])) == (202, 60 * 1024)


def test_hd6_folded_value(read_head: ReadHead) -> None:
    """A folded value is joined by one space, or refused."""
    try:
        got = read(read_head, OK + b"X: a\r\n   b\r\nContent-Length: 0\r\n\r\n")
    except RemoteProtocolError:
        return
    assert got.head is not None
    assert got.head.headers[0] == (b"X", b"a b")


@pytest.mark.parametrize(
    "folded",
    [
        b"Content-Length:\r\n 5",
        b"Content-Length: 5\r\n 6",
        b"Content-Length: 5\r\n\t",
        b"Transfer-Encoding:\r\n chunked",
        b"Transfer-Encoding: chunked\r\n , gzip",
    ],
)
def test_hd6_folded_framing(read_head: ReadHead, folded: bytes) -> None:
    """Folded framing is read in the one way that its joined value has, or refused."""
    body = b"hello" if b"Content" in folded else b"5\r\nhello\r\n0\r\n\r\n"
    try:
        got = read(read_head, OK + folded + b"\r\n\r\n" + body)
    except RemoteProtocolError:
        return
    assert folded[-3:] not in (b"\n 6", b"zip")
    assert (got.body, got.complete) == (b"hello", True)


@pytest.mark.parametrize(
    "field",
    [b"X: a\rb", b"X: a\x00b", b"X: a\x01b", b"X: a\x7fb", b"X\x00: a", b"X\r: a", b"X: \x0b"],
)
def test_hd7_controls(read_head: ReadHead, field: bytes) -> None:
    """Control characters in names and values are refused."""
    refused(read_head, OK + field + b"\r\nContent-Length: 0\r\n\r\n")


def test_ck9_controls_in_a_cookie(read_head: ReadHead) -> None:
    """A cookie with control characters is left out, and nothing else with it."""
    fields = b"Set-Cookie: a=1\r\nset-cookie: b=\x01\r\nSet-Cookie: c=\x7f\r\nX: 1\r\n"
    got = read(read_head, OK + fields + b"Content-Length: 2\r\n\r\nok")
    assert got.head is not None
    assert got.head.headers[:2] == [(b"Set-Cookie", b"a=1"), (b"X", b"1")]
    assert got.body == b"ok"
    refused(read_head, OK + fields + b"Y: \x01\r\nContent-Length: 0\r\n\r\n")


def test_hd7_controls_in_the_reason(read_head: ReadHead) -> None:
    """Control characters in the reason are refused."""
    refused(read_head, b"HTTP/1.1 200 O\x01K\r\nContent-Length: 0\r\n\r\n")


@pytest.mark.parametrize("field", [b"X : a", b"X Y: a", b"no colon", b": a", b" X: a", b'"X": a'])
def test_hd8_malformed_names(read_head: ReadHead, field: bytes) -> None:
    """A name that is no token is refused."""
    refused(read_head, OK + field + b"\r\nContent-Length: 0\r\n\r\n")


def test_hd9_bytes_over_127(read_head: ReadHead) -> None:
    """Values keep their raw bytes."""
    got = read(read_head, OK + b"X: \xff\xc3\xa9\r\nContent-Length: 0\r\n\r\n")
    assert got.head is not None
    assert got.head.headers[0] == (b"X", b"\xff\xc3\xa9")


@pytest.mark.parametrize("framing", [b"Content-Length: 5", b"Transfer-Encoding: chunked"])
def test_hd11_informational_responses(read_head: ReadHead, framing: bytes) -> None:
    """Three 1xx, framing fields in them and all, and then the response."""
    early = b"HTTP/1.1 103 Early Hints\r\n" + framing + b"\r\nLink: <a>\r\n\r\n"
    got = read(read_head, early * 3 + OK + b"Content-Length: 2\r\n\r\nok")
    assert (got.informational, got.body) == ([103, 103, 103], b"ok")
    assert got.head is not None
    assert len(got.head.headers) == 1


def test_hd12_informational_for_ever(read_head: ReadHead) -> None:
    """64 responses of 1xx are passed over, the 65th is refused."""
    early, final = b"HTTP/1.1 103 X\r\n\r\n", OK + b"Content-Length: 0\r\n\r\n"
    assert read_pieces(read_head, [early * 64 + final]).complete
    with pytest.raises(RemoteProtocolError, match="informational"):
        read_pieces(read_head, [early * 65 + final])


def test_hd12_unasked_upgrade(read_head: ReadHead) -> None:
    """101 without having been asked for is refused."""
    refused(read_head, b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n")


@pytest.mark.parametrize("rest", [b"Early\0Hints\r\n\r\n", b"Early Hints\r\nLink: \x01\r\n\r\n"])
def test_hd12_controls_in_informational(read_head: ReadHead, rest: bytes) -> None:
    """They are no better there than in a final response."""
    refused(read_head, b"HTTP/1.1 103 " + rest + b"HTTP/1.1 204 No Content\r\n\r\n")


@pytest.mark.parametrize("before", [b"", b"HTTP/1.1 103 Early Hints\r\n\r\n"])
@pytest.mark.parametrize("junk", [b"e\r\n\r\n", b"\r\n\r\n", b"\n\n", b"HTTP/1.1\n\n", b"1\n"])
def test_hd12_short_junk_before_a_response(read_head: ReadHead, before: bytes, junk: bytes) -> None:
    """It is not skipped, where a response may begin or behind an informational one."""
    refused(read_head, before + junk + OK + b"Content-Length: 0\r\n\r\n", closes=True)


def test_hd12_close_after_informational(read_head: ReadHead) -> None:
    """A close behind a 1xx is an error."""
    refused(read_head, b"HTTP/1.1 100 Continue\r\n\r\n", closes=True)


def test_cn5_no_response_at_all(read_head: ReadHead) -> None:
    """A close before any byte says that there was no response."""
    assert "without sending a response" in refused(read_head, b"", closes=True)


def test_truncated_tls_message(read_head: ReadHead) -> None:
    """TL8: a body that ends with the connection says what a missing close_notify means."""
    reader = ResponseReader(read_head, "GET", "peer")
    reader.feed(OK + b"\r\nhello")
    assert isinstance(reader.next_event(), ResponseHead)
    assert reader.next_event() == b"hello"
    assert "close_notify after 5 bytes" in str(reader.truncated())


def test_request_head() -> None:
    """A request line, the fields as they are, and an empty line."""
    head = request_head("GET", b"/a?b", b"Host: h\r\nX-Y: z\r\n\r\n")
    assert head == b"GET /a?b HTTP/1.1\r\nHost: h\r\nX-Y: z\r\n\r\n"


def test_chunk() -> None:
    """A chunk has its size in hexadecimal, and what it is made of is not copied."""
    data = memoryview(b"x" * 26)
    parts = chunk(data)
    assert b"".join(parts) == b"1a\r\n" + b"x" * 26 + b"\r\n"
    assert parts[1] is data


@settings(max_examples=150, deadline=None)
@given(
    data=st.one_of(
        st.binary(max_size=200),
        st.binary(max_size=100).map(lambda tail: OK + b"Transfer-Encoding: chunked\r\n\r\n" + tail),
        st.binary(max_size=100).map(lambda tail: OK + tail),
    ),
    read_head=st.sampled_from(ENGINES),
)
def test_garbage_gives_a_response_or_an_error(data: bytes, read_head: ReadHead) -> None:
    """Any bytes give a response or RemoteProtocolError, the same whole and byte by byte."""

    def outcome(pieces: list[bytes]) -> object:
        try:
            return read_pieces(read_head, [*pieces, b""])
        except RemoteProtocolError:
            return "refused"

    assert outcome([data] if data else []) == outcome([data[i : i + 1] for i in range(len(data))])


@pytest.mark.parametrize(
    "fields", [b"", b"Content-Length: 5\r\n", b"Transfer-Encoding: chunked\r\n"]
)
def test_px2_answer_to_connect(read_head: ReadHead, fields: bytes) -> None:
    """A 2xx to CONNECT ends with its head, whatever it announces; what follows is kept."""
    reader = ResponseReader(read_head, "CONNECT", "p:8080")
    reader.feed(OK + fields + b"\r\n\x16\x03\x01")
    head = reader.next_event()
    assert isinstance(head, ResponseHead)
    assert reader.rest == b"\x16\x03\x01"
    assert isinstance(reader.next_event(), EndOfMessage)


def test_px1_refused_connect(read_head: ReadHead) -> None:
    """Any other answer to CONNECT has its body."""
    data = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno"
    assert read_pieces(read_head, [data], "CONNECT").body == b"no"


@pytest.mark.parametrize(
    "data", [b"SSH-2.0-OpenSSH_9.0\r\n", b"220 mail ESMTP\r\n", b"\x00\x00\x12\x04"]
)
def test_hd2_a_server_that_speaks_first(read_head: ReadHead, data: bytes) -> None:
    """Another protocol is refused at once: its server would wait for us to answer."""
    message = refused(read_head, data)
    assert message.startswith("example.org:80 sent what is no HTTP/1.1 response")
    assert message.endswith(f"; it starts {repr(data)[1:]}")


@pytest.mark.parametrize("data", [b"H", b"HTTP", b"HTTP/1.1 2"])
def test_the_start_of_a_head(read_head: ReadHead, data: bytes) -> None:
    """What may become a response is waited for."""
    reader = ResponseReader(read_head, "GET", "example.org:80")
    reader.feed(data)
    assert reader.next_event() is NEED_DATA
