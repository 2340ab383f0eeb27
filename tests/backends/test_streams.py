"""What every backend promises, on every kind of event loop and without one."""

from __future__ import annotations

import array
import asyncio
import collections.abc
import contextlib
import errno
import gc
import itertools
import socket
import threading
import time
import typing
import weakref

import pytest
import trio

from httpcore.backends import lookups, polling
from httpcore.backends.base import Address, ConcurrencyBackend, Rival
from httpcore.backends.sync import SyncBackend
from httpcore.config import TimeoutConfig
from httpcore.deadline import Deadline
from httpcore.exceptions import (
    ConnectError,
    ConnectTimeout,
    ReadError,
    ReadTimeout,
    TotalTimeout,
    WriteError,
    WriteTimeout,
)
from tests.backends import kinds
from tests.backends.kinds import (
    Connected,
    arrived,
    expired,
    limits,
    meanwhile,
    receive,
    reset,
)

MIB = 1024 * 1024
Run = collections.abc.Callable[[kinds.Main], None]


@pytest.fixture(params=[*kinds.KINDS, "sync by select"])
def kind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "sync by select":  # as on systems without poll()
        monkeypatch.setattr(polling, "waiter", polling._select_waiter)
        return "sync"
    return typing.cast("str", request.param)


@pytest.fixture
def run(kind: str) -> Run:
    return lambda main: kinds.run(kind, main)


@pytest.fixture
def backend(kind: str) -> ConcurrencyBackend:
    return kinds.backend_of(kind)


# Reading.


def test_read_gives_what_arrived_and_then_the_end(run, backend):
    """Bytes in order; once the peer has closed, the end, as often as one asks."""

    async def main() -> None:
        async with Connected(backend) as (stream, peer):
            peer.sendall(b"one")
            assert await stream.read(limits()) == b"one"
            peer.sendall(b"two")
            peer.close()
            assert await stream.read(limits()) == b"two"
            assert await stream.read(limits()) == b""
            assert await stream.read(limits()) == b""
            assert stream.read_available() == b""

    run(main)


@pytest.mark.parametrize("seconds", [10, None, 1e12])
def test_read_waits(run, backend, seconds):
    """A read that comes before its bytes waits for them, with any limit or none."""

    async def main() -> None:
        async with Connected(backend) as (stream, peer):
            with meanwhile(peer.sendall, b"late", after=0.05):
                assert await stream.read(limits(seconds)) == b"late"

    run(main)


def test_tm2_silence(run, backend):
    """The error names peer and limit, and the stream can still be read."""

    async def main() -> None:
        async with Connected(backend) as (stream, peer):
            began = time.monotonic()
            with pytest.raises(ReadTimeout, match=rf"{stream.peer} timed out after 0.05 s") as e:
                await stream.read(limits(0.05))
            assert (e.value.phase, e.value.peer, e.value.limit) == ("read from", stream.peer, 0.05)
            assert 0.05 <= time.monotonic() - began < 5
            peer.sendall(b"after all")
            assert await stream.read(limits()) == b"after all"

    run(main)


def test_tm1_a_drip_ends_at_the_total_time(run, backend):
    """Bytes that keep coming within read_timeout do not put off the end of everything."""

    async def main() -> None:
        async with Connected(backend) as (stream, peer):
            deadline = limits(1, total_timeout=0.3)

            def drip() -> None:
                for _ in range(8):
                    time.sleep(0.05)
                    peer.sendall(b".")

            with meanwhile(drip), pytest.raises(TotalTimeout):
                while True:
                    await stream.read(deadline)
            assert 0.3 <= time.monotonic() - deadline.started_at < 5

    run(main)


def test_tm9_the_time_had_passed_before(run, backend):
    """Nothing is read, even if it could be; what was to be sent goes ahead of what comes later."""

    async def main() -> None:
        async with Connected(backend) as (stream, peer):
            peer.sendall(b"there")
            with pytest.raises(TotalTimeout):
                await stream.read(expired())
            for part in (b"fir", b"st"):
                with pytest.raises(TotalTimeout):
                    await stream.write(part, expired())
            assert await stream.read(limits()) == b"there"
            await stream.write(b"second", limits())
            assert receive(peer, 11) == b"firstsecond"

    run(main)


