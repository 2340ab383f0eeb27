"""How two spellings become one, and which options there are."""

from __future__ import annotations

import pytest

from httpcore import Request
from httpcore.client.options import (
    BUILD_OPTIONS,
    SEND_OPTIONS,
    check_names,
    one_of,
    wants_redirects,
)


def test_one_of() -> None:
    """The one that was given counts, an empty one too."""
    assert one_of("content", b"", "data", None) == b""
    assert one_of("content", None, "data", {}) == {}
    assert one_of("content", None, "data", None) is None
    with pytest.raises(TypeError, match="content= and data= are two spellings"):
        one_of("content", b"", "data", b"")


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
