"""Cookies end to end: what servers set, what callers give, and what goes where."""

from __future__ import annotations

import asyncio
import collections.abc
import http.cookiejar
import pickle
import threading
import typing

import pytest

import httpcore
from httpcore import Cookies, MockDispatch, Request, Response
from tests.conftest import MakeClient
from tests.servers.hypercorn_server import HypercornServer
from tests.servers.raw import RawConnection, RawServer
from tests.servers.uvicorn_server import UvicornServer
from tests.servers.wsgi_server import HttpbinServer

URL = "http://www.example.org/"

Answer = tuple[int, list[tuple[str, str]]]


class Site:
    """A dispatcher that answers by `rules`, URL to (status, headers), and else with 200."""

    def __init__(self, rules: dict[str, Answer] | None = None) -> None:
        self.rules = rules or {}
        self.dispatch = MockDispatch(self.answer)

    def answer(self, request: Request) -> Response:
        status, headers = self.rules.get(str(request.url), (200, []))
        return Response(status, headers)

    @property
    def sent(self) -> list[str | None]:
        """The Cookie field of each request so far."""
        return [request.headers.get("Cookie") for request in self.dispatch.requests]


def sets(*fields: str, status: int = 200, location: str = "") -> Answer:
    headers = [("Set-Cookie", field) for field in fields]
    return status, headers + ([("Location", location)] if location else [])


# What servers set.


async def test_real_server(make_client: MakeClient, app_server: UvicornServer) -> None:
    """Over HTTP/1.1: set by one response, sent with the next request, removed by the one after."""
    client, url = make_client(), app_server.url
    answer = await client.get(f"{url}/set-header?Set-Cookie=a=1;Path=/&Set-Cookie=b=2")
    assert answer.cookies == client.cookies == {"a": "1", "b": "2"}
    assert (await client.get(f"{url}/headers")).json()["cookie"] == "a=1; b=2"
    await client.get(f"{url}/set-header?Set-Cookie=a=;Path=/;Max-Age=0")
    assert (await client.get(f"{url}/headers")).json()["cookie"] == "b=2"
    assert client.cookies.cookie("b").domain == "127.0.0.1"


async def test_real_server_over_http2(
    make_client: MakeClient, h2_server: HypercornServer, certs: typing.Any
) -> None:
    """Over HTTP/2 and TLS: Secure ones too."""
    client, url = make_client(ssl=certs.ca), h2_server.url
    await client.get(f"{url}/set-header?Set-Cookie=__Host-a=1;Path=/;Secure&Set-Cookie=b=2")
    answer = await client.get(f"{url}/headers")
    assert answer.protocol == "HTTP/2"
    assert answer.json()["cookie"] == "__Host-a=1; b=2"


async def test_httpbin(make_client: MakeClient, httpbin: HttpbinServer) -> None:
    """Flask sets them in a redirect, reads them at its target, and removes them."""
    client = make_client()
    answer = await client.get(f"{httpbin.url}/cookies/set?a=1&b=two%20words")
    assert answer.json() == {"cookies": {"a": "1", "b": "two words"}}
    assert answer.history[0].cookies["b"] == client.cookies["b"]
    answer = await client.get(f"{httpbin.url}/cookies/delete?b", cookies={"c": "3"})
    assert answer.json() == {"cookies": {"a": "1", "c": "3"}}
    assert client.cookies == {"a": "1"}


async def test_nothing_is_sent_without_cookies(make_client: MakeClient) -> None:
    """No field where there is none to send."""
    site = Site({URL: sets("a=1; Path=/x")})
    client = make_client(dispatch=site.dispatch)
    await client.get(URL)
    await client.get(URL)
    await client.get(URL + "x")
    await client.get("http://other.org")
    assert site.sent == [None, None, "a=1", None]
    assert all("Cookie" not in request.headers for request in site.dispatch.requests[:2])


async def test_response_cookies(make_client: MakeClient) -> None:
    """Those of this response alone, by the same rules; its request has those that were sent."""
    site = Site({URL: sets("a=1", "b=2; Domain=org"), URL + "x": sets("c=3")})
    client = make_client(dispatch=site.dispatch)
    first = await client.get(URL)
    second = await client.get(URL + "x")
    assert first.cookies == {"a": "1"}
    assert first.cookies is first.cookies
    assert second.cookies == {"c": "3"}
    assert second.request.headers["Cookie"] == "a=1"
    assert client.cookies == {"a": "1", "c": "3"}


