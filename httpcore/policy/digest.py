"""Digest authentication (RFC 7616, with the form of RFC 2069 for servers that have no `qop`).

Theory of operation.  A server answers the first request to it with a challenge, which holds a
nonce.  What is computed from it is a `_Session`; it stays with the `_Space`, the origin that it is
for, so that later requests carry their answer from the start, each with a number of its own.  A
server that has had enough of a nonce says `stale`, or names the next one in
Authentication-Info.

Threads and tasks share all that: a session is never changed but replaced, in one assignment, and
requests are numbered under a guard.  The count belongs to the nonce: where a server gives the same
one to several requests at once, they number theirs together.

Text is bytes as Latin-1: what a server wrote is hashed and given back as it was.  The user name and
the password are UTF-8, whether the server says so by `charset` or not.

Not done: `rspauth`, by which the server proves that it knows the password too, is not checked.
"""

from __future__ import annotations

import collections.abc
import os
import typing
import urllib.parse

from ..backends.guard import thread_guard
from ..content.bodies import Body, BytesBody
from ..credentials import encoded
from ..exceptions import InvalidURL
from ..forks import tell_of_forks
from ..models.request import Request, run_here
from ..models.response_base import ResponseBase
from ..models.url import Origin
from .auth import Auth, AuthFlow
from .challenges import Challenge, parse_challenges, parse_parameters, quoted

if typing.TYPE_CHECKING:
    import hashlib

# By their names in a challenge, the strongest last; what hashlib calls them.
_ALGORITHMS = {"md5": "md5", "sha-256": "sha256", "sha-512-256": "sha512_256"}
_STRENGTHS = {name: strength for strength, name in enumerate(_ALGORITHMS)}

# So often a challenge is answered in one exchange: once, and again if the nonce was stale.
_MAX_ANSWERS = 2
# More than anyone has, so that to forget them does no harm.
_MAX_SPACES = 1_000
_MAX_NONCES = 100
# Of the `domain` of a challenge; the rest of it costs a round, no more.
_MAX_PREFIXES = 20


Rounds = collections.abc.Generator[
    Request | collections.abc.Awaitable[typing.Any], typing.Any, ResponseBase
]


class DigestAuth(Auth):
    """
    A user name and a password that are not sent themselves (RFC 7616).

    MD5, SHA-256, SHA-512-256 and their `-sess` forms, `auth` and `auth-int`; of several challenges
    the strongest.  The first request to an origin takes two rounds, so its body has to be one that
    can be sent twice; later ones take one, within the `domain` that the server names.

    * `username`, `password`: `str`, sent and hashed in UTF-8, or `bytes`.

    May be shared by clients, threads and tasks.  `ValueError` for control characters in the user
    name.
    """

    def __init__(self, username: str | bytes, password: str | bytes) -> None:
        self._user = encoded(username).decode("latin-1")
        self._password = encoded(password).decode("latin-1")
        if any(char < " " or char == "\x7f" for char in self._user):
            raise ValueError("a user name for Digest authentication has no control characters")
        self._spaces: dict[Origin, _Space] = {}
        tell_of_forks(self)

    def after_fork(self) -> None:
        """In a forked child: what the parent numbers is not numbered here too."""
        self._spaces = {}

    def __getstate__(self) -> dict[str, object]:
        """Without what was learned, which is for one process."""
        return self.__dict__ | {"_spaces": {}}

    def __setstate__(self, state: dict[str, object]) -> None:
        self.__dict__.update(state)
        tell_of_forks(self)

    def flow(self, request: Request) -> AuthFlow:
        yield from self.rounds(request)

    def rounds(self, request: Request) -> Rounds:
        """The flow, which gives the last response."""
        space = self._space(request)
        session = space.session
        if session is not None and not session.covers(request):
            session = None
        answered = 0
        while True:
            if session is not None:
                yield from self._authorize(request, space, session)
            response: ResponseBase = yield request
            if response.status_code != 401:
                break
            challenge = strongest(parse_challenges(response.headers, "WWW-Authenticate"))
            if challenge is None:
                return response
            if answered == _MAX_ANSWERS or not _is_news(challenge, session, answered):
                space.forget(session)
                return response
            session = space.session = _session(challenge, self._user, self._password, request)
            answered += 1
        following = parse_parameters(response.headers, "Authentication-Info").get("nextnonce")
        if session is not None and following:
            space.session = session._replace(nonce=following)
        return response

    def _space(self, request: Request) -> _Space:
        if len(self._spaces) >= _MAX_SPACES:
            self._spaces = {}
        return self._spaces.setdefault(request.url.origin, _Space())

    def _authorize(self, request: Request, space: _Space, session: _Session) -> AuthFlow:
        body_hash = ""
        if session.qop == "auth-int":
            if isinstance(request.body, BytesBody):
                body_hash = _hasher(session.hash_name, request.body.data).hexdigest()
            elif request.body is None:
                body_hash = _hash(session.hash_name, "")
            elif request.body.can_send:  # else the sender refuses to send it again
                body_hash = yield _body_hash(request, request.body, session.hash_name)
        number = space.number(session.nonce)
        request.headers["Authorization"] = session.credentials(request, number, body_hash)

    def __repr__(self) -> str:
        return "DigestAuth([secret])"


