"""What blocks, in a daemon thread that nobody else uses meanwhile.

`getaddrinfo` and the `read()` of a pipe take no time limit.  The threads of an executor would be
joined at exit, and may all be busy with the program's own work; these are as many as there are
calls at a time, and one that hangs is simply left behind.  One that has done its work waits a while
for more: to start one for each block of a file would cost more than to read it.
"""

from __future__ import annotations

import collections
import collections.abc
import os
import queue
import threading
import typing

from .base import Event

T = typing.TypeVar("T")

Done = collections.abc.Callable[[T | BaseException], None]
"""Is called with what came of something, or with what went wrong."""


_Job = tuple[str, collections.abc.Callable[[], typing.Any], Done[typing.Any]]

# For how long a thread waits for more to do.
_IDLE_SECONDS = 1.0


class _Worker:
    """A thread, and what it has to do next."""

    def __init__(self, job: _Job) -> None:
        self.process = os.getpid()
        self.jobs: queue.SimpleQueue[_Job] = queue.SimpleQueue()
        self.jobs.put(job)
        threading.Thread(target=self._work, name=job[0], daemon=True).start()

    def _work(self) -> None:
        while (job := self._next_job()) is not None:
            name, function, done = job
            del job
            threading.current_thread().name = name
            try:
                answer = function()
            except BaseException as error:
                # Idle before the caller is told, who may have the next job.  No variable of this
                # frame, which its traceback has, keeps the error.
                _idle.append(self)
                done(error)
            else:
                _idle.append(self)
                done(answer)
                del answer
            del function, done

    def _next_job(self) -> _Job | None:
        try:
            return self.jobs.get(timeout=_IDLE_SECONDS)
        except queue.Empty:
            pass
        try:
            _idle.remove(self)
        except ValueError:
            return self.jobs.get()  # somebody has just taken it
        return None


_idle: collections.deque[_Worker] = collections.deque()


def _idle_worker() -> _Worker | None:
    """The one that was busy last, taken; those of a parent process are not there after a fork."""
    try:
        while (worker := _idle.pop()).process != os.getpid():
            pass
    except IndexError:
        return None
    return worker


def in_thread(name: str, function: collections.abc.Callable[[], T], done: Done[T]) -> None:
    """
    Call `function` in a daemon thread called `name`, which then calls `done` with what it returned
    or raised.

    `done` must not raise.  It may be called long after the caller gave up, or never; and, where
    no thread can be had, before this function returns.
    """
    worker = _idle_worker()
    if worker is not None:
        worker.jobs.put((name, function, done))
        return
    try:
        _Worker((name, function, done))
    except RuntimeError as error:  # no more threads, or the interpreter is on its way out
        done(error)


async def answers(
    start: collections.abc.Callable[[Done[T]], None],
    seconds: float | None,
    new_event: collections.abc.Callable[[], Event],
    call_in_run: collections.abc.Callable[[collections.abc.Callable[[], object]], object],
) -> list[T | BaseException]:
    """
    The one thing that `start` has its `done` called with, or nothing if that took too long.

    `call_in_run` has the run that waits call a function, from another thread; `RuntimeError` where
    that run is over.
    """
    answered: list[T | BaseException] = []
    arrived = new_event()

    def done(answer: T | BaseException) -> None:
        answered.append(answer)
        try:
            call_in_run(arrived.set)
        except RuntimeError:
            pass  # nobody waits any more

    start(done)
    await arrived.wait(seconds)
    return answered
