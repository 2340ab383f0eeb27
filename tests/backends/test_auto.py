"""Finding out which library runs the current coroutine."""

from __future__ import annotations

import asyncio
import contextvars
import subprocess
import sys
import threading
import types
import typing

import pytest
import trio

from httpcore.backends.asyncio_streams import AsyncioBackend
from httpcore.backends.auto import running_backend
from httpcore.backends.base import ConcurrencyBackend, default_backend
from httpcore.backends.sync import SyncBackend
from httpcore.backends.trio_streams import TrioBackend
from httpcore.driver import run_sync


async def ask() -> ConcurrencyBackend:
    assert default_backend() is running_backend()
    return running_backend()


def test_on_asyncio():
    """The backend for asyncio, always the same object."""
    first, second = asyncio.run(ask()), asyncio.run(ask())
    assert type(first) is AsyncioBackend
    assert first is second


def test_on_trio():
    """The backend for trio, always the same object."""
    first, second = trio.run(ask), trio.run(ask)
    assert type(first) is TrioBackend
    assert first is second


def test_where_nothing_runs():
    """RuntimeError that says what to do."""
    with pytest.raises(RuntimeError, match=r"no event loop is running: .* httpcore\.Client"):
        running_backend()


def test_under_a_sync_client():
    """The blocking backend, always the same object, whatever loop runs around the sync client."""

    async def main() -> None:
        assert type(run_sync(ask())) is SyncBackend
        assert type(await ask()) is AsyncioBackend

    assert run_sync(ask()) is run_sync(ask())
    asyncio.run(main())


def test_a_thread_that_a_sync_client_starts():
    """A thread that inherits the context of a sync client is not driven by it."""
    found: list[ConcurrencyBackend] = []

    def ask_in_a_loop() -> None:
        found.append(asyncio.run(ask()))

    async def start() -> None:
        context = contextvars.copy_context()
        thread = threading.Thread(target=context.run, args=[ask_in_a_loop])
        thread.start()
        thread.join()

    run_sync(start())
    assert type(found[0]) is AsyncioBackend


def test_trio_as_the_guest_of_asyncio():
    """Each coroutine gets the backend of the library that runs it."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        result: asyncio.Future[typing.Any] = loop.create_future()
        trio.lowlevel.start_guest_run(
            ask,
            run_sync_soon_threadsafe=loop.call_soon_threadsafe,
            done_callback=result.set_result,
        )
        assert type(await ask()) is AsyncioBackend
        assert type((await result).unwrap()) is TrioBackend
        assert type(await ask()) is AsyncioBackend

    asyncio.run(main())


def test_modules_that_another_thread_is_importing(monkeypatch):
    """Half a module is none."""
    monkeypatch.setitem(sys.modules, "trio", types.ModuleType("trio"))
    assert type(asyncio.run(ask())) is AsyncioBackend
    monkeypatch.setitem(sys.modules, "asyncio", types.ModuleType("asyncio"))
    with pytest.raises(RuntimeError, match="no event loop"):
        running_backend()


def test_neither_library_is_imported_before_it_runs():
    """`import httpcore` is fast, and works where trio is not installed."""
    script = """
import sys
import httpcore, httpcore.backends.auto
try:
    httpcore.backends.auto.running_backend()
except RuntimeError:
    print([name for name in ("asyncio", "trio", "ssl") if name in sys.modules])
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=20, check=True
    )
    assert done.stdout == "[]\n"
