"""Addresses; what backends do is in `test_streams`."""

from __future__ import annotations

import socket

import pytest

from httpcore.backends.base import Address, unix_address
from httpcore.exceptions import ConnectError


def test_addresses_in_words():
    """IPv6 addresses are put in brackets before the port."""
    assert str(Address(socket.AF_INET6, ("::1", 443, 0, 0))) == "[::1]:443"
    assert str(Address(socket.AF_INET, ("127.0.0.1", 80))) == "127.0.0.1:80"


def test_a_unix_address(monkeypatch):
    """Abstract ones too; where the system has none that is told."""
    assert str(unix_address("/run/a.sock")) == "unix:/run/a.sock"
    assert str(unix_address("\0a")) == "unix:@a"
    assert str(unix_address(b"\0a")) == "unix:@a"
    monkeypatch.delattr(socket, "AF_UNIX")
    with pytest.raises(ConnectError, match="unix_socket= is not available"):
        unix_address("/run/a.sock")
