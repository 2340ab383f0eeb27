"""Who gets which connection, what to open and what to close: the pool's decisions, without I/O.

Theory of operation.  A *slot* is the right to one connection; it exists from the moment somebody
may open that connection until it has been closed, and counts against the limits all that time.  A
request either gets a slot at once (`acquire` returns one) or queues up (`acquire` returns a
*ticket*, which some later step grants).  Whoever holds a slot gives it back in one step, without
waiting: `release` when the exchange is over, `discard` when the connection could not be opened.

Every step that can free something ends in `_serve`, which hands out what is free.  So at rest
nobody waits for what is free, and `acquire` needs to look at one origin only.  What the caller then
has to do is left in `granted` (tickets to wake) and `to_close` (slots whose connections to close),
to be carried out after the lock has been given back.

Order.  Within an origin first come, first served.  Between origins the oldest ticket comes first
too, save that a connection that was just used serves its own origin first: closing it to open one
elsewhere costs more than waiting does.  It may do so `MAX_OVERTAKES` times in a row, so that nobody
starves.

Cost.  All steps are O(1), but for a heap of those origins that have waiters: O(log origins).

A connection to an https origin may turn out to be HTTP/2 and then carry everybody.  So while the
first one to an origin is being opened, further requests to that origin wait for it; once its
protocol is known to be HTTP/1.1 they open their own.

Times are seconds on a monotonic clock, given by the caller.
"""

from __future__ import annotations

import collections.abc
import heapq
import math
import typing

from ..config import PoolLimits
from ..exceptions import NetworkError
from .pool_slots import Key, OriginState, Slot, Ticket

C = typing.TypeVar("C")

MAX_OVERTAKES = 100


