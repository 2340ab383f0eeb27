"""Responses built by hand, errors by status, and copies in other classes and processes."""

from __future__ import annotations

import collections.abc
import datetime
import gzip
import http
import pickle
import typing

import pytest

import httpcore
from httpcore import AsyncResponse, HTTPError, Request, Response
from httpcore.driver import run_sync
from tests.conftest import MakeClient
from tests.servers.raw import RawServer

REQUEST = Request("GET", "http://example.org/a")

both_classes = pytest.mark.parametrize("cls", [Response, AsyncResponse])


# Built by hand.


@both_classes
def test_by_hand(cls: type[Response] | type[AsyncResponse]) -> None:
    """Tests and dispatchers make responses of a status, headers, content and request."""
    answer = cls(200, {"Content-Type": "text/plain"}, b"hello", REQUEST)
    assert (answer.status_code, answer.reason_phrase, answer.protocol) == (200, "OK", "HTTP/1.1")
    assert (answer.content, answer.text) == (b"hello", "hello")
    assert answer.headers["content-type"] == "text/plain"
    assert (answer.request, answer.url) == (REQUEST, REQUEST.url)
    assert answer.history == []
    assert repr(answer) == f"<{cls.__name__}(200, 'OK')>"


@both_classes
def test_by_hand_with_little(cls: type[Response] | type[AsyncResponse]) -> None:
    """A status is enough."""
    answer = cls(204)
    assert (answer.content, answer.text, answer.url, answer.request) == (b"", "", None, None)
    assert answer.elapsed == datetime.timedelta(0)
    assert answer.trailers == {}


def test_by_hand_with_all() -> None:
    """Protocol, reason and history can be given too."""
    first = Response(302)
    answer = Response(
        200, content="\u00fc", protocol="HTTP/2", reason_phrase="Fine", history=[first]
    )
    assert (answer.protocol, answer.http_version) == ("HTTP/2", "HTTP/2")
    assert (answer.reason_phrase, answer.history) == ("Fine", [first])
    assert answer.content == b"\xc3\xbc"


@pytest.mark.parametrize("content", [b"abc", bytearray(b"abc"), memoryview(b"abc"), "abc"])
def test_content_by_hand(content: typing.Any) -> None:
    """What is in memory is the content at once."""
    assert Response(200, content=content).content == b"abc"


def test_encoded_content_by_hand() -> None:
    """Content is what stands on the wire: it is decoded by the headers' Content-Encoding."""
    headers = {"Content-Encoding": "gzip"}
    answer = Response(200, headers, gzip.compress(b"hello"))
    assert answer.content == b"hello"
    answer = Response(200, headers, iter([gzip.compress(b"hello")]))
    assert answer.read() == b"hello"
    with pytest.raises(httpcore.DecodingError) as caught:
        Response(200, headers, b"garbage", REQUEST)
    assert caught.value.request is REQUEST


def test_iterable_by_hand() -> None:
    """An iterable is a body on its way: read it, or iterate over it."""
    answer = Response(200, content=[b"one", b"two"])
    with pytest.raises(httpcore.ResponseNotRead):
        _ = answer.content
    assert answer.read() == answer.content == b"onetwo"
    assert list(Response(200, content=iter([b"one", b"two"])).stream()) == [b"one", b"two"]


async def test_async_iterable_by_hand() -> None:
    """So is an async iterable."""

    async def pieces() -> collections.abc.AsyncIterator[bytes]:
        yield b"one"
        yield b"two"

    answer = AsyncResponse(200, content=pieces())
    assert await answer.read() == b"onetwo"
    answer = AsyncResponse(200, content=pieces())
    stream = answer.stream()
    assert await anext(stream) == b"one"
    await answer.close()


@pytest.mark.parametrize("content", [5, None, object()])
def test_no_content(content: typing.Any) -> None:
    """Other types are a TypeError that names what could be given."""
    with pytest.raises(TypeError, match="is bytes, str, or an iterable or async iterable of bytes"):
        Response(200, content=content)


# Errors by status.


@pytest.mark.parametrize("status", [200, 204, 302, 304, 399])
def test_raise_for_status_of_success(status: int) -> None:
    """Below 400 nothing happens, and `None` is returned."""
    assert Response(status).raise_for_status() is None  # type: ignore[func-returns-value]


@pytest.mark.parametrize(
    ("status", "beginning"),
    [
        (404, "client error: GET http://example.org/a answered 404 Not Found"),
        (599, "server error: GET http://example.org/a answered 599"),
    ],
)
def test_raise_for_status(status: int, beginning: str) -> None:
    """The message has the method, the URL, the status and the start of the body."""
    answer = Response(status, content=b"because  of\nthis", request=REQUEST)
    with pytest.raises(HTTPError) as caught:
        answer.raise_for_status()
    assert str(caught.value) == f"{beginning}: because of this"
    assert (caught.value.request, caught.value.response) == (REQUEST, answer)


