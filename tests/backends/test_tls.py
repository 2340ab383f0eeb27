"""TLS on every backend, and over a server in memory where the peer is scripted."""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
import threading
import time

import pytest

from httpcore.backends.base import ConcurrencyBackend, NetworkStream, TruncatedTLS
from httpcore.backends.tls_context import ssl_context
from httpcore.backends.tls_handshake import start_tls
from httpcore.dispatch.read_ahead import behind
from httpcore.driver import run_sync
from httpcore.exceptions import (
    ReadError,
    ReadTimeout,
    SSLError,
    TotalTimeout,
    WriteError,
    WriteTimeout,
)
from httpcore.ssl_config import SSLConfig
from tests.backends.kinds import arrived
from tests.memory import holding_less_than
from tests.servers.certs import Certs
from tests.servers.raw import RawConnection, RawServer
from tests.servers.tls import (
    EncryptedTunnel,
    MemoryServer,
    connect,
    deadline,
    echo,
    greet,
    in_memory,
    read_exactly,
)

MIB = 1024 * 1024


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
        pieces: list[bytes] = []
        while sum(len(piece) for piece in pieces) < len(data):
            if len(pieces) < 10:
                arrived(stream.socket, 40 * 1024)
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
        holding_less_than(5 * MIB),  # the server's 2 MiB of them
    ):
        await stream.write(memoryview(data), deadline())
        left = size
        while left:
            left -= len(await stream.read(deadline()))


class Counted:
    """A memory BIO that notes how much it was given at once."""

    def __init__(self, bio: ssl.MemoryBIO) -> None:
        self.bio = bio
        self.largest = 0

    @property
    def pending(self) -> int:
        return self.bio.pending

    def write(self, data: bytes) -> int:
        self.largest = max(self.largest, len(data))
        return self.bio.write(data)

    def read(self) -> bytes:
        data = self.bio.read()
        self.largest = max(self.largest, len(data))
        return data


@pytest.mark.ways("sync")
async def test_bd11_what_a_connection_keeps(certs):
    """However large its reads and writes were: OpenSSL keeps the room that they took."""
    inner, stream = await in_memory(certs.server.server_context(), certs.ca)
    incoming, outgoing = Counted(stream._incoming), Counted(stream._outgoing)
    stream._incoming, stream._outgoing = incoming, outgoing  # type: ignore[assignment]
    inner.server.write(bytes(MIB))
    assert len(await read_exactly(stream, MIB)) == MIB
    await stream.write(bytes(MIB), deadline())
    assert inner.received() == bytes(MIB)
    assert 0 < incoming.largest <= 64 * 1024
    assert 0 < outgoing.largest <= 66 * 1024


async def test_silence(backend, certs):
    """The time limits are those of the stream within."""
    with (
        RawServer(greet, tls=certs.server.server_context()) as server,
        contextlib.closing(await connect(backend, server, certs.ca)) as stream,
    ):
        assert await stream.read(deadline()) == b"hello"
        with pytest.raises(ReadTimeout, match=r"read from localhost"):
            await stream.read(deadline(read_timeout=0.05))
        assert stream.refusal() is None


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


@pytest.mark.parametrize("late", [False, True], ids=["in mid-write", "before the write"])
async def test_tm4_a_peer_that_stops_reading(backend, certs, late):
    """WriteTimeout; what was not sent is not lost, so that half a record is no end."""
    timed_out = threading.Event()
    received: list[bytes] = []

    def stall(connection: RawConnection) -> None:
        assert timed_out.wait(10)
        received.append(connection.read_exactly(32 * MIB + 4))
        connection.send(b"all")

    with (
        RawServer(stall, tls=certs.server.server_context()) as server,
        contextlib.closing(await connect(backend, server, certs.ca)) as stream,
    ):
        limits = deadline(total_timeout=0.001) if late else deadline(write_timeout=0.1)
        if late:
            time.sleep(0.01)
        with pytest.raises((WriteTimeout, TotalTimeout)):
            await stream.write(bytes(32 * MIB), limits)
        timed_out.set()
        await stream.write(b"more", deadline())
        assert await stream.read(deadline()) == b"all"
        assert received[0] == bytes(32 * MIB) + b"more"


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
        assert "bad record mac" in str(stream.refusal())


# Closing.


def expect_close_notify(context: ssl.SSLContext) -> tuple[RawServer, list[str]]:
    """A server that notes how its connections end."""
    context.options &= ~ssl.OP_IGNORE_UNEXPECTED_EOF
    ends = []

    def handler(connection: RawConnection) -> None:
        assert isinstance(connection.sock, ssl.SSLSocket)
        connection.sock.suppress_ragged_eofs = False  # type: ignore[attr-defined]  # not in typeshed
        try:
            while connection.sock.recv(65536):
                pass
            ends.append("close_notify")
        except (ssl.SSLEOFError, ConnectionResetError):  # reset where tickets were not read
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

    def stall(connection: RawConnection) -> None:
        ended.wait(10)

    with RawServer(stall, tls=certs.server.server_context()) as server:
        stream = await connect(backend, server, certs.ca)
        with pytest.raises(WriteTimeout):
            await stream.write(bytes(32 * MIB), deadline(write_timeout=0.05))
        started = time.monotonic()
        stream.close()
        assert time.monotonic() - started < 5
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
@pytest.mark.parametrize("waits", [False, True])
async def test_the_reader_takes_along_what_a_writer_has_to_say(certs, waits):
    """A write that comes while the reader sends is neither refused nor out of order."""
    inner, stream = await in_memory(wants_certificate_later(certs), certs.ca, certs.client)
    await stream.write(b"zero", deadline())
    assert inner.received() == b"zero"
    inner.server.verify_client_post_handshake()
    inner.server.write(b"wait")
    assert await stream.read(deadline()) == b"wait"

    async def write_meanwhile() -> None:
        inner.before_write = None
        if waits:
            assert await stream.write(b"one", deadline()) is True
        else:
            assert stream.write_available(b"one") is True

    inner.before_write = write_meanwhile
    with pytest.raises(ReadTimeout):
        await stream.read(deadline())
    assert inner.received() == b"one"
    assert inner.server.getpeercert()
    await stream.write(b"two", deadline())
    assert inner.received() == b"two"


