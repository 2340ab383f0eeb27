"""HTTP/2: a connection with three requests on it, and whatever a server answers."""

from __future__ import annotations

import typing

from httpcore.aliases import RawHeaders
from httpcore.exceptions import LocalProtocolError
from httpcore.wire import http2_frames as frames
from httpcore.wire.http2 import HTTP2State
from httpcore.wire.http2_fields import request_fields
from httpcore.wire.http2_frames import FrameSplitter, build_frame
from httpcore.wire.http2_stream import Stream
from httpcore.wire.http2_windows import CONNECTION_WINDOW_BYTES

# GET and HEAD are sent, POST has begun.
_METHODS = ("GET", "POST", "HEAD")
_STREAM_IDS = (0, 1, 3, 5, 7, 2, 2**31 - 1)
_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_SETTINGS = build_frame(frames.SETTINGS, 0, 0)
_RECORD_BYTES = 4

# What the client does, in the place of a frame.
_TAKE, _UPLOAD, _RESET, _OPEN, _PING = range(0xF0, 0xF5)
# All that came so far comes so many times more.
_AGAIN = 0xFF
_MAX_AGAIN = 10


class _Record(typing.NamedTuple):
    """What happens next: a frame comes, or `kind` is what the client does."""

    kind: int
    flags: int
    stream: int
    payload: bytes


class _Seen(typing.NamedTuple):
    """What became of a stream."""

    status: int | None
    headers: RawHeaders
    trailers: RawHeaders
    body: bytes
    ended: bool
    error: str
    refused: bool
    needs_http11: bool


class _Client:
    """A connection and its streams; what they give is collected."""

    def __init__(self) -> None:
        self.state = HTTP2State("example.org:443", 0.0)
        self.streams: list[Stream] = []
        self.bodies: dict[int, list[bytes]] = {}
        self.received = self.sent = self.asked = 0
        for method in _METHODS:
            self.open(method)
        self.send()

    def open(self, method: str) -> None:
        fields = request_fields(method, "https", b"/", [(b"Host", b"example.org")])
        try:
            stream = self.state.open_stream(method, fields, method != "POST")
        except LocalProtocolError:
            return  # the peer's SETTINGS_MAX_HEADER_LIST_SIZE is that low
        if stream is not None:
            self.streams.append(stream)
            self.bodies[stream.id] = []
            self.asked += 200

    def receive(self, data: bytes) -> None:
        """What arrives; the memory that it takes is bounded, and so is what is answered."""
        self.received += len(data)
        self.state.receive(data, 0.0)
        assert all(stream in self.streams for stream in self.state.take_changed())
        assert sum(stream.buffered for stream in self.streams) <= CONNECTION_WINDOW_BYTES
        self.send()

    def send(self) -> None:
        output = bytes(self.state.take_output())
        list(FrameSplitter(2**18).split(output.removeprefix(_PREFACE)))
        self.sent += len(output)
        assert self.sent <= 1000 + self.asked + 4 * self.received, "answers are bounded"

    def take(self, stream: Stream) -> None:
        data, _ = self.state.take_body(stream)
        self.bodies[stream.id].append(data)
        self.asked += 20

    def act(self, record: _Record) -> None:
        stream = self.streams[record.stream % len(self.streams)]
        if record.kind == _TAKE:
            self.take(stream)
        elif record.kind == _UPLOAD and not stream.sent_all:
            data = memoryview(record.payload * (1 + record.flags % 64))
            sent = self.state.send_data(stream, data, bool(record.flags & 1))
            assert 0 <= sent <= len(data)
            self.asked += sent + 100
        elif record.kind == _RESET:
            self.state.reset(stream, record.flags)
            self.asked += 20
        elif record.kind == _OPEN:
            self.open(_METHODS[record.flags % len(_METHODS)])
        elif record.kind == _PING and not self.state.closed:
            self.state.ping()
            self.asked += 20
        self.send()

    def finish(self) -> list[_Seen]:
        """The server goes; every stream has to have an end then."""
        was_closed = self.state.closed
        self.state.receive_end()
        assert self.state.closed
        assert self.state.active == 0
        assert self.state.capacity == 0
        for stream in self.streams:
            self.take(stream)
        return [
            _Seen(
                stream.status,
                stream.headers,
                stream.trailers,
                b"".join(self.bodies[stream.id]),
                stream.ended,
                _reason(stream, was_closed),
                stream.refused,
                stream.needs_http11,
            )
            for stream in self.streams
        ]


def _reason(stream: Stream, was_closed: bool) -> str:
    """Why it ended, without the bytes that are shown: how many there are is chance."""
    if stream.error is None:
        return ""
    assert str(stream.error).startswith("example.org:443 ")
    return f"{str(stream.error).partition('; it starts')[0]} {was_closed}"


def _compare(whole: list[_Seen], single: list[_Seen]) -> None:
    for stream, other in zip(whole, single, strict=True):
        assert stream == other, f"{stream} or {other}"


def http2_bytes(data: bytes) -> None:
    """
    Any bytes give answers or errors of ours, the same whole and byte by byte, in bounded memory.
    """
    whole = _Client()
    whole.receive(data)
    single = _Client()
    for at in range(len(data)):
        single.receive(data[at : at + 1])
    _compare(whole.finish(), single.finish())


def http2_frames(data: bytes) -> None:
    """
    The same for frames of right sizes, and a client that reads, sends and cancels in between.

    A record is a type, flags, the number of a stream, the size of the payload, and the payload.
    """
    records = _records(data)
    whole, single = _Client(), _Client()
    for client in (whole, single):
        client.receive(_SETTINGS)
    for record in records:
        if _TAKE <= record.kind < _AGAIN:
            whole.act(record)
            single.act(record)
            continue
        stream_id = _STREAM_IDS[record.stream % len(_STREAM_IDS)]
        frame = build_frame(record.kind, record.flags, stream_id, record.payload)
        whole.receive(frame)
        for at in range(len(frame)):
            single.receive(frame[at : at + 1])
    _compare(whole.finish(), single.finish())


def _records(data: bytes) -> list[_Record]:
    records: list[_Record] = []
    while len(data) >= _RECORD_BYTES:
        kind, flags, stream, size = data[:_RECORD_BYTES]
        payload, data = data[_RECORD_BYTES : _RECORD_BYTES + size], data[_RECORD_BYTES + size :]
        if kind != _AGAIN:
            records.append(_Record(kind, flags, stream, payload))
        elif len(records) < _MAX_AGAIN:
            records *= 1 + flags % _MAX_AGAIN
    return records
