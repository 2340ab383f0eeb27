"""Forms with files and other bodies from files, against real servers and scripted ones."""

from __future__ import annotations

import collections.abc
import hashlib
import io
import os
import pathlib
import subprocess
import sys
import threading
import typing

import aiofiles
import pytest
import trio

import httpcore
from tests.conftest import MakeClient
from tests.servers.certs import Certs
from tests.servers.form_parsers import Part, read_by_python_multipart
from tests.servers.nginx import Nginx
from tests.servers.raw import RawConnection, RawRequest, RawServer, response
from tests.servers.uvicorn_server import UvicornServer

KIB = 1024


@pytest.fixture
def path(tmp_path: pathlib.Path) -> pathlib.Path:
    """A file of 600 KiB."""
    path = tmp_path / "na\u00efve.jpg"
    path.write_bytes(os.urandom(600 * KIB))
    return path


def parts_of(request: RawRequest) -> list[Part]:
    """The form that was sent, with its length."""
    assert request.header("Content-Length") == str(len(request.body))
    return read_by_python_multipart(request.header("Content-Type") or "", request.body)


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


async def test_form_with_files(
    make_client: MakeClient, app_server: UvicornServer, path: pathlib.Path
) -> None:
    """Fields and files arrive as they were given; `data=` is the other name of `content=`."""
    client = make_client()
    with path.open("rb") as file:
        answer = await client.post(
            f"{app_server.url}/form",
            data={"title": "\u20ac", "tag": ["a", "b"]},
            files=[("f", file), ("f", path), ("g", ('a"b', b"x", "a/b", {"X-Y": "1"}))],
        )
    came = answer.json()
    jpeg, content = [["Content-Type", "image/jpeg"]], path.read_bytes()
    assert came["content_length"] == str(came["length"])
    assert [tuple(part.values()) for part in came["parts"]] == [
        ("title", None, [], 3, digest("\u20ac".encode())),
        ("tag", None, [], 1, digest(b"a")),
        ("tag", None, [], 1, digest(b"b")),
        ("f", path.name, jpeg, len(content), digest(content)),
        ("f", path.name, jpeg, len(content), digest(content)),
        ("g", 'a"b', [["Content-Type", "a/b"], ["X-Y", "1"]], 1, digest(b"x")),
    ]


@pytest.mark.parametrize("server_name", ["url", "tls1_url", "tls_url"])
async def test_form_to_nginx(
    make_client: MakeClient, nginx: Nginx, certs: Certs, path: pathlib.Path, server_name: str
) -> None:
    """Over HTTP/1.1 and HTTP/2, with a length and in chunks."""
    client = make_client(ssl=str(certs.ca))
    url = getattr(nginx, server_name) + "/upload"
    for files in ({"f": path}, {"f": path, "g": iter([b"a", b"b"])}, {"f": b"small"}):
        answer = await client.post(url, files=typing.cast("typing.Any", files))
        assert answer.status_code == 200


def test_form_by_a_one_shot_function(app_server: UvicornServer) -> None:
    """And by a request that was built before."""
    assert httpcore.post(f"{app_server.url}/form", files={"f": b"x"}).json()["length"] > 0
    with httpcore.Client() as client:
        request = client.build_request("PUT", f"{app_server.url}/form", files={"f": b"x"})
        assert request.headers["Content-Length"] == str(len(request.content))
        assert client.send(request).json()["parts"][0]["name"] == "f"


@pytest.mark.ways("asyncio", "trio")
async def test_async_files(
    make_client: MakeClient, app_server: UvicornServer, path: pathlib.Path, way: str
) -> None:
    """They are bodies, and parts of a form; those of trio with their length."""
    client = make_client()
    opened = trio.open_file(path, "rb") if way == "trio" else aiofiles.open(path, "rb")
    file = await typing.cast("collections.abc.Awaitable[typing.Any]", opened)
    try:
        answer = await client.post(f"{app_server.url}/echo", content=file)
        assert answer.json()["sha256"] == digest(path.read_bytes())
        await file.seek(100)
        answer = await client.post(f"{app_server.url}/form", files={"f": file, "g": b"x"})
        (part, other) = answer.json()["parts"]
        assert (part["filename"], other["length"]) == (path.name, 1)
        assert part["sha256"] == digest(path.read_bytes()[100:])
        assert bool(answer.json()["content_length"]) == (way == "trio")
    finally:
        await (file.aclose() if way == "trio" else file.close())


