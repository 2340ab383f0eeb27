"""What has to hold during a soak and behind it."""

from __future__ import annotations

import collections
import os
import threading
import time

import httpcore

from .moods import BAD, GOOD

# How far beyond its time a total deadline may be noticed, on top of how late everything else is.
DEADLINE_SLACK = 0.1
# What the process may grow by after the first third of the time.
MAX_GROWTH_MIB = 32.0
# How often the pool, and the lateness of everything, is looked at, in seconds.
PERIOD = 0.01


class Findings:
    """Counts what came of requests, and notes what must not have."""

    def __init__(self) -> None:
        self.outcomes: collections.Counter[str] = collections.Counter()
        self.violations: list[str] = []
        self.worst_overrun = 0.0
        self.worst_lag = 0.0
        self.most_connections = 0
        self.growth_mib = 0.0

    def note_body(self, mood: str, where: str, is_right: bool) -> None:
        """A response came, whole as the client took it."""
        self.outcomes[f"{mood}: answered"] += 1
        if mood in BAD:
            self._violation(f"{where}: a broken response was taken for a whole one")
        if not is_right:
            self._violation(f"{where}: somebody else's body, or a wrong one")

    def note_error(self, mood: str, where: str, error: BaseException, must_succeed: bool) -> None:
        """The request ended with `error`."""
        self.outcomes[f"{mood}: {type(error).__name__}"] += 1
        if not isinstance(error, httpcore.RequestException):
            self._violation(f"{where}: a bare {error!r}")
        elif mood in GOOD and must_succeed:
            self._violation(f"{where}: failed: {error!r}")

    def note_overrun(self, seconds: float) -> None:
        """A request ended this long after its total deadline."""
        self.worst_overrun = max(self.worst_overrun, seconds)

    def judge_deadlines(self) -> None:
        """The worst overrun has to be explained by how late everything was, for two turns."""
        if self.worst_overrun > DEADLINE_SLACK + 2 * self.worst_lag:
            self._violation(f"{self.worst_overrun:.3f} s beyond a total_timeout")

    def note_lag(self, seconds: float) -> None:
        """A thread, or the event loop, came to its turn this late."""
        self.worst_lag = max(self.worst_lag, seconds)

    def note_connections(self, pool: httpcore.ConnectionPool, limit: int) -> None:
        """Look at how many connections there are."""
        # One may become active, or idle, between the two looks: it counts once.
        count = len({*pool.keepalive_connections, *pool.active_connections})
        self.most_connections = max(self.most_connections, count)
        if count > limit:
            self._violation(f"{count} connections, with a limit of {limit}")

    def note_left(self, what: str, before: int, after: int) -> None:
        """Something that is to be what it was before."""
        if after > before:
            self._violation(f"{after - before} {what} left behind")

    def note_memory(self, growth_mib: float) -> None:
        """How much the process has grown."""
        self.growth_mib = growth_mib
        if growth_mib > MAX_GROWTH_MIB:
            self._violation(f"the process has grown by {growth_mib:.1f} MiB")

    def _violation(self, text: str) -> None:
        self.violations.append(text)


class Watch(threading.Thread):
    """
    Looks at the pool all the time, and at how late a thread of this process wakes up.

    `memory_mib` is what the process needed once it had warmed up, after `warm_up` seconds.
    """

    def __init__(
        self, findings: Findings, pool: httpcore.ConnectionPool, limit: int, warm_up: float
    ) -> None:
        super().__init__()
        self.memory_mib = 0.0
        self._findings = findings
        self._pool = pool
        self._limit = limit
        self._warm_at = time.monotonic() + warm_up
        self._ended = threading.Event()

    def run(self) -> None:
        asleep_at = time.monotonic()
        while not self._ended.wait(PERIOD):
            self._findings.note_lag(time.monotonic() - asleep_at - PERIOD)
            self._findings.note_connections(self._pool, self._limit)
            if not self.memory_mib and time.monotonic() > self._warm_at:
                self.memory_mib = memory_mib()
            asleep_at = time.monotonic()

    def end(self) -> None:
        self._ended.set()
        self.join()


def open_files() -> int:
    """How many file descriptors this process has open."""
    return len(os.listdir("/proc/self/fd"))


def memory_mib() -> float:
    """The memory that this process has in use now."""
    with open("/proc/self/statm", encoding="ascii") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
