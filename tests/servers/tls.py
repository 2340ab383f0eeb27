"""TLS for tests: the stream under test, a CA without scruples, and a server in memory."""

from __future__ import annotations

import contextlib
import datetime
import socket
import ssl
import typing

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from httpcore.backends.base import Address, ConcurrencyBackend, NetworkStream
from httpcore.backends.tls import TLSStream
from httpcore.backends.tls_context import ssl_context
from httpcore.backends.tls_handshake import start_tls
from httpcore.config import TimeoutConfig
from httpcore.deadline import Deadline
from httpcore.exceptions import ReadTimeout, WriteError, WriteTimeout
from httpcore.ssl_config import SSLConfig
from tests.servers.certs import Cert, Certs
from tests.servers.raw import RawConnection, RawServer


def deadline(seconds: float | None = 10, **limits: float) -> Deadline:
    """The limits of an operation that is not about limits, or the ones that are given."""
    return Deadline(TimeoutConfig(seconds, **limits))


async def connect_plain(
    backend: ConcurrencyBackend, server: RawServer, host: str, limits: Deadline
) -> NetworkStream:
    """A connection to `server`, which passes for `host`."""
    address = Address(socket.AF_INET, (server.host, server.port))
    return await backend.connect_tcp([address], f"{host}:{server.port}", limits)


async def connect(
    backend: ConcurrencyBackend,
    server: RawServer,
    ca: str | bool | ssl.SSLContext | SSLConfig,
    host: str = "localhost",
    *,
    http2: bool = False,
    cert: typing.Any = None,
    limits: Deadline | None = None,
) -> TLSStream:
    """TLS with `server`, which passes for `host`; `ca` is what `verify=` takes, or all of it."""
    config = ca if isinstance(ca, SSLConfig) else SSLConfig(cert, ca)
    limits = limits or deadline().connecting()
    stream = await connect_plain(backend, server, host, limits)
    try:
        secure = await backend.start_tls(stream, config, http2, host, limits)
    except BaseException:
        assert stream.is_closed
        raise
    assert isinstance(secure, TLSStream)
    return secure


async def read_exactly(stream: NetworkStream, size: int) -> bytes:
    """The next `size` bytes, behind which nothing may have come yet."""
    data = bytearray()
    while len(data) < size:
        piece = await stream.read(deadline())
        assert piece
        data += piece
    assert len(data) == size
    return bytes(data)


def echo(connection: RawConnection) -> None:
    """Send back what comes."""
    while True:
        connection.send(connection.receive())


def greet(connection: RawConnection) -> None:
    """Send hello and wait for the end."""
    connection.send(b"hello")
    connection.wait_closed()


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


def names_asked_for(context: ssl.SSLContext) -> list[str | None]:
    """The SNI of each handshake with `context`."""
    names: list[str | None] = []

    def note(ssl_object: object, name: str | None, context: object) -> None:
        names.append(name)

    context.sni_callback = note
    return names


class MemoryServer(NetworkStream):
    """The stream within, at whose other end is an `ssl` server that does what the test says."""

    def __init__(self, context: ssl.SSLContext, early: bytes = b"") -> None:
        self.peer = "memory:443"
        self.early = early
        self.stuck = False
        self.gives_up = False
        self.kept: list[bytes] = []
        self.to_server, self.to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.server = context.wrap_bio(self.to_server, self.to_client, server_side=True)
        self.shaken = False
        self.closed = False
        self.watched: object = self
        self.before_read: typing.Callable[[], bytes | None] = lambda: None
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
        data = self.before_read()
        if data is not None:
            return data
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
        if self.gives_up:
            raise deadline.error(WriteTimeout, "write to", self.peer)
        if self.stuck:
            return False
        self.to_server.write(b"".join(self.kept))
        self.kept.clear()
        self.turn()
        return True

    def write_available(self, data: bytes | bytearray | memoryview) -> bool:
        self.kept.append(bytes(data))
        if self.stuck:
            return False
        self.to_server.write(b"".join(self.kept))
        self.kept.clear()
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


class HangsUp(MemoryServer):
    """It refuses the client in TLS 1.3 and hangs up, which the client finds when it sends more."""

    has_hung_up = False

    def turn(self) -> None:
        try:
            super().turn()
        except ssl.SSLError:
            self.has_hung_up = True

    async def write(
        self,
        data: bytes | bytearray | memoryview,
        deadline: Deadline,
        until_readable: bool = False,
    ) -> bool:
        if self.has_hung_up:
            raise WriteError(f"write to {self.peer} failed: connection reset by peer")
        return await super().write(data, deadline, until_readable)


async def in_memory(
    context: ssl.SSLContext, ca: str, cert: Cert | None = None
) -> tuple[MemoryServer, TLSStream]:
    """A server in memory, and TLS with it."""
    inner = MemoryServer(context)
    config = SSLConfig((cert.cert, cert.key) if cert else None, ca)
    return inner, await start_tls(inner, ssl_context(config, False), "localhost", deadline())
