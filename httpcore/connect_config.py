"""The config object for how a server is reached: names, addresses, sockets."""

from __future__ import annotations

import collections.abc
import os
import re
import typing

from .value import Value

if typing.TYPE_CHECKING:
    import ipaddress

    IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

Resolver = collections.abc.Callable[[str, int], collections.abc.Iterable["str | IPAddress"]]
"""What `resolver=` takes."""

AddressRule = typing.Literal["public"] | collections.abc.Callable[["IPAddress"], bool]
"""What `addresses=` takes."""

SocketOption = tuple[int, int, int | bytes]
"""Level, name and value, as `socket.setsockopt` takes them."""


_PORT = re.compile(r":[0-9]{1,5}")
_NO_HOST = re.compile(r"[/@?#\\\s]")
_CO_COROUTINE = 0x80  # as in `inspect`, which costs as much to import as all the rest


class ConnectConfig(Value):
    """
    How a server is reached.  What the server is called stays as the URL has it: for the Host field,
    and for TLS.  Through a proxy it is the proxy that is reached so.

    * `resolver`: called with host and port in the place of the system's look-up, in a thread of its
      own; returns IP addresses, as `str` or of `ipaddress`.  What it raises is a `ConnectError`.
    * `hosts`: where else to connect to, by host or `host:port`: `{"example.org": "192.0.2.1",
      "api.example.org:443": "localhost:8443"}`.
    * `addresses`: which addresses may be connected to, judged after the look-up, at every redirect
      too: `"public"` for those of the public internet alone, or a callable that is given an
      `ipaddress.IPv4Address` or `IPv6Address`; `None` for all.  Refused ones are a `ConnectError`,
      before anything is sent.
    * `family`: `"ipv4"` or `"ipv6"` for addresses of one kind alone.
    * `unix_socket`: the path of a Unix socket that is connected to in the place of any host; with a
      NUL in front, an abstract one (Linux).
    * `local_address`, `local_port`: the address and the port, or the `range` of ports, that
      connections come from.
    * `interface`: the network interface that they go over (Linux).
    * `tcp_nodelay`: whether small writes are sent at once.
    * `tcp_keepalive_idle`, `tcp_keepalive_interval`, `tcp_keepalive_count`: after how many whole
      seconds of silence, and then how often, the system asks whether the peer is there, and how
      many times in vain; any of them switches that on.
    * `tcp_user_timeout`: after how many seconds without acknowledgement of what was sent the system
      gives up (Linux).
    * `socket_options`: further ones, as triples for `socket.setsockopt`.

    All of it is subject to `connect_timeout`.  What the system does not take, or does not have, is
    a `ConnectError` that names it.  Raises `TypeError` and `ValueError` for what is senseless.
    """

    __slots__ = (
        *("resolver", "hosts", "addresses", "family", "unix_socket"),
        *("local_address", "local_port", "interface", "tcp_nodelay"),
        *("tcp_keepalive_idle", "tcp_keepalive_interval", "tcp_keepalive_count"),
        *("tcp_user_timeout", "socket_options"),
    )

    resolver: Resolver | None
    hosts: tuple[tuple[str, str], ...]
    addresses: AddressRule | None
    family: typing.Literal["ipv4", "ipv6"] | None
    unix_socket: str | bytes | None
    local_address: str | None
    local_port: int | range | None
    interface: str | None
    tcp_nodelay: bool
    tcp_keepalive_idle: int | None
    tcp_keepalive_interval: int | None
    tcp_keepalive_count: int | None
    tcp_user_timeout: float | None
    socket_options: tuple[SocketOption, ...]

    def __init__(
        self,
        *,
        resolver: Resolver | None = None,
        hosts: (collections.abc.Mapping[str, str] | collections.abc.Iterable[tuple[str, str]]) = (),
        addresses: AddressRule | None = None,
        family: typing.Literal["ipv4", "ipv6"] | None = None,
        unix_socket: str | bytes | os.PathLike[str] | None = None,
        local_address: str | None = None,
        local_port: int | range | None = None,
        interface: str | None = None,
        tcp_nodelay: bool = True,
        tcp_keepalive_idle: int | None = None,
        tcp_keepalive_interval: int | None = None,
        tcp_keepalive_count: int | None = None,
        tcp_user_timeout: float | None = None,
        socket_options: collections.abc.Iterable[SocketOption] = (),
    ) -> None:
        if resolver is not None and not callable(resolver):
            raise TypeError(f"resolver takes a callable, not {resolver!r}")
        if _is_async(resolver):
            raise TypeError(
                "resolver takes a plain function: it runs in a thread and may block there, on "
                "asyncio.run_coroutine_threadsafe(...).result() too"
            )
        if addresses not in (None, "public") and not callable(addresses):
            raise ValueError(f"addresses is 'public', a callable or None, not {addresses!r}")
        if _is_async(addresses):
            raise TypeError("addresses takes a plain function, which is not awaited")
        if family not in (None, "ipv4", "ipv6"):
            raise ValueError(f"family is 'ipv4', 'ipv6' or None, not {family!r}")
        if addresses is not None and unix_socket is not None:
            raise ValueError(
                "addresses= judges IP addresses, and a unix_socket has none: give one of the two"
            )
        for name, text in (("local_address", local_address), ("interface", interface)):
            if not isinstance(text, (str, type(None))):
                raise TypeError(f"{name} takes a str or None, not {text!r}")
        os.fsencode(unix_socket or "")  # ValueError for what is no name to the system
        os.fsencode(interface or "")
        own = None if local_address is None else "ipv6" if ":" in local_address else "ipv4"
        if None not in (own, family) and own != family:
            raise ValueError(f"local_address={local_address!r} is not of family={family!r}")
        for name, value in (
            ("tcp_keepalive_idle", tcp_keepalive_idle),
            ("tcp_keepalive_interval", tcp_keepalive_interval),
            ("tcp_keepalive_count", tcp_keepalive_count),
            ("tcp_user_timeout", tcp_user_timeout),
        ):
            _check_number(name, value, whole=name != "tcp_user_timeout")
        self._set(
            resolver=resolver,
            hosts=_pairs(hosts),
            addresses=addresses,
            family=family or own,
            unix_socket=None if unix_socket is None else os.fspath(unix_socket),
            local_address=local_address,
            local_port=_ports(local_port),
            interface=interface,
            tcp_nodelay=tcp_nodelay,
            tcp_keepalive_idle=tcp_keepalive_idle,
            tcp_keepalive_interval=tcp_keepalive_interval,
            tcp_keepalive_count=tcp_keepalive_count,
            tcp_user_timeout=tcp_user_timeout,
            socket_options=_options(socket_options),
        )

    def target(self, host: str, port: int, peer: str) -> tuple[str, int]:
        """The host and port to connect to for `host` and `port`, which `peer` is as text."""
        if not self.hosts:
            return host, port
        hosts = dict(self.hosts)
        instead = hosts.get(peer) or hosts.get(host)
        if instead is None:
            return host, port
        other_host, other_port = _host_and_port(instead)
        return other_host, port if other_port is None else other_port

    def __repr__(self) -> str:
        given = []
        for name in self.__slots__:
            value = getattr(self, name)
            if value != getattr(DEFAULT_CONNECT, name):
                given.append(f"{name}={dict(value) if name == 'hosts' else value!r}")
        return f"ConnectConfig({', '.join(given)})"


