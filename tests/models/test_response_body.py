"""A body that is in memory: its text, its JSON, and the errors about it.

How it is read and streamed stands in `test_response`, for both classes.
"""

from __future__ import annotations

import json
import typing

import pytest

import httpcore
from httpcore import JSONDecodeError, Request, Response
from tests.conftest import MakeClient
from tests.servers.raw import RawServer, response

REQUEST = Request("GET", "http://example.org/a")


# Text.


@pytest.mark.parametrize(
    "content_type",
    [
        *("text/plain; charset=", "text/plain; charset=nonsense", "text/plain", "", "charset"),
        *(f"text/plain; charset={name}" for name in ("hex", "zip", "rot13", "idna", "undefined")),
        *("text/plain; charset=unicode_escape", "text/plain; charset=unicode-escape"),
    ],
)
def test_tx1_unusable_charsets(content_type: str) -> None:
    """What is no charset falls to the next rule: UTF-8, as the bytes are valid UTF-8."""
    answer = Response(200, {"Content-Type": content_type}, "gr\u00fcn".encode())
    assert (answer.encoding, answer.text) == ("utf-8", "gr\u00fcn")


@pytest.mark.parametrize(
    "content_type", ['text/plain; charset="latin-1"', "text/plain; charset=latin-1; charset=utf-8"]
)
def test_tx1_usable_charsets(content_type: str) -> None:
    """Quotes are no part of it, and the first of two counts."""
    answer = Response(200, {"Content-Type": content_type}, b"gr\xfcn")
    assert (answer.encoding, answer.text) == ("latin-1", "gr\u00fcn")


def test_tx2_undecodable_bytes() -> None:
    """They become U+FFFD."""
    answer = Response(200, {"Content-Type": "text/plain; charset=utf-8"}, b"gr\xfcn")
    assert answer.text == "gr\ufffdn"


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"", ""),
        ("gr\u00fcn".encode(), "gr\u00fcn"),
        ("gr\u00fcn".encode("utf-8-sig"), "gr\u00fcn"),
        ("gr\u00fcn".encode("utf-16"), "gr\u00fcn"),
        ("\u65e5\u672c\u8a9e\u306e\u6587\u7ae0\u3067\u3059".encode("shift_jis") * 20, None),
        ("Le c\u0153ur d\u00e9\u00e7u mais l'\u00e2me plut\u00f4t".encode("cp1252"), None),
    ],
)
def test_tx3_no_charset(content: bytes, text: str | None) -> None:
    """A byte order mark, valid UTF-8, or a guess; never an error."""
    answer = Response(200, {"Content-Type": "text/plain"}, content)
    if text is None:
        assert answer.text.encode(answer.encoding) == content
    else:
        assert answer.text == text


def test_tx3_an_image() -> None:
    """What is no text is not guessed at."""
    answer = Response(200, {"Content-Type": "image/png"}, b"\x89PNG\xff\xfe")
    assert answer.encoding == "utf-8"
    assert answer.text.startswith("\ufffdPNG")


def test_tx4_decoded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The guess is made once, from the first 64 KiB, and the text is kept."""
    import chardet

    seen = []
    detect = chardet.detect

    def counting(content: bytes) -> typing.Any:
        seen.append(len(content))
        return detect(content)

    monkeypatch.setattr("chardet.detect", counting)
    answer = Response(200, content=b"gr\xfcn " * 100_000)
    assert answer.text is answer.text
    assert seen == [65_536]


def test_encoding_can_be_set() -> None:
    """It counts more than all else, also after the text was read."""
    answer = Response(200, {"Content-Type": "text/plain; charset=utf-8"}, b"gr\xfcn")
    assert answer.text == "gr\ufffdn"
    answer.encoding = "latin-1"
    assert (answer.encoding, answer.text) == ("latin-1", "gr\u00fcn")


@pytest.mark.parametrize("encoding", ["nonsense", "hex"])
def test_encoding_has_to_be_a_charset(encoding: str) -> None:
    """A misspelt one is noticed where it is set."""
    answer = Response(200, content=b"a")
    with pytest.raises(LookupError, match=encoding):
        answer.encoding = encoding
    assert answer.text == "a"


# JSON.


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32-be"])
def test_tx7_json(encoding: str) -> None:
    """JSON is UTF-8, 16 or 32, whatever the Content-Type says."""
    content = '{"a": "gr\u00fcn"}'.encode(encoding)
    answer = Response(200, {"Content-Type": "application/json; charset=latin-1"}, content)
    assert answer.json() == {"a": "gr\u00fcn"}


def test_json_options() -> None:
    """Keyword arguments go to `json.loads`."""
    answer = Response(200, content=b"[1.5]")
    assert answer.json(parse_float=str) == ["1.5"]


@pytest.mark.parametrize(
    "content", [b"", b"<html>no</html>", b"[" * 100_000, b"9" * 100_000, b"\xff\xff"]
)
def test_tx7_no_json(content: bytes) -> None:
    """One kind of error, which names status and URL and shows the start of the body."""
    answer = Response(502, content=content, request=REQUEST)
    with pytest.raises(JSONDecodeError) as caught:
        answer.json()
    message = str(caught.value)
    assert message.startswith("GET http://example.org/a answered 502 Bad Gateway, but the body is")
    assert len(message) < 500
    assert isinstance(caught.value, ValueError)
    assert (caught.value.request, caught.value.response) == (REQUEST, answer)
    if content.startswith(b"<"):
        assert message.endswith("it starts with: <html>no</html>")


def test_json_by_a_codec() -> None:
    """The codec of the request's client reads the answer, and its ValueErrors are ours."""
    codec = httpcore.JSONCodec(dumps=json.dumps, loads=lambda content: [json.loads(content)])
    request = Request("GET", "http://example.org", json_codec=codec)
    assert Response(200, content=b"1", request=request).json() == [1]
    with pytest.raises(JSONDecodeError):
        Response(200, content=b"{", request=request).json()


# Errors.


def test_errors_know_each_other() -> None:
    """An error that has its request and response keeps them."""
    other = Request("GET", "http://other.org")
    error = httpcore.ReadError("told", request=other, response=Response(500))
    Response(200, request=REQUEST).note_error(error)
    assert (error.request, typing.cast("Response", error.response).status_code) == (other, 500)


@pytest.mark.parametrize("reader", ["read", "stream", "lines"])
async def test_decoding_errors_name_the_request(make_client: MakeClient, reader: str) -> None:
    """Once, however the body is read."""
    with RawServer.replies([response(b"text", headers=[("Content-Encoding", "gzip")])]) as server:
        answer = await make_client().get(f"{server.url}/a", stream=True)
        with pytest.raises(httpcore.DecodingError) as caught:
            if reader == "read":
                await answer.read()
            else:
                _ = [piece async for piece in getattr(answer, reader)()]
        assert str(caught.value).endswith(f"(GET {server.url}/a answered 200 OK)")
        assert str(caught.value).count("answered") == 1
        assert caught.value.response.status_code == 200
