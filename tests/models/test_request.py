"""Requests as values: what they take, what the wire gets, what is refused before that."""

from __future__ import annotations

import collections.abc
import datetime
import io
import math
import pathlib
import pickle
import re
import typing

import pytest

import httpcore
from httpcore import InvalidHeader, InvalidURL, LocalProtocolError, Request
from httpcore.driver import run_sync
from tests.conftest import MakeClient
from tests.servers.raw import RawServer, response

URL = "http://example.org/a"


def prepared(request: Request) -> list[tuple[str, str]]:
    """The fields as they would be sent, but for those that every request has."""
    request.prepare()
    items = request.headers.multi_items()
    return [(name, value) for name, value in items if name not in ("Host", "Accept-Encoding")]


def read(request: Request) -> bytes:
    return run_sync(request.read())


def test_attributes() -> None:
    """Method, URL, headers and content are there under these names."""
    request = Request("GET", "HTTP://EXAMPLE.org", headers={"X": "1"}, query_params={"q": "a b"})
    assert request.method == "GET"
    assert request.url == httpcore.URL("http://example.org?q=a+b")
    assert request.headers == {"X": "1"}
    assert request.content == b""
    assert read(request) == b""


def test_repr_has_no_secrets() -> None:
    """`repr()` is for logs."""
    request = Request("get", "http://user:pass@example.org/?token=abc&a=b")
    assert repr(request) == ("<Request('GET', 'http://[secure]@example.org/?token=[secure]&a=b')>")


# Methods.


@pytest.mark.parametrize(
    ("method", "sent"), [("get", "GET"), ("PROPFIND", "PROPFIND"), ("m-search", "M-SEARCH")]
)
def test_rq4_methods(method: str, sent: str) -> None:
    """Any token is a method, and is sent in upper case."""
    assert Request(method, URL).method == sent


@pytest.mark.parametrize("method", ["GE T", "", "GET\r\n", "G\x00", "Größe", "GET\u212a"])
def test_rq4_no_method(method: str) -> None:
    """What is no token is a ValueError that shows it."""
    with pytest.raises(ValueError, match="no HTTP method"):
        Request(method, URL)


@pytest.mark.parametrize("method", [b"GET", None, 1])
def test_methods_are_text(method: typing.Any) -> None:
    """Other types are a TypeError."""
    with pytest.raises(TypeError, match="the method is a str, not"):
        Request(method, URL)


@pytest.mark.parametrize("method", ["CONNECT", "connect"])
def test_rq9_connect(method: str) -> None:
    """A tunnel is the business of `proxies=`, and the error says so."""
    with pytest.raises(ValueError, match="proxies="):
        Request(method, "http://example.org:443")


# Injection, before anything is sent.


@pytest.mark.parametrize("bad", ["\r\nX: y", "\r", "\n", "\0"])
async def test_rq1_injection(make_client: MakeClient, bad: str) -> None:
    """CR, LF and NUL are refused wherever they stand, and no connection is opened."""

    def refuse(connection: object) -> None:
        raise AssertionError("somebody connected")

    with RawServer(refuse) as server:
        client = make_client()
        with pytest.raises(InvalidHeader):
            await client.get(server.url, headers={"X": f"a{bad}b"})
        with pytest.raises(InvalidHeader):
            await client.get(server.url, headers={f"X{bad}": "a"})
        with pytest.raises(InvalidURL):
            await client.get(f"{server.url}/a{bad}b")
        with pytest.raises(ValueError, match="no HTTP method"):
            await client.request(f"GET{bad}", server.url)
        with pytest.raises(ValueError, match="no request target"):
            Request("GET", server.url, target=f"/a{bad}b")


async def test_rq2_escaped_once(make_client: MakeClient) -> None:
    """What no URL may contain is percent-encoded; escapes that are there stay as they are."""
    with RawServer.replies([response()] * 2) as server:
        client = make_client()
        await client.get(f'{server.url}/a b"\u00fc\u2028%20?q=\u00e9"')
        await client.get(server.url, query_params={"q": "a b\u2028"})
    assert server.requests[0].target == "/a%20b%22%C3%BC%E2%80%A8%20?q=%C3%A9%22"
    assert server.requests[1].target == "/?q=a+b%E2%80%A8"


