"""Tunnels by CONNECT and SOCKS: what the proxy is told, what it may answer, what comes of it."""

from __future__ import annotations

import collections.abc
import contextlib
import functools
import socket
import typing

import pytest
from hypothesis import given
from hypothesis import strategies as st

import httpcore
from httpcore import ConnectTimeout, HTTPConnection, Proxy, ProxyError, SSLError, TimeoutConfig
from httpcore.backends.base import Address, ConcurrencyBackend
from httpcore.backends.scripted import ScriptedBackend
from httpcore.connect_config import Resolver
from httpcore.deadline import Deadline
from httpcore.driver import run_sync
from tests.servers.certs import Certs
from tests.servers.h2_server import H2Server, answer_all
from tests.servers.hypercorn_server import HypercornServer
from tests.servers.raw import RawConnection, RawServer, response
from tests.servers.relay import ESTABLISHED, connect_proxy, relay

OK = response(b"ok")
FOR_ORIGIN = {"Authorization": "Bearer for-origin", "Cookie": "for=origin"}

Options = dict[str, typing.Any]


@pytest.fixture
def options(backend: ConcurrencyBackend, certs: Certs) -> Options:
    """What a connection is given beside its origin and proxy."""
    return {"backend": backend, "ssl": str(certs.ca)}


# CONNECT.


async def test_connect(options: Options, certs: Certs) -> None:
    """TLS goes through the tunnel, and the proxy sees the host and its own fields, no more."""
    with (
        RawServer.replies([OK, OK], tls=certs.server.server_context()) as origin,
        RawServer(connect_proxy) as proxy,
    ):
        through = Proxy(proxy.url, auth=("user", "pass"), headers={"X-Team": "a"})
        async with HTTPConnection(origin.url, proxy=through, **options) as connection:
            for _ in range(2):
                answer = await connection.request("GET", origin.url, headers=FOR_ORIGIN)
                assert answer.content == b"ok"
            assert connection.stream is not None
            assert connection.stream.peer == (
                f"127.0.0.1:{origin.port} through proxy 127.0.0.1:{proxy.port}"
            )
            assert repr(connection) == f"<HTTPConnection({connection.stream.peer!r}, open)>"
        (connect,) = proxy.requests
        assert (connect.method, connect.target) == ("CONNECT", f"127.0.0.1:{origin.port}")
        assert connect.headers == [
            (b"Host", f"127.0.0.1:{origin.port}".encode()),
            (b"X-Team", b"a"),
            (b"Proxy-Authorization", b"Basic dXNlcjpwYXNz"),
        ]
        assert origin.requests[0].header("Authorization") == "Bearer for-origin"
        assert origin.requests[0].header("Proxy-Authorization") is None
        assert origin.requests[0].header("X-Team") is None


async def test_tls_in_tls(options: Options, certs: Certs) -> None:
    """The proxy is reached over TLS with settings of its own, and TLS goes through that."""
    with (
        RawServer.replies([response(b"x" * 300_000)], tls=certs.server.server_context()) as origin,
        RawServer(connect_proxy, tls=certs.mutual_context()) as proxy,
    ):
        client = certs.client
        config = httpcore.SSLConfig((client.cert, client.key), verify=str(certs.ca))
        through = Proxy(proxy.url, ssl=config)
        async with HTTPConnection(origin.url, proxy=through, **options) as connection:
            answer = await connection.request("POST", origin.url, content=b"y" * 300_000)
            assert len(answer.content) == 300_000
        assert len(origin.requests[0].body) == 300_000


@pytest.mark.parametrize("http2", [True, "only"])
async def test_http2_through_a_tunnel(
    options: Options, h2_server: HypercornServer, http2: typing.Any
) -> None:
    """HTTP/2 is agreed upon with the origin, as without a proxy."""
    with RawServer(connect_proxy) as proxy:
        async with HTTPConnection(
            h2_server.url, proxy=proxy.url, http2=http2, **options
        ) as connection:
            first = await connection.request("GET", f"{h2_server.url}/bytes/100000", stream=True)
            second = await connection.request("GET", f"{h2_server.url}/bytes/10")
            assert (first.protocol, second.protocol) == ("HTTP/2", "HTTP/2")
            assert len(await first.load()) == 100_000
    assert len(proxy.connections) == 1


