"""Byte streams over non-blocking sockets that an asyncio event loop watches.

asyncio's own transports are not used: one that outlives its loop cannot be closed without a
warning, and each has a protocol, a buffer and callbacks that a client has no use for.  The
stream owns its socket instead:

* Reading.  What arrives goes into a buffer, and then the one is told whom it concerns: `read()`, a
  write with `until_readable`, or the callback of `watch()`.  As bytes go through the buffer in any
  case, a read that is cancelled loses none.  When `_MAX_CHUNKS` are held that nobody has asked
  for, receiving stops until somebody does.
* Writing.  The socket is tried first.  What it does not take is sent when it becomes
  writable, also after `write()` was left.
* Limits.  One timer handle a stream.  An operation only notes when it has to end; the timer, when
  it fires, looks whether anybody still waits and arms itself again for the rest.  A limit counts
  only if a last look finds nothing: a loop that was blocked has not seen what came in.
* Ownership.  The loop holds a `_Tether`, which has the futures of those who wait: so a task that
  waits is reachable from the loop, and its stream from the task.  An idle stream that its
  owner drops is collected, and closes its socket.
* Closing touches the loop only from the loop's own thread, only in the process that opened the
  connection (a forked child shares the parent's epoll), and only while it is not closed.
"""

from __future__ import annotations

import abc
import asyncio
import collections.abc
import os
import socket
import time
import weakref
from asyncio.events import _get_running_loop

from ..deadline import Deadline
from ..exceptions import ReadError, ReadTimeout, WriteError, WriteTimeout
from .base import NetworkStream
from .sockets import (
    MIN_READ_BYTES,
    NOTHING,
    READING,
    WRITING,
    broken,
    closed_here,
    in_another_loop,
    next_read_bytes,
    send_parts,
)

# How many reads are held that nobody has asked for.
_MAX_CHUNKS = 4
# The loop gets a turn after so many bytes written without a wait: what a socket's buffer may take.
_BURST_BYTES = 4 * 1024 * 1024

_NEVER = float("inf")

Waiter = asyncio.Future[bool]
"""Its result: `True` if there is something to look at, `False` if the time is over."""


def wake(waiter: Waiter | None, reason: bool) -> None:
    """Settle `waiter`, unless that has happened (it may have been cancelled)."""
    if waiter is not None and not waiter.done():
        waiter.set_result(reason)


class _Tether(weakref.ref["AsyncioStream"]):
    """What the event loop holds of a stream: its waiters, but not the stream itself."""

    __slots__ = ("reader", "writer")

    def __init__(self, stream: AsyncioStream) -> None:
        self.reader: Waiter | None = None
        self.writer: Waiter | None = None

    def on_readable(self, _: object = None) -> None:
        stream = self()
        if stream is not None and stream._look():
            stream._tell()

    def on_writable(self, _: object = None) -> None:
        stream = self()
        if stream is not None:
            stream._on_writable()

    def on_timer(self) -> None:
        stream = self()
        if stream is not None:
            stream._on_timer()


