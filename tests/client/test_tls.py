"""TLS as the users of a client see it, against real servers."""

from __future__ import annotations

import gc
import pathlib
import pickle
import ssl
import typing
import weakref

import pytest
from cryptography import x509

import httpcore
from httpcore import ConnectConfig, SSLConfig
from httpcore.backends import tls_context
from httpcore.backends.base import NetworkStream
from httpcore.backends.scripted import ScriptedBackend
from httpcore.pins import pins_of
from tests.conftest import MakeClient
from tests.servers.certs import Cert, Certs
from tests.servers.nginx import Nginx
from tests.servers.raw import RawConnection, RawServer, response
from tests.servers.tls import Forger, HangsUp, names_asked_for
from tests.ways import pool_of


@pytest.fixture(autouse=True)
def no_contexts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test begins without sessions to resume."""
    monkeypatch.setattr(tls_context, "_contexts", {})


def client_cert(certs: Certs) -> tuple[str, str]:
    return certs.client.cert, certs.client.key


def answering(cert: Cert) -> RawServer:
    return RawServer(answer, tls=cert.server_context())


def answer(connection: RawConnection) -> None:
    while connection.read_request():
        connection.send(response(b"ok"))


def at_localhost(server: RawServer) -> str:
    return f"https://localhost:{server.port}"


def is_idle(client: object) -> bool:
    """Whether the client's pool has neither a connection nor anything under way."""
    pool = pool_of(client)
    return pool.active_connections == pool.keepalive_connections == []


# What is refused.


@pytest.mark.parametrize(
    ("name", "kind", "words"),
    [
        ("expired", httpcore.CertificateDateError, "has expired on"),
        ("future", httpcore.CertificateDateError, "is not valid yet, but from"),
        (
            "wrong_host",
            httpcore.HostnameMismatch,
            "is for another host, namely for elsewhere.example",
        ),
        ("self_signed", httpcore.UnknownIssuer, "is self-signed"),
        ("unknown_ca", httpcore.UnknownIssuer, "was issued by a CA that is not known"),
    ],
)
async def test_tl1_certificates_that_are_not_good(
    make_client: MakeClient,
    certs: Certs,
    name: str,
    kind: type[httpcore.CertificateError],
    words: str,
) -> None:
    """A class for each, host and reason, and not one request; without verification it goes on."""
    client = make_client(ssl=certs.ca)
    with answering(getattr(certs, name)) as server:
        with pytest.raises(kind, match=rf"localhost:{server.port} .*{words}") as info:
            await client.get(at_localhost(server))
        assert type(pickle.loads(pickle.dumps(info.value))) is kind
        assert is_idle(client)
        assert info.value.request.url == at_localhost(server)
        assert server.requests == []
        assert (await client.get(at_localhost(server), ssl=False)).content == b"ok"


async def test_tl2_verification_off_and_on_again(make_client: MakeClient, certs: Certs) -> None:
    """One call that does not verify leaves no connection and no session to those that do."""
    client = make_client(ssl=certs.ca)
    with answering(certs.unknown_ca) as server:
        for _ in range(2):
            assert (await client.get(at_localhost(server), ssl=False)).content == b"ok"
            with pytest.raises(httpcore.SSLError, match="CA that is not known"):
                await client.get(at_localhost(server))
        assert len(server.connections) == 1
        assert len(server.requests) == 2


async def test_tl3_other_certificates_and_names(make_client: MakeClient, certs: Certs) -> None:
    """Each has a connection of its own, which serves the next request with the same settings."""
    client = make_client(ssl=certs.ca)
    settings = [
        SSLConfig(verify=certs.ca),
        SSLConfig(client_cert(certs), certs.ca),
        SSLConfig(verify=certs.ca, server_hostname="127.0.0.1"),
    ]
    with answering(certs.server) as server:
        answers = [
            await client.get(at_localhost(server), ssl=config) for config in [*settings, *settings]
        ]
        assert len(server.connections) == 3
    assert [a.connection.is_reused for a in answers] == [False] * 3 + [True] * 3
    assert not any(a.connection.session_resumed for a in answers)


