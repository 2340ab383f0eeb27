"""An HTTP/2 server that a test scripts frame by frame, legal or not.

`H2Server(script)` calls `script(peer)` for each connection, in a thread of its own, once the
client's preface has come.  The rules are those of `RawServer`, which is beneath: what a script
raises fails the test, except that the client went away.

    def script(peer: H2Peer) -> None:
        request = peer.request()
        peer.respond(request.stream_id, b"hello")

`Frames` makes bytes of frames; `H2Peer` also understands what comes.  `serve_with_h2` is a server
without a script, on h2, which keeps to the rules in its own way.
"""

from __future__ import annotations

import collections.abc
import socket
import ssl
import struct
import typing

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions
import hpack
from hyperframe import frame as hyperframe

from .raw import SECONDS, PeerClosed, RawConnection, RawServer

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

Fields = collections.abc.Iterable[tuple[str | bytes, str | bytes]]

# Types of frames.
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE = range(9)
CONTINUATION = 9
# Flags.
END_STREAM = ACK = 0x1
END_HEADERS = 0x4
PADDED = 0x8
HAS_PRIORITY = 0x20
# Settings.
HEADER_TABLE_SIZE, ENABLE_PUSH, MAX_CONCURRENT_STREAMS, INITIAL_WINDOW_SIZE = range(1, 5)
MAX_FRAME_SIZE, MAX_HEADER_LIST_SIZE = 5, 6
# Error codes.
Code = h2.errors.ErrorCodes


class Frames:
    """Frames as bytes; nothing is checked, and one compression state is kept for all blocks."""

    def __init__(self) -> None:
        self.encoder = hpack.Encoder()

    def frame(self, kind: int, flags: int = 0, stream_id: int = 0, payload: bytes = b"") -> bytes:
        """Any frame."""
        head = struct.pack(">L", len(payload))[1:] + bytes([kind, flags])
        return head + struct.pack(">L", stream_id) + payload

    def settings(self, values: dict[int, int] | None = None, flags: int = 0) -> bytes:
        payload = b"".join(struct.pack(">HL", *item) for item in (values or {}).items())
        return self.frame(SETTINGS, flags, 0, payload)

    def block(self, fields: Fields) -> bytes:
        """A header block."""
        return self.encoder.encode(list(fields))

    def fields(self, stream_id: int, fields: Fields, end_stream: bool = False) -> bytes:
        """A field section in one HEADERS frame."""
        return self.frame(HEADERS, END_HEADERS | bool(end_stream), stream_id, self.block(fields))

    def head(
        self, stream_id: int, status: int = 200, fields: Fields = (), end_stream: bool = False
    ) -> bytes:
        """The head of a response."""
        return self.fields(stream_id, [(":status", str(status)), *fields], end_stream)

    def data(self, stream_id: int, data: bytes = b"", end_stream: bool = False) -> bytes:
        """A body, in as many DATA frames as it takes."""
        starts = range(0, max(len(data), 1), 16_384)
        return b"".join(
            self.frame(
                DATA,
                int(end_stream and start + 16_384 >= len(data)),
                stream_id,
                data[start : start + 16_384],
            )
            for start in starts
        )

    def response(
        self, stream_id: int, body: bytes = b"", status: int = 200, fields: Fields = ()
    ) -> bytes:
        """A whole response."""
        return self.head(stream_id, status, fields) + self.data(stream_id, body, True)

    def reset(self, stream_id: int, code: int) -> bytes:
        return self.frame(RST_STREAM, 0, stream_id, struct.pack(">L", code))

    def ping(self, data: bytes = b"12345678", flags: int = 0) -> bytes:
        return self.frame(PING, flags, 0, data)

    def goaway(self, last_id: int, code: int = 0, debug: bytes = b"") -> bytes:
        return self.frame(GOAWAY, 0, 0, struct.pack(">LL", last_id, code) + debug)

    def window_update(self, stream_id: int, increment: int) -> bytes:
        return self.frame(WINDOW_UPDATE, 0, stream_id, struct.pack(">L", increment))


class H2Request:
    """What has come of one request; `ended` tells whether that is all of it."""

    def __init__(self, stream_id: int, fields: list[tuple[str, str]]) -> None:
        self.stream_id = stream_id
        self.fields = fields
        self.received = bytearray()
        self.ended = False

    @property
    def body(self) -> bytes:
        return bytes(self.received)

    def __getitem__(self, name: str) -> str:
        return dict(self.fields)[name]

    def __contains__(self, name: object) -> bool:
        return name in dict(self.fields)


