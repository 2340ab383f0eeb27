"""Headers: reading, changing, merging, and what is never shown."""

from __future__ import annotations

import collections.abc
import copy
import pickle
import typing

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from httpcore.models.headers import SECRET_HEADERS, Headers, HeaderTypes

REPEATED = [(b"A", b"1"), (b"Set-Cookie", b"x=1"), (b"a", b"2"), (b"B", b"3")]

names = st.text(st.sampled_from("abCD-_1"), min_size=1, max_size=3)
values = st.text(st.sampled_from("xyz ,é"), max_size=5)
fields = st.lists(st.tuples(names, values), max_size=8)


# Reading.


def test_names_are_found_in_any_case():
    """The README's example, and the same name in other cases."""
    headers = Headers({"Content-Type": "application/json"})
    assert headers["content-type"] == "application/json"
    assert headers["CONTENT-TYPE"] == "application/json"
    assert headers.get("Content-type") == "application/json"
    assert "cOnTent-type" in headers
    raw_name: object = b"content-type"
    assert raw_name in headers


def test_what_is_not_there():
    """A missing field is a KeyError by index, the default by get, and an empty list."""
    headers = Headers({"A": "1"})
    with pytest.raises(KeyError, match="Missing"):
        headers["Missing"]
    with pytest.raises(KeyError, match="Missing"):
        del headers["Missing"]
    assert headers.get("Missing") is None
    assert headers.get("Missing", "other") == "other"
    assert headers.get("Missing", 5) == 5
    assert headers.getlist("Missing") == []
    assert "Missing" not in headers
    number: object = 5
    assert number not in headers
    assert "\u20ac" not in headers


def test_the_kelvin_sign_is_no_k():
    """A name beyond ASCII finds nothing, even where lower-casing makes ASCII of it."""
    assert "\u212aeep-Alive" not in Headers({"Keep-Alive": "timeout=5"})


def test_a_name_of_another_type_is_a_type_error():
    """Looking up what is no name says so, rather than that it is missing."""
    with pytest.raises(TypeError, match="not int"):
        Headers()[5]  # type: ignore[index]


def test_hd10_repeated_fields_keep_every_value_in_order():
    """Joined by comma where one value is asked for, kept apart where all are."""
    headers = Headers.from_raw(REPEATED)
    assert headers["a"] == "1, 2"
    assert headers.get("A") == "1, 2"
    assert headers.getlist("a") == ["1", "2"]
    assert headers.multi_items() == [("A", "1"), ("Set-Cookie", "x=1"), ("a", "2"), ("B", "3")]
    assert headers.raw == REPEATED


def test_hd10_set_cookie_is_not_split_at_the_comma_of_its_date():
    """Each Set-Cookie line is one value of getlist, whatever commas are in it."""
    dated = "a=1; Expires=Wed, 21 Oct 2026 07:28:00 GMT"
    headers = Headers([("Set-Cookie", dated), ("Set-Cookie", "b=2")])
    assert headers.getlist("set-cookie") == [dated, "b=2"]


def test_iteration_takes_each_name_once():
    """As a mapping, names are as first written and values are joined."""
    headers = Headers.from_raw(REPEATED)
    assert isinstance(headers, collections.abc.MutableMapping)
    assert len(headers) == 3
    assert list(headers) == list(headers.keys()) == ["A", "Set-Cookie", "B"]
    assert list(headers.values()) == ["1, 2", "x=1", "3"]
    assert dict(headers.items()) == {"A": "1, 2", "Set-Cookie": "x=1", "B": "3"}
    assert not Headers()


def test_hd9_bytes_over_127_are_read_as_utf8_or_latin1():
    """Raw bytes are kept; text access, repr and pickle never raise."""
    raw = [(b"U", "é".encode()), (b"L", b"\xe9"), (b"X", b"\xff\x80"), (b"\xe9", b"1")]
    headers = Headers.from_raw(raw)
    assert headers["u"] == "é"
    assert headers["l"] == "é"
    assert headers["x"] == "\xff\x80"
    assert dict(headers)["é"] == "1"
    assert headers.raw == raw
    assert repr(headers) == "Headers({'U': 'é', 'L': 'é', 'X': 'ÿ\\x80', 'é': '1'})"
    assert pickle.loads(pickle.dumps(headers)).raw == raw


# Making them.


@pytest.mark.parametrize(
    "given_headers",
    [
        {"A": "1", "B": "2"},
        {b"A": b"1", b"B": b"2"},
        [("A", "1"), ("B", "2")],
        (("A", "1"), [b"B", 2]),
        iter([("A", 1), (b"B", "2")]),
        {"A": 1, "B": 2}.items(),
        Headers({"A": "1", "B": "2"}),
    ],
)
def test_inputs(given_headers: HeaderTypes):
    """Mappings, pairs and Headers, of str and bytes, make the same fields."""
    assert Headers(given_headers).raw == [(b"A", b"1"), (b"B", b"2")]


