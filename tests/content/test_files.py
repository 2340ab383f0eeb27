"""Request bodies that are files."""

from __future__ import annotations

import collections.abc
import contextlib
import gzip
import io
import os
import pathlib
import tempfile
import typing

import aiofiles
import pytest
import trio

from httpcore.content.bodies import Body
from httpcore.content.files import AsyncFileBody, FileBody, PathBody
from httpcore.exceptions import LocalProtocolError, StreamConsumed
from tests.content.passes import content_of, one_pass, run_here

KIB = 1024


# Blocking ones.


@pytest.fixture
def path(tmp_path: pathlib.Path) -> pathlib.Path:
    """A file of 600 KiB that are all different."""
    path = tmp_path / "file"
    path.write_bytes(os.urandom(600 * KIB))
    return path


async def test_bd8_a_file_is_sent_from_its_position_each_time(path: pathlib.Path) -> None:
    """Never from its start, and wherever it was moved since."""
    with path.open("rb") as file:
        file.seek(100)
        body = FileBody(file)
        assert (body.length, body.replayable, file.tell()) == (600 * KIB - 100, True, 100)
        for moved in (None, 0, 5000):
            if moved is not None:
                file.seek(moved)
            assert body.can_send
            assert await content_of(body) == path.read_bytes()[100:]
        assert not file.closed


async def test_a_file_is_read_off_the_event_loop(path: pathlib.Path) -> None:
    """Each read goes through `run_blocking`; what is in memory is read at once."""
    sizes = []

    async def run(function: collections.abc.Callable[[], bytes]) -> bytes:
        data = function()
        sizes.append(len(data))
        return data

    with path.open("rb") as file:
        body: Body = FileBody(file)
        while await body.next_chunk(run) is not None:
            pass
    assert sizes == [512 * KIB, 88 * KIB]
    body = FileBody(io.BytesIO(b"in memory"))
    assert await body.next_chunk(run) == b"in memory"
    assert len(sizes) == 2


def test_bd8_a_file_opened_as_text_is_refused_at_once(path: pathlib.Path) -> None:
    """Before anything is sent."""
    with path.open("r", encoding="latin-1") as opened, tempfile.NamedTemporaryFile("w+") as made:
        for file in (opened, made):
            with pytest.raises(TypeError, match="binary mode"):
                FileBody(typing.cast("typing.Any", file))


def test_a_closed_file_is_refused_at_once(path: pathlib.Path) -> None:
    """As any use of it is."""
    with path.open("rb") as file:
        pass
    with pytest.raises(ValueError, match="closed"):
        FileBody(file)


async def test_bd8_a_pipe_is_sent_once_in_chunks() -> None:
    """It has no length and no way back."""
    reading, writing = os.pipe()
    with open(writing, "wb") as end:
        end.write(b"through the pipe")
    with open(reading, "rb") as file:
        body = FileBody(file)
        assert (body.length, body.replayable, body.can_send) == (None, False, True)
        assert await content_of(body) == b"through the pipe"
        assert not body.can_send
        with pytest.raises(StreamConsumed, match="file"):
            body.rewind()


class ProcFile(io.BytesIO):
    """A file as those below /proc are: it has content, and says that its size is 0."""

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        return super().seek(0) if whence == os.SEEK_END else super().seek(offset, whence)


class StubbornFile(ProcFile):
    """The other kind: it refuses to go to its end."""

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        if whence == os.SEEK_END:
            raise OSError(22, "Invalid argument")
        return super().seek(offset, whence)


@pytest.mark.parametrize("kind", [ProcFile, StubbornFile])
async def test_bd8_a_file_that_hides_its_size_is_sent_in_chunks(kind: type[io.BytesIO]) -> None:
    """And can be sent again."""
    body = FileBody(kind(b"MemTotal: 1 kB\n"))
    assert (body.length, body.replayable) == (None, True)
    for _ in range(2):
        assert await content_of(body) == b"MemTotal: 1 kB\n"


@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="there is no /proc")
async def test_bd8_a_file_in_proc_is_sent_in_chunks() -> None:
    """The real thing."""
    with open("/proc/self/status", "rb") as file:
        body = FileBody(file)
        assert body.length is None
        assert (await content_of(body)).startswith(b"Name:")


async def test_an_empty_file_has_a_length(tmp_path: pathlib.Path) -> None:
    """Zero, as what is left behind the end has."""
    path = tmp_path / "empty"
    path.touch()
    with path.open("rb") as file:
        for position in (0, 10):
            file.seek(position)
            body = FileBody(file)
            assert body.length == 0
            assert await one_pass(body) == []


