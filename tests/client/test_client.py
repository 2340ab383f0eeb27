"""Both clients: what their settings and the options of a call become on the wire."""

from __future__ import annotations

import collections.abc
import re
import typing

import pytest

import httpcore
from httpcore import AsyncClient, Client, MockDispatch, Request, Response, TrioClient
from tests import ways
from tests.conftest import MakeClient
from tests.servers.raw import RawServer, response
from tests.servers.uvicorn_server import UvicornServer

URL = "http://example.org/"
METHODS = ["get", "options", "head", "post", "put", "patch", "delete", "query"]


@pytest.fixture
def dispatch() -> MockDispatch:
    """Answers every request with 200, and keeps it."""
    return MockDispatch(lambda request: Response(200))


def only(dispatch: MockDispatch) -> Request:
    (request,) = dispatch.requests
    return request


# The verbs.


@pytest.mark.parametrize("method", METHODS)
async def test_verbs(make_client: MakeClient, method: str) -> None:
    """Each has the name of its method, and takes what `request()` takes."""
    with RawServer.replies([response()] * 2) as server:
        client = make_client(headers={"Connection": "close"})
        verb = getattr(client, method)
        answer = await verb(f"{server.url}/a", query_params={"b": "c"}, headers={"X": "1"})
        assert answer.status_code == 200
        await client.request(method, f"{server.url}/a", params={"b": "c"}, headers={"X": "1"})
    for request in server.requests:
        assert (request.method, request.target) == (method.upper(), "/a?b=c")
        assert request.header("X") == "1"


@pytest.mark.parametrize("method", METHODS)
async def test_redirects_by_default(make_client: MakeClient, method: str) -> None:
    """All but HEAD follow redirects; `allow_redirects` says otherwise."""

    def handler(request: Request) -> Response:
        if request.url.path == "/b":
            return Response(200)
        return Response(307, {"Location": "/b"})

    client = make_client(dispatch=MockDispatch(handler))
    verb = getattr(client, method)
    assert (await verb(URL)).status_code == (307 if method == "head" else 200)
    assert (await verb(URL, allow_redirects=False)).status_code == 307
    assert (await verb(URL, allow_redirects=True)).status_code == 200


async def test_send(make_client: MakeClient, dispatch: MockDispatch) -> None:
    """A request that was built by hand is sent as it is, without the client's headers."""
    client = make_client(dispatch=dispatch, headers={"X": "1"})
    answer = await client.send(Request("DELETE", URL, headers={"Y": "2"}))
    assert answer.request is only(dispatch)
    names = [name for name, _ in only(dispatch).headers.multi_items()]
    assert names == ["Host", "Y", "Accept-Encoding"]


async def test_send_takes_options(make_client: MakeClient) -> None:
    """`stream`, `auth`, `allow_redirects` and `timeout` are those of a call."""
    redirect = response(b"moved", "302 Found", [("Location", "/b")])
    with RawServer.replies([redirect]) as server:
        answer = await make_client().send(
            Request("GET", server.url),
            stream=True,
            auth=("user", "pass"),
            allow_redirects=False,
            timeout=3,
        )
        assert answer.status_code == 302
        with pytest.raises(httpcore.ResponseNotRead):
            _ = answer.content
        assert await answer.read() == b"moved"
    assert server.requests[0].header("Authorization") == "Basic dXNlcjpwYXNz"


def test_build_and_prepare() -> None:
    """`build_request` has everything of the client in it; `prepare_request` what the wire needs."""
    client = Client(base_url="http://example.org/api", headers={"X": "1"}, query_params={"k": "v"})
    request = client.build_request("post", "users", content=b"abc")
    assert (request.method, str(request.url)) == ("POST", "http://example.org/api/users?k=v")
    assert request.headers["X"] == "1"
    assert (request.headers["Host"], request.headers["Content-Length"]) == ("example.org", "3")
    bare = Request("GET", URL)
    client.prepare_request(bare)
    assert bare.headers["Host"] == "example.org"


# Two spellings.


async def test_params_and_data(make_client: MakeClient, dispatch: MockDispatch) -> None:
    """Who comes from requests may write `params` and `data`."""
    await make_client(dispatch=dispatch).post(URL, params={"a": "1"}, data={"b": "2"})
    assert str(only(dispatch).url) == "http://example.org/?a=1"
    assert only(dispatch).content == b"b=2"


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ({"params": {}, "query_params": {}}, "query_params= and params="),
        ({"data": b"", "content": b""}, "content= and data="),
        ({"json": 1, "content": b""}, "content= or json="),
        ({"json": 1, "data": b""}, "content= or json="),
    ],
)
async def test_both_spellings(
    make_client: MakeClient,
    dispatch: MockDispatch,
    options: dict[str, typing.Any],
    names: str,
) -> None:
    """Both at once is a TypeError that names them, and nothing is sent."""
    client = make_client(dispatch=dispatch)
    with pytest.raises(TypeError, match=names):
        await client.post(URL, **options)
    with pytest.raises(TypeError, match=names):
        client.build_request("POST", URL, **options)
    assert dispatch.requests == []


