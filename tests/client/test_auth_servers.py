"""Authentication against servers that others wrote: httpbin, Flask-HTTPAuth, nginx."""

from __future__ import annotations

import concurrent.futures
import typing

import pytest

import httpcore
from httpcore import BasicAuth, BearerAuth, DigestAuth, PasswordAuth
from tests.conftest import MakeClient
from tests.servers.nginx import Nginx
from tests.servers.wsgi_server import HttpbinServer


@pytest.mark.parametrize("kind", ["basic-auth", "hidden-basic-auth"])
async def test_httpbin_basic(make_client: MakeClient, httpbin: HttpbinServer, kind: str) -> None:
    """By object, and by the credentials of the URL."""
    client = make_client()
    let_in = {"authenticated": True, "user": "us er"}
    url = f"{httpbin.url}/{kind}/us%20er/p:w%C3%BC"
    assert (await client.get(url, auth=("us er", "p:w\u00fc"))).json() == let_in
    assert (await client.get(url.replace("://", "://us%20er:p%3Aw%C3%BC@"))).json() == let_in
    assert (await client.get(url, auth=("us er", "other"))).status_code in (401, 404)
    assert (await client.get(url)).status_code in (401, 404)


@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256"])
@pytest.mark.parametrize("qop", ["auth", "auth-int", "none"])
async def test_httpbin_digest(
    make_client: MakeClient, httpbin: HttpbinServer, qop: str, algorithm: str
) -> None:
    """The first request in two rounds, the second in one; a wrong password in two."""
    rounds: list[int] = []

    class Counting(DigestAuth):
        def flow(self, request, *args):
            rounds.append(0)
            flow = super().flow(request, *args)
            step = next(flow)
            while True:
                rounds[-1] += isinstance(step, httpcore.Request)
                try:
                    step = flow.send((yield step))
                except StopIteration:
                    return

    client = make_client(auth=Counting("user", "secret"))
    # No escapes: it hashes its own idea of the path, not the request target.
    url = f"{httpbin.url}/digest-auth/{qop}/user/secret/{algorithm}"
    for _ in range(2):
        assert (await client.get(url)).json() == {"authenticated": True, "user": "user"}
    assert (await client.get(url, auth=Counting("user", "other"))).status_code == 401
    assert rounds == [2, 1, 2]


async def test_cookies_of_a_challenge(make_client: MakeClient, httpbin: HttpbinServer) -> None:
    """What the 401 sets is sent in the next round."""
    client = make_client(auth=DigestAuth("user", "secret"))
    answer = await client.get(f"{httpbin.url}/digest-auth/auth/user/secret")
    assert answer.status_code == 200
    assert "fake=fake_value" in answer.request.headers["Cookie"]


async def test_httpbin_bearer(make_client: MakeClient, httpbin: HttpbinServer) -> None:
    """A token of one's own, and one that is fetched."""
    client = make_client()
    url = f"{httpbin.url}/bearer"
    assert (await client.get(url)).status_code == 401
    assert (await client.get(url, auth=BearerAuth("abc"))).json()["token"] == "abc"

    async def source() -> str:
        return str((await client.get(f"{httpbin.url}/uuid")).json()["uuid"])

    auth = BearerAuth(source)
    first = (await client.get(url, auth=auth)).json()["token"]
    assert (await client.get(url, auth=auth)).json()["token"] == first


@pytest.mark.parametrize("algorithm", ["md5", "md5-sess"])
async def test_flask_digest(
    make_client: MakeClient, httpbin: HttpbinServer, algorithm: str
) -> None:
    """A second implementation, with quotes in its realm."""
    client = make_client(auth=DigestAuth("user", "pass word"))
    url = f"{httpbin.url}/flask/{algorithm}?a=%20b"
    for _ in range(3):
        assert (await client.get(url)).text == "Hello, user"
    assert (await client.get(url, auth=DigestAuth("user", "other"))).status_code == 401
    assert (await client.get(url, auth=None)).status_code == 401


def test_cr11_one_auth_in_many_threads(httpbin: HttpbinServer) -> None:
    """Eight threads, one client, one DigestAuth: everybody gets in."""
    with httpcore.Client(auth=DigestAuth("user", "pass word"), timeout=20) as client:

        def work() -> list[int]:
            return [client.get(f"{httpbin.url}/flask/md5").status_code for _ in range(5)]

        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            results = [future.result() for future in [pool.submit(work) for _ in range(8)]]
    assert results == [[200] * 5] * 8


async def test_nginx_basic(make_client: MakeClient, nginx: Nginx, certs: typing.Any) -> None:
    """Over HTTP/1.1, and over HTTP/2."""
    client = make_client(ssl=str(certs.ca), auth=BasicAuth("user", "pass word"))
    for url in (nginx.url, nginx.tls_url):
        answer = await client.get(f"{url}/basic")
        assert (answer.status_code, answer.json()["name"]) == (200, "small")
        assert (await client.get(f"{url}/basic", auth=("user", "other"))).status_code == 401
        assert (await client.get(f"{url}/basic", auth=None)).status_code == 401


async def test_whatever_is_asked_for(
    make_client: MakeClient, nginx: Nginx, httpbin: HttpbinServer, certs: typing.Any
) -> None:
    """nginx asks for Basic, over HTTP/1.1 and HTTP/2, Flask-HTTPAuth for Digest: one auth does."""
    client = make_client(ssl=str(certs.ca), auth=PasswordAuth("user", "pass word"))
    urls = [f"{nginx.url}/basic", f"{nginx.tls_url}/basic", f"{httpbin.url}/flask/md5"]
    for scheme, url in zip(("Basic ", "Basic ", "Digest "), urls, strict=True):
        for _ in range(2):
            answer = await client.get(url)
            assert answer.status_code == 200
            assert answer.request.headers["Authorization"].startswith(scheme)
        wrong = await client.get(url, auth=PasswordAuth("user", "other"))
        assert wrong.status_code == 401
