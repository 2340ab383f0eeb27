"""How a request gets to its origin where there is a proxy in between."""

from __future__ import annotations

import typing

from ..models.proxy import Proxy
from ..models.url import Origin


class Route(typing.NamedTuple):
    """
    From us to `origin` through `proxy`.

    * `tunnel`: whether the proxy only passes bytes on; otherwise it is handed each request, and one
      connection serves all origins.
    """

    proxy: Proxy
    origin: Origin
    tunnel: bool

    @property
    def peer(self) -> str:
        """Whom a connection leads to, for messages."""
        return str(self) if self.tunnel else f"proxy {self.proxy.peer}"

    def __str__(self) -> str:
        return f"{self.origin.peer} through proxy {self.proxy.peer}"


def route_through(proxy: Proxy, origin: Origin, http2: bool | str, upgrades: bool = False) -> Route:
    """
    The route to `origin`.

    A tunnel for https, for SOCKS, and for what a proxy that is handed a request in HTTP/1.1 does
    not hand on: HTTP/2 where nothing else is to be spoken, and a change of protocols (`upgrades`).
    """
    tunnel = origin.is_ssl or proxy.is_socks or http2 == "only" or upgrades
    return Route(proxy, origin, tunnel)
