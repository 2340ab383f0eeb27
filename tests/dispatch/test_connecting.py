"""From an origin to a byte stream: several addresses, and what is told when none answers."""

from __future__ import annotations

import contextlib
import os
import pathlib
import socket
import sys
import threading
import time
import typing

import pytest

import httpcore
from httpcore import ConnectConfig, ConnectError, ConnectTimeout, HTTPConnection
from httpcore.backends.base import Address, ConcurrencyBackend
from httpcore.deadline import Deadline
from tests.backends.kinds import meanwhile
from tests.conftest import MakeClient
from tests.servers.certs import Certs
from tests.servers.ports import free_ports
from tests.servers.raw import RawConnection, RawServer, response

# Several addresses.


def standing_for(
    monkeypatch: pytest.MonkeyPatch, backend: ConcurrencyBackend, *ports: int
) -> list[str]:
    """Make every name stand for these ports of this machine; the addresses as they are shown."""
    addresses = [Address(socket.AF_INET, ("127.0.0.1", port)) for port in ports]

    async def resolve(
        host: str, port: int, deadline: Deadline, resolver: object = None
    ) -> list[Address]:
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


# Ways to a server.


async def test_hosts_and_names(backend: ConcurrencyBackend, certs: Certs) -> None:
    """Another host and port are connected to; Host and SNI stay as the URL has them."""
    with RawServer.replies([response(b"ok")], tls=certs.server.server_context()) as server:
        connect = ConnectConfig(hosts={"localhost": f"127.0.0.1:{server.port}"})
        async with HTTPConnection(
            "https://localhost", ssl=str(certs.ca), connect=connect, backend=backend
        ) as connection:
            answer = await connection.request("GET", "https://localhost/")
        assert answer.content == b"ok"
        assert server.requests[0].header("Host") == "localhost"


async def test_resolver(make_client: MakeClient) -> None:
    """It stands in for the system's; it is asked once a connection, in a thread of its own."""
    asked: list[tuple[str, int, bool]] = []
    here = threading.current_thread()

    def resolver(host: str, port: int) -> list[str]:
        asked.append((host, port, threading.current_thread() is here))
        return ["127.0.0.1"]

    with RawServer.replies([response(b"one"), response(b"two")]) as server:
        client = make_client(connect=ConnectConfig(resolver=resolver))
        for body in (b"one", b"two"):
            answer = await client.get(f"http://some.example:{server.port}/")
            assert answer.content == body
        assert server.requests[0].header("Host") == f"some.example:{server.port}"
    assert asked == [("some.example", server.port, False)]


async def test_dg4_resolver_fails(make_client: MakeClient) -> None:
    """Whatever it raises is a ConnectError that names it."""

    def resolver(host: str, port: int) -> list[str]:
        raise KeyError("no such host")

    client = make_client(connect=ConnectConfig(resolver=resolver))
    with pytest.raises(ConnectError, match=r"some\.example: resolver=.*no such host") as caught:
        await client.get("http://some.example/")
    assert isinstance(caught.value.__cause__, KeyError)


async def test_tm5_resolver_hangs(make_client: MakeClient) -> None:
    """ConnectTimeout on time, however long it takes."""
    give_up = threading.Event()

    def resolver(host: str, port: int) -> list[str]:
        give_up.wait(10)
        return []

    client = make_client(connect=ConnectConfig(resolver=resolver))
    with pytest.raises(ConnectTimeout, match=r"look-up of some.example timed out after 0\.1 s"):
        await client.get("http://some.example/", timeout=0.1)
    give_up.set()


async def test_family(make_client: MakeClient) -> None:
    """Addresses of the other kind are not connected to."""
    with RawServer.replies([response(b"ok")]) as server:

        def resolver(host: str, port: int) -> list[str]:
            return ["::1", "127.0.0.1"]

        four = make_client(connect=ConnectConfig(resolver=resolver, family="ipv4"))
        assert (await four.get(f"http://a.example:{server.port}/")).content == b"ok"
    six = make_client(connect=ConnectConfig(family="ipv6"))
    with pytest.raises(
        ConnectError, match=r"family='ipv6' goes with none of its .*: 127\.0\.0\.1:80"
    ):
        await six.get("http://127.0.0.1/")
    own = make_client(connect=ConnectConfig(local_address="::1"))
    with pytest.raises(ConnectError, match=r"local_address='::1' goes with none of its"):
        await own.get("http://127.0.0.1/")


async def test_local_address_and_options(make_client: MakeClient) -> None:
    """They are on the socket of the connection."""
    options = [(socket.SOL_SOCKET, socket.SO_RCVBUF, 32768)]
    with RawServer.replies([response(b"ok")]) as server:
        client = make_client(
            connect=ConnectConfig(local_address="127.0.0.7", socket_options=options)
        )
        assert (await client.get(server.url)).content == b"ok"
        (connection,) = server.connections
        assert connection.sock.getpeername()[0] == "127.0.0.7"