def test_none_is_no_headers():
    """Nothing given is nothing there."""
    assert Headers().raw == Headers(None).raw == []


@pytest.mark.parametrize("wrong", ["A: 1", b"A: 1", 5])
def test_what_is_neither_mapping_nor_pairs(wrong: typing.Any):
    """A str is not taken for an iterable of its characters."""
    with pytest.raises(TypeError, match="mapping or pairs"):
        Headers(wrong)


@pytest.mark.parametrize("wrong", [["ab"], [("a", "1", "2")], [5], [{"a", "b"}]])
def test_items_that_are_no_pairs(wrong: typing.Any):
    """What is inside has to be pairs, and a str of two characters is none."""
    with pytest.raises(TypeError, match="pairs of name and value"):
        Headers(wrong)


def test_raw_pairs_are_taken_as_they_are():
    """from_raw keeps the very list, and no change of the headers reaches it."""
    raw = [(b"A", b"1")]
    headers = Headers.from_raw(raw)
    assert headers.raw is raw
    headers.add("B", "2")
    headers["A"] = "3"
    assert raw == [(b"A", b"1")]
    assert headers.raw == [(b"A", b"3"), (b"B", b"2")]


def test_copies_do_not_share_changes():
    """A copy of any kind, and headers made of headers, stand on their own."""
    headers = Headers({"A": "1"})
    copies = [headers.copy(), copy.copy(headers), copy.deepcopy(headers), Headers(headers)]
    for at, other in enumerate(copies):
        assert other == headers
        other["A"] = str(at)
        del other["a"]
    assert headers.raw == [(b"A", b"1")]


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_pickle(protocol: int):
    """Fields survive pickling, whether something was looked up or not."""
    headers = Headers.from_raw(REPEATED)
    assert headers["a"]
    restored = pickle.loads(pickle.dumps(headers, protocol))
    assert type(restored) is Headers
    assert restored.raw == REPEATED


# Changing.


def test_setting_replaces_all_at_the_place_of_the_first():
    """Repeated ones become one; the new spelling of the name counts."""
    headers = Headers.from_raw([(b"Z", b"0"), *REPEATED])
    headers["a"] = "new"
    assert headers.raw == [(b"Z", b"0"), (b"a", b"new"), (b"Set-Cookie", b"x=1"), (b"B", b"3")]
    assert headers["A"] == "new"


def test_setting_what_is_not_there_appends():
    """Before anything was looked up and after."""
    headers = Headers()
    headers["A"] = 1
    assert "B" not in headers
    headers["B"] = b"2"
    assert headers["b"] == "2"
    assert headers.raw == [(b"A", b"1"), (b"B", b"2")]


def test_adding_keeps_those_of_the_same_name():
    """Also where the index exists already."""
    headers = Headers()
    headers.add("A", "1")
    assert headers["a"] == "1"
    headers.add(b"a", 2)
    headers.add("B", "3")
    assert headers["a"] == "1, 2"
    assert headers["b"] == "3"
    assert headers.raw == [(b"A", b"1"), (b"a", b"2"), (b"B", b"3")]


def test_the_section_is_that_of_the_fields_as_they_are_now():
    """Made once for a list of fields, and made anew where that has changed."""
    headers = Headers({"A": "1", "B": ""})
    copy = headers.copy()
    assert headers.section() == b"A: 1\r\nB: \r\n\r\n"
    assert copy.section() is headers.section()
    copy["A"] = "2"
    assert copy.section() == b"A: 2\r\nB: \r\n\r\n"
    assert headers.section() == b"A: 1\r\nB: \r\n\r\n"
    assert Headers().section() == b"\r\n"


def test_what_surrounds_is_kept_for_the_next_who_asks_for_the_same():
    """The last of them only; a change of the copy, or of the headers, reaches nobody else."""
    headers = Headers({"A": "1"})
    first = headers.surrounded([(b"Host", b"x")], [(b"Z", b"9")])
    assert first.raw == [(b"Host", b"x"), (b"A", b"1"), (b"Z", b"9")]
    assert (first["host"], first["z"]) == ("x", "9")
    again = headers.copy().surrounded([(b"Host", b"x")], [(b"Z", b"9")])
    assert again.raw is first.raw
    again["A"] = "2"
    assert headers.surrounded([(b"Host", b"x")], [(b"Z", b"9")]) == first != again
    assert headers.surrounded([(b"Host", b"y")], [(b"Z", b"9")])["Host"] == "y"
    assert headers.surrounded([(b"Host", b"y")], []).raw == [(b"Host", b"y"), (b"A", b"1")]
    headers["A"] = "3"
    assert headers.surrounded([(b"Host", b"y")], [])["A"] == "3"


