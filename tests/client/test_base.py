"""Settings of a client that both clients share: raising for the status, another JSON codec."""

from __future__ import annotations

import copy
import itertools
import json
import pickle
import typing

import pytest

import httpcore
from tests.conftest import MakeClient
from tests.servers.raw import RawConnection, RawServer, response

NOT_FOUND = b"HTTP/1.1 404 Not Found\r\nContent-Length: 7\r\n\r\nno such"


@pytest.mark.parametrize("stream", [False, True])
async def test_raise_for_status_by_default(make_client: MakeClient, stream: bool) -> None:
    """With raise_for_status=True every 4xx and 5xx raises, with the start of its body."""
    with RawServer.replies([response(b"ok"), NOT_FOUND]) as server:
        client = make_client(raise_for_status=True)
        assert (await client.get(server.url)).content == b"ok"
        with pytest.raises(httpcore.HTTPError, match=r"404 Not Found: no such") as caught:
            await client.get(server.url, stream=stream)
        assert caught.value.response.status_code == 404
        assert caught.value.request.method == "GET"


async def test_raise_for_status_by_choice(make_client: MakeClient) -> None:
    """A callable chooses which of them are raised."""
    failed = b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n"
    with RawServer.replies([NOT_FOUND, failed]) as server:
        client = make_client(raise_for_status=lambda answer: answer.status_code >= 500)
        assert (await client.get(server.url)).status_code == 404
        with pytest.raises(httpcore.HTTPError, match="500 Oops"):
            await client.get(server.url)


@pytest.mark.parametrize("as_text", [False, True])
async def test_json_codec(make_client: MakeClient, as_text: bool) -> None:
    """A codec of one's own writes the request's JSON and reads the response's."""

    def dumps(value: typing.Any) -> bytes | str:
        text = json.dumps({"wrapped": value})
        return text if as_text else text.encode()

    codec = httpcore.JSONCodec(dumps, lambda data: ["read", json.loads(data)])
    with RawServer.replies([response(b"[1]"), response(b"no JSON")]) as server:
        client = make_client(json_codec=codec)
        answer = await client.post(server.url, json=[1])
        assert server.requests[0].body == b'{"wrapped": [1]}'
        assert server.requests[0].header("Content-Type") == "application/json"
        assert answer.json() == ["read", [1]]
        with pytest.raises(httpcore.JSONDecodeError, match="no JSON"):
            (await client.get(server.url)).json()


async def test_chunk_sizes_and_text(make_client: MakeClient) -> None:
    """A body in pieces of one size, decoded or raw, and as text in which no character is cut."""
    euros = "\u20ac\u20ac\u20ac".encode()
    with RawServer.replies([response(euros)] * 4) as server:
        client = make_client()

        async def streamed() -> typing.Any:
            return await client.get(server.url, stream=True)

        assert [piece async for piece in (await streamed()).stream(4)] == [
            euros[:4],
            euros[4:8],
            euros[8:],
        ]
        assert [piece async for piece in (await streamed()).raw(5)] == [euros[:5], euros[5:]]
        text = "".join([piece async for piece in (await streamed()).stream_text()])
        assert text == "\u20ac\u20ac\u20ac"
        answer = await client.get(server.url)
        assert [piece async for piece in answer.stream_text()] == [text]


def test_text_that_is_held_back() -> None:
    """What may still become a character comes with its rest; what never does comes at the end."""
    cut = httpcore.Response(200, content=iter([b"\xe2", b"\x82", b"\xac\xe2"]))
    assert list(cut.stream_text()) == ["\u20ac", "\ufffd"]


async def test_proposed_file_name(make_client: MakeClient) -> None:
    """`filename` is what Content-Disposition proposes."""
    field = ("Content-Disposition", 'attachment; filename="../a.txt"')
    with RawServer.replies([response(b"ok", headers=[field])]) as server:
        assert (await make_client().get(server.url)).filename == "a.txt"


def test_compressed_text_and_lines_in_pieces() -> None:
    """Decoding, charset and cutting go together."""
    import gzip

    packed = gzip.compress("one\ntwo \u20ac\n".encode())
    fields = {"Content-Encoding": "gzip"}
    pieces = [packed[i : i + 3] for i in range(0, len(packed), 3)]
    assert list(httpcore.Response(200, fields, iter(pieces)).lines()) == ["one", "two \u20ac"]
    assert "".join(httpcore.Response(200, fields, iter(pieces)).stream_text()) == (
        "one\ntwo \u20ac\n"
    )
    assert b"".join(httpcore.Response(200, fields, iter(pieces)).raw(4)) == packed


async def test_options_that_are_none(make_client: MakeClient) -> None:
    """A request with an unknown option is not sent."""
    client = make_client()
    with pytest.raises(TypeError, match=r"no option 'verify'; it is spelled ssl="):
        await client.get("http://example.org", verify=False)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="no option 'stream'"):
        client.build_request("GET", "http://example.org", stream=True)  # type: ignore[call-arg]


