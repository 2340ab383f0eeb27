"""What a dispatcher is: one request in, one response out, no policy."""

from __future__ import annotations

import abc
import collections
import collections.abc
import typing

from ..aliases import Content, Files
from ..deadline import TimeoutTypes
from ..models.cookies import CookieTypes
from ..models.headers import HeaderTypes
from ..models.query_params import QueryParamTypes
from ..models.request import Request
from ..models.response_base import ResponseBase
from ..models.url import URL
from ..ssl_config import SSLTypes


class Dispatcher(abc.ABC):
    """
    Sends one request and gives back its one response: no redirects, no cookies, no auth.

    Subclasses define `send()` and, where they hold something, `close()`.  The same dispatcher
    serves `Client` and `AsyncClient`; under `Client` none of its awaits may suspend.
    """

    @abc.abstractmethod
    async def send(
        self,
        request: Request,
        stream: bool = False,
        ssl: SSLTypes | None = None,
        timeout: TimeoutTypes = None,
    ) -> ResponseBase:
        """
        Send `request`.

        * `stream`: return once the head has arrived; the caller reads or closes the body.
        * `ssl`: other TLS settings than the dispatcher's; `None` for its own.
        * `timeout`: what it may take; a client passes a `Deadline`, whose clock is running. `None`
          for the dispatcher's own.
        """

    async def close(self) -> None:  # noqa: B027 - nothing to release is the common case
        """Release what is held."""

    def prepare_request(self, request: Request) -> None:
        """Fill in what the wire needs; see `Request.prepare()`."""
        request.prepare()

    async def request(
        self,
        method: str,
        url: URL | str,
        *,
        content: Content | None = None,
        data: Content | None = None,
        json: typing.Any = None,
        files: Files | None = None,
        query_params: QueryParamTypes = None,
        params: QueryParamTypes = None,
        headers: HeaderTypes = None,
        cookies: CookieTypes = None,
        stream: bool = False,
        ssl: SSLTypes | None = None,
        timeout: TimeoutTypes = None,
    ) -> ResponseBase:
        """Make a `Request` and send it; the arguments are those of `Request` and `send()`."""
        request = Request(
            method,
            url,
            content=content,
            data=data,
            json=json,
            files=files,
            query_params=query_params,
            params=params,
            headers=headers,
            cookies=cookies,
        )
        self.prepare_request(request)
        return await self.send(request, stream, ssl, timeout)

    async def __aenter__(self) -> typing.Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.close()


class Unprocessed(Exception):
    """
    The connection failed before the request can have had an answer; the pool may send it again.

    * `error`: what the caller gets where it cannot be sent again.
    * `certain`: the peer said that it did not process it (HTTP/2), so any method may be sent again;
      otherwise only one that does no harm twice (RFC 9110 §9.2.2).
    * `needs_http11`: the peer wants it over HTTP/1.1 (RFC 9113 §7).
    """

    def __init__(self, error: Exception, certain: bool, needs_http11: bool = False) -> None:
        super().__init__(error)
        self.error = error
        self.certain = certain
        self.needs_http11 = needs_http11


OnDone = collections.abc.Callable[[bool, float | None], None]
"""What a connection calls when an exchange on it ends: with whether it may carry another one, and
for how many seconds the server keeps it while idle, or `None`: it did not say."""

Abandoned = collections.deque[collections.abc.Callable[[], None]]
"""What finalisers want done.  A finaliser runs on whatever line allocates, perhaps while the pool's
lock is held, so it only appends here; `reap()` carries it out, at the owner's next entry or when a
response is closed."""


def reap(abandoned: Abandoned) -> None:
    """Carry out what finalisers have left; not while a lock is held."""
    while abandoned:
        try:
            give_up = abandoned.popleft()
        except IndexError:
            return  # another thread was faster
        give_up()
