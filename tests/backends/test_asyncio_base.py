"""Streams on asyncio: what the event loop, its timers, tasks and end have to do with them."""

from __future__ import annotations

import asyncio
import collections.abc
import contextlib
import errno
import gc
import os
import socket
import threading
import time
import typing

import pytest

from httpcore.backends.asyncio_base import AsyncioStream
from httpcore.backends.asyncio_streams import AsyncioBackend, CompletionStream, ReadinessStream
from httpcore.backends.base import NetworkStream
from httpcore.exceptions import ReadError, ReadTimeout, WriteError, WriteTimeout
from tests.backends import kinds
from tests.backends.kinds import (
    Connected,
    FakeSocket,
    arrived,
    limits,
    meanwhile,
    receive,
    reset,
)

MIB = 1024 * 1024
BACKEND = AsyncioBackend()
Run = collections.abc.Callable[[kinds.Main], None]


@pytest.fixture(params=list(kinds.LOOPS))
def kind(request: pytest.FixtureRequest) -> str:
    return typing.cast("str", request.param)


@pytest.fixture
def run(kind: str) -> Run:
    return lambda main: kinds.run(kind, main)


async def until(condition: collections.abc.Callable[[], bool]) -> None:
    """Let the loop turn until the condition holds."""
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.001)


def drain(peer: socket.socket) -> str:
    """Read all that there is, until the end or silence."""
    with contextlib.suppress(TimeoutError):
        while peer.recv(MIB):
            pass
        return "end"
    return "silence"


def stream_over(sock: FakeSocket) -> ReadinessStream:
    return ReadinessStream(
        asyncio.get_running_loop(), typing.cast("socket.socket", sock), "peer:80"
    )


# Cancellation.


@pytest.mark.parametrize("turns", range(6))
def test_cx5_a_cancelled_read_loses_no_bytes(run, turns):
    """Whenever it is cancelled, what arrived is there for the next read."""

    async def main() -> None:
        async with Connected(BACKEND) as (stream, peer):
            task = asyncio.create_task(stream.read(limits()))
            await asyncio.sleep(0)
            peer.sendall(b"precious")
            for _ in range(turns):
                await asyncio.sleep(0)
            task.cancel()
            try:
                data = await task
            except asyncio.CancelledError:
                data = await stream.read(limits())
            assert data == b"precious"

    run(main)


def test_cx4_a_cancelled_write_is_completed(run):
    """The rest goes out all the same, before what is written later."""
    data = bytes(range(256)) * (32 * 1024)

    async def main() -> None:
        async with Connected(BACKEND) as (stream, peer):
            with pytest.raises(TimeoutError) as e:
                async with asyncio.timeout(0.05):
                    await stream.write(data, limits())
            assert not isinstance(e.value, WriteTimeout)
            received: list[bytes] = []
            with meanwhile(lambda: received.append(receive(peer, len(data) + 4))):
                await stream.write(b"more", limits())
            assert received == [data + b"more"]

    run(main)


def test_what_is_kept_is_sent_while_nobody_waits(run):
    """A write that was given up goes on as soon as the peer reads again."""
    data = bytes(8 * MIB)

    async def main() -> None:
        async with Connected(BACKEND) as (stream, peer):
            peer.sendall(b"413")
            assert await stream.write(data, limits(), until_readable=True) is False
            with meanwhile(receive, peer, len(data)):
                await asyncio.sleep(0.05)  # nobody touches the stream
                await stream.write(b"", limits())

    run(main)


def test_tm11_the_callers_own_timeout(run):
    """It is the caller's exception that is raised, and the stream is whole."""

    async def main() -> None:
        async with Connected(BACKEND) as (stream, peer):
            with pytest.raises(TimeoutError) as e:
                async with asyncio.timeout(0.05):
                    await stream.read(limits())
            assert not isinstance(e.value, ReadTimeout)
            peer.sendall(b"x")
            assert await stream.read(limits()) == b"x"

    run(main)


# Limits.