def test_a_reset_is_a_read_error(run, backend):
    """With the operating system's error as its cause."""

    async def main() -> None:
        async with Connected(backend) as (stream, peer):
            reset(peer)
            with pytest.raises(ReadError, match=rf"{stream.peer} failed: connection reset") as e:
                await stream.read(limits())
            assert isinstance(e.value.__cause__, ConnectionResetError)

    run(main)


def test_read_available(run, backend):
    """Nothing, then what arrived, then the end, without waiting."""

    async def main() -> None:
        async with Connected(backend) as (stream, peer):
            assert stream.read_available() is None
            peer.sendall(b"unasked")
            arrived(stream.socket)
            assert stream.read_available() == b"unasked"
            assert stream.read_available() is None
            peer.close()
            arrived(stream.socket)
            assert stream.read_available() == b""

    run(main)


def test_cn1_a_broken_connection_is_seen_without_waiting(run, backend):
    """A reset of an idle connection counts as its end."""

    async def main() -> None:
        async with Connected(backend) as (stream, peer):
            reset(peer)
            arrived(stream.socket)
            assert stream.read_available() == b""

    run(main)


# Writing.


@pytest.mark.parametrize("kind_of_buffer", [bytes, bytearray, memoryview])
def test_write_sends_everything(run, backend, kind_of_buffer):
    """However much it is, and in whatever kind of buffer."""
    data = bytes(range(256)) * (16 * 1024)

    async def main() -> None:
        async with Connected(backend) as (stream, peer):
            received: list[bytes] = []
            with meanwhile(lambda: received.append(receive(peer, len(data) + 4))):
                assert await stream.write(kind_of_buffer(b"head"), limits()) is True
                assert await stream.write(kind_of_buffer(data), limits()) is True
            assert received == [b"head" + data]

    run(main)


def test_bd9_items_larger_than_a_byte(run, backend):
    """A memoryview counts in bytes, not in items."""
    numbers = array.array("I", range(MIB))

    async def main() -> None:
        async with Connected(backend) as (stream, peer):
            received: list[bytes] = []
            with meanwhile(lambda: received.append(receive(peer, 4 * MIB + 16))):
                await stream.write(memoryview(numbers)[:4], limits())
                await stream.write(memoryview(numbers), limits())
            assert received == [numbers.tobytes()[:16] + numbers.tobytes()]

    run(main)


def test_tm4_a_peer_that_stops_reading(run, backend):
    """WriteTimeout once it has taken nothing for the limit."""

    async def main() -> None:
        async with Connected(backend) as (stream, _):
            with pytest.raises(WriteTimeout, match=rf"{stream.peer} timed out after 0.1 s"):
                await stream.write(bytes(16 * MIB), limits(0.1))

    run(main)


def test_tm4_the_write_limit_passes_once(run, backend):
    """
    What fits into the rest of a buffer that the peer does not empty does not start it anew.

    Seen by the moments at which the limit is started: none comes a whole limit after another.
    """
    limit = 0.5

    class Noting(Deadline):
        def within(self, seconds: float | None) -> float | None:
            moments.append(time.monotonic())
            return super().within(seconds)

    async def main() -> None:
        async with Connected(backend) as (stream, _):
            with pytest.raises(WriteTimeout):
                await stream.write(bytes(16 * MIB), Noting(TimeoutConfig(limit)))

    moments: list[float] = []
    run(main)
    assert all(b - a < limit for a, b in itertools.pairwise(moments))


