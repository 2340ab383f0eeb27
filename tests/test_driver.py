"""`run_sync` runs a coroutine that never waits; one that does fails where it does."""

from __future__ import annotations

import asyncio
import traceback
import types
import typing

import pytest

import httpcore
from httpcore.driver import SuspendedInSyncCode, rest_of, run_sync


async def add(left: int, right: int) -> int:
    return left + right


async def through(*numbers: int) -> int:
    total = 0
    for number in numbers:
        total = await add(total, number)
    return total


async def fail() -> None:
    raise LookupError("told")


async def wait_on_a_loop() -> None:
    await asyncio.sleep(0)  # the wrong await


def test_returns_the_result() -> None:
    """A chain of coroutines runs to its end."""
    assert run_sync(through(1, 2, 3)) == 6


def test_raises_the_error() -> None:
    """What the coroutine raises comes out as it is."""
    with pytest.raises(LookupError, match="told"):
        run_sync(fail())


def test_works_inside_a_running_loop() -> None:
    """No loop is looked for, so one may run."""

    async def main() -> int:
        return run_sync(through(1, 2))

    assert asyncio.run(main()) == 3


def test_the_traceback_ends_at_the_wrong_await() -> None:
    """The error is thrown into the coroutine, so it shows who waited."""

    async def outer() -> None:
        await wait_on_a_loop()

    with pytest.raises(SuspendedInSyncCode, match="belongs to AsyncClient") as caught:
        run_sync(outer())
    lines = [frame.line for frame in traceback.extract_tb(caught.tb)]
    assert "await asyncio.sleep(0)  # the wrong await" in lines


def test_no_handler_takes_it_for_a_failed_request() -> None:
    """`except Exception` on the way lets it through, and `finally` runs."""
    cleaned_up = []

    async def careful() -> None:
        try:
            await wait_on_a_loop()
        except Exception:
            raise AssertionError("it is no Exception") from None
        finally:
            cleaned_up.append(True)

    with pytest.raises(SuspendedInSyncCode):
        run_sync(careful())
    assert cleaned_up == [True]


def test_who_catches_it_may_return() -> None:
    """A coroutine that handles the error itself has a result all the same."""

    async def stubborn() -> str:
        try:
            await wait_on_a_loop()
        except SuspendedInSyncCode:
            return "recovered"
        return "never"

    assert run_sync(stubborn()) == "recovered"


def test_who_waits_again_is_stopped() -> None:
    """A coroutine that goes on waiting after the error is closed."""
    closed = []

    async def incorrigible() -> None:
        try:
            try:
                await wait_on_a_loop()
            except SuspendedInSyncCode:
                await asyncio.sleep(0)
        finally:
            closed.append(True)

    with pytest.raises(SuspendedInSyncCode, match="suspended twice"):
        run_sync(incorrigible())
    assert closed == [True]


def test_a_dispatcher_for_asyncio_under_a_sync_client() -> None:
    """The typical mistake: the message says which client it belongs to."""

    async def handler(request: httpcore.Request) -> httpcore.Response:
        await wait_on_a_loop()
        return httpcore.Response(200)

    with (
        httpcore.Client(dispatch=httpcore.MockDispatch(handler)) as client,
        pytest.raises(SuspendedInSyncCode, match="AsyncClient"),
    ):
        client.get("http://example.org")


@types.coroutine
def ask(question: str) -> typing.Any:
    return (yield question)


async def dialogue() -> str:
    answers: list[object] = [await ask("first")]
    try:
        answers.append(await ask("second"))
    except LookupError as error:
        answers.append(error.args[0])
    answers.append(await ask("third"))
    return " ".join(map(str, answers))


def test_the_rest_of_a_coroutine_that_was_begun() -> None:
    """It waits for what it was waiting for, and gets whatever its waits give or raise."""
    begun = dialogue()
    rest = rest_of(begun, begun.send(None))
    assert rest.send(None) == "first"
    assert rest.send("one") == "second"
    assert rest.throw(LookupError("two")) == "third"
    with pytest.raises(StopIteration) as ended:
        rest.send("three")
    assert ended.value.value == "one two three"


def test_the_rest_of_a_coroutine_that_is_closed() -> None:
    """It is closed too, where it waits."""
    closed: list[bool] = []

    async def waits() -> None:
        try:
            await ask("first")
        finally:
            closed.append(True)

    begun = waits()
    rest = rest_of(begun, begun.send(None))
    next(rest)
    rest.close()
    assert closed == [True]
