"""A stream of which more was read than was asked for."""

from __future__ import annotations

import collections.abc
import typing

from ..backends.base import NetworkStream
from ..deadline import Deadline

if typing.TYPE_CHECKING:
    import socket
    import ssl

    from ..exceptions import SSLError


def behind(stream: NetworkStream, rest: bytes) -> NetworkStream:
    """`stream` with `rest`, which has been read from it already, in front."""
    return ReadAheadStream(stream, rest) if rest else stream


class ReadAheadStream(NetworkStream):
    """The stream `inner`, whose first read gives `rest`."""

    __slots__ = ("_inner", "_rest")

    def __init__(self, inner: NetworkStream, rest: bytes) -> None:
        self.peer = inner.peer
        self._inner = inner
        self._rest = rest

    async def read(self, deadline: Deadline) -> bytes:
        return self._take() or await self._inner.read(deadline)

    def read_available(self) -> bytes | None:
        return self._take() or self._inner.read_available()

    def _take(self) -> bytes:
        rest, self._rest = self._rest, b""
        return rest

    async def write(
        self,
        data: bytes | bytearray | memoryview,
        deadline: Deadline,
        until_readable: bool = False,
    ) -> bool:
        return await self._inner.write(data, deadline, until_readable and not self._rest)

    def write_available(self, data: bytes | bytearray | memoryview) -> bool:
        return self._inner.write_available(data)

    def watch(self, on_readable: collections.abc.Callable[[], None] | None) -> bool:
        return self._inner.watch(on_readable)

    def close(self) -> None:
        self._inner.close()

    @property
    def is_closed(self) -> bool:
        return self._inner.is_closed

    @property
    def socket(self) -> socket.socket | None:
        return self._inner.socket

    @property
    def ssl_object(self) -> ssl.SSLObject | None:
        return self._inner.ssl_object

    def refusal(self) -> SSLError | None:
        return self._inner.refusal()
