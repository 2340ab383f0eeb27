"""A user name and a password for whichever scheme a server asks for: Digest, or else Basic."""

from __future__ import annotations

from ..credentials import basic, encoded
from ..models.request import Request
from ..models.response_base import ResponseBase
from ..models.url import Origin
from .auth import Auth, AuthFlow
from .challenges import parse_challenges
from .digest import DigestAuth, strongest

# More than anyone has, so that to forget them does no harm.
_MAX_ORIGINS = 1_000
_MAX_FOLDERS = 20


class PasswordAuth(Auth):
    """
    A user name and a password, sent once a server asks for them (401), in the strongest way that it
    offers: by Digest as `DigestAuth` does it, or else by Basic.

    The first request to an origin takes two rounds, so its body has to be one that can be sent
    twice.  Later ones take one: with Digest as `DigestAuth` says; with Basic those to the folder of
    a request that was let in, and to what is below it (RFC 7617 §2.2).

    Over plain http somebody in between can ask for Basic in the server's name, and read the
    password; `DigestAuth` never sends it.

    * `username`, `password`: `str`, sent and hashed in UTF-8, or `bytes`.

    May be shared by clients, threads and tasks.  `ValueError` for a user name with a colon, which
    Basic cannot carry, or with control characters.
    """

    def __init__(self, username: str | bytes, password: str | bytes) -> None:
        self._basic = basic(encoded(username), encoded(password))
        self._digest = DigestAuth(username, password)
        # Where Basic was let in: how the targets of such requests begin.
        self._folders: dict[Origin, tuple[str, ...]] = {}

    def flow(self, request: Request) -> AuthFlow:
        origin = request.url.origin
        target = request.target.decode("latin-1")
        if target.startswith(self._folders.get(origin, ())):
            request.headers["Authorization"] = self._basic
        response = yield from self._digest.rounds(request)
        if response.status_code != 401:
            return
        if request.headers.get("Authorization") == self._basic:
            self._folders.pop(origin, None)
        elif _leaves_basic(response):
            request.headers["Authorization"] = self._basic
            response = yield request
            if response.status_code != 401:
                self._note(origin, target)

    def _note(self, origin: Origin, target: str) -> None:
        if len(self._folders) >= _MAX_ORIGINS:
            self._folders = {}
        # What is no path, as with CONNECT, is for a proxy, which is one space.
        path = target.partition("?")[0]
        folder = path[: path.rfind("/") + 1] if path.startswith("/") else ""
        self._folders[origin] = (*self._folders.get(origin, ()), folder)[-_MAX_FOLDERS:]

    def __repr__(self) -> str:
        return "PasswordAuth([secret])"


def _leaves_basic(response: ResponseBase) -> bool:
    """Whether Basic is offered, and no Digest that we have: else the password was wrong."""
    challenges = parse_challenges(response.headers, "WWW-Authenticate")
    return strongest(challenges) is None and any(each.scheme == "basic" for each in challenges)
