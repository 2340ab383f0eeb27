"""The test servers do what the tests rely on, by the standard library's word."""

from __future__ import annotations

import gzip
import hashlib
import http.client
import json
import socket
import ssl
import threading

import pytest

from tests.servers import app, raw
from tests.servers import nginx as nginx_module
from tests.servers.certs import Cert, Certs
from tests.servers.hypercorn_server import HypercornServer
from tests.servers.nginx import BIG_BYTES, Nginx
from tests.servers.process import ServerProcess
from tests.servers.proxies import (
    Microsocks,
    ProxyMissing,
    ProxyProcess,
    Squid,
    Tinyproxy,
)
from tests.servers.raw import PeerClosed, RawConnection, RawServer, response
from tests.servers.uvicorn_server import UvicornServer


def fetch(
    server: ServerProcess | RawServer,
    path: str,
    method: str = "GET",
    body: bytes | None = None,
    headers: dict[str, str] | None = None,
) -> tuple[http.client.HTTPResponse, bytes]:
    """One exchange over plain HTTP/1.1."""
    connection = http.client.HTTPConnection(server.host, server.port, timeout=10)
    try:
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        return answer, answer.read()
    finally:
        connection.close()


def connect(server: RawServer) -> socket.socket:
    return socket.create_connection((server.host, server.port), 10)


