"""A cookie as a value, and what it means that its domain and path match (RFC 6265bis §5.1).

Names and values are `str`, but on the wire they are octets that need not be UTF-8.  They are
decoded as UTF-8 with `surrogateescape`, so that what a server set is sent back to it byte by byte.
"""

from __future__ import annotations

import collections.abc
import re
import typing

from ..exceptions import InvalidHeader

SameSite = typing.Literal["Strict", "Lax", "None"]

# What would end the field, or the cookie.  HTAB may be in a cookie (RFC 6265bis §5.6).
_UNSENDABLE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f;]")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


class Cookie(typing.NamedTuple):
    """
    One cookie; immutable.

    * `name`: `""` for one that a server set without a name.
    * `domain`: a host as `URL.host` has it; `""`: none was given, see `Cookies`.
    * `path`: it goes to this path and to what is below it.
    * `host_only`: whether it goes to `domain` alone, and not to what is below it.
    * `secure`: whether it goes over https only.
    * `http_only`, `same_site`: kept as they were set; they mean something in browsers only.
    * `expires`: seconds since the epoch; `None`: it lasts as long as the `Cookies` it is in.

    Its `repr` hides the value.
    """

    name: str
    value: str
    domain: str = ""
    path: str = "/"
    host_only: bool = False
    secure: bool = False
    http_only: bool = False
    same_site: SameSite | None = None
    expires: int | None = None

    @property
    def pair(self) -> bytes:
        """What is sent: `name=value`, or only the value of one without a name (§5.8.3)."""
        text = f"{self.name}={self.value}" if self.name else self.value
        return text.encode("utf-8", "surrogateescape")

    def __repr__(self) -> str:
        return f"<Cookie({self.name!r}, domain={self.domain!r}, path={self.path!r})>"


class CookieString:
    """
    Cookies as they are sent (the cookie-string of §5.8.3); immutable.

    * `names`: theirs.
    * `octets`: the value of the Cookie field; `b""` for none.
    """

    __slots__ = ("_pairs", "names", "octets")

    def __init__(self, pairs: collections.abc.Sequence[tuple[str, bytes]] = ()) -> None:
        """`pairs`: the name of each, and its `Cookie.pair`; in their order."""
        self._pairs = pairs
        self.names = frozenset([name for name, _ in pairs])
        self.octets = b"; ".join([pair for _, pair in pairs])

    def without(self, names: frozenset[str]) -> CookieString:
        """Those whose names are not among `names`."""
        if self.names.isdisjoint(names):
            return self
        return CookieString([item for item in self._pairs if item[0] not in names])

    def fitting(self, max_bytes: int) -> CookieString:
        """Those that fit, in this order, into a field of `max_bytes`."""
        if len(self.octets) <= max_bytes:
            return self
        kept, size = [], -2
        for item in self._pairs:
            if size + 2 + len(item[1]) <= max_bytes:
                size += 2 + len(item[1])
                kept.append(item)
        return CookieString(kept)

    def __add__(self, other: CookieString) -> CookieString:
        if not (self._pairs and other._pairs):
            return self if self._pairs else other
        return CookieString([*self._pairs, *other._pairs])


class Refused(Exception):
    """What a server has set is dropped; the message says why."""


def decoded(octets: bytes) -> str:
    """Octets of a cookie as text; `Cookie.pair` takes it back."""
    return octets.decode("utf-8", "surrogateescape")


def check_pair(name: str, value: str) -> None:
    """Raise `InvalidHeader` for what a caller cannot send as a cookie, `TypeError` for no `str`."""
    for what, text in (("name", name), ("value", value)):
        if not isinstance(text, str):
            raise TypeError(f"the {what} of a cookie is a str, not {type(text).__name__}")
        if not text.isascii():
            _check_encodable(what, text)
        unsendable = _UNSENDABLE.search(text)
        if unsendable is not None:
            # A value may be a secret, so only the character is shown.
            raise InvalidHeader(
                f"the {what} of a cookie has {unsendable[0]!r}, which no cookie may have (RFC 6265 "
                "section 4.1.1); encode it, for example by urllib.parse.quote()"
            )
    if "=" in name:
        raise InvalidHeader(f"the name {name!r} of a cookie has '=', which ends a name")


def check_path(path: str) -> None:
    """Raise `ValueError` for what no path of a cookie can be: neither sent nor kept in a file."""
    if not path.startswith("/"):
        raise ValueError(f"the path {path!r} of a cookie does not begin with '/'")
    if _CONTROL.search(path):
        raise ValueError(f"the path {path!r} of a cookie has a control character in it")
    _check_encodable("path", path)


def _check_encodable(what: str, text: str) -> None:
    try:
        text.encode("utf-8", "surrogateescape")
        return
    except UnicodeEncodeError:
        pass
    # Not in the handler: the codec's error holds the whole value.
    raise InvalidHeader(
        f"the {what} of a cookie has half a surrogate pair, which UTF-8 cannot encode"
    )


def is_ip_address(host: str) -> bool:
    """Whether `host` is an IP address, which has no domains above it."""
    return ":" in host or host.rstrip(".").rpartition(".")[2].isdigit()


def domain_matches(host: str, domain: str) -> bool:
    """Whether `host` is `domain` or below it (§5.1.3)."""
    if host == domain:
        return True
    return host.endswith(f".{domain}") and not is_ip_address(host)


def path_matches(request_path: str, path: str) -> bool:
    """Whether `request_path` is `path` or below it (§5.1.4)."""
    if not request_path.startswith(path):
        return False
    return len(request_path) == len(path) or path[-1] == "/" or request_path[len(path)] == "/"


def default_path(request_path: str) -> str:
    """The path of a cookie that names none: the folder of what was requested (§5.1.4)."""
    return request_path[: request_path.rfind("/")] or "/"
