"""Auth flows by hand, as the plain generators that they are, and with which request they go."""

from __future__ import annotations

import collections.abc
import pickle
import typing

import pytest

import httpcore
from httpcore import Auth, BasicAuth, MockDispatch, Request, Response
from httpcore.policy.auth import AuthFlow, auth_from, auth_of_url
from tests.conftest import MakeClient
from tests.servers.raw import RawConnection, RawServer, response

URL = "http://example.org/"


def sent(auth: Auth, request: Request | None = None) -> Request:
    """The only request of a flow."""
    flow = auth.flow(request or Request("GET", URL))
    first = next(flow)
    with pytest.raises(StopIteration):
        flow.send(Response(200))
    return first


# Flows.


def test_the_base_sends_the_request_as_it_is() -> None:
    """`Auth` itself does nothing."""
    request = Request("GET", URL)
    assert sent(Auth(), request) is request
    assert "Authorization" not in request.headers


@pytest.mark.parametrize(
    ("user", "password", "value"),
    [
        ("Aladdin", "open sesame", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="),
        (b"Aladdin", b"open sesame", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="),
        ("", "", "Basic Og=="),
        ("u@x", "p:", "Basic dUB4OnA6"),
        ("\u00fc", "\u00fc", "Basic w7w6w7w="),
    ],
)
def test_cr4_basic(user: str | bytes, password: str | bytes, value: str) -> None:
    """User and password in UTF-8 (RFC 7617 section 2); only the user may have no colon."""
    assert sent(BasicAuth(user, password)).headers["Authorization"] == value


def test_cr4_a_long_password_is_one_line() -> None:
    """No line break gets into the header."""
    value = sent(BasicAuth("user", "p" * 300)).headers["Authorization"]
    assert "\n" not in value
    assert len(value) > 400


@pytest.mark.parametrize("user", ["a:b", b"a:b"])
def test_cr4_a_user_with_a_colon(user: str | bytes) -> None:
    """The scheme cannot carry it."""
    with pytest.raises(ValueError, match="must not contain a colon"):
        BasicAuth(user, "")


@pytest.mark.parametrize(("user", "password"), [(None, ""), ("", 5), ([], "")])
def test_basic_of_something_else(user: typing.Any, password: typing.Any) -> None:
    """User and password are text."""
    with pytest.raises(TypeError, match="a user name or password is str or bytes, not"):
        BasicAuth(user, password)


def test_basic_is_a_secret_value() -> None:
    """Equal ones are equal; `repr` shows nothing; it pickles."""
    auth = BasicAuth("user", "pass")
    assert auth == BasicAuth(b"user", b"pass") != BasicAuth("user", "other")
    assert hash(auth) == hash(BasicAuth("user", "pass"))
    assert auth != "Basic"
    assert repr(auth) == "BasicAuth([secret])"
    assert pickle.loads(pickle.dumps(auth)) == auth


def test_callable() -> None:
    """A function from request to request."""

    def add_token(request: Request) -> Request:
        request.headers["X-Token"] = "abc"
        return request

    auth = auth_from(add_token)
    assert auth is not None
    assert sent(auth).headers["X-Token"] == "abc"


def test_callable_that_forgets_to_return() -> None:
    """The typical mistake is named."""
    auth = auth_from(typing.cast("typing.Any", lambda request: None))
    assert auth is not None
    with pytest.raises(TypeError, match="has to return a Request, not NoneType"):
        next(auth.flow(Request("GET", URL)))


def test_what_auth_takes() -> None:
    """A pair, an `Auth`, a callable or nothing."""
    auth = BasicAuth("user", "pass")
    assert auth_from(auth) is auth
    assert auth_from(None) is None
    assert auth_from(("user", "pass")) == auth


@pytest.mark.parametrize("auth", ["user:pass", ("user",), ("a", "b", "c"), 5])
def test_what_auth_does_not_take(auth: typing.Any) -> None:
    """Anything else is a TypeError that says what could be given."""
    with pytest.raises(TypeError, match=r"takes \(user, password\), an Auth or a callable"):
        auth_from(auth)


@pytest.mark.parametrize(
    ("url", "auth"),
    [
        ("http://u%40x:p%3A@h/", BasicAuth("u@x", "p:")),
        ("http://u@h/", BasicAuth("u", "")),
        ("http://:p@h/", BasicAuth("", "p")),
        ("http://h/", None),
        ("http://@h/", None),
    ],
)
def test_cr4_credentials_in_the_url(url: str, auth: Auth | None) -> None:
    """They are decoded, and are no part of Host."""
    request = Request("GET", url)
    request.prepare()
    assert auth_of_url(request) == auth
    assert request.headers["Host"] == "h"


def test_credentials_in_the_url_and_a_header() -> None:
    """A header says more."""
    request = Request("GET", "http://u:p@h/", headers={"authorization": "mine"})
    assert auth_of_url(request) is None


# In a client.


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
