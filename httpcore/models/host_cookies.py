"""The cookies of one host, as a jar keeps them: which of them go to which path."""

from __future__ import annotations

import operator

from .cookie import Cookie, CookieString, path_matches


class Entry:
    """
    A cookie in the jar, and what is needed to choose and to order it.

    * `order`: the later it was first set, the higher.
    * `is_gone`: it is not in the jar any more.
    """

    __slots__ = ("cookie", "sent", "order", "sort_key", "last_access", "is_gone")

    def __init__(self, cookie: Cookie, order: int, now: float) -> None:
        self.cookie = cookie
        self.sent = (cookie.name, cookie.pair)
        self.order = order
        self.sort_key = (-len(cookie.path), order)
        self.last_access = now
        self.is_gone = False

    @property
    def specificity(self) -> tuple[int, bool, int, int]:
        cookie = self.cookie
        return (len(cookie.domain), cookie.host_only, len(cookie.path), self.order)

    @property
    def eviction_key(self) -> tuple[bool, float, int]:
        return (self.cookie.secure, self.last_access, self.order)


_by_path_and_age = operator.attrgetter("sort_key")


class Choice:
    """The cookies that go with a request."""

    __slots__ = ("entries", "string")

    def __init__(self, entries: list[Entry]) -> None:
        self.entries = entries
        self.string = CookieString([entry.sent for entry in entries])


class HostCookies:
    """
    The cookies of a host in the order of RFC 6265bis §5.8.3, and which of them go to which paths.
    """

    __slots__ = ("_entries", "_paths", "_lengths", "_choices")

    def __init__(self, entries: list[Entry]) -> None:
        entries.sort(key=_by_path_and_age)
        self._entries = entries
        self._paths = {entry.cookie.path for entry in entries}
        self._lengths = sorted({len(path) for path in self._paths}, reverse=True)
        self._choices: dict[str, Choice] = {}

    def at(self, path: str) -> Choice:
        """What goes to `path`."""
        # The paths that match it are those that match the longest of them.
        for length in self._lengths:
            longest = path[:length]
            if longest in self._paths and path_matches(path, longest):
                break
        else:
            longest = ""
        choice = self._choices.get(longest)
        if choice is None:
            found = [entry for entry in self._entries if path_matches(longest, entry.cookie.path)]
            choice = self._choices[longest] = Choice(found)
        return choice
