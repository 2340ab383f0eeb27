"""How a case measures the process that it runs in."""

from __future__ import annotations

import collections.abc
import contextlib
import dataclasses
import gc
import os
import time

from .clients.base import JSON

BIG_CHUNKS = [b"\0" * 65536] * 4096  # 256 MiB
DOCUMENT: JSON = {"name": "bench", "n": 12345, "tags": ["a", "b", "c"], "nested": {"x": 1.5}}
HEADER = ("X-Bench-Header-17", "value number 17 of the long header list")


@dataclasses.dataclass(frozen=True)
class Measurement:
    """
    * `value`: seconds of CPU an operation, or what else the case is about.
    * `note`: what has to be said of it.
    """

    value: float
    note: str = ""


class Meter:
    """
    Counts the CPU time of this process, all its threads together, over whole batches.

    * `batch`: how many operations there are in one.
    * `seconds`: batches are begun until so much time has passed.
    """

    def __init__(self, batch: int, seconds: float) -> None:
        self.batch = batch
        self.seconds = seconds
        self.batches = 0
        self.cpu_seconds = 0.0
        self._ends_at = 0.0

    @contextlib.contextmanager
    def running(self) -> collections.abc.Iterator[None]:
        gc.collect()
        self._ends_at = time.perf_counter() + self.seconds
        started = time.process_time()
        yield
        self.cpu_seconds = time.process_time() - started

    def goes_on(self) -> bool:
        """Whether another batch is to be run; there is always a first."""
        self.batches += 1
        if self.batches == 1 or time.perf_counter() < self._ends_at:
            return True
        self.batches -= 1
        return False

    def measured(self, operations: int | None = None) -> Measurement:
        return Measurement(self.cpu_seconds / (operations or self.batches * self.batch))


def expect(value: object, wanted: object) -> None:
    if value != wanted:
        raise AssertionError(f"got {value!r} and not {wanted!r}")


def check(got: tuple[int, bytes]) -> None:
    expect((got[0], len(got[1])), (200, 1024))


def open_sockets() -> int:
    """How many sockets this process has."""
    found = 0
    for descriptor in os.listdir("/proc/self/fd"):
        try:
            found += os.readlink(f"/proc/self/fd/{descriptor}").startswith("socket:")
        except OSError:
            pass  # the one that lists the folder
    return found


def resident_kb() -> int:
    with open("/proc/self/status", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmRSS:"))
