"""Connects to whichever of several addresses answers first (RFC 8305), on all backends alike.

The next address is tried when the one before has failed, or after a moment without an answer; those
before go on meanwhile.  IPv6 and IPv4 take turns, so that a family that is broken as a whole costs
one moment.  The moment is shorter where there are many addresses, so that each gets its turn.

Which kind of address answered is remembered, for as long as a network usually stays as it is, of
peers whose first one did not: not every connection shall wait for the same broken IPv6 again.

What has to be done over a connection before it is of use (TLS) is not raced: a busy server would
shake hands several times for nothing.  But where it fails, the other addresses are tried again.

Sockets are non-blocking, so there is no task for an attempt, and none to be left behind.  How to
wait until one of them is writable is all that backends do each in their own way.
"""

from __future__ import annotations

import collections.abc
import errno
import itertools
import os
import socket
import time

from ..connect_config import ConnectConfig
from ..deadline import Deadline
from ..exceptions import ConnectError, ConnectTimeout, SSLError, Timeout
from .base import Address, NetworkStream, Secure
from .socket_setup import new_socket
from .sockets import CONNECTING, connect_error, reason

# "Connection Attempt Delay" (RFC 8305 §5 and §8): at most, and at least, in seconds.
_DELAY = 0.25
_SHORTEST_DELAY = 0.01

# After how long a Unix socket whose queue is full is tried again.
_BUSY_SECONDS = 0.02

# For how long, and of how many peers, it is remembered which family answered.
_REMEMBERED_SECONDS = 600.0
_MAX_REMEMBERED = 1000

_UNDER_WAY = (0, errno.EINPROGRESS, errno.EWOULDBLOCK)

Sockets = collections.abc.Sequence[socket.socket]
Wait = collections.abc.Callable[[Sockets, float | None], collections.abc.Awaitable[Sockets]]
"""Waits until some of the sockets can be written or have failed, at most so many seconds; those."""


async def connect(
    addresses: collections.abc.Sequence[Address],
    peer: str,
    deadline: Deadline,
    config: ConnectConfig,
    secure: Secure | None,
    wait: Wait,
    stream_over: collections.abc.Callable[[socket.socket, str], NetworkStream],
    own: collections.abc.Callable[[socket.socket], socket.socket] | None = None,
) -> NetworkStream:
    """
    What `ConcurrencyBackend.connect_tcp` does.

    `stream_over` makes a connected socket a stream, once `own` has made it one of its kind.
    """
    attempts = _Attempts(addresses, peer, deadline, config)
    while True:
        sock, address = await attempts.connected(wait)
        if own is not None:
            sock = own(sock)
        try:
            stream = stream_over(sock, peer)
        except BaseException:
            sock.close()
            raise
        try:
            secured = stream if secure is None else await secure(stream)
        except SSLError:
            raise  # a wrong certificate is no reason to ask around for a better one
        except ConnectError as error:
            attempts.failed(address, error)
        else:
            _families.note(peer, attempts.first, address.family)
            return secured


class _Families:
    """Which family answered, of peers whose first address, of the other one, did not."""

    def __init__(self) -> None:
        self._answered: dict[str, tuple[int, float]] = {}

    def preferred(self, peer: str) -> int | None:
        """The family to begin with; `None`: as the resolver says."""
        family, until = self._answered.get(peer, (None, 0.0))
        return family if time.monotonic() < until else None

    def note(self, peer: str, first: int, answered: int) -> None:
        """An attempt that began with an address of family `first` has ended well."""
        if first == answered:
            return  # what is remembered is not prolonged: the other one gets its chance again
        if len(self._answered) >= _MAX_REMEMBERED:
            self._answered.clear()
        self._answered[peer] = answered, time.monotonic() + _REMEMBERED_SECONDS


_families = _Families()


