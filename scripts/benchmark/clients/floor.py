"""The floor: raw sockets, or a raw `asyncio.Protocol`, and the least parsing that finds an end.

Nothing that anybody should use: it shows what any client has to pay.
"""

from __future__ import annotations

import asyncio
import functools
import json
import socket
import ssl
import threading
import typing
import zlib

from . import base

HEAD_END = b"\r\n\r\n"

Answer = tuple[int, bytes, bytes]  # status, head, body


@functools.cache
def split_url(url: str) -> tuple[str, bool, str, int, str, str]:
    """The origin, whether it is TLS, the host, the port, the authority, the path."""
    scheme, _, rest = url.partition("://")
    authority, _, path = rest.partition("/")
    host, _, port = authority.partition(":")
    return scheme + authority, scheme == "https", host, int(port), authority, "/" + path


def request_bytes(method: str, authority: str, path: str, extra: str = "") -> bytes:
    return (
        f"{method} {path} HTTP/1.1\r\nHost: {authority}\r\nUser-Agent: floor\r\n"
        f"Accept: */*\r\nAccept-Encoding: gzip\r\n{extra}\r\n"
    ).encode()


def parse_head(data: bytes, end: int) -> tuple[int, int]:
    """The status and the length of the body."""
    start = data.find(b"Content-Length: ", 0, end) + 16
    return int(data[9:12]), int(data[start : data.find(b"\r", start)])


def find_header(head: bytes, name: str) -> str:
    start = head.find(b"\r\n" + name.encode() + b": ")
    return head[start + len(name) + 4 : head.find(b"\r", start + 2)].decode()


class Jar(dict[bytes, bytes]):
    """Cookies of one origin."""

    def take(self, head: bytes) -> None:
        start = head.find(b"\r\nSet-Cookie: ")
        while start >= 0:
            name, _, value = head[start + 14 : head.find(b";", start)].partition(b"=")
            self[name] = value
            start = head.find(b"\r\nSet-Cookie: ", start + 2)

    def field(self) -> str:
        if not self:
            return ""
        return "Cookie: " + b"; ".join([k + b"=" + v for k, v in self.items()]).decode() + "\r\n"


