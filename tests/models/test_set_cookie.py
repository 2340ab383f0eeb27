"""Set-Cookie fields, rule by rule (RFC 6265bis section 5.6)."""

from __future__ import annotations

import typing

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from httpcore.models.set_cookie import SetCookie, parse_set_cookie
from tests.cpu_time import assert_takes_no_time


def parsed(field: bytes) -> SetCookie:
    found = parse_set_cookie(field)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("field", "name", "value"),
    [
        (b"a=1", "a", "1"),
        (b"a=1; Path=/", "a", "1"),
        (b" \ta \t=\t 1 ", "a", "1"),
        (b"a=b=c", "a", "b=c"),
        (b"a=", "a", ""),
        (b"a=1, b=2", "a", "1, b=2"),
        (b'a="1"', "a", '"1"'),
        (b'a="1; b=2"', "a", '"1'),
        (b'a="', "a", '"'),
        (b'{"k":1}', "", '{"k":1}'),
        (b"=v", "", "v"),
        (b"=a=b", "", "a=b"),
        (b"n", "", "n"),
        (b"n; Secure", "", "n"),
        (b"a=\xff\xfe", "a", "\udcff\udcfe"),
        ("\u00fc=\u20ac".encode(), "\u00fc", "\u20ac"),
        (b"a=1\t2", "a", "1\t2"),
    ],
)
def test_ck11_names_and_values(field: bytes, name: str, value: str) -> None:
    """The first `=` divides; without one it is a value; blanks around are gone, quotes stay."""
    found = parsed(field)
    assert (found.name, found.value) == (name, value)


@pytest.mark.parametrize("field", [b"", b"=", b" = ", b";", b"; Path=/", b"=; Secure"])
def test_neither_name_nor_value(field: bytes) -> None:
    """Nothing at all is no cookie."""
    assert parse_set_cookie(field) is None


@pytest.mark.parametrize("octet", [*range(9), *range(10, 32), 127])
def test_ck9_controls(octet: int) -> None:
    """Control characters anywhere but HTAB, and all of it is ignored."""
    for field in (b"a%c=1", b"a=1%c", b"a=1; Path=/%c"):
        assert parse_set_cookie(field % octet) is None


