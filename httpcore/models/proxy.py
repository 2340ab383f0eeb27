"""`Proxy`: where a proxy is, how it is spoken to, and what it is told about us."""

from __future__ import annotations

import collections.abc
import functools
import typing

from ..aliases import RawHeaders
from ..credentials import basic, encoded
from ..exceptions import InvalidURL
from ..ssl_config import SSLConfig, SSLTypes, ssl_config
from ..value import Value
from .headers import Headers, HeaderTypes
from .url import URL, Origin
from .url_syntax import Authority

_DEFAULT_PORTS = {
    "http": 80,
    "https": 443,
    "socks4": 1080,
    "socks4a": 1080,
    "socks5": 1080,
    "socks5h": 1080,
}


class ProxyAuth(typing.Protocol):
    """An `Auth`, as far as a proxy is concerned."""

    def flow(
        self, request: typing.Any
    ) -> collections.abc.Generator[typing.Any, typing.Any, None]: ...


ProxyAuthTypes = tuple[str | bytes, str | bytes] | ProxyAuth


class Proxy(Value):
    """
    A proxy.  Immutable, comparable, hashable; connections are shared by requests through an equal
    one.

    * `url`: `"http://host:port"`, or with another scheme:

      | scheme               | spoken to                                                         |
      | -------------------- | ----------------------------------------------------------------- |
      | `http`               | in plain text; what a URL without a scheme means                  |
      | `https`              | over TLS                                                          |
      | `socks5`, `socks4`   | by SOCKS (RFC 1928, RFC 1929), names being looked up on this side |
      | `socks5h`, `socks4a` | the same, names being looked up by the proxy                      |

      The default ports are 80, 443 and 1080.  User and password may stand in it: they are taken out
      of it and become `auth`.
    * `auth`: `(user, password)`, which an HTTP proxy gets by Basic (RFC 7617); or, for HTTP
      proxies, an `Auth`, whose flow answers what the proxy asks for (407).
    * `headers`: further fields for an HTTP proxy: of CONNECT where there is a tunnel, else of each
      request.
    * `ssl`: how an https proxy is verified, as for `Client`; `None`: with certifi's certificates,
      or those that the environment names, whatever settings the client has for origins.

    Raises `InvalidURL` for what is no URL of a proxy, `ValueError` for what such a proxy cannot be
    told, `TypeError` for other types.
    """

    __slots__ = ("url", "auth", "raw_headers", "ssl")

    url: URL
    auth: ProxyAuthTypes | None
    raw_headers: tuple[tuple[bytes, bytes], ...]
    ssl: SSLConfig | None

    def __init__(
        self,
        url: URL | str,
        *,
        auth: ProxyAuthTypes | None = None,
        headers: HeaderTypes = None,
        ssl: SSLTypes | None = None,
    ) -> None:
        given = _proxy_url(url)
        if auth is None and (given.username or given.password):
            auth = (given.username, given.password)
        if isinstance(auth, tuple):
            if len(auth) != 2 or not all(isinstance(part, (str, bytes)) for part in auth):
                raise TypeError("auth of a proxy is (user, password) or an Auth")
        elif auth is not None and not hasattr(auth, "flow"):
            raise TypeError(
                f"auth of a proxy is (user, password) or an Auth, not {type(auth).__name__}"
            )
        self._set(
            url=given.copy_with(
                authority=given.authority.rpartition("@")[2], path=None, fragment=None
            ),
            auth=auth,
            raw_headers=tuple(Headers(headers).raw),
            ssl=None if ssl is None else ssl_config(ssl),
        )
        self._check()

    def _check(self) -> None:
        user, password = self.credentials
        if self.is_socks:
            if not isinstance(self.auth, (tuple, type(None))):
                raise ValueError("a SOCKS proxy takes (user, password) as auth, and no Auth")
            if self.raw_headers or self.ssl is not None:
                raise ValueError("a SOCKS proxy takes neither headers nor ssl")
        if self.scheme.startswith("socks4") and password:
            raise ValueError("SOCKS4 knows a user, but no password; use socks5 or socks5h")
        if not self.is_socks:
            basic(user, password)  # which says what it cannot carry

    @property
    def scheme(self) -> str:
        """How it is spoken to: `"http"`, `"socks5h"` and so on."""
        return self.url.scheme

    @property
    def is_socks(self) -> bool:
        """Whether it speaks SOCKS rather than HTTP."""
        return self.scheme.startswith("socks")

    @property
    def host(self) -> str:
        """The name or address that it is connected to at, as `URL.host`."""
        return self.url.host

    @property
    def port(self) -> int:
        """The port, the default one too."""
        return self.url.port or _DEFAULT_PORTS[self.scheme]

    @property
    def origin(self) -> Origin:
        """What is connected to: https where that is by TLS, else http, also for SOCKS."""
        scheme = "https" if self.scheme == "https" else "http"
        authority = str(Authority("", self.host, self.port))
        return Origin(self.url.copy_with(scheme=scheme, authority=authority))

    @property
    def peer(self) -> str:
        """`host:port`, for messages."""
        return self.origin.peer

    @property
    def headers(self) -> Headers:
        """The further fields; a copy."""
        return Headers.from_raw(list(self.raw_headers))

    @property
    def credentials(self) -> tuple[bytes, bytes]:
        """User and password as they are sent (UTF-8, NFC); empty where there are none."""
        if not isinstance(self.auth, tuple):
            return b"", b""
        user, password = map(encoded, self.auth)
        return user, password

    def fields(self) -> RawHeaders:
        """The fields that go to an HTTP proxy with every request: Basic credentials, `headers`."""
        fields = list(self.raw_headers)
        if isinstance(self.auth, tuple):
            value = basic(*self.credentials).encode("ascii")
            fields.append((b"Proxy-Authorization", value))
        return fields

    def __repr__(self) -> str:
        shown = [repr(str(self.url))]
        if isinstance(self.auth, tuple):
            shown.append(f"auth=({self.auth[0]!r}, '[secret]')")
        elif self.auth is not None:
            shown.append(f"auth={self.auth!r}")
        if self.raw_headers:
            shown.append(f"headers={self.headers!r}")
        if self.ssl is not None:
            shown.append(f"ssl={self.ssl!r}")
        return f"Proxy({', '.join(shown)})"


