"""Set-Cookie fields, parsed as RFC 6265bis §5.6 says: what servers send, not what they should.

No input makes it raise, and it takes time linear in its input.
"""

from __future__ import annotations

import re
import typing

from .cookie import SameSite, decoded
from .cookie_date import parse_cookie_date

MAX_PAIR_BYTES = 4096
"""Octets of name and value together; a larger cookie is dropped."""

MAX_ATTRIBUTE_BYTES = 1024
"""Octets of an attribute's value; a larger attribute is ignored."""

_CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_MAX_AGE = re.compile(rb"-?[0-9]+")
_SAME_SITE: dict[bytes, SameSite] = {b"strict": "Strict", b"lax": "Lax", b"none": "None"}


class SetCookie(typing.NamedTuple):
    """
    What one Set-Cookie field says.

    * `max_age`: seconds.  `expires`: seconds since the epoch.
    * `domain`: in lower case, without a dot in front, not looked at yet; `""`: none was given.
    * `path`: `None`: none was given; `""`: one was given that stands for the default.
    """

    name: str
    value: str
    expires: int | None = None
    max_age: int | None = None
    domain: str = ""
    path: str | None = None
    secure: bool = False
    http_only: bool = False
    same_site: SameSite | None = None


def parse_set_cookie(field: bytes) -> SetCookie | None:
    """What a Set-Cookie field says, or `None` where it has to be ignored."""
    if _CONTROL.search(field):
        return None
    pair, _, attributes = field.partition(b";")
    name, equals, value = pair.partition(b"=")
    if not equals:
        name, value = b"", pair
    name, value = name.strip(b" \t"), value.strip(b" \t")
    if not 0 < len(name) + len(value) <= MAX_PAIR_BYTES:
        return None
    parsed: dict[str, typing.Any] = {}
    for attribute in attributes.split(b";"):
        key, _, argument = attribute.partition(b"=")
        argument = argument.strip(b" \t")
        if len(argument) <= MAX_ATTRIBUTE_BYTES:
            parsed.update(_attribute(key.strip(b" \t").lower(), argument))
    return SetCookie(decoded(name), decoded(value), **parsed)


def _attribute(name: bytes, value: bytes) -> dict[str, typing.Any]:
    """What an attribute sets: of one that repeats, the last that is valid counts."""
    match name:
        case b"expires":
            expires = parse_cookie_date(value.decode("latin-1"))
            return {} if expires is None else {"expires": expires}
        case b"max-age":
            return {"max_age": int(value)} if _MAX_AGE.fullmatch(value) else {}
        case b"domain":
            return {"domain": value.removeprefix(b".").lower().decode("latin-1")}
        case b"path":
            return {"path": decoded(value) if value.startswith(b"/") else ""}
        case b"secure":
            return {"secure": True}
        case b"httponly":
            return {"http_only": True}
        case b"samesite":
            return {"same_site": _SAME_SITE.get(value.lower())}
    return {}
