"""The kinds of stream and loop that there are, and peers for them on real sockets."""

from __future__ import annotations

import asyncio
import collections.abc
import contextlib
import gc
import select
import socket
import struct
import threading
import time
import typing

import trio

from httpcore.backends.asyncio_streams import AsyncioBackend
from httpcore.backends.base import Address, ConcurrencyBackend, NetworkStream
from httpcore.backends.sync import SyncBackend
from httpcore.backends.trio_streams import TrioBackend
from httpcore.config import TimeoutConfig
from httpcore.deadline import Deadline
from httpcore.driver import run_sync

try:
    import uvloop
except ImportError:  # not on Windows, nor on PyPy
    uvloop = None  # type: ignore[assignment]

Main = collections.abc.Callable[[], collections.abc.Coroutine[typing.Any, typing.Any, None]]


class CompletionLoop(asyncio.SelectorEventLoop):
    """A loop that can do no more than Windows' Proactor."""

    add_reader = asyncio.AbstractEventLoop.add_reader
    add_writer = asyncio.AbstractEventLoop.add_writer

    # As there, an operation under way outlives the closing of the socket until it is cancelled.

    async def sock_recv(self, sock: socket.socket, nbytes: int) -> bytes:
        with sock.dup() as own:
            return await super().sock_recv(own, nbytes)

    async def sock_sendall(self, sock: socket.socket, data: typing.Any) -> None:
        with sock.dup() as own:
            await super().sock_sendall(own, data)


LOOPS: dict[str, collections.abc.Callable[[], asyncio.AbstractEventLoop]] = {
    "asyncio": asyncio.new_event_loop,
    "completion": CompletionLoop,
}
if uvloop is not None:
    LOOPS["uvloop"] = uvloop.new_event_loop

ASYNC_KINDS = (*LOOPS, "trio")
KINDS = (*ASYNC_KINDS, "sync")


def run(kind: str, main: Main) -> None:
    """Run `main()` on that kind of loop; what it leaves behind or has to report is an error."""
    complaints: list[object] = []
    if kind == "sync":
        run_sync(main())
    elif kind == "trio":
        trio.run(main)
    else:
        with asyncio.Runner(loop_factory=LOOPS[kind]) as runner:
            loop = runner.get_loop()
            loop.set_exception_handler(lambda _, context: complaints.append(context))
            runner.run(main())
    gc.collect()
    assert not complaints, f"the event loop had to report {complaints}"


def backend_of(kind: str) -> ConcurrencyBackend:
    """The backend that runs on that kind of loop."""
    if kind == "sync":
        return SyncBackend()
    return TrioBackend() if kind == "trio" else AsyncioBackend()


def limits(seconds: float | None = 10, **others: float) -> Deadline:
    """A deadline that starts now."""
    return Deadline(TimeoutConfig(seconds, **others))


def expired() -> Deadline:
    """One whose total time has passed."""
    deadline = limits(10, total_timeout=0.001)
    time.sleep(0.002)
    return deadline


@contextlib.contextmanager
def listening() -> collections.abc.Iterator[tuple[socket.socket, Address]]:
    """A listener with small buffers, so that it takes little to fill them."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 * 1024)
        listener.bind(("127.0.0.1", 0))
        listener.listen(5)
        yield listener, Address(socket.AF_INET, listener.getsockname())


class Connected:
    """`async with Connected(backend) as (stream, peer)`: a stream, and its other end."""

    def __init__(self, backend: ConcurrencyBackend) -> None:
        self._backend = backend

    async def __aenter__(self) -> tuple[NetworkStream, socket.socket]:
        with listening() as (listener, address):
            stream = await self._backend.connect_tcp([address], str(address), limits().connecting())
            self._peer, _ = listener.accept()
        self._peer.settimeout(10)
        self._stream = stream
        return stream, self._peer

    async def __aexit__(self, *exc_info: object) -> None:
        self._peer.close()
        self._stream.close()


@contextlib.contextmanager
def refusing() -> collections.abc.Iterator[Address]:
    """An address at which nobody listens, nor will as long as this lasts."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        yield Address(socket.AF_INET, sock.getsockname())


@contextlib.contextmanager
def unanswering() -> collections.abc.Iterator[Address]:
    """An address at which connecting gets no answer: the queue of its listener is full."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        address = Address(socket.AF_INET, listener.getsockname())
        fill_queue(stack, address)
        yield address


def fill_queue(stack: contextlib.ExitStack, address: Address) -> None:
    """Let a listener with a backlog of 0 answer nobody else for as long as `stack` lasts."""
    for number in range(3):
        filler = stack.enter_context(socket.socket())
        # The first one, which fills it, has to be there before anybody else comes.
        filler.settimeout(0 if number else 10)
        filler.connect_ex(address.sockaddr)


class FakeSocket:
    """
    A socket but for the `methods`, which do as they are told.

    * `other`: its other end.
    """

    def __init__(self, **methods: collections.abc.Callable[..., typing.Any]) -> None:
        self._real, self.other = socket.socketpair()
        self._real.setblocking(False)
        self.__dict__.update(methods)

    def __getattr__(self, name: str) -> typing.Any:
        return getattr(self._real, name)

    def close(self) -> None:
        self._real.close()
        self.other.close()


def arrived(sock: socket.socket | None, size: int = 1) -> None:
    """Wait until that much (or the end, or an error) is there to be read from `sock`."""
    assert sock is not None
    poller = select.poll()
    poller.register(sock, select.POLLIN)
    assert poller.poll(10_000)
    ends_at = time.monotonic() + 10
    while size > 1 and len(sock.recv(size, socket.MSG_PEEK)) < size:
        assert time.monotonic() < ends_at
        time.sleep(0.001)


def receive(sock: socket.socket, size: int) -> bytes:
    """Exactly `size` bytes from `sock`."""
    data = bytearray()
    while len(data) < size:
        piece = sock.recv(min(size - len(data), 65536))
        assert piece, f"the end after {len(data)} of {size} bytes"
        data += piece
    return bytes(data)


def reset(sock: socket.socket) -> None:
    """Break the connection."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


@contextlib.contextmanager
def meanwhile(
    function: collections.abc.Callable[..., object], *args: object, after: float = 0.0
) -> collections.abc.Iterator[None]:
    """Run `function` in a thread; what it raises fails the test."""
    errors: list[BaseException] = []

    def work() -> None:
        try:
            time.sleep(after)
            function(*args)
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        thread.join(20)
        assert not thread.is_alive()
    if errors:
        raise errors[0]
