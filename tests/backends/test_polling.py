"""Waiting by `poll` and by `select`: both tell the same."""

from __future__ import annotations

import socket

import pytest

from httpcore.backends import polling
from httpcore.backends.polling import READABLE, WRITABLE, milliseconds
from tests.backends import kinds


@pytest.fixture(params=["poll", "select"])
def waiter(request):
    return getattr(polling, f"_{request.param}_waiter")


def test_which_sockets_are_ready(waiter):
    """Each with what it is ready for, and none in time where none is."""
    one, other = socket.socketpair()
    with one, other:
        assert waiter(READABLE, one, other)(0) == []
        assert waiter(WRITABLE, one)(None) == [(one.fileno(), WRITABLE)]
        other.sendall(b"x")
        assert waiter(READABLE, one, other)(1000) == [(one.fileno(), READABLE)]
        assert sorted(waiter(READABLE | WRITABLE, one, other)(1000)) == sorted(
            [(one.fileno(), READABLE | WRITABLE), (other.fileno(), WRITABLE)]
        )


def test_those_that_are_writable(waiter, monkeypatch):
    """In their order; not one whose peer does not read."""
    monkeypatch.setattr(polling, "waiter", waiter)
    one, other = socket.socketpair()
    with one, other:
        assert polling.writable([other, one], 0) == [other, one]
        one.setblocking(False)
        with pytest.raises(BlockingIOError):
            while True:
                one.send(bytes(65536))
        assert polling.writable([other, one], None) == [other]
        assert polling.writable([one], 0) == []


def test_refused_counts_as_writable(waiter):
    """So that whoever connects gets to the reason."""
    with kinds.refusing() as address, socket.socket() as sock:
        sock.setblocking(False)
        sock.connect_ex(address.sockaddr)
        [(number, events)] = waiter(WRITABLE, sock)(5000)
        assert number == sock.fileno()
        assert events & WRITABLE


def test_the_default_is_what_there_is():
    """`poll` has no upper bound of descriptors."""
    assert polling.waiter is polling._poll_waiter


def test_milliseconds():
    """Rounded up, so that the time is over when the wait is; bounded by what the system takes."""
    assert milliseconds(None) is None
    assert milliseconds(0.0001) == 1
    assert milliseconds(1e12) == 2**31 - 1


def test_whether_a_socket_is_writable():
    """As those are told who wait for it; a closed or broken one says so when it is written to."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.setblocking(False)
        assert polling.is_writable(ours)
        with pytest.raises(BlockingIOError):
            while True:
                ours.send(bytes(65536))
        assert not polling.is_writable(ours)
        theirs.close()
        assert polling.is_writable(ours)
    assert polling.is_writable(ours)
