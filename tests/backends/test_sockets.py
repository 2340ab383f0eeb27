"""What all backends share about plain sockets."""

from __future__ import annotations

import errno
import os
import socket
import ssl

import pytest

from httpcore.backends import sockets
from httpcore.backends.base import Address
from httpcore.exceptions import ConnectError, ReadError, WriteError

LOOPBACK = Address(socket.AF_INET, ("127.0.0.1", 80))


# Addresses.


@pytest.mark.parametrize(
    ("host", "family", "sockaddr"),
    [
        ("127.0.0.1", socket.AF_INET, ("127.0.0.1", 80)),
        ("::1", socket.AF_INET6, ("::1", 80, 0, 0)),
        ("::ffff:192.0.2.1", socket.AF_INET6, ("::ffff:192.0.2.1", 80, 0, 0)),
        ("fe80::1%7", socket.AF_INET6, ("fe80::1", 80, 0, 7)),
    ],
)
def test_an_ip_address_needs_no_look_up(host, family, sockaddr):
    """IPv4, IPv6, and IPv6 with a zone are taken as they are spelt."""
    assert sockets.ip_address_of(host, 80) == (family, sockaddr)


@pytest.mark.parametrize(
    "host", ["example.org", "a.b.1", "127.1", "1:2", "fe80::zz", "1.2.3.4\0", ""]
)
def test_a_name_is_no_ip_address(host):
    """What is not an address in full is left to the resolver."""
    assert sockets.ip_address_of(host, 80) is None


def test_a_zone_by_the_name_of_its_interface():
    """`fe80::1%lo` is an address of that interface."""
    index, name = socket.if_nameindex()[0]
    assert sockets.ip_address_of(f"fe80::1%{name}", 80) == (
        socket.AF_INET6,
        ("fe80::1", 80, 0, index),
    )


def test_a_zone_that_is_no_interface():
    """An interface that is not there is named in the error."""
    with pytest.raises(ConnectError, match=r"fe80::1%nope0: .* no network interface 'nope0'"):
        sockets.ip_address_of("fe80::1%nope0", 80)


# Words for errors.


def test_a_connect_error_names_peer_address_reason_and_remedy():
    """`example.org:80` is who was meant, `127.0.0.1:80` is who was asked."""
    refused = ConnectionRefusedError(errno.ECONNREFUSED, "Connect call failed")
    error = sockets.connect_error("example.org:80", LOOPBACK, refused)
    assert str(error) == (
        "cannot connect to example.org:80 at 127.0.0.1:80: connection refused; "
        "is a server listening there?"
    )


def test_a_connect_error_to_an_ip_address_names_it_once():
    """Where the peer is the address there is nothing to add; an unknown reason has no hint."""
    error = sockets.connect_error("127.0.0.1:80", LOOPBACK, OSError("Strange"))
    assert str(error) == "cannot connect to 127.0.0.1:80: strange"


def test_too_many_files_hints_at_the_limits():
    """DG5: who runs out of descriptors is told what to do."""
    error = sockets.connect_error("127.0.0.1:80", LOOPBACK, OSError(errno.EMFILE, "x"))
    assert "too many open files" in str(error)
    assert "ulimit -n" in str(error)


def test_broken_and_closed():
    """A connection that broke and one that we closed are told apart."""
    reset = ConnectionResetError(errno.ECONNRESET, "whatever")
    error = sockets.broken(ReadError, sockets.READING, "example.org:80", reset)
    assert type(error) is ReadError
    assert str(error) == "read from example.org:80 failed: connection reset by peer"
    own = sockets.closed_here(WriteError, sockets.WRITING, "example.org:80")
    assert type(own) is WriteError
    assert "write to example.org:80 failed: this connection was closed" in str(own)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(), "OSError"),
        (OSError(errno.EPIPE, "x"), "broken pipe"),
        (socket.gaierror(2, "No Such Name"), "no Such Name"),
        (ConnectionAbortedError("SSL shutdown"), "SSL shutdown"),
    ],
)
def test_reasons(error, words):
    """A reason is never empty and goes on with a sentence."""
    assert sockets.reason(error) == words


def test_the_reason_of_our_own_errors():
    """Their message, though they have a number of the system's too."""
    error = ConnectError("interface='x' cannot be had: no such device")
    error.__cause__ = OSError(errno.ENODEV, "x")
    assert error.errno == errno.ENODEV
    assert sockets.reason(error) == "interface='x' cannot be had: no such device"


def test_a_system_without_words(monkeypatch):
    """Windows does not explain its socket errors by number: their names do."""
    monkeypatch.setattr(os, "strerror", lambda number: "Unknown error")
    assert sockets.reason(OSError(errno.ECONNREFUSED, "x")) == "ECONNREFUSED"


def test_the_reason_of_tls():
    """OpenSSL's reason counts, not its error code as if it were an errno."""
    error = ssl.SSLError(errno.EPERM, "[SSL: BAD_THING] bad thing (_ssl.c:1)")
    error.reason = "BAD_THING"
    assert sockets.reason(error) == "bad thing"


# Sending.


def test_parts_are_joined_where_the_system_cannot_gather_them() -> None:
    """On Windows; what is sent is the same."""
    parts = (b"1\r\n", memoryview(b"x"), b"\r\n")
    ours, theirs = socket.socketpair()
    with ours, theirs:
        for send in (sockets.send_joined, sockets.send_gathered):
            assert send(ours, parts) == 6
            assert theirs.recv(100) == b"1\r\nx\r\n"


def test_how_much_a_read_asks_for() -> None:
    """Twice as much after each full read, half as much after each that was far from it."""
    kib = 1024
    got = [*[64, 100, 20, 64, 128, 256, 256, 64, 63, 1, 0, 0]]
    asked = [64 * kib]
    for size in got:
        asked.append(sockets.next_read_bytes(asked[-1], size * kib))
    assert [size // kib for size in asked] == [
        *[64, 128, 128, 64, 128, 256, 256, 256, 256, 128, 64, 64, 64]
    ]