@pytest.mark.ways("sync")
async def test_async_files_need_an_async_client(make_client: MakeClient) -> None:
    """Nothing is sent."""

    async def pieces() -> collections.abc.AsyncIterator[bytes]:
        yield b""

    client = make_client()
    source = pieces()
    with pytest.raises(TypeError, match="AsyncClient"):
        await client.post("http://127.0.0.1:1/", files={"f": b"x", "g": source})


@pytest.mark.ways("asyncio", "trio")
async def test_files_are_read_in_a_worker_thread(make_client: MakeClient) -> None:
    """The event loop goes on meanwhile; also for the parts of a form."""
    threads = []

    class File(io.RawIOBase):
        def read(self, size: int = -1) -> bytes:
            threads.append(threading.get_ident())
            return b"" if len(threads) % 2 == 0 else b"x"

    with RawServer.replies([response()] * 2) as server:
        client = make_client()
        await client.post(server.url, content=File())
        await client.post(server.url, files={"f": File()})
    assert len(threads) == 4
    assert threading.get_ident() not in threads


@pytest.mark.parametrize("status", [307, 308])
async def test_rd2_mp5_file_at_an_offset_is_sent_again(
    make_client: MakeClient, path: pathlib.Path, status: int
) -> None:
    """From the same position, alone and in a form, each time it is asked for."""
    head = f"HTTP/1.1 {status} X\r\nLocation: /again\r\nContent-Length: 0\r\n\r\n".encode()
    with RawServer.replies([head, response()] * 2) as server, path.open("rb") as file:
        client = make_client()
        file.seek(100)
        await client.post(server.url, content=file)
        file.seek(100)
        await client.post(server.url, files={"f": file, "g": path})
    content = path.read_bytes()
    assert [request.body for request in server.requests[:2]] == [content[100:]] * 2
    for request in server.requests[2:]:
        read = parts_of(request)
        assert [part.content for part in read] == [content[100:], content]
    assert len(server.connections) == 1


async def test_rd2_form_with_an_iterator_is_not_sent_again(make_client: MakeClient) -> None:
    """The second hop is not asked at all, and the connection is kept."""
    head = b"HTTP/1.1 307 X\r\nLocation: /again\r\nContent-Length: 0\r\n\r\n"
    with RawServer.replies([head, response()]) as server:
        client = make_client()
        with pytest.raises(httpcore.RedirectBodyUnavailable):
            await client.post(server.url, files={"f": iter([b"x"])})
        assert (await client.get(server.url)).status_code == 200
    assert [request.target for request in server.requests] == ["/", "/"]
    assert len(server.connections) == 1


async def test_body_that_was_sent_part_way_starts_where_it_started(
    make_client: MakeClient, path: pathlib.Path
) -> None:
    """A connection that turns out to be dead in mid-upload: the next one gets the same bytes."""
    got: list[bytes] = []

    def handler(connection: RawConnection) -> None:
        if not got:
            connection.read_request()
            connection.send(response())
            connection.read_head()
            got.append(connection.receive())
            connection.reset()
            return
        got.append(connection.read_request().body)
        connection.send(response())

    with RawServer(handler) as server, path.open("rb") as file:
        client = make_client()
        await client.get(server.url)
        file.seek(100)
        assert (await client.put(server.url, content=file)).status_code == 200
    assert got[1] == path.read_bytes()[100:]


# Files that change or fail under way.


class Failing(io.BytesIO):
    """A file whose second block cannot be read, or is missing."""

    def __init__(self, error: OSError | None) -> None:
        super().__init__(bytes(600 * KIB))
        self.reads = 0
        self.error = error

    def read(self, size: int | None = -1) -> bytes:
        self.reads += size not in (0, 1)
        if self.reads < 2:
            return super().read(size)
        if self.error is not None:
            raise self.error
        return b""