def test_tm4_a_peer_that_reads_slowly_but_steadily(run, backend):
    """The write limit starts anew with each byte that moves."""
    size = 2 * MIB

    async def main() -> None:
        async with Connected(backend) as (stream, peer):
            # Of a large one the system would only tell when a third of it is free again.
            assert stream.socket is not None
            stream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 32 * 1024)

            def read_slowly() -> None:
                for _ in range(16):
                    time.sleep(0.08)
                    receive(peer, size // 16)

            with meanwhile(read_slowly):
                began = time.monotonic()
                await stream.write(bytes(size), limits(0.7))
                assert time.monotonic() - began > 0.7

    run(main)


def test_the_total_time_passes_in_a_write(run, backend):
    """TotalTimeout, not WriteTimeout."""

    async def main() -> None:
        async with Connected(backend) as (stream, _):
            with pytest.raises(TotalTimeout):
                await stream.write(bytes(16 * MIB), limits(10, total_timeout=0.1))

    run(main)


def test_write_to_a_broken_connection(run, backend):
    """WriteError with its cause, on the first write after the news or the second."""

    async def main() -> None:
        async with Connected(backend) as (stream, peer):
            reset(peer)
            with pytest.raises(WriteError, match=rf"{stream.peer} failed: ") as e:
                for _ in range(100):
                    await stream.write(b"x" * 100, limits())
            assert isinstance(e.value.__cause__, OSError)

    run(main)


def test_the_connection_breaks_in_the_middle_of_a_write(run, backend):
    """A write that waits ends with WriteError."""

    async def main() -> None:
        async with Connected(backend) as (stream, peer):
            with meanwhile(reset, peer, after=0.1), pytest.raises(WriteError):
                await stream.write(bytes(16 * MIB), limits())

    run(main)


def test_parts_go_out_in_order(run, backend):
    """Also behind what an earlier write has left, and where the peer does not take all at once."""
    small = (b"1\r\n", memoryview(b"x"), b"\r\n")
    large = (b"head", bytes(range(256)) * (32 * 1024), b"tail")

    async def main() -> None:
        async with Connected(backend) as (stream, peer):
            assert await stream.write_parts(small, limits()) is True
            assert receive(peer, 6) == b"1\r\nx\r\n"
            peer.sendall(b"413")
            assert await stream.write_parts(large, limits(), until_readable=True) is False
            assert await stream.read(limits()) == b"413"
            received: list[bytes] = []
            sent = b"".join((*large, *small, *large))
            with meanwhile(lambda: received.append(receive(peer, len(sent)))):
                assert await stream.write_parts(small, limits()) is True
                assert await stream.write_parts(large, limits(10, total_timeout=10)) is True
            assert received == [sent]

    run(main)


def test_limits_of_parts(run, backend):
    """They are those of a write."""
    parts = (b"head", bytes(16 * MIB))

    async def main() -> None:
        async with Connected(backend) as (stream, _):
            with pytest.raises(WriteTimeout):
                await stream.write_parts(parts, limits(0.1))
        async with Connected(backend) as (stream, _):
            with pytest.raises(TotalTimeout):
                await stream.write_parts(parts, expired())

    run(main)


def test_parts_for_a_broken_connection(run, backend):
    """WriteError, whose words are those of a write."""

    async def main() -> None:
        async with Connected(backend) as (stream, peer):
            reset(peer)
            with pytest.raises(WriteError, match=rf"{stream.peer} failed: ") as e:
                for _ in range(100):
                    await stream.write_parts((b"x", b"y" * 100), limits())
            assert isinstance(e.value.__cause__, OSError)
            stream.close()
            with pytest.raises(WriteError, match=r"close\(\)"):
                await stream.write_parts((b"x", b"y"), limits())

    run(main)


def test_bd1_an_answer_in_the_middle_of_a_write(run, backend):
    """`until_readable` comes back; the rest goes out before anything later, in order."""
    data = bytes(range(256)) * (32 * 1024)

    async def main() -> None:
        async with Connected(backend) as (stream, peer):
            with meanwhile(peer.sendall, b"413", after=0.1):
                assert await stream.write(data, limits(), until_readable=True) is False
            assert stream.read_available() == b"413"
            received: list[bytes] = []
            with meanwhile(lambda: received.append(receive(peer, len(data) + 4))):
                assert await stream.write(b"more", limits()) is True
            assert received == [data + b"more"]

    run(main)


def test_what_is_kept_goes_out_with_an_empty_write(run, backend):
    """`write(b"")` waits for it, or comes back again if there is still something to read."""
    data = bytes(8 * MIB)

    async def main() -> None:
        async with Connected(backend) as (stream, peer):
            peer.sendall(b"413")
            assert await stream.write(data, limits(), until_readable=True) is False
            assert await stream.write(b"", limits(), until_readable=True) is False
            assert await stream.read(limits()) == b"413"
            with meanwhile(receive, peer, len(data)):
                assert await stream.write(b"", limits(), until_readable=True) is True

    run(main)


def test_what_takes_no_wait(run, backend):
    """`write_available()` sends what the socket takes, and keeps the rest for later writes."""
    data = bytearray(range(256)) * (32 * 1024)
    given = bytes(data)

    async def main() -> None:
        async with Connected(backend) as (stream, peer):
            assert stream.write_available(b"first") is True
            assert receive(peer, 5) == b"first"
            assert stream.write_available(data) is False
            data[:] = bytes(len(data))
            assert stream.write_available(b"more") is False
            received: list[bytes] = []
            with meanwhile(lambda: received.append(receive(peer, len(given) + 8))):
                assert await stream.write(b"last", limits()) is True
            assert received == [given + b"more" + b"last"]
            stream.close()
            with pytest.raises(WriteError, match=r"closed by `close\(\)`"):
                stream.write_available(b"too late")

    run(main)


def test_a_hang_up_is_something_to_read(run, backend):
    """`until_readable` comes back when the peer has sent its last."""

    async def main() -> None:
        async with Connected(backend) as (stream, peer):
            with meanwhile(peer.shutdown, socket.SHUT_WR, after=0.05):
                data = bytes(8 * MIB)
                assert await stream.write(data, limits(), until_readable=True) is False
            assert stream.read_available() == b""

    run(main)


def test_a_silent_peer_does_not_read_until_readable(run, backend):
    """WriteTimeout there as well."""

    async def main() -> None:
        async with Connected(backend) as (stream, _):
            with pytest.raises(WriteTimeout):
                await stream.write(bytes(16 * MIB), limits(0.1), until_readable=True)

    run(main)


def test_bd9_a_buffer_that_is_changed_after_the_write(run, backend):
    """What is kept does not change with the caller's buffer."""
    data = bytearray(b"a" * 8 * MIB)

    async def main() -> None:
        async with Connected(backend) as (stream, peer):
            peer.sendall(b"413")
            assert await stream.write(data, limits(), until_readable=True) is False
            data[:] = b"b" * len(data)
            assert stream.read_available() == b"413"
            received: list[bytes] = []
            with meanwhile(lambda: received.append(receive(peer, len(data)))):
                await stream.write(b"", limits())
            assert received == [b"a" * len(data)]

    run(main)


def test_nothing_is_kept_of_what_was_sent(run, backend):
    """An idle connection does not hold the body of its last request."""

    async def main() -> None:
        async with Connected(backend) as (stream, peer):
            data = array.array("b", bytes(8 * MIB))
            is_kept = weakref.ref(data)
            with meanwhile(receive, peer, 8 * MIB):
                await stream.write(memoryview(data).toreadonly(), limits())
            del data
            gc.collect()
            assert is_kept() is None

    run(main)


def test_both_directions_at_once_in_bulk(run, backend):
    """What an echo sends back while it reads is what was sent."""
    data = bytes(range(251)) * 4096

    async def main() -> None:
        async with Connected(backend) as (stream, peer):

            def echo() -> None:
                sent = 0
                while sent < len(data):
                    piece = peer.recv(65536)
                    peer.sendall(piece)
                    sent += len(piece)

            with meanwhile(echo):
                received = bytearray()
                for start in range(0, len(data), 100_000):
                    await stream.write(data[start : start + 100_000], limits())
                    while len(received) < min(start + 100_000, len(data)):
                        received += await stream.read(limits())
            assert received == data

    run(main)


# Closing.


def test_close(run, backend):
    """At once, twice; the peer sees the end, and any later use an error that says why."""

    async def main() -> None:
        async with Connected(backend) as (stream, peer):
            assert stream.socket is not None
            assert stream.socket.getpeername() == peer.getsockname()
            assert stream.ssl_object is None
            assert not stream.is_closed
            stream.close()
            stream.close()
            assert stream.is_closed
            assert peer.recv(1) == b""
            with pytest.raises(ReadError, match="closed by"):
                await stream.read(limits())
            with pytest.raises(WriteError, match="closed by"):
                await stream.write(b"x", limits())
            assert stream.read_available() == b""

    run(main)


@pytest.mark.parametrize("until_readable", [False, True])
def test_cn14_close_from_another_thread_in_a_write(run, backend, until_readable):
    """Whoever waits is told at once, or is told that there is something to look at."""

    async def main() -> None:
        async with Connected(backend) as (stream, _):
            began = time.monotonic()
            with (
                meanwhile(stream.close, after=0.1),
                pytest.raises(WriteError, match="closed by"),
            ):
                while not await stream.write(bytes(16 * MIB), limits(None), until_readable):
                    assert until_readable
            assert time.monotonic() - began < 5

    run(main)


def test_cn14_close_from_another_thread_in_a_read(run, backend):
    """Whoever waits is told at once."""

    async def main() -> None:
        async with Connected(backend) as (stream, _):
            began = time.monotonic()
            with meanwhile(stream.close, after=0.1), pytest.raises(ReadError, match="closed by"):
                await stream.read(limits(None))
            assert time.monotonic() - began < 5

    run(main)


def test_a_dropped_stream_closes_its_socket(run, backend, kind):
    """Quietly, and its descriptor may be used by the next connection at once."""

    def expected():
        # A blocking socket that is dropped warns by itself, as Python's sockets do.
        return pytest.warns(ResourceWarning) if kind == "sync" else contextlib.nullcontext()

    async def main() -> None:
        for _ in range(3):
            with kinds.listening() as (listener, address):
                stream = await backend.connect_tcp([address], "peer:80", limits().connecting())
                peer, _ = listener.accept()
            with peer:
                peer.settimeout(5)
                peer.sendall(b"x")
                assert await stream.read(limits()) == b"x"
                with expected():
                    del stream
                    gc.collect()
                await backend.sleep(0.01)
                assert peer.recv(1) == b""

    run(main)


# Connecting.


def test_connect_refused(run, backend):
    """ConnectError that says where, why and what to look at."""

    async def main() -> None:
        said = pytest.raises(
            ConnectError, match=r"cannot connect to example.org:80 at 127.*refused"
        )
        with kinds.refusing() as address, said:
            await backend.connect_tcp([address], "example.org:80", limits().connecting())

    run(main)


def test_tm3_a_host_that_does_not_answer(run, backend):
    """ConnectTimeout, named after its limit."""

    async def main() -> None:
        with kinds.unanswering() as address:
            deadline = limits(5, connect_timeout=0.1).connecting()
            with pytest.raises(ConnectTimeout, match=r"after 0\.1 s \(conn.*\); 127.*: no answer"):
                await backend.connect_tcp([address], "peer:80", deadline)

    run(main)


def test_the_time_had_passed_before_connecting(run, backend):
    """Nothing is tried, even if it would succeed."""

    async def main() -> None:
        with kinds.listening() as (_, address), pytest.raises(TotalTimeout):
            await backend.connect_tcp([address], "peer:80", expired().connecting())

    run(main)


def test_dg5_no_descriptor_left(run, backend, monkeypatch):
    """EMFILE is a ConnectError, with the way out."""

    def exhausted(*args: object) -> socket.socket:
        raise OSError(errno.EMFILE, "Too many open files")

    async def main() -> None:
        with pytest.raises(ConnectError, match=r"too many open files; .*ulimit -n"):
            await backend.connect_tcp(
                [Address(socket.AF_INET, ("127.0.0.1", 9))], "peer:9", limits().connecting()
            )

    monkeypatch.setattr("httpcore.backends.happy_eyeballs.new_socket", exhausted)
    run(main)


# Names.


def test_an_ip_address_is_not_looked_up(run, backend, monkeypatch):
    """Not even in a thread."""
    monkeypatch.setattr(lookups, "look_up_in_thread", None)

    async def main() -> None:
        answer = await backend.resolve("192.0.2.7", 80, limits().connecting())
        assert answer == [Address(socket.AF_INET, ("192.0.2.7", 80))]

    run(main)


def test_a_name_is_looked_up(run, backend, monkeypatch):
    """In the order of the resolver."""
    found = [
        (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("2001:db8::1", 80, 0, 0)),
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("192.0.2.1", 80)),
    ]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: found)

    async def main() -> None:
        answer = await backend.resolve("example.org", 80, limits().connecting())
        assert [str(address) for address in answer] == ["[2001:db8::1]:80", "192.0.2.1:80"]

    run(main)


