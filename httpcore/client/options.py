"""What a call of a client may be given, and how it is merged with what the client has."""

from __future__ import annotations

import collections.abc
import typing

from ..config import SSLTypes, TimeoutConfig, Unset
from ..models.cookies import CookieTypes
from ..models.headers import HeaderTypes
from ..models.query_params import QueryParamTypes
from ..models.request import Request
from ..policy.auth import AuthTypes
from ..types import Content, Files


class SendOptions(typing.TypedDict, total=False):
    """How a request is sent: the keyword arguments of `send()`; see `Client.send`."""

    stream: bool
    auth: AuthTypes | None | Unset
    allow_redirects: bool
    ssl: SSLTypes | None
    timeout: float | None | TimeoutConfig | Unset


class BuildOptions(typing.TypedDict, total=False):
    """What a request is made of: the arguments of `build_request()`; see `Client.request`."""

    content: Content | None
    data: Content | None
    json: typing.Any
    files: Files | None
    query_params: QueryParamTypes
    params: QueryParamTypes
    headers: HeaderTypes
    cookies: CookieTypes


class RequestOptions(BuildOptions, SendOptions, total=False):
    """The keyword arguments of `request()` and the verbs; see `Client.request`."""


class OneShotOptions(BuildOptions, total=False):
    """The keyword arguments of `httpcore.get()` and its kin: no `stream`."""

    auth: AuthTypes | None | Unset
    allow_redirects: bool
    ssl: SSLTypes | None
    timeout: float | None | TimeoutConfig | Unset


SEND_OPTIONS = frozenset(SendOptions.__annotations__)
BUILD_OPTIONS = frozenset(BuildOptions.__annotations__)

# How other libraries call what is called otherwise here.
_SPELLINGS = {
    "body": "content=",
    "cert": "ssl=httpcore.SSLConfig(cert=...)",
    "follow_redirects": "allow_redirects=",
    "verify": "ssl=, which takes False or the path of a CA bundle",
}


def check_names(options: collections.abc.Iterable[str], known: frozenset[str]) -> None:
    """`TypeError` for an option that is not `known`, with the name it has here."""
    for name in options:
        if name not in known:
            hint = f"; it is spelled {_SPELLINGS[name]}" if name in _SPELLINGS else ""
            raise TypeError(f"a request has no option {name!r}{hint}")


def one_of(name: str, value: typing.Any, other_name: str, other: typing.Any) -> typing.Any:
    """The one of two spellings of an argument that was given; both are a `TypeError`."""
    if other is None:
        return value
    if value is not None:
        raise TypeError(
            f"{name}= and {other_name}= are two spellings of one argument; give one of them"
        )
    return other


def wants_redirects(request: Request, allow_redirects: bool | None) -> bool:
    """Whether redirects are followed: by default all but those of HEAD."""
    return request.method != "HEAD" if allow_redirects is None else allow_redirects
