"""The clients through proxies: real ones, and what is chosen for whom."""

from __future__ import annotations

import hashlib
import typing

import pytest

import httpcore
from httpcore import Proxy, ProxyError
from tests.backends.kinds import refusing
from tests.conftest import MakeClient
from tests.servers.certs import Certs
from tests.servers.nginx import Nginx
from tests.servers.proxies import PASSWORD, USER, ProxyProcess
from tests.servers.raw import RawServer, response
from tests.servers.relay import connect_proxy
from tests.servers.uvicorn_server import UvicornServer
from tests.ways import pool_of


async def get_everything(client: httpcore.AsyncClient, nginx: Nginx) -> None:
    """A file from each server, twice, and an upload."""
    for base, protocol in (
        (nginx.url, "HTTP/1.1"),
        (nginx.tls1_url, "HTTP/1.1"),
        (nginx.tls_url, "HTTP/2"),
    ):
        for _ in range(2):
            answer = await client.get(f"{base}/100k.bin")
            assert answer.content == nginx.file("100k.bin")
        assert answer.protocol == protocol
        assert (await client.post(f"{base}/upload", content=b"x" * 300_000)).status_code == 200


async def test_tinyproxy(
    make_client: MakeClient, tinyproxy: ProxyProcess, nginx: Nginx, certs: Certs
) -> None:
    """http is forwarded; https goes through a tunnel, with HTTP/2 where the origin has it."""
    # It closes what it has forwarded without having said so: a POST may come too late for that.
    limits = httpcore.PoolLimits(soft_limit=0)
    client = make_client(ssl=str(certs.ca), proxies=tinyproxy.url("http"), pool_limits=limits)
    await get_everything(client, nginx)
    assert len(pool_of(client).active_connections) == 0


async def test_px3_digest(
    make_client: MakeClient, squid: ProxyProcess, nginx: Nginx, certs: Certs
) -> None:
    """Squid's 407 is answered by Digest, for what it forwards and for tunnels."""
    proxy = Proxy(f"http://{squid.address}", auth=httpcore.DigestAuth(USER, PASSWORD))
    client = make_client(ssl=str(certs.ca), proxies=proxy)
    await get_everything(client, nginx)
    wrong = Proxy(f"http://{squid.address}", auth=httpcore.DigestAuth(USER, "wrong"))
    client = make_client(ssl=str(certs.ca), proxies=wrong)
    for url in (nginx.url, nginx.tls_url):
        with pytest.raises(ProxyError, match="answered 407"):
            await client.get(url)


async def test_px3_whatever_is_asked_for(
    make_client: MakeClient,
    squid: ProxyProcess,
    tinyproxy: ProxyProcess,
    nginx: Nginx,
    certs: Certs,
) -> None:
    """Squid asks for Digest, Tinyproxy for Basic, of what they forward and of tunnels."""
    for server in (squid, tinyproxy):
        proxy = Proxy(f"http://{server.address}", auth=httpcore.PasswordAuth(USER, PASSWORD))
        client = make_client(ssl=str(certs.ca), proxies=proxy)
        await get_everything(client, nginx)
        wrong = Proxy(f"http://{server.address}", auth=httpcore.PasswordAuth(USER, "wrong"))
        client = make_client(ssl=str(certs.ca), proxies=wrong)
        with pytest.raises(ProxyError, match=r"answered 40[17]"):
            await client.get(nginx.tls_url)


