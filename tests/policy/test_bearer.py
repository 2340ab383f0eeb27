"""Bearer tokens by hand; that a renewal is shared is tested with clients."""

from __future__ import annotations

import pickle
import typing

import pytest

from httpcore import BearerAuth, Request, Response
from httpcore.driver import run_sync
from httpcore.policy.auth import SharedWork

URL = "http://example.org/"


def run(auth: BearerAuth, *statuses: int) -> list[str | None]:
    """Run one flow whose requests are answered like that; the credentials of each of them."""
    flow = auth.flow(Request("GET", URL))
    answers = iter(statuses)
    sent: list[str | None] = []
    step = next(flow)
    while True:
        answer: typing.Any
        if isinstance(step, SharedWork):
            answer = run_sync(step.work())  # type: ignore[arg-type]
        else:
            assert isinstance(step, Request)
            sent.append(step.headers.get("Authorization"))
            answer = Response(next(answers))
        try:
            step = flow.send(answer)
        except StopIteration:
            assert list(answers) == []
            return sent


def test_a_token() -> None:
    """It goes with every request (RFC 6750 section 2.1); a 401 is the answer."""
    auth = BearerAuth("mF_9.B5f-4.1JqM")
    assert run(auth, 200) == ["Bearer mF_9.B5f-4.1JqM"]
    assert run(auth, 401) == ["Bearer mF_9.B5f-4.1JqM"]
    assert repr(auth) == "BearerAuth([secret])"
    assert run(pickle.loads(pickle.dumps(auth)), 200) == ["Bearer mF_9.B5f-4.1JqM"]


@pytest.mark.parametrize("asynchronous", [False, True])
def test_a_source(asynchronous: bool) -> None:
    """It is asked before the first request and after a 401, which is answered once."""
    tokens = iter("abcdef")

    async def ask() -> str:
        return next(tokens, "")

    auth = BearerAuth(ask if asynchronous else lambda: next(tokens))
    assert run(auth, 200) == ["Bearer a"]
    assert run(auth, 200) == ["Bearer a"]
    assert run(auth, 401, 200) == ["Bearer a", "Bearer b"]
    assert run(auth, 401, 401) == ["Bearer b", "Bearer c"]
    assert run(auth, 403) == ["Bearer c"]


def test_a_token_that_somebody_else_got() -> None:
    """A request whose token has been replaced meanwhile takes the new one without asking."""
    tokens = iter("abcdef")
    auth = BearerAuth(lambda: next(tokens))
    run(auth, 200)
    flow = auth.flow(Request("GET", URL))
    next(flow)
    run(auth, 401, 200)
    renewal = flow.send(Response(401))
    assert isinstance(renewal, SharedWork)
    request = flow.send(run_sync(renewal.work()))  # type: ignore[arg-type]
    assert isinstance(request, Request)
    assert request.headers["Authorization"] == "Bearer b"


def test_alone() -> None:
    """Where nobody shares it, as with a proxy, what is yielded can be awaited."""

    async def main() -> str:
        flow = BearerAuth(lambda: "a").flow(Request("GET", URL))
        renewal = next(flow)
        assert not isinstance(renewal, Request)
        request = flow.send(await renewal)
        assert isinstance(request, Request)
        return request.headers["Authorization"]

    assert run_sync(main()) == "Bearer a"


def test_a_source_that_fails() -> None:
    """Its error comes out, and the next request asks again."""
    answers: typing.Iterator[Exception | str] = iter([LookupError("told"), "a"])

    def ask() -> str:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    auth = BearerAuth(ask)
    with pytest.raises(LookupError, match="told"):
        run(auth)
    assert run(auth, 200) == ["Bearer a"]


@pytest.mark.parametrize("token", [None, 5, b"a", str, BearerAuth])
def test_no_token(token: typing.Any) -> None:
    """It is text, or something to call."""
    with pytest.raises(TypeError, match="token takes a str, or a callable that returns one"):
        BearerAuth(token)


@pytest.mark.parametrize("token", ["", "a b", "a\n", "\u00e9"])
def test_token_that_no_header_can_carry(token: str) -> None:
    """It is refused when it is given, or returned; the error does not show it."""
    with pytest.raises(ValueError, match="printable ASCII without blanks, and not empty"):
        BearerAuth(token)
    with pytest.raises(ValueError, match="printable ASCII without blanks, and not empty"):
        run(BearerAuth(lambda: token))


def test_source_that_returns_no_token() -> None:
    """A dict of the server's answer, say."""
    source: typing.Any = lambda: {"access_token": "a"}  # noqa: E731
    with pytest.raises(TypeError, match="a token is a str, not dict"):
        run(BearerAuth(source))
