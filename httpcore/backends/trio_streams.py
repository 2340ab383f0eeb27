"""The trio backend: streams over non-blocking sockets, look-ups, events.

Trio's own streams are not used: they cannot look at what has arrived without waiting, and a
checkpoint in each call is more than the exchange of a small request needs.

Trio cannot call back when something arrives on an idle connection, so `watch()` does nothing here:
what has come is read before a connection is used again.

Cancellation loses nothing: the socket is only touched in calls that do not wait, and what waits
(`trio.lowlevel.wait_readable` and its like) holds no bytes.  `trio.Cancelled` passes bare, also
out of the nursery that waits for two things at once.
"""

from __future__ import annotations

import collections.abc
import os
import socket
import time
import typing

import trio

from ..connect_config import DEFAULT_CONNECT, ConnectConfig, Resolver
from ..deadline import Deadline
from ..driver import rest_of
from ..exceptions import ReadError, ReadTimeout, WriteError, WriteTimeout
from . import polling
from .base import Address, ConcurrencyBackend, Event, Guard, NetworkStream, Rival, Secure
from .guard import thread_guard
from .happy_eyeballs import Sockets, connect
from .lookups import resolve
from .owned_socket import owned
from .sockets import (
    MIN_READ_BYTES,
    NOTHING,
    READING,
    WRITING,
    broken,
    closed_here,
    in_another_loop,
    next_read_bytes,
)

T = typing.TypeVar("T")

# Other tasks get a turn after every so many bytes written without waiting.
_BURST_BYTES = 1024 * 1024

_Wait = collections.abc.Callable[[socket.socket], collections.abc.Awaitable[None]]


class TrioStream(NetworkStream):
    """A stream over a connected non-blocking socket, which it owns."""

    __slots__ = ("_sock", "_pid", "_token", "_closed", "_read_bytes", "_unsent", "_burst")

    def __init__(self, sock: socket.socket, peer: str) -> None:
        self.peer = peer
        self._sock = sock
        self._pid = os.getpid()
        self._token = trio.lowlevel.current_trio_token()
        self._closed = False
        self._read_bytes = MIN_READ_BYTES
        self._unsent = NOTHING
        self._burst = 0

    # Reading.

    async def read(self, deadline: Deadline) -> bytes:
        seconds = deadline.within(deadline.read)
        if seconds is not None and seconds <= 0:
            raise deadline.error(ReadTimeout, READING, self.peer)
        try:
            with trio.move_on_after(_seconds(seconds)):
                while True:
                    await self._until(trio.lowlevel.wait_readable)
                    data = self._receive()
                    if data is not None:
                        return data
        except RuntimeError as error:  # trio does not run here
            raise in_another_loop(READING, self.peer) from error
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
        self._read_bytes = next_read_bytes(self._read_bytes, len(data))
        return data

    def read_available(self) -> bytes | None:
        try:
            return self._receive()
        except ReadError:
            return b""

    def watch(self, on_readable: collections.abc.Callable[[], None] | None) -> bool:
        """See `NetworkStream.watch`; trio cannot."""
        return False

    # Writing.

    async def write(
        self,
        data: bytes | bytearray | memoryview,
        deadline: Deadline,
        until_readable: bool = False,
    ) -> bool:
        self._put(data)
        try:
            if deadline.ends_at is not None and time.monotonic() >= deadline.ends_at:
                raise deadline.error(WriteTimeout, WRITING, self.peer)
            await trio.lowlevel.checkpoint_if_cancelled()
            while True:
                self._send()
                if not self._unsent:
                    break
                if await self._wait_to_send(deadline, until_readable):
                    return False
        finally:
            self._keep()
        if self._burst >= _BURST_BYTES:
            self._burst = 0
            await trio.lowlevel.checkpoint()
        return True

    def write_available(self, data: bytes | bytearray | memoryview) -> bool:
        self._put(data)
        try:
            while self._send():
                if not self._unsent:
                    return True
            return False
        finally:
            self._keep()

    def _put(self, data: bytes | bytearray | memoryview) -> None:
        """Note that `data` is to be sent, behind what is."""
        if self._unsent:
            self._unsent = memoryview(b"".join((self._unsent, data)))
        else:
            self._unsent = memoryview(data).cast("B")

    def _keep(self) -> None:
        """Make what is unsent our own: the caller may change what it gave us."""
        if not self._unsent.readonly:
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
        self._unsent = self._unsent[sent:] or NOTHING  # of which no part of the caller's is kept
        self._burst += sent
        return True

    async def _wait_to_send(self, deadline: Deadline, until_readable: bool) -> bool:
        """Wait until the socket takes more; whether there is something to read first, if asked."""
        self._burst = 0
        seconds = deadline.within(deadline.write)
        with trio.move_on_after(_seconds(seconds)) as limit:
            if until_readable:
                return await self._writable_or_readable()
            await self._until(trio.lowlevel.wait_writable)
        # A send that fills what was left of the buffer is no sign of life of the peer's.
        if limit.cancelled_caught and not (polling.is_writable(self._sock) and self._send()):
            raise deadline.error(WriteTimeout, WRITING, self.peer)
        return False

    async def _writable_or_readable(self) -> bool:
        """Wait until the socket can be written or read; whether it can be read."""
        readable = False

        async def one(wait: _Wait, is_reading: bool) -> None:
            nonlocal readable
            try:
                await self._until(wait)
                readable = readable or is_reading
            except trio.Cancelled:
                return  # by the other one, or from outside: then the checkpoint raises it, bare
            nursery.cancel_scope.cancel()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(one, trio.lowlevel.wait_readable, True)
            await one(trio.lowlevel.wait_writable, False)
        await trio.lowlevel.checkpoint_if_cancelled()
        return readable

    async def _until(self, wait: _Wait) -> None:
        """Wait for the socket; if it is closed, the next use of it will say so."""
        try:
            if not self._closed:
                await wait(self._sock)
        except trio.ClosedResourceError:
            pass

    # Closing.

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        if os.getpid() != self._pid:
            self._sock.close()  # a forked child, which has no part in the parent's run
        elif trio.lowlevel.in_trio_run() and trio.lowlevel.current_trio_token() is self._token:
            self._release()
        else:
            try:
                self._token.run_sync_soon(self._release)
            except trio.RunFinishedError:
                self._sock.close()

    def _release(self) -> None:
        trio.lowlevel.notify_closing(self._sock)
        self._sock.close()

    def __del__(self) -> None:
        self._sock.close()  # nobody waits: one who does has the stream

    @property
    def is_closed(self) -> bool:
        return self._closed

    @property
    def socket(self) -> socket.socket | None:
        return self._sock