class TestRawServer:
    def test_replies_in_turn_and_records_requests(self) -> None:
        """Each request gets the next reply, on any connection, and can be looked at."""
        with RawServer.replies([response(b"one"), response(b"two", "404 Not Found")]) as server:
            _, first = fetch(server, "/1", headers={"X-A": "b"})
            answer, second = fetch(server, "/2", "POST", b"content")
        assert (first, second, answer.status) == (b"one", b"two", 404)
        assert [request.target for request in server.requests] == ["/1", "/2"]
        assert server.requests[0].header("x-a") == "b"
        assert server.requests[0].header("x-b") is None
        assert (server.requests[1].method, server.requests[1].body) == ("POST", b"content")
        assert len(server.connections) == 2

    def test_reads_chunked_bodies(self) -> None:
        """A chunked body is read with its extensions and trailers left out."""
        wire = b"PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
        wire += b"3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\nT: 1\r\n\r\n"
        with RawServer.replies([response()]) as server, connect(server) as sock:
            sock.sendall(wire)
            assert sock.recv(100).startswith(b"HTTP/1.1 200")
        assert server.requests[0].body == b"abc0123456789"

    def test_keeps_a_connection_for_several_requests(self) -> None:
        """The end of a request is found where the next one follows at once."""
        with (
            RawServer.replies([response(b"1"), response(b"2")]) as server,
            connect(server) as sock,
        ):
            sock.sendall(b"GET /a HTTP/1.1\r\n\r\n" + b"GET /b HTTP/1.1\r\n\r\n")
            answers = b""
            while not answers.endswith(b"2"):
                answers += sock.recv(1000)
            (connection,) = server.connections
            sock.close()
            assert connection.peer_closed.wait(10)
        assert [request.target for request in connection.requests] == ["/a", "/b"]

    def test_closes_after_each_reply_if_asked_to(self) -> None:
        """With `close` the client sees the end of the stream."""
        with RawServer.replies([b"x"], close=True) as server, connect(server) as sock:
            sock.sendall(b"GET / HTTP/1.1\r\n\r\n")
            assert (sock.recv(10), sock.recv(10)) == (b"x", b"")

    def test_one_request_too_many_fails_the_test(self) -> None:
        """A request without a reply is an error at the end of the block."""
        with (
            pytest.raises(AssertionError, match="one request too many"),
            RawServer.replies([]) as server,
            connect(server) as sock,
        ):
            sock.sendall(b"GET / HTTP/1.1\r\n\r\n")
            assert sock.recv(10) == b""

    def test_handler_errors_do_not_hide_the_tests_own(self) -> None:
        """An error of the block itself comes out, with the handler's as a note."""

        def handler(connection: RawConnection) -> None:
            raise ValueError("the handler's")

        with (
            pytest.raises(KeyError, match="the test's") as caught,
            RawServer(handler) as server,
            connect(server) as sock,
        ):
            assert sock.recv(10) == b""
            raise KeyError("the test's")
        assert "the handler's" in caught.value.__notes__[0]

    def test_reset(self) -> None:
        """The client sees a reset, not an end."""

        def handler(connection: RawConnection) -> None:
            connection.read_request()
            connection.reset()

        with RawServer(handler) as server, connect(server) as sock:
            sock.sendall(b"GET / HTTP/1.1\r\n\r\n")
            with pytest.raises(ConnectionResetError):
                sock.recv(10)

    def test_wait_closed_tells_whether_the_client_left(self) -> None:
        """It keeps what came meanwhile, and says no when the time is over."""
        seen: list[object] = []
        asked = threading.Event()

        def handler(connection: RawConnection) -> None:
            seen.append(connection.wait_closed(0.05))
            asked.set()
            seen.append(connection.wait_closed())
            seen.append(connection.receive())
            with pytest.raises(PeerClosed):
                connection.receive()

        with RawServer(handler) as server, connect(server) as sock:
            assert asked.wait(10)
            sock.sendall(b"late")
            sock.close()
            assert server.connections[0].peer_closed.wait(10)
        assert seen == [False, True, b"late"]

    def test_end_of_the_block_is_not_the_client_leaving(self) -> None:
        """A handler that still waits is ended, and takes that for nothing else."""
        seen: list[bool] = []

        def handler(connection: RawConnection) -> None:
            seen.append(connection.wait_closed())

        server = RawServer(handler)
        with server:
            sock = connect(server)
            sock.sendall(b"x")
        sock.close()
        assert seen == []
        assert not any(connection.peer_closed.is_set() for connection in server.connections)

    def test_half_close_and_single_bytes(self) -> None:
        """What is sent in pieces arrives whole, then the end, and the way back is still open."""

        def handler(connection: RawConnection) -> None:
            connection.send_each(raw.iter_bytes(b"piecemeal"))
            connection.shut()
            assert connection.read_exactly(3) == b"end"

        with RawServer(handler) as server, connect(server) as sock:
            assert sock.makefile("rb").read() == b"piecemeal"
            sock.sendall(b"end")

    def test_tls(self, certs: Certs) -> None:
        """Over TLS a handler sees plain bytes, and the client a proper end."""
        tls = certs.server.server_context()
        with (
            RawServer.replies([raw.chunked_response([b"a", b"bc"])], close=True, tls=tls) as server,
            connect(server) as plain,
            certs.client_context().wrap_socket(
                plain, server_hostname="localhost", suppress_ragged_eofs=False
            ) as sock,
        ):
            assert server.url == f"https://127.0.0.1:{server.port}"
            sock.sendall(b"GET / HTTP/1.1\r\n\r\n")
            assert sock.makefile("rb").read().endswith(b"1\r\na\r\n2\r\nbc\r\n0\r\n\r\n")

    def test_tls_cut_without_close_notify(self, certs: Certs) -> None:
        """The client can tell a cut from an end."""

        def handler(connection: RawConnection) -> None:
            connection.send(connection.receive())
            connection.cut()

        with (
            RawServer(handler, tls=certs.server.server_context()) as server,
            connect(server) as plain,
            certs.client_context().wrap_socket(
                plain, server_hostname="127.0.0.1", suppress_ragged_eofs=False
            ) as sock,
        ):
            sock.sendall(b"echo")
            assert sock.recv(10) == b"echo"
            with pytest.raises(ssl.SSLEOFError):
                sock.recv(10)

    @pytest.mark.parametrize(
        ("name", "reason"),
        [
            ("expired", "expired"),
            ("future", "not yet valid"),
            ("wrong_host", "mismatch"),
            ("self_signed", "self-signed"),
            ("unknown_ca", "unable to get local issuer"),
        ],
    )
    def test_bad_certificates(self, certs: Certs, name: str, reason: str) -> None:
        """Each bad certificate is refused for its own reason, which is no error of the server's."""
        cert: Cert = getattr(certs, name)
        with (
            RawServer.replies([], tls=cert.server_context()) as server,
            connect(server) as plain,
            pytest.raises(ssl.SSLCertVerificationError, match=reason),
        ):
            certs.client_context().wrap_socket(plain, server_hostname="localhost")

    def test_client_certificates(self, certs: Certs) -> None:
        """A server that wants a certificate talks to who shows one, and to nobody else."""
        reply = [response(b"known")]
        with RawServer.replies(reply, close=True, tls=certs.mutual_context()) as server:
            context = certs.client_context()
            context.load_cert_chain(*certs.client)
            with (
                connect(server) as plain,
                context.wrap_socket(plain, server_hostname="localhost") as sock,
            ):
                sock.sendall(b"GET / HTTP/1.1\r\n\r\n")
                assert sock.makefile("rb").read().endswith(b"known")
            with (
                connect(server) as plain,
                certs.client_context().wrap_socket(plain, server_hostname="localhost") as sock,
                pytest.raises(ssl.SSLError, match="certificate required"),
            ):
                sock.recv(10)
        assert len(server.handshake_errors) == 1

    def test_certificates_for_other_hosts(self, certs: Certs) -> None:
        """A certificate can be issued for any host, over IPv6 too."""
        try:
            socket.create_server(("::1", 0), family=socket.AF_INET6).close()
        except OSError:
            pytest.skip("this machine has no IPv6")
        tls = certs.issue("*.example.org").server_context()
        with (
            RawServer.replies([b"x"], close=True, tls=tls, host="::1") as server,
            connect(server) as plain,
            certs.client_context().wrap_socket(plain, server_hostname="a.example.org") as sock,
        ):
            assert server.url.startswith("https://[::1]:")
            sock.sendall(b"GET / HTTP/1.1\r\n\r\n")
            assert sock.recv(10) == b"x"


