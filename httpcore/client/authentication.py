"""Carries out an auth flow: sends what it yields, waits for what it yields, tells it what came."""

from __future__ import annotations

import collections.abc
import contextvars
import inspect
import typing

from ..backends.base import Event, default_backend
from ..deadline import Deadline
from ..exceptions import TotalTimeout
from ..models.request import Request
from ..models.response_base import ResponseBase
from ..policy.auth import Auth, AuthFlow, SharedWork
from ..policy.redirects import require_body

_END: typing.Any = object()

SendOnce = collections.abc.Callable[[Request], collections.abc.Awaitable[ResponseBase]]


class Flight:
    """One piece of shared work on its way, and what came of it once `landed`."""

    __slots__ = ("landed", "succeeded", "result", "error")

    def __init__(self, landed: Event) -> None:
        self.landed = landed
        self.succeeded = False
        self.result: typing.Any = None
        self.error: Exception | None = None


# The flights that the code that runs is a part of: what they need must not wait for them.
_aboard: contextvars.ContextVar[tuple[Flight, ...]] = contextvars.ContextVar(
    "httpcore_flights", default=()
)


async def send_authenticated(
    auth: Auth,
    request: Request,
    send: SendOnce,
    deadline: Deadline,
    response_class: type[ResponseBase],
) -> ResponseBase:
    """Send what the flow of `auth` makes of `request`, in as many rounds as it takes."""
    # A copy, so that the credentials are in no request that the caller, or a redirect, uses again.
    flow = _flow_of(auth, request.copy())
    response: ResponseBase | None = None
    try:
        step: typing.Any = next(flow, _END)
        while step is not _END:
            if isinstance(step, Request):
                if response is not None:
                    await response.drain()
                    require_body(step, response, "was answered with a demand for credentials")
                # A copy: what was sent stays as it was, whatever the flow makes of it next.
                response = response_class.adopt(await send(step.copy()))
                if auth.requires_response_body:
                    await response.load()
                step = _next_step(flow, response)
            else:
                if isinstance(step, SharedWork) and response is not None:
                    # Whoever waits must not hold a connection that the work may need.
                    await response.drain()
                step = await _after_waiting(flow, auth, step, deadline)
    except BaseException:
        if response is not None:
            await response.release()
        raise
    finally:
        flow.close()
    if response is None:
        raise TypeError(f"the flow of {auth!r} did not yield a request")
    return response


def _flow_of(auth: Auth, request: Request) -> AuthFlow:
    flow: object = auth.flow(request)
    if isinstance(flow, collections.abc.Generator):
        return flow
    if inspect.iscoroutine(flow):
        flow.close()
    raise TypeError(
        f"flow() of {type(auth).__name__} has to be a generator that yields requests; it returned "
        f"{type(flow).__name__}"
    )


def _next_step(flow: AuthFlow, answer: object) -> object:
    """What the flow yields on `answer`, `_END` at its end."""
    try:
        return flow.send(answer)
    except StopIteration:
        return _END


async def _after_waiting(flow: AuthFlow, auth: Auth, step: object, deadline: Deadline) -> object:
    """Wait for what the flow yielded; its next step.  It is told of errors where it stands."""
    try:
        if isinstance(step, SharedWork):
            result = await _share(step, auth, deadline)
        elif inspect.isawaitable(step):
            result = await step
        else:
            raise TypeError(
                f"the flow of {auth!r} yielded {type(step).__name__}; it has to yield requests, or "
                "awaitables"
            )
    except Exception as exc:
        try:
            return flow.throw(exc)
        except StopIteration:
            return _END
    return _next_step(flow, result)


async def _share(shared: SharedWork, auth: Auth, deadline: Deadline) -> typing.Any:
    """
    Do the work, or wait for whoever does it already; its result, or its error.

    A flight is for one run: an event cannot be waited for from another event loop.
    """
    backend = default_backend()
    run = backend.run_token()
    while True:
        mine = Flight(backend.event())
        flight = shared.flights.setdefault(run, mine)
        if flight is mine:
            return await _fly(shared, run, mine)
        if flight in _aboard.get():
            raise RuntimeError(
                f"what {auth!r} does to get a token needs that token itself; send its requests "
                "with auth=None"
            )
        if not await flight.landed.wait(deadline.within(None)):
            raise deadline.error(TotalTimeout, "waiting for the credentials of", repr(auth))
        if flight.error is not None:
            raise flight.error
        if flight.succeeded:
            return flight.result


async def _fly(shared: SharedWork, run: object, flight: Flight) -> typing.Any:
    token = _aboard.set((*_aboard.get(), flight))
    try:
        flight.result = await shared.work()
        flight.succeeded = True
        return flight.result
    except Exception as exc:
        flight.error = exc
        raise
    finally:
        # Also where it was cancelled: then one of those who wait begins anew.
        del shared.flights[run]
        flight.landed.set()
        _aboard.reset(token)
