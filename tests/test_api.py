"""The one-shot functions, against a real server."""

from __future__ import annotations

import typing

import pytest

import httpcore
from tests.servers.raw import RawConnection, RawServer, response
from tests.servers.uvicorn_server import UvicornServer

VERBS = ["get", "options", "post", "put", "patch", "delete", "query"]


@pytest.mark.parametrize("verb", VERBS)
def test_verbs(app_server: UvicornServer, verb: str) -> None:
    """Each makes its request, reads the answer and leaves nothing open."""
    answer = getattr(httpcore, verb)(f"{app_server.url}/echo", params={"a": "b"}, content=b"sent")
    assert isinstance(answer, httpcore.Response)
    came = answer.json()
    assert (came["method"], came["query"], came["text"]) == (verb.upper(), "a=b", "sent")


def test_head(app_server: UvicornServer) -> None:
    """HEAD has a head and no body, and follows no redirect by default."""
    answer = httpcore.head(f"{app_server.url}/bytes/10")
    assert (answer.headers["Content-Length"], answer.content) == ("10", b"")
    assert httpcore.head(f"{app_server.url}/redirect/1").status_code == 302


def test_request(app_server: UvicornServer) -> None:
    """Any method; redirects, auth and time limits as for a client."""
    url = f"{app_server.url}/echo"
    assert httpcore.request("propfind", url).json()["method"] == "PROPFIND"
    answer = httpcore.get(f"{app_server.url}/redirect/2", timeout=5)
    assert (answer.text, len(answer.history)) == ("Hello, world!", 2)
    answer = httpcore.get(f"{app_server.url}/basic-auth/user/pass", auth=("user", "pass"))
    assert answer.text == "welcome"


def test_ssl(app_tls_server: UvicornServer, certs: typing.Any) -> None:
    """TLS settings are those of the call."""
    assert httpcore.get(app_tls_server.url, ssl=str(certs.ca)).status_code == 200
    with pytest.raises(httpcore.SSLError):
        httpcore.get(app_tls_server.url)


@pytest.mark.parametrize("verb", [*VERBS, "head"])
def test_no_streams(verb: str) -> None:
    """A stream would outlive its client, so it is refused before anything is sent."""
    with pytest.raises(TypeError, match="cannot stream"):
        getattr(httpcore, verb)("http://example.org", stream=True)


def test_connection_is_closed() -> None:
    """The client is closed behind the request, also where that fails."""
    with RawServer.replies([response(b"there")]) as server:
        assert httpcore.get(server.url).content == b"there"
        assert server.connections[0].peer_closed.wait(10)
    with RawServer(hang_up) as server, pytest.raises(httpcore.RemoteProtocolError):
        httpcore.get(server.url)


def hang_up(connection: RawConnection) -> None:
    connection.read_request()
