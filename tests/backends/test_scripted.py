"""The backend that has no network."""

from __future__ import annotations

import asyncio
import errno
import socket

import pytest
import trio

from httpcore.backends.base import Address
from httpcore.backends.scripted import Arrived, ScriptedBackend, ScriptedStream
from httpcore.driver import run_sync
from httpcore.exceptions import (
    ConnectError,
    ConnectTimeout,
    ReadError,
    ReadTimeout,
    WriteError,
    WriteTimeout,
)
from tests.backends.kinds import limits

ADDRESS = Address(socket.AF_INET, ("192.0.2.1", 80))


def connected(*script, **options) -> ScriptedStream:
    """The one stream of a backend with that script."""
    backend = ScriptedBackend([script], **options)
    stream = run_sync(backend.connect_tcp([ADDRESS], "example.org:80", limits()))
    assert isinstance(stream, ScriptedStream)
    assert backend.streams == [stream]
    return stream


def read(stream: ScriptedStream) -> bytes:
    return run_sync(stream.read(limits(5)))


def write(stream: ScriptedStream, data: bytes, until_readable: bool = False) -> bool:
    return run_sync(stream.write(data, limits(5), until_readable))


# Reading.


def test_one_piece_for_each_read():
    """In order, and the end for good."""
    stream = connected(b"one", b"two", b"")
    assert [read(stream) for _ in range(4)] == [b"one", b"two", b"", b""]
    assert stream.read_available() == b""


def test_behind_its_script_the_peer_is_silent():
    """The limit counts as passed."""
    stream = connected(b"one")
    assert read(stream) == b"one"
    with pytest.raises(ReadTimeout, match=r"example.org:80 timed out after 5 s"):
        read(stream)


def test_a_broken_connection():
    """An OSError is a ReadError, as on a socket, and stays."""
    stream = connected(ConnectionResetError(errno.ECONNRESET, "reset"))
    for _ in range(2):
        with pytest.raises(ReadError, match=r"example.org:80 failed: connection reset by peer"):
            read(stream)
    assert stream.read_available() == b""


@pytest.mark.parametrize("error", [ReadError("no"), KeyboardInterrupt(), MemoryError()])
def test_any_other_error_is_raised_once_as_it_is(error):
    """Those of the library too."""
    stream = connected(error, b"more")
    with pytest.raises(type(error)) as e:
        read(stream)
    assert e.value is error
    assert read(stream) == b"more"


def test_what_has_arrived():
    """Only what is scripted so is there before somebody waits for it."""
    stream = connected(b"waited for", Arrived(b"there"), Arrived(b""))
    assert stream.read_available() is None
    assert read(stream) == b"waited for"
    assert stream.read_available() == b"there"
    assert stream.read_available() == b""


def test_what_arrives_after_so_many_bytes_were_sent():
    """Not before, and neither does a read get it before."""
    stream = connected(Arrived(b"413", after=10))
    write(stream, b"12345")
    assert stream.read_available() is None
    with pytest.raises(ReadTimeout):
        read(stream)
    write(stream, b"67890")
    assert stream.read_available() == b"413"
    assert stream.read_available() is None


def test_an_idle_connection_is_watched():
    """`arrive()` is the peer that sends something by itself."""
    stream = connected()
    told: list[bytes | None] = []
    stream.arrive(b"nobody watches")
    assert stream.watch(lambda: told.append(stream.read_available())) is True
    stream.arrive(b"")
    assert told == [b"nobody watches"]
    stream.watch(None)
    stream.arrive(b"more")
    assert told == [b"nobody watches"]
    assert stream.read_available() == b""


# Writing.


def test_what_was_written():
    """In one piece, and write by write."""
    stream = connected()
    assert write(stream, b"one") is True
    assert write(stream, b"") is True
    assert run_sync(stream.write(memoryview(b"two"), limits())) is True
    assert stream.writes == [b"one", b"two"]
    assert stream.written == b"onetwo"


def test_a_peer_that_takes_no_more():
    """WriteTimeout; with `until_readable` only if there is nothing to read."""
    stream = connected(Arrived(b"413", after=5), max_written=5)
    assert write(stream, b"12345678", until_readable=True) is False
    assert stream.written == b"12345"
    with pytest.raises(WriteTimeout, match=r"example.org:80 timed out after 5 s"):
        write(stream, b"")
    assert stream.read_available() == b"413"
    with pytest.raises(WriteTimeout):
        write(stream, b"", until_readable=True)
    stream.max_written = None
    assert write(stream, b"9") is True
    assert stream.written == b"123456789"


