"""A cookie as a value, and the matching of RFC 6265bis section 5.1."""

from __future__ import annotations

import pickle

import pytest

from httpcore import InvalidHeader
from httpcore.models.cookie import (
    Cookie,
    CookieString,
    check_pair,
    decoded,
    default_path,
    domain_matches,
    is_ip_address,
    path_matches,
)


def test_repr_hides_the_value() -> None:
    """A value is a secret; the rest says which cookie it is."""
    cookie = Cookie("sid", "secret", "example.org", "/a")
    assert repr(cookie) == "<Cookie('sid', domain='example.org', path='/a')>"
    assert pickle.loads(pickle.dumps(cookie)) == cookie


@pytest.mark.parametrize(
    ("name", "value", "pair"),
    [
        ("a", "1", b"a=1"),
        ("a", "", b"a="),
        ("", "v", b"v"),
        ("", "a=b", b"a=b"),
        ("\u00fc", "\u20ac", b"\xc3\xbc=\xe2\x82\xac"),
        ("a", "\udcff", b"a=\xff"),
    ],
)
def test_pair(name: str, value: str, pair: bytes) -> None:
    """What is sent: without a name only the value; octets as they came."""
    assert Cookie(name, value).pair == pair


def test_octets_survive() -> None:
    """What is no UTF-8 comes back as it was."""
    octets = bytes(byte for byte in range(32, 256) if byte not in b";=\x7f")
    assert Cookie("", decoded(octets)).pair == octets


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("a", "1\r\nX: y", r"the value of a cookie has '\\r'"),
        ("a", "secret;", "the value of a cookie has ';'"),
        ("a", "\x00", r"the value of a cookie has '\\x00'"),
        ("a", "\x7f", r"the value of a cookie has '\\x7f'"),
        ("a;b", "1", "the name of a cookie has ';'"),
        ("a\n", "1", r"the name of a cookie has '\\n'"),
        ("a=b", "1", "has '=', which ends a name"),
        ("a", "\ud800", "half a surrogate pair"),
    ],
)
def test_ck10_what_cannot_be_sent(name: str, value: str, shown: str) -> None:
    """Refused before anything is sent, without the value in the message."""
    with pytest.raises(InvalidHeader, match=shown) as caught:
        check_pair(name, value)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(("name", "value"), [(b"a", "1"), ("a", 1), ("a", None)])
def test_types(name: object, value: object) -> None:
    """Names and values are text."""
    with pytest.raises(TypeError, match="of a cookie is a str, not"):
        check_pair(name, value)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("host", "is_address"),
    [
        ("127.0.0.1", True),
        ("127.0.0.1.", True),
        ("::1", True),
        ("fe80::1%eth0", True),
        ("example.org", False),
        ("1.example", False),
        ("localhost", False),
        ("", False),
    ],
)
def test_ip_addresses(host: str, is_address: bool) -> None:
    """An address has no domains above it."""
    assert is_ip_address(host) is is_address


@pytest.mark.parametrize(
    ("host", "domain", "matches"),
    [
        ("example.org", "example.org", True),
        ("www.example.org", "example.org", True),
        ("a.b.example.org", "example.org", True),
        ("example.org", "www.example.org", False),
        ("example.org", "ample.org", False),
        ("badexample.org", "example.org", False),
        ("127.0.0.1", "127.0.0.1", True),
        ("127.0.0.1", "0.0.1", False),
        ("127.0.0.1", "1", False),
        ("example.org.", "example.org", False),
    ],
)
def test_5_1_3_domain_matching(host: str, domain: str, matches: bool) -> None:
    """Equal, or below it at a dot, and never for addresses."""
    assert domain_matches(host, domain) is matches


@pytest.mark.parametrize(
    ("request_path", "path", "matches"),
    [
        ("/", "/", True),
        ("/foo", "/", True),
        ("/foo", "/foo", True),
        ("/foo/", "/foo", True),
        ("/foo/x", "/foo", True),
        ("/foo/x", "/foo/", True),
        ("/foobar", "/foo", False),
        ("/foo", "/foo/", False),
        ("/", "/foo", False),
        ("/Foo", "/foo", False),
    ],
)
def test_5_1_4_path_matching(request_path: str, path: str, matches: bool) -> None:
    """Equal, or below it at a slash; case counts."""
    assert path_matches(request_path, path) is matches


@pytest.mark.parametrize(
    ("request_path", "path"),
    [("/", "/"), ("/a", "/"), ("/a/", "/a"), ("/a/b", "/a"), ("/a/b/c", "/a/b"), ("", "/")],
)
def test_5_1_4_default_path(request_path: str, path: str) -> None:
    """Up to the last slash, without it."""
    assert default_path(request_path) == path


def test_cookie_strings() -> None:
    """They are put together and taken apart, and stay as they are."""
    one, two = CookieString([("a", b"a=1"), ("", b"x")]), CookieString([("b", b"b=2")])
    assert (one + two).octets == b"a=1; x; b=2"
    assert (one + two).without(frozenset(["b", ""])).octets == b"a=1"
    assert one.without(two.names) is one
    assert one + CookieString() is one
    assert CookieString() + one is one
    assert CookieString().octets == b""


def test_ck8_cookie_strings_that_fit() -> None:
    """With what is in between two; one that is too long leaves room for those after it."""
    string = CookieString([("a", b"a=1"), ("b", b"b=long"), ("c", b"c=3")])
    sizes = {16: string.octets, 15: b"a=1; b=long", 10: b"a=1; c=3", 7: b"a=1", 2: b""}
    for size, octets in sizes.items():
        assert string.fitting(size).octets == octets
    assert string.fitting(16) is string
