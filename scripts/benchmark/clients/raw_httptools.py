"""The floor's sockets with httptools (llhttp, in C): the limit for a client that is built on it."""

from __future__ import annotations

import asyncio
import socket

import httptools

from . import base, floor


class Engine:
    """A parser and what it has called back; `received()` tells whether the response is complete."""

    def __init__(self) -> None:
        self.parser = httptools.HttpResponseParser(self)
        self.fields: list[tuple[bytes, bytes]] = []
        self.parts: list[bytes] = []
        self.is_complete = False

    def on_message_begin(self) -> None:
        self.fields, self.parts, self.is_complete = [], [], False

    def on_header(self, name: bytes, value: bytes) -> None:
        self.fields.append((name, value))

    def on_body(self, data: bytes) -> None:
        self.parts.append(data)

    def on_message_complete(self) -> None:
        self.is_complete = True

    def received(self, data: bytes) -> bool:
        self.parser.feed_data(data)
        return self.is_complete

    def answer(self) -> tuple[int, bytes]:
        self.is_complete = False
        return self.parser.get_status_code(), b"".join(self.parts)


class Connection:
    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.engine = Engine()

    def close(self) -> None:
        self.sock.close()


class SyncClient(floor.SyncClient):
    version = httptools.__version__

    def connect(self, is_tls: bool, host: str, port: int) -> Connection:
        return Connection(super().connect(is_tls, host, port))

    def get(self, url: str) -> tuple[int, bytes]:
        connection = self.connection(url)
        *_, authority, path = floor.split_url(url)
        connection.sock.sendall(floor.request_bytes("GET", authority, path))
        while not connection.engine.received(connection.sock.recv(65536)):
            pass
        return connection.engine.answer()

    def get_header(self, url: str, name: str) -> tuple[int, str]:
        status, _ = self.get(url)
        wanted = name.encode()
        fields = self.connection(url).engine.fields
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
        if self.engine.received(data):
            status, body = self.engine.answer()
            self.answer((status, b"", body))


class AsyncClient(floor.AsyncClient):
    version = httptools.__version__
    connection_class = Protocol

    get_header = base.AsyncClient.get_header
    download = base.AsyncClient.download
    upload_chunks = base.AsyncClient.upload_chunks
    cookie_count = base.AsyncClient.cookie_count
