"""One call of a client: auth rounds and redirects around a dispatcher, once for both clients."""

from __future__ import annotations

import collections.abc
import functools
import logging
import time
import typing

from ..deadline import Deadline
from ..exceptions import InvalidURL, RedirectLoop, RequestException, TooManyRedirects
from ..models.cookies import Cookies
from ..models.request import Request
from ..models.response_base import ResponseBase
from ..models.url import URL
from ..policy.auth import NO_AUTH, Auth, auth_of_url
from ..policy.redirects import (
    RedirectPolicy,
    keeps_credentials,
    redirect_request,
    redirect_url,
)
from ..ssl_config import SSLTypes
from .authentication import send_authenticated

if typing.TYPE_CHECKING:
    from .base import ClientBase

logger = logging.getLogger("httpcore")


class Call:
    """What stays the same over all requests of one call: its client, and how it is sent."""

    __slots__ = ("client", "ssl", "deadline")

    def __init__(self, client: ClientBase, ssl: SSLTypes | None, deadline: Deadline) -> None:
        self.client = client
        self.ssl = ssl
        self.deadline = deadline


async def send(
    call: Call,
    request: Request,
    auth: Auth | None,
    allow_redirects: bool | RedirectPolicy,
    stream: bool,
    history: collections.abc.Sequence[ResponseBase] = (),
) -> ResponseBase:
    """
    Send `request` and follow where its answers lead; the response of the last hop.

    Unless `stream`, its body has been read.  `history`: the redirects that led to `request`.
    """
    hops = list(history)
    hop = request
    seen = set()
    try:
        while True:
            if auth is None:
                auth = auth_of_url(hop)
                netrc = call.client.netrc
                if auth is None and netrc is not None:
                    auth = netrc.auth_for(hop, hops)
            response = await _send_with_auth(call, hop, auth)
            if hops:
                response.history = list(hops)
            if not response.is_redirect:
                break
            if not await _is_followed(call, hop, response, allow_redirects):
                response.send_next = functools.partial(_send_next, call, hop, auth, stream)
                break
            seen.add(_identity(hop, response.request or hop))
            following = await _next_request(call, hop, response)
            if _identity(following, _with_cookies(call.client.cookies, following)) in seen:
                raise RedirectLoop(
                    f"{hop.url.masked} redirects to {following.url.masked}, which was requested "
                    "before",
                    request=hop,
                    response=response,
                )
            auth = _auth_after(auth, hop, following)
            hops.append(response)
            hop = following
        if not stream and response.status_code != 101:  # whose end nobody waits for
            await response.load()
        return response
    except RequestException as exc:
        exc.request = exc.request or request
        raise


async def _is_followed(
    call: Call, request: Request, response: ResponseBase, allow_redirects: bool | RedirectPolicy
) -> bool:
    if not callable(allow_redirects):
        return allow_redirects
    try:
        url = redirect_url(request, response)
        return bool(allow_redirects(call.client.response_class.adopt(response), url))
    except BaseException:
        await response.release()
        raise


async def _next_request(call: Call, request: Request, response: ResponseBase) -> Request:
    """The request that a redirect asks for, the redirect's connection given back."""
    try:
        if len(response.history) >= call.client.max_redirects:
            raise TooManyRedirects(
                f"more than {call.client.max_redirects} redirects (max_redirects), the last one "
                f"from {request.url.masked}",
                request=request,
                response=response,
            )
        return redirect_request(request, response)
    finally:
        await response.drain()


async def _send_next(
    call: Call, request: Request, auth: Auth | None, stream: bool, response: ResponseBase
) -> ResponseBase:
    """`response.next()`: the one request that a redirect asks for, its time limits begun anew."""
    call = Call(call.client, call.ssl, call.deadline.restarted())
    following = await _next_request(call, request, response)
    auth = _auth_after(auth, request, following)
    return await send(call, following, auth, False, stream, [*response.history, response])


def _auth_after(auth: Auth | None, request: Request, following: Request) -> Auth | None:
    """Auth belongs to the origin it was given for, and does not come back once it was left."""
    if auth is NO_AUTH:
        return auth
    return auth if keeps_credentials(request.url, following.url) else None


def _identity(request: Request, sent: Request) -> tuple[str, URL, str | None]:
    """What makes two requests the same, for the sake of loops: a cookie of `sent` may end one."""
    return (request.method, request.url.copy_with(fragment=""), sent.headers.get("Cookie"))


def _with_cookies(jar: Cookies, request: Request) -> Request:
    """`request` with the Cookie field that it has now; the one that is given stays as it is."""
    has_cookies = request.cookies is not None or request.default_cookies is not None
    present = request.headers.by_name().get(b"cookie")
    if present is not None and not has_cookies:
        return request  # the field is the caller's own
    field = request.cookie_field(jar)
    if present == (None if field is None else [field]):
        return request
    request = request.copy()
    request.set_cookie_field(field)
    return request


def _send_with_auth(
    call: Call, request: Request, auth: Auth | None
) -> collections.abc.Awaitable[ResponseBase]:
    if auth is None or auth is NO_AUTH:
        return _send_once(call, request)
    send_once = functools.partial(_send_once, call)
    return send_authenticated(auth, request, send_once, call.deadline, call.client.response_class)


async def _send_once(call: Call, request: Request) -> ResponseBase:
    client = call.client
    if client.https_only and not request.url.is_ssl:
        raise InvalidURL(
            f"{request.method} {request.url.masked} was not sent: it is not https, and this client "
            "has https_only=True",
            request=request,
        )
    jar = client.cookies
    if jar.by_domain or request.cookies is not None or request.default_cookies is not None:
        request = _with_cookies(jar, request)
    started = time.monotonic()
    response = await client.dispatch.send(request, True, call.ssl, call.deadline)
    if response.status_code == 417 and "Expect" in request.headers:
        # The server does not do 100-continue; the body has not been sent (RFC 9110 §10.1.1).
        await response.drain()
        request = request.copy()
        del request.headers["Expect"]
        response = await client.dispatch.send(request, True, call.ssl, call.deadline)
    response.elapsed_seconds = time.monotonic() - started
    if set_cookies := response.headers.by_name().get(b"set-cookie"):
        jar.receive(request.url, set_cookies)
    if response.request is None:
        response.request = request
    max_size, max_expansion = client.max_response_size, client.response_limits.max_expansion
    if max_size is not None or max_expansion is not None:
        response.limit_size(max_size, max_expansion)
    if logger.isEnabledFor(logging.DEBUG):
        logger.debug(
            "%s %s answered %d over %s in %.0f ms",
            request.method,
            request.url.masked,
            response.status_code,
            response.protocol,
            response.elapsed_seconds * 1000,
        )
    return response
