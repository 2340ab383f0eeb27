"""The queue of one origin; what becomes of slots and tickets is in `test_pool_state`."""

from __future__ import annotations

from httpcore.dispatch.pool_slots import OriginState, Ticket


def test_the_first_waiter_is_the_oldest_that_still_waits() -> None:
    """Those that have been served or have given up are passed over."""
    origin: OriginState[str] = OriginState("key", None)
    tickets = [Ticket(number, origin, None, False) for number in range(3)]
    origin.waiters.extend(tickets)
    assert origin.first_waiter() is tickets[0]
    tickets[0].waiting = tickets[1].waiting = False
    assert origin.first_waiter() is tickets[2]
    tickets[2].waiting = False
    assert origin.first_waiter() is None
