"""What a jar holds, and which of it goes where: time is a number here."""

from __future__ import annotations

import typing

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from httpcore.models import cookie_state
from httpcore.models.cookie import Cookie, Refused, domain_matches, path_matches
from httpcore.models.cookie_state import MAX_DOMAIN_COOKIES, CookieState


def cookie(
    name: str, value: str = "v", domain: str = "example.org", **fields: typing.Any
) -> Cookie:
    return Cookie(name, value, domain, **fields)


def state_of(*cookies: Cookie) -> CookieState:
    state = CookieState()
    state.put(cookies, 0)
    return state


def sent(state: CookieState, host: str, path: str = "/", secure: bool = False) -> list[str]:
    octets = state.for_request(host, path, secure, 0).octets
    return octets.decode().split("; ") if octets else []


def test_domains() -> None:
    """To the domain, and below it unless it is for the host alone."""
    state = state_of(cookie("below"), cookie("host", host_only=True), cookie("x", domain="org"))
    assert sent(state, "example.org") == ["below=v", "host=v", "x=v"]
    assert sent(state, "www.example.org") == ["below=v", "x=v"]
    assert sent(state, "badexample.org") == ["x=v"]
    assert sent(state, "example.org.") == []
    assert sent(state, "") == []


def test_addresses() -> None:
    """Addresses are equal or not."""
    state = state_of(
        cookie("a", domain="127.0.0.1"), cookie("b", domain="0.0.1"), cookie("c", domain="::1")
    )
    assert sent(state, "127.0.0.1") == ["a=v"]
    assert sent(state, "::1") == ["c=v"]


def test_without_a_domain() -> None:
    """Those are asked for by themselves."""
    state = state_of(cookie("a", domain="", path="/x"), cookie("b", domain="", secure=True))
    assert sent(state, "", "/x/y") == ["a=v"]
    assert sent(state, "", "/", secure=True) == ["b=v"]
    assert sent(state, "example.org", "/x", secure=True) == []


def test_ck4_secure() -> None:
    """Secure ones go over https only."""
    state = state_of(cookie("s", secure=True), cookie("p"))
    assert sent(state, "example.org") == ["p=v"]
    assert sent(state, "example.org", secure=True) == ["s=v", "p=v"]


def test_ck6_paths() -> None:
    """To the path and below it; of one name on two paths both go, the longest path first."""
    state = state_of(
        cookie("a", "root"), cookie("a", "foo", path="/foo"), cookie("b", path="/foo/"), cookie("c")
    )
    assert sent(state, "example.org", "/foo") == ["a=foo", "a=root", "c=v"]
    assert sent(state, "example.org", "/foo/x") == ["b=v", "a=foo", "a=root", "c=v"]
    assert sent(state, "example.org", "/foobar") == ["a=root", "c=v"]


def test_order_is_of_creation() -> None:
    """One that is replaced keeps its place; one that was removed does not."""
    state = state_of(cookie("a"), cookie("b"))
    state.put([cookie("a", "new")], 0)
    assert sent(state, "example.org") == ["a=new", "b=v"]
    state.remove("a", None, None, 0)
    state.put([cookie("a")], 0)
    assert sent(state, "example.org") == ["b=v", "a=v"]
    assert [c.name for c in state.all(0)] == ["b", "a"]


def test_identity() -> None:
    """Name, domain, path and host-only flag tell cookies apart, the rest does not."""
    state = state_of(
        *(cookie("a"), cookie("a", path="/x"), cookie("a", domain="x.org")),
        *(cookie("a", host_only=True), cookie("a", "2", secure=True, http_only=True, expires=9)),
    )
    assert state.count == 4
    assert state.find("a", "example.org", "/", 0)[1].value == "2"


