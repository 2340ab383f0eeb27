"""One call of a client: auth rounds and redirects around a dispatcher, written once for both clients."""

from __future__ import annotations

import functools
import logging
import time
import typing

from ..config import SSLTypes
from ..deadline import Deadline
from ..dispatch.base import Dispatcher
from ..exceptions import RedirectLoop, RequestException, TooManyRedirects
from ..models.request import Request
from ..models.response import ResponseBase
from ..policy.auth import Auth, BasicAuth
from ..policy.redirects import keeps_credentials, redirect_request, require_body

logger = logging.getLogger("httpcore")


class Call(typing.NamedTuple):
    """What stays the same over all requests of one call."""

    dispatch: Dispatcher
    ssl: SSLTypes | None
    deadline: Deadline
    max_redirects: int


async def send(
    call: Call, request: Request, auth: Auth | None, allow_redirects: bool, stream: bool
) -> ResponseBase:
    """
    Send `request` and follow where its answers lead; the response of the last hop.

    Unless `stream`, its body has been read.
    """
    try:
        response = await _send_hops(call, request, auth, allow_redirects, stream)
        return response if stream else await response.loaded()
    except RequestException as exc:
        exc.request = exc.request or request
        raise


async def _send_hops(
    call: Call, request: Request, auth: Auth | None, allow_redirects: bool, stream: bool
) -> ResponseBase:
    history: list[ResponseBase] = []
    seen = set()
    while True:
        response = await _send_with_auth(call, request, auth)
        response.history = list(history)
        if not response.is_redirect:
            return response
        if not allow_redirects:
            response.send_next = functools.partial(_send_next, call, request, response, auth, stream)
            return response
        seen.add(_identity(request))
        following = await _next_request(call, request, response)
        if _identity(following) in seen:
            raise RedirectLoop(
                f"{request.url.masked} redirects to {following.url.masked}, which was requested before",
                request=request,
                response=response,
            )
        auth = _auth_after(auth, request, following)
        history.append(response)
        request = following


async def _next_request(call: Call, request: Request, response: ResponseBase) -> Request:
    """The request that a redirect asks for, the redirect's connection given back."""
    try:
        if len(response.history) >= call.max_redirects:
            raise TooManyRedirects(
                f"more than {call.max_redirects} redirects (max_redirects), the last one from "
                f"{request.url.masked}",
                request=request,
                response=response,
            )
        return redirect_request(request, response)
    finally:
        await response.drain()


async def _send_next(
    call: Call, request: Request, response: ResponseBase, auth: Auth | None, stream: bool
) -> ResponseBase:
    """`response.next()`: the one request that the redirect asks for, with its time limits begun anew."""
    call = call._replace(deadline=call.deadline.restarted())
    following = await _next_request(call, request, response)
    auth = _auth_after(auth, request, following)
    answer = await send(call, following, auth, False, stream)
    answer.history = [*response.history, response]
    return answer


def _auth_after(auth: Auth | None, request: Request, following: Request) -> Auth | None:
    """Auth belongs to the origin it was given for, and does not come back once it was left."""
    return auth if keeps_credentials(request.url, following.url) else None


def _identity(request: Request) -> tuple[str, str, str | None]:
    url = request.url
    return (request.method, str(url.copy_with(fragment="")), request.headers.get("Cookie"))


async def _send_with_auth(call: Call, request: Request, auth: Auth | None) -> ResponseBase:
    if auth is None:
        if not request.url.username:
            return await _send_once(call, request)
        auth = BasicAuth(request.url.username, request.url.password)
    flow = auth.flow(request)
    try:
        authenticated = next(flow)
        while True:
            response = await _send_once(call, authenticated)
            try:
                authenticated = flow.send(response)
            except StopIteration:
                return response
            await response.drain()
            require_body(authenticated, response, "was answered with a demand for credentials")
    finally:
        flow.close()


async def _send_once(call: Call, request: Request) -> ResponseBase:
    started = time.monotonic()
    response = await call.dispatch.send(request, True, call.ssl, call.deadline)
    if response.status_code == 417 and "Expect" in request.headers:
        # The server does not do 100-continue; the body has not been sent (RFC 9110 §10.1.1).
        await response.drain()
        request.headers = request.headers.copy()
        del request.headers["Expect"]
        response = await call.dispatch.send(request, True, call.ssl, call.deadline)
    response.elapsed_seconds = time.monotonic() - started
    if response.request is None:
        response.request = request
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
