"""Cookies in files."""

from __future__ import annotations

import contextlib
import http.cookiejar
import json
import os
import pathlib
import stat
import sys
import time
import typing

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from httpcore import Cookies
from httpcore.models.cookie import Cookie
from httpcore.models.cookie_files import load, save

LATER = 4_000_000_000

ALL = [
    Cookie("plain", "1", "example.org"),
    Cookie("host", "2", "example.org", "/x", host_only=True),
    Cookie("full", "a=b \u20ac", "example.org", "/", False, True, True, "Lax", LATER),
    Cookie("", "nameless", "127.0.0.1", host_only=True),
    Cookie("octets", "\udcff\t\udcfe", "::1", host_only=True),
    Cookie("none", ""),
]


@pytest.fixture
def path(tmp_path: pathlib.Path) -> pathlib.Path:
    return tmp_path / "cookies"


def test_json(path: pathlib.Path) -> None:
    """JSON has everything."""
    save(ALL, path, "json")
    assert load(path) == ALL
    assert path.read_text().isascii()


def test_netscape(path: pathlib.Path) -> None:
    """Netscape's format has everything but SameSite."""
    save(ALL, path, "netscape")
    assert load(path) == [cookie._replace(same_site=None) for cookie in ALL]


def test_netscape_lines(path: pathlib.Path) -> None:
    """The lines are those of curl."""
    save(ALL[:3], str(path), "netscape")
    assert path.read_bytes().splitlines()[3:] == [
        b".example.org\tTRUE\t/\tFALSE\t0\tplain\t1",
        b"example.org\tFALSE\t/x\tFALSE\t0\thost\t2",
        b"#HttpOnly_.example.org\tTRUE\t/\tTRUE\t4000000000\tfull\ta=b \xe2\x82\xac",
    ]


def test_netscape_is_read_by_the_standard_library(path: pathlib.Path) -> None:
    """So is all of a file, one without a domain too."""
    save([*ALL[:3], ALL[5]], path, "netscape")
    jar = http.cookiejar.MozillaCookieJar()
    jar.load(str(path), ignore_discard=True, ignore_expires=True)
    assert [c.name for c in jar] == ["plain", "full", "host", "none"]


def test_netscape_of_others(path: pathlib.Path) -> None:
    """CR LF, a byte order mark, comments, fractions, flags in lower case, no tab at the end."""
    path.write_bytes(
        b"\xef\xbb\xbf# HTTP Cookie File\r\n\r\n  \r\n#.x.org\tcomment\r\n"
        b"Example.org\ttrue\t\ttrue\t4000000000.5\ta\t1\r\n"
        b"#HttpOnly_example.org\tFALSE\t/\tFALSE\t-1\tb\r\n"
        b"example.org\tTRUE\t/\tFALSE\t\tc\t2"
    )
    assert load(path) == [
        Cookie("a", "1", "example.org", secure=True, expires=LATER),
        Cookie("b", "", "example.org", host_only=True, http_only=True, expires=-1),
        Cookie("c", "2", "example.org"),
    ]
    assert list(Cookies.load(path)) == ["a", "c"]


@pytest.mark.parametrize("name", ["a\tb", "a"])
def test_netscape_cannot_hold_tabs(path: pathlib.Path, name: str) -> None:
    """A tab in a name or a path is an error, and no file."""
    with pytest.raises(ValueError, match="a tab in its name or path"):
        save([Cookie(name, "1", path="/\t")], path, "netscape")
    assert list(path.parent.iterdir()) == []


def test_unknown_format(path: pathlib.Path) -> None:
    """A format that there is not."""
    with pytest.raises(ValueError, match="'json' or 'netscape', not 'xml'"):
        Cookies().save(path, "xml")  # type: ignore[arg-type]


@pytest.mark.skipif(sys.platform == "win32", reason="modes are POSIX's")
def test_ck3_mode(path: pathlib.Path) -> None:
    """The file is its owner's alone, also where another one was there before."""
    path.write_text("old")
    path.chmod(0o666)
    for format in ("json", "netscape"):
        save(ALL, path, format)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_ck3_host_only(path: pathlib.Path) -> None:
    """A cookie for a host alone stays one through either format."""
    cookies = Cookies()
    cookies.receive("http://example.org/", ["a=1"])
    for format in ("json", "netscape"):
        save(cookies.all(), path, format)
        loaded = Cookies.load(path)
        assert loaded == cookies
        assert loaded.header_for("http://example.org/") == "a=1"
        assert loaded.header_for("http://www.example.org/") is None