def test_dg4_a_name_that_is_not_known(run, backend, monkeypatch):
    """ConnectError with the resolver's reason."""

    def unknown(*args: object, **kwargs: object) -> typing.Any:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)

    async def main() -> None:
        with pytest.raises(ConnectError, match=r"example\.invalid: name or service not known"):
            await backend.resolve("example.invalid", 80, limits().connecting())

    run(main)


def test_tm5_a_resolver_that_hangs(run, backend, monkeypatch):
    """ConnectTimeout on time; the answer that comes when the run is over harms nobody."""
    give_up = threading.Event()
    over = threading.Event()

    def hang(*args: object, **kwargs: object) -> typing.Any:
        give_up.wait(10)
        over.set()
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure")

    monkeypatch.setattr(socket, "getaddrinfo", hang)

    async def main() -> None:
        deadline = limits(5, connect_timeout=0.1).connecting()
        with pytest.raises(ConnectTimeout, match=r"look-up of example\.org timed out after 0\.1 s"):
            await backend.resolve("example.org", 80, deadline)

    run(main)
    give_up.set()
    assert over.wait(5)


# Events, locks, and the rest.


def test_an_event_that_is_set(run, backend):
    """Waiting for it takes no time."""

    async def main() -> None:
        event = backend.event()
        assert not event.is_set()
        event.set()
        event.set()
        assert event.is_set()
        assert await event.wait(None)
        assert await event.wait(0)

    run(main)


