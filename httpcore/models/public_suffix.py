"""Public suffixes: domains such as `co.uk` below which anybody may register, so that no cookie is
for all of one.

The list (publicsuffix.org) comes from the package publicsuffixlist, by the extra `httpcore[psl]`.
Without it, what can be told by the form of a name is refused: single labels, and `co.uk` and its
like below the domains of countries.
"""

from __future__ import annotations

import collections.abc
import functools
import re

# How the registries of countries name what they sell below.
_SECOND_LEVEL = re.compile(
    r"(?:ac|co|com|edu|gob|gouv|gov|go|ltd|mil|ne|net|nom|or|org|plc|sch)\.[a-z]{2}"
)


def is_public_suffix(domain: str) -> bool:
    """Whether anybody may register names right below `domain`, a host name in lower case."""
    domain = domain.removesuffix(".")
    if "." not in domain:
        return True
    listed = _listed()
    return bool(_SECOND_LEVEL.fullmatch(domain)) if listed is None else listed(domain)


@functools.lru_cache(1)
def _listed() -> collections.abc.Callable[[str], bool] | None:
    """The list's own answer, or `None` without it.  Reading the list takes some 30 ms, once."""
    try:
        from publicsuffixlist import PublicSuffixList
    except ImportError:
        return None
    return PublicSuffixList().is_public