def test_a_shorter_limit_after_a_longer_one(run):
    """The timer that was armed for the longer one does not delay the shorter."""

    async def main() -> None:
        async with Connected(BACKEND) as (stream, peer):
            peer.sendall(b"x")
            assert await stream.read(limits(30)) == b"x"
            with meanwhile(peer.sendall, b"y", after=0.05):
                assert await stream.read(limits(30)) == b"y"
            began = time.monotonic()
            with pytest.raises(ReadTimeout):
                await stream.read(limits(0.05))
            assert time.monotonic() - began < 5

    run(main)


def test_a_longer_limit_after_a_shorter_one(run):
    """The timer that was armed for the shorter one does not end the longer."""

    async def main() -> None:
        async with Connected(BACKEND) as (stream, peer):
            reading = asyncio.create_task(stream.read(limits(0.5)))
            await asyncio.sleep(0)
            peer.sendall(b"x")
            assert await reading == b"x"
            with meanwhile(peer.sendall, b"y", after=0.8):
                assert await stream.read(limits(30)) == b"y"

    run(main)


def test_a_read_and_a_write_have_limits_of_their_own(run):
    """The one that passes first does not end the other."""

    async def main() -> None:
        async with Connected(BACKEND) as (stream, peer):
            reading = asyncio.create_task(stream.read(limits(30)))
            with pytest.raises(WriteTimeout):
                await stream.write(bytes(16 * MIB), limits(0.05))
            peer.sendall(b"x")
            assert await reading == b"x"
            writing = asyncio.create_task(stream.write(b"", limits(30)))
            with pytest.raises(ReadTimeout):
                await stream.read(limits(0.05))
            with meanwhile(receive, peer, 16 * MIB):
                assert await writing is True

    run(main)


def test_timers_are_not_made_for_each_read():
    """A hundred reads that wait with the same limit need no more than one or two."""
    timers: list[float] = []

    class Loop(asyncio.SelectorEventLoop):
        def call_at(self, when, *args, **kwargs):  # type: ignore[override]
            timers.append(when - self.time())
            return super().call_at(when, *args, **kwargs)

    async def main() -> None:
        async with Connected(BACKEND) as (stream, peer):
            for _ in range(100):
                reading = asyncio.create_task(stream.read(limits(30)))
                await asyncio.sleep(0)
                peer.sendall(b"x")
                assert await reading == b"x"

    with asyncio.Runner(loop_factory=Loop) as runner:
        runner.run(main())
    assert len([delay for delay in timers if delay > 20]) <= 2


@pytest.mark.parametrize("kind", [kind for kind in kinds.LOOPS if kind != "completion"])
def test_tm10_the_loop_was_blocked_while_the_answer_came(run):
    """The answer, not ReadTimeout."""

    async def main() -> None:
        async with Connected(BACKEND) as (stream, peer):

            def blocked() -> None:
                time.sleep(0.1)
                peer.sendall(b"answer")
                arrived(stream.socket)

            asyncio.get_running_loop().call_soon(blocked)
            assert await stream.read(limits(0.05)) == b"answer"

    run(main)


@pytest.mark.parametrize("kind", [kind for kind in kinds.LOOPS if kind != "completion"])
def test_tm10_the_loop_was_blocked_while_the_peer_read(run):
    """No WriteTimeout."""
    size = 8 * MIB

    async def main() -> None:
        async with Connected(BACKEND) as (stream, peer):
            first = threading.Event()

            def read() -> None:
                receive(peer, 64 * 1024)
                first.set()
                receive(peer, size - 64 * 1024)

            def blocked() -> None:
                assert first.wait(10)
                time.sleep(1.1)

            asyncio.get_running_loop().call_soon(blocked)
            with meanwhile(read, after=0.1):
                assert await stream.write(bytes(size), limits(1)) is True

    run(main)