async def _writable(socks: Sockets, seconds: float | None) -> Sockets:
    if not socks:
        await trio.sleep(_seconds(seconds))
        return []
    ready: list[socket.socket] = []

    async def one(sock: socket.socket) -> None:
        try:
            await trio.lowlevel.wait_writable(sock)
        except trio.Cancelled:
            return  # by the limit, by another one, or from outside: then the checkpoint raises it
        ready.append(sock)
        nursery.cancel_scope.cancel()

    with trio.move_on_after(_seconds(seconds)):
        async with trio.open_nursery() as nursery:
            for sock in socks[1:]:
                nursery.start_soon(one, sock)
            await one(socks[0])
    await trio.lowlevel.checkpoint_if_cancelled()
    return ready


class TrioEvent(Event):
    """`trio.Event` with a limit."""

    __slots__ = ("_event",)

    def __init__(self) -> None:
        self._event = trio.Event()

    def set(self) -> None:
        self._event.set()

    def is_set(self) -> bool:
        return self._event.is_set()

    async def wait(self, seconds: float | None) -> bool:
        with trio.move_on_after(_seconds(seconds)):
            await self._event.wait()
        return self._event.is_set()


class _Run:
    """One `trio.run()`."""

    __slots__ = ("is_over",)

    def __init__(self) -> None:
        self.is_over = False


_current_run: trio.lowlevel.RunVar[_Run] = trio.lowlevel.RunVar("httpcore run")


async def _note_end(run: _Run) -> None:
    """A system task of the run: cancelled when the run's main task has ended."""
    try:
        await trio.sleep_forever()
    finally:
        run.is_over = True


class TrioBackend(ConcurrencyBackend):
    """Runs on trio.  Stateless; all instances are alike."""

    def run_token(self) -> object:
        try:
            return _current_run.get()
        except LookupError:
            run = _Run()
            _current_run.set(run)
            trio.lowlevel.spawn_system_task(_note_end, run)
            return run

    def run_is_over(self, token: object) -> bool:
        return typing.cast("_Run", token).is_over

    async def resolve(
        self, host: str, port: int, deadline: Deadline, resolver: Resolver | None = None
    ) -> list[Address]:
        call_in_run = trio.lowlevel.current_trio_token().run_sync_soon
        return await resolve(host, port, deadline, resolver, TrioEvent, call_in_run)

    async def connect_tcp(
        self,
        addresses: collections.abc.Sequence[Address],
        peer: str,
        deadline: Deadline,
        config: ConnectConfig = DEFAULT_CONNECT,
        secure: Secure | None = None,
    ) -> NetworkStream:
        return await connect(
            addresses, peer, deadline, config, secure, _writable, TrioStream, owned
        )

    async def run_blocking(self, function: collections.abc.Callable[[], T]) -> T:
        # A limit of its own: those that all threads share may be used up by the program's own work.
        limiter = trio.CapacityLimiter(1)
        return await trio.to_thread.run_sync(function, abandon_on_cancel=True, limiter=limiter)

    async def race(
        self, coroutine: collections.abc.Coroutine[typing.Any, typing.Any, T], rival: Rival
    ) -> T | None:
        error: BaseException | None = None
        ended = trio.Event()
        ours, beside = trio.CancelScope(), trio.CancelScope()

        async def run_rival() -> None:
            nonlocal error
            try:
                with beside:
                    await rival()
            except Exception as exc:
                error = exc
            ours.cancel()
            ended.set()

        result: T | None = None
        with ours:
            try:
                awaited = coroutine.send(None)
            except StopIteration as done:
                return typing.cast("T", done.value)  # there was nothing to wait for
            # Not in a nursery: all errors would come as groups.
            trio.lowlevel.spawn_system_task(run_rival)
            try:
                result = await rest_of(coroutine, awaited)
            finally:
                beside.cancel()
                with trio.CancelScope(shield=True):
                    await ended.wait()
        if error is not None:
            raise error
        return result

    async def sleep(self, seconds: float) -> None:
        await trio.sleep(seconds)

    def event(self) -> Event:
        return TrioEvent()

    def guard(self) -> Guard:
        """See `ConcurrencyBackend.guard`; a lock, as on asyncio."""
        return thread_guard()


def _seconds(seconds: float | None) -> float:
    return float("inf") if seconds is None else max(seconds, 0)
