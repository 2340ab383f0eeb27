"""The three ways in which one `async def` test runs: on asyncio, on trio, and on blocking sockets.

The sync way drives the test's coroutine as `Client` drives the library's, so nothing in it may
suspend.  Nothing does: a `Face` lets a `Client` and its responses be awaited as an `AsyncClient`
and its responses are, and what it awaits is a plain call.
"""

from __future__ import annotations

import asyncio
import collections.abc
import gc
import inspect
import typing

import trio

import httpcore
from httpcore.driver import run_sync

WAYS = ("asyncio", "trio", "sync")

_STREAMS = ("stream", "raw", "stream_text", "lines")

_BACKENDS = {"asyncio": "AsyncioBackend", "trio": "TrioBackend", "sync": "SyncBackend"}

# Each test runs on both engines of HTTP/1.1 without running twice for that: what they read is
# checked in tests/wire, and nothing in the engines depends on who waits.
_ENGINES = {"asyncio": "httptools", "trio": "h11", "sync": "httptools"}

Main = collections.abc.Callable[[], collections.abc.Coroutine[typing.Any, typing.Any, None]]


def run(way: str, main: Main) -> None:
    """
    Run the coroutine that `main()` makes, that way.

    What it left open warns when it is collected: that is done before this returns, so that
    pytest makes it an error of the test that ran.
    """
    complaints: list[object] = []
    if way == "asyncio":
        asyncio.run(_watched(main, complaints))
    elif way == "trio":
        trio.run(main)
    else:
        run_sync(main())
    gc.collect()
    assert not complaints, f"the event loop had to report {complaints}"


async def _watched(main: Main, complaints: list[object]) -> None:
    # What asyncio would only log: errors in callbacks, tasks that nobody waited for.
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda loop, context: complaints.append(context))
    await main()


def make_backend(way: str) -> httpcore.ConcurrencyBackend:
    """The library's backend for that way."""
    return typing.cast("httpcore.ConcurrencyBackend", getattr(httpcore, _BACKENDS[way])())


def make_client(way: str, **options: typing.Any) -> httpcore.AsyncClient:
    """A client to be awaited that way: an `AsyncClient`, or a `Client` behind its `Face`."""
    options.setdefault("engine", _ENGINES[way])
    if way == "sync":
        return typing.cast("httpcore.AsyncClient", Face(httpcore.Client(**options)))
    return httpcore.AsyncClient(**options)


def pool_of(client: object) -> httpcore.ConnectionPool:
    """The pool of a client that has one of its own."""
    pool: httpcore.ConnectionPool = client.dispatch  # type: ignore[attr-defined]
    return pool


class Face:
    """
    A `Client` or a `Response` with the face of its async twin.

    What is a coroutine function there is one here; what gives an async iterator there gives one
    here; all else is the sync object's own, which is at hand as `sync_object`.
    """

    def __init__(self, sync_object: httpcore.Client | httpcore.Response) -> None:
        is_client = isinstance(sync_object, httpcore.Client)
        self.__dict__["sync_object"] = sync_object
        self.__dict__["_twin"] = httpcore.AsyncClient if is_client else httpcore.AsyncResponse

    def __getattr__(self, name: str) -> typing.Any:
        value = getattr(self.sync_object, name)
        if inspect.iscoroutinefunction(getattr(self._twin, name, None)):
            return _awaited(value)
        if self._twin is httpcore.AsyncResponse and name in _STREAMS:
            return lambda *args, **kwargs: _Pieces(value(*args, **kwargs))
        return value

    def __setattr__(self, name: str, value: object) -> None:
        setattr(self.sync_object, name, value)

    def __repr__(self) -> str:
        return repr(self.sync_object)

    async def __aenter__(self) -> typing.Self:
        self.sync_object.__enter__()
        return self

    async def __aexit__(self, *exc_info: typing.Any) -> None:
        self.sync_object.__exit__(*exc_info)


def _awaited(function: collections.abc.Callable[..., typing.Any]) -> typing.Any:
    async def call(*args: typing.Any, **kwargs: typing.Any) -> typing.Any:
        result = function(*args, **kwargs)
        return Face(result) if isinstance(result, httpcore.Response) else result

    return call


class _Pieces:
    """An iterator as an async iterator."""

    def __init__(self, pieces: collections.abc.Iterator[typing.Any]) -> None:
        self._pieces = pieces

    def __aiter__(self) -> typing.Self:
        return self

    async def __anext__(self) -> typing.Any:
        piece = next(self._pieces, _END)
        if piece is _END:
            raise StopAsyncIteration
        return piece

    async def aclose(self) -> None:
        self._pieces.close()  # type: ignore[attr-defined]  # the library's iterators have it


_END = object()
