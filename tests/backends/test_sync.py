"""The blocking backend on real sockets, beyond what all backends do (`test_streams`)."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import threading
import time
import typing

import pytest

from httpcore.backends import polling, sync
from httpcore.backends.base import Address
from httpcore.backends.sync import SyncBackend, SyncEvent, SyncStream
from httpcore.driver import run_sync as run
from httpcore.exceptions import (
    ConnectError,
    ReadError,
    ReadTimeout,
    TotalTimeout,
    WriteError,
    WriteTimeout,
)
from tests.backends.kinds import FakeSocket, limits, listening, meanwhile, receive, unanswering
from tests.faults import interrupted
from tests.memory import holding_less_than

MIB = 1024 * 1024
BACKEND = SyncBackend()


class Pair(typing.NamedTuple):
    """The stream under test, and the socket at the other end."""

    stream: SyncStream
    peer: socket.socket


@pytest.fixture(params=["poll", "select"])
def pair(request, monkeypatch):
    """A connection, waited for by either system call."""
    if request.param == "select":
        monkeypatch.setattr(polling, "waiter", polling._select_waiter)
    with listening() as (listener, address):
        stream = run(BACKEND.connect_tcp([address], str(address), limits().connecting()))
        peer, _ = listener.accept()
        peer.settimeout(10)
        with peer:
            yield Pair(typing.cast("SyncStream", stream), peer)
        stream.close()
        stream.socket.close()


def fill(stream: SyncStream) -> None:
    """Send until nothing more fits."""
    with pytest.raises(WriteTimeout):
        run(stream.write(bytes(16 * MIB), limits(0.05)))


# Reading.


def test_large_amounts_come_in_large_pieces(pair):
    """A download fills ever larger reads, of 256 KiB at most, and nothing is lost."""
    data = os.urandom(8 * MIB)
    pieces: list[bytes] = []
    with meanwhile(lambda: pair.peer.sendall(data)):
        while sum(len(piece) for piece in pieces) < len(data):
            time.sleep(0.003)
            pieces.append(run(pair.stream.read(limits())))
    assert b"".join(pieces) == data
    assert 64 * 1024 <= max(map(len, pieces)) <= 256 * 1024


def test_read_after_a_read_that_filled_its_buffer(pair, monkeypatch):
    """Where a full read took all there was, the next one waits as usual."""
    monkeypatch.setattr(sync, "MIN_READ_BYTES", 4)
    stream = SyncStream(pair.stream.socket, "peer")
    pair.peer.sendall(b"full")
    assert run(stream.read(limits())) == b"full"
    with pytest.raises(ReadTimeout):
        run(stream.read(limits(0.01)))
    pair.peer.sendall(b"more")
    assert run(stream.read(limits())) == b"more"


def test_a_limit_that_passed_in_a_wait_has_passed_by_the_clock(pair):
    """However short it is, the moment named is the total one: waits are rounded up."""
    for microseconds in range(500, 2500, 100):
        with pytest.raises(TotalTimeout):
            run(pair.stream.read(limits(5, total_timeout=microseconds / 1e6)))


@pytest.mark.parametrize("seconds", [None, 1e12])
def test_tm7_no_limit_and_enormous_limits(pair, seconds):
    """A limit that no system call takes is as good as none."""
    pair.peer.sendall(b"hello")
    assert run(pair.stream.read(limits(seconds))) == b"hello"
    assert run(pair.stream.write(b"hello", limits(seconds))) is True


def test_blocking_sockets_are_not_watched(pair):
    """Whoever wants to know has to look."""
    assert pair.stream.watch(lambda: None) is False
    assert pair.stream.watch(None) is False


# Writing.


def test_the_time_passed_while_bytes_were_handed_over(pair, monkeypatch):
    """The end is noticed before the next wait begins."""
    whole = limits(5, total_timeout=0.02)
    send = pair.stream._send

    def slow(data: bytes | memoryview) -> int:
        time.sleep(0.03)
        return send(data)

    monkeypatch.setattr(SyncStream, "_send", lambda self, data: slow(data))
    with pytest.raises(TotalTimeout):
        run(pair.stream.write(bytes(16 * MIB), whole))


def test_parts_for_which_there_is_no_room():
    """They wait until there is."""

    def no_room(parts: object) -> int:
        raise BlockingIOError

    sock = FakeSocket(sendmsg=no_room)
    stream = SyncStream(typing.cast("socket.socket", sock), "peer:80")
    assert run(stream.write_parts((b"a", b"b"), limits()))
    assert receive(sock.other, 2) == b"ab"
    stream.close()
    sock.close()


def test_until_readable_of_what_fits(pair):
    """Where nothing has to be waited for, what there is to read does not matter."""
    pair.peer.sendall(b"1")
    assert run(pair.stream.write(b"hello", limits(), until_readable=True)) is True
    assert receive(pair.peer, 5) == b"hello"


def test_bd11_memory_stays_flat(pair):
    """64 MiB in one write, and read: neither is ever held a second time."""
    data = bytes(64 * MIB)
    echo = SyncStream(pair.peer.dup(), "peer")
    echo.socket.setblocking(False)

    def swallow() -> None:
        left = len(data)
        while left:
            left -= len(run(echo.read(limits())))

    with holding_less_than(2 * MIB), meanwhile(swallow):
        run(pair.stream.write(memoryview(data), limits()))
    echo.socket.close()


# Closing.


def test_close_wakes_a_thread_that_reads(pair):
    """It gets a ReadError that says so at once, and the descriptor is free afterwards."""

    def close_soon() -> None:
        time.sleep(0.05)
        pair.stream.close()

    started = time.monotonic()
    with (
        meanwhile(close_soon),
        pytest.raises(ReadError, match=r"closed by `close\(\)`"),
    ):
        run(pair.stream.read(limits(None)))
    assert time.monotonic() - started < 5
    assert pair.stream.is_closed
    assert pair.stream.socket.fileno() == -1


@pytest.mark.parametrize("until_readable", [False, True])
def test_close_wakes_a_thread_that_writes(pair, until_readable):
    """The same in mid-write; where it returns to have the answer read, the read says so."""

    def close_soon() -> None:
        time.sleep(0.05)
        pair.stream.close()

    with (
        meanwhile(close_soon),
        pytest.raises((ReadError, WriteError), match=r"closed by `close\(\)`"),
    ):
        assert not run(pair.stream.write(bytes(16 * MIB), limits(None), until_readable))
        run(pair.stream.read(limits(None)))
    assert pair.stream.socket.fileno() == -1


def test_use_after_close(pair):
    """Each operation says that the connection was closed here; a second close is nothing."""
    assert not pair.stream.is_closed
    pair.stream.close()
    pair.stream.close()
    assert pair.stream.is_closed
    with pytest.raises(ReadError, match=r"closed"):
        run(pair.stream.read(limits()))
    with pytest.raises(WriteError, match=r"closed"):
        run(pair.stream.write(b"hello", limits()))
    assert pair.stream.read_available() == b""
    assert pair.peer.recv(10) == b""


def test_close_in_the_middle_of_a_system_call(pair, monkeypatch):
    """A socket that breaks under an operation because it was closed is not called broken."""

    def closed_meanwhile(waiter: polling.Waiter) -> polling.Waiter:
        def wait(milliseconds: int | None) -> list[tuple[int, int]]:
            pair.stream.close()
            pair.stream.socket.close()
            return [(0, 1)]

        return wait

    pair.stream._wait_readable = closed_meanwhile(pair.stream._wait_readable)
    with pytest.raises(ReadError, match=r"closed by `close\(\)`"):
        run(pair.stream.read(limits()))


def test_close_before_the_bytes_are_sent(pair, monkeypatch):
    """The same for a write."""
    send = pair.stream._send

    def closing(data: bytes | memoryview) -> int:
        pair.stream.close()
        return send(data)

    monkeypatch.setattr(SyncStream, "_send", lambda self, data: closing(data))
    with pytest.raises(WriteError, match=r"closed by `close\(\)`"):
        run(pair.stream.write(b"hello", limits()))
    assert pair.stream.socket.fileno() == -1


def test_close_against_read_many_times():
    """Whichever comes first, the reader ends and the descriptor is closed by one of them."""
    for delay in range(30):
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        stream = SyncStream(ours, "peer")

        def close(stream: SyncStream = stream, spins: int = delay * 100) -> None:
            for _ in range(spins):
                pass
            stream.close()

        with theirs, meanwhile(close), pytest.raises(ReadError):
            run(stream.read(limits()))
        assert ours.fileno() == -1


def test_cn16_close_does_not_wait_for_the_peer(pair):
    """With unsent and unread bytes around, closing takes no time."""
    fill(pair.stream)
    pair.peer.sendall(b"unread")
    started = time.monotonic()
    pair.stream.close()
    assert time.monotonic() - started < 5


def test_a_forked_child_leaves_the_connection_to_its_parent(pair, monkeypatch):
    """Closing an inherited stream closes the descriptor only."""
    with pair.stream.socket.dup() as of_the_parent:
        monkeypatch.setattr(os, "getpid", lambda: -1)
        pair.stream.close()
        monkeypatch.undo()
        of_the_parent.send(b"still here")
        assert receive(pair.peer, 10) == b"still here"
    assert pair.stream.socket.fileno() == -1


# Connecting.


def test_an_address_that_cannot_be_reached():
    """What the system refuses at once is a ConnectError too."""
    broadcast = Address(socket.AF_INET, ("255.255.255.255", 80))
    with pytest.raises(ConnectError, match=r"cannot connect to peer:80 at 255.255.255.255:80: "):
        run(BACKEND.connect_tcp([broadcast], "peer:80", limits().connecting()))


def test_cn17_more_than_1024_descriptors():
    """Descriptors beyond what select() can count work."""
    resource = pytest.importorskip("resource")
    allowed = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(allowed[0], 1300), allowed[1]))
    except ValueError:
        pytest.skip("the machine allows no more descriptors")
    try:
        with contextlib.ExitStack() as stack, listening() as (listener, address):
            null = os.open(os.devnull, os.O_RDONLY)
            stack.callback(os.close, null)
            for _ in range(1100):
                stack.callback(os.close, os.dup(null))
            stream = run(BACKEND.connect_tcp([address], "peer:80", limits().connecting()))
            stack.callback(stream.close)
            assert stream.socket.fileno() > 1024
            with listener.accept()[0] as peer:
                peer.sendall(b"hello")
                assert run(stream.read(limits())) == b"hello"
                peer.sendall(b"413")
                assert run(stream.write(bytes(8 * MIB), limits(), until_readable=True)) is False
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, allowed)


# Signals.


@pytest.mark.parametrize("operation", ["read", "write", "connect", "resolve", "event", "sleep"])
def test_cx7_keyboard_interrupt(operation, monkeypatch, pair):
    """It comes out bare, wherever the thread waits, and the stream can be closed."""
    ended = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: ended.wait(10) and [])
    with unanswering() as address, interrupted(signal.SIGINT):
        waits = {
            "read": lambda: pair.stream.read(limits(None)),
            "write": lambda: pair.stream.write(bytes(16 * MIB), limits(None)),
            "connect": lambda: BACKEND.connect_tcp([address], "peer:80", limits(None)),
            "resolve": lambda: BACKEND.resolve("example.org", 80, limits(None)),
            "event": lambda: SyncEvent().wait(None),
            "sleep": lambda: BACKEND.sleep(10),
        }
        with pytest.raises(KeyboardInterrupt):
            run(waits[operation]())
    ended.set()
    pair.stream.close()
    assert pair.stream.socket.fileno() == -1


def test_dg6_a_signal_that_is_handled(pair):
    """The wait goes on, and its deadline stays where it was."""
    seen = []
    before = signal.signal(signal.SIGUSR1, lambda number, frame: seen.append(number))
    try:
        limit = limits(read_timeout=1)
        with interrupted(signal.SIGUSR1), pytest.raises(ReadTimeout):
            run(pair.stream.read(limit))
        assert 1 <= time.monotonic() - limit.started_at < 5
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert seen == [signal.SIGUSR1]


# Events and the rest.


@pytest.mark.parametrize("seconds", [None, 10, 1e12])
def test_an_event_wakes_every_thread_that_waits(seconds):
    """All of them, though it is set twice at once."""
    for _ in range(20):
        event = BACKEND.event()
        woken: list[bool] = []

        def wait(event: SyncEvent = event, woken: list[bool] = woken) -> None:
            woken.append(run(event.wait(seconds)))

        with contextlib.ExitStack() as threads:
            for _ in range(3):
                threads.enter_context(meanwhile(wait))
            for _ in range(2):
                threads.enter_context(meanwhile(event.set))
        assert woken == [True] * 3


def test_a_guard_excludes_other_threads():
    """It is a thread lock."""
    guard = typing.cast("threading.Lock", BACKEND.guard())
    with guard:
        assert not guard.acquire(blocking=False)
    assert guard.acquire(blocking=False)
