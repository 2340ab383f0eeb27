"""The config objects for how long things may take, and how many connections there may be.

Like all config objects they are immutable, comparable and hashable, and may be shared by threads.
"""

from __future__ import annotations

import math

from .value import UNSET, Unset, Value

Seconds = float | None


class TimeoutConfig(Value):
    """
    Time limits in seconds.

    `TimeoutConfig(5.0)` sets connect, read and write; or give each by name.
    `None` means no limit.  What is not given is inherited: a call's config
    from the client's, the client's from the default of 5 s for connect, read and
    write and no total limit.  `TimeoutConfig(None)` sets all four to `None`.

    * `connect_timeout`: DNS, TCP, proxies and TLS together.
    * `read_timeout`: the longest silence while bytes are expected.
    * `write_timeout`: the longest time in which the peer takes no byte.
    * `total_timeout`: the whole exchange, from the call to the last byte of the
      body: pool wait, DNS, redirects, auth rounds and resends included.

    Raises `ValueError` for zero, negative numbers and NaN, `TypeError` for what is no
    number.  `math.inf` is the same as `None`.
    """

    __slots__ = ("connect_timeout", "read_timeout", "write_timeout", "total_timeout")

    connect_timeout: Seconds | Unset
    read_timeout: Seconds | Unset
    write_timeout: Seconds | Unset
    total_timeout: Seconds | Unset

    def __init__(
        self,
        timeout: Seconds | TimeoutConfig | Unset = UNSET,
        *,
        connect_timeout: Seconds | Unset = UNSET,
        read_timeout: Seconds | Unset = UNSET,
        write_timeout: Seconds | Unset = UNSET,
        total_timeout: Seconds | Unset = UNSET,
    ) -> None:
        given = {
            "connect_timeout": connect_timeout,
            "read_timeout": read_timeout,
            "write_timeout": write_timeout,
            "total_timeout": total_timeout,
        }
        if isinstance(timeout, TimeoutConfig):
            base = timeout.__getstate__()
        else:
            value = _seconds("timeout", timeout)
            base = dict.fromkeys(given, value)
            if value is not None:
                base["total_timeout"] = UNSET
        self._set(
            **{
                name: base[name] if limit is UNSET else _seconds(name, limit)
                for name, limit in given.items()
            }
        )

    def over(self, base: TimeoutConfig) -> TimeoutConfig:
        """This config with every field that is not given taken from `base`."""
        if (
            self.connect_timeout is not UNSET
            and self.read_timeout is not UNSET
            and self.write_timeout is not UNSET
            and self.total_timeout is not UNSET
        ):
            return self
        return TimeoutConfig(
            **{
                name: getattr(base, name) if value is UNSET else value
                for name, value in self.__getstate__().items()
            }
        )

    def __repr__(self) -> str:
        given = [
            f"{name}={value!r}" for name, value in self.__getstate__().items() if value is not UNSET
        ]
        return f"TimeoutConfig({', '.join(given)})"


def _seconds(name: str, value: object) -> Seconds | Unset:
    if value is None or isinstance(value, Unset):
        return value
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        hint = " or a TimeoutConfig with a limit for each" if name == "timeout" else ""
        raise TypeError(f"{name} takes seconds or None{hint}, not {value!r}")
    if not value > 0:
        raise ValueError(
            f"{name} has to be more than zero seconds, not {value!r}; None means no limit"
        )
    return None if math.isinf(value) else float(value)


class PoolLimits(Value):
    """
    How many connections a pool keeps and opens.

    * `soft_limit`: idle connections kept open; zero keeps none, `None` all.
    * `hard_limit`: connections open at once, idle ones included; `None` means no limit.
    * `origin_limit`: connections open at once to one origin; `None` means no limit.
    * `pool_timeout`: seconds a request waits for a connection; `None` means no
      limit.  Not given, a request waits as long as connections keep being
      given back, and at most `read_timeout` seconds with none given back.
    * `keepalive_expiry`: seconds an idle connection is kept; `None` means no limit.
      A shorter `Keep-Alive: timeout=` of the server counts instead.

    Raises `ValueError` for what would let nothing through, `TypeError` for what is no number.
    """

    __slots__ = ("soft_limit", "hard_limit", "origin_limit", "pool_timeout", "keepalive_expiry")

    soft_limit: int | None
    hard_limit: int | None
    origin_limit: int | None
    pool_timeout: Seconds | Unset
    keepalive_expiry: Seconds

    def __init__(
        self,
        soft_limit: int | None = 10,
        hard_limit: int | None = 100,
        *,
        origin_limit: int | None = None,
        pool_timeout: Seconds | Unset = UNSET,
        keepalive_expiry: Seconds = 15.0,
    ) -> None:
        self._set(
            soft_limit=_count("soft_limit", soft_limit, least=0),
            hard_limit=_count("hard_limit", hard_limit, least=1),
            origin_limit=_count("origin_limit", origin_limit, least=1),
            pool_timeout=_seconds("pool_timeout", pool_timeout),
            keepalive_expiry=_seconds("keepalive_expiry", keepalive_expiry),
        )

    def __repr__(self) -> str:
        wait = "" if self.pool_timeout is UNSET else f"pool_timeout={self.pool_timeout!r}, "
        return (
            f"PoolLimits(soft_limit={self.soft_limit!r}, hard_limit={self.hard_limit!r}, "
            f"origin_limit={self.origin_limit!r}, {wait}"
            f"keepalive_expiry={self.keepalive_expiry!r})"
        )


def _count(name: str, value: object, *, least: int) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name} takes a whole number or None, not {value!r}")
    if value < least:
        raise ValueError(f"{name} has to be at least {least}, not {value!r}; None means no limit")
    return value


def checked_limits(limits: object) -> PoolLimits:
    """`limits`, if it is a `PoolLimits`; else `TypeError`."""
    if not isinstance(limits, PoolLimits):
        raise TypeError(f"pool_limits takes a PoolLimits, not {limits!r}")
    return limits


DEFAULT_TIMEOUT = TimeoutConfig(5.0, total_timeout=None)
DEFAULT_POOL_LIMITS = PoolLimits()
