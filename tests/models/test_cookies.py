"""`Cookies` as a mapping and as a jar."""

from __future__ import annotations

import collections.abc
import copy
import http.cookiejar
import logging
import math
import pickle
import sys
import threading
import time
import types
import typing

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from httpcore import URL, Cookie, CookieConflict, Cookies, InvalidHeader
from httpcore.models import cookie_state, host_cookies
from httpcore.models.cookies import cookie_field, cookies_from
from tests.cpu_time import assert_takes_no_time

HERE = "https://www.example.org/dir/page"


def received(*fields: bytes | str, url: str = HERE) -> Cookies:
    cookies = Cookies()
    cookies.receive(url, fields)
    return cookies


# As a mapping.


def test_mapping() -> None:
    """Names to values; setting, reading, deleting."""
    cookies = Cookies({"a": "1", "b": "2"})
    cookies["c"] = "3"
    assert dict(cookies) == {"a": "1", "b": "2", "c": "3"}
    assert (cookies["a"], cookies.get("a"), cookies.get("x"), cookies.get("x", 5)) == (
        *("1", "1", None, 5),
    )
    assert "a" in cookies
    assert "x" not in cookies
    assert 5 not in cookies  # type: ignore[comparison-overlap]
    del cookies["a"]
    assert cookies.pop("b") == "2"
    assert list(cookies) == ["c"]
    assert len(cookies) == 1
    assert cookies
    cookies.clear()
    assert not cookies
    for missing in (lambda: cookies["a"], lambda: cookies.__delitem__("a")):
        with pytest.raises(KeyError, match="'a'"):
            missing()


def test_same_name_on_two_domains() -> None:
    """Reading never raises: the most specific one wins."""
    cookies = Cookies({"sid": "default"})
    cookies.set("sid", "org", domain="example.org")
    cookies.set("sid", "www", domain="www.example.org")
    cookies.set("sid", "path", domain="example.org", path="/x")
    assert cookies["sid"] == "www"
    assert len(cookies) == 1
    assert cookies.get("sid", domain="example.org") == "path"
    assert cookies.get("sid", domain=".EXAMPLE.org", path="/") == "org"
    assert cookies.get("sid", domain="") == "default"
    assert cookies.get("sid", "none", domain="x.org") == "none"


def test_setting_replaces() -> None:
    """What was set is what is read, as in every mapping."""
    cookies = received("sid=server; Path=/", "other=1")
    cookies["sid"] = "mine"
    assert cookies["sid"] == "mine"
    assert [c.value for c in cookies.all()] == ["1", "mine"]
    del cookies["sid"]
    assert "sid" not in cookies


def test_set() -> None:
    """With everything."""
    cookies = Cookies()
    cookies.set(
        "a", "1", ".B\u00fccher.example", "/x", secure=True, http_only=True, same_site="Lax"
    )
    cookies.set("b", "2", "127.0.0.1", expires=time.time() + 60.5)
    cookies.set("c", "3", "::1")
    cookies.set("d", "4", "example.org", host_only=True)
    cookies.set("e", "5", host_only=True)
    a, b, c, d, e = cookies.all()
    assert a == Cookie("a", "1", "xn--bcher-kva.example", "/x", False, True, True, "Lax")
    assert (b.domain, b.host_only, type(b.expires)) == ("127.0.0.1", True, int)
    assert (c.domain, c.host_only) == ("::1", True)
    assert (d.domain, d.host_only) == ("example.org", True)
    assert (e.domain, e.host_only) == ("", False)


@pytest.mark.parametrize(
    "domain", ["example.org:80", "example.org/x", "user@example.org", "a b", "http://x.org", "[::1"]
)
def test_no_domains(domain: str) -> None:
    """A domain is a host and nothing else."""
    cookies = Cookies()
    for call in (cookies.delete, cookies.get, lambda name, domain: cookies.set(name, "1", domain)):
        with pytest.raises(ValueError, match="is no host without a port"):
            call("a", domain=domain)


@pytest.mark.parametrize(
    ("field", "problem"),
    [
        ({"path": "x"}, "the path 'x' of a cookie does not begin"),
        ({"path": "/a\nb"}, "has a control character"),
        ({"path": "/\ud800"}, "half a surrogate pair"),
        ({"same_site": "strict"}, "same_site is 'Strict', 'Lax', 'None' or None, not 'strict'"),
        ({"expires": math.inf}, "expires is seconds since the epoch or None, not inf"),
        ({"expires": math.nan}, "expires is seconds since the epoch"),
    ],
)
def test_no_fields_of_a_cookie(field: dict[str, typing.Any], problem: str) -> None:
    """What could not be saved and loaded again is refused when it is put in."""
    with pytest.raises(ValueError, match=problem):
        Cookies().set("a", "1", **field)