class TestUvicorn:
    def test_echo(self, app_server: UvicornServer) -> None:
        """What came is told in full."""
        _, body = fetch(app_server, "/echo?a=%20b", "POST", b"caf\xc3\xa9", {"X-A": "1"})
        came = json.loads(body)
        assert (came["method"], came["path"], came["query"]) == ("POST", "/echo", "a=%20b")
        assert (came["text"], came["length"]) == ("caf\u00e9", 5)
        assert came["sha256"] == hashlib.sha256(b"caf\xc3\xa9").hexdigest()
        assert ["x-a", "1"] in came["headers"]

    def test_statuses_and_redirects(self, app_server: UvicornServer) -> None:
        """They carry what their paths ask for."""
        assert fetch(app_server, "/status/418")[0].status == 418
        assert fetch(app_server, "/status/204")[1] == b""
        assert fetch(app_server, "/nowhere")[0].status == 404
        hop, _ = fetch(app_server, "/redirect/2")
        assert (hop.status, hop.headers["Location"]) == (302, "/redirect/1")
        assert fetch(app_server, "/redirect/1")[0].headers["Location"] == "/"
        hop, _ = fetch(app_server, "/redirect-to?url=%2Fecho&status=307")
        assert (hop.status, hop.headers["Location"]) == (307, "/echo")

    def test_bodies(self, app_server: UvicornServer) -> None:
        """Of a known length, chunked, without one on HEAD, and in lines."""
        assert fetch(app_server, "/")[1] == b"Hello, world!"
        assert len(fetch(app_server, "/bytes/70000")[1]) == 70_000
        assert fetch(app_server, "/bytes/7", "HEAD")[1] == b""
        answer, body = fetch(app_server, "/stream/3?size=2")
        assert (answer.headers["Transfer-Encoding"], body) == ("chunked", b"AABBCC")
        assert fetch(app_server, "/lines")[1].decode().splitlines() == list(app.LINES)
        assert fetch(app_server, "/early", "POST", b"x" * 100)[1] == b"early"
        assert fetch(app_server, "/slow?seconds=0.01")[1] == b"slow"

    def test_full_duplex(self, app_server: UvicornServer) -> None:
        """The first piece comes back before the second is sent."""
        with socket.create_connection((app_server.host, app_server.port), 10) as sock:
            sock.sendall(b"POST /echo-stream HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n\r\none")
            answers = b""
            while not answers.endswith(b"one\r\n"):
                answers += sock.recv(1000)
            sock.sendall(b"two")
            while not answers.endswith(b"two\r\n0\r\n\r\n"):
                answers += sock.recv(1000)

    def test_content_codings(self, app_server: UvicornServer) -> None:
        """Compressed bodies say how."""
        answer, body = fetch(app_server, "/gzip")
        assert (answer.headers["Content-Encoding"], gzip.decompress(body).decode()) == (
            "gzip",
            app.TEXT,
        )
        for path, coding in [("/deflate", "deflate"), ("/brotli", "br"), ("/zstd", "zstd")]:
            answer, body = fetch(app_server, path)
            assert answer.headers["Content-Encoding"] == coding
            assert len(body) < len(app.TEXT) / 2
        assert (
            len(fetch(app_server, "/deflate?raw=1")[1]) == len(fetch(app_server, "/deflate")[1]) - 6
        )

    def test_headers(self, app_server: UvicornServer) -> None:
        """Of the request, of the response, of authentication and of text."""
        assert json.loads(fetch(app_server, "/headers", headers={"X-A": "1"})[1])["x-a"] == "1"
        answer, _ = fetch(app_server, "/set-header?Set-Cookie=a%3D1&Set-Cookie=b%3D2")
        assert answer.headers.get_all("Set-Cookie") == ["a=1", "b=2"]
        assert fetch(app_server, "/basic-auth/u/p")[0].headers["WWW-Authenticate"]
        answer, _ = fetch(app_server, "/basic-auth/u/p", headers={"Authorization": "Basic dTpw"})
        assert answer.status == 200
        answer, body = fetch(app_server, "/text?charset=latin-1")
        assert answer.headers["Content-Type"] == "text/plain; charset=latin-1"
        assert body.decode("latin-1").endswith("\u00e4\u00f6\u00fc")
        answer, _ = fetch(app_server, "/text?charset=latin-1&announce=0")
        assert answer.headers["Content-Type"] == "text/plain"

    def test_tls(self, app_tls_server: UvicornServer, certs: Certs) -> None:
        """It talks TLS with a certificate that the CA vouches for."""
        connection = http.client.HTTPSConnection(
            app_tls_server.host, app_tls_server.port, timeout=10, context=certs.client_context()
        )
        connection.request("GET", "/")
        assert connection.getresponse().read() == b"Hello, world!"
        connection.close()

    def test_a_server_that_does_not_start_says_why(self) -> None:
        """Its standard error is in the message."""
        server = ServerProcess("tests.servers.no_such_server")
        with pytest.raises(RuntimeError, match="No module named"), server:
            pass