async def test_rq3_header_values(make_client: MakeClient) -> None:
    """Numbers are sent as digits, bytes as they are, text as Latin-1; `None` drops a default."""
    with RawServer.replies([response()]) as server:
        headers: typing.Any = {"N": 5, "B": b"\xff\x80", "T": "\u00fc", "User-Agent": None}
        await make_client().get(server.url, headers=headers)
    fields = dict(server.requests[0].headers)
    assert (fields[b"N"], fields[b"B"], fields[b"T"]) == (b"5", b"\xff\x80", b"\xfc")
    assert b"User-Agent" not in fields


@pytest.mark.parametrize(
    ("value", "error"), [(True, TypeError), ([1], TypeError), ("\u20ac", InvalidHeader)]
)
def test_rq3_no_header_values(value: typing.Any, error: type[Exception]) -> None:
    """The error names the field."""
    with pytest.raises(error, match="'X-Field'"):
        Request("GET", URL, headers={"X-Field": value})


# The target.


async def test_rq8_asterisk(make_client: MakeClient) -> None:
    """`OPTIONS *` has a way of its own."""
    with RawServer.replies([response()]) as server:
        await make_client().send(Request("OPTIONS", server.url, target="*"))
    assert server.requests[0].target == "*"


async def test_rq8_fragment_is_never_sent(make_client: MakeClient) -> None:
    """What follows `#` stays here."""
    with RawServer.replies([response()]) as server:
        await make_client().get(f"{server.url}/a?b#c")
    assert server.requests[0].target == "/a?b"


def test_target_as_it_is() -> None:
    """A path is sent as it was given, also one that no URL could have."""
    assert Request("GET", URL, target="/a|b?{c}").target == b"/a|b?{c}"
    assert Request("GET", f"{URL}?b#c").target == b"/a?b"


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("OPTIONS", "http://other.org/"),
        ("GET", "*"),
        ("GET", ""),
        ("GET", "a"),
        ("GET", "/a b"),
        ("GET", "/a#b"),
        ("GET", "/\u00fc"),
    ],
)
def test_rq8_other_targets(method: str, target: str) -> None:
    """An absolute target is for proxies, `*` for OPTIONS; nothing else starts without a slash."""
    with pytest.raises(ValueError, match="is no request target"):
        Request(method, URL, target=target)


# Host.


def test_rq5_host_comes_first() -> None:
    """Ours is computed and stands in front; one that is given takes its place."""
    request = Request("GET", "http://example.org:8080/", headers={"X": "1"})
    request.prepare()
    assert request.headers.raw[0] == (b"Host", b"example.org:8080")
    request = Request("GET", URL, headers=[("X", "1"), ("host", "mine")])
    request.prepare()
    assert request.headers.raw[0] == (b"host", b"mine")
    assert request.headers.getlist("Host") == ["mine"]


def test_rq5_empty_host() -> None:
    """An empty one is what the user wants."""
    request = Request("GET", URL, headers={"Host": ""})
    request.prepare()
    assert request.headers.raw[0] == (b"Host", b"")


async def test_rq5_two_hosts(make_client: MakeClient) -> None:
    """A request has one Host."""
    headers = [("Host", "a"), ("host", "b")]
    with pytest.raises(InvalidHeader, match="more than one Host") as caught:
        await make_client().get(URL, headers=headers)
    assert typing.cast("Request", caught.value.request).url == URL


async def test_rq6_repeated_fields(make_client: MakeClient) -> None:
    """All are sent, in order, and none of ours beside one that was given."""
    with RawServer.replies([response()]) as server:
        pairs = [("A", "1"), ("B", "2"), ("a", "3"), ("Accept", "x/y"), ("accept-encoding", "br")]
        await make_client().get(server.url, headers=pairs)
    request = server.requests[0]
    names = [name.lower() for name, _ in request.headers]
    assert [value for name, value in request.headers if name.lower() in b"ab"] == [b"1", b"2", b"3"]
    assert request.values("A") == ["1", "3"]
    assert request.values("Accept") == ["x/y"]
    assert request.values("Accept-Encoding") == ["br"]
    assert names.count(b"host") == names.count(b"accept") == names.count(b"user-agent") == 1


# Bodies and their framing.


