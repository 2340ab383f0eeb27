"""The trio backend; what it shares with the others is tested in `test_streams`."""

from __future__ import annotations

import asyncio
import collections.abc
import gc
import os
import socket
import threading
import time
import typing

import pytest
import trio

from httpcore.backends.trio_streams import TrioBackend, TrioStream
from httpcore.exceptions import ConnectTimeout, ReadError, ReadTimeout, WriteError
from tests.backends import kinds
from tests.backends.kinds import Connected, FakeSocket, arrived, limits, meanwhile, receive

MIB = 1024 * 1024
BACKEND = TrioBackend()
Main = collections.abc.Callable[[], collections.abc.Awaitable[object]]


def stream_over(sock: FakeSocket) -> TrioStream:
    return TrioStream(typing.cast("socket.socket", sock), "peer:80")


async def cancelled(operation: Main, after: float = 0.05) -> None:
    """Cancel `operation` while it waits; it has to pass `trio.Cancelled` on, bare."""
    raised: list[BaseException] = []
    with trio.move_on_after(after) as scope:
        try:
            await operation()
        except BaseException as error:
            raised.append(error)
            raise
    assert scope.cancelled_caught
    assert [type(error) for error in raised] == [trio.Cancelled]


def test_cx1_cancelled_while_reading():
    """Nothing is lost."""

    async def main() -> None:
        async with Connected(BACKEND) as (stream, peer):
            await cancelled(lambda: stream.read(limits()))
            peer.sendall(b"x")
            assert await stream.read(limits()) == b"x"

    kinds.run("trio", main)


@pytest.mark.parametrize("until_readable", [False, True])
def test_cx4_cancelled_while_writing(until_readable):
    """The rest is sent before what is written later."""
    data = bytes(range(256)) * (32 * 1024)

    async def main() -> None:
        async with Connected(BACKEND) as (stream, peer):
            await cancelled(lambda: stream.write(data, limits(), until_readable))
            received: list[bytes] = []
            with meanwhile(lambda: received.append(receive(peer, len(data) + 4))):
                await stream.write(b"more", limits(), until_readable)
            assert received == [data + b"more"]

    kinds.run("trio", main)


def test_a_cancelled_task_sends_nothing():
    """A write in a scope that has been cancelled does not begin."""

    async def main() -> None:
        async with Connected(BACKEND) as (stream, peer):
            with trio.CancelScope() as scope:
                scope.cancel()
                await stream.write(b"unwanted", limits())
            stream.close()
            assert peer.recv(100) == b""

    kinds.run("trio", main)


def test_cx4_what_a_cancelled_task_can_still_do():
    """It may send what takes no wait, and that is behind what it was to send before."""

    async def main() -> None:
        async with Connected(BACKEND) as (stream, peer):
            with trio.CancelScope() as scope:
                scope.cancel()
                try:
                    await stream.write(b"request", limits())
                finally:
                    assert stream.write_available(b", reset") is True
            assert receive(peer, 14) == b"request, reset"

    kinds.run("trio", main)


def test_cx1_cancelled_while_connecting():
    """No socket is left."""

    async def main() -> None:
        with kinds.unanswering() as address:
            await cancelled(lambda: BACKEND.connect_tcp([address], "peer:80", limits()))

    kinds.run("trio", main)


def test_cx1_cancelled_while_a_name_is_looked_up(monkeypatch):
    """The answer that comes later harms nobody."""
    give_up = threading.Event()

    def hang(*args: object, **kwargs: object) -> typing.Any:
        give_up.wait(10)
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure")

    monkeypatch.setattr(socket, "getaddrinfo", hang)

    async def main() -> None:
        await cancelled(lambda: BACKEND.resolve("example.org", 80, limits(None)))
        give_up.set()
        await trio.sleep(0.05)

    kinds.run("trio", main)


def test_cx1_cancelled_while_waiting_for_others():
    """For an event, blocking code."""
    release = threading.Event()

    async def main() -> None:
        event = BACKEND.event()
        await cancelled(lambda: event.wait(None))
        await cancelled(lambda: BACKEND.run_blocking(lambda: release.wait(10)))
        release.set()
        # The program's own work may have all threads that there are for it.
        limiter = trio.to_thread.current_default_thread_limiter()
        for number in range(int(limiter.available_tokens)):
            limiter.acquire_on_behalf_of_nowait(number)
        assert await BACKEND.run_blocking(lambda: 42) == 42

    kinds.run("trio", main)


