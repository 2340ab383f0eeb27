"""Aliases and Protocols that several layers share."""

from __future__ import annotations

import collections.abc
import os
import typing

RawHeaders = list[tuple[bytes, bytes]]
"""Header fields as they stand on the wire: name and value, in order."""

Path = str | os.PathLike[str]
"""Where a file is."""

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

FileContent = (
    bytes
    | bytearray
    | memoryview
    | BinaryFile
    | os.PathLike[str]
    | collections.abc.Iterable[bytes]
    | collections.abc.AsyncIterable[bytes]
)
"""What a part of a multipart body may consist of."""

File = (
    FileContent
    | tuple[str | None, FileContent | str]
    | tuple[str | None, FileContent | str, str | None]
    | tuple[str | None, FileContent | str, str | None, typing.Any]
)
"""A part: its content, or `(filename, content[, content_type[, headers]])`."""

Files = (
    collections.abc.Mapping[str, File | list[typing.Any]]
    | collections.abc.Sequence[tuple[str, File | list[typing.Any]]]
    | collections.abc.Iterator[tuple[str, File | list[typing.Any]]]
)
"""What `files=` takes: a mapping, in which a list repeats the field, or pairs."""

BlockingRunner = collections.abc.Callable[
    [collections.abc.Callable[[], bytes]], collections.abc.Awaitable[bytes]
]
"""Runs a blocking read off the event loop: `ConcurrencyBackend.run_blocking`."""