@pytest.mark.parametrize(
    ("content", "body", "content_type"),
    [
        (b"data", b"data", None),
        ("\u00fc", b"\xc3\xbc", "text/plain; charset=utf-8"),
        ({"a": "1", "b": ["2", "3"]}, b"a=1&b=2&b=3", "application/x-www-form-urlencoded"),
        ([("a", "1"), ("a", "2")], b"a=1&a=2", "application/x-www-form-urlencoded"),
        (bytearray(b"data"), b"data", None),
        (b"", b"", None),
    ],
)
def test_known_bodies(content: typing.Any, body: bytes, content_type: str | None) -> None:
    """Their bytes are the content, with their length and type in the head."""
    request = Request("POST", URL, content=content)
    assert request.content == read(request) == body
    expected = [("Content-Type", content_type)] if content_type else []
    assert prepared(request) == [*expected, ("Content-Length", str(len(body)))]


def test_json() -> None:
    """JSON is compact UTF-8, and says so; a type of one's own is kept."""
    request = Request("PUT", URL, json={"a": [1, None, "\u00fc"]})
    assert request.content == '{"a":[1,null,"ü"]}'.encode()
    assert prepared(request)[0] == ("Content-Type", "application/json")
    request = Request("PUT", URL, json=1, headers={"content-type": "application/x+json"})
    assert prepared(request)[0] == ("content-type", "application/x+json")


def test_one_body_only() -> None:
    """JSON and content at once is a mistake."""
    with pytest.raises(TypeError, match="content= or json=, not both"):
        Request("POST", URL, content=b"", json=1)


@pytest.mark.parametrize(
    ("value", "error", "name"),
    [
        ({"a": math.nan}, ValueError, "nan"),
        ([datetime.datetime(2019, 5, 16)], TypeError, "datetime"),
        ({"a": {"b": "\ud800"}}, ValueError, r"json\['a'\]\['b'\]"),
    ],
)
def test_rq12_no_json(value: typing.Any, error: type[Exception], name: str) -> None:
    """What JSON does not have is refused, and the message says what and where."""
    with pytest.raises(error, match=name):
        Request("POST", URL, json=value)


def test_iterables_are_sent_in_chunks() -> None:
    """Nobody knows their length; the content is what was given."""
    pieces = [b"a", b"", b"b"]
    iterator = iter(pieces)
    request = Request("POST", URL, content=iterator)
    assert request.content is iterator
    assert prepared(request) == [("Transfer-Encoding", "chunked")]
    assert request.declared_length is None
    assert read(request) == b"ab"
    assert typing.cast("object", request.content) == b"ab"


@pytest.mark.parametrize("on_disk", [True, False])
def test_files_are_sent_with_their_length(tmp_path: pathlib.Path, on_disk: bool) -> None:
    """From where they stand."""
    path = tmp_path / "file"
    path.write_bytes(b"0123456789")
    with path.open("rb") if on_disk else io.BytesIO(b"0123456789") as file:
        file.seek(4)
        request = Request("POST", URL, content=file)
        assert request.content is file
        assert prepared(request) == [("Content-Length", "6")]
        assert request.declared_length == 6
        assert read(request) == b"456789"


def test_large_buffers_are_not_copied() -> None:
    """A request over an mmap or a large buffer holds that, not its bytes."""
    buffer = bytearray(200_000)
    request = Request("POST", URL, content=buffer)
    assert request.content is buffer
    assert prepared(request) == [("Content-Length", "200000")]
    assert read(request) == bytes(200_000)


def test_files_make_a_form() -> None:
    """Its Content-Type has the boundary; what is in memory is known as `bytes`."""
    request = Request("POST", URL, content={"a": "1"}, files={"f": ("n.txt", b"x")})
    fields = dict(prepared(request))
    assert fields["Content-Length"] == str(len(request.content))
    kind, _, boundary = fields["Content-Type"].partition("; boundary=")
    assert kind == "multipart/form-data"
    assert request.content.startswith(b"--" + boundary.encode() + b"\r\n")
    assert read(request) == request.content
    assert read(pickle.loads(pickle.dumps(request))) == request.content