async def test_digest_takes_one_round_from_then_on(make_client: MakeClient) -> None:
    """The nonce that worked is used again, whatever the origin, and numbered."""
    challenge = 'Digest realm="r", nonce="n", qop="auth"'
    demand = response(b"", "407 Who", [("Proxy-Authenticate", challenge)])
    with RawServer.replies([demand, *[response(b"ok")] * 3]) as server:
        proxy = Proxy(server.url, auth=httpcore.DigestAuth(USER, PASSWORD))
        client = make_client(proxies=proxy)
        for origin in ("http://a.example/x?y", "http://a.example/", "http://b.example/"):
            await client.get(origin, headers={"Authorization": "Bearer o"})
        sent = [request.header("Proxy-Authorization") for request in server.requests]
        assert [request.header("Authorization") for request in server.requests] == ["Bearer o"] * 4
    assert sent[0] is None
    assert 'uri="http://a.example/x?y"' in str(sent[1])
    numbers = [str(value).partition("nc=")[2][:8] for value in sent[1:]]
    assert numbers == ["00000001", "00000002", "00000003"]


@pytest.mark.parametrize("scheme", ["socks5", "socks5h"])
async def test_microsocks(
    make_client: MakeClient, microsocks: ProxyProcess, nginx: Nginx, certs: Certs, scheme: str
) -> None:
    """By SOCKS5 everything goes through tunnels."""
    client = make_client(ssl=str(certs.ca), proxies=microsocks.url(scheme))
    await get_everything(client, nginx)
    assert len(pool_of(client).keepalive_connections) == 3


async def test_wrong_password(
    make_client: MakeClient, tinyproxy: ProxyProcess, microsocks: ProxyProcess
) -> None:
    """Each proxy says no in its own way; the error names the proxy."""
    for scheme, proxy in (("http", tinyproxy), ("socks5h", microsocks)):
        for credentials in ("", "user:wrong@"):
            url = f"{scheme}://{credentials}{proxy.address}"
            client = make_client(proxies=url)
            with pytest.raises(ProxyError, match=f"example.org:443 through proxy {proxy.address}"):
                await client.get("https://example.org")
            assert pool_of(client).active_connections == []


async def test_origin_that_is_not_there(
    make_client: MakeClient, tinyproxy: ProxyProcess, microsocks: ProxyProcess
) -> None:
    """The proxy's answer says why."""
    with refusing() as address:
        url = f"https://{address}"
        with pytest.raises(ProxyError, match="answered 5"):
            await make_client(proxies=tinyproxy.url("http")).get(url)
        with pytest.raises(ProxyError, match="refuses the connection"):
            await make_client(proxies=microsocks.url("socks5h")).get(url)


async def test_environment(
    make_client: MakeClient,
    monkeypatch: pytest.MonkeyPatch,
    tinyproxy: ProxyProcess,
    app_server: UvicornServer,
    app_tls_server: UvicornServer,
    certs: Certs,
) -> None:
    """The variables count for both schemes, unless trust_env or `proxies=` says otherwise."""
    monkeypatch.setenv("http_proxy", tinyproxy.url("http"))
    monkeypatch.setenv("HTTPS_PROXY", tinyproxy.url("http").removeprefix("http://"))
    client = make_client(ssl=str(certs.ca))
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")  # it is read when a client is made
    headers = (await client.get(f"{app_server.url}/echo")).json()["headers"]
    assert "tinyproxy" in str(headers).lower()  # in Via
    assert "proxy-authorization" not in str(headers).lower()
    assert (await client.get(app_tls_server.url)).status_code == 200
    (tunnel, *_) = [c for c in pool_of(client).keepalive_connections if c.origin.is_ssl]
    assert tunnel.route is not None
    choices: list[dict[str, typing.Any]]
    choices = [{"trust_env": False}, {"trust_env": {"ca"}}, {"proxies": {}}]
    for options in choices:
        direct = make_client(**options)
        headers = (await direct.get(f"{app_server.url}/echo")).json()["headers"]
        assert "tinyproxy" not in str(headers).lower()


