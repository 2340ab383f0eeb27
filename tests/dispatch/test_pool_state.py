"""The pool's decisions, first one by one, then by a state machine that checks the invariants."""

from __future__ import annotations

import math
import typing
from unittest import mock

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from httpcore.config import PoolLimits
from httpcore.dispatch import pool_state
from httpcore.dispatch.pool_slots import Slot, Ticket
from httpcore.dispatch.pool_state import MAX_OVERTAKES, PoolState
from httpcore.exceptions import NetworkError


def state_of(**limits: int | float | None) -> PoolState[str]:
    return PoolState(PoolLimits(**limits))  # type: ignore[arg-type]


def acquire(
    state: PoolState[str], key: str, *, multiplexes: bool | None = False, fresh: bool = False
) -> Slot[str] | Ticket[str]:
    return state.acquire(key, multiplexes, object, 0.0, fresh)


def opened(state: PoolState[str], key: str, capacity: int = 1) -> Slot[str]:
    slot = acquire(state, key, multiplexes=None if capacity > 1 else False)
    assert isinstance(slot, Slot)
    assert slot.opening
    state.opened(slot, capacity)
    return slot


def give_back(state: PoolState[str], slot: Slot[str], reusable: bool = True) -> None:
    state.release(slot, reusable, 1.0, math.inf)


def test_idle_connection_is_used_again() -> None:
    """A connection that was given back serves the next request to its origin, not another's."""
    state = state_of()
    slot = opened(state, "a")
    give_back(state, slot)
    assert list(state.idle) == [slot]
    other = acquire(state, "b")
    assert isinstance(other, Slot)
    assert other.opening
    assert acquire(state, "a") is slot
    assert list(state.idle) == []


def test_last_used_connection_comes_first() -> None:
    """Of several idle connections the one used last is taken, so the others can expire."""
    state = state_of()
    first, second = opened(state, "a"), opened(state, "a")
    give_back(state, first)
    give_back(state, second)
    assert acquire(state, "a") is second


def test_fresh_connection_on_demand() -> None:
    """`fresh` opens a connection although an idle one is there."""
    state = state_of()
    give_back(state, opened(state, "a"))
    slot = acquire(state, "a", fresh=True)
    assert isinstance(slot, Slot)
    assert slot.opening


def test_fresh_connection_for_one_who_waits() -> None:
    """A connection that was used before is closed for the one opened in its place."""
    for limits in ({"hard_limit": 1}, {"origin_limit": 1}):
        state = state_of(**limits)
        slot = opened(state, "a")
        ticket = acquire(state, "a", fresh=True)
        assert isinstance(ticket, Ticket)
        give_back(state, slot)
        assert state.take_work() == ([ticket], [slot])
        assert ticket.slot is not slot
        assert ticket.slot.opening


def test_waiters_are_served_in_order() -> None:
    """At the hard limit requests queue, and are served first come, first served."""
    state = state_of(hard_limit=1)
    slot = opened(state, "a")
    tickets = [acquire(state, "a") for _ in range(3)]
    for ticket in tickets:
        assert isinstance(ticket, Ticket)
        give_back(state, slot)
        assert state.take_work() == ([ticket], [])
        assert ticket.slot is slot
    assert state.waiting == 0


def test_idle_connection_makes_room_for_another_origin() -> None:
    """At the hard limit the connection idle for longest is closed for the sake of a new origin."""
    state = state_of(hard_limit=2)
    old, new = opened(state, "a"), opened(state, "a")
    give_back(state, old)
    give_back(state, new)
    slot = acquire(state, "b")
    assert isinstance(slot, Slot)
    assert state.take_work() == ([], [old])


def test_released_connection_is_closed_for_a_waiting_origin() -> None:
    """A connection that nobody of its own origin waits for makes way for the oldest waiter."""
    state = state_of(hard_limit=1)
    slot = opened(state, "a")
    ticket = acquire(state, "b")
    assert isinstance(ticket, Ticket)
    give_back(state, slot)
    assert state.take_work() == ([ticket], [slot])
    assert ticket.slot is not None
    assert ticket.slot.opening


