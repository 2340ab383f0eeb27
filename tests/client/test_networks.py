"""The clients on a network of several hosts, where hosts are silent, vanish, and come back."""

from __future__ import annotations

import collections.abc
import errno
import os
import shutil
import threading
import time

import pytest

import httpcore
from httpcore import ConnectConfig, TimeoutConfig
from tests.conftest import MakeClient
from tests.servers.h2_server import serve_with_h2
from tests.servers.netns import DistantServer, Network, NoNamespaces
from tests.servers.raw import RawConnection, response

# For what is not to be met: so long that a busy machine does not meet it either.
PATIENCE = 20.0

# What the system says when it has given up: the second, where it has also lost the host's address.
GIVEN_UP = (errno.ETIMEDOUT, errno.EHOSTUNREACH)


@pytest.fixture(scope="module")
def hosts() -> collections.abc.Iterator[Network]:
    if os.environ.get("CI") == "true":
        assert shutil.which("ip"), "CI has it; only, not each machine lets us make namespaces"
    try:
        network = Network()
    except NoNamespaces as exc:
        pytest.skip(str(exc))
    yield network
    network.close()


@pytest.fixture
def network(hosts: Network) -> collections.abc.Iterator[Network]:
    """The test runs on the host `here`."""
    with hosts.here.entered():
        yield hosts


def answering(connection: RawConnection) -> None:
    client = connection.sock.getpeername()[0].encode()  # which is told only while it is there
    while True:
        connection.read_request()
        connection.send(response(client))


# Who does not answer.


async def test_cn18_silent_ipv6(make_client: MakeClient, network: Network) -> None:
    """A host whose IPv6 is lost on its way is reached over IPv4, a moment later."""
    connect = ConnectConfig(resolver=lambda host, port: [network.SILENT6, network.THERE])
    with DistantServer(network.there, answering) as server:
        client = make_client(connect=connect, timeout=PATIENCE)
        answer = await client.get(f"http://example.org:{server.port}/")
    assert answer.text == network.HERE
    assert answer.connection is not None
    assert answer.connection.remote_address == (network.THERE, server.port)


async def test_cn18_ipv6_of_a_network_without(make_client: MakeClient, network: Network) -> None:
    """So is one to whose IPv6 there is no way at all."""
    connect = ConnectConfig(resolver=lambda host, port: ["2001:db8:3::1", network.THERE])
    with DistantServer(network.there, answering) as server:
        client = make_client(connect=connect, timeout=PATIENCE)
        assert (await client.get(f"http://example.org:{server.port}/")).text == network.HERE
    with pytest.raises(httpcore.ConnectError, match="network is unreachable"):
        await client.get("http://[2001:db8:3::1]/")


async def test_tm3_silent_hosts(make_client: MakeClient, network: Network) -> None:
    """Where nobody answers, the connect timeout ends it, and the message tells who was asked."""
    addresses = [network.SILENT6, network.SILENT]
    client = make_client(
        connect=ConnectConfig(resolver=lambda host, port: addresses),
        timeout=TimeoutConfig(PATIENCE, connect_timeout=1),
    )
    started = time.monotonic()
    with pytest.raises(httpcore.ConnectTimeout) as caught:
        await client.get("http://example.org/")
    assert 1 <= time.monotonic() - started < PATIENCE
    assert all(address in str(caught.value) for address in addresses)


# Who vanishes.


def read_limit(seconds: float | None) -> TimeoutConfig:
    return TimeoutConfig(PATIENCE, read_timeout=seconds)


async def test_peer_vanishes_while_idle(make_client: MakeClient, network: Network) -> None:
    """
    A connection whose host is gone looks like any other: the request over it meets its read
    timeout, and the next one, which needs a connection, its connect timeout.  Once the host is
    back, all is well.
    """
    short = TimeoutConfig(PATIENCE, connect_timeout=0.3, read_timeout=0.3)
    with DistantServer(network.there, answering) as server:
        client = make_client(timeout=PATIENCE)
        await client.get(server.url)
        with network.cut():
            with pytest.raises(httpcore.ReadTimeout):
                await client.get(server.url, timeout=short)
            # The error, where we stand still for so long that the system gives up the address.
            with pytest.raises((httpcore.ConnectTimeout, httpcore.ConnectError)):
                await client.get(server.url, timeout=short)
        answer = await client.get(server.url)
    assert (answer.text, len(server.connections)) == (network.HERE, 2)


@pytest.mark.ways("asyncio")  # for it takes two seconds
async def test_peer_vanishes_in_mid_response(make_client: MakeClient, network: Network) -> None:
    """Half a body is a read timeout, too, and never a whole one."""
    over = threading.Event()

    def half_an_answer(connection: RawConnection) -> None:
        connection.read_request()
        if len(server.connections) == 1:
            connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhe")
            over.wait(PATIENCE)  # that the client closes it need not arrive
        else:
            connection.send(response(b"hello"))

    with DistantServer(network.there, half_an_answer) as server:
        client = make_client(timeout=PATIENCE)
        answer = await client.get(server.url, stream=True, timeout=read_limit(1.0))
        with network.cut(), pytest.raises(httpcore.ReadTimeout):
            await answer.read()
        assert (await client.get(server.url)).content == b"hello"
        over.set()


