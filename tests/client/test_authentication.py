"""Auth flows in clients: rounds, whose auth a request gets, and to whom it never goes."""

from __future__ import annotations

import asyncio
import base64
import collections.abc
import contextlib
import pathlib
import threading
import typing

import pytest
import trio

import httpcore
from httpcore import Auth, ConcurrencyBackend, MockDispatch, Request, Response
from httpcore.client import authentication
from httpcore.driver import run_sync
from httpcore.policy.auth import AuthFlow
from tests.conftest import MakeClient
from tests.servers.raw import RawConnection, RawServer, response

URL = "http://example.org/"


# Rounds.


class Challenge(Auth):
    """Answers a 401 by its realm, as Digest and its like do."""

    def flow(self, request: Request) -> AuthFlow:
        answer = yield request
        while answer.status_code == 401:
            request.headers["Authorization"] = answer.headers["WWW-Authenticate"]
            answer = yield request


def asking(times: int) -> collections.abc.Callable[[RawConnection], None]:
    """A server that answers that many requests with 401, then echoes."""

    def handler(connection: RawConnection) -> None:
        for number in range(times):
            connection.read_request()
            field = ("WWW-Authenticate", f"Token {number}")
            connection.send(response(b"who?", "401 Unauthorized", [field]))
        while True:
            request = connection.read_request()
            connection.send(response(request.body, headers=[("X-Seen", "1")]))

    return handler


def hang_up(connection: RawConnection) -> None:
    connection.read_request()


async def test_rounds(make_client: MakeClient) -> None:
    """Each round goes out on the same connection with the same body; the last answer counts."""
    with RawServer(asking(2)) as server:
        client = make_client(auth=Challenge())
        answer = await client.post(server.url, content=b"body")
        assert (answer.status_code, answer.content, answer.history) == (200, b"body", [])
        assert len(server.connections) == 1
    authorizations = [request.header("Authorization") for request in server.requests]
    assert authorizations == [None, "Token 0", "Token 1"]
    assert {request.body for request in server.requests} == {b"body"}


async def test_rounds_are_kept_apart(make_client: MakeClient) -> None:
    """What was sent in the first round does not change in the second."""
    answers = iter([Response(401, {"WWW-Authenticate": "Token"}), Response(200)])
    dispatch = MockDispatch(lambda request: next(answers))
    await make_client(dispatch=dispatch, auth=Challenge()).get(URL)
    assert seen(dispatch) == [None, "Token"]


async def test_rounds_without_the_body(make_client: MakeClient) -> None:
    """A body that cannot be sent again is an error before the second round."""
    with RawServer(asking(1)) as server:
        client = make_client(auth=Challenge())
        with pytest.raises(httpcore.RedirectBodyUnavailable, match="demand for credentials"):
            await client.post(server.url, content=iter([b"body"]))
        assert len(server.requests) == 1


async def test_flow_that_raises(make_client: MakeClient) -> None:
    """Its error comes out bare, and the client works on."""

    class Failing(Auth):
        def flow(self, request: Request) -> AuthFlow:
            yield request
            raise LookupError("told")

    with RawServer(asking(0)) as server:
        client = make_client()
        with pytest.raises(LookupError, match="told"):
            await client.get(server.url, auth=Failing())
        assert (await client.get(server.url)).status_code == 200


async def test_flow_is_closed_when_sending_fails(make_client: MakeClient) -> None:
    """Its `finally` runs."""
    ended = []

    class Noting(Auth):
        def flow(self, request: Request) -> AuthFlow:
            try:
                yield request
            finally:
                ended.append(True)

    with RawServer(hang_up) as server, pytest.raises(httpcore.RemoteProtocolError):
        await make_client().get(server.url, auth=Noting())
    assert ended == [True]


async def test_flow_without_a_request(make_client: MakeClient) -> None:
    """A flow that yields nothing is a mistake that is named."""

    class Empty(Auth):
        def flow(self, request: Request) -> AuthFlow:
            yield from ()

    with pytest.raises(TypeError, match="did not yield a request"):
        await make_client().get(URL, auth=Empty())


