"""What a child process does with what it got from its parent by `fork()`.

It has copies of everything: of sockets, over which the parent goes on to talk, and of locks, held
perhaps by threads that it does not have.  So right after the fork, before any other code of the
child runs, sockets are closed without a word to their peers, locks are made anew, and what servers
let one process use once (nonces, session tickets) is left to the parent.
"""

from __future__ import annotations

import collections.abc
import os
import typing
import weakref


class Inherited(typing.Protocol):
    """What knows what to do in a child."""

    def after_fork(self) -> None:
        """Runs in the child, beside no other thread; takes no lock, waits for nothing."""


_inherited: weakref.WeakSet[Inherited] = weakref.WeakSet()
_in_children: list[collections.abc.Callable[[], None]] = []


def tell_of_forks(owner: Inherited) -> None:
    """Have `owner.after_fork()` called in each child that is forked while `owner` lives."""
    _inherited.add(owner)


def in_each_child(step: collections.abc.Callable[[], None]) -> None:
    """Have `step()` called in each child; for modules."""
    _in_children.append(step)


def _after_fork() -> None:
    for step in _in_children:
        step()
    for owner in list(_inherited):
        owner.after_fork()


def _no_forks(**hooks: object) -> None:
    """In the place of `os.register_at_fork` on systems that do not fork."""


getattr(os, "register_at_fork", _no_forks)(after_in_child=_after_fork)
