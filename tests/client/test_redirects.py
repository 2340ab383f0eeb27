"""Redirects as browsers follow them: methods, bodies, credentials, loops."""

from __future__ import annotations

import typing

import pytest

import httpcore
from tests.conftest import MakeClient
from tests.servers.raw import RawConnection, RawRequest, RawServer, response
from tests.ways import pool_of

Rules = dict[str, tuple[int, str]]


def redirecting(rules: Rules) -> RawServer:
    """A server that answers each path of `rules` with (status, Location), others with an echo."""

    def handler(connection: RawConnection) -> None:
        while True:
            request = connection.read_request()
            path = request.target.partition("?")[0]
            if path in rules:
                status, location = rules[path]
                field = b"Location: " + location.encode("latin-1") + b"\r\n"
                connection.send(
                    b"HTTP/1.1 %d X\r\n%bContent-Length: 4\r\n\r\nbody" % (status, field)
                )
            else:
                connection.send(response(f"{request.method} {request.target}".encode()))

    return RawServer(handler)


def last(server: RawServer) -> RawRequest:
    return server.requests[-1]


async def test_followed_by_default(make_client: MakeClient) -> None:
    """A redirect is followed; history, url and request tell how it went."""
    with redirecting({"/a": (302, "/b"), "/b": (301, "/c")}) as server:
        answer = await make_client().get(server.url + "/a")
        assert answer.text == "GET /c"
        assert str(answer.url) == server.url + "/c"
        assert [earlier.status_code for earlier in answer.history] == [302, 301]
        assert len(server.connections) == 1


async def test_head_is_not_followed_by_default(make_client: MakeClient) -> None:
    """HEAD stops at the redirect unless it is told to follow."""
    with redirecting({"/a": (302, "/b")}) as server:
        # The echo's body would be left on the connection of a HEAD: one request, then close.
        answer = await make_client().head(server.url + "/a", headers={"Connection": "close"})
        assert answer.status_code == 302
        assert answer.is_redirect


@pytest.mark.parametrize(
    ("status", "method", "follows_as"),
    [
        (301, "POST", "GET"),
        (302, "POST", "GET"),
        (303, "POST", "GET"),
        (303, "PUT", "GET"),
        (301, "PUT", "PUT"),
        (302, "PUT", "PUT"),
        (307, "POST", "POST"),
        (308, "POST", "POST"),
        (301, "GET", "GET"),
        (303, "GET", "GET"),
    ],
)
async def test_rd1_methods(
    make_client: MakeClient, status: int, method: str, follows_as: str
) -> None:
    """
    POST becomes GET by 301 to 303, everything but HEAD by 303; a dropped body takes its headers
    along.
    """
    with redirecting({"/a": (status, "/b")}) as server:
        body = None if method == "GET" else b"data"
        headers = {"Content-Type": "text/x"} if body else None
        answer = await make_client().request(
            method, server.url + "/a", content=body, headers=headers
        )
        assert answer.text == f"{follows_as} /b"
        request = last(server)
        kept = body is not None and follows_as == method
        assert request.body == (body if kept else b"")
        assert request.header("Content-Type") == ("text/x" if kept else None)
        assert request.header("Content-Length") == ("4" if kept else None)
        assert request.header("Transfer-Encoding") is None


async def test_rd1_head_stays_head(make_client: MakeClient) -> None:
    """HEAD stays HEAD by 303."""

    def handler(connection: RawConnection) -> None:
        connection.read_request()
        connection.send(b"HTTP/1.1 303 See Other\r\nLocation: /b\r\n\r\n")
        assert connection.read_request().method == "HEAD"
        connection.send(b"HTTP/1.1 200 OK\r\n\r\n")

    with RawServer(handler) as server:
        answer = await make_client().head(server.url, allow_redirects=True)
        assert answer.status_code == 200


async def test_rd2_body_is_sent_again(make_client: MakeClient, tmp_path: typing.Any) -> None:
    """307 sends a file again, from where it stood and not from its beginning."""
    path = tmp_path / "file"
    path.write_bytes(b"0123456789" * 20)
    with redirecting({"/a": (307, "/b")}) as server, path.open("rb") as file:
        file.seek(100)
        await make_client().post(server.url + "/a", content=file)
        assert [request.body for request in server.requests] == [b"0123456789" * 10] * 2


