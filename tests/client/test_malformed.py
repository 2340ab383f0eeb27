"""Whatever is wrong with a response: that connection is closed, nothing leaks, the client works on.

What becomes of each of these bytes is checked in `tests/wire`; here it is what a user is left with.
"""

from __future__ import annotations

import typing

import pytest

import httpcore
from tests.conftest import MakeClient
from tests.dispatch.test_http11 import good, serving
from tests.servers.raw import RawConnection
from tests.ways import pool_of

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"

MALFORMED = {
    "FR2 two lengths": OK + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
    "FR3 length": OK + b"Content-Length: +5\r\n\r\nhello",
    "FR4 coding": OK + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "FR6 chunk size": CHUNKED + b"zz\r\nhello\r\n0\r\n\r\n",
    "FR7 chunk end": CHUNKED + b"5\r\nhelloXX0\r\n\r\n",
    "FR9 extension": CHUNKED + b"5;" + b"a" * 200_000,
    "FR9 framing": CHUNKED + (b"1;" + b"a" * 4096 + b"\r\nx\r\n") * 100,
    "FR10 trailers": CHUNKED + b"0\r\n" + b"X: y\r\n" * 50_000,
    "HD2 HTML": b"<html><body>hello</body></html>\r\n\r\n",
    "HD2 HTTP/2.0": b"HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n",
    "HD3 code": b"HTTP/1.1 2000 OK\r\n\r\n",
    "HD4 bytes": OK + b"X: " + b"a" * 300_000,
    "HD4 fields": OK + b"X: y\r\n" * 1001 + b"Content-Length: 0\r\n\r\n",
    "HD7 control": OK + b"X: a\x00b\r\nContent-Length: 0\r\n\r\n",
    "HD8 name": OK + b"X Y: a\r\nContent-Length: 0\r\n\r\n",
    "HD12 1xx": b"HTTP/1.1 103 X\r\n\r\n" * 65 + OK + b"Content-Length: 0\r\n\r\n",
    "HD12 101": b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n",
}


@pytest.mark.parametrize("engine", ["h11", "httptools"])
@pytest.mark.parametrize("name", MALFORMED)
async def test_the_client_works_on(make_client: MakeClient, engine: typing.Any, name: str) -> None:
    """RemoteProtocolError that names the server; with one connection allowed, the next works."""

    def script(connection: RawConnection) -> None:
        connection.read_request()
        try:
            connection.send(MALFORMED[name])
        except ConnectionError:
            return  # it has heard enough
        assert connection.wait_closed()

    with serving(script, good) as server:
        client = make_client(engine=engine, pool_limits=httpcore.PoolLimits(hard_limit=1))
        peer = server.url.removeprefix("http://")
        with pytest.raises(httpcore.RemoteProtocolError, match=f"^{peer} ") as caught:
            await client.get(server.url)
        assert caught.value.request.url == server.url
        assert pool_of(client).active_connections == []
        assert pool_of(client).keepalive_connections == []
        assert server.connections[0].peer_closed.wait(5)
        assert (await client.get(server.url)).content == b"ok"
        assert len(server.connections) == 2
