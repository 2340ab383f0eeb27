"""One HTTP/1.1 connection against servers that misbehave: what is kept, closed, resent."""

from __future__ import annotations

import collections.abc
import gc
import threading
import time
import typing

import pytest

import httpcore
from tests.conftest import MakeClient
from tests.servers.raw import RawConnection, RawServer, chunked_response, response
from tests.ways import pool_of

OK = response(b"ok")


def serving(*scripts: collections.abc.Callable[[RawConnection], None]) -> RawServer:
    """A server whose n-th connection runs the n-th script; the last one serves all that follow."""

    def handler(connection: RawConnection) -> None:
        scripts[min(connection.number, len(scripts) - 1)](connection)

    return RawServer(handler)


def pause() -> None:
    """Let what the server has just done arrive."""
    time.sleep(0.05)


def good(connection: RawConnection) -> None:
    """Answer everything with 200."""
    while True:
        connection.read_request()
        connection.send(OK)


def answering(*replies: bytes) -> collections.abc.Callable[[RawConnection], None]:
    """Answer one request after the other, then wait for the client to close."""

    def script(connection: RawConnection) -> None:
        for reply in replies:
            connection.read_request()
            connection.send(reply)
        connection.wait_closed()

    return script


async def test_connection_is_kept(make_client: MakeClient) -> None:
    """Two requests, one connection."""
    with serving(good) as server:
        client = make_client()
        for _ in range(2):
            answer = await client.get(server.url)
            assert (answer.status_code, answer.content) == (200, b"ok")
        assert len(server.connections) == 1
        assert len(pool_of(client).keepalive_connections) == 1


@pytest.mark.parametrize("fields", [b"Connection: close\r\n", b"Keep-Alive: max=0\r\n"])
async def test_cn6_connection_is_closed(make_client: MakeClient, fields: bytes) -> None:
    """A server that says so gets no second request on the connection."""
    reply = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n" + fields + b"\r\nok"
    with serving(answering(reply)) as server:
        client = make_client()
        await client.get(server.url)
        assert len(pool_of(client).keepalive_connections) == 0
        await client.get(server.url)
        assert len(server.connections) == 2


async def test_own_connection_close(make_client: MakeClient) -> None:
    """A request with `Connection: close` ends the connection though the server would keep it."""
    with serving(good) as server:
        client = make_client()
        await client.get(server.url, headers={"Connection": "close"})
        await client.get(server.url)
        assert len(server.connections) == 2


