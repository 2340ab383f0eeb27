"""Byte streams over non-blocking sockets, on trio.

Trio cannot call back when something arrives on an idle connection, so `watch()` does nothing here: what has
come is read before a connection is used again.

Cancellation needs nothing special: the socket is only touched in calls that do not wait, and what waits
(`trio.lowlevel.wait_readable` and its like) holds no bytes.
"""

from __future__ import annotations

import collections.abc
import contextlib
import os
import socket
import threading
import typing

import trio

from ..deadline import Deadline
from ..exceptions import ConnectTimeout, ReadError, ReadTimeout, WriteError, WriteTimeout
from .base import Address, ConcurrencyBackend, Event, Guard, Lock, NetworkStream
from .sockets import (
    CONNECTING,
    READING,
    RESOLVING,
    WRITING,
    broken,
    closed_here,
    connect_error,
    ip_address_of,
    lookup_in_thread,
    new_tcp_socket,
    resolve_error,
)

T = typing.TypeVar("T")

# A read asks for this much at first, and for more once one came back full.
_MIN_READ_BYTES = 64 * 1024
_MAX_READ_BYTES = 256 * 1024
_NO_GUARD: Guard = contextlib.nullcontext()

_Wait = collections.abc.Callable[[socket.socket], collections.abc.Awaitable[None]]


class TrioStream(NetworkStream):
    """A connected socket; one reading and one writing task at a time."""

    __slots__ = ("peer", "_sock", "_pid", "_closed", "_read_bytes", "_unsent")

    def __init__(self, sock: socket.socket, peer: str) -> None:
        """Own `sock`, which is connected and non-blocking."""
        self.peer = peer
        self._sock = sock
        self._pid = os.getpid()
        self._closed = False
        self._read_bytes = _MIN_READ_BYTES
        self._unsent = memoryview(b"")

    async def read(self, deadline: Deadline) -> bytes:
        """See `NetworkStream.read`."""
        seconds = deadline.within(deadline.read)
        if seconds is not None and seconds <= 0:
            raise deadline.error(ReadTimeout, READING, self.peer)
        with trio.move_on_after(_seconds(seconds)):
            await trio.lowlevel.checkpoint()
            while (data := self._receive()) is None:
                try:
                    await trio.lowlevel.wait_readable(self._sock)
                except trio.ClosedResourceError:
                    continue  # receiving says so
            return data
        # A last look: the run may have been blocked for longer than the limit.
        data = self._receive()
        if data is None:
            raise deadline.error(ReadTimeout, READING, self.peer)
        return data

    def _receive(self) -> bytes | None:
        if self._closed:
            raise closed_here(ReadError, READING, self.peer)
        try:
            data = self._sock.recv(self._read_bytes)
        except BlockingIOError:
            return None
        except OSError as error:
            raise broken(ReadError, READING, self.peer, error) from error
        if len(data) == self._read_bytes:
            self._read_bytes = _MAX_READ_BYTES
        return data

    async def write(
        self,
        data: bytes | bytearray | memoryview,
        deadline: Deadline,
        until_readable: bool = False,
    ) -> bool:
        """See `NetworkStream.write`."""
        seconds = deadline.within(deadline.write)
        if seconds is not None and seconds <= 0:
            raise deadline.error(WriteTimeout, WRITING, self.peer)
        await trio.lowlevel.checkpoint()
        if self._unsent:
            self._unsent = memoryview(b"".join((self._unsent, data)))
        else:
            self._unsent = memoryview(data).cast("B")
        try:
            while self._unsent and not self._send():
                with trio.move_on_after(_seconds(deadline.within(deadline.write))) as limit:
                    if await self._writable_or_readable(until_readable):
                        return False
                if limit.cancelled_caught:
                    raise deadline.error(WriteTimeout, WRITING, self.peer)
            return True
        finally:
            if not self._unsent.readonly:  # the caller may change what it gave us
                self._unsent = memoryview(bytes(self._unsent))

    def _send(self) -> bool:
        """Send what the socket takes; whether it took any."""
        if self._closed:
            raise closed_here(WriteError, WRITING, self.peer)
        try:
            sent = self._sock.send(self._unsent)
        except BlockingIOError:
            return False
        except OSError as error:
            raise broken(WriteError, WRITING, self.peer, error) from error
        self._unsent = self._unsent[sent:]
        return True

    async def _writable_or_readable(self, until_readable: bool) -> bool:
        """Wait until the socket takes more; whether there is something to read first, if asked."""
        readable = False

        async def until(wait: _Wait, is_reading: bool) -> None:
            nonlocal readable
            try:
                await wait(self._sock)
                readable = readable or is_reading
            except trio.ClosedResourceError:
                pass  # the next use of the socket says so
            nursery.cancel_scope.cancel()

        async with trio.open_nursery() as nursery:
            if until_readable:
                nursery.start_soon(until, trio.lowlevel.wait_readable, True)
            await until(trio.lowlevel.wait_writable, False)
        return readable

    def read_available(self) -> bytes | None:
        """See `NetworkStream.read_available`."""
        try:
            return self._receive()
        except ReadError:
            return b""

    def watch(self, on_readable: collections.abc.Callable[[], None] | None) -> bool:
        """See `NetworkStream.watch`; trio cannot."""
        return False

    def close(self) -> None:
        """See `NetworkStream.close`."""
        if self._closed:
            return
        self._closed = True
        if self._pid == os.getpid():
            try:
                trio.lowlevel.notify_closing(self._sock)
            except RuntimeError:
                pass  # the run is over, or this is not its thread: nobody waits
        self._sock.close()

    @property
    def is_closed(self) -> bool:
        """See `NetworkStream.is_closed`."""
        return self._closed

    @property
    def socket(self) -> socket.socket:
        """See `NetworkStream.socket`."""
        return self._sock


