"""Parsers of field values: what servers send, well-formed and not."""

from __future__ import annotations

import functools
import typing

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from httpcore.field_values import (
    list_items,
    parse_boundary,
    parse_content_type,
    parse_disposition_filename,
    parse_link_header,
)
from tests.cpu_time import assert_takes_no_time

PARSERS: list[typing.Callable[[str], object]] = [list_items, parse_content_type, parse_link_header]


@pytest.mark.parametrize(
    ("value", "items"),
    [
        ("", []),
        (" , ,\t,", []),
        ("a", ["a"]),
        ("a, b,c ,\td", ["a", "b", "c", "d"]),
        ('a="x, y", b', ['a="x, y"', "b"]),
        (r'"x\", y", b', [r'"x\", y"', "b"]),
        ('"a", , "b"', ['"a"', '"b"']),
        ('a, "b, c', ["a", '"b, c']),
        ('a, "b\\', ["a", '"b\\']),
    ],
)
def test_list_items(value: str, items: list[str]):
    """Commas separate, except in quoted strings; empty items do not count (RFC 9110 §5.6.1)."""
    assert list_items(value) == items


@pytest.mark.parametrize(
    ("value", "media_type", "charset"),
    [
        (None, "", None),
        ("", "", None),
        ("text/html", "text/html", None),
        ("Text/HTML; Charset=UTF-8", "text/html", "UTF-8"),
        ('text/html;charset="utf-8"', "text/html", "utf-8"),
        (r'text/html;charset="ut\f-8"', "text/html", "utf-8"),
        ("text/html; charset='utf-8'", "text/html", "utf-8"),
        ('text/html; a="; charset=x"; charset=utf-8', "text/html", "utf-8"),
        ("text/html ; charset = utf-8 ; x", "text/html", "utf-8"),
    ],
)
def test_content_type(value: str | None, media_type: str, charset: str | None):
    """RFC 9110 §8.3, and the quotes that servers use."""
    assert parse_content_type(value) == (media_type, charset)


@pytest.mark.parametrize(
    ("value", "boundary"),
    [
        ("multipart/form-data; boundary=a", "a"),
        ("multipart/form-data ; charset=utf-8; Boundary = a ; boundary=b", "a"),
        (r'multipart/mixed; x="; boundary=a"; boundary="b \"c,;"', 'b "c,;'),
        ("multipart/form-data; boundary=", ""),
        ("multipart/form-data", None),
        ("", None),
    ],
)
def test_boundary(value: str, boundary: str | None):
    """RFC 2046 §5.1.1; the first one counts."""
    assert parse_boundary(value) == boundary


@pytest.mark.parametrize(
    ("value", "media_type", "charset"),
    [
        ("text/html; charset=", "text/html", None),
        ("text/html; charset=; charset=a; charset=b", "text/html", "a"),
        ('text/html; charset=""; charset=a', "text/html", "a"),
        ('text/html; charset="a', "text/html", "a"),
        ("text/html; charset", "text/html", None),
        ("charset=a", "", "a"),
        (";;charset=a;;", "", "a"),
        ("text/html charset=a", "", None),
        ("nonsense", "", None),
        ("nonsense, text/html, text/plain; charset=a", "text/html", "a"),
        ("text/html, text/html; charset=a", "text/html", "a"),
    ],
)
def test_hd13_content_type_malformed_or_twice(value: str, media_type: str, charset: str | None):
    """The first usable value counts."""
    assert parse_content_type(value) == (media_type, charset)


@pytest.mark.parametrize(
    ("value", "links"),
    [
        ("", []),
        ("<http://a/?page=2>; rel=next", [{"url": "http://a/?page=2", "rel": "next"}]),
        (
            '<a>; rel="next"; title="x, <y>; \\"z\\"", <b,c>; REL=prev,, < d >',
            [
                {"url": "a", "rel": "next", "title": 'x, <y>; "z"'},
                {"url": "b,c", "rel": "prev"},
                {"url": "d"},
            ],
        ),
    ],
)
def test_links(value: str, links: list[dict[str, str]]):
    """RFC 8288 §3: several links, quoted parameters, commas in URLs."""
    assert parse_link_header(value) == links


@pytest.mark.parametrize(
    ("value", "links"),
    [
        ("<a", []),
        ("a>; rel=next", []),
        ("a; rel=next", []),
        ("x>, <a>", [{"url": "a"}]),
        ("<a, <b>; rel=next", [{"url": "b", "rel": "next"}]),
        ("<a>; rel=next; rel=prev; url=b", [{"url": "a", "rel": "next"}]),
        ('<a>; rel="next, <b>; rel=prev', [{"url": "a", "rel": "next, <b>; rel=prev"}]),
        ("<a>;; =x; rel; rev=", [{"url": "a", "rel": "", "rev": ""}]),
        ("<>", [{"url": ""}]),
    ],
)
def test_hd13_links_malformed(value: str, links: list[dict[str, str]]):
    """What is usable is kept; of a repeated parameter the first counts."""
    assert parse_link_header(value) == links


@pytest.mark.parametrize("parse", PARSERS)
@pytest.mark.parametrize(
    "unit", ["<", ">", ";", '"', ",", "\\", "=", " ", '\\"', "<>", "<>,", "<a>;", '";', "a/b;c=,"]
)
def test_hd13_64_kib_of_anything_is_read_in_linear_time(
    parse: typing.Callable[[str], object], unit: str
):
    """As it stands, and behind a quote that is never closed."""
    repeated = unit * (65536 // len(unit))
    for value in (repeated, '"' + repeated, "<a>;b=" + repeated):
        assert_takes_no_time(functools.partial(parse, value))


@settings(max_examples=100, deadline=None)
@given(st.text(st.sampled_from('<>;,="\\ \tarel/charset\u00e9\n'), max_size=40))
def test_hd13_nothing_raises(value: str):
    """Whatever the value, each parser returns."""
    for parse in PARSERS:
        parse(value)


@pytest.mark.parametrize(
    ("value", "name"),
    [
        ('attachment; filename="report.pdf"', "report.pdf"),
        ("attachment; filename=report.pdf", "report.pdf"),
        ('attachment; filename="../../etc/passwd"', "passwd"),
        ('attachment; filename="C:\\\\a\\\\b.txt"', "b.txt"),
        ("attachment; filename=.bashrc", "bashrc"),
        ('attachment; filename="a\x00b\x1b[2J"', "ab[2J"),
        ("attachment; filename=x; filename*=UTF-8''%e2%82%ac.pdf", "\u20ac.pdf"),
        ("attachment; filename*=iso-8859-1'en'%A3.pdf; filename=x", "\xa3.pdf"),
        ("attachment; filename*=utf-7''x; filename=y", "y"),
        ("attachment; filename*=broken; filename=y", "y"),
        ("attachment; filename*=UTF-8''..%2F..%2Fx", "x"),
        ("attachment; filename=one; filename=two", "one"),
        ('attachment; filename=".."', None),
        ('attachment; filename=".. x "', "x"),
        ("inline", None),
        ("", None),
        (None, None),
    ],
)
def test_disposition_filename(value: str | None, name: str | None) -> None:
    """The proposed name, without what could lead out of a folder (RFC 6266 section 4.3)."""
    assert parse_disposition_filename(value) == name
