"""The byte stream to an origin through a proxy: a tunnel by CONNECT or SOCKS.

What is spoken through it (TLS, HTTP) is between us and the origin; the proxy sees the origin's host
and port, and what `Proxy` gives it, and nothing else.

All errors that have to do with the proxy are `ProxyError`s, except that a time limit is the
deadline's.  TLS with the origin, through a tunnel that stands, fails as it does without one.
"""

from __future__ import annotations

import collections.abc
import typing

from ..backends.base import ConcurrencyBackend, NetworkStream
from ..connect_config import DEFAULT_CONNECT, ConnectConfig
from ..deadline import Deadline
from ..exceptions import (
    ConnectTimeout,
    NetworkError,
    ProtocolError,
    ProxyError,
    ReadTimeout,
    Timeout,
)
from ..models.headers import Headers
from ..models.request import Request
from ..models.response import AsyncResponse
from ..models.url import URL
from ..ssl_config import DEFAULT_SSL, SSLConfig
from ..wire.http11 import ResponseReader, request_head
from ..wire.http11_events import NEED_DATA, EndOfMessage, ReadHead, ResponseHead
from .connecting import open_stream, permitted_addresses
from .proxy_auth import Rounds, advance, refusal
from .read_ahead import behind
from .route import Route

if typing.TYPE_CHECKING:
    from ..wire.socks import Dialogue

Connect = collections.abc.Callable[[], collections.abc.Awaitable[NetworkStream]]

# Of the body of a refusal: take this much, for this long.
_MAX_REFUSAL_BYTES = 64 * 1024
_REFUSAL_SECONDS = 1.0


async def open_through(
    route: Route,
    ssl: SSLConfig,
    http2: bool,
    read_head: ReadHead,
    backend: ConcurrencyBackend,
    deadline: Deadline,
    connect: ConnectConfig = DEFAULT_CONNECT,
) -> NetworkStream:
    """
    A stream over which requests to the route's origin can be sent, as `open_stream()` gives it.

    `ssl` and `http2` concern TLS with the origin, through the tunnel; `connect` the way to the
    proxy, and the look-up of the origin where that is ours (SOCKS).
    """
    try:
        stream = await _opened(route, read_head, backend, deadline, connect)
    except Timeout as exc:
        raise deadline.error(ConnectTimeout, "connect to", str(route)) from exc
    except ProxyError:
        raise
    except (NetworkError, ProtocolError) as exc:
        raise ProxyError(f"connect to {route} failed: {exc}") from exc
    stream.peer = route.peer
    if not (route.tunnel and route.origin.is_ssl):
        return stream
    return await backend.start_tls(stream, ssl, http2, route.origin.host, deadline)


async def _opened(
    route: Route,
    read_head: ReadHead,
    backend: ConcurrencyBackend,
    deadline: Deadline,
    connect: ConnectConfig,
) -> NetworkStream:
    proxy = route.proxy

    async def to_proxy() -> NetworkStream:
        return await open_stream(
            proxy.origin, proxy.ssl or DEFAULT_SSL, False, backend, deadline, connect
        )

    if not route.tunnel:
        return await to_proxy()
    if proxy.is_socks:
        # What cannot be asked for is known before anybody is connected to.
        dialogue = await _dialogue(route, backend, deadline, connect)
        return await _by_socks(route, dialogue, to_proxy, deadline)
    return await _by_connect(route, to_proxy, read_head, deadline)


# CONNECT (RFC 9110 §9.3.6).


async def _by_connect(
    route: Route, connect: Connect, read_head: ReadHead, deadline: Deadline
) -> NetworkStream:
    rounds = Rounds(route.proxy, _connect_request(route))
    stream: NetworkStream | None = None
    try:
        outgoing: Request | None = await rounds.first()
        while outgoing is not None:
            if stream is None:
                stream = await connect()
            reader = ResponseReader(read_head, "CONNECT", f"the proxy {route.proxy.peer}")
            head = await _answer(stream, outgoing, reader, deadline)
            is_open = 200 <= head.status < 300
            body = b"" if is_open else await _start_of_body(stream, reader, deadline)
            response = _response(head, body)
            outgoing = await rounds.after(response)
            if is_open:
                return behind(stream, reader.rest)
            if outgoing is None or not reader.reusable:
                stream.close()
                stream = None
    except BaseException:
        if stream is not None:
            stream.close()
        raise
    finally:
        rounds.close()
    raise refusal(f"connect to {route}", response)


