"""Pieces of one size, however the bytes come."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from httpcore.content.chunks import Chunker


@settings(max_examples=100, deadline=None)
@given(pieces=st.lists(st.binary(max_size=20)), size=st.integers(1, 9))
def test_all_but_the_last_have_the_size(pieces: list[bytes], size: int) -> None:
    """Nothing is lost, and only the last piece is shorter."""
    chunker = Chunker(size)
    cut = [chunk for piece in pieces for chunk in chunker.feed(piece)] + chunker.flush()
    assert b"".join(cut) == b"".join(pieces)
    assert all(len(chunk) == size for chunk in cut[:-1])
    assert all(0 < len(chunk) <= size for chunk in cut)


@pytest.mark.parametrize("size", [0, -1])
def test_size_has_to_be_positive(size: int) -> None:
    """A size below one byte is a ValueError."""
    with pytest.raises(ValueError, match="chunk_size"):
        Chunker(size)
