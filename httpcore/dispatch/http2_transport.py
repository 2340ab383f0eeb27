"""What moves the bytes of one HTTP/2 connection, for many exchanges at once, by tasks or threads.

What arrives, and what has to go out, is decided by `HTTP2State`, which is touched under the guard
only.  Here it is read, written and waited:

* Reading.  There is no task that reads.  Whoever waits for something of its stream reads for all,
  if nobody does: one read, its frames routed, those woken whom they concern, until there is
  something for itself.  `_reader` says whose turn it is.  However the reader leaves (answered,
  timed out, cancelled), it hands its turn to one who waits, in the same step.  Each wait has the
  limit of its own exchange.
* Writing.  What has to go out is taken by whoever finds it while nobody writes.  A writer goes on
  until nothing is left, for others too, who need not wait for it.  If it is nobody's turn to read,
  it takes what arrives meanwhile: a peer may wait for that before it reads on.
* In between.  Where the backend can watch, what arrives while nobody reads is taken, and answered
  (PING, SETTINGS), at once.

A write that is given up, at its limit or by a cancellation, is finished by the stream itself where
the backend can watch; elsewhere it leaves half a frame on the wire, which ends the connection.  A
read that is cancelled loses nothing.
"""

from __future__ import annotations

import collections.abc
import time
import typing

from ..backends.base import ConcurrencyBackend, Event, NetworkStream, TruncatedTLS
from ..config import TimeoutConfig
from ..deadline import Deadline
from ..driver import SuspendedInSyncCode, run_sync
from ..exceptions import (
    ReadError,
    ReadTimeout,
    RequestException,
    SSLError,
    Timeout,
    WriteError,
    WriteTimeout,
)
from ..forks import tell_of_forks
from ..wire.http2 import HTTP2State
from ..wire.http2_stream import Stream

T = typing.TypeVar("T")
P = typing.ParamSpec("P")
Ready = collections.abc.Callable[[Stream], bool]

Reader = Stream | typing.Literal["writer", "looker"]

_DOING = {
    ReadTimeout: "waiting for a response of",
    WriteTimeout: "waiting until more of a request may be sent to",
}

# For what is sent at once or not at all.
_AT_ONCE = Deadline(TimeoutConfig(write_timeout=0.001))


