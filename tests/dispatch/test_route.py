"""When there is a tunnel, and when a proxy is handed the requests."""

from __future__ import annotations

import pytest

from httpcore import Origin, Proxy
from httpcore.dispatch.route import route_through


@pytest.mark.parametrize(
    ("proxy", "origin", "http2", "tunnel"),
    [
        ("http://p", "http://h", True, False),
        ("https://p", "http://h", False, False),
        ("http://p", "https://h", True, True),
        ("http://p", "http://h", "only", True),
        ("socks5://p", "http://h", True, True),
    ],
)
def test_route(proxy: str, origin: str, http2: bool | str, tunnel: bool) -> None:
    """Plain HTTP through an HTTP proxy is the one thing that needs no tunnel."""
    assert route_through(Proxy(proxy), Origin(origin), http2).tunnel is tunnel


def test_upgrade() -> None:
    """A change of protocols is between us and the origin: proxies do not hand it on."""
    assert route_through(Proxy("http://p"), Origin("http://h"), True, True).tunnel


def test_shown() -> None:
    """In messages it is whom we talk to, and through whom."""
    route = route_through(Proxy("http://u:secret@p:8080"), Origin("https://[::1]"), True)
    assert str(route) == route.peer == "[::1]:443 through proxy p:8080"
    forwarding = route_through(Proxy("http://p:8080"), Origin("http://h"), True)
    assert str(forwarding) == "h:80 through proxy p:8080"
    assert forwarding.peer == "proxy p:8080", "it leads to all origins"
