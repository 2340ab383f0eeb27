"""What a cookie jar holds, and what it does with it: no I/O and no clock; time is an argument.

Theory of operation.  Cookies stand in one dict a domain, so a request looks at those of its host
and of the domains above it, however many others there are.  A second index is by name, for the
access as a mapping.  A third one has the Secure cookies by name and domain, the domains above
theirs too: what a server sets over http must not overlay one, and thousands of servers call theirs
alike.  Whoever changes one changes the others.

Between two changes the same requests get the same cookies, so what was chosen for a host is kept
until anything changes.  And mostly servers set again what they have set before: within one second
(a Max-Age counts from each receipt) a field whose cookie still stands in the jar changes nothing.

Threads share a jar, and so may clients of both kinds; every method runs under the guard, and none
calls anything that waits.  Expired cookies are removed at the entry of each: there are none for
whoever looks.  Until the earliest time at which one can expire, that is one comparison; times are
whole seconds, so a jar is swept once a second at most.

Limits hold for what servers set (`receive`); what the program itself puts in is never dropped for
being too much, only when a server sets more on top of it.
"""

from __future__ import annotations

import collections.abc
import math
import operator

from ..backends.guard import thread_guard
from ..forks import tell_of_forks
from .cookie import Cookie, CookieString, Refused, is_ip_address, path_matches
from .host_cookies import Entry, HostCookies

MAX_DOMAIN_COOKIES = 50
"""Cookies that servers can set for one domain."""

MAX_COOKIES = 20_000
"""Cookies that servers can set in all."""

# How many Set-Cookie fields of one second are remembered: of an origin, and of how many origins.
_MAX_FIELDS = 100
_MAX_ORIGINS = 100

# For how many hosts it is kept which cookies they get.
_MAX_HOSTS = 1_000

Source = tuple[collections.abc.Hashable, bytes]
"""Where a cookie comes from: all that counts of the URL, and the Set-Cookie field."""


_Key = tuple[str, str, bool]
_FullKey = tuple[str, str, str, bool]  # the domain in front

_by_last_access = operator.attrgetter("last_access", "order")
_by_eviction = operator.attrgetter("eviction_key")
_by_specificity = operator.attrgetter("specificity")
_by_order = operator.attrgetter("order")


