"""What a request to an HTTP proxy carries for the proxy itself, and how its 407 is answered.

An `Auth` knows of origins: it is told in their words what the proxy says, and what it answers is
put where the proxy looks for it (RFC 9110 §11.7).  So each that works with origins does with
proxies.  To it, all requests are for the proxy's URL, but the request target is what is sent.
"""

from __future__ import annotations

import collections.abc
import typing

from ..exceptions import ProxyError
from ..models.headers import Headers
from ..models.proxy import Proxy
from ..models.request import Request
from ..models.response import AsyncResponse
from ..models.response_base import ResponseBase
from ..models.url import URL

Yielded = typing.TypeVar("Yielded")
Sent = typing.TypeVar("Sent")

# How much of a refusal's body its error shows.
_SHOWN_CHARACTERS = 200

_AS_OF_ORIGIN = {
    b"proxy-authenticate": b"WWW-Authenticate",
    b"proxy-authentication-info": b"Authentication-Info",
}


class Rounds:
    """
    What to send to `proxy` one after the other so that it does as `request` says.

    Call `first()`, then `after()` with each answer, and `close()` in the end.
    """

    def __init__(self, proxy: Proxy, request: Request) -> None:
        self._auth = proxy.auth
        self._request = request.copy()
        for name, value in proxy.fields():
            self._request.headers[name.decode("ascii")] = value
        self._flow: collections.abc.Generator[typing.Any, typing.Any, None] | None = None
        if self._auth is not None and not isinstance(self._auth, tuple):
            for_auth = self._request.copy()
            for_auth.url = URL(str(proxy.origin))
            for_auth.headers.pop("Authorization", None)
            self._flow = self._auth.flow(for_auth)

    async def first(self) -> Request:
        """What to begin with."""
        if self._flow is None:
            return self._request
        request = await self._next_request(next(self._flow, None))
        if request is None:
            raise TypeError(f"the flow of {self._auth!r} did not yield a request")
        return request

    async def after(self, response: ResponseBase) -> Request | None:
        """What to send after `response`; `None` where there is nothing more to be said."""
        if self._flow is None:
            return None
        following = await self._next_request(advance(self._flow, _as_of_origin(response)))
        return following if response.status_code == 407 else None

    def close(self) -> None:
        """No more is sent."""
        if self._flow is not None:
            self._flow.close()

    async def _next_request(self, step: typing.Any) -> Request | None:
        """The request that the flow yields now, or once it was given what it waits for."""
        assert self._flow is not None
        while step is not None and not isinstance(step, Request):
            step = advance(self._flow, await step)
        return None if step is None else self._to_proxy(step)

    def _to_proxy(self, authenticated: Request) -> Request:
        request = authenticated.copy()
        request.url = self._request.url
        credentials = request.headers.pop("Authorization", None)
        if credentials is not None:
            request.headers["Proxy-Authorization"] = credentials
        if "Authorization" in self._request.headers:
            request.headers["Authorization"] = self._request.headers["Authorization"]
        return request


def advance(
    generator: collections.abc.Generator[Yielded, Sent, None], value: Sent
) -> Yielded | None:
    """What `generator` yields when it is sent `value`; `None` at its end."""
    try:
        return generator.send(value)
    except StopIteration:
        return None


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


def _as_of_origin(response: ResponseBase) -> ResponseBase:
    raw = [(_AS_OF_ORIGIN.get(name.lower(), name), value) for name, value in response.headers.raw]
    headers = Headers.from_raw(raw)
    headers.pop("Content-Encoding", None)  # there is no body to be decoded
    status = 401 if response.status_code == 407 else response.status_code
    return AsyncResponse(status, headers, request=response.request)
