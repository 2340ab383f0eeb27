"""Sessions of TLS: when one is resumed, and above all when not."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import typing

import pytest

from httpcore.backends import tls_context, tls_sessions
from httpcore.backends.base import ConcurrencyBackend
from httpcore.backends.tls_context import ssl_context
from httpcore.backends.tls_handshake import start_tls
from httpcore.backends.tls_sessions import TLSSessions
from httpcore.exceptions import SSLError
from httpcore.ssl_config import SSLConfig
from tests.servers.certs import Cert
from tests.servers.raw import RawConnection, RawServer
from tests.servers.tls import connect, connect_plain, deadline, greet


@pytest.fixture(autouse=True)
def no_contexts(monkeypatch):
    """Each test begins with no context built, so without sessions."""
    monkeypatch.setattr(tls_context, "_contexts", {})


def serving(cert: Cert, version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3) -> RawServer:
    context = cert.server_context()
    context.maximum_version = version
    return RawServer(greet, tls=context)


async def resumes(
    backend: ConcurrencyBackend, server: RawServer, config: SSLConfig, host: str = "localhost"
) -> bool:
    """Whether a connection goes on with an earlier session; reads, so that tickets arrive."""
    stream = await connect(backend, server, config, host)
    with contextlib.closing(stream):
        assert await stream.read(deadline()) == b"hello"
        return bool(stream.ssl_object.session_reused)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_the_next_connection_resumes(backend, certs, version):
    """One after the other, and also beside a connection that is still open."""
    config = SSLConfig(verify=certs.ca)
    with serving(certs.server, version) as server:
        assert not await resumes(backend, server, config)
        assert await resumes(backend, server, config)
        assert await resumes(backend, server, SSLConfig(verify=certs.ca))
        with contextlib.closing(await connect(backend, server, config)) as stream:
            await stream.read(deadline())
            assert await resumes(backend, server, config)


async def test_sessions_without_tickets(backend, certs):
    """TLS 1.2 knows them by number; of TLS 1.3 there are none."""
    context = certs.server.server_context()
    context.options |= ssl.OP_NO_TICKET
    context.num_tickets = 0
    with RawServer(greet, tls=context) as server:
        assert not await resumes(backend, server, SSLConfig(verify=certs.ca))
        assert not await resumes(backend, server, SSLConfig(verify=certs.ca))
        older = SSLConfig(verify=certs.ca, maximum_version="TLSv1.2")
        assert not await resumes(backend, server, older)
        assert await resumes(backend, server, older)


async def test_a_session_serves_many_connections(backend, certs, monkeypatch):
    """Python is asked for it once, as that loses memory; again where a server has forgotten it."""
    questions = []
    resumable = tls_sessions._resumable

    def counted(ssl_object: ssl.SSLObject) -> ssl.SSLSession | None:
        questions.append(ssl_object)
        return resumable(ssl_object)

    monkeypatch.setattr(tls_sessions, "_resumable", counted)
    config = SSLConfig(verify=certs.ca)
    with serving(certs.server) as server:
        assert not await resumes(backend, server, config)
        for _ in range(5):
            assert await resumes(backend, server, config)
        assert len(questions) == 1
        for _ in range(5):
            server._tls = certs.server.server_context()  # with other ticket keys
            assert not await resumes(backend, server, config)
        assert len(questions) == 4
        monkeypatch.setattr(tls_sessions, "_LIFETIME", -1.0)
        assert await resumes(backend, server, config)


async def test_tl2_verification_that_is_switched_on_again(backend, certs):
    """A session that was not verified is not resumed by who verifies: SSLError, by a handshake."""
    off, on = SSLConfig(verify=False), SSLConfig(verify=certs.ca)
    with serving(certs.unknown_ca) as server:
        assert not await resumes(backend, server, off)
        assert await resumes(backend, server, off)
        for _ in range(2):
            with pytest.raises(SSLError, match=r"was issued by a CA that is not known"):
                await resumes(backend, server, on)


async def test_tl2_other_settings(backend, certs):
    """No two different configs share a session, whatever the difference is."""
    configs = [
        SSLConfig(verify=certs.ca),
        SSLConfig(verify=False),
        SSLConfig((certs.client.cert, certs.client.key), certs.ca),
        SSLConfig(verify=certs.ca, server_hostname="127.0.0.1"),
        SSLConfig(verify=False, ciphers="DEFAULT"),
    ]
    with serving(certs.server) as server:
        assert [await resumes(backend, server, config) for config in configs] == [False] * 5
        assert [await resumes(backend, server, config) for config in configs] == [True] * 5


async def test_tl3_other_names_and_servers(backend, certs):
    """A session belongs to the name that was verified, and to one server."""
    config = SSLConfig(verify=certs.ca)
    with serving(certs.server) as server, serving(certs.server) as other:
        assert not await resumes(backend, server, config)
        assert not await resumes(backend, other, config)
        assert not await resumes(backend, server, config, "127.0.0.1")
        assert await resumes(backend, server, config)
        assert await resumes(backend, other, config)


async def test_http2_or_not(backend, certs):
    """What is offered by ALPN is part of it."""
    config = SSLConfig(verify=certs.ca)
    with serving(certs.server) as server:
        assert not await resumes(backend, server, config)
        stream = await connect(backend, server, config, http2=True)
        with contextlib.closing(stream):
            assert not stream.ssl_object.session_reused


async def test_pins_are_checked_on_resumption_too(backend, certs):
    """The session knows its certificate."""
    with serving(certs.server) as server:
        context = ssl_context(SSLConfig(verify=certs.ca), http2=False)
        assert not await resumes(backend, server, SSLConfig(verify=certs.ca))
        limits = deadline().connecting()
        plain = await connect_plain(backend, server, "localhost", limits)
        with pytest.raises(SSLError, match=r"fulfils none of the 1 pins, but sha256/"):
            await start_tls(plain, context, "localhost", limits, ("ab" * 32,))


async def test_a_context_of_the_user(backend, certs):
    """It may have been changed since: nothing is resumed."""
    config = SSLConfig(verify=certs.client_context())
    with serving(certs.server) as server:
        assert not await resumes(backend, server, config)
        assert not await resumes(backend, server, config)


async def test_a_server_that_has_forgotten(backend, certs):
    """It gets a whole handshake."""
    config = SSLConfig(verify=certs.ca)
    with serving(certs.server) as server:
        assert not await resumes(backend, server, config)
        server._tls = certs.server.server_context()  # with other ticket keys
        assert not await resumes(backend, server, config)
        assert await resumes(backend, server, config)


async def test_a_session_that_broke(backend, certs):
    """After an error of TLS it is not resumed."""
    config = SSLConfig(verify=certs.ca)

    def handler(connection: RawConnection) -> None:
        connection.send(b"hello")
        socket.socket.send(connection.sock, b"\x17\x03\x03\x00\x20" + bytes(32))
        connection.wait_closed()

    with RawServer(handler, tls=certs.server.server_context()) as server:
        with contextlib.closing(await connect(backend, server, config)) as stream:
            assert await stream.read(deadline()) == b"hello"
            with pytest.raises(SSLError, match=r"bad record mac"):
                await stream.read(deadline())
        assert not await resumes(backend, server, config)


def held(sessions: TLSSessions, *names: str, guard: threading.Lock | None = None) -> None:
    """Have `sessions` keep one that has not begun for each name."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    for name in names:
        ssl_object = context.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_hostname=name)
        sessions.put((name, "peer:443"), ssl_object, guard or threading.Lock(), None)


