"""Addresses, and which streams wrap others; what backends do is in `test_streams`."""

from __future__ import annotations

import ast
import inspect
import socket
import textwrap
import typing

import pytest

from httpcore.backends.base import Address, NetworkStream, unix_address
from httpcore.backends.tls import TLSStream
from httpcore.dispatch.read_ahead import ReadAheadStream
from httpcore.exceptions import ConnectError
from tests.faults import FaultyStream

# Every stream over another one.
WRAPPERS = [TLSStream, ReadAheadStream, FaultyStream]


def test_wrappers():
    """They are those whose constructors take a stream."""
    there = [
        cls
        for cls in NetworkStream.__subclasses__()
        if any(p.annotation == "NetworkStream" for p in inspect.signature(cls).parameters.values())
    ]
    assert set(there) == set(WRAPPERS)


def uses_self(member: typing.Any) -> bool:
    """Whether a default of the base is made of other members, which the subclass has."""
    source = textwrap.dedent(inspect.getsource(getattr(member, "fget", member)))
    nodes = ast.walk(ast.parse(source))
    return any(isinstance(node, ast.Name) and node.id == "self" for node in nodes)


@pytest.mark.parametrize("cls", WRAPPERS)
def test_wrappers_leave_nothing_out(cls):
    """A default of the base would answer for the stream within without having asked it."""
    members = [
        name
        for name, member in vars(NetworkStream).items()
        if (inspect.isfunction(member) or isinstance(member, property)) and not uses_self(member)
    ]
    assert {"read", "close", "ssl_object", "refusal"} <= set(members)
    assert [name for name in members if name not in vars(cls)] == []


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