def test_no_origin_starves() -> None:
    """A busy origin overtakes an older waiter of another one at most MAX_OVERTAKES times."""
    state = state_of(hard_limit=1)
    slot = opened(state, "busy")
    other = acquire(state, "other")
    assert isinstance(other, Ticket)
    for _ in range(MAX_OVERTAKES):
        ticket = acquire(state, "busy")
        give_back(state, slot)
        assert isinstance(ticket, Ticket)
        assert ticket.slot is slot
    acquire(state, "busy")
    give_back(state, slot)
    assert other.slot is not None


def test_failed_opening_frees_its_slot() -> None:
    """A connection that could not be opened gives its slot to the next waiter in the same step."""
    state = state_of(hard_limit=1)
    slot = acquire(state, "a")
    ticket = acquire(state, "a")
    assert isinstance(slot, Slot)
    assert isinstance(ticket, Ticket)
    state.discard(slot, 0.0)
    assert ticket.slot is not None
    assert ticket.slot.opening
    state.discard(slot, 0.0)
    assert len(state.slots) == 1


def test_cancelled_waiter_is_passed_over() -> None:
    """Who gives up waiting gets nothing, and the next one is served in its place."""
    state = state_of(hard_limit=1)
    slot = opened(state, "a")
    first, second = acquire(state, "a"), acquire(state, "a")
    assert isinstance(first, Ticket)
    assert isinstance(second, Ticket)
    state.cancel(first, 0.0)
    give_back(state, slot)
    assert first.slot is None
    assert second.slot is slot


@pytest.mark.parametrize("was_open", [True, False])
def test_cx3_cancelled_when_granted(was_open: bool) -> None:
    """What was granted to somebody who is cancelled in that step goes to the next waiter."""
    state = state_of(hard_limit=1)
    slot = opened(state, "a")
    first, second = acquire(state, "a"), acquire(state, "a")
    assert isinstance(first, Ticket)
    assert isinstance(second, Ticket)
    give_back(state, slot, reusable=was_open)
    state.cancel(first, 0.0)
    assert second.slot is not None
    assert second.slot.opening is not was_open


def test_waiter_behind_a_cancelled_ticket_of_another_origin() -> None:
    """An out-of-date entry of the queue is skipped."""
    state = state_of(hard_limit=1)
    slot = opened(state, "a")
    gone, kept = acquire(state, "b"), acquire(state, "c")
    assert isinstance(gone, Ticket)
    assert isinstance(kept, Ticket)
    state.cancel(gone, 0.0)
    give_back(state, slot)
    assert kept.slot is not None


def test_cn8_soft_limit_closes_the_oldest() -> None:
    """No more idle connections are kept than soft_limit says."""
    state = state_of(soft_limit=1)
    old, new = opened(state, "a"), opened(state, "b")
    give_back(state, old)
    give_back(state, new)
    assert state.take_work() == ([], [old])
    assert list(state.idle) == [new]


def test_soft_limit_zero_keeps_none() -> None:
    """soft_limit=0 closes each connection as it becomes idle."""
    state = state_of(soft_limit=0)
    give_back(state, opened(state, "a"))
    assert len(state.slots) == 0


def test_origin_limit_queues_one_origin_only() -> None:
    """origin_limit holds back its own origin and nobody else."""
    state = state_of(origin_limit=1)
    slot = opened(state, "a")
    ticket = acquire(state, "a")
    assert isinstance(ticket, Ticket)
    assert isinstance(acquire(state, "b"), Slot)
    give_back(state, slot, reusable=False)
    assert ticket.slot is not None


