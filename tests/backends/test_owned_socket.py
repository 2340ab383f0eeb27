"""Sockets that only their owner closes."""

from __future__ import annotations

import gc
import socket

import pytest

from httpcore.backends.owned_socket import owned
from tests.backends import kinds
from tests.backends.kinds import limits


def test_it_takes_a_socket_over():
    """Same kind, same descriptor, non-blocking whatever the default; the plain one is closed."""
    left, right = socket.socketpair()
    number = left.fileno()
    socket.setdefaulttimeout(5)
    try:
        own = owned(left)
    finally:
        socket.setdefaulttimeout(None)
    with own, right:
        assert left.fileno() == -1
        assert own.fileno() == number
        assert (own.family, own.type, own.proto) == (right.family, right.type, right.proto)
        with pytest.raises(BlockingIOError):
            own.recv(1)


@pytest.mark.parametrize("kind", kinds.ASYNC_KINDS)
@pytest.mark.parametrize("is_over", [False, True])
def test_streams_in_a_cycle_are_collected_without_a_word(kind, is_over):
    """Whether their loop still runs or not: the socket is closed, and nothing warns."""
    cycles: list[list] = []
    peers: list[socket.socket] = []
    backend = kinds.backend_of(kind)

    async def main() -> None:
        for _ in range(3):
            with kinds.listening() as (listener, address):
                stream = await backend.connect_tcp([address], "peer:80", limits())
                peers.append(listener.accept()[0])
            peers[-1].sendall(b"x")
            assert await stream.read(limits()) == b"x"
            cycle: list = [stream]
            cycle.append(cycle)
            cycles.append(cycle)
        del stream, cycle
        if not is_over:
            cycles.clear()
            gc.collect()
            await backend.sleep(0.02)

    kinds.run(kind, main)
    cycles.clear()
    gc.collect()
    for peer in peers:
        peer.settimeout(5)
        assert peer.recv(1) == b""
        peer.close()


def test_a_descriptor_that_is_used_again_keeps_its_watch():
    """The end of a dropped stream does not concern the one that got its number."""

    async def main() -> None:
        backend = kinds.backend_of("asyncio")
        with kinds.listening() as (listener, address):
            cycle: list = [await backend.connect_tcp([address], "peer:80", limits())]
            cycle.append(cycle)
            first, _ = listener.accept()
            del cycle
            gc.collect()
            stream = await backend.connect_tcp([address], "peer:80", limits())
            second, _ = listener.accept()
        with first, second:
            await backend.sleep(0.02)
            second.sendall(b"x")
            assert await stream.read(limits(5)) == b"x"
        stream.close()

    kinds.run("asyncio", main)
