"""What is told of one HTTP/2 connection while several threads use it."""

from __future__ import annotations

import collections.abc

import pytest

from httpcore.backends.scripted import ScriptedBackend
from httpcore.deadline import Deadline
from httpcore.dispatch.http2_transport import HTTP2Transport
from httpcore.wire.http2 import HTTP2State
from tests.servers import h2_server
from tests.servers.h2_server import Frames


async def transport_of(on_capacity: collections.abc.Callable[[int], None]) -> HTTP2Transport:
    backend = ScriptedBackend([[]])
    addresses = await backend.resolve("192.0.2.1", 80, Deadline())
    stream = await backend.connect_tcp(addresses, "h:80", Deadline())
    return HTTP2Transport(stream, HTTP2State("h:80", 0.0), backend, on_capacity)


def allow(transport: HTTP2Transport, max_streams: int) -> None:
    """The peer says how many streams it allows."""
    settings = Frames().settings({h2_server.MAX_CONCURRENT_STREAMS: max_streams})
    transport.do(transport._state.receive, settings, 0.0)


@pytest.mark.ways("sync")
async def test_the_last_word_on_the_capacity_is_the_true_one() -> None:
    """What changes while it is told, in another thread perhaps, is told behind that."""
    told: list[int] = []

    def on_capacity(capacity: int) -> None:
        if capacity == 7:
            allow(transport, 3)
            assert told == []
        told.append(capacity)

    transport = await transport_of(on_capacity)
    allow(transport, 7)
    assert told == [7, 3]
    assert transport.capacity == 3
    allow(transport, 3)
    assert told == [7, 3]


@pytest.mark.ways("sync")
async def test_telling_the_capacity_fails() -> None:
    """The next change is told all the same."""
    told: list[int] = []

    def on_capacity(capacity: int) -> None:
        told.append(capacity)
        if capacity == 7:
            raise KeyboardInterrupt

    transport = await transport_of(on_capacity)
    with pytest.raises(KeyboardInterrupt):
        allow(transport, 7)
    allow(transport, 3)
    assert told == [7, 3]