# Which auth a request gets.  The mock notes what would be sent.


def seen(dispatch: MockDispatch) -> list[str | None]:
    return [request.headers.get("Authorization") for request in dispatch.requests]


@pytest.fixture
def dispatch() -> MockDispatch:
    return MockDispatch(lambda request: Response(200))


USER = "Basic dXNlcjpwYXNz"


async def test_of_the_client(make_client: MakeClient, dispatch: MockDispatch) -> None:
    """It goes with every request; a call may have its own, or none."""
    client = make_client(dispatch=dispatch, auth=("user", "pass"))
    await client.get(URL)
    await client.get(URL, auth=("u", "p"))
    await client.get(URL, auth=None)
    await client.get(URL, headers={"X": "1"})
    assert seen(dispatch) == [USER, "Basic dTpw", None, USER]


async def test_header_of_the_call(make_client: MakeClient, dispatch: MockDispatch) -> None:
    """An Authorization header beats the client's auth and the URL's, not the call's."""
    client = make_client(dispatch=dispatch, auth=("user", "pass"))
    mine = {"authorization": "mine"}
    await client.get(URL, headers=mine)
    await client.get("http://u:p@example.org", headers=iter(mine.items()))
    await client.send(Request("GET", URL, headers=mine))
    await client.get(URL, headers=mine, auth=("u", "p"))
    assert seen(dispatch) == ["mine", "mine", "mine", "Basic dTpw"]
    other = make_client(dispatch=dispatch, headers=mine)
    await other.get("http://u:p@example.org")
    await other.get("http://u:p@example.org", headers={"Authorization": None})
    assert seen(dispatch)[4:] == ["mine", "Basic dTpw"]


async def test_url_and_client(make_client: MakeClient, dispatch: MockDispatch) -> None:
    """The client's auth beats the URL's credentials."""
    client = make_client(dispatch=dispatch, auth=("user", "pass"))
    await client.get("http://u:p@example.org")
    assert seen(dispatch) == [USER]


async def test_cr4_pre(make_client: MakeClient, dispatch: MockDispatch) -> None:
    """A user with a colon in the URL is refused before anything is sent."""
    with pytest.raises(ValueError, match="must not contain a colon"):
        await make_client(dispatch=dispatch).get("http://a%3Ab:p@example.org")
    assert dispatch.requests == []


async def test_cr5_bound_to_the_base_url(make_client: MakeClient, dispatch: MockDispatch) -> None:
    """With a base_url the client's auth goes to its origin only, also by way of a redirect."""

    def handler(request: Request) -> Response:
        if request.url.path == "/api/away":
            return Response(302, {"Location": "http://other.org/a"})
        return Response(401, {"WWW-Authenticate": 'Basic realm="a"'})

    dispatch = MockDispatch(handler)
    client = make_client(
        dispatch=dispatch, base_url="http://example.org/api", auth=("user", "pass")
    )
    await client.get("/users")
    await client.get("http://example.org/elsewhere")
    assert (await client.get("http://other.org/")).status_code == 401
    assert (await client.get("http://example.org:8080/")).status_code == 401
    assert (await client.get("away")).status_code == 401
    assert seen(dispatch) == [USER, USER, None, None, USER, None]
    await client.get("http://other.org/", auth=("u", "p"))
    assert seen(dispatch)[-1] == "Basic dTpw"


async def test_the_request_stays_clean(make_client: MakeClient, dispatch: MockDispatch) -> None:
    """Credentials are not left in a request that the caller may send elsewhere."""
    request = Request("GET", URL)
    client = make_client(dispatch=dispatch, auth=("user", "pass"))
    answer = await client.send(request)
    assert "Authorization" not in request.headers
    assert typing.cast("Request", answer.request).headers["Authorization"] == USER
    await client.send(request, auth=None)
    assert seen(dispatch) == [USER, None]