def test_response_by_hand() -> None:
    """A response without a request has cookies as well."""
    answer = Response(200, [("Set-Cookie", "a=1; Path=/"), ("set-cookie", "b=2; Domain=x.org")])
    assert answer.cookies == {"a": "1", "b": "2"}
    assert pickle.loads(pickle.dumps(answer)).cookies == answer.cookies
    assert Response(200).cookies == {}


async def test_hd10_dates_have_commas(make_client: MakeClient) -> None:
    """Each field is one cookie, whatever commas are in it."""
    date = "Wed, 21 Oct 2065 07:28:00 GMT"
    site = Site({URL: sets(f"a=1; Expires={date}", f"b=2; Expires={date}")})
    client = make_client(dispatch=site.dispatch)
    await client.get(URL)
    assert client.cookies == {"a": "1", "b": "2"}


async def test_ck1_domains_of_others(make_client: MakeClient) -> None:
    """A cookie for another domain is dropped, and the response is fine."""
    site = Site({URL: sets("a=1; Domain=ample.org", "b=2")})
    client = make_client(dispatch=site.dispatch)
    assert (await client.get(URL)).status_code == 200
    assert client.cookies == {"b": "2"}


async def test_ck4_secure(make_client: MakeClient) -> None:
    """A Secure cookie does not go over http, and http does not replace it."""
    site = Site({"https://example.org": sets("a=tls; Secure"), "http://example.org": sets("a=x")})
    client = make_client(dispatch=site.dispatch)
    for url in ("https://example.org", "http://example.org", "https://example.org"):
        await client.get(url)
    assert site.sent == [None, None, "a=tls"]


async def test_ck9_the_rest_is_kept(make_client: MakeClient) -> None:
    """A control character in one cookie costs neither the response nor the other cookies."""

    def handler(connection: RawConnection) -> None:
        connection.read_request()
        cookies = [b"a=1", b"b=\x01", b"c=\x7f", b"d=4"]
        fields = b"".join(b"Set-Cookie: " + cookie + b"\r\n" for cookie in cookies)
        connection.send(b"HTTP/1.1 200 OK\r\n" + fields + b"Content-Length: 2\r\n\r\nok")
        connection.wait_closed()

    with RawServer(handler) as server:
        client = make_client()
        answer = await client.get(server.url)
        assert answer.text == "ok"
        assert answer.cookies == client.cookies == {"a": "1", "d": "4"}
        await client.close()


async def test_ck11_odd_octets(make_client: MakeClient) -> None:
    """What is no UTF-8 is sent back as it came; names are in any case on the wire."""
    fields = [b"a=1", b"=v", b"n", b"b=a=b", b'{"k":1}', b'q="', b"c=\xff\x80"]

    def handler(connection: RawConnection) -> None:
        while True:
            connection.read_request()
            set_cookies = b"".join(b"sEt-cOOkie: " + field + b"\r\n" for field in fields)
            connection.send(b"HTTP/1.1 204 No Content\r\n" + set_cookies + b"\r\n")

    with RawServer(handler) as server:
        client = make_client()
        await client.get(server.url)
        await client.get(server.url)
    expected = b'a=1; {"k":1}; b=a=b; q="; c=\xff\x80'
    assert server.requests[1].header("Cookie") == expected.decode("latin-1")


async def test_ignore_received(make_client: MakeClient) -> None:
    """A jar may be told to keep nothing that servers set."""
    site = Site({URL: sets("b=2")})
    jar = Cookies({"a": "1"}, ignore_received=True)
    client = make_client(dispatch=site.dispatch, cookies=jar)
    answer = await client.get(URL)
    await client.get(URL)
    assert site.sent == ["a=1", "a=1"]
    assert answer.cookies == {"b": "2"}


# What callers give.


def cookie_jar() -> http.cookiejar.CookieJar:
    return Cookies({"a": "1"}).to_cookiejar()


@pytest.mark.parametrize("make", [lambda: {"a": "1"}, lambda: Cookies({"a": "1"}), cookie_jar])
async def test_accepted(
    make_client: MakeClient, make: collections.abc.Callable[[], typing.Any]
) -> None:
    """A dict, a `Cookies` or a jar of the standard library, of the client or of one call."""
    site = Site()
    await make_client(dispatch=site.dispatch, cookies=make()).get(URL)
    await make_client(dispatch=site.dispatch).get(URL, cookies=make())
    await make_client(dispatch=site.dispatch).send(Request("GET", URL, cookies=make()))
    assert site.sent == ["a=1"] * 3


