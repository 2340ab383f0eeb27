"""HTTP/2 without a socket: what becomes of streams and connection, whatever the peer sends."""

from __future__ import annotations

import itertools
import typing

import hpack
import hypothesis
import pytest
from hyperframe import frame as hyperframe
from hypothesis import strategies as st

from httpcore.aliases import RawHeaders
from httpcore.exceptions import LocalProtocolError, ReadError, RemoteProtocolError
from httpcore.response_limits import DEFAULT_RESPONSE_LIMITS
from httpcore.wire import http2_output, http2_streams
from httpcore.wire.http2 import HTTP2State
from httpcore.wire.http2_fields import request_fields
from httpcore.wire.http2_stream import Stream
from httpcore.wire.http2_windows import CONNECTION_WINDOW_BYTES, STREAM_WINDOW_BYTES
from tests.memory import holding_less_than
from tests.servers import h2_server
from tests.servers.h2_server import Code, Frames, parse_frames

PEER = "example.org:443"


class Session:
    """A state, and the server's frames for it; what the state sends is collected in `sent`."""

    def __init__(self, settings: dict[int, int] | None = {}) -> None:  # noqa: B006
        self.server = Frames()
        self.state = HTTP2State(PEER, now=0.0)
        self.sent: list[typing.Any] = []
        if settings is not None:
            self.receive(self.server.settings(settings))

    def receive(self, *frames: bytes, now: float = 0.0) -> list[Stream]:
        """Receive frames; returns the streams that this changed."""
        self.state.receive(b"".join(frames), now)
        return self.state.take_changed()

    def take(self) -> list[typing.Any]:
        """The frames that are sent now."""
        frames = parse_frames(bytes(self.state.take_output()))
        self.sent += frames
        return frames

    def open(
        self, method: str = "GET", end_stream: bool = True, headers: RawHeaders | None = None
    ) -> Stream:
        """Send a request."""
        fields = request_fields(method, "https", b"/", [(b"Host", b"a"), *(headers or [])])
        stream = self.state.open_stream(method, fields, end_stream)
        assert stream is not None
        return stream

    def upload(self, stream: Stream, data: bytes, end_stream: bool = True) -> int:
        return self.state.send_data(stream, memoryview(data), end_stream)


def kinds(frames: list[typing.Any]) -> list[str]:
    return [type(frame).__name__.removesuffix("Frame") for frame in frames]


def resets(frames: list[typing.Any]) -> dict[int, int]:
    """Which streams are reset in `frames`, with which code."""
    return {
        frame.stream_id: frame.error_code
        for frame in frames
        if isinstance(frame, hyperframe.RstStreamFrame)
    }


def went_away(session: Session) -> int:
    """The code of the GOAWAY that is all that is sent."""
    (frame,) = session.take()
    assert isinstance(frame, hyperframe.GoAwayFrame)
    return frame.error_code


def message(stream: Stream, kind: type[Exception] = RemoteProtocolError) -> str:
    assert type(stream.error) is kind
    return str(stream.error)


# Beginning.


def test_preface() -> None:
    """No push, our window and limits, one WINDOW_UPDATE; nothing that is not ours to say."""
    session = Session(settings=None)
    assert bytes(session.state.take_output()).startswith(h2_server.PREFACE)
    session = Session(settings=None)
    settings, update = session.take()
    assert isinstance(settings, hyperframe.SettingsFrame)
    assert settings.settings[h2_server.ENABLE_PUSH] == 0
    assert settings.settings[h2_server.INITIAL_WINDOW_SIZE] == STREAM_WINDOW_BYTES
    assert (
        settings.settings[h2_server.MAX_HEADER_LIST_SIZE] == DEFAULT_RESPONSE_LIMITS.max_head_bytes
    )
    assert h2_server.MAX_CONCURRENT_STREAMS not in settings.settings
    assert isinstance(update, hyperframe.WindowUpdateFrame)
    assert update.stream_id == 0
    assert session.take() == []


def test_one_exchange() -> None:
    """A request goes out in one frame; head, body and end come back."""
    session = Session()
    session.take()
    stream = session.open()
    (head,) = session.take()
    assert isinstance(head, hyperframe.HeadersFrame)
    assert set(head.flags) == {"END_STREAM", "END_HEADERS"}
    server = session.server
    assert session.receive(server.head(1, 200, [("server", "x")])) == [stream]
    assert (stream.status, stream.headers, stream.ended) == (200, [(b"server", b"x")], False)
    assert session.receive(server.data(1, b"he")) == [stream]
    assert session.receive(server.data(1, b"llo", end_stream=True)) == [stream]
    assert session.state.take_body(stream) == (b"hello", False)
    assert (stream.ended, stream.error, stream.trailers) == (True, None, [])
    assert session.state.active == 0
    assert session.take() == []


def test_byte_by_byte() -> None:
    """Where the network cuts does not matter."""
    session = Session(settings=None)
    stream = session.open()
    server = session.server
    padding = server.frame(h2_server.DATA, h2_server.PADDED, 1, b"\x03body\0\0\0")
    for byte in (
        server.settings()
        + server.head(1, 103)
        + server.head(1, 200)
        + padding
        + server.fields(1, [("x-trailer", "t")], end_stream=True)
    ):
        session.receive(bytes([byte]))
    assert session.state.take_body(stream) == (b"body", False)
    assert stream.trailers == [(b"x-trailer", b"t")]
    assert stream.ended


def test_many_streams_at_once() -> None:
    """Answers come in any order, each to its own stream."""
    session = Session()
    streams = [session.open() for _ in range(50)]
    for stream in reversed(streams):
        assert session.receive(session.server.response(stream.id, b"%d" % stream.id)) == [stream]
    for stream in streams:
        assert session.state.take_body(stream)[0] == b"%d" % stream.id


