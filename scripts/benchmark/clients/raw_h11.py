"""The floor's sockets with h11: the limit for a client that is built on it."""

from __future__ import annotations

import asyncio
import importlib.metadata
import socket

import h11

from . import base, floor

VERSION = importlib.metadata.version("h11")
FIELDS = [("User-Agent", "raw-h11"), ("Accept", "*/*"), ("Accept-Encoding", "gzip")]


class Engine:
    """An h11 connection; `received()` returns the answer once it is complete."""

    def __init__(self) -> None:
        self.h11 = h11.Connection(h11.CLIENT)
        self.response = h11.Response(status_code=200, headers=[])
        self.parts: list[bytes] = []

    def request(self, authority: str, path: str) -> bytes:
        request = h11.Request(method="GET", target=path, headers=[("Host", authority), *FIELDS])
        return (self.h11.send(request) or b"") + (self.h11.send(h11.EndOfMessage()) or b"")

    def received(self, data: bytes) -> tuple[int, bytes] | None:
        self.h11.receive_data(data)
        while (event := self.h11.next_event()) is not h11.NEED_DATA:
            if type(event) is h11.Data:
                self.parts.append(bytes(event.data))
            elif type(event) is h11.Response:
                self.response = event
            else:
                self.h11.start_next_cycle()
                body, self.parts = b"".join(self.parts), []
                return self.response.status_code, body
        return None


class Connection:
    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.engine = Engine()

    def close(self) -> None:
        self.sock.close()


class SyncClient(floor.SyncClient):
    version = VERSION

    def connect(self, is_tls: bool, host: str, port: int) -> Connection:
        return Connection(super().connect(is_tls, host, port))

    def get(self, url: str) -> tuple[int, bytes]:
        connection = self.connection(url)
        *_, authority, path = floor.split_url(url)
        connection.sock.sendall(connection.engine.request(authority, path))
        answer: tuple[int, bytes] | None = None
        while answer is None:
            answer = connection.engine.received(connection.sock.recv(65536))
        return answer

    def get_header(self, url: str, name: str) -> tuple[int, str]:
        status, _ = self.get(url)
        wanted = name.lower().encode()
        fields = self.connection(url).engine.response.headers
        return status, next(value for key, value in fields if key == wanted).decode()

    post_json = base.SyncClient.post_json
    download = base.SyncClient.download
    upload_chunks = base.SyncClient.upload_chunks
    upload_file = base.SyncClient.upload_file
    cookie_count = base.SyncClient.cookie_count


class Protocol(floor.Connection):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.engine = Engine()

    def data_received(self, data: bytes) -> None:
        answer = self.engine.received(data)
        if answer is not None:
            self.answer((answer[0], b"", answer[1]))

    def exchange(
        self, method: str, authority: str, path: str, extra: str, body: bytes
    ) -> asyncio.Future[floor.Answer]:
        self.transport.write(self.engine.request(authority, path))
        waiter = self.waiter = asyncio.get_running_loop().create_future()
        return waiter


class AsyncClient(floor.AsyncClient):
    version = VERSION
    connection_class = Protocol

    get_header = base.AsyncClient.get_header
    post_json = base.AsyncClient.post_json
    download = base.AsyncClient.download
    upload_chunks = base.AsyncClient.upload_chunks
    cookie_count = base.AsyncClient.cookie_count
