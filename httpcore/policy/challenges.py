"""What a server or a proxy asks for: the challenges of WWW-Authenticate (RFC 9110 §11.6.1).

Nothing that a peer sends makes it raise, and it takes time linear in its input.
"""

from __future__ import annotations

import itertools
import re
import typing

from ..field_values import list_items, unquoted
from ..models.headers import Headers

_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_PARAMETER = re.compile(rf"({_TOKEN})[ \t]*=[ \t]*(.*)", re.DOTALL)
_SCHEME = re.compile(rf"({_TOKEN})(?:[ \t]+(.*))?", re.DOTALL)
_TOKEN68 = re.compile(r"[A-Za-z0-9._~+/-]+=*")

# Schemes and parameters that are looked at: more than any server has that means well.
_MAX_ITEMS = 1_000


class Challenge(typing.NamedTuple):
    """
    One challenge.

    * `scheme`: in lower case: `"basic"`, `"digest"`.
    * `parameters`: by their names in lower case, unquoted; of those that repeat, the first.
    * `token`: what stands in the place of parameters (token68), or `""`.  Where parameters follow
      nevertheless, both are there.

    Characters are bytes: Latin-1, whatever the peer meant, so that it can be given them back.
    """

    scheme: str
    parameters: dict[str, str]
    token: str = ""


def parse_challenges(headers: Headers, name: str) -> list[Challenge]:
    """The challenges of all fields called `name`, in their order; what is malformed is left out."""
    challenges: list[Challenge] = []
    for item in _items(headers, name):
        _add(challenges, item)
    return challenges


def parse_parameters(headers: Headers, name: str) -> dict[str, str]:
    """The parameters of an Authentication-Info (RFC 9110 §11.6.3), as those of a challenge."""
    parameters: dict[str, str] = {}
    for item in _items(headers, name):
        _add_parameter(parameters, item)
    return parameters


def quoted(text: str) -> str:
    """`text` as a quoted string (RFC 9110 §5.6.4)."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _items(headers: Headers, name: str) -> list[str]:
    key = name.lower().encode("latin-1")
    lines = [value.decode("latin-1") for field, value in headers.raw if field.lower() == key]
    return list(itertools.chain.from_iterable(map(list_items, lines)))[:_MAX_ITEMS]


def _add(challenges: list[Challenge], item: str) -> None:
    """An item of the list begins a challenge, or is one more parameter of the last one."""
    if _PARAMETER.fullmatch(item):
        if challenges:
            _add_parameter(challenges[-1].parameters, item)
        return
    start = _SCHEME.fullmatch(item)
    if start is None:
        return
    scheme, rest = start[1].lower(), (start[2] or "").strip(" \t")
    if _TOKEN68.fullmatch(rest):
        challenges.append(Challenge(scheme, {}, rest))
        return
    challenges.append(Challenge(scheme, {}))
    _add_parameter(challenges[-1].parameters, rest)


def _add_parameter(parameters: dict[str, str], item: str) -> None:
    match = _PARAMETER.fullmatch(item)
    if match is not None:
        parameters.setdefault(match[1].lower(), unquoted(match[2]))
