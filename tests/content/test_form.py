"""Tests of `httpcore.content.form`."""

from __future__ import annotations

import enum
import typing
import urllib.parse

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from httpcore.content.form import encode_form, encode_pairs, form_items, form_pairs, form_values


class Colour(str, enum.Enum):  # noqa: UP042 - a StrEnum's str() is its value
    RED = "red"


class Size(int, enum.Enum):
    LARGE = 3


class Ratio(float, enum.Enum):
    HALF = 0.5


class MultiDict(dict):
    """A mapping that has more to give than its items."""

    def multi_items(self) -> list[tuple[str, str]]:
        return [("a", "1"), ("a", "2")]


@pytest.mark.parametrize(
    ("value", "pairs"),
    [
        ("x y", [("k", "x y")]),
        ("", [("k", "")]),
        (7, [("k", "7")]),
        (-0.5, [("k", "-0.5")]),
        (1e100, [("k", "1e+100")]),
        (True, [("k", "true")]),
        (False, [("k", "false")]),
        (None, []),
        (b"\xc3\xa9", [("k", "é")]),
        (["a", 1, None, True], [("k", "a"), ("k", "1"), ("k", "true")]),
        (("a", "b"), [("k", "a"), ("k", "b")]),
        ([], []),
        (Colour.RED, [("k", "red")]),
        (Size.LARGE, [("k", "3")]),
        (Ratio.HALF, [("k", "0.5")]),
    ],
)
def test_rq11_each_kind_of_value_follows_the_documented_table(value, pairs):
    """A mapping and a pair with the same value give the same fields."""
    assert form_pairs({"k": value}) == pairs
    assert form_pairs([("k", value)]) == pairs


@pytest.mark.parametrize("value", [object(), {"a": 1}, {1, 2}, [["a"]], 1j, bytearray(b"a")])
def test_rq11_other_values_are_a_type_error_that_names_the_field(value):
    """Nothing is sent as the `repr` of an object."""
    with pytest.raises(TypeError, match="'field_name'"):
        form_pairs({"field_name": value})


@pytest.mark.parametrize("data", [["ab"], [("a", "b", "c")], [1], [("a",)]])
def test_what_is_no_pair_is_refused(data):
    """A string of two letters is not taken for a pair of them, either."""
    with pytest.raises(TypeError, match="pairs, not of a "):
        form_pairs(data)


@pytest.mark.parametrize("name", [1, None, b"a", ("a",)])
def test_names_have_to_be_text(name):
    """There is one type for names, so no guess about how to write others."""
    with pytest.raises(TypeError, match="name of a field"):
        form_pairs({name: "x"})


@pytest.mark.parametrize("data", [{"k": "\ud800"}, {"k": ["a", "\udcff"]}, {"k\ud800": "a"}])
def test_text_without_an_encoding_is_a_value_error_that_names_the_field(data):
    """A lone surrogate has no UTF-8."""
    with pytest.raises(ValueError, match=r"'k.*surrogate"):
        form_pairs(data)


def test_bytes_that_are_no_utf8_are_a_value_error_that_names_the_field():
    """A form is UTF-8 all through."""
    with pytest.raises(ValueError, match=r"'k'.*no UTF-8"):
        form_pairs({"k": b"\xff"})


def test_pairs_keep_their_order_and_repeat_their_names():
    """What a form means may depend on both."""
    data: list[tuple[str, typing.Any]] = [("b", 1), ("a", 2), ("b", [3, 4])]
    assert form_pairs(data) == [("b", "1"), ("a", "2"), ("b", "3"), ("b", "4")]
    assert form_pairs(iter(data)) == form_pairs(data)


def test_a_multi_dict_gives_all_its_values():
    """Not only those that its mapping interface shows."""
    assert form_pairs(MultiDict(a="2")) == [("a", "1"), ("a", "2")]


def test_items_are_as_they_were_given():
    """A field whose value is `None` is still one that was named."""
    assert form_items({"a": None, "b": [1]}) == [("a", None), ("b", [1])]


def test_values_are_as_they_were_given():
    """One for each item of a list; those that are left out are left out."""
    given = {"a": [b"\xff", None, 1], "b": None, "c": "x", "d": []}
    assert list(form_values(given)) == [("a", b"\xff"), ("a", 1), ("c", "x")]


def test_encoding_is_that_of_html_forms():
    """A blank is `+`, the rest percent-encoded UTF-8."""
    assert encode_form({"a b": "é&=+/~"}) == b"a+b=%C3%A9%26%3D%2B%2F~"
    assert encode_form({}) == b""
    assert encode_pairs([("a", "[1]")]) == "a=%5B1%5D"


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.text(), st.text())))
def test_what_is_encoded_decodes_to_the_same(pairs):
    """Whatever the names and values have in them."""
    text = encode_form(pairs).decode("ascii")
    assert urllib.parse.parse_qsl(text, keep_blank_values=True) == pairs
    assert text == urllib.parse.urlencode(pairs)
