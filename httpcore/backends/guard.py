"""The guard of what threads share whatever they run: a lock that is held for a few steps only."""

from __future__ import annotations

import threading

from .base import Guard


def thread_guard() -> Guard:
    """
    A `Guard` for a state that no backend owns, such as a cookie jar that clients of both kinds use.

    Never held over an await or a system call, so an event loop does not notice it.  Reentrant: a
    signal handler or a finaliser may come in between, and use what is guarded.
    """
    return threading.RLock()
