"""To and from the standard library's jar."""

from __future__ import annotations

import http.client
import http.cookiejar
import typing
import urllib.request

import pytest

from httpcore import Cookies, InvalidHeader
from httpcore.models.cookie import Cookie
from httpcore.models.cookiejar import from_cookiejar, to_cookiejar

LATER = 4_000_000_000

ALL = [
    Cookie("a", "1", "example.org"),
    Cookie("b", "2", "example.org", "/x", host_only=True),
    Cookie("c", "3", "example.org", "/", False, True, True, "Strict", LATER),
    Cookie("", "nameless", "127.0.0.1", host_only=True),
    Cookie("l", "4", "localhost", host_only=True),
    Cookie("m", "4", "localhost"),
    Cookie("d", "5"),
]


def jar_of(name: str = "a", value: str | None = "1", **changed: typing.Any) -> typing.Any:
    jar = http.cookiejar.CookieJar()
    (cookie,) = to_cookiejar([Cookie("a", "1")])
    cookie.name, cookie.value = name, value
    cookie.__dict__.update(changed)
    jar.set_cookie(cookie)
    return jar


def test_round_trip() -> None:
    """There and back everything is as it was."""
    cookies = Cookies(to_cookiejar(ALL))
    assert set(cookies.all()) == set(ALL)
    assert Cookies(cookies.to_cookiejar()) == cookies


@pytest.mark.parametrize(
    ("url", "field"),
    [
        ("http://example.org/x/y", "b=2; a=1"),
        ("https://www.example.org/", "a=1; c=3"),
        ("http://127.0.0.1/", "nameless"),
        ("http://localhost/", "l=4; m=4"),
        ("http://other.org/", None),
    ],
)
def test_the_standard_library_sends_the_same(url: str, field: str | None) -> None:
    """An exported jar sends what ours does."""
    request = urllib.request.Request(url)
    to_cookiejar(ALL[:-1]).add_cookie_header(request)
    assert request.get_header("Cookie") == field
    assert sorted((Cookies(to_cookiejar(ALL[:-1])).header_for(url) or "").split("; ")) == sorted(
        (field or "").split("; ")
    )


def test_from_a_server() -> None:
    """What a server set in a jar of urllib goes to the same hosts here."""

    class Response:
        def info(self) -> http.client.HTTPMessage:
            fields = ("a=1", "b=2; Domain=example.org; Path=/; HttpOnly; SameSite=lax")
            return email_message([("Set-Cookie", field) for field in fields])

    jar = http.cookiejar.CookieJar()
    jar.extract_cookies(Response(), urllib.request.Request("http://www.example.org/x/y"))  # type: ignore[arg-type]
    assert set(Cookies(jar).all()) == {
        Cookie("a", "1", "www.example.org", "/x", host_only=True),
        Cookie("b", "2", "example.org", http_only=True, same_site="Lax"),
    }


def email_message(fields: list[tuple[str, str]]) -> http.client.HTTPMessage:
    message = http.client.HTTPMessage()
    for name, value in fields:
        message[name] = value
    return message


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"value": None}, Cookie("", "a")),
        ({"path": ""}, Cookie("a", "1")),
        ({"domain": "Example.org", "domain_specified": True}, Cookie("a", "1", "example.org")),
        ({"domain": "a.local"}, Cookie("a", "1", "a", host_only=True)),
        ({"domain": "a.b.local"}, Cookie("a", "1", "a.b.local", host_only=True)),
        ({"expires": 4e9}, Cookie("a", "1", expires=LATER)),
    ],
)
def test_what_others_put_in(changed: dict[str, typing.Any], expected: Cookie) -> None:
    """Jars of requests and of programs have what a server cannot set."""
    assert from_cookiejar(jar_of(**changed)) == [expected]


def test_what_cannot_be_sent() -> None:
    """Control characters are refused as in a mapping."""
    with pytest.raises(InvalidHeader):
        Cookies(jar_of(value="1\r\nX: y"))
