"""The HTTP/1.1 server of the soak: `python -m scripts.soak.http11_server SEED [CERT KEY]`."""

from __future__ import annotations

import asyncio
import gzip
import random
import socket
import ssl
import struct
import sys

from .moods import GOOD, body_of

HEAD = b"HTTP/1.1 200 OK\r\n"


class Server:
    """Answers each request as its mood says; closes connections as it likes."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        served = 0
        try:
            while await self._answer_one(reader, writer, served):
                served += 1
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass
        finally:
            writer.transport.abort()

    async def _answer_one(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, served: int
    ) -> bool:
        head = await reader.readuntil(b"\r\n\r\n")
        method, target, _ = head.split(b" ", 2)
        mood, number, size = target.decode("ascii").strip("/").split("/")
        received = b""
        if method == b"POST":
            length = head.lower().split(b"content-length: ")[1].split(b"\r\n")[0]
            received = await reader.readexactly(int(length))
        if served and self._random.random() < 0.05:
            return False  # it was tired of the connection when the request came
        body = received or body_of(int(number), int(size))
        if mood in GOOD:
            writer.write(self._good(mood, body))
        else:
            await self._bad(mood, body, reader, writer)
        await writer.drain()
        if mood not in GOOD and mood != "drip":
            return False
        if self._random.random() < 0.05:
            await asyncio.sleep(self._random.random() * 0.05)
            return False
        return True

    def _good(self, mood: str, body: bytes) -> bytes:
        if mood == "gzip":
            packed = gzip.compress(body, 1)
            fields = b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed)
            return HEAD + fields + packed
        if mood == "chunked":
            step = self._random.randrange(1_000, 50_000)
            pieces = [body[at : at + step] for at in range(0, len(body), step)]
            chunks = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)
            return HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n"
        return HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body

    async def _bad(
        self, mood: str, body: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        length = HEAD + b"Content-Length: %d\r\n\r\n" % len(body)
        if mood == "reset":
            sock: socket.socket = writer.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        elif mood == "stall":
            writer.write(length[: self._random.randrange(len(length))])
            await reader.read(1)  # until the client has had enough
        elif mood == "truncate":
            writer.write(self._good(self._random.choice(GOOD), body or b"x")[:-1])
        elif mood == "garbage":
            writer.write(self._random.randbytes(self._random.randrange(1, 2_000)))
        elif mood == "flood":
            writer.write(HEAD)
            for _ in range(100):
                writer.write(b"X-Flood: %b\r\n" % (b"x" * 8_000))
                await writer.drain()
        elif mood == "bad-gzip":
            packed = bytearray(gzip.compress(body or b"x"))
            packed[-5] ^= 0xFF  # the checksum
            writer.write(HEAD + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n" % len(packed))
            writer.write(b"\r\n" + packed)
        elif mood == "drip":
            writer.write(length)
            for at in range(0, len(body), 1_000):
                writer.write(body[at : at + 1_000])
                await writer.drain()
                await asyncio.sleep(0.02)


async def main(seed: int, *cert_and_key: str) -> None:
    context = None
    if cert_and_key:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(*cert_and_key)
    server = await asyncio.start_server(
        Server(seed).serve, "127.0.0.1", 0, ssl=context, backlog=1_000
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.to_thread(sys.stdin.read)  # the parent's end is ours


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), *sys.argv[2:]))