@pytest.mark.parametrize("seconds", [0.05, 0, -1])
def test_an_event_that_is_not_set(run, backend, seconds):
    """Waiting for it ends with the limit; no less than that has passed."""

    async def main() -> None:
        event = backend.event()
        began = time.monotonic()
        assert not await event.wait(seconds)
        assert seconds <= time.monotonic() - began < 5

    run(main)


def test_a_guard_can_be_taken_again_and_again(run, backend):
    """It is a context manager that is used many times."""

    async def main() -> None:
        guard = backend.guard()
        for _ in range(2):
            with guard:
                pass

    run(main)


def test_blocking_code(run, backend):
    """Its result and its error come back."""

    async def main() -> None:
        assert await backend.run_blocking(lambda: 42) == 42
        with pytest.raises(ZeroDivisionError):
            await backend.run_blocking(lambda: 1 // 0)

    run(main)


def test_sleep(run, backend):
    """For the seconds given, as the event loop counts them."""

    async def main() -> None:
        began = time.monotonic()
        await backend.sleep(0.02)
        assert 0.015 < time.monotonic() - began < 5

    run(main)


def test_dg7_each_run_has_a_token(run, backend, kind):
    """The same as long as the run lasts, another one for the next; one that has ended is over."""
    tokens: list[object] = []

    async def main() -> None:
        token = backend.run_token()
        assert backend.run_token() is token
        assert not backend.run_is_over(token)
        tokens.append(token)
        # What another backend object of the same kind sees is the same.
        assert kinds.backend_of(kind).run_token() is token

    run(main)
    run(main)
    if kind == "sync":
        assert tokens[0] is tokens[1]
    else:
        assert tokens[0] is not tokens[1]
        assert all(backend.run_is_over(token) for token in tokens)


def test_dg7_a_stream_that_outlives_its_run(run, backend):
    """It is closed without a word, and the next run works."""
    left: list[typing.Any] = []

    async def main() -> None:
        with kinds.listening() as (listener, address):
            stream = await backend.connect_tcp([address], "peer:80", limits().connecting())
            peer, _ = listener.accept()
        await stream.write(b"x", limits())
        left[:0] = [stream, peer]

    run(main)
    run(main)
    for stream, peer in (left[:2], left[2:]):
        stream.close()
        assert peer.recv(100) == b"x"
        assert peer.recv(100) == b""
        peer.close()
    left.clear()
    gc.collect()


# Races.


class Course:
    """What a race is between: each notes how it ended; one that waits, waits until cancelled."""

    def __init__(self, kind: str) -> None:
        self.ended: list[str] = []
        self._sleep = trio.sleep if kind == "trio" else asyncio.sleep

    async def runner(self, name: str, seconds: float, outcome: typing.Any = None) -> typing.Any:
        try:
            await self._sleep(seconds)
            if isinstance(outcome, BaseException):
                raise outcome
        except BaseException as exc:
            self.ended.append(f"{name}: {type(exc).__name__}")
            raise
        return outcome

    def rival(self, seconds: float, outcome: typing.Any = None) -> Rival:
        return lambda: self.runner("rival", seconds, outcome)


async_kinds = pytest.mark.parametrize("kind", kinds.ASYNC_KINDS, indirect=True)
CANCELLED = {"trio": "Cancelled"}


@async_kinds
def test_race_that_the_caller_wins(run, backend, kind):
    """Its result counts, and the rival has ended when it is returned."""

    async def main() -> None:
        course = Course(kind)
        for seconds in (0, 0.01):
            runner = course.runner("own", seconds, "result")
            assert await backend.race(runner, course.rival(60)) == "result"
        cancelled = f"rival: {CANCELLED.get(kind, 'CancelledError')}"
        assert course.ended == [cancelled] * len(course.ended)

    run(main)


@async_kinds
def test_race_that_is_over_before_it_begins(run, backend, kind):
    """Where there is nothing to wait for, the rival is not even started."""

    async def result() -> str:
        return "result"

    def rival() -> typing.Any:
        raise AssertionError("nobody is to run it")

    async def main() -> None:
        assert await backend.race(result(), rival) == "result"
        await backend.sleep(0.01)

    run(main)


@async_kinds
def test_race_that_the_rival_wins(run, backend, kind):
    """What the caller has awaited is cancelled, whatever that makes of it."""

    async def main() -> None:
        course = Course(kind)
        for seconds in (0, 0.01):
            assert await backend.race(course.runner("own", 60), course.rival(seconds)) is None
        assert course.ended == [f"own: {CANCELLED.get(kind, 'CancelledError')}"] * 2

    run(main)


@async_kinds
def test_race_of_two_that_end_at_once(run, backend, kind):
    """It is decided without anything being left behind."""

    async def nothing() -> None:
        pass

    async def main() -> None:
        course = Course(kind)
        for _ in range(20):
            runner = course.runner("own", 0, "result")
            assert await backend.race(runner, nothing) in ("result", None)

    run(main)


@async_kinds
@pytest.mark.parametrize("error", [KeyError("k"), TimeoutError("t"), KeyboardInterrupt()])
def test_race_in_which_one_fails(run, backend, kind, error):
    """The error passes as it is, whosever it is, and both have ended."""

    async def main() -> None:
        course = Course(kind)
        with pytest.raises(type(error)) as raised:
            await backend.race(course.runner("own", 0.01, error), course.rival(60))
        assert raised.value is error
        if not isinstance(error, KeyboardInterrupt):
            with pytest.raises(type(error)) as raised:
                await backend.race(course.runner("own", 60), course.rival(0.01, error))
            assert raised.value is error
            assert len(course.ended) == 4

    run(main)


@async_kinds
def test_race_in_which_both_fail(run, backend, kind):
    """One of the errors is raised, and nobody complains of the other."""

    async def main() -> None:
        course = Course(kind)
        with pytest.raises((KeyError, IndexError)):
            await backend.race(course.runner("own", 0, KeyError()), course.rival(0, IndexError()))

    run(main)


@async_kinds
def test_race_that_the_caller_leaves(run, backend, kind):
    """A cancellation from outside passes, as the caller's own, and both have ended."""

    async def main() -> None:
        course = Course(kind)
        race = backend.race(course.runner("own", 60), course.rival(60))
        if kind == "trio":
            with trio.move_on_after(0.01) as scope:
                await race
            assert scope.cancelled_caught
        else:
            task = asyncio.create_task(race)
            await asyncio.sleep(0.01)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert task.cancelled()
        assert len(course.ended) == 2

    run(main)


async def test_race_where_nothing_can_run_beside():
    """There is none, then."""

    async def result() -> str:
        return "result"

    def rival() -> typing.Any:
        raise AssertionError("nobody is to run it")

    assert await SyncBackend().race(result(), rival) == "result"