class TrioEvent(Event):
    """`trio.Event` with a limit."""

    __slots__ = ("_event",)

    def __init__(self) -> None:
        self._event = trio.Event()

    def set(self) -> None:
        """See `Event.set`."""
        self._event.set()

    def is_set(self) -> bool:
        """See `Event.is_set`."""
        return self._event.is_set()

    async def wait(self, seconds: float | None) -> bool:
        """See `Event.wait`."""
        with trio.move_on_after(_seconds(seconds)):
            await self._event.wait()
        return self._event.is_set()


class TrioLock(Lock):
    """`trio.Lock`."""

    __slots__ = ("_lock",)

    def __init__(self) -> None:
        self._lock = trio.Lock()

    async def __aenter__(self) -> None:
        await self._lock.acquire()

    async def __aexit__(self, *exc_info: object) -> None:
        self._lock.release()


class _Run(typing.NamedTuple):
    """One `trio.run()`: its token, and the thread that it runs in."""

    token: trio.lowlevel.TrioToken
    thread: int


class TrioBackend(ConcurrencyBackend):
    """Runs on trio.  Stateless; all instances are alike."""

    def run_token(self) -> object:
        """See `ConcurrencyBackend.run_token`."""
        return _Run(trio.lowlevel.current_trio_token(), threading.get_ident())

    def run_is_over(self, token: object) -> bool:
        """
        See `ConcurrencyBackend.run_is_over`.

        Trio does not tell; but a thread has one run at a time, so another one in the same thread
        means that the earlier is over.
        """
        assert isinstance(token, _Run)
        return token.thread == threading.get_ident() and token != self.run_token()

    async def resolve(self, host: str, port: int, deadline: Deadline) -> list[Address]:
        """See `ConcurrencyBackend.resolve`."""
        address = ip_address_of(host, port)
        if address is not None:
            return [address]
        answers: list[list[Address] | BaseException] = []
        arrived = trio.Event()
        token = trio.lowlevel.current_trio_token()

        def done(answer: list[Address] | BaseException) -> None:
            answers.append(answer)
            try:
                token.run_sync_soon(arrived.set)
            except trio.RunFinishedError:
                pass  # nobody waits any more

        lookup_in_thread(host, port, done)
        with trio.move_on_after(_seconds(deadline.within(None))):
            await arrived.wait()
        if not answers:
            raise deadline.error(ConnectTimeout, RESOLVING, host)
        if isinstance(answers[0], BaseException):
            raise resolve_error(host, answers[0]) from answers[0]
        return answers[0]

    async def connect_tcp(self, address: Address, peer: str, deadline: Deadline) -> NetworkStream:
        """See `ConcurrencyBackend.connect_tcp`."""
        try:
            sock = new_tcp_socket(address.family)
        except OSError as error:
            raise connect_error(peer, address, error) from error
        try:
            with trio.move_on_after(_seconds(deadline.within(None))) as limit:
                await trio.socket.from_stdlib_socket(sock).connect(address.sockaddr)
            if limit.cancelled_caught:
                raise deadline.error(ConnectTimeout, CONNECTING, peer)
            return TrioStream(sock, peer)
        except ConnectTimeout:
            sock.close()
            raise
        except OSError as error:
            sock.close()
            raise connect_error(peer, address, error) from error
        except BaseException:
            sock.close()
            raise

    async def run_blocking(self, function: collections.abc.Callable[[], T]) -> T:
        """See `ConcurrencyBackend.run_blocking`."""
        return await trio.to_thread.run_sync(function, abandon_on_cancel=True)

    async def sleep(self, seconds: float) -> None:
        """See `ConcurrencyBackend.sleep`."""
        await trio.sleep(seconds)

    def event(self) -> Event:
        """See `ConcurrencyBackend.event`."""
        return TrioEvent()

    def lock(self) -> Lock:
        """See `ConcurrencyBackend.lock`."""
        return TrioLock()

    def guard(self) -> Guard:
        """See `ConcurrencyBackend.guard`; nothing interrupts a task between two checkpoints."""
        return _NO_GUARD


def _seconds(seconds: float | None) -> float:
    return float("inf") if seconds is None else max(seconds, 0)
