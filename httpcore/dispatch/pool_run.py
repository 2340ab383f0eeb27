"""The connections that a pool has in one event loop, or, in sync, in all threads.

`PoolState` decides, this carries out.  Each step of the state runs under the guard; what follows
from it (tickets to wake, connections to close) is done after the guard has been given back, and
none of it waits.
"""

from __future__ import annotations

import collections
import collections.abc
import functools
import gc
import math
import sys
import time
import typing

from ..backends.base import ConcurrencyBackend
from ..config import PoolLimits
from ..connect_config import ConnectConfig
from ..deadline import Deadline, timeout_error
from ..exceptions import NetworkError, PoolTimeout, TotalTimeout
from ..models.proxy import Proxy
from ..models.request import Request
from ..models.response_base import ResponseBase
from ..models.url import Origin
from ..response_limits import ResponseLimits
from ..ssl_config import SSLConfig
from ..value import UNSET, Unset
from ..wire.http11_engine import Engine
from .base import Abandoned, Unprocessed, reap
from .connection import HTTP2, HTTPConnection
from .forward import send_past, send_through
from .pool_slots import Key, Slot, Ticket
from .pool_state import PoolState
from .route import Route, route_through

T = typing.TypeVar("T")
P = typing.ParamSpec("P")

# Methods that may reach the server twice without harm (RFC 9110 §9.2.2).
IDEMPOTENT_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE", "QUERY"})

# How many connections may fail a request before its error counts.
MAX_ATTEMPTS = 3

# How long at least until idle connections are looked through again, for each of them: thousands
# that expire one by one would else be looked through thousands of times.
_SECONDS_BETWEEN_LOOKS = 0.0001

# PyPy does not: a response that was dropped holds its connection until it is collected.
_COUNTS_REFERENCES = sys.implementation.name == "cpython"

# How many of the URLs that hold connections a PoolTimeout names.
_NAMED_URLS = 5
_HINT = "read or close streamed responses, or raise the limit"


