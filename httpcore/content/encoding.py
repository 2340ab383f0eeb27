"""Turns what the user gives as `content=` or `json=` into a request body and its Content-Type.

What `content` is, is decided by what it can do, in this order: text, a mapping, a buffer, something
with `read()`, an async iterable, pairs, an iterable.  So an `mmap`, which is a buffer that can also
be read, is sent from memory, and a file, which can also be iterated by line, is read in blocks.
"""

from __future__ import annotations

import collections.abc
import inspect
import json
import math
import typing

from .bodies import AsyncIteratorBody, Body, BytesBody, IteratorBody
from .files import AsyncFileBody, FileBody
from .form import encode_form

_FORM = "application/x-www-form-urlencoded"


class JSONCodec(typing.NamedTuple):
    """
    How JSON is written and read, in the place of the standard library's `json`.

    >>> JSONCodec(dumps=orjson.dumps, loads=orjson.loads)

    * `dumps`: the JSON of a value, as `bytes` or `str`; what it raises reaches the caller.
    * `loads`: the value of a JSON text in `bytes`; raises a `ValueError` for what is none.
    """

    dumps: collections.abc.Callable[[typing.Any], bytes | str]
    loads: collections.abc.Callable[[bytes], typing.Any]


def encode_content(content: typing.Any) -> tuple[Body, str | None]:
    """
    The body that `content` stands for and its Content-Type; `None`: we cannot know the type.

    * `str`: UTF-8, as text/plain.
    * a mapping, or a collection of pairs that is not empty: a form, URL-encoded.
    * `bytes` and other buffers; a binary file, whose `read()` may be a coroutine function; an
      iterable or async iterable of bytes.

    Raises `TypeError` for anything else, a file opened as text among it, and `ValueError` for text
    that UTF-8 has no form for (a lone surrogate).
    """
    if isinstance(content, str):
        return BytesBody(content.encode("utf-8")), "text/plain; charset=utf-8"
    if isinstance(content, collections.abc.Mapping):
        return BytesBody(encode_form(content)), _FORM
    if _is_buffer(content):
        return BytesBody(content), None
    if hasattr(content, "read"):
        if inspect.iscoroutinefunction(content.read):
            return AsyncFileBody(content), None
        return FileBody(content), None
    if isinstance(content, collections.abc.AsyncIterable):
        return AsyncIteratorBody(content), None
    if _is_pairs(content):
        return BytesBody(encode_form(content)), _FORM
    try:
        return IteratorBody(content), None
    except TypeError as exc:
        raise TypeError(
            "content takes bytes, str, a dict or pairs for a form, a binary file, or an iterable "
            f"of bytes, not {type(content).__name__}"
        ) from exc


_COMPACT = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def encode_json(value: typing.Any, codec: JSONCodec | None = None) -> tuple[BytesBody, str]:
    """
    `value` as JSON (RFC 8259), by `codec` or else compact, in UTF-8, and its Content-Type.

    Raises `ValueError` for NaN, infinities, lone surrogates and what contains itself, `TypeError`
    for a type that JSON does not have.  The message names what it is and where.
    """
    if codec is not None:
        written = codec.dumps(value)
        data = written.encode("utf-8") if isinstance(written, str) else written
        return BytesBody(data), "application/json"
    try:
        return BytesBody(_COMPACT.encode(value).encode("utf-8")), "application/json"
    except (TypeError, ValueError) as exc:
        problem = _json_problem(value, "json", ())
        if problem is None:
            raise
        raise problem from exc


def is_form(content: typing.Any) -> bool:
    """Whether `content` is form data: a mapping, or a collection of pairs that is not empty."""
    return isinstance(content, collections.abc.Mapping) or _is_pairs(content)


def _is_buffer(content: typing.Any) -> bool:
    try:
        memoryview(content).release()
    except TypeError:
        return False
    return True


def _is_pairs(content: typing.Any) -> bool:
    # Only of what certainly can be iterated again may the first item be looked at.
    if not isinstance(content, (collections.abc.Sequence, collections.abc.ItemsView)):
        return False
    return isinstance(next(iter(content), None), (tuple, list))


def _json_problem(value: object, where: str, inside: tuple[int, ...]) -> Exception | None:
    """Why `value` has no JSON; `inside` are the ids of what it is in."""
    if isinstance(value, (dict, list, tuple)):
        if id(value) in inside:
            return ValueError(f"{where} contains itself, so that its JSON would not end")
        for part, part_where in _json_parts(value, where):
            problem = _json_problem(part, part_where, (*inside, id(value)))
            if problem is not None:
                return problem
    elif isinstance(value, str):
        try:
            value.encode("utf-8")
        except UnicodeEncodeError as exc:
            lone = value[exc.start]
            return ValueError(
                f"{where} has the lone surrogate {lone!r}, which UTF-8 has no form for"
            )
    elif isinstance(value, float):
        if not math.isfinite(value):
            return ValueError(f"{where} is {value!r}, which JSON does not have; send None or text")
    elif value is not None and not isinstance(value, int):
        kind = type(value).__name__
        return TypeError(
            f"{where} is of the type {kind}, which JSON does not have; convert it first"
        )
    return None


def _json_parts(
    value: dict[object, object] | list[object] | tuple[object, ...], where: str
) -> collections.abc.Iterator[tuple[object, str]]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield key, f"a key of {where}"
            yield item, f"{where}[{key!r}]"
    else:
        for index, item in enumerate(value):
            yield item, f"{where}[{index}]"