async def test_bd8_of_a_file_that_grows_the_declared_bytes_are_sent(path: pathlib.Path) -> None:
    """What is appended meanwhile is not part of this message."""
    content = path.read_bytes()
    with path.open("rb") as file:
        body = FileBody(file)
        with path.open("ab") as appending:
            appending.write(b"more")
        assert await content_of(body) == content


async def test_bd6_a_file_that_shrinks_is_an_error_with_both_numbers(path: pathlib.Path) -> None:
    """Nothing else may stand in for the bytes that were announced."""
    with path.open("rb") as file:
        body = FileBody(file)
        os.truncate(path, 300 * KIB)
        with pytest.raises(LocalProtocolError, match=r"307200.*614400"):
            await content_of(body)


async def test_a_file_that_is_unpacked_on_the_way_is_as_long_as_its_content(
    tmp_path: pathlib.Path,
) -> None:
    """Not as long as the packed file beneath."""
    path = tmp_path / "file.gz"
    path.write_bytes(gzip.compress(b"unpacked" * 100))
    with gzip.open(path, "rb") as file:
        body = FileBody(typing.cast("typing.BinaryIO", file))
        assert body.length == 800
        assert await content_of(body) == b"unpacked" * 100


class Careless:
    """A file-like object that can be told where to go, but gives what it likes."""

    def __init__(self, *pieces: object) -> None:
        self.pieces = list(pieces)
        self.position = 0

    def tell(self) -> int:
        return self.position

    def seek(self, offset: int, whence: int = 0) -> None:
        self.position = 6 if whence else offset

    def read(self, size: int = -1) -> typing.Any:
        return self.pieces.pop(0)


async def test_bd6_a_file_that_gives_more_than_asked_for_is_cut() -> None:
    """The declared bytes, whatever `read()` does."""
    body = FileBody(Careless(bytearray(b"abc"), memoryview(b"defghi")))
    assert body.length == 6
    assert await one_pass(body) == [b"abc", b"def"]


@pytest.mark.parametrize("piece", ["text", None])
async def test_a_file_that_gives_no_bytes_is_a_type_error(piece: object) -> None:
    """Its type is named."""
    with pytest.raises(TypeError, match=f"file gave {type(piece).__name__}"):
        await one_pass(FileBody(Careless(piece)))


async def test_a_file_without_seek_is_sent_once() -> None:
    """Reading is all that it has to offer."""

    class Reading:
        def __init__(self) -> None:
            self.read = io.BytesIO(b"content").read

    body = FileBody(Reading())
    assert (body.length, body.replayable) == (None, False)
    assert await content_of(body) == b"content"


async def test_an_error_of_a_file_passes_as_it_is() -> None:
    """It is the caller's."""

    class Broken(Careless):
        def read(self, size: int = -1) -> bytes:
            raise OSError(5, "Input/output error")

    with pytest.raises(OSError, match="Input/output error"):
        await one_pass(FileBody(Broken()))


async def test_a_file_is_not_closed_when_it_is_given_up(path: pathlib.Path) -> None:
    """Who opened it closes it."""
    with path.open("rb") as file:
        body = FileBody(file)
        await body.next_chunk(run_here)
        await body.aclose()
        assert not file.closed
        assert await content_of(body) == path.read_bytes()


async def test_an_async_file_is_read_in_blocks(path: pathlib.Path) -> None:
    """Not by line; once, in chunks."""

    class AsyncFile:
        def __init__(self) -> None:
            self.file = io.BytesIO(path.read_bytes())

        async def read(self, size: int = -1) -> bytes:
            return self.file.read(size)

    body = AsyncFileBody(AsyncFile())
    assert (body.length, body.needs_async) == (None, True)
    pieces = await one_pass(body)
    assert [len(piece) for piece in pieces] == [256 * KIB, 256 * KIB, 88 * KIB]
    assert b"".join(pieces) == path.read_bytes()


# Those whose `read()` is awaited.


async def test_an_async_file_that_shows_what_is_beneath_has_a_length(path: pathlib.Path) -> None:
    """As those of trio and anyio do: sent from its position, as often as wanted."""
    with path.open("rb") as file:
        file.seek(100)
        body = AsyncFileBody(Awaited(file, wrapped=file))
        assert (body.length, body.replayable) == (600 * KIB - 100, True)
        for moved in (100, 0, 5000):
            file.seek(moved)
            assert await content_of(body) == path.read_bytes()[100:]


async def test_an_async_file_that_does_not_is_asked_when_it_is_sent(path: pathlib.Path) -> None:
    """As those of aiofiles: sent in chunks, and again from where it stood."""
    with path.open("rb") as file:
        file.seek(100)
        body = AsyncFileBody(Awaited(file))
        assert (body.length, body.can_send) == (None, True)
        for _ in range(2):
            assert await content_of(body) == path.read_bytes()[100:]
            assert body.can_send


