"""A dispatcher without a network, for the tests of those who use this library."""

from __future__ import annotations

import collections.abc
import copy
import inspect

from ..deadline import TimeoutTypes
from ..models.request import Request
from ..models.response_base import ResponseBase
from ..ssl_config import SSLTypes
from .base import Dispatcher

Handler = collections.abc.Callable[
    [Request], ResponseBase | collections.abc.Awaitable[ResponseBase]
]


class MockDispatch(Dispatcher):
    """
    Answers each request with what `handler(request)` returns or raises.

    >>> client = Client(dispatch=MockDispatch(lambda request: Response(200, content=b"hello")))
    >>> client.get("https://example.org").text
    'hello'

    * `handler`: returns a `Response`, a new one each time where its content is an iterator; may be
      an async function, for `AsyncClient`.
    * `requests`: every request so far, in order.
    """

    def __init__(self, handler: Handler) -> None:
        self.requests: list[Request] = []
        self._handler = handler

    async def send(
        self,
        request: Request,
        stream: bool = False,
        ssl: SSLTypes | None = None,
        timeout: TimeoutTypes = None,
    ) -> ResponseBase:
        """Hand `request`, prepared, to the handler; see `Dispatcher.send`."""
        request.prepare()
        self.requests.append(request)
        response = self._handler(request)
        if inspect.isawaitable(response):
            response = await response
        if not isinstance(response, ResponseBase):
            raise TypeError(
                "the handler of a MockDispatch has to return a Response, "
                f"not {type(response).__name__}"
            )
        # A handler may return one response many times: each request gets its own.
        response = copy.copy(response)
        response.request = response.request or request
        return response if stream else await response.loaded()