class PoolRun:
    """The connections of one run; see the module."""

    def __init__(
        self,
        backend: ConcurrencyBackend,
        limits: PoolLimits,
        http2: HTTP2,
        connect: ConnectConfig,
        engine: Engine | None,
        response_limits: ResponseLimits,
    ) -> None:
        self.backend = backend
        self.state: PoolState[HTTPConnection] = PoolState(limits)
        self._limits = limits
        self._http2 = http2
        self._connect = connect
        self._engine = engine
        self._response_limits = response_limits
        self._guard = backend.guard()
        self._abandoned: Abandoned = collections.deque()
        self._watches = True  # until the backend says that it cannot
        self._expiry_cancel: collections.abc.Callable[[], object] | None = None

    async def exchange_through(
        self,
        proxy: Proxy | None,
        request: Request,
        origin: Origin,
        ssl: SSLConfig,
        key: Key,
        deadline: Deadline,
    ) -> ResponseBase:
        """
        As `exchange()`, through `proxy`, or past all proxies.

        Connections are shared by what goes the same way: a tunnel by the requests of its `key`, one
        to a proxy that forwards by all of them.
        """
        exchange = functools.partial(self.exchange, origin=origin, ssl=ssl, deadline=deadline)
        if proxy is None:
            return await send_past(request, functools.partial(exchange, key=key))
        route = route_through(proxy, origin, self._http2, "Upgrade" in request.headers)
        key = (proxy, key) if route.tunnel else proxy
        return await send_through(route, request, functools.partial(exchange, key=key, route=route))

    async def exchange(
        self,
        request: Request,
        origin: Origin,
        ssl: SSLConfig,
        key: Key,
        deadline: Deadline,
        route: Route | None = None,
    ) -> ResponseBase:
        """
        Send `request` over a connection for `key` and return its response, whose body is on its
        way.

        A connection that had been idle may turn out to be dead: then once more on another one,
        where that is safe (RFC 9112 §9.3.1).  The same where an HTTP/2 server says that it did not
        process it (RFC 9113 §8.7).
        """
        http2 = self._http2
        attempts = 0
        while True:
            attempts += 1
            multiplexes = http2 == "only" if not origin.is_ssl else None if http2 else False
            slot = await self._slot(key, multiplexes, deadline, fresh=attempts > 1)
            connection = slot.connection
            if connection is None:
                connection = await self._open(slot, origin, ssl, http2, route, deadline)
            try:
                return await connection.exchange(request, deadline)
            except Unprocessed as exc:
                is_stuck = exc.needs_http11 and http2 == "only"
                if attempts == MAX_ATTEMPTS or is_stuck or not _may_send_again(request, exc):
                    raise exc.error from exc.error.__cause__
                if exc.needs_http11:
                    http2, key = False, (key, "HTTP/1.1")

    # Getting a connection.

    async def _slot(
        self, key: Key, multiplexes: bool | None, deadline: Deadline, fresh: bool
    ) -> Slot[HTTPConnection]:
        while True:
            if self._abandoned:
                reap(self._abandoned)
            now = time.monotonic()
            with self._guard:
                got = self.state.acquire(key, multiplexes, self.backend.event, now, fresh)
            self._carry_out()
            slot = got if isinstance(got, Slot) else await self._wait(got, deadline)
            if slot.connection is None or not slot.connection.is_stale():
                return slot
            # Others may be using it: then it ends with the last of them.
            self._do(self.state.release, slot, False, time.monotonic(), 0.0)

    async def _wait(
        self, ticket: Ticket[HTTPConnection], deadline: Deadline
    ) -> Slot[HTTPConnection]:
        try:
            await self._wait_for_grant(ticket, deadline)
        except BaseException:
            self._do(self.state.cancel, ticket, time.monotonic())
            raise
        if ticket.slot is None:
            raise NetworkError("the client was closed while a request waited for a connection")
        return ticket.slot

    async def _wait_for_grant(self, ticket: Ticket[HTTPConnection], deadline: Deadline) -> None:
        given = self._limits.pool_timeout
        limit = deadline.read if isinstance(given, Unset) else given
        began = waited_from = time.monotonic()
        while ticket.waiting:
            left = None if limit is None else waited_from + limit - time.monotonic()
            if await ticket.event.wait(deadline.within(left)):
                return
            if not _COUNTS_REFERENCES:
                gc.collect()
            reap(self._abandoned)
            now = time.monotonic()
            if deadline.ends_at is not None and now >= deadline.ends_at:
                raise deadline.error(TotalTimeout, *self._what_it_waits_for(), _HINT)
            if given is UNSET and limit is not None and self.state.last_given_back > now - limit:
                waited_from = self.state.last_given_back
            elif ticket.waiting:
                raise timeout_error(
                    PoolTimeout, *self._what_it_waits_for(), limit, time.monotonic() - began, _HINT
                )

    def _what_it_waits_for(self) -> tuple[str, str]:
        """What a request waits for in vain, and who holds it, as phase and peer of a timeout."""
        slots = list(self.state.slots)
        urls = [
            slot.connection.serving.masked
            for slot in slots
            if slot.active and slot.connection and slot.connection.serving
        ]
        named = ", ".join(urls[:_NAMED_URLS]) + (", ..." if len(urls) > _NAMED_URLS else "")
        return (
            f"waiting, with {self.state.waiting} in the queue, for one of the pool's "
            f"{len(slots)} connections (hard_limit={self._limits.hard_limit}), in use by",
            named or "connections being opened",
        )

    async def _open(
        self,
        slot: Slot[HTTPConnection],
        origin: Origin,
        ssl: SSLConfig,
        http2: HTTP2,
        route: Route | None,
        deadline: Deadline,
    ) -> HTTPConnection:
        connection = slot.connection = _PooledConnection(self, slot, origin, ssl, http2, route)
        try:
            await connection.open(deadline)
        except BaseException:
            self._do(self.state.discard, slot, time.monotonic())
            raise
        self._do(self.state.opened, slot, connection.capacity)
        if slot.closed:
            connection.abort()
            raise NetworkError(f"the client was closed while connecting to {origin.peer}")
        return connection

    # Closing it.

    def _schedule_expiry(self, seconds: float) -> None:
        # What the backend cannot do need not be tried again.
        self._expiry_cancel = self.backend.call_later(seconds, self._expire) or _do_nothing

    def _expire(self) -> None:
        now = time.monotonic()
        self._expiry_cancel = None
        soonest = self._do(self.state.expire, now)
        if soonest is not None:
            pause = _SECONDS_BETWEEN_LOOKS * len(self.state.idle)
            self._schedule_expiry(max(soonest - now, pause, 0.001))

    def close(self) -> None:
        """
        Close all connections at once; whoever uses one or waits for one gets a `NetworkError`.
        """
        if self._expiry_cancel is not None:
            self._expiry_cancel()
        self._do(self.state.close)

    def drop_inherited(self) -> None:
        """
        In a forked child: close our copies of the parent's sockets, without a word to the peers.

        Responses that were on their way are closed with them, and give back what they held here.
        """
        self._guard = self.backend.guard()
        for connection in [slot.connection for slot in self.state.slots if slot.connection]:
            connection.abort()

    def _do(self, step: collections.abc.Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """One step of the state, and what follows from it."""
        with self._guard:
            result = step(*args, **kwargs)
        self._carry_out()
        return result

    def _carry_out(self) -> None:
        """What follows from a step of the state: wake those who got a slot, close what is over."""
        if not (self.state.granted or self.state.to_close):
            return
        with self._guard:
            granted, to_close = self.state.take_work()
        for ticket in granted:
            ticket.event.set()
        for slot in to_close:
            if slot.connection is not None:
                slot.connection.abort()


class _PooledConnection(HTTPConnection):
    """A connection for one slot of a run, which it gives back after each exchange."""

    def __init__(
        self,
        run: PoolRun,
        slot: Slot[HTTPConnection],
        origin: Origin,
        ssl: SSLConfig,
        http2: HTTP2,
        route: Route | None,
    ) -> None:
        super().__init__(
            origin,
            ssl=ssl,
            http2=http2,
            route=route,
            connect=run._connect,
            backend=run.backend,
            engine=run._engine,
            response_limits=run._response_limits,
            abandoned=run._abandoned,
        )
        self._run = run
        self._slot = slot

    def on_done(self, reusable: bool, keep: float | None) -> None:
        run, slot = self._run, self._slot
        now = time.monotonic()
        limit = run._limits.keepalive_expiry
        if keep is None or (limit is not None and limit < keep):
            keep = limit
        expires_at = math.inf if keep is None else now + keep
        with run._guard:
            run.state.release(slot, reusable, now, expires_at)
        run._carry_out()
        if slot.active == 0 and not slot.closed:
            if run._watches:
                run._watches = self.watch(self._on_readable)
            if run._expiry_cancel is None and keep is not None:
                run._schedule_expiry(keep)

    def on_capacity(self, capacity: int) -> None:
        self._run._do(self._run.state.set_capacity, self._slot, capacity)

    def _on_readable(self) -> None:
        """Something arrived, or the peer closed: while it is idle, it is of no use any more."""
        if self._slot.active == 0 and self.is_stale():
            self._run._do(self._run.state.discard, self._slot, time.monotonic())


def _do_nothing() -> None: ...


def _may_send_again(request: Request, failure: Unprocessed) -> bool:
    if request.body is not None and not request.body.can_send:
        return False
    return failure.certain or request.method in IDEMPOTENT_METHODS
