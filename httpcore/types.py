"""Aliases and Protocols that several layers share."""

from __future__ import annotations

import collections.abc
import typing

RawHeaders = list[tuple[bytes, bytes]]
"""Header fields as they stand on the wire: name and value, in order."""

PrimitiveData = str | int | float | bool | None
"""What a query parameter or a form field may have as its value."""


class BinaryFile(typing.Protocol):
    """A file opened for reading bytes."""

    def read(self, size: int = -1, /) -> bytes: ...


Content = (
    bytes
    | bytearray
    | memoryview
    | str
    | BinaryFile
    | collections.abc.Mapping[str, typing.Any]
    | collections.abc.Iterable[bytes]
    | collections.abc.AsyncIterable[bytes]
    | collections.abc.Sequence[tuple[str, typing.Any]]
)
"""What `content=` takes."""

BlockingRunner = collections.abc.Callable[
    [collections.abc.Callable[[], bytes]], collections.abc.Awaitable[bytes]
]
"""Runs a blocking read off the event loop: `ConcurrencyBackend.run_blocking`."""