@pytest.mark.parametrize("in_form", [False, True])
@pytest.mark.parametrize("error", [None, OSError(5, "Input/output error")])
async def test_mp6_file_that_shrinks_or_fails(
    make_client: MakeClient, error: OSError | None, in_form: bool
) -> None:
    """The message stays incomplete, its connection is closed, and the client works."""

    def handler(connection: RawConnection) -> None:
        head = connection.read_head()
        if head.method == "POST":
            connection.wait_closed()
        else:
            connection.send(response())

    file = Failing(error)
    options: dict[str, typing.Any] = {"files": {"f": file}} if in_form else {"content": file}
    with RawServer(handler) as server:
        client = make_client()
        kind = httpcore.LocalProtocolError if error is None else OSError
        with pytest.raises(kind, match=r"524288.*614400" if error is None else "Input/output"):
            await client.post(server.url, **options)
        assert (await client.get(server.url)).status_code == 200
    assert len(server.connections) == 2


async def test_mp6_bd8_file_that_grows(make_client: MakeClient, path: pathlib.Path) -> None:
    """The declared bytes are sent, and no more."""
    content = path.read_bytes()

    class Growing(io.FileIO):
        def read(self, size: int | None = -1) -> bytes | None:  # type: ignore[override]
            with path.open("ab") as appending:
                appending.write(b"more")
            return super().read(size)

    with RawServer.replies([response()] * 2) as server, Growing(path) as file:
        client = make_client()
        await client.post(server.url, content=file)
        file.seek(0)
        size = path.stat().st_size
        await client.post(server.url, files={"f": file})
    assert server.requests[0].body == content
    (part,) = parts_of(server.requests[1])
    assert len(part.content) == size


async def test_bd8_pipe(make_client: MakeClient) -> None:
    """It is sent in chunks."""
    reading, writing = os.pipe()
    with open(writing, "wb") as end:
        end.write(b"through the pipe")
    with RawServer.replies([response()]) as server, open(reading, "rb") as file:
        await make_client().post(server.url, files={"f": ("n", file)})
    (request,) = server.requests
    assert request.header("Transfer-Encoding") == "chunked"
    assert b"through the pipe" in request.body


# Memory.

UPLOAD = """
import asyncio, re, sys
import httpcore

url, path, way, in_form = sys.argv[1:5]

def peak():
    # Not ru_maxrss: it begins with that of the process which started this one.
    with open("/proc/self/status") as status:
        return int(re.search(r"VmHWM:\\s*(\\d+) kB", status.read())[1]) / 1024

def options(file):
    return {"files": {"f": file}} if in_form == "form" else {"content": file}

async def upload(file):
    async with httpcore.AsyncClient() as client:
        await client.post(url, files={"f": ("small", b"x")})
        before = peak()
        answer = await client.post(url, **options(file))
        print(answer.status_code, answer.text, peak() - before)

with open(path, "rb") as file:
    if way == "sync":
        with httpcore.Client() as client:
            client.post(url, files={"f": ("small", b"x")})
            before = peak()
            answer = client.post(url, **options(file))
            print(answer.status_code, answer.text, peak() - before)
    elif way == "asyncio":
        asyncio.run(upload(file))
    else:
        import trio
        trio.run(upload, file)
"""


def count_and_forget(connection: RawConnection) -> None:
    """Answer with the length that was announced, once so many bytes have come."""
    for _ in range(2):
        length = left = int(connection.read_head().header("Content-Length") or "")
        while left:
            left -= len(connection.receive())
        connection.send(response(str(length).encode()))


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not tell the peak so")
@pytest.mark.parametrize("kind", ["sync", "asyncio", "trio"])
def test_mp4_memory_of_a_large_file_is_bounded(tmp_path: pathlib.Path, kind: str) -> None:
    """
    Some blocks of it, however large it is; the length is exact.

    UPLOAD_BYTES in the environment is another size: the file is sparse, so that 4 GiB will do.
    """
    size = int(os.environ.get("UPLOAD_BYTES", 200 * 1024 * KIB))
    path = tmp_path / "sparse"
    with path.open("wb") as file:
        file.truncate(size)
    with RawServer(count_and_forget) as server:
        command = [sys.executable, "-c", UPLOAD, server.url, str(path), kind, "form"]
        shown = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    status, length, grown = shown.split()
    assert (status, size < int(length) < size + 1000) == ("200", True)
    assert float(grown) < 30, shown
