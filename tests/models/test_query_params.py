"""Tests of `httpcore.models.query_params`."""

from __future__ import annotations

import copy
import pickle

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from httpcore.models.query_params import QueryParams, merge_query


def test_looking_up():
    """The last value is the one of the mapping; `getlist` and `multi_items` have them all."""
    params = QueryParams("a=123&a=456&b=789")
    assert params["a"] == "456"
    assert params.get("a") == "456"
    assert params.get("nope") is None
    assert params.get("nope", "x") == "x"
    assert params.getlist("a") == ["123", "456"]
    assert params.getlist("nope") == []
    assert params.multi_items() == [("a", "123"), ("a", "456"), ("b", "789")]
    assert "a" in params
    assert "A" not in params
    with pytest.raises(KeyError):
        params["nope"]


def test_iterating_takes_each_name_once():
    """As a mapping does."""
    params = QueryParams("a=123&b=789&a=456")
    assert list(params) == list(params.keys()) == ["a", "b"]
    assert list(params.values()) == ["456", "789"]
    assert list(params.items()) == [("a", "456"), ("b", "789")]
    assert dict(params) == {"a": "456", "b": "789"}
    assert len(params) == 2
    assert params
    assert not QueryParams()


@pytest.mark.parametrize(
    "given",
    [
        "a=1&a=2&b=3",
        "?a=1&a=2&b=3",
        {"a": ["1", 2], "b": 3},
        {"b": 3, "a": ("1", 2)},
        [("a", 1), ("a", 2), ("b", 3)],
        [("a", 1), ("b", 3), ("a", 2)],
        (pair for pair in [("a", 1), ("a", 2), ("b", 3)]),
        QueryParams("a=1&a=2&b=3"),
    ],
)
def test_all_that_it_takes(given):
    """Different ways to say the same are equal."""
    assert QueryParams(given) == QueryParams("a=1&a=2&b=3")


@pytest.mark.parametrize("given", [None, "", "?", {}, [], {"a": None}, {"a": []}])
def test_rq11_nothing_is_empty(given):
    """There are several ways to give no parameter."""
    assert QueryParams(given) == QueryParams()
    assert str(QueryParams(given)) == ""


def test_parsing_text():
    """`+` is a blank, and blank values and names are kept."""
    params = QueryParams("a=x+y%20z&b=&c&&=d&e=%C3%A9&f=%FF")
    assert params.multi_items() == [
        ("a", "x y z"),
        ("b", ""),
        ("c", ""),
        ("", "d"),
        ("e", "é"),
        ("f", "\ufffd"),
    ]


def test_text_that_cannot_be_encoded_is_refused_at_once():
    """Not only when the request is sent."""
    with pytest.raises(ValueError, match="'a'"):
        QueryParams("a=\ud800")


def test_str_and_repr():
    """`str` is what is sent, and `repr` would rebuild it."""
    params = QueryParams({"a": "1 2", "é": "&"})
    assert str(params) == "a=1+2&%C3%A9=%26"
    assert repr(params) == "QueryParams('a=1+2&%C3%A9=%26')"
    assert eval(repr(params)) == params


def test_pr1_repr_has_no_secrets():
    """They are sent all the same."""
    params = QueryParams({"token": "s3cret", "page": 1})
    assert repr(params) == "QueryParams('token=[secure]&page=1')"
    assert str(params) == "token=s3cret&page=1"


def test_equality_ignores_the_order_of_names_but_not_of_values():
    """The order of one name's values may mean something."""
    assert QueryParams("a=1&b=2") == QueryParams("b=2&a=1")
    assert hash(QueryParams("a=1&b=2")) == hash(QueryParams("b=2&a=1"))
    assert QueryParams("a=1&a=2") != QueryParams("a=2&a=1")
    assert QueryParams("a=1&a=2") != QueryParams("a=2")


