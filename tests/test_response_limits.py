"""What a response may have beside its content: a value, and where it is looked at."""

from __future__ import annotations

import collections.abc
import contextlib
import gzip
import math
import pickle
import typing

import pytest

import httpcore
from httpcore import ResponseLimits
from httpcore.response_limits import DEFAULT_RESPONSE_LIMITS
from tests.conftest import MakeClient
from tests.dispatch.test_http11 import serving
from tests.servers.h2_server import H2Peer, H2Server, answer_all
from tests.servers.raw import RawConnection, RawServer, response

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
EMPTY = b"Content-Length: 0\r\n\r\n"
SMALL = ResponseLimits(
    max_head_bytes=2000,
    max_header_fields=5,
    max_informational=1,
    max_chunk_framing_bytes=2000,
    max_empty_frames=100,
)
LARGE = ResponseLimits(
    max_head_bytes=2**22,
    max_header_fields=5_000,
    max_informational=1_000,
    max_chunk_framing_bytes=2**22,
    max_empty_frames=100_000,
)


def test_value() -> None:
    """Immutable, comparable, hashable; its `repr` makes it anew."""
    assert ResponseLimits() == DEFAULT_RESPONSE_LIMITS != SMALL
    for limits in (SMALL, ResponseLimits(max_expansion=20)):
        assert eval(repr(limits)) == limits == pickle.loads(pickle.dumps(limits))
        assert hash(limits) == hash(eval(repr(limits)))
    with pytest.raises(AttributeError, match="immutable"):
        SMALL.max_head_bytes = 5
    assert ResponseLimits(max_expansion=math.inf).max_expansion is None


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("max_head_bytes", 1023, ValueError),
        ("max_head_bytes", None, TypeError),
        ("max_header_fields", 0, ValueError),
        ("max_header_fields", True, TypeError),
        ("max_informational", -1, ValueError),
        ("max_chunk_framing_bytes", 1e6, TypeError),
        ("max_empty_frames", 99, ValueError),
        ("max_expansion", 0.9, ValueError),
        ("max_expansion", math.nan, ValueError),
        ("max_expansion", "20", TypeError),
        ("max_expansion", True, TypeError),
    ],
)
def test_senseless_limits(name: str, value: typing.Any, error: type[Exception]) -> None:
    """They are refused when they are given; the message has the name and the value."""
    with pytest.raises(error) as caught:
        ResponseLimits(**{name: value})
    assert str(caught.value).startswith(name)
    assert repr(value) in str(caught.value)


@pytest.mark.parametrize(
    "make",
    [
        lambda limits: httpcore.Client(response_limits=limits),
        lambda limits: httpcore.Client(
            response_limits=limits,
            dispatch=httpcore.MockDispatch(lambda request: httpcore.Response(200)),
        ),
        lambda limits: httpcore.ConnectionPool(response_limits=limits),
        lambda limits: httpcore.HTTPConnection("http://h", response_limits=limits),
    ],
)
def test_no_limits(make: collections.abc.Callable[[typing.Any], object]) -> None:
    """Whoever takes them takes nothing else."""
    with pytest.raises(TypeError, match="response_limits takes ResponseLimits, not 5"):
        make(5)


def only(name: str) -> ResponseLimits:
    """One of the small limits."""
    return ResponseLimits(**{name: getattr(SMALL, name)})


# HTTP/1.1: beyond the small limits and the default ones, within the large ones.

BEYOND = {
    "max_head_bytes": OK + b"X: " + b"a" * 400_000 + b"\r\n" + EMPTY,
    "max_header_fields": OK + b"X: y\r\n" * 1500 + EMPTY,
    "max_informational": b"HTTP/1.1 103 X\r\n\r\n" * 70 + OK + EMPTY,
    "max_chunk_framing_bytes": CHUNKED + b"2;" + b"a" * 70_000 + b"\r\nok\r\n0\r\n\r\n",
}


@pytest.mark.parametrize("engine", ["h11", "httptools"])
@pytest.mark.parametrize("name", BEYOND)
async def test_http11(make_client: MakeClient, engine: typing.Any, name: str) -> None:
    """The error names the limit, and where it is higher there is none."""

    def script(connection: RawConnection) -> None:
        connection.read_request()
        try:
            connection.send(BEYOND[name])
        except ConnectionError:
            return  # it has heard enough
        connection.wait_closed()

    with serving(script) as server:
        for limits in (only(name), DEFAULT_RESPONSE_LIMITS):
            client = make_client(engine=engine, response_limits=limits)
            with pytest.raises(
                httpcore.RemoteProtocolError,
                match=f"{getattr(limits, name)}.* {name} of ResponseLimits$",
            ):
                await client.get(server.url)
        client = make_client(engine=engine, response_limits=LARGE)
        assert (await client.get(server.url)).status_code == 200