def test_delete_and_clear() -> None:
    """By domain and path; what is not there is no error."""
    cookies = Cookies({"a": "1"})
    cookies.set("a", "2", "example.org")
    cookies.set("a", "3", "example.org", "/x")
    cookies.set("b", "4", "example.org")
    cookies.delete("a", domain="example.org", path="/x")
    cookies.delete("a", domain="other.org")
    cookies.delete("x")
    assert [c.value for c in cookies.all()] == ["1", "2", "4"]
    cookies.clear(domain="")
    assert [c.value for c in cookies.all()] == ["2", "4"]
    cookies.clear(path="/x")
    cookies.clear(domain="EXAMPLE.org", path="/")
    assert cookies.all() == []


def test_cookie() -> None:
    """The whole of one; several are a conflict that tells how to get at one."""
    cookies = Cookies({"a": "secret"})
    cookies.set("a", "secret", "example.org")
    assert cookies.cookie("a", domain="") == Cookie("a", "secret")
    with pytest.raises(CookieConflict, match="there are 2 cookies called 'a'") as caught:
        cookies.cookie("a")
    assert "domain='example.org' path='/'" in str(caught.value)
    assert "secret" not in str(caught.value)
    with pytest.raises(KeyError):
        cookies.cookie("b")


@pytest.mark.parametrize(
    ("name", "value"), [("a", "1\r\nX: y"), ("a", "1;b=2"), ("a\x00", "1"), ("a=b", "1")]
)
def test_ck10_what_cannot_be_sent(name: str, value: str) -> None:
    """InvalidHeader, wherever it is put in."""
    for put in (
        lambda: Cookies({name: value}),
        lambda: Cookies().update({name: value}),
        lambda: Cookies().set(name, value),
        lambda: Cookies().__setitem__(name, value),
    ):
        with pytest.raises(InvalidHeader):
            put()


def test_types() -> None:
    """What cookies are made of."""
    jar = http.cookiejar.CookieJar()
    assert Cookies(jar) == Cookies(None) == Cookies({})
    for wrong in ("a=1", [("a", "1")], 5):
        with pytest.raises(TypeError, match="cookies are a mapping, a Cookies or an"):
            Cookies(wrong)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="the value of a cookie is a str, not int"):
        Cookies({"a": 1})  # type: ignore[dict-item]


def test_types_without_cookiejar(monkeypatch: pytest.MonkeyPatch) -> None:
    """The standard library's jar is not loaded to find out that something is none."""
    monkeypatch.delitem(sys.modules, "http.cookiejar")
    with pytest.raises(TypeError):
        Cookies(5)  # type: ignore[arg-type]
    assert "http.cookiejar" not in sys.modules


def test_equality() -> None:
    """With each other all counts but the order, with a mapping the values."""
    one, two = Cookies({"a": "1"}), Cookies({"b": "2"})
    one["b"], two["a"] = "2", "1"
    assert one == two == {"a": "1", "b": "2"}
    two.set("a", "1", "example.org")
    assert one != two
    assert one != [("a", "1")]
    with pytest.raises(TypeError):
        hash(one)


def test_copies() -> None:
    """Copies, pickles and updates have everything, and are on their own."""
    cookies = received("a=1; Secure", "b=2; Max-Age=100")
    cookies["c"] = "3"
    for made in (cookies.copy(), copy.copy(cookies), copy.deepcopy(cookies), Cookies(cookies)):
        assert made == cookies
        made["x"] = "y"
        assert "x" not in cookies
    assert pickle.loads(pickle.dumps(cookies)) == cookies
    ignoring = Cookies(ignore_received=True)
    for made in (ignoring.copy(), pickle.loads(pickle.dumps(ignoring))):
        assert made.ignore_received


def test_repr() -> None:
    """Which there are, but no values; of many the first."""
    cookies = Cookies({"a": "secret"})
    assert repr(cookies) == "<Cookies([<Cookie('a', domain='', path='/')>])>"
    assert repr(Cookies()) == "<Cookies([])>"
    many = Cookies({str(number): "secret" for number in range(12)})
    assert repr(many).endswith("<Cookie('9', domain='', path='/')>, and 2 more])>")
    assert "secret" not in repr(cookies) + repr(many) + str(many)


def test_cookies_from() -> None:
    """What a client is given: a `Cookies` is shared, all else is copied."""
    cookies = Cookies()
    assert cookies_from(cookies) is cookies
    assert cookies_from({"a": "1"}) == {"a": "1"}
    assert cookies_from(None) == {}


# Servers and requests.