@pytest.mark.parametrize("tls", [False, True])
async def test_http2_by_prior_knowledge(options: Options, certs: Certs, tls: bool) -> None:
    """`http2="only"` over plain http takes a tunnel, whatever the proxy is reached by."""
    context = certs.server.server_context() if tls else None
    with H2Server(answer_all) as origin, RawServer(connect_proxy, tls=context) as proxy:
        through = Proxy(proxy.url, ssl=str(certs.ca) if tls else None)
        async with HTTPConnection(origin.url, proxy=through, http2="only", **options) as connection:
            answer = await connection.request("GET", f"{origin.url}/a")
            assert (answer.content, answer.protocol) == (b"/a", "HTTP/2")


REFUSALS = [
    (response(b"no such luck", "403 Forbidden"), "answered 403 Forbidden: 'no such luck'"),
    (response(b"", "502 Bad Gateway"), "answered 502 Bad Gateway"),
    (response(b"", "301 Moved", [("Location", "https://evil/")]), "answered 301 Moved"),
    (response(b"", "401 Unauthorized", [("WWW-Authenticate", "Basic")]), "answered 401"),
    (response(b"", "407 Wanted"), r"answered 407 Wanted; is its user and password right\? Proxy"),
    (b"HTTP/1.1 500 X\r\n\r\n" + b"z" * 1_000_000, "answered 500 X: 'z{200}'"),
    (b"HTTP/1.1 500 X\r\nContent-Length: 9\r\n\r\ncut", "answered 500 X: 'cut'"),
    (b"HTTP/1.1 500 X\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "answered 500 X"),
    (
        b"HTTP/1.1 500 X\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\ncut",
        "answered 500 X$",
    ),
    (b"HTTP/1.1 500 \x1b\xff\r\n\r\n\x1b\xff", "sent what is no HTTP/1.1 response|control char"),
    (b"HTTP/1.1 500 \xff\r\n\r\n\x1b\xe2\x82\xac", r"500 \\xff: '\\x1b\\u20ac'"),
    (b"SSH-2.0-OpenSSH_9.2\r\n", "no HTTP/1.1 response; it starts 'SSH-2.0-"),
    (b"", "closed the connection without sending a response"),
    (b"HTTP/1.1 200 ", "closed the connection inside the response's head"),
    (b"HTTP/1.1 101 Switching\r\n\r\n", "101 Switching"),
]


@pytest.mark.parametrize(("answer", "problem"), REFUSALS, ids=range(len(REFUSALS)))
async def test_px1_refused(options: Options, answer: bytes, problem: str) -> None:
    """A refused CONNECT is a ProxyError that tells what the proxy said; the origin gets nothing."""

    def handler(connection: RawConnection) -> None:
        connection.read_request()
        connection.send(answer)
        with contextlib.suppress(OSError):  # the client may have heard enough
            connection.shut()
        connection.wait_closed()

    with RawServer(handler) as proxy:
        connection = HTTPConnection("https://example.org", proxy=proxy.url, **options)
        with pytest.raises(ProxyError, match=problem) as caught:
            await connection.request("GET", "https://example.org/", headers=FOR_ORIGIN)
        error = caught.value
        assert str(error).startswith(
            f"connect to example.org:443 through proxy 127.0.0.1:{proxy.port} failed: the proxy "
        )
        assert len(str(error)) < 500
        assert error.request is not None
        assert connection.stream is None
        assert proxy.connections[0].peer_closed.wait(10)
        assert proxy.requests[0].header("Authorization") is None
        assert proxy.requests[0].header("Cookie") is None


async def test_px1_error_has_the_response(options: Options) -> None:
    """Status, headers and the start of the body are on the error."""
    refusal = response(b"x" * 100_000, "403 Not You", [("X-Why", "policy")])
    with RawServer.replies([refusal], close=True) as proxy:
        connection = HTTPConnection("https://example.org", proxy=proxy.url, **options)
        with pytest.raises(ProxyError) as caught:
            await connection.request("GET", "https://example.org/")
    answer = caught.value.response
    assert answer is not None
    assert (answer.status_code, answer.reason_phrase) == (403, "Not You")
    assert answer.headers["X-Why"] == "policy"
    assert answer.content.startswith(b"x" * 1000)


async def test_px2_what_belongs_to_the_tunnel(options: Options) -> None:
    """Lengths of the 200 mean nothing, and what comes with it is the origin's."""
    for field in (b"Content-Length: 5", b"Transfer-Encoding: chunked", b"Connection: close"):

        def handler(connection: RawConnection, field: bytes = field) -> None:
            connection.read_request()
            connection.send(b"HTTP/1.0 200 OK\r\n" + field + b"\r\n\r\n" + bytes(14))
            connection.receive()

        with RawServer(handler) as proxy:
            connection = HTTPConnection("https://example.org", proxy=proxy.url, **options)
            # Only if the 14 bytes get to TLS can it say that they are none.
            with pytest.raises(SSLError, match=r"speak TLS: b'\\x00\\x00.*example.org:443|\\x00"):
                await connection.request("GET", "https://example.org/")


async def test_px2_tls_bytes_with_the_200(options: Options, certs: Certs) -> None:
    """An origin that speaks first is heard: its bytes come in one packet with the 200."""
    context = certs.server.server_context()

    def handler(connection: RawConnection) -> None:
        connection.read_request()
        incoming, outgoing = _bios()
        session = context.wrap_bio(incoming, outgoing, server_side=True)
        connection.send(b"HTTP/1.1 100 Continue\r\n\r\n" + ESTABLISHED)
        _finish_handshake(connection, session, incoming, outgoing)
        session.write(OK)
        connection.send(outgoing.read())

    with RawServer(handler) as proxy:
        async with HTTPConnection("https://localhost", proxy=proxy.url, **options) as connection:
            assert (await connection.request("GET", "https://localhost/")).content == b"ok"


def _bios() -> tuple[typing.Any, typing.Any]:
    import ssl

    return ssl.MemoryBIO(), ssl.MemoryBIO()


def _finish_handshake(
    connection: RawConnection, session: typing.Any, incoming: typing.Any, outgoing: typing.Any
) -> None:
    import ssl

    while True:
        try:
            session.do_handshake()
            break
        except ssl.SSLWantReadError:
            if outgoing.pending:
                connection.send(outgoing.read())
            incoming.write(connection.receive())


async def test_px2_http2_settings_with_the_200(options: Options) -> None:
    """The same where HTTP/2 is spoken without TLS: the SETTINGS that come along are not lost."""

    def handler(connection: RawConnection) -> None:
        with socket.create_connection(("127.0.0.1", origin.port), 10) as upstream:
            connection.read_request()
            settings = b"\0\0\0\4\0\0\0\0\0"
            connection.send(ESTABLISHED + settings)
            relay(connection, upstream)

    with H2Server(answer_all) as origin, RawServer(handler) as proxy:
        async with HTTPConnection(
            origin.url, proxy=proxy.url, http2="only", **options
        ) as connection:
            assert (await connection.request("GET", f"{origin.url}/a")).content == b"/a"


class Challenged(httpcore.Auth):
    """Credentials for whoever asks for them, twice at most."""

    def flow(self, request: httpcore.Request) -> typing.Any:
        answer = yield request
        for number in range(2):
            if answer.status_code != 401:
                return
            assert answer.headers["WWW-Authenticate"] == "Test"
            request.headers["Authorization"] = f"Test {number} {request.method}"
            answer = yield request


DEMAND = [("Proxy-Authenticate", "Test")]


@pytest.mark.parametrize("kept", [True, False])
async def test_px3_407_is_answered(options: Options, certs: Certs, kept: bool) -> None:
    """By an Auth, over the same connection, or over a new one if the proxy closes that."""
    demand = response(b"who?", "407 Who", DEMAND if kept else [*DEMAND, ("Connection", "close")])
    left = [demand]

    def handler(connection: RawConnection) -> None:
        refusals = [left.pop()] if left else []
        if refusals and not kept:
            connection.read_request()
            connection.send(refusals[0])
        else:
            connect_proxy(connection, refusals)

    with (
        RawServer.replies([OK], tls=certs.server.server_context()) as origin,
        RawServer(handler) as proxy,
    ):
        through = Proxy(proxy.url, auth=Challenged())
        async with HTTPConnection(origin.url, proxy=through, **options) as connection:
            assert (await connection.request("GET", origin.url)).content == b"ok"
        assert [request.header("Proxy-Authorization") for request in proxy.requests] == [
            None,
            "Test 0 CONNECT",
        ]
        assert len(proxy.connections) == (1 if kept else 2)
        assert origin.requests[0].header("Authorization") is None


async def test_digest(options: Options, certs: Certs) -> None:
    """Digest answers for CONNECT and its target; the next tunnel takes one round."""
    challenge = 'Digest realm="a", nonce="b", qop="auth", algorithm=SHA-256'
    left = [response(b"", "407 Who", [("Proxy-Authenticate", challenge)])]

    def handler(connection: RawConnection) -> None:
        connect_proxy(connection, [left.pop()] if left else [])

    with (
        RawServer.replies([OK, OK], tls=certs.server.server_context(), close=True) as origin,
        RawServer(handler) as proxy,
    ):
        through = Proxy(proxy.url, auth=httpcore.DigestAuth("user", "pass"))
        for _ in range(2):
            async with HTTPConnection(origin.url, proxy=through, **options) as connection:
                assert (await connection.request("GET", origin.url)).content == b"ok"
        first, *others = [request.header("Proxy-Authorization") for request in proxy.requests]
    assert first is None
    assert [f'uri="127.0.0.1:{origin.port}"' in str(value) for value in others] == [True, True]


async def test_px3_407_for_ever(options: Options) -> None:
    """A proxy that is never content: a ProxyError once the Auth gives up."""
    with RawServer.replies([response(b"", "407 Who", DEMAND)] * 3) as proxy:
        through = Proxy(proxy.url, auth=Challenged())
        connection = HTTPConnection("https://example.org", proxy=through, **options)
        with pytest.raises(ProxyError, match="answered 407 Who; is its user") as caught:
            await connection.request("GET", "https://example.org/")
        assert caught.value.response.status_code == 407
        assert len(proxy.requests) == 3
        assert len(proxy.connections) == 1
        assert proxy.connections[0].peer_closed.wait(10)


async def test_px3_wrong_password(options: Options) -> None:
    """Basic credentials go along at once; a 407 then is the end."""
    with RawServer.replies([response(b"", "407 Who", DEMAND)]) as proxy:
        through = Proxy(proxy.url, auth=("user", "wrong"))
        connection = HTTPConnection("https://example.org", proxy=through, **options)
        with pytest.raises(ProxyError, match="answered 407 Who; is its user"):
            await connection.request("GET", "https://example.org/")


@pytest.mark.ways("sync")
async def test_auth_without_a_request(backend: ConcurrencyBackend) -> None:
    """An Auth has to yield at least one request; that mistake is the programmer's."""

    class Nothing(httpcore.Auth):
        def flow(self, request: httpcore.Request) -> typing.Any:
            yield from ()

    through = Proxy("http://192.0.2.1", auth=Nothing())
    connection = HTTPConnection("https://h", proxy=through, backend=backend)
    with pytest.raises(TypeError, match="did not yield a request"):
        await connection.request("GET", "https://h/")


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("https://[::1]", "[::1]:443"),
        ("https://[fe80::1%25eth0]:8443", "[fe80::1]:8443"),
        ("https://b\xfccher.example", "xn--bcher-kva.example:443"),
    ],
)
async def test_px6_target(options: Options, url: str, target: str) -> None:
    """IPv6 addresses go in brackets, without their zone, and names as A-labels."""
    with RawServer.replies([response(b"", "403 No")], close=True) as proxy:
        connection = HTTPConnection(url, proxy=proxy.url, **options)
        with pytest.raises(ProxyError):
            await connection.request("GET", url)
        (connect,) = proxy.requests
        assert (connect.target, connect.header("Host")) == (target, target)


