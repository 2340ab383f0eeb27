"""TLS over real sockets on every backend, and over a server in memory where the peer is scripted.

`connect()` gives the stream under test; the server's side is Python's own `ssl` in a thread.
"""

from __future__ import annotations

import contextlib
import datetime
import ipaddress
import os
import socket
import ssl
import threading
import time
import tracemalloc
import typing
import warnings

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from httpcore.backends.base import Address, ConcurrencyBackend, NetworkStream, TruncatedTLS
from httpcore.backends.tls import TLSStream, start_tls
from httpcore.backends.tls_context import OwnContext, ssl_context
from httpcore.config import SSLConfig, TimeoutConfig
from httpcore.deadline import Deadline
from httpcore.driver import run_sync
from httpcore.exceptions import (
    ConnectError,
    ConnectTimeout,
    ReadError,
    ReadTimeout,
    SSLError,
    WriteError,
    WriteTimeout,
)
from tests.servers.certs import Cert, Certs
from tests.servers.raw import RawConnection, RawServer

MIB = 1024 * 1024


def deadline(seconds: float | None = 10, **limits: float) -> Deadline:
    return Deadline(TimeoutConfig(seconds, **limits))


async def connect_plain(
    backend: ConcurrencyBackend, server: RawServer, host: str, limits: Deadline
) -> NetworkStream:
    family = socket.AF_INET6 if ":" in server.host else socket.AF_INET
    address = Address(family, (server.host, server.port))
    return await backend.connect_tcp(address, f"{host}:{server.port}", limits)


async def connect(
    backend: ConcurrencyBackend,
    server: RawServer,
    ca: str | bool | ssl.SSLContext,
    host: str = "localhost",
    *,
    http2: bool = False,
    cert: typing.Any = None,
    limits: Deadline | None = None,
) -> TLSStream:
    limits = limits or deadline().connecting()
    stream = await connect_plain(backend, server, host, limits)
    try:
        secure = await backend.start_tls(stream, SSLConfig(cert, ca), http2, host, limits)
    except BaseException:
        assert stream.is_closed
        raise
    assert isinstance(secure, TLSStream)
    return secure


async def read_exactly(stream: NetworkStream, size: int) -> bytes:
    data = bytearray()
    while len(data) < size:
        piece = await stream.read(deadline())
        assert piece
        data += piece
    assert len(data) == size
    return bytes(data)


def echo(connection: RawConnection) -> None:
    while True:
        connection.send(connection.receive())


def greet(connection: RawConnection) -> None:
    connection.send(b"hello")
    connection.wait_closed()


# The exchange.


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_an_exchange(backend, certs, version):
    """Bytes go both ways, and the session can be looked at."""
    context = certs.server.server_context()
    context.maximum_version = version
    with RawServer(echo, tls=context) as server:
        stream = await connect(backend, server, certs.ca)
        with contextlib.closing(stream):
            assert stream.peer == f"localhost:{server.port}"
            assert stream.ssl_object.version() == version.name.replace("_", ".")
            assert stream.socket is not None
            assert stream.socket.getpeername()[1] == server.port
            for _ in range(3):
                assert await stream.write(b"hello", deadline()) is True
                assert await read_exactly(stream, 5) == b"hello"
        assert stream.is_closed


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
async def test_bd11_large_amounts(backend, certs, kind):
    """Megabytes in one write arrive whole, and come in pieces of up to 256 KiB."""
    data = os.urandom(3 * MIB)

    def handler(connection: RawConnection) -> None:
        connection.send(connection.read_exactly(len(data)))
        connection.wait_closed()

    with (
        RawServer(handler, tls=certs.server.server_context()) as server,
        contextlib.closing(await connect(backend, server, certs.ca)) as stream,
    ):
        assert await stream.write(kind(data), deadline()) is True
        pieces = []
        while sum(map(len, pieces)) < len(data):
            pieces.append(await stream.read(deadline()))
    assert b"".join(pieces) == data
    # A read may end with a record that had begun in the one before.
    assert 16 * 1024 < max(map(len, pieces)) < (256 + 16) * 1024


