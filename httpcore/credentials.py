"""User names and passwords as they are sent: to origins and to proxies, by Basic and otherwise."""

from __future__ import annotations

import base64
import unicodedata


def encoded(text: object) -> bytes:
    """
    A user name or password as servers compare it: in UTF-8 and NFC (RFC 7617 §2.1).

    `bytes` are taken as they are.  Raises `TypeError` for other types, and `ValueError` for what
    has no UTF-8.
    """
    if isinstance(text, bytes):
        return text
    if isinstance(text, str):
        try:
            return unicodedata.normalize("NFC", text).encode("utf-8")
        except UnicodeEncodeError:
            pass
        # Not in the handler: the codec's error holds the whole password.
        raise ValueError("a user name or password has half a surrogate pair, which is no text")
    raise TypeError(f"a user name or password is str or bytes, not {type(text).__name__}")


def basic(user: bytes, password: bytes) -> str:
    """
    The field value of Basic authentication (RFC 7617 §2).

    `ValueError` for a user name with a colon, which the scheme cannot carry.
    """
    if b":" in user:
        raise ValueError("a user name for Basic authentication must not contain a colon")
    return "Basic " + base64.b64encode(user + b":" + password).decode("ascii")