@pytest.mark.parametrize("kind", [kind for kind in kinds.LOOPS if kind != "completion"])
def test_tm10_the_loop_comes_to_the_timer_first(run):
    """Before it is told that the peer has read: no WriteTimeout either."""
    size = 8 * MIB

    async def main() -> None:
        async with Connected(BACKEND) as (stream, peer):
            first = threading.Event()

            def read() -> None:
                receive(peer, 64 * 1024)
                first.set()
                receive(peer, size - 64 * 1024)

            def blocked() -> None:
                assert first.wait(10)
                time.sleep(1.1)
                stream._on_timer()  # type: ignore[attr-defined]

            asyncio.get_running_loop().call_soon(blocked)
            with meanwhile(read, after=0.1):
                assert await stream.write(bytes(size), limits(1)) is True

    run(main)


# Watching.


def test_an_idle_connection_is_watched(run):
    """What arrives is told at once, and is there without waiting; then the end is told."""

    async def main() -> None:
        async with Connected(BACKEND) as (stream, peer):
            seen: list[bytes | None] = []

            def on_readable() -> None:
                while (data := stream.read_available()) is not None:
                    seen.append(data)
                    if not data:
                        break

            assert stream.watch(on_readable) is True
            peer.sendall(b"unasked")
            await until(lambda: seen == [b"unasked"])
            assert stream.watch(on_readable) is True
            peer.close()
            await until(lambda: seen == [b"unasked", b""])

    run(main)


def test_what_came_before_the_watch_is_told_too(run):
    """On a later turn of the loop, not by the call itself."""

    async def main() -> None:
        async with Connected(BACKEND) as (stream, peer):
            reading = asyncio.create_task(stream.read(limits()))
            await asyncio.sleep(0)
            peer.sendall(b"x")
            assert await reading == b"x"
            peer.close()
            assert await stream.read(limits()) == b""
            told: list[str] = []
            stream.watch(lambda: told.append("told"))
            assert not told
            await until(lambda: told == ["told"])

    run(main)


def test_watching_ends(run):
    """Nothing is told any more after `watch(None)`, nor while somebody reads."""

    async def main() -> None:
        async with Connected(BACKEND) as (stream, peer):
            told: list[str] = []
            stream.watch(lambda: told.append("told"))
            with meanwhile(peer.sendall, b"x", after=0.05):
                assert await stream.read(limits()) == b"x"
            stream.watch(None)
            peer.sendall(b"y")
            await asyncio.sleep(0.02)
            peer.close()
            assert await stream.read(limits()) == b"y"
            stream.watch(lambda: told.append("told"))
            stream.watch(None)
            await asyncio.sleep(0.02)
            assert not told

    run(main)


def test_a_watch_that_ends_before_it_could_tell(run):
    """What was about to be told is not."""

    async def main() -> None:
        async with Connected(BACKEND) as (stream, peer):
            peer.close()
            assert await stream.read(limits()) == b""
            stream.watch(lambda: pytest.fail("told"))
            stream.watch(None)
            await asyncio.sleep(0.01)

    run(main)


# Buffering.


def test_what_nobody_reads_is_left_to_the_system(run):
    """The peer is held up when little has been buffered; later all of it is read, in order."""
    data = bytes(range(256)) * (64 * 1024)

    async def main() -> None:
        async with Connected(BACKEND) as (stream, peer):
            assert stream.socket is not None
            stream.watch(lambda: None)
            peer.setblocking(False)
            sent = 0
            for _ in range(100):
                with contextlib.suppress(BlockingIOError):
                    sent += peer.send(data[sent:])
                await asyncio.sleep(0.001)
            assert sent < len(data)
            peer.setblocking(True)
            received = bytearray()
            with meanwhile(peer.sendall, data[sent:]):
                while len(received) < len(data):
                    received += await stream.read(limits())
            assert received == data

    run(main)


def test_parts_for_which_there_is_no_room():
    """They wait until there is."""

    def no_room(parts: object) -> int:
        raise BlockingIOError

    async def main() -> None:
        sock = FakeSocket(sendmsg=no_room)
        stream = stream_over(sock)
        assert await stream.write_parts((b"a", b"b"), limits())
        assert receive(sock.other, 2) == b"ab"
        stream.close()

    kinds.run("asyncio", main)