def test_h2_18_http11_answer() -> None:
    """H2.18: what is no HTTP/2 is shown, however it is cut."""
    for step in (1, 100):
        session = Session(settings=None)
        stream = session.open()
        answer = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"
        for start in range(0, len(answer), step):
            session.receive(answer[start : start + step])
        assert "starts 'HTTP/1.1 " in message(stream)
        assert session.state.capacity == 0


def test_h2_18_end_of_connection() -> None:
    """H2.18: a server that closes at once is said to have done so."""
    session = Session(settings=None)
    stream = session.open()
    session.state.receive_end()
    assert "closed the connection instead" in message(stream)


@pytest.mark.parametrize("kind", [h2_server.DATA, h2_server.WINDOW_UPDATE])
def test_settings_come_first(kind: int) -> None:
    """Any other first frame is no HTTP/2 (RFC 9113 section 3.4)."""
    session = Session(settings=None)
    session.open()
    session.take()
    session.receive(session.server.frame(kind, 0, 1, bytes(4)))
    assert went_away(session) == Code.PROTOCOL_ERROR


# The end of connections.


@pytest.mark.parametrize("last_id", [0, 1])
def test_h2_1_goaway(last_id: int) -> None:
    """H2.1: streams above the last id were not processed; the others go on to their end."""
    session = Session()
    first, second = session.open(), session.open("POST", end_stream=False)
    changed = session.receive(session.server.goaway(last_id))
    assert session.state.capacity == 0
    assert session.state.open_stream("GET", [], True) is None
    assert second in changed
    assert second.refused
    assert second.stopped
    assert session.upload(second, b"x") == 0
    assert "takes no more requests on this connection (GOAWAY, NO_ERROR)" in message(second)
    session.receive(session.server.response(1, b"one"))
    if last_id:
        assert session.state.take_body(first)[0] == b"one"
    else:
        assert first.refused
    assert not session.state.closed


def test_h2_1_graceful_goaway() -> None:
    """H2.1: a first GOAWAY with the highest id announces the second one with the real id."""
    session = Session()
    first, second = session.open(), session.open()
    session.receive(session.server.goaway(2**31 - 1))
    assert (first.error, second.error, session.state.capacity) == (None, None, 0)
    session.receive(session.server.goaway(1))
    assert second.refused
    session.receive(session.server.response(1))
    assert (first.ended, first.error) == (True, None)


def test_goaway_that_wants_http11() -> None:
    """HTTP_1_1_REQUIRED says what to do instead."""
    session = Session()
    stream = session.open()
    session.receive(session.server.goaway(0, Code.HTTP_1_1_REQUIRED))
    assert stream.refused
    assert stream.needs_http11


def test_h2_2_goaway_with_error() -> None:
    """H2.2: the code and the start of what it says, escaped."""
    session = Session()
    stream = session.open()
    uploaded = session.open("POST", end_stream=False)
    session.receive(session.server.response(3))
    debug = b"too\nmany \xff requests" + bytes(16_000)
    session.receive(session.server.goaway(3, Code.ENHANCE_YOUR_CALM, debug))
    assert "GOAWAY, ENHANCE_YOUR_CALM: too\\nmany \\xff requests\\x00" in message(stream)
    assert len(message(stream)) < 300
    assert not stream.refused
    assert session.state.closed
    assert (uploaded.ended, uploaded.error, uploaded.stopped) == (True, None, True)


def test_goaway_with_unknown_code() -> None:
    """Codes that no RFC knows are shown as numbers."""
    session = Session()
    stream = session.open()
    session.receive(session.server.goaway(1, 0xABC))
    assert "(GOAWAY, error 0xabc)" in message(stream)


def test_goaway_after_complete_response() -> None:
    """An upload whose response has come needs no error."""
    session = Session()
    stream = session.open("POST", end_stream=False)
    session.receive(session.server.response(1), session.server.goaway(0))
    assert (stream.error, stream.stopped) == (None, True)


def test_connection_lost() -> None:
    """Each stream gets an error of its own, with the cause; complete responses get none."""
    session = Session()
    streams = [session.open(), session.open()]
    done = session.open("POST", end_stream=False)
    session.receive(session.server.response(5, b"done"))
    cause = ReadError("it broke")
    session.state.receive_end(cause)
    errors = [stream.error for stream in streams]
    assert errors[0] is not errors[1]
    assert [(type(error), str(error)) for error in errors] == [(ReadError, "it broke")] * 2
    assert errors[0] is not None
    assert errors[0].__cause__ is cause
    assert (done.error, session.state.take_body(done)) == (None, (b"done", False))


def test_connection_closed_in_the_middle() -> None:
    """What is missing is said."""
    session = Session()
    first, second = session.open(), session.open()
    session.receive(session.server.head(3), session.server.data(3, b"12345"))
    session.state.receive_end()
    assert message(first) == f"{PEER} closed the connection before the head of the response"
    assert message(second) == f"{PEER} closed the connection after 5 bytes of the body"
    assert session.state.take_body(second) == (b"12345", False)


def test_nothing_counts_after_the_end() -> None:
    """What arrives behind the connection's end changes nothing."""
    session = Session()
    session.take()
    session.receive(session.server.ping(b"1"), session.server.ping())
    assert went_away(session) == Code.FRAME_SIZE_ERROR
    assert session.receive(session.server.ping(), session.server.settings()) == []
    assert session.take() == []


def test_h2_14_stream_ids_run_out() -> None:
    """H2.14: the last id is used, then the connection takes no more."""
    session = Session()
    session.state._next_id = 2**31 - 1
    stream = session.open()
    assert session.state.capacity == 0
    session.receive(session.server.response(stream.id, b"last"))
    assert session.state.take_body(stream)[0] == b"last"


