"""Waiting for sockets by the system's own calls, where no event loop does it.

`select` fails on descriptors over 1,023, so `poll` it is wherever there is one.
"""

from __future__ import annotations

import collections.abc
import select
import socket

READABLE: int = getattr(select, "POLLIN", 1)
WRITABLE: int = getattr(select, "POLLOUT", 4)
_MAX_WAIT_MS = 2**31 - 1  # what poll() takes, 24 days

Waiter = collections.abc.Callable[[int | None], list[tuple[int, int]]]
"""Waits at most so many milliseconds (`None`: for ever); descriptors and their events, or none in
time."""


def _poll_waiter(events: int, *socks: socket.socket) -> Waiter:
    poller = select.poll()
    for sock in socks:
        poller.register(sock, events)
    return poller.poll


def _select_waiter(events: int, *socks: socket.socket) -> Waiter:
    # Windows has no poll(), but its select() is limited in count, not in number.
    to_read = socks if events & READABLE else ()
    to_write = socks if events & WRITABLE else ()

    def wait(milliseconds: int | None) -> list[tuple[int, int]]:
        seconds = None if milliseconds is None else milliseconds / 1000
        # A connection that is refused shows as "exceptional" there.
        readable, writable, failed = select.select(to_read, to_write, socks, seconds)
        happened: dict[int, int] = {}
        for event, found in ((READABLE, readable), (WRITABLE, writable), (WRITABLE, failed)):
            for sock in found:
                happened[sock.fileno()] = happened.get(sock.fileno(), 0) | event
        return list(happened.items())

    return wait


waiter = _poll_waiter if hasattr(select, "poll") else _select_waiter
"""`waiter(events, *socks)` waits until there is one of `events` at one of `socks`."""


def writable(
    socks: collections.abc.Sequence[socket.socket], milliseconds: int | None
) -> list[socket.socket]:
    """Those of `socks` that are writable; waits until there is one, as a `Waiter` does."""
    numbers = {number for number, _ in waiter(WRITABLE, *socks)(milliseconds)}
    return [sock for sock in socks if sock.fileno() in numbers]


def is_writable(sock: socket.socket) -> bool:
    """
    Whether who waits for `sock` to become writable would be told so now.

    Not the same as whether `send()` takes a byte: that may fit where a little is left in a buffer
    that the peer has long ceased to empty.  `True` also where sending would fail.
    """
    try:
        return bool(waiter(WRITABLE, sock)(0))
    except ValueError:
        return True  # it is closed


def milliseconds(seconds: float | None) -> int | None:
    """`seconds` for a `Waiter`, rounded up, so that a deadline has passed when the wait has."""
    return None if seconds is None else min(int(seconds * 1000) + 1, _MAX_WAIT_MS)