@pytest.mark.parametrize("engine", ["h11", "httptools"])
async def test_exactly_the_limit(make_client: MakeClient, engine: typing.Any) -> None:
    """A head of that size is let through with whatever follows it at once, one byte more is not."""
    for size, good in ((2000, True), (2001, False)):
        head = OK + b"Content-Length: 1500\r\nX: "
        head += b"a" * (size - len(head) - 4) + b"\r\n\r\n"
        with RawServer.replies([b"HTTP/1.1 103 X\r\n\r\n" + head + b"x" * 1500]) as server:
            client = make_client(engine=engine, response_limits=SMALL)
            if good:
                assert len((await client.get(server.url)).content) == 1500
            else:
                with pytest.raises(httpcore.RemoteProtocolError, match="max_head_bytes"):
                    await client.get(server.url)


# HTTP/2.


BEYOND_OF_HTTP2: dict[str, collections.abc.Callable[[H2Peer, int], bytes]] = {
    # Small as it comes: all but the first are references to it.
    "max_head_bytes": lambda peer, stream: peer.head(stream, 200, [("x", "v" * 3000)] * 100, True),
    "max_header_fields": lambda peer, stream: peer.head(stream, 200, [("x", "y")] * 1500, True),
    "max_informational": lambda peer, stream: (
        peer.head(stream, 103) * 70 + peer.head(stream, 200, [], True)
    ),
    "max_empty_frames": lambda peer, stream: (
        peer.ping() * 11_000 + peer.head(stream, 200, [], True)
    ),
}


@pytest.mark.parametrize("name", BEYOND_OF_HTTP2)
async def test_http2(make_client: MakeClient, name: str) -> None:
    """The same; what is wrong with one response is an error of its stream alone."""

    def script(peer: H2Peer) -> None:
        try:
            peer.send(BEYOND_OF_HTTP2[name](peer, peer.request().stream_id))
            answer_all(peer)
        except ConnectionError:
            return  # it has heard enough

    with H2Server(script) as server:
        for limits in (only(name), DEFAULT_RESPONSE_LIMITS):
            client = make_client(http2="only", response_limits=limits)
            with pytest.raises(
                httpcore.RemoteProtocolError, match=f"{name} of ResponseLimits"
            ) as caught:
                await client.get(server.url)
            assert str(getattr(limits, name)) in str(caught.value)
        client = make_client(http2="only", response_limits=LARGE)
        assert (await client.get(server.url)).status_code == 200


async def test_pool(backend: httpcore.ConcurrencyBackend) -> None:
    """A pool, and a connection, have them without a client too."""
    with RawServer.replies([OK + b"X: y\r\n" * 9 + EMPTY] * 2) as server:
        limits = ResponseLimits(max_header_fields=9)
        for make in (
            lambda: httpcore.ConnectionPool(backend=backend, response_limits=limits),
            lambda: httpcore.HTTPConnection(server.url, backend=backend, response_limits=limits),
        ):
            async with make() as dispatcher:
                with pytest.raises(httpcore.RemoteProtocolError, match="more than 9 header fi"):
                    await dispatcher.request("GET", server.url)


# What content becomes.


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("options", [{}, {"max_response_size": 10**8}])
async def test_expansion(
    make_client: MakeClient, stream: bool, options: dict[str, typing.Any]
) -> None:
    """Read or streamed, with a limit of the size or without one."""
    encoded = gzip.compress(bytes(5_000_000))
    reply = response(encoded, headers=[("Content-Encoding", "gzip")])
    ratio = 5_000_000 / len(encoded)
    with RawServer.replies([reply] * 3) as server:
        for limit, good in ((ratio + 1, True), (ratio / 2, False), (None, True)):
            client = make_client(response_limits=ResponseLimits(max_expansion=limit), **options)
            size = 0
            message = rf"more than {ratio / 2:g} times as large .*max_expansion of ResponseLimits"
            with (
                contextlib.nullcontext()
                if good
                else pytest.raises(httpcore.ResponseTooLarge, match=message)
            ):
                answer = await client.get(server.url, stream=stream)
                if stream:
                    async for piece in answer.stream():
                        size += len(piece)
                else:
                    size = len(answer.content)
            assert (size == 5_000_000) is good


async def test_expansion_of_little(make_client: MakeClient) -> None:
    """A MiB is nothing to worry about; nor is what is in no coding, or is asked for raw."""
    encoded = gzip.compress(bytes(1024 * 1024))
    reply = response(encoded, headers=[("Content-Encoding", "gzip")])
    plain = response(bytes(2_000_000), headers=[("Content-Encoding", "foo")])
    with RawServer.replies([reply, plain, response(b"ok"), reply]) as server:
        client = make_client(response_limits=ResponseLimits(max_expansion=1))
        assert len((await client.get(server.url)).content) == 1024 * 1024
        assert len((await client.get(server.url)).content) == 2_000_000
        assert (await client.get(server.url)).content == b"ok"
        answer = await client.get(server.url, stream=True)
        assert b"".join([piece async for piece in answer.raw()]) == encoded
