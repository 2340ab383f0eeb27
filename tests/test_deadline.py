"""A `Deadline` knows how long each operation may take, and what to say when that is over."""

from __future__ import annotations

import typing

import pytest

import httpcore
from httpcore import ConnectTimeout, PoolTimeout, ReadTimeout, TimeoutConfig, TotalTimeout
from httpcore.deadline import Deadline, as_deadline, timeout_config, timeout_error


class Clock:
    """A monotonic clock that a test sets."""

    def __init__(self, now: float) -> None:
        self.now = now

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock of `httpcore.deadline`, at 1000 seconds."""
    clock = Clock(1000.0)
    monkeypatch.setattr("httpcore.deadline.time", clock)
    return clock


def test_the_default(clock: Clock) -> None:
    """Five seconds for each operation, and nothing in all."""
    deadline = Deadline()
    assert (deadline.connect, deadline.read, deadline.write) == (5.0, 5.0, 5.0)
    assert deadline.ends_at is None
    assert deadline.within(5.0) == 5.0
    assert deadline.within(None) is None


def test_what_is_not_given_is_the_default(clock: Clock) -> None:
    """A config with a single field is completed."""
    deadline = Deadline(TimeoutConfig(read_timeout=1, total_timeout=10))
    assert (deadline.connect, deadline.read, deadline.write) == (5.0, 1.0, 5.0)
    assert deadline.ends_at == 1010.0


def test_total_bounds_each_operation(clock: Clock) -> None:
    """What is left in all counts where it is less than the operation's own limit."""
    deadline = Deadline(TimeoutConfig(total_timeout=10))
    assert deadline.within(5.0) == 5.0
    assert deadline.within(None) == 10.0
    clock.now += 8
    assert deadline.within(5.0) == 2.0
    clock.now += 8
    assert typing.cast("float", deadline.within(5.0)) < 0


def test_restarted(clock: Clock) -> None:
    """The same limits from now on: those of the call, whatever phase it is in."""
    deadline = Deadline(TimeoutConfig(1, total_timeout=10))
    clock.now += 8
    again = deadline.connecting().restarted()
    assert (again.connect, again.read, again.ends_at) == (1.0, 1.0, 1018.0)


def test_connecting_has_one_limit_for_all(clock: Clock) -> None:
    """DNS, TCP and TLS together take `connect_timeout`; single operations have no limit."""
    connecting = Deadline(TimeoutConfig(connect_timeout=3)).connecting()
    assert (connecting.connect, connecting.read, connecting.write) == (None, None, None)
    assert connecting.ends_at == 1003.0
    clock.now += 4
    error = connecting.error(ReadTimeout, "TLS handshake with", "h:443")
    assert type(error) is ConnectTimeout
    assert str(error) == "TLS handshake with h:443 timed out after 3 s (connect_timeout)"


def test_total_ends_a_phase(clock: Clock) -> None:
    """Where the total limit comes first, it is the one that is reported."""
    connecting = Deadline(TimeoutConfig(connect_timeout=5, total_timeout=2)).connecting()
    assert connecting.ends_at == 1002.0
    clock.now += 2
    error = connecting.error(ConnectTimeout, "connect to", "h:80")
    assert type(error) is TotalTimeout
    assert (error.limit, error.elapsed, error.phase, error.peer) == (2.0, 2.0, "connect to", "h:80")


def test_a_phase_without_a_limit(clock: Clock) -> None:
    """`None` seconds leave only the total limit."""
    assert Deadline(TimeoutConfig(None)).phase(None, ConnectTimeout).ends_at is None
    assert Deadline(TimeoutConfig(total_timeout=7)).phase(None, ConnectTimeout).ends_at == 1007.0


def test_hurried(clock: Clock) -> None:
    """Reads and writes get shorter, never longer; the end stays."""
    deadline = Deadline(TimeoutConfig(read_timeout=None, write_timeout=0.5, total_timeout=9))
    hurried = deadline.hurried(1.0)
    assert (hurried.read, hurried.write, hurried.ends_at) == (1.0, 0.5, 1009.0)
    other = Deadline(TimeoutConfig(read_timeout=3, write_timeout=None)).hurried(1.0)
    assert (other.read, other.write, other.ends_at) == (1.0, 1.0, None)


def test_errors_name_limit_and_peer(clock: Clock) -> None:
    """The error of a single operation has that operation's limit."""
    deadline = Deadline(TimeoutConfig(read_timeout=1, write_timeout=2, total_timeout=60))
    clock.now += 2.5
    reading = deadline.error(ReadTimeout, "read from", "h:80")
    writing = deadline.error(httpcore.WriteTimeout, "write to", "h:80")
    assert str(reading) == "read from h:80 timed out after 1 s (read_timeout)"
    assert str(writing) == "write to h:80 timed out after 2 s (write_timeout)"
    assert (reading.limit, reading.elapsed) == (1.0, 2.5)


def test_errors_without_a_limit() -> None:
    """A limit that nobody set is not invented."""
    error = timeout_error(PoolTimeout, "wait for", "a connection", None, 0.0)
    assert str(error) == "wait for a connection timed out after no time left (pool_timeout)"


def test_timeouts_as_configs() -> None:
    """`timeout=` takes a config, seconds or `None`."""
    config = TimeoutConfig(read_timeout=1)
    assert timeout_config(config) is config
    assert timeout_config(2) == TimeoutConfig(2)
    assert timeout_config(None) == TimeoutConfig(None)


def test_a_running_deadline_passes_as_it_is() -> None:
    """What a client gives its dispatcher is not begun anew."""
    deadline = Deadline()
    assert as_deadline(deadline, 3.0) is deadline


@pytest.mark.parametrize(
    ("timeout", "own", "expected"),
    [
        (None, 3, (3.0, 3.0)),
        (None, None, (None, None)),
        (None, TimeoutConfig(read_timeout=1), (5.0, 1.0)),
        (2, TimeoutConfig(1), (2.0, 2.0)),
        (TimeoutConfig(read_timeout=2), 1, (1.0, 2.0)),
    ],
)
def test_a_dispatcher_has_limits_of_its_own(
    timeout: float | TimeoutConfig | None,
    own: float | TimeoutConfig | None,
    expected: tuple[float, float],
) -> None:
    """They count where the request brings none, field by field."""
    deadline = as_deadline(timeout, own)
    assert (deadline.connect, deadline.read) == expected