def test_origin_at_its_limit_does_not_block_the_queue() -> None:
    """A waiter whose origin is at its limit is passed over for one who can be served."""
    state = state_of(hard_limit=2, origin_limit=1)
    a, b = opened(state, "a"), opened(state, "b")
    first, second = acquire(state, "a"), acquire(state, "c")
    assert isinstance(first, Ticket)
    assert isinstance(second, Ticket)
    give_back(state, b, reusable=False)
    assert first.slot is None
    assert second.slot is not None
    give_back(state, a)
    assert first.slot is a


def test_expired_connection_is_not_used() -> None:
    """An idle connection past its time is closed instead of being used."""
    state = state_of()
    slot = opened(state, "a")
    state.release(slot, True, 1.0, 2.0)
    got = state.acquire("a", False, object, 2.5)
    assert got is not slot
    assert state.take_work() == ([], [slot])


def test_expire_closes_and_says_when_to_look_again() -> None:
    """expire() closes what is too old and tells when the next one will be."""
    state = state_of()
    early, late = opened(state, "a"), opened(state, "b")
    state.release(early, True, 0.0, 5.0)
    state.release(late, True, 0.0, 9.0)
    assert state.expire(6.0) == 9.0
    assert state.take_work() == ([], [early])
    assert state.expire(10.0) is None


def test_unknown_protocol_makes_others_wait() -> None:
    """While the first connection is being opened nobody opens another; HTTP/1.1 sets them free."""
    state = state_of()
    slot = acquire(state, "a", multiplexes=None)
    others = [acquire(state, "a", multiplexes=None) for _ in range(3)]
    assert isinstance(slot, Slot)
    state.opened(slot, 1)
    assert all(isinstance(other, Ticket) and other.slot is not None for other in others)
    assert len(state.slots) == 4


def test_cx2_opener_cancelled_while_others_wait_for_the_protocol() -> None:
    """Where the first connection comes to nothing, the next waiter opens one."""
    state = state_of()
    slot = acquire(state, "a", multiplexes=None)
    ticket = acquire(state, "a", multiplexes=None)
    assert isinstance(slot, Slot)
    state.discard(slot, 0.0)
    assert isinstance(ticket, Ticket)
    assert ticket.slot is not None
    assert ticket.slot.opening


def test_multiplexed_connection_carries_all() -> None:
    """A connection with room carries several requests; the one above its capacity opens another."""
    state = state_of()
    slot = acquire(state, "a", multiplexes=None)
    waiting = acquire(state, "a", multiplexes=None)
    assert isinstance(slot, Slot)
    assert isinstance(waiting, Ticket)
    state.opened(slot, 2)
    assert waiting.slot is slot
    other = acquire(state, "a")
    assert other is not slot
    give_back(state, slot)
    assert acquire(state, "a") is slot


def test_multiplexed_connection_becomes_idle_and_expires() -> None:
    """One that carries nothing is idle, and closed when it is too old."""
    state = state_of()
    slot = opened(state, "a", capacity=10)
    state.release(slot, True, 0.0, 5.0)
    assert list(state.idle) == [slot]
    assert state.acquire("a", None, object, 1.0) is slot
    assert list(state.idle) == []
    state.release(slot, True, 0.0, 5.0)
    assert state.acquire("a", None, object, 6.0) is not slot


def test_retired_connection_takes_nothing_new() -> None:
    """Capacity 0 lets what is under way finish and closes the connection behind it."""
    state = state_of()
    slot = opened(state, "a", capacity=10)
    state.set_capacity(slot, 0)
    assert acquire(state, "a", fresh=False) is not slot
    give_back(state, slot)
    work = state.take_work()
    assert work is not None
    assert slot in work[1]
    state.set_capacity(slot, 5)
    assert slot not in state.slots


def test_idle_connection_is_retired_at_once() -> None:
    """Capacity 0 closes a connection that carries nothing."""
    state = state_of()
    slot = opened(state, "a", capacity=10)
    give_back(state, slot)
    state.set_capacity(slot, 0)
    assert state.take_work() == ([], [slot])