async def test_types(make_client: MakeClient) -> None:
    """Something else is a TypeError before anything is sent."""
    site = Site()
    client = make_client(dispatch=site.dispatch)
    wrong: typing.Any
    for wrong in ("a=1", {"a": 1}):
        with pytest.raises(TypeError):
            await client.get(URL, cookies=wrong)
        with pytest.raises(TypeError):
            client.cookies = wrong
    assert site.sent == []


@pytest.mark.parametrize("value", ["1\r\nX: y", "1;b=2", "\x00"])
async def test_ck10_what_cannot_be_sent(make_client: MakeClient, value: str) -> None:
    """InvalidHeader before anything is sent."""
    site = Site()
    with pytest.raises(httpcore.InvalidHeader):
        await make_client(dispatch=site.dispatch).get(URL, cookies={"a": value})
    with pytest.raises(httpcore.InvalidHeader):
        make_client(cookies={"a": value})
    assert site.sent == []


async def test_jar_is_shared(make_client: MakeClient) -> None:
    """A `Cookies` that was given is the jar itself; it may be assigned later."""
    site = Site({URL: sets("a=1")})
    jar = Cookies()
    one = make_client(dispatch=site.dispatch, cookies=jar)
    two = make_client(dispatch=site.dispatch)
    assert one.cookies is jar
    two.cookies = jar
    await one.get(URL)
    await two.get(URL)
    two.cookies = {"b": "2"}
    await two.get(URL)
    assert site.sent == [None, "a=1", "b=2"]
    assert jar == {"a": "1"}


async def test_of_one_call(make_client: MakeClient) -> None:
    """They go before cookies of the jar with their names, and are not kept."""
    site = Site({URL: sets("a=jar; Path=/", "b=jar; Path=/")})
    client = make_client(dispatch=site.dispatch, cookies={"c": "client", "d": "client"})
    await client.get(URL)
    await client.get(URL, cookies={"a": "call", "c": "call"})
    await client.get(URL + "x")
    assert site.sent == [
        "c=client; d=client",
        "b=jar; a=call; c=call; d=client",
        "a=jar; b=jar; c=client; d=client",
    ]
    assert client.cookies == {"a": "jar", "b": "jar", "c": "client", "d": "client"}


async def test_of_one_call_with_domains(make_client: MakeClient) -> None:
    """Of a jar that is given for one call those go that are for the URL."""
    cookies = Cookies()
    cookies.set("a", "1", "example.org")
    cookies.set("b", "2", "other.org")
    cookies.set("c", "3", "example.org", secure=True)
    site = Site({URL: sets(status=302, location="/x")})
    cookies.set("d", "4", "example.org", "/x")
    await make_client(dispatch=site.dispatch).get(URL, cookies=cookies)
    assert site.sent == ["a=1", "d=4; a=1"]


async def test_of_one_call_with_a_path(make_client: MakeClient) -> None:
    """Where a redirect leads out of the path of all of them, there is no field any more."""
    cookies = Cookies()
    cookies.set("a", "1", path="/x")
    site = Site({URL + "x": sets(status=302, location="/y")})
    await make_client(dispatch=site.dispatch).send(Request("GET", URL + "x", cookies=cookies))
    assert site.sent == ["a=1", None]


async def test_field_of_its_own(make_client: MakeClient) -> None:
    """A Cookie field is sent as it is, with nothing beside it; what servers set is kept."""
    site = Site({URL: sets("a=jar; Path=/", status=302, location="/x")})
    client = make_client(dispatch=site.dispatch, cookies={"c": "client"})
    await client.get(URL, headers={"cookie": "own=1"}, cookies={"b": "call"})
    await client.send(Request("GET", URL + "x", headers={"Cookie": "own=2"}))
    await client.get(URL + "x")
    assert site.sent == ["own=1", "own=1", "own=2", "a=jar; c=client"]


async def test_field_of_the_client(make_client: MakeClient) -> None:
    """So is one among the client's headers; a call drops it by `None`."""
    site = Site()
    client = make_client(
        dispatch=site.dispatch, headers={"Cookie": "own=1"}, cookies={"c": "client"}
    )
    await client.get(URL)
    await client.get(URL, headers={"Cookie": None})
    assert site.sent == ["own=1", "c=client"]


