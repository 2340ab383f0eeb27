"""The asyncio backend: streams on both kinds of event loop, look-ups, events.

How a stream works is told in `asyncio_base`; here is what the kinds of loop do differently.
`ReadinessStream` is for loops that say when a socket is ready: asyncio's own on Unix, and uvloop.
`CompletionStream` is for those that only say when an operation is complete: Proactor, the
default on Windows.
"""

from __future__ import annotations

import asyncio
import collections.abc
import functools
import socket
import time
import typing

from ..connect_config import DEFAULT_CONNECT, ConnectConfig, Resolver
from ..deadline import Deadline
from ..driver import rest_of
from . import polling
from .asyncio_base import AsyncioStream, Waiter, wake
from .base import Address, ConcurrencyBackend, Event, Guard, NetworkStream, Rival, Secure
from .guard import thread_guard
from .happy_eyeballs import Sockets, Wait, connect
from .lookups import resolve
from .owned_socket import owned
from .threads import Done, answers, in_thread

T = typing.TypeVar("T")

# What one completion-based send is given.
_PIECE_BYTES = 64 * 1024

# uvloop rounds timers to milliseconds, perhaps down: a limit that has not passed would be reported.
_TICK_SECONDS = 0.001

# How often a loop that cannot tell looks whether a connection is there.
_LOOK_SECONDS = 0.005

_NEVER = float("inf")


class ReadinessStream(AsyncioStream):
    """A stream on a loop that says when a socket is readable or writable."""

    __slots__ = ("_wait_readable",)

    def __init__(self, loop: asyncio.AbstractEventLoop, sock: socket.socket, peer: str) -> None:
        super().__init__(loop, sock, peer)
        self._wait_readable: polling.Waiter | None = None
        self._start_receiving()

    def _glance(self) -> None:
        if self._wait_readable is None:
            self._wait_readable = polling.waiter(polling.READABLE, self._sock)
        if self._wait_readable(0):  # a quarter of what a `recv()` costs that fails
            self._look()

    def _start_receiving(self) -> None:
        self._receiving = True
        self._loop.add_reader(self._fd, self._tether.on_readable)

    def _stop_receiving(self) -> None:
        if self._receiving:
            self._receiving = False
            self._loop.remove_reader(self._fd)

    def _start_sending(self) -> None:
        self._sending = True
        self._loop.add_writer(self._fd, self._tether.on_writable)

    def _stop_sending(self) -> None:
        if self._sending:
            self._sending = False
            self._loop.remove_writer(self._fd)

    def _on_writable(self) -> None:
        try:
            count = self._sock.send(self._unsent)
        except BlockingIOError:
            return
        except Exception as error:
            self._sent(0, error)
        else:
            self._sent(count)

    def _look_for_room(self) -> None:
        # A send that fills what was left of the buffer is no sign of life of the peer's.
        if polling.is_writable(self._sock):
            self._on_writable()


class CompletionStream(AsyncioStream):
    """
    A stream on a loop that says when an operation is complete.

    An operation under way cannot be taken back without losing bytes: so it is a task of its own,
    which a `read()` or `write()` that is given up leaves running.
    """

    __slots__ = ("_receiver", "_sender", "_piece")

    def __init__(self, loop: asyncio.AbstractEventLoop, sock: socket.socket, peer: str) -> None:
        super().__init__(loop, sock, peer)
        self._receiver: asyncio.Task[bytes] | None = None
        self._sender: asyncio.Task[None] | None = None
        self._piece = b""

    def _glance(self) -> None:
        self._look()  # at the task, which may have taken what was there

    def _task(
        self, operation: collections.abc.Coroutine[typing.Any, typing.Any, T]
    ) -> asyncio.Task[T]:
        if self._loop.is_closed():
            operation.close()  # or it would complain that nobody has awaited it
            raise RuntimeError("the event loop is closed")
        task = self._loop.create_task(operation)
        # One that is left when the loop has ended is none of the user's business.
        task._log_destroy_pending = False  # type: ignore[attr-defined]
        return task

    def _start_receiving(self) -> None:
        self._receiving = True
        self._receiver = self._task(self._loop.sock_recv(self._sock, self._read_bytes))
        self._receiver.add_done_callback(self._tether.on_readable)

    def _stop_receiving(self) -> None:
        """It ends by itself."""

    def _look(self) -> bool:
        task = self._receiver
        if task is None:
            return super()._look()
        if not task.done():
            return False
        self._receiver = None
        self._receiving = False
        if task.cancelled():
            return False
        error = task.exception()
        self._keep(task.result() if error is None else b"", error)
        return True

    def _start_sending(self) -> None:
        self._sending = True
        self._piece = bytes(self._unsent[:_PIECE_BYTES])
        self._sender = self._task(self._loop.sock_sendall(self._sock, self._piece))
        self._sender.add_done_callback(self._tether.on_writable)

    def _stop_sending(self) -> None:
        """It ends by itself."""

    def _on_writable(self) -> None:
        task = self._sender
        if task is None or not task.done():
            return
        self._sender = None
        self._sending = False
        if task.cancelled():
            return
        error = task.exception()
        sent, self._piece = len(self._piece), b""
        self._sent(sent if error is None else 0, error)
        if error is None and self._unsent:
            self._start_sending()

    def _release(self) -> None:
        for task in (self._receiver, self._sender):
            if task is not None:
                task.cancel()
        super()._release()


def _cannot_say_when_ready(loop: asyncio.AbstractEventLoop) -> bool:
    return type(loop).add_reader is asyncio.AbstractEventLoop.add_reader


