"""A stream of which more was read than was asked for."""

from __future__ import annotations

import typing

from httpcore.backends.scripted import Arrived, ScriptedBackend
from httpcore.deadline import Deadline
from httpcore.dispatch.read_ahead import behind


async def test_rest_comes_first() -> None:
    """Whether it is waited for or only looked at."""
    backend = ScriptedBackend([[Arrived(b"second")], [Arrived(b"second")]])
    deadline = Deadline()
    for look in (False, True):
        addresses = await backend.resolve("192.0.2.1", 80, deadline)
        inner = await backend.connect_tcp(addresses, "h:80", deadline)
        assert behind(inner, b"") is inner
        stream = behind(inner, b"first")
        assert stream.peer == "h:80"
        seen = [stream.read_available() if look else await stream.read(deadline) for _ in range(2)]
        assert seen == [b"first", b"second"]
        assert stream.read_available() is None


async def test_all_else_is_the_stream_beneath() -> None:
    """Writing, watching, closing; a writer that waits for something to read need not wait."""
    backend = ScriptedBackend([[]])
    deadline = Deadline()
    addresses = await backend.resolve("192.0.2.1", 80, deadline)
    inner: typing.Any = await backend.connect_tcp(addresses, "h:80", deadline)
    stream = behind(inner, b"first")
    assert await stream.write(b"data", deadline)
    assert stream.write_available(b", more")
    assert inner.written == b"data, more"
    assert stream.watch(None) == inner.watch(None)
    assert stream.socket is inner.socket
    assert stream.ssl_object is None
    assert stream.refusal() is None
    assert not stream.is_closed
    stream.close()
    assert inner.is_closed
    assert stream.is_closed
