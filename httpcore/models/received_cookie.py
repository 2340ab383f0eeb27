"""What servers set: which cookies they may, by RFC 6265bis §5.7, and how a jar takes them in."""

from __future__ import annotations

import collections.abc
import logging
import math

from .cookie import Cookie, Refused, default_path, domain_matches
from .cookie_state import CookieState
from .public_suffix import is_public_suffix
from .set_cookie import SetCookie, parse_set_cookie
from .url import URL

MAX_AGE_SECONDS = 400 * 24 * 3600
"""What a server can make a cookie last at most (§5.5)."""


logger = logging.getLogger("httpcore")


def receive(
    state: CookieState,
    url: URL | None,
    fields: collections.abc.Iterable[bytes | str],
    now: float,
) -> None:
    """Put what the Set-Cookie `fields` of a response from `url` say into `state`."""
    is_secure = url is None or url.is_ssl
    origin = None if url is None else (url.host, default_path(url.path), is_secure)
    fields = list(fields)
    index = -1
    while (index := state.skip_received(origin, fields, index + 1, now)) < len(fields):
        field = fields[index]
        octets = field.encode("utf-8", "surrogateescape") if isinstance(field, str) else field
        parsed = parse_set_cookie(octets)
        try:
            if parsed is None:
                raise Refused("it is empty, has more than 4,096 bytes, or control characters")
            cookie = received_cookie(parsed, url, now)
            state.receive(cookie, is_secure, now, (origin, octets))
        except Refused as exc:
            # What cannot be parsed is not shown: all of it may be a secret.
            name = "" if parsed is None else parsed.name
            host = "no host" if url is None else url.host
            logger.debug("cookie %r set by %s ignored: %s", name, host, exc)


def received_cookie(field: SetCookie, url: URL | None, now: float) -> Cookie:
    """
    The cookie that `field`, in a response from `url`, sets at the time `now`.

    Without a `url` it is one without a domain.  It may have expired: then it is to remove the one
    that is there.  Raises `Refused`.
    """
    if field.secure and url is not None and not url.is_ssl:
        raise Refused("it is Secure, and came over http")
    if field.same_site == "None" and not field.secure:
        raise Refused("it has SameSite=None, but is not Secure")
    domain, host_only = _domain(field, url)
    path = field.path or default_path("/" if url is None else url.path)
    _check_prefix(field, host_only, path)
    return Cookie(
        field.name,
        field.value,
        domain,
        path,
        host_only,
        field.secure,
        field.http_only,
        field.same_site,
        _expires(field, now),
    )


def _domain(field: SetCookie, url: URL | None) -> tuple[str, bool]:
    """Domain and host-only flag."""
    if url is None:
        return "", False
    if not field.domain:
        return url.host, True
    if field.domain == url.host:
        return url.host, is_public_suffix(url.host)
    if not domain_matches(url.host, field.domain):
        raise Refused(f"{url.host} is not below its Domain {field.domain!r}")
    if is_public_suffix(field.domain):
        raise Refused(f"its Domain {field.domain!r} is a public suffix")
    return field.domain, False


def _check_prefix(field: SetCookie, host_only: bool, path: str) -> None:
    """What a name that begins with `__Secure-` or `__Host-`, in any case, promises."""
    # A server may read a cookie without a name as if its value began with one.
    name = (field.name or field.value).lower()
    if not name.startswith(("__secure-", "__host-")):
        return
    if not field.name:
        raise Refused("it has no name, and a value like a name with a prefix")
    if not field.secure:
        raise Refused("its name promises that it is Secure, which it is not")
    if name.startswith("__host-") and not (host_only and field.path is not None and path == "/"):
        raise Refused("a cookie whose name begins with __Host- has Path=/ and no Domain")


def _expires(field: SetCookie, now: float) -> int | None:
    """Max-Age counts more than Expires."""
    if field.max_age is not None:
        # Not `now + max_age`: it may have a thousand digits.
        age = min(field.max_age, MAX_AGE_SECONDS)
        return math.ceil(now + age) if age > 0 else 0
    if field.expires is not None:
        return min(field.expires, math.ceil(now + MAX_AGE_SECONDS))
    return None