def test_broken_multiplexed_connection() -> None:
    """One exchange that finds the connection unusable keeps everybody else off it."""
    state = state_of()
    slot = opened(state, "a", capacity=10)
    assert acquire(state, "a") is slot
    give_back(state, slot, reusable=False)
    assert acquire(state, "a") is not slot
    give_back(state, slot)
    assert slot not in state.slots


def test_raised_capacity_serves_waiters() -> None:
    """When the peer allows more streams, those who wait get them."""
    state = state_of(hard_limit=1)
    slot = opened(state, "a", capacity=2)
    acquire(state, "a")
    ticket = acquire(state, "a")
    assert isinstance(ticket, Ticket)
    state.set_capacity(slot, 3)
    assert ticket.slot is slot


def test_capacity_of_one() -> None:
    """A peer that allows one stream at a time: what is under way ends first, then one by one."""
    state = state_of(hard_limit=1)
    slot = opened(state, "a", capacity=3)
    for _ in range(2):
        assert acquire(state, "a") is slot
    state.set_capacity(slot, 1)
    ticket = acquire(state, "a")
    assert isinstance(ticket, Ticket)
    for _ in range(2):
        give_back(state, slot)
        assert ticket.waiting
    give_back(state, slot)
    assert ticket.slot is slot
    give_back(state, slot)
    assert list(state.idle) == [slot]
    state.set_capacity(slot, 2)
    state.set_capacity(slot, 1)
    assert list(state.idle) == [slot]
    assert acquire(state, "a") is slot
    assert isinstance(acquire(state, "a"), Ticket)


def test_usual_capacity() -> None:
    """Before a connection says how much it takes, it takes what the one before it took."""
    state = state_of()
    first = opened(state, "a", capacity=100)
    state.set_capacity(first, 1)
    second = opened(state, "a", capacity=100)
    assert second.capacity == 1
    state.set_capacity(second, 0)
    assert opened(state, "a", capacity=100).capacity == 100
    assert opened(state, "b", capacity=100).capacity == 100


def test_fresh_connection_that_is_shared() -> None:
    """Many whose shared connection has died share the one that the first of them opens."""
    state = state_of()
    dead = opened(state, "a", capacity=100)
    acquire(state, "a")
    give_back(state, dead, reusable=False)
    first = acquire(state, "a", fresh=True)
    assert isinstance(first, Slot)
    state.opened(first, 100)
    assert acquire(state, "a", fresh=True) is first


def test_idle_connection_is_discarded() -> None:
    """An idle connection that turned out to be dead is dropped."""
    state = state_of()
    slot = opened(state, "a")
    give_back(state, slot)
    state.discard(slot, 0.0)
    assert state.take_work() == ([], [slot])
    assert list(state.idle) == []


def test_close_wakes_everybody_without_a_slot() -> None:
    """Closing closes all connections and wakes all who wait; what comes back later is ignored."""
    state = state_of(hard_limit=1)
    slot = opened(state, "a")
    ticket = acquire(state, "a")
    assert isinstance(ticket, Ticket)
    state.close()
    assert state.take_work() == ([ticket], [slot])
    assert not ticket.waiting
    assert ticket.slot is None
    state.cancel(ticket, 0.0)
    give_back(state, slot)
    assert len(state.slots) == 0
    for fresh in (False, True):
        with pytest.raises(NetworkError, match="closed"):
            acquire(state, "a", fresh=fresh)
    assert len(state.slots) == 0


def test_connection_that_was_opened_too_late() -> None:
    """A connection that stands only when the pool has been closed is not kept."""
    state = state_of()
    slot = acquire(state, "a")
    assert isinstance(slot, Slot)
    state.close()
    state.opened(slot, 1)
    give_back(state, slot)
    assert len(state.idle) == len(state.slots) == 0


def test_cn15_dead_origins_leave_nothing_behind() -> None:
    """10,000 origins, once each: no state is kept for those without a connection."""
    state = state_of(soft_limit=5)
    for number in range(10_000):
        give_back(state, opened(state, f"origin {number}"))
    state.take_work()
    assert len(state.slots) == 5
    assert len(state._origins) == 5