async def test_rd2_iterator_cannot_be_sent_again(make_client: MakeClient) -> None:
    """
    307 with an iterator's body is an error before anything is sent again; the connection is kept.
    """
    with redirecting({"/a": (307, "/b")}) as server:
        client = make_client()
        with pytest.raises(httpcore.RedirectBodyUnavailable) as caught:
            await client.post(server.url + "/a", content=iter([b"data"]))
        assert caught.value.response.status_code == 307
        assert len(server.requests) == 1
        await client.get(server.url)
        assert len(server.connections) == 1


async def test_rd3_credentials_stay_at_home(make_client: MakeClient) -> None:
    """To another origin no Authorization, Cookie or Proxy-Authorization goes along, in any case."""
    with redirecting({}) as other, redirecting({"/a": (302, other.url + "/b")}) as server:
        headers = [
            ("authorization", "one"),
            ("AUTHORIZATION", "two"),
            ("Cookie", "a=b"),
            ("proxy-authorization", "three"),
            ("X-Kept", "yes"),
        ]
        await make_client().get(server.url + "/a", headers=headers)
        request = last(other)
        for name in ("Authorization", "Cookie", "Proxy-Authorization"):
            assert request.values(name) == []
        assert request.header("X-Kept") == "yes"


async def test_rd4_credentials_do_not_come_back(make_client: MakeClient) -> None:
    """A redirect to another origin and back does not bring the credentials back."""
    rules: Rules = {"/a": (302, "")}
    with redirecting(rules) as server:
        with redirecting({"/b": (302, server.url + "/c")}) as other:
            rules["/a"] = (302, other.url + "/b")
            await make_client(auth=("user", "pass")).get(server.url + "/a")
        assert server.requests[0].header("Authorization") is not None
        assert server.requests[1].target == "/c"
        assert server.requests[1].header("Authorization") is None


async def test_auth_stays_with_its_origin(make_client: MakeClient) -> None:
    """Within the origin credentials follow the redirect."""
    with redirecting({"/a": (302, "/b")}) as server:
        await make_client().get(server.url + "/a", auth=("user", "pass"))
        assert last(server).header("Authorization") == "Basic dXNlcjpwYXNz"


async def test_rd6_credentials_in_the_location(make_client: MakeClient) -> None:
    """Credentials in a Location are for that hop."""
    with redirecting({"/b": (302, "/c")}) as other:
        with redirecting({"/a": (302, other.url.replace("//", "//u:p@") + "/b")}) as server:
            answer = await make_client().get(server.url + "/a")
        assert other.requests[0].header("Authorization") == "Basic dTpw"
        assert "u:p" not in repr(answer.history)


@pytest.mark.parametrize("location", ["file:///etc/passwd", "data:,x", "ftp://host/x"])
async def test_rd7_other_schemes(make_client: MakeClient, location: str) -> None:
    """A Location that is not http or https is an error that names the scheme."""
    with redirecting({"/a": (302, location)}) as server:
        client = make_client()
        with pytest.raises(httpcore.RedirectError, match=location.partition(":")[0]):
            await client.get(server.url + "/a")
        await client.get(server.url)
        assert len(server.connections) == 1


@pytest.mark.parametrize(
    ("location", "target"),
    [("?q=1", "/dir/a?q=1"), ("../x", "/x"), ("b", "/dir/b"), ("/c?d#e", "/c?d")],
)
async def test_rd8_relative_locations(make_client: MakeClient, location: str, target: str) -> None:
    """A relative Location is joined by RFC 3986."""
    rules = {"/dir/a": (302, location)}
    with redirecting(rules) as server:

        def stop_after_first(request: httpcore.Request) -> httpcore.Request:
            return request

        client = make_client(auth=stop_after_first)
        answer = await client.get(server.url + "/dir/a", allow_redirects=False)
        rules.clear()
        assert (await answer.next()).text == f"GET {target}"


async def test_rd8_scheme_relative_location(make_client: MakeClient) -> None:
    """`//host/path` keeps the scheme."""
    with redirecting({}) as other:
        location = other.url.removeprefix("http:") + "/p"
        with redirecting({"/a": (302, location)}) as server:
            assert (await make_client().get(server.url + "/a")).text == "GET /p"


