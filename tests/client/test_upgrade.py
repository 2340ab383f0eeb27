"""101 Switching Protocols (RFC 9110 §7.8): the response is a stream in both directions."""

from __future__ import annotations

import threading

import pytest

import httpcore
from tests.conftest import MakeClient
from tests.servers.raw import RawConnection, RawServer, response
from tests.ways import pool_of

SWITCHED = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n"
ASKED = {"Connection": "Upgrade", "Upgrade": "echo"}


def echo(connection: RawConnection) -> None:
    """Switches, says something at once, then answers each piece with itself in capitals."""
    connection.read_request()
    connection.send(SWITCHED + b"first words")
    while data := connection.receive():
        connection.send(data.upper())


@pytest.mark.parametrize("engine", ["h11", "httptools"])
@pytest.mark.parametrize("stream", [False, True])
async def test_both_directions(make_client: MakeClient, engine: str, stream: bool) -> None:
    """What comes right behind the head is not lost, and what is written is sent at once."""
    with RawServer(echo) as server:
        client = make_client(engine=engine)
        answer = await client.get(server.url, headers=ASKED, stream=stream)
        assert (answer.status_code, answer.reason_phrase) == (101, "Switching Protocols")
        assert answer.headers["Upgrade"] == "echo"
        pieces = aiter(answer.raw())
        assert await anext(pieces) == b"first words"
        for word in (b"one", b"two"):
            await answer.write(word)
            assert await anext(pieces) == word.upper()
        assert len(pool_of(client).active_connections) == 1
        await answer.close()
        with pytest.raises(httpcore.ResponseClosed):
            await answer.write(b"three")
        assert pool_of(client).active_connections == []


async def test_by_a_dispatcher_alone(make_client: MakeClient) -> None:
    """A pool that is asked for the whole response does not wait for the end of another protocol."""
    with RawServer(echo) as server:
        pool = pool_of(make_client())
        answer = await pool.send(httpcore.Request("GET", server.url, headers=ASKED))
        assert answer.status_code == 101
        await answer._body.aclose()


async def test_the_server_ends_it(make_client: MakeClient) -> None:
    """The end is the end of the iterator; nothing can be written behind it."""

    def serve(connection: RawConnection) -> None:
        connection.read_request()
        connection.send(SWITCHED + b"bye")

    with RawServer(serve) as server:
        client = make_client()
        answer = await client.get(server.url, headers=ASKED)
        assert [piece async for piece in answer.raw()] == [b"bye"]
        with pytest.raises(httpcore.ResponseClosed):
            await answer.write(b"late")
        assert pool_of(client).active_connections == []


async def test_a_write_that_fails(make_client: MakeClient) -> None:
    """WriteError, and the connection is given back, once."""
    gone = threading.Event()

    def serve(connection: RawConnection) -> None:
        connection.read_request()
        connection.send(SWITCHED)
        connection.reset()
        gone.set()

    with RawServer(serve) as server:
        client = make_client()
        answer = await client.get(server.url, headers=ASKED)
        gone.wait(5)
        with pytest.raises(httpcore.WriteError) as caught:
            for _ in range(100):
                await answer.write(b"x" * 100_000)
        assert caught.value.request is answer.request
        assert pool_of(client).active_connections == []
        with pytest.raises(httpcore.RequestException):
            await answer.write(b"again")


async def test_closing_the_client(make_client: MakeClient) -> None:
    """A write says that the client was closed."""
    with RawServer(echo) as server:
        client = make_client()
        answer = await client.get(server.url, headers=ASKED)
        await client.close()
        with pytest.raises(httpcore.NetworkError, match="client was closed"):
            await answer.write(b"x")


async def test_hd12_not_asked_for(make_client: MakeClient) -> None:
    """101 is an error for a request that has not asked for it, in full."""
    for headers in ({}, {"Upgrade": "echo", "Connection": "keep-alive"}, {"Connection": "upgrade"}):
        client = make_client()
        with (
            RawServer.replies([SWITCHED]) as server,
            pytest.raises(httpcore.RemoteProtocolError, match="101"),
        ):
            await client.get(server.url, headers=headers)


async def test_refused(make_client: MakeClient) -> None:
    """A server need not switch; then its answer is one like any other."""
    with RawServer.replies([response(b"no")] * 2) as server:
        client = make_client()
        answer = await client.get(server.url, headers=ASKED)
        assert answer.content == b"no"
        with pytest.raises(httpcore.StreamException, match="switched to another protocol"):
            await answer.write(b"x")
        assert (await client.get(server.url)).content == b"no"


def test_a_response_built_by_hand() -> None:
    """It has nothing to write to."""
    with pytest.raises(httpcore.StreamException, match="switched"):
        httpcore.Response(101).write(b"x")


def test_two_threads() -> None:
    """One reads while the other one writes."""
    got: list[bytes] = []
    with RawServer(echo) as server, httpcore.Client() as client:
        answer = client.get(server.url, headers=ASKED)

        def read() -> None:
            received = b""
            for piece in answer.raw():
                received += piece
                if received.endswith(b"Z"):
                    break
            got.append(received)

        reader = threading.Thread(target=read)
        reader.start()
        for word in (b"a" * 1000, b"b" * 100_000, b"z"):
            answer.write(word)
        reader.join(10)
        answer.close()
    assert got[0] == b"first words" + b"A" * 1000 + b"B" * 100_000 + b"Z"
