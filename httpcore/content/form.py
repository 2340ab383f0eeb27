"""Form data, application/x-www-form-urlencoded: the rules that query parameters share.

A mapping, or pairs, becomes pairs of text:

| value                           | becomes                                                |
| ------------------------------- | ------------------------------------------------------ |
| `str`                           | itself; `""` stays, as a field with an empty value     |
| `int`, `float`                  | its digits, as Python writes them                      |
| `True`, `False`                 | `true`, `false`                                        |
| `bytes`                         | decoded as UTF-8                                       |
| `None`                          | nothing: the field is left out                         |
| `list`, `tuple`                 | a field for each item, by the rules above; none if empty |
| else, and a list in a list      | `TypeError` that names the field                       |

A member of an enumeration that is a `str` or `int` too stands for its value.  Encoded, a blank is
`+`, and all but letters, digits and `_.-~` is percent-encoded UTF-8, as HTML forms have it.
"""

from __future__ import annotations

import collections.abc
import re
import typing
import urllib.parse

from ..aliases import PrimitiveData

# What is the same when it is encoded, as most of it is.
_UNRESERVED = re.compile(r"[A-Za-z0-9_.~-]*")

FormValue = PrimitiveData | bytes

# Not Iterable in place of Sequence: a dict is one too, and mypy then infers dict[str, object] for
# a dict of several types.
FormData = (
    collections.abc.Mapping[str, FormValue | collections.abc.Sequence[FormValue]]
    | collections.abc.Sequence[tuple[str, FormValue | collections.abc.Sequence[FormValue]]]
    | collections.abc.Iterator[tuple[str, FormValue | collections.abc.Sequence[FormValue]]]
)
"""A form: a mapping, in which a list repeats the field, or pairs, whose names may repeat."""


def form_pairs(data: FormData) -> list[tuple[str, str]]:
    """
    The fields of `data` in their order, as text; see the table above.

    Of a multi-dict (what has a `multi_items()`, as `QueryParams` does) all values count.  Raises
    `TypeError` for what the table does not have, `ValueError` for bytes that are no UTF-8 and text
    that has none (a lone surrogate).
    """
    return [(name, value_text(name, item)) for name, item in form_values(data)]


def form_values(data: FormData) -> collections.abc.Iterator[tuple[str, typing.Any]]:
    """The fields of `data` in their order, each with one value as it was given, not `None`."""
    for name, value in form_items(data):
        for item in value if isinstance(value, (list, tuple)) else (value,):
            if item is not None:
                yield name, item


def form_items(data: FormData) -> list[tuple[str, typing.Any]]:
    """The names in `data`, each with its value or list of values as it was given."""
    items: typing.Any = data
    if isinstance(data, collections.abc.Mapping):
        items = getattr(data, "multi_items", data.items)()
    checked = []
    for item in items:
        if not isinstance(item, (tuple, list)) or len(item) != 2:
            # It may have a password in it: of what kind it is will do.
            size = f" of {len(item)}" if isinstance(item, (tuple, list)) else ""
            given = f"{type(item).__name__}{size}"
            raise TypeError(f"a form or a query consists of (name, value) pairs, not of a {given}")
        if not isinstance(item[0], str):
            raise TypeError(f"the name of a field or parameter is a str, not {item[0]!r}")
        encodable(item[0], item[0])
        checked.append((item[0], item[1]))
    return checked


def encode_pairs(pairs: collections.abc.Sequence[tuple[str, str]]) -> str:
    """What `form_pairs()` gave, encoded."""
    return "&".join([f"{_encoded(name)}={_encoded(value)}" for name, value in pairs])


def _encoded(text: str) -> str:
    return text if _UNRESERVED.fullmatch(text) else urllib.parse.quote_plus(text)


def encode_form(data: FormData) -> bytes:
    """The body of a request that sends `data` as a form; the errors are those of `form_pairs()`."""
    return encode_pairs(form_pairs(data)).encode("ascii")


def value_text(name: str, value: object) -> str:
    """The text of one `value`; see the table above.  `name` is for the errors."""
    # Not str(value): for members of an enumeration that is their name.
    if isinstance(value, str):
        return encodable(name, value if type(value) is str else str.__str__(value))
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return int.__repr__(value)
    if isinstance(value, float):
        return float.__repr__(value)
    if isinstance(value, bytes):
        try:
            return value.decode("utf-8")
        except UnicodeDecodeError as exc:
            raise ValueError(f"the bytes given for {name!r} are no UTF-8; give text") from exc
    raise TypeError(
        f"the value of {name!r} is of the type {type(value).__name__}; it has to be str, int, "
        "float, bool, bytes, None, or a list of these"
    )


def encodable(name: str, text: str) -> str:
    """`text`, which was given for `name`; `ValueError` if UTF-8 has no form for it."""
    if not text.isascii():
        try:
            text.encode("utf-8")
        except UnicodeEncodeError as exc:
            raise ValueError(f"the text given for {name!r} has a lone surrogate in it") from exc
    return text
