"""Which request follows from a redirect (RFC 9110 §15.4), done as browsers do it."""

from __future__ import annotations

import collections.abc
import typing

from ..exceptions import InvalidURL, RedirectBodyUnavailable, RedirectError, RemoteProtocolError
from ..models.headers import Headers
from ..models.request import Request
from ..models.response_base import ResponseBase
from ..models.url import URL

# What only the origin may see that it was meant for.
SENSITIVE_HEADERS = ("Authorization", "Cookie", "Proxy-Authorization")

# What describes a body, and goes with it.
_BODY_HEADERS = (
    "Content-Length",
    "Content-Type",
    "Content-Encoding",
    "Content-Language",
    "Content-Location",
    "Transfer-Encoding",
    "Expect",
)


RedirectPolicy = collections.abc.Callable[[typing.Any, URL], object]
"""What `allow_redirects=` may be: given a redirect and its URL, it tells whether to follow."""


def redirect_request(request: Request, response: ResponseBase) -> Request:
    """
    The request that `response`, a redirect that answers `request`, asks for.

    Raises `RemoteProtocolError` for a Location that is no URL, `RedirectError` for one that does
    not lead to http or https, `RedirectBodyUnavailable` where the body would have to be sent again
    and cannot be.
    """
    url = redirect_url(request, response)
    method = _redirect_method(request.method, response.status_code)
    headers = request.headers.copy()
    with_body = method == request.method
    if not with_body:
        _drop(headers, _BODY_HEADERS)
    else:
        require_body(request, response, f"redirects to {url.masked}")
    following = request.derived(method, url, headers, with_body)
    if url.origin != request.url.origin:
        _drop(headers, ("Host",))
        if not keeps_credentials(request.url, url):
            _drop(headers, SENSITIVE_HEADERS)
            following.cookies = following.default_cookies = None
    return following


def require_body(request: Request, response: ResponseBase, reason: str) -> None:
    """Raise `RedirectBodyUnavailable` if `request` has to be sent again and its body is used up."""
    if request.body is not None and not request.body.can_send:
        raise RedirectBodyUnavailable(
            f"{request.method} {request.url.masked} {reason}, so its body has to be sent again, "
            "but it came from an iterator that is used up; give bytes or a file instead",
            request=request,
            response=response,
        )


def keeps_credentials(source: URL, target: URL) -> bool:
    """Whether what was meant for `source` may go to `target`: its origin, or the https twin."""
    if source.origin == target.origin:
        return True
    return (
        source.host == target.host
        and (source.scheme, source.port) == ("http", 80)
        and (target.scheme, target.port) == ("https", 443)
    )


def redirect_url(request: Request, response: ResponseBase) -> URL:
    """Where `response`, a redirect that answers `request`, leads.  Raises as `redirect_request`."""
    location = next(v for name, v in response.headers.raw if name.lower() == b"location")
    # Servers send raw UTF-8, Latin-1 and worse: escape byte by byte, guess nothing.
    text = "".join(chr(byte) if byte < 0x80 else f"%{byte:02X}" for byte in location)
    try:
        url = request.url.resolve_with(text)
        if url.scheme in ("http", "https"):
            url = URL(url)
    except InvalidURL as exc:
        raise RemoteProtocolError(
            f"{request.url.masked} redirects to what is no URL: {exc}",
            request=request,
            response=response,
        ) from exc
    if url.scheme not in ("http", "https"):
        raise RedirectError(
            f"{request.url.masked} redirects to a URL with the scheme {url.scheme!r}; only http "
            "and https are followed",
            request=request,
            response=response,
        )
    if not url.fragment and request.url.fragment:
        url = url.copy_with(fragment=request.url.fragment)
    return url


def _redirect_method(method: str, status: int) -> str:
    if status == 303 and method != "HEAD":
        return "GET"
    if status in (301, 302) and method == "POST":
        return "GET"
    return method


def _drop(headers: Headers, names: tuple[str, ...]) -> None:
    for name in names:
        if name in headers:
            del headers[name]