# The end of streams.


def test_h2_3_refused_stream() -> None:
    """H2.3: REFUSED_STREAM before any answer means that nothing was done."""
    session = Session()
    first, second, third = session.open(), session.open(), session.open()
    server = session.server
    session.receive(server.reset(1, Code.REFUSED_STREAM), server.head(3))
    session.receive(server.reset(3, Code.REFUSED_STREAM))
    session.receive(server.reset(5, Code.HTTP_1_1_REQUIRED))
    assert (first.refused, second.refused, third.refused) == (True, False, True)
    assert third.needs_http11
    assert "reset the stream with REFUSED_STREAM before the head" in message(first)
    assert session.state.active == 0


def test_h2_3_cancel_in_the_body() -> None:
    """H2.3: an error behind what has come; the other streams go on."""
    session = Session()
    first, second = session.open(), session.open()
    server = session.server
    session.receive(server.head(1), server.data(1, b"abc"), server.reset(1, Code.CANCEL))
    assert session.state.take_body(first) == (b"abc", False)
    assert message(first) == f"{PEER} reset the stream with CANCEL after 3 bytes of the body"
    session.receive(server.response(3, b"two"))
    assert session.state.take_body(second)[0] == b"two"


def test_h2_3_no_error_after_complete_response() -> None:
    """H2.3: then the rest of the request is not wanted, and all is well (section 8.1)."""
    session = Session()
    stream = session.open("POST", end_stream=False)
    session.receive(session.server.response(1, b"ok"))
    assert session.state.active == 1
    assert session.receive(session.server.reset(1, Code.NO_ERROR)) == [stream]
    assert (stream.error, stream.stopped, stream.ended) == (None, True, True)
    assert session.upload(stream, b"more") == 0


def test_reset_by_us() -> None:
    """A stream that we give up is reset once; what still comes for it is dropped."""
    session = Session()
    stream = session.open()
    session.receive(session.server.head(1), session.server.data(1, b"abc"))
    session.take()
    session.state.reset(stream, Code.CANCEL)
    session.state.reset(stream, Code.CANCEL)
    assert resets(session.take()) == {1: Code.CANCEL}
    server = session.server
    late = [server.data(1, b"late"), server.fields(1, [("x", "y")], True), server.reset(1, 0)]
    assert session.receive(*late, server.window_update(1, 5)) == []
    assert session.take() == []
    assert session.state.take_body(stream) == (b"", False)
    again = session.open()
    session.receive(server.response(3, b"x", fields=[("x", "y")]))
    assert again.headers == [(b"x", b"y")]


def test_h2_16_credit_for_what_comes_too_late() -> None:
    """H2.16: DATA for streams that were reset counts for the connection's window only."""
    session = Session()
    size, count = 60_000, 1_200
    assert size * count > CONNECTION_WINDOW_BYTES
    for _ in range(count):
        stream = session.open()
        session.state.reset(stream, Code.CANCEL)
        session.receive(session.server.data(stream.id, bytes(size)))
        session.state.take_output()
    stream = session.open()
    session.receive(session.server.response(stream.id, b"works"))
    assert session.state.take_body(stream)[0] == b"works"


# Responses that are wrong: an error of their stream alone.

WRONG: dict[str, typing.Callable[[Frames], list[bytes]]] = {
    "upper case": lambda server: [server.head(1, 200, [("Upper", "x")])],
    "connection field": lambda server: [server.head(1, 200, [("connection", "close")])],
    "line feed": lambda server: [server.head(1, 200, [("a", "b\nc: d")])],
    "two statuses": lambda server: [server.head(1, 200, [(":status", "200")])],
    "late status": lambda server: [server.fields(1, [("a", "b"), (":status", "200")])],
    "status abc": lambda server: [server.fields(1, [(":status", "abc")])],
    "no status": lambda server: [server.fields(1, [("a", "b")])],
    "empty head": lambda server: [server.fields(1, [])],
    "101": lambda server: [server.head(1, 101)],
    "data first": lambda server: [server.data(1, b"x")],
    "only 103": lambda server: [server.head(1, 103, end_stream=True)],
    "65 times 103": lambda server: [server.head(1, 103)] * 65,
    "length abc": lambda server: [server.head(1, 200, [("content-length", "abc")])],
    "two lengths": lambda server: [
        server.head(1, 200, [("content-length", "1"), ("content-length", "2")])
    ],
    "too short": lambda server: [server.response(1, b"9 bytes..", 200, [("content-length", "10")])],
    "too long": lambda server: [
        server.head(1, 200, [("content-length", "10")]),
        server.data(1, b"11 bytes..."),
    ],
    "no body": lambda server: [server.head(1, 200, [("content-length", "10")], end_stream=True)],
    "204 with body": lambda server: [server.response(1, b"x", 204)],
    "field section in the body": lambda server: [server.head(1), server.fields(1, [("a", "b")])],
    "pseudo-header as trailer": lambda server: [
        server.head(1),
        server.fields(1, [(":status", "200")], end_stream=True),
    ],
    "window update of 0": lambda server: [server.window_update(1, 0)],
    "window too large": lambda server: [server.window_update(1, 2**31 - 1)],
}


OF_OTHER_ROWS = {
    "H2.7": ["window update of 0", "window too large"],
    "H2.12": ["length abc", "two lengths", "too short", "too long", "no body", "204 with body"],
    "H2.13": ["101", "data first", "only 103", "65 times 103"],
}
OF_H2_11 = sorted(WRONG.keys() - set(itertools.chain(*OF_OTHER_ROWS.values())))