def _proxy_url(url: URL | str) -> URL:
    if isinstance(url, str) and "://" not in url:
        url = f"http://{url}"
    parsed = URL(url, allow_relative=True)
    if parsed.scheme not in _DEFAULT_PORTS:
        raise InvalidURL(
            f"{parsed.masked} is no URL of a proxy: it has to start with one of "
            f"{', '.join(f'{scheme}://' for scheme in _DEFAULT_PORTS)}"
        )
    if not parsed.host:
        raise InvalidURL(f"{parsed.masked} is no URL of a proxy: it has no host")
    if parsed.full_path not in ("", "/") or parsed.fragment:
        raise InvalidURL(
            f"{parsed.masked} is no URL of a proxy: that ends with the port.  The PAC files of "
            "browsers cannot be used; give a callable that takes a URL and returns its proxy"
        )
    return parsed


ChosenProxy = Proxy | URL | str | None
"""What says which proxy to go through; `None`: none."""

ProxyChooser = collections.abc.Callable[[URL], ChosenProxy]
"""Is given the URL of each request, and returns its proxy."""


@typing.overload
def as_proxy(proxy: None) -> None: ...
@typing.overload
def as_proxy(proxy: Proxy | URL | str) -> Proxy: ...
def as_proxy(proxy: ChosenProxy) -> Proxy | None:
    """The `Proxy` that is meant; raises as `Proxy` does."""
    if proxy is None or isinstance(proxy, Proxy):
        return proxy
    if isinstance(proxy, (str, URL)):
        return _from_url(str(proxy))
    raise TypeError(f"a proxy is a URL, a Proxy or None, not {type(proxy).__name__}")


def proxy_chooser(proxies: ChosenProxy | ProxyChooser) -> ProxyChooser | None:
    """What chooses a proxy for each request; `None` where there is nothing to choose."""
    if callable(proxies):
        return proxies
    proxy = as_proxy(proxies)
    return None if proxy is None else lambda url: proxy


# A callable may give the same text for each request.
_from_url = functools.lru_cache(128)(Proxy)