@pytest.mark.parametrize(
    ("problem", "kind"),
    [
        ("expired", httpcore.CertificateDateError),
        ("wrong_host", httpcore.HostnameMismatch),
        ("self_signed", httpcore.UnknownIssuer),
        ("plain", httpcore.ConnectError),
    ],
)
async def test_px10_proxy_that_cannot_be_trusted(
    options: Options, certs: Certs, problem: str, kind: type[Exception]
) -> None:
    """A proxy with a bad certificate, or without TLS, gets no credentials."""
    received: list[bytes] = []

    def handler(connection: RawConnection) -> None:
        received.append(connection.receive())

    context = None if problem == "plain" else getattr(certs, problem).server_context()
    with RawServer(handler, tls=context) as proxy:
        url = f"https://user:secret@127.0.0.1:{proxy.port}"
        for origin in ("https://example.org", "http://example.org"):
            through = Proxy(url, ssl=str(certs.ca))
            connection = HTTPConnection(origin, proxy=through, **options)
            with pytest.raises(ProxyError, match="TLS handshake with 127") as caught:
                await connection.request("GET", origin)
            assert type(caught.value.__cause__) is kind
            assert "through proxy" in str(caught.value)
    assert not any(b"Authorization" in data for data in received)


async def test_proxy_settings_are_its_own(options: Options, certs: Certs) -> None:
    """The origin's TLS settings, here no verification, are not the proxy's."""
    with RawServer(RawConnection.close, tls=certs.server.server_context()) as proxy:
        connection = HTTPConnection(
            "https://example.org", proxy=proxy.url, ssl=False, backend=options["backend"]
        )
        with pytest.raises(ProxyError, match="issued by a CA that is not known"):
            await connection.request("GET", "https://example.org/")