async def _settled(waiter: Waiter, seconds: float | None) -> bool:
    """Wait until `waiter` is settled, at most `seconds`; whether it was in time."""
    if seconds is None:
        return await waiter
    timer = asyncio.get_running_loop().call_later(seconds + _TICK_SECONDS, wake, waiter, False)
    try:
        return await waiter
    finally:
        timer.cancel()


async def _writable(
    loop: asyncio.AbstractEventLoop, socks: Sockets, seconds: float | None
) -> Sockets:
    ready = polling.writable(socks, 0)
    if ready:  # what is on this machine has answered: neither a timer nor a turn is needed
        return ready
    waiter: Waiter = loop.create_future()

    def on_writable(sock: socket.socket) -> None:
        loop.remove_writer(sock)
        ready.append(sock)
        wake(waiter, True)

    try:
        for sock in socks:
            loop.add_writer(sock, on_writable, sock)
        await _settled(waiter, seconds)
    finally:
        for sock in socks:
            loop.remove_writer(sock)
    return ready


async def _found_writable(socks: Sockets, seconds: float | None) -> Sockets:
    """
    The same by looking again and again, in a loop that only says when an operation is complete.

    Its own `sock_connect()` would need a task for each address.
    """
    gives_up = _NEVER if seconds is None else time.monotonic() + seconds
    while not (ready := polling.writable(socks, 0)) and time.monotonic() < gives_up:
        await asyncio.sleep(_LOOK_SECONDS)
    return ready


class AsyncioEvent(Event):
    """An event for the tasks of one loop; costs nothing until somebody waits."""

    __slots__ = ("_is_set", "_waiters")

    def __init__(self) -> None:
        self._is_set = False
        self._waiters: list[Waiter] = []

    def set(self) -> None:
        self._is_set = True
        for waiter in self._waiters:
            wake(waiter, True)

    def is_set(self) -> bool:
        return self._is_set

    async def wait(self, seconds: float | None) -> bool:
        if self._is_set or (seconds is not None and seconds <= 0):
            return self._is_set
        waiter: Waiter = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        try:
            await _settled(waiter, seconds)
        finally:
            self._waiters.remove(waiter)
        return self._is_set


class AsyncioBackend(ConcurrencyBackend):
    """
    Runs on asyncio: on its own event loops, on uvloop, and on others that implement
    `add_reader()` or `sock_recv()`.

    Stateless; all instances are alike.
    """

    def run_token(self) -> object:
        """See `ConcurrencyBackend.run_token`; the running loop itself."""
        return asyncio.get_running_loop()

    def run_is_over(self, token: object) -> bool:
        return typing.cast("asyncio.AbstractEventLoop", token).is_closed()

    async def resolve(
        self, host: str, port: int, deadline: Deadline, resolver: Resolver | None = None
    ) -> list[Address]:
        call_in_run = asyncio.get_running_loop().call_soon_threadsafe
        return await resolve(host, port, deadline, resolver, AsyncioEvent, call_in_run)

    async def connect_tcp(
        self,
        addresses: collections.abc.Sequence[Address],
        peer: str,
        deadline: Deadline,
        config: ConnectConfig = DEFAULT_CONNECT,
        secure: Secure | None = None,
    ) -> NetworkStream:
        loop = asyncio.get_running_loop()
        kind: type[AsyncioStream] = ReadinessStream
        wait: Wait = functools.partial(_writable, loop)
        if _cannot_say_when_ready(loop):
            kind, wait = CompletionStream, _found_writable
        stream_over = functools.partial(kind, loop)
        return await connect(addresses, peer, deadline, config, secure, wait, stream_over, owned)

    async def run_blocking(self, function: collections.abc.Callable[[], T]) -> T:
        call_in_run = asyncio.get_running_loop().call_soon_threadsafe

        def start(done: Done[T]) -> None:
            in_thread("httpcore", function, done)

        answered = await answers(start, None, AsyncioEvent, call_in_run)
        if isinstance(answered[0], BaseException):
            raise typing.cast("BaseException", answered.pop())  # kept by no frame
        return answered[0]

    async def race(
        self, coroutine: collections.abc.Coroutine[typing.Any, typing.Any, T], rival: Rival
    ) -> T | None:
        try:
            awaited = coroutine.send(None)
        except StopIteration as done:
            return typing.cast("T", done.value)  # there was nothing to wait for
        over = False
        ours = asyncio.timeout(None)  # a way to be cancelled that is not taken for the caller's

        def give_up(_: object) -> None:
            if not over:
                ours.reschedule(0)

        beside = asyncio.get_running_loop().create_task(rival())
        beside.add_done_callback(give_up)
        result: T | None = None
        try:
            async with ours:
                result = await rest_of(coroutine, awaited)
        except TimeoutError:
            if not ours.expired():
                raise
        finally:
            over = True
            if not beside.done():
                beside.cancel()
                await asyncio.wait([beside])
            failed = not beside.cancelled() and beside.exception() is not None
        if failed:
            beside.result()
        return result

    def call_later(
        self, seconds: float, callback: collections.abc.Callable[[], None]
    ) -> collections.abc.Callable[[], object] | None:
        return asyncio.get_running_loop().call_later(seconds, callback).cancel

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    def event(self) -> Event:
        return AsyncioEvent()

    def guard(self) -> Guard:
        """
        See `ConcurrencyBackend.guard`.  Nothing interrupts a task between two awaits, so a guard
        that does nothing would do; but `contextlib.nullcontext` costs more than a lock.
        """
        return thread_guard()
