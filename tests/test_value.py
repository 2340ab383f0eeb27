"""Config objects are values: equal by what they say, and never changed."""

from __future__ import annotations

import pickle
import typing

import pytest

from httpcore import PoolLimits, SSLConfig, TimeoutConfig
from httpcore.value import UNSET

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
    SSLConfig(verify="system", server_hostname="example.org", keylog_file=True),
    SSLConfig(verify=b"-----BEGIN CERTIFICATE-----", ciphers="DEFAULT"),
    SSLConfig(pins="ab" * 32, minimum_version="TLSv1.3", keylog_file="keys.log"),
    SSLConfig(maximum_version="TLSv1.2"),
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


def test_unset_has_a_short_repr() -> None:
    """Signatures in `help()` show it."""
    assert repr(UNSET) == "UNSET"