def test_raise_for_status_with_little() -> None:
    """Without a request, and without a body that was read, there is less to say."""
    with pytest.raises(HTTPError, match=r"^client error: 404 Not Found$"):
        Response(404, content=iter([b"unread"])).raise_for_status()


@pytest.mark.parametrize("content", [b"\0" * 2**20, b"\x1b[31m" * 200_000, b"\xe4" * 2**20])
def test_pr4_raise_for_status_with_anything(content: bytes) -> None:
    """The message stays short and printable, whatever server and caller say, and pickles."""
    request = Request("GET", f"http://user:secret@example.org/{'a' * 5000}")
    reason = "R\x1b\x9b\u00e4" * 500
    answer = Response(500, content=content, request=request, reason_phrase=reason)
    with pytest.raises(HTTPError) as caught:
        answer.raise_for_status()
    message = str(caught.value)
    assert len(message) <= 500
    assert message.isprintable()
    assert message.startswith("server error: GET http://[secure]@example.org/aaaa")
    assert "secret" not in message
    other = pickle.loads(pickle.dumps(caught.value))
    assert (str(other), other.response.content) == (message, content)


def test_raise_for_status_cut_in_a_character(monkeypatch: pytest.MonkeyPatch) -> None:
    """The excerpt ends in the middle of a character, and no charset is guessed because of that."""
    monkeypatch.setattr("chardet.detect", pytest.fail)
    answer = Response(500, content=("x" + "\u00fc" * 5000).encode())
    with pytest.raises(HTTPError, match="x\u00fc\u00fc\u00fc"):
        answer.raise_for_status()


def test_raise_for_status_in_its_charset() -> None:
    """A declared or set charset is that of the excerpt."""
    answer = Response(500, {"Content-Type": "text/plain; charset=latin-1"}, b"gr\xfcn")
    with pytest.raises(HTTPError, match="gr\u00fcn"):
        answer.raise_for_status()
    answer = Response(500, content=b"gr\xfcn")
    answer.encoding = "latin-1"
    with pytest.raises(HTTPError, match="gr\u00fcn"):
        answer.raise_for_status()


# From one class to the other, and to other processes.


def copied(answer: typing.Any) -> typing.Any:
    return pickle.loads(pickle.dumps(getattr(answer, "sync_object", answer)))


def test_adopt() -> None:
    """A client hands out its own class, whichever a dispatcher built; the history likewise."""
    answer = AsyncResponse(200, content=b"a", history=[AsyncResponse(302)])
    adopted = Response.adopt(answer)
    assert (type(adopted), type(adopted.history[0])) == (Response, Response)
    assert adopted.content == b"a"
    assert Response.adopt(adopted) is adopted


def test_adopted_body_is_read_once() -> None:
    """Both faces of one response share its one body."""
    answer = AsyncResponse(200, content=[b"a"])
    adopted = Response.adopt(answer)
    assert adopted.read() == b"a"
    with pytest.raises(httpcore.StreamConsumed):
        run_sync(answer.read())


@both_classes
def test_pickle(cls: type[Response] | type[AsyncResponse]) -> None:
    """Everything that was read survives, the history too."""
    answer = cls(404, [("A", "1"), ("A", "2")], "gr\u00fcn", REQUEST, history=[cls(302)])
    copy = copied(answer)
    assert (type(copy), copy.status_code, copy.text) == (cls, 404, "gr\u00fcn")
    assert copy.headers.raw == answer.headers.raw
    assert (copy.url, copy.history[0].status_code) == (REQUEST.url, 302)
    assert isinstance(copy.status_code, http.HTTPStatus)


async def test_pickle_from_the_wire(make_client: MakeClient) -> None:
    """So does a response that came over a connection, with its trailers."""
    raw = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nT: 1\r\n\r\n"
    with RawServer.replies([raw]) as server:
        answer = await make_client().get(server.url)
    assert answer.trailers == {"T": "1"}
    copy = copied(answer)
    assert (copy.content, copy.trailers, copy.elapsed) == (b"a", {"T": "1"}, answer.elapsed)
    assert copy.request.url == answer.url


def test_pickle_unread() -> None:
    """A body that was not read stays behind, and says so."""
    copy = copied(Response(200, content=iter([b"a"])))
    with pytest.raises(httpcore.ResponseClosed):
        _ = copy.content
    with pytest.raises(httpcore.ResponseClosed):
        copy.read()


# What is no status.


def test_no_status() -> None:
    """A response by hand has a status of three digits."""
    assert Response(http.HTTPStatus.NOT_FOUND).status_code == 404
    with pytest.raises(TypeError, match="a status code is an int, not '200'"):
        Response("200")  # type: ignore[arg-type]
    for status in (-1, 99, 1000):
        with pytest.raises(ValueError, match=f"three digits; {status} is none"):
            Response(status)
