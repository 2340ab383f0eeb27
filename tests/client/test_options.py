"""Which options there are, and what those of other libraries are called here."""

from __future__ import annotations

import pytest

import httpcore
from httpcore import Request
from httpcore.client.options import (
    BUILD_OPTIONS,
    SEND_OPTIONS,
    check_names,
    refuse_names,
    wants_redirects,
)


@pytest.mark.parametrize(
    ("method", "given", "wanted"),
    [("GET", None, True), ("HEAD", None, False), ("GET", False, False), ("HEAD", True, True)],
)
def test_wants_redirects(method: str, given: bool | None, wanted: bool) -> None:
    """HEAD asks about one URL; other methods want what is behind it."""
    assert wants_redirects(Request(method, "http://example.org"), given) == wanted


def test_send_options() -> None:
    """What is said about sending, as opposed to what is sent."""
    assert {"stream", "auth", "allow_redirects", "ssl", "timeout"} == SEND_OPTIONS


def test_check_names() -> None:
    """What is no option is named, with its spelling here where other libraries have it."""
    check_names({"json": 1}, BUILD_OPTIONS)
    with pytest.raises(TypeError, match=r"a request has no option 'follow_redirects'; .*allow_red"):
        check_names(["content", "follow_redirects"], BUILD_OPTIONS)
    with pytest.raises(TypeError, match=r"a request has no option 'colour'$"):
        check_names(["colour"], BUILD_OPTIONS)
    with pytest.raises(TypeError, match=r"no option 'proxies'; it is one of the client$"):
        check_names(["proxies"], BUILD_OPTIONS)


def test_names_of_clients() -> None:
    """So are those of a client."""
    refuse_names({})
    with pytest.raises(TypeError, match=r"^a client has no option 'proxy'; .* spelled proxies=$"):
        refuse_names({"proxy": "http://proxy.example"})
    with pytest.raises(TypeError, match=r"^a client has no option 'colour'$"):
        httpcore.Client(colour=1)  # type: ignore[call-arg]
