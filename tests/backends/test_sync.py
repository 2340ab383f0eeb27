"""The blocking backend, on real sockets."""

from __future__ import annotations

import array
import collections.abc
import contextlib
import errno
import os
import signal
import socket
import struct
import threading
import time
import tracemalloc
import typing

import pytest

from httpcore.backends import happy_eyeballs, polling, sync
from httpcore.backends.base import Address
from httpcore.backends.sync import SyncBackend, SyncEvent, SyncLock, SyncStream
from httpcore.config import TimeoutConfig
from httpcore.deadline import Deadline
from httpcore.driver import run_sync as run
from httpcore.exceptions import (
    ConnectError,
    ConnectTimeout,
    ReadError,
    ReadTimeout,
    TotalTimeout,
    WriteError,
    WriteTimeout,
)

MIB = 1024 * 1024
BACKEND = SyncBackend()


def deadline(seconds: float | None = 10, **limits: float) -> Deadline:
    return Deadline(TimeoutConfig(seconds, **limits))


def expired() -> Deadline:
    late = deadline(5, total_timeout=0.001)
    time.sleep(0.002)
    return late


@contextlib.contextmanager
def listening(backlog: int = 5) -> collections.abc.Iterator[tuple[socket.socket, Address]]:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
        # Small buffers, so that it takes little to fill them.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 * 1024)
        listener.bind(("127.0.0.1", 0))
        listener.listen(backlog)
        yield listener, Address(socket.AF_INET, listener.getsockname())


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
        stream = run(BACKEND.connect_tcp([address], str(address), deadline().connecting()))
        peer, _ = listener.accept()
        peer.settimeout(10)
        with peer:
            yield Pair(typing.cast("SyncStream", stream), peer)
        stream.close()
        stream.socket.close()


@contextlib.contextmanager
def meanwhile(
    function: collections.abc.Callable[[], object],
) -> collections.abc.Iterator[threading.Thread]:
    """Run `function` in a thread; what it raises fails the test."""
    errors: list[BaseException] = []

    def work() -> None:
        try:
            function()
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield thread
    finally:
        thread.join(20)
        assert not thread.is_alive()
    if errors:
        raise errors[0]


@contextlib.contextmanager
def interrupted(number: int, after: float = 0.1) -> collections.abc.Iterator[None]:
    """Send the main thread a signal while it waits."""

    def send() -> None:
        time.sleep(after)
        signal.pthread_kill(threading.main_thread().ident or 0, number)

    with meanwhile(send):
        yield


def receive(sock: socket.socket, size: int) -> bytes:
    data = bytearray()
    while len(data) < size:
        piece = sock.recv(size - len(data))
        assert piece
        data += piece
    return bytes(data)


def reset(sock: socket.socket) -> None:
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def fill(stream: SyncStream) -> None:
    """Send until nothing more fits."""
    with pytest.raises(WriteTimeout):
        run(stream.write(bytes(16 * MIB), deadline(0.05)))


# Reading.


def test_read_returns_what_has_arrived_then_the_end(pair):
    """A read does not wait for more than there is; the peer's FIN is `b""`, again and again."""
    pair.peer.sendall(b"hello")
    assert run(pair.stream.read(deadline())) == b"hello"
    pair.peer.shutdown(socket.SHUT_WR)
    assert run(pair.stream.read(deadline())) == b""
    assert run(pair.stream.read(deadline())) == b""


def test_read_waits_for_bytes(pair):
    """What comes later is waited for."""

    def send() -> None:
        time.sleep(0.05)
        pair.peer.sendall(b"late")

    with meanwhile(send):
        assert run(pair.stream.read(deadline())) == b"late"


