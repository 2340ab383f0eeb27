"""What servers may set, rule by rule (RFC 6265bis section 5.7)."""

from __future__ import annotations

import pytest

from httpcore import URL
from httpcore.models import cookie_state
from httpcore.models import received_cookie as received_cookie_module
from httpcore.models.cookie import Cookie, Refused
from httpcore.models.cookie_state import CookieState
from httpcore.models.received_cookie import MAX_AGE_SECONDS, received_cookie
from httpcore.models.set_cookie import SetCookie, parse_set_cookie

NOW = 1_000_000.5


def received(field: str, url: str | None = "https://www.example.org/dir/page") -> Cookie:
    parsed = parse_set_cookie(field.encode())
    assert parsed is not None
    return received_cookie(parsed, None if url is None else URL(url), NOW)


def refused(field: str, url: str, why: str) -> None:
    with pytest.raises(Refused, match=why):
        received(field, url)


def test_defaults() -> None:
    """Without attributes: for the host alone, the folder of the page, the session."""
    assert received("a=1") == Cookie("a", "1", "www.example.org", "/dir", host_only=True)


def test_everything() -> None:
    """With attributes: as they say."""
    field = "a=1; Domain=example.org; Path=/x; Secure; HttpOnly; SameSite=Lax; Max-Age=10"
    assert received(field) == Cookie(
        *("a", "1", "example.org", "/x", False, True, True, "Lax", 1_000_011)
    )


@pytest.mark.parametrize(
    ("url", "domain"),
    [
        ("http://example.org", "ample.org"),
        ("http://example.org", "www.example.org"),
        ("http://example.org", "other.org"),
        ("http://127.0.0.1", "0.0.1"),
        ("http://127.0.0.1", "1"),
        ("http://[::1]", "1"),
        ("http://example.org", "example.org."),
        ("http://xn--bcher-kva.example", "b\u00fccher.example"),
    ],
)
def test_ck1_domains_of_others(url: str, domain: str) -> None:
    """A domain that the host is not below is dropped."""
    refused(f"a=1; Domain={domain}", url, "is not below its Domain")


@pytest.mark.parametrize(
    ("url", "domain", "stored", "host_only"),
    [
        ("http://www.example.org", "example.org", "example.org", False),
        ("http://www.example.org", ".EXAMPLE.org", "example.org", False),
        ("http://example.org", "example.org", "example.org", False),
        ("http://example.org", "", "example.org", True),
        ("http://127.0.0.1", "127.0.0.1", "127.0.0.1", False),
        ("http://[::1]", "", "::1", True),
        ("http://example.org:8080", "example.org", "example.org", False),
        # For a host that is a public suffix itself, section 5.7 makes it host-only.
        ("http://localhost", "localhost", "localhost", True),
        ("http://github.io", "github.io", "github.io", True),
    ],
)
def test_domains(url: str, domain: str, stored: str, host_only: bool) -> None:
    """One's own host, or a domain above it."""
    cookie = received(f"a=1; Domain={domain}", url)
    assert (cookie.domain, cookie.host_only) == (stored, host_only)


@pytest.mark.parametrize(
    ("host", "domain"),
    [
        ("www.example.co.uk", "co.uk"),
        ("www.example.co.uk", "CO.UK"),
        ("www.example.co.uk.", "co.uk."),
        ("pages.github.io", "github.io"),
        ("example.org", "org"),
        ("www.localhost", "localhost"),
    ],
)
def test_ck2_public_suffixes(host: str, domain: str) -> None:
    """Nobody sets a cookie for all of a public suffix."""
    refused(f"a=1; Domain={domain}", f"http://{host}", "is a public suffix")


@pytest.mark.parametrize(
    ("field", "path"),
    [
        ("a=1", "/dir"),
        ("a=1; Path=/", "/"),
        ("a=1; Path=/other", "/other"),
        ("a=1; Path=", "/dir"),
        ("a=1; Path=relative", "/dir"),
    ],
)
def test_paths(field: str, path: str) -> None:
    """As given, or the folder of the page; any path may be given."""
    assert received(field).path == path


def test_ck4_secure_over_http() -> None:
    """A Secure cookie that came over http is dropped."""
    refused("a=1; Secure", "http://example.org", "it is Secure, and came over http")
    assert received("a=1; Secure").secure


def test_same_site_none() -> None:
    """SameSite=None is for Secure cookies only."""
    refused("a=1; SameSite=None", "https://example.org", "SameSite=None")
    assert received("a=1; SameSite=None; Secure").same_site == "None"


@pytest.mark.parametrize(
    "field",
    [
        "__Host-a=1; Secure; Path=/; Domain=www.example.org",
        "__Host-a=1; Secure; Path=/; Domain=example.org",
        "__Host-a=1; Secure; Path=/x",
        "__Host-a=1; Secure",
        "__host-a=1; Secure; Path=/x",
        "__Host-a=1; Path=/",
        "__Secure-b=1",
        "__secure-b=1",
        "__SECURE-b=1; Path=/",
        "=__Host-a=1; Secure; Path=/",
        "=__secure-a=1; Secure; Path=/",
        "__Secure-a; Secure",
    ],
)
def test_ck5_prefixes_that_lie(field: str) -> None:
    """What the prefix promises has to be so, in any case of letters."""
    with pytest.raises(Refused):
        received(field)