@pytest.mark.ways("trio", "sync")  # for it takes a second
async def test_http2_outlives_a_cut(make_client: MakeClient, network: Network) -> None:
    """There the request is given up, and the connection goes on when the host is there again."""
    with DistantServer(network.there, serve_with_h2(lambda fields, body: b"hello")) as server:
        client = make_client(timeout=PATIENCE, http2="only")
        await client.get(server.url)
        with network.cut(), pytest.raises(httpcore.ReadTimeout):
            await client.get(server.url, timeout=read_limit(0.3))
        assert (await client.get(server.url)).content == b"hello"
        assert len(server.connections) == 1


@pytest.mark.ways("sync")  # for two seconds, in which the system does all
async def test_tcp_keepalive_finds_out(make_client: MakeClient, network: Network) -> None:
    """Who has no read timeout learns by TCP's keep-alive that nobody is there any more."""
    over = threading.Event()

    def silent(connection: RawConnection) -> None:
        connection.read_request()
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n")
        over.wait(PATIENCE)

    connect = ConnectConfig(tcp_keepalive_idle=1, tcp_keepalive_interval=1, tcp_keepalive_count=1)
    with DistantServer(network.there, silent) as server:
        client = make_client(timeout=read_limit(None), connect=connect)
        answer = await client.get(server.url, stream=True)
        with network.cut(), pytest.raises(httpcore.ReadError) as caught:
            await answer.read()
        over.set()
    assert caught.value.errno in GIVEN_UP


async def test_tcp_user_timeout_finds_out(make_client: MakeClient, network: Network) -> None:
    """Who sends learns by TCP's user timeout that nobody takes it any more."""
    over = threading.Event()

    def silent(connection: RawConnection) -> None:
        connection.read_request()
        connection.send(response(b"hello"))
        over.wait(PATIENCE)

    connect = ConnectConfig(tcp_user_timeout=0.5)
    with DistantServer(network.there, silent) as server:
        client = make_client(timeout=None, connect=connect)
        await client.get(server.url)
        with network.cut(), pytest.raises(httpcore.NetworkError) as caught:
            await client.post(server.url, content=b"x")
        over.set()
    assert caught.value.errno in GIVEN_UP


# Where connections come from, and where they may go.


async def test_local_address(make_client: MakeClient, network: Network) -> None:
    """A host with two addresses uses the one that it is told to use."""
    with DistantServer(network.there, answering) as server:
        for own in (network.HERE, network.HERE_TOO):
            client = make_client(connect=ConnectConfig(local_address=own), timeout=PATIENCE)
            assert (await client.get(server.url)).text == own
        client = make_client(connect=ConnectConfig(local_address=network.THERE))
        with pytest.raises(httpcore.ConnectError, match=f"local_address='{network.THERE}'"):
            await client.get(server.url)


async def test_interface(make_client: MakeClient, network: Network) -> None:
    """Connections go over the interface that is named, and there is an answer from there alone."""
    with DistantServer(network.there, answering) as server:
        client = make_client(connect=ConnectConfig(interface=network.LINK), timeout=PATIENCE)
        assert (await client.get(server.url)).text == network.HERE
        client = make_client(connect=ConnectConfig(interface=network.NOWHERE), timeout=0.3)
        with pytest.raises(httpcore.ConnectTimeout):
            await client.get(server.url)
        client = make_client(connect=ConnectConfig(interface="link9"))
        with pytest.raises(httpcore.ConnectError, match="interface='link9' cannot be had"):
            await client.get(server.url)


async def test_ur5_link_local(make_client: MakeClient, network: Network) -> None:
    """A link-local address has the interface as its zone, which no server gets to see."""
    with DistantServer(network.there, answering, host="::") as server:
        client = make_client(timeout=PATIENCE)
        url = f"http://[{network.THERE_LOCAL}%25{network.LINK}]:{server.port}/"
        assert (await client.get(url)).text.partition("%")[0] == "fe80::1"
    assert server.requests[0].header("Host") == f"[{network.THERE_LOCAL}]:{server.port}"


@pytest.mark.parametrize("host", [Network.THERE, f"[::ffff:{Network.THERE}]", "host.example"])
async def test_public_addresses_alone(make_client: MakeClient, network: Network, host: str) -> None:
    """A host that can be reached is refused by its address, before it hears of us."""
    with DistantServer(network.there, answering) as server:
        url = f"http://{host}:{server.port}/"
        known = ConnectConfig(hosts={"host.example": network.THERE})
        assert (await make_client(connect=known, timeout=PATIENCE).get(url)).ok
        heard = len(server.connections)
        client = make_client(
            connect=ConnectConfig(addresses="public", hosts={"host.example": network.THERE})
        )
        with pytest.raises(httpcore.ConnectError, match="is a documentation address"):
            await client.get(url)
        assert len(server.connections) == heard