def test_large_amounts_come_in_large_pieces(pair):
    """A download fills ever larger reads, of 256 KiB at most, and nothing is lost."""
    data = os.urandom(8 * MIB)
    pieces: list[bytes] = []
    with meanwhile(lambda: pair.peer.sendall(data)):
        time.sleep(0.05)
        while sum(len(piece) for piece in pieces) < len(data):
            pieces.append(run(pair.stream.read(deadline())))
    assert b"".join(pieces) == data
    assert 64 * 1024 <= max(map(len, pieces)) <= 256 * 1024


def test_read_after_a_read_that_filled_its_buffer(pair, monkeypatch):
    """Where a full read took all there was, the next one waits as usual."""
    monkeypatch.setattr(sync, "SMALLEST_READ", 4)
    stream = SyncStream(pair.stream.socket, "peer")
    pair.peer.sendall(b"full")
    assert run(stream.read(deadline())) == b"full"
    with pytest.raises(ReadTimeout):
        run(stream.read(deadline(0.01)))
    pair.peer.sendall(b"more")
    assert run(stream.read(deadline())) == b"more"


def test_tm2_silence(pair):
    """No byte within read_timeout is a ReadTimeout with phase, peer, limit and elapsed time."""
    with pytest.raises(
        ReadTimeout, match=r"read from 127.0.0.1:\d+ timed out after 0.05 s"
    ) as info:
        run(pair.stream.read(deadline(read_timeout=0.05)))
    error = info.value
    assert (error.phase, error.peer, error.limit) == ("read from", pair.stream.peer, 0.05)
    assert error.elapsed is not None
    assert 0.05 <= error.elapsed < 2


def test_tm1_a_drip_ends_at_the_total_time(pair):
    """Bytes that keep coming do not put off total_timeout."""
    ended = threading.Event()

    def drip() -> None:
        while not ended.wait(0.02):
            pair.peer.sendall(b".")

    whole = deadline(5, total_timeout=0.3)
    with meanwhile(drip):
        with pytest.raises(TotalTimeout):
            while True:
                run(pair.stream.read(whole))
        ended.set()
    assert 0.3 <= time.monotonic() - whole.started_at < 0.4


def test_a_limit_that_passed_in_a_wait_has_passed_by_the_clock(pair):
    """However short it is, the moment named is the total one: waits are rounded up."""
    for microseconds in range(500, 2500, 100):
        with pytest.raises(TotalTimeout):
            run(pair.stream.read(deadline(5, total_timeout=microseconds / 1e6)))


def test_tm9_the_time_passed_before_the_read(pair):
    """A read that starts too late fails, though there is something to read."""
    pair.peer.sendall(b"hello")
    with pytest.raises(TotalTimeout):
        run(pair.stream.read(expired()))


@pytest.mark.parametrize("seconds", [None, 1e12])
def test_tm7_no_limit_and_enormous_limits(pair, seconds):
    """A limit that no system call takes is as good as none."""
    pair.peer.sendall(b"hello")
    assert run(pair.stream.read(deadline(seconds))) == b"hello"
    assert run(pair.stream.write(b"hello", deadline(seconds))) is True


def test_a_reset_is_a_read_error(pair):
    """The system's error is the cause, and its words are in the message."""
    reset(pair.peer)
    with pytest.raises(ReadError, match=r"read from .* failed: connection reset by peer") as info:
        run(pair.stream.read(deadline()))
    assert isinstance(info.value.__cause__, ConnectionResetError)


def test_read_available(pair):
    """Nothing, bytes, nothing again, and the end: without waiting."""
    assert pair.stream.read_available() is None
    pair.peer.sendall(b"hello")
    assert pair.stream._wait_readable(5000)
    assert pair.stream.read_available() == b"hello"
    assert pair.stream.read_available() is None
    pair.peer.shutdown(socket.SHUT_WR)
    assert pair.stream._wait_readable(5000)
    assert pair.stream.read_available() == b""


def test_read_available_on_a_broken_connection(pair):
    """A reset looks like the end."""
    reset(pair.peer)
    assert pair.stream._wait_readable(5000)
    assert pair.stream.read_available() == b""