@pytest.mark.parametrize(
    "field",
    [
        "__Host-a=1; Secure; Path=/",
        "__HOST-a=1; Secure; Path=/; Domain=",
        "__Secure-b=1; Secure; Path=/x; Domain=example.org",
        "__Hosta=1",
        "_Secure-a=1",
        "a=__Host-",
    ],
)
def test_ck5_prefixes_that_hold(field: str) -> None:
    """Where it is so, they are cookies like others."""
    assert received(field)


def test_ck5_default_path_of_the_root() -> None:
    """`Path` without a value stands for the default: at the root it is what __Host- wants."""
    assert received("__Host-a=1; Secure; Path=", "https://example.org/page").path == "/"
    refused("__Host-a=1; Secure", "https://example.org/page", "__Host-")


@pytest.mark.parametrize(
    ("attributes", "expires"),
    [
        ("", None),
        ("; Max-Age=10", 1_000_011),
        ("; Max-Age=0", 0),
        ("; Max-Age=-1", 0),
        ("; Max-Age=" + "9" * 30, 1_000_001 + MAX_AGE_SECONDS),
        ("; Max-Age=-" + "9" * 30, 0),
        ("; Max-Age=x", None),
        ("; Expires=Thu, 01 Jan 70 00:00:10 GMT", 10),
        ("; Expires=Thu, 01 Jan 1600 00:00:00 GMT", None),
        ("; Expires=Thu, 01 Jan 99999 00:00:00 GMT", None),
        ("; Expires=Thu, 01 Jan 9999 00:00:00 GMT", 1_000_001 + MAX_AGE_SECONDS),
        ("; Max-Age=10; Expires=Thu, 01 Jan 1970 00:00:00 GMT", 1_000_011),
        ("; Max-Age=0; Expires=Thu, 01 Jan 9999 00:00:00 GMT", 0),
        ("; Max-Age=x; Expires=Thu, 01 Jan 1970 00:00:10 GMT", 10),
    ],
)
def test_ck7_times(attributes: str, expires: int | None) -> None:
    """Max-Age before Expires, 400 days at most, none where neither is valid."""
    assert received(f"a=1{attributes}").expires == expires


def test_without_a_url() -> None:
    """A response without a request has no host: its cookies have no domain."""
    assert received("a=1; Secure; Domain=x.org; Path=/p", None) == Cookie(
        "a", "1", "", "/p", secure=True
    )


def test_the_same_field_again_and_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a server sets anew with each response is looked at once a second, and still counts."""
    judged: list[str] = []
    original = received_cookie_module.received_cookie

    def counted(field: SetCookie, url: URL | None, now: float) -> Cookie:
        judged.append(field.name)
        return original(field, url, now)

    monkeypatch.setattr(received_cookie_module, "received_cookie", counted)
    state, url = CookieState(), URL("http://example.org/a/b")

    def receive(now: float, url: URL = url) -> list[Cookie]:
        received_cookie_module.receive(state, url, [b"a=1; Max-Age=60"], now)
        return state.all(now)

    assert [cookie.expires for cookie in receive(10.0)] == [70]
    receive(9.5)
    receive(10.0, URL("http://example.org/a/c"))
    assert judged == ["a"]
    receive(10.0, URL("http://example.org/b/"))
    receive(10.0, URL("http://example.net/a/b"))
    assert judged == ["a"] * 3
    state.remove("a", None, None, 10.0)
    assert len(receive(10.0)) == 1
    assert judged == ["a"] * 4
    assert [cookie.expires for cookie in receive(10.5)] == [71]
    assert judged == ["a"] * 5


def test_the_fields_of_a_second_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server cannot fill memory with what it sets."""
    monkeypatch.setattr(cookie_state, "_MAX_FIELDS", 10)
    monkeypatch.setattr(cookie_state, "_MAX_ORIGINS", 5)
    state = CookieState()
    fields = [b"a=%d; Domain=example.org" % number for number in range(100)]
    for number in range(20):
        received_cookie_module.receive(state, URL(f"http://{number}.example.org"), fields, 1.0)
        assert sum(map(len, state._received.values())) <= 10 * 5
    assert [cookie.value for cookie in state.all(1.0)] == ["99"]


def test_a_field_between_two_that_are_known() -> None:
    """Fields count in their order, also those that had no need to be looked at."""
    state, url = CookieState(), URL("http://example.org")
    for fields in ([b"a=1", b"b=1"], [b"a=1", b"b=2", b"b=1"], [b"a=2", b"a=1", b"b=2"]):
        received_cookie_module.receive(state, url, fields, 1.0)
        assert state.value("a", None, None, 1.0) == "1"
    assert state.value("b", None, None, 1.0) == "2"


def test_ck8_what_is_set_again_was_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where nothing has changed: it is not the one that makes room for another."""
    monkeypatch.setattr(cookie_state, "MAX_DOMAIN_COOKIES", 2)
    state, url = CookieState(), URL("http://example.org")
    for now, fields in ((1.1, [b"a=1"]), (1.2, [b"b=1"]), (1.3, [b"a=1"]), (1.4, [b"c=1"])):
        received_cookie_module.receive(state, url, fields, now)
    assert state.names(2.0) == ["a", "c"]
