"""The TLS handshake on every backend; the server's side is Python's own `ssl` in a thread."""

from __future__ import annotations

import contextlib
import ipaddress
import pathlib
import queue
import re
import ssl
import time
import warnings

import pytest
from cryptography import x509

from httpcore.backends import tls_context
from httpcore.backends.tls_context import OwnContext, ssl_context
from httpcore.backends.tls_handshake import start_tls
from httpcore.backends.tls_sessions import TLSSessions
from httpcore.exceptions import (
    ConnectError,
    ConnectTimeout,
    SSLError,
    WriteError,
)
from httpcore.pins import pins_of
from httpcore.ssl_config import SSLConfig
from tests.servers.certs import Cert
from tests.servers.raw import RawConnection, RawServer
from tests.servers.tls import (
    Forger,
    MemoryServer,
    connect,
    connect_plain,
    deadline,
    greet,
    names_asked_for,
)

# Certificates.


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("expired", "its certificate has expired( on .* GMT)?; its operator has to renew it"),
        ("future", "its certificate is not valid yet(, but from .* GMT on)?; is the clock"),
        ("wrong_host", "its certificate is for another host(, namely for elsewhere.example)?; is"),
        ("self_signed", r"its certificate is self-signed; .*ssl='ca.pem'"),
        (
            "unknown_ca",
            r"its certificate was issued by a CA that is not known; .*ssl='ca.pem'",
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


def der_of(cert: Cert) -> bytes:
    """The first certificate of the file."""
    pem = pathlib.Path(cert.cert).read_text().partition("-----END CERTIFICATE-----")
    return ssl.PEM_cert_to_DER_cert(pem[0] + pem[1])


@pytest.fixture
def forger(tmp_path):
    """A CA whose certificates say what the test wants."""
    return Forger(tmp_path)


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
        ("*.0.0.1", "127.0.0.1"),
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


# Names and pins of the user's.


async def test_tl3_another_name(backend, forger):
    """`server_hostname` is what is asked for and checked, wherever the connection leads."""
    context = forger.issue(x509.DNSName("inside.example")).server_context()
    asked_for = names_asked_for(context)
    with RawServer(greet, tls=context) as server:
        config = SSLConfig(verify=forger.ca, server_hostname="inside.example")
        with contextlib.closing(await connect(backend, server, config)) as stream:
            assert await stream.read(deadline()) == b"hello"
        config = SSLConfig(verify=forger.ca, server_hostname="other.example")
        with pytest.raises(
            SSLError,
            match=r"TLS handshake with other.example through localhost:.* is for another host",
        ):
            await connect(backend, server, config)
    assert asked_for == ["inside.example", "other.example"]


async def test_pins_that_the_certificate_fulfils(backend, certs):
    """Its key's, its own, one of several; also where nothing else is verified."""
    key_pin, own = pins_of(der_of(certs.server))
    with RawServer(greet, tls=certs.server.server_context()) as server:
        for pins in (key_pin, own, ["ab" * 32, key_pin]):
            for verify in (certs.ca, False):
                config = SSLConfig(verify=verify, pins=pins)
                with contextlib.closing(await connect(backend, server, config)) as stream:
                    assert await stream.read(deadline()) == b"hello"


@pytest.mark.parametrize("verify", [True, False])
async def test_pins_that_it_does_not_fulfil(backend, certs, verify):
    """SSLError with the pins that would do, and not one byte is sent."""
    seen = " and ".join(map(re.escape, pins_of(der_of(certs.server))))
    config = SSLConfig(verify=certs.ca if verify else False, pins=["ab" * 32, "cd" * 32])
    received: queue.SimpleQueue[bool] = queue.SimpleQueue()

    def handler(connection: RawConnection) -> None:
        connection.wait_closed()
        received.put(connection.has_data(0))

    with RawServer(handler, tls=certs.server.server_context()) as server:
        with pytest.raises(
            SSLError,
            match=rf"^TLS handshake with localhost:.* failed: its certificate fulfils none of the "
            rf"2 pins, but {seen}; if its operator has a new key",
        ):
            await connect(backend, server, config)
        assert received.get(timeout=10) is False


async def test_pins_beside_a_context(backend, certs):
    """A context of the user's is not changed by them."""
    context = certs.client_context()
    with RawServer(greet, tls=certs.server.server_context()) as server:
        with pytest.raises(SSLError, match=r"fulfils none of the 1 pins"):
            await connect(backend, server, SSLConfig(verify=context, pins="ab" * 32))
        good = SSLConfig(verify=context, pins=pins_of(der_of(certs.server)))
        with contextlib.closing(await connect(backend, server, good)) as stream:
            assert await stream.read(deadline()) == b"hello"


async def test_dg1_files_that_are_unusable(backend, certs, tmp_path):
    """The error names the origin too, and the connection is closed."""
    with (
        RawServer(greet, tls=certs.server.server_context()) as server,
        pytest.raises(
            SSLError, match=r"^TLS with localhost:[0-9]+: cannot .*missing'.*no such"
        ) as i,
    ):
        await connect(backend, server, str(tmp_path / "missing"))
    assert isinstance(i.value.__cause__, FileNotFoundError)


async def test_pr3_the_keys_of_a_session(backend, certs, tmp_path):
    """They are in the file that was asked for, as Wireshark reads them."""
    path = tmp_path / "keys"
    with RawServer(greet, tls=certs.server.server_context()) as server:
        config = SSLConfig(verify=certs.ca, keylog_file=path)
        with contextlib.closing(await connect(backend, server, config)) as stream:
            await stream.read(deadline())
    assert "CLIENT_TRAFFIC_SECRET_0 " in path.read_text()


# Our own certificate.


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


async def test_a_client_certificate_in_memory(backend, certs):
    """The server sees that it is the same."""

    def handler(connection: RawConnection) -> None:
        assert isinstance(connection.sock, ssl.SSLSocket)
        connection.send(connection.sock.getpeercert(True) or b"none")
        connection.wait_closed()

    cert, key = (pathlib.Path(path).read_bytes() for path in certs.client)
    config = SSLConfig((cert, key), pathlib.Path(certs.ca).read_bytes())
    with (
        RawServer(handler, tls=certs.mutual_context()) as server,
        contextlib.closing(await connect(backend, server, config)) as stream,
    ):
        assert await stream.read(deadline()) == der_of(certs.client)


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
    context.sessions = TLSSessions()
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
    with RawServer(greet, tls=context) as server:
        with pytest.raises(
            SSLError, match=r"speaks no version of TLS that we do; .*minimum_version .*SECLEVEL"
        ):
            await connect(backend, server, certs.ca)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            allowing = SSLConfig(
                verify=certs.ca, minimum_version="TLSv1", ciphers="DEFAULT@SECLEVEL=0"
            )
            stream = await connect(backend, server, allowing)
        with contextlib.closing(stream):
            assert stream.ssl_object.version() == "TLSv1.1"


async def test_tl10_only_newer_versions(backend, certs):
    """A server that begins at TLS 1.3, where we were told to end at 1.2."""
    context = certs.server.server_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    with (
        RawServer(greet, tls=context) as server,
        pytest.raises(SSLError, match=r"speaks no version of TLS that we do; .*maximum_version"),
    ):
        await connect(backend, server, SSLConfig(verify=certs.ca, maximum_version="TLSv1.2"))


async def test_tl10_a_client_certificate_that_is_missed_in_the_handshake(backend, certs):
    """TLS 1.2 refuses at once."""
    context = certs.mutual_context()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with (
        RawServer(greet, tls=context) as server,
        pytest.raises(SSLError, match=r"SSLConfig\(cert=...\)"),
    ):
        await connect(backend, server, certs.ca)


# What breaks, and what stalls.


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
    assert str(info.value).count("TLS handshake") == 1


async def test_tm3_a_handshake_that_is_not_answered(backend, certs):
    """ConnectTimeout when connect_timeout is over."""

    def silent(connection: RawConnection) -> None:
        connection.wait_closed()

    with RawServer(silent) as server:
        limits = deadline(connect_timeout=0.1).connecting()
        with pytest.raises(ConnectTimeout, match=r"TLS handshake with localhost.* after 0.1 s"):
            await connect(backend, server, certs.ca, limits=limits)
    assert time.monotonic() - limits.started_at < 5


async def test_dg4_a_handshake_that_drips(backend, certs):
    """Bytes that come one by one do not put off the end of connect_timeout."""

    def handler(connection: RawConnection) -> None:
        for byte in b"\x16\x03\x03\x40\x00" + bytes(500):
            connection.send(bytes([byte]))
            if connection.peer_closed.wait(0.02):
                break

    with RawServer(handler) as server:
        limits = deadline(connect_timeout=0.2).connecting()
        with pytest.raises(ConnectTimeout):
            await connect(backend, server, certs.ca, limits=limits)
    assert time.monotonic() - limits.started_at < 5


async def test_the_peer_through_a_tunnel(backend, certs):
    """Where the stream leads to somebody else first, the message names both."""
    with RawServer(greet, tls=certs.server.server_context()) as server:
        limits = deadline().connecting()
        plain = await connect_plain(backend, server, "proxy", limits)
        context = ssl_context(SSLConfig(verify=certs.ca), http2=False)
        with pytest.raises(SSLError, match=r"^TLS handshake with origin.org through proxy:"):
            await start_tls(plain, context, "origin.org", limits)


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


async def test_building_the_context_is_interrupted(backend, certs, monkeypatch):
    """What comes out is what interrupted it, and the stream is closed."""

    def interrupted(config: SSLConfig, http2: bool) -> OwnContext:
        raise MemoryError

    monkeypatch.setattr(tls_context, "_contexts", {})
    monkeypatch.setattr(tls_context, "ssl_context", interrupted)
    inner = MemoryServer(certs.server.server_context())
    config = SSLConfig(verify=certs.ca)
    with pytest.raises(MemoryError):
        await backend.start_tls(inner, config, False, "localhost", deadline())
    assert inner.closed