@pytest.mark.parametrize("option", ["foo", "allow_redirect", "verify", "cookie"])
async def test_unknown_options(
    make_client: MakeClient, dispatch: MockDispatch, option: str
) -> None:
    """A misspelt option is a TypeError that names it, wherever it is given."""
    client = make_client(dispatch=dispatch)
    unknown: dict[str, typing.Any] = {option: 1}
    request = Request("GET", URL)
    with pytest.raises(TypeError, match=f"'{option}'"):
        await client.get(URL, **unknown)
    with pytest.raises(TypeError, match=f"'{option}'"):
        await client.send(request, **unknown)
    with pytest.raises(TypeError, match=f"'{option}'"):
        client.build_request("GET", URL, **unknown)
    with pytest.raises(TypeError, match=f"'{option}'"):
        make_client(**unknown)
    assert dispatch.requests == []


@pytest.mark.parametrize("cls", [Client, AsyncClient, TrioClient])
def test_settings_are_by_keyword(cls: typing.Any) -> None:
    """Nobody has to know the order of a dozen settings."""
    with pytest.raises(TypeError, match="positional"):
        cls(True)


# Headers.


async def test_default_headers(make_client: MakeClient, dispatch: MockDispatch) -> None:
    """Every request says who asks, and what it takes."""
    await make_client(dispatch=dispatch).get(URL)
    headers = only(dispatch).headers
    assert re.fullmatch(r"python-httpcore/\d+\.\d+\.\d+\S*", headers["User-Agent"])
    assert (headers["Accept"], headers["Connection"]) == ("*/*", "keep-alive")
    assert {"gzip", "deflate"} <= set(headers["Accept-Encoding"].split(", "))


async def test_pr2_no_referer(make_client: MakeClient) -> None:
    """Nobody is told where a redirect came from."""
    dispatch = MockDispatch(
        lambda request: (
            Response(200) if request.url.path == "/b" else Response(302, {"Location": "/b"})
        )
    )
    await make_client(dispatch=dispatch).get(URL)
    assert all("Referer" not in request.headers for request in dispatch.requests)


async def test_headers_merge(make_client: MakeClient, dispatch: MockDispatch) -> None:
    """Those of the call replace the client's of the same name; `None` drops it."""
    client = make_client(dispatch=dispatch, headers={"X": "client", "Y": "client"})
    await client.get(URL, headers={"x": "call", "Accept": None, "Z": "call"})
    headers = only(dispatch).headers
    assert (headers.getlist("X"), headers["Y"], headers["Z"]) == (["call"], "client", "call")
    assert "Accept" not in headers
    assert client.headers["X"] == "client"


async def test_default_headers_can_be_dropped(
    make_client: MakeClient, dispatch: MockDispatch
) -> None:
    """For all requests of a client, in its settings or later."""
    client = make_client(dispatch=dispatch, headers={"User-Agent": None, "Accept": "x/y"})
    del client.headers["Connection"]
    await client.get(URL)
    headers = only(dispatch).headers
    assert "User-Agent" not in headers
    assert "Connection" not in headers
    assert headers.getlist("Accept") == ["x/y"]


# URLs.


async def test_query_params_merge(make_client: MakeClient, dispatch: MockDispatch) -> None:
    """The client's, over them the call's, both over the URL's own, in front of the fragment."""
    client = make_client(dispatch=dispatch, query_params={"key": "client", "lang": "en"})
    await client.get("http://example.org/?a=1&lang=url#f", query_params={"lang": "de", "b": [1, 2]})
    assert str(only(dispatch).url) == "http://example.org/?a=1&lang=de&key=client&b=1&b=2#f"


@pytest.mark.parametrize(
    ("url", "call", "sent"),
    [
        ("?page=2", None, "page=2&lang=en"),
        ("?page=2&page=3&a", {"b": 1}, "page=2&page=3&a&lang=en&b=1"),
        ("?page=2", {"page": 3}, "page=3&lang=en"),
        ("?p%61ge=2", {"lang": "de"}, "p%61ge=2&lang=de"),
        ("", {"page": 3}, "page=3&lang=en"),
    ],
)
async def test_query_params_of_the_client_are_defaults(
    make_client: MakeClient,
    dispatch: MockDispatch,
    url: str,
    call: dict[str, typing.Any] | None,
    sent: str,
) -> None:
    """What the URL of the call says comes over them: the next page is not the first one again."""
    client = make_client(dispatch=dispatch, query_params={"page": 1, "lang": "en"})
    await client.get(f"http://example.org/{url}", query_params=call)
    assert only(dispatch).url.query == sent