@pytest.mark.ways("sync")
async def test_what_a_writer_has_left_goes_ahead_while_the_reader_sends(certs):
    """A later write overtakes nothing, whoever sends it."""
    inner, stream = await in_memory(wants_certificate_later(certs), certs.ca, certs.client)
    await stream.write(b"zero", deadline())
    assert inner.received() == b"zero"
    inner.server.verify_client_post_handshake()
    inner.server.write(b"wait")
    inner.stuck = True
    for data in (b"one", b"two"):
        assert await stream.write(data, deadline(), until_readable=True) is False
    assert await stream.read(deadline()) == b"wait"

    async def write_meanwhile() -> None:
        inner.before_write = None
        inner.stuck = False
        assert await stream.write(b"three", deadline()) is True

    inner.before_write = write_meanwhile
    with pytest.raises(ReadTimeout):
        await stream.read(deadline())
    assert await stream.write(b"", deadline()) is True
    assert inner.received() == b"onetwothree"


@pytest.mark.ways("sync")
@pytest.mark.parametrize("sent_by", ["reader", "writer"])
@pytest.mark.parametrize("cause", ["gives_up", "stuck"])
async def test_what_the_reader_gives_up_to_send(certs, sent_by, cause):
    """It is not lost: the next reader sends it, or it goes ahead of what is written."""
    inner, stream = await in_memory(wants_certificate_later(certs), certs.ca, certs.client)
    await stream.write(b"one", deadline())
    assert inner.received() == b"one"
    inner.server.verify_client_post_handshake()
    inner.server.write(b"wait")
    assert await stream.read(deadline()) == b"wait"
    setattr(inner, cause, True)
    with pytest.raises((WriteTimeout, ReadTimeout)):
        await stream.read(deadline())
    setattr(inner, cause, False)
    if sent_by == "reader":
        with pytest.raises(ReadTimeout):
            await stream.read(deadline())
        assert inner.kept == []
    await stream.write(b"two", deadline())
    assert inner.received() == b"two"
    assert inner.server.getpeercert()


@pytest.mark.ways("sync")
async def test_the_reader_has_nothing_to_send_after_all(certs):
    """What the reader saw a writer make, and send, it does not try to send again."""
    inner, stream = await in_memory(certs.server.server_context(), certs.ca)
    await stream._flush(deadline())
    await stream.write(b"hello", deadline())
    assert inner.received() == b"hello"


@pytest.mark.ways("sync")
async def test_why_the_stream_within_was_given_up(certs, monkeypatch):
    """Of TLS in TLS the outer session knows what the inner one had to say."""
    why = SSLError("it wants a client certificate")
    inner, stream = await in_memory(certs.server.server_context(), certs.ca)
    assert stream.refusal() is None
    monkeypatch.setattr(inner, "refusal", lambda: why)
    assert behind(stream, b"first").refusal() is why


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
    mutable = bytearray(b"two")
    for data in (b"one", mutable, b"three"):
        assert await stream.write(data, deadline(), until_readable=True) is False
    mutable[:] = b"xxx"
    assert len(inner.kept) == 1
    inner.stuck = False
    assert await stream.write(b"", deadline()) is True
    assert inner.received() == b"onetwothree"


@pytest.mark.ways("sync")
async def test_what_takes_no_wait(certs):
    """It is encrypted and sent as far as the stream within takes it; the rest is kept, in order."""
    inner, stream = await in_memory(certs.server.server_context(), certs.ca)
    assert stream.write_available(b"zero") is True
    assert inner.received() == b"zero"
    inner.stuck = True
    mutable = bytearray(b"two")
    for data in (b"one", mutable, b""):
        assert stream.write_available(data) is False
    mutable[:] = b"xxx"
    inner.stuck = False
    assert stream.write_available(b"three") is True
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
@pytest.mark.parametrize("answer", [b"", None])
async def test_the_answer_to_our_own_close_notify(certs, answer):
    """A thread that reads meanwhile takes neither the end nor late bytes for an answer."""
    inner, stream = await in_memory(certs.server.server_context(), certs.ca)
    inner.server.write(b"late")

    def close() -> bytes | None:
        stream.close()
        return answer

    inner.before_read = close
    with pytest.raises(ReadError, match=r"closed by `close\(\)`"):
        await stream.read(deadline())


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