async def test_credentials_follow_within_the_origin(make_client: MakeClient) -> None:
    """Those of the first URL are kept when a redirect names the same origin without them."""

    def handler(request: Request) -> Response:
        if request.url.path == "/a":
            return Response(302, {"Location": "http://example.org/b"})
        if request.url.path == "/b":
            return Response(302, {"Location": "http://x:y@other.org/c"})
        return Response(200)

    dispatch = MockDispatch(handler)
    await make_client(dispatch=dispatch).get("http://u:p@example.org/a")
    assert seen(dispatch) == ["Basic dTpw", "Basic dTpw", "Basic eDp5"]


# What a flow may do.


async def test_flows_see_the_clients_own_responses(make_client: MakeClient, way: str) -> None:
    """A `Response` under `Client`, an `AsyncResponse` under `AsyncClient`; one flow for both."""
    seen_classes = []

    class Looking(Auth):
        def flow(self, request: Request) -> AuthFlow:
            answer = yield request
            seen_classes.append(type(answer))
            answer = yield request
            seen_classes.append(type(answer))

    with RawServer(asking(1)) as server:
        answer = await make_client(auth=Looking()).get(server.url)
        assert answer.status_code == 200
    expected = httpcore.Response if way == "sync" else httpcore.AsyncResponse
    assert seen_classes == [expected, expected]


@pytest.mark.parametrize("stream", [False, True])
async def test_requires_response_body(make_client: MakeClient, stream: bool) -> None:
    """The flow finds the body read; the caller can still stream the last one."""
    bodies = []

    class Reading(Auth):
        requires_response_body = True

        def flow(self, request: Request) -> AuthFlow:
            answer = yield request
            bodies.append(answer.content)
            request.headers["Authorization"] = answer.text
            answer = yield request
            bodies.append(answer.content)

    with RawServer(asking(1)) as server:
        answer = await make_client(auth=Reading()).post(server.url, content=b"x", stream=stream)
        if stream:
            assert [part async for part in answer.stream()] == [b"x"]
        assert answer.content == b"x"
        assert len(server.connections) == 1
    assert bodies == [b"who?", b"x"]
    assert server.requests[1].header("Authorization") == "who?"


async def test_flows_that_wait(make_client: MakeClient, backend: ConcurrencyBackend) -> None:
    """What is awaitable is awaited for them; its errors arrive where they stand."""

    async def token() -> str:
        await backend.sleep(0.001)
        return "Token 0"

    async def failing() -> str:
        raise LookupError("told")

    class Waiting(Auth):
        def flow(self, request: Request) -> AuthFlow:
            request.headers["Authorization"] = yield token()
            answer = yield request
            body = yield answer.read() if isinstance(answer, httpcore.AsyncResponse) else token()
            assert body in (b"", "Token 0")
            with pytest.raises(LookupError, match="told"):
                yield failing()
            request.headers["Authorization"] = "Token 1"
            yield request

    with RawServer(asking(0)) as server:
        client = make_client(auth=Waiting())
        assert (await client.get(server.url)).status_code == 200
        assert (await client.get(server.url, auth=None)).status_code == 200
    authorizations = [request.header("Authorization") for request in server.requests]
    assert authorizations == ["Token 0", "Token 1", None]


async def test_flows_that_give_up_after_an_error(make_client: MakeClient) -> None:
    """They may end; the response that they had is then the caller's."""

    async def failing() -> None:
        raise LookupError("told")

    class GivingUp(Auth):
        def flow(self, request: Request) -> AuthFlow:
            yield request
            with contextlib.suppress(LookupError):
                yield failing()

    with RawServer(asking(1)) as server:
        answer = await make_client(auth=GivingUp()).get(server.url)
        assert (answer.status_code, answer.content) == (401, b"who?")


