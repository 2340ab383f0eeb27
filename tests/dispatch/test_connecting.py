"""From an origin to a byte stream: several addresses, and what is told when none answers."""

from __future__ import annotations

import contextlib
import socket
import typing

import pytest

import httpcore
from httpcore import ConnectError, HTTPConnection
from httpcore.backends.base import Address, ConcurrencyBackend
from httpcore.deadline import Deadline
from tests.servers.certs import Certs
from tests.servers.raw import RawConnection, RawServer, response

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

# Several addresses.


def standing_for(
    monkeypatch: pytest.MonkeyPatch, backend: ConcurrencyBackend, *ports: int
) -> list[str]:
    """Make every name stand for these ports of this machine; the addresses as they are shown."""
    addresses = [Address(socket.AF_INET, ("127.0.0.1", port)) for port in ports]

    async def resolve(host: str, port: int, deadline: Deadline) -> list[Address]:
        return addresses

    monkeypatch.setattr(backend, "resolve", resolve)
    return [str(address) for address in addresses]


@contextlib.contextmanager
def unused_port() -> typing.Iterator[int]:
    """A port at which nobody listens."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        yield sock.getsockname()[1]


def reset_in_tls(connection: RawConnection) -> None:
    connection.receive()
    connection.reset()


async def test_cn18_next_address_is_tried(
    monkeypatch: pytest.MonkeyPatch, backend: ConcurrencyBackend, certs: Certs
) -> None:
    """The first refuses, the second resets in TLS, the third answers."""
    with (
        unused_port() as refusing,
        RawServer(reset_in_tls) as resetting,
        RawServer.replies([response(b"there")], tls=certs.server.server_context()) as server,
    ):
        standing_for(monkeypatch, backend, refusing, resetting.port, server.port)
        async with HTTPConnection(
            "https://localhost", ssl=str(certs.ca), backend=backend
        ) as connection:
            assert (await connection.request("GET", "https://localhost/")).content == b"there"


async def test_cn18_all_addresses_fail(
    monkeypatch: pytest.MonkeyPatch, backend: ConcurrencyBackend, certs: Certs
) -> None:
    """The error lists each address with its reason, and the last one is its cause."""
    with unused_port() as first, RawServer(reset_in_tls) as second:
        shown = standing_for(monkeypatch, backend, first, second.port)
        connection = HTTPConnection("https://localhost", backend=backend)
        with pytest.raises(ConnectError, match="any of its 2 addresses") as caught:
            await connection.request("GET", "https://localhost/")
    message = str(caught.value)
    assert message.startswith("cannot connect to localhost:443, any of its 2 addresses: ")
    assert f"{shown[0]}: connection refused" in message
    assert f"{shown[1]}: read from localhost:443 failed: connection reset by peer" in message
    assert isinstance(caught.value.__cause__, ConnectError)
    assert caught.value.request is not None


async def test_one_address_fails(backend: ConcurrencyBackend) -> None:
    """With one address there is one reason, and no list."""
    with unused_port() as port:
        connection = HTTPConnection(f"http://127.0.0.1:{port}", backend=backend)
        with pytest.raises(ConnectError, match="refused") as caught:
            await connection.request("GET", f"http://127.0.0.1:{port}/")
    assert "addresses" not in str(caught.value)


async def test_tls_errors_are_final(
    monkeypatch: pytest.MonkeyPatch, backend: ConcurrencyBackend, certs: Certs
) -> None:
    """A wrong certificate is no reason to ask another address: that would be asking an attacker."""
    context = certs.wrong_host.server_context()
    with RawServer(RawConnection.close, tls=context) as wrong, RawServer.replies([]) as other:
        standing_for(monkeypatch, backend, wrong.port, other.port)
        connection = HTTPConnection("https://localhost", ssl=str(certs.ca), backend=backend)
        with pytest.raises(httpcore.SSLError):
            await connection.request("GET", "https://localhost/")
        assert other.connections == []
