"""The HTTP/2 server of the soak: `python -m scripts.soak.http2_server SEED CERT KEY [rough]`.

A rough one breaks whole connections too, with every stream on them.
"""

from __future__ import annotations

import asyncio
import gzip
import random
import ssl
import struct
import sys
import typing

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions

from .moods import GOOD, body_of

GOAWAY_AFTER = 1_000  # requests on one connection, at most


class Peer(asyncio.Protocol):
    """One connection."""

    transport: asyncio.Transport
    # By all connections: a client gives up what is refused again and again.
    _refused: typing.ClassVar[set[str]] = set()

    def __init__(self, dice: random.Random, rough: bool) -> None:
        self._dice = dice
        self._rough = rough
        # What is malformed has to get out.
        config = h2.config.H2Configuration(
            client_side=False, validate_outbound_headers=False, header_encoding="ascii"
        )
        self._h2 = h2.connection.H2Connection(config)
        self._requests: dict[int, tuple[list[tuple[str, str]], bytearray]] = {}
        self._unsent: dict[int, bytes] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._left = dice.randrange(GOAWAY_AFTER // 2, GOAWAY_AFTER)
        self._last_stream = 2**31  # that will be answered

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = typing.cast("asyncio.Transport", transport)
        self._h2.initiate_connection()
        self._flush()

    def connection_lost(self, exc: Exception | None) -> None:
        for task in self._tasks:
            task.cancel()

    def data_received(self, data: bytes) -> None:
        try:
            events = self._h2.receive_data(data)
        except h2.exceptions.ProtocolError:
            self.transport.abort()
            return
        for event in events:
            try:
                self._handle(event)
            except h2.exceptions.ProtocolError:
                pass  # the stream was reset meanwhile
        self._send_what_fits()

    def _handle(self, event: h2.events.Event) -> None:
        if isinstance(event, h2.events.RequestReceived):
            fields = typing.cast("list[tuple[str, str]]", event.headers)
            self._requests[event.stream_id] = (fields, bytearray())
        elif isinstance(event, h2.events.DataReceived):
            if event.stream_id in self._requests:
                self._requests[event.stream_id][1].extend(event.data)
            self._h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, h2.events.StreamReset):
            self._requests.pop(event.stream_id, None)
            self._unsent.pop(event.stream_id, None)
        elif isinstance(event, h2.events.StreamEnded) and event.stream_id in self._requests:
            fields, body = self._requests.pop(event.stream_id)
            self._answer(event.stream_id, dict(fields), bytes(body))

    def _answer(self, stream: int, fields: dict[str, str], received: bytes) -> None:
        if stream > self._last_stream:
            return  # behind a GOAWAY: as if it had never come
        mood, number, size = fields[":path"].strip("/").split("/")
        self._left -= 1
        if self._left == 0:
            self._go_away(max(stream, *self._requests, *self._unsent, 0))
        if self._rough and self._dice.random() < 0.01:
            self.transport.write(self._dice.randbytes(100))
            self.transport.abort()
        elif mood in GOOD and number not in self._refused and self._dice.random() < 0.05:
            self._refused.add(number)
            self._h2.reset_stream(stream, h2.errors.ErrorCodes.REFUSED_STREAM)
        else:
            self._answer_as(mood, stream, received or body_of(int(number), int(size)))

    def _go_away(self, last_stream: int) -> None:
        self._last_stream = last_stream
        payload = struct.pack(">LL", last_stream, 0)
        self._flush()
        self.transport.write(struct.pack(">L", len(payload))[1:] + b"\x07" + bytes(5) + payload)
        self._close_when_done()

    def _close_when_done(self) -> None:
        if self._unsent or self._tasks or self._requests:
            asyncio.get_running_loop().call_later(0.1, self._close_when_done)
        else:
            self.transport.close()

    def _answer_as(self, mood: str, stream: int, body: bytes) -> None:
        head = [(":status", "200")]
        if mood in ("gzip", "bad-gzip"):
            packed = bytearray(gzip.compress(body or b"x", 1))
            if mood == "bad-gzip":
                packed[-5] ^= 0xFF  # the checksum
            elif not body:
                packed = bytearray(gzip.compress(b""))
            head.append(("content-encoding", "gzip"))
            body = bytes(packed)
        if mood in ("length", "drip"):
            head.append(("content-length", str(len(body))))
        elif mood == "truncate":
            head.append(("content-length", str(len(body) + 1)))
        elif mood in ("close", "reset"):
            self._h2.reset_stream(stream, h2.errors.ErrorCodes.CANCEL)
            return
        elif mood == "stall":
            return
        elif mood == "garbage":
            head = [(":status", "abc")]
        elif mood == "flood":
            head = [(":status", "103")]
            for _ in range(100):
                self._h2.send_headers(stream, head)
            return
        self._h2.send_headers(stream, head)
        if mood == "drip":
            task = asyncio.create_task(self._drip(stream, body))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        else:
            self._unsent[stream] = body

    async def _drip(self, stream: int, body: bytes) -> None:
        try:
            for at in range(0, len(body), 1_000):
                self._h2.send_data(stream, body[at : at + 1_000])
                self._flush()
                await asyncio.sleep(0.02)
            self._h2.end_stream(stream)
            self._flush()
        except h2.exceptions.ProtocolError:
            pass  # the client has had enough

    def _send_what_fits(self) -> None:
        for stream in list(self._unsent):
            try:
                while stream in self._unsent and self._send_some(stream, self._unsent[stream]):
                    pass
            except h2.exceptions.ProtocolError:
                del self._unsent[stream]  # the stream was reset meanwhile
        self._flush()

    def _send_some(self, stream: int, body: bytes) -> bool:
        window = self._h2.local_flow_control_window(stream)
        size = min(len(body), window, self._h2.max_outbound_frame_size)
        ends = size == len(body)
        if not size and not ends:
            return False
        self._h2.send_data(stream, body[:size], end_stream=ends)
        self._unsent[stream] = body[size:]
        if ends:
            del self._unsent[stream]
        return True

    def _flush(self) -> None:
        self.transport.write(self._h2.data_to_send())


async def main(seed: int, cert: str, key: str, *rough: str) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(cert, key)
    context.set_alpn_protocols(["h2"])
    dice = random.Random(seed)
    server = await asyncio.get_running_loop().create_server(
        lambda: Peer(dice, bool(rough)), "127.0.0.1", 0, ssl=context, backlog=1_000
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.to_thread(sys.stdin.read)  # the parent's end is ours


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), *sys.argv[2:]))
