"""Finds out what runs the current coroutine, and gives the backend for it.

Neither asyncio nor trio is imported before it runs.
"""

from __future__ import annotations

import sys

from ..driver import is_driven
from .base import ConcurrencyBackend

_backends: dict[str, ConcurrencyBackend] = {}


def running_backend() -> ConcurrencyBackend:
    """
    The backend of what runs this coroutine: a sync client, trio or asyncio; always the same object.

    Raises `RuntimeError` where none of them does.
    """
    if is_driven():
        return _backends.get("sync") or _sync_backend()
    # Modules may be half imported, by another thread.  Trio comes first: a trio task may be the
    # guest of an asyncio loop, which then runs too.
    lowlevel = getattr(sys.modules.get("trio"), "lowlevel", None)
    if lowlevel is not None and lowlevel.in_trio_task():
        return _backends.get("trio") or _trio_backend()
    running_loop = getattr(sys.modules.get("asyncio"), "_get_running_loop", None)
    if running_loop is not None and running_loop() is not None:
        return _backends.get("asyncio") or _asyncio_backend()
    raise RuntimeError(
        "no event loop is running: await this from asyncio or trio, or use httpcore.Client"
    )


def _sync_backend() -> ConcurrencyBackend:
    from .sync import SyncBackend

    return _backends.setdefault("sync", SyncBackend())


def _asyncio_backend() -> ConcurrencyBackend:
    from .asyncio_streams import AsyncioBackend

    return _backends.setdefault("asyncio", AsyncioBackend())


def _trio_backend() -> ConcurrencyBackend:
    from .trio_streams import TrioBackend

    return _backends.setdefault("trio", TrioBackend())
