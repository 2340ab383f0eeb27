"""The three config objects are values, and refuse what makes no sense before it can do harm."""

from __future__ import annotations

import math
import pathlib
import pickle
import ssl
import sys
import typing

import pytest

from httpcore import PoolLimits, SSLConfig, TimeoutConfig
from httpcore.config import DEFAULT_POOL_LIMITS, DEFAULT_TIMEOUT, UNSET, ssl_config

VALUES = [
    TimeoutConfig(),
    TimeoutConfig(5),
    TimeoutConfig(None),
    TimeoutConfig(connect_timeout=1.5, read_timeout=None, total_timeout=60),
    PoolLimits(),
    PoolLimits(0, None, origin_limit=3, pool_timeout=None, keepalive_expiry=None),
    PoolLimits(pool_timeout=2.5),
    SSLConfig(),
    SSLConfig("client.pem", verify=False),
    SSLConfig(("client.pem", "client.key"), verify="ca.pem"),
]


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_repr_rebuilds(value: object) -> None:
    """`repr()` is the expression that makes an equal value."""
    assert eval(repr(value)) == value


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_equal_values_are_interchangeable(value: object) -> None:
    """Equal ones have one hash; a copy by pickle is equal; nothing else is."""
    copy = pickle.loads(pickle.dumps(value))
    assert copy == value
    assert hash(copy) == hash(value)
    assert [other for other in VALUES if other == value] == [value]
    assert value != "something else"


@pytest.mark.parametrize("value", [TimeoutConfig(), PoolLimits(), SSLConfig()], ids=repr)
def test_immutable(value: typing.Any) -> None:
    """No field can be set or deleted."""
    name = type(value).__slots__[0]
    with pytest.raises(AttributeError, match="is immutable; make a new one"):
        setattr(value, name, 1)
    with pytest.raises(AttributeError, match="is immutable; make a new one"):
        delattr(value, name)


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


# TLS.


@pytest.mark.parametrize("verify", [True, False, "ca.pem", pathlib.Path("cas")])
def test_what_verify_takes(verify: bool | str | pathlib.Path) -> None:
    """`ssl=` is short for an `SSLConfig` with that as its `verify`."""
    assert ssl_config(verify) == SSLConfig(verify=verify)


def test_a_context_verifies() -> None:
    """An `SSLContext` may stand for all settings, and for equality it is itself alone."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    config = ssl_config(context)
    assert config.verify is context
    assert ssl_config(config) is config
    assert config == SSLConfig(verify=context)
    assert config != SSLConfig(verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))


def test_no_context_without_the_module(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where `ssl` was never imported nothing can be a context, and `ssl` stays unloaded."""
    monkeypatch.delitem(sys.modules, "ssl")
    with pytest.raises(TypeError, match="or an SSLContext, not 0"):
        SSLConfig(verify=typing.cast("bool", 0))
    assert "ssl" not in sys.modules


def test_a_context_has_its_own_certificate() -> None:
    """A certificate beside a context would have to change it, so it is refused."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    with pytest.raises(TypeError, match="load the certificate into the SSLContext"):
        SSLConfig("client.pem", verify=context)


@pytest.mark.parametrize("cert", [1, (), ("a", "b", "c", "d"), ("a", 1), ["a", "b"], (None,)])
def test_what_cert_does_not_take(cert: typing.Any) -> None:
    """Anything but paths and a password is refused."""
    with pytest.raises(TypeError, match=r"cert takes a PEM path, \(cert, key\)"):
        SSLConfig(cert)


def test_the_password_is_not_shown() -> None:
    """`repr()` has everything but the password."""
    config = SSLConfig(("client.pem", "client.key", "secret"))
    assert repr(config) == ("SSLConfig(cert=('client.pem', 'client.key', '[secret]'), verify=True)")


def test_unset_has_a_short_repr() -> None:
    """Signatures in `help()` show it."""
    assert repr(UNSET) == "UNSET"