def test_ck3_no_pickle(path: pathlib.Path) -> None:
    """A file that would run code when it is read as a pickle is a malformed one."""
    path.write_bytes(b"cos\nsystem\n(S'exit 1'\ntR.")
    with pytest.raises(ValueError, match="malformed"):
        Cookies.load(path)


def test_whole_or_not_at_all(path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What fails on the way leaves the old file, and no other."""
    save(ALL, path, "json")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        save([], path, "json")
    assert load(path) == ALL
    assert list(path.parent.iterdir()) == [path]


def test_missing(path: pathlib.Path) -> None:
    """What is not there is the operating system's error."""
    with pytest.raises(FileNotFoundError):
        Cookies.load(path)
    with pytest.raises(FileNotFoundError):
        Cookies().save(path / "folder" / "file")


def fields(**changed: typing.Any) -> str:
    one = dict(Cookie("a", "secret")._asdict(), **changed)
    return json.dumps({"version": 1, "cookies": [one]})


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{", "it is no JSON"),
        ('{"a":' * 100_000, "it is no JSON"),
        ("{}", "its version is not 1"),
        ('{"version": 2}', "its version is not 1"),
        ('{"version": 1}', "it has no list of cookies"),
        ('{"version": 1, "cookies": ["secret"]}', "cookie 1 has not exactly the fields name,"),
        (fields(more=1), "cookie 1 has not exactly the fields"),
        (fields(value=1), "the value of cookie 1 is no str"),
        (fields(secure=1), "the secure of cookie 1 is no bool"),
        (fields(expires=1.5), "the expires of cookie 1 is no int"),
        (fields(same_site="secret"), "the same_site of cookie 1 is neither"),
        (fields(value="secret\n"), "cookie 1: the value of a cookie has"),
        (fields(path="x"), "cookie 1: the path 'x' of a cookie does not begin with '/'"),
        ("secret", "line 1 has not the seven fields"),
        ("\na\tTRUE\t/\tFALSE\tx\tn\tsecret", "line 2 has not the seven fields"),
        ("a\tTRUE\t/\tFALSE\t0\tn\tsecret;", "line 1: the value of a cookie has ';'"),
        ("a\tTRUE\tx\tFALSE\t0\tn\tsecret", "line 1: the path 'x'"),
        ("a\tTRUE\t/\tFALSE\t" + "9" * 400 + "\tn\tsecret", "line 1 has not the seven fields"),
    ],
)
def test_malformed(path: pathlib.Path, text: str, problem: str) -> None:
    """The error names the file and the place, and shows no value."""
    path.write_text(text)
    with pytest.raises(ValueError, match=r"the cookie file '.*cookies' is malformed: ") as caught:
        Cookies.load(path)
    message = str(caught.value).removeprefix(f"the cookie file {str(path)!r}")
    assert problem in message
    assert "secret" not in message


TEXT = st.text(st.characters(exclude_characters="\x7f;", exclude_categories=["Cc", "Cs"]))
COOKIES = st.builds(
    Cookie,
    name=TEXT.filter(lambda name: "=" not in name),
    value=TEXT
    | st.binary()
    .map(lambda o: o.decode("utf-8", "surrogateescape"))
    .filter(lambda text: all(c >= " " and c not in "\x7f;" for c in text)),
    domain=st.sampled_from(["example.org", "127.0.0.1", "::1"]),
    path=TEXT.map("/".__add__),
    secure=st.booleans(),
    http_only=st.booleans(),
    expires=st.none() | st.integers(1, 10**12),
)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(COOKIES, max_size=5), st.sampled_from(["json", "netscape"]))
def test_round_trip(path: pathlib.Path, cookies: list[Cookie], format: str) -> None:
    """What was saved is loaded, in its order."""
    save(cookies, path, format)
    loaded = load(path)
    if format == "netscape":
        cookies = [cookie._replace(same_site=None) for cookie in cookies]
    assert loaded == cookies


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary() | st.text(alphabet='{}[]":,\ttruefals01version\n#').map(str.encode))
def test_any_file(path: pathlib.Path, data: bytes) -> None:
    """Any file is cookies or a ValueError."""
    path.write_bytes(data)
    with contextlib.suppress(ValueError):
        Cookies.load(path)


def test_large_files_in_linear_time(path: pathlib.Path) -> None:
    """10,000 cookies there and back."""
    many = [Cookie("sid", "x" * 40, f"h{number}.org") for number in range(10_000)]
    started = time.thread_time()
    for format in ("json", "netscape"):
        save(many, path, format)
        assert load(path) == many
    assert time.thread_time() - started < 5
