"""The blocking backend: what `Client` runs on.

Its coroutines never suspend.  `driver.run_sync` sends each chain of them one `None`, and every
wait in it is a system call in the calling thread.

Sockets are non-blocking and waits are `poll` calls with a time limit: `settimeout` would cost an
`ioctl` whenever the limit changes, and `select` fails on descriptors over 1,023.  A poll
object keeps its registration but serves one thread at a time, so a stream has one for
each direction.

Closing from another thread: `shutdown` wakes a thread that waits in `poll`, but the number
of a closed descriptor may be given to another socket while that thread is on its way into
`poll`.  So a stream that is in use is shut down only, and whoever uses it closes it on
leaving.  `_reading` and `_writing` are set before `_closed` is looked at, `close()`
sets `_closed` before it looks at them: at least one of the two sees the other.
"""

from __future__ import annotations

import collections.abc
import os
import socket
import threading
import time
import typing

from ..connect_config import DEFAULT_CONNECT, ConnectConfig, Resolver
from ..deadline import Deadline
from ..exceptions import ReadError, ReadTimeout, WriteError, WriteTimeout
from ..forks import in_each_child
from . import polling
from .base import Address, ConcurrencyBackend, Event, Guard, NetworkStream, Secure
from .happy_eyeballs import Sockets, connect
from .lookups import resolve
from .sockets import (
    MIN_READ_BYTES,
    NOTHING,
    READING,
    WRITING,
    broken,
    closed_here,
    next_read_bytes,
    send_parts,
)

T = typing.TypeVar("T")


class SyncStream(NetworkStream):
    """A connected socket; one reading and one writing thread at a time."""

    __slots__ = (
        "_socket",
        "_process",
        "_closed",
        "_reading",
        "_writing",
        "_read_size",
        "_more_is_there",
        "_wait_readable",
        "_wait_writable",
        "_wait_either",
        "_unsent",
    )

    def __init__(self, sock: socket.socket, peer: str) -> None:
        """Own `sock`, which is connected and non-blocking."""
        self.peer = peer
        self._socket = sock
        self._process = os.getpid()
        self._closed = False
        self._reading = False
        self._writing = False
        self._read_size = MIN_READ_BYTES
        self._more_is_there = False
        self._wait_readable = polling.waiter(polling.READABLE, sock)
        self._wait_writable: polling.Waiter | None = None
        self._wait_either: polling.Waiter | None = None
        self._unsent = NOTHING

    async def read(self, deadline: Deadline) -> bytes:
        self._reading = True
        try:
            if self._closed:
                raise closed_here(ReadError, READING, self.peer)
            seconds = deadline.within(deadline.read)
            if seconds is not None and seconds <= 0:
                raise deadline.error(ReadTimeout, READING, self.peer)
            # A response is hardly ever there yet: a recv() that fails costs more than a
            # poll().  Only after a read that filled its buffer is the next one worth a try.
            data = self._receive() if self._more_is_there else None
            while data is None:
                if not self._wait_readable(polling.milliseconds(seconds)):
                    raise deadline.error(ReadTimeout, READING, self.peer)
                data = self._receive()
            if not data and self._closed:
                raise closed_here(ReadError, READING, self.peer)
            return data
        finally:
            self._reading = False
            if self._closed:
                self._socket.close()

    def _receive(self) -> bytes | None:
        size = self._read_size
        try:
            data = self._socket.recv(size)
        except BlockingIOError:
            self._more_is_there = False
            return None
        except OSError as error:
            if self._closed:
                return b""
            raise broken(ReadError, READING, self.peer, error) from error
        self._more_is_there = len(data) == size
        self._read_size = next_read_bytes(size, len(data))
        return data

    async def write(
        self,
        data: bytes | bytearray | memoryview,
        deadline: Deadline,
        until_readable: bool = False,
    ) -> bool:
        self._writing = True
        try:
            if self._closed:
                raise closed_here(WriteError, WRITING, self.peer)
            seconds = deadline.within(deadline.write)
            if seconds is not None and seconds <= 0:
                self._put_behind(data)
                raise deadline.error(WriteTimeout, WRITING, self.peer)
            if type(data) is bytes and not self._unsent:
                sent = self._send(data)
                if sent == len(data):
                    return True
                self._unsent = memoryview(data)[sent:]
            else:
                self._put_behind(data)
            while not self._send_unsent():
                if self._wait_to_send(deadline, until_readable):
                    return False
            return True
        finally:
            self._end_write()

    async def write_parts(
        self,
        parts: collections.abc.Sequence[bytes | memoryview],
        deadline: Deadline,
        until_readable: bool = False,
    ) -> bool:
        sent = 0
        self._writing = True
        try:
            seconds = deadline.within(deadline.write)
            if not (self._closed or self._unsent or (seconds is not None and seconds <= 0)):
                sent = send_parts(self._socket, parts)
                if sent == sum(map(len, parts)):
                    return True
        except BlockingIOError:
            pass
        except OSError as error:
            raise self._cannot_write(error) from error
        finally:
            self._end_write()
        return await self.write(memoryview(b"".join(parts))[sent:], deadline, until_readable)

    def write_available(self, data: bytes | bytearray | memoryview) -> bool:
        self._writing = True
        try:
            if self._closed:
                raise closed_here(WriteError, WRITING, self.peer)
            self._put_behind(data)
            return self._send_unsent()
        finally:
            self._end_write()

    def _put_behind(self, data: bytes | bytearray | memoryview) -> None:
        if self._unsent:
            data = b"".join((self._unsent, data))
        self._unsent = memoryview(data).cast("B")

    def _end_write(self) -> None:
        if not self._unsent.readonly:  # the caller may change what it gave us
            self._unsent = memoryview(bytes(self._unsent))
        self._writing = False
        if self._closed:
            self._socket.close()

    def _send_unsent(self) -> bool:
        """Send what the socket takes; whether that was all."""
        self._unsent = self._unsent[self._send(self._unsent) :] or NOTHING
        return not self._unsent

    def _send(self, data: bytes | memoryview) -> int:
        try:
            return self._socket.send(data)
        except BlockingIOError:
            return 0
        except OSError as error:
            raise self._cannot_write(error) from error

    def _cannot_write(self, error: OSError) -> WriteError:
        if self._closed:
            return closed_here(WriteError, WRITING, self.peer)
        return broken(WriteError, WRITING, self.peer, error)

    def _wait_to_send(self, deadline: Deadline, until_readable: bool) -> bool:
        """Wait until the socket takes more; whether there is something to read, if asked."""
        if until_readable:
            if self._wait_either is None:
                self._wait_either = polling.waiter(
                    polling.READABLE | polling.WRITABLE, self._socket
                )
            wait = self._wait_either
        else:
            if self._wait_writable is None:
                self._wait_writable = polling.waiter(polling.WRITABLE, self._socket)
            wait = self._wait_writable
        seconds = deadline.within(deadline.write)
        happened = wait(polling.milliseconds(seconds)) if seconds is None or seconds > 0 else None
        if not happened:
            raise deadline.error(WriteTimeout, WRITING, self.peer)
        # Hang-up and error count as readable: what came before them has to be read.
        return until_readable and happened[0][1] != polling.WRITABLE

    def read_available(self) -> bytes | None:
        self._reading = True
        try:
            # Nothing is what is expected, and poll() says so for less than recv() does.
            if self._closed or self._more_is_there or self._wait_readable(0):
                return self._receive()
            return None
        except ReadError:
            return b""
        finally:
            self._reading = False
            if self._closed:
                self._socket.close()

    def watch(self, on_readable: collections.abc.Callable[[], None] | None) -> bool:
        return False

    def close(self) -> None:
        self._closed = True
        if self._process != os.getpid():
            # Inherited by fork(): a shutdown would end the parent's connection.
            self._socket.close()
            return
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # closed before, or the peer is gone
        if not self._reading and not self._writing:
            self._socket.close()

    @property
    def is_closed(self) -> bool:
        return self._closed

    @property
    def socket(self) -> socket.socket:
        return self._socket