def test_find_gives_the_most_specific_first() -> None:
    """The longest domain, for the host alone, the longest path, the latest."""
    in_order = [
        cookie("a", domain="a.example.org"),
        cookie("a", host_only=True),
        cookie("a", path="/long"),
        cookie("a", path="/y"),
        cookie("a", path="/x"),
        cookie("a", domain=""),
    ]
    state = state_of(*in_order[::-1])
    assert state.find("a", None, None, 0) == in_order
    assert state.find("a", None, "/x", 0) == [in_order[4]]
    assert state.find("a", "example.org", "/", 0) == [in_order[1]]
    assert state.find("b", None, None, 0) == []
    assert state.value("a", None, None, 0) == "v"
    assert state.value("b", None, None, 0) is None


def test_ck7_expiry() -> None:
    """At its time a cookie is gone, for whoever looks."""
    state = state_of(cookie("a", expires=10), cookie("b", expires=20), cookie("c"))
    assert state.names(9.9) == ["a", "b", "c"]
    assert state.names(10) == ["b", "c"]
    assert [c.name for c in state.all(15)] == ["b", "c"]
    assert state.find("b", None, None, 20) == []
    assert state.for_request("example.org", "/", True, 1e10).octets == b"c=v"
    assert state.count == 1


def test_ck7_what_has_expired_is_not_sent() -> None:
    """Though it was sent before, and nobody has looked since."""
    state = state_of(cookie("a", expires=10), cookie("b"))
    sent_at = {now: state.for_request("example.org", "/", True, now).octets for now in (9, 9.9, 10)}
    assert sent_at == {9: b"a=v; b=v", 9.9: b"a=v; b=v", 10: b"b=v"}


def test_ck7_set_expired() -> None:
    """Setting one that has expired removes it, and only it."""
    state = state_of(cookie("a"), cookie("a", path="/x"))
    state.receive(cookie("a", expires=0), True, 5)
    state.receive(cookie("b", expires=5), True, 5)
    assert [c.path for c in state.all(5)] == ["/x"]


def test_replace() -> None:
    """As a mapping does: one in the place of all with that name."""
    state = state_of(cookie("a"), cookie("a", path="/x"), cookie("b"))
    state.replace([cookie("a", "new", domain="")], 0)
    assert [c.value for c in state.all(0)] == ["v", "new"]


def test_remove() -> None:
    """By name, by domain, by path, or all."""

    def left(name: str | None, domain: str | None, path: str | None) -> list[str]:
        state = state_of(
            cookie("a"), cookie("a", path="/x"), cookie("b", path="/x"), cookie("c", domain="o.org")
        )
        before = state.count
        removed = state.remove(name, domain, path, 0)
        names = [c.name for c in state.all(0)]
        assert removed == before - len(names)
        return names

    assert left("a", None, None) == ["b", "c"]
    assert left("a", None, "/x") == ["a", "b", "c"]
    assert left("a", "o.org", None) == ["a", "a", "b", "c"]
    assert left(None, "example.org", None) == ["c"]
    assert left(None, None, "/x") == ["a", "c"]
    assert left(None, None, None) == []


@pytest.mark.parametrize(
    ("new", "overlays"),
    [
        (cookie("a"), False),  # its path is not below
        (cookie("a", path="/login"), True),
        (cookie("a", path="/login/en"), True),
        (cookie("a", path="/other"), False),
        (cookie("a", path="/login", domain="www.example.org"), True),
        (cookie("a", path="/login", domain="org"), True),
        (cookie("a", path="/login", domain="other.org"), False),
        (cookie("b", path="/login"), False),
        (cookie("a", path="/login", expires=0), True),
    ],
)
def test_ck4_secure_cookies_are_left_alone(new: Cookie, overlays: bool) -> None:
    """What comes over http neither replaces, hides nor removes a Secure cookie."""
    old = cookie("a", "secure", path="/login", secure=True)
    state = state_of(old)
    if overlays:
        with pytest.raises(Refused, match="would overlay one that is Secure"):
            state.receive(new, False, 1)
    else:
        state.receive(new, False, 1)
    assert old in state.all(1)
    state.receive(new, True, 1)  # over https it may