class _Attempts:
    """The addresses of a peer: those to be tried, those being tried, those that failed."""

    def __init__(
        self,
        addresses: collections.abc.Sequence[Address],
        peer: str,
        deadline: Deadline,
        config: ConnectConfig,
    ) -> None:
        self._waiting = _interleaved(addresses, _families.preferred(peer))
        self.first = self._waiting[0].family
        self._trying: dict[socket.socket, Address] = {}
        self._failures: dict[Address, ConnectError] = {}
        self._peer = peer
        self._deadline = deadline
        self._config = config
        self._next_at = 0.0
        # The last one shall have half of the time.
        half = (deadline.within(None) or _DELAY * len(addresses) * 2) / 2
        self._delay = max(_SHORTEST_DELAY, min(_DELAY, half / len(addresses)))

    async def connected(self, wait: Wait) -> tuple[socket.socket, Address]:
        """
        A socket that is connected to one of the addresses; the others may be tried again.

        Raises `ConnectError` that lists why each failed, or the deadline's error.
        """
        try:
            while True:
                if self._seconds_left() == 0:
                    raise self._timed_out()
                self._try_more()
                if not self._trying and not self._waiting:
                    raise self._all_failed()
                for sock in await wait(list(self._trying), self._patience()):
                    address = self._trying.pop(sock)
                    number = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                    if number == 0:
                        return sock, address
                    sock.close()
                    self._refused(address, OSError(number, os.strerror(number)))
        finally:
            for sock in self._trying:
                sock.close()
            self._waiting[:0] = self._trying.values()
            self._trying.clear()

    def failed(self, address: Address, error: ConnectError) -> None:
        """Note why `address` is of no use; the next one has its turn at once."""
        self._failures[address] = error
        self._next_at = 0.0

    def _refused(self, address: Address, error: OSError) -> None:
        failure = connect_error(self._peer, address, error)
        failure.__cause__ = error
        self.failed(address, failure)

    def _try_more(self) -> None:
        now = time.monotonic()
        while self._waiting and now >= self._next_at:
            self._next_at = now + self._delay
            address = self._waiting.pop(0)
            try:
                self._trying[_connecting_socket(address, self._config)] = address
            except BlockingIOError:
                # The queue of a Unix socket is full, and there is nothing that tells when it is
                # not: this is not a connection under way.
                self._waiting.insert(0, address)
                self._next_at = now + _BUSY_SECONDS
            except OSError as error:
                self._refused(address, error)

    def _seconds_left(self) -> float | None:
        left = self._deadline.within(None)
        return None if left is None else max(left, 0)

    def _patience(self) -> float | None:
        """How long to wait for those that are being tried."""
        left = self._seconds_left()
        if not self._waiting:
            return left
        until_next = max(self._next_at - time.monotonic(), 0)
        return until_next if left is None else min(left, until_next)

    def _timed_out(self) -> Timeout:
        error = self._deadline.error(ConnectTimeout, CONNECTING, self._peer)
        silent = ", ".join(map(str, self._trying.values()))
        told = [f"{silent}: no answer"] if silent not in ("", self._peer) else []
        error.args = ("; ".join([str(error), *told, *self._reasons()]),)
        return error

    def _all_failed(self) -> ConnectError:
        failures = list(self._failures.values())
        if len(failures) == 1:
            return failures[0]
        error = ConnectError(
            f"cannot connect to {self._peer}, any of its {len(failures)} addresses: "
            + "; ".join(self._reasons())
        )
        error.__cause__ = failures[-1]
        return error

    def _reasons(self) -> list[str]:
        """Why addresses failed: each reason once, after the addresses that it concerns."""
        by_reason: dict[str, list[str]] = {}
        for address, error in self._failures.items():
            by_reason.setdefault(reason(error.__cause__ or error), []).append(str(address))
        return [f"{', '.join(found)}: {why}" for why, found in by_reason.items()]


def _interleaved(
    addresses: collections.abc.Sequence[Address], preferred: int | None
) -> list[Address]:
    """
    Each once, in their order, but the families take turns (RFC 8305 §4), the `preferred` one first.
    """
    there = any(address.family == preferred for address in addresses)
    families: dict[int, list[Address]] = {preferred: []} if preferred and there else {}
    for address in dict.fromkeys(addresses):
        families.setdefault(address.family, []).append(address)
    rounds = itertools.zip_longest(*families.values())
    return [address for turns in rounds for address in turns if address is not None]


def _connecting_socket(address: Address, config: ConnectConfig) -> socket.socket:
    """
    A socket that is on its way to `address`.

    Raises `OSError`; of these `BlockingIOError`, where a Unix socket has no room at the moment.
    """
    sock = new_socket(address.family, config)
    try:
        number = sock.connect_ex(address.sockaddr)
        if number not in _UNDER_WAY or (number and not isinstance(address.sockaddr, tuple)):
            raise OSError(number, os.strerror(number))
    except BaseException:
        sock.close()
        raise
    return sock