async def test_tl6_names(make_client: MakeClient, tmp_path: pathlib.Path) -> None:
    """The A-label of an international name, no final dot: so it is asked for and checked."""
    forger = Forger(tmp_path)
    context = forger.issue(x509.DNSName("*.a.org")).server_context()
    asked_for = names_asked_for(context)
    connect = ConnectConfig(resolver=lambda host, port: ["127.0.0.1"])
    client = make_client(ssl=forger.ca, connect=connect)
    with RawServer(answer, tls=context) as server:
        for host in ("b\u00fccher.a.org", "x.a.org."):
            assert (await client.get(f"https://{host}:{server.port}")).content == b"ok"
        with pytest.raises(httpcore.SSLError, match=r"is for another host, namely for \*\.a\.org"):
            await client.get(f"https://x.y.a.org:{server.port}")
    assert asked_for == ["xn--bcher-kva.a.org", "x.a.org", "x.y.a.org"]


@pytest.mark.parametrize("alpn", [[], ["http/1.1"]])
async def test_tl7_no_http2_in_common(
    make_client: MakeClient, certs: Certs, alpn: list[str]
) -> None:
    """HTTP/1.1 it is."""
    with RawServer(answer, tls=certs.server.server_context(alpn)) as server:
        got = await make_client(ssl=certs.ca).get(at_localhost(server))
    assert got.protocol == "HTTP/1.1"
    assert got.connection.alpn_protocol == (alpn[0] if alpn else None)


async def test_tl8_no_close_notify(make_client: MakeClient, certs: Certs) -> None:
    """After a whole body that is no matter; a body that ends with it may have been cut short."""

    def cut(connection: RawConnection) -> None:
        framed = connection.read_request().target == "/framed"
        connection.send(response(b"ok") if framed else b"HTTP/1.1 200 OK\r\n\r\nhalf")
        connection.cut()

    client = make_client(ssl=certs.ca)
    with RawServer(cut, tls=certs.server.server_context()) as server:
        for _ in range(2):
            assert (await client.get(f"{at_localhost(server)}/framed")).content == b"ok"
            with pytest.raises(httpcore.RemoteProtocolError, match="without close_notify after 4"):
                await client.get(at_localhost(server))
            assert is_idle(client)


async def test_tl9_client_certificates_that_are_unusable(
    make_client: MakeClient, certs: Certs, tmp_path: pathlib.Path
) -> None:
    """SSLError that names the file and the origin; nothing is sent, and the client goes on."""
    missing = tmp_path / "missing.pem"
    config = SSLConfig((certs.client.cert, missing), certs.ca)
    client = make_client(ssl=certs.ca)
    with answering(certs.server) as server:
        with pytest.raises(
            httpcore.SSLError,
            match=rf"^TLS with localhost:{server.port}: .*{missing}.*no such file",
        ):
            await client.get(at_localhost(server), ssl=config)
        assert is_idle(client)
        assert server.connections == []
        assert (await client.get(at_localhost(server))).content == b"ok"


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_tl10_a_client_certificate_is_wanted(
    make_client: MakeClient, certs: Certs, version: ssl.TLSVersion
) -> None:
    """In TLS 1.2 the handshake fails, in TLS 1.3 the first read; both say what is missing."""
    context = certs.mutual_context()
    context.maximum_version = version
    client = make_client(ssl=certs.ca)
    with RawServer(answer, tls=context) as server:
        with pytest.raises(
            httpcore.SSLError, match=rf"localhost:{server.port} .*SSLConfig\(cert=...\)"
        ):
            await client.get(at_localhost(server))
        assert is_idle(client)
        config = SSLConfig(client_cert(certs), certs.ca)
        assert (await client.get(at_localhost(server), ssl=config)).content == b"ok"


class Refused(ScriptedBackend):
    """All of TLS is with a server that refuses the client and hangs up."""

    def __init__(self, context: ssl.SSLContext) -> None:
        super().__init__([[]])
        self.context = context

    async def start_tls(self, stream: NetworkStream, *args: typing.Any) -> NetworkStream:
        stream.close()
        return await super().start_tls(HangsUp(self.context), *args)


@pytest.mark.parametrize("protocol", ["http/1.1", "h2"])
async def test_tl10_what_tls_says_counts_more_than_the_reset(certs: Certs, protocol: str) -> None:
    """The alert is there; only, what is noticed first is that nothing can be sent."""
    backend = Refused(certs.mutual_context([protocol]))
    url = "https://127.0.0.1/"
    async with httpcore.HTTPConnection(url, ssl=certs.ca, backend=backend) as connection:
        with pytest.raises(httpcore.SSLError, match=r"it wants a client certificate; SSLConfig"):
            await connection.request("GET", url)
        assert connection.stream.is_closed


