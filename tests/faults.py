"""What goes wrong at one point of an exchange, so that a sweep can try each of its points in turn.

`FaultyBackend` counts its waiting operations, and raises at one of them, or lets something else
happen there.  `Stepping` does so with the suspensions of a coroutine.  `interrupted()` sends a
signal to a thread that waits in the system.

A sweep tells of its points by pytest's `record_property(POINTS, number)`; their sum stands at the
end of each run.
"""

from __future__ import annotations

import collections.abc
import contextlib
import os
import signal
import sys
import threading
import time
import typing

from httpcore.backends.base import (
    Address,
    ConcurrencyBackend,
    Event,
    Guard,
    NetworkStream,
    Rival,
    Secure,
)
from httpcore.connect_config import DEFAULT_CONNECT, ConnectConfig, Resolver
from httpcore.deadline import Deadline
from tests.backends.kinds import meanwhile

if typing.TYPE_CHECKING:
    import socket
    import ssl

    from httpcore.exceptions import SSLError

T = typing.TypeVar("T")

POINTS = "points"

_BACKENDS = os.path.join("httpcore", "backends")


class FaultyBackend(ConcurrencyBackend):
    """
    `inner`, but its n-th waiting operation raises `fault`, or begins with calling it.

    * `count`: how many waiting operations there have been.
    * `streams`: every stream that was opened.
    """

    def __init__(
        self,
        inner: ConcurrencyBackend,
        fail_at: int,
        fault: BaseException | collections.abc.Callable[[], object],
    ) -> None:
        self.inner = inner
        self.fail_at = fail_at
        self.fault = fault
        self.count = 0
        self.streams: list[FaultyStream] = []

    def step(self) -> None:
        self.count += 1
        if self.count == self.fail_at:
            if isinstance(self.fault, BaseException):
                raise self.fault
            self.fault()

    def run_token(self) -> object:
        return self.inner.run_token()

    def run_is_over(self, token: object) -> bool:
        return self.inner.run_is_over(token)

    async def resolve(
        self, host: str, port: int, deadline: Deadline, resolver: Resolver | None = None
    ) -> list[Address]:
        self.step()
        return await self.inner.resolve(host, port, deadline, resolver)

    async def connect_tcp(
        self,
        addresses: collections.abc.Sequence[Address],
        peer: str,
        deadline: Deadline,
        config: ConnectConfig = DEFAULT_CONNECT,
        secure: Secure | None = None,
    ) -> NetworkStream:
        self.step()
        stream = FaultyStream(self, await self.inner.connect_tcp(addresses, peer, deadline, config))
        self.streams.append(stream)
        return stream if secure is None else await secure(stream)

    async def run_blocking(self, function: collections.abc.Callable[[], T]) -> T:
        self.step()
        return await self.inner.run_blocking(function)

    async def race(
        self, coroutine: collections.abc.Coroutine[typing.Any, typing.Any, T], rival: Rival
    ) -> T | None:
        return await self.inner.race(coroutine, rival)

    async def sleep(self, seconds: float) -> None:
        await self.inner.sleep(seconds)

    def event(self) -> Event:
        return FaultyEvent(self, self.inner.event())

    def guard(self) -> Guard:
        return self.inner.guard()


class FaultyEvent(Event):
    """An event whose wait may raise."""

    def __init__(self, backend: FaultyBackend, inner: Event) -> None:
        self._backend = backend
        self._inner = inner

    def set(self) -> None:
        self._inner.set()

    def is_set(self) -> bool:
        return self._inner.is_set()

    async def wait(self, seconds: float | None) -> bool:
        self._backend.step()
        return await self._inner.wait(seconds)


class FaultyStream(NetworkStream):
    """A stream whose reads and writes may raise."""

    def __init__(self, backend: FaultyBackend, inner: NetworkStream) -> None:
        self._backend = backend
        self._inner = inner
        self.peer = inner.peer

    async def read(self, deadline: Deadline) -> bytes:
        self._backend.step()
        return await self._inner.read(deadline)

    async def write(
        self,
        data: bytes | bytearray | memoryview,
        deadline: Deadline,
        until_readable: bool = False,
    ) -> bool:
        self._backend.step()
        return await self._inner.write(data, deadline, until_readable)

    async def write_parts(
        self,
        parts: collections.abc.Sequence[bytes | memoryview],
        deadline: Deadline,
        until_readable: bool = False,
    ) -> bool:
        self._backend.step()
        return await self._inner.write_parts(parts, deadline, until_readable)

    def write_available(self, data: bytes | bytearray | memoryview) -> bool:
        self._backend.step()
        return self._inner.write_available(data)

    def read_available(self) -> bytes | None:
        return self._inner.read_available()

    def watch(self, on_readable: collections.abc.Callable[[], None] | None) -> bool:
        return self._inner.watch(on_readable)

    def close(self) -> None:
        self._inner.close()

    @property
    def is_closed(self) -> bool:
        return self._inner.is_closed

    @property
    def socket(self) -> socket.socket | None:
        return self._inner.socket

    @property
    def ssl_object(self) -> ssl.SSLObject | None:
        return self._inner.ssl_object

    def refusal(self) -> SSLError | None:
        return self._inner.refusal()


class Stepping:
    """Awaits a coroutine, counts its suspensions, and calls `at_step` in the n-th one."""

    def __init__(
        self,
        coroutine: collections.abc.Coroutine[typing.Any, typing.Any, typing.Any],
        number: int,
        at_step: collections.abc.Callable[[], object],
    ) -> None:
        self._inner = coroutine
        self._number = number
        self._at_step = at_step
        self.steps = 0

    def __await__(self) -> collections.abc.Generator[typing.Any, typing.Any, typing.Any]:
        value: object = None
        error: BaseException | None = None
        while True:
            try:
                waiting_for = self._inner.send(value) if error is None else self._inner.throw(error)
            except StopIteration as done:
                return done.value
            self.steps += 1
            if self.steps == self._number:
                self._at_step()
            value = error = None
            try:
                value = yield waiting_for
            except BaseException as exc:
                error = exc


@contextlib.contextmanager
def interrupted(number: int) -> collections.abc.Iterator[None]:
    """Send the main thread a signal while it waits in a function of the library's backends."""
    with meanwhile(_interrupt, threading.main_thread().ident or 0, number):
        yield


def _interrupt(thread: int, number: int) -> None:
    ends_at = time.monotonic() + 10
    before: object = None
    while True:
        frame = sys._current_frames()[thread]
        now = frame.f_code, frame.f_lasti
        if now == before and _BACKENDS in frame.f_code.co_filename:
            break  # it has been there for a while
        assert time.monotonic() < ends_at, f"the main thread does not wait, but is in {frame}"
        before = now
        del frame
        time.sleep(0.05)
    signal.pthread_kill(thread, number)