async def test_bd11_memory_stays_flat(backend, certs):
    """32 MiB up and down hold less than 3 MiB."""
    size = 32 * MIB

    def handler(connection: RawConnection) -> None:
        for _ in range(size // MIB):
            connection.read_exactly(MIB)
        for _ in range(size // MIB):
            connection.send(piece)
        connection.wait_closed()

    piece, data = bytes(MIB), bytes(size)
    with (
        RawServer(handler, tls=certs.server.server_context()) as server,
        contextlib.closing(await connect(backend, server, certs.ca)) as stream,
    ):
        tracemalloc.start()
        try:
            await stream.write(memoryview(data), deadline())
            left = size
            while left:
                left -= len(await stream.read(deadline()))
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert peak < 5 * MIB  # the server's 2 MiB of them


async def test_silence(backend, certs):
    """The time limits are those of the stream within."""
    with (
        RawServer(greet, tls=certs.server.server_context()) as server,
        contextlib.closing(await connect(backend, server, certs.ca)) as stream,
    ):
        assert await stream.read(deadline()) == b"hello"
        with pytest.raises(ReadTimeout, match=r"read from localhost"):
            await stream.read(deadline(read_timeout=0.05))


# Verification.


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("expired", "its certificate has expired( on .* GMT)?; its operator has to renew it"),
        ("future", "its certificate is not valid yet(, but from .* GMT on)?; is the clock"),
        ("wrong_host", "its certificate is for another host(, namely for elsewhere.example)?; is"),
        ("self_signed", r"its certificate is self-signed; .*SSLConfig\(verify='ca.pem'\)"),
        (
            "unknown_ca",
            r"its certificate was issued by a CA that is not known; .*SSLConfig\(verify='ca.pem'\)",
        ),
    ],
)
async def test_tl1_a_certificate_that_is_not_good(backend, certs, name, words):
    """SSLError with host, reason and hint; the server gets an alert and not one byte."""
    with (
        RawServer(greet, tls=getattr(certs, name).server_context()) as server,
        pytest.raises(SSLError, match=rf"^TLS handshake with localhost:[0-9]+ failed: {words}"),
    ):
        await connect(backend, server, certs.ca)
    assert server.connections == []
    assert len(server.handshake_errors) == 1


async def test_verify_false_takes_any_certificate(backend, certs):
    """What is not verified is not refused."""
    with (
        RawServer(greet, tls=certs.wrong_host.server_context()) as server,
        contextlib.closing(await connect(backend, server, False)) as stream,
    ):
        assert await stream.read(deadline()) == b"hello"


class Forger:
    """A CA that signs what a CA must not sign."""

    def __init__(self, folder: typing.Any) -> None:
        self.folder = folder
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Forger")])
        self.ca = self._write("ca.pem", self._sign(self.name, self.key, ca=True))

    def issue(self, *names: x509.GeneralName, common_name: str = "forged") -> Cert:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, common_name)])
        pem = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        return Cert(
            self._write("cert.pem", self._sign(subject, key, *names)), self._write("key.pem", pem)
        )

    def _sign(
        self,
        subject: x509.Name,
        key: ec.EllipticCurvePrivateKey,
        *names: x509.GeneralName,
        ca: bool = False,
    ) -> bytes:
        now = datetime.datetime.now(datetime.UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca, None), critical=True)
        )
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        certificate = builder.sign(self.key, hashes.SHA256())
        return certificate.public_bytes(serialization.Encoding.PEM)

    def _write(self, name: str, data: bytes) -> str:
        path = self.folder / name
        path.write_bytes(data)
        return str(path)


@pytest.fixture
def forger(tmp_path):
    """A CA whose certificates say what the test wants."""
    return Forger(tmp_path)


def names_asked_for(context: ssl.SSLContext) -> list[str | None]:
    """The SNI of each handshake with `context`."""
    names: list[str | None] = []

    def note(ssl_object: object, name: str | None, context: object) -> None:
        names.append(name)

    context.sni_callback = note  # type: ignore[assignment]
    return names


async def test_tl4_an_ip_address_that_the_certificate_has(backend, certs):
    """It passes, and is not sent as SNI."""
    context = certs.issue("127.0.0.1").server_context()
    asked_for = names_asked_for(context)
    with (
        RawServer(greet, tls=context) as server,
        contextlib.closing(await connect(backend, server, certs.ca, "127.0.0.1")) as stream,
    ):
        assert await stream.read(deadline()) == b"hello"
    assert asked_for == [None]


@pytest.mark.parametrize(
    ("name", "common_name"),
    [
        (x509.DNSName("127.0.0.1"), "forged"),
        (x509.DNSName("*.0.0.1"), "forged"),
        (x509.DNSName("elsewhere.example"), "127.0.0.1"),
        (None, "127.0.0.1"),
        (x509.IPAddress(ipaddress.ip_address("127.0.0.2")), "127.0.0.1"),
    ],
)
async def test_tl4_an_ip_address_that_the_certificate_has_not(backend, forger, name, common_name):
    """Names, wildcards and the subject do not stand for addresses."""
    cert = forger.issue(*([name] if name else []), common_name=common_name)
    with (
        RawServer(greet, tls=cert.server_context()) as server,
        pytest.raises(SSLError, match=r"is not for this IP address"),
    ):
        await connect(backend, server, forger.ca, "127.0.0.1")


async def test_tl4_an_ipv6_address_with_a_zone(backend, certs):
    """The zone is this machine's affair: no certificate has it."""
    context = certs.issue("fe80::1").server_context()
    with (
        RawServer(greet, tls=context) as server,
        contextlib.closing(await connect(backend, server, certs.ca, "fe80::1%1")) as stream,
    ):
        assert await stream.read(deadline()) == b"hello"