def test_deleting_and_popping_remove_all_of_a_name():
    """The others stay in their order."""
    headers = Headers.from_raw(REPEATED)
    assert headers.pop("A") == "1, 2"
    assert headers.pop("A", "gone") == "gone"
    del headers["set-cookie"]
    assert headers.raw == [(b"B", b"3")]
    headers.clear()
    assert headers.raw == []
    assert "B" not in headers


def test_setdefault_sets_only_what_is_missing():
    """And returns what is there then."""
    headers = Headers({"A": "1"})
    assert headers.setdefault("a", "2") == "1"
    assert headers.setdefault("b", "2") == "2"
    assert headers.raw == [(b"A", b"1"), (b"b", b"2")]


def test_update_replaces_by_name():
    """In place, with everything that headers can be made of."""
    headers = Headers({"A": "1", "B": "2"})
    headers.update({"a": "3"})
    headers.update(Headers([("C", "4"), ("C", "5")]))
    headers.update()
    headers.update([])
    assert headers.raw == [(b"B", b"2"), (b"a", b"3"), (b"C", b"4"), (b"C", b"5")]


def test_changing_while_iterating_is_safe():
    """An iteration is over the fields as they were at its beginning."""
    headers = Headers.from_raw(REPEATED)
    for name in headers:
        del headers[name]
    assert headers.raw == []


# Merging.


def test_rq3_none_drops_the_default():
    """A call's None removes all of the client's lines of that name and is not sent."""
    defaults = Headers([("User-Agent", "us"), ("Accept", "*/*"), ("accept", "b")])
    merged = defaults.merged({"accept": None, "X": "1", "Y": None})
    assert merged.raw == [(b"User-Agent", b"us"), (b"X", b"1")]
    assert defaults.getlist("Accept") == ["*/*", "b"]


def test_rq6_all_lines_of_a_call_are_kept_in_order_and_none_of_ours_twice():
    """What a call gives is sent as it is given, behind the client's other fields."""
    defaults = Headers([("A", "ours"), ("B", "ours"), ("a", "ours")])
    merged = defaults.merged([("X", "1"), ("A", "2"), ("x", "3"), ("a", "4")])
    assert merged.raw == [(b"B", b"ours"), (b"X", b"1"), (b"A", b"2"), (b"x", b"3"), (b"a", b"4")]


def test_merging_nothing_is_a_copy():
    """It can be changed without a change of the defaults."""
    defaults = Headers({"A": "1"})
    merged = defaults.merged(None)
    merged["A"] = "2"
    assert defaults["A"] == "1"


@settings(max_examples=100, deadline=None)
@given(fields, fields)
def test_merging_leaves_only_their_lines_of_their_names(ours, theirs):
    """Their lines as given; of ours, exactly those of other names, in their order."""
    merged = Headers(ours).merged(iter(theirs))
    names = {name.lower() for name, _ in theirs}
    kept = [field for field in ours if field[0].lower() not in names]
    assert merged.raw == Headers(kept + theirs).raw
    for name in names:
        assert merged.getlist(name) == Headers(theirs).getlist(name)


# Comparing.


def test_equality_ignores_case_and_the_order_of_different_names():
    """But not the order of values of one name, nor how they are split over lines."""
    headers = Headers.from_raw(REPEATED)
    assert headers == [("b", "3"), ("A", "1"), ("A", "2"), ("set-cookie", "x=1")]
    assert headers == Headers([("b", "3"), ("A", "1"), ("A", "2"), ("set-cookie", "x=1")])
    assert headers != [("b", "3"), ("A", "2"), ("A", "1"), ("set-cookie", "x=1")]
    assert headers != {"A": "1, 2", "B": "3", "Set-Cookie": "x=1"}
    assert Headers({"A": "1"}) == {"a": 1}
    assert headers.copy() == tuple(REPEATED)


@pytest.mark.parametrize("other", [{"a": None}, {"a b": "1"}, ["ab"], [1], 5, "A", None])
def test_nothing_is_equal_to_what_cannot_be_headers(other: object):
    """Comparing never raises."""
    assert Headers({"A": "1"}) != other


def test_no_hash():
    """As every mutable mapping."""
    with pytest.raises(TypeError, match="unhashable"):
        hash(Headers())


# What is shown.


def test_repr():
    """A mapping where names are distinct, else pairs; either makes equal headers again."""
    assert repr(Headers()) == "Headers({})"
    assert repr(Headers([("A", "1"), ("b", 2)])) == "Headers({'A': '1', 'b': '2'})"
    assert repr(Headers([("A", "1"), ("a", "2")])) == "Headers([('A', '1'), ('a', '2')])"