async def test_callables(make_client: MakeClient, dispatch: MockDispatch) -> None:
    """Plain and async ones, from request to request."""

    def plain(request: Request) -> Request:
        request.headers["Authorization"] = "plain"
        return request

    async def asynchronous(request: Request) -> Request:
        request.headers["Authorization"] = "async"
        return request

    client = make_client(dispatch=dispatch, auth=plain)
    await client.get(URL)
    await client.get(URL, auth=asynchronous)
    assert seen(dispatch) == ["plain", "async"]


def yielding(*steps: object) -> Auth:
    """An `Auth` whose flow yields that."""

    class Odd(Auth):
        def flow(self, request: Request) -> typing.Any:
            for step in steps:
                _ = yield step

        def __repr__(self) -> str:
            return "Odd()"

    return Odd()


def returning(value: object) -> Auth:
    """An `Auth` whose `flow` is no generator."""

    class Odd(Auth):
        def flow(self, request: Request) -> typing.Any:
            return value

    return Odd()


async def a_coroutine() -> None: ...


async def an_async_generator() -> collections.abc.AsyncGenerator[Request]:
    yield Request("GET", URL)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (yielding, r"the flow of Odd\(\) did not yield a request"),
        (lambda: yielding(None), r"the flow of Odd\(\) yielded NoneType; it has to yield requests"),
        (lambda: yielding("GET"), r"the flow of Odd\(\) yielded str; it has to yield requests"),
        (lambda: returning(None), r"flow\(\) of Odd has to be a generator .* returned NoneType"),
        (lambda: returning(Request("GET", URL)), "it returned Request"),
        (lambda: returning(a_coroutine()), "it returned coroutine"),
        (lambda: returning(an_async_generator()), "it returned async_generator"),
        (Auth, r"Auth has no flow\(\)"),
        (lambda: lambda request: "GET", "has to return a Request, not str"),
        (lambda: httpcore.BasicAuth, "was given the class BasicAuth; make an object of it"),
    ],
)
async def test_odd_flows(
    make_client: MakeClient, dispatch: MockDispatch, make: typing.Any, message: str
) -> None:
    """Each mistake is a TypeError that names it, before anything is sent."""
    with pytest.raises(TypeError, match=message):
        await make_client(dispatch=dispatch).get(URL, auth=make())
    assert dispatch.requests == []


async def test_odd_step_after_a_response(make_client: MakeClient) -> None:
    """The connection is given back."""
    with RawServer(asking(0)) as server:
        client = make_client()
        with pytest.raises(TypeError, match="yielded str"):
            await client.get(server.url, auth=yielding(Request("GET", server.url), "GET"))
        assert (await client.get(server.url)).status_code == 200


# Precedence.

HEADER = {"Authorization": "header"}
CALL, CLIENT, OF_URL, NETRC = (
    f"Basic {base64.b64encode(name.encode()).decode()}"
    for name in ("call:p", "client:p", "url:p", "netrc:p")
)


