"""Request bodies that are files: blocking ones, those whose `read()` is awaited, and paths.

Each pass starts where the file stood when the body was made, never at 0, and gives as many bytes as
followed then: what has been appended since is no part of the message, and what has been cut off is
an error.  The reads of a blocking file run off the event loop.
"""

from __future__ import annotations

import functools
import io
import os
import stat
import typing

from ..aliases import BinaryFile, BlockingRunner
from ..exceptions import LocalProtocolError
from .bodies import CHUNK_BYTES, Body, checked_piece, used_up

# Of a file whose length is known, so that a read does not wait for what has yet to be written.  In
# an async client each block is a thread's work, which costs as much as reading it.
_BLOCK_BYTES = 512 * 1024


class _PositionedBody(Body):
    """What reads blocks of a file from `_start` on, `length` bytes of it if that is known."""

    __slots__ = ("length", "replayable", "may_wait", "_start", "_sent", "_started")

    def __init__(self, start: int | None, length: int | None) -> None:
        self.length = length
        self.replayable = start is not None
        self.may_wait = start is None
        self._start = start
        self._sent = 0
        self._started = False

    @property
    def can_send(self) -> bool:
        return self.replayable or not self._started

    def rewind(self) -> None:
        if not self.can_send:
            raise used_up("file")
        self._sent = 0

    def _next_size(self) -> int:
        """How many bytes to read next, 0 at the end: also where the file has grown."""
        if self.length is None:
            return CHUNK_BYTES
        return min(_BLOCK_BYTES, self.length - self._sent)

    def _taken(self, piece: object) -> bytes | memoryview | None:
        """What to send of a `piece` that was read."""
        checked = checked_piece(piece, "file")
        if self.length is not None:
            if not checked:
                raise LocalProtocolError(
                    f"the request's file gave {self._sent} bytes, but {self.length} were there "
                    "when the request was made: it has become shorter meanwhile"
                )
            checked = checked[: self.length - self._sent]  # not every read() keeps to the size
        self._sent += len(checked)
        return checked or None


class FileBody(_PositionedBody):
    """
    A file opened for reading bytes, from where it stands to its end.

    `length` is what follows the position, as told by seeking; `None` for pipes and for files that
    do not say how long they are (below /proc).  Replayable if it can seek, whatever moved it since
    the body was made.  To learn the size of a file that is unpacked on the way (`gzip.open`) Python
    reads through it once; give an iterator of its blocks to avoid that.

    Raises `TypeError` for a file opened as text, `ValueError` for a closed one.
    """

    __slots__ = ("_file", "_in_memory")

    def __init__(self, file: BinaryFile) -> None:
        refuse_text_file(file)
        super().__init__(*_measure(file))
        self._file = file
        # A thread for what is in memory already costs more than the read.
        self._in_memory = isinstance(file, io.BytesIO)

    def rewind(self) -> None:
        super().rewind()
        if self._start is not None:
            typing.cast("typing.BinaryIO", self._file).seek(self._start)

    async def next_chunk(self, run_blocking: BlockingRunner) -> bytes | memoryview | None:
        self._started = True
        size = self._next_size()
        if size == 0:
            return None
        read = functools.partial(self._file.read, size)
        return self._taken(read() if self._in_memory else await run_blocking(read))


class AsyncFileBody(_PositionedBody):
    """
    A file whose `read()` is a coroutine function (aiofiles, anyio, trio), for async clients.

    The rules are those of `FileBody`.  Only one that shows the blocking file beneath as `wrapped`,
    as those of anyio and trio do, can be measured before it is sent; others have no `length`, and
    whether they are replayable is known once they have been asked for their position.
    """

    __slots__ = ("_file", "_rewound")

    needs_async = True

    def __init__(self, file: typing.Any) -> None:
        refuse_text_file(file)
        super().__init__(*_measure(getattr(file, "wrapped", None)))
        self._file = file
        self._rewound = True

    def rewind(self) -> None:
        super().rewind()
        self._rewound = True

    async def next_chunk(self, run_blocking: BlockingRunner) -> bytes | memoryview | None:
        if self._rewound:
            self._rewound = False
            await self._go_to_start()
        size = self._next_size()
        return None if size == 0 else self._taken(await self._file.read(size))

    async def _go_to_start(self) -> None:
        if self._start is not None:
            await self._file.seek(self._start)
        else:
            try:
                start = await self._file.tell()
                await self._file.seek(start)
            except (AttributeError, OSError):
                pass
            else:
                self._start = start
                self.replayable = True
        self._started = True


class PathBody(Body):
    """
    The file at a path, opened for each pass and closed behind it.

    Raises `OSError` for one that cannot be read and `ValueError` for what is no regular file: that
    might block for ever.
    """

    __slots__ = ("length", "_path", "_file", "_body")

    replayable = True

    def __init__(self, path: os.PathLike[str]) -> None:
        self._path = os.fspath(path)
        self._file: typing.BinaryIO | None = None
        self._body: FileBody | None = None
        mode = os.stat(self._path).st_mode
        if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
            raise ValueError(f"{self._path!r} is no regular file; open it and give the file")
        with open(self._path, "rb") as file:  # of a directory, this is the error
            self.length = FileBody(file).length

    @property
    def can_send(self) -> bool:
        return True

    def rewind(self) -> None:
        if self._file is not None:
            self._file.close()
        self._file = self._body = None

    async def next_chunk(self, run_blocking: BlockingRunner) -> bytes | memoryview | None:
        if self._body is None:
            # Not in a thread: if the wait for that were cancelled, nobody would close the file.
            self._file = open(self._path, "rb")  # noqa: SIM115 - rewind() closes it
            self._body = FileBody(self._file)
            self._body.length = self.length
        piece = await self._body.next_chunk(run_blocking)
        if piece is None:
            self.rewind()
        return piece

    async def aclose(self) -> None:
        self.rewind()


def refuse_text_file(file: object) -> None:
    """Raise `TypeError` for a file opened as text: only these have an encoding."""
    if hasattr(file, "encoding"):
        raise TypeError(
            f"{file!r} is opened as text; open it in binary mode, for example with open(path, 'rb')"
        )


def _measure(file: typing.Any) -> tuple[int | None, int | None]:
    """Where `file` stands and how many bytes follow; `None` for what it cannot tell."""
    try:
        start = file.tell()
        file.seek(start)
    except (AttributeError, OSError):
        return None, None
    try:
        file.seek(0, os.SEEK_END)
        length: int | None = max(file.tell() - start, 0)
        if length == 0:
            # Either it is empty, or it does not know its size.
            file.seek(start)
            length = None if file.read(1) else 0
    except OSError:
        length = None
    file.seek(start)
    return start, length
