"""Requests that a proxy is handed: how they look, and who gets which credentials."""

from __future__ import annotations

import typing

import pytest

import httpcore
from httpcore import ConnectionPool, HTTPConnection, Proxy, ProxyError
from httpcore.backends.base import ConcurrencyBackend
from tests.dispatch.test_tunnel import DEMAND, Challenged
from tests.servers.certs import Certs
from tests.servers.raw import RawServer, response

OK = response(b"ok")


@pytest.mark.parametrize("tls", [False, True])
async def test_absolute_form(backend: ConcurrencyBackend, certs: Certs, tls: bool) -> None:
    """The proxy gets the whole URL, its own fields and credentials; TLS goes as far as to it."""
    context = certs.server.server_context(["h2", "http/1.1"]) if tls else None
    with RawServer.replies([OK, OK], tls=context) as server:
        proxy = Proxy(
            server.url,
            auth=("user", "pass"),
            headers={"X-Team": "a"},
            ssl=str(certs.ca) if tls else None,
        )
        async with HTTPConnection("http://example.org:81", proxy=proxy, backend=backend) as to:
            answer = await to.request(
                "POST",
                "http://u:p@example.org:81/a%2Fb?x=%20",
                content=b"body",
                headers={"Authorization": "Bearer o"},
            )
            assert (answer.content, answer.protocol) == (b"ok", "HTTP/1.1")
            request = httpcore.Request("OPTIONS", "http://example.org:81", target="*")
            await to.send(request)
            assert to.stream is not None
            assert to.stream.peer == f"proxy 127.0.0.1:{server.port}"
        first, second = server.requests
    assert (first.target, first.body) == ("http://example.org:81/a%2Fb?x=%20", b"body")
    assert second.target == "http://example.org:81"
    assert first.header("Host") == "example.org:81"
    assert first.header("X-Team") == "a"
    assert first.header("Authorization") == "Bearer o"
    assert first.header("Proxy-Authorization") == "Basic dXNlcjpwYXNz"
    # The request that the caller sees is the one that was made.
    assert answer.request is not None
    assert "Proxy-Authorization" not in answer.request.headers
    assert answer.request.target == b"/a%2Fb?x=%20"


async def test_ipv6_zone(backend: ConcurrencyBackend) -> None:
    """The zone of an IPv6 address is not for the proxy."""
    with RawServer.replies([OK]) as server:
        url = "http://[fe80::1%25eth0]/x"
        async with HTTPConnection(url, proxy=server.url, backend=backend) as connection:
            assert (await connection.request("GET", url)).content == b"ok"
        assert server.requests[0].target == "http://[fe80::1]/x"


@pytest.mark.parametrize("kept", [True, False])
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_px3_407_is_answered(backend: ConcurrencyBackend, kept: bool, method: str) -> None:
    """Once, over the same connection, or over a new one if the proxy closes that."""
    demand = response(b"who?", "407 Who", DEMAND if kept else [*DEMAND, ("Connection", "close")])
    content = b"body" if method == "POST" else None
    with RawServer.replies([demand, OK], close=not kept) as server:
        proxy = Proxy(server.url, auth=Challenged())
        async with ConnectionPool(proxies=proxy, backend=backend) as pool:
            answer = await pool.request(
                method, "http://h/", content=content, headers={"Authorization": "Bearer o"}
            )
            assert answer.content == b"ok"
            assert len(pool.active_connections) == 0
        first, second = server.requests
        assert len(server.connections) == (1 if kept else 2)
    assert first.header("Proxy-Authorization") is None
    assert second.header("Proxy-Authorization") == f"Test 0 {method}"
    assert first.header("Authorization") == second.header("Authorization") == "Bearer o"
    assert first.body == second.body == (content or b"")


@pytest.mark.parametrize("auth", [None, ("user", "wrong"), Challenged()])
async def test_px3_407_in_the_end(backend: ConcurrencyBackend, auth: typing.Any) -> None:
    """A proxy that is not content is a ProxyError; such an answer comes from no origin."""
    demand = response(
        b"gone", "407 Who \xfc", [("Content-Encoding", "gzip"), ("Proxy-Authenticate", "Test")]
    )
    with RawServer.replies([demand] * 3) as server:
        async with ConnectionPool(proxies=Proxy(server.url, auth=auth), backend=backend) as pool:
            with pytest.raises(ProxyError) as caught:
                await pool.request("GET", "http://example.org/?token=hush")
            assert len(pool.keepalive_connections) == 1
        assert len(server.requests) == (3 if isinstance(auth, Challenged) else 1)
    error = caught.value
    assert str(error) == (
        f"GET http://example.org/?token=[secure] through proxy 127.0.0.1:{server.port} failed: the "
        r"proxy answered 407 Who \xfc; is its user and password right? "
        "Proxy(url, auth=(user, password))"
    )
    assert error.request.url.host == "example.org"
    assert error.response.headers["Proxy-Authenticate"] == "Test"


