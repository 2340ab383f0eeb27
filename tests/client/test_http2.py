"""HTTP/2 with the clients, against real servers: nginx and hypercorn."""

from __future__ import annotations

import asyncio
import hashlib
import threading
import typing

import pytest

import httpcore
from tests.conftest import MakeClient
from tests.servers.certs import Certs
from tests.servers.hypercorn_server import HypercornServer
from tests.servers.nginx import BIG_BYTES, Nginx
from tests.ways import pool_of


async def test_nginx(make_client: MakeClient, nginx: Nginx, certs: Certs) -> None:
    """HTTP/2 is negotiated by default; documents, files and errors come over one connection."""
    client = make_client(ssl=str(certs.ca))
    small = await client.get(nginx.tls_url + "/1k.json")
    assert (small.status_code, small.protocol, len(small.content)) == (200, "HTTP/2", 1024)
    assert small.reason_phrase == "OK"
    assert (await client.get(nginx.tls_url + "/100k.bin")).content == nginx.file("100k.bin")
    assert (await client.get(nginx.tls_url + "/1m.json")).text == nginx.json_text
    assert (await client.get(nginx.tls_url + "/none")).status_code == 404
    assert (await client.head(nginx.tls_url + "/1k.json")).content == b""
    assert len(pool_of(client).keepalive_connections) == 1


async def test_http2_switched_off(make_client: MakeClient, nginx: Nginx, certs: Certs) -> None:
    """`http2=False` speaks HTTP/1.1 to a server that could do more."""
    client = make_client(ssl=str(certs.ca), http2=False)
    assert (await client.get(nginx.tls_url + "/1k.json")).protocol == "HTTP/1.1"


async def test_server_without_http2(make_client: MakeClient, nginx: Nginx, certs: Certs) -> None:
    """A server that offers HTTP/1.1 only gets that."""
    client = make_client(ssl=str(certs.ca))
    assert (await client.get(nginx.tls1_url + "/1k.json")).protocol == "HTTP/1.1"


async def test_bulk(make_client: MakeClient, nginx: Nginx, certs: Certs) -> None:
    """A large download does not stall, and a large upload arrives whole."""
    client = make_client(ssl=str(certs.ca))
    total = 0
    async with await client.get(nginx.tls_url + "/big.bin", stream=True) as answer:
        async for chunk in answer.stream():
            total += len(chunk)
    assert total == BIG_BYTES
    sent = await client.post(nginx.tls_url + "/upload", content=b"x" * 5_000_000)
    assert sent.text == "5000000"


async def test_hypercorn(
    make_client: MakeClient, h2_server: HypercornServer, certs: Certs, tmp_path: typing.Any
) -> None:
    """JSON, a file and an iterator up; redirects; a body that is closed half-way."""
    client = make_client(ssl=str(certs.ca))
    answer = await client.post(h2_server.url + "/echo", json={"a": 1})
    assert answer.protocol == "HTTP/2"
    assert answer.json()["text"] == '{"a":1}'
    path = tmp_path / "file"
    path.write_bytes(bytes(range(256)) * 2000)
    with path.open("rb") as file:
        sent = await client.put(h2_server.url + "/echo", content=file)
    assert sent.json()["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    pieces = await client.post(h2_server.url + "/echo", content=iter([b"one", b"", b"two"]))
    assert pieces.json()["text"] == "onetwo"
    assert (await client.get(h2_server.url + "/redirect/2")).status_code == 200
    half = await client.get(h2_server.url + "/bytes/1000000", stream=True)
    await half.close()
    assert (await client.get(h2_server.url + "/")).text == "Hello, world!"
    assert len(pool_of(client).keepalive_connections) == 1


async def test_full_duplex(
    make_client: MakeClient, h2_server: HypercornServer, certs: Certs
) -> None:
    """A server that streams its answer while it reads gets the whole upload."""
    data = [b"%05d" % i * 2000 for i in range(60)]
    client = make_client(ssl=str(certs.ca))
    answer = await client.post(h2_server.url + "/echo-stream", content=iter(data))
    assert answer.content == b"".join(data)


@pytest.mark.timeout(300)
@pytest.mark.ways("asyncio")
async def test_many_tasks_over_one_connection(nginx: Nginx, certs: Certs) -> None:
    """64 tasks make 20,000 requests over one connection."""
    async with httpcore.AsyncClient(ssl=str(certs.ca), timeout=30) as client:
        opened: set[int] = set()

        async def use() -> None:
            for _ in range(20_000 // 64 + 1):
                answer = await client.get(nginx.tls_url + "/1k.json")
                assert (answer.protocol, len(answer.content)) == ("HTTP/2", 1024)
                opened.update(map(id, pool_of(client).active_connections))

        await asyncio.gather(*[use() for _ in range(64)])
        assert len(opened) <= 1
        assert pool_of(client).active_connections == []
        assert len(pool_of(client).keepalive_connections) == 1


@pytest.mark.timeout(300)
def test_many_threads_over_http2(nginx: Nginx, certs: Certs) -> None:
    """16 threads make 5,000 requests on one client without an error."""
    errors: list[BaseException] = []

    def use(client: httpcore.Client) -> None:
        try:
            for _ in range(5000 // 16 + 1):
                answer = client.get(nginx.tls_url + "/1k.json")
                assert (answer.protocol, len(answer.content)) == ("HTTP/2", 1024)
        except BaseException as exc:
            errors.append(exc)

    with httpcore.Client(ssl=str(certs.ca), timeout=30) as client:
        threads = [threading.Thread(target=use, args=(client,)) for _ in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert errors == []
        assert pool_of(client).active_connections == []
        assert len(pool_of(client).keepalive_connections) == 1
