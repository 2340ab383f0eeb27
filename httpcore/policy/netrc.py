"""Logins from a netrc file, which requests shares with curl, ftp and git.

It is read as Python's `netrc` reads it, quotes and escapes and permissions, but for comments after
empty lines, on which that fails.  No error shows what stands in the file.
"""

from __future__ import annotations

import collections.abc
import logging
import os
import re
import stat
import warnings

from ..aliases import Path
from ..field_values import QUOTED_TEXT
from ..models.request import Request
from ..models.response_base import ResponseBase
from .auth import Auth, AuthFlow, BasicAuth

logger = logging.getLogger("httpcore")

_WORD = re.compile(rf'\s*(?:{QUOTED_TEXT}"?|((?:[^\s\\]+|\\.)+))', re.DOTALL)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)

# In the place of a host: all that are not named.
_OTHERS = ""


class NetRC:
    """The logins of one file, user and password by host, as Basic authentication."""

    def __init__(self, logins: dict[str, tuple[str, str]]) -> None:
        self._logins = logins

    def login(self, host: str, with_default: bool = True) -> BasicAuth | None:
        """
        The login for `host`: its own or, if `with_default`, that of the `default` entry.

        `ValueError` for one that Basic authentication cannot carry.
        """
        login = self._logins.get(host.lower())
        if login is None and with_default:
            login = self._logins.get(_OTHERS)
        return None if login is None else BasicAuth(*login)

    def auth_for(
        self, request: Request, history: collections.abc.Sequence[ResponseBase]
    ) -> BasicAuth | None:
        """
        The login that the environment has for `request`, to which the redirects `history` led.

        Nobody is redirected to more than a host's own login: not to the default one, not to a host
        that was left before, and not from https to http.
        """
        if "Authorization" in request.headers:
            return None
        url = request.url
        if not history:
            return self.login(url.host)
        earlier = [response.url for response in history if response.url is not None]
        if any(
            left.host == url.host or (left.scheme, url.scheme) == ("https", "http")
            for left in earlier
        ):
            return None
        return self.login(url.host, with_default=False)


class NetRCAuth(Auth):
    """
    Basic authentication by a netrc file, read now: by the login for the request's host, else by
    that of its `default` entry; where there is none, the request is sent as it is.

    * `file`: its path; `None`: the one that the variable NETRC names, else `.netrc` (on Windows
      also `_netrc`) in the home folder.

    `ValueError` for a file that is missing or malformed, or one in the home folder that others may
    read.
    """

    def __init__(self, file: Path | None = None) -> None:
        found = _default_file() if file is None else os.fspath(file)
        if found is None:
            raise ValueError("there is no netrc file in the home folder, and NETRC names none")
        self._file = found
        try:
            self._netrc = _read(found)
        except (OSError, ValueError) as exc:
            raise ValueError(f"cannot use the netrc file {found!r}: {_reason(exc)}") from exc

    def flow(self, request: Request) -> AuthFlow:
        login = self._netrc.login(request.url.host)
        if login is None:
            yield request
        else:
            yield from login.flow(request)

    def __repr__(self) -> str:
        return f"NetRCAuth({self._file!r})"


def netrc_of_environment() -> NetRC | None:
    """
    The logins of the file that NETRC names, else of the one in the home folder; `None`: no file.

    A file that cannot be opened is ignored, one that makes no sense too, with a warning.
    """
    file = _default_file()
    if file is None:
        return None
    try:
        return _read(file)
    except OSError as exc:
        logger.debug("the netrc file %r is ignored: %s", file, _reason(exc))
    except ValueError as exc:
        message = f"the netrc file {file!r} is ignored: {_reason(exc)}"
        logger.debug("%s", message)
        warnings.warn(message, UserWarning, stacklevel=3)
    return None


class _BadFile(ValueError):
    """What is wrong with a file, in words that hold no secret."""


def _default_file() -> str | None:
    named = os.environ.get("NETRC")
    if named:
        return os.path.expanduser(named)
    for name in (".netrc", "_netrc") if os.name == "nt" else (".netrc",):
        path = _home_file(name)
        if path is not None and os.path.exists(path):
            return path
    return None


def _home_file(name: str) -> str | None:
    """The path of `name` in the home folder, `None` where nobody knows where that is."""
    home = os.path.expanduser("~")
    return None if home == "~" else os.path.join(home, name)


def _read(path: str) -> NetRC:
    with open(path, "rb") as file:
        data = file.read()
        owner = os.fstat(file.fileno())
    try:
        text = data.decode("utf-8").replace("\r\n", "\n")
    except UnicodeDecodeError:
        raise _BadFile("it is not UTF-8") from None
    logins = _parse(text)
    is_private = any(user != "anonymous" for user, _ in logins.values())
    # As Python's netrc has it: a file that is named on purpose may belong to anyone.
    if is_private and os.name == "posix" and path == _home_file(".netrc"):
        if owner.st_uid != os.getuid():
            raise _BadFile("it belongs to somebody else")
        if owner.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise _BadFile("others may use it; say `chmod 600` to it")
    return NetRC(logins)


class _Tokens:
    """The words of a file, which may be quoted."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def next(self) -> str | None:
        """The next word, `None` at the end."""
        match = _WORD.match(self._text, self._at)
        if match is None:
            return None
        self._at = match.end()
        return _ESCAPE.sub(r"\1", match[1] if match[2] is None else match[2])

    def value(self) -> str:
        """The word after a keyword."""
        word = self.next()
        if word is None:
            raise self.error()
        return word

    def skip_to(self, end: str) -> None:
        """Go on behind the next `end`."""
        at = self._text.find(end, self._at)
        self._at = len(self._text) if at < 0 else at

    def error(self) -> _BadFile:
        return _BadFile(f"line {self._text.count(chr(10), 0, self._at) + 1} is malformed")


def _parse(text: str) -> dict[str, tuple[str, str]]:
    """User and password by host, `_OTHERS` for all others; of two for one host the last."""
    tokens = _Tokens(text)
    entries: dict[str, dict[str, str]] = {}
    entry: dict[str, str] | None = None
    while (word := tokens.next()) is not None:
        if word.startswith("#"):
            tokens.skip_to("\n")
        elif word == "macdef":
            tokens.skip_to("\n\n")
        elif word in ("machine", "default"):
            host = _OTHERS if word == "default" else tokens.value().lower()
            entry = entries[host] = {}
        elif word in ("login", "user", "account", "password") and entry is not None:
            entry["login" if word == "user" else word] = tokens.value()
        else:
            raise tokens.error()
    logins = {
        host: (entry.get("login") or entry.get("account") or "", entry.get("password", ""))
        for host, entry in entries.items()
    }
    return {host: login for host, login in logins.items() if any(login)}


def _reason(exc: Exception) -> str:
    return (exc.strerror if isinstance(exc, OSError) else None) or str(exc)
