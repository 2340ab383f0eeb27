"""`Cookies`: a cookie jar that is a mapping from names to values.

The rules are next door: what a server says (`set_cookie`), what it may set (`received_cookie`),
what the jar holds and which of it goes where (`cookie_state`), files (`cookie_files`) and the
standard library's jar (`cookiejar`).
"""

from __future__ import annotations

import collections.abc
import functools
import math
import os
import sys
import time
import typing

from ..exceptions import CookieConflict, InvalidURL
from .cookie import Cookie, CookieString, SameSite, check_pair, check_path, decoded, is_ip_address
from .cookie_state import CookieState
from .url import URL

if typing.TYPE_CHECKING:
    import http.cookiejar

MAX_HEADER_BYTES = 8192
"""What a Cookie field has at most of the cookies of a jar: servers refuse longer ones."""

# How many cookies a repr shows.
_SHOWN = 10

_NO_COOKIES = CookieString()

CookieTypes = typing.Union[
    "Cookies", collections.abc.Mapping[str, str], "http.cookiejar.CookieJar", None
]
"""What `cookies=` takes."""

Default = typing.TypeVar("Default")

FileFormat = typing.Literal["json", "netscape"]


class Cookies(collections.abc.MutableMapping[str, str]):
    """
    A cookie jar (RFC 6265bis): a mutable mapping from the names of cookies to their values.

    * `cookies`: what it begins with: a mapping of `str` to `str`, a `Cookies`, or an
      `http.cookiejar.CookieJar`; copied.
    * `ignore_received`: whether what servers set is ignored, so that it has only what you put in.

    As a mapping it knows names alone.  Reading gives the most specific cookie of that name: the
    longest domain, then the longest path, then the latest one.  Setting replaces all cookies of
    that name by one without a domain; deleting removes all of them.  `set`, `get`, `delete` and
    `clear` take a domain and a path too, `cookie` and `all` give whole `Cookie`s.

    A cookie without a domain is a default of a client, as its headers are: it goes with the
    requests that the client makes (with a `base_url`: to that origin), unless the server has set
    one of that name, and does not follow a redirect to another origin.

    Servers set cookies within limits: 4,096 bytes each, 50 for a domain, 20,000 in all, at most 400
    days.  Those that were not used for longest make room, the insecure ones first.  A request gets
    8 KiB of them at most.

    May be shared by threads, event loops and clients.  `InvalidHeader` is raised for control
    characters and `;` in a name or value.  No `repr` shows a value; `pickle` and files have them.
    """

    def __init__(self, cookies: CookieTypes = None, *, ignore_received: bool = False) -> None:
        self._state = CookieState()
        # For clients, which look before each request whether there is anything, or a `""`.
        self.by_domain: collections.abc.Mapping[str, object] = self._state.by_domain
        self.ignore_received = ignore_received
        self.update(cookies)

    # As a mapping.

    def __getitem__(self, name: str) -> str:
        value = self._state.value(name, None, None, time.time())
        if value is None:
            raise KeyError(name)
        return value

    def __setitem__(self, name: str, value: str) -> None:
        self.update({name: value})

    def __delitem__(self, name: str) -> None:
        if not self._state.remove(name, None, None, time.time()):
            raise KeyError(name)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self.get(name) is not None

    def __iter__(self) -> collections.abc.Iterator[str]:
        return iter(self._state.names(time.time()))

    def __len__(self) -> int:
        return len(self._state.names(time.time()))

    def __bool__(self) -> bool:
        return bool(self.by_domain)

    def __eq__(self, other: object) -> bool:
        """Two `Cookies` are equal if all of their cookies are; with a mapping only values count."""
        if isinstance(other, Cookies):
            return set(self.all()) == set(other.all())
        return super().__eq__(other)

    __hash__ = None  # type: ignore[assignment]  # mutable

    # With domain and path.

    @typing.overload
    def get(
        self, name: str, default: None = None, domain: str | None = None, path: str | None = None
    ) -> str | None: ...
    @typing.overload
    def get(
        self, name: str, default: Default, domain: str | None = None, path: str | None = None
    ) -> str | Default: ...
    def get(
        self,
        name: str,
        default: typing.Any = None,
        domain: str | None = None,
        path: str | None = None,
    ) -> typing.Any:
        """
        The value of the most specific cookie called `name`, or `default` where there is none.

        * `domain`, `path`: only of those with exactly this domain or path; `None`: any.
        """
        value = self._state.value(name, _domain_key(domain), path, time.time())
        return default if value is None else value

    def set(
        self,
        name: str,
        value: str,
        domain: str = "",
        path: str = "/",
        *,
        host_only: bool = False,
        secure: bool = False,
        http_only: bool = False,
        same_site: SameSite | None = None,
        expires: float | None = None,
    ) -> None:
        """
        Put a cookie in, in the place of the one with its name, domain and path.

        * `domain`: a host, without a port; the cookie goes to it and, unless `host_only`, to what
          is below it. `""`: see the class.
        * `path`: it goes to this path and to what is below it.
        * `secure`: whether it goes over https only.
        * `expires`: seconds since the epoch; `None`: never.

        Raises `InvalidHeader`, `TypeError`, or `ValueError` for what is no domain, path,
        `same_site` or time.
        """
        check_pair(name, value)
        check_path(path)
        if same_site not in (None, *typing.get_args(SameSite)):
            raise ValueError(f"same_site is 'Strict', 'Lax', 'None' or None, not {same_site!r}")
        domain = _host_of(domain) if domain else ""
        host_only = bool(domain) and (host_only or is_ip_address(domain))
        if expires is not None and not math.isfinite(expires):
            raise ValueError(f"expires is seconds since the epoch or None, not {expires!r}")
        whole_seconds = None if expires is None else int(expires)
        cookie = Cookie(
            *(name, value, domain, path, host_only, secure, http_only, same_site, whole_seconds)
        )
        self._state.put([cookie], time.time())

    def delete(self, name: str, domain: str | None = None, path: str | None = None) -> None:
        """Remove all cookies with that name, domain and path (`None`: any), if there are any."""
        self._state.remove(name, _domain_key(domain), path, time.time())

    def clear(self, domain: str | None = None, path: str | None = None) -> None:
        """Remove all cookies, or those with exactly that domain and path (`None`: any)."""
        self._state.remove(None, _domain_key(domain), path, time.time())

    def cookie(self, name: str, domain: str | None = None, path: str | None = None) -> Cookie:
        """
        The one `Cookie` with that name, domain and path (`None`: any).

        Raises `KeyError` where there is none, `CookieConflict` where there are several.
        """
        found = self._state.find(name, _domain_key(domain), path, time.time())
        if not found:
            raise KeyError(name)
        if len(found) > 1:
            places = ", ".join(f"domain={c.domain!r} path={c.path!r}" for c in found[:_SHOWN])
            raise CookieConflict(
                f"there are {len(found)} cookies called {name!r}, where one was asked for: "
                f"{places}; give domain= and path=, or use get() for the most specific one"
            )
        return found[0]

    def all(self) -> list[Cookie]:
        """Every `Cookie` in it, in the order in which they were first set."""
        return self._state.all(time.time())

    def update(self, cookies: CookieTypes = None, /) -> None:  # type: ignore[override]
        """Put in all of `cookies`: from a mapping as by `self[name] = value`, else as they are."""
        if cookies is None:
            return
        if isinstance(cookies, Cookies):
            self._state.put(cookies.all(), time.time())
        elif isinstance(cookies, collections.abc.Mapping):
            made = []
            for name, value in cookies.items():
                check_pair(name, value)
                made.append(Cookie(name, value))
            self._state.replace(made, time.time())
        elif _is_cookiejar(cookies):
            from .cookiejar import from_cookiejar

            self._state.put(from_cookiejar(cookies), time.time())
        else:
            raise TypeError(
                "cookies are a mapping, a Cookies or an http.cookiejar.CookieJar, "
                f"not {type(cookies).__name__}"
            )

    def copy(self) -> Cookies:
        """Cookies of their own, with the same content."""
        return Cookies(self, ignore_received=self.ignore_received)

    # Requests and responses.

    def header_for(self, url: URL | str) -> str | None:
        """The Cookie field of a client's request to `url`; `None`: it has none."""
        field = cookie_field(self, None, self, URL(url))
        return None if field is None else decoded(field)

    def receive(self, url: URL | str | None, fields: collections.abc.Iterable[bytes | str]) -> None:
        """
        Take in the Set-Cookie `fields` of a response from `url`; `None`: without a domain.

        What may not be set, and what no server should send, is ignored: a DEBUG line says why.
        """
        if not self.ignore_received:
            receive = _receiver()
            receive(self._state, None if url is None else URL(url), fields, time.time())

    def _sent(self, host: str, url: URL) -> CookieString:
        """What goes to `url` of the cookies of `host` and above; `""`: those without a domain."""
        held = self.by_domain
        if not held or (len(held) == 1 and ("" in held) == bool(host)):
            return _NO_COOKIES  # mostly all have a domain, or none has
        return self._state.for_request(host, url.path, url.is_ssl, time.time())

    # Storing.

    def save(self, path: str | os.PathLike[str], format: FileFormat = "json") -> None:
        """
        Write all cookies, also those that last as long as the session, to a file.

        * `format`: `"json"`; or `"netscape"`, which curl, wget and browsers' extensions read, and
          which does not have `same_site`.

        The file is only for you (mode 0600), and is there as a whole or not at all.  Raises
        `OSError`, and `ValueError` for what the format cannot hold.
        """
        from .cookie_files import save

        save(self.all(), path, format)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> typing.Self:
        """
        The cookies of a file that `save()`, or another program in Netscape's format, has written.

        Raises `OSError`, and `ValueError` for what is neither.
        """
        from .cookie_files import load

        self = cls()
        self._state.put(load(path), time.time())
        return self

    def to_cookiejar(self) -> http.cookiejar.CookieJar:
        """A copy of it as a jar of the standard library, which requests uses too."""
        from .cookiejar import to_cookiejar

        return to_cookiejar(self.all())

    def __reduce__(self) -> tuple[typing.Any, ...]:
        return (_rebuild, (type(self), self.all(), self.ignore_received))

    def __repr__(self) -> str:
        cookies = self.all()
        shown = ", ".join(map(repr, cookies[:_SHOWN]))
        if len(cookies) > _SHOWN:
            shown += f", and {len(cookies) - _SHOWN} more"
        return f"<Cookies([{shown}])>"


