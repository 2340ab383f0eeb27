"""Bytes to frames: sizes, padding, header blocks in several frames."""

from __future__ import annotations

import hypothesis
import pytest
from hyperframe import frame as hyperframe
from hypothesis import strategies as st

from httpcore.wire import http2_frames as frames
from httpcore.wire.http2_frames import (
    MAX_BLOCK_FRAMES,
    MAX_FRAME_BYTES,
    ConnectionViolation,
    Frame,
    FrameSplitter,
    build_frame,
)


def split(data: bytes) -> list[Frame]:
    return list(FrameSplitter(256 * 1024).split(data))


def code_of(data: bytes) -> int:
    """The error code for what violates the rules."""
    with pytest.raises(ConnectionViolation) as caught:
        split(data)
    assert str(caught.value) == caught.value.what
    return caught.value.code


def test_build_frame() -> None:
    """What we build, others can read."""
    frame = hyperframe.PingFrame(0, b"12345678", flags=["ACK"])
    assert build_frame(frames.PING, frames.ACK, 0, b"12345678") == frame.serialize()
    large = hyperframe.DataFrame(7, bytes(70_000))
    assert build_frame(frames.DATA, 0, 7, bytes(70_000)) == large.serialize()


def test_split() -> None:
    """The frames that are complete, without the reserved bit of the stream id."""
    data = build_frame(frames.DATA, 1, 3, b"abc") + build_frame(99, 255, 2**31 + 5)
    assert split(data + data[:11]) == [(0, 1, 3, b"abc", 3), (99, 255, 5, b"", 0)]


@hypothesis.settings(max_examples=100, deadline=None)
@hypothesis.given(
    st.lists(
        st.tuples(st.sampled_from([2, 10, 77]), st.binary(min_size=5, max_size=5)), max_size=9
    ),
    st.data(),
)
def test_cuts_do_not_matter(wanted: list[tuple[int, bytes]], draw: st.DataObject) -> None:
    """However the bytes are cut, the frames are the same."""
    data = b"".join(build_frame(kind, 0, 1, payload) for kind, payload in wanted)
    cuts = sorted(draw.draw(st.lists(st.integers(0, len(data)), max_size=9)))
    splitter = FrameSplitter(256 * 1024)
    seen = []
    for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True):
        seen += [(kind, payload) for kind, _, _, payload, _ in splitter.split(data[start:end])]
    assert seen == wanted


def test_frame_that_is_too_large() -> None:
    """It is refused by its header."""
    assert split(build_frame(0, 0, 1, bytes(MAX_FRAME_BYTES)))
    assert code_of(build_frame(0, 0, 1, bytes(MAX_FRAME_BYTES + 1))[:9]) == frames.FRAME_SIZE_ERROR


def test_padding() -> None:
    """It is taken away, but counts (section 6.1)."""
    padded = build_frame(frames.DATA, frames.PADDED, 1, b"\x02ab\0\0")
    assert split(padded) == [(0, frames.PADDED, 1, b"ab", 5)]
    only_padding = build_frame(frames.DATA, frames.PADDED, 1, b"\x02\0\0")
    assert split(only_padding) == [(0, frames.PADDED, 1, b"", 3)]
    no_padding = build_frame(frames.DATA, frames.PADDED, 1, b"\0a")
    assert split(no_padding) == [(0, frames.PADDED, 1, b"a", 2)]


def test_priority() -> None:
    """It is taken from HEADERS; in DATA the flag means nothing (section 6.2)."""
    flags = frames.END_HEADERS | frames.PADDED | frames.HAS_PRIORITY
    (head,) = split(build_frame(frames.HEADERS, flags, 1, b"\x01priorblock\0"))
    assert head[3] == b"block"
    (data,) = split(build_frame(frames.DATA, frames.HAS_PRIORITY, 1, b"12345678"))
    assert data[3] == b"12345678"