def test_equality_with_other_types():
    """A mapping or a list of pairs may stand for the parameters, a string may not."""
    params = QueryParams("a=1&a=2")
    assert params == {"a": [1, 2]}
    assert params == [("a", 1), ("a", 2)]
    assert params != {"a": "1"}
    assert params != {"a": object()}
    assert params != "a=1&a=2"
    assert params != 1


def test_it_cannot_be_changed():
    """So that threads may share it and clients may keep it."""
    params = QueryParams("a=1")
    with pytest.raises(TypeError):
        params["a"] = "2"  # type: ignore[index]
    with pytest.raises(AttributeError):
        params.name = "x"  # type: ignore[attr-defined]
    params.multi_items().clear()
    assert params == QueryParams("a=1")


@pytest.mark.parametrize("params", [QueryParams(), QueryParams("a=1&a=2&b=%C3%A9")])
def test_copies_and_pickles(params):
    """A copy is equal to what it was made of."""
    for twin in (copy.copy(params), copy.deepcopy(params), pickle.loads(pickle.dumps(params))):
        assert twin == params
        assert twin.multi_items() == params.multi_items()


@pytest.mark.parametrize(
    ("own", "params", "merged"),
    [
        ("a=1&b=2", {"b": 3}, "a=1&b=3"),
        ("a=1&b=2&a=3", {"a": 9}, "a=9&b=2"),
        ("a=1&b=2", {"a": [7, 8]}, "a=7&a=8&b=2"),
        ("a=1", [("c", 1), ("b", 2), ("c", 3)], "a=1&c=1&b=2&c=3"),
        ("a=1&b=2", {"a": None}, "b=2"),
        ("a=1&b=2", {"a": []}, "b=2"),
        ("a=1&b=2", {}, "a=1&b=2"),
        ("a=1&b=2", "b=3&c=4", "a=1&b=3&c=4"),
        ("a=1&b=2", QueryParams("b=3"), "a=1&b=3"),
        ("", {"a": 1}, "a=1"),
        ("a=1", None, "a=1"),
    ],
)
def test_merging(own, params, merged):
    """What is named is replaced in its place or removed; the rest stays, and new names follow."""
    assert str(QueryParams(own).merge(params)) == merged


@pytest.mark.parametrize(
    ("query", "params", "merged"),
    [
        ("sig=a%2fb%2F&x", {"p": "c/d"}, "sig=a%2fb%2F&x&p=c%2Fd"),
        ("a=1&b=2&a=3", {"a": 9}, "a=9&b=2"),
        ("to+k%65n=1&x=2", {"to ken": 3}, "to+ken=3&x=2"),
        ("", {"a": 1}, "a=1"),
        ("a=1&", {"b": 1}, "a=1&b=1"),
    ],
)
def test_merging_onto_a_query_leaves_what_is_not_replaced_as_it_was_typed(query, params, merged):
    """It may be signed."""
    assert merge_query(query, QueryParams(params)) == merged


NAMES = st.sampled_from(["a", "b", "é c", ""])
PAIRS = st.lists(st.tuples(NAMES, st.text("xyz&=+ %é", min_size=1)))


@settings(max_examples=100, deadline=None)
@given(PAIRS, PAIRS)
def test_merging_decoded_and_merging_as_text_agree(own, new):
    """A client's parameters and a URL's own query follow one rule."""
    decoded = QueryParams(own).merge(new)
    text = merge_query(str(QueryParams(own)), QueryParams(new))
    assert QueryParams(text).multi_items() == decoded.multi_items()
    for name in QueryParams(new):
        assert decoded.getlist(name) == QueryParams(new).getlist(name)
    for name in QueryParams(own):
        if name not in QueryParams(new):
            assert decoded.getlist(name) == QueryParams(own).getlist(name)


@settings(max_examples=100, deadline=None)
@given(PAIRS)
def test_text_and_back(pairs):
    """Nothing is lost on the wire."""
    params = QueryParams(pairs)
    assert QueryParams(str(params)).multi_items() == params.multi_items() == pairs