def test_receive() -> None:
    """Set-Cookie fields, as octets or as text, become cookies of the host."""
    cookies = received("a=\u20ac; Path=/", b"b=\xff")
    assert cookies["a"] == "\u20ac"
    assert cookies["b"] == "\udcff"
    assert cookies.cookie("a").domain == "www.example.org"
    assert cookies.header_for(HERE) == "b=\udcff; a=\u20ac"
    assert cookies.header_for("https://example.org") is None


def test_receive_without_a_url() -> None:
    """Without one they have no domain."""
    cookies = Cookies()
    cookies.receive(None, ["a=1; Secure", "b=; Max-Age=0"])
    assert cookies.all() == [Cookie("a", "1", secure=True)]


def test_ignore_received() -> None:
    """It may have only what the program put in."""
    cookies = Cookies({"a": "1"}, ignore_received=True)
    cookies.receive(HERE, ["a=2", "b=3"])
    assert cookies == {"a": "1"}


def test_ck9_one_bad_among_good(caplog: pytest.LogCaptureFixture) -> None:
    """One that is dropped leaves the others; a DEBUG line tells why, and no value."""
    with caplog.at_level(logging.DEBUG, "httpcore"):
        cookies = received("a=1", "secret\x01=secret", "b=secret; Domain=org", b"c=\x7f", "", "d=4")
    assert cookies == {"a": "1", "d": "4"}
    assert [record.getMessage() for record in caplog.records] == [
        "cookie '' set by www.example.org ignored: "
        "it is empty, has more than 4,096 bytes, or control characters",
        "cookie 'b' set by www.example.org ignored: its Domain 'org' is a public suffix",
        *[
            "cookie '' set by www.example.org ignored: "
            "it is empty, has more than 4,096 bytes, or control characters"
        ]
        * 2,
    ]


def test_ck9_nothing_is_logged_above_debug(caplog: pytest.LogCaptureFixture) -> None:
    """At INFO there is nothing; what has no URL has no host."""
    with caplog.at_level(logging.INFO, "httpcore"):
        received("")
    assert caplog.records == []
    with caplog.at_level(logging.DEBUG, "httpcore"):
        Cookies().receive(None, ["__Host-a=1"])
    assert "'__Host-a' set by no host ignored" in caplog.text


def test_ck8_many(caplog: pytest.LogCaptureFixture) -> None:
    """1,000 of 4 KiB: 50 are kept, and 8 KiB of them are sent."""
    cookies = received(*(f"c{n:04}=" + "x" * 4091 for n in range(1000)), "big=" + "x" * 2**20)
    assert len(cookies) == 50
    assert len(cookies.header_for(HERE) or "") == 4097
    cookies.receive(HERE, (f"d{n:02}=" + "x" * 200 for n in range(50)))
    assert 7900 < len(cookies.header_for(HERE) or "") <= 8192


def test_ck8_what_fits() -> None:
    """One that is too long leaves room for those after it."""
    cookies = received("a=" + "x" * 4000, "b=" + "x" * 4094, "c=" + "x" * 4094, "d=1")
    assert [len(pair) for pair in (cookies.header_for(HERE) or "").split("; ")] == [4002, 4096, 3]
    fits = received("a=" + "x" * 4091, "b=" + "x" * 4091)
    assert len(fits.header_for(HERE) or "") == 8188


def test_defaults_go_last_and_only_once() -> None:
    """What has no domain is a default: the server's own comes in its place."""
    cookies = Cookies({"a": "default", "b": "default"})
    cookies.receive(HERE, ["a=server; Path=/"])
    assert cookies.header_for(HERE) == "a=server; b=default"
    assert cookies.header_for("http://other.org") == "a=default; b=default"


def test_own_cookies_win() -> None:
    """Those of the request before the jar's and the defaults, of the same name."""
    jar = received("a=jar; Path=/", "b=jar; Path=/")
    jar.update({"c": "default", "d": "default"})
    own = Cookies({"a": "own", "c": "own"})
    own.set("e", "own", domain="example.org")
    own.set("e", "default")
    own.set("f", "own", domain="other.org")
    url = URL(HERE)
    assert cookie_field(jar, own, jar, url) == b"b=jar; e=own; a=own; c=own; d=default"
    assert cookie_field(None, own, None, url) == b"e=own; a=own; c=own"
    assert cookie_field(jar, None, None, url) == b"a=jar; b=jar"
    assert cookie_field(None, None, None, url) is None


def test_own_cookies_have_no_limit() -> None:
    """What the caller asks for is sent, however long."""
    own = Cookies({"a": "x" * 5000, "b": "x" * 5000})
    assert len(cookie_field(None, own, None, URL(HERE)) or b"") == 10_006