async def test_proxy_is_not_there(options: Options) -> None:
    """Who cannot be connected to is the proxy, and the message says so."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
        for origin in ("http://example.org", "https://example.org:444"):
            connection = HTTPConnection(origin, proxy=f"127.0.0.1:{port}", **options)
            with pytest.raises(ProxyError, match="refused") as caught:
                await connection.request("GET", origin)
            assert f"through proxy 127.0.0.1:{port} failed: cannot connect" in str(caught.value)


# Time.


def silent(connection: RawConnection) -> None:
    connection.wait_closed()


def says_hello(connection: RawConnection) -> None:
    connection.receive()
    connection.send(b"\x05\x00")
    connection.wait_closed()


@pytest.mark.parametrize(
    ("scheme", "handler"),
    [("http", silent), ("https", silent), ("socks5h", silent), ("socks5h", says_hello)],
)
async def test_tm3_proxy_does_not_answer(
    options: Options, scheme: str, handler: collections.abc.Callable[[RawConnection], None]
) -> None:
    """All of it is under the one connect_timeout; the message says to whom, and through whom."""
    with RawServer(handler) as proxy:
        connection = HTTPConnection(
            "https://example.org",
            proxy=f"{scheme}://127.0.0.1:{proxy.port}",
            timeout=TimeoutConfig(connect_timeout=0.2),
            **options,
        )
        with pytest.raises(ConnectTimeout) as caught:
            await connection.request("GET", "https://example.org/")
        assert str(caught.value) == (
            f"connect to example.org:443 through proxy 127.0.0.1:{proxy.port} timed out after "
            "0.2 s (connect_timeout)"
        )
        assert caught.value.peer == f"example.org:443 through proxy 127.0.0.1:{proxy.port}"


async def test_tm3_origin_behind_the_proxy_does_not_answer(options: Options) -> None:
    """TLS with the origin is under the connect_timeout, too."""

    def handler(connection: RawConnection) -> None:
        connection.read_request()
        connection.send(ESTABLISHED)
        connection.wait_closed()

    with RawServer(handler) as proxy:
        connection = HTTPConnection(
            "https://example.org",
            proxy=proxy.url,
            timeout=TimeoutConfig(connect_timeout=0.8),
            **options,
        )
        with pytest.raises(ConnectTimeout, match=r"handshake with .* through proxy"):
            await connection.request("GET", "https://example.org/")


async def test_tm3_refusal_that_stalls(options: Options, monkeypatch: pytest.MonkeyPatch) -> None:
    """A refusal whose body never ends is a refusal all the same, and soon."""
    monkeypatch.setattr("httpcore.dispatch.tunnel._REFUSAL_SECONDS", 0.1)

    def handler(connection: RawConnection) -> None:
        connection.read_request()
        connection.send(b"HTTP/1.1 403 No\r\nContent-Length: 10\r\n\r\nnot")
        connection.wait_closed()

    with RawServer(handler) as proxy:
        connection = HTTPConnection("https://example.org", proxy=proxy.url, timeout=60, **options)
        with pytest.raises(ProxyError, match="403 No: 'not'"):
            await connection.request("GET", "https://example.org/")


@pytest.mark.parametrize("tls", [False, True])
async def test_errors_of_the_origin_are_its_own(options: Options, certs: Certs, tls: bool) -> None:
    """A bad certificate of the origin is an error that names it, also of TLS in TLS."""
    context = certs.server.server_context() if tls else None
    with (
        RawServer(RawConnection.close, tls=certs.wrong_host.server_context()) as origin,
        RawServer(connect_proxy, tls=context) as proxy,
    ):
        through = Proxy(proxy.url, ssl=str(certs.ca) if tls else None)
        connection = HTTPConnection(origin.url, proxy=through, **options)
        with pytest.raises(httpcore.HostnameMismatch) as caught:
            await connection.request("GET", origin.url)
        assert not isinstance(caught.value, ProxyError)
        assert f"127.0.0.1:{origin.port} through proxy" in str(caught.value)


# SOCKS.


def socks5_proxy(connection: RawConnection, *, port: int, asked: list[bytes]) -> None:
    """A SOCKS5 proxy that wants a password; connects to `port` whatever it is asked for."""
    count = connection.read_exactly(2)[1]
    assert connection.read_exactly(count) == b"\x00\x02"
    connection.send(b"\x05\x02")
    asked.append(connection.read_exactly(11))
    connection.send(b"\x01\x00")
    head = connection.read_exactly(5)
    length = {1: 3, 3: head[4], 4: 15}[head[3]] + 2
    asked.append(head[3:] + connection.read_exactly(length))
    with socket.create_connection(("127.0.0.1", port)) as upstream:
        connection.send_each([b"\x05", b"\x00\x00\x01\x7f\x00\x00", b"\x01\x00\x50"])
        relay(connection, upstream)


@pytest.mark.parametrize("tls", [False, True])
async def test_socks5(options: Options, certs: Certs, tls: bool) -> None:
    """Names are looked up here with socks5, by the proxy with socks5h; http has a tunnel, too."""
    context = certs.server.server_context() if tls else None
    for scheme in ("socks5", "socks5h"):
        asked: list[bytes] = []
        with RawServer.replies([OK], tls=context, host="127.0.0.1") as origin:
            handler = functools.partial(socks5_proxy, port=origin.port, asked=asked)
            with RawServer(handler) as proxy:
                url = origin.url.replace("127.0.0.1", "localhost")
                through = f"{scheme}://user:word@127.0.0.1:{proxy.port}"
                async with HTTPConnection(url, proxy=through, **options) as connection:
                    answer = await connection.request("GET", f"{url}/a")
                    assert answer.content == b"ok"
                assert origin.requests[0].target == "/a"
        assert asked[0] == b"\x01\x04user\x04word"
        port = origin.port.to_bytes(2, "big")
        if scheme == "socks5h":
            assert asked[1] == b"\x03\x09localhost" + port
        else:
            assert asked[1] in (
                b"\x01\x7f\x00\x00\x01" + port,
                b"\x04" + bytes(15) + b"\x01" + port,
            )


async def test_socks4(options: Options) -> None:
    """SOCKS4 gets an IPv4 address that was looked up here, SOCKS4a the name."""
    for scheme, where in (
        ("socks4", b"\x7f\x00\x00\x01me\x00"),
        ("socks4a", b"\x00\x00\x00\x01me\x00localhost\x00"),
    ):

        def handler(connection: RawConnection, where: bytes = where) -> None:
            head = connection.read_exactly(4)
            assert head == b"\x04\x01" + origin.port.to_bytes(2, "big")
            assert connection.read_exactly(len(where)) == where
            with socket.create_connection(("127.0.0.1", origin.port)) as upstream:
                connection.send(b"\x00\x5a" + bytes(6))
                relay(connection, upstream)

        with RawServer.replies([OK]) as origin, RawServer(handler) as proxy:
            url = f"http://localhost:{origin.port}"
            through = f"{scheme}://me@127.0.0.1:{proxy.port}"
            async with HTTPConnection(url, proxy=through, **options) as connection:
                assert (await connection.request("GET", url)).content == b"ok"


@pytest.mark.parametrize(
    ("url", "pieces", "problem"),
    [
        ("socks5h://P", [b"\x05\x00", b"\x05\x00\x00"], "closed the connection in its answer"),
        ("socks5h://P", [b"\x04\x00"], "begins with 4, not 5"),
        ("socks5h://P", [b"\x05\xff"], "wants a user and a password"),
        ("socks5h://u:p@P", [b"\x05\x02", b"\x01\x01"], "refused the user and password"),
        ("socks5h://P", [b"\x05\x00", b"\x05\x05\x00\x01"], "the host refuses the connection"),
        ("socks5h://P", [b"HTTP/1.1 400 Bad\r\n\r\n"], "begins with 72, not 5"),
        ("socks4a://P", [b"\x00\x5b" + bytes(6)], "refused the connection, or failed"),
        ("socks4a://P", [b"\x05\xff"], r"in its answer, after b'\\x05\\xff'; does it speak"),
    ],
)
async def test_px11_socks_refusals(
    options: Options, url: str, pieces: list[bytes], problem: str
) -> None:
    """What is refused or is no SOCKS is a ProxyError with its reason; nothing is left open."""

    def handler(connection: RawConnection) -> None:
        for piece in pieces:
            connection.receive()
            connection.send(piece)
        connection.shut()
        connection.wait_closed()

    with RawServer(handler) as proxy:
        through = url.replace("P", f"127.0.0.1:{proxy.port}")
        connection = HTTPConnection("https://example.org", proxy=through, **options)
        with pytest.raises(ProxyError, match=problem) as caught:
            await connection.request("GET", "https://example.org/")
        assert str(caught.value).startswith(
            f"connect to example.org:443 through proxy 127.0.0.1:{proxy.port} failed: the proxy "
        )
        assert proxy.connections[0].peer_closed.wait(10)


@pytest.mark.parametrize(
    ("proxy", "origin", "problem"),
    [
        ("socks5h://" + "u" * 256 + "@192.0.2.1", "http://h", "a user name of 256 bytes"),
        ("socks4a://192.0.2.1", "http://[::1]", "IPv6 address by SOCKS4"),
        ("socks4://192.0.2.1", "http://[::1]", "IPv6 address by SOCKS4"),
    ],
)
@pytest.mark.ways("sync")
async def test_px11_before_connecting(proxy: str, origin: str, problem: str) -> None:
    """What SOCKS cannot carry is refused before anybody is connected to."""
    backend = ScriptedBackend()
    connection = HTTPConnection(origin, proxy=proxy, backend=backend)
    with pytest.raises(ProxyError, match=f"through proxy 192.0.2.1:1080 failed: .*{problem}"):
        await connection.request("GET", origin)
    assert backend.streams == []


class TwoAddresses(ScriptedBackend):
    """Every name stands for an IPv6 and an IPv4 address."""

    async def resolve(
        self, host: str, port: int, deadline: Deadline, resolver: Resolver | None = None
    ) -> list[Address]:
        return [
            Address(socket.AF_INET6, ("::1", port, 0, 0)),
            Address(socket.AF_INET, ("192.0.2.9", port)),
        ]


@pytest.mark.ways("sync")
async def test_family_of_the_address() -> None:
    """SOCKS5 gets the first address of a name, SOCKS4 the first that it can carry."""
    for scheme, answers, where in (
        ("socks5", [b"\x05\x00", b"\x05\x00\x00\x01", bytes(6)], b"\x04" + bytes(15) + b"\x01"),
        ("socks4", [b"\x00\x5a" + bytes(6)], b"\xc0\x00\x02\x09"),
    ):
        backend = TwoAddresses([[*answers, OK]])
        async with HTTPConnection(
            "http://h", proxy=f"{scheme}://192.0.2.1", backend=backend
        ) as connection:
            assert (await connection.request("GET", "http://h/")).content == b"ok"
        assert where in backend.streams[0].written


@pytest.mark.ways("sync")
async def test_bytes_behind_the_last_reply() -> None:
    """What the origin says first may come with the proxy's reply, and is not lost."""
    backend = ScriptedBackend([[b"\x00\x5a" + bytes(6) + OK]])
    async with HTTPConnection(
        "http://192.0.2.9", proxy="socks4://192.0.2.1", backend=backend
    ) as connection:
        assert (await connection.request("GET", "http://192.0.2.9/")).content == b"ok"


