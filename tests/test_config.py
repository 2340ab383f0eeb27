"""Limits of time and number; what makes no sense is refused before it can do harm."""

from __future__ import annotations

import math
import typing

import pytest

from httpcore import PoolLimits, TimeoutConfig
from httpcore.config import DEFAULT_POOL_LIMITS, DEFAULT_TIMEOUT
from httpcore.value import UNSET

# Time limits.


def limits(config: TimeoutConfig) -> tuple[object, ...]:
    return (
        config.connect_timeout,
        config.read_timeout,
        config.write_timeout,
        config.total_timeout,
    )


def test_one_number_sets_three_limits() -> None:
    """Seconds are for connect, read and write; the total is another matter."""
    assert limits(TimeoutConfig(3)) == (3.0, 3.0, 3.0, UNSET)
    assert limits(TimeoutConfig(3, read_timeout=60)) == (3.0, 60.0, 3.0, UNSET)


def test_none_means_no_limit_at_all() -> None:
    """`None` takes the total limit away too."""
    assert limits(TimeoutConfig(None)) == (None, None, None, None)


def test_the_default_is_five_seconds() -> None:
    """Time limits are strict where nobody says anything."""
    assert limits(TimeoutConfig().over(DEFAULT_TIMEOUT)) == (5.0, 5.0, 5.0, None)


def test_a_config_on_a_config() -> None:
    """A config can be given in the place of the number."""
    base = TimeoutConfig(connect_timeout=1, read_timeout=2)
    assert limits(TimeoutConfig(base, read_timeout=None)) == (1.0, None, UNSET, UNSET)


def test_tm12_what_is_not_given_is_inherited() -> None:
    """Fields that are not given are those of the base; `None` is a value like any other."""
    base = TimeoutConfig(2, total_timeout=30)
    assert limits(TimeoutConfig(read_timeout=1).over(base)) == (2.0, 1.0, 2.0, 30.0)
    assert limits(TimeoutConfig(read_timeout=None).over(base)) == (2.0, None, 2.0, 30.0)
    assert limits(TimeoutConfig(None).over(base)) == (None, None, None, None)
    complete = TimeoutConfig(1, total_timeout=2)
    assert complete.over(base) is complete


@pytest.mark.parametrize("name", ["timeout", "read_timeout"])
@pytest.mark.parametrize(
    ("value", "error"),
    [
        (0, ValueError),
        (-1, ValueError),
        (math.nan, ValueError),
        ("5", TypeError),
        (True, TypeError),
        ((1, 2), TypeError),
    ],
)
def test_tm7_senseless_limits(name: str, value: typing.Any, error: type[Exception]) -> None:
    """What is no time is refused at once, and the message names the argument and the value."""
    with pytest.raises(error) as caught:
        TimeoutConfig(**{name: value})
    assert str(caught.value).startswith(name)
    assert repr(value) in str(caught.value)


def test_tm7_infinity_is_no_limit() -> None:
    """`math.inf` is another way to say `None`."""
    assert TimeoutConfig(math.inf) == TimeoutConfig(None, total_timeout=UNSET) != TimeoutConfig()
    assert TimeoutConfig(read_timeout=10**12).read_timeout == 1e12


# Pool limits.


def test_pool_limits_by_default() -> None:
    """As many as the README says."""
    assert (DEFAULT_POOL_LIMITS.soft_limit, DEFAULT_POOL_LIMITS.hard_limit) == (10, 100)
    assert DEFAULT_POOL_LIMITS.pool_timeout is UNSET


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"soft_limit": -1}, ValueError),
        ({"hard_limit": 0}, ValueError),
        ({"origin_limit": 0}, ValueError),
        ({"hard_limit": 1.5}, TypeError),
        ({"soft_limit": True}, TypeError),
        ({"pool_timeout": "1"}, TypeError),
        ({"keepalive_expiry": -1}, ValueError),
    ],
)
def test_senseless_pool_limits(arguments: dict[str, typing.Any], error: type[Exception]) -> None:
    """Limits that would let nothing through are refused by name."""
    with pytest.raises(error, match=next(iter(arguments))):
        PoolLimits(**arguments)
