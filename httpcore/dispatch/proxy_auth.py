"""What a request to an HTTP proxy carries for the proxy itself, and how its 407 is answered."""

from __future__ import annotations

import collections.abc
import typing

from ..exceptions import ProxyError
from ..models.headers import Headers
from ..models.proxy import Proxy
from ..models.request import Request
from ..models.response import AsyncResponse
from ..models.response_base import ResponseBase

Yielded = typing.TypeVar("Yielded")
Sent = typing.TypeVar("Sent")

Rounds = collections.abc.Generator[Request, ResponseBase, None]

# How much of a refusal's body its error shows.
_SHOWN_CHARACTERS = 200

# An `Auth` knows of origins: it is told, and tells, in their words (RFC 9110 §11.7).
_AS_OF_ORIGIN = {
    b"proxy-authenticate": b"WWW-Authenticate",
    b"proxy-authentication-info": b"Authentication-Info",
}


def rounds(proxy: Proxy, request: Request) -> Rounds:
    """
    Yields what to send to `proxy`: `request` with the proxy's fields and credentials.

    Is sent each 407, and ends where it has nothing to say to that.
    """
    request = request.copy()
    for name, value in proxy.fields():
        request.headers[name.decode("ascii")] = value
    if proxy.auth is None or isinstance(proxy.auth, tuple):
        yield request
        return
    own = request.headers.pop("Authorization", None)
    flow = proxy.auth.flow(request)
    try:
        authenticated = next(flow, None)
        if authenticated is None:
            raise TypeError(f"the flow of {proxy.auth!r} did not yield a request")
        while authenticated is not None:
            response = yield _to_proxy(authenticated, own)
            authenticated = advance(flow, _as_of_origin(response))
    finally:
        flow.close()


def next_round(rounds: Rounds, response: ResponseBase) -> Request | None:
    """What to send after `response`; `None` where that is the last word."""
    return advance(rounds, response) if response.status_code == 407 else None


def refusal(doing: str, response: ResponseBase) -> ProxyError:
    """The error for `response`, with which a proxy refuses, and whose body has been read."""
    reason = ascii(response.reason_phrase[:_SHOWN_CHARACTERS])[1:-1]
    message = f"{doing} failed: the proxy answered {int(response.status_code)} {reason}".rstrip()
    if response.status_code == 407:
        message += "; is its user and password right? Proxy(url, auth=(user, password))"
    # No character has more than four bytes.
    body = response.content[: 4 * _SHOWN_CHARACTERS].decode("utf-8", "replace")
    if body:
        message += f": {ascii(body[:_SHOWN_CHARACTERS])[: _SHOWN_CHARACTERS + 2]}"
    return ProxyError(message, response=response)


def advance(
    generator: collections.abc.Generator[Yielded, Sent, None], value: Sent
) -> Yielded | None:
    """What `generator` yields when it is sent `value`; `None` at its end."""
    try:
        return generator.send(value)
    except StopIteration:
        return None


def _to_proxy(authenticated: Request, own: str | None) -> Request:
    """What an `Auth` made, its credentials meant for the proxy; `own` are those for the origin."""
    request = authenticated.copy()
    credentials = request.headers.pop("Authorization", None)
    if credentials is not None:
        request.headers["Proxy-Authorization"] = credentials
    if own is not None:
        request.headers["Authorization"] = own
    return request


def _as_of_origin(response: ResponseBase) -> ResponseBase:
    raw = [(_AS_OF_ORIGIN.get(name.lower(), name), value) for name, value in response.headers.raw]
    headers = Headers.from_raw(raw)
    headers.pop("Content-Encoding", None)  # there is no body to be decoded
    return AsyncResponse(401, headers, request=response.request)
