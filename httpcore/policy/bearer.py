"""Bearer tokens (RFC 6750), with one renewal however many requests find that theirs has died."""

from __future__ import annotations

import collections.abc
import functools
import inspect
import typing

from ..models.request import Request
from .auth import Auth, AuthFlow, SharedWork

TokenSource = collections.abc.Callable[[], str | collections.abc.Awaitable[str]]


class _Token(typing.NamedTuple):
    """A token (`None` before the first), and the search for the one that comes after it."""

    value: str | None
    flights: dict[object, typing.Any]


class BearerAuth(Auth):
    """
    A token in every request (RFC 6750).

    * `token`: the token, or a callable that gets one: a function, or for `AsyncClient` an async
      one.  It is called before the first request, and again when a server answers 401; the request
      is then sent once more.  Requests that wait for a token at the same time share one call, and
      its error if it fails.  What it requests with the same client it has to request with
      `auth=None`, and how long that may take: `total_timeout` interrupts only those who wait for
      it.

    May be shared by clients, threads and tasks.  `ValueError` for a token that no header can carry.
    """

    def __init__(self, token: str | TokenSource) -> None:
        if isinstance(token, type) or not (isinstance(token, str) or callable(token)):
            raise TypeError(
                f"token takes a str, or a callable that returns one, not {type(token).__name__}"
            )
        self._source = None if isinstance(token, str) else token
        self._token = _Token(_checked(token) if isinstance(token, str) else None, {})

    def flow(self, request: Request) -> AuthFlow:
        token = self._token
        if token.value is None:
            token = yield self._renewal(token)
        request.headers["Authorization"] = f"Bearer {token.value}"
        response = yield request
        if response.status_code == 401 and self._source is not None:
            token = yield self._renewal(token)
            request.headers["Authorization"] = f"Bearer {token.value}"
            yield request

    def _renewal(self, token: _Token) -> SharedWork:
        return SharedWork(token.flights, functools.partial(self._renew, token))

    async def _renew(self, token: _Token) -> _Token:
        # Somebody may have got a new one since this one was sent.
        if self._token is token:
            value = typing.cast("TokenSource", self._source)()
            if inspect.isawaitable(value):
                value = await value
            self._token = _Token(_checked(value), {})
        return self._token

    def __repr__(self) -> str:
        return "BearerAuth([secret])"


def _checked(token: object) -> str:
    if not isinstance(token, str):
        raise TypeError(
            f"a token is a str, not {type(token).__name__}; a callable has to return it"
        )
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise ValueError("a token has to be printable ASCII without blanks, and not empty")
    return token
