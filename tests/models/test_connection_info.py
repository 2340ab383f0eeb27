"""`response.connection`, over real connections of each kind."""

from __future__ import annotations

import pathlib
import pickle
import socket
import ssl
import typing

import pytest

import httpcore
from httpcore import ConnectionInfo
from tests.conftest import MakeClient
from tests.servers.certs import Certs
from tests.servers.nginx import Nginx
from tests.servers.raw import RawServer, response


async def test_plain(make_client: MakeClient) -> None:
    """Addresses, and nothing about TLS; the count goes up with each request."""
    with RawServer.replies([response(b"one"), response(b"two")]) as server:
        client = make_client()
        one = (await client.get(server.url)).connection
        two = (await client.get(server.url)).connection
        local = server.connections[0].sock.getpeername()
    assert one == ConnectionInfo(local_address=local, remote_address=(server.host, server.port))
    assert (one.tls_version, one.cipher, one.alpn_protocol, one.peer_certificate) == (None,) * 4
    assert one.peer_certificate_dict is None
    assert not one.is_reused
    assert two.is_reused
    assert (one.request_count, two.request_count) == (1, 2)
    assert two == ConnectionInfo(
        local_address=local, remote_address=(server.host, server.port), request_count=2
    )


async def test_ipv6(make_client: MakeClient) -> None:
    """An address is host and port, also where a socket address has more."""
    with RawServer.replies([response()], host="::1") as server:
        answer = await make_client().get(server.url)
    assert answer.connection.remote_address == ("::1", server.port)


@pytest.mark.parametrize("verified", [True, False])
async def test_tls(make_client: MakeClient, certs: Certs, verified: bool) -> None:
    """All of it is there, and still is when the connection has been closed."""
    context = certs.server.server_context(["http/1.1"])
    with RawServer.replies([response(b"one")], tls=context, close=True) as server:
        client = make_client(ssl=certs.ca if verified else False)
        answer = await client.get(server.url.replace(server.host, "localhost"))
        await client.close()
    found: typing.Any = answer.connection
    assert found.remote_address == (server.host, server.port)
    assert found.tls_version == "TLSv1.3"
    assert found.cipher in [cipher["name"] for cipher in context.get_ciphers()]
    assert found.alpn_protocol == "http/1.1"
    assert not found.session_resumed
    pem = pathlib.Path(certs.server.cert).read_text().partition("-----END CERTIFICATE-----")
    assert found.peer_certificate == ssl.PEM_cert_to_DER_cert(pem[0] + pem[1])
    if verified:
        assert ("DNS", "localhost") in found.peer_certificate_dict["subjectAltName"]
    else:
        assert found.peer_certificate_dict == {}


async def test_http2(make_client: MakeClient, nginx: Nginx, certs: Certs) -> None:
    """Requests on one connection are counted in the order in which they were sent."""
    client = make_client(ssl=certs.ca)
    answers = [await client.get(f"{nginx.tls_url}/1k.json") for _ in range(3)]
    assert [answer.connection.request_count for answer in answers] == [1, 2, 3]
    assert [answer.connection.is_reused for answer in answers] == [False, True, True]
    assert {answer.connection.alpn_protocol for answer in answers} == {"h2"}
    assert len({answer.connection.local_address for answer in answers}) == 1


async def test_each_hop_has_its_own(make_client: MakeClient) -> None:
    """After a redirect, the response before it tells of its connection."""
    with RawServer.replies([response(b"there")]) as other:
        redirect = response(status="302 Found", headers=[("Location", other.url)])
        with RawServer.replies([redirect]) as server:
            answer = await make_client().get(server.url)
    assert answer.connection.remote_address == (other.host, other.port)
    assert answer.history[0].connection.remote_address == (server.host, server.port)


async def test_none(make_client: MakeClient) -> None:
    """A response that came over no connection has none."""
    assert httpcore.Response(200).connection is None
    client = make_client(dispatch=httpcore.MockDispatch(lambda request: httpcore.Response(200)))
    assert (await client.get("http://example.org")).connection is None


def test_a_value() -> None:
    """Immutable, comparable, hashable; its repr is short."""
    full = ConnectionInfo(
        local_address=("127.0.0.1", 50000),
        remote_address=("127.0.0.1", 443),
        tls_version="TLSv1.3",
        cipher="TLS_AES_256_GCM_SHA384",
        alpn_protocol="h2",
        peer_certificate=b"DER",
        peer_certificate_dict={"version": 3},
        session_resumed=True,
        request_count=2,
    )
    copy = pickle.loads(pickle.dumps(full))
    assert copy == full
    assert hash(copy) == hash(full)
    assert full != full.at_request(3)
    assert repr(full) == (
        "<ConnectionInfo(remote_address=('127.0.0.1', 443), tls_version='TLSv1.3', "
        "request_count=2)>"
    )
    assert repr(ConnectionInfo()) == "<ConnectionInfo(remote_address=None, request_count=1)>"
    with pytest.raises(AttributeError, match="is immutable"):
        full.request_count = 3


def test_a_pickled_response_keeps_it() -> None:
    """It is a value like the rest."""
    with RawServer.replies([response(b"one")]) as server, httpcore.Client() as client:
        answer = client.get(server.url)
    assert pickle.loads(pickle.dumps(answer)).connection == answer.connection


def test_a_unix_socket() -> None:
    """Its addresses are the names of files."""
    one, other = socket.socketpair()
    with one, other:
        found = ConnectionInfo.of(one, None)
    assert (found.local_address, found.remote_address) == ("", "")


def test_a_socket_whose_peer_is_gone() -> None:
    """What is not known is None."""
    with socket.socket() as sock:
        pass
    assert ConnectionInfo.of(sock, None) == ConnectionInfo()


def test_a_certificate_that_python_does_not_read() -> None:
    """The bytes of it are there all the same."""

    class Session:
        session_reused = None

        def cipher(self) -> None: ...

        def version(self) -> str:
            return "TLSv1.3"

        def selected_alpn_protocol(self) -> None: ...

        def getpeercert(self, binary_form: bool = False) -> bytes:
            if not binary_form:
                raise RuntimeWarning("Unknown general name type 3")
            return b"DER"

    found = ConnectionInfo.of(None, typing.cast("ssl.SSLObject", Session()))
    assert found == ConnectionInfo(
        tls_version="TLSv1.3", peer_certificate=b"DER", peer_certificate_dict={}
    )
