"""Authentication as plain generators: yield a request, be sent its response.

A flow does no I/O of its own, so it serves both clients and is tested without a network.  What it
has to wait for it yields too: the sender waits, and sends back what came of it.
"""

from __future__ import annotations

import collections.abc
import inspect
import typing

from ..credentials import basic, encoded
from ..models.request import Request


class SharedWork:
    """
    What a flow yields to have something done once, for all requests that want it at the same time.

    * `flights`: of those who yield the same `dict`, the first one's `work` is done; it is empty
      when nobody does it.
    * `work`: its result, or its error, is what all of them get.

    Whoever does not know it awaits it: then the work is done for that one alone.
    """

    def __init__(
        self,
        flights: dict[object, typing.Any],
        work: collections.abc.Callable[[], collections.abc.Awaitable[typing.Any]],
    ) -> None:
        self.flights = flights
        self.work = work

    def __await__(self) -> collections.abc.Generator[typing.Any, typing.Any, typing.Any]:
        return self.work().__await__()


AuthFlow = collections.abc.Generator[
    Request | collections.abc.Awaitable[typing.Any], typing.Any, None
]
"""What `Auth.flow` returns: a generator that is sent a response for each request it yields."""


class Auth:
    """
    The base of all authentication; subclass it for your own.

    * `requires_response_body`: whether `flow` looks at the bodies of responses: they are then read
      before it is sent them.

    May be shared by clients, threads and tasks, so what changes has to change in one step, or
    under a lock of your own.
    """

    requires_response_body: typing.ClassVar[bool] = False

    def flow(self, request: Request) -> AuthFlow:
        """
        Yield each request to send, and be sent the response to it.

        `request` is a copy of the caller's, so it may be changed.  The last response is the one
        that the caller gets; it is a `Response` or an `AsyncResponse`, as the client has it.  An
        awaitable that is yielded is awaited by the client, and its result sent back; a sync client
        can do so where it does not suspend.
        """
        raise TypeError(
            f"{type(self).__name__} has no flow(): define `def flow(self, request)`, a generator "
            "that yields requests"
        )


NO_AUTH = Auth()
"""What `auth=None` of a call means: none, whatever the client or the environment says."""


class BasicAuth(Auth):
    """
    A user name and a password in every request (RFC 7617), in UTF-8.

    `ValueError` for a user name with a colon, which the scheme cannot carry.
    """

    def __init__(self, username: str | bytes, password: str | bytes) -> None:
        self._header = basic(encoded(username), encoded(password))

    def flow(self, request: Request) -> AuthFlow:
        request.headers["Authorization"] = self._header
        yield request

    def __eq__(self, other: object) -> bool:
        return isinstance(other, BasicAuth) and self._header == other._header

    def __hash__(self) -> int:
        return hash(self._header)

    def __repr__(self) -> str:
        return "BasicAuth([secret])"


AuthCallable = collections.abc.Callable[[Request], Request | collections.abc.Awaitable[Request]]


class CallableAuth(Auth):
    """A callable `Request -> Request` as an `Auth`."""

    def __init__(self, function: AuthCallable) -> None:
        self._function = function

    def flow(self, request: Request) -> AuthFlow:
        changed = self._function(request)
        if inspect.isawaitable(changed):
            changed = yield changed
        if not isinstance(changed, Request):
            raise TypeError(
                f"the callable given as auth= has to return a Request, not {type(changed).__name__}"
            )
        yield changed


AuthTypes = tuple[str | bytes, str | bytes] | Auth | AuthCallable


def auth_from(auth: AuthTypes | None) -> Auth | None:
    """The `Auth` that `auth=` stands for."""
    if auth is None or isinstance(auth, Auth):
        return auth
    if isinstance(auth, tuple) and len(auth) == 2:
        return BasicAuth(*auth)
    if isinstance(auth, type):
        raise TypeError(f"auth= was given the class {auth.__name__}; make an object of it")
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
