"""TLS sessions, kept so that the next connection to a server need not begin from nothing.

Who resumes a session does not see a certificate, but trusts the key that both still have.  So a
session counts only where the same would be verified in the same way: it belongs to one context of
ours, that is to one `SSLConfig`, and to the peer and the name that the certificate was checked for.
A context of the user's may have been changed since, and resumes nothing.

A TLS 1.3 server sends its tickets at any time after the handshake, and each is for one use (RFC
8446 §C.4).  So it is not a session that is kept but the SSL object of the latest connection, closed
or not, and asked for its session (which takes 0.1 ms) when another connection is opened.  That one
takes it, and leaves its own.
"""

from __future__ import annotations

import ssl
import threading

_MAX_SERVERS = 64

Server = tuple[str, str]
"""The name that was verified, and the peer."""


class TLSSessions:
    """The sessions of one context.  May be used from any thread."""

    def __init__(self) -> None:
        self._latest: dict[Server, tuple[ssl.SSLObject, threading.Lock]] = {}

    def put(self, server: Server, ssl_object: ssl.SSLObject, guard: threading.Lock) -> None:
        """Let a later connection go on with the session of `ssl_object`, which `guard` guards."""
        # Each step is safe among threads, so there is no lock that a fork could find held.
        self._latest.pop(server, None)
        self._latest[server] = ssl_object, guard
        for oldest in list(self._latest)[:-_MAX_SERVERS]:
            self._latest.pop(oldest, None)

    def take(self, server: Server) -> ssl.SSLSession | None:
        """A session to go on with, for one connection; `None` for a new one."""
        ssl_object, guard = self._latest.pop(server, (None, None))
        # Where another thread uses it in this moment: go without.
        if ssl_object is None or guard is None or not guard.acquire(blocking=False):
            return None
        try:
            if ssl_object.version() is None:
                return None  # it broke, and must not be resumed (RFC 5246 §7.2.2)
            session = ssl_object.session
        except ValueError:
            return None  # it has what Python cannot copy
        finally:
            guard.release()
        # Of TLS 1.2 there may be one without a ticket, which the server knows by its number.
        return session if session is not None and (session.has_ticket or session.id) else None