async def test_tl10_a_client_certificate_is_wanted_for_http2(
    make_client: MakeClient, certs: Certs
) -> None:
    """The same over HTTP/2: the connection is gone, and the next one says it again."""
    client = make_client(ssl=certs.ca)
    with RawServer(answer, tls=certs.mutual_context(["h2"])) as server:
        for _ in range(2):
            with pytest.raises(
                httpcore.SSLError, match=r"it wants a client certificate; SSLConfig\(cert=...\)"
            ):
                await client.get(at_localhost(server))
            assert is_idle(client)


async def test_tl10_plain_http_where_tls_is_expected(make_client: MakeClient) -> None:
    """https to a server that knows http alone."""

    def refuse(connection: RawConnection) -> None:
        connection.receive()
        connection.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    client = make_client()
    with RawServer(refuse) as server:
        with pytest.raises(httpcore.SSLError, match=r"does not speak TLS.*the port for https"):
            await client.get(server.url.replace("http:", "https:"))
        assert is_idle(client)


async def test_tl10_tls_where_plain_http_is_expected(make_client: MakeClient, certs: Certs) -> None:
    """http to a server that knows https alone: it hangs up, and the error says what that may be."""
    client = make_client()
    with answering(certs.server) as server:
        with pytest.raises(httpcore.RequestException, match=r"; is this a port for https\?$"):
            await client.get(server.url.replace("https:", "http:"))
        assert is_idle(client)


async def test_a_server_of_tls_that_hangs_up(make_client: MakeClient, certs: Certs) -> None:
    """There is no suspicion then that it might want TLS."""

    def hang_up(connection: RawConnection) -> None:
        connection.read_request()

    with (
        RawServer(hang_up, tls=certs.server.server_context()) as server,
        pytest.raises(httpcore.RemoteProtocolError, match=r"without sending a response$"),
    ):
        await make_client(ssl=certs.ca).get(at_localhost(server))


async def test_tl10_an_alert_where_plain_http_is_expected(make_client: MakeClient) -> None:
    """The same with a server that answers in TLS."""

    def alert(connection: RawConnection) -> None:
        connection.receive()
        connection.send(b"\x15\x03\x01\x00\x02\x02\x46")
        connection.reset()

    client = make_client()
    with RawServer(alert) as server:
        with pytest.raises(httpcore.RemoteProtocolError, match=r"an alert of TLS, .*https\?$"):
            await client.get(server.url)
        assert is_idle(client)


# nginx.


@pytest.mark.parametrize("protocol", ["h2", "http/1.1"])
async def test_a_response_does_not_keep_its_connection(
    make_client: MakeClient, nginx: Nginx, certs: Certs, protocol: str
) -> None:
    """What has been read is kept for little: the TLS of a connection takes 30 KB and more."""
    context = certs.client_context()
    context.set_alpn_protocols([protocol])
    client = make_client(ssl=context)
    answer = await client.get(f"{nginx.tls_url}/tls")
    connection = pool_of(client).keepalive_connections[0]
    session = weakref.ref(connection.stream.ssl_object)
    assert session() is not None
    await client.close()
    del connection, client
    gc.collect()
    assert session() is None
    assert answer.connection.remote_address == (nginx.host, nginx.tls_port)
    assert answer.connection.alpn_protocol == protocol


async def test_a_client_certificate(make_client: MakeClient, nginx: Nginx, certs: Certs) -> None:
    """nginx wants one, and takes it from files, from memory, and with a password."""
    without = await make_client(ssl=certs.ca).get(f"{nginx.mutual_url}/tls")
    assert without.status_code == 400
    assert "No required SSL certificate was sent" in without.text
    in_memory = tuple(pathlib.Path(path).read_bytes() for path in client_cert(certs))
    for cert in (client_cert(certs), in_memory, (*client_cert(certs), "no need of one")):
        client = make_client(ssl=SSLConfig(typing.cast("tuple[str, str]", cert), certs.ca))
        answer = await client.get(f"{nginx.mutual_url}/tls")
        assert answer.text.startswith("TLSv1.3 ")
        assert "trustme" in answer.text


