"""How much the peer may send: nobody waits for others, memory is bounded, distance is bridged."""

from __future__ import annotations

import hypothesis
import pytest
from hypothesis import strategies as st

from httpcore.response_limits import DEFAULT_RESPONSE_LIMITS
from httpcore.wire import http2_windows as windows
from httpcore.wire.http2_frames import FLOW_CONTROL_ERROR, STREAM_CLOSED, ConnectionViolation
from httpcore.wire.http2_stream import Stream

MIB = 1024 * 1024


def new_stream(stream_id: int = 1) -> Stream:
    stream = Stream(stream_id, "GET", windows.STREAM_WINDOW_BYTES, False, DEFAULT_RESPONSE_LIMITS)
    stream.receive_fields([(b":status", b"200")], False)
    return stream


def keep_up(receive: windows.ReceiveWindows, stream: Stream, size: int) -> None:
    """Receive `size` bytes, each portion taken as it comes."""
    for _ in range(size // 65_536):
        receive.receive(65_536, stream)
        receive.stream_credit(stream, 65_536)
        receive.connection_credit()


def test_credit_comes_in_portions() -> None:
    """Half a window at a time, for stream and connection."""
    receive, stream = windows.ReceiveWindows(), new_stream()
    stream.buffered = 1  # its owner does not keep up
    credits = []
    for _ in range(32):
        receive.receive(MIB // 16, stream)
        credits.append(receive.stream_credit(stream, MIB // 16))
    assert [credit for credit in credits if credit] == [MIB // 2] * 4
    assert receive.connection_credit() == 0
    other = new_stream(3)
    other.window = 100 * MIB
    for _ in range(30):
        receive.receive(MIB, other)
    assert receive.connection_credit() == windows.CONNECTION_WINDOW_BYTES // 2
    assert receive.connection_credit() == 0


def test_windows_are_kept_to() -> None:
    """One byte more than a window allows is an error; of either."""
    receive, stream = windows.ReceiveWindows(), new_stream()
    receive.receive(windows.STREAM_WINDOW_BYTES, stream)
    with pytest.raises(ConnectionViolation, match="window of stream 1") as caught:
        receive.receive(1, stream)
    assert caught.value.code == FLOW_CONTROL_ERROR
    receive = windows.ReceiveWindows()
    stream = new_stream()
    stream.window = 2 * windows.CONNECTION_WINDOW_BYTES
    receive.receive(windows.CONNECTION_WINDOW_BYTES, stream)
    with pytest.raises(ConnectionViolation, match="connection's window"):
        receive.receive(1, stream)


def test_what_comes_too_late() -> None:
    """A stream that was reset may bring what its window allowed; one that ended, nothing."""
    receive, reset, ended = windows.ReceiveWindows(), new_stream(), new_stream(3)
    receive.receive(1000, reset)
    receive.forget(reset)
    receive.receive(windows.STREAM_WINDOW_BYTES - 1000, None)
    with pytest.raises(ConnectionViolation, match="for a stream that has ended") as caught:
        receive.receive(1, None)
    assert caught.value.code == STREAM_CLOSED
    receive = windows.ReceiveWindows()
    ended.receive_data(b"", True)
    receive.forget(ended)
    with pytest.raises(ConnectionViolation):
        receive.receive(1, None)


def test_window_grows_with_its_reader() -> None:
    """Who keeps up gets up to 16 MiB; who does not stays at 1."""
    receive, stream = windows.ReceiveWindows(), new_stream()
    keep_up(receive, stream, 64 * MIB)
    assert stream.granted == windows.MAX_STREAM_WINDOW_BYTES
    assert stream.window > windows.MAX_STREAM_WINDOW_BYTES // 2


def test_growth_is_bounded_and_given_back() -> None:
    """All streams together get so much; what ends leaves it to others."""
    receive = windows.ReceiveWindows()
    streams = [new_stream(2 * number + 1) for number in range(10)]
    for stream in streams:
        keep_up(receive, stream, 64 * MIB)
    growth = sum(stream.granted - windows.STREAM_WINDOW_BYTES for stream in streams)
    assert growth == windows.MAX_GROWTH_BYTES
    assert streams[-1].granted == windows.STREAM_WINDOW_BYTES
    receive.forget(streams[0])
    keep_up(receive, streams[-1], 64 * MIB)
    assert streams[-1].granted > windows.STREAM_WINDOW_BYTES


@hypothesis.settings(max_examples=100, deadline=None)
@hypothesis.given(st.lists(st.tuples(st.integers(0, 2), st.booleans(), st.integers(1, 400_000))))
def test_what_the_peer_knows_is_what_we_know(steps: list[tuple[int, bool, int]]) -> None:
    """Its windows are what it was granted, less what it sent; none is ever above its limit."""
    receive = windows.ReceiveWindows()
    streams = [new_stream(2 * number + 1) for number in range(3)]
    known = dict.fromkeys(streams, windows.STREAM_WINDOW_BYTES)
    connection = windows.CONNECTION_WINDOW_BYTES
    for number, is_taken, size in steps:
        stream = streams[number]
        if is_taken:
            taken = min(size, stream.buffered)
            stream.buffered -= taken
            known[stream] += receive.stream_credit(stream, taken)
        else:
            sent = min(size, known[stream], connection)
            receive.receive(sent, stream)
            stream.buffered += sent
            known[stream] -= sent
            connection -= sent
        connection += receive.connection_credit()
        assert known[stream] == stream.window
        assert stream.window + stream.buffered <= stream.granted
        assert stream.granted <= windows.MAX_STREAM_WINDOW_BYTES
        assert connection >= windows.CONNECTION_WINDOW_BYTES // 2
