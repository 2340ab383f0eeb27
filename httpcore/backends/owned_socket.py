"""A socket that does nothing by itself when it is collected.

A stream that nobody closed closes its socket in its own finaliser.  But where the stream is part of
a cycle, finalisers run in any order, and a plain socket's may come first: it warns, and it closes a
descriptor that an event loop still watches.  The next connection may be given the same number,
and would lose the loop's attention when the stream comes to end its own watch.
"""

from __future__ import annotations

import socket


class OwnedSocket(socket.socket):
    """A socket that its owner closes, in every case, its finaliser included."""

    __slots__ = ()

    def __del__(self) -> None:
        """In place of the finaliser that warns and closes."""


def owned(sock: socket.socket) -> OwnedSocket:
    """`sock`, which is non-blocking, as an `OwnedSocket`; takes its descriptor over."""
    own = OwnedSocket(sock.family, sock.type, sock.proto, fileno=sock.detach())
    own.setblocking(False)
    return own