async def test_body_that_cannot_be_sent_again(backend: ConcurrencyBackend) -> None:
    """An iterator that is used up ends it with an error that says so."""
    with RawServer.replies([response(b"", "407 Who", DEMAND)]) as server:
        proxy = Proxy(server.url, auth=Challenged())
        async with ConnectionPool(proxies=proxy, backend=backend) as pool:
            with pytest.raises(httpcore.RedirectBodyUnavailable, match="demands credentials"):
                await pool.request("POST", "http://h/", content=iter([b"a", b"b"]))
            assert pool.active_connections == []


async def test_auth_that_fails(backend: ConcurrencyBackend) -> None:
    """What an Auth raises comes out, and the connection is kept."""

    class Failing(httpcore.Auth):
        def flow(self, request: httpcore.Request) -> typing.Any:
            yield request
            raise ZeroDivisionError

    with RawServer.replies([response(b"", "407 Who", DEMAND)]) as server:
        proxy = Proxy(server.url, auth=Failing())
        async with ConnectionPool(proxies=proxy, backend=backend) as pool:
            with pytest.raises(ZeroDivisionError):
                await pool.request("GET", "http://h/")
            assert len(pool.keepalive_connections) == 1


@pytest.mark.parametrize("qop", ["auth", "auth-int"])
async def test_digest(backend: ConcurrencyBackend, qop: str) -> None:
    """Digest answers a proxy for the target that it is sent; later requests go along at once."""
    challenge = f'Digest realm="a", nonce="b", qop="{qop}"'
    demand = response(b"", "407 Who", [("Proxy-Authenticate", challenge)])
    with RawServer.replies([demand, OK, OK]) as server:
        proxy = Proxy(server.url, auth=httpcore.DigestAuth("user", "pass"))
        async with ConnectionPool(proxies=proxy, backend=backend) as pool:
            for _ in range(2):
                answer = await pool.request("POST", "http://h/a?b", content=b"body")
                assert answer.content == b"ok"
        first, *others = [request.header("Proxy-Authorization") for request in server.requests]
    assert first is None
    assert ['uri="http://h/a?b"' in str(value) for value in others] == [True, True]
    assert ["nc=00000001" in str(value) for value in others] == [True, False]


async def test_bearer(backend: ConcurrencyBackend) -> None:
    """A token that has to be fetched is fetched, and again after a 407."""
    demand = response(b"", "407 Who", [("Proxy-Authenticate", "Bearer")])
    tokens = iter("ab")

    async def source() -> str:
        return next(tokens, "")

    with RawServer.replies([demand, OK]) as server:
        proxy = Proxy(server.url, auth=httpcore.BearerAuth(source))
        async with ConnectionPool(proxies=proxy, backend=backend) as pool:
            assert (await pool.request("GET", "http://h/")).content == b"ok"
        authorizations = [request.header("Proxy-Authorization") for request in server.requests]
    assert authorizations == ["Bearer a", "Bearer b"]


async def test_origin_that_says_407(backend: ConcurrencyBackend) -> None:
    """Without a proxy in between it is a response like any other."""
    with RawServer.replies([response(b"", "407 Who")]) as server:
        async with ConnectionPool(backend=backend) as pool:
            assert (await pool.request("GET", server.url)).status_code == 407


async def test_px4_past_the_proxy(backend: ConcurrencyBackend) -> None:
    """What a request has for a proxy does not go to an origin that no proxy is chosen for."""
    with RawServer.replies([OK, OK]) as server:
        async with ConnectionPool(proxies=lambda url: None, backend=backend) as pool:
            for headers in ({"Proxy-Authorization": "Basic x"}, {}):
                answer = await pool.request("GET", server.url, headers=headers)
                assert answer.content == b"ok"
                assert answer.request.headers.get("Proxy-Authorization") == headers.get(
                    "Proxy-Authorization"
                )
        assert [r.header("Proxy-Authorization") for r in server.requests] == [None, None]