def test_ck4_thousands_of_servers_with_one_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """A cookie over http is held against the Secure ones around it, not against all of its name."""
    state = CookieState()
    for number in range(1000):
        state.receive(cookie("PHPSESSID", domain=f"h{number}.org", secure=True), True, 0)
    compared = []

    def counted(path: str, other: str) -> bool:
        compared.append(other)
        return path_matches(path, other)

    monkeypatch.setattr(cookie_state, "path_matches", counted)
    state.receive(cookie("PHPSESSID", domain="www.new.org"), False, 0)
    assert compared == []
    with pytest.raises(Refused):
        state.receive(cookie("PHPSESSID", domain="www.h7.org"), False, 0)
    assert compared == ["/"]


def test_ck4_one_that_is_secure_no_more() -> None:
    """What replaces a Secure cookie over https, or removes it, frees its name."""
    for over_https in (cookie("a"), cookie("a", expires=0)):
        state = state_of(cookie("a", secure=True))
        state.receive(over_https, True, 1)
        state.receive(cookie("a", "new"), False, 1)
        assert [c.value for c in state.all(1)] == ["new"]


def test_ck8_limit_of_a_domain() -> None:
    """50 a domain: the one not used for longest goes, insecure ones first."""
    state = CookieState()
    for number in range(MAX_DOMAIN_COOKIES):
        secure, path = number in (0, 1), f"/{number}"
        state.receive(cookie(f"c{number}", path=path, secure=secure), True, number)
    state.for_request("example.org", "/2", False, 100)  # used
    for number in range(3):
        state.receive(cookie(f"new{number}"), True, 200 + number)
    state.receive(cookie("other", domain="o.org"), True, 300)
    names = state.names(300)
    assert len(names) == MAX_DOMAIN_COOKIES + 1
    assert {"c0", "c1", "c2", "new0", "new1", "new2", "other"} < set(names)
    assert not {"c3", "c4", "c5"} & set(names)


def test_ck8_replacing_evicts_nothing() -> None:
    """A full domain stays as it is while its cookies are updated."""
    state = CookieState()
    for number in range(MAX_DOMAIN_COOKIES):
        state.receive(cookie(f"c{number}"), True, 0)
    state.receive(cookie("c0", "new"), True, 1)
    state.receive(cookie("gone", expires=0), True, 1)
    assert state.count == MAX_DOMAIN_COOKIES


def test_ck8_limit_of_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """Over the limit of all, those go that were not used for longest, some at once."""
    monkeypatch.setattr(cookie_state, "MAX_COOKIES", 200)
    state = CookieState()
    for number in range(200):
        state.receive(cookie("a", domain=f"h{number}.org"), True, number)
    state.for_request("h0.org", "/", True, 300)
    state.receive(cookie("a", domain="new.org"), True, 400)
    domains = {c.domain for c in state.all(400)}
    assert len(domains) == 199
    assert {"h0.org", "h3.org", "new.org"} < domains


def test_what_the_program_puts_in_has_no_limit() -> None:
    """Nothing that was put in by hand is dropped for being too much."""
    state = state_of(*(cookie(f"c{number}") for number in range(80)))
    assert state.count == 80
    state.receive(cookie("new"), True, 1)
    assert state.count == 80  # one made room, not thirty-one


# Against the letter of the RFC.

DOMAINS = st.sampled_from(["org", "example.org", "a.example.org", "b.a.example.org", "1.2", "2"])
PATHS = st.sampled_from(["/", "/x", "/x/", "/x/y", "/xy"])
COOKIES = st.builds(
    Cookie,
    name=st.sampled_from(["a", "b", ""]),
    value=st.sampled_from(["1", "2"]),
    domain=DOMAINS,
    path=PATHS,
    host_only=st.booleans(),
    secure=st.booleans(),
    expires=st.none() | st.integers(0, 20),
)
STEPS = st.tuples(COOKIES, st.booleans(), st.sampled_from(["put", "receive", "remove"]))