@pytest.mark.parametrize("name", OF_H2_11)
def test_h2_11_malformed_response(name: str) -> None:
    """Fields that HTTP/2 does not have, and statuses that are none."""
    check_stream_error(name)


@pytest.mark.parametrize("name", OF_OTHER_ROWS["H2.7"])
def test_h2_7_window_of_a_stream(name: str) -> None:
    """Credit that makes no sense is an error of its stream."""
    check_stream_error(name)


@pytest.mark.parametrize("name", OF_OTHER_ROWS["H2.12"])
def test_h2_12_lengths_that_are_wrong(name: str) -> None:
    """A body that is shorter or longer than its Content-Length, or whose length is no number."""
    check_stream_error(name)


@pytest.mark.parametrize("name", OF_OTHER_ROWS["H2.13"])
def test_h2_13_out_of_order(name: str) -> None:
    """101, a body before its head, and 1xx without an end."""
    check_stream_error(name)


def check_stream_error(name: str) -> None:
    """The stream is reset, with an error; the others go on."""
    session = Session()
    wrong, right = session.open(), session.open()
    session.take()
    assert wrong in session.receive(*WRONG[name](session.server))
    assert PEER in message(wrong)
    assert list(resets(session.take())) == [1]
    assert session.receive(session.server.response(3, b"fine")) == [right]
    assert session.state.take_body(right)[0] == b"fine"
    assert not session.state.closed


def test_h2_12_lengths_that_are_right() -> None:
    """H2.12: HEAD and 304 have a length and no body; ten bytes are ten bytes."""
    session = Session()
    length = [("content-length", "10")]
    streams = [session.open("HEAD"), session.open(), session.open(), session.open("HEAD")]
    session.receive(
        session.server.head(1, 200, length, end_stream=True),
        session.server.head(3, 304, length, end_stream=True),
        session.server.response(5, b"ten bytes.", 200, [*length, *length]),
        session.server.response(7, b"", 200, length),
    )
    assert all(stream.ended and stream.error is None for stream in streams)


def test_h2_13_informational_responses_and_trailers() -> None:
    """H2.13: three 103, then 200 with trailers."""
    session = Session()
    stream = session.open()
    server = session.server
    session.receive(*[server.head(1, 103, [("link", "</a>")])] * 3)
    assert (stream.status, stream.may_continue) == (None, False)
    session.receive(server.head(1, 100))
    assert stream.may_continue
    session.receive(server.head(1), server.data(1, b"x"))
    session.receive(server.fields(1, [("digest", "abc")], end_stream=True))
    assert (stream.status, stream.trailers, stream.ended) == (200, [(b"digest", b"abc")], True)


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (lambda server: server.data(1, b"x"), Code.STREAM_CLOSED),
        (lambda server: server.data(1, b"", True), Code.STREAM_CLOSED),
        (lambda server: server.fields(1, [("a", "b")]), Code.STREAM_CLOSED),
        (lambda server: server.window_update(1, 0), Code.PROTOCOL_ERROR),
        (lambda server: server.window_update(1, 2**31 - 1), Code.FLOW_CONTROL_ERROR),
    ],
)
def test_more_behind_the_end(make: typing.Callable[[Frames], bytes], code: int) -> None:
    """What is wrong behind the end of a response, while we still send, leaves it complete."""
    session = Session()
    stream = session.open("POST", end_stream=False)
    session.receive(session.server.response(1, b"complete"))
    session.take()
    assert session.receive(make(session.server)) == [stream]
    assert resets(session.take()) == {1: code}
    assert (stream.ended, stream.stopped, stream.error) == (True, True, None)
    assert session.upload(stream, b"x") == 0
    assert session.state.take_body(stream) == (b"complete", False)
    assert not session.state.closed


# What breaks the connection.

BREAKING: dict[str, tuple[int, typing.Callable[[Frames], list[bytes]]]] = {
    "push": (
        Code.PROTOCOL_ERROR,
        lambda server: [server.frame(h2_server.PUSH_PROMISE, 4, 1, b"\0\0\0\2")],
    ),
    "enable push": (Code.PROTOCOL_ERROR, lambda server: [server.settings({2: 1})]),
    "frame size 16383": (Code.PROTOCOL_ERROR, lambda server: [server.settings({5: 16383})]),
    "huge window": (Code.FLOW_CONTROL_ERROR, lambda server: [server.settings({4: 2**31})]),
    "window update of 0": (Code.PROTOCOL_ERROR, lambda server: [server.window_update(0, 0)]),
    "window too large": (
        Code.FLOW_CONTROL_ERROR,
        lambda server: [server.window_update(0, 2**31 - 1)],
    ),
    "windows too large": (
        Code.FLOW_CONTROL_ERROR,
        lambda server: [server.window_update(1, 2**31 - 1 - 65_535), server.settings({4: 65_536})],
    ),
    "large frame": (Code.FRAME_SIZE_ERROR, lambda server: [server.frame(0, 0, 1, bytes(16385))]),
    "too much data": (
        Code.FLOW_CONTROL_ERROR,
        lambda server: [server.head(1), server.data(1, bytes(STREAM_WINDOW_BYTES + 1))],
    ),
    "never opened": (Code.PROTOCOL_ERROR, lambda server: [server.data(5, b"x")]),
    "even stream": (Code.PROTOCOL_ERROR, lambda server: [server.head(2)]),
    "reset of stream 0": (Code.PROTOCOL_ERROR, lambda server: [server.reset(0, 8)]),
    "bad block": (Code.COMPRESSION_ERROR, lambda server: [server.frame(1, 4, 1, b"\xff\xff\xff")]),
    "cut integer": (Code.COMPRESSION_ERROR, lambda server: [server.frame(1, 4, 1, b"\x0f\xff")]),
    "bad block of a closed stream": (
        Code.COMPRESSION_ERROR,
        lambda server: [server.response(1), server.frame(1, 4, 1, b"\xff\xff\xff")],
    ),
    "interrupted block": (
        Code.PROTOCOL_ERROR,
        lambda server: [server.frame(1, 0, 1, b"\x88"), server.ping()],
    ),
    "priority of stream 0": (
        Code.PROTOCOL_ERROR,
        lambda server: [server.frame(h2_server.PRIORITY, 0, 0, bytes(5))],
    ),
    "ping of 7 bytes": (Code.FRAME_SIZE_ERROR, lambda server: [server.ping(b"1234567")]),
}


