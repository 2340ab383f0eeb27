"""What all backends share about plain sockets: addresses, and words for errors."""

from __future__ import annotations

import collections.abc
import errno
import os
import socket
import typing

from ..exceptions import ConnectError, NetworkError, RequestException
from .base import Address

# A read asks for this much at first.
MIN_READ_BYTES = 64 * 1024
MAX_READ_BYTES = 256 * 1024

# What a stream has left to send, mostly: no part of the caller's buffer.
NOTHING = memoryview(b"")

# What was being done, as the messages of all backends put it; the peer follows.
CONNECTING = "connect to"
READING = "read from"
WRITING = "write to"

_HINTS = {
    errno.ECONNREFUSED: "is a server listening there?",
    errno.ECONNRESET: "the peer, or something on the way, does not take this connection",
    errno.ENETUNREACH: "is there a network, and does it reach this kind of address?",
    errno.EHOSTUNREACH: "is the host up, and is there a route to it?",
    errno.ETIMEDOUT: "the host does not answer; a firewall may drop the packets",
    errno.EADDRNOTAVAIL: "the address is not a host's, or no local port is free",
    errno.EAFNOSUPPORT: "this machine does not speak this kind of address",
    errno.EACCES: "a firewall or sandbox on this machine forbids it",
    errno.EPERM: "a firewall or sandbox on this machine forbids it",
    errno.EMFILE: "close responses and clients, lower PoolLimits, or raise `ulimit -n`",
    errno.ENFILE: "the whole machine has too many open files",
}

E = typing.TypeVar("E", bound=NetworkError)
Part = bytes | memoryview


def next_read_bytes(asked: int, got: int) -> int:
    """
    What the next read asks for: twice as much after a full one, half as much after one that was far
    from it.  For a large block the C library may ask the system anew each time, which costs more
    than all the rest of a small response.
    """
    if got == asked:
        return min(2 * asked, MAX_READ_BYTES)
    return max(asked // 2, MIN_READ_BYTES) if got < asked // 4 else asked


def send_gathered(sock: socket.socket, parts: collections.abc.Sequence[Part]) -> int:
    return sock.sendmsg(parts)


def send_joined(sock: socket.socket, parts: collections.abc.Sequence[Part]) -> int:
    return sock.send(b"".join(parts))


send_parts = send_gathered if hasattr(socket.socket, "sendmsg") else send_joined  # on Windows
"""`send_parts(sock, parts)` sends what the socket takes of all `parts`; how many bytes it took."""


def ip_address_of(host: str, port: int) -> Address | None:
    """
    The address that `host` spells out, without a look-up; `None` where it is a name.

    Takes `192.0.2.1`, `2001:db8::1` and `fe80::1%eth0`, without brackets.  A zone that is no
    interface of this machine raises `ConnectError`.
    """
    try:
        if ":" in host:
            ip, _, zone = host.partition("%")
            socket.inet_pton(socket.AF_INET6, ip)
            return Address(socket.AF_INET6, (ip, port, 0, _scope_id(host, zone) if zone else 0))
        # A name never ends in a digit's label, so that most names never get to the exception.
        if host[-1:].isdigit():
            socket.inet_pton(socket.AF_INET, host)
            return Address(socket.AF_INET, (host, port))
    except (OSError, ValueError) as error:
        if isinstance(error, ConnectError):
            raise
    return None


def _scope_id(host: str, zone: str) -> int:
    if zone.isdecimal():
        return int(zone)
    try:
        return socket.if_nametoindex(zone)
    except OSError as error:
        raise ConnectError(
            f"cannot connect to {host}: this machine has no network interface {zone!r}"
        ) from error


def connect_error(peer: str, address: Address, error: BaseException) -> ConnectError:
    """The `ConnectError` for a connection that was not made; raise it `from error`."""
    at = str(address)
    where = peer if peer == at else f"{peer} at {at}"
    hint = _HINTS.get(getattr(error, "errno", None) or 0)
    return ConnectError(
        f"cannot connect to {where}: {reason(error)}" + (f"; {hint}" if hint else "")
    )


def broken(kind: type[E], doing: str, peer: str, error: BaseException) -> E:
    """The `ReadError` or `WriteError` for a connection that broke; raise it `from error`."""
    return kind(f"{doing} {peer} failed: {reason(error)}")


def closed_here(kind: type[E], doing: str, peer: str) -> E:
    """The `ReadError` or `WriteError` for the use of a stream that we closed ourselves."""
    return kind(f"{doing} {peer} failed: this connection was closed by `close()`")


def in_another_loop(doing: str, peer: str) -> RuntimeError:
    """The error for a wait in another event loop than the one that opened the stream."""
    return RuntimeError(
        f"{doing} {peer} failed: the connection belongs to another event loop; read a response "
        "in the loop, and by the library, that it was requested with"
    )


def reason(error: BaseException) -> str:
    """What went wrong, in the words of the operating system or of OpenSSL: `connection refused`."""
    if isinstance(error, RequestException):
        return str(error)  # which says more than its errno
    words = getattr(error, "reason", None)  # of TLS, or of an encoding
    if words:
        return str(words).replace("_", " ").lower()
    number = getattr(error, "errno", None)
    of_the_system = not isinstance(error, socket.gaierror) and not hasattr(error, "reason")
    if of_the_system and number in errno.errorcode:
        # Not `strerror`, as an event loop may have put its own text.
        text = os.strerror(typing.cast("int", number))
        if text.startswith("Unknown"):  # Windows has no words for its socket errors there
            text = errno.errorcode[typing.cast("int", number)]
    else:
        text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return text[:1].lower() + text[1:] if text[1:2].islower() else text
