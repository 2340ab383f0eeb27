"""What the two classes of responses share: everything but the words `async` and `await`.

All logic is here, as coroutines.  `AsyncResponse` has them awaited, `Response` drives them to
their end; nothing else differs.  A dispatcher may build either: the client hands out the one that
is its own.
"""

from __future__ import annotations

import collections.abc
import typing

from ..content.text import decode_text, stream_charset
from ..driver import run_sync
from ..exceptions import HTTPError
from ..status_codes import status_from_int
from .connection_info import ConnectionInfo
from .headers import Headers, HeaderTypes
from .request import Request
from .response_body import ResponseBody
from .response_head import printable
from .streams import BodyStream, BytesStream, IterableStream

# How long a message of ours may be.
_MAX_MESSAGE = 500

ResponseContent = (
    bytes
    | bytearray
    | memoryview
    | str
    | collections.abc.Iterable[bytes]
    | collections.abc.AsyncIterable[bytes]
)
"""What the `content` of a response that is built by hand may be."""


class ResponseBase(ResponseBody):
    """What `Response` and `AsyncResponse` share; for dispatchers, which need not know the class."""

    history: list[typing.Any]

    # What follows a redirect that is handed out; `None` where there is nothing to follow.
    send_next: (
        collections.abc.Callable[[ResponseBase], collections.abc.Awaitable[ResponseBase]] | None
    ) = None

    def __init__(
        self,
        status_code: int,
        headers: HeaderTypes = None,
        content: ResponseContent = b"",
        request: Request | None = None,
        *,
        protocol: str = "HTTP/1.1",
        reason_phrase: str | None = None,
        history: collections.abc.Sequence[ResponseBase] = (),
    ) -> None:
        """
        * `status_code`: an `int` of three digits, or an `http.HTTPStatus`.
        * `headers`: as for `Headers`.
        * `content`: the body as it stands on the wire, so encoded where the headers have a
          Content-Encoding: `bytes`, `str` (UTF-8), an iterable of bytes, or an async iterable of
          bytes.
        * `request`: the `Request` that this answers.
        * `protocol`: `"HTTP/1.1"`, `"HTTP/1.0"` or `"HTTP/2"`.
        * `reason_phrase`: `None` for the standard one.
        """
        if not isinstance(status_code, int):
            raise TypeError(f"a status code is an int, not {status_code!r}")
        if not 100 <= status_code <= 999:
            raise ValueError(f"a status code has three digits; {status_code} is none")
        body: BodyStream
        if isinstance(content, str):
            body = BytesStream(content.encode("utf-8"))
        elif isinstance(content, (bytes, bytearray, memoryview)):
            body = BytesStream(bytes(content))
        elif isinstance(content, (collections.abc.Iterable, collections.abc.AsyncIterable)):
            body = IterableStream(content)
        else:
            raise TypeError(
                "the content of a response is bytes, str, or an iterable or async iterable of "
                f"bytes, not {type(content).__name__}"
            )
        self._set(status_code, Headers(headers), body, request, protocol, reason_phrase)
        self.history = list(history)
        if isinstance(body, BytesStream):
            run_sync(self.load())

    @classmethod
    def from_wire(
        cls,
        status_code: int,
        headers: Headers,
        body: BodyStream,
        request: Request,
        protocol: str,
        reason_phrase: str | None,
        carried_by: tuple[ConnectionInfo, int] | None = None,
    ) -> typing.Self:
        """
        A response whose head has arrived and whose body is on its way; for dispatchers.

        `carried_by`: the connection, and how many requests it has carried, this one included.
        """
        response = object.__new__(cls)
        response._set(status_code, headers, body, request, protocol, reason_phrase)
        response._carried_by = carried_by
        return response

    def _set(
        self,
        status_code: int,
        headers: Headers,
        body: BodyStream,
        request: Request | None,
        protocol: str,
        reason_phrase: str | None,
    ) -> None:
        self.status_code = status_from_int(status_code)
        self.headers = headers
        self.request = request
        self.protocol = protocol
        self.history = []
        self._reason_phrase = reason_phrase
        self._body = body
        self._turn = [None]

    @classmethod
    def adopt(cls, response: ResponseBase) -> typing.Self:
        """`response` as one of this class, its history too: the same heads, the same bodies."""
        if type(response) is cls and not response.history:
            return response
        history: list[ResponseBase] = []
        for earlier in response.history:
            # Each has those before it as its own history: adopting them from there again would
            # take twice as long with every redirect.
            history.append(cls._adopt_one(earlier, list(history)))
        return cls._adopt_one(response, history)

    @classmethod
    def _adopt_one(cls, response: ResponseBase, history: list[ResponseBase]) -> typing.Self:
        if type(response) is cls:
            return response
        adopted = cls.__new__(cls)
        adopted.__dict__.update(response.__dict__)
        adopted.history = history
        return adopted

    def without_secrets(self) -> typing.Self:
        """A copy without what no `repr` shows, in its request and its history too."""
        history: list[ResponseBase] = []
        for earlier in self.history:
            history.append(earlier._one_without_secrets(list(history)))
        return self._one_without_secrets(history)

    def _one_without_secrets(self, history: list[ResponseBase]) -> typing.Self:
        copied = self.__copy__()
        copied.headers = self.headers.without_secrets()
        copied.request = None if self.request is None else self.request.without_secrets()
        copied.history = history
        return copied

    def raise_for_status(self) -> None:
        """Raise `HTTPError` for a status of 4xx or 5xx, with the start of a body that was read."""
        if self.status_code < 400:
            return
        kind = "client error" if self.status_code < 500 else "server error"
        message = f"{kind}: {self._described()}"
        if excerpt := self._excerpt():
            message += f": {excerpt}"
        raise HTTPError(message[:_MAX_MESSAGE], request=self.request, response=self)

    def _excerpt(self) -> str:
        # Not by `encoding`: guessing would cost more than all the rest of the exchange.
        encoding = self._encoding or stream_charset(self.headers.get("Content-Type"))
        return printable(decode_text((self._content or self._start)[: 4 * _MAX_MESSAGE], encoding))

    async def _next(self) -> ResponseBase:
        if self.send_next is None:
            raise RuntimeError(
                f"there is no next request: {self._described()}, no redirect to follow"
            )
        return await self.send_next(self)

    def __repr__(self) -> str:
        return f"<{type(self).__name__}({int(self.status_code)}, {self.reason_phrase!r})>"

    def __copy__(self) -> typing.Self:
        """One more response over the same body, which only one of them can stream."""
        copied = type(self).__new__(type(self))
        copied.__dict__.update(self.__dict__)
        return copied

    def __getstate__(self) -> dict[str, typing.Any]:
        state = dict(self.__dict__, send_next=None, _closed=True)
        state["_body"] = BytesStream(b"")
        state["_body"].trailers = list(self._body.trailers)
        return state
