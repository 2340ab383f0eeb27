"""The time limits of one exchange, with their clock running.

A `Deadline` goes down to every operation that waits, on all backends alike.  A limit
for each read alone would not stop a body that drips: so beside the limits of
single operations there is one moment at which everything ends.
"""

from __future__ import annotations

import time
import typing

from .config import DEFAULT_TIMEOUT, TimeoutConfig
from .exceptions import ConnectTimeout, ReadTimeout, Timeout, TotalTimeout, WriteTimeout
from .value import Unset

_LIMIT_NAMES: dict[type[Timeout], str] = {
    ConnectTimeout: "connect_timeout",
    ReadTimeout: "read_timeout",
    WriteTimeout: "write_timeout",
    TotalTimeout: "total_timeout",
}


class Deadline:
    """
    The limits of one exchange, in seconds; `None` means no limit.

    * `read`, `write`: for a single operation, while no byte moves.
    * `ends_at`: the moment, on the monotonic clock, at which everything ends.

    Immutable; may be shared by threads.
    """

    __slots__ = (
        "connect",
        "read",
        "write",
        "started_at",
        "ends_at",
        "_timeout",
        "_end_class",
        "_end_limit",
    )

    def __init__(self, timeout: TimeoutConfig = DEFAULT_TIMEOUT) -> None:
        complete: typing.Any = timeout.over(DEFAULT_TIMEOUT)  # no field of it is UNSET
        self._timeout: TimeoutConfig = complete
        self.connect: float | None = complete.connect_timeout
        self.read: float | None = complete.read_timeout
        self.write: float | None = complete.write_timeout
        self.started_at = time.monotonic()
        total: float | None = complete.total_timeout
        self._end_class: type[Timeout] = TotalTimeout
        self._end_limit = total
        self.ends_at = None if total is None else self.started_at + total

    def restarted(self) -> Deadline:
        """The same limits, counted from now."""
        return Deadline(self._timeout)

    def within(self, seconds: float | None) -> float | None:
        """How long an operation with a limit of `seconds` may take from now; zero or less: over."""
        if self.ends_at is None:
            return seconds
        left = self.ends_at - time.monotonic()
        return left if seconds is None or left < seconds else seconds

    def connecting(self) -> Deadline:
        """The deadline of opening a connection: the end of `connect_timeout` for all of it."""
        return self.phase(self.connect, ConnectTimeout)

    def phase(self, seconds: float | None, error: type[Timeout]) -> Deadline:
        """A part of the exchange that may take `seconds` in all, then raises `error`."""
        part = Deadline.__new__(Deadline)
        part._timeout = self._timeout
        part.connect = part.read = part.write = None
        part.started_at = self.started_at
        part.ends_at, part._end_class, part._end_limit = (
            self.ends_at,
            self._end_class,
            self._end_limit,
        )
        if seconds is not None:
            ends_at = time.monotonic() + seconds
            if self.ends_at is None or ends_at < self.ends_at:
                part.ends_at, part._end_class, part._end_limit = ends_at, error, seconds
        return part

    def hurried(self, seconds: float) -> Deadline:
        """The same, with at most `seconds` for each read and each write."""
        copy = self.phase(None, ReadTimeout)
        copy.read = seconds if self.read is None else min(self.read, seconds)
        copy.write = seconds if self.write is None else min(self.write, seconds)
        return copy

    def error(self, operation: type[Timeout], doing: str, peer: str, hint: str = "") -> Timeout:
        """
        The error for a limit that has just passed while `doing` something to `peer`.

        `hint`: what to try.
        """
        now = time.monotonic()
        if self.ends_at is not None and now >= self.ends_at:
            kind, limit = self._end_class, self._end_limit
        else:
            kind = operation
            limit = self.read if operation is ReadTimeout else self.write
        return timeout_error(kind, doing, peer, limit, now - self.started_at, hint)


def timeout_error(
    kind: type[Timeout],
    doing: str,
    peer: str,
    limit: float | None,
    elapsed: float,
    hint: str = "",
) -> Timeout:
    """A `Timeout` of class `kind` whose message names the phase, the peer and the limit."""
    name = _LIMIT_NAMES.get(kind, "pool_timeout")
    shown = "no time left" if limit is None else f"{limit:g} s"
    return kind(
        f"{doing} {peer} timed out after {shown} ({name})" + (f"; {hint}" if hint else ""),
        phase=doing,
        peer=peer,
        limit=limit,
        elapsed=elapsed,
    )


TimeoutTypes = float | None | TimeoutConfig | Deadline
"""What `timeout=` takes; a client passes its dispatcher a `Deadline`, whose clock is running."""


def timeout_config(timeout: float | None | TimeoutConfig | Unset) -> TimeoutConfig:
    """The `TimeoutConfig` that `timeout=` stands for."""
    return timeout if isinstance(timeout, TimeoutConfig) else TimeoutConfig(timeout)


def as_deadline(timeout: TimeoutTypes, own: float | None | TimeoutConfig) -> Deadline:
    """A dispatcher's deadline for a request that came with `timeout`; `None`: as its `own`."""
    if isinstance(timeout, Deadline):
        return timeout
    base = timeout_config(own)
    return Deadline(base if timeout is None else timeout_config(timeout).over(base))
