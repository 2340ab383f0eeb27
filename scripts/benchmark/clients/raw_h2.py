"""A TLS socket, or an `asyncio.Protocol`, with h2: the limit for a client that is built on it."""

from __future__ import annotations

import asyncio
import importlib.metadata
import socket
import ssl

import h2.config
import h2.connection
import h2.events

from . import base, floor

VERSION = importlib.metadata.version("h2")


class Engine:
    """An h2 connection, and the answers on its streams as they grow."""

    def __init__(self) -> None:
        config = h2.config.H2Configuration(client_side=True, header_encoding=None)
        self.h2 = h2.connection.H2Connection(config)
        self.h2.initiate_connection()
        self.h2.increment_flow_control_window(1 << 24)
        self.statuses: dict[int, int] = {}
        self.parts: dict[int, list[bytes]] = {}

    def request(self, authority: str, path: str) -> int:
        """Write a request; the number of its stream."""
        stream_id = self.h2.get_next_available_stream_id()
        pseudo = [(":method", "GET"), (":scheme", "https"), (":authority", authority)]
        fields = [("user-agent", "raw-h2"), ("accept", "*/*"), ("accept-encoding", "gzip")]
        self.h2.send_headers(stream_id, [*pseudo, (":path", path), *fields], end_stream=True)
        self.parts[stream_id] = []
        return stream_id

    def received(self, data: bytes) -> list[tuple[int, tuple[int, bytes]]]:
        """The streams that are complete now, with their answers."""
        complete = []
        for event in self.h2.receive_data(data):
            if type(event) is h2.events.DataReceived:
                self.parts[event.stream_id].append(event.data)
                length = event.flow_controlled_length
                self.h2.acknowledge_received_data(length, event.stream_id)
            elif type(event) is h2.events.ResponseReceived:
                self.statuses[event.stream_id] = int(dict(event.headers)[b":status"])
            elif type(event) is h2.events.StreamEnded:
                stream = event.stream_id
                body = b"".join(self.parts.pop(stream))
                complete.append((stream, (self.statuses.pop(stream), body)))
        return complete


def _context(ca: str) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=ca)
    context.set_alpn_protocols(["h2", "http/1.1"])
    return context


class SyncClient(base.SyncClient):
    version = VERSION

    def __init__(self, server: base.ServerInfo, options: base.Options) -> None:
        if not options.http2:
            raise base.NotAvailable("HTTP/2 only")
        self.ca = server.ca
        self.sock: ssl.SSLSocket | None = None

    def _open(self, host: str, port: int) -> ssl.SSLSocket:
        plain = socket.create_connection((host, port), base.TIMEOUT_SECONDS)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.engine = Engine()
        self.sock = _context(self.ca).wrap_socket(plain, server_hostname=host)
        return self.sock

    def protocol(self, url: str) -> str:
        self.get(url)
        return "HTTP/2"

    def get(self, url: str) -> tuple[int, bytes]:
        _, _, host, port, authority, path = floor.split_url(url)
        sock = self.sock or self._open(host, port)
        self.engine.request(authority, path)
        sock.sendall(self.engine.h2.data_to_send())
        while True:
            complete = self.engine.received(sock.recv(65536))
            to_send = self.engine.h2.data_to_send()
            if to_send:
                sock.sendall(to_send)
            if complete:
                return complete[0][1]

    def close(self) -> None:
        if self.sock is not None:
            self.sock.close()


class Protocol(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.engine = Engine()
        self.waiters: dict[int, asyncio.Future[tuple[int, bytes]]] = {}
        transport.write(self.engine.h2.data_to_send())

    def data_received(self, data: bytes) -> None:
        for stream_id, answer in self.engine.received(data):
            self.waiters.pop(stream_id).set_result(answer)
        to_send = self.engine.h2.data_to_send()
        if to_send:
            self.transport.write(to_send)

    def get(self, authority: str, path: str) -> asyncio.Future[tuple[int, bytes]]:
        waiter = asyncio.get_running_loop().create_future()
        self.waiters[self.engine.request(authority, path)] = waiter
        self.transport.write(self.engine.h2.data_to_send())
        return waiter


class AsyncClient(base.AsyncClient):
    version = VERSION

    def __init__(self, server: base.ServerInfo, options: base.Options) -> None:
        if not options.http2:
            raise base.NotAvailable("HTTP/2 only")
        self.ca = server.ca
        self.lock = asyncio.Lock()
        self.connection: Protocol | None = None

    async def get(self, url: str) -> tuple[int, bytes]:
        _, _, host, port, authority, path = floor.split_url(url)
        if self.connection is None:
            async with self.lock:
                if self.connection is None:
                    loop = asyncio.get_running_loop()
                    context = _context(self.ca)
                    made = await loop.create_connection(Protocol, host, port, ssl=context)
                    self.connection = made[1]
        return await self.connection.get(authority, path)

    async def protocol(self, url: str) -> str:
        await self.get(url)
        return "HTTP/2"

    async def close(self) -> None:
        if self.connection is not None:
            self.connection.transport.close()
