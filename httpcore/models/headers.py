"""Header fields: a case-insensitive multi-dict over the raw pairs of the wire.

Theory of operation.  The fields are one list of `(name, value)` bytes pairs, in their order and
with their case.  That list is never changed in place: whoever changes a `Headers` gives it a new
list.  So a wire engine can hand its list over without a copy, copies share it, and `raw` can be
given out as it is.

Looking something up builds an index once, from the lower-case name to its values; an engine that
needs one to read a message hands it over.  It goes with the list, as does all else that was found
out about it: copies share it, and what changes a `Headers` gives it another list.  So the requests
of a client that all say the same take the same bytes from the same list.

Everything is checked when it is set, see `header_syntax`.  What came from the wire was checked by
its engine and is not checked again.
"""

from __future__ import annotations

import collections.abc
import re
import typing

from ..aliases import RawHeaders
from ..field_values import FieldIndex, field_index
from .header_syntax import checked_name, checked_value
from .url_syntax import MASK, masked_reference

HeaderValue = str | bytes | int | None
"""What a field may be set to; `None` only where headers are merged, and drops the field."""

HeaderTypes = (
    collections.abc.Mapping[str, HeaderValue]
    | collections.abc.Mapping[bytes, HeaderValue]
    | collections.abc.Iterable[tuple[str | bytes, HeaderValue]]
    | None
)
"""What `headers=` takes: a mapping (a `Headers` is one), or pairs, whose names may repeat."""

SECRET_HEADERS = {
    "authorization",
    "cookie",
    "proxy-authorization",
    "set-cookie",
    # No standard has these, but services do.
    "api-key",
    "private-token",
    "x-access-token",
    "x-amz-security-token",
    "x-api-key",
    "x-auth-token",
    "x-goog-api-key",
    "x-vault-token",
}
"""
The fields, in lower case, whose values no `repr` shows.  Add your own at the start of the program.
"""

# Fields that have URLs in their values, and where in them: the group.
_URL_IN_VALUE = {
    "content-location": re.compile("(.*)"),
    "link": re.compile("<([^>]*)"),
    "location": re.compile("(.*)"),
    "referer": re.compile("(.*)"),
    "refresh": re.compile(r"""^[\s\d.]*[;,\s]\s*(?:url\s*=\s*)?["']?(.*)""", re.IGNORECASE),
}

Default = typing.TypeVar("Default")

Updates = collections.abc.Sequence[tuple[bytes, bytes | None]]
"""Fields that replace those of their names; `None`: by nothing."""


class _Fields:
    """A list of fields, never changed, and what was found out about it."""

    __slots__ = ("raw", "index", "section", "_updated", "surrounded")

    def __init__(self, raw: RawHeaders, index: FieldIndex | None = None) -> None:
        self.raw = raw
        self.index = index
        self.section: bytes | None = None
        # The last ones that were put in or around it, and what came of it: one item, for threads.
        self._updated: tuple[Updates, _Fields] | None = None
        self.surrounded: tuple[RawHeaders, RawHeaders, _Fields] | None = None

    def by_name(self) -> FieldIndex:
        if self.index is None:
            self.index = field_index(self.raw)
        return self.index

    def updated(self, new: Updates) -> _Fields:
        """With all of `new` in the place of what has their names."""
        if not new:
            return self
        last = self._updated
        if last is None or last[0] != new:
            names = {name.lower() for name, _ in new}
            raw = [field for field in self.raw if field[0].lower() not in names]
            raw += [(name, value) for name, value in new if value is not None]
            last = self._updated = (new, _Fields(raw))
        return last[1]

    def surround(self, before: RawHeaders, behind: RawHeaders) -> _Fields:
        """With more, valid ones whose names are not there yet."""
        index = dict(self.by_name())
        for name, value in (*before, *behind):
            index[name.lower()] = [value]
        around = _Fields([*before, *self.raw, *behind], index)
        self.surrounded = (before, behind, around)
        return around


