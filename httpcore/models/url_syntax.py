"""The syntax of URLs (RFC 3986): text in, text out, and nothing normalised that means something.

* Splitting is by rfc3986's expression for the five components.
* Escaping touches what no URL may contain, and nothing else: valid escapes, in whatever case, dot
  segments and double slashes stay as they were typed.
* An authority has one reading only: what two parsers could understand differently (a second `@`,
  a backslash, escapes in the host, numbers that some take for addresses) is refused, since who
  checks a URL and who connects must mean the same host.
* Resolving is RFC 3986 §5.2.  rfc3986 would change the case of escapes there, and makes `""` of
  the path `/../`.

What is wrong is raised as `Malformed`, which says it without quoting: a malformed URL may be one
with a `/` in its password, and then any of its parts may be a piece of the password.
"""

from __future__ import annotations

import re
import typing
import urllib.parse


class Malformed(ValueError):
    """What is wrong with a URL and what to try, as the end of a sentence about it."""


class Parts(typing.NamedTuple):
    """The components of a URL (RFC 3986 §5.3): `None` is not there, `""` is there and empty."""

    scheme: str | None
    authority: str | None
    path: str
    query: str | None
    fragment: str | None

    def __str__(self) -> str:
        scheme = "" if self.scheme is None else f"{self.scheme}:"
        authority = "" if self.authority is None else f"//{self.authority}"
        query = "" if self.query is None else f"?{self.query}"
        fragment = "" if self.fragment is None else f"#{self.fragment}"
        return f"{scheme}{authority}{self.path}{query}{fragment}"


# Servers take a fraction of it (RFC 9110 §4.1 asks for 8,000), and no text this long takes long.
MAX_LENGTH = 65_536

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def check_length(text: str) -> None:
    """Raise `Malformed` if `text` is longer than `MAX_LENGTH`."""
    if len(text) > MAX_LENGTH:
        raise Malformed(
            f"it has {len(text)} characters, and {MAX_LENGTH} are the most; send long data in the "
            "body of a request"
        )


def split(text: str) -> Parts:
    """The components of `text`, as typed.  Raises `Malformed`."""
    # Its import takes 20 ms, most of which go into expressions that are not used here.
    from rfc3986.misc import URI_MATCHER  # type: ignore[import-untyped]

    check_length(text)
    if _CONTROL.search(text):
        raise Malformed("it has control characters in it, such as line ends; remove them")
    if text[:1].isspace():
        raise Malformed("it starts with a blank; remove that")
    match = URI_MATCHER.match(text)
    assert match is not None, "it matches every text"
    parts = Parts(*match.group("scheme", "authority", "path", "query", "fragment"))
    if "\\" in parts.path:  # also if it stands in the authority, which ends there
        raise Malformed("it has a backslash in it; write '/', or %5C if it is meant")
    return parts


# Escaping.

_STRAY_PERCENT = re.compile("%(?![0-9A-Fa-f]{2})")


class Charset:
    """
    What a component of a URL may contain beside letters, digits, `-._~` and escapes (RFC 3986 §3).

    `escape(text)` percent-encodes the rest, as UTF-8.  Raises `Malformed` for a lone surrogate.
    """

    def __init__(self, allowed: str) -> None:
        self._safe = f"{allowed}%"
        self._illegal = re.compile(
            rf"[^A-Za-z0-9\-._~{re.escape(allowed)}%]|{_STRAY_PERCENT.pattern}"
        )

    def escape(self, text: str) -> str:
        if self._illegal.search(text) is None:
            return text
        try:
            return urllib.parse.quote(_STRAY_PERCENT.sub("%25", text), safe=self._safe)
        except UnicodeEncodeError:
            raise Malformed("it has a lone surrogate in it, which no encoding has") from None


USERINFO = Charset("!$&'()*+,;=:")
PATH = Charset("!$&'()*+,;=:@/")
QUERY = Charset("!$&'()*+,;=:@/?")  # and the fragment


def escaped(parts: Parts) -> Parts:
    """`parts` with path, query and fragment escaped."""
    scheme, authority, path, query, fragment = parts
    query = None if query is None else QUERY.escape(query)
    fragment = None if fragment is None else QUERY.escape(fragment)
    return Parts(scheme, authority, PATH.escape(path), query, fragment)


# The authority (RFC 3986 §3.2).

DEFAULT_PORTS = {"http": 80, "https": 443}