def _connect_request(route: Route) -> Request:
    origin = route.origin
    host = origin.host.partition("%")[0]  # a zone means nothing to the proxy
    authority = f"[{host}]:{origin.port}" if ":" in host else f"{host}:{origin.port}"
    url = URL(str(route.proxy.origin))
    request = Request("GET", url).derived("CONNECT", url, Headers({"Host": authority}), False)
    request.target = authority.encode("ascii")
    return request


async def _answer(
    stream: NetworkStream, request: Request, reader: ResponseReader, deadline: Deadline
) -> ResponseHead:
    head = request_head(request.method, request.target, request.headers.section())
    await stream.write(head, deadline)
    while True:
        event = reader.next_event()
        if isinstance(event, ResponseHead):
            return event
        if event is NEED_DATA:
            reader.feed(await stream.read(deadline))


async def _start_of_body(
    stream: NetworkStream, reader: ResponseReader, deadline: Deadline
) -> bytes:
    """What a refusal says; where that is not to its end, the connection is of no use any more."""
    patience = deadline.phase(_REFUSAL_SECONDS, ReadTimeout)
    body = b""
    try:
        while len(body) <= _MAX_REFUSAL_BYTES:
            event = reader.next_event()
            if isinstance(event, bytes):
                body += event
            elif isinstance(event, EndOfMessage):
                return body
            else:
                reader.feed(await stream.read(patience))
    except (NetworkError, ProtocolError, Timeout):
        pass  # the status counts
    reader.reusable = False
    return body


def _response(head: ResponseHead, body: bytes) -> AsyncResponse:
    headers = Headers.from_raw(head.headers)
    if "Content-Encoding" in headers:
        body = b""  # which nobody asked for, and which may not be whole
        del headers["Content-Encoding"]
    return AsyncResponse(
        head.status,
        headers,
        body,
        protocol=head.http_version,
        reason_phrase=head.reason.decode("latin-1"),
    )


# SOCKS.


async def _by_socks(
    route: Route, dialogue: Dialogue, connect: Connect, deadline: Deadline
) -> NetworkStream:
    stream: NetworkStream | None = None
    received = b""
    try:
        step = next(dialogue, None)
        stream = await connect()
        while step is not None:
            if step.send:
                await stream.write(step.send, deadline)
            while len(received) < step.read:
                data = await stream.read(deadline)
                if not data:
                    raise ProxyError(
                        f"closed the connection in its answer, after {received!r}; "
                        "does it speak this version of SOCKS?"
                    )
                received += data
            answer, received = received[: step.read], received[step.read :]
            step = advance(dialogue, answer)
        return behind(stream, received)
    except BaseException as exc:
        if stream is not None:
            stream.close()
        if isinstance(exc, ProxyError):
            raise ProxyError(f"connect to {route} failed: the proxy {exc}") from exc.__cause__
        raise


async def _dialogue(
    route: Route, backend: ConcurrencyBackend, deadline: Deadline, connect: ConnectConfig
) -> Dialogue:
    from ..wire import socks  # few need it

    proxy, origin = route.proxy, route.origin
    host, port = origin.host, origin.port
    is_version5 = proxy.scheme.startswith("socks5")
    if proxy.scheme in ("socks4", "socks5"):
        addresses = await permitted_addresses(origin, backend, deadline, connect)
        # SOCKS4 has IPv4 only; where there is none, the dialogue says so.
        fit = [address for address in addresses if is_version5 or ":" not in address.ip]
        host, port = (fit or addresses)[0].sockaddr[:2]
    if is_version5:
        return socks.socks5(host, port, None if proxy.auth is None else proxy.credentials)
    return socks.socks4(host, port, proxy.credentials[0])