class Headers(collections.abc.MutableMapping[str, str]):
    """
    The header fields of a message: a mutable mapping of `str` to `str`, in which names may repeat.

    `Headers(headers)` takes `None`, a `Headers`, a mapping, or an iterable of pairs.  Names are
    `str` or `bytes`.  Values are `bytes`, sent as they are; `str`, sent as Latin-1; or `int`, sent
    as digits.  Blanks around a value are no part of it (RFC 9110 §5.5) and are removed.

    Reading ignores the case of names.  `h[name]` and `get` join repeated fields by `", "`, which
    is wrong for Set-Cookie: `getlist` keeps them apart.  Values are read as UTF-8 where they are
    valid UTF-8, else as Latin-1, so reading never raises for what is there.  Iterating, `len`,
    `keys`, `values` and `items` take each name once, as it was first written; `multi_items` and
    `raw` have one pair for each field.

    Equal are two whose names, ignoring case, have the same values in the same order; a mapping or
    a list or tuple of pairs may stand for the second.

    Setting raises `InvalidHeader` for a name that is no token, for CR, LF, NUL and other control
    characters in a value, and for text beyond Latin-1; `TypeError` for `bool`, `None` and other
    types.  Threads may share one that none of them changes.
    """

    __slots__ = ("_fields",)

    _fields: _Fields

    def __init__(self, headers: HeaderTypes = None) -> None:
        if isinstance(headers, Headers):
            self._fields = headers._fields
        else:
            self._replace([(name, checked_value(name, value)) for name, value in _named(headers)])

    @classmethod
    def from_raw(cls, raw: RawHeaders, index: FieldIndex | None = None) -> Headers:
        """
        Headers over a list of pairs that are valid already, and its `field_index()` where there is
        one; neither checked nor copied.
        """
        self = object.__new__(cls)
        self._fields = _Fields(raw, index)
        return self

    # Reading.

    @property
    def raw(self) -> RawHeaders:
        """All fields as `(name, value)` bytes, in order.  The list is shared: not to be changed."""
        return self._fields.raw

    def section(self) -> bytes:
        """All fields as HTTP/1.1 sends them (RFC 9112 §5), with the empty line behind them."""
        fields = self._fields
        if fields.section is None:
            lines = [b"%b: %b\r\n" % field for field in fields.raw]
            fields.section = b"%b\r\n" % b"".join(lines)
        return fields.section

    def __getitem__(self, name: str) -> str:
        values = self.by_name().get(_key(name))
        if values is None:
            raise KeyError(name)
        return _joined(values)

    @typing.overload
    def get(self, name: str, default: None = None) -> str | None: ...
    @typing.overload
    def get(self, name: str, default: str) -> str: ...
    @typing.overload
    def get(self, name: str, default: Default) -> str | Default: ...
    def get(self, name: str, default: typing.Any = None) -> typing.Any:
        """The values of `name` joined by `", "`, or `default` where there is none."""
        values = self.by_name().get(_key(name))
        return default if values is None else _joined(values)

    def getlist(self, name: str) -> list[str]:
        """The values of all fields called `name`, in order; empty where there is none."""
        return [_text(value) for value in self.by_name().get(_key(name), ())]

    def by_name(self) -> FieldIndex:
        """The raw values of all fields, by the name in lower case.  Shared: not to be changed."""
        fields = self._fields
        return fields.by_name() if fields.index is None else fields.index

    def multi_items(self) -> list[tuple[str, str]]:
        """All fields in order, one pair for each, names as they were written."""
        return [(name.decode("latin-1"), _text(value)) for name, value in self.raw]

    def __contains__(self, name: object) -> bool:
        return isinstance(name, (str, bytes)) and _key(name) in self.by_name()

    def __iter__(self) -> collections.abc.Iterator[str]:
        first_spelling: dict[bytes, bytes] = {}
        for name, _ in self.raw:
            first_spelling.setdefault(name.lower(), name)
        return iter([name.decode("latin-1") for name in first_spelling.values()])

    def __len__(self) -> int:
        return len(self.by_name())

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Headers):
            return self.by_name() == other.by_name()
        if not isinstance(other, (collections.abc.Mapping, list, tuple)):
            return NotImplemented
        try:
            return self.by_name() == Headers(other).by_name()
        except (TypeError, ValueError):
            return False

    __hash__ = None  # type: ignore[assignment]  # mutable

    def __repr__(self) -> str:
        shown = [(name.decode("latin-1"), _text(_masked(name, value))) for name, value in self.raw]
        repeated = len(self) < len(shown)
        return f"Headers({shown if repeated else dict(shown)!r})"

    # Changing.

    def __setitem__(self, name: str, value: str | bytes | int) -> None:
        """Replace all fields called `name` by one, at the place of the first, else at the end."""
        checked = checked_name(name)
        pair = (checked, checked_value(checked, value))
        key = checked.lower()
        if key not in self.by_name():
            self._replace([*self.raw, pair])
            return
        position = next(at for at, (other, _) in enumerate(self.raw) if other.lower() == key)
        others = [field for field in self.raw if field[0].lower() != key]
        others.insert(position, pair)
        self._replace(others)

    def __delitem__(self, name: str) -> None:
        key = _key(name)
        if key not in self.by_name():
            raise KeyError(name)
        self._replace([field for field in self.raw if field[0].lower() != key])

    def add(self, name: str | bytes, value: str | bytes | int) -> None:
        """Append a field, beside any that have the same name."""
        checked = checked_name(name)
        self._replace([*self.raw, (checked, checked_value(checked, value))])

    def update(self, other: HeaderTypes = None, /) -> None:  # type: ignore[override]
        """
        Replace our fields by those of `other` that have the same name; `None` drops ours.

        The fields of `other` follow ours, all of them, in their order.  Nothing changes where one
        is invalid.
        """
        self._fields = self._fields.updated(_updates(other))

    def clear(self) -> None:
        """Remove all fields."""
        self._replace([])

    # Copying.

    def copy(self) -> Headers:
        """Headers of their own, with the same fields."""
        result = Headers.__new__(Headers)
        result._fields = self._fields
        return result

    def without_secrets(self) -> Headers:
        """A copy in which `[secure]` stands for what no `repr` shows."""
        return Headers.from_raw([(name, _masked(name, value)) for name, value in self.raw])

    def surrounded(self, before: RawHeaders, behind: RawHeaders) -> Headers:
        """A copy with more fields, valid ones whose names are not there yet."""
        fields = self._fields
        last = fields.surrounded
        result = Headers.__new__(Headers)
        if last is not None and last[0] == before and last[1] == behind:
            result._fields = last[2]
        else:
            result._fields = fields.surround(before, behind)
        return result

    def merged(self, other: HeaderTypes) -> Headers:
        """A copy, updated with `other`: a client's headers with those of a call."""
        result = self.copy()
        result.update(other)
        return result

    def __reduce__(self) -> tuple[typing.Any, ...]:
        return (Headers.from_raw, (self.raw,))

    def _replace(self, raw: RawHeaders) -> None:
        self._fields = _Fields(raw)