def test_reading_and_writing_in_bulk_let_others_run():
    """Where the system takes everything at once, other tasks get their turn all the same."""

    async def main() -> None:
        turns = 0

        async def other() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        sock = FakeSocket(send=len, sendmsg=lambda parts: sum(map(len, parts)))
        task = asyncio.create_task(other())
        stream = stream_over(sock)
        for _ in range(400):
            assert await stream.write(bytes(64 * 1024), limits())
        assert 5 <= turns <= 10
        for _ in range(400):
            assert await stream.write_parts((bytes(64 * 1024),), limits())
        assert 10 <= turns <= 20
        task.cancel()
        stream.close()

    kinds.run("asyncio", main)


# Errors.


def test_dg6_memory_error_while_receiving():
    """It is raised bare by the read that waits."""

    def recv(size: int) -> bytes:
        raise MemoryError

    async def main() -> None:
        sock = FakeSocket(recv=recv)
        stream = stream_over(sock)
        sock.other.send(b"x")
        with pytest.raises(MemoryError):
            await stream.read(limits())
        stream.close()

    kinds.run("asyncio", main)


def test_dg6_memory_error_while_sending():
    """It is raised bare by the write that waits, and by any later one."""
    answers: list[BaseException] = [BlockingIOError(), BlockingIOError(), MemoryError()]

    def send(data: bytes) -> int:
        raise answers.pop(0)

    async def main() -> None:
        stream = stream_over(FakeSocket(send=send))
        for _ in range(2):
            with pytest.raises(MemoryError):
                await stream.write(b"x", limits())
        stream.close()

    kinds.run("asyncio", main)


def test_a_socket_that_only_seemed_readable():
    """The read goes on waiting."""
    answers: list[bytes] = [b"", b"x"]

    def recv(size: int) -> bytes:
        answer = answers.pop(0)
        if not answer:
            raise BlockingIOError
        return answer

    async def main() -> None:
        sock = FakeSocket(recv=recv)
        stream = stream_over(sock)
        sock.other.send(b"x")
        assert await stream.read(limits()) == b"x"
        stream.close()

    kinds.run("asyncio", main)


def test_a_write_error_stays(run):
    """Every later write raises it as well; what has arrived can still be read."""

    async def main() -> None:
        async with Connected(BACKEND) as (stream, peer):
            peer.sendall(b"413")
            assert await stream.write(bytes(16 * MIB), limits(), until_readable=True) is False
            reset(peer)
            for _ in range(2):
                with pytest.raises(WriteError) as e:
                    await stream.write(b"", limits())
                assert isinstance(e.value.__cause__, OSError)
            assert await stream.read(limits()) == b"413"

    run(main)


def test_what_broke_the_connection_is_remembered():
    """`read_available()` only says that it is over; the read that follows says why."""

    def recv(size: int) -> bytes:
        raise OSError(errno.EHOSTUNREACH, "No route to host")

    async def main() -> None:
        sock = FakeSocket(recv=recv)
        stream = stream_over(sock)
        sock.other.send(b"x")  # an error shows as something to read
        assert stream.read_available() == b""
        with pytest.raises(ReadError, match="no route to host") as e:
            await stream.read(limits())
        assert isinstance(e.value.__cause__, OSError)
        assert e.value.__cause__.errno == errno.EHOSTUNREACH
        stream.close()

    kinds.run("asyncio", main)


# The end.


def test_close_while_the_loop_stands_still(kind):
    """Between two runs of one loop the socket is closed at once, and the loop is still good."""
    loop = kinds.LOOPS[kind]()
    try:
        with kinds.listening() as (listener, address):
            opening = BACKEND.connect_tcp([address], "peer:80", limits().connecting())
            stream = loop.run_until_complete(opening)
            peer, _ = listener.accept()
        with peer:
            stream.close()
            assert peer.recv(1) == b""
        with pytest.raises(ReadError, match="closed by"):
            loop.run_until_complete(stream.read(limits()))
    finally:
        loop.close()