def test_blocking_sockets_are_not_watched(pair):
    """Whoever wants to know has to look."""
    assert pair.stream.watch(lambda: None) is False
    assert pair.stream.watch(None) is False


# Writing.


@pytest.mark.parametrize(
    "kind", [bytes, bytearray, memoryview, lambda data: memoryview(data)[2:-2]]
)
def test_write_sends_everything(pair, kind):
    """Whatever holds the bytes, and however little the peer takes at once."""
    data = os.urandom(4 * MIB)
    received: list[bytes] = []
    with meanwhile(lambda: received.append(receive(pair.peer, len(kind(data))))):
        assert run(pair.stream.write(kind(data), deadline())) is True
        assert run(pair.stream.write(b"", deadline())) is True
    assert received == [bytes(kind(data))]


def test_bd9_items_larger_than_a_byte(pair):
    """A memoryview of numbers is its bytes."""
    numbers = array.array("I", range(1000))
    assert run(pair.stream.write(memoryview(numbers), deadline())) is True
    assert receive(pair.peer, 4000) == numbers.tobytes()


def test_tm4_a_peer_that_stops_reading(pair):
    """WriteTimeout, whatever the size of what is sent."""
    with pytest.raises(WriteTimeout, match=r"write to .* timed out after 0.1 s") as info:
        run(pair.stream.write(bytes(100 * MIB), deadline(write_timeout=0.1)))
    assert info.value.limit == 0.1


def test_tm4_a_peer_that_reads_slowly_but_steadily(pair):
    """The limit counts from the last byte that the peer took."""

    def read_slowly() -> None:
        left = 3 * MIB
        while left:
            time.sleep(0.01)
            left -= len(pair.peer.recv(min(left, 64 * 1024)))

    limit = deadline(write_timeout=0.2)
    with meanwhile(read_slowly):
        assert run(pair.stream.write(bytes(3 * MIB), limit)) is True
    assert time.monotonic() - limit.started_at > 0.2


def test_the_time_passed_before_the_write(pair):
    """Nothing is sent after the end of the exchange."""
    with pytest.raises(TotalTimeout):
        run(pair.stream.write(b"hello", expired()))
    pair.stream.close()
    assert pair.peer.recv(10) == b""


def test_the_time_passes_in_the_write(pair):
    """total_timeout ends a write that the peer stalls."""
    whole = deadline(5, total_timeout=0.1)
    with pytest.raises(TotalTimeout):
        run(pair.stream.write(bytes(16 * MIB), whole))


def test_the_time_passed_while_bytes_were_handed_over(pair, monkeypatch):
    """The end is noticed before the next wait begins."""
    whole = deadline(5, total_timeout=0.02)
    send = pair.stream._send

    def slow(data: bytes | memoryview) -> int:
        time.sleep(0.03)
        return send(data)

    monkeypatch.setattr(SyncStream, "_send", lambda self, data: slow(data))
    with pytest.raises(TotalTimeout):
        run(pair.stream.write(bytes(16 * MIB), whole))


def test_bd1_an_answer_in_the_middle_of_a_write(pair):
    """`until_readable` comes back for it; what was not sent goes out before what comes later."""
    data = os.urandom(8 * MIB)
    pair.peer.sendall(b"413")
    assert run(pair.stream.write(data, deadline(), until_readable=True)) is False
    assert run(pair.stream.read(deadline())) == b"413"
    received: list[bytes] = []
    with meanwhile(lambda: received.append(receive(pair.peer, len(data) + 6))):
        assert run(pair.stream.write(b"behind", deadline())) is True
    assert received == [data + b"behind"]


def test_what_is_kept_goes_out_with_an_empty_write(pair):
    """`write(b"")` waits for what an earlier write left."""
    data = os.urandom(8 * MIB)
    pair.peer.sendall(b"1")
    assert run(pair.stream.write(data, deadline(), until_readable=True)) is False
    assert run(pair.stream.write(b"", deadline(), until_readable=True)) is False
    assert run(pair.stream.read(deadline())) == b"1"
    received: list[bytes] = []
    with meanwhile(lambda: received.append(receive(pair.peer, len(data)))):
        assert run(pair.stream.write(b"", deadline(), until_readable=True)) is True
    assert received == [data]