def test_tm11_the_callers_own_timeout():
    """It is the caller's exception that is raised."""

    async def main() -> None:
        async with Connected(BACKEND) as (stream, _):
            with pytest.raises(trio.TooSlowError):
                with trio.fail_after(0.05):
                    await stream.read(limits())
        with kinds.unanswering() as address, pytest.raises(trio.TooSlowError):
            with trio.fail_after(0.05):
                await BACKEND.connect_tcp([address], "peer:80", limits())

    kinds.run("trio", main)


def test_tm10_the_run_was_blocked_while_the_answer_came():
    """The answer, not ReadTimeout."""

    async def main() -> None:
        async with Connected(BACKEND) as (stream, peer), trio.open_nursery() as nursery:

            async def block() -> None:
                await trio.sleep(0.01)
                time.sleep(0.3)
                peer.sendall(b"answer")
                arrived(stream.socket)

            nursery.start_soon(block)
            assert await stream.read(limits(0.2)) == b"answer"

    kinds.run("trio", main)


@pytest.mark.parametrize("until_readable", [False, True])
def test_tm10_the_run_was_blocked_while_the_peer_read(until_readable):
    """No WriteTimeout."""
    size = 8 * MIB

    async def main() -> None:
        async with Connected(BACKEND) as (stream, peer), trio.open_nursery() as nursery:
            first = threading.Event()

            def read() -> None:
                receive(peer, 64 * 1024)
                first.set()
                receive(peer, size - 64 * 1024)

            async def block() -> None:
                await trio.sleep(0.01)
                assert first.wait(10)
                time.sleep(1.1)

            nursery.start_soon(block)
            with meanwhile(read, after=0.1):
                assert await stream.write(bytes(size), limits(1), until_readable) is True

    kinds.run("trio", main)


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

    kinds.run("trio", main)


def test_tm10_bytes_that_only_the_last_look_finds():
    """They are the answer, though the limit has passed."""

    def recv(size: int) -> bytes:
        if trio.current_effective_deadline() < float("inf"):
            raise BlockingIOError
        return b"x"

    async def main() -> None:
        stream = stream_over(FakeSocket(recv=recv))
        assert await stream.read(limits(0.05)) == b"x"
        stream.close()

    kinds.run("trio", main)


def test_idle_connections_are_not_watched():
    """Trio cannot, and says so."""

    async def main() -> None:
        async with Connected(BACKEND) as (stream, peer):
            assert stream.watch(lambda: pytest.fail("called")) is False
            assert stream.watch(None) is False
            peer.sendall(b"x")
            await trio.sleep(0.01)
            assert BACKEND.call_later(0, lambda: pytest.fail("called")) is None

    kinds.run("trio", main)


def test_large_amounts_come_in_large_pieces():
    """A read that came back full makes the next ones ask for more, 256 KiB at most."""

    async def main() -> None:
        async with Connected(BACKEND) as (stream, peer):
            with meanwhile(peer.sendall, bytes(8 * MIB)):
                sizes: list[int] = []
                while sum(sizes) < 8 * MIB:
                    await trio.sleep(0.003)
                    sizes.append(len(await stream.read(limits())))
            assert 64 * 1024 < max(sizes) <= 256 * 1024

    kinds.run("trio", main)


def test_writing_in_bulk_lets_others_run():
    """Where the peer takes everything at once, other tasks get their turn all the same."""

    async def main() -> None:
        turns = 0

        async def other() -> None:
            nonlocal turns
            while True:
                turns += 1
                await trio.lowlevel.checkpoint()

        stream = stream_over(FakeSocket(send=len))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(other)
            for _ in range(200):
                await stream.write(bytes(64 * 1024), limits())
            assert 10 <= turns <= 20
            nursery.cancel_scope.cancel()
        stream.close()

    kinds.run("trio", main)