@pytest.mark.parametrize(
    ("pattern", "host"),
    [
        ("*.a.org", "a.org"),
        ("*.a.org", "x.y.a.org"),
        ("f*.a.org", "foo.a.org"),
        ("*.org\0.evil.example", "a.org"),
        ("a.org\0.evil.example", "a.org"),
        ("*", "a.org"),
        ("", "a.org"),
    ],
)
async def test_tl5_names_that_do_not_match(backend, forger, pattern, host):
    """A wildcard is one whole label on the left; a NUL ends no name."""
    cert = forger.issue(x509.DNSName(pattern), common_name=host)
    with (
        RawServer(greet, tls=cert.server_context()) as server,
        pytest.raises(SSLError),
    ):
        await connect(backend, server, forger.ca, host)


async def test_tl5_the_subject_is_no_name(backend, forger):
    """Without names in the certificate its common name does not count."""
    cert = forger.issue(common_name="a.org")
    with (
        RawServer(greet, tls=cert.server_context()) as server,
        pytest.raises(SSLError, match=r"is for another host"),
    ):
        await connect(backend, server, forger.ca, "a.org")


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("x.a.org", "x.a.org"),
        ("X.A.org", "X.A.org"),
        ("x.a.org.", "x.a.org"),
        ("xn--bcher-kva.a.org", "xn--bcher-kva.a.org"),
    ],
)
async def test_tl6_the_name_that_is_asked_for_and_checked(backend, forger, host, name):
    """A wildcard matches a label, also of an IDN; a final dot is neither sent nor compared."""
    context = forger.issue(x509.DNSName("*.a.org")).server_context()
    asked_for = names_asked_for(context)
    with (
        RawServer(greet, tls=context) as server,
        contextlib.closing(await connect(backend, server, forger.ca, host)) as stream,
    ):
        assert await stream.read(deadline()) == b"hello"
    assert asked_for == [name]


@pytest.mark.parametrize("host", [".a.org", "a" * 64 + ".org", ""])
async def test_a_host_that_no_certificate_is_for(backend, certs, host):
    """What is no name is an SSLError, not a bare ValueError."""
    with (
        RawServer(greet, tls=certs.server.server_context()) as server,
        pytest.raises(SSLError, match=r"no certificate can be for"),
    ):
        await connect(backend, server, certs.ca, host)


# ALPN.


@pytest.mark.parametrize(
    ("http2", "served", "chosen"),
    [
        (True, ["h2", "http/1.1"], "h2"),
        (False, ["h2", "http/1.1"], "http/1.1"),
        (True, ["http/1.1"], "http/1.1"),
        (True, [], None),
        (False, ["spdy/3"], None),
    ],
)
async def test_tl7_the_protocol_in_common(backend, certs, http2, served, chosen):
    """The server chooses; one that knows no ALPN gets HTTP/1.1."""
    with (
        RawServer(greet, tls=certs.server.server_context(served)) as server,
        contextlib.closing(await connect(backend, server, certs.ca, http2=http2)) as stream,
    ):
        assert stream.ssl_object.selected_alpn_protocol() == chosen


async def test_tl7_a_protocol_that_was_not_offered(backend, certs):
    """The peer's choice is checked, and escaped."""
    context = OwnContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(certs.ca)
    context.set_alpn_protocols(["h\x1b2"])
    context.alpn = ("http/1.1",)  # as if the server had made up the rest
    with (
        RawServer(greet, tls=certs.server.server_context(["h\x1b2"])) as server,
        pytest.raises(SSLError, match=r"chose the protocol 'h\\x1b2', but was offered http/1"),
    ):
        await connect(backend, server, context)


async def test_tl7_a_protocol_that_is_no_text(backend, certs):
    """Bytes that do not decode are an SSLError as well."""

    class Garbled(ssl.SSLObject):
        def selected_alpn_protocol(self) -> str | None:
            b"\xff".decode("utf-8")
            return None

    context = ssl.create_default_context(cafile=certs.ca)
    context.sslobject_class = Garbled
    with (
        RawServer(greet, tls=certs.server.server_context()) as server,
        pytest.raises(SSLError, match=r"chose the protocol .*xff"),
    ):
        await connect(backend, server, context)


# The end of the connection.


async def test_tl8_a_close_notify_is_the_end(backend, certs):
    """`b""` behind the last byte, as often as it is asked for."""
    with (
        RawServer(
            lambda connection: connection.send(b"all"), tls=certs.server.server_context()
        ) as server,
        contextlib.closing(await connect(backend, server, certs.ca)) as stream,
    ):
        assert await stream.read(deadline()) == b"all"
        assert await stream.read(deadline()) == b""
        assert await stream.read(deadline()) == b""
        assert stream.read_available() == b""


