"""A server that a test scripts byte by byte.

`RawServer(handler)` calls `handler(connection)` for each accepted connection, in a thread of its
own.  What the handler raises comes out at the end of the `with` block, so that a failed assertion
in it fails the test.  Only these do not: that the peer went away, which is what many tests are
about, and a failed TLS handshake, which is kept in `server.handshake_errors`.

    with RawServer.replies([response(b"one"), response(b"two")]) as server:
        ...
    assert [request.target for request in server.requests] == ["/1", "/2"]

Every operation on the server's side has a time limit, and the end of the block closes all sockets
and joins all threads: no test hangs on its server.
"""

from __future__ import annotations

import collections.abc
import contextlib
import select
import socket
import ssl
import struct
import sys
import threading
import typing

SECONDS = 10.0
"""The limit of each operation on the server's side."""

# PyPy has no name for it; Linux.
_POLLRDHUP: int = getattr(select, "POLLRDHUP", 0x2000)

# What its ssl raises when a connection has ended without a word.
_UNNAMED = (RuntimeError,) if sys.implementation.name == "pypy" else ()


class PeerClosed(ConnectionError):
    """The client closed the connection where the script expected bytes."""


class ServerEnding(ConnectionError):
    """The `with` block ended: it is not the client that closed the connection."""


class RawRequest(typing.NamedTuple):
    """One request as it came: header names and values as bytes, the body without its framing."""

    method: str
    target: str
    headers: list[tuple[bytes, bytes]]
    body: bytes = b""

    def values(self, name: str) -> list[str]:
        """All values of the header `name`."""
        wanted = name.lower().encode("ascii")
        return [value.decode("latin-1") for key, value in self.headers if key.lower() == wanted]

    def header(self, name: str) -> str | None:
        """The values of the header `name`, joined; `None` where there is none."""
        values = self.values(name)
        return ", ".join(values) if values else None


