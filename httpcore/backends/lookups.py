"""Looks names up, for all backends, in a daemon thread for each.

`getaddrinfo` takes no time limit, and an executor's threads would be joined at exit: so a look-up
has a thread to itself, which a caller that has given up simply leaves behind.
"""

from __future__ import annotations

import collections.abc
import socket
import threading

from ..connect_config import Resolver
from ..deadline import Deadline
from ..exceptions import ConnectError, ConnectTimeout
from .base import Address, Event
from .sockets import ip_address_of, reason

_Answer = list[Address] | BaseException
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
    What `ConcurrencyBackend.resolve` does.

    `call_in_run` has the run that waits call a function, from another thread; `RuntimeError` where
    that run is over.
    """
    address = ip_address_of(host, port)
    if address is not None:
        return [address]
    answers: list[_Answer] = []
    arrived = new_event()

    def done(answer: _Answer) -> None:
        answers.append(answer)
        try:
            call_in_run(arrived.set)
        except RuntimeError:
            pass  # nobody waits any more

    look_up_in_thread(host, port, resolver, done)
    await arrived.wait(deadline.within(None))
    if not answers:
        raise deadline.error(ConnectTimeout, "look-up of", host)
    answer = answers[0]
    if isinstance(answer, BaseException):
        raise _resolve_error(host, answer, resolver) from answer
    return answer


def look_up_in_thread(
    host: str,
    port: int,
    resolver: Resolver | None,
    done: collections.abc.Callable[[_Answer], None],
) -> None:
    """
    Look up `host`, by the system or by `resolver`, in a daemon thread, which then calls `done` with
    the addresses, in the order of the resolver and each once, or with what went wrong.

    `done` must not raise.  It may be called long after the caller gave up, or never; and, where
    no thread can be had, before this function returns.
    """

    def look_up() -> None:
        answer: _Answer
        try:
            answer = _look_up(host, port) if resolver is None else _asked(resolver, host, port)
        except BaseException as error:
            answer = error
        done(answer or OSError("the resolver gave no address"))

    thread = threading.Thread(target=look_up, name=f"httpcore look-up of {host}", daemon=True)
    try:
        thread.start()
    except RuntimeError as error:  # no more threads, or the interpreter is on its way out
        done(error)


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
