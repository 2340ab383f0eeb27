"""What the pool's decisions are about: slots, tickets, and what belongs to one origin.

Values without rules of their own: these are in `pool_state`, which alone changes them, under the
pool's guard.
"""

from __future__ import annotations

import collections
import collections.abc
import math
import typing

Key = collections.abc.Hashable
C = typing.TypeVar("C")


class Slot(typing.Generic[C]):
    """
    The right to one connection.

    * `connection`: `None` until its opener has made it.
    * `active`: exchanges under way on it.
    * `capacity`: exchanges at once; 1 for HTTP/1.1, 0 for one that takes nothing new.
    * `expires_at`: when an idle one is too old.
    """

    __slots__ = ("origin", "connection", "active", "capacity", "expires_at", "opening", "closed")

    def __init__(self, origin: OriginState[C]) -> None:
        self.origin = origin
        self.connection: C | None = None
        self.active = 1
        self.capacity = 1
        self.expires_at = math.inf
        self.opening = True
        self.closed = False


class Ticket(typing.Generic[C]):
    """
    A place in the queue.

    * `slot`: what it was granted; `None` while it waits.
    * `event`: for the caller, who waits on it.
    * `fresh`: a connection that was used before is of no use to it.
    """

    __slots__ = ("number", "origin", "slot", "event", "fresh", "waiting")

    def __init__(self, number: int, origin: OriginState[C], event: typing.Any, fresh: bool) -> None:
        self.fresh = fresh
        self.number = number
        self.origin = origin
        self.slot: Slot[C] | None = None
        self.event = event
        self.waiting = True


class OriginState(typing.Generic[C]):
    """The slots and tickets of one origin (and TLS settings)."""

    __slots__ = (
        *("key", "slots", "idle", "shared", "waiters", "opening"),
        *("multiplexes", "usual_capacity", "queued"),
    )

    def __init__(self, key: Key, multiplexes: bool | None) -> None:
        self.key = key
        self.slots = 0
        self.idle: dict[Slot[C], None] = {}  # the last one is the one used last
        self.shared: list[Slot[C]] = []  # HTTP/2 connections with room for more
        self.waiters: collections.deque[Ticket[C]] = collections.deque()
        self.opening = 0
        self.multiplexes = multiplexes  # None: nobody knows yet
        self.usual_capacity = math.inf  # what its last connection said
        self.queued = False  # whether it stands in the heap

    def first_waiter(self) -> Ticket[C] | None:
        """The oldest ticket that still waits."""
        while self.waiters:
            if self.waiters[0].waiting:
                return self.waiters[0]
            self.waiters.popleft()
        return None
