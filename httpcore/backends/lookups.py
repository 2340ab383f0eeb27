"""Looks names up, for all backends, in a daemon thread for each (see `threads`)."""

from __future__ import annotations

import collections.abc
import socket

from ..connect_config import Resolver
from ..deadline import Deadline
from ..exceptions import ConnectError, ConnectTimeout
from .base import Address, Event
from .sockets import ip_address_of, reason
from .threads import Done, answers, in_thread

_Callback = collections.abc.Callable[[], object]


async def resolve(
    host: str,
    port: int,
    deadline: Deadline,
    resolver: Resolver | None,
    new_event: collections.abc.Callable[[], Event],
    call_in_run: collections.abc.Callable[[_Callback], object],
) -> list[Address]:
    """
    What `ConcurrencyBackend.resolve` does; `call_in_run` as for `threads.answers()`.
    """
    address = ip_address_of(host, port)
    if address is not None:
        return [address]

    def start(done: Done[list[Address]]) -> None:
        look_up_in_thread(host, port, resolver, done)

    answered = await answers(start, deadline.within(None), new_event, call_in_run)
    if not answered:
        raise deadline.error(ConnectTimeout, "look-up of", host)
    answer = answered[0]
    if isinstance(answer, BaseException):
        raise _resolve_error(host, answer, resolver) from answer
    return answer


def look_up_in_thread(
    host: str, port: int, resolver: Resolver | None, done: Done[list[Address]]
) -> None:
    """
    Look up `host`, by the system or by `resolver`, `in_thread()`; `done` gets the addresses, in the
    order of the resolver and each once.
    """

    def look_up() -> list[Address]:
        found = _look_up(host, port) if resolver is None else _asked(resolver, host, port)
        if not found:
            raise OSError("the resolver gave no address")
        return found

    in_thread(f"httpcore look-up of {host}", look_up, done)


def _look_up(host: str, port: int) -> list[Address]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(Address(family, addr) for family, _, _, _, addr in found))


def _asked(resolver: Resolver, host: str, port: int) -> list[Address]:
    addresses = []
    for item in resolver(host, port):
        address = ip_address_of(str(item), port)
        if address is None:
            raise ValueError(f"it gave {item!r}, which is no IP address")
        addresses.append(address)
    return list(dict.fromkeys(addresses))


def _resolve_error(host: str, error: BaseException, resolver: Resolver | None) -> ConnectError:
    if resolver is not None:
        name = getattr(resolver, "__qualname__", repr(resolver))
        return ConnectError(f"cannot resolve host {host}: resolver={name}: {reason(error)}")
    return ConnectError(
        f"cannot resolve host {host}: {reason(error)}; "
        "is the name spelt right, and does this machine reach its DNS server?"
    )