class SyncClient(base.SyncClient):
    """One socket an origin and thread."""

    def __init__(self, server: base.ServerInfo, options: base.Options) -> None:
        if options.http2:
            raise base.NotAvailable("no HTTP/2")
        self.ca = server.ca
        self.context: ssl.SSLContext | None = None
        self.local = threading.local()
        self.jar = Jar() if options.cookies else None

    def connect(self, is_tls: bool, host: str, port: int) -> typing.Any:
        sock = socket.create_connection((host, port), base.TIMEOUT_SECONDS)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if not is_tls:
            return sock
        self.context = self.context or ssl.create_default_context(cafile=self.ca)
        return self.context.wrap_socket(sock, server_hostname=host)

    def connection(self, url: str) -> typing.Any:
        key, is_tls, host, port, _, _ = split_url(url)
        try:
            connections = self.local.connections
        except AttributeError:
            connections = self.local.connections = {}
        sock = connections.get(key)
        if sock is None:
            sock = connections[key] = self.connect(is_tls, host, port)
        return sock

    def send(self, url: str, method: str = "GET", extra: str = "", body: bytes = b"") -> Answer:
        sock = self.connection(url)
        *_, authority, path = split_url(url)
        sock.sendall(request_bytes(method, authority, path, extra) + body)
        return self.read(sock)

    def read(self, sock: socket.socket) -> Answer:
        data = sock.recv(65536)
        end = data.find(HEAD_END)
        while end < 0:
            data += sock.recv(65536)
            end = data.find(HEAD_END)
        status, length = parse_head(data, end)
        body = data[end + 4 :]
        left = length - len(body)
        if left:
            parts = [body]
            while left:
                part = sock.recv(65536)
                if not part:
                    raise ConnectionError("closed early")
                parts.append(part)
                left -= len(part)
            body = b"".join(parts)
        return status, data[: end + 2], body

    def get(self, url: str) -> tuple[int, bytes]:
        if self.jar is None:
            status, _, body = self.send(url)
        else:
            status, head, body = self.send(url, extra=self.jar.field())
            self.jar.take(head)
        return status, body

    def get_header(self, url: str, name: str) -> tuple[int, str]:
        status, head, _ = self.send(url)
        return status, find_header(head, name)

    def get_json(self, url: str) -> base.JSON:
        return json.loads(zlib.decompress(self.get(url)[1], 31))

    def post_json(self, url: str, document: base.JSON) -> base.JSON:
        body = json.dumps(document).encode()
        extra = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        return json.loads(self.send(url, "POST", extra, body)[2])

    def download(self, url: str) -> tuple[int, int]:
        sock = self.connection(url)
        *_, authority, path = split_url(url)
        sock.sendall(request_bytes("GET", authority, path))
        data = sock.recv(65536)
        end = data.find(HEAD_END)
        status, length = parse_head(data, end)
        total = len(data) - end - 4
        room = memoryview(bytearray(262144))
        while total < length:
            got = sock.recv_into(room)
            if not got:
                break
            total += got
        return status, total

    def upload_chunks(self, url: str, chunks: base.Chunks) -> int:
        sock = self.connection(url)
        *_, authority, path = split_url(url)
        sock.sendall(request_bytes("POST", authority, path, "Transfer-Encoding: chunked\r\n"))
        for chunk in chunks:
            size = b"%x\r\n" % len(chunk)
            sent = sock.sendmsg((size, chunk, b"\r\n"))
            for piece in (size, chunk, b"\r\n"):
                if sent < len(piece):
                    sock.sendall(memoryview(piece)[sent:])
                sent = max(0, sent - len(piece))
        sock.sendall(b"0\r\n\r\n")
        return self.read(sock)[0]

    def upload_file(self, url: str, path: str) -> int:
        sock = self.connection(url)
        *_, authority, target = split_url(url)
        with open(path, "rb") as file:
            size = file.seek(0, 2)
            file.seek(0)
            extra = f"Content-Length: {size}\r\n"
            sock.sendall(request_bytes("POST", authority, target, extra))
            sock.sendfile(file)
        return self.read(sock)[0]

    def cookie_count(self) -> int:
        return len(self.jar or ())

    def close(self) -> None:
        for sock in getattr(self.local, "connections", {}).values():
            sock.close()