async def test_query_params_of_the_client_alone(
    make_client: MakeClient, dispatch: MockDispatch
) -> None:
    """They go with a call that has none."""
    await make_client(dispatch=dispatch, query_params="key=client").get(URL)
    assert str(only(dispatch).url) == "http://example.org/?key=client"


@pytest.mark.parametrize(
    ("url", "result"),
    [
        ("users", "http://example.org/api/users"),
        ("/users?a=b", "http://example.org/api/users?a=b"),
        ("", "http://example.org/api"),
        ("http://other.org/x", "http://other.org/x"),
        (httpcore.URL("http://other.org/x"), "http://other.org/x"),
    ],
)
async def test_base_url(
    make_client: MakeClient, dispatch: MockDispatch, url: str, result: str
) -> None:
    """Relative URLs are below it, absolute ones are themselves."""
    await make_client(dispatch=dispatch, base_url="http://example.org/api").get(url)
    assert only(dispatch).url == result


async def test_ur10_no_way_off_the_base_url(make_client: MakeClient) -> None:
    """What looks like a path but names a host is refused, and the host gets nothing."""
    client = make_client(base_url="http://example.org/api", auth=("user", "pass"))
    with pytest.raises(httpcore.InvalidURL):
        await client.get("//evil.org/x")


async def test_relative_without_a_base_url(make_client: MakeClient) -> None:
    """Without a base there is nothing that a relative URL is below."""
    with pytest.raises(httpcore.InvalidURL, match="has no scheme"):
        await make_client().get("/users")


@pytest.mark.parametrize("base_url", ["/api", "ftp://example.org", "example.org"])
def test_no_base_url(base_url: str) -> None:
    """A base has to be something that can be requested."""
    with pytest.raises(httpcore.InvalidURL):
        Client(base_url=base_url)


@pytest.mark.parametrize("base_url", ["http://h/api?key=a", "http://h/#top"])
def test_a_base_url_with_more_than_a_path(base_url: str) -> None:
    """What would get lost is refused, when the client is made and later."""
    with pytest.raises(ValueError, match=r"has a query or a fragment.*query_params="):
        Client(base_url=base_url)
    with Client() as client, pytest.raises(ValueError, match="has a query or a fragment"):
        client.base_url = base_url


# Bodies.


async def pieces() -> collections.abc.AsyncIterator[bytes]:
    yield b"a"
    yield b"b"


@pytest.mark.ways("asyncio", "trio")
async def test_async_iterable(make_client: MakeClient) -> None:
    """An async client sends what an async iterable gives."""
    with RawServer.replies([response()]) as server:
        await make_client().post(server.url, content=pieces())
    assert server.requests[0].body == b"ab"


def test_async_iterable_in_a_sync_client(dispatch: MockDispatch) -> None:
    """A sync one refuses it before anything is sent, by either way."""
    client = Client(dispatch=dispatch)
    with pytest.raises(TypeError, match="needs an AsyncClient"):
        client.post(URL, content=pieces())
    with pytest.raises(TypeError, match="needs an AsyncClient"):
        client.send(Request("POST", URL, content=pieces()))
    assert dispatch.requests == []


# Time limits, TLS settings.


class NotingDispatcher(httpcore.Dispatcher):
    """Keeps what it is given beside the request."""

    def __init__(self) -> None:
        self.given: list[tuple[typing.Any, typing.Any, typing.Any]] = []
        self.closed = False

    async def send(
        self,
        request: Request,
        stream: bool = False,
        ssl: typing.Any = None,
        timeout: typing.Any = None,
    ) -> Response:
        self.given.append((stream, ssl, timeout))
        return Response(200, request=request)

    async def close(self) -> None:
        self.closed = True


async def test_timeouts_merge(make_client: MakeClient) -> None:
    """A call's config is completed by the client's, and its clock runs when it is dispatched."""
    dispatch = NotingDispatcher()
    client = make_client(dispatch=dispatch, timeout=httpcore.TimeoutConfig(2, total_timeout=60))
    await client.get(URL)
    await client.get(URL, timeout=httpcore.TimeoutConfig(read_timeout=1))
    await client.get(URL, timeout=None)
    await client.get(URL, timeout=9)
    seen = [
        (given.connect, given.read, given.write, given.ends_at is not None)
        for _, _, given in dispatch.given
    ]
    assert seen == [
        (2.0, 2.0, 2.0, True),
        (2.0, 1.0, 2.0, True),
        (None, None, None, False),
        (9.0, 9.0, 9.0, True),
    ]


