"""Query parameters: an immutable multi-dict, and how it is merged onto the query that a URL has.

A query that was typed into a URL may be signed, so merging leaves every byte of it that is not
replaced as it is.  Only what goes through `QueryParams` is decoded and encoded.
"""

from __future__ import annotations

import collections.abc
import typing
import urllib.parse

from ..content.form import FormData, encode_pairs, form_items, form_pairs
from .url_syntax import masked_query

T = typing.TypeVar("T")


class QueryParams(collections.abc.Mapping[str, str]):
    """
    The parameters of a query: an immutable mapping of `str` to `str`, in which names may repeat.

    `QueryParams(params)` takes `None`, a query as `str` (with or without its `?`), a mapping, in
    which a list repeats the name, an iterable of pairs, or a `QueryParams`.  Values follow the
    table in `httpcore.content.form`: numbers become digits, `True` becomes `true`, `None` leaves
    the parameter out, other types are a `TypeError`.  In a query given as `str`, `+` is a blank, a
    name without `=` has the value `""`, and escapes that are no UTF-8 become U+FFFD.

    `q[name]` is the last value of that name, `getlist` all of them.  Iterating, `len`, `keys`,
    `values` and `items` take each name once; `multi_items` every parameter.  Equal are two in
    which every name has the same values in the same order, whatever the order of the names; a
    mapping or a list of pairs may stand for the second.

    `str()` is the query, encoded as forms are (a blank is `+`); `repr()` hides the values of what
    looks like a secret.  Threads may share it.
    """

    __slots__ = ("_last", "_pairs")

    _pairs: tuple[tuple[str, str], ...]
    _last: dict[str, str]

    def __init__(self, params: QueryParamTypes = None) -> None:
        if isinstance(params, QueryParams):
            self._pairs, self._last = params._pairs, params._last
            return
        if params is None:
            pairs: list[tuple[str, str]] = []
        elif isinstance(params, str):
            pairs = urllib.parse.parse_qsl(params.removeprefix("?"), keep_blank_values=True)
            pairs = form_pairs(pairs)  # refuses what cannot be encoded again
        else:
            pairs = form_pairs(params)
        self._pairs = tuple(pairs)
        self._last = dict(pairs)

    def __getitem__(self, name: str) -> str:
        return self._last[name]

    def __iter__(self) -> collections.abc.Iterator[str]:
        return iter(self._last)

    def __len__(self) -> int:
        return len(self._last)

    def getlist(self, name: str) -> list[str]:
        """All values of `name`, in order; none is an empty list."""
        return [value for key, value in self._pairs if key == name]

    def multi_items(self) -> list[tuple[str, str]]:
        """Every parameter, in order."""
        return list(self._pairs)

    def merge(self, params: QueryParamTypes) -> QueryParams:
        """
        These parameters with `params` over them.

        A name in `params` replaces all there was under that name, in its place; `None` or an empty
        list removes it.  Other names stay, and new ones follow.
        """
        if params is None:
            return self
        if isinstance(params, str):
            params = QueryParams(params)
        given = form_items(params)
        new = [(name, (name, value)) for name, value in form_pairs(given)]
        own = [(name, (name, value)) for name, value in self._pairs]
        merged: list[tuple[str, str]] = _replaced(own, new, {name for name, _ in given})
        return QueryParams(merged)

    def _by_name(self) -> dict[str, tuple[str, ...]]:
        return {name: tuple(self.getlist(name)) for name in self._last}

    def __eq__(self, other: object) -> bool:
        if isinstance(other, QueryParams):
            return self._pairs == other._pairs or self._by_name() == other._by_name()
        if not isinstance(other, (collections.abc.Mapping, list)):
            return NotImplemented
        try:
            return self == QueryParams(other)
        except (TypeError, ValueError):
            return False

    def __hash__(self) -> int:
        return hash(frozenset(self._by_name().items()))

    def __str__(self) -> str:
        return encode_pairs(self._pairs)

    def __repr__(self) -> str:
        return f"QueryParams({masked_query(str(self))!r})"


QueryParamTypes = FormData | QueryParams | str | None
"""What `query_params=` takes."""


def merge_query(query: str, params: QueryParams) -> str:
    """
    The query of a URL with `params` merged onto it, by the rules of `QueryParams.merge()`.

    What is not replaced stays as it was typed.
    """
    if not query:
        return str(params)
    own = [
        (urllib.parse.unquote_plus(piece.partition("=")[0]), piece)
        for piece in query.split("&")
        if piece
    ]
    new = [(name, encode_pairs([(name, value)])) for name, value in params.multi_items()]
    return "&".join(_replaced(own, new, set(params)))


def _replaced(own: list[tuple[str, T]], new: list[tuple[str, T]], names: set[str]) -> list[T]:
    """`own`, what has one of `names` replaced by what has it in `new`; then the rest of `new`."""
    waiting: dict[str, list[T]] = {}
    for name, item in new:
        waiting.setdefault(name, []).append(item)
    result = []
    for name, item in own:
        if name not in names:
            result.append(item)
        else:
            result.extend(waiting.pop(name, ()))
    result.extend(item for name, item in new if name in waiting)
    return result