def test_bd9_a_buffer_that_is_changed_after_the_write(pair):
    """What is kept is what it was when it was given."""
    data = bytearray(os.urandom(8 * MIB))
    given = bytes(data)
    pair.peer.sendall(b"1")
    assert run(pair.stream.write(data, deadline(), until_readable=True)) is False
    data[:] = b"x"
    received: list[bytes] = []
    with meanwhile(lambda: received.append(receive(pair.peer, len(given)))):
        assert run(pair.stream.write(b"", deadline())) is True
    assert received == [given]


def test_until_readable_of_what_fits(pair):
    """Where nothing has to be waited for, what there is to read does not matter."""
    pair.peer.sendall(b"1")
    assert run(pair.stream.write(b"hello", deadline(), until_readable=True)) is True
    assert receive(pair.peer, 5) == b"hello"


def test_a_hang_up_is_something_to_read(pair):
    """A writer that waits is told, so that what came before can be read."""

    def answer_and_go() -> None:
        time.sleep(0.05)
        pair.peer.sendall(b"413")
        pair.peer.shutdown(socket.SHUT_WR)

    with meanwhile(answer_and_go):
        assert run(pair.stream.write(bytes(8 * MIB), deadline(), until_readable=True)) is False
    assert run(pair.stream.read(deadline())) == b"413"


def test_write_to_a_broken_connection(pair):
    """The system's error is the cause."""
    reset(pair.peer)
    assert pair.stream._wait_readable(5000)
    with pytest.raises(WriteError, match=r"write to .* failed: ") as info:
        for _ in range(2):  # the first may only fetch the reset
            run(pair.stream.write(b"hello", deadline()))
    assert isinstance(info.value.__cause__, OSError)


def test_bd11_memory_stays_flat(pair):
    """64 MiB in one write, and read: neither is ever held a second time."""
    data = bytes(64 * MIB)
    echo = SyncStream(pair.peer.dup(), "peer")
    echo.socket.setblocking(False)

    def swallow() -> None:
        left = len(data)
        while left:
            left -= len(run(echo.read(deadline())))

    tracemalloc.start()
    try:
        with meanwhile(swallow):
            run(pair.stream.write(memoryview(data), deadline()))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    echo.socket.close()
    assert peak < 2 * MIB


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
        run(pair.stream.read(deadline(None)))
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
        assert not run(pair.stream.write(bytes(16 * MIB), deadline(None), until_readable))
        run(pair.stream.read(deadline(None)))
    assert pair.stream.socket.fileno() == -1


def test_use_after_close(pair):
    """Each operation says that the connection was closed here; a second close is nothing."""
    assert not pair.stream.is_closed
    pair.stream.close()
    pair.stream.close()
    assert pair.stream.is_closed
    with pytest.raises(ReadError, match=r"closed"):
        run(pair.stream.read(deadline()))
    with pytest.raises(WriteError, match=r"closed"):
        run(pair.stream.write(b"hello", deadline()))
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
        run(pair.stream.read(deadline()))


def test_close_before_the_bytes_are_sent(pair, monkeypatch):
    """The same for a write."""
    send = pair.stream._send

    def closing(data: bytes | memoryview) -> int:
        pair.stream.close()
        return send(data)

    monkeypatch.setattr(SyncStream, "_send", lambda self, data: closing(data))
    with pytest.raises(WriteError, match=r"closed by `close\(\)`"):
        run(pair.stream.write(b"hello", deadline()))
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
            run(stream.read(deadline()))
        assert ours.fileno() == -1


