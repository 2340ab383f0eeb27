"""Which proxy a request goes through: what `proxies=` says, else what the environment says.

The choice depends on the URL alone and does no I/O; the dispatcher carries it out.
"""

from __future__ import annotations

import collections.abc
import functools
import os
import sys

from ..environment import with_ca
from ..exceptions import ProxyError
from ..models.proxy import ChosenProxy, Proxy, ProxyChooser, as_proxy, proxy_chooser
from ..models.url import URL
from ..models.url_syntax import Malformed, masked_text, parse_authority
from ..ssl_config import DEFAULT_SSL
from .no_proxy import NoProxy

ProxyTypes = ChosenProxy | ProxyChooser | collections.abc.Mapping[str, ChosenProxy]
"""What `proxies=` of a client takes."""

_SCHEMES = ("http", "https", "all")


def proxy_choice(
    proxies: ProxyTypes, trusts_environment: bool, ca_path: str | None
) -> ChosenProxy | ProxyChooser:
    """
    What a dispatcher is given: the `proxies` of a client; where that is `None`, the environment's
    choice, if that is trusted and has one.

    `ca_path`: where the CAs are by which https proxies are verified that do not say themselves by
    which; `None`: certifi's.
    """
    choice: ChosenProxy | ProxyChooser
    if isinstance(proxies, collections.abc.Mapping):
        choice = ProxyMap(proxies).choose if proxies else None
    elif proxies is None and trusts_environment:
        choice = environment_choice(os.environ)
    else:
        choice = proxies
    return choice if ca_path is None else _verified(proxy_chooser(choice), ca_path)


def _verified(chooser: ProxyChooser | None, ca_path: str) -> ProxyChooser | None:
    if chooser is None:
        return None

    @functools.lru_cache(128)
    def with_own_ca(proxy: Proxy) -> Proxy:
        ssl = with_ca(proxy.ssl or DEFAULT_SSL, ca_path)
        return Proxy(proxy.url, auth=proxy.auth, headers=proxy.raw_headers, ssl=ssl)

    def choose(url: URL) -> Proxy | None:
        proxy = as_proxy(chooser(url))
        return proxy if proxy is None or proxy.scheme != "https" else with_own_ca(proxy)

    return choose


# By what the caller says.


class ProxyMap:
    """
    A mapping like `{"http": proxy, "https": proxy, "all": proxy, "all://host:port": None}`.

    The key that says most counts: one with a host before one without, with a port before one
    without, `http` and `https` before `all`.  `ValueError` for a key that is none.
    """

    def __init__(self, proxies: collections.abc.Mapping[str, ChosenProxy]) -> None:
        self._proxies = {_parsed(key): as_proxy(proxy) for key, proxy in proxies.items()}

    def choose(self, url: URL) -> Proxy | None:
        """The proxy for `url`."""
        for host, port in ((url.host, url.port), (url.host, None), ("", None)):
            for scheme in (url.scheme, "all"):
                if (scheme, host, port) in self._proxies:
                    return self._proxies[scheme, host, port]
        return None


def _parsed(key: str) -> tuple[str, str, int | None]:
    """Scheme, host and port of a key; `""` and `None` for what it does not say."""
    scheme, _, rest = key.partition("://")
    problem = f"{masked_text(key)} is no key of proxies=: "
    try:
        authority = parse_authority(rest.removesuffix("/")) if rest else None
    except Malformed as exc:
        raise ValueError(f"{problem}{exc}") from None
    if scheme.lower() not in _SCHEMES:
        raise ValueError(
            f"{problem}it has to be 'http', 'https' or 'all', with '://host' or '://host:port' "
            "behind it where it is for one host"
        )
    if authority is not None and authority.userinfo:
        raise ValueError(f"{problem}credentials belong in the proxy's own URL, which is a value")
    if authority is None:
        return scheme.lower(), "", None
    return scheme.lower(), authority.host, authority.port


# By the environment.


def environment_choice(environ: collections.abc.Mapping[str, str]) -> ProxyChooser | None:
    """
    What chooses by HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY, as they are now; `None` where
    they say nothing.

    Names in lower case count more.  Where no variable names a proxy, macOS and Windows are asked
    for theirs.
    """
    found = {scheme: _variable(environ, scheme) for scheme in _SCHEMES}
    proxies = {scheme: variable for scheme, variable in found.items() if variable is not None}
    if proxies:
        no_proxy = _variable(environ, "no")
        return EnvironmentProxies(proxies, "" if no_proxy is None else no_proxy[1]).choose
    if sys.platform in ("darwin", "win32"):
        return SystemProxies().choose
    return None


def _variable(environ: collections.abc.Mapping[str, str], scheme: str) -> tuple[str, str] | None:
    """Name and value of the variable for `scheme`; an empty one says nothing."""
    name = f"{scheme}_proxy"
    # Under CGI, HTTP_PROXY is what the client of the web server sent as `Proxy:`
    # (CVE-2016-1000110).  On Windows names have no case, so there the other one is no better.
    is_forged = scheme == "http" and "REQUEST_METHOD" in environ
    if is_forged and name not in set(environ):
        return None
    value = environ.get(name)
    if value is None:
        name = name.upper()
        value = environ.get(name)
    return (name, value.strip()) if value is not None and value.strip() else None


class EnvironmentProxies:
    """
    The proxies that variables name.

    * `proxies`: name and value of the variable for `"http"`, `"https"`, `"all"`.
    * `no_proxy`: see `no_proxy`.

    What is wrong with a variable shows at the first request that it would count for.
    """

    def __init__(
        self, proxies: collections.abc.Mapping[str, tuple[str, str]], no_proxy: str
    ) -> None:
        self._proxies = proxies
        self._no_proxy_text = no_proxy

    @functools.cached_property
    def _no_proxy(self) -> NoProxy:
        return NoProxy(self._no_proxy_text)

    def choose(self, url: URL) -> Proxy | None:
        """The proxy for `url`.  Raises `ProxyError` that names a variable that is no proxy."""
        variable = self._proxies.get(url.scheme) or self._proxies.get("all")
        if variable is None or self._no_proxy.matches(url.host, url.port):
            return None
        name, value = variable
        return _named_by(f"the environment variable {name}", value)


class SystemProxies:
    """The proxies in the settings of macOS and Windows, which are read at the first request."""

    @functools.cached_property
    def _proxies(self) -> collections.abc.Mapping[str, str]:
        import urllib.request  # takes longer to import than all of this library

        return urllib.request.getproxies()

    @functools.cached_property
    def _is_bypassed(self) -> collections.abc.Callable[[str], object]:
        import urllib.request

        return functools.lru_cache(512)(urllib.request.proxy_bypass)

    def choose(self, url: URL) -> Proxy | None:
        """The proxy for `url`.  Raises `ProxyError` for a setting that is no proxy."""
        value = self._proxies.get(url.scheme) or self._proxies.get("all")
        if not value or self._is_bypassed(url.host):
            return None
        return _named_by("the settings of this system", value)


def _named_by(source: str, value: str) -> Proxy | None:
    try:
        return as_proxy(value)
    except ValueError as exc:
        raise ProxyError(
            f"no proxy can be made of {source}: {exc}; correct that, or have it left out of "
            "account with trust_env=False"
        ) from exc
