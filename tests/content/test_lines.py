"""Line splitting: the same lines for every split of the bytes, and a limit."""

from __future__ import annotations

import itertools
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from httpcore.content.lines import MAX_LINE_BYTES, LineSplitter
from httpcore.exceptions import ResponseTooLarge
from tests.memory import holding_less_than

bodies = st.lists(
    st.sampled_from(["a", "bc", "\n", "\r", "\r\n", "é", "€", "\u2028", "\x0b", "\ufeff", ""]),
    max_size=12,
).map("".join)
cuts = st.lists(st.integers(0, 40), max_size=6)


def chunks(content: bytes, at: list[int]) -> list[bytes]:
    edges = [0, *sorted(at), len(content)]
    return [content[start:end] for start, end in itertools.pairwise(edges)]


def lines(parts: list[bytes], encoding: str | None = "utf-8", **options) -> list[str]:
    splitter = LineSplitter(encoding, **options)
    return [line for part in parts for line in splitter.feed(part)] + splitter.flush()


def lines_or_error(parts: list[bytes], **options) -> list[str]:
    """The lines up to an error, which ends them as "too long"."""
    splitter = LineSplitter("utf-8", **options)
    found = []
    try:
        for part in parts:
            found += splitter.feed(part)
        found += splitter.flush()
    except ResponseTooLarge:
        found.append("too long")
    return found


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"", []),
        (b"\n", [""]),
        (b"a", ["a"]),
        (b"a\n", ["a"]),
        (b"a\nb\r\nc\rd", ["a", "b", "c", "d"]),
        (b"\r\r\n\n\n\r", ["", "", "", "", ""]),
        ("a\u2028b\x0bc\x1cd\x85e".encode(), ["a\u2028b\x0bc\x1cd\x85e"]),
        (b"\xef\xbb\xbfa\n\xef\xbb\xbfb", ["a", "\ufeffb"]),
        (b"\xff\nb", ["\ufffd", "b"]),
        (b"b\n\xe2\x82", ["b", "\ufffd"]),
    ],
)
def test_tx5_lines_end_at_lf_crlf_and_cr_only(body: bytes, expected: list[str]):
    """Whole and byte by byte."""
    assert lines([body]) == expected
    assert lines([bytes([byte]) for byte in body]) == expected


@settings(max_examples=200, deadline=None)
@given(bodies, cuts)
def test_tx5_every_split_gives_the_lines_of_bytes_splitlines(body: str, at: list[int]):
    """One incremental splitter, whose result is that of the standard library on the whole."""
    content = body.encode()
    text = body.removeprefix("\ufeff")
    assert lines(chunks(content, at)) == [line.decode() for line in text.encode().splitlines()]


@settings(max_examples=200, deadline=None)
@given(bodies, cuts)
def test_tx5_every_split_gives_the_same_with_lf_only(body: str, at: list[int]):
    """Lines end at LF and CR LF; a CR by itself is content, at the very end too."""
    text = body.removeprefix("\ufeff")
    expected = re.split("\r?\n", text)
    if expected[-1] == "":
        expected.pop()
    assert lines(chunks(body.encode(), at), lf_only=True) == expected


WIDE = ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"]


@settings(max_examples=100, deadline=None)
@given(bodies, cuts, st.sampled_from(WIDE), st.sampled_from(["declared", "family", "mark only"]))
def test_tx5_every_split_of_wide_characters(body: str, at: list[int], codec: str, known: str):
    """A line end of several bytes cut in two; the byte order from the charset or from the mark."""
    encoding = {"declared": codec, "family": codec[:6], "mark only": None}[known]
    content = ("\ufeff" + body).encode(codec)
    expected = [line.decode() for line in body.encode().splitlines()]
    assert lines(chunks(content, at), encoding) == expected


def test_tx5_a_line_comes_as_soon_as_it_ends():
    """No line waits for the byte behind it, which may be long in coming."""
    splitter = LineSplitter(None)
    assert splitter.feed(b"a\r") == ["a"]
    assert splitter.feed(b"") == []
    assert splitter.feed(b"\nb\n") == ["b"]
    assert splitter.feed(b"c") == []
    assert splitter.feed(b"\n") == ["c"]
    assert splitter.flush() == []


@pytest.mark.parametrize("lf_only", [False, True])
@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_tx6_a_line_of_the_limit_passes_one_over_it_does_not(end: bytes, lf_only: bool):
    """The end of a line does not count; the error names the limit and comes again."""
    body = b"123456" + end + "€€".encode() + end
    assert lines([body], max_line_bytes=6, lf_only=lf_only) == ["123456", "€€"]
    for over in (b"1234567", "€€1".encode()):
        splitter = LineSplitter("utf-8", 6, lf_only=lf_only)
        with pytest.raises(ResponseTooLarge, match=r"6 bytes \(max_line_bytes\)"):
            splitter.feed(over + end)
        with pytest.raises(ResponseTooLarge):
            splitter.feed(b"")
        with pytest.raises(ResponseTooLarge):
            splitter.flush()


def test_tx6_a_cr_at_the_end_may_be_one_too_many():
    """With lf_only it is content, so it counts, once it is sure that no LF follows."""
    splitter = LineSplitter("utf-8", 3, lf_only=True)
    assert splitter.feed(b"abc\r") == []
    with pytest.raises(ResponseTooLarge):
        splitter.flush()


@settings(max_examples=200, deadline=None)
@given(bodies, cuts, st.integers(1, 8), st.booleans())
def test_tx6_every_split_gives_the_same_lines_in_front_of_the_error(
    body: str, at: list[int], limit: int, lf_only: bool
):
    """The limit, too, does not depend on how the bytes were cut."""
    content = body.encode()
    options = {"max_line_bytes": limit, "lf_only": lf_only}
    expected = lines_or_error([content], **options)
    assert lines_or_error(chunks(content, at), **options) == expected
    assert ("too long" in expected) == any(
        len(line.encode()) > limit for line in lines([content], lf_only=lf_only)
    )


def test_tx6_memory_is_bounded_on_one_endless_line():
    """32 MiB of a line in small chunks: an error at the limit of 1 MiB, in a few times that."""
    splitter = LineSplitter("utf-8", 1024 * 1024)
    chunk = b"x" * 1000
    with holding_less_than(8 * 1024 * 1024), pytest.raises(ResponseTooLarge):
        for _ in range(32 * 1024):
            splitter.feed(chunk)


def test_tx6_a_long_line_in_single_bytes_takes_linear_time():
    """300,000 chunks of one byte are not joined anew each time; the test's own limit bounds it."""
    assert lines([b"x"] * 300_000 + [b"\n"]) == ["x" * 300_000]


def test_tx6_no_limit():
    """None takes a line longer than the default allows."""
    longer = MAX_LINE_BYTES + 1
    [line] = lines([b"x" * longer, b"\n"], max_line_bytes=None)
    assert len(line) == longer