def test_files_that_are_streamed() -> None:
    """`content` is what was given, until the body has been read."""
    files = {"f": io.BytesIO(bytes(300_000))}
    request = Request("POST", URL, files=files)
    assert request.content is files
    request.prepare()
    body = read(request)
    assert len(body) == request.declared_length
    assert typing.cast("object", request.content) == body


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ("multipart/form-data; boundary=xyz", r"multipart/form-data; boundary=xyz"),
        ("multipart/form-data", r"multipart/form-data; boundary=[0-9a-f]{32}"),
    ],
)
def test_mp3_content_type_of_the_user(given: str, sent: str) -> None:
    """Its boundary is used, and if it has none it is given one: without, no server finds a part."""
    request = Request("POST", URL, files={"f": b"x"}, headers={"content-type": given})
    (kind,) = [value for name, value in prepared(request) if name.lower() == "content-type"]
    assert re.fullmatch(sent, kind)
    assert request.content.startswith(b"--" + kind.partition("boundary=")[2].encode() + b"\r\n")


def test_no_files_are_none() -> None:
    """The form is then a plain one."""
    nothing: list[typing.Any] = [None, {}, []]
    for none in nothing:
        request = Request("POST", URL, content={"a": "1"}, files=none)
        assert dict(prepared(request))["Content-Type"] == "application/x-www-form-urlencoded"
    assert Request("POST", URL, content={}, files={"f": b""}).body is not None


@pytest.mark.parametrize("content", [b"abc", "abc", io.BytesIO(b"abc"), [b"abc"], iter([b"abc"])])
def test_files_beside_what_is_no_form(content: typing.Any) -> None:
    """It is a `TypeError`: one body is not enough for both."""
    with pytest.raises(TypeError, match="fields of the form"):
        Request("POST", URL, content=content, files={"f": b""})
    with pytest.raises(TypeError, match="files= or json="):
        Request("POST", URL, json={}, files={"f": b""})


async def test_async_iterables_are_read() -> None:
    """`read()` gathers them, and the request can be sent after that, and again."""

    async def pieces() -> collections.abc.AsyncIterator[bytes]:
        yield b"a"
        yield b"b"

    request = Request("POST", URL, content=pieces())
    request.prepare()
    assert await request.read() == b"ab"
    assert await request.read() == request.content == b"ab"
    assert request.body is not None
    assert request.body.can_send


async def test_bd5_pieces(make_client: MakeClient) -> None:
    """Empty pieces are skipped; an iterator that gives none makes an empty body."""
    with RawServer.replies([response()] * 2) as server:
        client = make_client()
        await client.post(server.url, content=iter([b"", b"a", b"", b"b"]))
        await client.post(server.url, content=iter([]))
    assert [request.body for request in server.requests] == [b"ab", b""]


@pytest.mark.parametrize("piece", ["text", None, 1])
async def test_bd5_no_bytes(make_client: MakeClient, piece: typing.Any) -> None:
    """A piece that is not bytes is a TypeError; the message stays incomplete, the client works."""
    with RawServer(answers_complete_requests) as server:
        client = make_client()
        with pytest.raises(TypeError, match=f"gave {type(piece).__name__}"):
            await client.post(server.url, content=iter([b"a", piece]))
        assert (await client.get(server.url)).status_code == 200
    assert [request.method for request in server.requests] == ["GET"]


async def test_bd5_iterator_raises(make_client: MakeClient) -> None:
    """The iterator's error comes out bare, the message stays incomplete, the client works on."""

    def failing() -> collections.abc.Iterator[bytes]:
        yield b"a"
        raise LookupError("told")

    with RawServer(answers_complete_requests) as server:
        client = make_client()
        with pytest.raises(LookupError, match="told"):
            await client.post(server.url, content=failing())
        assert (await client.get(server.url)).status_code == 200
    assert [request.method for request in server.requests] == ["GET"]


def answers_complete_requests(connection: typing.Any) -> None:
    while True:
        connection.read_request()
        connection.send(response())


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
def test_bd10_no_body_said_so(method: str) -> None:
    """Methods that mostly have a body say when they have none."""
    assert prepared(Request(method, URL)) == [("Content-Length", "0")]


@pytest.mark.parametrize("method", ["GET", "DELETE", "HEAD", "OPTIONS"])
def test_bd10_no_body(method: str) -> None:
    """Others say nothing, unless they have one."""
    assert prepared(Request(method, URL)) == []
    assert prepared(Request(method, URL, content=b"x")) == [("Content-Length", "1")]


