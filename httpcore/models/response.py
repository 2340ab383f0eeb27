"""A response, for the sync client and for the async one; see `response_base`."""

from __future__ import annotations

import collections.abc

from ..content.lines import MAX_LINE_BYTES
from ..driver import run_sync
from .response_base import ResponseBase
from .streams import PlainIterator


class Response(ResponseBase):
    """
    A response of `Client`; `read()`, `stream()` and the like are plain calls.

    One thread at a time may read the body; everything else may be shared.

    What reads it raises `StreamConsumed` or `ResponseClosed` where it is gone already,
    `DecodingError` and `ResponseTooLarge` for what it turns out to be, and a `NetworkError`, a
    `Timeout` or a `ProtocolError` where it does not come to its end.
    """

    history: list[Response]

    def read(self) -> bytes:
        """The whole body, decoded; kept as `content`, so it can be read again."""
        return run_sync(self.load())

    def stream(self, chunk_size: int | None = None) -> collections.abc.Iterator[bytes]:
        """
        The body piece by piece, decoded, without keeping it.

        `chunk_size`: the bytes of every piece but the last; `None`: as they arrive.
        """
        return PlainIterator(self._iter_decoded(chunk_size))

    def raw(self, chunk_size: int | None = None) -> collections.abc.Iterator[bytes]:
        """The body piece by piece as it stands on the wire, not decoded; see `stream()`."""
        return PlainIterator(self._iter_raw(chunk_size))

    def stream_text(self) -> collections.abc.Iterator[str]:
        """The body piece by piece as it arrives, as text; no character is cut in two."""
        return PlainIterator(self._iter_text())

    def lines(
        self, max_line_bytes: int | None = MAX_LINE_BYTES, *, lf_only: bool = False
    ) -> collections.abc.Iterator[str]:
        """
        The body line by line, as text, without the line ends (LF, CR LF or CR).

        * `max_line_bytes`: a longer line raises `ResponseTooLarge`; `None` means no limit.
        * `lf_only`: only LF and CR LF end a line, as line-based protocols have it.
        """
        return PlainIterator(self._iter_lines(max_line_bytes, lf_only))

    def write(self, data: bytes) -> None:
        """
        Send `data` after a 101: in the protocol that the request's Upgrade field has asked for.

        `raw()` gives what the server sends; one thread or task may read while another one writes.
        `StreamException` for any other response.
        """
        run_sync(self._write(data))

    def close(self) -> None:
        """Give the connection back.  Never waits; the rest of the body is lost."""
        run_sync(self.release())

    def next(self) -> Response:
        """Send the request that the redirect asks for; `RuntimeError` where there is none."""
        return Response.adopt(run_sync(self._next()))

    def __enter__(self) -> Response:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()


class AsyncResponse(ResponseBase):
    """A response of `AsyncClient`: as `Response`, awaited.  Belongs to one event loop."""

    history: list[AsyncResponse]

    async def read(self) -> bytes:
        """The whole body, decoded; kept as `content`, so it can be read again."""
        return await self.load()

    def stream(self, chunk_size: int | None = None) -> collections.abc.AsyncIterator[bytes]:
        """
        The body piece by piece, decoded, without keeping it.

        `chunk_size`: the bytes of every piece but the last; `None`: as they arrive.
        """
        return self._iter_decoded(chunk_size)

    def raw(self, chunk_size: int | None = None) -> collections.abc.AsyncIterator[bytes]:
        """The body piece by piece as it stands on the wire, not decoded; see `stream()`."""
        return self._iter_raw(chunk_size)

    def stream_text(self) -> collections.abc.AsyncIterator[str]:
        """The body piece by piece as it arrives, as text; no character is cut in two."""
        return self._iter_text()

    def lines(
        self, max_line_bytes: int | None = MAX_LINE_BYTES, *, lf_only: bool = False
    ) -> collections.abc.AsyncIterator[str]:
        """
        The body line by line, as text, without the line ends (LF, CR LF or CR).

        * `max_line_bytes`: a longer line raises `ResponseTooLarge`; `None` means no limit.
        * `lf_only`: only LF and CR LF end a line, as line-based protocols have it.
        """
        return self._iter_lines(max_line_bytes, lf_only)

    async def write(self, data: bytes) -> None:
        """
        Send `data` after a 101: in the protocol that the request's Upgrade field has asked for.

        `raw()` gives what the server sends; one thread or task may read while another one writes.
        `StreamException` for any other response.
        """
        await self._write(data)

    async def close(self) -> None:
        """Give the connection back.  Never waits; the rest of the body is lost."""
        await self.release()

    async def next(self) -> AsyncResponse:
        """Send the request that the redirect asks for; `RuntimeError` where there is none."""
        return AsyncResponse.adopt(await self._next())

    async def __aenter__(self) -> AsyncResponse:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.close()
