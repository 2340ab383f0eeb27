"""New sockets: the options that are on them, and what is told of those that cannot be had."""

from __future__ import annotations

import errno
import os
import socket
import sys
import typing

import pytest

from httpcore.backends.socket_setup import new_socket
from httpcore.connect_config import DEFAULT_CONNECT, ConnectConfig
from httpcore.exceptions import ConnectError
from tests.servers.ports import free_ports

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="an option of Linux")


def option(config: ConnectConfig, level: int, number: int, family: int = socket.AF_INET) -> int:
    with new_socket(family, config) as sock:
        return sock.getsockopt(level, number)


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6])
def test_a_new_socket(family):
    """It does not block, and small writes leave at once."""
    with new_socket(family, DEFAULT_CONNECT) as sock:
        assert sock.getblocking() is False
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 0
    assert option(ConnectConfig(tcp_nodelay=False), socket.IPPROTO_TCP, socket.TCP_NODELAY) == 0


@LINUX
def test_keep_alive():
    """Each of the three switches it on; the others are the system's."""
    config = ConnectConfig(tcp_keepalive_idle=61, tcp_keepalive_interval=7, tcp_keepalive_count=3)
    assert option(config, socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
    assert option(config, socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 61
    assert option(config, socket.IPPROTO_TCP, socket.TCP_KEEPINTVL) == 7
    assert option(config, socket.IPPROTO_TCP, socket.TCP_KEEPCNT) == 3
    alone = ConnectConfig(tcp_keepalive_count=3)
    assert option(alone, socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1


@LINUX
@pytest.mark.parametrize(("seconds", "milliseconds"), [(2.5, 2500), (0.0001, 1), (1e9, 2**31 - 1)])
def test_user_timeout(seconds, milliseconds):
    """In seconds, as all times here are."""
    config = ConnectConfig(tcp_user_timeout=seconds)
    assert option(config, socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == milliseconds


@LINUX
def test_interface():
    """One that there is, and one that there is not."""
    config = ConnectConfig(interface="lo")
    with new_socket(socket.AF_INET, config) as sock:
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, 16) == b"lo\0"
    with pytest.raises(ConnectError, match=r"interface='nope0' cannot be had: no such device"):
        new_socket(socket.AF_INET, ConnectConfig(interface="nope0"))


def test_raw_options():
    """As `setsockopt` takes them, on Unix sockets too; one that is refused is named."""
    options = [(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)]
    config = ConnectConfig(socket_options=options)
    for family in (socket.AF_INET, socket.AF_UNIX):
        assert option(config, socket.SOL_SOCKET, socket.SO_REUSEADDR, family) != 0
    bad = ConnectConfig(socket_options=[*options, (socket.SOL_SOCKET, 9999, 1)])
    with pytest.raises(ConnectError, match=r"socket_options=\[\(1, 9999, 1\)\] cannot be had: "):
        new_socket(socket.AF_INET, bad)


@pytest.mark.parametrize(
    ("name", "value", "missing"),
    [
        ("tcp_keepalive_idle", 1, ("TCP_KEEPIDLE", "TCP_KEEPALIVE")),
        ("tcp_user_timeout", 1, ("TCP_USER_TIMEOUT",)),
        ("interface", "eth0", ("SO_BINDTODEVICE",)),
    ],
)
def test_what_the_system_does_not_have(monkeypatch, name, value, missing):
    """It is named."""
    for constant in missing:
        monkeypatch.delattr(socket, constant, raising=False)
    config = ConnectConfig(**{name: value})
    with pytest.raises(ConnectError, match=rf"{name}=.* this system has no such option"):
        new_socket(socket.AF_INET, config)


@LINUX
def test_macos_names_its_keep_alive_otherwise(monkeypatch):
    """TCP_KEEPALIVE is what TCP_KEEPIDLE is elsewhere."""
    monkeypatch.setattr(socket, "TCP_KEEPALIVE", socket.TCP_KEEPIDLE, raising=False)
    monkeypatch.delattr(socket, "TCP_KEEPIDLE")
    config = ConnectConfig(tcp_keepalive_idle=61)
    assert option(config, socket.IPPROTO_TCP, 4) == 61


# Where connections come from.


@pytest.mark.parametrize(
    ("family", "address"),
    [(socket.AF_INET, "127.0.0.9"), (socket.AF_INET6, "::1")],
)
def test_local_address(family, address):
    """The port is the system's."""
    with new_socket(family, ConnectConfig(local_address=address)) as sock:
        assert sock.getsockname()[0] == address
        assert sock.getsockname()[1] != 0


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6])
def test_local_port(family):
    """From every address; a range goes on to the first that is free."""
    with socket.socket(family) as busy:
        busy.bind(("", 0))
        busy.listen()
        port = busy.getsockname()[1]
        with pytest.raises(
            ConnectError, match=rf"local_port={port} cannot be had: all in use"
        ) as e:
            new_socket(family, ConnectConfig(local_port=port))
        assert typing.cast("OSError", e.value.__cause__).errno == errno.EADDRINUSE
        ports = range(port, min(port + 50, 65536))
        with new_socket(family, ConnectConfig(local_port=ports)) as sock:
            assert sock.getsockname()[1] in ports[1:]
        with new_socket(family, ConnectConfig(local_port=range(port, port - 50, -1))) as sock:
            assert sock.getsockname()[1] < port


@pytest.mark.parametrize(
    ("address", "why"),
    [("192.0.2.1", "cannot assign requested address"), ("eth0", "that is no IP address")],
)
def test_a_local_address_that_is_none(address, why):
    """It is named, with the reason."""
    with pytest.raises(ConnectError, match=rf"local_address='{address}', .* cannot be had: {why}"):
        new_socket(socket.AF_INET, ConnectConfig(local_address=address))


def test_a_socket_that_takes_no_option_is_closed(monkeypatch):
    """No descriptor leaks where setting it up fails."""
    made: list[socket.socket] = []

    class Stubborn(socket.socket):
        def setsockopt(self, *args: object) -> None:
            made.append(self)
            raise OSError(errno.EINVAL, "Invalid argument")

    monkeypatch.setattr(socket, "socket", Stubborn)
    with pytest.raises(ConnectError, match=r"tcp_nodelay=True cannot be had: invalid argument"):
        new_socket(socket.AF_INET, DEFAULT_CONNECT)
    assert made[0].fileno() == -1


@pytest.mark.skipif(os.name != "posix", reason="elsewhere it would take the port from others")
def test_a_port_that_was_used_a_moment_ago():
    """A connection that has been closed keeps nobody from one port; of several there are others."""
    (port,) = free_ports(1)
    for ports, reused in ((port, 1), (range(port, port + 9), 0)):
        with new_socket(socket.AF_INET, ConnectConfig(local_port=ports)) as sock:
            assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR) == reused