class _Session(typing.NamedTuple):
    """What follows from one challenge for all requests that it is good for.  Immutable."""

    hash_name: str
    algorithm: str | None  # as the server wrote it
    qop: str | None  # `None`: the form of RFC 2069
    realm: str
    nonce: str
    opaque: str | None
    user_field: str
    ha1: str
    cnonce: str | None  # that of a `-sess`; others have a new one for each request
    prefixes: tuple[str, ...]  # of request targets; `("",)`: all

    def covers(self, request: Request) -> bool:
        """Whether `request` to the same origin can be answered for before it is asked."""
        return request.target.decode("latin-1").startswith(self.prefixes)

    def credentials(self, request: Request, number: int, body_hash: str) -> str:
        """The value of the Authorization field (RFC 7616 §3.4)."""
        target = request.target.decode("latin-1")
        cnonce = new_cnonce() if self.cnonce is None else self.cnonce
        a2 = f"{request.method}:{target}"
        if self.qop == "auth-int":
            a2 += f":{body_hash}"
        ha2 = _hash(self.hash_name, a2)
        fields = [
            self.user_field,
            f"realm={quoted(self.realm)}",
            f"nonce={quoted(self.nonce)}",
            f"uri={quoted(target)}",
        ]
        if self.algorithm is not None:
            fields.append(f"algorithm={self.algorithm}")
        if self.qop is None:
            secret = f"{self.ha1}:{self.nonce}:{ha2}"
        else:
            count = f"{number:08x}"
            secret = f"{self.ha1}:{self.nonce}:{count}:{cnonce}:{self.qop}:{ha2}"
            fields += [f"qop={self.qop}", f"nc={count}"]
        if self.qop is not None or self.cnonce is not None:
            fields.append(f"cnonce={quoted(cnonce)}")
        fields.append(f"response={quoted(_hash(self.hash_name, secret))}")
        if self.opaque is not None:
            fields.append(f"opaque={quoted(self.opaque)}")
        return "Digest " + ", ".join(fields)


class _Space:
    """What is known of one origin, for all threads and tasks."""

    def __init__(self) -> None:
        self.session: _Session | None = None
        self._guard = thread_guard()
        self._counts: dict[str, int] = {}

    def number(self, nonce: str) -> int:
        """The number of the next request with that nonce, from 1."""
        with self._guard:
            if len(self._counts) >= _MAX_NONCES and nonce not in self._counts:
                self._counts.clear()
            number = self._counts.get(nonce, 0) + 1
            self._counts[nonce] = number
            return number

    def forget(self, session: _Session | None) -> None:
        """`session` lets nobody in."""
        if self.session is session:
            self.session = None


def new_cnonce() -> str:
    """A random string that makes the answers to one nonce differ."""
    return os.urandom(16).hex()


def strongest(challenges: list[Challenge]) -> Challenge | None:
    """The Digest challenge of the strongest algorithm that we have; of equal ones the first."""
    usable = [challenge for challenge in challenges if _is_usable(challenge)]
    return max(usable, key=lambda challenge: _STRENGTHS[_algorithm(challenge)[0]], default=None)