def test_ck12_backslashes() -> None:
    """64 KiB of backslashes in quotes are dropped, 4 KiB are kept as they are."""
    fields = 'a="' + "\\" * 65536 + '"', 'b="' + "\\" * 4000 + '"'
    assert_takes_no_time(lambda: received(*fields))
    assert received(*fields) == {"b": '"' + "\\" * 4000 + '"'}


FIELDS = st.binary(max_size=60) | st.text(
    alphabet="ab=; ,.-_/0189DEHMOPSXadehimnoprstx", max_size=60
).map(str.encode)


@settings(deadline=None)
@given(st.lists(FIELDS, max_size=8), st.sampled_from(["http://a.b.org/x/y", "https://1.2.3.4/"]))
def test_any_field(fields: list[bytes], url: str) -> None:
    """Whatever servers send, reading goes on working, and what is sent is a valid field."""
    cookies = received(*fields, url=url)
    field = cookie_field(cookies, None, cookies, URL(url)) or b""
    assert all(byte >= 32 or byte == 9 for byte in field)
    assert 127 not in field
    assert len(list(cookies)) == len(cookies)
    assert all(cookies[name] in [c.value for c in cookies.all()] for name in cookies)
    assert pickle.loads(pickle.dumps(cookies)) == cookies


# Threads.


def in_threads(count: int, work: collections.abc.Callable[[int], None]) -> None:
    errors: list[BaseException] = []

    def run(number: int) -> None:
        try:
            work(number)
        except BaseException as exc:
            errors.append(exc)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert errors == []


def test_ck14_threads() -> None:
    """8 threads with 1,000 updates each, and readers among them: none is lost, nothing raises."""
    cookies = Cookies()

    def work(number: int) -> None:
        for step in range(1000):
            place = step % 125
            url = f"http://h{place}.example.org/"
            cookies.receive(url, [f"t{number}={step}; Path=/", f"gone{number}=x; Max-Age=0"])
            assert f"t{number}={step}" in (cookies.header_for(url) or "")
            if step % 50 == 0:
                assert f"t{number}" in dict(cookies)
                cookies.set(f"mine{number}", str(step))
                assert len(cookies) <= len(cookies.all())

    in_threads(8, work)
    assert len([c for c in cookies.all() if c.name.startswith("t")]) == 8 * 125
    assert all(int(c.value) >= 875 for c in cookies.all() if c.domain)
    assert {cookies[f"mine{number}"] for number in range(8)} == {"950"}


def test_ck14_limits_hold_under_threads() -> None:
    """The limit of a domain too."""
    cookies = Cookies()

    def work(number: int) -> None:
        for step in range(200):
            cookies.receive(HERE, [f"t{number}-{step}=1; Path=/"])

    in_threads(8, work)
    assert len(cookies) == len(cookies.all()) == 50


@pytest.mark.skipif(not hasattr(sys, "getallocatedblocks"), reason="this Python counts no blocks")
def test_ck14_memory_is_flat() -> None:
    """10,000 paths that are asked for, and 10,000 cookies that come and go, leave nothing."""
    cookies = received("a=1; Path=/")

    def use(paths: range) -> None:
        for number in paths:
            url = URL(f"http://www.example.org/dir{number % 100}/{number}")
            cookies.receive(url, ["b=1", "b=; Max-Age=0", "a=2; Path=/"])
            cookie_field(cookies, None, cookies, url)

    use(range(10_000, 13_000))  # the cache of URLs is full then
    before = sys.getallocatedblocks()
    use(range(10_000))
    assert sys.getallocatedblocks() - before < 2000
    assert cookies == {"a": "2"}


def test_ck14_interrupts() -> None:
    """Wherever Ctrl-C hits, the jar goes on working."""
    cookies = Cookies()
    lines = [0]

    def trace(frame: types.FrameType, event: str, argument: object) -> typing.Any:
        if frame.f_code.co_filename not in (cookie_state.__file__, host_cookies.__file__):
            return None
        if event == "line":
            lines[0] -= 1
            if lines[0] == 0:
                raise KeyboardInterrupt
        return trace

    def change() -> None:
        cookies.receive(
            HERE, ["a=2; Path=/", "a=3; Path=/", "b=1; Path=/", "a=; Max-Age=0; Path=/"]
        )

    outer = sys.gettrace()
    for step in range(1, 400):
        lines[0] = step
        sys.settrace(trace)
        try:
            change()
        except KeyboardInterrupt:
            pass
        else:
            break
        finally:
            sys.settrace(outer)
        change()
        assert cookies == {"b": "1"}
        assert cookies.header_for(HERE) == "b=1"
        assert [c.name for c in cookies.all()] == ["b"]
        cookies.clear()
    assert step > 50
    cookies.clear()
    assert not cookies
