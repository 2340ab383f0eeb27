"""One call around a dispatcher: what is told about it, and what is done on its behalf."""

from __future__ import annotations

import logging

import pytest

import httpcore
from httpcore import MockDispatch, Request, Response
from tests.conftest import MakeClient
from tests.servers.raw import RawConnection, RawServer, response

URL = "http://example.org/"


async def test_log_line(make_client: MakeClient, caplog: pytest.LogCaptureFixture) -> None:
    """Each exchange is one DEBUG line on the logger `httpcore`, with its secrets masked."""
    client = make_client(dispatch=MockDispatch(lambda request: Response(404)))
    with caplog.at_level(logging.DEBUG, "httpcore"):
        await client.get("http://user:secret@example.org/a?token=secret")
    (record,) = caplog.records
    assert (record.name, record.levelname) == ("httpcore", "DEBUG")
    assert record.getMessage().startswith(
        "GET http://[secure]@example.org/a?token=[secure] answered 404 over HTTP/1.1 in "
    )


async def test_no_log_line(make_client: MakeClient, caplog: pytest.LogCaptureFixture) -> None:
    """Nothing is logged at INFO."""
    client = make_client(dispatch=MockDispatch(lambda request: Response(404)))
    with caplog.at_level(logging.INFO, "httpcore"):
        await client.get(URL)
    assert caplog.records == []


async def test_errors_know_their_request(make_client: MakeClient) -> None:
    """An error that a dispatcher did not say it for gets the request that was sent."""

    def handler(request: Request) -> Response:
        raise httpcore.ReadError("told")

    with pytest.raises(httpcore.ReadError) as caught:
        await make_client(dispatch=MockDispatch(handler)).get(URL)
    assert caught.value.request is not None
    assert caught.value.request.url == URL


async def test_errors_keep_their_request(make_client: MakeClient) -> None:
    """One that names a request already, of an inner exchange say, keeps it."""
    inner = Request("GET", "http://inner.org")

    def handler(request: Request) -> Response:
        raise httpcore.ReadError("told", request=inner)

    with pytest.raises(httpcore.ReadError) as caught:
        await make_client(dispatch=MockDispatch(handler)).get(URL)
    assert caught.value.request is inner


async def test_responses_know_their_request(make_client: MakeClient) -> None:
    """A dispatcher need not say which request it answered."""

    class Forgetful(httpcore.Dispatcher):
        async def send(self, request: Request, *args: object, **options: object) -> Response:
            return Response(200)

    answer = await make_client(dispatch=Forgetful()).get(URL)
    assert answer.request is not None
    assert answer.url == URL


async def test_expectation_failed(make_client: MakeClient) -> None:
    """A 417 is answered by the request without its Expect, once; the caller's keeps it."""

    def handler(connection: RawConnection) -> None:
        assert connection.read_head().header("Expect") == "100-continue"
        connection.send(response(b"no", "417 Expectation Failed"))
        connection.wait_closed()

    def twice(connection: RawConnection) -> None:
        if len(server.connections) == 1:
            handler(connection)
        else:
            request = connection.read_request()
            connection.send(response(request.body + str(request.header("Expect")).encode()))

    with RawServer(twice) as server:
        request = Request("POST", server.url, content=b"body", headers={"Expect": "100-continue"})
        answer = await make_client().send(request)
        assert answer.content == b"bodyNone"
        assert request.headers["Expect"] == "100-continue"


async def test_redirects_of_a_request_by_hand(make_client: MakeClient) -> None:
    """The request that was given is not changed by where it leads."""
    dispatch = MockDispatch(
        lambda request: (
            Response(200) if request.url.path == "/b" else Response(303, {"Location": "/b"})
        )
    )
    request = Request("POST", URL, content=b"body")
    answer = await make_client(dispatch=dispatch).send(request)
    assert (request.method, request.content) == ("POST", b"body")
    assert [sent.method for sent in dispatch.requests] == ["POST", "GET"]
    assert answer.history[0].request is request
