"""Credentials for a proxy: an `Auth` is told in an origin's words what the proxy says."""

from __future__ import annotations

import typing

import pytest

from httpcore import AsyncResponse, Auth, Proxy, Request
from httpcore.dispatch.proxy_auth import Rounds, refusal

URL = "http://example.org/a?b"


def demand() -> AsyncResponse:
    return AsyncResponse(
        407,
        {"Proxy-Authenticate": 'Test realm="r"', "X": "1", "Content-Encoding": "gzip"},
        request=None,
    )


async def test_basic() -> None:
    """User and password go along from the start; a 407 is the last word."""
    rounds = Rounds(Proxy("http://u:p@p", headers={"x-team": "b"}), request := Request("GET", URL))
    request.headers["X-Team"] = "a"
    first = await rounds.first()
    assert first.headers["Proxy-Authorization"] == "Basic dTpw"
    assert first.headers["X-Team"] == "b"
    assert await rounds.after(demand()) is None
    rounds.close()
    assert "Proxy-Authorization" not in request.headers


class Recording(Auth):
    """Notes what it sees, waits for something, and answers one challenge."""

    def __init__(self) -> None:
        self.seen: list[typing.Any] = []

    async def token(self) -> str:
        return "Test token"

    def flow(self, request: Request) -> typing.Any:
        self.seen.append((str(request.url), request.target, request.headers.get("Authorization")))
        request.headers["X-From-Flow"] = "1"
        response = yield request
        self.seen.append((response.status_code, response.headers.multi_items()))
        request.headers["Authorization"] = yield self.token()
        response = yield request
        self.seen.append((response.status_code, response.headers.multi_items()))


async def test_a_flow_is_closed() -> None:
    """Its `finally` runs when no more is sent, not when it is collected."""
    closed = []

    class Holding(Auth):
        def flow(self, request: Request) -> typing.Any:
            try:
                yield request
            finally:
                closed.append(True)

    rounds = Rounds(Proxy("http://p", auth=Holding()), Request("GET", URL))
    await rounds.first()
    assert closed == []
    rounds.close()
    assert closed == [True]


async def test_flow() -> None:
    """It sees a request to the proxy and a 401, and what it sets goes to the proxy."""
    auth = Recording()
    request = Request("GET", URL, headers={"Authorization": "Bearer o"})
    rounds = Rounds(Proxy("http://p:8080", auth=auth), request)
    first = await rounds.first()
    assert first.url == URL
    assert first.headers["Authorization"] == "Bearer o"
    assert first.headers["X-From-Flow"] == "1"
    assert "Proxy-Authorization" not in first.headers
    second = await rounds.after(demand())
    assert second is not None
    assert second.headers["Proxy-Authorization"] == "Test token"
    assert second.headers["Authorization"] == "Bearer o"
    answer = AsyncResponse(200, {"Proxy-Authentication-Info": "nextnonce=1"})
    assert await rounds.after(answer) is None
    rounds.close()
    assert auth.seen == [
        ("http://p:8080", b"/a?b", None),
        (401, [("WWW-Authenticate", 'Test realm="r"'), ("X", "1")]),
        (200, [("Authentication-Info", "nextnonce=1")]),
    ]


async def test_nothing_to_be_said_after_success() -> None:
    """What a flow yields after an answer that is no 407 is not sent."""

    class Insisting(Auth):
        def flow(self, request: Request) -> typing.Any:
            while True:
                yield request

    rounds = Rounds(Proxy("http://p", auth=Insisting()), Request("GET", URL))
    await rounds.first()
    assert await rounds.after(demand()) is not None
    assert await rounds.after(AsyncResponse(200)) is None
    rounds.close()


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (AsyncResponse(403, content=b"why\xff\n"), "x failed: the proxy answered 403 Forbidden: "),
        (AsyncResponse(502, reason_phrase=""), "x failed: the proxy answered 502"),
        (AsyncResponse(500, reason_phrase="r" * 10_000), "x failed: the proxy answered 500 rrr"),
        (AsyncResponse(500, content=b"\x00" * 10_000), "x failed: the proxy answered 500 Internal"),
    ],
)
def test_pr4_message(answer: AsyncResponse, message: str) -> None:
    """Status, reason and the start of the body, escaped, and not too long."""
    error = refusal("x", answer)
    assert str(error).startswith(message)
    assert len(str(error)) < 500
    assert str(error).isprintable()
    assert error.response is answer