def test_cx11_a_suspended_read_is_collected(kind, capfd):
    """Its socket is closed without a word, though its loop was left in the middle."""

    async def main() -> tuple[typing.Any, socket.socket]:
        with kinds.listening() as (listener, address):
            stream = await BACKEND.connect_tcp([address], "peer:80", limits().connecting())
            peer, _ = listener.accept()
        coroutine = stream.read(limits())
        coroutine.send(None)
        return coroutine, peer

    loop = kinds.LOOPS[kind]()
    coroutine, peer = loop.run_until_complete(main())
    loop.close()
    coroutine.close()
    del coroutine
    gc.collect()
    with peer:
        assert peer.recv(1) == b""
    assert capfd.readouterr() == ("", "")


def test_cx9_the_loop_ends_with_a_read_in_flight(kind, capfd):
    """Nothing is printed, and nothing warns."""

    async def main() -> None:
        with kinds.listening() as (listener, address):
            stream = await BACKEND.connect_tcp([address], "peer:80", limits().connecting())
            peers.append(listener.accept()[0])
        tasks.append(asyncio.create_task(stream.read(limits())))
        tasks.append(asyncio.create_task(stream.write(bytes(16 * MIB), limits())))
        await asyncio.sleep(0.02)

    peers: list[socket.socket] = []
    tasks: list[asyncio.Task] = []
    kinds.run(kind, main)
    assert all(task.cancelled() for task in tasks)
    tasks.clear()
    gc.collect()
    with peers.pop() as peer:
        peer.settimeout(5)
        assert drain(peer) == "end"
    assert capfd.readouterr() == ("", "")


def test_dropped_by_another_thread(run):
    """A finaliser may run in any thread; the loop then closes the socket itself."""

    async def main() -> None:
        with kinds.listening() as (listener, address):
            held = [await BACKEND.connect_tcp([address], "peer:80", limits().connecting())]
            peer, _ = listener.accept()
        with peer:
            thread = threading.Thread(target=held.clear)
            thread.start()
            thread.join()
            await asyncio.sleep(0.02)
            peer.settimeout(5)
            assert peer.recv(1) == b""

    run(main)


def test_dropped_while_the_loop_has_something_to_tell():
    """The stream is no more when the loop comes to call it for a write and for a limit."""

    async def main() -> None:
        with kinds.listening() as (listener, address):
            stream = await BACKEND.connect_tcp([address], "peer:80", limits().connecting())
            peer, _ = listener.accept()
        with peer:
            peer.sendall(b"413")
            assert await stream.write(bytes(16 * MIB), limits(), until_readable=True) is False
            assert await stream.read(limits()) == b"413"
            reading = asyncio.create_task(stream.read(limits(0.05)))
            await asyncio.sleep(0)
            peer.sendall(b"x")
            arrived(stream.socket)
            assert await reading == b"x"
            # The socket becomes writable, and the timer is due, in the turn in which the stream
            # goes.  What is part of a cycle has no weak references left when its finaliser runs.
            cycle: list[typing.Any] = [stream]
            cycle.append(cycle)
            peer.settimeout(0.1)
            drain(peer)
            await asyncio.sleep(0)
            del stream, cycle, reading
            gc.collect()
            await asyncio.sleep(0.01)
            assert drain(peer) == "end"

    kinds.run("asyncio", main)


class ClosingLoop(asyncio.SelectorEventLoop):
    """A loop that is closed just when another thread wants to call something on it."""

    closing = False

    def call_soon_threadsafe(self, *args, **kwargs):  # type: ignore[override]
        if self.closing:
            raise RuntimeError("Event loop is closed")
        return super().call_soon_threadsafe(*args, **kwargs)


def test_the_loop_is_closed_in_the_same_moment():
    """The socket is closed at least."""

    async def main() -> None:
        async with Connected(BACKEND) as (stream, peer):
            loop = asyncio.get_running_loop()
            assert isinstance(loop, ClosingLoop)
            loop.closing = True
            with meanwhile(stream.close):
                pass
            assert isinstance(stream, AsyncioStream)
            loop.remove_reader(stream._fd)
            loop.closing = False
            assert peer.recv(1) == b""

    with asyncio.Runner(loop_factory=ClosingLoop) as runner:
        runner.run(main())