@pytest.mark.parametrize(
    ("kind", "flags", "payload", "code"),
    [
        (frames.DATA, frames.PADDED, b"", frames.FRAME_SIZE_ERROR),
        (frames.DATA, frames.PADDED, b"\x01", frames.PROTOCOL_ERROR),
        (frames.HEADERS, frames.PADDED | 4, b"\x05abcd", frames.PROTOCOL_ERROR),
        (frames.HEADERS, frames.HAS_PRIORITY | 4, b"1234", frames.PROTOCOL_ERROR),
        (frames.HEADERS, frames.HAS_PRIORITY | 12, b"\x0112345", frames.PROTOCOL_ERROR),
    ],
)
def test_wrong_padding(kind: int, flags: int, payload: bytes, code: int) -> None:
    """Padding, and priority, have to fit in."""
    assert code_of(build_frame(kind, flags, 1, payload)) == code


@pytest.mark.parametrize(
    ("kind", "size"),
    [
        (frames.PRIORITY, 4),
        (frames.RST_STREAM, 5),
        (frames.SETTINGS, 7),
        (frames.PING, 9),
        (frames.GOAWAY, 7),
        (frames.WINDOW_UPDATE, 3),
    ],
)
def test_wrong_size(kind: int, size: int) -> None:
    """Frames of fixed size have no other (section 6)."""
    assert code_of(build_frame(kind, 0, 0, bytes(size))) == frames.FRAME_SIZE_ERROR


def test_settings_ack_with_payload() -> None:
    """There is nothing to say in it (section 6.5)."""
    assert split(build_frame(frames.SETTINGS, 0, 0, bytes(6)))
    assert code_of(build_frame(frames.SETTINGS, frames.ACK, 0, bytes(6))) == frames.FRAME_SIZE_ERROR


@pytest.mark.parametrize(
    ("kind", "size"), [(frames.SETTINGS, 6), (frames.PING, 8), (frames.GOAWAY, 8)]
)
def test_frames_about_the_connection(kind: int, size: int) -> None:
    """They are about no stream."""
    assert split(build_frame(kind, 0, 0, bytes(size)))
    assert code_of(build_frame(kind, 0, 1, bytes(size))) == frames.PROTOCOL_ERROR


def test_header_block_in_several_frames() -> None:
    """It comes as one, with the flags of its first frame (section 6.10)."""
    block = [
        build_frame(frames.HEADERS, frames.END_STREAM | frames.PADDED, 1, b"\x01a\0"),
        build_frame(frames.CONTINUATION, 0, 1, b"b"),
        build_frame(frames.CONTINUATION, frames.END_HEADERS, 1, b"c"),
    ]
    after = build_frame(frames.HEADERS, frames.END_HEADERS, 3, b"d")
    first, second = split(b"".join([*block, after]))
    assert first[:4] == (frames.HEADERS, frames.END_STREAM | frames.PADDED, 1, b"abc")
    assert second[:4] == (frames.HEADERS, frames.END_HEADERS, 3, b"d")


@pytest.mark.parametrize(
    "between",
    [
        build_frame(frames.PING, 0, 0, bytes(8)),
        build_frame(frames.CONTINUATION, 4, 3, b""),
        build_frame(frames.HEADERS, 4, 1, b""),
        build_frame(99, 0, 1, b""),
    ],
)
def test_interrupted_header_block(between: bytes) -> None:
    """Nothing may come between its frames, not even what nobody knows."""
    assert code_of(build_frame(frames.HEADERS, 0, 1, b"") + between) == frames.PROTOCOL_ERROR


def test_continuation_of_nothing() -> None:
    """It has to continue something."""
    assert code_of(build_frame(frames.CONTINUATION, 4, 1, b"")) == frames.PROTOCOL_ERROR


def test_h2_8_limits_of_header_blocks() -> None:
    """H2.8: few frames, few bytes."""
    start = build_frame(frames.HEADERS, 0, 1, b"")
    more = build_frame(frames.CONTINUATION, 0, 1, b"")
    end = build_frame(frames.CONTINUATION, 4, 1, b"")
    assert split(start + more * (MAX_BLOCK_FRAMES - 2) + end)
    assert code_of(start + more * (MAX_BLOCK_FRAMES - 1) + end) == frames.ENHANCE_YOUR_CALM
    large = build_frame(frames.CONTINUATION, 0, 1, bytes(MAX_FRAME_BYTES))
    assert code_of(start + large * 17) == frames.ENHANCE_YOUR_CALM