def test_attributes_that_are_assigned() -> None:
    """What is assigned to a client counts as what its constructor is given, and is checked."""
    requests = httpcore.MockDispatch(lambda request: httpcore.Response(200))
    with httpcore.Client() as client:
        client.dispatch = requests
        client.auth = ("user", "password")
        client.base_url = "http://example.org/v1"
        client.query_params = {"page": 1}
        client.headers = {"X": "1"}
        client.timeout = 3
        client.get("things")
        (request,) = requests.requests
        assert request.url == "http://example.org/v1/things?page=1"
        assert request.headers["Authorization"].startswith("Basic ")
        assert request.headers["X"] == "1"
        assert client.timeout == httpcore.TimeoutConfig(3, total_timeout=None)
        client.base_url = None
        assert client.base_url is None


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("max_redirects", -1, ValueError),
        ("max_redirects", "5", ValueError),
        ("max_redirects", True, ValueError),
        ("dispatch", object(), TypeError),
        ("auth", "user", TypeError),
        ("json_codec", 5, TypeError),
        ("timeout", "5", TypeError),
        ("base_url", "/relative", httpcore.InvalidURL),
    ],
)
def test_attributes_that_make_no_sense(name: str, value: object, error: type[Exception]) -> None:
    """They are refused where they are given, by the constructor and by assignment."""
    with pytest.raises(error):
        httpcore.Client(**{name: value})  # type: ignore[arg-type]
    with httpcore.Client() as client, pytest.raises(error):
        setattr(client, name, value)


# Errors that are raised for their status, of responses that were to be streamed.


async def test_an_error_that_does_not_end(make_client: MakeClient) -> None:
    """Of a long body the error has the start, and its connection is closed."""

    def endless(connection: RawConnection) -> None:
        connection.read_request()
        connection.send(b"HTTP/1.1 500 Oops\r\n\r\nthe reason is ")
        connection.send_each(itertools.repeat(b"x" * 65536))

    with RawServer(endless) as server:
        client = make_client(raise_for_status=True)
        with pytest.raises(httpcore.HTTPError, match="500 Oops: the reason is x") as caught:
            await client.get(server.url, stream=True)
        with pytest.raises(httpcore.StreamConsumed):
            _ = caught.value.response.content


async def test_an_error_that_was_read(make_client: MakeClient) -> None:
    """A short one is all there, and its connection is used again."""
    with RawServer.replies([NOT_FOUND, response(b"ok")]) as server:
        client = make_client(raise_for_status=True)
        with pytest.raises(httpcore.HTTPError) as caught:
            await client.get(server.url, stream=True)
        assert caught.value.response.content == b"no such"
        assert (await client.get(server.url)).content == b"ok"
        assert len(server.connections) == 1


# How clients look.


def test_repr() -> None:
    """What it is below, without secrets, and what its connections do."""
    with httpcore.Client(base_url="https://user:secret@example.org/v1") as client:
        base = client.base_url.masked if client.base_url else ""
        assert repr(client) == f"<Client({base!r}, <ConnectionPool(0 active, 0 idle)>)>"
        assert "secret" not in repr(client)
    assert repr(client) == f"<Client({base!r}, closed)>"
    with httpcore.Client() as client:
        assert repr(client) == "<Client(<ConnectionPool(0 active, 0 idle)>)>"


def test_no_pickles() -> None:
    """A client holds connections: it says so, whether it has any yet or not."""
    with httpcore.Client() as client:
        for makes in (pickle.dumps, copy.deepcopy):
            with pytest.raises(TypeError, match="neither pickled nor deeply copied"):
                makes(client)


def test_what_pool_limits_do_not_take() -> None:
    """A number alone could be any of its limits."""
    with pytest.raises(TypeError, match="pool_limits takes a PoolLimits, not 3"):
        httpcore.Client(pool_limits=3)  # type: ignore[arg-type]


def test_a_tuple_of_timeouts() -> None:
    """As some libraries have it; here each limit has a name."""
    with pytest.raises(TypeError, match=r"or a TimeoutConfig with a limit for each, not \(1, 2\)"):
        httpcore.Client(timeout=(1, 2))  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="read_timeout takes seconds or None, not '3'"):
        httpcore.TimeoutConfig(read_timeout="3")  # type: ignore[arg-type]


def test_a_certificate_as_ssl() -> None:
    """`ssl=` says who is trusted; a certificate of one's own is part of an `SSLConfig`."""
    with pytest.raises(TypeError, match=r"ssl, .* takes a bool, .*A certificate of your own is"):
        httpcore.Client(ssl=("client.pem", "client.key"))  # type: ignore[arg-type]


@pytest.mark.parametrize("backend", ["trio", httpcore.SyncBackend])
def test_a_backend_that_is_none(backend: typing.Any) -> None:
    """Its name, or its class, is told at once, not by the first request."""
    for make in (
        lambda: httpcore.Client(backend=backend),
        lambda: httpcore.ConnectionPool(backend=backend),
        lambda: httpcore.HTTPConnection("http://h", backend=backend),
    ):
        with pytest.raises(TypeError, match=r"backend takes an object such as httpcore.TrioBack"):
            make()


def test_a_codec_that_is_none() -> None:
    """A module that has what a codec has will do."""
    with pytest.raises(
        TypeError, match=r"json_codec takes a JSONCodec\(dumps, loads\) or None, not"
    ):
        httpcore.Client(json_codec=json.dumps)  # type: ignore[arg-type]
    httpcore.Client(json_codec=json)  # type: ignore[arg-type]
