"""Which engine is used: the fastest that is there, unless somebody says otherwise."""

from __future__ import annotations

import collections.abc
import sys
import typing

import httptools
import pytest

import httpcore
from httpcore.wire import http11_engine, http11_h11, http11_httptools
from httpcore.wire.http11_engine import VARIABLE, head_reader


@pytest.fixture(autouse=True)
def undecided(monkeypatch: pytest.MonkeyPatch) -> collections.abc.Iterator[None]:
    """The variable is read anew, and the choice forgotten after the test."""
    monkeypatch.delenv(VARIABLE, raising=False)
    http11_engine._default.cache_clear()
    yield
    http11_engine._default.cache_clear()


@pytest.fixture
def no_httptools(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "httptools", None)


@pytest.fixture
def old_httptools(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(httptools, "__version__", "0.6.3.dev1")


def test_httptools_is_the_default() -> None:
    """httptools where it is installed."""
    assert head_reader(None) is http11_httptools.read_head


@pytest.mark.parametrize("why", ["no_httptools", "old_httptools"])
def test_h11_is_the_default_otherwise(why: str, request: pytest.FixtureRequest) -> None:
    """h11 where httptools is missing, or older than what was found strict."""
    request.getfixturevalue(why)
    assert head_reader(None) is http11_h11.read_head
    with pytest.raises(ImportError, match=r"engine='httptools'.*pip install 'httptools>=0.6.4'"):
        head_reader("httptools")


def test_by_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    """The variable is looked at once."""
    monkeypatch.setenv(VARIABLE, "h11")
    assert head_reader(None) is http11_h11.read_head
    monkeypatch.delenv(VARIABLE)
    assert head_reader(None) is http11_h11.read_head
    assert head_reader("httptools") is http11_httptools.read_head


def test_variable_names_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is no engine is an error that names the variable."""
    monkeypatch.setenv(VARIABLE, "llhttp")
    with pytest.raises(ValueError, match=r"\$HTTPCORE_ENGINE='llhttp' is no engine"):
        httpcore.Client()


@pytest.mark.parametrize(
    "make",
    [
        httpcore.Client,
        httpcore.AsyncClient,
        httpcore.ConnectionPool,
        lambda engine: httpcore.HTTPConnection("http://example.org", engine=engine),
    ],
)
def test_by_hand(make: collections.abc.Callable[..., typing.Any], no_httptools: None) -> None:
    """Whoever has connections takes `engine=`, and checks it at once."""
    make(engine="h11")
    with pytest.raises(ImportError):
        make(engine="httptools")
    with pytest.raises(ValueError):
        make(engine="http")
