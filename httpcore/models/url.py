"""`URL` and `Origin`: what was asked for, and whom to connect to.

Parsing costs some 20 µs, and programs use few URLs many times.  So a `URL` is parsed once for its
text, with all that sending a request needs, and the same object is given for the same text from
then on.  Both classes are immutable; threads may share them.

A URL is normalised where that changes nothing for the server: scheme and host are in lower case,
a host that is not ASCII becomes A-labels (`xn--...`), an IPv6 address has its shortest form, the
default port and an empty userinfo are left out.  Path and query stay as they were typed, save
that what no URL may contain is percent-encoded; see `url_syntax`.
"""

from __future__ import annotations

import functools
import typing

from ..exceptions import InvalidURL
from ..value import UNSET, Immutable, Unset
from .query_params import QueryParams, QueryParamTypes, merge_query
from .url_syntax import (
    DEFAULT_PORTS,
    Authority,
    Malformed,
    Parts,
    authority_of,
    check_length,
    credentials,
    escaped,
    masked_parts,
    masked_text,
    parts_without_secrets,
    resolve,
    split,
)

# Entries of the cache, and the longest text that is worth one: together some megabytes at most.
_CACHED_URLS = 2048
_MAX_CACHED_LENGTH = 2048


class URL(Immutable):
    """
    A URL (RFC 3986), parsed and normalised.

    * `url`: a `str` or a `URL`.
    * `allow_relative`: take what cannot be requested, too: relative references (`/path`,
      `?query`, `//host`), and other schemes than http and https.  Redirects may lead to both.
    * `query_params`: merged onto the URL's own query, in front of the fragment: a name that is
      there already gets the new values, all else stays as it was typed.  See `QueryParams`.

    Raises `InvalidURL` for what is malformed or has more than 65,536 characters and, without
    `allow_relative`, for all but http and https URLs with a host; `TypeError` for other types.

    Attributes.  What is not there is `""`, unless it says otherwise.

    * `scheme`: `"http"` or `"https"`.
    * `authority`: userinfo, host and port (RFC 3986 §3.2): `"user:password@example.org:8080"`.
    * `username`, `password`: the userinfo, decoded.
    * `host`: a name as A-labels in lower case, with the dot at its end if it has one; an IPv4
      address; an IPv6 address without brackets, with its zone if it has one: `"fe80::1%eth0"`.
    * `port`: an `int`, the default port too; 0 where there is neither one nor a default.
    * `path`: as it is sent, so `"/"` where a URL with a host has none.
    * `query`, `fragment`: without `?` and `#`.  `full_path`: path and query.
    * `is_ssl`: whether the scheme is https.
    * `raw_target`: the request target in origin form, as bytes (RFC 9112 §3.2.1); no fragment.
    * `host_header`: the value of the Host field, as bytes (RFC 9110 §7.2): without userinfo, zone
      and default port.

    `str(url)` is the whole URL, with its password, and so is what `pickle` writes.  `repr(url)` and
    `masked` are for people and logs: no userinfo, no values of parameters named like secrets.

    Equal are two with the same `str()`, and a `str` equals the `URL` whose `str()` it is.
    `http://h` and `http://h/` are sent alike, but they are not equal.
    """

    __slots__ = (
        "scheme",
        "authority",
        "username",
        "password",
        "host",
        "port",
        "path",
        "query",
        "full_path",
        "fragment",
        "is_ssl",
        "raw_target",
        "host_header",
        "_origin",
        "_parts",
        "_text",
    )

    scheme: str
    authority: str
    username: str
    password: str
    host: str
    port: int
    path: str
    query: str
    full_path: str
    fragment: str
    is_ssl: bool
    raw_target: bytes
    host_header: bytes
    _origin: Origin | None  # None: it cannot be requested
    _parts: Parts
    _text: str

    def __new__(
        cls, url: URL | str, allow_relative: bool = False, query_params: QueryParamTypes = None
    ) -> typing.Self:
        if isinstance(url, str):
            parsed = _cached(url) if len(url) <= _MAX_CACHED_LENGTH else _parse(url)
        elif isinstance(url, URL):
            parsed = url
        else:
            raise TypeError(f"a URL is given as str or URL, not {type(url).__name__}")
        if parsed._origin is None and not allow_relative:
            raise parsed._not_requestable()
        if query_params is not None:
            parsed = parsed._with_query_params(QueryParams(query_params))
        if isinstance(parsed, cls):
            return parsed
        own = object.__new__(cls)
        own._set(**{name: getattr(parsed, name) for name in URL.__slots__})
        return own

    @property
    def origin(self) -> Origin:
        """Scheme, host and port.  Raises `InvalidURL` where there is nothing to connect to."""
        if self._origin is None:
            raise self._not_requestable()
        return self._origin

    @property
    def is_absolute_url(self) -> bool:
        """Whether it has a scheme and a host, so that it means something on its own."""
        return bool(self.scheme and self.host)

    @property
    def is_relative_url(self) -> bool:
        """The opposite of `is_absolute_url`."""
        return not self.is_absolute_url

    @property
    def masked(self) -> str:
        """The URL for people and logs, without its secrets."""
        return masked_parts(self._parts)

    def without_secrets(self) -> URL:
        """This URL without userinfo, and with `[secure]` for what `masked` hides."""
        return _from_parts(parts_without_secrets(self._parts))

    def copy_with(
        self,
        *,
        scheme: str | Unset | None = UNSET,
        authority: str | Unset | None = UNSET,
        path: str | Unset | None = UNSET,
        query: str | Unset | None = UNSET,
        fragment: str | Unset | None = UNSET,
    ) -> URL:
        """
        This URL with other components; `None` or `""` takes one away.

        What may not stand in a path, query or fragment is percent-encoded, so a `?` in `path` stays
        in the path.  Raises `InvalidURL` if no URL comes out.
        """
        own = self._parts
        return _from_parts(
            Parts(
                own.scheme if isinstance(scheme, Unset) else scheme or None,
                own.authority if isinstance(authority, Unset) else authority or None,
                own.path if isinstance(path, Unset) else path or "",
                own.query if isinstance(query, Unset) else query or None,
                own.fragment if isinstance(fragment, Unset) else fragment or None,
            )
        )

    def resolve_with(self, url: URL | str) -> URL:
        """
        What the reference `url` of a Location or link in an answer from here means (RFC 3986 §5.2).

        The result may be one that cannot be requested (`mailto:...`); `URL(result)` refuses that.
        Raises `InvalidURL` for what is malformed, and where this URL has no scheme.
        """
        if self._parts.scheme is None:
            raise InvalidURL(
                f"the URL {masked_text(self._text)} is relative itself; use an absolute one"
            )
        return _from_parts(resolve(self._parts, URL(url, allow_relative=True)._parts))

    def under(self, url: URL | str) -> URL:
        """
        `url` below this URL, which is the `base_url` of a client.

        | this URL         | `url`         | result                                                |
        | ---------------- | ------------- | ----------------------------------------------------- |
        | `https://h/api`  | `users`       | `https://h/api/users`                                 |
        | `https://h/api`  | `/users`      | `https://h/api/users`                                 |
        | `https://h/api/` | `/users`      | `https://h/api/users`                                 |
        | `https://h/api`  | `/`           | `https://h/api/`                                      |
        | `https://h/api`  | `?a=1`        | `https://h/api?a=1`                                   |
        | `https://h/api`  | `""`          | `https://h/api`                                       |
        | `https://h/api`  | `../x`        | `https://h/api/../x`: sent as it is typed             |
        | `https://h/api`  | `https://i/x` | `https://i/x`                                         |
        | `https://h/api`  | `//i/x`       | `InvalidURL`: a host, but no scheme                   |
        | `https://h/api`  | `users:list`  | `InvalidURL`: `users` is a scheme; say `/users:list`  |

        Query and fragment are those of `url`; this URL's own play no part.
        """
        reference = URL(url, allow_relative=True)
        scheme, authority, path, query, fragment = reference._parts
        if scheme is not None:
            return URL(reference)
        if authority is not None:
            raise InvalidURL(
                f"the URL {masked_text(reference._text)} has a host, but no scheme; write https: "
                "in front of it, or a single '/' if it is a path below the base URL"
            )
        base = self._parts
        if path:
            path = f"{base.path.removesuffix('/')}/{path.removeprefix('/')}"
        return self._with_target(path or base.path, query, fragment)

    def _with_query_params(self, params: QueryParams) -> URL:
        if not params:
            return self
        query = merge_query(self.query, params)
        return self._with_target(self._parts.path, query, self._parts.fragment)

    def _with_target(self, path: str, query: str | None, fragment: str | None) -> URL:
        """
        Another URL of this one's authority, without parsing it: of components that are escaped,
        and a path that cannot be read as anything else.
        """
        parts = Parts(self._parts.scheme, self._parts.authority, path, query, fragment)
        url = object.__new__(URL)
        url._set(**{name: getattr(self, name) for name in _AUTHORITY_FIELDS})
        try:
            url._set(**_target_fields(parts, self.host))
        except Malformed as exc:
            raise InvalidURL(f"the URL {masked_text(str(parts))} is malformed: {exc}") from None
        return url

    def _not_requestable(self) -> InvalidURL:
        scheme = self._parts.scheme
        if scheme is None:
            problem = "has no scheme; write http:// or https:// and the host in front of it"
        elif scheme in DEFAULT_PORTS:
            problem = f"has no host; write {scheme}:// and the host in front of its path"
        else:
            problem = "does not start with http:// or https://, and nothing else can be requested"
        return InvalidURL(f"the URL {masked_text(self._text)} {problem}")

    def __eq__(self, other: object) -> bool:
        if isinstance(other, URL):
            return self._text == other._text
        return self._text == other if isinstance(other, str) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._text)

    def __str__(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.masked!r})"

    def __reduce__(self) -> tuple[typing.Any, ...]:
        return (type(self), (self._text, True))