def alpn(host: str, port: int, certs: Certs, *offered: str) -> str | None:
    context = certs.client_context()
    context.set_alpn_protocols(list(offered))
    with (
        socket.create_connection((host, port), 10) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as sock,
    ):
        return sock.selected_alpn_protocol()


def test_hypercorn(h2_server: HypercornServer, certs: Certs) -> None:
    """It takes HTTP/2 where that is offered, and HTTP/1.1 where not."""
    assert alpn(h2_server.host, h2_server.port, certs, "h2", "http/1.1") == "h2"
    assert alpn(h2_server.host, h2_server.port, certs, "http/1.1") == "http/1.1"
    connection = http.client.HTTPSConnection(
        h2_server.host, h2_server.port, timeout=10, context=certs.client_context()
    )
    connection.request("GET", "/")
    assert connection.getresponse().read() == b"Hello, world!"
    connection.close()


class TestNginx:
    def test_files_over_one_connection(self, nginx: Nginx) -> None:
        """The files have the sizes and codings that tests rely on."""
        connection = http.client.HTTPConnection(nginx.host, nginx.port, timeout=10)

        def get(path: str, method: str = "GET") -> tuple[http.client.HTTPResponse, bytes]:
            connection.request(method, path)
            answer = connection.getresponse()
            return answer, answer.read()

        answer, body = get("/1k.json")
        assert (answer.headers["Content-Type"], len(body)) == ("application/json", 1024)
        assert json.loads(body)["name"] == "small"
        assert get("/100k.bin")[1] == nginx.file("100k.bin")
        answer, body = get("/1m.json")
        assert answer.headers["Content-Encoding"] == "gzip"
        assert gzip.decompress(body).decode() == nginx.json_text
        assert 900_000 < len(nginx.json_text) < 1_200_000
        assert get("/big.bin", "HEAD")[0].headers["Content-Length"] == str(BIG_BYTES)
        connection.request("POST", "/upload", iter([b"x" * 1000] * 3), encode_chunked=True)
        assert connection.getresponse().read() == b"3000"
        connection.close()

    def test_protocols(self, nginx: Nginx, certs: Certs) -> None:
        """HTTP/2 is offered on one TLS port, and not on the other."""
        assert alpn(nginx.host, nginx.tls_port, certs, "h2", "http/1.1") == "h2"
        assert alpn(nginx.host, nginx.tls1_port, certs, "h2", "http/1.1") == "http/1.1"
        assert nginx.url == f"http://127.0.0.1:{nginx.port}"
        assert nginx.tls_url == f"https://127.0.0.1:{nginx.tls_port}"
        assert nginx.tls1_url == f"https://127.0.0.1:{nginx.tls1_port}"

    def test_missing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Where there is none, the error says how to get it."""
        monkeypatch.setattr("shutil.which", lambda *args, **kwargs: None)
        with pytest.raises(nginx_module.NginxMissing, match="apt-get install nginx-light"):
            nginx_module.find()


@pytest.mark.parametrize("proxy_class", [Tinyproxy, Squid, Microsocks])
def test_missing_proxies(monkeypatch: pytest.MonkeyPatch, proxy_class: type[ProxyProcess]) -> None:
    """The error says how to get it."""
    monkeypatch.setattr("shutil.which", lambda name, path=None: None)
    with pytest.raises(ProxyMissing, match=f"apt-get install {proxy_class.package}"):
        proxy_class()
