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


@pytest.mark.parametrize(
    "options",
    [
        {"cert": "client.pem"},
        {"minimum_version": "TLSv1.2"},
        {"maximum_version": "TLSv1.3"},
        {"ciphers": "DEFAULT"},
        {"keylog_file": True},
    ],
)
def test_a_context_has_its_own_settings(options: dict[str, typing.Any]) -> None:
    """What would have to change a context is refused beside it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    name = next(iter(options))
    with pytest.raises(TypeError, match=f"^set {name} in the SSLContext, which is not changed"):
        SSLConfig(verify=context, **options)


def test_what_a_context_takes_beside_it() -> None:
    """What is no matter of the context."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    config = SSLConfig(verify=context, server_hostname="example.org", pins="ab" * 32)
    assert config.verify is context


def test_a_context_for_servers() -> None:
    """One that could only accept connections is refused at once."""
    with pytest.raises(ValueError, match="an SSLContext for clients"):
        SSLConfig(verify=ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))


@pytest.mark.parametrize(
    "cert",
    [1, (), ("a", "b", "c", "d"), ("a", 1), ["a", "b"], (None,), bytearray(b"a"), (b"a", 1)],
)
def test_what_cert_does_not_take(cert: typing.Any) -> None:
    """Anything but paths, PEM and a password is refused."""
    with pytest.raises(TypeError, match=r"cert takes a PEM path, \(cert, key\)"):
        SSLConfig(cert)


def test_a_password_is_text() -> None:
    """As it is for the rest of Python's `ssl` when it comes from a person."""
    with pytest.raises(TypeError, match="the password of cert is a str"):
        SSLConfig(typing.cast("typing.Any", ("client.pem", "client.key", b"secret")))


@pytest.mark.parametrize(
    "options",
    [
        {"cert": "-----BEGIN CERTIFICATE-----\n"},
        {"cert": ("client.pem", "-----BEGIN PRIVATE KEY-----\n")},
        {"verify": "-----BEGIN CERTIFICATE-----\n"},
    ],
)
def test_pem_is_bytes(options: dict[str, typing.Any]) -> None:
    """A `str` is a path; the mistake is told at once, without showing a key."""
    name = next(iter(options))
    with pytest.raises(TypeError, match=f"^{name} takes PEM as bytes; a str is the path of a file"):
        SSLConfig(**options)


@pytest.mark.parametrize(
    ("cert", "shown"),
    [
        (("client.pem", "client.key", "secret"), "('client.pem', 'client.key', '[secret]')"),
        ((b"secret", "client.key", "secret"), "(b'[secret]', 'client.key', '[secret]')"),
        (("client.pem", b"secret"), "('client.pem', b'[secret]')"),
        (b"secret", "b'[secret]'"),
    ],
)
def test_secrets_are_not_shown(cert: typing.Any, shown: str) -> None:
    """`repr()` has everything but passwords and what may hold a key."""
    assert repr(SSLConfig(cert)) == f"SSLConfig(cert={shown}, verify=True)"


@pytest.mark.parametrize(
    ("version", "same"),
    [
        ("TLSv1.2", "TLSv1.2"),
        ("TLSv1_3", "TLSv1.3"),
        (ssl.TLSVersion.TLSv1_3, "TLSv1.3"),
        (ssl.TLSVersion.TLSv1_2, "TLSv1.2"),
        (None, None),
    ],
)
def test_versions(version: typing.Any, same: str | None) -> None:
    """Python's names and OpenSSL's are one thing."""
    assert SSLConfig(minimum_version=version).minimum_version == same
    assert SSLConfig(maximum_version=version) == SSLConfig(maximum_version=same)


@pytest.mark.parametrize("version", ["1.2", "TLSv1.4", 1.2, ssl.TLSVersion.MAXIMUM_SUPPORTED, ""])
def test_versions_that_there_are_not(version: typing.Any) -> None:
    """The error lists those that there are."""
    with pytest.raises(ValueError, match=r"^minimum_version is one of TLSv1, .*TLSv1\.3, not"):
        SSLConfig(minimum_version=version)


def test_versions_of_which_none_is_left() -> None:
    """The latest must not be older than the oldest, which is TLS 1.2 where nothing is said."""
    with pytest.raises(ValueError, match=r"'TLSv1\.2' is below minimum_version, 'TLSv1\.3'"):
        SSLConfig(minimum_version="TLSv1.3", maximum_version="TLSv1.2")
    with pytest.raises(ValueError, match=r"'TLSv1\.1' is below minimum_version, 'TLSv1\.2'"):
        SSLConfig(maximum_version="TLSv1.1")
    assert SSLConfig(minimum_version="TLSv1", maximum_version="TLSv1").maximum_version == "TLSv1"


def test_pins() -> None:
    """One or several, in any order and notation."""
    config = SSLConfig(pins=["cd" * 32, "AB:" * 31 + "AB", "ab" * 32])
    assert config.pins == ("ab" * 32, "cd" * 32)
    assert SSLConfig(pins="ab" * 32).pins == ("ab" * 32,)
    with pytest.raises(ValueError, match="a pin is 'sha256/'"):
        SSLConfig(pins="abc")
    with pytest.raises(TypeError, match="a pin is a str, not bytes"):
        SSLConfig(pins=typing.cast("typing.Any", [b"ab" * 32]))
    with pytest.raises(TypeError, match="ciphers takes a str or None, not 5"):
        SSLConfig(ciphers=typing.cast("typing.Any", 5))
    with pytest.raises(ValueError, match="pins is empty"):
        SSLConfig(pins=[])


@pytest.mark.parametrize(
    "name",
    ["example.org.", "_a.X-1.org", "xn--bcher-kva.example", "192.0.2.1", "::1", "::FFFF:1.2.3.4"],
)
def test_server_hostnames(name: str) -> None:
    """Names and addresses."""
    assert SSLConfig(server_hostname=name).server_hostname == name


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"server_hostname": ""}, ValueError),
        ({"server_hostname": "b\u00fccher.example"}, ValueError),
        ({"server_hostname": "a\0b"}, ValueError),
        ({"server_hostname": "a b"}, ValueError),
        ({"server_hostname": "a:443"}, ValueError),
        ({"server_hostname": "[::1]"}, ValueError),
        ({"server_hostname": b"example.org"}, TypeError),
        ({"keylog_file": 1}, TypeError),
        ({"keylog_file": None}, TypeError),
    ],
)
def test_what_else_an_ssl_config_does_not_take(
    options: dict[str, typing.Any], error: type[Exception]
) -> None:
    """The error names the argument."""
    with pytest.raises(error, match=next(iter(options))):
        SSLConfig(**options)


def test_unset_has_a_short_repr() -> None:
    """Signatures in `help()` show it."""
    assert repr(UNSET) == "UNSET"