def test_a_session_in_use_by_another_thread():
    """Nobody waits for it: there will be a new one."""
    sessions, guard = TLSSessions(), threading.Lock()
    held(sessions, "a", guard=guard)
    with guard:
        assert sessions.take(("a", "peer:443")) is None
    held(sessions, "a", guard=guard)
    assert sessions.take(("a", "peer:443")) is None  # it has not begun
    assert guard.acquire(blocking=False)


def test_a_session_that_cannot_be_copied():
    """There will be a new one, and it is free for others."""

    class Uncopied:
        def version(self) -> str:
            return "TLSv1.3"

        @property
        def session(self) -> None:
            raise ValueError("d2i() failed")

    sessions, guard = TLSSessions(), threading.Lock()
    sessions.put(("a", "peer:443"), typing.cast("ssl.SSLObject", Uncopied()), guard, None)
    assert sessions.take(("a", "peer:443")) is None
    assert guard.acquire(blocking=False)


def test_the_sessions_are_bounded(monkeypatch):
    """Of too many servers the one used longest ago goes."""
    monkeypatch.setattr(tls_sessions, "_MAX_SERVERS", 2)
    sessions = TLSSessions()
    held(sessions, "a", "b", "a", "c")
    assert [name for name, _ in sessions._servers] == ["a", "c"]
