"""The body of a response that is on its way over a connection, whatever that speaks."""

from __future__ import annotations

import abc
import typing
import warnings

from ..aliases import RawHeaders
from ..deadline import Deadline
from ..exceptions import ReadTimeout, RequestException
from ..models.request import Request

# Of a body that nobody wants: take this much, for this long, rather than close the connection, or
# reset the stream.  Peers count resets, as an attack can be made of them (CVE-2023-44487).
MAX_DRAINED_BYTES = 64 * 1024
DRAIN_SECONDS = 1.0


class IncomingBody(abc.ABC):
    """
    What the bodies of both protocols have in common; a `BodyStream`.

    * `_ended`: whether it gives nothing any more, and its exchange is over.
    """

    __slots__ = ("trailers", "_deadline", "_request", "_ended")

    trailers: RawHeaders
    _deadline: Deadline
    _request: Request
    _ended: bool

    def __aiter__(self) -> typing.Self:
        return self

    @abc.abstractmethod
    async def __anext__(self) -> bytes:
        """See `BodyStream`."""

    @abc.abstractmethod
    async def read(self) -> bytes:
        """See `BodyStream`."""

    @abc.abstractmethod
    async def aclose(self) -> None:
        """See `BodyStream`."""

    @abc.abstractmethod
    def abandon(self) -> None:
        """See `BodyStream`."""

    async def drain(self) -> None:
        """See `BodyStream`."""
        self._deadline = self._deadline.phase(DRAIN_SECONDS, ReadTimeout)
        drained = 0
        while not self._ended and drained <= MAX_DRAINED_BYTES:
            try:
                drained += len(await anext(self, b""))
            except RequestException:
                return
        await self.aclose()

    def __del__(self) -> None:
        if not self._ended and warnings is not None:  # `None`: the interpreter ends
            self.abandon()
            warnings.warn(
                f"a response of {self._request.method} {self._request.url.masked} was dropped "
                "without being read or closed",
                ResourceWarning,
                stacklevel=2,
                source=self,
            )
