"""One connection to one origin: opens it, and speaks the protocol that was agreed upon."""

from __future__ import annotations

import collections
import collections.abc
import functools
import typing

from ..backends.base import ConcurrencyBackend, NetworkStream, checked_backend, default_backend
from ..config import DEFAULT_TIMEOUT, TimeoutConfig
from ..connect_config import DEFAULT_CONNECT, ConnectConfig, checked_connect
from ..deadline import Deadline, TimeoutTypes, as_deadline
from ..exceptions import ConnectError, RequestException
from ..forks import tell_of_forks
from ..models.proxy import Proxy, as_proxy
from ..models.request import Request
from ..models.response_base import ResponseBase
from ..models.url import URL, Origin
from ..response_limits import DEFAULT_RESPONSE_LIMITS, ResponseLimits, checked_response_limits
from ..ssl_config import DEFAULT_SSL, SSLTypes, ssl_config
from ..wire.http11_engine import Engine, head_reader
from .base import Abandoned, Dispatcher, Unprocessed, reap
from .connecting import open_stream
from .forward import send_through
from .http11 import HTTP11Connection
from .route import Route, route_through
from .tunnel import open_through

if typing.TYPE_CHECKING:
    from .http2 import HTTP2Connection

HTTP2 = bool | typing.Literal["only"]
"""What `http2=` takes."""


