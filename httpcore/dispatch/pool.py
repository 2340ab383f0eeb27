"""The connection pool: a dispatcher that keeps connections and opens as few as it can."""

from __future__ import annotations

import warnings

from ..backends.base import ConcurrencyBackend, checked_backend, default_backend
from ..config import DEFAULT_POOL_LIMITS, DEFAULT_TIMEOUT, PoolLimits, TimeoutConfig, checked_limits
from ..connect_config import DEFAULT_CONNECT, ConnectConfig, checked_connect
from ..deadline import TimeoutTypes, as_deadline
from ..exceptions import RequestException
from ..forks import tell_of_forks
from ..models.proxy import ChosenProxy, ProxyChooser, as_proxy, proxy_chooser
from ..models.request import Request
from ..models.response_base import ResponseBase
from ..response_limits import DEFAULT_RESPONSE_LIMITS, ResponseLimits, checked_response_limits
from ..ssl_config import DEFAULT_SSL, SSLTypes, ssl_config
from ..wire.http11_engine import Engine, head_reader
from .base import Dispatcher
from .connection import HTTP2, HTTPConnection, checked_http2
from .pool_run import PoolRun

_CLOSED = "this client has been closed; make a new one"


class ConnectionPool(Dispatcher):
    """
    Sends requests over connections that are kept and used again.

    * `ssl`: as for `Client`; a request with other settings gets connections of its own.
    * `timeout`: as for `Client`; for requests that bring none.
    * `pool_limits`: a `PoolLimits`.
    * `http2`, `connect`: as for `Client`.
    * `proxies`: a `Proxy` or its URL, for all requests; or a callable that is given each request's
      `URL` and returns one of these, or `None` for none.  The environment has no say here.
    * `backend`: `None` finds out at each request what runs: asyncio, trio or a sync client.
    * `engine`: as for `Client`.
    * `response_limits`: a `ResponseLimits`, without its `max_expansion`, which clients look at.

    Over `SyncBackend` it may be shared by threads, elsewhere by the tasks of an event loop.
    Connections belong to the loop that opened them: a pool that is used in another one opens new
    ones there, and a forked child opens its own.
    """

    def __init__(
        self,
        *,
        ssl: SSLTypes = DEFAULT_SSL,
        timeout: float | None | TimeoutConfig = DEFAULT_TIMEOUT,
        pool_limits: PoolLimits = DEFAULT_POOL_LIMITS,
        http2: HTTP2 = True,
        proxies: ChosenProxy | ProxyChooser = None,
        connect: ConnectConfig = DEFAULT_CONNECT,
        backend: ConcurrencyBackend | None = None,
        engine: Engine | None = None,
        response_limits: ResponseLimits = DEFAULT_RESPONSE_LIMITS,
    ) -> None:
        self._ssl = ssl_config(ssl)
        self._timeout = timeout
        self._limits = checked_limits(pool_limits)
        self._http2 = checked_http2(http2)
        self._choose_proxy = proxy_chooser(proxies)
        self._connect = checked_connect(connect)
        self._backend = checked_backend(backend)
        self._engine = engine
        self._response_limits = checked_response_limits(response_limits)
        head_reader(engine)  # if it is not installed, that should be known now
        self._runs: dict[object, PoolRun] = {}
        self._closed = False
        tell_of_forks(self)

    async def send(
        self,
        request: Request,
        stream: bool = False,
        ssl: SSLTypes | None = None,
        timeout: TimeoutTypes = None,
    ) -> ResponseBase:
        """
        Send `request`; see `Dispatcher.send`.

        Raises every `NetworkError`, `Timeout` and `ProtocolError` that there is, and
        `RuntimeError` once the pool has been closed.
        """
        run = self._run()
        deadline = as_deadline(timeout, self._timeout)
        try:
            request.prepare()
            origin = request.url.origin
            config = self._ssl if ssl is None else ssl_config(ssl)
            # Plain connections are all alike; one verified differently never carries the request.
            shared = config is self._ssl or not origin.is_ssl or config == self._ssl
            key = origin if shared else (origin, config)
            if self._choose_proxy is None:
                response = await run.exchange(request, origin, config, key, deadline)
            else:
                proxy = as_proxy(self._choose_proxy(request.url))
                response = await run.exchange_through(proxy, request, origin, config, key, deadline)
            return response if stream else await response.loaded()
        except RequestException as exc:
            exc.request = exc.request or request
            raise

    def _run(self) -> PoolRun:
        """The connections of the event loop that is running."""
        if self._closed:
            raise RuntimeError(_CLOSED)
        backend = self._backend or default_backend()
        run = self._runs.get(backend.run_token())
        return self._new_run(backend) if run is None else run

    def _new_run(self, backend: ConcurrencyBackend) -> PoolRun:
        for token, run in list(self._runs.items()):
            if run.backend.run_is_over(token):
                self._runs.pop(token, None)
                run.close()
        new = PoolRun(
            backend,
            self._limits,
            self._http2,
            self._connect,
            self._engine,
            self._response_limits,
        )
        # Of two threads that come here at once, both get the run of the first.
        run = self._runs.setdefault(backend.run_token(), new)
        if self._closed:  # by another thread, which may have seen this run or not
            run.close()
            raise RuntimeError(_CLOSED)
        return run

    def after_fork(self) -> None:
        """In a forked child: leave the parent's connections to the parent."""
        inherited, self._runs = self._runs, {}
        for run in inherited.values():
            run.drop_inherited()

    @property
    def active_connections(self) -> list[HTTPConnection]:
        """The connections that carry an exchange now, or are being opened."""
        return [
            slot.connection
            for run in list(self._runs.values())
            for slot in list(run.state.slots)
            if slot.active and slot.connection is not None
        ]

    @property
    def keepalive_connections(self) -> list[HTTPConnection]:
        """The idle connections that are kept."""
        return [
            slot.connection
            for run in list(self._runs.values())
            for slot in list(run.state.idle)
            if slot.connection is not None
        ]

    async def close(self) -> None:
        """
        Close every connection at once, and the pool for good.

        Requests under way and requests that wait for a connection raise `NetworkError`.  May be
        called twice.
        """
        self._closed = True
        runs, self._runs = self._runs, {}
        for run in list(runs.values()):  # a thread may be about to add one
            run.close()

    def __del__(self) -> None:
        if warnings is None:  # the interpreter ends, and has taken this module apart
            return
        runs: dict[object, PoolRun] = getattr(self, "_runs", {})
        if not any(run.state.slots for run in runs.values()):
            return
        warnings.warn(
            f"{self!r} was dropped without being closed", ResourceWarning, stacklevel=2, source=self
        )
        for run in runs.values():
            run.close()

    def __getstate__(self) -> object:
        raise TypeError(
            "a client, or a ConnectionPool, can be neither pickled nor deeply copied, for it holds "
            "connections; make one in each process"
        )

    def __repr__(self) -> str:
        return (
            f"<ConnectionPool({len(self.active_connections)} active, "
            f"{len(self.keepalive_connections)} idle)>"
        )