def parse_frames(data: bytes) -> list[hyperframe.Frame]:
    """`data`, which consists of whole frames, as frames; a preface before them is skipped."""
    frames = []
    data = data.removeprefix(PREFACE)
    while data:
        frame, length = hyperframe.Frame.parse_frame_header(memoryview(data[:9]))
        frame.parse_body(memoryview(data[9 : 9 + length]))
        frames.append(frame)
        data = data[9 + length :]
    return frames


class H2Peer(Frames):
    """
    The server's end of one connection, behind the preface.

    * `frames`: all frames that have come; `requests`: all requests that have begun, by stream.
    * `give_credit`: whether to give credit for bodies back as they come.
    """

    def __init__(self, connection: RawConnection) -> None:
        super().__init__()
        self.connection = connection
        self.frames: list[hyperframe.Frame] = []
        self.requests: dict[int, H2Request] = {}
        self.give_credit = True
        self._decoder = hpack.Decoder()
        self._taken: set[int] = set()
        self._block = b""

    # Out.

    def send(self, *frames: bytes) -> None:
        """Send frames, in one write."""
        self.connection.send(b"".join(frames))

    def respond(
        self, stream_id: int, body: bytes = b"", status: int = 200, fields: Fields = ()
    ) -> None:
        """Send a whole response, whatever the client's windows are."""
        self.send(self.response(stream_id, body, status, fields))

    # In.

    def read_frame(self) -> hyperframe.Frame:
        """The next frame; SETTINGS and PING are answered."""
        frame, length = hyperframe.Frame.parse_frame_header(memoryview(self.connection.peek(9)))
        frame.parse_body(memoryview(self.connection.read_exactly(9 + length)[9:]))
        self.frames.append(frame)
        if isinstance(frame, (hyperframe.HeadersFrame, hyperframe.ContinuationFrame)):
            self._block += frame.data
            if "END_HEADERS" in frame.flags:
                self._begin(frame.stream_id)
        if isinstance(frame, hyperframe.DataFrame):
            self.requests[frame.stream_id].received += frame.data
            if self.give_credit and frame.data:
                self.send(
                    self.window_update(0, len(frame.data)),
                    self.window_update(frame.stream_id, len(frame.data)),
                )
        if "END_STREAM" in frame.flags:
            # A HEADERS frame may end the stream before its block has ended.
            self._ends(frame.stream_id)
        if isinstance(frame, hyperframe.SettingsFrame) and "ACK" not in frame.flags:
            self.send(self.settings(flags=ACK))
        if isinstance(frame, hyperframe.PingFrame) and "ACK" not in frame.flags:
            self.send(self.ping(frame.opaque_data, ACK))
        return frame

    def _begin(self, stream_id: int) -> None:
        fields = [
            (name.decode("latin-1"), value.decode("latin-1"))
            for name, value in self._decoder.decode(self._block, raw=True)
        ]
        self._block = b""
        self.requests.setdefault(stream_id, H2Request(stream_id, [])).fields = fields

    def _ends(self, stream_id: int) -> None:
        self.requests.setdefault(stream_id, H2Request(stream_id, [])).ended = True

    def expect(self, kind: type[hyperframe.Frame], stream_id: int | None = None) -> typing.Any:
        """The next frame of that type, on that stream; what comes before it is taken too."""
        while True:
            frame = self.read_frame()
            if isinstance(frame, kind) and stream_id in (None, frame.stream_id):
                return frame

    def expect_ack(self) -> None:
        """Wait until the client has taken SETTINGS that we send now."""
        while "ACK" not in self.expect(hyperframe.SettingsFrame).flags:
            pass

    def wait_acknowledged(self) -> None:
        """Wait until the client has taken our first SETTINGS: then it has no more to say."""
        while not any(
            isinstance(frame, hyperframe.SettingsFrame) and "ACK" in frame.flags
            for frame in self.frames
        ):
            self.read_frame()

    def head_of_request(self) -> H2Request:
        """The head of the next request."""
        return self._next(lambda request: bool(request.fields))

    def request(self) -> H2Request:
        """The next request that is complete."""
        return self._next(lambda request: bool(request.fields and request.ended))

    def _next(self, is_there: collections.abc.Callable[[H2Request], bool]) -> H2Request:
        while True:
            for stream_id, request in self.requests.items():
                if stream_id not in self._taken and is_there(request):
                    self._taken.add(stream_id)
                    return request
            self.read_frame()

    def wait_end(self, request: H2Request) -> bytes:
        """The whole body of a request whose head has been read."""
        while not request.ended:
            self.read_frame()
        return request.body

    def read_for(self, seconds: float) -> None:
        """All frames until none comes for `seconds`."""
        self.connection.sock.settimeout(seconds)
        try:
            while True:
                self.read_frame()
        except TimeoutError:
            self.connection.sock.settimeout(SECONDS)

    def read_to_end(self) -> list[hyperframe.Frame]:
        """All frames until the client closes the connection; returns those that came now."""
        before = len(self.frames)
        try:
            while True:
                self.read_frame()
        except PeerClosed:
            return self.frames[before:]