class HTTPConnection(Dispatcher):
    """
    A connection to one origin.  Opened at its first request, and again if it was closed since.

    A dispatcher that works on its own; a pool uses `open()` and `exchange()`.

    * `origin`: an `Origin`, `URL` or `str`.
    * `ssl`: as for `Client`.
    * `timeout`: as for `Client`; for requests that bring none.
    * `http2`, `connect`: as for `Client`.
    * `proxy`: a `Proxy` or its URL, to go through; `None` for none.
    * `backend`: `None` finds out what runs: asyncio, trio or a sync client.
    * `engine`: as for `Client`.
    * `response_limits`: a `ResponseLimits`, without its `max_expansion`, which clients look at.

    Over HTTP/1.1 one exchange at a time; a second one while the first one's response has not been
    read is a `RuntimeError`.
    """

    def __init__(
        self,
        origin: Origin | URL | str,
        *,
        ssl: SSLTypes = DEFAULT_SSL,
        timeout: float | None | TimeoutConfig = DEFAULT_TIMEOUT,
        http2: HTTP2 = True,
        proxy: Proxy | URL | str | None = None,
        connect: ConnectConfig = DEFAULT_CONNECT,
        backend: ConcurrencyBackend | None = None,
        engine: Engine | None = None,
        response_limits: ResponseLimits = DEFAULT_RESPONSE_LIMITS,
        route: Route | None = None,
        abandoned: Abandoned | None = None,
    ) -> None:
        self.origin = origin if isinstance(origin, Origin) else Origin(origin)
        self.serving: URL | None = None
        self._ssl = ssl_config(ssl)
        self._timeout = timeout
        self._http2 = checked_http2(http2)
        if proxy is not None:
            route = route_through(as_proxy(proxy), self.origin, self._http2)
        self.route = route
        self._connect = checked_connect(connect)
        self._response_limits = checked_response_limits(response_limits)
        self._backend = checked_backend(backend)
        self._read_head = head_reader(engine)
        self._exchanges = 0  # on its own
        self._abandoned: Abandoned = collections.deque() if abandoned is None else abandoned
        self._protocol: HTTP11Connection | HTTP2Connection | None = None

    # For a pool.

    async def open(self, deadline: Deadline) -> None:
        """
        Connect, with TLS where the origin is https, within the deadline's `connect_timeout`.

        Raises what `open_stream()` raises, or `open_through()` where there is a proxy.
        """
        backend = self._backend or default_backend()
        connecting = deadline.connecting()
        tls = self._ssl, self._http2 is not False
        if self.route is None:
            stream = await open_stream(self.origin, *tls, backend, connecting, self._connect)
        else:
            stream = await open_through(
                self.route, *tls, self._read_head, backend, connecting, self._connect
            )
        self._protocol = self._speaking_over(stream, backend)

    def _speaking_over(
        self, stream: NetworkStream, backend: ConcurrencyBackend
    ) -> HTTP11Connection | HTTP2Connection:
        """The protocol that was agreed upon by ALPN, or is known before (RFC 9113 §3)."""
        tls = stream.ssl_object if self.origin.is_ssl else None
        if tls is None:
            speaks_http2 = self._http2 == "only"
        else:
            speaks_http2 = tls.selected_alpn_protocol() == "h2"
        if speaks_http2:
            from .http2 import HTTP2Connection  # loads h2, which takes its time

            return HTTP2Connection(
                stream,
                backend,
                self.on_done,
                self.on_capacity,
                self._abandoned,
                self._response_limits,
                tls is not None,
            )
        if self._http2 == "only":
            stream.close()
            raise ConnectError(
                f"{self.origin.peer} does not offer HTTP/2 by ALPN, and http2='only' forbids "
                "HTTP/1.1"
            )
        return HTTP11Connection(
            stream,
            backend,
            self._read_head,
            self.on_done,
            self._abandoned,
            self._response_limits,
        )

    def exchange(
        self, request: Request, deadline: Deadline
    ) -> collections.abc.Coroutine[typing.Any, typing.Any, ResponseBase]:
        """
        Send `request`, prepared, over the open connection; returns when the head is there.

        `on_done()` is called exactly once for it: before an error is raised, or when the body has
        ended.
        """
        assert self._protocol is not None
        self.serving = request.url
        return self._protocol.send(request, deadline)

    @property
    def stream(self) -> NetworkStream | None:
        """The byte stream beneath, or `None` while there is none."""
        return None if self._protocol is None else self._protocol.stream

    @property
    def capacity(self) -> int:
        """How many exchanges it carries at once; 0: it takes nothing new."""
        return 0 if self._protocol is None else self._protocol.capacity

    def watch(self, on_readable: collections.abc.Callable[[], None] | None) -> bool:
        """Call `on_readable` when something arrives that nobody waits for; whether that is seen."""
        return self._protocol is not None and self._protocol.watch(on_readable)

    def is_stale(self) -> bool:
        """Whether the idle connection is of no use any more."""
        return self._protocol is None or self._protocol.is_stale()

    def abort(self) -> None:
        """Close at once, from any thread.  Exchanges under way fail with `NetworkError`."""
        if self._protocol is not None:
            self._protocol.close()

    # On its own.

    async def send(
        self,
        request: Request,
        stream: bool = False,
        ssl: SSLTypes | None = None,
        timeout: TimeoutTypes = None,
    ) -> ResponseBase:
        """Send `request`, which has to be for this connection's origin; see `Dispatcher`."""
        if request.url.origin != self.origin:
            raise ValueError(f"{request.url.masked} does not belong to {self.origin!r}")
        if ssl is not None and ssl_config(ssl) != self._ssl:
            raise ValueError("a connection keeps its TLS settings; give ssl= when you make it")
        reap(self._abandoned)
        if self._exchanges and self.capacity == 1:
            assert self.serving is not None
            raise RuntimeError(
                f"the response of {self.serving.masked} has neither been read nor closed; "
                "an HTTP/1.1 connection carries one exchange at a time"
            )
        deadline = as_deadline(timeout, self._timeout)
        try:
            request.prepare()
            exchange = functools.partial(self._open_and_exchange, deadline=deadline)
            if self.route is None:
                response = await exchange(request)
            else:
                response = await send_through(self.route, request, exchange)
            return response if stream else await response.loaded()
        except RequestException as exc:
            exc.request = exc.request or request
            raise

    async def _open_and_exchange(self, request: Request, deadline: Deadline) -> ResponseBase:
        if self.is_stale():
            if not self._exchanges:
                self.abort()  # else it finishes them, and closes by itself
            await self.open(deadline)
            tell_of_forks(self)
        self._exchanges += 1
        try:
            return await self.exchange(request, deadline)
        except Unprocessed as exc:
            raise exc.error from exc.__cause__

    def after_fork(self) -> None:
        """In a forked child: leave the connection to the parent."""
        self.abort()

    def on_done(self, reusable: bool, keep: float | None) -> None:
        """What `OnDone` says; a pool has its own."""
        self._exchanges -= 1

    def on_capacity(self, capacity: int) -> None:
        """`capacity` is another one; a pool has its own."""

    async def close(self) -> None:
        """Close the connection; waits for nothing."""
        self.abort()

    def __repr__(self) -> str:
        state = "closed" if self._protocol is None or self._protocol.stream.is_closed else "open"
        peer = self.origin.peer if self.route is None else self.route.peer
        return f"<HTTPConnection({peer!r}, {state})>"


def checked_http2(http2: HTTP2) -> HTTP2:
    """`http2`, if that is something that it can be; else `ValueError`."""
    if http2 not in (True, False, "only"):
        raise ValueError(f"http2 is True, False or 'only', not {http2!r}")
    return http2
