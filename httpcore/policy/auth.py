"""Authentication as plain generators: yield a request, be sent its response.

A flow does no I/O, so it serves both clients and is tested without a network.
"""

from __future__ import annotations

import base64
import collections.abc
import typing

from ..models.request import Request
from ..models.response_base import ResponseBase

AuthFlow = collections.abc.Generator[Request, ResponseBase, None]


class Auth:
    """
    The base of all authentication; subclass it for your own.

    May be shared by clients, threads and tasks, so keep what changes under a lock of your own.
    """

    def flow(self, request: Request) -> AuthFlow:
        """
        Yield each request to send, and be sent the response to it.

        `request` is a copy of the caller's, so it may be changed.  The last response is the one
        that the caller gets.  The default sends the request as it is.
        """
        yield request


class BasicAuth(Auth):
    """
    A user name and a password in every request (RFC 7617), in UTF-8.

    `ValueError` for a user name with a colon, which the scheme cannot carry.
    """

    def __init__(self, username: str | bytes, password: str | bytes) -> None:
        user, word = _bytes(username), _bytes(password)
        if b":" in user:
            raise ValueError("a user name for Basic authentication must not contain a colon")
        self._header = "Basic " + base64.b64encode(user + b":" + word).decode("ascii")

    def flow(self, request: Request) -> AuthFlow:
        request.headers["Authorization"] = self._header
        yield request

    def __eq__(self, other: object) -> bool:
        return isinstance(other, BasicAuth) and self._header == other._header

    def __hash__(self) -> int:
        return hash(self._header)

    def __repr__(self) -> str:
        return "BasicAuth([secret])"


class CallableAuth(Auth):
    """A callable `Request -> Request` as an `Auth`."""

    def __init__(self, function: collections.abc.Callable[[Request], Request]) -> None:
        self._function = function

    def flow(self, request: Request) -> AuthFlow:
        changed = self._function(request)
        if not isinstance(changed, Request):
            raise TypeError(
                f"the callable given as auth= has to return a Request, not {type(changed).__name__}"
            )
        yield changed


AuthTypes = tuple[str | bytes, str | bytes] | Auth | collections.abc.Callable[[Request], Request]


def auth_from(auth: AuthTypes | None) -> Auth | None:
    """The `Auth` that `auth=` stands for."""
    if auth is None or isinstance(auth, Auth):
        return auth
    if isinstance(auth, tuple) and len(auth) == 2:
        return BasicAuth(*auth)
    if callable(auth):
        return CallableAuth(auth)
    raise TypeError(
        f"auth= takes (user, password), an Auth or a callable, not {type(auth).__name__}"
    )


def auth_of_url(request: Request) -> Auth | None:
    """Basic authentication by the credentials in the URL, where no header says something else."""
    url = request.url
    if not (url.username or url.password) or "Authorization" in request.headers:
        return None
    return BasicAuth(url.username, url.password)


def _bytes(value: typing.Any) -> bytes:
    if isinstance(value, str):
        return value.encode("utf-8")
    if isinstance(value, bytes):
        return value
    raise TypeError(f"a user name or password is str or bytes, not {type(value).__name__}")
