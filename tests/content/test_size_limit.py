"""A bound on a body's size: what goes through, and when the error comes."""

from __future__ import annotations

import gzip

import pytest

from httpcore.content.decoders import ContentDecoder, decoder_for
from httpcore.content.size_limit import FREE_BYTES, ExpansionLimit, SizeLimit
from httpcore.exceptions import DecodingError


class Larger(Exception):
    pass


def limit(max_bytes: int, coding: str | None = None, declared: int | None = None) -> SizeLimit:
    return SizeLimit(decoder_for(coding), max_bytes, declared, Larger)


def test_up_to_the_limit():
    """All of it goes through, however it comes."""
    whole = limit(10)
    assert [*whole.decode(b"12345"), *whole.decode(b"67890")] == [b"12345", b"67890"]
    assert whole.flush() == ()
    assert [*limit(0).decode(b"")] == [b""]


def test_one_byte_more():
    """What was let through before is out; the piece with that byte is not."""
    strict = limit(10)
    assert [*strict.decode(b"1234567890")] == [b"1234567890"]
    with pytest.raises(Larger):
        next(strict.decode(b"1"))


def test_as_declared():
    """A body that is said to be too large is refused with its first byte."""
    with pytest.raises(Larger):
        next(limit(10, declared=11).decode(b"1"))
    fits = limit(10, declared=10)
    assert [*fits.decode(b"12345"), *fits.decode(b"67890")] == [b"12345", b"67890"]


def test_what_counts_is_decoded():
    """A small body that expands is stopped after the piece that fits; a whole one is checked."""
    bomb = gzip.compress(bytes(50_000_000))
    pieces = limit(1_000_000, "gzip").decode(bomb)
    size = 0
    with pytest.raises(Larger):
        for piece in pieces:
            size += len(piece)
    assert 500_000 < size <= 1_000_000
    cut = limit(100, "gzip")
    assert b"".join(cut.decode(gzip.compress(b"hello")[:-4])) == b"hello"
    with pytest.raises(DecodingError, match="cut short"):
        cut.flush()


def test_expansion():
    """By what has been taken so far; the first MiB is free."""
    encoded = gzip.compress(bytes(3_000_000))
    limit = ExpansionLimit(ContentDecoder(["gzip"]), 500, Larger)
    size = 0
    with pytest.raises(Larger):
        for start in range(0, len(encoded), 100):
            for piece in limit.decode(encoded[start : start + 100]):
                size += len(piece)
    assert FREE_BYTES - 256 * 1024 <= size <= max(FREE_BYTES, 500 * len(encoded))
    limit = ExpansionLimit(ContentDecoder(["gzip"]), 2000, Larger)
    assert len(b"".join(limit.decode(encoded))) == 3_000_000
    assert limit.flush() == ()
    whole = ExpansionLimit(ContentDecoder(["gzip"]), 2000, Larger)
    assert whole.decode_all(encoded) == bytes(3_000_000)
    with pytest.raises(DecodingError, match="cut short"):
        ExpansionLimit(ContentDecoder(["gzip"]), 2000, Larger).decode_all(encoded[:-4])