class CookieState:
    """
    The cookies of a jar; see the module.

    `count`: how many there are.  `by_domain`: may be looked at without the guard, but only for
    which domains there are; always the same dict.
    """

    def __init__(self) -> None:
        self._guard = thread_guard()
        self.by_domain: dict[str, dict[_Key, Entry]] = {}
        self._names: dict[str, dict[_FullKey, Entry]] = {}
        self._secure: dict[tuple[str, str], dict[_FullKey, Entry]] = {}
        self.count = 0
        self._next_order = 0
        self._next_expiry: float = math.inf
        self._for_host: dict[tuple[str, bool], HostCookies] = {}
        # What servers have set in the last second, by origin and field.
        self._received: dict[collections.abc.Hashable, dict[bytes | str, Entry]] = {}
        self._received_in = 0
        tell_of_forks(self)

    def after_fork(self) -> None:
        """In a forked child: nobody holds the guard."""
        self._guard = thread_guard()

    # Looking.

    def names(self, now: float) -> list[str]:
        """Each name once."""
        with self._guard:
            self._evict_expired(now)
            return [name for name, entries in self._names.items() if entries]

    def all(self, now: float) -> list[Cookie]:
        """All cookies, in the order in which they came."""
        with self._guard:
            self._evict_expired(now)
            return [entry.cookie for entry in sorted(self._entries(), key=_by_order)]

    def find(self, name: str, domain: str | None, path: str | None, now: float) -> list[Cookie]:
        """The cookies called `name`, the most specific one first; `None`: whatever it is."""
        with self._guard:
            self._evict_expired(now)
            found = self._select(name, domain, path)
            return [e.cookie for e in sorted(found, key=_by_specificity, reverse=True)]

    def value(self, name: str, domain: str | None, path: str | None, now: float) -> str | None:
        """The value of the first one that `find()` gives; `None`: there is none."""
        with self._guard:
            self._evict_expired(now)
            found = self._select(name, domain, path)
            return max(found, key=_by_specificity).cookie.value if found else None

    def for_request(self, host: str, path: str, is_secure: bool, now: float) -> CookieString:
        """What goes to `path` at `host`, in the order of §5.8.3; `""` as `host`: no domain."""
        with self._guard:
            if now >= self._next_expiry:
                self._evict_expired(now)
            cookies = self._for_host.get((host, is_secure))
            if cookies is None:
                cookies = self._choose(host, is_secure)
            choice = cookies.at(path)
            for entry in choice.entries:
                entry.last_access = now
            return choice.string

    def _choose(self, host: str, is_secure: bool) -> HostCookies:
        kept = self._for_host  # another one once something has changed
        chosen = HostCookies(
            [
                entry
                for domain in _domains_of(host)
                for entry in self.by_domain.get(domain, {}).values()
                if (is_secure or not entry.cookie.secure)
                and (domain == host or not entry.cookie.host_only)
            ]
        )
        if len(kept) >= _MAX_HOSTS:
            kept.clear()
        kept[host, is_secure] = chosen
        return chosen

    def _select(self, name: str | None, domain: str | None, path: str | None) -> list[Entry]:
        """The entries with that name, domain and path; `None`: whatever it is."""
        entries: collections.abc.Iterable[Entry]
        if domain is not None:
            entries = self.by_domain.get(domain, {}).values()
        elif name is not None:
            entries = self._names.get(name, {}).values()
        else:
            entries = self._entries()
        return [
            entry
            for entry in entries
            if name in (None, entry.cookie.name) and path in (None, entry.cookie.path)
        ]

    def _entries(self) -> collections.abc.Iterator[Entry]:
        for cookies in self.by_domain.values():
            yield from cookies.values()

    # Changing.

    def put(self, cookies: collections.abc.Iterable[Cookie], now: float) -> None:
        """Put `cookies` in, each in the place of the one with its name, domain and path."""
        with self._guard:
            self._evict_expired(now)
            for cookie in cookies:
                self._put(cookie, now)

    def replace(self, cookies: collections.abc.Iterable[Cookie], now: float) -> None:
        """Put `cookies` in, each in the place of all that have its name."""
        with self._guard:
            self._evict_expired(now)
            for cookie in cookies:
                if cookie.name in self._names:
                    for entry in self._select(cookie.name, None, None):
                        self._remove(entry)
                self._put(cookie, now)

    def skip_received(
        self,
        origin: collections.abc.Hashable,
        fields: collections.abc.Sequence[bytes | str],
        start: int,
        now: float,
    ) -> int:
        """
        The index of the first of the Set-Cookie `fields`, from `start` on, that has to be looked
        at: what those before it set at this time is there already.  Their number: none has to.
        """
        with self._guard:
            second = math.ceil(now)
            if second != self._received_in:
                self._received.clear()
                self._received_in = second
            known = self._received.get(origin, {})
            for index, entry in enumerate(map(known.get, fields[start:]), start):
                if entry is None or entry.is_gone:
                    return index
                entry.last_access = now
            return len(fields)

    def receive(
        self, cookie: Cookie, is_secure: bool, now: float, source: Source | None = None
    ) -> None:
        """
        Put in what a server has set, over TLS if `is_secure`.  Raises `Refused`.

        `source`: what `cookie` was made from, at this time; for `skip_received()`.
        """
        with self._guard:
            self._evict_expired(now)
            if not (is_secure or cookie.secure) and self._overlays_secure(cookie):
                raise Refused("it came over http, and would overlay one that is Secure")
            before = self.count
            entry = self._put(cookie, now)
            if self.count > before:
                self._evict_excess(self.by_domain[cookie.domain])
            if entry is not None and source is not None:
                self._remember(entry, *source)

    def _remember(self, entry: Entry, origin: collections.abc.Hashable, field: bytes) -> None:
        known = self._received.get(origin)
        if known is None:
            if len(self._received) >= _MAX_ORIGINS:
                self._received.clear()
            known = self._received[origin] = {}
        if len(known) >= _MAX_FIELDS:
            known.clear()
        known[field] = entry

    def remove(self, name: str | None, domain: str | None, path: str | None, now: float) -> int:
        """Remove the cookies with that name, domain and path; `None`: whatever it is."""
        with self._guard:
            self._evict_expired(now)
            entries = self._select(name, domain, path)
            for entry in entries:
                self._remove(entry)
            return len(entries)

    def _overlays_secure(self, cookie: Cookie) -> bool:
        """Leave secure cookies alone: §5.7, on cookies from a non-secure origin."""
        name = cookie.name
        here_and_below = self._secure.get((name, cookie.domain), {})
        above = [
            entry
            for domain in _domains_of(cookie.domain)
            for entry in self._select(name, domain, None)
            if entry.cookie.secure
        ]
        return any(
            path_matches(cookie.path, entry.cookie.path)
            for entry in (*here_and_below.values(), *above)
        )

    def _put(self, cookie: Cookie, now: float) -> Entry | None:
        """The entry of `cookie`; `None`: it has expired, and removed the one that was there."""
        key = (cookie.name, cookie.path, cookie.host_only)
        old = self.by_domain.get(cookie.domain, {}).get(key)
        expires = cookie.expires
        if expires is not None and expires <= now:
            if old is not None:
                self._remove(old)
            return None
        self._begin_change(old)
        if expires is not None:
            self._next_expiry = min(self._next_expiry, expires)
        if old is None:
            self._next_order += 1
            self.count += 1
        # One that is replaced leaves its age to its successor (§5.7).
        entry = Entry(cookie, self._next_order if old is None else old.order, now)
        self.by_domain.setdefault(cookie.domain, {})[key] = entry
        full_key = (cookie.domain, *key)
        self._names.setdefault(cookie.name, {})[full_key] = entry
        if cookie.secure or (old is not None and old.cookie.secure):
            self._index_secure(entry, full_key)
        self._for_host = {}
        return entry

    def _begin_change(self, old: Entry | None) -> None:
        """What is kept until something changes goes first: Ctrl-C may end the change half-way."""
        # And again behind it: a signal handler that looks in between keeps what it has seen.
        self._for_host = {}
        if old is not None:
            old.is_gone = True

    def _index_secure(self, entry: Entry, full_key: _FullKey) -> None:
        """Have the index of Secure cookies say what is true of `entry`, or of its absence."""
        cookie = entry.cookie
        is_there = cookie.secure and self._names.get(cookie.name, {}).get(full_key) is entry
        for domain in _domains_of(cookie.domain):
            if is_there:
                self._secure.setdefault((cookie.name, domain), {})[full_key] = entry
            else:
                below = self._secure.get((cookie.name, domain), {})
                below.pop(full_key, None)
                if not below:
                    self._secure.pop((cookie.name, domain), None)

    def _remove(self, entry: Entry) -> None:
        # Ctrl-C may have come between any two steps here or in `_put`: what is gone is no error.
        self._begin_change(entry)
        cookie = entry.cookie
        key = (cookie.name, cookie.path, cookie.host_only)
        full_key = (cookie.domain, *key)
        named, in_domain = self._names.get(cookie.name, {}), self.by_domain.get(cookie.domain, {})
        named.pop(full_key, None)
        if not named:
            self._names.pop(cookie.name, None)
        if cookie.secure:
            self._index_secure(entry, full_key)
        in_domain.pop(key, None)
        if not in_domain:
            self.by_domain.pop(cookie.domain, None)
        self.count -= 1
        self._for_host = {}

    def _evict_expired(self, now: float) -> None:
        if now < self._next_expiry:
            return
        later = math.inf
        for entry in list(self._entries()):
            expires = entry.cookie.expires
            if expires is not None:
                if expires <= now:
                    self._remove(entry)
                else:
                    later = min(later, expires)
        self._next_expiry = later

    def _evict_excess(self, in_domain: dict[_Key, Entry]) -> None:
        """Make room after one more was received: in its domain, then in all (§5.7)."""
        if len(in_domain) > MAX_DOMAIN_COOKIES:
            self._remove(min(in_domain.values(), key=_by_eviction))
        if self.count > MAX_COOKIES:
            # Many at once, as finding them takes a look at all.
            for entry in sorted(self._entries(), key=_by_last_access)[: MAX_COOKIES // 100]:
                self._remove(entry)


def _domains_of(host: str) -> collections.abc.Iterator[str]:
    """`host`, and the domains above it whose cookies it may get."""
    yield host
    if not is_ip_address(host):
        while host := host.partition(".")[2]:
            yield host