def test_the_loop_ends_before_it_could_close_the_socket():
    """The socket is closed when the stream is collected."""

    async def main() -> NetworkStream:
        with kinds.listening() as (listener, address):
            stream = await BACKEND.connect_tcp([address], "peer:80", limits().connecting())
            peers.append(listener.accept()[0])
        return stream

    peers: list[socket.socket] = []
    loop = asyncio.new_event_loop()
    stream = loop.run_until_complete(main())
    # As if it were running in another thread, which takes no further turn.
    loop.is_running = lambda: True  # type: ignore[method-assign]
    stream.close()
    del loop.is_running
    loop.close()
    del stream
    gc.collect()
    with peers.pop() as peer:
        peer.settimeout(5)
        assert peer.recv(1) == b""


def test_a_forked_child_leaves_the_connection_to_its_parent():
    """It closes its own descriptor and does not touch the loop, whose epoll the parent shares."""

    async def main() -> None:
        async with Connected(BACKEND) as (stream, _):
            loop = asyncio.get_running_loop()
            untouched = pytest.MonkeyPatch()
            untouched.setattr(os, "getpid", lambda: -1)
            untouched.setattr(loop, "remove_reader", lambda fd: pytest.fail("touched the loop"))
            untouched.setattr(loop, "call_soon_threadsafe", lambda *_: pytest.fail("touched it"))
            assert isinstance(stream, AsyncioStream)
            fd = stream._fd
            stream.close()
            untouched.undo()
            loop.remove_reader(fd)
            with pytest.raises(ReadError, match="closed by"):
                await stream.read(limits())

    kinds.run("asyncio", main)


# Loops that only say when an operation is complete.


def test_each_loop_gets_the_stream_that_suits_it(run, kind):
    """`CompletionStream` only where nothing else is possible."""

    async def main() -> None:
        async with Connected(BACKEND) as (stream, _):
            expected = CompletionStream if kind == "completion" else ReadinessStream
            assert type(stream) is expected

    run(main)


def test_an_operation_that_somebody_else_cancels():
    """The stream starts another one; asyncio.run() cancels everything when it ends."""

    async def main() -> None:
        async with Connected(BACKEND) as (stream, peer):
            stream.watch(lambda: pytest.fail("nothing arrived"))
            others = asyncio.all_tasks() - {asyncio.current_task()}
            for task in others:
                task.cancel()
            await asyncio.wait(others)
            stream.watch(None)
            peer.sendall(b"x")
            assert await stream.read(limits()) == b"x"
            writing = asyncio.create_task(stream.write(bytes(16 * MIB), limits(0.2)))
            await asyncio.sleep(0.02)
            for task in asyncio.all_tasks() - {asyncio.current_task(), writing}:
                task.cancel()
            with pytest.raises(WriteTimeout):
                await writing

    kinds.run("completion", main)


# Streams and other loops.


@pytest.mark.parametrize("seconds", [None, 10])
def test_read_in_another_loop(kind, seconds):
    """It is told as that, whether the loop that it belongs to is closed or not."""
    connected = Connected(BACKEND)
    opened: list[NetworkStream] = []

    async def opens() -> None:
        stream, _ = await connected.__aenter__()
        opened.append(stream)

    async def reads() -> None:
        with pytest.raises(RuntimeError, match="the connection belongs to another event loop"):
            await opened[0].read(limits(seconds))
        await connected.__aexit__(None, None, None)

    kinds.run(kind, opens)
    kinds.run(kind, reads)


def test_another_runtime_error_passes(run):
    """What is no matter of loops is not taken for that."""

    async def main() -> None:
        async with Connected(BACKEND) as (stream, _):
            reading = stream.read(limits())
            reading.send(None)
            with pytest.raises(RuntimeError, match=r"^something else$"):
                reading.throw(RuntimeError("something else"))

    run(main)
