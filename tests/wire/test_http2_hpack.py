"""HPACK that remembers: it has to give what plain HPACK gives, whatever came before."""

from __future__ import annotations

import typing

import hpack
import hypothesis
import pytest
from hypothesis import strategies as st

from httpcore.aliases import RawHeaders
from httpcore.wire.http2_hpack import (
    MAX_BLOCK_BYTES,
    MAX_RESULTS,
    RequestEncoder,
    ResponseDecoder,
)

LIMIT = 256 * 1024

FIELDS = st.lists(
    st.tuples(
        st.sampled_from([b"a", b"b", b"long-name", b":path", b"content-type"]),
        st.sampled_from([b"", b"1", b"2", b"x" * 40, b"y" * 3000, b"z" * 5000, b"text/html"]),
    ),
    max_size=7,
)
SIZES = st.sampled_from([0, 100, 1000, 4096])


def decoded(decoder: hpack.Decoder, block: bytes) -> RawHeaders:
    return [(name, value) for name, value in typing.cast("RawHeaders", decoder.decode(block, True))]


@hypothesis.settings(max_examples=100, deadline=None)
@hypothesis.given(st.lists(FIELDS | SIZES, max_size=25))
def test_encoder(steps: list[RawHeaders | int]) -> None:
    """Any decoder understands what comes out, also when the table changes its size."""
    encoder, decoder = RequestEncoder(), hpack.Decoder()
    for step in steps:
        if isinstance(step, int):
            encoder.header_table_size = step
            assert encoder.header_table_size == step
        else:
            assert decoded(decoder, encoder.encode(step)) == step


def test_changes_of_size_between_two_blocks() -> None:
    """Two are told of any number, the smallest and the last one (RFC 7541 section 4.2)."""
    encoder = RequestEncoder()
    for size in [100, 4096, 0, 4096] * 100 + [1000]:
        encoder.header_table_size = size
    assert encoder.encode([(b":method", b"GET")]) == b"\x20\x3f\xc9\x07\x82"
    for size in (100, 4096, 0):
        encoder.header_table_size = size
    assert encoder.encode([(b":method", b"GET")]) == b"\x20\x82"


@hypothesis.settings(max_examples=100, deadline=None)
@hypothesis.given(st.lists(FIELDS | SIZES, max_size=25), st.integers(1, 4))
def test_decoder(steps: list[RawHeaders | int], repetitions: int) -> None:
    """It understands what any encoder gives, and keeps in step with it."""
    encoder, decoder = hpack.Encoder(), ResponseDecoder(LIMIT)
    for step in steps:
        for _ in range(repetitions):
            if isinstance(step, int):
                if step != encoder.header_table_size:  # see RequestEncoder
                    encoder.header_table_size = step
            else:
                assert decoder.decode_block(encoder.encode(step)) == step


@hypothesis.settings(max_examples=100, deadline=None)
@hypothesis.given(
    st.lists(
        st.sampled_from(
            [
                b"\x40\x01a\x01b",  # inserts a: b
                b"\x00\x01a\x01b",  # does not
                b"\xbe",  # the newest entry
                b"\xbf\xbe",
                b"\x20\xbe",  # a table of size 0
                b"\x3f\xe1\x1f\xbe",  # a table of size 4096
                b"\x20\x3f\xe1\x1f",
                b"\x3f\x01\x40\x01a\x01b",  # a table of size 32, into which it does not fit
                b"\x40\x01c\x7f\x81\x27" + b"d" * 5120,  # larger than any table
                b"\x80",
                b"\xff",
            ]
        ),
        max_size=20,
    )
)
def test_decoder_of_odd_blocks(blocks: list[bytes]) -> None:
    """Whatever blocks a peer makes: fields, errors and the table are the same as without memory."""
    plain, ours = hpack.Decoder(LIMIT), ResponseDecoder(LIMIT)
    for block in blocks:
        try:
            wanted = decoded(plain, block)
        except hpack.HPACKError:
            with pytest.raises(hpack.HPACKError):
                ours.decode_block(block)
            return
        assert ours.decode_block(block) == wanted
        assert ours.header_table.dynamic_entries == plain.header_table.dynamic_entries
        assert ours.header_table.maxsize == plain.header_table.maxsize


def test_equal_requests_are_encoded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """From the third time on; another path leaves the rest as it is."""
    count = 0
    add = hpack.Encoder.add

    def counted(*args: typing.Any) -> bytes:
        nonlocal count
        count += 1
        return add(*args)

    monkeypatch.setattr(hpack.Encoder, "add", counted)
    encoder = RequestEncoder()
    rest = [(b"accept", b"*/*"), (b"user-agent", b"x"), (b"accept-encoding", b"gzip")]

    def encode(path: bytes) -> int:
        nonlocal count
        count = 0
        pseudo = [(b":method", b"GET"), (b":scheme", b"https"), (b":authority", b"example.org")]
        encoder.encode([*pseudo, hpack.NeverIndexedHeaderTuple(b":path", path), *rest])
        return count

    assert [encode(b"/one") for _ in range(4)][2:] == [0, 0]
    assert encode(b"/two") == 4
    assert encode(b"/one") == 0


def test_what_is_remembered_is_bounded() -> None:
    """Neither many results nor large blocks are kept."""
    decoder = ResponseDecoder(LIMIT)
    for number in range(3 * MAX_RESULTS):
        decoder.decode_block(b"\x00\x01a" + bytes([3]) + b"%03d" % number)
        assert len(decoder._memory._results) <= MAX_RESULTS
    large = b"\x00\x01a\x7f\x81\x0f" + b"d" * MAX_BLOCK_BYTES
    assert decoder.decode_block(large) == [(b"a", b"d" * MAX_BLOCK_BYTES)]
    assert large not in decoder._memory._results