@pytest.mark.parametrize("name", sorted(SECRET_HEADERS))
def test_pr1_secrets_are_masked(name: str):
    """In any case of the name, repeated or not; the values themselves are there."""
    title = name.title()
    once = Headers({title: "hunter2", "A": "1"})
    assert repr(once) == f"Headers({{{title!r}: '[secure]', 'A': '1'}})"
    assert repr(Headers([(title, "hunter2")] * 2)).count("[secure]") == 2
    assert "hunter2" not in f"{once!r} {once} {[once]}"
    assert once[title] == "hunter2"


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        (
            "Location",
            "https://u:p@h/a?token=x&b=1#key=y",
            "https://[secure]@h/a?token=[secure]&b=1#key=[secure]",
        ),
        ("content-location", "/a?token=x&b=1", "/a?token=[secure]&b=1"),
        ("Referer", "https://u:p@h/@u?a=@", "https://[secure]@h/@u?a=@"),
        ("Location", "http:\\\\u:p@h?sig=x", "[secure]@h?sig=[secure]"),
        ("Location", "", ""),
        ("Location", "/caf\u00e9?pwd=x", "/caf\u00e9?pwd=[secure]"),
        (
            "Link",
            '<https://u:p@h/?a=1,2&sig=x>; rel="next", </b?token=y>; title="<?token=z>", <c?key=w',
            '<https://[secure]@h/?a=1,2&sig=[secure]>; rel="next", </b?token=[secure]>; '
            'title="<?token=[secure]>", <c?key=[secure]',
        ),
        ("Refresh", "5", "5"),
        ("Refresh", "5; url=https://u:p@h/?token=x", "5; url=https://[secure]@h/?token=[secure]"),
        ("Refresh", "0;URL='/?token=x&a=b'", "0;URL='/?token=[secure]&a=b'"),
        ("Refresh", "0.5, /?a=b&token=x", "0.5, /?a=b&token=[secure]"),
        ("X-Other", "/?token=x", "/?token=x"),
    ],
)
def test_pr1_urls_in_values(name: str, value: str, shown: str):
    """They are masked as in the `repr` of a URL, and in what `without_secrets()` gives."""
    headers = Headers({name: value.encode("latin-1")})
    assert repr(headers) == f"Headers({ ({name: shown})!r})"
    assert headers.without_secrets()[name] == shown
    assert headers[name] == value


def test_pr1_which_are_secret():
    """What carries credentials of any kind."""
    assert SECRET_HEADERS.issuperset({"authorization", "proxy-authorization", "x-api-key"})


def test_pr1_secrets_of_ones_own(monkeypatch: pytest.MonkeyPatch):
    """What is added to the set is masked, too."""
    monkeypatch.setattr("httpcore.models.headers.SECRET_HEADERS", SECRET_HEADERS | {"x-token"})
    assert repr(Headers({"X-Token": "hunter2"})) == "Headers({'X-Token': '[secure]'})"


def test_merging_the_same_again_leaves_each_on_its_own():
    """What many calls say alike is merged once; who changes one result changes no other."""
    headers = Headers({"A": "1", "B": "2"})
    first, second = (
        headers.merged({"a": "3", "C": None}),
        headers.merged([("a", b"3"), ("C", None)]),
    )
    assert first.raw is second.raw
    first["B"] = "x"
    assert headers.merged({"a": "3", "C": None}).raw == second.raw == [(b"B", b"2"), (b"a", b"3")]
    assert headers.merged({"a": "4"})["A"] == "4"
    assert headers.merged({"A": None}).raw == [(b"B", b"2")]
    headers.update({"a": "3"})
    headers["B"] = "y"
    assert second["B"] == "2"
    assert headers.merged({"a": "3"})["B"] == "y"


# All of it against a model.


@settings(max_examples=100, deadline=None)
@given(
    fields,
    st.lists(
        st.tuples(st.sampled_from(["set", "add", "del", "get", "copy"]), names, values), max_size=12
    ),
)
def test_changes_agree_with_a_list_of_pairs(start, steps):
    """Whatever was looked up in between, the fields are what a plain list of pairs would be."""
    headers, model = Headers(start), [(name, value.strip()) for name, value in start]
    for step, name, value in steps:
        same = [field for field in model if field[0].lower() == name.lower()]
        if step == "set":
            headers[name] = value
            at = model.index(same[0]) if same else len(model)
            model[at:at] = [(name, value.strip())]
            model = [field for i, field in enumerate(model) if i == at or field not in same]
        elif step == "add":
            headers.add(name, value)
            model.append((name, value.strip()))
        elif step == "del" and same:
            del headers[name]
            model = [field for field in model if field not in same]
        elif step == "copy":
            headers = headers.copy()
        else:
            assert headers.getlist(name) == [text for _, text in same]
            assert headers.get(name) == (", ".join(text for _, text in same) if same else None)
    assert headers.multi_items() == model
    assert len(headers) == len(list(headers)) == len({name.lower() for name, _ in model})
