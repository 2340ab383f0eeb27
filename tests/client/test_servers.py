"""The clients against real servers: nginx and uvicorn, plain and over TLS."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import json
import subprocess
import sys
import threading
import typing

import pytest

import httpcore
from tests.conftest import MakeClient
from tests.servers.certs import Certs
from tests.servers.nginx import BIG_BYTES, Nginx
from tests.servers.raw import RawConnection, RawServer
from tests.servers.uvicorn_server import UvicornServer
from tests.ways import pool_of

REQUESTS = 5000


@pytest.mark.parametrize("server_name", ["url", "tls1_url"])
async def test_nginx(make_client: MakeClient, nginx: Nginx, certs: Certs, server_name: str) -> None:
    """A document, a binary file, and gzip, over one connection."""
    base = getattr(nginx, server_name)
    client = make_client(ssl=str(certs.ca))
    small = await client.get(base + "/1k.json")
    assert (small.status_code, small.protocol, len(small.content)) == (200, "HTTP/1.1", 1024)
    assert small.json()["name"] == "small"
    assert (await client.get(base + "/100k.bin")).content == nginx.file("100k.bin")
    assert (await client.get(base + "/1m.json")).text == nginx.json_text
    assert (await client.get(base + "/none")).status_code == 404
    assert len(pool_of(client).keepalive_connections) == 1


@pytest.mark.parametrize("server_name", ["url", "tls1_url"])
async def test_nginx_bulk(
    make_client: MakeClient, nginx: Nginx, certs: Certs, server_name: str
) -> None:
    """A large download is streamed whole, and a large upload arrives whole."""
    base = getattr(nginx, server_name)
    client = make_client(ssl=str(certs.ca))
    total = 0
    async with await client.get(base + "/big.bin", stream=True) as answer:
        async for chunk in answer.stream():
            total += len(chunk)
    assert total == BIG_BYTES
    sent = await client.post(base + "/upload", content=b"x" * 5_000_000)
    assert sent.status_code == 200


@pytest.mark.parametrize("coding", ["gzip", "deflate", "brotli", "zstd"])
async def test_uvicorn_codings(
    make_client: MakeClient, app_server: UvicornServer, coding: str
) -> None:
    """Every coding that is installed is offered, and what is offered is decoded."""
    client = make_client()
    answer = await client.get(f"{app_server.url}/{coding}")
    assert answer.headers["Content-Encoding"] in answer.request.headers["Accept-Encoding"]
    streamed = await client.get(f"{app_server.url}/{coding}", stream=True)
    pieces = [piece async for piece in streamed.stream()]
    assert b"".join(pieces) == answer.content
    raw = await client.get(f"{app_server.url}/{coding}", stream=True)
    assert b"".join([piece async for piece in raw.raw()]) != answer.content


async def test_uvicorn_over_tls(
    make_client: MakeClient, app_tls_server: UvicornServer, certs: Certs
) -> None:
    """JSON up and down over TLS."""
    client = make_client(ssl=httpcore.SSLConfig(verify=str(certs.ca)))
    answer = await client.post(app_tls_server.url + "/echo", json={"a": [1, "\u20ac"]})
    assert "application/json" in answer.text
    assert json.loads(answer.json()["text"]) == {"a": [1, "\u20ac"]}


async def test_form_and_file(
    make_client: MakeClient, app_server: UvicornServer, tmp_path: typing.Any
) -> None:
    """A form, and a file that the async clients read in a worker thread."""
    client = make_client()
    form = await client.post(app_server.url + "/echo", content={"a": ["1", "2"], "b": "\xfc"})
    assert form.json()["text"] == "a=1&a=2&b=%C3%BC"
    path = tmp_path / "file"
    path.write_bytes(bytes(range(256)) * 4000)
    with path.open("rb") as file:
        sent = await client.put(app_server.url + "/echo", content=file)
    assert sent.json()["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.ways("asyncio", "trio")
async def test_async_iterable(make_client: MakeClient, app_server: UvicornServer) -> None:
    """An async iterable is sent in chunks."""

    class Pieces:
        def __init__(self) -> None:
            self.left = 3

        def __aiter__(self) -> Pieces:
            return self

        async def __anext__(self) -> bytes:
            self.left -= 1
            if self.left < 0:
                raise StopAsyncIteration
            return b"piece"

    answer = await make_client().post(app_server.url + "/echo", content=Pieces())
    assert answer.json()["text"] == "piece" * 3


async def test_unverified_ca_is_refused(
    make_client: MakeClient, app_tls_server: UvicornServer, certs: Certs
) -> None:
    """TL2: verification off for one request does not weaken the next one."""
    client = make_client()
    with pytest.raises(httpcore.SSLError):
        await client.get(app_tls_server.url)
    assert (await client.get(app_tls_server.url, ssl=False)).status_code == 200
    with pytest.raises(httpcore.SSLError):
        await client.get(app_tls_server.url)
    assert (await client.get(app_tls_server.url, ssl=str(certs.ca))).status_code == 200


def test_many_threads_on_nginx(nginx: Nginx) -> None:
    """32 threads make 5,000 requests on one client, without an error or a connection too many."""
    errors: list[BaseException] = []
    most = 0
    with httpcore.Client(pool_limits=httpcore.PoolLimits(20, 20)) as client:
        pool = pool_of(client)

        def use() -> None:
            nonlocal most
            try:
                for _ in range(REQUESTS // 32 + 1):
                    assert len(client.get(nginx.url + "/1k.json").content) == 1024
                    # A connection may become active between the two looks: it counts once.
                    opened = {*pool.keepalive_connections, *pool.active_connections}
                    most = max(most, len(opened))
            except BaseException as exc:
                errors.append(exc)

        threads = [threading.Thread(target=use) for _ in range(32)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert errors == []
        assert pool.active_connections == []
    assert 1 < most <= 20


@pytest.mark.ways("asyncio")
async def test_many_tasks_on_nginx(nginx: Nginx) -> None:
    """500 tasks make 5,000 requests over at most 20 connections, without an error."""
    most = 0
    async with httpcore.AsyncClient(pool_limits=httpcore.PoolLimits(20, 20)) as client:
        pool = pool_of(client)

        async def use() -> None:
            nonlocal most
            for _ in range(REQUESTS // 500):
                assert len((await client.get(nginx.url + "/1k.json")).content) == 1024
                most = max(most, len(pool.active_connections) + len(pool.keepalive_connections))

        await asyncio.gather(*[use() for _ in range(500)])
        assert pool.active_connections == []
        assert most == 20


STREAM_BOMB = """
import resource, sys, httpcore
def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
client = httpcore.Client(timeout=60)
client.get(sys.argv[1] + "/warm")
before = peak()
total = 0
with client.get(sys.argv[1] + "/bomb", stream=True) as response:
    for chunk in response.stream():
        total += len(chunk)
client.close()
print(total, peak() - before)
"""


@pytest.mark.timeout(300)
def test_en5_gzip_bomb_is_streamed_in_bounded_memory() -> None:
    """Streaming a 10 GiB gzip bomb keeps the process within 50 MiB over its start."""
    member = gzip.compress(bytes(32 * 1024**2))
    size = 10 * 1024**3
    bomb = member * (size // (32 * 1024**2))

    def serve(connection: RawConnection) -> None:
        while True:
            body = bomb if connection.read_request().target == "/bomb" else gzip.compress(b"warm")
            head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n"
            connection.sock.settimeout(280)  # the client takes its time to unpack it
            connection.send(head % len(body) + body)

    with RawServer(serve) as server:
        program = [sys.executable, "-c", STREAM_BOMB, server.url]
        done = subprocess.run(program, capture_output=True, text=True, check=True, timeout=280)
    total, grown = map(int, done.stdout.split())
    assert total == size
    assert grown < 50 * 1024  # KiB, on Linux
