"""Status codes by name and by number."""

from __future__ import annotations

import http

import pytest

import httpcore
from httpcore.status_codes import reason_phrase, status_from_int


def test_by_name() -> None:
    """Every name of the standard library, in either case, equals its number."""
    assert httpcore.codes.not_found == httpcore.codes.NOT_FOUND == 404
    assert isinstance(httpcore.codes.ok, http.HTTPStatus)
    for status in http.HTTPStatus:
        assert getattr(httpcore.codes, status.name.lower()) is status


def test_unknown_names() -> None:
    """A misspelt name is an AttributeError that shows it."""
    with pytest.raises(AttributeError, match="'not_fuond'"):
        _ = httpcore.codes.not_fuond


def test_names_can_be_listed() -> None:
    """`dir()` has both spellings, for completion in a console."""
    assert {"OK", "ok", "IM_A_TEAPOT"} <= set(dir(httpcore.codes))


@pytest.mark.parametrize("code", [299, 418, 599, 999])
def test_by_number(code: int) -> None:
    """A known number becomes an `HTTPStatus`, any other stays an `int`."""
    status = status_from_int(code)
    assert status == code
    assert isinstance(status, http.HTTPStatus) == (code == 418)


def test_phrases() -> None:
    """The standard phrase, or none."""
    assert reason_phrase(404) == "Not Found"
    assert reason_phrase(599) == ""
