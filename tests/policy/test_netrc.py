"""Logins from netrc files: found, read, chosen by host; and what is wrong with files."""

from __future__ import annotations

import logging
import os
import pathlib
import re
import typing

import hypothesis
import hypothesis.strategies as st
import pytest

from httpcore import BasicAuth, NetRCAuth, Request, Response
from httpcore.policy import netrc as netrc_module
from httpcore.policy.netrc import NetRC, netrc_of_environment

TEXT = """
# A comment
machine one.org login user password "pass word \\"quoted\\""
machine Two.ORG
    user u#x
    account nobody
    password p:\u00fc
machine account.org account a password p
machine empty.org

# An empty line before a comment
machine "quo\\"ted" login a\\ b password #c # A comment
machine twice.org login first password p
machine twice.org login second password p
macdef init
    machine nothing.org login a password b

default login anyone password any
macdef init
    cd /pub

"""

Write = typing.Callable[..., str]


@pytest.fixture
def write(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Writes `.netrc` (or another file) in a home folder of the test's own; its path."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("NETRC")

    def write(text: str | bytes = TEXT, name: str = ".netrc", mode: int = 0o600) -> str:
        path = home / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        path.chmod(mode)
        return str(path)

    return write


def login(netrc: NetRC | None, host: str) -> BasicAuth | None:
    assert netrc is not None
    return netrc.login(host)


# What is in a file.


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("one.org", BasicAuth("user", 'pass word "quoted"')),
        ("ONE.org", BasicAuth("user", 'pass word "quoted"')),
        ("two.org", BasicAuth("u#x", "p:\u00fc")),
        ("account.org", BasicAuth("a", "p")),
        ('quo"ted', BasicAuth("a b", "#c")),
        ("twice.org", BasicAuth("second", "p")),
        ("nothing.org", BasicAuth("anyone", "any")),
        ("empty.org", BasicAuth("anyone", "any")),
        ("sub.one.org", BasicAuth("anyone", "any")),
    ],
)
def test_logins(write: Write, host: str, expected: BasicAuth) -> None:
    """By host, whatever its case; an entry that says nothing is none."""
    assert login(NetRCAuth(write(name="mine"))._netrc, host) == expected


def test_no_login(write: Write) -> None:
    """Without a default entry other hosts get nothing."""
    auth = NetRCAuth(pathlib.Path(write("machine a.org login u password p")))
    flow = auth.flow(Request("GET", "http://b.org/"))
    request = next(flow)
    assert isinstance(request, Request)
    assert "Authorization" not in request.headers
    with pytest.raises(StopIteration):
        flow.send(Response(401))


def test_user_with_a_colon(write: Write) -> None:
    """It is an error for who needs it; it does no harm to others."""
    netrc = NetRCAuth(write("machine a.org login u:x password p machine b.org login u password p"))
    next(netrc.flow(Request("GET", "http://b.org/")))
    with pytest.raises(ValueError, match="must not contain a colon"):
        next(netrc.flow(Request("GET", "http://a.org/")))


# Which file.


def test_file_in_the_home_folder(write: Write) -> None:
    """It is found, by the environment and by `NetRCAuth()`."""
    path = write()
    assert login(netrc_of_environment(), "account.org") == BasicAuth("a", "p")
    assert repr(NetRCAuth()) == f"NetRCAuth({path!r})"