async def test_tl8_an_end_without_close_notify(backend, certs):
    """What came before it is good; the end is an error, as somebody may have cut the rest."""

    def handler(connection: RawConnection) -> None:
        connection.send(b"part")
        connection.shut()
        connection.wait_closed()

    with (
        RawServer(handler, tls=certs.server.server_context()) as server,
        contextlib.closing(await connect(backend, server, certs.ca)) as stream,
    ):
        assert await stream.read(deadline()) == b"part"
        with pytest.raises(TruncatedTLS, match=r"without TLS's close_notify"):
            await stream.read(deadline())


async def test_tl8_whatever_the_users_context_says(backend, certs):
    """Python sets OP_IGNORE_UNEXPECTED_EOF on every context: it has no effect."""
    context = ssl.create_default_context(cafile=certs.ca)
    context.options |= ssl.OP_IGNORE_UNEXPECTED_EOF
    with (
        RawServer(lambda connection: connection.cut(), tls=certs.server.server_context()) as server,
        contextlib.closing(await connect(backend, server, context)) as stream,
        pytest.raises(TruncatedTLS),
    ):
        await stream.read(deadline())


async def test_a_reset_in_the_session(backend, certs):
    """It is the error of the stream within."""
    with (
        RawServer(
            lambda connection: connection.reset(), tls=certs.server.server_context()
        ) as server,
        contextlib.closing(await connect(backend, server, certs.ca)) as stream,
        pytest.raises(ReadError, match=r"connection reset"),
    ):
        while await stream.read(deadline()):
            pass


# What is not TLS, or another.