class PoolState(typing.Generic[C]):
    """The slots, idle connections and waiters of one pool.  Not thread-safe by itself."""

    def __init__(self, limits: PoolLimits) -> None:
        self._soft_limit = math.inf if limits.soft_limit is None else limits.soft_limit
        self._hard_limit = math.inf if limits.hard_limit is None else limits.hard_limit
        self._origin_limit = math.inf if limits.origin_limit is None else limits.origin_limit
        self._origins: dict[Key, OriginState[C]] = {}
        self._slots: dict[Slot[C], None] = {}
        self._idle: dict[Slot[C], None] = {}  # the first one is idle for longest
        self._heap: list[tuple[int, int, OriginState[C]]] = []
        self._tickets = 0
        self._overtakes = 0
        self.waiting = 0
        self.granted: list[Ticket[C]] = []
        self.to_close: list[Slot[C]] = []
        self.closed = False
        self.last_given_back = -math.inf

    def take_work(self) -> tuple[list[Ticket[C]], list[Slot[C]]]:
        """The tickets to wake and the slots whose connections to close, once."""
        work = self.granted, self.to_close
        self.granted, self.to_close = [], []
        return work

    # What there is.

    @property
    def slots(self) -> collections.abc.Collection[Slot[C]]:
        """Every slot there is."""
        return self._slots.keys()

    @property
    def idle(self) -> collections.abc.Collection[Slot[C]]:
        """The slots whose connections nobody uses, the one idle for longest first."""
        return self._idle.keys()

    # Getting a slot.

    def acquire(
        self,
        key: Key,
        multiplexes: bool | None,
        event: collections.abc.Callable[[], typing.Any],
        now: float,
        fresh: bool = False,
    ) -> Slot[C] | Ticket[C]:
        """
        A slot for one exchange with `key`: of a connection that is there, or to open one
        (`slot.opening`); or a ticket, where neither is possible now.

        `multiplexes`: whether connections to it carry several exchanges at once; `None`: unknown.
        `event` makes the ticket's event.  `fresh`: rather open one than use one that is there; not
        where they carry several exchanges, as a dead one of these is known, and many may come here
        because of it.

        Raises `NetworkError` once all has been closed: another thread may be on its way here then.
        """
        origin = self._origins.get(key)
        if origin is None:
            if self.closed:
                raise NetworkError("the client was closed while a request was on its way to it")
            origin = self._origins[key] = OriginState(key, multiplexes)
        slot = None
        if fresh and not origin.multiplexes and self._may_open(origin):
            slot = self._new_slot(origin)
        if slot is None and origin.shared:
            slot = self._join_shared(origin, now)
        if slot is None and origin.idle:
            slot = self._take_idle(origin, now)
        if slot is None and self._may_open(origin):
            slot = self._new_slot(origin)
        if slot is not None:
            return slot
        self._tickets += 1
        ticket: Ticket[C] = Ticket(self._tickets, origin, event(), fresh)
        origin.waiters.append(ticket)
        self._origins[key] = origin
        self.waiting += 1
        self._enqueue(origin)
        return ticket

    def cancel(self, ticket: Ticket[C], now: float) -> None:
        """
        The holder of `ticket` does not want it any more; what it was granted goes on to the next.
        """
        if ticket.waiting:
            ticket.waiting = False
            self.waiting -= 1
            self._forget_if_empty(ticket.origin)
        elif ticket.slot is not None:
            if ticket.slot.opening:
                self.discard(ticket.slot, now)
            else:
                self.release(ticket.slot, True, now, ticket.slot.expires_at)

    def _join_shared(self, origin: OriginState[C], now: float) -> Slot[C] | None:
        while origin.shared:
            slot = origin.shared[-1]
            if slot.active == 0:
                self._leave_idle(slot)
                if slot.expires_at <= now:
                    self._remove(slot)
                    continue
            slot.active += 1
            if slot.active >= slot.capacity:
                origin.shared.pop()
            return slot
        return None

    def _take_idle(self, origin: OriginState[C], now: float) -> Slot[C] | None:
        while origin.idle:
            slot, _ = origin.idle.popitem()
            del self._idle[slot]
            if slot.expires_at > now:
                slot.active = 1
                return slot
            self._remove(slot)
        return None

    def _may_open(self, origin: OriginState[C]) -> bool:
        """
        Whether `origin` may have one more connection; makes room where that takes an idle one.
        """
        if self._is_blocked(origin):
            return False
        if len(self._slots) < self._hard_limit:
            return True
        oldest = next(iter(self._idle), None)
        if oldest is None:
            return False
        self._leave_idle(oldest)
        self._remove(oldest)
        return True

    def _is_blocked(self, origin: OriginState[C]) -> bool:
        """Whether it is `origin` itself that forbids one more connection, not the pool."""
        if origin.opening and origin.multiplexes is not False:
            return True
        return origin.slots >= self._origin_limit

    def _new_slot(self, origin: OriginState[C]) -> Slot[C]:
        slot = Slot(origin)
        self._slots[slot] = None
        self._origins[origin.key] = origin
        origin.slots += 1
        origin.opening += 1
        return slot

    # Giving it back.

    def opened(self, slot: Slot[C], capacity: int) -> None:
        """
        The connection of `slot` stands; it carries `capacity` exchanges at once (1: HTTP/1.1).
        """
        origin = slot.origin
        slot.opening = False
        origin.opening -= 1
        origin.multiplexes = capacity > 1
        # Before it has said how much it takes, it takes what the one before has said.
        self._set_capacity(slot, int(min(capacity, origin.usual_capacity)))

    def set_capacity(self, slot: Slot[C], capacity: int) -> None:
        """
        `slot` now carries `capacity` exchanges at once; 0: it takes nothing new and ends when idle.
        """
        slot.origin.usual_capacity = capacity or math.inf
        self._set_capacity(slot, capacity)

    def _set_capacity(self, slot: Slot[C], capacity: int) -> None:
        if slot.closed:
            return
        self._unshare(slot)
        slot.origin.idle.pop(slot, None)
        slot.capacity = capacity
        if capacity > 1 and slot.active < capacity:
            slot.origin.shared.append(slot)
        elif capacity == 1 and slot.active == 0:
            slot.origin.idle[slot] = None
        elif capacity == 0 and slot.active == 0:
            self._leave_idle(slot)
            self._remove(slot)
        self._serve(slot.origin)

    def discard(self, slot: Slot[C], now: float) -> None:
        """The connection of `slot` could not be opened, or is of no use: the slot is free again."""
        self.last_given_back = now
        if slot.closed:
            return
        if slot.active == 0:
            self._leave_idle(slot)
        self._remove(slot)
        self._serve(slot.origin)

    def release(self, slot: Slot[C], reusable: bool, now: float, expires_at: float) -> None:
        """One exchange on `slot` is over; while idle it may be kept until `expires_at`."""
        self.last_given_back = now
        if slot.closed:
            return
        was_full = slot.active >= slot.capacity
        slot.active -= 1
        slot.expires_at = expires_at
        if not reusable:
            self._unshare(slot)
            slot.capacity = 0
        if slot.capacity == 0:
            if slot.active == 0:
                self._remove(slot)
        elif slot.active >= slot.capacity:
            pass  # the peer has lowered its limit meanwhile: there are still too many
        elif slot.capacity > 1:
            if was_full:
                slot.origin.shared.append(slot)
            if slot.active == 0:
                self._idle[slot] = None
        elif not (self.waiting and self._pass_on(slot)):
            slot.origin.idle[slot] = None
            self._idle[slot] = None
        if self.waiting or not slot.origin.slots:
            self._serve(slot.origin)
        if len(self._idle) > self._soft_limit:
            self._close_oldest_idle()

    def _pass_on(self, slot: Slot[C]) -> bool:
        """
        Give a connection that was just used to its own origin's next waiter, if it is its turn.
        """
        ticket = slot.origin.first_waiter()
        if ticket is None:
            return False
        oldest = self._oldest_waiter()
        if oldest is not None and oldest.number < ticket.number:
            self._overtakes += 1
            if self._overtakes > MAX_OVERTAKES and not self._is_blocked(oldest.origin):
                return False
        if ticket.fresh:
            self._remove(slot)
            slot = self._new_slot(slot.origin)
        else:
            slot.active += 1
        self._grant(ticket, slot)
        return True

    def expire(self, now: float) -> float | None:
        """Close what has been idle for too long; returns when to look again, `None`: not needed."""
        for slot in [slot for slot in self._idle if slot.expires_at <= now]:
            self._leave_idle(slot)
            self._remove(slot)
        soonest = min((slot.expires_at for slot in self._idle), default=math.inf)
        return None if soonest == math.inf else soonest

    def close(self) -> None:
        """Close everything; all who wait are woken without a slot, and nobody gets one any more."""
        self.closed = True
        for slot in list(self._slots):
            self._remove(slot)
        for origin in list(self._origins.values()):
            while (ticket := origin.first_waiter()) is not None:
                ticket.waiting = False
                self.granted.append(ticket)
        self._origins.clear()
        self._idle.clear()
        self._heap.clear()
        self.waiting = 0

    # Bookkeeping.

    def _serve(self, freed: OriginState[C]) -> None:
        """Hand out what a step on `freed` has made free."""
        if self.waiting:
            while freed.shared and (ticket := freed.first_waiter()) is not None:
                self._grant(ticket, self._join_shared(freed, -math.inf))
            self._enqueue(freed)
            self._serve_oldest()
        self._forget_if_empty(freed)

    def _serve_oldest(self) -> None:
        while (ticket := self._oldest_waiter()) is not None:
            origin = ticket.origin
            assert not self._is_blocked(origin), "who may not open a connection is not in the heap"
            if not self._may_open(origin):
                return  # the pool is full: everybody waits
            self._overtakes = 0
            self._grant(ticket, self._new_slot(origin))
            self._dequeue()
            self._enqueue(origin)

    def _grant(self, ticket: Ticket[C], slot: Slot[C] | None) -> None:
        ticket.waiting = False
        ticket.slot = slot
        self.waiting -= 1
        self.granted.append(ticket)

    def _enqueue(self, origin: OriginState[C]) -> None:
        """Put `origin` into the heap by its oldest ticket, unless it could take nothing anyway."""
        if origin.queued or self._is_blocked(origin):
            return
        ticket = origin.first_waiter()
        if ticket is not None:
            origin.queued = True
            heapq.heappush(self._heap, (ticket.number, id(origin), origin))

    def _dequeue(self) -> None:
        heapq.heappop(self._heap)[-1].queued = False

    def _oldest_waiter(self) -> Ticket[C] | None:
        """The oldest ticket of all origins in the heap, whose entries may be out of date."""
        while self._heap:
            number, _, origin = self._heap[0]
            ticket = origin.first_waiter()
            if ticket is not None and ticket.number == number:
                return ticket
            self._dequeue()
            self._enqueue(origin)
        return None

    def _unshare(self, slot: Slot[C]) -> None:
        if slot in slot.origin.shared:
            slot.origin.shared.remove(slot)

    def _leave_idle(self, slot: Slot[C]) -> None:
        self._idle.pop(slot, None)
        slot.origin.idle.pop(slot, None)

    def _close_oldest_idle(self) -> None:
        oldest = next(iter(self._idle))
        self._leave_idle(oldest)
        self._remove(oldest)
        self._serve(oldest.origin)

    def _remove(self, slot: Slot[C]) -> None:
        origin = slot.origin
        slot.closed = True
        del self._slots[slot]
        origin.slots -= 1
        if slot.opening:
            origin.opening -= 1
        self._unshare(slot)
        self.to_close.append(slot)
        self._forget_if_empty(origin)

    def _forget_if_empty(self, origin: OriginState[C]) -> None:
        if origin.slots == 0 and origin.first_waiter() is None:
            self._origins.pop(origin.key, None)