class HTTP2Transport:
    """
    A connected stream and the state of the connection over it; see the module.

    * `on_capacity`: called, without the guard, with `capacity` when that changes.
    """

    def __init__(
        self,
        stream: NetworkStream,
        state: HTTP2State,
        backend: ConcurrencyBackend,
        on_capacity: collections.abc.Callable[[int], None],
    ) -> None:
        self.stream = stream
        self._state = state
        self._backend = backend
        self._on_capacity = on_capacity
        self._guard = backend.guard()
        self.capacity = state.capacity
        self._knows_capacity = False  # until the peer has said it
        self._waiting: dict[Stream, Event] = {}
        self._reader: Reader | None = None  # whose turn it is to read
        self._writing = False
        self._ending = False
        self._finishes_writes = stream.watch(self._on_readable)
        self._is_behind = False  # the stream may still have to send what a write has left
        # On trio a task that was cancelled cannot even begin to write: this has to be seen before
        # frames are taken out of the state, and what others need must not depend on it.
        self._writes_may_be_refused = not (self._finishes_writes or _blocks(backend))
        tell_of_forks(self)

    def after_fork(self) -> None:
        """In a forked child: the connection is the parent's, and nobody holds the guard."""
        self._guard = self._backend.guard()
        self.stream.close()

    def do(self, step: collections.abc.Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """One step of the state, and what follows from it; takes no wait."""
        state = self._state
        with self._guard:
            result = step(*args, **kwargs)
            woken = [
                self._waiting.pop(stream)
                for stream in state.take_changed()
                if stream in self._waiting
            ]
            capacity = state.capacity
        try:
            self._tell_capacity(capacity)
        finally:
            # Behind that: who has to send again must not come back to a connection that has ended.
            for event in woken:
                event.set()
        return result

    def _tell_capacity(self, capacity: int) -> None:
        state = self._state
        if capacity == 0 and not self._ending and (state.closed or not state.active):
            self._ending = True
            self.send_at_once()  # GOAWAY, perhaps
            self.stream.close()
        if capacity != self.capacity or (not self._knows_capacity and state.settled):
            self.capacity = capacity
            self._knows_capacity = state.settled
            self._on_capacity(capacity)

    def fail(self, cause: RequestException) -> None:
        """The connection is of no use any more: end all its streams."""
        self.do(self._state.receive_end, cause)

    # Waiting and reading.

    async def wait(
        self,
        stream: Stream,
        ready: Ready,
        deadline: Deadline,
        limit: float | None,
        timeout: type[Timeout] = ReadTimeout,
    ) -> None:
        """
        Wait until `ready(stream)`, which has to be true as well once the stream has failed.

        Raises `timeout`, or what the deadline raises, if that is not so within `limit` seconds.
        """
        ends_at = None if limit is None else time.monotonic() + limit
        own = deadline if limit == deadline.read else None
        while True:
            with self._guard:
                if ready(stream):
                    self._end_turn(stream)
                    return
                event = None
                if self._reader is None or self._reader is stream:
                    self._reader = stream
                else:
                    event = self._waiting[stream] = self._backend.event()
            try:
                if event is None:
                    in_time = await self._read(own or _until(deadline, ends_at))
                    if self._state.has_output or self._is_behind:
                        await self.flush(deadline, stream)
                    own = None
                else:
                    in_time = await event.wait(deadline.within(_left(ends_at)))
            except BaseException as exc:
                self._leave(stream)
                if isinstance(exc, (KeyboardInterrupt, SystemExit)):
                    # It may have come between a read and the use of what was read.
                    self.fail(ReadError(f"reading from {self.stream.peer} was interrupted"))
                raise
            if not in_time:
                self._leave(stream)
                raise deadline.error(timeout, _DOING[timeout], self.stream.peer)

    async def _read(self, deadline: Deadline) -> bool:
        """Wait for something and take it; returns whether it came in time."""
        try:
            data = await self.stream.read(deadline)
        except TruncatedTLS:
            data = b""  # a response that is complete says so, whatever TLS does
        except ReadTimeout:
            return False
        except (ReadError, SSLError, WriteError) as exc:
            # Of writing too: TLS may have something to send while it reads.
            self.fail(exc)
            return True
        self._receive(data)
        return True

    def _receive(self, data: bytes) -> None:
        if data:
            self.do(self._state.receive, data, time.monotonic())
        else:
            self.do(self._state.receive_end, self.stream.refusal())

    def _leave(self, who: Reader) -> None:
        """`who` does not read or wait any more."""
        with self._guard:
            if isinstance(who, Stream):
                self._waiting.pop(who, None)
            self._end_turn(who)

    def _end_turn(self, who: Reader) -> None:
        """If it was the turn of `who` to read, hand it to one who waits.  Under the guard."""
        if self._reader is not who:
            return
        self._reader = None
        for stream, event in self._waiting.items():
            self._reader = stream
            del self._waiting[stream]
            event.set()
            return

    def look(self) -> None:
        """Take what has arrived, unless somebody reads anyway; waits for nothing."""
        with self._guard:
            if self._reader is not None:
                return
            self._reader = "looker"
        try:
            self._take_what_is_there()
        finally:
            self._leave("looker")

    def _take_what_is_there(self) -> None:
        while not self._state.closed:
            data = self.stream.read_available()
            if data is None:
                return
            self._receive(data)

    def _on_readable(self) -> None:
        """Something has arrived that nobody waits for."""
        self.look()
        self.send_at_once()

    # Writing.

    async def flush(self, deadline: Deadline, reader: Stream | None = None) -> None:
        """
        Send what has to go out, unless somebody does so already.

        `reader`: the stream of a caller whose turn it may be to read.

        Raises a `Timeout`.  A connection that breaks is found in its streams instead: the response
        may have come before that.
        """
        if self._writes_may_be_refused:
            await self._backend.sleep(0)
        data: bytes | bytearray | None = self.do(self._begin_writing, True)
        if data is None:
            return
        reads = self._reader == "writer" or self._reader is reader
        try:
            while data is not None:
                if await self.stream.write(data, deadline, reads):
                    data = self.do(self._more_to_write)
                else:
                    data = b""  # what is left the stream has kept
                    self._take_what_is_there()
        except WriteError as exc:
            if reads:
                self._take_what_is_there()
            self.fail(exc)
        except BaseException as exc:
            self._give_up_writing(exc)
            raise
        finally:
            if self._reader == "writer":
                self._leave("writer")

    def _begin_writing(self, may_read: bool) -> bytes | bytearray | None:
        """What to write, `None` if it is not the caller's turn, or there is nothing."""
        if self._writing:
            return None
        self._writing = True
        if may_read and self._reader is None:
            self._reader = "writer"
        # Nothing more is given to a stream that is behind: what waits in the state is bounded.
        return b"" if self._is_behind else self._more_to_write()

    def _more_to_write(self) -> bytes | bytearray | None:
        self._is_behind = False
        data = self._state.take_output()
        if data:
            return data
        self._writing = False
        self._end_turn("writer")
        return None

    def _give_up_writing(self, cause: BaseException) -> None:
        """What was to be written has not been, not all of it, because of `cause`."""
        if self._finishes_writes and _is_patience_over(cause):
            self._is_behind = True
            self._writing = False
        else:
            self.fail(WriteError(f"another request's write to {self.stream.peer} was interrupted"))

    def send_soon(self) -> None:
        """Send what has to go out now, or with what is sent next; waits for nothing."""
        if not self._writes_may_be_refused:
            self.send_at_once()

    def send_at_once(self) -> None:
        """Send what has to go out, as far as that takes no wait."""
        data = self.do(self._begin_writing, False)
        while data is not None:
            try:
                run_sync(self.stream.write(data, _AT_ONCE))
            except (Timeout, SuspendedInSyncCode) as exc:
                self._give_up_writing(exc)
                return
            except BaseException as exc:
                self.fail(WriteError(f"{self.stream.peer} takes no more bytes"))
                if isinstance(exc, RequestException):
                    return
                raise
            data = self.do(self._more_to_write)


def _is_patience_over(cause: BaseException) -> bool:
    """Whether it was a limit or a cancellation, so that the stream has kept what is left."""
    if isinstance(cause, Exception):
        return isinstance(cause, Timeout)
    return not isinstance(cause, (KeyboardInterrupt, SystemExit))


def _blocks(backend: ConcurrencyBackend) -> bool:
    """Whether waiting blocks the thread, so that there are no tasks to be cancelled."""
    try:
        run_sync(backend.sleep(0))
    except SuspendedInSyncCode:
        return False
    return True


def _left(ends_at: float | None) -> float | None:
    return None if ends_at is None else ends_at - time.monotonic()


def _until(deadline: Deadline, ends_at: float | None) -> Deadline:
    return deadline.phase(_left(ends_at), ReadTimeout)