@pytest.mark.parametrize(
    ("headers", "content", "message"),
    [
        ({"Content-Length": "5"}, b"abc", "says 5 bytes, but the body has 3"),
        ({"Content-Length": "5"}, None, "says 5 bytes, but the body has 0"),
        ({"Content-Length": "x"}, b"abc", "'x' is not one number"),
        ({"Content-Length": "-3"}, b"abc", "'-3' is not one number"),
        ({"Content-Length": "\u00b3"}, b"abc", "is not one number"),
        ({"Content-Length": "9" * 5000}, iter([b"abc"]), "is not one number"),
        ([("Content-Length", "3"), ("Content-Length", "3")], b"abc", "'3, 3' is not one number"),
        ({"Content-Length": "3", "Transfer-Encoding": "chunked"}, b"abc", "leave one of them out"),
        ({"Transfer-Encoding": "gzip, chunked"}, b"abc", "only 'chunked' can"),
        ({"Transfer-Encoding": "gzip"}, b"abc", "only 'chunked' can"),
        ({"Transfer-Encoding": "chunked"}, None, "but no body"),
    ],
)
async def test_bd7_contradictions(
    make_client: MakeClient, headers: typing.Any, content: typing.Any, message: str
) -> None:
    """A head that does not fit the body is refused before anything is sent."""
    with pytest.raises(LocalProtocolError, match=message) as caught:
        await make_client().post(URL, headers=headers, content=content)
    assert caught.value.request is not None


def test_bd7_framing_of_the_user() -> None:
    """A framing that fits is sent as it was given."""
    request = Request("POST", URL, headers={"content-length": "3"}, content=iter([b"abc"]))
    assert prepared(request) == [("content-length", "3")]
    assert request.declared_length == 3
    request = Request("POST", URL, headers={"Transfer-Encoding": "Chunked"}, content=b"abc")
    assert prepared(request) == [("Transfer-Encoding", "Chunked")]


def test_prepare_twice() -> None:
    """What was filled in is not filled in again."""
    request = Request("POST", URL, content="text")
    once = prepared(request)
    assert prepared(request) == once


# Copies.


def test_copy_has_its_own_headers() -> None:
    """Who changes the copy leaves the request alone."""
    request = Request("POST", URL, content=b"a", headers={"X": "1"})
    copy = request.copy()
    copy.headers["X"] = "2"
    assert request.headers["X"] == "1"
    for name in set(Request.__slots__) - {"headers"}:
        assert getattr(copy, name) is getattr(request, name)


def test_derived() -> None:
    """A request that follows has the same body and type, or none."""
    request = Request("POST", URL, json=[1], headers={"X": "1"})
    url = httpcore.URL("http://example.org/b")
    again = request.derived("POST", url, httpcore.Headers({"Y": "2"}), True)
    assert (again.body, again.content, again.target) == (request.body, b"[1]", b"/b")
    assert prepared(again) == [
        ("Y", "2"),
        ("Content-Type", "application/json"),
        ("Content-Length", "3"),
    ]
    without = request.derived("GET", url, httpcore.Headers(), False)
    assert (without.body, without.content, prepared(without)) == (None, b"", [])


@pytest.mark.parametrize("content", [None, b"", b"data", {"a": "1"}])
def test_pickle(content: typing.Any) -> None:
    """A request whose body is in memory survives whole."""
    request = Request("POST", f"{URL}#f", content=content, headers=[("A", "1"), ("A", "2")])
    copy = pickle.loads(pickle.dumps(request))
    assert (copy.method, copy.url, copy.target) == ("POST", f"{URL}#f", b"/a")
    assert copy.headers.raw == request.headers.raw
    assert copy.content == request.content
    assert prepared(copy) == prepared(request)


def test_pickle_without_its_body() -> None:
    """An iterator stays behind, the rest survives: errors carry requests between processes."""
    copy = pickle.loads(pickle.dumps(Request("POST", URL, content=iter([b"a"]))))
    assert (copy.method, copy.url) == ("POST", URL)
    assert copy.body is None


def test_other_spellings() -> None:
    """`params` and `data`, as the verbs have them; one of both."""
    request = Request("POST", "http://example.org", params={"a": 1}, data={"b": "2"})
    assert request.url == "http://example.org?a=1"
    assert request.content == b"b=2"
    with pytest.raises(TypeError, match="content= and data= are two spellings"):
        Request("POST", "http://example.org", content=b"", data=b"")
    with pytest.raises(TypeError, match="query_params= and params= are two spellings"):
        Request("POST", "http://example.org", query_params="", params="")
