"""What keeps a client from doing harm: https alone, and a bound on what it takes."""

from __future__ import annotations

import gzip
import typing

import pytest

import httpcore
from httpcore import InvalidURL, MockDispatch, ResponseTooLarge
from tests.conftest import MakeClient
from tests.memory import holding_less_than
from tests.servers.certs import Certs
from tests.servers.raw import RawConnection, RawServer, response

# https_only.


async def test_https_only(make_client: MakeClient) -> None:
    """A request to an http URL is refused before anybody is connected to."""
    with RawServer.replies([]) as server:
        client = make_client(https_only=True)
        with pytest.raises(InvalidURL) as caught:
            await client.post(f"{server.url}/a?token=x", content=b"secret")
        assert str(caught.value).startswith(f"POST {server.url}/a?token=")
        assert "it is not https, and this client has https_only=True" in str(caught.value)
        assert caught.value.request is not None
        assert server.connections == []


async def test_https_only_redirect(make_client: MakeClient, certs: Certs) -> None:
    """So is one that a redirect, or `next()`, leads to."""
    with RawServer.replies([]) as plain:
        moved = (
            b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\n"
            b"Location: " + plain.url.encode() + b"/b\r\n\r\n"
        )
        tls = certs.server.server_context()
        with RawServer.replies([response(b"ok"), moved, moved], tls=tls) as server:
            client = make_client(https_only=True, ssl=str(certs.ca))
            url = server.url.replace("127.0.0.1", "localhost")
            assert (await client.get(url)).content == b"ok"
            with pytest.raises(InvalidURL, match=f"GET {plain.url}/b was not sent") as caught:
                await client.get(url)
            assert typing.cast("httpcore.Request", caught.value.request).url == f"{plain.url}/b"
            stopped = await client.get(url, allow_redirects=False)
            with pytest.raises(InvalidURL, match="https_only"):
                await stopped.next()
        assert plain.connections == []


async def test_https_only_auth_flow(make_client: MakeClient) -> None:
    """An `Auth` does not lead around it either."""

    class Elsewhere(httpcore.Auth):
        def flow(self, request: httpcore.Request) -> typing.Any:
            yield httpcore.Request("GET", "http://127.0.0.1:9/token")

    client = make_client(https_only=True)
    with pytest.raises(InvalidURL, match=r"GET http://127\.0\.0\.1:9/token was not sent"):
        await client.get("https://example.org/", auth=Elsewhere())


# max_response_size.


def endless(headers: bytes = b"Transfer-Encoding: chunked\r\n") -> RawServer:
    """A server whose bodies do not end."""

    def handler(connection: RawConnection) -> None:
        connection.read_request()
        connection.send(b"HTTP/1.1 200 OK\r\n" + headers + b"\r\n")
        while True:
            connection.send(b"2710\r\n" + bytes(10_000) + b"\r\n")

    return RawServer(handler)


async def test_en5_read_with_a_limit(make_client: MakeClient) -> None:
    """The error names the limit, the URL and the way out."""
    with endless() as server:
        client = make_client(max_response_size=100_000)
        with pytest.raises(ResponseTooLarge) as caught:
            await client.get(f"{server.url}/big")
        message = str(caught.value)
        assert "larger than 100000 bytes (max_response_size); give the client a higher" in message
        assert f"{server.url}/big" in message
        assert caught.value.response is not None
        assert caught.value.request is not None


async def test_exactly_the_limit(make_client: MakeClient) -> None:
    """It is not over it; one byte more is."""
    with RawServer.replies([response(b"12345"), response(b"123456"), response(b"")]) as server:
        client = make_client(max_response_size=5)
        assert (await client.get(server.url)).content == b"12345"
        with pytest.raises(ResponseTooLarge):
            await client.get(server.url)
        client.max_response_size = 0
        assert (await client.get(server.url)).content == b""


READERS: dict[str, typing.Any] = {
    "stream": lambda answer: answer.stream(),
    "raw": lambda answer: answer.raw(),
    "text": lambda answer: answer.stream_text(),
    "lines": lambda answer: answer.lines(),
    "chunks": lambda answer: answer.stream(1000),
    "raw chunks": lambda answer: answer.raw(1000),
}


@pytest.mark.parametrize("reader", READERS)
async def test_streamed(make_client: MakeClient, reader: str) -> None:
    """However it is read: what is within the limit comes, then the error."""
    with endless() as server:
        client = make_client(max_response_size=100_000)
        answer = await client.get(server.url, stream=True)
        size = 0
        with pytest.raises(ResponseTooLarge, match="max_response_size") as caught:
            async for piece in READERS[reader](answer):
                size += len(piece)
        assert size <= 100_000
        assert size > 0 or reader == "lines"
        assert caught.value.response is not None


async def test_declared_size(make_client: MakeClient) -> None:
    """A body that is said to be larger is not waited for; of HEAD that says nothing."""

    def handler(connection: RawConnection) -> None:
        head = connection.read_request()
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
        if head.method == "GET":
            connection.send(b"x")
        connection.wait_closed()

    with RawServer(handler) as server:
        client = make_client(max_response_size=1000)
        with pytest.raises(ResponseTooLarge):
            await client.get(server.url)
        assert (await client.head(server.url)).content == b""


async def test_a_body_that_expands(make_client: MakeClient) -> None:
    """What counts is decoded, and memory stays near the limit."""
    bomb = gzip.compress(bytes(100_000_000))
    reply = response(bomb, headers=[("Content-Encoding", "gzip")])
    with RawServer.replies([reply, reply]) as server:
        client = make_client(max_response_size=1_000_000)
        with holding_less_than(20_000_000), pytest.raises(ResponseTooLarge):
            await client.get(server.url)
        client.max_response_size = None
        assert len((await client.get(server.url)).content) == 100_000_000


async def test_a_coding_that_is_cut_short(make_client: MakeClient) -> None:
    """That is told as it is without a limit."""
    reply = response(gzip.compress(b"hello")[:-4], headers=[("Content-Encoding", "gzip")])
    client = make_client(max_response_size=100)
    with RawServer.replies([reply]) as server, pytest.raises(httpcore.DecodingError, match="short"):
        await client.get(server.url)


async def test_dispatchers_of_ones_own(make_client: MakeClient) -> None:
    """A response that is in memory is measured as well."""
    big = MockDispatch(lambda request: httpcore.Response(200, content=b"123456"))
    with pytest.raises(ResponseTooLarge, match="larger than 5 bytes"):
        await make_client(dispatch=big, max_response_size=5).get("http://example.org/")
    assert (await make_client(dispatch=big, max_response_size=6).get("http://a/")).text == "123456"


@pytest.mark.parametrize("size", [-1, 1.5, True, "1 MB"])
def test_what_max_response_size_does_not_take(size: typing.Any) -> None:
    """It is a number of bytes; zero allows empty bodies alone."""
    with pytest.raises(ValueError, match="max_response_size takes a number of bytes or None"):
        httpcore.Client(max_response_size=size)