@pytest.mark.parametrize("location", ["", "#f", "/a"])
async def test_rd8_loop(make_client: MakeClient, location: str) -> None:
    """A redirect to the same URL is a loop."""
    with redirecting({"/a": (302, location)}) as server:
        with pytest.raises(httpcore.RedirectLoop) as caught:
            await make_client().get(server.url + "/a")
        assert caught.value.response.status_code == 302


async def test_loop_of_two(make_client: MakeClient) -> None:
    """A loop over two URLs is noticed when it closes."""
    with redirecting({"/a": (302, "/b"), "/b": (302, "/a")}) as server:
        with pytest.raises(httpcore.RedirectLoop, match="requested before"):
            await make_client().get(server.url + "/a")
        assert len(server.requests) == 2


@pytest.mark.parametrize(
    ("location", "target"), [("/c\xc3\xa9u", "/c%C3%A9u"), ("/\xf8", "/%F8"), ("/a b", "/a%20b")]
)
async def test_rd9_raw_bytes_in_location(
    make_client: MakeClient, location: str, target: str
) -> None:
    """Raw bytes in a Location are escaped one by one."""
    with redirecting({"/a": (302, location)}) as server:
        assert (await make_client().get(server.url + "/a")).text == f"GET {target}"


@pytest.mark.parametrize(
    "location", ["http://", "https://:443/", "http://[::1", "http://host:99999"]
)
async def test_rd10_no_url(make_client: MakeClient, location: str) -> None:
    """A Location that is no URL is the server's error; the connection is kept."""
    with redirecting({"/a": (302, location)}) as server:
        client = make_client()
        with pytest.raises(httpcore.RemoteProtocolError) as caught:
            await client.get(server.url + "/a")
        assert caught.value.response.status_code == 302
        await client.get(server.url)
        assert len(server.connections) == 1