def test_file_that_the_environment_names(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """NETRC beats the one in the home folder, may begin with `~`, and counts only if not empty."""
    write("machine a.org login home password p")
    write("machine a.org login named password p", "other")
    monkeypatch.setenv("NETRC", "~/other")
    assert login(netrc_of_environment(), "a.org") == BasicAuth("named", "p")
    monkeypatch.setenv("NETRC", "")
    assert login(netrc_of_environment(), "a.org") == BasicAuth("home", "p")


def test_windows(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """There it may begin with an underscore, as curl and requests have it."""
    write(name="_netrc")
    assert netrc_of_environment() is None

    class Windows:
        name = "nt"

        def __getattr__(self, name: str) -> object:
            return getattr(os, name)

    monkeypatch.setattr(netrc_module, "os", Windows())
    assert login(netrc_of_environment(), "account.org") == BasicAuth("a", "p")


def test_dg2_no_file(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor a home folder, nor one that can be read: no logins, and no complaint."""
    assert netrc_of_environment() is None
    with pytest.raises(ValueError, match="there is no netrc file in the home folder"):
        NetRCAuth()
    monkeypatch.setenv("HOME", "/no/such/folder")
    assert netrc_of_environment() is None
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)  # the user has no home
    assert netrc_of_environment() is None


# What is wrong with a file.


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("machine a.org login u secret p", "line 1 is malformed"),
        ("\nsecret", "line 2 is malformed"),
        ("login secret", "line 1 is malformed"),
        ("machine", "line 1 is malformed"),
        ("machine a.org\nlogin", "line 2 is malformed"),
        (b"\xff\xfe\x00secret", "not UTF-8"),
    ],
    ids=["follower", "word", "orphan", "no host", "no value", "bytes"],
)
def test_cr3_garbage(
    write: Write, caplog: pytest.LogCaptureFixture, text: str | bytes, reason: str
) -> None:
    """Of the environment: ignored, with a warning that shows nothing of it.  Given: an error."""
    path = write(text)
    with (
        caplog.at_level(logging.DEBUG, "httpcore"),
        pytest.warns(UserWarning, match=rf"netrc file '{path}' is ignored: .*({reason})") as caught,
    ):
        assert netrc_of_environment() is None
    assert len(caplog.records) == 1
    assert "secret" not in str(caught[0].message)
    with pytest.raises(ValueError, match=f"cannot use the netrc file '{path}': .*({reason})"):
        NetRCAuth(path)


WORDS = [
    "machine",
    "default",
    "login",
    "password",
    "macdef",
    "#",
    '"',
    "\\",
    "\n",
    " ",
    "a",
    "\u00e9",
]


@hypothesis.given(st.lists(st.sampled_from(WORDS)).map("".join))
def test_whatever_is_in_a_file(text: str) -> None:
    """It is read, or refused with the line."""
    logins, problem = {}, "line 1 is malformed"
    try:
        logins = netrc_module._parse(text)
    except ValueError as exc:
        problem = str(exc)
    assert re.fullmatch(r"line \d+ is malformed", problem)
    assert all(any(login) for login in logins.values())


def test_permissions(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file in the home folder that others may read is refused; one that is named is not."""
    write(mode=0o644)
    with pytest.warns(UserWarning, match="others may use it; say `chmod 600` to it"):
        assert netrc_of_environment() is None
    with pytest.raises(ValueError, match="others may use it"):
        NetRCAuth()
    other = write(name="other", mode=0o644)
    assert login(NetRCAuth(other)._netrc, "account.org") == BasicAuth("a", "p")
    write()
    user = os.getuid()
    monkeypatch.setattr(os, "getuid", lambda: user + 1)
    with pytest.warns(UserWarning, match="it belongs to somebody else"):
        assert netrc_of_environment() is None


def test_permissions_of_what_is_no_secret(write: Write) -> None:
    """The login of anonymous ftp may be read by anyone."""
    write("machine a.org login anonymous password me@b.org", mode=0o644)
    assert login(netrc_of_environment(), "a.org") == BasicAuth("anonymous", "me@b.org")


def test_cr3_a_folder(
    write: Write, caplog: pytest.LogCaptureFixture, tmp_path: pathlib.Path
) -> None:
    """What cannot be opened is passed over, with a DEBUG line."""
    (tmp_path / "home" / ".netrc").mkdir()
    with caplog.at_level(logging.DEBUG, "httpcore"):
        assert netrc_of_environment() is None
    (record,) = caplog.records
    assert record.getMessage().endswith("is ignored: Is a directory")
    with pytest.raises(ValueError, match="Is a directory"):
        NetRCAuth()


def test_cr3_mode_000(
    write: Write, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same for one that may not be read (the superuser may, so it is played)."""
    write(mode=0o000)

    def refuse(path: str) -> NetRC:
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr(netrc_module, "_read", refuse)
    with caplog.at_level(logging.DEBUG, "httpcore"):
        assert netrc_of_environment() is None
    assert caplog.records[0].getMessage().endswith("is ignored: Permission denied")


def test_missing_file(
    write: Write, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """One that NETRC names is passed over; one that is given is an error."""
    monkeypatch.setenv("NETRC", "/no/such/file")
    with caplog.at_level(logging.DEBUG, "httpcore"):
        assert netrc_of_environment() is None
    assert "'/no/such/file' is ignored: No such file" in caplog.records[0].getMessage()
    with pytest.raises(ValueError, match="cannot use the netrc file '/no/such': No such file"):
        NetRCAuth("/no/such")
