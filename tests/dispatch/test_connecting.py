"""From an origin to a byte stream: several addresses, and what is told when none answers."""

from __future__ import annotations

import contextlib
import socket
import typing

import pytest

import httpcore
from httpcore import ConnectError, ConnectTimeout, HTTPConnection, TimeoutConfig
from httpcore.backends.base import Address, ConcurrencyBackend
from httpcore.backends.scripted import ScriptedBackend
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
        shown = standing_for(monkeypatch, backend, first, second.port, first)
        connection = HTTPConnection("https://localhost", backend=backend)
        with pytest.raises(ConnectError, match="any of its 3 addresses") as caught:
            await connection.request("GET", "https://localhost/")
    message = str(caught.value)
    assert message.startswith("cannot connect to localhost:443, any of its 3 addresses: ")
    assert message.count(shown[0]) == 2
    assert message.count("refused") == 2
    assert "reset" in message
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


class SilentAddresses(ScriptedBackend):
    """Names stand for `count` addresses; each attempt is noted with the time it may take."""

    def __init__(self, count: int, scripts: list[typing.Any]) -> None:
        super().__init__(scripts)
        self.count = count
        self.given: list[float | None] = []

    async def resolve(self, host: str, port: int, deadline: Deadline) -> list[Address]:
        return [Address(socket.AF_INET, (f"192.0.2.{n}", port)) for n in range(self.count)]

    async def connect_tcp(self, address: Address, peer: str, deadline: Deadline) -> typing.Any:
        self.given.append(deadline.within(None))
        return await super().connect_tcp(address, peer, deadline)


async def test_tm3_time_is_shared() -> None:
    """An address that does not answer leaves time for the others; the last one has all the rest."""
    late = ConnectTimeout("late")
    backend = SilentAddresses(3, [late, late, [OK]])
    limits = TimeoutConfig(connect_timeout=6)
    connection = HTTPConnection("http://example.org", timeout=limits, backend=backend)
    assert (await connection.request("GET", "http://example.org/")).content == b"ok"
    # No time passes here, so what the first ones were given is still there.
    assert backend.given == pytest.approx([2, 3, 6], abs=0.5)


async def test_time_without_a_limit() -> None:
    """Without a limit there is nothing to be shared."""
    backend = SilentAddresses(2, [ConnectError("refused"), [OK]])
    connection = HTTPConnection("http://example.org", timeout=None, backend=backend)
    assert (await connection.request("GET", "http://example.org/")).content == b"ok"
    assert backend.given == [None, None]


async def test_tm3_no_address_answers() -> None:
    """Where the last one does not answer the error is a ConnectTimeout."""
    late = ConnectTimeout("late")
    backend = SilentAddresses(2, [ConnectError("refused"), late])
    connection = HTTPConnection("http://example.org", backend=backend)
    with pytest.raises(ConnectTimeout) as caught:
        await connection.request("GET", "http://example.org/")
    assert caught.value is late