def test_close_wakes_a_task_that_waits():
    """In the same run: at once, with an error that says why."""

    async def main() -> None:
        async with Connected(BACKEND) as (stream, _), trio.open_nursery() as nursery:

            async def read() -> None:
                with pytest.raises(ReadError, match="closed by"):
                    await stream.read(limits(None))

            async def write() -> None:
                with pytest.raises(WriteError, match="closed by"):
                    await stream.write(bytes(16 * MIB), limits(None))

            nursery.start_soon(read)
            nursery.start_soon(write)
            await trio.testing.wait_all_tasks_blocked()
            stream.close()

    kinds.run("trio", main)


def test_closed_while_the_last_look_is_taken():
    """A read whose limit has passed says that the stream was closed, if it was."""

    async def main() -> None:
        async with Connected(BACKEND) as (stream, _), trio.open_nursery() as nursery:

            async def block() -> None:
                await trio.sleep(0.01)
                time.sleep(0.1)
                stream.close()

            nursery.start_soon(block)
            with pytest.raises((ReadError, ReadTimeout)):
                await stream.read(limits(0.05))

    kinds.run("trio", main)


def test_a_forked_child_leaves_the_connection_to_its_parent():
    """It closes its own descriptor and does not touch the run, whose epoll the parent shares."""

    async def main() -> None:
        async with Connected(BACKEND) as (stream, peer):
            untouched = pytest.MonkeyPatch()
            untouched.setattr(os, "getpid", lambda: -1)
            untouched.setattr(
                trio.lowlevel, "notify_closing", lambda _: pytest.fail("touched the run")
            )
            stream.close()
            untouched.undo()
            assert peer.recv(1) == b""

    kinds.run("trio", main)


def test_dg7_a_run_that_failed_is_over():
    """However it ended; and a run in another thread is not."""
    tokens: list[object] = []

    async def main() -> None:
        tokens.append(BACKEND.run_token())
        await trio.to_thread.run_sync(trio.run, other)
        assert BACKEND.run_is_over(tokens[1])
        assert not BACKEND.run_is_over(tokens[0])
        raise ZeroDivisionError

    async def other() -> None:
        tokens.append(BACKEND.run_token())
        assert not BACKEND.run_is_over(tokens[0])

    with pytest.raises(ZeroDivisionError):
        trio.run(main)
    assert BACKEND.run_is_over(tokens[0])


def test_there_is_no_token_where_trio_does_not_run():
    """RuntimeError, as trio has it."""
    with pytest.raises(RuntimeError):
        BACKEND.run_token()


def test_connecting_without_a_limit():
    """`None` is no limit."""

    async def main() -> None:
        with kinds.listening() as (_, address):
            stream = await BACKEND.connect_tcp([address], "peer:80", limits(None))
            assert stream.peer == "peer:80"
            stream.close()

    kinds.run("trio", main)


def test_tm3_the_limit_passes_while_connecting():
    """ConnectTimeout is not taken for a refused connection."""

    async def main() -> None:
        with kinds.unanswering() as address, pytest.raises(ConnectTimeout) as e:
            deadline = limits(5, connect_timeout=0.05).connecting()
            await BACKEND.connect_tcp([address], "peer:80", deadline)
        assert e.value.__cause__ is None

    kinds.run("trio", main)


def test_a_stream_that_is_dropped_after_its_run():
    """It closes its socket without a word."""
    left: list[typing.Any] = []

    async def main() -> None:
        with kinds.listening() as (listener, address):
            left.append(await BACKEND.connect_tcp([address], "peer:80", limits()))
            left.append(listener.accept()[0])

    kinds.run("trio", main)
    peer = left.pop()
    left.clear()
    gc.collect()
    with peer:
        assert peer.recv(1) == b""


def test_read_in_another_loop():
    """In asyncio it is told as that."""

    async def reads(stream: TrioStream) -> None:
        with pytest.raises(RuntimeError, match="the connection belongs to another event loop"):
            await stream.read(limits())

    async def main() -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            ours.setblocking(False)
            streams.append(TrioStream(ours, "peer:80"))

    streams: list[TrioStream] = []
    kinds.run("trio", main)
    asyncio.run(reads(streams[0]))
    streams[0].close()