async def test_option_that_cannot_be_had(make_client: MakeClient) -> None:
    """The error names the option, the host and the reason."""
    client = make_client(connect=ConnectConfig(interface="nope0"))
    with pytest.raises(ConnectError) as caught:
        await client.get("http://127.0.0.1:9/")
    assert str(caught.value) == (
        "cannot connect to 127.0.0.1:9: interface='nope0' cannot be had: no such device"
    )


@pytest.mark.skipif(not hasattr(socket, "SO_BINDTODEVICE"), reason="an option of Linux")
async def test_interface(make_client: MakeClient) -> None:
    """The loopback interface leads to this machine."""
    with RawServer.replies([response(b"ok")]) as server:
        client = make_client(connect=ConnectConfig(interface="lo"))
        assert (await client.get(server.url)).content == b"ok"


async def test_ur5_zone(make_client: MakeClient) -> None:
    """It is dialled, but in neither the Host field nor in SNI."""
    with pytest.raises(ConnectError, match=r"no network interface 'nope0'"):
        await make_client().get("http://[fe80::1%25nope0]/")
    with RawServer.replies([response(b"ok")], host="::1") as server:
        index = socket.if_nametoindex("lo")
        answer = await make_client().get(f"http://[::1%25{index}]:{server.port}/")
        assert answer.content == b"ok"
        assert server.requests[0].header("Host") == f"[::1]:{server.port}"


# Unix sockets.


@contextlib.contextmanager
def unix_server(path: str, backlog: int = 5) -> typing.Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen(backlog)
        listener.settimeout(10)
        yield listener


def answer_once(listener: socket.socket) -> None:
    sock, _ = listener.accept()
    with sock:
        sock.settimeout(10)
        request = b""
        while b"\r\n\r\n" not in request:
            request += sock.recv(1000)
        assert b"\r\nHost: docker\r\n" in request
        sock.sendall(response(b"ok"))
        sock.recv(1000)  # until the client closes it


@pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="no Unix sockets here")
@pytest.mark.parametrize("abstract", [False, True])
async def test_unix_socket(
    make_client: MakeClient, tmp_path: pathlib.Path, abstract: bool, way: str
) -> None:
    """The URL's host is only what the server is called; no name is looked up."""
    path = str(tmp_path / "s")
    if abstract:
        if sys.platform != "linux":
            pytest.skip("abstract Unix sockets are Linux's")
        path = f"\0httpcore-test-{os.getpid()}-{way}"
    with unix_server(path) as listener, meanwhile(answer_once, listener):
        client = make_client(connect=ConnectConfig(unix_socket=path))
        assert (await client.get("http://docker/info")).content == b"ok"
        await client.close()


async def test_unix_socket_that_is_not_there(make_client: MakeClient, tmp_path: object) -> None:
    """The error names it."""
    client = make_client(connect=ConnectConfig(unix_socket=f"{tmp_path}/none"))
    with pytest.raises(ConnectError, match=r"docker:80 at unix:.*/none: no such file or directory"):
        await client.get("http://docker/")


async def test_tm3_unix_socket_whose_queue_is_full(
    make_client: MakeClient, tmp_path: pathlib.Path
) -> None:
    """That is no connection: it is tried again, as long as there is time."""
    path = str(tmp_path / "s")
    with unix_server(path, 0) as listener, socket.socket(socket.AF_UNIX) as filler:
        filler.connect(path)
        client = make_client(connect=ConnectConfig(unix_socket=path))
        with pytest.raises(ConnectTimeout, match=r"connect to docker:80 timed out after 0\.1 s"):
            await client.get("http://docker/", timeout=0.1)

        def make_room() -> None:
            listener.accept()[0].close()
            answer_once(listener)

        with meanwhile(make_room, after=0.1):
            assert (await client.get("http://docker/")).content == b"ok"
            await client.close()


# Which addresses may be connected to.


def only_first(address: object) -> bool:
    return str(address) == "127.0.0.1"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]"])
async def test_ur11_public_only(make_client: MakeClient, host: str) -> None:
    """No SYN is sent; the error names address and rule."""
    with RawServer.replies([]) as server:
        client = make_client(connect=ConnectConfig(addresses="public"))
        with pytest.raises(ConnectError, match=r"is a loopback address.*addresses='public'"):
            await client.get(f"http://{host}:{server.port}/")
        assert server.connections == []


@pytest.mark.parametrize("address", ["169.254.169.254", "::ffff:10.0.0.1", "64:ff9b::a00:1"])
async def test_ur11_what_a_name_stands_for(make_client: MakeClient, address: str) -> None:
    """It is the address that is judged, however the name may look."""
    connect = ConnectConfig(addresses="public", resolver=lambda host, port: [address])
    with pytest.raises(ConnectError, match=f"cannot connect to good.example:80: {address} is "):
        await make_client(connect=connect).get("http://good.example/")