class Pool(RuleBasedStateMachine):
    """Random steps under random limits; the invariants are what the pool promises."""

    # What is known of an origin's protocol before the first connection, by its key.
    multiplexes: typing.ClassVar[dict[object, bool | None]] = {
        "a": None,
        "b": None,
        "c": False,
        "d": True,
    }

    def __init__(self) -> None:
        super().__init__()
        # Random steps hardly ever overtake a hundred times.
        self.overtakes = mock.patch.object(pool_state, "MAX_OVERTAKES", 1)
        self.overtakes.start()
        self.state = state_of()
        self.hard = self.origin = self.soft = math.inf
        self.held: list[Slot[str]] = []
        self.tickets: list[Ticket[str]] = []
        self.granted: list[Ticket[str]] = []  # their owners have not looked yet
        self.multiplexed: list[Slot[str]] = []
        self.closed: set[Slot[str]] = set()
        self.steps = 0
        self.now = 0.0

    def teardown(self) -> None:
        self.overtakes.stop()

    @initialize(
        hard=st.sampled_from([1, 2, 3, 3, None]),
        origin=st.sampled_from([1, 2, 2, None]),
        soft=st.sampled_from([0, 1, 2, None]),
    )
    def limit(self, hard: int | None, origin: int | None, soft: int | None) -> None:
        self.state = state_of(hard_limit=hard, origin_limit=origin, soft_limit=soft)
        self.hard, self.origin, self.soft = (
            math.inf if limit is None else limit for limit in (hard, origin, soft)
        )

    def settle(self) -> None:
        """What the step has left to do, each once: a slot to close, a ticket to wake."""
        self.steps += 1
        tickets, slots = self.state.take_work() or ([], [])
        assert all(slot.closed for slot in slots)
        assert self.closed.isdisjoint(slots)
        self.closed.update(slots)
        assert self.closed.isdisjoint(self.state.slots)
        for ticket in tickets:
            self.tickets.remove(ticket)
            assert not ticket.waiting
            if ticket.slot is not None:
                assert ticket.slot in self.state.slots
                assert ticket.slot.origin is ticket.origin
                self.granted.append(ticket)
            else:
                assert self.state.closed
        for ticket in tickets:
            older = [each.number for each in self.tickets if each.origin is ticket.origin]
            assert ticket.number < min(older, default=math.inf), "first come, first served"

    @precondition(lambda self: not self.state.closed and len(self.tickets) < 4)
    @rule(key=st.sampled_from("abcd"), fresh=st.booleans())
    def acquire(self, key: str, fresh: bool) -> None:
        self.now += 1
        idle = {slot: slot.expires_at for slot in self.state.idle}
        mine = [slot for slot in self.state.slots if slot.origin.key == key]
        full = len(mine) >= self.origin or (len(self.state.slots) >= self.hard and not idle)
        got = self.state.acquire(key, self.multiplexes[key], object, self.now, fresh)
        if isinstance(got, Ticket):
            self.tickets.append(got)
        else:
            self.held.append(got)
            assert got in self.state.slots
            assert got.origin.key == key
            assert got.active <= max(got.capacity, 1)
            assert got.opening or idle.get(got, math.inf) > self.now, "it is too old"
            if fresh and not got.origin.multiplexes and not full:
                assert got.opening
        self.settle()

    @precondition(lambda self: self.granted)
    @rule(data=st.data())
    def take_what_was_granted(self, data: st.DataObject) -> None:
        ticket = data.draw(st.sampled_from(self.granted))
        self.granted.remove(ticket)
        assert ticket.slot is not None
        self.held.append(ticket.slot)

    @precondition(lambda self: any(slot.opening for slot in self.held))
    @rule(data=st.data(), capacity=st.sampled_from([1, 1, 2, 5]))
    def finish_opening(self, data: st.DataObject, capacity: int) -> None:
        slot = data.draw(st.sampled_from([slot for slot in self.held if slot.opening]))
        known = self.multiplexes[slot.origin.key]
        if known is not None:
            capacity = 5 if known else 1
        if capacity > 1:
            self.multiplexed.append(slot)
        self.state.opened(slot, capacity)
        self.settle()

    @precondition(lambda self: self.held)
    @rule(data=st.data(), reusable=st.booleans())
    def release(self, data: st.DataObject, reusable: bool) -> None:
        slot = data.draw(st.sampled_from(self.held))
        self.held.remove(slot)
        if slot.opening:
            self.state.discard(slot, self.now)
        else:
            self.state.release(slot, reusable, self.now, self.now + 5)
        self.settle()

    @precondition(lambda self: self.state.idle)
    @rule(data=st.data())
    def lose_an_idle_connection(self, data: st.DataObject) -> None:
        slot = data.draw(st.sampled_from(list(self.state.idle)))
        self.state.discard(slot, self.now)
        assert slot.closed
        self.settle()

    @precondition(lambda self: self.multiplexed)
    @rule(data=st.data(), capacity=st.sampled_from([0, 1, 2, 3]))
    def change_capacity(self, data: st.DataObject, capacity: int) -> None:
        """Also of one that has been closed meanwhile."""
        slot = data.draw(st.sampled_from(self.multiplexed))
        if slot.capacity:  # 0 is for good
            self.state.set_capacity(slot, capacity)
            assert slot.closed or slot.capacity == capacity
            self.settle()

    @precondition(lambda self: self.tickets or self.granted)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        """Also one whose slot has just been granted."""
        ticket = data.draw(st.sampled_from(self.tickets + self.granted))
        (self.tickets if ticket.waiting else self.granted).remove(ticket)
        self.state.cancel(ticket, self.now)
        self.settle()

    @precondition(lambda self: self.state.idle)
    @rule(seconds=st.sampled_from([3, 6]))
    def let_time_pass(self, seconds: int) -> None:
        self.now += seconds

    @precondition(lambda self: self.state.idle)
    @rule()
    def expire(self) -> None:
        soonest = self.state.expire(self.now)
        ends = [slot.expires_at for slot in self.state.idle]
        assert soonest == min(ends, default=None)
        assert soonest is None or soonest > self.now
        self.settle()

    @precondition(lambda self: self.steps > 30)
    @rule()
    def close(self) -> None:
        """What comes back behind it changes nothing."""
        self.state.close()
        self.settle()

    @invariant()
    def limits_hold(self) -> None:
        slots = self.state.slots
        assert len(slots) <= self.hard
        for key in self.multiplexes:
            assert sum(slot.origin.key == key for slot in slots) <= self.origin
        assert len(self.state.idle) <= self.soft

    @invariant()
    def books_balance(self) -> None:
        assert self.state.waiting == len(self.tickets)
        in_use = self.held + [ticket.slot for ticket in self.granted]
        for slot in self.state.slots:
            assert slot.active == in_use.count(slot)
            assert (slot.active == 0) == (slot in self.state.idle)
        known = {slot.origin.key for slot in self.state.slots}
        known |= {ticket.origin.key for ticket in self.tickets}
        assert set(self.state._origins) == known
        if self.state.closed:
            assert len(self.state.slots) == len(self.state.idle) == len(self.tickets) == 0

    @invariant()
    def nobody_waits_for_what_is_free(self) -> None:
        for ticket in self.tickets:
            origin = ticket.origin
            mine = [slot for slot in self.state.slots if slot.origin.key == origin.key]
            assert not any(0 < slot.capacity > slot.active and not slot.opening for slot in mine)
            could_open = len(self.state.slots) < self.hard or self.state.idle
            waits_for_protocol = origin.multiplexes is not False and any(s.opening for s in mine)
            assert not could_open or waits_for_protocol or len(mine) >= self.origin


TestPool = Pool.TestCase
TestPool.settings = settings(max_examples=200, stateful_step_count=40, deadline=None)