def test_ck8_size() -> None:
    """4,096 bytes for name and value together; attributes do not count."""
    assert parsed(b"ab=" + b"x" * 4094 + b"; Path=/" + b"y" * 500).name == "ab"
    assert parse_set_cookie(b"ab=" + b"x" * 4095) is None
    assert parse_set_cookie(b"a=" + b"x" * 2**20) is None


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        # Names are in any case, blanks around are gone, unknown ones do not count.
        (b"PATH=/x", {"path": "/x"}),
        (b" \tpath\t = /x ", {"path": "/x"}),
        (b"Foo=bar; Partitioned; =x; ;;", {}),
        # Section 5.6.1, Expires.
        (b"Expires=Wed, 21 Oct 2015 07:28:00 GMT", {"expires": 1445412480}),
        (b"Expires=never", {}),
        (b"Expires=21 Oct 15 07:28:00; Expires=never", {"expires": 1445412480}),
        (b"Expires=never; Expires=21 Oct 15 07:28:00", {"expires": 1445412480}),
        # Section 5.6.2, Max-Age.
        (b"Max-Age=10", {"max_age": 10}),
        (b"Max-Age=0", {"max_age": 0}),
        (b"Max-Age=-1", {"max_age": -1}),
        (b"Max-Age=" + b"9" * 30, {"max_age": int("9" * 30)}),
        (b"Max-Age=x", {}),
        (b"Max-Age=", {}),
        (b"Max-Age=-", {}),
        (b"Max-Age=+1", {}),
        (b"Max-Age=1.5", {}),
        (b"Max-Age=1_0", {}),
        (b"Max-Age=\xd9\xa1", {}),
        (b"Max-Age=1; Max-Age=2; Max-Age=x", {"max_age": 2}),
        # Section 5.6.3, Domain: the last one counts, even if it is empty.
        (b"Domain=Example.ORG", {"domain": "example.org"}),
        (b"Domain=.example.org", {"domain": "example.org"}),
        (b"Domain=..example.org", {"domain": ".example.org"}),
        (b"Domain=", {"domain": ""}),
        (b"Domain", {"domain": ""}),
        (b"Domain=a.org; Domain=b.org", {"domain": "b.org"}),
        (b"Domain=a.org; Domain=", {"domain": ""}),
        # Section 5.6.4, Path: what does not begin with a slash stands for the default.
        (b"Path=/a/b", {"path": "/a/b"}),
        (b"Path=", {"path": ""}),
        (b"Path=a", {"path": ""}),
        (b'Path="/a"', {"path": ""}),
        (b"Path=/a; Path=/b", {"path": "/b"}),
        (b"Path=/a; Path", {"path": ""}),
        (b"Path=/\xff", {"path": "/\udcff"}),
        # Sections 5.6.5 and 5.6.6: their values do not count.
        (b"Secure", {"secure": True}),
        (b"secure=false", {"secure": True}),
        (b"HttpOnly", {"http_only": True}),
        (b"httponly=0", {"http_only": True}),
        # Section 5.6.7, SameSite: what is not known is the default.
        (b"SameSite=Lax", {"same_site": "Lax"}),
        (b"samesite=STRICT", {"same_site": "Strict"}),
        (b"SameSite=none", {"same_site": "None"}),
        (b"SameSite=foo", {}),
        (b"SameSite=Lax; SameSite=foo", {}),
        (b"SameSite=foo; SameSite=Lax", {"same_site": "Lax"}),
        # An attribute of more than 1,024 bytes does not count.
        (b"Path=/a; Path=/" + b"b" * 1024, {"path": "/a"}),
        (b"Path=/" + b"b" * 1023, {"path": "/" + "b" * 1023}),
    ],
)
def test_attributes(attributes: bytes, expected: dict[str, typing.Any]) -> None:
    """Each attribute as its section has it."""
    plain = SetCookie("a", "1")
    assert parsed(b"a=1;" + attributes) == plain._replace(**expected)


OCTETS = st.binary() | st.text(alphabet='ab=;"\\ ,\t-/.:0189ADEMPSadehimnopstx').map(str.encode)


@settings(deadline=None)
@given(OCTETS)
def test_never_raises(field: bytes) -> None:
    """Whatever comes is a cookie within its limits, or none."""
    found = parse_set_cookie(field)
    if found is not None:
        sizes = [len(text.encode("utf-8", "surrogateescape")) for text in (found.name, found.value)]
        assert 0 < sum(sizes) <= 4096
        assert "=" not in found.name


@settings(deadline=None)
@given(OCTETS.filter(lambda octets: b";" not in octets))
def test_sent_back_as_it_came(value: bytes) -> None:
    """Name and value are sent back byte by byte, but for blanks around."""
    found = parse_set_cookie(b"a=" + value)
    if found is not None:
        assert found.value.encode("utf-8", "surrogateescape") == value.strip(b" \t")


@pytest.mark.parametrize(
    "field",
    [
        b'a="' + b"\\" * 65536 + b'"',
        b"a=1;" + b";" * 65536,
        b"a=1;" + b"=" * 65536,
        b" " * 65536 + b"a",
        b"a=1; Expires=" + b"1" * 65536,
        b"a=1; Max-Age=" + b"1" * 65536,
        b"a=1;" + b"Path=/;" * 9362,
        b"a=1;" + b"Expires=21 Oct 15 07:28:00;" * 2427,
    ],
)
def test_ck12_linear_time(field: bytes) -> None:
    """64 KiB of anything take no time worth speaking of."""
    assert_takes_no_time(lambda: parse_set_cookie(field))