@functools.cache
def _receiver() -> collections.abc.Callable[..., None]:
    from .received_cookie import receive  # only who is set cookies needs the parsers

    return receive


def cookies_from(cookies: CookieTypes) -> Cookies:
    """The `Cookies` that `cookies=` of a client stands for: one that was given is shared."""
    return cookies if isinstance(cookies, Cookies) else Cookies(cookies)


def cookie_field(
    jar: Cookies | None, own: Cookies | None, defaults: Cookies | None, url: URL
) -> bytes | None:
    """
    The Cookie field of a request to `url`; `None`: it has none.

    * `own`: the request's own cookies, with or without a domain: in the place of any others of
      their names, and without a limit.
    * `jar`: its cookies with a domain, at most 8 KiB of them.
    * `defaults`: its cookies without a domain, but for names that are there already.
    """
    sent = _NO_COOKIES if jar is None else jar._sent(url.host, url)
    if own is None:
        sent = sent.fitting(MAX_HEADER_BYTES)
    else:
        mine = own._sent(url.host, url)
        mine += own._sent("", url).without(mine.names)
        sent = sent.without(mine.names).fitting(MAX_HEADER_BYTES) + mine
    if defaults is not None:
        sent += defaults._sent("", url).without(sent.names)
    return sent.octets.strip(b" \t") or None


def _host_of(domain: str) -> str:
    """`domain` as `URL.host` has it."""
    host = domain.removeprefix(".")
    try:
        url = URL(f"http://[{host}]" if ":" in host else f"http://{host}")
    except InvalidURL:
        url = None
    if (
        url is None
        or str(url) != f"http://{url.authority}"
        or url.authority.strip("[]") != url.host
    ):
        raise ValueError(f"the domain {domain!r} of a cookie is no host without a port")
    return url.host


def _domain_key(domain: str | None) -> str | None:
    return _host_of(domain) if domain else domain


def _is_cookiejar(value: object) -> typing.TypeGuard[http.cookiejar.CookieJar]:
    # Who has one has imported it; it costs too much to do so for a look.
    module = sys.modules.get("http.cookiejar")
    return module is not None and isinstance(value, module.CookieJar)


def _rebuild(cls: type[Cookies], cookies: list[Cookie], ignore_received: bool) -> Cookies:
    self = cls(ignore_received=ignore_received)
    self._state.put(cookies, time.time())
    return self