def plainly_received(jar: list[Cookie], new: Cookie, is_secure: bool, now: int) -> None:
    """Section 5.7 as it is written, on a list in the order of creation."""
    if not (is_secure or new.secure) and any(
        old.secure
        and old.name == new.name
        and (domain_matches(old.domain, new.domain) or domain_matches(new.domain, old.domain))
        and path_matches(new.path, old.path)
        for old in jar
    ):
        return
    same = [old for old in jar if identity(old) == identity(new)]
    if same:
        jar[jar.index(same[0])] = new
    else:
        jar.append(new)
    jar[:] = [one for one in jar if one.expires is None or one.expires > now]


def plainly_sent(jar: list[Cookie], host: str, path: str, is_secure: bool) -> bytes:
    """Section 5.8.3 as it is written."""
    found = [
        one
        for one in jar
        if (host == one.domain if one.host_only else domain_matches(host, one.domain))
        and path_matches(path, one.path)
        and (is_secure or not one.secure)
    ]
    found.sort(key=lambda one: -len(one.path))
    return b"; ".join([one.pair for one in found])


def identity(one: Cookie) -> tuple[object, ...]:
    return (one.name, one.domain, one.host_only, one.path)


@settings(deadline=None)
@given(st.lists(STEPS, max_size=20), DOMAINS, st.lists(PATHS, max_size=3), st.booleans())
def test_as_the_rfc_says(
    steps: list[tuple[Cookie, bool, str]], host: str, paths: list[str], is_secure: bool
) -> None:
    """After any steps the jar holds and sends what the RFC's own algorithms on a list would."""
    state, jar = CookieState(), list[Cookie]()
    for now, (one, over_tls, what) in enumerate(steps):
        jar[:] = [old for old in jar if old.expires is None or old.expires > now]
        if what == "remove":
            state.remove(one.name, one.domain, None, now)
            jar[:] = [old for old in jar if (old.name, old.domain) != (one.name, one.domain)]
        elif what == "put":
            state.put([one], now)
            plainly_received(jar, one, True, now)
        else:
            plainly_received(jar, one, over_tls, now)
            try:
                state.receive(one, over_tls, now)
            except Refused:
                pass
        assert state.all(now) == jar
        assert state.count == len(jar)
        assert set(state.names(now)) == {old.name for old in jar}
        for path in paths:
            sent = state.for_request(host, path, is_secure, now)
            assert sent.octets == plainly_sent(jar, host, path, is_secure)


def test_one_secure_cookie_of_two_is_removed() -> None:
    """The other one is held against what comes over http all the same."""
    state = CookieState()
    for path in ("/a", "/b"):
        state.put([cookie("sid", path=path, secure=True)], 0)
    state.remove("sid", None, "/a", 0)
    state.receive(cookie("sid", path="/a"), False, 0)
    with pytest.raises(Refused):
        state.receive(cookie("sid", path="/b"), False, 0)


def test_what_goes_to_hosts_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hosts that are asked for once do not stay; that changes nothing for the others."""
    monkeypatch.setattr(cookie_state, "_MAX_HOSTS", 10)
    state = state_of(cookie("a"))
    for number in range(100):
        assert sent(state, f"{number}.example.org") == ["a=v"]
        assert sent(state, "example.org") == ["a=v"]
    assert len(state._for_host) <= 10


def test_ck6_whatever_was_asked_for_before() -> None:
    """Which cookies go to a path does not depend on the paths before it."""
    state = state_of(cookie("a"), cookie("b", path="/x"), cookie("c", path="/x/y/"))
    expected = {"/x/y/z": "cba", "/x/y": "ba", "/xy": "a", "/": "a", "/x/z": "ba", "/x/y/": "cba"}
    for _ in range(2):
        for path, names in expected.items():
            assert [pair[0] for pair in sent(state, "example.org", path)] == list(names)