def _key(name: object) -> bytes:
    # Encoded first, lowered after: str.lower() makes an ASCII "k" of the Kelvin sign.
    if isinstance(name, str):
        return name.encode("latin-1", "replace").lower()
    if isinstance(name, bytes):
        return name.lower()
    raise TypeError(f"the name of a header is a str, not {type(name).__name__}")


def _text(value: bytes) -> str:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("latin-1")


def _masked(name: bytes, value: bytes) -> bytes:
    key = name.decode("latin-1").lower()
    if key in SECRET_HEADERS:
        return MASK.encode()
    if key not in _URL_IN_VALUE:
        return value
    text = _URL_IN_VALUE[key].sub(
        lambda found: found[0].removesuffix(found[1]) + masked_reference(found[1]),
        value.decode("latin-1"),
    )
    return text.encode("latin-1")


def _joined(values: list[bytes]) -> str:
    return _text(values[0]) if len(values) == 1 else ", ".join(map(_text, values))


def _updates(headers: HeaderTypes) -> Updates:
    """What `Headers.update()` is given, checked."""
    if isinstance(headers, Headers):
        return headers.raw
    return [
        (name, None if value is None else checked_value(name, value))
        for name, value in _named(headers)
    ]


def _named(headers: HeaderTypes) -> collections.abc.Iterable[tuple[bytes, object]]:
    """The fields with their names checked, and their values as they were given."""
    if headers is None:
        return ()
    pairs: collections.abc.Iterable[object]
    if isinstance(headers, collections.abc.Mapping):
        pairs = headers.items()
    elif isinstance(headers, collections.abc.Iterable) and not isinstance(headers, (str, bytes)):
        pairs = headers
    else:
        raise TypeError(f"headers are a mapping or pairs, not {type(headers).__name__}")
    return map(_pair, pairs)


def _pair(pair: object) -> tuple[bytes, object]:
    if not isinstance(pair, (tuple, list)) or len(pair) != 2:
        raise TypeError("headers are a mapping or an iterable of pairs of name and value")
    return checked_name(pair[0]), pair[1]
