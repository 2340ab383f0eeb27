"""What moves the bytes of one HTTP/2 connection, for many exchanges at once, by tasks or threads.

What arrives, and what has to go out, is decided by `HTTP2State`, which is touched under the guard
only.  Here it is read, written and waited:

* Reading.  There is no task that reads.  Whoever waits for something of its stream reads for all,
  if nobody does: one read, its frames routed, those woken whom they concern, until there is
  something for itself.  `_reader` says whose turn it is.  However the reader leaves (answered,
  timed out, cancelled), it hands its turn to one who waits, in the same step.  Each wait has the
  limit of its own exchange.
* Writing.  What has to go out is taken by whoever finds it while nobody writes, for others too, who
  need not wait for it.  What they add meanwhile is sent as far as that takes no wait.  If it is
  nobody's turn to read, a writer takes what arrives: a peer may wait for that before it reads on.
* Giving up.  A write that reaches its limit, or is cancelled, may have sent half a frame.  The
  stream keeps the rest, and it goes first with whatever is written next.  That may be nothing for
  long: so who reads looks from time to time whether somebody has left his writing, and goes on
  with it.  A read that is given up loses nothing.
* In between.  Where the backend can watch, what arrives while nobody reads is taken, and answered
  (PING, SETTINGS), at once.
"""

from __future__ import annotations

import collections.abc
import time
import typing

from ..backends.base import ConcurrencyBackend, Event, NetworkStream, TruncatedTLS
from ..config import TimeoutConfig
from ..deadline import Deadline
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
Arguments = typing.TypeVarTuple("Arguments")
Ready = collections.abc.Callable[[Stream], bool]

Reader = Stream | typing.Literal["writer", "looker"]

_DOING = {
    ReadTimeout: "waiting for a response of",
    WriteTimeout: "waiting until more of a request may be sent to",
}