async def test_tl10_plain_http_on_the_port(backend, certs):
    """The answer is quoted, and the hint says what it looks like."""

    def handler(connection: RawConnection) -> None:
        connection.receive()
        connection.send(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")

    with (
        RawServer(handler) as server,
        pytest.raises(
            SSLError, match=r"does not speak TLS: b'HTTP/1.1 400 .*'; is this the port for https"
        ),
    ):
        await connect(backend, server, certs.ca)


async def test_tl10_only_old_versions(backend, certs):
    """A server that ends at TLS 1.1 is refused, with a hint."""
    context = certs.server.server_context()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    with (
        RawServer(greet, tls=context) as server,
        pytest.raises(SSLError, match=r"speaks no version of TLS that we do; .*SSLContext"),
    ):
        await connect(backend, server, certs.ca)


async def test_tl10_a_client_certificate_that_is_missed_in_the_handshake(backend, certs):
    """TLS 1.2 refuses at once."""
    context = certs.mutual_context()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with (
        RawServer(greet, tls=context) as server,
        pytest.raises(SSLError, match=r"SSLConfig\(cert=...\)"),
    ):
        await connect(backend, server, certs.ca)


async def test_tl10_a_client_certificate_that_is_missed_later(backend, certs):
    """TLS 1.3 refuses when we think that all is well: the first read says why."""
    with (
        RawServer(greet, tls=certs.mutual_context()) as server,
        contextlib.closing(await connect(backend, server, certs.ca)) as stream,
    ):
        with pytest.raises(
            SSLError,
            match=r"read from .*: it wants a client certificate; SSLConfig\(cert=...\)",
        ):
            await stream.read(deadline())
        assert stream.read_available() == b""


async def test_a_client_certificate(backend, certs):
    """The server sees whose it is."""

    def handler(connection: RawConnection) -> None:
        assert isinstance(connection.sock, ssl.SSLSocket)
        certificate = connection.sock.getpeercert()
        assert certificate is not None
        connection.send(str(certificate["subjectAltName"]).encode())
        connection.wait_closed()

    with RawServer(handler, tls=certs.mutual_context()) as server:
        stream = await connect(backend, server, certs.ca, cert=tuple(certs.client))
        with contextlib.closing(stream):
            assert b"client@example.org" in await stream.read(deadline())


@pytest.mark.parametrize("end", ["close", "reset", "shut"])
async def test_cn18_a_connection_that_breaks_in_the_handshake(backend, certs, end):
    """ConnectError and no SSLError: the next address may do better."""

    def handler(connection: RawConnection) -> None:
        connection.receive()
        getattr(connection, end)()
        if end == "shut":
            connection.wait_closed()

    with (
        RawServer(handler) as server,
        pytest.raises(ConnectError, match=r"^TLS handshake with localhost:.* failed: ") as info,
    ):
        await connect(backend, server, certs.ca)
    assert type(info.value) is ConnectError


async def test_tm3_a_handshake_that_is_not_answered(backend, certs):
    """ConnectTimeout when connect_timeout is over."""
    with RawServer(lambda connection: connection.wait_closed() and None) as server:
        limits = deadline(connect_timeout=0.1).connecting()
        with pytest.raises(ConnectTimeout, match=r"TLS handshake with localhost.* after 0.1 s"):
            await connect(backend, server, certs.ca, limits=limits)
    assert time.monotonic() - limits.started_at < 3


async def test_dg4_a_handshake_that_drips(backend, certs):
    """Bytes that come one by one do not put off the end of connect_timeout."""

    def handler(connection: RawConnection) -> None:
        for byte in b"\x16\x03\x03\x40\x00" + bytes(200):
            connection.send(bytes([byte]))
            if connection.peer_closed.wait(0.02):
                break

    with RawServer(handler) as server:
        limits = deadline(connect_timeout=0.2).connecting()
        with pytest.raises(ConnectTimeout):
            await connect(backend, server, certs.ca, limits=limits)
    assert time.monotonic() - limits.started_at < 3


async def test_the_peer_through_a_tunnel(backend, certs):
    """Where the stream leads to somebody else first, the message names both."""
    with RawServer(greet, tls=certs.server.server_context()) as server:
        limits = deadline().connecting()
        plain = await connect_plain(backend, server, "proxy", limits)
        context = ssl_context(SSLConfig(verify=certs.ca), http2=False)
        with pytest.raises(SSLError, match=r"^TLS handshake with origin.org through proxy:"):
            await start_tls(plain, context, "origin.org", limits)


# Answers in the middle of a write.


async def test_bd1_an_answer_in_the_middle_of_a_write(backend, certs):
    """`until_readable` comes back for it; the rest goes out later, unchanged and in order."""
    data = bytearray(os.urandom(8 * MIB))
    given = bytes(data)
    go_on = threading.Event()
    received = []

    def handler(connection: RawConnection) -> None:
        connection.send(b"413")
        assert go_on.wait(10)
        received.append(connection.read_exactly(len(given) + 6))
        connection.send(b"done")
        connection.wait_closed()

    with (
        RawServer(handler, tls=certs.server.server_context()) as server,
        contextlib.closing(await connect(backend, server, certs.ca)) as stream,
    ):
        answer = b""
        while not answer:  # session tickets are something to read too
            assert await stream.write(data, deadline(), until_readable=True) is False
            answer = stream.read_available() or b""
            data = bytearray()
        data[:] = b"x" * 100
        assert answer == b"413"
        go_on.set()
        assert await stream.write(b"behind", deadline()) is True
        assert await stream.write(b"", deadline()) is True
        assert await stream.read(deadline()) == b"done"
    assert received == [given + b"behind"]


async def test_tm4_a_peer_that_stops_reading(backend, certs):
    """WriteTimeout; and nothing may follow half a record."""
    ended = threading.Event()
    with RawServer(lambda _: ended.wait(10) and None, tls=certs.server.server_context()) as server:
        with contextlib.closing(await connect(backend, server, certs.ca)) as stream:
            with pytest.raises(WriteTimeout):
                await stream.write(bytes(32 * MIB), deadline(write_timeout=0.1))
            with pytest.raises(WriteError, match=r"another write was interrupted"):
                await stream.write(b"more", deadline())
        ended.set()


# Looking without waiting.


async def test_read_available(backend, certs):
    """Tickets are nothing, bytes are bytes, close_notify is the end."""
    steps = [threading.Event() for _ in range(2)]

    def handler(connection: RawConnection) -> None:
        for step, data in zip(steps, (b"one", b"two"), strict=True):
            assert step.wait(10)
            connection.send(data)

    with (
        RawServer(handler, tls=certs.server.server_context()) as server,
        contextlib.closing(await connect(backend, server, certs.ca)) as stream,
    ):
        with pytest.raises(ReadTimeout):  # what comes are two session tickets
            await stream.read(deadline(0.1))
        assert stream.read_available() is None
        steps[0].set()
        assert await available(backend, stream) == b"one"
        assert stream.read_available() is None
        steps[1].set()
        assert await available(backend, stream) == b"two"
        assert await available(backend, stream) == b""


async def available(backend: ConcurrencyBackend, stream: NetworkStream) -> bytes:
    """What is available, as soon as something is."""
    for _ in range(500):
        data = stream.read_available()
        if data is not None:
            return data
        await backend.sleep(0.01)
    raise AssertionError("nothing came")


async def test_read_available_on_a_broken_connection(backend, certs):
    """A reset, and a record that does not decrypt, look like the end."""

    def garbage(connection: RawConnection) -> None:
        socket.socket.send(connection.sock, b"\x17\x03\x03\x00\x20" + bytes(32))
        connection.wait_closed()

    for handler in (RawConnection.reset, garbage):
        with (
            RawServer(handler, tls=certs.server.server_context()) as server,
            contextlib.closing(await connect(backend, server, certs.ca)) as stream,
        ):
            assert await available(backend, stream) == b""


async def test_a_record_that_does_not_decrypt(backend, certs):
    """What came before it is delivered, then the error; no later read gets over it."""

    def handler(connection: RawConnection) -> None:
        connection.send(b"good")
        socket.socket.send(connection.sock, b"\x17\x03\x03\x00\x20" + bytes(32) + b"\x17\x03\x03")
        connection.wait_closed()

    with (
        RawServer(handler, tls=certs.server.server_context()) as server,
        contextlib.closing(await connect(backend, server, certs.ca)) as stream,
    ):
        assert await stream.read(deadline()) == b"good"
        for _ in range(2):
            with pytest.raises(SSLError, match=r"read from .* failed: .*bad record mac"):
                await stream.read(deadline())


# Closing.


def expect_close_notify(context: ssl.SSLContext) -> tuple[RawServer, list[str]]:
    """A server that notes how its connections end."""
    context.options &= ~ssl.OP_IGNORE_UNEXPECTED_EOF
    ends = []

    def handler(connection: RawConnection) -> None:
        assert isinstance(connection.sock, ssl.SSLSocket)
        connection.sock.suppress_ragged_eofs = False
        try:
            while connection.sock.recv(65536):
                pass
            ends.append("close_notify")
        except ssl.SSLEOFError:
            ends.append("cut")

    return RawServer(handler, tls=context), ends


async def test_close_tells_the_peer(backend, certs):
    """close_notify is sent where that takes no wait; closing twice is nothing."""
    server, ends = expect_close_notify(certs.server.server_context())
    with server:
        stream = await connect(backend, server, certs.ca)
        await stream.write(b"hello", deadline())
        stream.close()
        stream.close()
        assert stream.is_closed
        assert stream.socket is None or stream.socket.fileno() == -1
    assert ends == ["close_notify"]


async def test_use_after_close(backend, certs):
    """Each operation says that the connection was closed here, what had come in or not."""
    with RawServer(greet, tls=certs.server.server_context()) as server:
        stream = await connect(backend, server, certs.ca)
        stream.close()
        with pytest.raises(ReadError, match=r"closed by `close\(\)`"):
            await stream.read(deadline())
        with pytest.raises(WriteError, match=r"closed by `close\(\)`"):
            await stream.write(b"hello", deadline())
        assert stream.read_available() == b""


async def test_close_while_the_session_is_in_use(backend, certs):
    """Another thread, or a signal handler that interrupts us, closes without close_notify."""
    server, ends = expect_close_notify(certs.server.server_context())
    with server:
        stream = await connect(backend, server, certs.ca)
        with stream._guard:
            stream.close()
    assert ends == ["cut"]


async def test_a_forked_child_does_not_end_its_parents_session(backend, certs, monkeypatch):
    """An inherited session is dropped without a word."""
    server, ends = expect_close_notify(certs.server.server_context())
    with server:
        stream = await connect(backend, server, certs.ca)
        stream._process = -1
        stream.close()
    assert ends == ["cut"]


async def test_cn16_close_does_not_wait_for_the_peer(backend, certs):
    """With a peer that does not read, closing takes no time."""
    ended = threading.Event()
    with RawServer(lambda _: ended.wait(10) and None, tls=certs.server.server_context()) as server:
        stream = await connect(backend, server, certs.ca)
        with pytest.raises(WriteTimeout):
            await stream.write(bytes(32 * MIB), deadline(write_timeout=0.05))
        started = time.monotonic()
        stream.close()
        assert time.monotonic() - started < 1
        ended.set()


async def test_close_after_a_reset(backend, certs):
    """A peer that is gone gets no close_notify, and no error comes of it."""
    with RawServer(RawConnection.reset, tls=certs.server.server_context()) as server:
        stream = await connect(backend, server, certs.ca)
        while stream.read_available() is None:
            await backend.sleep(0.01)
        stream.close()


# Two threads.


@pytest.mark.ways("sync")
async def test_one_thread_reads_while_another_writes(backend, certs):
    """As HTTP/2 does it: both directions at once, in any interleaving, lose nothing."""
    data = os.urandom(4 * MIB)
    with (
        RawServer(echo, tls=certs.server.server_context()) as server,
        contextlib.closing(await connect(backend, server, certs.ca)) as stream,
    ):

        def write() -> None:
            for start in range(0, len(data), 50_000):
                run_sync(stream.write(data[start : start + 50_000], deadline()))

        thread = threading.Thread(target=write)
        thread.start()
        received = await read_exactly(stream, len(data))
        thread.join(10)
    assert received == data


@pytest.mark.ways("sync")
@pytest.mark.parametrize("operation", ["read", "write"])
async def test_close_from_another_thread(backend, certs, operation):
    """Whoever waits is woken, and told that it was us."""
    with RawServer(greet, tls=certs.server.server_context()) as server:
        stream = await connect(backend, server, certs.ca)
        assert await stream.read(deadline()) == b"hello"
        timer = threading.Timer(0.05, stream.close)
        timer.start()
        with pytest.raises((ReadError, WriteError), match=r"closed by `close\(\)`"):
            if operation == "read":
                await stream.read(deadline(None))
            else:
                await stream.write(bytes(64 * MIB), deadline(None))
        timer.join()


# A server in memory.


class MemoryServer(NetworkStream):
    """The stream within, at whose other end is an `ssl` server that does what the test says."""

    def __init__(self, context: ssl.SSLContext, early: bytes = b"") -> None:
        self.peer = "memory:443"
        self.early = early
        self.stuck = False
        self.kept: list[bytes] = []
        self.to_server, self.to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.server = context.wrap_bio(self.to_server, self.to_client, server_side=True)
        self.shaken = False
        self.closed = False
        self.watched: object = self
        self.before_write: typing.Callable[[], typing.Awaitable[object]] | None = None

    def turn(self) -> None:
        try:
            if not self.shaken:
                self.server.do_handshake()
                self.shaken = True
                if self.early:
                    self.server.write(self.early)
        except ssl.SSLWantReadError:
            pass

    def received(self) -> bytes:
        data = b""
        with contextlib.suppress(ssl.SSLWantReadError):
            while piece := self.server.read(65536):
                data += piece
        return data

    async def read(self, deadline: Deadline) -> bytes:
        if not self.to_client.pending:
            raise deadline.error(ReadTimeout, "read from", self.peer)
        return self.to_client.read()

    async def write(
        self,
        data: bytes | bytearray | memoryview,
        deadline: Deadline,
        until_readable: bool = False,
    ) -> bool:
        if self.before_write is not None:
            await self.before_write()
        if data:
            self.kept.append(bytes(data))
        if self.stuck:
            return False
        self.to_server.write(b"".join(self.kept))
        self.kept.clear()
        self.turn()
        return True

    def read_available(self) -> bytes | None:
        return self.to_client.read() or None

    def watch(self, on_readable: typing.Callable[[], None] | None) -> bool:
        self.watched = on_readable
        return True

    def close(self) -> None:
        self.closed = True

    @property
    def is_closed(self) -> bool:
        return self.closed

    @property
    def socket(self) -> None:
        return None


class EncryptedTunnel(MemoryServer):
    """A proxy that speaks TLS itself, and leads to a server that speaks TLS and echoes."""

    def __init__(self, context: ssl.SSLContext, certs: Certs) -> None:
        super().__init__(context)
        self.origin = MemoryServer(certs.server.server_context())

    def turn(self) -> None:
        super().turn()
        if self.shaken:
            self.origin.to_server.write(self.received())
            self.origin.turn()
            if self.origin.shaken and (data := self.origin.received()):
                self.origin.server.write(data)
            if self.origin.to_client.pending:
                self.server.write(self.origin.to_client.read())


async def in_memory(
    context: ssl.SSLContext, ca: str, cert: Cert | None = None
) -> tuple[MemoryServer, TLSStream]:
    inner = MemoryServer(context)
    config = SSLConfig((cert.cert, cert.key) if cert else None, ca)
    return inner, await start_tls(inner, ssl_context(config, False), "localhost", deadline())


def wants_certificate_later(certs: Certs) -> ssl.SSLContext:
    context = certs.mutual_context()
    context.post_handshake_auth = True
    return context


@pytest.mark.ways("sync")
async def test_a_client_certificate_that_is_asked_for_later(certs):
    """The answer goes out while we read, before we wait for more."""
    inner, stream = await in_memory(wants_certificate_later(certs), certs.ca, certs.client)
    await stream.write(b"GET /secret", deadline())
    assert inner.received() == b"GET /secret"
    inner.server.verify_client_post_handshake()
    inner.server.write(b"wait")
    assert await stream.read(deadline()) == b"wait"
    with pytest.raises(ReadTimeout):
        await stream.read(deadline())
    assert inner.received() == b""
    assert inner.server.getpeercert()
    inner.server.write(b"welcome")
    assert await stream.read(deadline()) == b"welcome"


@pytest.mark.ways("sync")
async def test_the_writer_takes_along_what_the_reader_has_to_say(certs):
    """While a write is under way, the reader sends nothing of its own."""
    inner, stream = await in_memory(wants_certificate_later(certs), certs.ca, certs.client)
    await stream.write(b"zero", deadline())
    assert inner.received() == b"zero"
    inner.server.verify_client_post_handshake()
    inner.server.write(b"wait")

    async def read_meanwhile() -> None:
        inner.before_write = None
        assert await stream.read(deadline()) == b"wait"
        with pytest.raises(ReadTimeout):
            await stream.read(deadline())

    inner.before_write = read_meanwhile
    await stream.write(b"one", deadline())
    assert inner.received() == b"one"
    assert not inner.server.getpeercert()
    await stream.write(b"two", deadline())
    assert inner.received() == b"two"
    assert inner.server.getpeercert()


@pytest.mark.ways("sync")
async def test_what_came_with_the_handshake_counts_as_readable(certs):
    """A write that may be left for reading is left for what OpenSSL has not looked at yet."""
    context = certs.server.server_context()
    context.maximum_version = ssl.TLSVersion.TLSv1_2  # where the server has the last word
    inner = MemoryServer(context, early=b"early")
    stream = await start_tls(
        inner, ssl_context(SSLConfig(verify=certs.ca), False), "localhost", deadline()
    )
    assert await stream.write(b"hello", deadline(), until_readable=True) is False
    assert inner.received() == b""
    assert stream.read_available() == b"early"
    assert await stream.write(b"", deadline(), until_readable=True) is True
    assert inner.received() == b"hello"


@pytest.mark.ways("sync")
async def test_a_stream_within_that_keeps_something(certs):
    """What it could not send goes first; nothing is encrypted ahead of it meanwhile."""
    inner, stream = await in_memory(certs.server.server_context(), certs.ca)
    inner.stuck = True
    given = [b"one", bytearray(b"two"), b"three"]
    for data in given:
        assert await stream.write(data, deadline(), until_readable=True) is False
    given[1][:] = b"xxx"
    assert len(inner.kept) == 1
    inner.stuck = False
    assert await stream.write(b"", deadline()) is True
    assert inner.received() == b"onetwothree"


def strange_error() -> ssl.SSLError:
    error = ssl.SSLError(1, "[SSL: STRANGE_THING]")
    error.reason = "STRANGE_THING"
    return error


@pytest.mark.ways("sync")
@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ssl.SSLWantReadError(2, "x"), "the peer wants to renegotiate before it has the request"),
        (strange_error(), "strange thing"),
    ],
)
async def test_a_write_that_tls_refuses(certs, error, words):
    """It is a WriteError: what the peer has said may still be read."""

    class Refusing(ssl.SSLObject):
        def write(self, data: object) -> int:
            raise error

    context = ssl.create_default_context(cafile=certs.ca)
    context.sslobject_class = Refusing
    inner = MemoryServer(certs.server.server_context())
    stream = await start_tls(inner, context, "localhost", deadline())
    with pytest.raises(WriteError, match=rf"write to memory:443 failed: {words}"):
        await stream.write(b"hello", deadline())


