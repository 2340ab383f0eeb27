"""The asyncio backend; its streams are tested in `test_streams` and `test_asyncio_base`."""

from __future__ import annotations

import asyncio
import collections.abc
import concurrent.futures
import gc
import socket
import subprocess
import sys
import textwrap
import threading
import typing
import weakref

import pytest

from httpcore.backends.asyncio_streams import AsyncioBackend, _writable
from httpcore.exceptions import ConnectTimeout
from tests.backends import kinds
from tests.backends.kinds import limits

BACKEND = AsyncioBackend()
Run = collections.abc.Callable[[kinds.Main], None]


@pytest.fixture(params=list(kinds.LOOPS))
def kind(request: pytest.FixtureRequest) -> str:
    return typing.cast("str", request.param)


@pytest.fixture
def run(kind: str) -> Run:
    return lambda main: kinds.run(kind, main)


def test_a_socket_that_becomes_writable():
    """As a connection does that takes its time; one on the same machine hardly ever does."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        ours, theirs = socket.socketpair()
        with ours, theirs:
            ours.setblocking(False)
            sent = 0
            with pytest.raises(BlockingIOError):
                while True:
                    sent += ours.send(bytes(65536))
            loop.call_soon(kinds.receive, theirs, sent)
            assert await _writable(loop, [ours], 30) == [ours]

    kinds.run("asyncio", main)


def test_cx1_cancelled_while_connecting(run):
    """Bare CancelledError; no socket is left."""

    async def main() -> None:
        with kinds.unanswering() as address:
            opening = BACKEND.connect_tcp([address], "peer:80", limits().connecting())
            task = asyncio.create_task(opening)
            await asyncio.sleep(0.01)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    run(main)


def test_tm11_the_callers_own_timeout_while_connecting(run):
    """It is the caller's exception that is raised."""

    async def main() -> None:
        with kinds.unanswering() as address, pytest.raises(TimeoutError) as e:
            async with asyncio.timeout(0.05):
                await BACKEND.connect_tcp([address], "peer:80", limits().connecting())
        assert not isinstance(e.value, ConnectTimeout)

    run(main)


def test_connecting_without_a_limit(run):
    """`None` is no limit."""

    async def main() -> None:
        with kinds.listening() as (_, address):
            stream = await BACKEND.connect_tcp([address], "peer:80", limits(None))
            assert stream.peer == "peer:80"
            stream.close()

    run(main)


def test_cx1_cancelled_while_a_name_is_looked_up(run, monkeypatch):
    """Bare CancelledError; the answer that comes later harms nobody."""
    give_up = threading.Event()

    def hang(*args: object, **kwargs: object) -> typing.Any:
        give_up.wait(10)
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure")

    monkeypatch.setattr(socket, "getaddrinfo", hang)

    async def main() -> None:
        task = asyncio.create_task(BACKEND.resolve("example.org", 80, limits(None)))
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        give_up.set()
        await asyncio.sleep(0.05)

    run(main)


@pytest.mark.parametrize("seconds", [10, None])
def test_an_event_wakes_all_who_wait(run, seconds):
    """But for the one who was cancelled."""

    async def main() -> None:
        event = BACKEND.event()
        tasks = [asyncio.create_task(event.wait(seconds)) for _ in range(3)]
        await asyncio.sleep(0)
        tasks[1].cancel()
        event.set()
        assert await tasks[0]
        assert await tasks[2]
        assert tasks[1].cancelled()

    run(main)


def test_cx3_cancelled_in_the_step_in_which_the_event_was_set(run):
    """The wait is cancelled, and the event is set all the same."""

    async def main() -> None:
        event = BACKEND.event()
        task = asyncio.create_task(event.wait(10))
        await asyncio.sleep(0)
        event.set()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert event.is_set()

    run(main)


def test_call_later(run):
    """The callback runs on the loop; one that is cancelled does not."""

    async def main() -> None:
        called: list[str] = []
        done = asyncio.Event()
        cancel = BACKEND.call_later(0.01, lambda: called.append("cancelled"))
        assert cancel is not None
        cancel()
        BACKEND.call_later(0.02, done.set)
        await done.wait()
        assert not called

    run(main)


def test_there_is_no_token_where_no_loop_runs():
    """RuntimeError, as asyncio has it."""
    with pytest.raises(RuntimeError, match="no running event loop"):
        BACKEND.run_token()


SCRIPT = """
    import asyncio, socket, sys, threading, time
    from httpcore.backends.asyncio_streams import AsyncioBackend, _writable
    from httpcore.backends.base import Address
    from httpcore.deadline import Deadline
    from tests.backends.kinds import LOOPS

    listener = socket.create_server(("127.0.0.1", 0))
    address = Address(socket.AF_INET, listener.getsockname())
    backend = AsyncioBackend()
    tasks, streams = [], []

    async def read():
        stream = await backend.connect_tcp([address], "peer:80", Deadline())
        streams.append(stream)
        await stream.read(Deadline())

    async def main():
        tasks.append(asyncio.create_task(read()))
        while len(streams) < len(tasks):
            await asyncio.sleep(0.01)

    # A run that ends in the middle, another after it, and one that goes on in a daemon thread.
    for _ in range(2):
        with asyncio.Runner(loop_factory=LOOPS[sys.argv[1]]) as runner:
            runner.run(main())
    loop = LOOPS[sys.argv[1]]()
    threading.Thread(target=loop.run_until_complete, args=[read()], daemon=True).start()
    while len(streams) < 3:
        time.sleep(0.01)
    time.sleep(0.05)  # now it reads
    listener.detach()  # open to the end: a close would reset what is read from
"""


def test_dg7_the_process_exits_without_a_word(kind):
    """With streams that nobody closed and a thread that still reads; in development mode, too."""
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error", "-c", textwrap.dedent(SCRIPT), kind],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_blocking_code_beside_the_programs_own():
    """It waits for no thread of the executor, which the program may keep busy."""

    async def main() -> None:
        release = threading.Event()
        loop = asyncio.get_running_loop()
        loop.set_default_executor(concurrent.futures.ThreadPoolExecutor(1))
        busy = loop.run_in_executor(None, release.wait, 10)
        assert await BACKEND.run_blocking(lambda: 42) == 42
        assert not busy.done()
        release.set()
        await busy

    asyncio.run(main())


def test_dg7_blocking_code_that_was_given_up():
    """The event loop ends, though a pipe that is read still says nothing."""
    release, was_left = threading.Event(), threading.Event()

    async def main() -> None:
        task = asyncio.create_task(BACKEND.run_blocking(lambda: release.wait(10)))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        was_left.set()

    asyncio.run(main())
    assert was_left.is_set()
    assert not release.is_set()
    release.set()


def test_errors_of_blocking_code_are_kept_by_nobody():
    """With the cyclic collector off, a file that fails a million times leaves nothing behind."""

    class Broken(Exception):
        pass

    def fail() -> None:
        raise Broken

    async def main() -> None:
        with pytest.raises(Broken) as caught:
            await BACKEND.run_blocking(fail)
        seen = weakref.ref(caught.value)
        del caught
        async with asyncio.timeout(10):
            while seen() is not None:  # until the thread has gone on
                await asyncio.sleep(0.001)

    gc.disable()
    try:
        asyncio.run(main())
    finally:
        gc.enable()