@pytest.mark.parametrize(("timeout", "error"), [(0, ValueError), ("5", TypeError)])
async def test_tm7_senseless_timeouts(
    make_client: MakeClient, dispatch: MockDispatch, timeout: typing.Any, error: type[Exception]
) -> None:
    """They are refused before anything is sent, in the client's settings and in a call."""
    with pytest.raises(error, match="timeout"):
        make_client(timeout=timeout)
    with pytest.raises(error, match="timeout"):
        await make_client(dispatch=dispatch).get(URL, timeout=timeout)
    assert dispatch.requests == []


async def test_ssl_of_a_call(make_client: MakeClient) -> None:
    """It goes to the dispatcher as it was given."""
    dispatch = NotingDispatcher()
    client = make_client(dispatch=dispatch)
    await client.get(URL, ssl=False)
    await client.get(URL)
    assert [ssl for _, ssl, _ in dispatch.given] == [False, None]


# The life of a client.


async def test_closed_client(make_client: MakeClient) -> None:
    """Use after `close()` is a RuntimeError; closing twice is none."""
    client = make_client()
    await client.close()
    await client.close()
    request = client.build_request("GET", URL)
    for send in (client.get(URL), client.send(request)):
        with pytest.raises(RuntimeError, match="has been closed; make a new one"):
            await send


async def test_a_dispatch_that_was_given_stays_open(make_client: MakeClient) -> None:
    """It may serve other clients, so its maker closes it."""
    dispatch = NotingDispatcher()
    async with make_client(dispatch=dispatch) as client:
        await client.get(URL)
    assert not dispatch.closed
    with pytest.raises(RuntimeError):
        await client.get(URL)


async def test_a_pool_of_ones_own(make_client: MakeClient, app_server: UvicornServer) -> None:
    """A pool that is given to a client, or to two, finds out by itself what runs."""
    pool = httpcore.ConnectionPool()
    for client in make_client(dispatch=pool), make_client(dispatch=pool):
        assert (await client.get(app_server.url)).status_code == 200
    assert len(pool.keepalive_connections) == 1
    await pool.close()


async def test_a_dispatch_that_is_empty_is_one_all_the_same(make_client: MakeClient) -> None:
    """A dispatcher with a length (a cache) is not mistaken for none."""

    class Cache(NotingDispatcher):
        def __len__(self) -> int:
            return 0

    dispatch = Cache()
    await make_client(dispatch=dispatch).get(URL)
    assert len(dispatch.given) == 1


@pytest.mark.parametrize("made", [Response, httpcore.AsyncResponse])
async def test_responses_are_the_clients_own(
    make_client: MakeClient, way: str, made: type[Response] | type[httpcore.AsyncResponse]
) -> None:
    """Whichever class a dispatcher makes, the caller gets the one that belongs to the client."""
    client = make_client(dispatch=MockDispatch(lambda request: made(200)))
    for answer in (await client.get(URL), await client.send(Request("GET", URL))):
        expected = Response if way == "sync" else httpcore.AsyncResponse
        assert type(getattr(answer, "sync_object", answer)) is expected


def test_a_sync_client_inside_a_running_loop(dispatch: MockDispatch) -> None:
    """It looks for no loop, so that it works in a notebook."""

    async def main() -> None:
        with Client(dispatch=dispatch) as client:
            assert client.get(URL).status_code == 200

    ways.run("asyncio", main)


def test_trio_client() -> None:
    """It runs on trio's backend, and is an `AsyncClient` for all else."""
    with RawServer.replies([response(b"there")]) as server:

        async def main() -> None:
            async with TrioClient() as client:
                answer = await client.get(server.url)
                assert answer.content == b"there"
                assert isinstance(client, AsyncClient)

        ways.run("trio", main)


def test_a_backend_of_ones_own(backend_calls: list[str]) -> None:
    """`backend=` takes the place of the client's own."""

    class Backend(httpcore.SyncBackend):
        async def resolve(self, *args: typing.Any) -> typing.Any:
            backend_calls.append("resolve")
            return await super().resolve(*args)

    with RawServer.replies([response(b"there")]) as server, Client(backend=Backend()) as client:
        assert client.get(server.url).content == b"there"
    assert backend_calls == ["resolve"]


@pytest.fixture
def backend_calls() -> list[str]:
    return []


async def test_what_is_no_request(make_client: MakeClient) -> None:
    """A URL is not sent, and the error says how it is."""
    with pytest.raises(
        TypeError, match=r"takes a Request, not str; request\(\) takes a method and"
    ):
        await make_client().send("http://example.org")  # type: ignore[arg-type]
