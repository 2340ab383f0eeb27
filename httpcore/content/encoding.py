"""Turns what the user gives as `content=` or `json=` into a request body and its Content-Type.

What `content` is, is decided by what it can do, in this order: text, a mapping, a buffer, something
with `read()`, an async iterable, pairs, an iterable.  So an `mmap`, which is a buffer that can also be
read, is sent from memory, and a file, which can also be iterated by line, is read in blocks.
"""

from __future__ import annotations

import collections.abc
import inspect
import json
import math
import typing

from .bodies import AsyncFileChunks, AsyncIteratorBody, Body, BytesBody, FileBody, IteratorBody
from .form import encode_form

_FORM = "application/x-www-form-urlencoded"


def encode_content(content: typing.Any) -> tuple[Body, str | None]:
    """
    The body that `content` stands for and its Content-Type; `None`: we cannot know the type.

    * `str`: UTF-8, as text/plain.
    * a mapping, or a collection of pairs that is not empty: a form, URL-encoded.
    * `bytes` and other buffers; a binary file; an async file; an iterable or async iterable of bytes.

    Raises `TypeError` for anything else, a file opened as text among it.
    """
    if isinstance(content, str):
        return BytesBody(content.encode("utf-8")), "text/plain; charset=utf-8"
    if isinstance(content, collections.abc.Mapping):
        return BytesBody(encode_form(content)), _FORM
    if _is_buffer(content):
        return BytesBody(content), None
    if hasattr(content, "read"):
        if inspect.iscoroutinefunction(content.read):
            return AsyncIteratorBody(AsyncFileChunks(content)), None
        return FileBody(content), None
    if isinstance(content, collections.abc.AsyncIterable):
        return AsyncIteratorBody(content), None
    if _is_pairs(content):
        return BytesBody(encode_form(content)), _FORM
    try:
        return IteratorBody(content), None
    except TypeError:
        raise TypeError(
            "content takes bytes, str, a dict or pairs for a form, a binary file, or an iterable of "
            f"bytes, not {type(content).__name__}"
        ) from None


def encode_json(value: typing.Any) -> tuple[BytesBody, str]:
    """
    `value` as JSON (RFC 8259), compact and in UTF-8, and its Content-Type.

    Raises `ValueError` for NaN, infinities, lone surrogates and what contains itself, `TypeError`
    for a type that JSON does not have.  The message names what it is and where.
    """
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        return BytesBody(text.encode("utf-8")), "application/json"
    except (TypeError, ValueError) as exc:
        problem = _json_problem(value, "json", ())
        if problem is None:
            raise
        raise problem from exc


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
    """Why `value` has no JSON; `inside` are the ids of the containers around it."""
    if isinstance(value, str):
        return _text_problem(value, where)
    if isinstance(value, float):
        if math.isfinite(value):
            return None
        return ValueError(f"{where} is {value!r}, which JSON does not have; send None or text")
    if value is None or isinstance(value, int):
        return None
    if id(value) in inside:
        return ValueError(f"{where} contains itself")
    inside += (id(value),)
    if isinstance(value, dict):
        return _first_problem(
            problem
            for key, item in value.items()
            for problem in (
                _key_problem(key, where),
                _json_problem(item, f"{where}[{key!r}]", inside),
            )
        )
    if isinstance(value, (list, tuple)):
        return _first_problem(
            _json_problem(item, f"{where}[{index}]", inside) for index, item in enumerate(value)
        )
    return TypeError(
        f"{where} is of the type {type(value).__name__}, which JSON does not have; "
        "convert it first, for example to text"
    )


def _first_problem(problems: collections.abc.Iterable[Exception | None]) -> Exception | None:
    return next((problem for problem in problems if problem is not None), None)


def _key_problem(key: object, where: str) -> Exception | None:
    if isinstance(key, (dict, list, tuple)):
        return TypeError(f"a key of {where} is of the type {type(key).__name__}; JSON has text")
    return _json_problem(key, f"a key of {where}", ())


def _text_problem(text: str, where: str) -> Exception | None:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as exc:
        return ValueError(
            f"{where} has the lone surrogate {text[exc.start]!r} in it, which UTF-8 cannot encode"
        )
    return None
