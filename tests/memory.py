"""How much memory Python code takes at once: what hostile input must not make much."""

from __future__ import annotations

import collections.abc
import contextlib

try:
    import tracemalloc
except ImportError:  # PyPy counts nothing: there, what is bounded by this runs, unjudged
    tracemalloc = None  # type: ignore[assignment]


@contextlib.contextmanager
def holding_less_than(limit: int) -> collections.abc.Iterator[None]:
    """No more bytes than that are allocated at once inside, by whichever thread."""
    if tracemalloc is None:
        yield
        return
    tracemalloc.start()
    try:
        yield
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < limit
