"""To and from `http.cookiejar`, the standard library's jar, which requests has too."""

from __future__ import annotations

import http.cookiejar

from .cookie import Cookie, SameSite, check_pair

# That library's own, for hosts without a dot: it wants one in every domain.
_LOCAL = ".local"

_SAME_SITE: dict[str, SameSite] = {"strict": "Strict", "lax": "Lax", "none": "None"}


def from_cookiejar(jar: http.cookiejar.CookieJar) -> list[Cookie]:
    """The cookies of `jar`.  Raises `InvalidHeader` for one that cannot be sent."""
    return [_imported(cookie) for cookie in jar]


def to_cookiejar(cookies: list[Cookie]) -> http.cookiejar.CookieJar:
    """A jar with `cookies`."""
    jar = http.cookiejar.CookieJar()
    for cookie in cookies:
        jar.set_cookie(_exported(cookie))
    return jar


def _imported(other: http.cookiejar.Cookie) -> Cookie:
    # A field without "=" is a name without a value there, and a value without a name here.
    name, value = ("", other.name) if other.value is None else (other.name, other.value)
    check_pair(name, value)
    domain = other.domain.removeprefix(".").lower()
    host = domain.removesuffix(_LOCAL)
    same_site = other.get_nonstandard_attr("SameSite") or ""
    return Cookie(
        name,
        value,
        domain if "." in host else host,
        other.path if other.path.startswith("/") else "/",
        bool(domain) and not other.domain_specified,
        other.secure,
        other.has_nonstandard_attr("HttpOnly"),
        _SAME_SITE.get(same_site.lower()),
        None if other.expires is None else int(other.expires),
    )


def _exported(cookie: Cookie) -> http.cookiejar.Cookie:
    domain = cookie.domain
    if domain and "." not in domain:
        domain += _LOCAL
    below = bool(domain) and not cookie.host_only
    rest: dict[str, str] = {"HttpOnly": ""} if cookie.http_only else {}
    if cookie.same_site is not None:
        rest["SameSite"] = cookie.same_site
    return http.cookiejar.Cookie(
        version=0,
        name=cookie.name or cookie.value,
        value=cookie.value if cookie.name else None,
        port=None,
        port_specified=False,
        domain=f".{domain}" if below else domain,
        domain_specified=below,
        domain_initial_dot=below,
        path=cookie.path,
        path_specified=True,
        secure=cookie.secure,
        expires=cookie.expires,
        discard=cookie.expires is None,
        comment=None,
        comment_url=None,
        rest=rest,
    )
