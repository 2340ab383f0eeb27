"""The async client: the shared coroutines, awaited."""

from __future__ import annotations

import typing

from ..backends.base import ConcurrencyBackend
from ..models.request import Request, as_request
from ..models.response import AsyncResponse
from ..models.url import URL
from .base import ClientBase
from .options import RequestOptions, SendOptions


class AsyncClient(ClientBase):
    """
    As `Client`, awaited, on asyncio or trio: whichever runs.

    >>> async with AsyncClient() as client:
    ...     response = await client.get("https://example.org")

    May be shared by the tasks of an event loop.  In another loop (a second `asyncio.run()`) it
    opens new connections.  Needs no `close()` to work, but holds its idle connections until then.
    """

    async def request(
        self, method: str, url: URL | str, **options: typing.Unpack[RequestOptions]
    ) -> AsyncResponse:
        """
        Send a request and return its response; the options are those of `Client.request`.

        `content`, and a file among `files`, may also be an async iterable of bytes, or a file whose
        `read()` is awaited (aiofiles, anyio, trio).  A blocking file is read in a worker thread.  A
        plain iterable is iterated in the event loop, which waits for it: what takes its time, or
        blocks, has to be an async iterable or a file.
        """
        return AsyncResponse.adopt(await self._request(method, url, options))

    async def get(self, url: URL | str, **options: typing.Unpack[RequestOptions]) -> AsyncResponse:
        """Send a GET request; see `request()`."""
        return await self.request("GET", url, **options)

    async def options(
        self, url: URL | str, **options: typing.Unpack[RequestOptions]
    ) -> AsyncResponse:
        """Send an OPTIONS request; see `request()`."""
        return await self.request("OPTIONS", url, **options)

    async def head(self, url: URL | str, **options: typing.Unpack[RequestOptions]) -> AsyncResponse:
        """Send a HEAD request; redirects are not followed by default; see `request()`."""
        return await self.request("HEAD", url, **options)

    async def post(self, url: URL | str, **options: typing.Unpack[RequestOptions]) -> AsyncResponse:
        """Send a POST request; see `request()`."""
        return await self.request("POST", url, **options)

    async def put(self, url: URL | str, **options: typing.Unpack[RequestOptions]) -> AsyncResponse:
        """Send a PUT request; see `request()`."""
        return await self.request("PUT", url, **options)

    async def patch(
        self, url: URL | str, **options: typing.Unpack[RequestOptions]
    ) -> AsyncResponse:
        """Send a PATCH request; see `request()`."""
        return await self.request("PATCH", url, **options)

    async def delete(
        self, url: URL | str, **options: typing.Unpack[RequestOptions]
    ) -> AsyncResponse:
        """Send a DELETE request; see `request()`."""
        return await self.request("DELETE", url, **options)

    async def query(
        self, url: URL | str, **options: typing.Unpack[RequestOptions]
    ) -> AsyncResponse:
        """Send a QUERY request: safe as GET is, with a body as POST has one; see `request()`."""
        return await self.request("QUERY", url, **options)

    async def send(self, request: Request, **options: typing.Unpack[SendOptions]) -> AsyncResponse:
        """Send a `Request` as it is, without the client's headers; see `Client.send`."""
        return AsyncResponse.adopt(await self._send(as_request(request), **options))

    async def close(self) -> None:
        """
        Close every connection at once; the client cannot be used any more.

        Requests under way in other tasks raise `NetworkError`.  A `dispatch` that was given to the
        client is left open.
        """
        await self._close()

    async def __aenter__(self) -> typing.Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.close()


class TrioClient(AsyncClient):
    """An `AsyncClient` for trio alone: it does not look what runs."""

    @staticmethod
    def _default_backend() -> ConcurrencyBackend:
        from ..backends.trio_streams import TrioBackend  # trio need not be installed

        return TrioBackend()
