"""`ConnectConfig`: a value, what it takes, and whom it says to connect to."""

from __future__ import annotations

import pathlib
import pickle
import typing

import pytest

import httpcore
from httpcore import ConnectConfig


def resolver(host: str, port: int) -> list[str]:
    return ["192.0.2.1"]


FULL: dict[str, typing.Any] = {
    "resolver": resolver,
    "hosts": {"b.example": "192.0.2.2", "a.example:443": "[::1]:8443"},
    "addresses": "public",
    "family": "ipv4",
    "local_address": "192.0.2.9",
    "local_port": range(4000, 4100),
    "interface": "eth0",
    "tcp_nodelay": False,
    "tcp_keepalive_idle": 60,
    "tcp_keepalive_interval": 10,
    "tcp_keepalive_count": 3,
    "tcp_user_timeout": 2.5,
    "socket_options": [(1, 2, 3), (1, 2, b"x")],
}


def test_value():
    """Immutable, comparable, hashable, pickles; `repr` has what is given, and would rebuild it."""
    config = ConnectConfig(**FULL)
    assert config == ConnectConfig(**{**FULL, "hosts": list(FULL["hosts"].items())})
    assert hash(config) == hash(ConnectConfig(**FULL))
    assert config != ConnectConfig()
    assert pickle.loads(pickle.dumps(config)) == config
    with pytest.raises(AttributeError, match="immutable"):
        config.family = None
    assert repr(ConnectConfig()) == "ConnectConfig()"
    given = ConnectConfig(hosts=FULL["hosts"], unix_socket=pathlib.Path("/run/a.sock"))
    assert repr(given) == (
        "ConnectConfig(hosts={'a.example:443': '[::1]:8443', 'b.example': '192.0.2.2'}, "
        "unix_socket='/run/a.sock')"
    )
    assert eval(repr(given)) == given


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"resolver": "dns"}, TypeError, "resolver takes a callable, not 'dns'"),
        ({"addresses": "private"}, ValueError, "addresses is 'public', a callable or None"),
        ({"family": 4}, ValueError, "family is 'ipv4', 'ipv6' or None, not 4"),
        ({"addresses": "public", "unix_socket": "/a"}, ValueError, "a unix_socket has none"),
        ({"family": "ipv6", "local_address": "127.0.0.1"}, ValueError, "is not of family='ipv6'"),
        ({"hosts": {"a": 1}}, TypeError, "hosts takes a dict of str, not 1 in it"),
        ({"hosts": {"": "b"}}, ValueError, "hosts has '', which is neither a host nor host:port"),
        ({"hosts": {"a": "http://b/"}}, ValueError, "hosts has 'http://b/', which is neither a ho"),
        ({"hosts": {"http://a": "b"}}, ValueError, "hosts has 'http://a', which is neither a host"),
        ({"hosts": {"a": "u@b"}}, ValueError, "hosts has 'u@b', which is neither a host nor host"),
        ({"hosts": {"a": "b:"}}, ValueError, "'b:', which is neither"),
        ({"hosts": {"a": "b:x"}}, ValueError, "'b:x', which is neither"),
        ({"hosts": {"a": "b:99999"}}, ValueError, "'b:99999', but ports are from 1 to 65535"),
        ({"hosts": {"a": "[::1]:0"}}, ValueError, "ports are from 1 to 65535"),
        ({"local_address": 1}, TypeError, "local_address takes a str or None, not 1"),
        ({"interface": b"eth0"}, TypeError, "interface takes a str or None, not b'eth0'"),
        ({"interface": "\ud800"}, ValueError, "surrogate"),
        ({"unix_socket": "/\ud800"}, ValueError, "surrogate"),
        ({"hosts": {"a": "[::1]80"}}, ValueError, r"'\[::1\]80', which is neither"),
        ({"hosts": {"bücher.example": "b"}}, ValueError, "as xn--"),
        ({"local_port": "80"}, TypeError, "local_port takes a port, a range of ports or None"),
        ({"local_port": True}, TypeError, "local_port takes a port, a range of ports or None"),
        ({"local_port": 0}, ValueError, "local_port has to be from 1 to 65535, not 0"),
        ({"local_port": range(0)}, ValueError, "local_port has to be from 1 to 65535"),
        ({"local_port": range(65530, 65537)}, ValueError, "local_port has to be from 1 to 65535"),
        ({"tcp_keepalive_idle": 1.5}, TypeError, "tcp_keepalive_idle takes a whole number"),
        ({"tcp_keepalive_count": True}, TypeError, "tcp_keepalive_count takes a whole number"),
        (
            {"tcp_keepalive_count": 0},
            ValueError,
            "has to be more than zero, not 0; None is the sys",
        ),
        ({"tcp_user_timeout": "1"}, TypeError, "tcp_user_timeout takes a number or None, not '1'"),
        ({"tcp_user_timeout": float("nan")}, ValueError, "has to be more than zero, not nan"),
        ({"socket_options": [(1, 2)]}, TypeError, r"socket_options takes triples .* not \(1, 2\)"),
        ({"socket_options": [(1, 2, "3")]}, TypeError, "socket_options takes triples"),
    ],
)
def test_what_it_does_not_take(options, error, words):
    """It is told at once, in words."""
    with pytest.raises(error, match=words):
        ConnectConfig(**options)


def test_async_functions():
    """A resolver may block, so it has no need to be one; what a rule would return is true."""

    async def called(*arguments: object) -> typing.Any:
        raise NotImplementedError

    with pytest.raises(TypeError, match="resolver takes a plain function"):
        ConnectConfig(resolver=typing.cast("typing.Any", called))
    with pytest.raises(TypeError, match="addresses takes a plain function"):
        ConnectConfig(addresses=typing.cast("typing.Any", called))


def test_local_address_says_which_family():
    """A connection from an IPv6 address goes to one."""
    assert ConnectConfig(local_address="::1").family == "ipv6"
    assert ConnectConfig(local_address="127.0.0.1", family="ipv4").family == "ipv4"


@pytest.mark.parametrize(
    ("host", "port", "target"),
    [
        ("a.example", 80, ("192.0.2.1", 80)),
        ("a.example", 443, ("::1", 8443)),
        ("b.example", 80, ("other.example", 8080)),
        ("c.example", 80, ("2001:db8::1", 80)),
        ("d.example", 80, ("d.example", 80)),
    ],
)
def test_hosts(host, port, target):
    """A name with a port comes before one without; a target without one keeps the port."""
    config = ConnectConfig(
        hosts={
            "A.example": "192.0.2.1",
            "a.example:443": "[::1]:8443",
            "b.example": "other.example:8080",
            "c.example": "2001:db8::1",
        }
    )
    assert config.target(host, port, f"{host}:{port}") == target
    assert ConnectConfig().target(host, port, f"{host}:{port}") == (host, port)


@pytest.mark.parametrize(
    "make",
    [
        lambda connect: httpcore.Client(connect=connect),
        lambda connect: httpcore.ConnectionPool(connect=connect),
        lambda connect: httpcore.HTTPConnection("http://a.example", connect=connect),
    ],
)
@pytest.mark.parametrize("connect", [None, 5, {"family": "ipv4"}])
def test_what_connect_takes(make, connect):
    """Not seconds, nor a dict."""
    with pytest.raises(TypeError, match="connect takes a ConnectConfig, not "):
        make(connect)
