"""TLS sessions, kept so that the next connection to a server need not begin from nothing.

Who resumes a session does not see a certificate, but trusts the key that both still have.  So a
session counts only where the same would be verified in the same way: it belongs to one context of
ours, that is to one `SSLConfig`, and to the peer and the name that the certificate was checked for.
A context of the user's may have been changed since, and resumes nothing.

A TLS 1.3 server sends its tickets at any time after the handshake.  So it is the SSL object of the
latest connection that is kept, closed or not, and asked for its session when another connection is
opened.  Asked seldom: Python loses 6.4 KiB each time (`SSLObject.session` of 3.11 to 3.13).  One
session therefore serves many connections, for an hour at most, although a ticket of TLS 1.3 had
better be used once (RFC 8446 §C.4: else an onlooker can tell that two connections have the same
client, which here have the same addresses anyway).
"""

from __future__ import annotations

import ssl
import threading
import time

_MAX_SERVERS = 64
_LIFETIME = 3600.0
# How often in a lifetime a server's connections are asked, which may have no session or a lost one.
_MAX_QUESTIONS = 4

Server = tuple[str, str]
"""The name that was verified, and the peer."""


class _Kept:
    """What there is of one server."""

    __slots__ = ("latest", "session", "since", "questions")

    def __init__(self, latest: tuple[ssl.SSLObject, threading.Lock]) -> None:
        self.latest = latest  # of the latest connection, with its guard
        self.begin()

    def begin(self) -> None:
        """Begin anew: sessions do not live for ever."""
        self.session: ssl.SSLSession | None = None
        self.since = time.monotonic()
        self.questions = 0


class TLSSessions:
    """The sessions of one context.  May be used from any thread."""

    def __init__(self) -> None:
        self._servers: dict[Server, _Kept] = {}

    def put(
        self,
        server: Server,
        ssl_object: ssl.SSLObject,
        guard: threading.Lock,
        offered: ssl.SSLSession | None,
    ) -> None:
        """
        Let later connections to `server` go on with the session of `ssl_object`, which `guard`
        guards, or with the one that was `offered` to it, unless the server did not take that.
        """
        # Each step is safe among threads, so there is no lock that a fork could find held.
        latest = ssl_object, guard
        kept = self._servers.pop(server, None) or _Kept(latest)
        kept.latest = latest
        if offered is not None and not ssl_object.session_reused:
            kept.session = None
        self._servers[server] = kept
        for oldest in list(self._servers)[:-_MAX_SERVERS]:
            self._servers.pop(oldest, None)

    def take(self, server: Server) -> ssl.SSLSession | None:
        """A session to go on with; `None` for a new one."""
        kept = self._servers.get(server)
        if kept is None:
            return None
        if time.monotonic() - kept.since > _LIFETIME:
            kept.begin()
        # Where another thread uses the latest connection in this moment, that is alive.
        latest, guard = kept.latest
        if not guard.acquire(blocking=False):
            return kept.session
        try:
            if latest.version() is None:
                kept.session = None  # it broke, and must not be resumed (RFC 5246 §7.2.2)
            elif kept.session is None and kept.questions < _MAX_QUESTIONS:
                kept.questions += 1
                kept.session = _resumable(latest)
            return kept.session
        finally:
            guard.release()


def _resumable(ssl_object: ssl.SSLObject) -> ssl.SSLSession | None:
    try:
        session = ssl_object.session
    except ValueError:
        return None  # it has what Python cannot copy
    # Of TLS 1.2 there may be one without a ticket, which the server knows by its number.
    return session if session is not None and (session.has_ticket or session.id) else None