# Who reads looks as often whether there is something to write that nobody writes.
_LOOK_SECONDS = 0.25
_LOOKING = Deadline(TimeoutConfig(_LOOK_SECONDS))


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
        self._telling = False  # somebody tells it
        self._waiting: dict[Stream, Event] = {}
        self._reader: Reader | None = None  # whose turn it is to read
        self._writing = False
        self._ending = False
        self._is_behind = False  # the stream may still have to send what a write has left
        stream.watch(self._on_readable)
        tell_of_forks(self)

    def after_fork(self) -> None:
        """In a forked child: the connection is the parent's, and no other thread uses it."""
        self._guard = self._backend.guard()
        self._reader, self._writing = None, False
        self.stream.close()

    def do(self, step: collections.abc.Callable[[*Arguments], T], *args: *Arguments) -> T:
        """One step of the state, and what follows from it; takes no wait."""
        state, waiting = self._state, self._waiting
        with self._guard:
            result = step(*args)
            changed = state.take_changed()
            woken = [waiting.pop(stream) for stream in changed if stream in waiting]
            capacity = state.capacity
        try:
            if not capacity or capacity != self.capacity or not self._knows_capacity:
                self._tell_capacity()
        finally:
            # Behind that: who has to send again must not come back to a connection that has ended.
            for event in woken:
                event.set()
        return result

    def _tell_capacity(self) -> None:
        state = self._state
        if state.capacity == 0 and not self._ending and (state.closed or not state.active):
            self._ending = True
            self.send_at_once()  # GOAWAY, perhaps
            self.stream.close()
        # By one thread at a time, or the last word might be an old one.
        with self._guard:
            if self._telling:
                return  # who tells looks again
            self._telling = True
        try:
            while self._has_news():
                self._on_capacity(self.capacity)
        except BaseException:
            self._telling = False
            raise

    def _has_news(self) -> bool:
        """Whether the capacity has to be told; if not, nobody tells it any more."""
        state = self._state
        with self._guard:
            news = state.capacity != self.capacity or state.settled != self._knows_capacity
            self.capacity, self._knows_capacity = state.capacity, state.settled
            self._telling = news
        return news

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
        left = deadline.within(limit)
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
                if event is not None:
                    in_time = await event.wait(left)
                elif left is None or left > _LOOK_SECONDS:
                    in_time = await self._serve(_LOOKING)
                else:
                    in_time = await self._serve(deadline.phase(left, timeout))
            except BaseException as exc:
                self._leave(stream)
                if isinstance(exc, (KeyboardInterrupt, SystemExit)):
                    # It may have come between a read and the use of what was read.
                    self.fail(ReadError(f"reading from {self.stream.peer} was interrupted"))
                raise
            left = deadline.within(None if ends_at is None else ends_at - time.monotonic())
            if not in_time and left is not None and left <= 0:
                self._leave(stream)
                raise deadline.error(timeout, _DOING[timeout], self.stream.peer)

    async def _serve(self, deadline: Deadline) -> bool:
        """
        Read once for all, and before that write once, if there is something that nobody writes.

        Returns whether something came in time.
        """
        if self._is_behind or self._state.has_output:
            data = self.do(self._begin_writing, False)
            if data is not None:
                try:
                    all_sent = await self._write(data, deadline, True)
                except Timeout:
                    return False
                self._stop_writing(not all_sent)
                if not all_sent:
                    return True  # it has been read
        return await self._read(deadline)

    async def _read(self, deadline: Deadline) -> bool:
        """Wait for something and take it; returns whether it came in time."""
        try:
            data = await self.stream.read(deadline)
        except TruncatedTLS:
            data = b""  # a response that is complete says so, whatever TLS does
        except Timeout:
            return False
        except (ReadError, SSLError, WriteError) as exc:
            # Of writing too: TLS may have something to send while it reads.
            self.fail(exc)
            return True
        self._receive(data)
        if self._state.has_output:
            self.send_at_once(reads=True)
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

    async def flush(self, deadline: Deadline) -> None:
        """
        Send what has to go out, unless somebody does so already.

        Raises a `Timeout`.  A connection that breaks is found in its streams instead: the response
        may have come before that.
        """
        data: bytes | None = self.do(self._begin_writing, True)
        if data == b"":  # what an earlier write has left goes first
            await self._write_all(data, deadline)
            data = self.do(self._more_to_write)
        if data:
            await self._write_all(data, deadline)
            data = self.do(self._more_to_write)
        # What others have added meanwhile is not worth a wait of this caller's.
        self._send_available(data, self._reader == "writer")

    async def _write_all(self, data: bytes, deadline: Deadline) -> None:
        while not await self._write(data, deadline, self._reader == "writer"):
            data = b""  # what is left the stream has kept

    async def _write(self, data: bytes, deadline: Deadline, reads: bool) -> bool:
        """
        Write once; whether all of it is done with.  If not, something was read.

        `reads`: whether it is the turn of the caller to read.
        """
        try:
            if await self.stream.write(data, deadline, reads):
                return True
            self._take_what_is_there()
            return False
        except WriteError as exc:
            self._cannot_write(exc, reads)
            return True
        except BaseException as exc:
            if not _is_patience_over(exc):
                self.fail(
                    WriteError(f"another request's write to {self.stream.peer} was interrupted")
                )
            self._stop_writing(True)
            raise

    def _cannot_write(self, cause: RequestException, reads: bool) -> None:
        """The connection is broken: take what the peer has said before that."""
        while reads and (data := self.stream.read_available()):
            self._receive(data)
        self.fail(self.stream.refusal() or cause)

    def _begin_writing(self, may_read: bool) -> bytes | None:
        """What to write, `None` if it is not the caller's turn, or there is nothing."""
        if self._writing:
            return None
        self._writing = True
        if may_read and self._reader is None:
            self._reader = "writer"
        # Nothing more is given to a stream that is behind: what waits in the state is bounded.
        return b"" if self._is_behind else self._more_to_write()

    def _more_to_write(self) -> bytes | None:
        data = self._state.take_output()
        if data:
            return data
        self._writing = self._is_behind = False
        self._end_turn("writer")
        return None

    def _stop_writing(self, is_behind: bool) -> None:
        """Let others write; `is_behind`: whether the stream has kept something to be sent."""
        with self._guard:
            self._writing = False
            self._is_behind = is_behind
            self._end_turn("writer")

    def send_at_once(self, reads: bool = False) -> None:
        """
        Send what has to go out, as far as that takes no wait.

        `reads`: whether it is the turn of the caller to read.
        """
        self._send_available(self.do(self._begin_writing, False), reads)

    def _send_available(self, data: bytes | None, reads: bool) -> None:
        while data is not None:
            try:
                all_sent = self.stream.write_available(data)
            except RequestException as exc:
                self._cannot_write(exc, reads)
                return
            except BaseException:
                self.fail(WriteError(f"{self.stream.peer} takes no more bytes"))
                raise
            if not all_sent:
                self._stop_writing(True)
                return
            data = self.do(self._more_to_write)


def _is_patience_over(cause: BaseException) -> bool:
    """Whether it was a limit or a cancellation, so that the stream has kept what is left."""
    if isinstance(cause, Exception):
        return isinstance(cause, Timeout)
    return not isinstance(cause, (KeyboardInterrupt, SystemExit))
