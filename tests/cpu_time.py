"""How long a call keeps the processor: what hostile input must not make long (CVE-2020-8492)."""

from __future__ import annotations

import collections.abc
import sys
import sysconfig
import time

# What is not linear takes seconds for the sizes that tests use.  Coverage has its price, so have
# Pythons without the GIL or with a compiler that has to warm up.
_IS_PLAIN = sys.implementation.name == "cpython" and not sysconfig.get_config_var("Py_GIL_DISABLED")
_LIMIT_SECONDS = 0.05 if _IS_PLAIN and sys.gettrace() is None else 0.5


def assert_takes_no_time(call: collections.abc.Callable[[], object]) -> None:
    """
    `call()` takes less than 50 ms of its thread's own time, in which nobody else's work is counted.

    The best of three counts: others may have taken the processor's caches.
    """
    times = []
    for _ in range(3):
        started = time.thread_time()
        call()
        times.append(time.thread_time() - started)
        if times[-1] < _LIMIT_SECONDS:
            return
    raise AssertionError(f"three calls took {times} seconds of the processor")
