"""Public suffixes, with the list and without it."""

from __future__ import annotations

import collections.abc
import sys

import pytest

from httpcore.models import public_suffix
from httpcore.models.public_suffix import is_public_suffix


@pytest.fixture
def fresh() -> collections.abc.Iterator[None]:
    """The list is looked for in this test, and again after it."""
    public_suffix._listed.cache_clear()
    yield
    public_suffix._listed.cache_clear()


@pytest.mark.parametrize(
    ("domain", "is_public"),
    [
        ("org", True),
        ("localhost", True),
        ("co.uk", True),
        ("co.uk.", True),
        ("github.io", True),
        ("city.kobe.jp", False),
        ("x.kobe.jp", True),
        ("xn--p1ai", True),
        ("example.org", False),
        ("www.example.co.uk", False),
        ("unknown.unknown", False),
    ],
)
def test_with_the_list(fresh: None, domain: str, is_public: bool) -> None:
    """ICANN's and private ones, exceptions, A-labels; an unknown top level is one itself."""
    assert is_public_suffix(domain) is is_public


@pytest.mark.parametrize(
    ("domain", "is_public"),
    [
        ("org", True),
        ("org.", True),
        ("localhost", True),
        ("co.uk", True),
        ("com.au", True),
        ("example.org", False),
        ("example.co.uk", False),
        ("bbc.uk", False),
        ("github.io", False),
    ],
)
def test_without_the_list(
    fresh: None, monkeypatch: pytest.MonkeyPatch, domain: str, is_public: bool
) -> None:
    """Single labels, and what countries call their second level."""
    monkeypatch.setitem(sys.modules, "publicsuffixlist", None)
    assert is_public_suffix(domain) is is_public