def _is_async(function: object) -> bool:
    return bool(getattr(getattr(function, "__code__", None), "co_flags", 0) & _CO_COROUTINE)


def _check_number(name: str, value: object, *, whole: bool) -> None:
    if value is None:
        return
    kinds = int if whole else (int, float)
    if isinstance(value, bool) or not isinstance(value, kinds):
        raise TypeError(f"{name} takes a{' whole' if whole else ''} number or None, not {value!r}")
    if not 0 < value < 2**31:
        raise ValueError(f"{name} has to be more than zero, not {value!r}; None is the system's")


def _ports(ports: int | range | None) -> int | range | None:
    if ports is None:
        return None
    if isinstance(ports, bool) or not isinstance(ports, (int, range)):
        raise TypeError(f"local_port takes a port, a range of ports or None, not {ports!r}")
    if not ports or not all(
        0 < port < 65536
        for port in ([ports] if isinstance(ports, int) else (min(ports), max(ports)))
    ):
        raise ValueError(f"local_port has to be from 1 to 65535, not {ports!r}")
    return ports


def _pairs(
    hosts: collections.abc.Mapping[str, str] | collections.abc.Iterable[tuple[str, str]],
) -> tuple[tuple[str, str], ...]:
    pairs = hosts.items() if isinstance(hosts, collections.abc.Mapping) else hosts
    found = {}
    for name, target in pairs:
        for text in (name, target):
            if not isinstance(text, str):
                raise TypeError(f"hosts takes a dict of str, not {text!r} in it")
            _host_and_port(text)
        if not name.isascii():
            raise ValueError(f"write {name!r} in hosts as it is in `URL(...).host`: as xn--...")
        found[name.lower()] = target
    return tuple(sorted(found.items()))


def _host_and_port(text: str) -> tuple[str, int | None]:
    """`example.org`, `example.org:80`, `192.0.2.1`, `::1`, `[::1]` or `[::1]:80`, in its parts."""
    host, port = text, ""
    if text.startswith("["):
        host, _, port = text[1:].partition("]")
    elif text.count(":") == 1:
        host, _, port = text.partition(":")
        port = f":{port}"
    if not host or _NO_HOST.search(host) or (port and not _PORT.fullmatch(port)):
        raise ValueError(f"hosts has {text!r}, which is neither a host nor host:port")
    number = int(port[1:]) if port else None
    if number is not None and not 0 < number < 65536:
        raise ValueError(f"hosts has {text!r}, but ports are from 1 to 65535")
    return host, number


def _options(options: collections.abc.Iterable[SocketOption]) -> tuple[SocketOption, ...]:
    checked: list[SocketOption] = []
    for option in options:
        match option:
            case (int(level), int(name), (int() | bytes()) as value):
                checked.append((level, name, value))
            case _:
                raise TypeError(
                    "socket_options takes triples (level, name, value), the value an int or bytes, "
                    f"not {option!r}"
                )
    return tuple(checked)


def checked_connect(connect: object) -> ConnectConfig:
    """`connect`, if it is a `ConnectConfig`; else `TypeError`."""
    if not isinstance(connect, ConnectConfig):
        raise TypeError(f"connect takes a ConnectConfig, not {connect!r}")
    return connect


DEFAULT_CONNECT = ConnectConfig()