@pytest.mark.parametrize("piecewise", [False, True])
async def test_cn14_client_closed_before_the_body_was_read(
    make_client: MakeClient, piecewise: bool
) -> None:
    """Whoever reads on is told why there is no more, read whole or piece by piece."""
    with serving(answering(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf")) as server:
        client = make_client()
        answer = await client.get(server.url, stream=True)
        await client.close()
        with pytest.raises(httpcore.NetworkError, match="client was closed"):
            if piecewise:
                async for piece in answer.raw():
                    assert piece == b"half"
            else:
                await answer.read()


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("end", ["close", "reset", "shut"])
async def test_cn1_idle_connection_was_closed(
    make_client: MakeClient, method: str, end: str
) -> None:
    """
    FIN, RST and a half-close are seen before reuse: any method is sent once, on a fresh one.
    """

    answered, ended = threading.Event(), threading.Event()

    def first(connection: RawConnection) -> None:
        connection.read_request()
        connection.send(OK)
        answered.wait(10)  # else RST may take the answer along
        getattr(connection, end)()
        ended.set()
        if end == "shut":
            connection.wait_closed()

    with serving(first, good) as server:
        client = make_client()
        await client.get(server.url)
        answered.set()
        assert ended.wait(10)
        pause()
        answer = await client.request(method, server.url, content=b"x")
        assert answer.content == b"ok"
        assert len(server.requests) == 2


@pytest.mark.parametrize(
    "left_over",
    [
        OK,
        b"HTTP/1.1 408 Request Timeout\r\n\r\n",
        b"\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n",
    ],
    ids=["response", "408", "CRLF", "late 100"],
)
async def test_fr16_bytes_on_an_idle_connection(make_client: MakeClient, left_over: bytes) -> None:
    """What arrives on an idle connection is dropped with it, and belongs to nobody."""

    sent = threading.Event()

    def first(connection: RawConnection) -> None:
        connection.read_request()
        connection.send(response(b"first"))
        connection.send(left_over)
        sent.set()
        connection.wait_closed()

    with serving(first, good) as server:
        client = make_client()
        assert (await client.get(server.url)).content == b"first"
        assert sent.wait(10)
        pause()
        assert (await client.get(server.url)).content == b"ok"
        assert len(server.connections) == 2


def dying(connection: RawConnection) -> None:
    """Answer one request, and close when the second one has come."""
    connection.read_request()
    connection.send(OK)
    connection.read_request()


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
async def test_cn2_reused_connection_dies(make_client: MakeClient, method: str) -> None:
    """The server closes as the second request arrives: sent again once, on a fresh connection."""
    with serving(dying, good) as server:
        client = make_client()
        await client.get(server.url)
        body = None if method == "GET" else b"body"
        answer = await client.request(method, server.url, content=body)
        assert answer.content == b"ok"
        assert [request.method for request in server.requests] == ["GET", method, method]


@pytest.mark.parametrize("content", [b"body", "iterator"])
async def test_cn3_not_sent_again(make_client: MakeClient, content: typing.Any) -> None:
    """POST, and a body that cannot be replayed, fail; the server saw them once."""
    method = "POST" if content == b"body" else "PUT"
    body = content if content == b"body" else iter([b"bo", b"dy"])
    with serving(dying, good) as server:
        client = make_client()
        await client.get(server.url)
        with pytest.raises((httpcore.NetworkError, httpcore.RemoteProtocolError)) as caught:
            await client.request(method, server.url, content=body)
        assert caught.value.request.method == method
        assert len(server.requests) == 2
        assert (await client.get(server.url)).content == b"ok"


@pytest.mark.parametrize("part", [b"H", b"HTTP/1.1 200 OK\r\n", OK[:-1]])
async def test_cn4_not_sent_again_after_a_byte(make_client: MakeClient, part: bytes) -> None:
    """Once part of a response has arrived the request is not sent again."""

    def second_is_cut(connection: RawConnection) -> None:
        connection.read_request()
        connection.send(OK)
        connection.read_request()
        connection.send(part)

    with serving(second_is_cut, good) as server:
        client = make_client()
        await client.get(server.url)
        with pytest.raises(httpcore.RemoteProtocolError, match="closed the connection"):
            await client.get(server.url)
        assert len(server.requests) == 2
        assert (await client.get(server.url)).content == b"ok"


async def test_cn5_fresh_connection_without_a_response(make_client: MakeClient) -> None:
    """A fresh connection that is closed without an answer is an error, and no resend."""

    def closing(connection: RawConnection) -> None:
        connection.read_request()

    with serving(closing) as server:
        client = make_client()
        with pytest.raises(httpcore.RemoteProtocolError, match="without sending a response"):
            await client.get(server.url)
        assert len(server.requests) == 1


async def test_fr11_body_cut_short(make_client: MakeClient) -> None:
    """A body that is cut short raises, read or streamed, and the next request works."""
    cut = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello"

    def cutting(connection: RawConnection) -> None:
        connection.read_request()
        connection.send(cut)

    with serving(cutting, cutting, good) as server:
        client = make_client()
        with pytest.raises(httpcore.RemoteProtocolError, match="5 of 10") as caught:
            await client.get(server.url)
        assert caught.value.response.status_code == 200
        answer = await client.get(server.url, stream=True)
        pieces = answer.stream()
        assert await anext(pieces) == b"hello"
        with pytest.raises(httpcore.RemoteProtocolError, match="5 of 10"):
            await anext(pieces)
        assert (await client.get(server.url)).content == b"ok"
        assert len(pool_of(client).active_connections) == 0


async def test_fr13_close_delimited(make_client: MakeClient) -> None:
    """A body without framing ends with FIN; RST in it is a ReadError."""

    def closing(connection: RawConnection) -> None:
        connection.read_request()
        connection.send(b"HTTP/1.1 200 OK\r\n\r\nhello")

    def resetting(connection: RawConnection) -> None:
        connection.read_request()
        connection.send(b"HTTP/1.1 200 OK\r\n\r\nhello")
        connection.wait_closed(0.1)
        connection.reset()

    with serving(closing, resetting) as server:
        client = make_client()
        assert (await client.get(server.url)).content == b"hello"
        with pytest.raises(httpcore.ReadError):
            await client.get(server.url)


async def test_fr15_second_response_belongs_to_nobody(make_client: MakeClient) -> None:
    """A second response sent behind the first is never taken for the next one."""
    with serving(answering(response(b"first") + response(b"evil")), good) as server:
        client = make_client()
        assert (await client.get(server.url)).content == b"first"
        assert (await client.get(server.url)).content == b"ok"


async def test_hd11_informational_responses_are_skipped(make_client: MakeClient) -> None:
    """1xx responses come before the final one and leave nothing behind in it."""
    early = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
    with serving(answering(early + early + OK)) as server:
        answer = await make_client().get(server.url)
        assert answer.status_code == 200
        assert "Link" not in answer.headers


async def test_trailers(make_client: MakeClient) -> None:
    """Trailers are there once the body has been read."""
    reply = chunked_response([b"he", b"llo"])[:-2] + b"X-Sum: 5\r\n\r\n"
    with serving(answering(reply)) as server:
        answer = await make_client().get(server.url, stream=True)
        assert "X-Sum" not in answer.trailers
        assert await answer.read() == b"hello"
        assert answer.trailers["x-sum"] == "5"


async def test_head_and_304_have_no_body(make_client: MakeClient) -> None:
    """Answers to HEAD and 304 end with their head, and the connection is kept."""
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"
    not_modified = b"HTTP/1.1 304 Not Modified\r\nContent-Length: 1000\r\n\r\n"
    with serving(answering(head, not_modified, OK)) as server:
        client = make_client()
        assert (await client.head(server.url)).content == b""
        assert (await client.get(server.url)).status_code == 304
        assert (await client.get(server.url)).content == b"ok"
        assert len(server.connections) == 1


async def test_cn9_streamed_response_closed_half_read(make_client: MakeClient) -> None:
    """Closing in the middle closes the connection at once, whatever the peer still sends."""

    def endless(connection: RawConnection) -> None:
        connection.read_request()
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\nhello")
        assert connection.wait_closed()

    with serving(endless, good) as server:
        client = make_client()
        answer = await client.get(server.url, stream=True)
        await answer.close()
        await answer.close()
        assert len(pool_of(client).active_connections) == 0
        assert (await client.get(server.url)).content == b"ok"
        with pytest.raises(httpcore.ResponseClosed):
            await answer.read()


async def test_unread_rest_that_has_arrived_keeps_the_connection(make_client: MakeClient) -> None:
    """A short body that has arrived is dropped unread, and its connection kept."""
    with serving(good) as server:
        client = make_client()
        answer = await client.get(server.url, stream=True)
        await answer.close()
        await client.get(server.url)
        assert len(server.connections) == 1


async def test_cx8_leaving_a_loop_half_way(make_client: MakeClient) -> None:
    """`break` out of a streamed body gives the connection back without a warning."""

    def endless(connection: RawConnection) -> None:
        connection.read_request()
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\nhello")
        assert connection.wait_closed()

    with serving(endless, good) as server:
        client = make_client()
        answer = await client.get(server.url, stream=True)
        async for piece in answer.stream():
            assert piece == b"hello"
            break
        del answer
        gc.collect()  # PyPy does not count references
        assert (await client.get(server.url)).content == b"ok"
        assert len(pool_of(client).active_connections) == 0


async def test_cx8_closing_the_pieces(make_client: MakeClient) -> None:
    """`aclose()` of what a body is iterated by, once and twice, begun or not, ends the response."""

    def endless(connection: RawConnection) -> None:
        connection.read_request()
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\nhello")
        assert connection.wait_closed()

    with serving(endless, endless, good) as server:
        client = make_client()
        for begun in (True, False):
            answer = await client.get(server.url, stream=True)
            pieces: typing.Any = answer.stream()
            if begun:
                assert await anext(pieces) == b"hello"
            for _ in range(2):
                await pieces.aclose()
            await answer.close()
            assert len(pool_of(client).active_connections) == 0
        assert (await client.get(server.url)).content == b"ok"


@pytest.mark.parametrize("where", ["hook", "flow before", "flow after"])
async def test_cx10_hook_raises(make_client: MakeClient, where: str) -> None:
    """What an auth callable or a flow raises comes out bare, and the connection is not lost."""

    class Failing(httpcore.Auth):
        def flow(self, request: httpcore.Request) -> typing.Any:
            if where == "flow after":
                yield request
            raise ZeroDivisionError("mine")

    def hook(request: httpcore.Request) -> httpcore.Request:
        raise ZeroDivisionError("mine")

    auth: typing.Any = hook if where == "hook" else Failing()
    with serving(good) as server:
        client = make_client(pool_limits=httpcore.PoolLimits(hard_limit=1))
        for _ in range(3):
            with pytest.raises(ZeroDivisionError, match="mine") as caught:
                await client.get(server.url, auth=auth)
            assert type(caught.value) is ZeroDivisionError
            assert len(pool_of(client).active_connections) == 0
        assert (await client.get(server.url)).content == b"ok"


async def test_rq10_large_head(make_client: MakeClient) -> None:
    """A head of 60 KiB is sent, in one field and in many."""
    with serving(good) as server:
        client = make_client()
        await client.get(server.url, headers={"X-Long": "v" * 60 * 1024})
        await client.get(server.url, headers={f"X-{n}": "v" * 1000 for n in range(60)})
        assert len(server.requests[0].header("X-Long") or "") == 60 * 1024
        assert len([n for n, _ in server.requests[1].headers if n.startswith(b"X-")]) == 60
        assert len(server.connections) == 1


async def test_cn9_peer_that_sends_for_ever(make_client: MakeClient) -> None:
    """Closing does not wait for an end that never comes: 64 KiB are drained at most."""

    def flooding(connection: RawConnection) -> None:
        connection.read_request()
        connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        with pytest.raises(ConnectionError):
            while True:
                connection.send(b"10000\r\n" + bytes(65536) + b"\r\n")

    with serving(flooding, good) as server:
        client = make_client()
        answer = await client.get(server.url, stream=True)
        assert await anext(answer.stream())
        started = time.monotonic()
        await answer.close()
        assert time.monotonic() - started < 5
        assert len(pool_of(client).active_connections) == 0
        assert (await client.get(server.url)).content == b"ok"


async def test_cn10_dropped_response(make_client: MakeClient) -> None:
    """A streamed response that is dropped unread warns with its URL and gives its slot back."""

    def endless(connection: RawConnection) -> None:
        connection.read_request()
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\nhello")
        assert connection.wait_closed()

    with serving(endless, good) as server:
        client = make_client(pool_limits=httpcore.PoolLimits(hard_limit=1))
        with pytest.warns(ResourceWarning, match="/dropped"):
            await client.get(server.url + "/dropped", stream=True)
            gc.collect()  # PyPy does not count references
        assert (await client.get(server.url)).content == b"ok"


# Uploads.


async def test_bd10_framing_of_requests(make_client: MakeClient) -> None:
    """POST, PUT and PATCH say how long they are, also without a body; GET with one too."""
    with serving(good) as server:
        client = make_client()
        await client.post(server.url)
        await client.put(server.url, content=b"")
        await client.get(server.url)
        await client.request("GET", server.url, content=b"abc")
        await client.post(server.url, content=iter([b"abc", b"", b"de"]))
        lengths = [request.header("Content-Length") for request in server.requests]
        assert lengths == ["0", "0", None, "3", None]
        assert server.requests[4].header("Transfer-Encoding") == "chunked"
        assert server.requests[4].body == b"abcde"


async def test_large_uploads(make_client: MakeClient, tmp_path: typing.Any) -> None:
    """Bytes, a file and an iterator of some MiB arrive as they are."""
    data = bytes(range(256)) * 20_000
    path = tmp_path / "upload"
    path.write_bytes(data)
    with serving(good) as server:
        client = make_client()
        await client.post(server.url, content=data)
        with path.open("rb") as file:
            file.seek(100)
            await client.post(server.url, content=file)
        await client.post(
            server.url, content=(data[i : i + 70_000] for i in range(0, len(data), 70_000))
        )
        assert [request.body == data for request in server.requests] == [True, False, True]
        assert server.requests[1].body == data[100:]
        assert server.requests[1].header("Content-Length") == str(len(data) - 100)


class Endless:
    """An iterable of bytes without end, which counts what was taken."""

    def __init__(self) -> None:
        self.taken = 0

    def __iter__(self) -> Endless:
        return self

    def __next__(self) -> bytes:
        self.taken += 1
        return b"x" * 65536


@pytest.mark.parametrize("how", ["close", "reset", "stay", "read on"])
async def test_bd1_refused_while_uploading(make_client: MakeClient, how: str) -> None:
    """413 in the middle of an upload is the answer, however the server goes on."""

    def refusing(connection: RawConnection) -> None:
        connection.read_head()
        connection.send(b"HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nbig")
        if how == "stay":
            connection.wait_closed()
        elif how == "reset":
            connection.wait_closed(0.2)
            connection.reset()
        elif how == "read on":
            with pytest.raises(ConnectionError):
                while True:
                    connection.receive()

    with serving(refusing, good) as server:
        client = make_client()
        answer = await client.post(server.url, content=Endless())
        assert (answer.status_code, answer.content) == (413, b"big")
        assert (await client.get(server.url)).content == b"ok"


async def test_bd1_connection_breaks_while_uploading(make_client: MakeClient) -> None:
    """A connection that breaks during an upload without an answer is an error."""

    def breaking(connection: RawConnection) -> None:
        connection.read_head()
        connection.reset()

    with serving(breaking, good) as server:
        client = make_client()
        with pytest.raises((httpcore.NetworkError, httpcore.RemoteProtocolError)):
            await client.post(server.url, content=Endless())
        assert (await client.get(server.url)).content == b"ok"


async def test_bd2_answered_while_uploading_and_never_read(make_client: MakeClient) -> None:
    """A 200 while uploading, from a peer that then stops reading: the response is returned."""

    def deaf(connection: RawConnection) -> None:
        connection.read_head()
        connection.send(OK)
        connection.wait_gone()

    with serving(deaf, good) as server:
        client = make_client()
        answer = await client.post(server.url, content=Endless())
        assert answer.content == b"ok"
        assert (await client.get(server.url)).content == b"ok"


async def test_bd3_answered_early_and_read_on(make_client: MakeClient) -> None:
    """A 200 before the end of the upload, from a peer that reads on: the upload is finished."""

    def early(connection: RawConnection) -> None:
        head = connection.read_head()
        connection.send(OK)
        assert len(connection.read_body(head)) == 2_000_000
        good(connection)

    with serving(early) as server:
        client = make_client()
        answer = await client.post(server.url, content=iter([b"x" * 100_000] * 20))
        assert answer.content == b"ok"
        assert (await client.get(server.url)).content == b"ok"


async def test_full_duplex(make_client: MakeClient, app_server: typing.Any) -> None:
    """A server that streams its answer while it reads gets the whole upload."""
    data = [b"%05d" % i * 2000 for i in range(60)]
    answer = await make_client().post(app_server.url + "/echo-stream", content=iter(data))
    assert answer.content == b"".join(data)


async def test_bd4_continue(make_client: MakeClient) -> None:
    """With Expect: 100-continue the body waits for 100."""

    def continuing(connection: RawConnection) -> None:
        head = connection.read_head()
        assert not connection.has_data(0.2)
        connection.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        assert connection.read_body(head) == b"body"
        connection.send(OK)
        connection.wait_closed()

    with serving(continuing) as server:
        headers = {"Expect": "100-continue"}
        answer = await make_client().post(server.url, content=b"body", headers=headers)
        assert answer.content == b"ok"


async def test_bd4_silence_instead_of_continue(make_client: MakeClient) -> None:
    """After a second of silence the body is sent all the same."""
    with serving(good) as server:
        headers = {"Expect": "100-continue"}
        answer = await make_client().post(server.url, content=iter([b"body"]), headers=headers)
        assert answer.content == b"ok"
        assert server.requests[0].body == b"body"


async def test_bd4_expectation_failed(make_client: MakeClient) -> None:
    """417 has the request sent again without Expect, whose body had not been sent."""

    def failing(connection: RawConnection) -> None:
        connection.read_head()
        connection.send(b"HTTP/1.1 417 Expectation Failed\r\nContent-Length: 0\r\n\r\n")
        assert connection.wait_closed()

    with serving(failing, good) as server:
        headers = {"Expect": "100-continue"}
        answer = await make_client().post(server.url, content=iter([b"body"]), headers=headers)
        assert answer.content == b"ok"
        assert server.requests[0].header("Expect") is None


async def test_bd4_refused_before_the_body(make_client: MakeClient) -> None:
    """A final answer instead of 100 is returned, and the body not sent."""

    def refusing(connection: RawConnection) -> None:
        connection.read_head()
        connection.send(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n")
        assert connection.wait_closed()
        assert not connection.has_data(0)

    with serving(refusing, good) as server:
        client = make_client()
        headers = {"Expect": "100-continue"}
        answer = await client.post(server.url, content=b"body", headers=headers)
        assert answer.status_code == 401
        assert (await client.get(server.url)).content == b"ok"


@pytest.mark.parametrize(("pieces", "says"), [([b"123"], "3 bytes"), ([b"123", b"456"], "6 bytes")])
async def test_bd6_body_of_another_size(
    make_client: MakeClient, pieces: list[bytes], says: str
) -> None:
    """An iterator that gives more or less than its Content-Length is an error with both numbers."""

    def any_end(connection: RawConnection) -> None:
        connection.read_head()
        assert connection.wait_closed()

    with serving(any_end, good) as server:
        client = make_client()
        with pytest.raises(httpcore.LocalProtocolError, match=f"{says}.*5"):
            await client.post(server.url, content=iter(pieces), headers={"Content-Length": "5"})
        assert (await client.get(server.url)).content == b"ok"


async def test_cx10_body_iterator_raises(make_client: MakeClient) -> None:
    """What a body's iterator raises comes out bare, and the message is left incomplete."""

    def body() -> collections.abc.Iterator[bytes]:
        yield b"part"
        raise ZeroDivisionError("mine")

    def watching(connection: RawConnection) -> None:
        connection.read_head()
        with pytest.raises(ConnectionError):
            connection.read_until(b"0\r\n\r\n")

    with serving(watching, good) as server:
        client = make_client()
        with pytest.raises(ZeroDivisionError, match="mine"):
            await client.post(server.url, content=body())
        assert (await client.get(server.url)).content == b"ok"


async def test_rq9_no_connect_by_hand(make_client: MakeClient) -> None:
    """CONNECT by hand is refused with a word on proxies."""
    with pytest.raises(ValueError, match="proxies"):
        await make_client().request("CONNECT", "http://example.org")


async def test_rq8_asterisk_target(make_client: MakeClient) -> None:
    """`OPTIONS *` is sent by a request of one's own."""
    with serving(good) as server:
        request = httpcore.Request("OPTIONS", server.url, target="*")
        await make_client().send(request)
        assert server.requests[0].target == "*"
