"""What blocks, in a daemon thread of its own.

`getaddrinfo` and the `read()` of a pipe take no time limit.  The threads of an executor would be
joined at exit, and may all be busy with the program's own work; one that is nobody else's, a caller
that has given up simply leaves behind.
"""

from __future__ import annotations

import collections.abc
import threading
import typing

from .base import Event

T = typing.TypeVar("T")

Done = collections.abc.Callable[[T | BaseException], None]
"""Is called with what came of something, or with what went wrong."""


def in_thread(name: str, function: collections.abc.Callable[[], T], done: Done[T]) -> None:
    """
    Call `function` in a daemon thread, which then calls `done` with what it returned or raised.

    `done` must not raise.  It may be called long after the caller gave up, or never; and, where
    no thread can be had, before this function returns.
    """

    def run() -> None:
        try:
            answer = function()
        except BaseException as error:
            done(error)  # no variable of this frame, which its traceback has, keeps it
        else:
            done(answer)

    thread = threading.Thread(target=run, name=name, daemon=True)
    try:
        thread.start()
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