# Closing.


def test_close():
    """Later use is an error that says why."""
    stream = connected(b"more")
    stream.watch(lambda: pytest.fail("told"))
    assert not stream.is_closed
    assert stream.socket is None
    assert stream.ssl_object is None
    stream.close()
    stream.close()
    assert stream.is_closed
    with pytest.raises(ReadError, match="closed by"):
        read(stream)
    with pytest.raises(WriteError, match="closed by"):
        write(stream, b"x")
    assert stream.read_available() == b""
    stream.arrive(b"x")


# Connecting.


def test_connections_get_the_scripts_in_turn():
    """Errors among them are raised."""
    refused = ConnectionRefusedError(errno.ECONNREFUSED, "refused")
    backend = ScriptedBackend([refused, ConnectTimeout("slow"), [b"one"]])

    async def main() -> None:
        with pytest.raises(ConnectError, match=r"cannot connect to example.org:80 at 192.0.2.1"):
            await backend.connect_tcp([ADDRESS], "example.org:80", limits())
        with pytest.raises(ConnectTimeout, match="slow"):
            await backend.connect_tcp([ADDRESS], "example.org:80", limits())
        stream = await backend.connect_tcp([ADDRESS], "example.org:80", limits())
        assert await stream.read(limits()) == b"one"
        with pytest.raises(AssertionError, match=r"no script is left .* example.org:80"):
            await backend.connect_tcp([ADDRESS], "example.org:80", limits())

    run_sync(main())


def test_names():
    """Every name stands for one address; an address for itself."""
    backend = ScriptedBackend()
    assert run_sync(backend.resolve("example.org", 80, limits())) == [ADDRESS]
    answer = run_sync(backend.resolve("2001:db8::1", 80, limits()))
    assert answer == [Address(socket.AF_INET6, ("2001:db8::1", 80, 0, 0))]
    assert backend.resolved == ["example.org", "2001:db8::1"]


# Steps.


async def exchange(backend: ScriptedBackend) -> bytes:
    (address,) = await backend.resolve("example.org", 80, limits())
    stream = await backend.connect_tcp([address], "example.org:80", limits())
    await stream.write(b"request", limits())
    await backend.run_blocking(lambda: 42)
    await backend.sleep(0.1)
    event = backend.event()
    event.set()
    await event.wait(None)
    return await stream.read(limits())


def test_each_step_can_fail():
    """One run counts them, one for each then fails there, and does no more."""
    backend = ScriptedBackend([[b"response"]])
    assert run_sync(exchange(backend)) == b"response"
    assert backend.steps == 7
    assert backend.slept == [0.1]
    for step in range(1, 8):
        error = KeyboardInterrupt()
        backend = ScriptedBackend([[b"response"]], fail_at=step, error=error)
        with pytest.raises(KeyboardInterrupt) as e:
            run_sync(exchange(backend))
        assert e.value is error
        assert backend.steps == step
        assert [stream.written for stream in backend.streams] == [
            [],
            [],
            [b""],
            *[[b"request"]] * 5,
        ][step - 1]


def test_fail_at_needs_an_error():
    """TypeError for the one without the other."""
    with pytest.raises(TypeError, match="together"):
        ScriptedBackend(fail_at=1)
    with pytest.raises(TypeError, match="together"):
        ScriptedBackend(error=MemoryError())


def test_it_runs_anywhere():
    """On asyncio, on trio and without a loop the same steps are taken."""
    runs: list = [asyncio.run, lambda coroutine: trio.run(lambda: coroutine), run_sync]
    for run in runs:
        backend = ScriptedBackend([[b"response"]])
        assert run(exchange(backend)) == b"response"
        assert backend.steps == 7


# Events, locks, and the rest.


def test_events_are_not_waited_for():
    """One that is not set is a limit that has passed; without a limit that is a mistake."""
    event = ScriptedBackend().event()
    assert run_sync(event.wait(5)) is False
    with pytest.raises(RuntimeError, match="never end"):
        run_sync(event.wait(None))
    event.set()
    assert event.is_set()
    assert run_sync(event.wait(None)) is True


def test_there_is_only_one_run():
    """It is never over."""
    backend = ScriptedBackend()
    assert backend.run_token() is ScriptedBackend().run_token()
    assert not backend.run_is_over(backend.run_token())
    with backend.guard():
        pass