def _parse(text: str) -> URL:
    try:
        return _build(escaped(split(text)))
    except Malformed as exc:
        raise InvalidURL(f"the URL {masked_text(text)} is malformed: {exc}") from None


def _build(parts: Parts) -> URL:
    scheme = (parts.scheme or "").lower()
    default_port = DEFAULT_PORTS.get(scheme, 0)
    authority = authority_of(parts)
    username, password = credentials(authority.userinfo)
    if authority.port == default_port:
        authority = authority._replace(port=None)
    parts = parts._replace(
        scheme=scheme or None, authority=None if parts.authority is None else str(authority)
    )
    host, port = authority.host, authority.port or default_port
    without_zone = Authority("", host.partition("%")[0], authority.port)
    url = object.__new__(URL)
    url._set(
        scheme=scheme,
        authority=parts.authority or "",
        username=username,
        password=password,
        host=host,
        port=port,
        is_ssl=scheme == "https",
        host_header=str(without_zone).encode("ascii"),
        _origin=_origin(scheme, host, port) if host and default_port else None,
        **_target_fields(parts, host),
    )
    return url


def _target_fields(parts: Parts, host: str) -> dict[str, typing.Any]:
    """What path, query and fragment have a part in.  Raises `Malformed` for what is too long."""
    text = str(parts)
    check_length(text)  # again, as escapes are long: what comes out can be parsed itself
    path = parts.path or ("/" if host else "")
    full_path = path if parts.query is None else f"{path}?{parts.query}"
    return {
        "path": path,
        "query": parts.query or "",
        "full_path": full_path,
        "fragment": parts.fragment or "",
        "raw_target": full_path.encode("ascii"),
        "_parts": parts,
        "_text": text,
    }