Script = collections.abc.Callable[[H2Peer], None]


class H2Server(RawServer):
    """
    Runs the n-th of `scripts` for the n-th connection; the last one for all that follow.

    * `settings`: what the server's first SETTINGS say; `None`: it sends none.
    * `peers`: the connections so far.
    * `give_credit`: as for `H2Peer`.
    """

    def __init__(
        self,
        *scripts: Script,
        settings: dict[int, int] | None = {},  # noqa: B006 - nobody changes it
        tls: ssl.SSLContext | None = None,
    ) -> None:
        super().__init__(self._run, tls=tls)
        self.peers: list[H2Peer] = []
        self.give_credit = True
        self._scripts = list(scripts)
        self._settings = settings

    def _run(self, connection: RawConnection) -> None:
        connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        assert connection.read_exactly(len(PREFACE)) == PREFACE
        peer = H2Peer(connection)
        peer.give_credit = self.give_credit
        script = self._scripts[min(connection.number, len(self._scripts) - 1)]
        self.peers.append(peer)
        if self._settings is not None:
            peer.send(peer.settings(self._settings))
        script(peer)


def answer_all(peer: H2Peer) -> None:
    """Answer every request with its path as the body."""
    while True:
        request = peer.request()
        peer.respond(request.stream_id, request[":path"].encode())


Respond = collections.abc.Callable[[list[tuple[str, str]], bytes], bytes]


def serve_with_h2(respond: Respond) -> collections.abc.Callable[[RawConnection], None]:
    """For `RawServer`: HTTP/2 by h2; `respond(fields, body)` gives the body of each answer."""

    def serve(raw: RawConnection) -> None:
        config = h2.config.H2Configuration(client_side=False, header_encoding="latin-1")
        connection = h2.connection.H2Connection(config)
        connection.initiate_connection()
        raw.send(connection.data_to_send())
        requests: dict[int, tuple[list[tuple[str, str]], bytearray]] = {}
        unsent: dict[int, memoryview] = {}
        while True:
            complete = []
            for event in connection.receive_data(raw.receive()):
                if isinstance(event, h2.events.RequestReceived):
                    fields = typing.cast("list[tuple[str, str]]", event.headers)
                    requests[event.stream_id] = (fields, bytearray())
                elif isinstance(event, h2.events.DataReceived):
                    requests[event.stream_id][1].extend(event.data)
                    connection.acknowledge_received_data(
                        event.flow_controlled_length, event.stream_id
                    )
                elif isinstance(event, h2.events.StreamEnded):
                    complete.append(event.stream_id)
                elif isinstance(event, h2.events.StreamReset):
                    requests.pop(event.stream_id, None)
                    unsent.pop(event.stream_id, None)
            for stream_id in complete:
                if stream_id in requests:  # it may have been reset meanwhile
                    fields, body = requests.pop(stream_id)
                    connection.send_headers(stream_id, [(":status", "200")])
                    unsent[stream_id] = memoryview(respond(fields, bytes(body)))
            for stream_id in list(unsent):
                _send_what_fits(connection, stream_id, unsent)
            raw.send(connection.data_to_send())

    return serve


def _send_what_fits(
    connection: h2.connection.H2Connection, stream_id: int, unsent: dict[int, memoryview]
) -> None:
    data = unsent[stream_id]
    while True:
        size = min(
            len(data),
            connection.local_flow_control_window(stream_id),
            connection.max_outbound_frame_size,
        )
        ends = size == len(data)
        if size or ends:
            connection.send_data(stream_id, bytes(data[:size]), end_stream=ends)
        data = unsent[stream_id] = data[size:]
        if ends:
            del unsent[stream_id]
        if ends or not size:
            return
