"""User names and passwords as they are sent; how they are used is in the tests of `Auth`s."""

from __future__ import annotations

import typing

import pytest

from httpcore import Proxy
from httpcore.credentials import basic, encoded


@pytest.mark.parametrize(
    ("text", "octets"),
    [
        ("", b""),
        ("a:b", b"a:b"),
        ("\u00fc", b"\xc3\xbc"),
        ("u\u0308", b"\xc3\xbc"),
        (b"\xff", b"\xff"),
    ],
)
def test_encoded(text: str | bytes, octets: bytes) -> None:
    """Text is composed, and in UTF-8; bytes are taken as they are."""
    assert encoded(text) == octets


@pytest.mark.parametrize(("text", "error"), [("\ud800", ValueError), (None, TypeError)])
def test_what_cannot_be_encoded(text: typing.Any, error: type[Exception]) -> None:
    """Errors do not show it."""
    with pytest.raises(error, match="user name or password") as caught:
        encoded(text)
    assert "ud800" not in str(caught.value)


def test_basic() -> None:
    """The example of RFC 7617 §2; a colon may be in the password alone."""
    assert basic(b"Aladdin", b"open sesame") == "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="
    assert basic(b"a", b"b:c") == "Basic YTpiOmM="
    with pytest.raises(ValueError, match="must not contain a colon"):
        basic(b"a:b", b"c")


def test_proxies_are_told_the_same() -> None:
    """As an origin compares it, so does a proxy."""
    composed, other = (
        Proxy("http://p", auth=("\u00fc", "")),
        Proxy("http://p", auth=("u\u0308", "")),
    )
    assert composed.fields() == other.fields()
