"""A backend without a network, for tests: what each peer sends is written down beforehand.

It never waits, so one test runs in a coroutine on any event loop and under `run_sync()`, and takes
the same steps each time.  Where another backend would wait in vain, the limit counts as passed.

    backend = ScriptedBackend([[b"HTTP/1.1 204 No Content\\r\\n\\r\\n", b""]])
    ...
    assert backend.streams[0].written == b"GET / HTTP/1.1\\r\\nHost: ..."

To fail at each step in turn: run once, look at `backend.steps`, and run again with each `fail_at`
from 1 to that.
"""

from __future__ import annotations

import collections
import collections.abc
import contextlib
import socket
import typing

from ..connect_config import DEFAULT_CONNECT, ConnectConfig, Resolver
from ..deadline import Deadline
from ..exceptions import ReadError, ReadTimeout, RequestException, WriteError, WriteTimeout
from .base import Address, ConcurrencyBackend, Event, Guard, NetworkStream, Secure
from .sockets import READING, WRITING, broken, closed_here, connect_error, ip_address_of

T = typing.TypeVar("T")

Piece = bytes | BaseException
"""What one read gives: bytes, `b""` for the end, or what it raises (`OSError` as `ReadError`)."""


class Arrived(typing.NamedTuple):
    """
    A piece that is there before anybody waits for it, so that `read_available()` has it too.

    * `after`: how many bytes the peer has to have been sent first.
    """

    piece: Piece
    after: int = 0


Script = collections.abc.Iterable[Piece | Arrived]
"""What a peer sends, read by read; then it is silent.  The end and a broken connection last."""


class ScriptedStream(NetworkStream):
    """
    A connection to a peer that has a script.

    * `writes`: what was sent, write by write.
    * `max_written`: the peer takes so many bytes and no more; `None` for any number.
    """

    def __init__(self, backend: ScriptedBackend, script: Script, peer: str) -> None:
        self.peer = peer
        self.writes: list[bytes] = []
        self.max_written = backend.max_written
        self._backend = backend
        self._script = collections.deque(script)
        self._unsent = b""
        self._written_bytes = 0
        self._closed = False
        self._on_readable: collections.abc.Callable[[], None] | None = None

    @property
    def written(self) -> bytes:
        """All that was sent."""
        return b"".join(self.writes)

    def arrive(self, piece: Piece) -> None:
        """Let the peer send `piece` now, behind what it has sent; whoever watches is told."""
        self._script.append(Arrived(piece))
        if self._on_readable is not None:
            self._on_readable()

    async def read(self, deadline: Deadline) -> bytes:
        """See `NetworkStream.read`; raises `ReadTimeout` where the peer is silent."""
        self._backend.step()
        if self._closed:
            raise closed_here(ReadError, READING, self.peer)
        if self._script and not isinstance(self._script[0], Arrived):
            self._script[0] = Arrived(self._script[0])
        if not self._has_arrived():
            raise deadline.error(ReadTimeout, READING, self.peer)
        piece = self._take()
        if isinstance(piece, bytes):
            return piece
        if _is_of_the_system(piece):
            raise broken(ReadError, READING, self.peer, piece) from piece
        raise piece

    def read_available(self) -> bytes | None:
        """See `NetworkStream.read_available`; has what is scripted as `Arrived`."""
        if self._closed:
            return b""
        if not self._has_arrived():
            return None
        piece = self._take()
        return piece if isinstance(piece, bytes) else b""

    def _has_arrived(self) -> bool:
        first = next(iter(self._script), None)
        return isinstance(first, Arrived) and self._written_bytes >= first.after

    def _take(self) -> Piece:
        first = self._script[0]
        assert isinstance(first, Arrived)
        if first.piece and not _is_of_the_system(first.piece):
            self._script.popleft()
        return first.piece

    async def write(
        self,
        data: bytes | bytearray | memoryview,
        deadline: Deadline,
        until_readable: bool = False,
    ) -> bool:
        """See `NetworkStream.write`; raises `WriteTimeout` where the peer takes no more."""
        if self.write_available(data):
            return True
        if until_readable and self._has_arrived():
            return False
        raise deadline.error(WriteTimeout, WRITING, self.peer)

    def write_available(self, data: bytes | bytearray | memoryview) -> bool:
        """See `NetworkStream.write_available`."""
        self._backend.step()
        if self._closed:
            raise closed_here(WriteError, WRITING, self.peer)
        self._unsent += data
        room = len(self._unsent)
        if self.max_written is not None:
            room = min(room, self.max_written - self._written_bytes)
        if room:
            self.writes.append(self._unsent[:room])
            self._written_bytes += room
            self._unsent = self._unsent[room:]
        return not self._unsent

    def watch(self, on_readable: collections.abc.Callable[[], None] | None) -> bool:
        """See `NetworkStream.watch`; called by `arrive()`."""
        self._on_readable = on_readable
        return True

    def close(self) -> None:
        self._closed = True
        self._on_readable = None

    @property
    def is_closed(self) -> bool:
        return self._closed

    @property
    def socket(self) -> socket.socket | None:
        """There is none."""
        return None