async def test_base_url(make_client: MakeClient) -> None:
    """With a base URL, cookies without a domain go to its origin only, as auth does."""
    site = Site()
    client = make_client(dispatch=site.dispatch, cookies={"a": "1"}, base_url="http://h.org/api")
    for url in ("/x", "http://h.org/y", "http://h.org:81/", "http://other.org/"):
        await client.get(url)
    assert site.sent == ["a=1", "a=1", None, None]


async def test_send(make_client: MakeClient) -> None:
    """`send()` adds what the jar has for the host, but not the client's defaults."""
    site = Site({URL: sets("a=jar; Path=/")})
    client = make_client(dispatch=site.dispatch, cookies={"c": "client"})
    request = Request("GET", URL, cookies={"b": "own"})
    await client.send(request)
    await client.send(request)
    await client.send(client.build_request("GET", URL))
    assert site.sent == ["b=own", "a=jar; b=own", "a=jar; c=client"]
    assert request.headers["Cookie"] == "b=own"


async def test_build_request(make_client: MakeClient) -> None:
    """What is built has the cookies that were given; those of the jar come when it is sent."""
    client = make_client(cookies={"c": "client"})
    client.cookies.set("j", "jar", "example.org")
    assert client.build_request("GET", URL).headers["Cookie"] == "c=client"
    both = client.build_request("GET", URL, cookies={"b": "call"})
    assert both.headers["Cookie"] == "b=call; c=client"
    own = client.build_request("GET", URL, headers={"Cookie": "own"})
    assert own.headers["Cookie"] == "own"


def test_request() -> None:
    """Cookies of a request are its Cookie field; a copy and a pickle have it too."""
    request = Request("GET", URL, cookies={"a": "1", "b": "2"})
    assert request.headers["Cookie"] == "a=1; b=2"
    assert request.copy().cookies is request.cookies
    assert pickle.loads(pickle.dumps(request)).headers["Cookie"] == "a=1; b=2"
    assert "Cookie" not in Request("GET", URL, cookies={}).headers
    elsewhere = Cookies()
    elsewhere.set("a", "1", "other.org")
    assert "Cookie" not in Request("GET", URL, cookies=elsewhere).headers


# Redirects.


async def test_ck13_set_on_the_way(make_client: MakeClient) -> None:
    """What a redirect sets goes with the next hop, to the same host only."""
    site = Site(
        {
            URL: sets("a=1; Path=/", status=302, location="/x"),
            URL + "x": sets("b=2; Path=/", status=302, location="http://other.org/"),
        }
    )
    client = make_client(dispatch=site.dispatch)
    answer = await client.get(URL)
    assert site.sent == [None, "a=1", None]
    assert [hop.cookies for hop in answer.history] == [{"a": "1"}, {"b": "2"}]


async def test_rd5_of_one_call(make_client: MakeClient) -> None:
    """Cookies of a call do not go to another origin; those of the jar for the new host do."""
    site = Site({URL: sets(status=302, location="http://other.org/")})
    client = make_client(dispatch=site.dispatch, cookies={"c": "client"})
    client.cookies.set("j", "jar", "other.org")
    client.cookies.set("e", "jar", "example.org")
    await client.get(URL, cookies={"b": "call"})
    assert site.sent == ["e=jar; b=call; c=client", "j=jar"]


@pytest.mark.parametrize("target", ["http://www.example.org:81/", "http://example.org/"])
async def test_rd3_own_field(make_client: MakeClient, target: str) -> None:
    """A Cookie field of the caller's does not go to another host or port."""
    site = Site({URL: sets(status=302, location=target)})
    await make_client(dispatch=site.dispatch).get(URL, headers=[("COOKIE", "a"), ("cookie", "b")])
    assert site.sent == ["a, b", None]


async def test_rd3_from_https_to_http(make_client: MakeClient) -> None:
    """From https to http nothing goes along that is not the jar's for both."""
    site = Site({"https://h.org/": sets("j=1", "s=2; Secure", status=302, location="http://h.org")})
    await make_client(dispatch=site.dispatch).get("https://h.org/", cookies={"b": "call"})
    assert site.sent == ["b=call", "j=1"]


async def test_from_http_to_https(make_client: MakeClient) -> None:
    """To the https twin of the origin they go along, as Authorization does."""
    site = Site({"http://h.org/": sets(status=302, location="https://h.org/")})
    await make_client(dispatch=site.dispatch).get("http://h.org/", cookies={"b": "call"})
    assert site.sent == ["b=call", "b=call"]