@pytest.mark.parametrize("wrapped", [True, False])
async def test_an_async_pipe_is_sent_once(wrapped: bool) -> None:
    """It has no way back."""
    reading, writing = os.pipe()
    with open(writing, "wb") as end:
        end.write(b"through the pipe")
    with open(reading, "rb") as file:
        body = AsyncFileBody(Awaited(file, wrapped=file if wrapped else None))
        assert (body.length, body.can_send) == (None, True)
        assert await content_of(body) == b"through the pipe"
        assert not body.can_send
        with pytest.raises(StreamConsumed, match="file"):
            body.rewind()


async def test_mp6_an_async_file_that_shrinks_is_an_error(path: pathlib.Path) -> None:
    """The same as of a blocking one; what was appended is not sent."""
    with path.open("rb") as file:
        body = AsyncFileBody(Awaited(file, wrapped=file))
        content = path.read_bytes()
        with path.open("ab") as appending:
            appending.write(b"more")
        assert await content_of(body) == content
        os.truncate(path, 300 * KIB)
        with pytest.raises(LocalProtocolError, match=r"307200.*614400"):
            await content_of(body)


class Awaited:
    """A file with an `await` before each operation."""

    def __init__(self, file: typing.BinaryIO, wrapped: typing.BinaryIO | None = None) -> None:
        self.file = file
        if wrapped is not None:
            self.wrapped = wrapped

    async def read(self, size: int = -1) -> bytes:
        return self.file.read(size)

    async def tell(self) -> int:
        return self.file.tell()

    async def seek(self, offset: int, whence: int = 0) -> int:
        return self.file.seek(offset, whence)


@pytest.mark.ways("trio")
async def test_a_file_of_trio(path: pathlib.Path) -> None:
    """It is one that can be measured."""
    async with await trio.open_file(path, "rb") as file:
        body = AsyncFileBody(file)
        assert body.length == 600 * KIB
        assert await content_of(body) == path.read_bytes()
    async with await trio.open_file(path, encoding="latin-1") as text:
        with pytest.raises(TypeError, match="binary mode"):
            AsyncFileBody(text)


@pytest.mark.ways("asyncio")
async def test_a_file_of_aiofiles(path: pathlib.Path) -> None:
    """It is one that cannot."""
    async with aiofiles.open(path, "rb") as file:
        await file.seek(100)
        body = AsyncFileBody(file)
        for _ in range(2):
            assert await content_of(body) == path.read_bytes()[100:]


# Paths.


@pytest.mark.skipif(not os.path.exists("/proc/self/fd"), reason="there is no /proc")
async def test_a_path_is_opened_for_each_pass(path: pathlib.Path) -> None:
    """And closed behind it, whether that came to its end or not."""
    body = PathBody(path)
    assert (body.length, body.replayable, body.can_send) == (600 * KIB, True, True)
    for _ in range(2):
        assert await content_of(body) == path.read_bytes()
        assert times_open(path) == 0
    await body.next_chunk(run_here)
    assert times_open(path) == 1
    await body.aclose()
    assert times_open(path) == 0
    await body.next_chunk(run_here)
    body.rewind()
    assert times_open(path) == 0


def times_open(path: pathlib.Path) -> int:
    """How many descriptors of this process lead to that file."""
    count = 0
    for descriptor in pathlib.Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):  # somebody else's, closed meanwhile
            count += descriptor.readlink() == path
    return count


async def test_mp6_a_path_whose_file_changes(path: pathlib.Path) -> None:
    """Between the passes too: what was declared is sent, or it is an error."""
    content = path.read_bytes()
    body = PathBody(path)
    with path.open("ab") as appending:
        appending.write(b"more")
    assert await content_of(body) == content
    os.truncate(path, 300 * KIB)
    with pytest.raises(LocalProtocolError, match=r"307200.*614400"):
        await content_of(body)
    await body.aclose()


async def test_a_path_that_leads_to_no_file(tmp_path: pathlib.Path) -> None:
    """It is refused at once, and nothing that could block for ever is opened."""
    with pytest.raises(FileNotFoundError):
        PathBody(tmp_path / "missing")
    with pytest.raises(OSError, match=r"directory|denied"):
        PathBody(tmp_path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes")
def test_a_path_that_leads_to_a_pipe(tmp_path: pathlib.Path) -> None:
    """Whoever opens it waits for a writer; so that is left to the caller."""
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ValueError, match="no regular file"):
        PathBody(tmp_path / "pipe")


@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="there is no /proc")
async def test_bd8_a_path_below_proc() -> None:
    """Its size is unknown, so it is sent in chunks."""
    body = PathBody(pathlib.Path("/proc/self/status"))
    assert body.length is None
    assert (await content_of(body)).startswith(b"Name:")