_HOST_NAME = re.compile(r"[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*\.?")
_ENDS_IN_NUMBER = re.compile(r"(?:^|\.)(?:[0-9]+|0x[0-9a-f]*)\.?$")
_BYTE = "(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_IPV4 = re.compile(rf"(?:{_BYTE}\.){{3}}{_BYTE}")
_ZONE = re.compile(r"[A-Za-z0-9._~-]+")

# What DNS can carry (RFC 1035 §2.3.4), without the dot at the end.
_MAX_HOST_LENGTH = 253


class Authority(typing.NamedTuple):
    """
    * `userinfo`: escaped; `""` for none.
    * `host`: as it is looked up: a name in lower case, as A-labels, with the dot at its end if it
      has one; an IPv4 address; an IPv6 address without brackets, with its zone behind `%`.
    * `port`: `None` for the default one.
    """

    userinfo: str
    host: str
    port: int | None

    def __str__(self) -> str:
        userinfo = f"{self.userinfo}@" if self.userinfo else ""
        host = self.host
        if ":" in host:
            host = f"[{host.replace('%', '%25')}]"
        return f"{userinfo}{host}" if self.port is None else f"{userinfo}{host}:{self.port}"


def authority_of(parts: Parts) -> Authority:
    """The authority of `parts`; nothing but `""` if it has none.  Raises `Malformed`."""
    text, scheme = parts.authority, (parts.scheme or "http").lower()
    if text is None or (not text and scheme not in DEFAULT_PORTS):  # as in file:///etc/hosts
        return Authority("", "", None)
    return parse_authority(text)


def parse_authority(text: str) -> Authority:
    """What `text` says.  Raises `Malformed`."""
    userinfo, _, address = text.rpartition("@")
    if "@" in userinfo:
        raise Malformed(
            "it has more than one '@' in front of the path; write %40 for one in a user name or "
            "password"
        )
    if address.startswith("["):
        literal, bracket, port = address[1:].partition("]")
        if not bracket:
            raise Malformed("the bracket in front of its host is not closed")
        if port and not port.startswith(":"):
            raise Malformed("something other than a port follows the bracket behind its host")
        host, port = _ipv6(literal), port[1:]
    else:
        host, _, port = address.partition(":")
        if ":" in port:
            raise Malformed("it has too many colons; an IPv6 address goes in brackets: [::1]")
        host = _host_name(host)
    return Authority(USERINFO.escape(userinfo), host, _port(port))


def credentials(userinfo: str) -> tuple[str, str]:
    """User name and password, decoded; `""` for what is not there.  Raises `Malformed`."""
    username, _, password = userinfo.partition(":")
    try:
        return (
            urllib.parse.unquote(username, errors="strict"),
            urllib.parse.unquote(password, errors="strict"),
        )
    except UnicodeDecodeError:
        raise Malformed("the escapes in its user name or password are no UTF-8") from None


def _port(text: str) -> int | None:
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 5 and 0 < int(text) < 65536):
        raise Malformed("its port is no number from 1 to 65535; leave it out for the default port")
    return int(text)


def _ipv6(text: str) -> str:
    import ipaddress

    address, percent, zone = text.partition("%25")
    if percent and not _ZONE.fullmatch(zone):
        raise Malformed("the zone of its IPv6 address is empty or has unusual characters in it")
    try:
        if "%" in address:
            raise ValueError("Python takes a zone there")
        address = ipaddress.IPv6Address(address).compressed
    except ValueError:
        raise Malformed(
            "what it has in brackets is no IPv6 address; a zone goes behind %25: [fe80::1%25eth0]"
        ) from None
    return f"{address}%{zone}" if percent else address


def _host_name(text: str) -> str:
    if not text:
        raise Malformed("it has no host")
    if len(text) > _MAX_HOST_LENGTH + 1:
        raise Malformed(f"its host is longer than {_MAX_HOST_LENGTH} characters")
    if "%" in text:
        raise Malformed("its host has a percent sign in it, which no host has")
    host = (text if text.isascii() else _a_labels(text)).lower()
    if not _HOST_NAME.fullmatch(host):
        raise Malformed(
            "its host is no host name: that has letters, digits, '-' and '_', in parts of 1 to 63 "
            "characters, with dots in between"
        )
    if len(host.removesuffix(".")) > _MAX_HOST_LENGTH:
        raise Malformed(f"its host is longer than {_MAX_HOST_LENGTH} characters")
    if _ENDS_IN_NUMBER.search(host) and not _IPV4.fullmatch(host):
        raise Malformed(
            "its host is neither a name nor an IPv4 address: that has four decimal numbers up to "
            "255, without leading zeros"
        )
    return host


