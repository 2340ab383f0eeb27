"""Byte streams over non-blocking sockets that an asyncio event loop watches.

asyncio's own transports are not used: one that outlives its loop cannot be closed without a
warning, and each has a protocol, a buffer and callbacks that a client has no use for.  The
stream owns its socket instead:

* Reading.  From its creation on the loop watches the socket, in one registration that stays.
  What arrives is put into a buffer, and whoever waits is woken: `read()`, a write with
  `until_readable`, or else the callback of `watch()`.  As bytes go through the buffer in any
  case, a read that is cancelled loses none.  When `_MAX_CHUNKS` are held that nobody wants, the
  watching ends until somebody does.
* Writing.  The socket is tried first.  What it does not take is sent when it becomes
  writable, also after `write()` was left.
* Limits.  One timer handle a stream.  An operation only notes when it has to end; the timer, when it
  fires, looks whether anybody still waits and arms itself again for the rest.  A limit counts only
  if a last look at the socket finds nothing: a loop that was blocked has not seen what came in.
* Ownership.  The loop holds a `_Tether`, which holds a stream only while somebody waits for it: the
  task that waits is then reachable from the loop.  An idle stream that its owner drops is collected, and
  closes its socket on the loop's next turn.
* Closing touches the loop only from the loop's own thread, only in the process that opened the
  connection (a forked child shares the parent's epoll), and only while it is not closed.

`ReadinessStream` is for loops that report when a socket is ready, `CompletionStream` for those that
only report when an operation is complete (Proactor, the default on Windows).
"""

from __future__ import annotations

import asyncio
import collections
import collections.abc
import os
import socket
import time
import weakref
from asyncio.events import _get_running_loop

from ..deadline import Deadline
from ..exceptions import ReadError, ReadTimeout, WriteError, WriteTimeout
from .base import NetworkStream
from .sockets import READING, WRITING, broken, closed_here

# A read asks for this much at first, and for more once one came back full.
_MIN_READ_BYTES = 64 * 1024
_MAX_READ_BYTES = 256 * 1024
# How many reads are held that nobody has asked for.
_MAX_CHUNKS = 4
# Writes of this size and more let the loop have a turn when they have sent `_BURST_BYTES` without one.
_LARGE_WRITE_BYTES = 32 * 1024
_BURST_BYTES = 1024 * 1024
# What one completion-based send is given.
_SEND_BYTES = 64 * 1024

_NEVER = float("inf")
_NOTHING = memoryview(b"")

Waiter = asyncio.Future[bool]
"""Its result: `True` if there is something to look at, `False` if the time is over."""


def wake(waiter: Waiter | None, reason: bool) -> None:
    """Settle `waiter`, unless that has happened (it may have been cancelled)."""
    if waiter is not None and not waiter.done():
        waiter.set_result(reason)


class _Tether:
    """What the event loop holds of a stream: its waiters, but not the stream itself."""

    __slots__ = ("stream", "reader", "writer")

    def __init__(self, stream: AsyncioStream) -> None:
        self.stream = weakref.ref(stream)
        self.reader: Waiter | None = None
        self.writer: Waiter | None = None

    def on_readable(self) -> None:
        stream = self.stream()
        if stream is not None:
            stream._on_readable()

    def on_writable(self) -> None:
        stream = self.stream()
        if stream is not None:
            stream._on_writable()

    def on_timer(self) -> None:
        stream = self.stream()
        if stream is not None:
            stream._on_timer()