class AsyncioStream(NetworkStream):
    """What both kinds of stream have in common; see the module."""

    __slots__ = (
        *("_loop", "_sock", "_fd", "_pid", "_closed", "_tether", "__weakref__"),
        *("_chunks", "_read_bytes", "_receiving", "_ended", "_read_error", "_on_idle"),
        *("_unsent", "_sending", "_write_error", "_until_readable", "_burst"),
        *("_timer", "_timer_at", "_read_ends", "_write_ends"),
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
        self._chunks: list[bytes] = []
        self._read_bytes = MIN_READ_BYTES
        self._receiving = False
        self._ended = False
        self._read_error: BaseException | None = None
        self._on_idle: collections.abc.Callable[[], None] | None = None
        # Writing.
        self._unsent = NOTHING
        self._sending = False
        self._write_error: BaseException | None = None
        self._until_readable = False
        self._burst = 0
        # Limits.
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = self._read_ends = self._write_ends = _NEVER

    # Reading.

    async def read(self, deadline: Deadline) -> bytes:
        limit = deadline.read
        if deadline.ends_at is not None:
            limit = deadline.within(limit)
            if limit is not None and limit <= 0:
                raise deadline.error(ReadTimeout, READING, self.peer)
        if not self._chunks and not self._ended:
            try:
                if not self._receiving:
                    self._start_receiving()
                if limit is not None:
                    self._read_ends = ends = time.monotonic() + limit
                    if ends < self._timer_at:
                        self._arm_timer(ends)
                waiter = self._tether.reader = self._loop.create_future()
                await waiter
            except (RuntimeError, TypeError) as error:  # of asyncio, of trio
                if _get_running_loop() is self._loop:
                    raise
                raise in_another_loop(READING, self.peer) from error
            finally:
                self._tether.reader = None
                self._read_ends = _NEVER
            if not self._chunks and not self._ended:
                raise deadline.error(ReadTimeout, READING, self.peer)
        return self._chunks.pop(0) if self._chunks else self._end_of_stream()

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
        if not self._chunks and not self._ended:
            self._glance()
        if self._chunks:
            return self._chunks.pop(0)
        return b"" if self._ended else None

    def watch(self, on_readable: collections.abc.Callable[[], None] | None) -> bool:
        self._on_idle = on_readable
        if on_readable is not None:
            if self._chunks or self._ended:
                self._loop.call_soon(self._tell)
            elif not self._receiving:
                self._start_receiving()
        return True

    def _keep(self, data: bytes, error: BaseException | None = None) -> None:
        """Keep what was received; `b""` is the end, by an `error` if there is one."""
        if data:
            self._chunks.append(data)
            self._read_bytes = next_read_bytes(self._read_bytes, len(data))
            if len(self._chunks) == _MAX_CHUNKS:
                self._stop_receiving()
        else:
            self._ended = True
            self._read_error = error
            self._stop_receiving()

    def _tell(self) -> None:
        """Tell the one whom it concerns most that there is something to read."""
        reader = self._tether.reader
        if reader is not None and not reader.done():
            reader.set_result(True)
        elif self._until_readable:
            wake(self._tether.writer, True)
        elif self._on_idle is not None:
            self._on_idle()

    # Writing.

    async def write(
        self,
        data: bytes | bytearray | memoryview,
        deadline: Deadline,
        until_readable: bool = False,
    ) -> bool:
        if deadline.ends_at is not None and time.monotonic() >= deadline.ends_at:
            self._unsent = memoryview(b"".join((self._unsent, data)))
            if self._unsent and not self._sending:
                self._start_sending()
            raise deadline.error(WriteTimeout, WRITING, self.peer)
        if self._unsent:
            self._unsent = memoryview(b"".join((self._unsent, data)))
        else:
            sent = self._send(data)
            if sent == (data.nbytes if isinstance(data, memoryview) else len(data)):
                self._burst += sent
                if self._burst >= _BURST_BYTES:
                    await self._take_turns()
                return True
            self._unsent = memoryview(data).cast("B")[sent:]
        try:
            return await self._flush(deadline, until_readable)
        finally:
            if not self._unsent.readonly:  # the caller may change what it gave us
                self._unsent = memoryview(bytes(self._unsent))

    def write_available(self, data: bytes | bytearray | memoryview) -> bool:
        if self._closed or self._write_error is not None:
            raise self._cannot_write(self._write_error) from self._write_error
        if not self._unsent:
            data = memoryview(data).cast("B")
            data = data[self._send(data) :]
        self._unsent = memoryview(b"".join((self._unsent, data)))
        if self._unsent and not self._sending:
            self._start_sending()
        return not self._unsent

    def _send(self, data: bytes | bytearray | memoryview) -> int:
        """Send what the socket takes at once; how many bytes that was."""
        try:
            return self._sock.send(data)
        except BlockingIOError:
            return 0
        except OSError as error:
            raise self._cannot_write(error) from error

    async def write_parts(
        self,
        parts: collections.abc.Sequence[bytes | memoryview],
        deadline: Deadline,
        until_readable: bool = False,
    ) -> bool:
        is_over = deadline.ends_at is not None and time.monotonic() >= deadline.ends_at
        if self._unsent or is_over:
            return await self.write(b"".join(parts), deadline, until_readable)
        try:
            sent = send_parts(self._sock, parts)
        except BlockingIOError:
            sent = 0
        except OSError as error:
            raise self._cannot_write(error) from error
        if sent == sum(map(len, parts)):
            self._burst += sent
            if self._burst >= _BURST_BYTES:
                await self._take_turns()
            return True
        self._unsent = memoryview(b"".join(parts))[sent:]
        return await self._flush(deadline, until_readable)

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
            woken = await self._progress(deadline.within(deadline.write), until_readable)
            if not woken and len(self._unsent) == left:
                raise deadline.error(WriteTimeout, WRITING, self.peer)
        self._burst = 0
        return True

    async def _progress(self, limit: float | None, until_readable: bool) -> bool:
        if limit is not None:
            self._write_ends = ends = time.monotonic() + limit
            if ends < self._timer_at:
                self._arm_timer(ends)
        self._until_readable = until_readable
        waiter: Waiter = self._loop.create_future()
        self._tether.writer = waiter
        try:
            return await waiter
        finally:
            self._tether.writer = None
            self._until_readable = False
            self._write_ends = _NEVER

    def _sent(self, count: int, error: BaseException | None = None) -> None:
        """Note that `count` bytes of what was unsent are gone, or that they never will be."""
        self._unsent = self._unsent[count:] or NOTHING  # of which no part of the caller's is kept
        self._write_error = error
        if error is not None or not self._unsent:
            self._stop_sending()
        wake(self._tether.writer, True)

    def _cannot_write(self, error: BaseException | None) -> BaseException:
        if self._closed:
            return closed_here(WriteError, WRITING, self.peer)
        if isinstance(error, OSError):
            return broken(WriteError, WRITING, self.peer, error)
        assert error is not None
        return error

    async def _take_turns(self) -> None:
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
            self._look_for_room()
            wake(self._tether.writer, False)
        ends = min(end for end in (self._read_ends, self._write_ends, _NEVER) if end > now)
        if ends < _NEVER:
            self._arm_timer(ends)

    # Closing.

    def close(self) -> None:
        if not self._closed:
            self._shut(_get_running_loop() is self._loop)

    def __del__(self) -> None:
        if self._closed:
            self._sock.close()  # in case the loop ended before `_release()`
        else:
            # This runs on whatever line allocates, perhaps in the middle of the loop's bookkeeping.
            self._shut(in_loop=False)

    def _shut(self, in_loop: bool) -> None:
        self._closed = True
        self._on_idle = None
        try:
            if os.getpid() != self._pid or self._loop.is_closed():
                self._ended = True
                self._sock.close()
            elif in_loop or not self._loop.is_running():
                self._release()
            else:
                self._loop.call_soon_threadsafe(self._release)
        except RuntimeError:  # the loop was closed in this moment
            self._ended = True
            self._sock.close()

    def _release(self) -> None:
        self._chunks.clear()
        self._ended = True
        if self._timer is not None:
            self._timer.cancel()
        self._stop_receiving()
        self._stop_sending()
        self._sock.close()
        wake(self._tether.reader, True)
        wake(self._tether.writer, True)

    @property
    def is_closed(self) -> bool:
        return self._closed

    @property
    def socket(self) -> socket.socket | None:
        return self._sock

    # What the kinds of loop do each in their way.

    @abc.abstractmethod
    def _glance(self) -> None:
        """`_look()`, where most likely there is nothing."""

    @abc.abstractmethod
    def _start_receiving(self) -> None:
        """Have the tether's `on_readable` called when something arrives."""

    @abc.abstractmethod
    def _stop_receiving(self) -> None: ...

    @abc.abstractmethod
    def _start_sending(self) -> None:
        """Have its `on_writable` called when more of what is unsent can be sent, or was."""

    @abc.abstractmethod
    def _stop_sending(self) -> None: ...

    @abc.abstractmethod
    def _on_writable(self) -> None:
        """Send what can be sent, and note it by `_sent()`."""

    def _look_for_room(self) -> None:
        """Do what `_on_writable()` does if the loop has not come to it yet."""
        self._on_writable()

    def _look(self) -> bool:
        """Receive what is there without waiting; whether something was."""
        try:
            data = self._sock.recv(self._read_bytes)
        except BlockingIOError:
            return False
        except Exception as error:
            self._keep(b"", error)
        else:
            self._keep(data)
        return True
