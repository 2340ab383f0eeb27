"""Which request follows from a redirect, by hand; `tests/client/test_redirects.py` has the rest."""

from __future__ import annotations

import pytest

from httpcore import URL, Request, Response
from httpcore.policy.redirects import keeps_credentials, redirect_request


@pytest.mark.parametrize(
    ("source", "target", "kept"),
    [
        ("http://h/a", "http://h/b", True),
        ("http://h:80/", "http://h/", True),
        ("http://h/", "https://h/", True),
        ("https://h/", "http://h/", False),
        ("http://h:8080/", "https://h/", False),
        ("http://h/", "https://h:8443/", False),
        ("http://h/", "http://h:8080/", False),
        ("http://h/", "http://www.h/", False),
    ],
)
def test_who_keeps_credentials(source: str, target: str, kept: bool) -> None:
    """The same origin, and a plain one that moves to https on the default ports."""
    assert keeps_credentials(URL(source), URL(target)) == kept


def test_move_to_https() -> None:
    """Host is computed anew, credentials stay: it is the same site."""
    headers = {"Host": "mine", "Authorization": "a", "Cookie": "b", "X": "c"}
    request = Request("GET", "http://h/", headers=headers)
    following = redirect_request(request, Response(301, {"Location": "https://h/"}))
    assert following.headers == {"Authorization": "a", "Cookie": "b", "X": "c"}


def test_move_elsewhere() -> None:
    """Everywhere else they are gone, and the rest stays."""
    headers = {"Host": "mine", "Authorization": "a", "Proxy-Authorization": "b", "X": "c"}
    request = Request("GET", "http://h/", headers=headers)
    following = redirect_request(request, Response(301, {"Location": "https://i/"}))
    assert following.headers == {"X": "c"}
    assert request.headers["Authorization"] == "a"
