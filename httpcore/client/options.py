"""What a call of a client may be given, and what those are told who call it something else."""

from __future__ import annotations

import collections.abc
import typing

from ..aliases import Content, Files
from ..config import TimeoutConfig
from ..models.cookies import CookieTypes
from ..models.headers import HeaderTypes
from ..models.query_params import QueryParamTypes
from ..models.request import Request
from ..policy.auth import AuthTypes
from ..policy.redirects import RedirectPolicy
from ..ssl_config import SSLTypes
from ..value import Unset


class SendOptions(typing.TypedDict, total=False):
    """How a request is sent: the keyword arguments of `send()`; see `Client.send`."""

    stream: bool
    auth: AuthTypes | None | Unset
    allow_redirects: bool | RedirectPolicy
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
    allow_redirects: bool | RedirectPolicy
    ssl: SSLTypes | None
    timeout: float | None | TimeoutConfig | Unset


SEND_OPTIONS = frozenset(SendOptions.__annotations__)
BUILD_OPTIONS = frozenset(BuildOptions.__annotations__)


class NoOptions(typing.TypedDict):
    """What a constructor takes beside the options it names, so that it can tell their names."""


# How other libraries call what is called otherwise here.
_SPELLINGS = {
    "cert": "it is spelled ssl=httpcore.SSLConfig(cert=...)",
    "verify": "it is spelled ssl=, which takes False or the path of a CA bundle",
}
_REQUEST_SPELLINGS = _SPELLINGS | {
    "body": "it is spelled content=",
    "follow_redirects": "it is spelled allow_redirects=",
    "max_redirects": "it is one of the client",
    "proxies": "it is one of the client",
    "proxy": "it is one of the client, spelled proxies=",
}
_CLIENT_SPELLINGS = _SPELLINGS | {
    "allow_redirects": "it is one of each call; max_redirects=0 follows none",
    "follow_redirects": "it is one of each call, spelled allow_redirects=; redirects are followed "
    "by default, and none with max_redirects=0",
    "limits": "it is spelled pool_limits=httpcore.PoolLimits(...)",
    "mounts": "it is spelled proxies=, or dispatch=, which takes a Dispatcher",
    "params": "it is spelled query_params=",
    "proxy": "it is spelled proxies=",
    "transport": "it is spelled dispatch=, which takes a Dispatcher",
}


def check_names(options: collections.abc.Iterable[str], known: frozenset[str]) -> None:
    """`TypeError` for an option that is not `known`, with the name it has here."""
    for name in options:
        if name not in known:
            raise _unknown("request", name, _REQUEST_SPELLINGS)


def refuse_names(options: collections.abc.Iterable[str]) -> None:
    """`TypeError` for each of the options that no client has, with the name it has here."""
    for name in options:
        raise _unknown("client", name, _CLIENT_SPELLINGS)


def _unknown(owner: str, name: str, spellings: dict[str, str]) -> TypeError:
    hint = f"; {spellings[name]}" if name in spellings else ""
    return TypeError(f"a {owner} has no option {name!r}{hint}")


def wants_redirects(
    request: Request, allow_redirects: bool | RedirectPolicy | None
) -> bool | RedirectPolicy:
    """Whether redirects are followed: by default all but those of HEAD."""
    return request.method != "HEAD" if allow_redirects is None else allow_redirects
