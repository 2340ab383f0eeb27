"""Finds out which library runs the current coroutine, and gives the backend for it."""

from __future__ import annotations

import sys

from .base import ConcurrencyBackend

_backends: dict[str, ConcurrencyBackend] = {}


def running_backend() -> ConcurrencyBackend:
    """
    The backend of the event loop that is running, asyncio's or trio's.

    Neither is imported before it runs.  Raises `RuntimeError` where none runs.
    """
    asyncio = sys.modules.get("asyncio")
    if asyncio is not None and asyncio._get_running_loop() is not None:
        return _backends.get("asyncio") or _asyncio_backend()
    trio = sys.modules.get("trio")
    if trio is not None and trio.lowlevel.in_trio_run():
        return _backends.get("trio") or _trio_backend()
    raise RuntimeError(
        "no event loop is running: await this from asyncio or trio, or use httpcore.Client"
    )


def _asyncio_backend() -> ConcurrencyBackend:
    from .asyncio_streams import AsyncioBackend

    return _backends.setdefault("asyncio", AsyncioBackend())


def _trio_backend() -> ConcurrencyBackend:
    from .trio_streams import TrioBackend

    return _backends.setdefault("trio", TrioBackend())
