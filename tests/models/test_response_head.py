"""What the head of a response says."""

from __future__ import annotations

import datetime
import http
import pickle

import pytest

from httpcore import AsyncResponse, Request, Response
from tests.conftest import MakeClient
from tests.servers.raw import RawServer, response

REQUEST = Request("GET", "http://example.org/a")

both_classes = pytest.mark.parametrize("cls", [Response, AsyncResponse])


@pytest.mark.parametrize("status", [200, 299, 404, 418, 599])
def test_hd1_status_codes(status: int) -> None:
    """A known one is an `HTTPStatus`, any other an `int` with an empty phrase."""
    answer = Response(status)
    known = status in http.HTTPStatus.__members__.values()
    assert answer.status_code == status
    assert isinstance(answer.status_code, http.HTTPStatus) == known
    assert bool(answer.reason_phrase) == known
    assert answer.ok == (status < 400)


async def test_head_from_the_wire(make_client: MakeClient) -> None:
    """The reason is what the server sent; the protocol and the time it took are there."""
    with RawServer.replies([response(b"", "200 Sehr sch\xf6n")]) as server:
        answer = await make_client().get(server.url)
    assert answer.reason_phrase == "Sehr sch\xf6n"
    assert (answer.protocol, answer.http_version) == ("HTTP/1.1", "HTTP/1.1")
    assert datetime.timedelta(0) < answer.elapsed < datetime.timedelta(seconds=10)
    assert answer.ok


async def test_hd9_bytes_beyond_ascii(make_client: MakeClient) -> None:
    """Raw bytes are kept; text, `repr` and pickle never raise."""
    raw = b"HTTP/1.1 200 OK\r\nX: \xff\xfe\r\nY: \xc3\xbc\r\nContent-Length: 0\r\n\r\n"
    with RawServer.replies([raw]) as server:
        answer = await make_client().get(server.url)
    assert answer.headers.raw[:2] == [(b"X", b"\xff\xfe"), (b"Y", b"\xc3\xbc")]
    assert (answer.headers["X"], answer.headers["Y"]) == ("\xff\xfe", "\u00fc")
    assert "\xff" in repr(answer.headers)
    assert pickle.loads(pickle.dumps(answer.headers)) == answer.headers


async def test_hd10_repeated_fields(make_client: MakeClient) -> None:
    """Order and every value are kept; a Set-Cookie is never split at the comma of its date."""
    cookies = ["a=1; Expires=Wed, 21 Oct 2015 07:28:00 GMT", "b=2"]
    fields = [("Set-Cookie", cookies[0]), ("Via", "1.1 x"), ("set-cookie", cookies[1])]
    with RawServer.replies([response(headers=[*fields, ("Via", "1.1 y")])]) as server:
        answer = await make_client().get(server.url)
    assert answer.headers.getlist("Set-Cookie") == cookies
    assert answer.headers["via"] == "1.1 x, 1.1 y"
    assert [name for name, _ in answer.headers.multi_items()[1:]] == [
        *("Set-Cookie", "Via", "set-cookie", "Via")
    ]


@pytest.mark.parametrize(
    ("status", "location", "redirect"),
    [
        *((status, "/b", True) for status in (301, 302, 303, 307, 308)),
        *((status, "/b", False) for status in (200, 201, 300, 304, 305)),
        (302, None, False),
    ],
)
def test_is_redirect(status: int, location: str | None, redirect: bool) -> None:
    """Five statuses are redirects, and only with a Location."""
    headers = {} if location is None else {"Location": location}
    assert Response(status, headers).is_redirect == redirect


def test_links() -> None:
    """Link fields by their relation, else by their URL; the first of several counts."""
    answer = Response(
        200,
        [
            ("Link", '</2>; rel="next"; title="a, b", </9>; rel="last end"'),
            ("Link", "</other>, </3>; rel=next"),
        ],
    )
    assert answer.links == {
        "next": {"url": "/2", "rel": "next", "title": "a, b"},
        "last": {"url": "/9", "rel": "last end"},
        "end": {"url": "/9", "rel": "last end"},
        "/other": {"url": "/other"},
    }
    assert Response(200).links == {}
    assert Response(200, {"Link": "nonsense; <"}).links == {}


def test_filename() -> None:
    """The name that is proposed for saving, without its path."""
    headers = {"Content-Disposition": 'attachment; filename="../../etc/passwd"'}
    assert Response(200, headers).filename == "passwd"
    assert Response(200).filename is None