OF_ROWS = {
    "H2.6": ["frame size 16383", "huge window"],
    "H2.7": [
        *("window update of 0", "window too large", "windows too large"),
        *("large frame", "too much data"),
    ],
    "H2.10": ["push", "enable push"],
}


@pytest.mark.parametrize("name", sorted(BREAKING.keys() - set(itertools.chain(*OF_ROWS.values()))))
def test_connection_error(name: str) -> None:
    """Frames and header blocks that are malformed, or have no business to be there."""
    check_connection_error(name)


@pytest.mark.parametrize("name", OF_ROWS["H2.6"])
def test_h2_6_settings_that_are_none(name: str) -> None:
    """Values beyond what the RFC allows."""
    check_connection_error(name)


@pytest.mark.parametrize("name", OF_ROWS["H2.7"])
def test_h2_7_window_of_the_connection(name: str) -> None:
    """Credit that makes no sense, more data than was allowed, a frame that is too large."""
    check_connection_error(name)


@pytest.mark.parametrize("name", OF_ROWS["H2.10"])
def test_h2_10_push(name: str) -> None:
    """We said that we take none."""
    check_connection_error(name)


def check_connection_error(name: str) -> None:
    """All streams get an error, GOAWAY says why, nothing goes on."""
    code, make = BREAKING[name]
    session = Session()
    stream = session.open()
    session.take()
    session.receive(*make(session.server))
    assert session.state.closed
    assert session.state.capacity == 0
    if not stream.ended:
        assert PEER in message(stream)
        assert " at 0x" not in message(stream)
    assert went_away(session) == code


# Floods.


@pytest.mark.parametrize(
    "make",
    [
        lambda server: server.ping(),
        lambda server: server.settings(),
        lambda server: server.settings({3: 100, 999: 1}),
        lambda server: server.settings(flags=1),
        lambda server: server.data(1),
        lambda server: server.frame(0, 8, 1, b"\0"),
        lambda server: server.frame(2, 0, 1, bytes(5)),
        lambda server: server.frame(99, 0, 1, b"x"),
        lambda server: server.window_update(0, 1),
        lambda server: server.goaway(2**31 - 1),
    ],
)
def test_h2_9_floods(make: typing.Callable[[Frames], bytes]) -> None:
    """H2.9: 100,000 frames that bring nothing end the connection, and little waits to be sent."""
    session = Session()
    stream = session.open()
    session.receive(session.server.head(1))
    session.take()
    frame = make(session.server)
    for _ in range(100):
        session.receive(frame * 1000)
    assert "frames that bring nothing" in message(stream)
    assert went_away(session) == Code.ENHANCE_YOUR_CALM


def test_h2_9_acknowledgements_are_capped() -> None:
    """H2.9: a peer that does not read does not fill memory with what it asked for."""
    session = Session()
    session.take()
    session.receive(session.server.ping() * DEFAULT_RESPONSE_LIMITS.max_empty_frames)
    assert not session.state.closed or len(session.state.take_output()) < 1_000_000
    assert len(session.state.take_output()) < 1_000_000


def test_credit_for_a_large_upload_is_no_flood() -> None:
    """It may come in small pieces, and all of it behind the end of the upload."""
    session = Session({h2_server.INITIAL_WINDOW_SIZE: 2**30})
    stream = session.open("POST", end_stream=False)
    for _ in range(DEFAULT_RESPONSE_LIMITS.max_empty_frames):
        session.receive(
            session.server.window_update(0, 4096), session.server.window_update(1, 4096)
        )
    assert (stream.error, session.state.closed) == (None, False)
    for _ in range(DEFAULT_RESPONSE_LIMITS.max_empty_frames + 1):
        session.receive(session.server.window_update(1, 1))
    assert "frames that bring nothing" in message(stream)


def test_slow_noise_is_no_flood() -> None:
    """A connection that is quiet but for a PING every now and then lives on."""
    session = Session()
    for minute in range(3):
        session.receive(session.server.ping() * 9_000, now=minute * 61.0)
        session.take()
    assert not session.state.closed
    assert session.state.last_received == 122.0


def test_noise_between_useful_frames_is_no_flood() -> None:
    """Uploads bring one or two WINDOW_UPDATEs for each DATA frame."""
    session = Session()
    stream = session.open("POST", end_stream=False)
    session.receive(session.server.window_update(1, 10_000_000))
    session.receive(session.server.window_update(0, 10_000_000))
    for _ in range(3):
        session.receive(session.server.window_update(0, 1) * 9_000)
        assert session.upload(stream, b"x", end_stream=False) == 1
        session.take()
    assert not session.state.closed


def test_h2_8_continuation_flood() -> None:
    """H2.8: 100,000 CONTINUATION frames are cut off early."""
    for size in (0, 1, 16_384):
        session = Session()
        stream = session.open()
        session.take()
        session.receive(session.server.frame(h2_server.HEADERS, 0, 1, b""))
        frame = session.server.frame(h2_server.CONTINUATION, 0, 1, bytes(size))
        with holding_less_than(1_000_000):
            for _ in range(100_000):
                session.receive(frame)
                if session.state.closed:
                    break
        assert "header block" in message(stream)
        assert went_away(session) == Code.ENHANCE_YOUR_CALM