@pytest.mark.ways("sync")
@pytest.mark.parametrize("proxy", ["http://p", "socks5h://p", "socks4a://p"])
@pytest.mark.parametrize("origin", ["http://h", "https://h"])
async def test_names_are_left_to_the_proxy(proxy: str, origin: str) -> None:
    """Nobody but the proxy gets to know the host: only the proxy's own name is looked up here."""
    backend = ScriptedBackend([[b""]])
    connection = HTTPConnection(origin, proxy=proxy, backend=backend)
    with pytest.raises(httpcore.RequestException):
        await connection.request("GET", origin)
    assert backend.resolved == ["p"]
    assert b"h" in backend.streams[0].written or proxy.startswith("socks5h")


PIECES = st.one_of(
    st.binary(min_size=1, max_size=20),
    st.sampled_from(
        [
            b"\x05\x00",
            b"\x05\x02",
            b"\x05\x00\x00\x01",
            b"\x05\x00\x00\x03",
            b"\x00\x5a",
            b"\x01\x00",
        ]
    ),
    st.sampled_from(
        [b"HTTP/1.1 200 OK\r\n", b"HTTP/1.0 407 X\r\n", b"Content-Length: 3\r\n", b"\r\n", b"abc"]
    ),
)


@given(
    proxy=st.sampled_from(["http://p", "socks5h://u:w@p", "socks4a://p"]),
    pieces=st.lists(PIECES, max_size=8),
    whole=st.booleans(),
)
def test_any_answer(proxy: str, pieces: list[bytes], whole: bool) -> None:
    """Whatever a proxy says, what comes of it is an error of ours, and the connection is closed."""
    script = [b"".join(pieces)] if whole and pieces else pieces
    backend = ScriptedBackend([[*script, b""]])
    connection = HTTPConnection("https://h", proxy=proxy, backend=backend)
    with pytest.raises(httpcore.ConnectError):
        run_sync(connection.request("GET", "https://h/"))
    assert all(stream.is_closed for stream in backend.streams)