async def test_ur11_redirect(make_client: MakeClient) -> None:
    """Each hop is judged."""
    with RawServer.replies([], host="127.0.0.2") as inside:
        moved = (
            b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: "
            + inside.url.encode()
            + b"\r\n\r\n"
        )
        with RawServer.replies([moved]) as server:
            client = make_client(connect=ConnectConfig(addresses=only_first))
            with pytest.raises(
                ConnectError, match=r"127\.0\.0\.2 is refused by addresses=only_first"
            ):
                await client.get(server.url)
        assert inside.connections == []


async def test_ur11_second_look_up(make_client: MakeClient) -> None:
    """A name that comes to stand for another address is judged again with the next connection."""
    answers = iter([["127.0.0.1"], ["127.0.0.2"]])
    with RawServer.replies([response(b"ok")], close=True) as server:
        client = make_client(
            connect=ConnectConfig(addresses=only_first, resolver=lambda host, port: next(answers))
        )
        url = f"http://rebinding.example:{server.port}/"
        assert (await client.get(url, headers={"Connection": "close"})).content == b"ok"
        with pytest.raises(ConnectError, match=r"127\.0\.0\.2 is refused"):
            await client.get(url)


async def test_ur11_some_of_several(make_client: MakeClient) -> None:
    """Those that are allowed are connected to, the others are not."""
    with RawServer.replies([response(b"ok")]) as server:
        connect = ConnectConfig(
            addresses=only_first, resolver=lambda host, port: ["127.0.0.2", "::1", "127.0.0.1"]
        )
        client = make_client(connect=connect)
        assert (await client.get(f"http://a.example:{server.port}/")).content == b"ok"


@pytest.mark.parametrize("rule", [{"addresses": only_first}, {"unix_socket": "{path}"}])
async def test_proxies_of_the_environment(
    make_client: MakeClient,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: pathlib.Path,
    rule: dict[str, typing.Any],
) -> None:
    """They do not lead around a guard, nor does a Unix socket lead to one."""
    path = str(tmp_path / "s")
    rule = {name: path if name == "unix_socket" else value for name, value in rule.items()}
    with RawServer.replies([]) as proxy, RawServer.replies([response(b"ok")]) as server:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        client = make_client(connect=ConnectConfig(**rule))
        if "unix_socket" in rule:
            with unix_server(path) as listener, meanwhile(answer_once, listener):
                assert (await client.get("http://docker/")).content == b"ok"
                await client.close()
        else:
            assert (await client.get(server.url)).content == b"ok"
        assert proxy.connections == []


async def test_ur11_through_a_proxy(make_client: MakeClient) -> None:
    """The proxy's address is judged; and the server's, where it is we who look it up."""
    inside = ConnectConfig(addresses=only_first, resolver=lambda host, port: ["127.0.0.2"])
    with RawServer.replies([], host="127.0.0.2") as proxy:
        client = make_client(connect=inside, proxies=proxy.url)
        with pytest.raises(ConnectError, match=r"127\.0\.0\.2 is refused by addresses=only_first"):
            await client.get("http://a.example/")
        assert proxy.connections == []
    with RawServer.replies([]) as proxy:
        client = make_client(connect=inside, proxies=f"socks5://127.0.0.1:{proxy.port}")
        with pytest.raises(ConnectError, match=r"127\.0\.0\.2 is refused by addresses=only_first"):
            await client.get("http://a.example/")
        assert proxy.connections == []


async def test_local_port_again(make_client: MakeClient) -> None:
    """A connection from there that we closed a moment ago is not in the way of the next."""
    (port,) = free_ports(1)
    for _ in range(2):
        with RawServer.replies([response(b"ok")]) as server:
            client = make_client(connect=ConnectConfig(local_port=port))
            assert (await client.get(server.url)).content == b"ok"
            assert server.connections[0].sock.getpeername()[1] == port
            await client.close()


async def test_dg5_no_descriptor_left(make_client: MakeClient) -> None:
    """ConnectError with the way out; the slot is free again, and it works once descriptors are."""
    resource = pytest.importorskip("resource")
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    options = {"pool_limits": httpcore.PoolLimits(hard_limit=1)}
    with RawServer.replies([response(b"one"), response(b"two")]) as server:
        client = make_client(**options)
        answer = await client.get(server.url, headers={"Connection": "close"})
        assert answer.content == b"one"
        while server.connections[0].sock.fileno() != -1:
            time.sleep(0.01)  # it would be free later
        with contextlib.ExitStack() as stack:
            resource.setrlimit(resource.RLIMIT_NOFILE, (min(limits[0], 512), limits[1]))
            stack.callback(resource.setrlimit, resource.RLIMIT_NOFILE, limits)
            with contextlib.suppress(OSError):
                while True:
                    stack.callback(os.close, os.dup(0))
            for _ in range(2):
                with pytest.raises(ConnectError, match=r"too many open files; .*ulimit -n"):
                    await client.get(server.url)
        assert (await client.get(server.url)).content == b"two"
