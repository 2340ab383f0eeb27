"""New sockets, with the options that a `ConnectConfig` asks for, and bound as it says.

What the system does not have, or does not take, is told in the words of the config.
"""

from __future__ import annotations

import collections.abc
import errno
import os
import socket

from ..connect_config import DEFAULT_CONNECT, ConnectConfig
from ..exceptions import ConnectError
from .sockets import ip_address_of, reason


def new_socket(family: int, config: ConnectConfig) -> socket.socket:
    """A non-blocking stream socket with the options of `config`, bound as that says.

    Raises `OSError`; what `config` asks for in vain is a `ConnectError` that names it.
    """
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        if family in (socket.AF_INET, socket.AF_INET6):
            for option in _named_options(config):
                _set_option(sock, *option)
            if config.local_address is not None or config.local_port is not None:
                _bind(sock, config)
        for level, number, value in config.socket_options:
            _set_option(sock, f"socket_options=[{(level, number, value)}]", level, number, value)
    except BaseException:
        sock.close()
        raise
    return sock


_Option = tuple[str, int, int | None, int | bytes]


def _named_options(config: ConnectConfig) -> collections.abc.Iterator[_Option]:
    """What `config` says by name: as it is said, level, option (`None`: there is none), value."""
    if config.tcp_nodelay:
        yield "tcp_nodelay=True", socket.IPPROTO_TCP, socket.TCP_NODELAY, 1
    if config is DEFAULT_CONNECT:
        return
    keepalive = {
        "tcp_keepalive_idle": (
            getattr(socket, "TCP_KEEPIDLE", getattr(socket, "TCP_KEEPALIVE", None)),
            config.tcp_keepalive_idle,
        ),
        "tcp_keepalive_interval": (
            getattr(socket, "TCP_KEEPINTVL", None),
            config.tcp_keepalive_interval,
        ),
        "tcp_keepalive_count": (getattr(socket, "TCP_KEEPCNT", None), config.tcp_keepalive_count),
    }
    for name, (number, value) in keepalive.items():
        if value is not None:
            yield f"{name}={value}", socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1
            yield f"{name}={value}", socket.IPPROTO_TCP, number, value
    if config.tcp_user_timeout is not None:
        number = getattr(socket, "TCP_USER_TIMEOUT", None)
        milliseconds = min(max(round(config.tcp_user_timeout * 1000), 1), 2**31 - 1)
        said = f"tcp_user_timeout={config.tcp_user_timeout}"
        yield said, socket.IPPROTO_TCP, number, milliseconds
    if config.interface is not None:
        number = getattr(socket, "SO_BINDTODEVICE", None)
        device = config.interface.encode() + b"\0"
        yield f"interface={config.interface!r}", socket.SOL_SOCKET, number, device


def _set_option(
    sock: socket.socket, said: str, level: int, number: int | None, value: int | bytes
) -> None:
    if number is None:
        raise ConnectError(f"{said} cannot be had: this system has no such option")
    try:
        sock.setsockopt(level, number, value)
    except OSError as error:
        raise ConnectError(f"{said} cannot be had: {reason(error)}") from error


def _bind(sock: socket.socket, config: ConnectConfig) -> None:
    """Have the connection come from the address and port that `config` says."""
    host = config.local_address or ("::" if sock.family == socket.AF_INET6 else "0.0.0.0")
    ports = config.local_port or 0
    if isinstance(ports, int) and ports and os.name == "posix":
        # A connection from there that was closed a moment ago is not in the way.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    said = f"local_address={config.local_address!r}, local_port={config.local_port!r}"
    busy: OSError | None = None
    for port in ports if isinstance(ports, range) else (ports,):
        address = ip_address_of(host, port)
        if address is None:
            raise ConnectError(f"{said} cannot be had: that is no IP address")
        try:
            return sock.bind(address.sockaddr)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise ConnectError(f"{said} cannot be had: {reason(error)}") from error
            busy = error
    raise ConnectError(f"{said} cannot be had: all in use") from busy
