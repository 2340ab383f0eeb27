"""The guard of what no backend owns."""

from __future__ import annotations

import threading

from httpcore.backends.guard import thread_guard


def test_one_at_a_time() -> None:
    """Of threads that add to a number in two steps, none loses what another has added."""
    guard, total = thread_guard(), [0]

    def add() -> None:
        for _ in range(2000):
            with guard:
                seen = total[0]
                total[0] = seen + 1

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert total == [8000]


def test_reentrant() -> None:
    """Who holds it may enter once more: a signal handler does."""
    guard = thread_guard()
    with guard, guard:
        pass