def test_h2_8_hpack_bomb() -> None:
    """H2.8: 4 KiB that would become 16 MiB do not."""
    session = Session()
    stream = session.open()
    session.take()
    value = b"x" * 4000
    literal = b"\x40\x01a\x7f" + bytes([0x80 | (4000 - 127) & 0x7F, (4000 - 127) >> 7]) + value
    bomb = session.server.frame(h2_server.HEADERS, 4, 1, b"\x88" + literal + b"\xbe" * 4096)
    with holding_less_than(1_000_000):
        session.receive(bomb)
    assert f"more than {DEFAULT_RESPONSE_LIMITS.max_head_bytes} bytes" in message(stream)
    assert went_away(session) == Code.COMPRESSION_ERROR


# The peer's settings.


def test_h2_5_stream_limit() -> None:
    """H2.5: what the peer allows is the capacity; opening more is refused here."""
    session = Session(settings=None)
    assert session.state.capacity == http2_streams.ASSUMED_STREAMS
    session.receive(session.server.settings({h2_server.MAX_CONCURRENT_STREAMS: 2}))
    assert session.state.capacity == 2
    streams = [session.open(), session.open()]
    assert session.state.open_stream("GET", [], True) is None
    session.receive(session.server.response(1))
    assert session.state.open_stream("GET", [(b":method", b"GET")], True) is not None
    session.receive(session.server.settings({h2_server.MAX_CONCURRENT_STREAMS: 1}))
    assert session.state.capacity == 1
    session.receive(session.server.response(3, b"goes on"))
    assert session.state.take_body(streams[1])[0] == b"goes on"
    session.receive(session.server.settings({h2_server.MAX_CONCURRENT_STREAMS: 10_000}))
    assert session.state.capacity == http2_streams.MAX_STREAMS


def test_h2_5_no_streams_at_all() -> None:
    """H2.5: a peer that takes no streams is left for another connection, for good."""
    session = Session()
    stream = session.open()
    session.receive(session.server.settings({h2_server.MAX_CONCURRENT_STREAMS: 0}))
    assert session.state.capacity == 0
    session.receive(session.server.settings({h2_server.MAX_CONCURRENT_STREAMS: 100}))
    assert session.state.capacity == 0
    session.receive(session.server.response(1))
    assert (stream.ended, stream.error) == (True, None)


def sent(session: Session, headers: RawHeaders) -> list[typing.Any]:
    session.open(headers=headers)
    return session.take()


@pytest.mark.parametrize("size", [0, 2**32 - 1])
def test_h2_6_header_table_size(size: int) -> None:
    """H2.6: our encoder obeys, and does not use more memory than it likes."""
    session = Session({h2_server.HEADER_TABLE_SIZE: size})
    fields: RawHeaders = [(b"x-name", b"value" * 100)]
    session.take()
    sizes = [sum(len(frame.data) for frame in sent(session, fields)) for _ in range(2)]
    assert (sizes[1] < 100) is (size > 0)
    table = session.state._output._h2.encoder.header_table
    assert table.maxsize == min(size, http2_output.MAX_ENCODER_TABLE_BYTES)


def test_h2_6_header_table_size_twice_in_one_frame() -> None:
    """H2.6: 0 and then more again: the table is empty, and the next block says both sizes."""
    session = Session()
    decoder = hpack.Decoder()
    fields: RawHeaders = [(b"x-name", b"value")]
    assert fields[0] in list(decoder.decode(sent(session, fields)[-1].data, raw=True))
    sizes = session.server.settings({1: 0}) + session.server.settings({1: 4096})
    payload = sizes[9:15] + sizes[-6:]
    session.receive(session.server.frame(h2_server.SETTINGS, 0, 0, payload))
    block = sent(session, fields)[-1].data
    assert block.startswith(b"\x20\x3f\xe1\x1f")
    assert fields[0] in list(decoder.decode(block, raw=True))


def test_rq10_large_head() -> None:
    """RQ10: 60 KiB of fields go out in several frames; over the peer's limit they do not."""
    headers = [(b"x-%d" % n, b"v" * 1000) for n in range(60)]
    session = Session()
    session.take()
    session.open(headers=headers)
    frames = session.take()
    assert kinds(frames)[0] == "Headers"
    assert set(kinds(frames)[1:]) == {"Continuation"}
    assert all(len(frame.data) <= 16_384 for frame in frames)
    session = Session({h2_server.MAX_HEADER_LIST_SIZE: 50_000})
    with pytest.raises(LocalProtocolError, match=r"example.org:443 takes at most 50000 \(SETT"):
        session.open(headers=headers)
    assert session.state.active == 0
    session.open()


def test_unknown_settings_are_not_kept() -> None:
    """A peer cannot fill memory with settings that mean nothing."""
    session = Session()
    for start in range(0, 60_000, 2_000):
        session.receive(session.server.settings(dict.fromkeys(range(start + 10, start + 2_010), 1)))
    assert len(session.state._output._h2.remote_settings) < 10
    assert not session.state.closed


# Windows for what we send.


