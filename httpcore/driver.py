"""Runs a coroutine to its end from plain code, without an event loop.

All logic is written once, as coroutines.  `Client` drives them over a blocking
backend whose awaits never suspend, so that a single `send(None)` runs the
whole chain and comes back with the result.
"""

from __future__ import annotations

import collections.abc
import contextvars
import functools
import types
import typing
from _thread import get_ident

T = typing.TypeVar("T")

# Which thread drives, not only that one does: new threads may inherit the context.
_driving_thread = contextvars.ContextVar("httpcore_driving_thread", default=0)


class SuspendedInSyncCode(BaseException):
    """
    A coroutine that a sync client drives awaited something that needs an event loop.

    Typical cause: a `Dispatcher` that awaits asyncio or trio was given to `Client`;
    use it with `AsyncClient`.  Not an `Exception`, so that no handler on the way
    takes it for a failed request; the traceback ends at the await that was wrong.
    """


def run_sync(coroutine: collections.abc.Coroutine[typing.Any, typing.Any, T]) -> T:
    """Run `coroutine`, none of whose awaits may suspend, and return its result."""
    result: T
    token = _driving_thread.set(get_ident())
    try:
        coroutine.send(None)
    except StopIteration as done:
        result = done.value
        return result
    finally:
        _driving_thread.reset(token)
    try:
        coroutine.throw(
            SuspendedInSyncCode(
                "a coroutine driven by the sync client tried to wait on an event loop; "
                "what awaits asyncio or trio belongs to AsyncClient"
            )
        )
    except StopIteration as done:  # it caught the error and returned all the same
        result = done.value
        return result
    finally:
        coroutine.close()
    raise SuspendedInSyncCode("a coroutine driven by the sync client suspended twice")


def is_driven() -> bool:
    """Whether the code that runs is inside `run_sync`: whatever loop may run around it."""
    return _driving_thread.get() == get_ident()


@types.coroutine
def rest_of(
    coroutine: collections.abc.Coroutine[typing.Any, typing.Any, T], awaited: object
) -> collections.abc.Generator[typing.Any, typing.Any, T]:
    """
    Await what is left of `coroutine`, which was begun by `send(None)` and waits for `awaited`.

    So one can see first whether a coroutine waits at all: where it does not, `send(None)` raises
    `StopIteration` with its result.
    """
    while True:
        try:
            answer = yield awaited
        except BaseException as error:
            step = functools.partial(coroutine.throw, error)
        else:
            step = functools.partial(coroutine.send, answer)
        try:
            awaited = step()
        except StopIteration as done:
            result: T = done.value
            return result