def _a_labels(host: str) -> str:
    """`host` by UTS 46, non-transitional, and IDNA 2008 (RFC 5891 §4)."""
    import idna

    try:
        labels = idna.uts46_remap(host, std3_rules=False).split(".")
        return ".".join(
            label if label.isascii() else idna.alabel(label).decode("ascii") for label in labels
        )
    except ValueError:  # the base of UnicodeError, which IDNAError is
        raise Malformed("its host is no name that internationalized domain names allow") from None


# References (RFC 3986 §5.2).

_DOT_PREFIX = re.compile(r"(?:\.\.?/)+")


def resolve(base: Parts, reference: Parts) -> Parts:
    """What `reference` means where `base` is the URL of the document (RFC 3986 §5.2.2)."""
    scheme, authority, path, query, fragment = reference
    if scheme is not None:
        return reference._replace(path=remove_dot_segments(path))
    if authority is not None:
        return reference._replace(scheme=base.scheme, path=remove_dot_segments(path))
    if not path:
        query = base.query if query is None else query
        return Parts(base.scheme, base.authority, base.path, query, fragment)
    if not path.startswith("/"):
        if base.authority is not None and not base.path:
            path = f"/{path}"
        else:
            path = base.path[: base.path.rfind("/") + 1] + path
    return Parts(base.scheme, base.authority, remove_dot_segments(path), query, fragment)


def remove_dot_segments(path: str) -> str:
    """`path` with its `.` and `..` carried out (RFC 3986 §5.2.4)."""
    if prefix := _DOT_PREFIX.match(path):
        path = path[prefix.end() :]
    if path in (".", ".."):
        return ""
    first, *segments = path.split("/")
    output = [first] if first else []
    for segment in segments:
        if segment == "..":
            if output:
                output.pop()
        elif segment != ".":
            output.append(f"/{segment}")
    if segments and segments[-1] in (".", ".."):
        output.append("/")
    return "".join(output)


# Showing URLs without their secrets.

MASK = "[secure]"

_SECRET_NAME = re.compile(
    r"token|secret|passw|pwd|signature|credential|session|(?:api|access)[-_]?key|authorization"
    r"|(?<![a-z])auth(?![a-z])|^key$|^sig$",
    re.IGNORECASE,
)
_DELIMITER = re.compile("([?#])")
_SCHEME_AND_SLASHES = re.compile(r"(?:[A-Za-z][A-Za-z0-9+.-]*:)?//")

# Enough to recognise a URL by, in an error message.
_MAX_SHOWN_LENGTH = 200


def masked_query(query: str) -> str:
    """`query` (or a fragment) without the values of parameters whose names speak of secrets."""
    pieces = query.split("&")
    for number, piece in enumerate(pieces):
        name, equals, value = piece.partition("=")
        if value and _SECRET_NAME.search(name):
            pieces[number] = f"{name}{equals}{MASK}"
    return "&".join(pieces)


def parts_without_secrets(parts: Parts) -> Parts:
    """`parts` without userinfo, and with query and fragment by `masked_query()`."""
    scheme, authority, path, query, fragment = parts
    authority = None if authority is None else authority.rpartition("@")[2]
    query = None if query is None else masked_query(query)
    fragment = None if fragment is None else masked_query(fragment)
    return Parts(scheme, authority, path, query, fragment)


def masked_parts(parts: Parts) -> str:
    """The text of `parts` without secrets; that there was userinfo can be seen."""
    masked = parts_without_secrets(parts)
    if masked.authority != parts.authority:
        masked = masked._replace(authority=f"{MASK}@{masked.authority}")
    return str(masked)


def masked_reference(text: str) -> str:
    """A URL or a reference to one (RFC 3986 §4.1), or what should be that, without secrets."""
    try:
        return masked_parts(split(text))
    except Malformed:
        return _masked_malformed(text)


def masked_text(text: str) -> str:
    """What may be no URL, quoted for an error message: without secrets, printable, not long."""
    return repr(_masked_malformed(text, _MAX_SHOWN_LENGTH))


def _masked_malformed(text: str, max_length: int = MAX_LENGTH) -> str:
    # Nobody knows where its userinfo ends, so all in front of the last `@` is hidden.
    at = text.rfind("@")
    if at >= 0:
        start = _SCHEME_AND_SLASHES.match(text)
        text = f"{start[0] if start else ''}{MASK}{text[at:]}"
    rest = "..." if len(text) > max_length else ""
    first, *others = _DELIMITER.split(text[:max_length])
    return first + "".join(map(masked_query, others)) + rest