class ScriptedEvent(Event):
    """An event for which nobody waits."""

    def __init__(self, backend: ScriptedBackend) -> None:
        self._backend = backend
        self._is_set = False

    def set(self) -> None:
        self._is_set = True

    def is_set(self) -> bool:
        return self._is_set

    async def wait(self, seconds: float | None) -> bool:
        self._backend.step()
        if not self._is_set and seconds is None:
            raise RuntimeError("this event is not set, so a wait without a limit would never end")
        return self._is_set


class ScriptedBackend(ConcurrencyBackend):
    """
    Connects to peers that follow scripts.

    * `scripts`: one for each connection, in the order in which they are opened; or an error, which
      the connecting raises (an `OSError` as `ConnectError`).
    * `fail_at`, `error`: the step with this number, counted from 1, raises `error` in place of what
      it would do.  Steps are resolving, connecting, reads, writes, blocking calls, sleeps, waits.
    * `max_written`: how many bytes each peer takes; `None` for any number.

    It records `steps`, how many there have been; `streams`; `resolved`, the hosts that were looked
    up; and `slept`, in seconds.
    """

    def __init__(
        self,
        scripts: collections.abc.Iterable[Script | BaseException] = (),
        *,
        fail_at: int | None = None,
        error: BaseException | None = None,
        max_written: int | None = None,
    ) -> None:
        if (fail_at is None) is not (error is None):
            raise TypeError("fail_at and error are given together")
        self.steps = 0
        self.streams: list[ScriptedStream] = []
        self.resolved: list[str] = []
        self.slept: list[float] = []
        self.max_written = max_written
        self._scripts = collections.deque(scripts)
        self._fail_at = fail_at
        self._error = error

    def step(self) -> None:
        """Count a step, and fail if it is the one that fails."""
        self.steps += 1
        if self.steps == self._fail_at:
            assert self._error is not None
            raise self._error

    def run_token(self) -> object:
        return ScriptedBackend

    def run_is_over(self, token: object) -> bool:
        return False

    async def resolve(
        self, host: str, port: int, deadline: Deadline, resolver: Resolver | None = None
    ) -> list[Address]:
        """See `ConcurrencyBackend.resolve`; every name stands for the same one address."""
        self.step()
        self.resolved.append(host)
        return [ip_address_of(host, port) or Address(socket.AF_INET, ("192.0.2.1", port))]

    async def connect_tcp(
        self,
        addresses: collections.abc.Sequence[Address],
        peer: str,
        deadline: Deadline,
        config: ConnectConfig = DEFAULT_CONNECT,
        secure: Secure | None = None,
    ) -> NetworkStream:
        """See `ConcurrencyBackend.connect_tcp`; knows one address only, the first."""
        self.step()
        if not self._scripts:
            raise AssertionError(f"no script is left for a connection to {peer}")
        script = self._scripts.popleft()
        if isinstance(script, BaseException):
            if _is_of_the_system(script):
                raise connect_error(peer, addresses[0], script) from script
            raise script
        stream = ScriptedStream(self, script, peer)
        self.streams.append(stream)
        return stream if secure is None else await secure(stream)

    async def run_blocking(self, function: collections.abc.Callable[[], T]) -> T:
        self.step()
        return function()

    async def sleep(self, seconds: float) -> None:
        """See `ConcurrencyBackend.sleep`; only notes it."""
        self.step()
        self.slept.append(seconds)

    def event(self) -> Event:
        return ScriptedEvent(self)

    def guard(self) -> Guard:
        """See `ConcurrencyBackend.guard`; a test with threads takes another backend."""
        return contextlib.nullcontext()


def _is_of_the_system(error: object) -> bool:
    """Whether it is an `OSError`, and not one of the library's own, of which some are too."""
    return isinstance(error, OSError) and not isinstance(error, RequestException)