class AsyncioStream(NetworkStream):
    """What both kinds of stream have in common; see the module."""

    __slots__ = (
        "peer",
        "_loop",
        "_sock",
        "_fd",
        "_pid",
        "_closed",
        "_tether",
        "_chunks",
        "_read_bytes",
        "_receiving",
        "_ended",
        "_read_error",
        "_on_idle",
        "_unsent",
        "_sending",
        "_write_error",
        "_until_readable",
        "_burst",
        "_timer",
        "_timer_at",
        "_read_ends",
        "_write_ends",
        "__weakref__",
    )

    def __init__(self, loop: asyncio.AbstractEventLoop, sock: socket.socket, peer: str) -> None:
        self.peer = peer
        self._loop = loop
        self._sock = sock
        self._fd = sock.fileno()
        self._pid = os.getpid()
        self._closed = False
        self._tether = _Tether(self)
        # Reading.
        self._chunks: collections.deque[bytes] = collections.deque()
        self._read_bytes = _MIN_READ_BYTES
        self._receiving = False
        self._ended = False
        self._read_error: Exception | None = None
        self._on_idle: collections.abc.Callable[[], None] | None = None
        # Writing.
        self._unsent = _NOTHING
        self._sending = False
        self._write_error: Exception | None = None
        self._until_readable = False
        self._burst = 0
        # Limits.
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = self._read_ends = self._write_ends = _NEVER

    # Reading.

    async def read(self, deadline: Deadline) -> bytes:
        """See `NetworkStream.read`."""
        limit = deadline.read
        if deadline.ends_at is not None:
            limit = deadline.within(limit)
            if limit is not None and limit <= 0:
                raise deadline.error(ReadTimeout, READING, self.peer)
        if not self._chunks and not self._ended:
            if not self._receiving:
                self._start_receiving()
            if limit is not None:
                self._read_ends = ends = time.monotonic() + limit
                if ends < self._timer_at:
                    self._arm_timer(ends)
            waiter = self._tether.reader = self._loop.create_future()
            try:
                await waiter
            finally:
                self._tether.reader = None
                self._read_ends = _NEVER
            if not self._chunks and not self._ended:
                raise deadline.error(ReadTimeout, READING, self.peer)
        return self._chunks.popleft() if self._chunks else self._end_of_stream()

    def _end_of_stream(self) -> bytes:
        if self._closed:
            raise closed_here(ReadError, READING, self.peer)
        error = self._read_error
        if error is None:
            return b""
        if isinstance(error, OSError):
            raise broken(ReadError, READING, self.peer, error) from error
        raise error

    def read_available(self) -> bytes | None:
        """See `NetworkStream.read_available`."""
        if not self._chunks and not self._ended:
            self._look()
        if self._chunks:
            return self._chunks.popleft()
        return b"" if self._ended else None

    def watch(self, on_readable: collections.abc.Callable[[], None] | None) -> bool:
        """See `NetworkStream.watch`."""
        self._on_idle = on_readable
        if on_readable is not None:
            if self._chunks or self._ended:
                self._loop.call_soon(self._tell_watcher)
            elif not self._receiving:
                self._start_receiving()
        return True

    def _tell_watcher(self) -> None:
        if self._on_idle is not None:
            self._on_idle()

    def _arrived(self, data: bytes, error: Exception | None = None) -> None:
        """Keep what was received, `b""` being the end, and tell one who is interested."""
        if data:
            self._chunks.append(data)
            if len(data) == self._read_bytes:
                self._read_bytes = _MAX_READ_BYTES
            if len(self._chunks) == _MAX_CHUNKS:
                self._stop_receiving()
        else:
            self._ended = True
            self._read_error = error
            self._stop_receiving()
        tether = self._tether
        if tether.reader is not None:
            wake(tether.reader, True)
        elif self._until_readable:
            wake(tether.writer, True)
        elif self._on_idle is not None:
            self._on_idle()

    # Writing.

    async def write(
        self,
        data: bytes | bytearray | memoryview,
        deadline: Deadline,
        until_readable: bool = False,
    ) -> bool:
        """See `NetworkStream.write`."""
        if deadline.ends_at is not None and time.monotonic() >= deadline.ends_at:
            raise deadline.error(WriteTimeout, WRITING, self.peer)
        if self._unsent or self._write_error is not None:
            self._unsent = memoryview(b"".join((self._unsent, data)))
        else:
            try:
                sent = self._sock.send(data)
            except (BlockingIOError, InterruptedError):
                sent = 0
            except OSError as error:
                raise self._cannot_write(error) from error
            if sent == (data.nbytes if isinstance(data, memoryview) else len(data)):
                if sent >= _LARGE_WRITE_BYTES:
                    await self._take_turns(sent)
                return True
            self._unsent = memoryview(data).cast("B")[sent:]
        try:
            return await self._flush(deadline, until_readable)
        finally:
            if not self._unsent.readonly:  # the caller may change what it gave us
                self._unsent = memoryview(bytes(self._unsent))

    async def _flush(self, deadline: Deadline, until_readable: bool) -> bool:
        while self._unsent:
            if self._closed or self._write_error is not None:
                raise self._cannot_write(self._write_error) from self._write_error
            if until_readable and (self._chunks or self._ended):
                return False
            if until_readable and not self._receiving:
                self._start_receiving()
            left = len(self._unsent)
            if not self._sending:
                self._start_sending()
            in_time = await self._progress(deadline.within(deadline.write), until_readable)
            if not in_time and len(self._unsent) == left:
                raise deadline.error(WriteTimeout, WRITING, self.peer)
        self._burst = 0
        return True

    async def _progress(self, limit: float | None, until_readable: bool) -> bool:
        if limit is not None:
            self._write_ends = ends = time.monotonic() + limit
            if ends < self._timer_at:
                self._arm_timer(ends)
        self._until_readable = until_readable
        waiter = self._tether.writer = self._loop.create_future()
        try:
            return await waiter
        finally:
            self._tether.writer = None
            self._until_readable = False
            self._write_ends = _NEVER

    def _sent(self, count: int, error: Exception | None = None) -> None:
        """Note that `count` bytes of what was unsent are gone, or that they never will be."""
        self._unsent = self._unsent[count:]
        self._write_error = error
        if error is not None or not self._unsent:
            self._stop_sending()
        wake(self._tether.writer, True)

    def _cannot_write(self, error: Exception | None) -> Exception:
        if self._closed:
            return closed_here(WriteError, WRITING, self.peer)
        if isinstance(error, OSError):
            return broken(WriteError, WRITING, self.peer, error)
        assert error is not None
        return error

    async def _take_turns(self, sent: int) -> None:
        self._burst += sent
        if self._burst >= _BURST_BYTES:
            self._burst = 0
            await asyncio.sleep(0)

    # Limits.

    def _arm_timer(self, ends: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer_at = ends
        self._timer = self._loop.call_later(ends - time.monotonic(), self._tether.on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        self._timer_at = _NEVER
        now = time.monotonic()
        if self._read_ends <= now:
            self._look()
            wake(self._tether.reader, False)
        if self._write_ends <= now:
            self._push()
            wake(self._tether.writer, False)
        ends = min(
            end for end in (self._read_ends, self._write_ends, _NEVER) if end > now
        )
        if ends < _NEVER:
            self._arm_timer(ends)
