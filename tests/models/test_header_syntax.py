"""What may be set as the name and the value of a header field, and what is refused."""

from __future__ import annotations

import http
import typing

import pytest

from httpcore.exceptions import InvalidHeader
from httpcore.models.headers import Headers, HeaderValue


def test_rq3_values_by_type():
    """Numbers are sent as digits, text as Latin-1, bytes as they are."""
    given_values: dict[str, HeaderValue] = {
        "Int": 42,
        "Enum": http.HTTPStatus.OK,
        "Latin": "é",
        "Bytes": b"\xff",
        "Ascii": "a\tb",
    }
    headers = Headers(given_values)
    assert headers.raw == [
        (b"Int", b"42"),
        (b"Enum", b"200"),
        (b"Latin", b"\xe9"),
        (b"Bytes", b"\xff"),
        (b"Ascii", b"a\tb"),
    ]


@pytest.mark.parametrize(
    ("value", "hint"),
    [
        (True, "not bool"),
        (1.5, "not float"),
        (None, "None drops a field only where"),
        (["1", "2"], "give the headers as pairs"),
        (("1", "2"), "give the headers as pairs"),
        (bytearray(b"1"), "not bytearray"),
    ],
)
def test_rq3_other_types_are_a_type_error_that_names_the_field(value: typing.Any, hint: str):
    """Where a header is set at all, each of the ways refuses the value, with a hint."""
    headers = Headers()
    with pytest.raises(TypeError, match="'X-Field'.*" + hint):
        Headers({"X-Field": value})
    with pytest.raises(TypeError, match="'X-Field'.*" + hint):
        headers["X-Field"] = value
    with pytest.raises(TypeError, match="'X-Field'.*" + hint):
        headers.add("X-Field", value)
    assert headers.raw == []


def test_rq3_text_beyond_latin1_names_the_field_and_the_character():
    """The character is named, the rest of the value is not, and no codec error carries it on."""
    with pytest.raises(InvalidHeader, match=r"'X-Price' has U\+20AC") as info:
        Headers({"X-Price": "secret 5 \u20ac"})
    assert isinstance(info.value, ValueError)
    assert "secret" not in str(info.value)
    assert info.value.__context__ is None


@pytest.mark.parametrize("control", ["\r", "\n", "\r\n", "\0", "\x0b", "\x1f", "\x7f", "\x1b"])
@pytest.mark.parametrize("place", ["{}x", "x{}", "x{}y", "é{}y"])
def test_rq1_controls_in_a_value(control: str, place: str):
    """Nothing that can end a line gets into a value, at its ends neither."""
    value = "secret" + place.format(control)
    headers = Headers({"A": "1"})
    for bad in (value, value.encode("latin-1")):
        with pytest.raises(InvalidHeader, match="'X-Field' has the control character") as info:
            headers["X-Field"] = bad
        assert "secret" not in str(info.value)
        with pytest.raises(InvalidHeader):
            headers.add("X-Field", bad)
        with pytest.raises(InvalidHeader):
            headers.update({"A": "2", "X-Field": bad})
        with pytest.raises(InvalidHeader):
            headers.setdefault("X-Field", bad)  # type: ignore[arg-type]
        with pytest.raises(InvalidHeader):
            Headers([("X-Field", bad)])
    assert headers.raw == [(b"A", b"1")]


@pytest.mark.parametrize(
    "name", ["", "a b", "a:", ":a", "a\r\nb", "a\0", "é", "\u20ac", " a", "a ", "(a)", 'a"', "a\n"]
)
def test_rq1_names_that_are_no_tokens(name: str):
    """A name is a token; text and bytes are refused alike."""
    headers = Headers()
    for bad in (name, name.encode()):
        with pytest.raises(InvalidHeader, match="no token"):
            Headers([(bad, "1")])
        with pytest.raises(InvalidHeader, match="no token"):
            headers.add(bad, "1")
    with pytest.raises(InvalidHeader, match="no token"):
        headers[name] = "1"
    assert headers.raw == []


@pytest.mark.parametrize("name", ["Authorization: Bearer hunter2", "Bearer hunter2"])
def test_rq1_a_value_in_the_place_of_the_name_is_not_shown(name: str):
    """The error has the name's good part and what follows it, no secret behind."""
    with pytest.raises(InvalidHeader, match=r"followed by '[: ]'") as info:
        Headers({name: "x"})
    assert "hunter2" not in str(info.value)


def test_names_of_other_types():
    """A name is str or bytes."""
    with pytest.raises(TypeError, match="not int"):
        Headers([(typing.cast("str", 5), "1")])


def test_every_token_character_may_be_in_a_name():
    """All of RFC 9110 §5.6.2."""
    name = "!#$%&'*+-.^_`|~09AZaz"
    assert Headers({name: "1"}).raw == [(name.encode(), b"1")]


@pytest.mark.parametrize(
    ("value", "sent"),
    [
        (" a b ", b"a b"),
        ("\ta\t", b"a"),
        (b" \t a \t", b"a"),
        ("  ", b""),
        ("", b""),
        (" é ", b"\xe9"),
    ],
)
def test_blanks_around_a_value_are_no_part_of_it(value: str | bytes, sent: bytes):
    """RFC 9110 §5.5; those inside stay."""
    assert Headers({"A": value}).raw == [(b"A", sent)]