class Connection(asyncio.Protocol):
    """One exchange at a time; the waiter gets the answer."""

    transport: asyncio.Transport
    waiter: asyncio.Future[Answer] | None = None
    drained: asyncio.Future[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = typing.cast(asyncio.Transport, transport)
        self.data = b""
        self.head = b""
        self.status = self.left = 0
        self.parts: list[bytes] = []

    def data_received(self, data: bytes) -> None:
        if self.status:
            self.parts.append(data)
            self.left -= len(data)
        else:
            self.data = self.data + data if self.data else data
            end = self.data.find(HEAD_END)
            if end < 0:
                return
            self.status, length = parse_head(self.data, end)
            self.head = self.data[: end + 2]
            self.parts = [self.data[end + 4 :]]
            self.left = length - len(self.parts[0])
        if self.left == 0:
            body = self.parts[0] if len(self.parts) == 1 else b"".join(self.parts)
            answer = (self.status, self.head, body)
            self.data, self.status = b"", 0
            self.answer(answer)

    def answer(self, answer: Answer) -> None:
        waiter, self.waiter = self.waiter, None
        assert waiter is not None
        waiter.set_result(answer)

    def pause_writing(self) -> None:
        self.drained = asyncio.get_running_loop().create_future()

    def resume_writing(self) -> None:
        drained, self.drained = self.drained, None
        if drained is not None:
            drained.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        if self.waiter is not None:
            self.waiter.set_exception(exc or ConnectionError("closed"))

    def exchange(
        self, method: str, authority: str, path: str, extra: str, body: bytes
    ) -> asyncio.Future[Answer]:
        self.transport.write(request_bytes(method, authority, path, extra) + body)
        waiter = self.waiter = asyncio.get_running_loop().create_future()
        return waiter


class Sink(asyncio.BufferedProtocol):
    """Counts the bytes of a body in a buffer that is used again and again."""

    def __init__(self) -> None:
        self.room = memoryview(bytearray(262144))
        self.done: asyncio.Future[tuple[int, int]] = asyncio.get_running_loop().create_future()
        self.status = self.total = self.length = 0

    def get_buffer(self, sizehint: int) -> memoryview:
        return self.room

    def buffer_updated(self, nbytes: int) -> None:
        if not self.status:
            data = bytes(self.room[:nbytes])
            end = data.find(HEAD_END)
            self.status, self.length = parse_head(data, end)
            nbytes -= end + 4
        self.total += nbytes
        if self.total == self.length:
            self.done.set_result((self.status, self.total))


class AsyncClient(base.AsyncClient):
    connection_class: type[Connection] = Connection

    def __init__(self, server: base.ServerInfo, options: base.Options) -> None:
        if options.http2:
            raise base.NotAvailable("no HTTP/2")
        self.loop = asyncio.get_running_loop()
        self.ca = server.ca
        self.context: ssl.SSLContext | None = None
        self.idle: dict[str, list[Connection]] = {}
        self.limit = asyncio.Semaphore(options.pool)
        self.jar = Jar() if options.cookies else None

    async def connection(self, url: str) -> Connection:
        key, is_tls, host, port, _, _ = split_url(url)
        idle = self.idle.get(key)
        if idle:
            return idle.pop()
        if is_tls and self.context is None:
            self.context = ssl.create_default_context(cafile=self.ca)
        context = self.context if is_tls else None
        made = await self.loop.create_connection(self.connection_class, host, port, ssl=context)
        return made[1]

    async def send(
        self, url: str, method: str = "GET", extra: str = "", body: bytes = b""
    ) -> Answer:
        key, *_, authority, path = split_url(url)
        async with self.limit:
            connection = await self.connection(url)
            answer = await connection.exchange(method, authority, path, extra, body)
            self.idle.setdefault(key, []).append(connection)
        return answer

    async def get(self, url: str) -> tuple[int, bytes]:
        if self.jar is None:
            status, _, body = await self.send(url)
        else:
            status, head, body = await self.send(url, extra=self.jar.field())
            self.jar.take(head)
        return status, body

    async def get_header(self, url: str, name: str) -> tuple[int, str]:
        status, head, _ = await self.send(url)
        return status, find_header(head, name)

    async def get_json(self, url: str) -> base.JSON:
        return json.loads(zlib.decompress((await self.send(url))[2], 31))

    async def post_json(self, url: str, document: base.JSON) -> base.JSON:
        body = json.dumps(document).encode()
        extra = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        return json.loads((await self.send(url, "POST", extra, body))[2])

    async def download(self, url: str) -> tuple[int, int]:
        _, _, host, port, authority, path = split_url(url)
        transport, sink = await self.loop.create_connection(Sink, host, port)
        transport.write(request_bytes("GET", authority, path))
        result = await sink.done
        transport.close()
        return result

    async def upload_chunks(self, url: str, chunks: base.AsyncChunks) -> int:
        *_, authority, path = split_url(url)
        connection = await self.connection(url)
        transport = connection.transport
        waiter = connection.waiter = self.loop.create_future()
        transport.write(request_bytes("POST", authority, path, "Transfer-Encoding: chunked\r\n"))
        async for chunk in chunks:
            transport.write(b"%x\r\n%b\r\n" % (len(chunk), chunk))
            if connection.drained is not None:
                await connection.drained
        transport.write(b"0\r\n\r\n")
        status: int = (await waiter)[0]
        return status

    def cookie_count(self) -> int:
        return len(self.jar or ())

    async def close(self) -> None:
        for connections in self.idle.values():
            for connection in connections:
                connection.transport.close()