def _is_usable(challenge: Challenge) -> bool:
    import hashlib  # loads OpenSSL

    hash_name = _ALGORITHMS.get(_algorithm(challenge)[0])
    return (
        challenge.scheme == "digest"
        and "nonce" in challenge.parameters
        and hash_name in hashlib.algorithms_available
        and (not _qops(challenge) or _qop(challenge) is not None)
    )


def _algorithm(challenge: Challenge) -> tuple[str, bool]:
    """The name of the hash in lower case, and whether it is the `-sess` form."""
    name = challenge.parameters.get("algorithm", "md5").lower()
    return name.removesuffix("-sess"), name.endswith("-sess")


def _qops(challenge: Challenge) -> list[str]:
    return challenge.parameters.get("qop", "").lower().replace(",", " ").split()


def _qop(challenge: Challenge) -> str | None:
    offered = _qops(challenge)
    return next((qop for qop in ("auth", "auth-int") if qop in offered), None)


def _is_news(challenge: Challenge, session: _Session | None, answered: int) -> bool:
    """Whether an answer to `challenge` may succeed, where one by `session` did not."""
    if session is None or challenge.parameters.get("stale", "").lower() == "true":
        return True
    if answered:
        return False  # the password is wrong
    # Many servers forget to say that a nonce is stale, after a restart for example.
    asked = (challenge.parameters.get("realm", ""), challenge.parameters["nonce"])
    return asked != (session.realm, session.nonce)


def _session(challenge: Challenge, user: str, password: str, request: Request) -> _Session:
    parameters = challenge.parameters
    realm, nonce = parameters.get("realm", ""), parameters["nonce"]
    name, is_sess = _algorithm(challenge)
    hash_name = _ALGORITHMS[name]
    ha1 = _hash(hash_name, f"{user}:{realm}:{password}")
    cnonce = None
    if is_sess:
        cnonce = new_cnonce()
        ha1 = _hash(hash_name, f"{ha1}:{nonce}:{cnonce}")
    return _Session(
        hash_name=hash_name,
        algorithm=parameters.get("algorithm"),
        qop=_qop(challenge),
        realm=realm,
        nonce=nonce,
        opaque=parameters.get("opaque"),
        user_field=_user_field(parameters, user, realm, hash_name),
        ha1=ha1,
        cnonce=cnonce,
        prefixes=_prefixes(parameters.get("domain", ""), request),
    )


def _user_field(parameters: dict[str, str], user: str, realm: str, hash_name: str) -> str:
    """The user name (RFC 7616 §3.4): hashed, in extended notation, or as it is."""
    if parameters.get("userhash", "").lower() == "true":
        return f"username={quoted(_hash(hash_name, f'{user}:{realm}'))}, userhash=true"
    if not user.isascii() and parameters.get("charset", "").lower() == "utf-8":
        return f"username*=UTF-8''{urllib.parse.quote(user, safe='', encoding='latin-1')}"
    return f"username={quoted(user)}"


def _prefixes(domain: str, request: Request) -> tuple[str, ...]:
    """The request targets of `domain` (RFC 7616 §3.3), of this origin alone; none at all: all."""
    uris = domain.split()[:_MAX_PREFIXES]
    prefixes = []
    for uri in uris:
        try:
            url = request.url.resolve_with(uri)
            if url.origin == request.url.origin:
                prefixes.append(url.raw_target.decode("latin-1"))
        except InvalidURL:
            pass
    return tuple(prefixes) if uris else ("",)


def _hash(name: str, text: str) -> str:
    return _hasher(name, text.encode("latin-1")).hexdigest()


def _hasher(name: str, data: bytes | memoryview = b"") -> hashlib._Hash:
    import hashlib

    # Some systems forbid MD5 for what has to be secure; here the server has the say.
    return hashlib.new(name, data, usedforsecurity=False)


async def _body_hash(request: Request, body: Body, hash_name: str) -> str:
    """The hash of what has to be read: a file is not kept in memory, an iterator has to be."""
    if not body.replayable:
        return _hasher(hash_name, await request.read()).hexdigest()
    hasher = _hasher(hash_name)
    body.rewind()
    while (piece := await body.next_chunk(run_here)) is not None:
        hasher.update(piece)
    return hasher.hexdigest()