async def _writable(socks: Sockets, seconds: float | None) -> Sockets:
    return polling.writable(socks, polling.milliseconds(seconds))


class SyncEvent(Event):
    """An event on one raw lock, held until it is set: `threading.Event` costs 20 times more."""

    __slots__ = ("_is_set", "_lock")

    def __init__(self) -> None:
        self._is_set = False
        self._lock = threading.Lock()
        self._lock.acquire()

    def set(self) -> None:
        self._is_set = True
        self._let_pass()

    def is_set(self) -> bool:
        return self._is_set

    async def wait(self, seconds: float | None) -> bool:
        if not self._is_set:
            limit = -1 if seconds is None else min(max(seconds, 0), threading.TIMEOUT_MAX)
            if self._lock.acquire(timeout=limit):
                self._let_pass()  # the next waiter
        return self._is_set

    def _let_pass(self) -> None:
        try:
            self._lock.release()
        except RuntimeError:
            pass  # another thread did so in the same moment


def _call(function: collections.abc.Callable[[], object]) -> None:
    function()  # any thread may set an event


class _Process:
    """
    The run of blocking code: all threads of a process.

    A forked child is another one: what its parent's threads were about, nobody in it will finish.
    """

    token = object()

    @classmethod
    def after_fork(cls) -> None:
        cls.token = object()


in_each_child(_Process.after_fork)


class SyncBackend(ConcurrencyBackend):
    """Blocking sockets, for `Client`.  Stateless; threads may share it."""

    is_async = False

    def run_token(self) -> object:
        return _Process.token

    def run_is_over(self, token: object) -> bool:
        return token is not _Process.token

    async def resolve(
        self, host: str, port: int, deadline: Deadline, resolver: Resolver | None = None
    ) -> list[Address]:
        return await resolve(host, port, deadline, resolver, SyncEvent, _call)

    async def connect_tcp(
        self,
        addresses: collections.abc.Sequence[Address],
        peer: str,
        deadline: Deadline,
        config: ConnectConfig = DEFAULT_CONNECT,
        secure: Secure | None = None,
    ) -> NetworkStream:
        return await connect(addresses, peer, deadline, config, secure, _writable, SyncStream)

    async def run_blocking(self, function: collections.abc.Callable[[], T]) -> T:
        return function()

    async def sleep(self, seconds: float) -> None:
        time.sleep(seconds)

    def event(self) -> SyncEvent:
        return SyncEvent()

    def guard(self) -> Guard:
        return threading.Lock()