def test_cn16_close_does_not_wait_for_the_peer(pair):
    """With unsent and unread bytes around, closing takes no time."""
    fill(pair.stream)
    pair.peer.sendall(b"unread")
    started = time.monotonic()
    pair.stream.close()
    assert time.monotonic() - started < 1


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


def test_connect_refused():
    """Peer, address, reason and a hint are in the message; the system's error is the cause."""
    with listening() as (_, address):
        pass
    with pytest.raises(ConnectError, match=r"example.org:80 at 127.0.0.1:\d+: connection ref") as e:
        run(BACKEND.connect_tcp([address], "example.org:80", deadline().connecting()))
    assert isinstance(e.value.__cause__, ConnectionRefusedError)


@pytest.mark.parametrize("call", ["poll", "select"])
def test_tm3_a_host_that_does_not_answer(call, monkeypatch):
    """ConnectTimeout when connect_timeout is over, and no socket is left."""
    monkeypatch.setattr(polling, "waiter", getattr(polling, f"_{call}_waiter"))
    limits = deadline(connect_timeout=0.1).connecting()
    with (
        unanswering() as address,
        pytest.raises(ConnectTimeout, match=r"connect to example.org:80 timed out after 0.1 s"),
    ):
        run(BACKEND.connect_tcp([address], "example.org:80", limits))


@contextlib.contextmanager
def unanswering() -> collections.abc.Iterator[Address]:
    """An address whose queue is full, so that the system drops further SYNs."""
    with listening(backlog=0) as (_, address), contextlib.ExitStack() as waiting:
        for _ in range(4):
            sock = waiting.enter_context(socket.socket())
            sock.setblocking(False)
            sock.connect_ex(address.sockaddr)
        yield address


def test_the_time_passed_before_connecting():
    """No wait begins after the end."""
    with unanswering() as address, pytest.raises(TotalTimeout):
        run(BACKEND.connect_tcp([address], "peer:80", expired().connecting()))


def test_dg5_no_descriptor_left(monkeypatch):
    """EMFILE is a ConnectError, with the way out."""

    def exhausted(*args: object) -> socket.socket:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(happy_eyeballs, "new_socket", exhausted)
    with pytest.raises(ConnectError, match=r"too many open files; .*ulimit -n"):
        run(BACKEND.connect_tcp([Address(socket.AF_INET, ("127.0.0.1", 1))], "peer:1", deadline()))


def test_an_address_that_cannot_be_reached():
    """What the system refuses at once is a ConnectError too."""
    broadcast = Address(socket.AF_INET, ("255.255.255.255", 80))
    with pytest.raises(ConnectError, match=r"cannot connect to peer:80 at 255.255.255.255:80: "):
        run(BACKEND.connect_tcp([broadcast], "peer:80", deadline().connecting()))


def test_cn17_more_than_1024_descriptors():
    """Descriptors beyond what select() can count work."""
    resource = pytest.importorskip("resource")
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(limits[0], 1300), limits[1]))
    except ValueError:
        pytest.skip("the machine allows no more descriptors")
    try:
        with contextlib.ExitStack() as stack, listening() as (listener, address):
            null = os.open(os.devnull, os.O_RDONLY)
            stack.callback(os.close, null)
            for _ in range(1100):
                stack.callback(os.close, os.dup(null))
            stream = run(BACKEND.connect_tcp([address], "peer:80", deadline().connecting()))
            stack.callback(stream.close)
            assert stream.socket.fileno() > 1024
            with listener.accept()[0] as peer:
                peer.sendall(b"hello")
                assert run(stream.read(deadline())) == b"hello"
                peer.sendall(b"413")
                assert run(stream.write(bytes(8 * MIB), deadline(), until_readable=True)) is False
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


# Signals.