_TARGET_FIELDS = {"path", "query", "full_path", "fragment", "raw_target", "_parts", "_text"}
_AUTHORITY_FIELDS = [name for name in URL.__slots__ if name not in _TARGET_FIELDS]


# Thread-safe, with and without the GIL.
_cached = functools.lru_cache(_CACHED_URLS)(_parse)


def _from_parts(parts: Parts) -> URL:
    try:
        parts = escaped(parts)
        text = str(parts)
        whole = split(text) == parts
    except Malformed as exc:
        raise InvalidURL(f"the URL {masked_text(str(parts))} is malformed: {exc}") from None
    if not whole:
        # For example a path that would be read as a host, or a scheme with a "/" in it.
        raise InvalidURL(
            f"the URL {masked_text(text)} would not be read as it was put together: behind a host "
            "a path starts with '/', without one not with '//', and no part has delimiters in it"
        )
    return URL(text, allow_relative=True)


class Origin(Immutable):
    """
    Scheme, host and port: whom to connect to, and the key of a connection pool (RFC 6454 §4).

    `url` is a `str` or a `URL` that can be requested; else `InvalidURL`.  Attributes are `scheme`,
    `host`, `port` and `is_ssl`, as `URL` has them, and `peer`, the `host:port` of messages.

    `repr()` would rebuild it, and `str()` is the URL in there.
    """

    __slots__ = ("scheme", "host", "port", "is_ssl", "peer", "_hash")

    scheme: str
    host: str
    port: int
    is_ssl: bool
    peer: str
    _hash: int

    def __init__(self, url: URL | str) -> None:
        origin = URL(url).origin
        self._fill(origin.scheme, origin.host, origin.port)

    def _fill(self, scheme: str, host: str, port: int) -> None:
        self._set(
            scheme=scheme,
            host=host,
            port=port,
            is_ssl=scheme == "https",
            peer=f"[{host}]:{port}" if ":" in host else f"{host}:{port}",
            _hash=hash((scheme, host, port)),
        )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Origin):
            return NotImplemented
        return (self.host, self.port, self.scheme) == (other.host, other.port, other.scheme)

    def __hash__(self) -> int:
        return self._hash

    def __str__(self) -> str:
        return f"{self.scheme}://{Authority('', self.host, self.port)}"

    def __repr__(self) -> str:
        return f"Origin({str(self)!r})"

    def __reduce__(self) -> tuple[typing.Any, ...]:
        return (type(self), (str(self),))


@functools.lru_cache(_CACHED_URLS)
def _origin(scheme: str, host: str, port: int) -> Origin:
    """The one that all URLs of an origin share: as a key of a dict it is found by identity."""
    origin = object.__new__(Origin)
    origin._fill(scheme, host, port)
    return origin