@pytest.mark.parametrize("status", [300, 304, 305])
async def test_rd11_not_followed(make_client: MakeClient, status: int) -> None:
    """300, 304 and 305 are returned as they are, and so is a redirect without a Location."""

    def handler(connection: RawConnection) -> None:
        connection.read_request()
        connection.send(b"HTTP/1.1 %d X\r\nLocation: /b\r\nContent-Length: 0\r\n\r\n" % status)
        connection.read_request()
        connection.send(b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n")
        connection.wait_closed()

    with RawServer(handler) as server:
        client = make_client()
        assert (await client.get(server.url)).status_code == status
        answer = await client.get(server.url)
        assert answer.status_code == 302
        assert not answer.is_redirect
        with pytest.raises(RuntimeError, match="no redirect to follow"):
            await answer.next()


@pytest.mark.parametrize(("location", "fragment"), [("/b", "mine"), ("/b#theirs", "theirs")])
async def test_rd12_fragments(make_client: MakeClient, location: str, fragment: str) -> None:
    """The fragment is the Location's, else the request's, and never on the wire."""
    with redirecting({"/a": (302, location)}) as server:
        answer = await make_client().get(server.url + "/a#mine")
        assert answer.url.fragment == fragment
        assert [request.target for request in server.requests] == ["/a", "/b"]


async def test_rd13_host_is_recomputed(make_client: MakeClient) -> None:
    """A Host of one's own is for the first host only."""
    with redirecting({}) as other, redirecting({"/a": (302, other.url)}) as server:
        await make_client().get(server.url + "/a", headers={"Host": "mine"})
        assert server.requests[0].header("Host") == "mine"
        assert last(other).header("Host") == other.url.removeprefix("http://")


async def test_rd14_too_many(make_client: MakeClient) -> None:
    """20 redirects are followed; the 21st is TooManyRedirects with 20 in its history."""
    rules = {f"/{number}": (302, f"/{number + 1}") for number in range(21)}
    with redirecting(rules) as server:
        client = make_client()
        answer = await client.get(server.url + "/1")
        assert len(answer.history) == 20
        with pytest.raises(httpcore.TooManyRedirects, match="20 redirects") as caught:
            await client.get(server.url + "/0")
        assert len(caught.value.response.history) == 20


async def test_many_redirects_take_no_longer_each(make_client: MakeClient) -> None:
    """A chain of 60 is followed; work that doubled with every hop would never end."""
    rules = {f"/{number}": (302, f"/{number + 1}") for number in range(60)}
    with redirecting(rules) as server:
        answer = await make_client(max_redirects=60).get(server.url + "/0")
        assert [len(earlier.history) for earlier in answer.history] == list(range(60))


async def test_max_redirects_zero(make_client: MakeClient) -> None:
    """max_redirects=0 follows none."""
    with redirecting({"/a": (302, "/b")}) as server, pytest.raises(httpcore.TooManyRedirects):
        await make_client(max_redirects=0).get(server.url + "/a")


async def test_rd16_endless_redirect_body(make_client: MakeClient) -> None:
    """The body of a redirect is drained for 64 KiB at most, then its connection is closed."""

    def handler(connection: RawConnection) -> None:
        if connection.read_request().target == "/b":
            connection.send(response(b"there"))
            connection.wait_closed()
            return
        connection.send(b"HTTP/1.1 302 Found\r\nLocation: /b\r\nContent-Encoding: gzip\r\n\r\n")
        with pytest.raises(ConnectionError):
            while True:
                connection.send(b"x" * 65536)

    with RawServer(handler) as server:
        assert (await make_client().get(server.url + "/a")).content == b"there"


async def test_rd16_dripping_redirect_body(make_client: MakeClient) -> None:
    """A redirect whose body drips is followed after a second."""

    def handler(connection: RawConnection) -> None:
        if connection.read_request().target == "/b":
            connection.send(response(b"there"))
            connection.wait_closed()
            return
        connection.send(b"HTTP/1.1 302 Found\r\nLocation: /b\r\nContent-Length: 99\r\n\r\nx")
        assert connection.wait_closed()

    with RawServer(handler) as server:
        assert (await make_client().get(server.url + "/a")).content == b"there"


async def test_policy(make_client: MakeClient, way: str) -> None:
    """A callable decides redirect by redirect; what it does not follow is there to be read."""
    asked: list[str] = []

    def follow(redirect: typing.Any, url: httpcore.URL) -> bool:
        kind = httpcore.Response if way == "sync" else httpcore.AsyncResponse
        assert type(redirect) is kind
        asked.append(f"{redirect.url.path} {int(redirect.status_code)} {url.path}#{url.fragment}")
        return url.path != "/c"

    with redirecting({"/a": (302, "/b"), "/b": (301, "/c")}) as server:
        client = make_client()
        answer = await client.get(server.url + "/a#f", allow_redirects=follow)
        assert asked == ["/a 302 /b#f", "/b 301 /c#f"]
        assert (answer.status_code, answer.content) == (301, b"body")
        assert [earlier.status_code for earlier in answer.history] == [302]
        assert (await answer.next()).text == "GET /c"
        assert (await client.get(server.url + "/c", allow_redirects=follow)).text == "GET /c"
        assert len(server.connections) == 1


async def test_policy_that_raises(make_client: MakeClient) -> None:
    """Its error comes out bare, and the connection is given back; so is one of a bad Location."""

    def follow(redirect: typing.Any, url: httpcore.URL) -> bool:
        raise LookupError(url.path)

    with redirecting({"/a": (302, "/b"), "/bad": (302, "ftp://h/")}) as server:
        client = make_client()
        with pytest.raises(LookupError, match=r"^/b$"):
            await client.get(server.url + "/a", allow_redirects=follow)
        with pytest.raises(httpcore.RedirectError, match="'ftp'"):
            await client.get(server.url + "/bad", allow_redirects=follow)
        assert pool_of(client).active_connections == []


async def test_next_step_by_step(make_client: MakeClient) -> None:
    """`allow_redirects=False` stops at each redirect; `next()` goes on by one."""
    with redirecting({"/a": (302, "/b"), "/b": (302, "/c")}) as server:
        first = await make_client().get(server.url + "/a", allow_redirects=False)
        assert (first.status_code, first.content) == (302, b"body")
        second = await first.next()
        assert second.status_code == 302
        third = await second.next()
        assert third.text == "GET /c"
        assert [earlier.status_code for earlier in third.history] == [302, 302]


async def test_streamed_redirect(make_client: MakeClient) -> None:
    """A streamed request is streamed at its last hop."""
    with redirecting({"/a": (302, "/b")}) as server:
        answer = await make_client().get(server.url + "/a", stream=True)
        with pytest.raises(httpcore.ResponseNotRead):
            answer.content  # noqa: B018
        assert await answer.read() == b"GET /b"