@pytest.fixture
def netrc(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> typing.Callable[[str], None]:
    """Writes the file that NETRC names."""

    def write(text: str) -> None:
        path = tmp_path / "netrc"
        path.write_text(text)
        monkeypatch.setenv("NETRC", str(path))

    return write


@pytest.mark.parametrize("as_default", [False, True], ids=["machine", "default"])
@pytest.mark.parametrize(
    ("call", "client", "url", "expected"),
    [
        ({"auth": ("call", "p")}, {"auth": ("client", "p")}, "url:p@", CALL),
        ({"auth": ("call", "p"), "headers": HEADER}, {}, "url:p@", CALL),
        ({"auth": None}, {"auth": ("client", "p")}, "url:p@", None),
        ({"auth": None, "headers": HEADER}, {}, "", "header"),
        ({"headers": HEADER}, {"auth": ("client", "p")}, "url:p@", "header"),
        ({}, {"headers": HEADER}, "", "header"),
        ({}, {"headers": HEADER}, "url:p@", "header"),
        ({"headers": {"Authorization": None}}, {"headers": HEADER}, "", NETRC),
        ({}, {"auth": ("client", "p")}, "url:p@", CLIENT),
        ({}, {}, "url:p@", OF_URL),
        ({}, {}, "", NETRC),
        ({}, {"trust_env": {"netrc"}}, "", NETRC),
        ({}, {"trust_env": {"ca", "proxy"}}, "", None),
        ({}, {"trust_env": False}, "", None),
    ],
)
async def test_cr3_precedence(
    make_client: MakeClient,
    dispatch: MockDispatch,
    netrc: typing.Any,
    as_default: bool,
    call: dict[str, typing.Any],
    client: dict[str, typing.Any],
    url: str,
    expected: str | None,
) -> None:
    """Call, client, URL, environment, in that order; a header beats all but the auth of a call."""
    netrc(f"{'default' if as_default else 'machine example.org'} login netrc password p")
    await make_client(dispatch=dispatch, **client).get(f"http://{url}example.org/", **call)
    assert seen(dispatch) == [expected]


@pytest.mark.parametrize("text", ["garbage", "machine"])
async def test_cr3_bad_netrc(
    make_client: MakeClient, dispatch: MockDispatch, netrc: typing.Any, text: str
) -> None:
    """The request is sent all the same."""
    netrc(text)
    with pytest.warns(UserWarning, match="netrc file .* is ignored: line 1 is malformed"):
        client = make_client(dispatch=dispatch)
    await client.get(URL)
    assert seen(dispatch) == [None]


async def test_cr1_host_in_the_credentials(
    make_client: MakeClient, dispatch: MockDispatch, netrc: typing.Any
) -> None:
    """Logins are for the host that is connected to, not for what looks like one in the URL."""
    netrc("machine good.com login secret password secret")
    client = make_client(dispatch=dispatch)
    await client.get("http://good.com:@evil.com/")
    await client.get("http://evil.com/@good.com/")
    await client.get("http://evil.com#@good.com/")
    await client.get("http://GOOD.com:8080/")
    own = "Basic " + base64.b64encode(b"good.com:").decode()
    login = "Basic " + base64.b64encode(b"secret:secret").decode()
    assert seen(dispatch) == [own, None, None, login]


# Redirects.


class Hops:
    """A dispatcher in which the n-th request is redirected to the n-th of `urls`."""

    def __init__(self, *urls: str) -> None:
        self._urls = iter(urls)
        self.dispatch = MockDispatch(self._answer)

    def _answer(self, request: Request) -> Response:
        location = next(self._urls, None)
        return Response(200) if location is None else Response(302, {"Location": location})


@pytest.mark.parametrize("by_hand", [False, True])
@pytest.mark.parametrize(
    ("text", "urls", "expected"),
    [
        ("machine a.org {}", ["http://b.org/"], [True, False]),
        ("default {}", ["http://b.org/"], [True, False]),
        ("machine a.org {} default {}", ["http://b.org/"], [True, False]),
        ("default {}", ["http://default/"], [True, False]),
        ("machine b.org {}", ["http://b.org/"], [False, True]),
        ("machine a.org {}", ["http://a.org/x"], [True, True]),
        ("default {}", ["http://a.org/x"], [True, True]),
        ("machine a.org {}", ["https://a.org/"], [True, True]),
        ("machine a.org {}", ["http://a.org:8080/"], [True, False]),
        # What was left does not come back.
        ("machine a.org {}", ["http://b.org/", "http://a.org/x"], [True, False, False]),
        (
            "machine a.org {} machine b.org {}",
            ["http://b.org/", "http://a.org/x"],
            [True, True, False],
        ),
        # Nor is a login sent in clear because of a redirect.
        ("machine a.org {}", ["https://b.org/", "http://a.org:8080/"], [True, False, False]),
        ("machine c.org {}", ["https://b.org/", "http://c.org/"], [False, False, False]),
        ("machine c.org {}", ["https://b.org/", "https://c.org/"], [False, False, True]),
    ],
)
async def test_cr2_netrc_and_redirects(
    make_client: MakeClient,
    netrc: typing.Any,
    text: str,
    urls: list[str],
    expected: list[bool],
    by_hand: bool,
) -> None:
    """A host gets its own login, never that of the one before."""
    netrc(text.format(*["login u password p"] * 2))
    hops = Hops(*urls)
    client = make_client(dispatch=hops.dispatch)
    answer = await client.get("http://a.org/", allow_redirects=not by_hand)
    while answer.is_redirect:
        answer = await answer.next()
    assert [value is not None for value in seen(hops.dispatch)] == expected


async def test_no_auth_stays_none(make_client: MakeClient, netrc: typing.Any) -> None:
    """`auth=None` holds for all that a call leads to."""
    netrc("machine b.org login u password p")
    hops = Hops("http://b.org/", "http://u:p@c.org/")
    await make_client(dispatch=hops.dispatch).get("http://a.org/", auth=None)
    assert seen(hops.dispatch) == [None, None, None]


AUTHS: dict[str, typing.Callable[[], Auth]] = {
    "basic": lambda: httpcore.BasicAuth("user", "pass"),
    "digest": lambda: httpcore.DigestAuth("user", "pass"),
    "bearer": lambda: httpcore.BearerAuth(lambda: "token"),
}


@pytest.mark.parametrize("name", AUTHS)
async def test_cr5_other_origins(make_client: MakeClient, name: str) -> None:
    """By call or by redirect: no credentials to another origin, whose 401 is the answer."""

    def handler(request: Request) -> Response:
        if request.url.path == "/away":
            return Response(302, {"Location": "http://other.org/"})
        return Response(401, {"WWW-Authenticate": 'Digest realm="a", nonce="b", Basic, Bearer'})

    dispatch = MockDispatch(handler)
    client = make_client(dispatch=dispatch, base_url="http://example.org", auth=AUTHS[name]())
    await client.get("/")
    assert any(value is not None for value in seen(dispatch))
    del dispatch.requests[:]
    assert (await client.get("http://other.org/")).status_code == 401
    assert (await client.get("https://example.org/")).status_code == 401
    assert seen(dispatch) == [None, None]
    assert (await client.get("/away")).status_code == 401
    assert seen(dispatch)[-1] is None
    assert dispatch.requests[-1].url == "http://other.org/"


# Digest in a client.


@pytest.mark.parametrize("lines", [1, 2])
async def test_cr12_digest_among_others(make_client: MakeClient, lines: int) -> None:
    """It is found behind a Basic whose realm speaks of it."""
    challenges = ['Basic realm="a, Digest b"', 'Digest realm="c", nonce="d"']

    def handler(request: Request) -> Response:
        if "Authorization" in request.headers:
            return Response(200)
        values = challenges if lines == 2 else [", ".join(challenges)]
        return Response(401, [("WWW-Authenticate", value) for value in values])

    client = make_client(dispatch=MockDispatch(handler), auth=httpcore.DigestAuth("u", "p"))
    answer = await client.get(URL)
    assert answer.status_code == 200
    assert 'realm="c", nonce="d"' in answer.request.headers["Authorization"]


@pytest.mark.parametrize("piece", [b"\xa0", b",", b'"'])
async def test_cr13_hostile_challenge(make_client: MakeClient, piece: bytes) -> None:
    """64 KiB of nonsense are a 401 like any other."""
    field = (b"WWW-Authenticate", b"Digest " + piece * (64 * 1024))
    dispatch = MockDispatch(lambda request: Response(401, [field]))
    client = make_client(dispatch=dispatch, auth=httpcore.DigestAuth("u", "p"))
    assert (await client.get(URL)).status_code == 401
    assert len(dispatch.requests) == 1


async def test_digest_of_a_body_that_is_used_up(make_client: MakeClient) -> None:
    """It is said before the second round, also where the hash of the body is asked for."""
    field = ("WWW-Authenticate", 'Digest realm="a", nonce="b", qop="auth-int"')

    def handler(connection: RawConnection) -> None:
        connection.read_request()
        connection.send(response(b"who?", "401 Unauthorized", [field]))
        connection.wait_closed()

    with RawServer(handler) as server:
        client = make_client(auth=httpcore.DigestAuth("u", "p"))
        with pytest.raises(httpcore.RedirectBodyUnavailable, match="demand for credentials"):
            await client.post(server.url, content=iter([b"body"]))


async def test_tm8_rounds_count_as_one(make_client: MakeClient) -> None:
    """total_timeout is for a redirect, the rounds of auth and the body together."""

    def handler(connection: RawConnection) -> None:
        answers = [
            response(b"", "302 Found", [("Location", "/a")]),
            response(b"", "401 Unauthorized", [("WWW-Authenticate", "Digest realm=a, nonce=b")]),
            response(b"x" * 10),
        ]
        for answer, seconds in zip(answers, (0.4, 0.4, 0.9), strict=True):
            connection.read_request()
            connection.wait_closed(seconds)
            connection.send(answer)
        connection.wait_closed()

    with RawServer(handler) as server:
        client = make_client(auth=httpcore.DigestAuth("u", "p"))
        limits = httpcore.TimeoutConfig(total_timeout=1)
        with pytest.raises(httpcore.TotalTimeout, match="1 s"):
            await client.get(server.url, timeout=limits)


# One token for many.

MANY = 50


class TokenServer:
    """
    Hands out the tokens t1, t2, ... at `/token`, and lets in who has that of `valid`.

    Those who have another one are refused all at once, when there are `MANY`.
    """

    def __init__(self) -> None:
        self.valid = 1
        self.given = 0
        self.broken = False
        self._all_here = threading.Barrier(MANY)

    def __call__(self, connection: RawConnection) -> None:
        while True:
            request = connection.read_request()
            if request.target == "/token":
                self.given += 1
                status = "500 Oops" if self.broken else "200 OK"
                connection.send(response(b"t%d" % self.given, status))
            elif request.header("Authorization") == f"Bearer t{self.valid}":
                connection.send(response(b"in"))
            else:
                self._all_here.wait(20)
                connection.send(response(b"out", "401 Unauthorized"))


async def together(
    way: str, work: typing.Callable[[], collections.abc.Coroutine[typing.Any, typing.Any, object]]
) -> list[object]:
    """Do `work` `MANY` times at once, in tasks or in threads; what came of each."""
    results: list[object] = []

    async def one() -> None:
        try:
            results.append(await work())
        except Exception as exc:
            results.append(exc)

    if way == "asyncio":
        await asyncio.gather(*[one() for _ in range(MANY)])
    elif way == "trio":
        async with trio.open_nursery() as nursery:
            for _ in range(MANY):
                nursery.start_soon(one)
    else:
        threads = [threading.Thread(target=lambda: run_sync(one())) for _ in range(MANY)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    return results


async def test_cr14_one_renewal(make_client: MakeClient, way: str) -> None:
    """Fifty whose token has died wait for one renewal, for which they leave a connection free."""
    tokens = TokenServer()
    with RawServer(tokens) as server:

        async def source() -> str:
            return (await client.post(f"{server.url}/token", auth=None)).text

        client = make_client(
            auth=httpcore.BearerAuth(source),
            pool_limits=httpcore.PoolLimits(MANY, MANY),
            timeout=20,
        )
        assert (await client.get(server.url)).content == b"in"
        tokens.valid = 2

        async def work() -> bytes:
            return (await client.get(server.url)).content

        assert await together(way, work) == [b"in"] * MANY
        assert tokens.given == 2


async def test_nothing_stays_of_a_renewal(make_client: MakeClient, dispatch: MockDispatch) -> None:
    """Who has waited for a token is not on the way to one any more."""
    before = authentication._aboard.get()
    await make_client(dispatch=dispatch, auth=httpcore.BearerAuth(lambda: "token")).get(URL)
    assert authentication._aboard.get() == before


async def test_cr14_failed_renewal(
    make_client: MakeClient, way: str, backend: ConcurrencyBackend
) -> None:
    """Its error reaches all who waited for it; who comes later asks again."""
    tokens = TokenServer()
    on_board: list[object] = []

    class Flights(dict[object, typing.Any]):
        def setdefault(self, run: object, flight: object = None) -> typing.Any:
            found = super().setdefault(run, flight)
            on_board.append(found)
            return found

    with RawServer(tokens) as server:

        async def source() -> str:
            if tokens.broken:
                while len(on_board) < MANY:
                    await backend.sleep(0.01)
            answer = await client.post(f"{server.url}/token", auth=None)
            answer.raise_for_status()
            return answer.text

        auth = httpcore.BearerAuth(source)
        client = make_client(
            auth=auth,
            pool_limits=httpcore.PoolLimits(MANY, 2 * MANY),
            timeout=20,
        )
        await client.get(server.url)
        auth._token = auth._token._replace(flights=Flights())
        tokens.valid, tokens.broken = 3, True

        async def work() -> bytes:
            return (await client.get(server.url)).content

        errors = await together(way, work)
        assert {type(error) for error in errors} == {httpcore.HTTPError}
        assert tokens.given == 2
        tokens.broken = False
        tokens._all_here = threading.Barrier(1)
        assert await work() == b"in"
        assert tokens.given == 3


async def test_cr14_a_source_that_needs_its_own_token(
    make_client: MakeClient, dispatch: MockDispatch
) -> None:
    """It would wait for itself: an error says what to do."""

    async def source() -> str:
        return (await client.get(URL)).text

    client = make_client(dispatch=dispatch, auth=httpcore.BearerAuth(source))
    with pytest.raises(RuntimeError, match=r"needs that token itself; .* auth=None"):
        await client.get(URL)
    with pytest.raises(RuntimeError, match="needs that token itself"):
        await client.get(URL)
    assert dispatch.requests == []


@pytest.mark.ways("asyncio")
async def test_cr14_cancelled_renewal(make_client: MakeClient, dispatch: MockDispatch) -> None:
    """Where the one who does it is cancelled, one of those who wait begins anew."""
    begun = asyncio.Event()
    calls = 0

    async def source() -> str:
        nonlocal calls
        calls += 1
        if calls == 1:
            begun.set()
            await asyncio.sleep(60)
        return "token"

    client = make_client(dispatch=dispatch, auth=httpcore.BearerAuth(source))
    first = asyncio.create_task(client.get(URL))
    await begun.wait()
    others = [asyncio.create_task(client.get(URL)) for _ in range(3)]
    await asyncio.sleep(0)
    first.cancel()
    answers = await asyncio.gather(first, *others, return_exceptions=True)
    assert isinstance(answers[0], asyncio.CancelledError)
    assert seen(dispatch) == ["Bearer token"] * 3
    assert calls == 2


@pytest.mark.ways("asyncio")
async def test_cr14_impatient(make_client: MakeClient, dispatch: MockDispatch) -> None:
    """Who waits for a renewal does so within total_timeout."""
    begun, end = asyncio.Event(), asyncio.Event()

    async def source() -> str:
        begun.set()
        await end.wait()
        return "token"

    client = make_client(dispatch=dispatch, auth=httpcore.BearerAuth(source))
    first = asyncio.create_task(client.get(URL))
    await begun.wait()
    message = r"waiting for the credentials of BearerAuth\(\[secret\]\) timed out after 0\.1 s"
    with pytest.raises(httpcore.TotalTimeout, match=message):
        await client.get(URL, timeout=httpcore.TimeoutConfig(total_timeout=0.1))
    end.set()
    assert (await first).status_code == 200
