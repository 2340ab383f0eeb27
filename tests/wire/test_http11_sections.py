"""Where a section of lines ends, however it arrives."""

from __future__ import annotations

import pytest

from httpcore.wire.http11_sections import section_end


@pytest.mark.parametrize(
    ("data", "end"),
    [
        (b"", 0),
        (b"A: 1\r\n", 0),
        (b"A: 1\r\n\r", 0),
        (b"A: 1\r\n\r\nrest\n\n", 8),
        (b"A: 1\n\nrest\r\n\r\n", 6),
        (b"A: 1\n\r\nrest", 7),
        (b"A: 1\r\n\nrest", 7),
        (b"A: 1\r\n\n\r\n", 7),
        (b"\r\n\r\n", 4),
    ],
)
def test_section_end(data: bytes, end: int) -> None:
    """At the first empty line, whatever ends the lines; the same in one piece and byte by byte."""
    assert section_end(data, 0) == end
    searched = 0
    for size in range(len(data) + 1):
        found = section_end(data[:size], searched)
        assert found == (end if end and size >= end else 0)
        if found:
            break
        searched = size