def test_upload_within_the_windows() -> None:
    """What the windows forbid waits, and goes out when they open."""
    session = Session({h2_server.INITIAL_WINDOW_SIZE: 10})
    stream = session.open("POST", end_stream=False)
    assert session.upload(stream, b"0123456789abcdef") == 10
    assert session.state.is_blocked(stream)
    session.take()
    assert session.receive(session.server.window_update(1, 4)) == [stream]
    assert not session.state.is_blocked(stream)
    assert session.upload(stream, b"abcdef") == 4
    assert session.receive(session.server.settings({h2_server.INITIAL_WINDOW_SIZE: 20})) == [stream]
    assert session.upload(stream, b"ef") == 2
    assert stream.sent_all
    frames = [frame for frame in session.take() if isinstance(frame, hyperframe.DataFrame)]
    assert [frame.data for frame in frames] == [b"abcd", b"ef"]
    assert "END_STREAM" in frames[-1].flags
    session.receive(session.server.window_update(1, 1))
    assert session.receive(session.server.response(1)) == [stream]
    assert session.state.active == 0


def test_h2_4_window_below_zero() -> None:
    """H2.4: a window that is cut below 0 has to come above 0 before anything goes out."""
    session = Session({h2_server.INITIAL_WINDOW_SIZE: 100})
    stream = session.open("POST", end_stream=False)
    assert session.upload(stream, bytes(80), end_stream=False) == 80
    session.receive(session.server.settings({h2_server.INITIAL_WINDOW_SIZE: 10}))
    assert session.upload(stream, bytes(100)) == 0
    session.receive(session.server.window_update(1, 70))
    assert session.upload(stream, bytes(100)) == 0
    session.receive(session.server.window_update(1, 100))
    assert session.upload(stream, bytes(100)) == 100
    assert stream.sent_all


def test_empty_end_needs_no_window() -> None:
    """The end of a body goes out through a closed window."""
    session = Session({h2_server.INITIAL_WINDOW_SIZE: 0})
    stream = session.open("POST", end_stream=False)
    assert session.upload(stream, b"x", end_stream=False) == 0
    assert session.upload(stream, b"") == 0
    assert stream.sent_all


def test_connection_window_wakes_all() -> None:
    """When the connection's window opens, all who wait for it try again."""
    session = Session({h2_server.INITIAL_WINDOW_SIZE: 2**31 - 1})
    streams = [session.open("POST", end_stream=False) for _ in range(3)]
    session.receive(session.server.window_update(0, 0x7FFF_FFFF - 65_535))
    large = bytes(http2_output.MAX_UNSENT_BYTES)
    assert session.upload(streams[0], large, end_stream=False) == len(large)
    assert session.upload(streams[1], b"x", end_stream=False) == 0  # so much waits to be sent
    session.take()
    assert session.state.take_changed() == [streams[1]]
    assert session.upload(streams[1], b"x") == 1
    session.take()
    session = Session()
    streams = [session.open("POST", end_stream=False) for _ in range(3)]
    assert session.upload(streams[0], bytes(65_536)) == 65_535
    assert session.upload(streams[1], b"x") == 0
    assert set(session.receive(session.server.window_update(0, 100))) == set(streams[:2])


def test_large_frames_where_the_peer_takes_them() -> None:
    """Frames are as large as the peer allows, but not so large that all others wait."""
    session = Session({h2_server.MAX_FRAME_SIZE: 2**24 - 1})
    stream = session.open("POST", end_stream=False)
    session.take()
    session.upload(stream, bytes(65_535))
    assert [len(frame.data) for frame in session.take()] == [65_535]


def test_response_before_the_end_of_the_request() -> None:
    """A stream ends when both sides have ended it."""
    session = Session()
    stream = session.open("POST", end_stream=False)
    session.receive(session.server.response(1, b"early"))
    assert session.state.active == 1
    session.upload(stream, b"rest")
    assert session.state.active == 0


# Windows for what we receive.


def test_h2_17_unread_body_holds_one_window() -> None:
    """H2.17: a body that nobody reads is stopped by its window, and another stream is not."""
    session = Session()
    unread, other = session.open(), session.open()
    server = session.server
    session.receive(server.head(1), server.data(1, bytes(STREAM_WINDOW_BYTES)))
    credits = [frame for frame in session.take() if isinstance(frame, hyperframe.WindowUpdateFrame)]
    assert [frame.stream_id for frame in credits] == [0]
    session.receive(server.head(3))
    total = 0
    while total < 2 * CONNECTION_WINDOW_BYTES:
        session.receive(server.data(3, bytes(256 * 1024)))
        total += len(session.state.take_body(other)[0])
        session.take()
    assert unread.buffered == STREAM_WINDOW_BYTES
    assert (unread.error, other.error) == (None, None)