async def test_versions(make_client: MakeClient, nginx: Nginx, certs: Certs) -> None:
    """What each side allows is what is spoken, or an SSLError."""
    old = SSLConfig(verify=certs.ca, maximum_version="TLSv1.2")
    new = SSLConfig(verify=certs.ca, minimum_version="TLSv1.3")
    client = make_client(ssl=certs.ca)
    for config, version in ((None, "TLSv1.3"), (old, "TLSv1.2"), (new, "TLSv1.3")):
        answer = await client.get(f"{nginx.tls1_url}/tls", ssl=config)
        assert answer.text.split()[0] == answer.connection.tls_version == version
    assert (await client.get(f"{nginx.tls12_url}/tls")).connection.tls_version == "TLSv1.2"
    for url, config in ((nginx.tls12_url, new), (nginx.mutual_url, old)):
        with pytest.raises(httpcore.SSLError, match="speaks no version of TLS that we do"):
            await client.get(f"{url}/tls", ssl=config)


@pytest.mark.parametrize("name", ["tls_url", "tls1_url", "tls12_url"])
async def test_sessions(make_client: MakeClient, nginx: Nginx, certs: Certs, name: str) -> None:
    """A client goes on with the session of another one that has the same settings."""
    url = f"{getattr(nginx, name)}/tls"
    resumed = []
    for _ in range(3):
        async with make_client(ssl=SSLConfig(verify=certs.ca)) as client:
            answer = await client.get(url)
            assert answer.text.split()[1] == ("r" if answer.connection.session_resumed else ".")
            resumed.append(answer.connection.session_resumed)
    assert resumed == [False, True, True]


async def test_a_server_under_another_name(
    make_client: MakeClient, nginx: Nginx, certs: Certs
) -> None:
    """The name goes to the server and is checked; the Host field is that of the URL."""
    config = SSLConfig(verify=certs.ca, server_hostname="localhost")
    answer = await make_client(ssl=config).get(f"{nginx.tls_url}/tls")
    assert answer.text.split()[2] == "localhost"
    assert answer.request.headers["Host"] == f"{nginx.host}:{nginx.tls_port}"


async def test_pins(make_client: MakeClient, nginx: Nginx, certs: Certs) -> None:
    """The key of the server, of which `response.connection` has the certificate."""
    client = make_client(ssl=certs.ca)
    seen = (await client.get(nginx.tls_url)).connection.peer_certificate
    assert seen is not None
    for pin in pins_of(seen):
        config = SSLConfig(verify=False, pins=["ab" * 32, pin])
        assert (await client.get(f"{nginx.tls_url}/tls", ssl=config)).status_code == 200
    with pytest.raises(httpcore.PinMismatch, match="fulfils none of the 1 pins"):
        await client.get(nginx.tls_url, ssl=SSLConfig(verify=False, pins="ab" * 32))


async def test_cas_of_the_system(
    make_client: MakeClient, nginx: Nginx, certs: Certs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`ssl="system"`, with a system that has one CA."""
    monkeypatch.setenv("SSL_CERT_FILE", certs.ca)
    client = make_client(ssl="system", trust_env=False)
    assert (await client.get(f"{nginx.tls_url}/tls")).status_code == 200


async def test_pr3_a_key_log(
    make_client: MakeClient,
    nginx: Nginx,
    certs: Certs,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: pathlib.Path,
) -> None:
    """SSLKEYLOGFILE is followed where that is asked for, and only there."""
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "keys"))
    await make_client(ssl=certs.ca).get(nginx.tls_url)
    assert list(tmp_path.iterdir()) == []
    config = SSLConfig(verify=certs.ca, keylog_file=True)
    await make_client(ssl=config).get(nginx.tls_url)
    assert "SERVER_TRAFFIC_SECRET_0 " in (tmp_path / "keys").read_text()


async def test_pr3_a_key_log_that_cannot_be_written(
    make_client: MakeClient, nginx: Nginx, certs: Certs, tmp_path: pathlib.Path
) -> None:
    """A warning, and the response."""
    config = SSLConfig(verify=certs.ca, keylog_file=tmp_path)
    with pytest.warns(RuntimeWarning, match="the keys of TLS sessions are not written"):
        answer = await make_client(ssl=config).get(f"{nginx.tls_url}/tls")
    assert answer.status_code == 200