async def test_px4_credentials_along_redirects(
    make_client: MakeClient, certs: Certs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From a forwarded hop to a tunnel to a NO_PROXY host: only the proxy gets its credentials."""
    with (
        RawServer.replies([response(b"end")], host="127.0.0.2") as direct,
        RawServer.replies(
            [response(b"", "302 Found", [("Location", f"{direct.url}/3")])],
            tls=certs.server.server_context(),
        ) as tls,
        RawServer(lambda connection: serve_proxy(connection, f"{tls.url}/2")) as proxy,
    ):
        monkeypatch.setenv("ALL_PROXY", f"http://user:pass@127.0.0.1:{proxy.port}")
        monkeypatch.setenv("NO_PROXY", "127.0.0.2")
        client = make_client(ssl=str(certs.ca), headers={"Proxy-Authorization": "Basic eA=="})
        answer = await client.get(
            "http://example.org/1", headers={"Authorization": "Bearer o", "Cookie": "a=b"}
        )
        assert answer.content == b"end"
        assert [hop.url for hop in (*answer.history, answer)] == [
            "http://example.org/1",
            f"{tls.url}/2",
            f"{direct.url}/3",
        ]
        assert "Proxy-Authorization" not in answer.request.headers
        forwarded, connect = proxy.requests
    assert forwarded.header("Proxy-Authorization") == "Basic dXNlcjpwYXNz"
    assert forwarded.header("Authorization") == "Bearer o"
    assert connect.header("Proxy-Authorization") == "Basic dXNlcjpwYXNz"
    assert connect.header("Authorization") is None
    assert connect.header("Cookie") is None
    for request in (*tls.requests, *direct.requests):
        assert request.header("Proxy-Authorization") is None


def serve_proxy(connection: typing.Any, location: str) -> None:
    """Answer a forwarded request with a redirect; make a tunnel on the next connection."""
    if connection._server.requests:
        connect_proxy(connection)
    else:
        connection.read_request()
        connection.send(response(b"", "302 Found", [("Location", location)]))


async def test_choice_by_callable_and_mapping(make_client: MakeClient) -> None:
    """A callable sees each URL; a mapping chooses by scheme and host."""
    seen: list[str] = []

    def choose(url: httpcore.URL) -> str | None:
        seen.append(str(url))
        return None if url.path == "/direct" else proxy.url

    with (
        RawServer.replies([response(b"proxy")] * 2) as proxy,
        RawServer.replies([response(b"origin")] * 2) as origin,
    ):
        client = make_client(proxies=choose)
        assert (await client.get(f"{origin.url}/direct")).content == b"origin"
        assert (await client.get(f"{origin.url}/proxied?a=1")).content == b"proxy"
        assert seen == [f"{origin.url}/direct", f"{origin.url}/proxied?a=1"]
        client = make_client(proxies={"http": Proxy(proxy.url), "all://127.0.0.1": None})
        assert (await client.get(origin.url)).content == b"origin"
        assert (await client.get("http://example.org")).content == b"proxy"


async def test_px9_bad_variable(make_client: MakeClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """It fails the requests that it would count for, and no others."""
    monkeypatch.setenv("HTTPS_PROXY", "foo://user:hush@x")
    with RawServer.replies([response(b"ok")]) as server:
        client = make_client()
        assert (await client.get(server.url)).content == b"ok"
        with pytest.raises(ProxyError, match="HTTPS_PROXY") as caught:
            await client.get("https://example.org/a")
        assert caught.value.request.url == "https://example.org/a"
        assert "hush" not in str(caught.value)


async def test_large_download_over_tls_in_tls(
    make_client: MakeClient, nginx: Nginx, certs: Certs
) -> None:
    """A megabyte comes whole through TLS in TLS, by HTTP/2."""
    with RawServer(connect_proxy, tls=certs.server.server_context()) as proxy:
        client = make_client(
            ssl=str(certs.ca), proxies=Proxy(proxy.url, ssl=str(certs.ca)), timeout=20
        )
        answer = await client.get(f"{nginx.tls_url}/1m.json")
        assert answer.protocol == "HTTP/2"
        digest = hashlib.sha256(answer.content).digest()
        assert digest == hashlib.sha256(nginx.json_text.encode()).digest()
