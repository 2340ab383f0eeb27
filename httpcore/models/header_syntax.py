"""What may stand in a header field that a caller sets.

A name is a token (RFC 9110 §5.1), and a value has no control characters but HTAB (§5.5), so that
nothing can end a line and begin another.  No error shows a value: it may be a secret.
"""

from __future__ import annotations

import functools
import re

from ..exceptions import InvalidHeader

_TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")


def checked_name(name: object) -> bytes:
    """`name` as it is sent.  Raises `InvalidHeader`, and `TypeError` for other types."""
    if isinstance(name, str):
        return _encoded_name(name)
    if isinstance(name, bytes):
        _check_token(name, name)
        return name
    raise TypeError(f"the name of a header is str or bytes, not {type(name).__name__}")


@functools.lru_cache(maxsize=512)  # the same few names come with every request
def _encoded_name(name: str) -> bytes:
    raw = name.encode("latin-1", "replace")  # "?" is not allowed in a name either
    _check_token(raw, name)
    return raw


def _check_token(raw: bytes, name: str | bytes) -> None:
    token = _TOKEN.match(raw)
    end = 0 if token is None else token.end()
    if end == len(raw) > 0:
        return
    # What follows is not shown: "Authorization: Bearer ..." is a mistake that happens.
    problem = f"{name[:end]!r} is followed by {name[end : end + 1]!r}" if name else "it is empty"
    raise InvalidHeader(f"the name of a header is no token (RFC 9110 section 5.1): {problem}")


def checked_value(name: bytes, value: object) -> bytes:
    """The `value` of the field `name` as it is sent.  Raises `InvalidHeader` and `TypeError`."""
    if isinstance(value, str):
        if value.isascii() and value.isprintable():
            return value.strip(" ").encode("ascii")
        raw = _latin1(name, value)
    elif isinstance(value, bytes):
        raw = value
    elif isinstance(value, int) and not isinstance(value, bool):
        return b"%d" % value
    else:
        raise TypeError(_wrong_type(name, value))
    raw = raw.strip(b" \t")
    control = _CONTROL.search(raw)
    if control is not None:
        raise InvalidHeader(
            f"the value of header {_shown(name)} has the control character {control[0]!r}, "
            "which no value may have (RFC 9110 section 5.5)"
        )
    return raw


def _latin1(name: bytes, value: str) -> bytes:
    try:
        return value.encode("latin-1")
    except UnicodeEncodeError as exc:
        # The codec's error holds the whole value, so it is not chained.
        character = f"U+{ord(value[exc.start]):04X}"
    raise InvalidHeader(
        f"the value of header {_shown(name)} has {character}, which is not in Latin-1; "
        "give it as bytes in the encoding that the server expects"
    )


def _wrong_type(name: bytes, value: object) -> str:
    message = f"the value of header {_shown(name)} is str, bytes or int, not {type(value).__name__}"
    if value is None:
        return f"{message}; None drops a field only where headers are merged over others"
    if isinstance(value, (list, tuple)):
        return f"{message}; for a field that repeats, give the headers as pairs"
    return message


def _shown(name: bytes) -> str:
    return repr(name.decode("latin-1"))
