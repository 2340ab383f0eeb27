"""`MockDispatch`, for the tests of those who use this library."""

from __future__ import annotations

import typing

import pytest

import httpcore
from httpcore import MockDispatch, Request, Response
from httpcore.driver import run_sync
from tests.conftest import MakeClient

URL = "http://example.org/"


async def test_answers(make_client: MakeClient) -> None:
    """The handler's response is the answer, with the request on it."""
    dispatch = MockDispatch(lambda request: Response(201, {"X": "1"}, request.url.path))
    client = make_client(dispatch=dispatch)
    answer = await client.get(f"{URL}a")
    assert (answer.status_code, answer.text, answer.headers["X"]) == (201, "/a", "1")
    assert answer.request is dispatch.requests[0]


async def test_requests_are_kept(make_client: MakeClient) -> None:
    """Every request, as it would be sent, in order."""
    dispatch = MockDispatch(lambda request: Response(200))
    client = make_client(dispatch=dispatch)
    await client.post(URL, json={"a": 1})
    await client.delete(f"{URL}b")
    assert [request.method for request in dispatch.requests] == ["POST", "DELETE"]
    assert dispatch.requests[0].content == b'{"a":1}'
    assert dispatch.requests[0].headers["Host"] == "example.org"
    assert dispatch.requests[0].headers["Content-Length"] == "7"


async def test_async_handlers(make_client: MakeClient) -> None:
    """A handler may be an async function; under `Client` it must not wait."""

    async def handler(request: Request) -> Response:
        return Response(200, content=await request.read())

    answer = await make_client(dispatch=MockDispatch(handler)).post(URL, content=b"body")
    assert answer.content == b"body"


async def test_streams(make_client: MakeClient) -> None:
    """A body out of an iterable is streamed, or read, as the caller wants."""
    dispatch = MockDispatch(lambda request: Response(200, content=iter([b"a", b"b"])))
    client = make_client(dispatch=dispatch)
    answer = await client.get(URL, stream=True)
    with pytest.raises(httpcore.ResponseNotRead):
        _ = answer.content
    assert [piece async for piece in answer.stream()] == [b"a", b"b"]
    assert (await client.get(URL)).content == b"ab"


async def test_one_response_many_times(make_client: MakeClient) -> None:
    """What a handler returns twice is the answer to each of the two requests."""
    same = Response(200, content=b"same")
    client = make_client(dispatch=MockDispatch(lambda request: same))
    first = await client.get(f"{URL}a")
    second = await client.get(f"{URL}b")
    assert (first.url.path, second.url.path) == ("/a", "/b")
    assert first.content == second.content == b"same"
    assert same.request is None


async def test_errors(make_client: MakeClient) -> None:
    """What the handler raises comes out, an error of the library with the request on it."""

    def handler(request: Request) -> Response:
        if request.url.path == "/lookup":
            raise LookupError("told")
        raise httpcore.ConnectTimeout("told")

    client = make_client(dispatch=MockDispatch(handler))
    with pytest.raises(LookupError):
        await client.get(f"{URL}lookup")
    with pytest.raises(httpcore.ConnectTimeout) as caught:
        await client.get(URL)
    assert caught.value.request is not None


async def test_redirects(make_client: MakeClient) -> None:
    """Everything above the dispatcher works as ever."""

    def handler(request: Request) -> Response:
        if request.url.path == "/":
            return Response(302, {"Location": "/b"}, iter([b"moved"]))
        return Response(200, content=b"there")

    answer = await make_client(dispatch=MockDispatch(handler)).get(URL)
    assert (answer.text, len(answer.history)) == ("there", 1)


@pytest.mark.parametrize("value", [None, b"body", 200])
async def test_something_else(make_client: MakeClient, value: typing.Any) -> None:
    """A handler that forgets to return a response is told so."""
    client = make_client(dispatch=MockDispatch(lambda request: value))
    with pytest.raises(TypeError, match=f"has to return a Response, not {type(value).__name__}"):
        await client.get(URL)


def test_on_its_own() -> None:
    """It is a dispatcher like any other."""
    dispatch = MockDispatch(lambda request: Response(200, content=iter([b"a"])))
    assert run_sync(dispatch.request("GET", URL)).content == b"a"
