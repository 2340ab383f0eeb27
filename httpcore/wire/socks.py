"""SOCKS 4, 4a and 5 (RFC 1928, RFC 1929) from the client's side, as bytes in and bytes out.

A *dialogue* is a generator.  It yields what to send, perhaps nothing, and how many bytes to read
then; it is sent exactly these; and it ends once the proxy has connected.  So a caller needs no
buffer of ours, and what follows the last reply is not touched.

Dialogues raise `ProxyError` for what the proxy refuses, for what is no SOCKS, and, before they
yield anything, for what SOCKS cannot carry.  Its message is the end of a sentence: "the proxy ...".
"""

from __future__ import annotations

import collections.abc
import ipaddress
import typing

from ..exceptions import ProxyError


class Step(typing.NamedTuple):
    """What to send, and how many bytes to read then."""

    send: bytes
    read: int


Dialogue = collections.abc.Generator[Step, bytes, None]

Credentials = tuple[bytes, bytes]
"""User and password."""

_CONNECT = 1
_MAX_LENGTH = 255  # of a host, a user and a password in SOCKS5: its length is one byte

# SOCKS5: how to authenticate.
_NO_AUTHENTICATION, _PASSWORD, _NOTHING_SUITS = 0x00, 0x02, 0xFF
# SOCKS5: what an address is.
_IPV4, _NAME, _IPV6 = 1, 3, 4

_REFUSALS5 = {
    1: "failed for a reason that it does not tell",
    2: "does not allow this connection by its rules",
    3: "cannot reach the network of the host",
    4: "cannot reach the host",
    5: "found that the host refuses the connection",
    6: "found that the host does not answer (its time to live expired)",
    7: "does not support CONNECT",
    8: "does not support this kind of address",
}

_GRANTED4 = 90
_REFUSALS4 = {
    91: "refused the connection, or failed to make it",
    92: "could not reach identd on this machine, which it asks who the user is",
    93: "was told by identd on this machine that the user is somebody else",
}


def socks5(host: str, port: int, credentials: Credentials | None) -> Dialogue:
    """
    Ask a SOCKS5 proxy for `host`, a name or an IP address.

    User and password go to a proxy that asks for them.
    """
    where = _address5(host)
    methods = [_NO_AUTHENTICATION]
    if credentials is not None:
        methods.append(_PASSWORD)
        login = _login(credentials)
    version, method = yield Step(bytes([5, len(methods), *methods]), 2)
    _check_version(version, 5)
    if method == _PASSWORD and credentials is not None:
        _, status = yield Step(login, 2)
        if status != 0:
            raise ProxyError("refused the user and password")
    elif method == _NOTHING_SUITS:
        raise ProxyError(
            "wants a user and a password; put them into its URL"
            if credentials is None
            else "takes no user and password, and no one without"
        )
    elif method != _NO_AUTHENTICATION:
        raise ProxyError(f"wants authentication by method {method}, which was not offered")
    request = bytes([5, _CONNECT, 0]) + where + port.to_bytes(2, "big")
    version, reply, _, kind = yield Step(request, 4)
    _check_version(version, 5)
    if reply != 0:
        raise ProxyError(_REFUSALS5.get(reply, f"failed with the unknown code {reply}"))
    # The address that the proxy connects from; of no use, but it has to be read.
    if kind == _NAME:
        (length,) = yield Step(b"", 1)
    elif kind in (_IPV4, _IPV6):
        length = 4 if kind == _IPV4 else 16
    else:
        raise ProxyError(f"answered with an address of the unknown kind {kind}")
    yield Step(b"", length + 2)


def socks4(host: str, port: int, user: bytes) -> Dialogue:
    """
    Ask a SOCKS4 proxy for the IPv4 address `host`; one that speaks SOCKS4a also for a name.

    `user` is the name of a user, which it may check by identd; `b""` for none.
    """
    if b"\0" in user:
        raise ProxyError("cannot be given a user with a NUL byte in it by SOCKS4")
    address = _ip_address(host)
    if address is None:
        where, name = b"\0\0\0\x01", _encoded(host) + b"\0"
    elif address.version == 4:
        where, name = address.packed, b""
    else:
        raise ProxyError("cannot be asked for an IPv6 address by SOCKS4; use socks5 or socks5h")
    head = bytes([4, _CONNECT]) + port.to_bytes(2, "big") + where
    version, reply, *_ = yield Step(head + user + b"\0" + name, 8)
    _check_version(version, 0)
    if reply != _GRANTED4:
        raise ProxyError(_REFUSALS4.get(reply, f"failed with the unknown code {reply}"))


def _check_version(version: int, expected: int) -> None:
    if version != expected:
        raise ProxyError(
            f"does not speak this version of SOCKS: its answer begins with {version}, not "
            f"{expected}"
        )


def _ip_address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        # The zone of an address means something on this machine only.
        return ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return None


def _address5(host: str) -> bytes:
    address = _ip_address(host)
    if address is not None:
        return bytes([_IPV4 if address.version == 4 else _IPV6]) + address.packed
    return bytes([_NAME]) + _counted("host name", _encoded(host))


def _encoded(host: str) -> bytes:
    return host.encode("ascii")  # a name of a URL: its labels are A-labels


def _login(credentials: Credentials) -> bytes:
    user, password = credentials
    return b"\x01" + _counted("user name", user) + _counted("password", password)


def _counted(what: str, value: bytes) -> bytes:
    if len(value) > _MAX_LENGTH:
        raise ProxyError(
            f"cannot be given a {what} of {len(value)} bytes: SOCKS5 allows {_MAX_LENGTH}"
        )
    return bytes([len(value)]) + value