@pytest.mark.ways("sync")
async def test_an_alert_that_cannot_be_sent(certs):
    """The error is that of the handshake all the same."""
    inner = MemoryServer(certs.wrong_host.server_context())
    writes = []

    async def fail_at_the_second() -> None:
        writes.append(1)
        if len(writes) == 2:
            raise WriteError("gone")

    inner.before_write = fail_at_the_second
    with pytest.raises(SSLError, match=r"is for another host"):
        await start_tls(
            inner, ssl_context(SSLConfig(verify=certs.ca), False), "localhost", deadline()
        )
    assert len(writes) == 2
    assert inner.is_closed


@pytest.mark.ways("sync")
async def test_cx7_keyboard_interrupt_in_the_handshake(certs):
    """It comes out bare, and the stream within is closed."""
    inner = MemoryServer(certs.server.server_context())

    async def interrupt() -> None:
        raise KeyboardInterrupt

    inner.before_write = interrupt
    with pytest.raises(KeyboardInterrupt):
        await start_tls(inner, ssl_context(SSLConfig(verify=False), False), "localhost", deadline())
    assert inner.is_closed


@pytest.mark.ways("sync")
async def test_the_watch_is_that_of_the_stream_within(certs):
    """The callback is handed on, and so is whether it will ever be called."""
    inner, stream = await in_memory(certs.server.server_context(), certs.ca)

    def on_readable() -> None:
        pass

    assert stream.watch(on_readable) is True
    assert inner.watched is on_readable
    assert stream.watch(None) is True
    assert inner.watched is None


@pytest.mark.ways("sync")
async def test_tls_within_tls(certs):
    """As through an https proxy: each session is verified, and the outer one carries the inner."""
    proxy = EncryptedTunnel(certs.issue("proxy.example").server_context(), certs)
    context = ssl_context(SSLConfig(verify=certs.ca), False)
    outer = await start_tls(proxy, context, "proxy.example", deadline())
    stream = await start_tls(outer, context, "localhost", deadline())
    data = os.urandom(MIB)
    assert await stream.write(data, deadline()) is True
    assert await read_exactly(stream, len(data)) == data
    stream.close()
    assert proxy.is_closed


@pytest.fixture
def backend(way):
    from httpcore.backends.asyncio_streams import AsyncioBackend
    from httpcore.backends.sync import SyncBackend
    from httpcore.backends.trio_streams import TrioBackend

    return {"sync": SyncBackend, "asyncio": AsyncioBackend, "trio": TrioBackend}[way]()