@pytest.mark.parametrize("operation", ["read", "write", "connect", "resolve", "event", "sleep"])
def test_cx7_keyboard_interrupt(operation, monkeypatch, pair):
    """It comes out bare, wherever the thread waits, and the stream can be closed."""
    ended = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: ended.wait(10) and [])
    with unanswering() as address, interrupted(signal.SIGINT):
        waits = {
            "read": lambda: pair.stream.read(deadline(None)),
            "write": lambda: pair.stream.write(bytes(16 * MIB), deadline(None)),
            "connect": lambda: BACKEND.connect_tcp([address], "peer:80", deadline(None)),
            "resolve": lambda: BACKEND.resolve("example.org", 80, deadline(None)),
            "event": lambda: SyncEvent().wait(None),
            "sleep": lambda: BACKEND.sleep(10),
        }
        with pytest.raises(KeyboardInterrupt):
            run(waits[operation]())
    ended.set()
    pair.stream.close()
    assert pair.stream.socket.fileno() == -1


def test_cx7_keyboard_interrupt_in_a_lock_wait():
    """Who waited does not hold the lock; who held it gives it back as usual."""
    lock = SyncLock()

    async def enter() -> None:
        async with lock:
            pass

    run(lock.__aenter__())
    with interrupted(signal.SIGINT), pytest.raises(KeyboardInterrupt):
        run(enter())
    run(lock.__aexit__(None, None, None))
    run(enter())


def test_dg6_a_signal_that_is_handled(pair):
    """The wait goes on, and its deadline stays where it was."""
    seen = []
    before = signal.signal(signal.SIGUSR1, lambda number, frame: seen.append(number))
    try:
        limit = deadline(read_timeout=0.2)
        with interrupted(signal.SIGUSR1), pytest.raises(ReadTimeout):
            run(pair.stream.read(limit))
        assert 0.2 <= time.monotonic() - limit.started_at < 2
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert seen == [signal.SIGUSR1]


# Events, locks and the rest.


def test_an_event_that_is_set():
    """Waiting for what has happened takes no time, now and later."""
    event = BACKEND.event()
    assert not event.is_set()
    event.set()
    event.set()
    assert event.is_set()
    assert run(event.wait(None)) is True
    assert run(event.wait(0)) is True


@pytest.mark.parametrize("seconds", [-1, 0, 0.01])
def test_an_event_that_is_not_set(seconds):
    """The limit passes and nothing has happened; a limit below zero has passed."""
    event = BACKEND.event()
    assert run(event.wait(seconds)) is False
    assert run(event.wait(seconds)) is False


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


def test_a_lock_is_held_by_one():
    """Others wait until it is given back, also by an error."""
    lock = BACKEND.lock()
    inside = []

    async def work() -> None:
        async with lock:
            inside.append(1)
            assert len(inside) == 1
            time.sleep(0.01)
            inside.pop()
            raise ValueError("in the block")

    def worker() -> None:
        with pytest.raises(ValueError, match=r"in the block"):
            run(work())

    with contextlib.ExitStack() as threads:
        for _ in range(4):
            threads.enter_context(meanwhile(worker))


def test_a_guard_excludes_other_threads():
    """It is a thread lock."""
    guard = typing.cast("threading.Lock", BACKEND.guard())
    with guard:
        assert not guard.acquire(blocking=False)
    assert guard.acquire(blocking=False)


def test_there_is_only_one_run():
    """Connections of a sync client work in every thread, for ever."""
    token = BACKEND.run_token()
    assert SyncBackend().run_token() is token
    assert BACKEND.run_is_over(token) is False
    assert BACKEND.call_later(1, lambda: None) is None


def test_blocking_code_runs_where_it_is_called():
    """There is nothing to be kept free, and errors come through."""
    assert run(BACKEND.run_blocking(threading.get_ident)) == threading.get_ident()
    with pytest.raises(ZeroDivisionError):
        run(BACKEND.run_blocking(lambda: 1 // 0))


def test_sleep():
    """It takes as long as it is told to."""
    started = time.monotonic()
    run(BACKEND.sleep(0.02))
    assert time.monotonic() - started >= 0.02
