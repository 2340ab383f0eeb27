"""Field sections of HTTP/2 messages: ours made right, the peer's checked (RFC 9113 §8.2, §8.3).

h2 can check too, but ends the connection where a response is malformed.  That is a stream error
(§8.1.1), and the other streams go on.
"""

from __future__ import annotations

import re

from hpack import NeverIndexedHeaderTuple

from ..aliases import RawHeaders
from ..exceptions import LocalProtocolError

# Their meaning ends with an HTTP/1.1 connection (§8.2.2).
_CONNECTION_FIELDS = frozenset(
    {
        b"connection",
        b"http2-settings",
        b"keep-alive",
        b"proxy-connection",
        b"transfer-encoding",
        b"upgrade",
    }
)
_SECRET_FIELDS = frozenset({b"authorization", b"proxy-authorization"})
# Indexed, a cookie this short could be guessed by the size of what is sent (RFC 7541 §7.1.3).
_SHORT_COOKIE_BYTES = 20

_NAME = rb"[!#$%&'*+.^_`|~0-9a-z-]+"
_NAMES = re.compile(rb"%b(?:\n%b)*" % (_NAME, _NAME))
_BAD_IN_VALUES = re.compile(rb"[\x00-\x08\x0b-\x1f\x7f]|^[ \t]|[ \t]$", re.MULTILINE)
_BAD_VALUE = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]|\A[ \t]|[ \t]\Z")
_FORBIDDEN = re.compile(rb"[\x00\n\r]")
_STATUS = re.compile(rb"[1-9][0-9][0-9]")


class StreamViolation(Exception):
    """The peer sent a malformed message: an error of its stream alone (§8.1.1)."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what


# Ours.


def request_fields(method: str, scheme: str, target: bytes, headers: RawHeaders) -> RawHeaders:
    """
    The field section of a request, whose `headers` have been checked and include Host.

    Host becomes `:authority` (§8.3.1); what belongs to an HTTP/1.1 connection is dropped.  Raises
    `LocalProtocolError` for a TE other than `trailers` (§8.2.2).
    """
    fields = [
        (b":method", method.encode("ascii")),
        (b":scheme", scheme.encode("ascii")),
        (b":authority", b""),
        # Not indexed: there it would drive out fields that come again, and what is secret in it
        # could be guessed.
        NeverIndexedHeaderTuple(b":path", target),
    ]
    options = b""
    for given_name, value in headers:
        name = given_name.lower()
        if name == b"host":
            fields[2] = (b":authority", value)
        elif name in _CONNECTION_FIELDS:
            if name == b"connection":
                options += value + b","
        elif name in _SECRET_FIELDS or (name == b"cookie" and len(value) < _SHORT_COOKIE_BYTES):
            fields.append(NeverIndexedHeaderTuple(name, value))
        elif name == b"te" and value.lower() != b"trailers":
            raise LocalProtocolError(
                f"TE {value.decode('latin-1')!r} cannot be sent over HTTP/2: only 'trailers' can"
            )
        else:
            fields.append((name, value))
    if options and options != b"keep-alive,":
        named = {option.strip() for option in options.lower().split(b",")}
        fields[4:] = [field for field in fields[4:] if field[0] not in named]
    return fields


def section_size(fields: RawHeaders) -> int:
    """The size of a field section as SETTINGS_MAX_HEADER_LIST_SIZE counts it (§6.5.2)."""
    return sum(len(name) + len(value) + 32 for name, value in fields)


# The peer's.


def response_fields(fields: RawHeaders) -> tuple[int, RawHeaders]:
    """The status and the header fields of a response; raises `StreamViolation`."""
    if not fields or fields[0][0] != b":status":
        raise StreamViolation("sent a response that does not start with :status")
    status = fields[0][1]
    if not _STATUS.fullmatch(status):
        raise StreamViolation(f"sent the status {_shown(status)}")
    return int(status), plain_fields(fields[1:])


def plain_fields(fields: RawHeaders) -> RawHeaders:
    """`fields` as headers behind `:status`, or as trailers; raises `StreamViolation`."""
    if not fields:
        return []
    names = [name for name, _ in fields]
    lines = b"\n".join(names)
    values = b"\n".join([value for _, value in fields])
    # All of them in one go; which one is wrong is looked for only if one is.
    if (
        not _NAMES.fullmatch(lines)
        or lines.count(b"\n") != len(fields) - 1
        or values.count(b"\n") != len(fields) - 1
        or _BAD_IN_VALUES.search(values)
        or not _CONNECTION_FIELDS.isdisjoint(names)
    ):
        kept = [field for field in fields if not _is_ignored(*field)]
        if len(kept) < len(fields):
            return plain_fields(kept)
        found = filter(None, (_what_is_wrong(name, value) for name, value in fields))
        raise StreamViolation(f"sent {next(found)}")
    if names.count(b"cookie") > 1:
        return _with_joined_cookie(fields)
    return [(name, value) for name, value in fields]


def _is_ignored(name: bytes, value: bytes) -> bool:
    """
    Whether it is a cookie with control characters, which is ignored by itself (RFC 6265bis §5.6).

    With those that HTTP/2 itself forbids (§8.2.1) it is an error, as in any field.
    """
    if name != b"set-cookie" or _FORBIDDEN.search(value):
        return False
    return _BAD_VALUE.search(value.strip(b" \t")) is not None


def _what_is_wrong(name: bytes, value: bytes) -> str | None:
    if name.startswith(b":"):
        return f"the pseudo-header {_shown(name)} where it has no place"
    if not re.fullmatch(_NAME, name):
        return f"{_shown(name)}, which is no lower-case field name"
    if name in _CONNECTION_FIELDS:
        return f"the field {_shown(name)}, which HTTP/2 forbids"
    if _BAD_VALUE.search(value):
        return f"the field {_shown(name)} with control characters in its value, or blanks around it"
    return None


def _with_joined_cookie(fields: RawHeaders) -> RawHeaders:
    """Cookie may come in crumbs, for the sake of compression (§8.2.3)."""
    crumbs = b"; ".join([value for name, value in fields if name == b"cookie"])
    others = [(name, value) for name, value in fields if name != b"cookie"]
    return [*others, (b"cookie", crumbs)]


def content_length(headers: RawHeaders) -> int | None:
    """The value of Content-Length, `None` without one; raises `StreamViolation`."""
    values = {value for name, value in headers if name == b"content-length"}
    if not values:
        return None
    value = values.pop()
    # int() takes more than digits, and is quadratic: 19 digits are more than any body has.
    if values or not value.isdigit() or len(value) > 19:
        raise StreamViolation(f"sent the Content-Length {_shown(value)}, or several")
    return int(value)


def _shown(raw: bytes) -> str:
    return repr(raw[:40])[1:]
