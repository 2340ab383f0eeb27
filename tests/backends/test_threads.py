"""Daemon threads for what blocks; what backends make of them is in `test_streams`."""

from __future__ import annotations

import collections
import collections.abc
import queue
import threading
import time
import typing

from httpcore.backends import threads
from httpcore.backends.sync import SyncEvent
from httpcore.driver import run_sync


def outcome(function: collections.abc.Callable[[], object], seconds: float | None = 10) -> object:
    """What `function` returned or raised, in a thread; `None` if that took too long."""

    def start(done: threads.Done[typing.Any]) -> None:
        threads.in_thread("a test's", function, done)

    answered = run_sync(threads.answers(start, seconds, SyncEvent, lambda call: call()))
    return answered[0] if answered else None


def test_results_and_errors():
    """Both come back; the thread has the name that was given, and is a daemon."""
    found = typing.cast("threading.Thread", outcome(threading.current_thread))
    assert (found.name, found.daemon) == ("a test's", True)
    assert isinstance(outcome(lambda: 1 // 0), ZeroDivisionError)


def test_too_long():
    """Whoever waits goes on alone."""
    release = threading.Event()
    assert outcome(release.wait, 0.01) is None
    release.set()


def test_no_thread(monkeypatch):
    """That is what went wrong, then."""

    def no_thread(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threads, "_idle", collections.deque())
    monkeypatch.setattr(threading.Thread, "start", no_thread)
    assert repr(outcome(lambda: 42)) == repr(RuntimeError("can't start new thread"))


# Threads of other tests may become idle at any time.


def test_a_thread_does_more_than_one_thing():
    """It waits for more to do, and one that hangs is in nobody's way."""
    assert len({id(outcome(threading.current_thread)) for _ in range(20)}) < 20
    release = threading.Event()
    assert outcome(release.wait, 0.01) is None
    assert outcome(lambda: 42) == 42
    release.set()


def working(found: queue.SimpleQueue[object]) -> tuple[threads._Worker, object]:
    """A worker that has told what its thread is."""
    worker = threads._Worker(("a test's", threading.current_thread, found.put))
    return worker, found.get(timeout=10)


def test_a_thread_without_work_ends(monkeypatch):
    """Unless it was taken in that very moment."""
    monkeypatch.setattr(threads, "_IDLE_SECONDS", 0.01)
    found: queue.SimpleQueue[object] = queue.SimpleQueue()
    worker, thread = working(found)
    typing.cast("threading.Thread", thread).join(10)
    assert worker not in threads._idle
    monkeypatch.setattr(threads, "_IDLE_SECONDS", 0.7)
    worker, thread = working(found)
    threads._idle.remove(worker)
    time.sleep(0.8)
    worker.jobs.put(("a test's", threading.current_thread, found.put))
    assert found.get(timeout=10) is thread


def test_threads_of_a_parent_process():
    """After a fork they are not there."""
    worker, thread = working(queue.SimpleQueue())
    worker.process = 0
    assert outcome(threading.current_thread) is not thread


def test_nobody_waits_any_more():
    """A run that is over is told nothing."""
    ended = threading.Event()

    def is_over(call: object) -> None:
        ended.set()
        raise RuntimeError("the loop is closed")

    def start(done: threads.Done[int]) -> None:
        threads.in_thread("a test's", lambda: 42, done)

    run_sync(threads.answers(start, 0.01, SyncEvent, is_over))
    assert ended.wait(10)
