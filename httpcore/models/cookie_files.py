"""Files of cookies: JSON with all that a `Cookie` has, and the format of Netscape, curl and wget.

Both are read as UTF-8 with `surrogateescape`, so that octets that are no UTF-8 survive.  No error
shows a value.
"""

from __future__ import annotations

import collections.abc
import json
import os
import re
import tempfile

from .cookie import Cookie, check_pair, check_path

_JSON_VERSION = 1
_NETSCAPE_HEAD = "# Netscape HTTP Cookie File\n# Whoever can read this file can act as you.\n\n"
_HTTP_ONLY = "#HttpOnly_"
# Extensions of browsers write fractions, and http.cookiejar nothing for the session.
_SECONDS = re.compile(r"(?:-?[0-9]{1,15}(?:\.[0-9]*)?)?")
_FLAGS = {True: "TRUE", False: "FALSE"}

# What the fields of a cookie are in JSON.
_KINDS: dict[str, tuple[type, ...]] = {
    "name": (str,),
    "value": (str,),
    "domain": (str,),
    "path": (str,),
    "host_only": (bool,),
    "secure": (bool,),
    "http_only": (bool,),
    "same_site": (str, type(None)),
    "expires": (int, type(None)),
}


def save(
    cookies: collections.abc.Sequence[Cookie], path: str | os.PathLike[str], format: str
) -> None:
    """See `Cookies.save`."""
    if format == "json":
        text = _to_json(cookies)
    elif format == "netscape":
        text = _NETSCAPE_HEAD + "".join(map(_to_line, cookies))
    else:
        raise ValueError(f"the format of a cookie file is 'json' or 'netscape', not {format!r}")
    _write(text.encode("utf-8", "surrogateescape"), os.fspath(path))


def load(path: str | os.PathLike[str]) -> list[Cookie]:
    """See `Cookies.load`."""
    with open(path, encoding="utf-8-sig", errors="surrogateescape", newline="\n") as file:
        text = file.read()
    try:
        return _from_json(text) if text.lstrip().startswith("{") else _from_lines(text)
    except _Malformed as exc:
        raise ValueError(f"the cookie file {os.fspath(path)!r} is malformed: {exc}") from None


class _Malformed(ValueError):
    """What is wrong with the file."""


def _write(data: bytes, path: str) -> None:
    """Put a file for its owner alone at `path`, as a whole or not at all."""
    folder, name = os.path.split(os.path.abspath(path))
    handle, temporary = tempfile.mkstemp(prefix=f".{name}.", dir=folder)  # mode 0600
    try:
        with open(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(handle)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def _to_json(cookies: collections.abc.Sequence[Cookie]) -> str:
    content = {"version": _JSON_VERSION, "cookies": [cookie._asdict() for cookie in cookies]}
    return json.dumps(content, indent=1) + "\n"


def _from_json(text: str) -> list[Cookie]:
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        raise _Malformed("it is no JSON") from None
    if content.get("version") != _JSON_VERSION:
        raise _Malformed(f"its version is not {_JSON_VERSION}")
    listed = content.get("cookies")
    if not isinstance(listed, list):
        raise _Malformed("it has no list of cookies")
    return [_from_fields(fields, number) for number, fields in enumerate(listed, 1)]


def _from_fields(fields: object, number: int) -> Cookie:
    if not isinstance(fields, dict) or fields.keys() != _KINDS.keys():
        raise _Malformed(f"cookie {number} has not exactly the fields {', '.join(_KINDS)}")
    for name, kinds in _KINDS.items():
        if type(fields[name]) not in kinds:
            raise _Malformed(f"the {name} of cookie {number} is no {kinds[0].__name__}")
    if fields["same_site"] not in (None, "Strict", "Lax", "None"):
        raise _Malformed(f"the same_site of cookie {number} is neither Strict, Lax nor None")
    return _checked(Cookie(**fields), f"cookie {number}")


def _checked(cookie: Cookie, where: str) -> Cookie:
    try:
        check_pair(cookie.name, cookie.value)
        check_path(cookie.path)
    except ValueError as exc:
        raise _Malformed(f"{where}: {exc}") from None
    return cookie


def _to_line(cookie: Cookie) -> str:
    """Seven fields: domain, whether below it too, path, secure, expires, name, value."""
    if "\t" in cookie.name or "\t" in cookie.path:
        raise ValueError(
            f"the cookie {cookie.name!r} has a tab in its name or path, which a file in Netscape's "
            "format cannot hold; save it as JSON"
        )
    below = bool(cookie.domain) and not cookie.host_only
    fields = (
        f"{'.' if below else ''}{cookie.domain}",
        _FLAGS[below],
        cookie.path,
        _FLAGS[cookie.secure],
        str(cookie.expires or 0),  # 0: as long as the session
        cookie.name,
        cookie.value,
    )
    return (_HTTP_ONLY if cookie.http_only else "") + "\t".join(fields) + "\n"


def _from_lines(text: str) -> list[Cookie]:
    lines = enumerate(text.split("\n"), 1)
    return [
        _from_line(line.removesuffix("\r"), f"line {number}")
        for number, line in lines
        if line.startswith(_HTTP_ONLY) or (line.strip() and not line.startswith("#"))
    ]


def _from_line(line: str, where: str) -> Cookie:
    fields = line.removeprefix(_HTTP_ONLY).split("\t", 6)
    if len(fields) == 6:
        fields.append("")  # editors take the tab before an empty value away
    if len(fields) != 7 or not _SECONDS.fullmatch(fields[4]):
        raise _Malformed(f"{where} has not the seven fields, with tabs in between, of a cookie")
    domain, below, path, secure, expires, name, value = fields
    cookie = Cookie(
        name,
        value,
        domain.removeprefix(".").lower(),
        path or "/",
        bool(domain) and below.upper() != "TRUE",
        secure.upper() == "TRUE",
        line.startswith(_HTTP_ONLY),
        expires=int(float(expires or 0)) or None,
    )
    return _checked(cookie, where)
