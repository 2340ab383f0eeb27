"""Several addresses for one peer: which is tried when, which one wins, what is told of the others.

On every kind of loop; `secure` stands for a TLS handshake.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import time
import typing

import pytest
import trio

from httpcore.backends import happy_eyeballs, socket_setup
from httpcore.backends.base import Address, ConcurrencyBackend, NetworkStream
from httpcore.connect_config import ConnectConfig
from httpcore.exceptions import ConnectError, ConnectTimeout, SSLError
from tests.backends import kinds
from tests.backends.kinds import limits, refusing, unanswering
from tests.faults import POINTS, Stepping


@pytest.fixture(params=kinds.KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return typing.cast("str", request.param)


@pytest.fixture
def backend(kind: str) -> ConcurrencyBackend:
    return kinds.backend_of(kind)


@contextlib.contextmanager
def unanswering_hosts(count: int) -> typing.Iterator[list[Address]]:
    """So many addresses that do not answer: 127.0.0.1 and those that follow."""
    port = 0
    with contextlib.ExitStack() as stack:
        addresses = []
        for number in range(1, count + 1):
            listener = socket.create_server((f"127.0.0.{number}", port), backlog=0)
            address = Address(socket.AF_INET, stack.enter_context(listener).getsockname())
            port = address.sockaddr[1]
            kinds.fill_queue(stack, address)
            addresses.append(address)
        yield addresses


async def connected_to(
    backend: ConcurrencyBackend, *addresses: Address, seconds: float = 10
) -> tuple[str, int]:
    """Host and port of the one that was connected to."""
    stream = await backend.connect_tcp(addresses, "peer:80", limits(seconds).connecting())
    assert stream.socket is not None
    host, port = stream.socket.getpeername()[:2]
    stream.close()
    return host, port


def test_dg3_first_does_not_answer(kind, backend):
    """The second one is tried after 250 ms, and is not kept waiting by the first."""

    async def main() -> None:
        with unanswering() as dead, kinds.listening() as (_, address):
            began = time.monotonic()
            assert await connected_to(backend, dead, address) == address.sockaddr
            assert 0.25 <= time.monotonic() - began < 10

    kinds.run(kind, main)


def test_cn18_first_refuses(kind, backend, monkeypatch):
    """The next one is tried at once."""
    monkeypatch.setattr(happy_eyeballs, "_DELAY", 8)

    async def main() -> None:
        with refusing() as dead, kinds.listening() as (_, address):
            began = time.monotonic()
            assert await connected_to(backend, dead, address, seconds=60) == address.sockaddr
            assert time.monotonic() - began < 7

    kinds.run(kind, main)


def test_dg3_no_ipv6(kind, backend, monkeypatch):
    """What fails before anything is sent keeps nobody waiting either."""
    real = socket_setup.new_socket

    def without_ipv6(family: int, config: ConnectConfig) -> socket.socket:
        if family == socket.AF_INET6:
            raise OSError(97, "Address family not supported by protocol")
        return real(family, config)

    monkeypatch.setattr(happy_eyeballs, "new_socket", without_ipv6)

    async def main() -> None:
        with kinds.listening() as (_, address):
            there = Address(socket.AF_INET6, ("::1", address.sockaddr[1], 0, 0))
            assert await connected_to(backend, there, address) == address.sockaddr

    kinds.run(kind, main)


def test_dg3_ipv6(kind, backend):
    """Where the machine speaks it."""

    async def main() -> None:
        with socket.socket(socket.AF_INET6) as listener:
            listener.bind(("::1", 0))
            listener.listen()
            port = listener.getsockname()[1]
            with refusing() as dead:
                address = Address(socket.AF_INET6, ("::1", port, 0, 0))
                assert await connected_to(backend, dead, address) == ("::1", port)

    kinds.run(kind, main)


def test_a_slow_address_may_still_win():
    """The first one is not given up when the second begins, and fails."""
    backend = kinds.backend_of("sync")

    async def main() -> None:
        with socket.create_server(("127.0.0.1", 0), backlog=0) as slow, refusing() as dead:
            address = Address(socket.AF_INET, slow.getsockname())
            with contextlib.ExitStack() as stack:
                kinds.fill_queue(stack, address)

                def make_room() -> None:
                    with contextlib.suppress(OSError):
                        while True:
                            slow.accept()[0].close()

                # The system sends its SYN again after a second.
                with kinds.meanwhile(make_room, after=0.3):
                    try:
                        assert await connected_to(backend, address, dead) == address.sockaddr
                    finally:
                        slow.shutdown(socket.SHUT_RDWR)  # ends accept()

    kinds.run("sync", main)


def test_tm3_no_address_answers(kind, backend):
    """ConnectTimeout within the limit for all together, which names each."""

    async def main() -> None:
        with unanswering_hosts(4) as addresses, refusing() as dead:
            began = time.monotonic()
            with pytest.raises(ConnectTimeout) as e:
                await connected_to(backend, *addresses, dead, seconds=0.8)
            assert time.monotonic() - began < 10
        message = str(e.value)
        assert "connect to peer:80 timed out after 0.8 s (connect_timeout); 127.0.0.1:" in message
        assert all(str(address) in message for address in addresses)
        assert f"no answer; {dead}: connection refused" in message
        assert e.value.peer == "peer:80"

    kinds.run(kind, main)


def test_dg3_64_dead_addresses():
    """Each is tried before the time is over."""

    async def main() -> None:
        with unanswering_hosts(64) as addresses, pytest.raises(ConnectTimeout) as e:
            await connected_to(kinds.backend_of("sync"), *addresses, seconds=3)
        assert str(e.value).count("127.0.0.") == 64

    kinds.run("sync", main)


def test_cn18_each_address_with_its_reason(kind, backend):
    """A reason that several have is told once."""

    async def main() -> None:
        with refusing() as one, refusing() as two:
            lost = Address(socket.AF_INET, ("255.255.255.255", 80))
            with pytest.raises(ConnectError) as e:
                await connected_to(backend, one, lost, two, one)
        assert str(e.value).startswith(
            f"cannot connect to peer:80, any of its 3 addresses: {one}, {two}: connection refused; "
            "255.255.255.255:80: "
        )
        assert isinstance(e.value.__cause__, ConnectError)
        assert isinstance(e.value.__cause__.__cause__, ConnectionRefusedError)

    kinds.run(kind, main)


def test_families_take_turns():
    """In the order of the resolver otherwise, which says what comes first; each once."""
    four = [Address(socket.AF_INET, (f"192.0.2.{n}", 80)) for n in range(3)]
    six = [Address(socket.AF_INET6, (f"2001:db8::{n}", 80, 0, 0)) for n in range(2)]
    turns = happy_eyeballs._interleaved
    assert turns([*six, *four, *six], None) == [six[0], four[0], six[1], four[1], four[2]]
    assert turns([four[0], *six], None) == [four[0], six[0], six[1]]
    assert turns(four, None) == four
    assert turns([*six, *four], socket.AF_INET) == [four[0], six[0], four[1], six[1], four[2]]
    assert turns(six, socket.AF_INET) == six


def test_which_family_answered_is_remembered(kind, backend, monkeypatch):
    """Of peers whose first address did not: the next connection to them begins with it."""
    monkeypatch.setattr(happy_eyeballs, "_families", happy_eyeballs._Families())

    async def main() -> None:
        with (
            kinds.listening() as (_, four),
            socket.create_server(("::1", 0), family=socket.AF_INET6) as listener,
        ):
            six = Address(socket.AF_INET6, listener.getsockname())
            broken = Address(socket.AF_INET6, ("::1", four.sockaddr[1], 0, 0))
            assert await connected_to(backend, six, four) == six.sockaddr[:2]
            assert await connected_to(backend, broken, four) == four.sockaddr
            assert await connected_to(backend, six, four) == four.sockaddr

    kinds.run(kind, main)


def test_what_is_remembered_has_bounds(monkeypatch):
    """In time and in number; and nothing is where the first address answered."""
    monkeypatch.setattr(happy_eyeballs, "_MAX_REMEMBERED", 2)
    families = happy_eyeballs._Families()
    families.note("a:80", socket.AF_INET, socket.AF_INET)
    assert families.preferred("a:80") is None
    for peer in ("a:80", "b:80", "c:80"):
        families.note(peer, socket.AF_INET6, socket.AF_INET)
    assert [families.preferred(p) for p in ("a:80", "b:80", "c:80")] == [None, None, socket.AF_INET]
    monkeypatch.setattr(happy_eyeballs, "_REMEMBERED_SECONDS", 0)
    families.note("c:80", socket.AF_INET, socket.AF_INET6)
    assert families.preferred("c:80") is None


# What comes after the connection.


def test_cn18_what_comes_next_fails(kind, backend):
    """The other addresses are tried, those that had not answered among them."""
    closed: list[NetworkStream] = []

    async def main() -> None:
        with kinds.listening() as (_, bad), kinds.listening() as (_, good), unanswering() as silent:

            async def secure(stream: NetworkStream) -> NetworkStream:
                assert stream.socket is not None
                if stream.socket.getpeername() == bad.sockaddr:
                    stream.close()
                    closed.append(stream)
                    raise ConnectError("handshake with peer:80 failed: connection reset by peer")
                return stream

            stream = await backend.connect_tcp(
                [silent, bad, good], "peer:80", limits().connecting(), secure=secure
            )
            assert stream.socket is not None
            assert stream.socket.getpeername() == good.sockaddr
            stream.close()
            with pytest.raises(ConnectTimeout, match=r"no answer; .*: handshake with peer:80 fail"):
                await backend.connect_tcp(
                    [silent, bad], "peer:80", limits(0.8).connecting(), secure=secure
                )
        assert len(closed) == 2

    kinds.run(kind, main)


def test_cn18_one_address_that_fails_next(kind, backend):
    """With one address its error is all there is to say."""
    reset = ConnectError("reset")

    async def secure(stream: NetworkStream) -> NetworkStream:
        stream.close()
        raise reset

    async def main() -> None:
        with kinds.listening() as (_, address), pytest.raises(ConnectError) as e:
            await backend.connect_tcp([address], "peer:80", limits().connecting(), secure=secure)
        assert e.value is reset

    kinds.run(kind, main)


def test_tls_errors_are_final(kind, backend):
    """They are raised as they are."""

    async def secure(stream: NetworkStream) -> NetworkStream:
        stream.close()
        raise SSLError("wrong host")

    async def main() -> None:
        with kinds.listening() as (_, one), kinds.listening() as (other, two):
            with pytest.raises(SSLError, match="wrong host"):
                await backend.connect_tcp(
                    [one, two], "peer:80", limits().connecting(), secure=secure
                )
            other.settimeout(0.05)
            with pytest.raises(TimeoutError):
                other.accept()

    kinds.run(kind, main)


# Going wrong.


def test_a_stream_that_cannot_be_made(kind, backend, monkeypatch):
    """Its socket is closed; KeyboardInterrupt passes bare."""

    def interrupted(self: object, *args: object) -> None:
        raise KeyboardInterrupt

    async def main() -> None:
        with kinds.listening() as (listener, address):
            stream = await backend.connect_tcp([address], "peer:80", limits().connecting())
            stream.close()
            listener.accept()[0].close()
            monkeypatch.setattr(type(stream), "__init__", interrupted)
            monkeypatch.setattr(type(stream), "__del__", lambda self: None, raising=False)
            with pytest.raises(KeyboardInterrupt):
                await backend.connect_tcp([address], "peer:80", limits().connecting())
            with listener.accept()[0] as peer:
                assert peer.recv(1) == b""

    kinds.run(kind, main)


def test_dg6_interrupted_while_an_attempt_begins(monkeypatch):
    """No socket is left."""

    class Interrupted(socket.socket):
        def connect_ex(self, address: object) -> int:
            raise KeyboardInterrupt

    monkeypatch.setattr(happy_eyeballs, "new_socket", lambda *args: Interrupted())
    backend = kinds.backend_of("sync")

    async def main() -> None:
        address = Address(socket.AF_INET, ("127.0.0.1", 9))
        with pytest.raises(KeyboardInterrupt):
            await backend.connect_tcp([address], "peer:80", limits())

    kinds.run("sync", main)


@pytest.mark.parametrize("kind", kinds.ASYNC_KINDS)
def test_cx1_cancelled_at_each_step(kind, monkeypatch, record_property):
    """Wherever it is cancelled while addresses race, no socket is left, and the next one works."""
    monkeypatch.setattr(happy_eyeballs, "_DELAY", 0.01)
    backend = kinds.backend_of(kind)
    finished: list[bool] = []

    async def main() -> None:
        number = len(finished) + 1
        with unanswering_hosts(2) as dead, kinds.listening() as (_, address), refusing() as refused:
            racing = connected_to(backend, *dead, refused, address)
            if kind == "trio":
                with trio.CancelScope() as scope:
                    await Stepping(racing, number, scope.cancel)
                finished.append(not scope.cancelled_caught)
            else:
                task = asyncio.current_task()
                assert task is not None
                try:
                    await Stepping(racing, number, task.cancel)
                    finished.append(True)
                except asyncio.CancelledError:
                    task.uncancel()
                    finished.append(False)
            assert await connected_to(backend, address) == address.sockaddr

    while not finished or not finished[-1]:
        kinds.run(kind, main)
    assert len(finished) > 1, "it waits for addresses that do not answer"
    record_property(POINTS, len(finished) - 1)


@pytest.mark.parametrize("kind", kinds.ASYNC_KINDS)
def test_cx1_cancelled_while_several_are_tried(kind, monkeypatch):
    """No socket and no task is left, and the next connection works."""
    monkeypatch.setattr(happy_eyeballs, "_DELAY", 0.01)
    backend = kinds.backend_of(kind)

    async def main() -> None:
        with unanswering_hosts(4) as addresses, kinds.listening() as (_, address):
            if kind == "trio":
                with trio.move_on_after(0.1):
                    await connected_to(backend, *addresses)
            else:
                task = asyncio.create_task(connected_to(backend, *addresses))
                await asyncio.sleep(0.1)
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
                assert asyncio.all_tasks() == {asyncio.current_task()}
            assert await connected_to(backend, address) == address.sockaddr

    kinds.run(kind, main)


def test_threads_do_not_meet():
    """Each call has its own attempts."""
    backend = kinds.backend_of("sync")
    errors: list[str] = []
    with unanswering() as dead, refusing() as refused:

        def work() -> None:
            async def main() -> None:
                with pytest.raises(ConnectTimeout) as e:
                    await connected_to(backend, dead, refused, seconds=1.5)
                errors.append(str(e.value))

            kinds.run("sync", main)

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(errors) == 4
    assert len(set(errors)) == 1