class RawConnection:
    """
    One accepted connection, as its handler uses it.

    `peer_closed` is set once the client's end is seen to be closed; it may be waited for from the
    test's thread.  `number` counts the server's connections from 0, in the order of their coming.
    """

    def __init__(self, server: RawServer, sock: socket.socket) -> None:
        self.sock = sock
        self.requests: list[RawRequest] = []
        self.peer_closed = threading.Event()
        self.number = -1
        self._server = server
        self._buffer = bytearray()

    # Bytes in.

    def receive(self) -> bytes:
        """Whatever comes next; `PeerClosed` at the end."""
        if not self._buffer:
            self._fill()
        data = bytes(self._buffer)
        self._buffer.clear()
        return data

    def read_until(self, end: bytes) -> bytes:
        """The bytes up to and including `end`."""
        while (found := self._buffer.find(end)) < 0:
            self._fill()
        return self._take(found + len(end))

    def read_exactly(self, count: int) -> bytes:
        """The next `count` bytes."""
        while len(self._buffer) < count:
            self._fill()
        return self._take(count)

    def peek(self, count: int) -> bytes:
        """The next `count` bytes, which stay unread."""
        while len(self._buffer) < count:
            self._fill()
        return bytes(self._buffer[:count])

    def read_head(self) -> RawRequest:
        """The head of a request; recorded in `requests` only with `read_request()`."""
        lines = self.read_until(b"\r\n\r\n")[:-4].split(b"\r\n")
        method, target, version = lines[0].decode("ascii").split(" ")
        assert version == "HTTP/1.1", f"the request line is {lines[0]!r}"
        headers = []
        for line in lines[1:]:
            name, colon, value = line.partition(b":")
            assert colon, f"a header line is {line!r}"
            assert name == name.strip(), f"a header line is {line!r}"
            headers.append((name, value.strip()))
        return RawRequest(method, target, headers)

    def read_body(self, head: RawRequest) -> bytes:
        """The body that `head` announces."""
        length, codings = head.values("Content-Length"), head.values("Transfer-Encoding")
        if codings:
            assert (codings, length) == (["chunked"], [])
            return b"".join(self._read_chunks())
        assert len(length) < 2
        return self.read_exactly(int(length[0])) if length else b""

    def read_request(self) -> RawRequest:
        """One whole request; `PeerClosed` where none comes any more."""
        head = self.read_head()
        request = head._replace(body=self.read_body(head))
        self.requests.append(request)
        self._server.record(request)
        return request

    def wait_closed(self, seconds: float = SECONDS) -> bool:
        """Whether the client closes its end within `seconds`; what comes before that is kept."""
        self.sock.settimeout(seconds)
        try:
            while True:
                self._fill()
        except TimeoutError:
            return False
        except PeerClosed:
            return True
        finally:
            with contextlib.suppress(OSError):
                self.sock.settimeout(SECONDS)

    def has_data(self, seconds: float) -> bool:
        """Whether anything that was not taken is there, or comes within `seconds`."""
        if not self._buffer and not self.peer_closed.is_set():
            self.sock.settimeout(seconds)
            try:
                self._fill()
            except TimeoutError:
                return False
            finally:
                self.sock.settimeout(SECONDS)
        return bool(self._buffer)

    def wait_gone(self, seconds: float = SECONDS) -> bool:
        """Whether the client closes its end within `seconds`; reads nothing meanwhile."""
        poll = select.poll()
        poll.register(self.sock, _POLLRDHUP)
        return bool(poll.poll(seconds * 1000))

    def _read_chunks(self) -> collections.abc.Iterator[bytes]:
        while size := int(self.read_until(b"\r\n")[:-2].partition(b";")[0], 16):
            yield self.read_exactly(size)
            assert self.read_exactly(2) == b"\r\n"
        while self.read_until(b"\r\n") != b"\r\n":
            pass  # a trailer

    def _take(self, count: int) -> bytes:
        data = bytes(self._buffer[:count])
        del self._buffer[:count]
        return data

    def _fill(self) -> None:
        try:
            data = self.sock.recv(65536)
        except TimeoutError:
            raise
        except (OSError, *_UNNAMED):  # reset, or an alert of TLS
            data = b""
        if not data:
            raise self._gone()
        self._buffer += data

    def _gone(self) -> ConnectionError:
        if self._server.ending:
            return ServerEnding()
        self.peer_closed.set()
        return PeerClosed(f"the client closed the connection; unread: {bytes(self._buffer)!r}")

    # Bytes out.

    def send(self, data: bytes) -> None:
        """Send all of `data`; `PeerClosed` where the client takes no more."""
        try:
            self.sock.sendall(data)
        except (
            ConnectionError,
            ssl.SSLError,
            *_UNNAMED,
        ) as exc:  # SSL: without a word
            raise self._gone() from exc

    def send_each(self, pieces: collections.abc.Iterable[bytes]) -> None:
        """Send each piece as a packet of its own; `send_each(iter_bytes(data))` byte by byte."""
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for piece in pieces:
            self.send(piece)

    def shut(self) -> None:
        """Send FIN, and go on reading.  Over TLS: without a close_notify, as an attacker would."""
        socket.socket.shutdown(self.sock, socket.SHUT_WR)

    def close(self) -> None:
        """Close, over TLS with a close_notify.  Bytes that were not read make it a RST."""
        if isinstance(self.sock, ssl.SSLSocket):
            with contextlib.suppress(OSError, ValueError, *_UNNAMED):
                self.sock.settimeout(0)  # send ours, do not wait for theirs
                self.sock.unwrap()
        self.sock.close()

    def cut(self) -> None:
        """Close without a close_notify; on plain TCP the same as `close()`."""
        self.sock.close()

    def reset(self) -> None:
        """Close with RST."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()


Handler = collections.abc.Callable[[RawConnection], None]


class RawServer:
    """
    Listens on a free port of `host` while its `with` block runs.

    * `handler`: called with each `RawConnection` in a thread of its own; the connection is
      closed when it returns.
    * `tls`: the context to accept TLS with; `None` for plain TCP.
    * `connections`, `requests`: all so far, in the order of their coming; may be read at any time.
    """

    def __init__(
        self, handler: Handler, *, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1"
    ) -> None:
        self.host = host
        self.port = 0
        self.handshake_errors: list[OSError] = []
        self._handler = handler
        self._tls = tls
        self._lock = threading.Lock()
        self._connections: list[RawConnection] = []
        self._requests: list[RawRequest] = []
        self._errors: list[BaseException] = []
        self._threads: list[threading.Thread] = []
        self._sockets: list[socket.socket] = []
        self.ending = False

    @classmethod
    def replies(
        cls,
        replies: collections.abc.Iterable[bytes],
        *,
        close: bool = False,
        tls: ssl.SSLContext | None = None,
        host: str = "127.0.0.1",
    ) -> RawServer:
        """
        A server that answers each request, on whatever connection, with the next of `replies`.

        With `close` it closes after each, else it leaves that to the client.  A request too many
        is an error.
        """
        left = iter(list(replies))

        def handler(connection: RawConnection) -> None:
            while True:
                request = connection.read_request()
                reply = next(left, None)
                assert reply is not None, f"one request too many: {request}"
                connection.send(reply)
                if close:
                    return

        return cls(handler, tls=tls, host=host)

    @property
    def url(self) -> str:
        """Scheme, host and port; no path."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'http' if self._tls is None else 'https'}://{host}:{self.port}"

    @property
    def connections(self) -> list[RawConnection]:
        with self._lock:
            return list(self._connections)

    @property
    def requests(self) -> list[RawRequest]:
        with self._lock:
            return list(self._requests)

    def record(self, request: RawRequest) -> None:
        with self._lock:
            self._requests.append(request)

    def __enter__(self) -> typing.Self:
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        self._listener = socket.create_server((self.host, 0), family=family, backlog=1024)
        self.port = self._listener.getsockname()[1]
        self._start(self._accept)
        return self

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        self.ending = True
        # Closing a listener does not wake the thread that accepts; a connection does.
        with contextlib.suppress(OSError):
            socket.create_connection((self.host, self.port), SECONDS).close()
        self._threads[0].join(SECONDS)
        self._listener.close()
        for sock in self._sockets:
            with contextlib.suppress(OSError):  # most are closed already
                socket.socket.shutdown(sock, socket.SHUT_RDWR)
        for thread in self._threads[1:]:
            thread.join(SECONDS)
        stuck = [thread for thread in self._threads if thread.is_alive()]
        if stuck:
            self._errors.append(AssertionError(f"handlers that did not end: {stuck}"))
        if error is not None:
            for hidden in self._errors:
                error.add_note(f"besides, the server's handler failed: {hidden!r}")
        elif self._errors:
            raise self._errors[0]

    def _start(self, target: collections.abc.Callable[..., None], *args: object) -> None:
        thread = threading.Thread(target=target, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            sock, _ = self._listener.accept()
            if self.ending:
                sock.close()
                return
            sock.settimeout(SECONDS)
            self._sockets.append(sock)
            connection = RawConnection(self, sock)
            if self._tls is None:
                self._add(connection)  # here, as threads overtake each other
            self._start(self._serve, connection)

    def _add(self, connection: RawConnection) -> None:
        with self._lock:
            connection.number = len(self._connections)
            self._connections.append(connection)

    def _serve(self, connection: RawConnection) -> None:
        try:
            if self._tls is not None:
                connection.sock = self._handshake(self._tls, connection.sock)
                self._add(connection)
            self._handler(connection)
            connection.close()
        except (ConnectionError, _HandshakeFailed):
            pass
        except BaseException as exc:
            self._errors.append(exc)
        finally:
            connection.sock.close()

    def _handshake(self, tls: ssl.SSLContext, sock: socket.socket) -> ssl.SSLSocket:
        secure = tls.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
        self._sockets.append(secure)
        try:
            secure.do_handshake()
        except OSError as exc:
            secure.close()
            self.handshake_errors.append(exc)
            raise _HandshakeFailed from exc
        return secure


class _HandshakeFailed(Exception):
    pass


def response(
    body: bytes = b"",
    status: str = "200 OK",
    headers: collections.abc.Iterable[tuple[str, str]] = (),
) -> bytes:
    """An HTTP/1.1 response with a Content-Length."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def chunked_response(
    pieces: collections.abc.Iterable[bytes],
    status: str = "200 OK",
    headers: collections.abc.Iterable[tuple[str, str]] = (),
) -> bytes:
    """An HTTP/1.1 response with each of `pieces` as a chunk."""
    lines = [f"HTTP/1.1 {status}", "Transfer-Encoding: chunked"]
    lines += [f"{name}: {value}" for name, value in headers]
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + chunks + b"0\r\n\r\n"


def iter_bytes(data: bytes) -> collections.abc.Iterator[bytes]:
    """`data` one byte at a time."""
    return (data[index : index + 1] for index in range(len(data)))
