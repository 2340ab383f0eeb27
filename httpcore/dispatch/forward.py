"""Requests that go through a proxy: handed to it (RFC 9112 §3.2.2), or past it in a tunnel."""

from __future__ import annotations

import collections.abc

from ..exceptions import RedirectBodyUnavailable
from ..models.proxy import Proxy
from ..models.request import Request
from ..models.response import AsyncResponse
from ..models.response_base import ResponseBase
from .proxy_auth import Rounds, refusal
from .route import Route

Exchange = collections.abc.Callable[[Request], collections.abc.Awaitable[ResponseBase]]


async def send_through(route: Route, request: Request, exchange: Exchange) -> ResponseBase:
    """
    The response to `request`, prepared, which `exchange` sends over a connection of `route`.

    The caller's request stays without the proxy's credentials, and an origin gets none that were
    meant for a proxy.  Raises `ProxyError` where a proxy that forwards does not take ours.
    """
    if route.tunnel:
        return await send_past(request, exchange)
    return await _forward(request, route.proxy, exchange)


async def send_past(request: Request, exchange: Exchange) -> ResponseBase:
    """The response to `request`, sent without what it has for a proxy, which will not see it."""
    if "Proxy-Authorization" not in request.headers:
        return await exchange(request)
    outgoing = request.copy()
    del outgoing.headers["Proxy-Authorization"]
    response = await exchange(outgoing)
    response.request = request
    return response


async def _forward(request: Request, proxy: Proxy, exchange: Exchange) -> ResponseBase:
    rounds = Rounds(proxy, _in_absolute_form(request))
    try:
        outgoing: Request | None = await rounds.first()
        while outgoing is not None:
            response = await exchange(outgoing)
            response.request = request
            outgoing = await _after(rounds, response)
            if response.status_code != 407:
                return response
            await response.drain()
            if outgoing is not None and request.body is not None and not request.body.can_send:
                raise RedirectBodyUnavailable(
                    f"{request.method} {request.url.masked}: the proxy {proxy.peer} demands "
                    "credentials, but the body has been sent and its iterator is used up",
                    response=response,
                )
    finally:
        rounds.close()
    doing = f"{request.method} {request.url.masked} through proxy {proxy.peer}"
    reason = response.reason_phrase
    raise refusal(
        doing, AsyncResponse(407, response.headers, request=request, reason_phrase=reason)
    )


async def _after(rounds: Rounds, response: ResponseBase) -> Request | None:
    try:
        return await rounds.after(response)
    except BaseException:
        await response.release()
        raise


def _in_absolute_form(request: Request) -> Request:
    url = request.url
    path = b"" if request.target == b"*" else request.target  # RFC 9112 §3.2.4
    forwarded = request.copy()
    forwarded.target = b"%b://%b%b" % (url.scheme.encode("ascii"), url.host_header, path)
    return forwarded