def test_credit_for_padding() -> None:
    """Padding is given back at once: nobody will take it."""
    session = Session()
    session.open()
    session.receive(session.server.head(1))
    session.take()
    padded = session.server.frame(h2_server.DATA, h2_server.PADDED, 1, b"\xffx" + bytes(255))
    session.receive(padded * (STREAM_WINDOW_BYTES // 257 - 1))
    updates = [frame for frame in session.take() if isinstance(frame, hyperframe.WindowUpdateFrame)]
    assert [frame.stream_id for frame in updates] == [1]


def test_tiny_frames_make_large_pieces() -> None:
    """A body in frames of one byte does not cost an object for each."""
    session = Session()
    stream = session.open()
    session.receive(session.server.head(1), session.server.data(1, b"x") * 100_000)
    assert len(stream._pieces) < 10
    assert session.state.take_body(stream)[0] == b"x" * 100_000


def test_ping() -> None:
    """We ask for a sign of life, and give one."""
    session = Session()
    session.take()
    assert not session.state.has_output
    session.state.ping()
    assert session.state.has_output
    session.receive(session.server.ping(b"abcdefgh"))
    ours, answer = session.take()
    assert "ACK" not in ours.flags
    assert ("ACK" in answer.flags, answer.opaque_data) == (True, b"abcdefgh")
    session.receive(session.server.ping(flags=h2_server.ACK))
    assert session.take() == []


def test_stream_on_used_connection() -> None:
    """A stream knows whether the connection has carried a response before."""
    session = Session()
    first, second = session.open(), session.open()
    session.receive(session.server.response(1))
    assert [each.on_used_connection for each in (first, second)] == [False, False]
    assert session.open().on_used_connection


# Anything at all.


@hypothesis.settings(max_examples=150, deadline=None)
@hypothesis.given(
    st.lists(
        st.tuples(
            st.integers(0, 12),
            st.integers(0, 255),
            st.sampled_from([0, 1, 2, 3, 5, 7, 2**31 - 1]),
            st.binary(max_size=40),
        ),
        max_size=20,
    )
)
def test_nothing_raises(script: list[tuple[int, int, int, bytes]]) -> None:
    """Whatever frames come, each open stream gets an answer or an error, or stays open."""
    session = Session()
    streams = [session.open(), session.open("POST", end_stream=False), session.open("HEAD")]
    for kind, flags, stream_id, payload in script:
        for stream in session.receive(session.server.frame(kind, flags, stream_id, payload)):
            assert stream in streams
    for stream in streams:
        session.upload(stream, b"x") if not stream.sent_all else None
        session.state.take_body(stream)
        session.state.reset(stream, Code.CANCEL)
        if session.state.closed:
            assert stream.ended or stream.error is not None
    assert session.state.active == 0
    parse_frames(bytes(session.state.take_output()))


FRAMES: dict[str, typing.Callable[[Frames], bytes]] = {
    "head": lambda server: server.head(1, 200, [("a", "b")]),
    "early hints": lambda server: server.head(3, 103, [("link", "</a>")]),
    "trailers in the middle": lambda server: server.fields(1, [("a", "b")]),
    "data": lambda server: server.data(1, b"x" * 100),
    "data of a closed stream": lambda server: server.data(5, b"x" * 100),
    "padding": lambda server: server.frame(0, 8, 1, b"\x50" + bytes(80)),
    "head of a closed stream": lambda server: server.head(5, 200, [("c", "d" * 50)]),
    "end": lambda server: server.data(3, b"", True),
    "ping": lambda server: server.ping(),
    "settings": lambda server: server.settings({1: 4096, 4: 70_000, 999: 1}),
    "smaller table": lambda server: server.settings({1: 0}),
    "credit": lambda server: server.window_update(1, 1),
    "credit for all": lambda server: server.window_update(0, 1),
    "credit of a closed stream": lambda server: server.window_update(5, 1),
    "reset": lambda server: server.reset(3, 0),
    "goaway": lambda server: server.goaway(2**31 - 1, 0, b"x" * 50),
    "priority": lambda server: server.frame(2, 0, 3, bytes(5)),
    "unknown": lambda server: server.frame(99, 255, 7, b"x" * 50),
}


@hypothesis.settings(max_examples=50, deadline=None)
@hypothesis.given(st.lists(st.sampled_from(sorted(FRAMES)), min_size=1, max_size=6))
def test_h2_8_what_repeats_takes_no_memory(names: list[str]) -> None:
    """Whatever comes again and again, nothing is kept of it but the bodies that nobody took."""
    tracemalloc = pytest.importorskip("tracemalloc", reason="this Python counts no memory")
    session = Session()
    session.server.encoder.header_table_size = 0  # the same bytes each time
    streams = [session.open(), session.open("POST", end_stream=False), session.open()]
    session.state.reset(streams[2], Code.CANCEL)
    frames = b"".join(FRAMES[name](session.server) for name in names)

    def memory(repeats: int) -> int:
        """How much there is after so many more, without the bodies."""
        for _ in range(repeats):
            session.receive(frames)
            session.state.take_output()
        return tracemalloc.get_traced_memory()[0] - sum(stream.buffered for stream in streams)

    tracemalloc.start()
    try:
        before = memory(50)
        assert memory(200) < before + 8 * 1024
    finally:
        tracemalloc.stop()


@hypothesis.settings(max_examples=100, deadline=None)
@hypothesis.given(st.binary(max_size=400))
def test_no_bytes_raise(data: bytes) -> None:
    """Whatever bytes come."""
    session = Session(settings=None)
    stream = session.open()
    session.receive(data)
    session.state.receive_end()
    assert isinstance(stream.error, RemoteProtocolError)


@hypothesis.settings(max_examples=100, deadline=None)
@hypothesis.given(
    st.lists(st.tuples(st.integers(0, 2), st.integers(1, 40_000)), max_size=60),
    st.integers(0, 70_000),
)
def test_uploads_keep_to_the_windows(steps: list[tuple[int, int]], initial: int) -> None:
    """However windows move, no more is sent than allowed, nothing is lost, all goes out in time."""
    session = Session({h2_server.INITIAL_WINDOW_SIZE: initial})
    stream = session.open("POST", end_stream=False)
    left = memoryview(bytes(range(256)) * 400)
    window, connection = initial, 65_535
    received = b""
    for kind, size in [*steps, (0, 200_000), (1, 200_000), (2, 0)]:
        if kind == 0:
            session.receive(session.server.window_update(1, size))
            window += size
        elif kind == 1:
            session.receive(session.server.window_update(0, size))
            connection += size
        else:
            sent = session.state.send_data(stream, left, True)
            left = left[sent:]
            data = [frame for frame in session.take() if isinstance(frame, hyperframe.DataFrame)]
            received += b"".join(frame.data for frame in data)
            window -= sum(len(frame.data) for frame in data)
            connection -= sum(len(frame.data) for frame in data)
            assert min(window, connection) >= 0
            if stream.sent_all:
                break
            assert min(window, connection) <= 0
    assert received == bytes(range(256)) * 400