async def test_rd4_does_not_come_back(make_client: MakeClient) -> None:
    """What the second origin did not get does not return at the first; the jar's does."""
    site = Site(
        {
            URL: sets("j=1; Path=/", status=302, location="http://other.org/"),
            "http://other.org/": sets(status=302, location=URL + "x"),
        }
    )
    client = make_client(dispatch=site.dispatch, cookies={"c": "client"})
    await client.get(URL, cookies={"b": "call"})
    assert site.sent == ["b=call; c=client", None, "j=1"]


async def test_next(make_client: MakeClient) -> None:
    """`response.next()` goes by the same rules."""
    site = Site({URL: sets("j=1; Path=/", status=302, location="/x")})
    client = make_client(dispatch=site.dispatch)
    answer = await client.get(URL, cookies={"b": "call"}, allow_redirects=False)
    await answer.next()
    assert site.sent == ["b=call", "j=1; b=call"]


async def test_rd15_a_cookie_ends_a_loop(make_client: MakeClient) -> None:
    """A URL that redirects to itself until it sees its cookie is no loop."""

    def answer(request: Request) -> Response:
        if "seen=1" in request.headers.get("Cookie", ""):
            return Response(200)
        return Response(302, [("Set-Cookie", "seen=1"), ("Location", "/")])

    client = make_client(dispatch=MockDispatch(answer))
    response = await client.get(URL)
    assert response.status_code == 200
    assert len(response.history) == 1


async def test_rd15_a_loop_is_one(make_client: MakeClient) -> None:
    """Where the cookies are the same again, it is."""
    site = Site({URL: sets("a=1", status=302, location="/")})
    with pytest.raises(httpcore.RedirectLoop):
        await make_client(dispatch=site.dispatch, cookies={"c": "client"}).get(URL)
    assert site.sent == ["c=client", "a=1; c=client"]


async def test_auth_rounds(make_client: MakeClient) -> None:
    """What a 401 sets goes with the answer to it."""

    class Twice(httpcore.Auth):
        def flow(self, request: Request) -> typing.Any:
            response = yield request
            assert response.status_code == 401
            yield request

    site = Site({URL: sets("a=1", status=401)})
    await make_client(dispatch=site.dispatch, auth=Twice()).get(URL, cookies={"b": "call"})
    assert site.sent == ["b=call", "a=1; b=call"]


def test_ck14_threads(app_server: UvicornServer) -> None:
    """8 threads with one client: each finds what it was set, and nothing is lost."""
    errors: list[BaseException] = []
    with httpcore.Client() as client:

        def work(name: str) -> None:
            try:
                for step in range(10):
                    client.get(f"{app_server.url}/set-header?Set-Cookie={name}={step};Path=/")
                    sent = client.get(f"{app_server.url}/headers").json()["cookie"]
                    assert f"{name}={step}" in sent.split("; ")
            except BaseException as exc:
                errors.append(exc)

        threads = [threading.Thread(target=work, args=(f"t{n}",)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert errors == []
        assert client.cookies == {f"t{n}": "9" for n in range(8)}


def test_ck14_shared_by_both_clients() -> None:
    """One jar serves a `Client` in threads and an `AsyncClient` in an event loop at once."""

    def answer(request: Request) -> Response:
        return Response(200, [("Set-Cookie", f"{request.url.path[1:]}; Path=/")])

    jar, errors = Cookies(), list[BaseException]()

    def sync() -> None:
        client = httpcore.Client(dispatch=MockDispatch(answer), cookies=jar)
        for step in range(100):
            sent = client.get(f"{URL}s={step}").request.headers.get("Cookie", "")
            assert not step or f"s={step - 1}" in sent.split("; ")

    def asynchronous() -> None:
        async def main() -> None:
            client = httpcore.AsyncClient(dispatch=MockDispatch(answer), cookies=jar)
            for step in range(100):
                sent = (await client.get(f"{URL}a={step}")).request.headers.get("Cookie", "")
                assert not step or f"a={step - 1}" in sent.split("; ")

        asyncio.run(main())

    def run(work: collections.abc.Callable[[], None]) -> None:
        try:
            work()
        except BaseException as exc:
            errors.append(exc)

    threads = [threading.Thread(target=run, args=(work,)) for work in (sync, asynchronous)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert jar == {"s": "99", "a": "99"}


def test_one_shot(app_server: UvicornServer) -> None:
    """The functions that make a client take cookies too."""
    answer = httpcore.get(f"{app_server.url}/headers", cookies={"a": "1"})
    assert answer.json()["cookie"] == "a=1"
