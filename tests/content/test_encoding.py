"""What `content=` and `json=` become: a body and its Content-Type."""

from __future__ import annotations

import array
import collections
import collections.abc
import datetime
import io
import json
import mmap
import pathlib
import sys
import typing

import hypothesis
import pytest
from hypothesis import strategies as st

from httpcore.content.bodies import AsyncIteratorBody, BytesBody, IteratorBody
from httpcore.content.encoding import JSONCodec, encode_content, encode_json
from httpcore.content.files import AsyncFileBody, FileBody

FORM = "application/x-www-form-urlencoded"


class AsyncPieces:
    """An async iterable of bytes."""

    async def __aiter__(self) -> collections.abc.AsyncIterator[bytes]:
        yield b"piece"


class AsyncFile:
    """A file whose `read()` is a coroutine function, as those of aiofiles, anyio and trio."""

    async def read(self, size: int = -1) -> bytes:
        return b""


class AsyncTextFile(AsyncFile):
    """The same, opened as text."""

    encoding = "utf-8"


def data_of(content: object) -> bytes:
    body, _ = encode_content(content)
    assert isinstance(body, BytesBody)
    return bytes(body.data)


def test_text_is_sent_as_utf8() -> None:
    """And says so."""
    body, content_type = encode_content("naïve ☃")
    assert isinstance(body, BytesBody)
    assert body.data == "naïve ☃".encode()
    assert content_type == "text/plain; charset=utf-8"


def test_text_with_a_lone_surrogate_is_refused() -> None:
    """The error names the character."""
    with pytest.raises(ValueError, match="ud800"):
        encode_content("\ud800")


@pytest.mark.parametrize(
    "form",
    [
        {"name": "a b", "tag": ["x", "y"]},
        collections.OrderedDict([("name", "a b"), ("tag", ("x", "y"))]),
        [("name", "a b"), ("tag", "x"), ("tag", "y")],
        (["name", "a b"], ["tag", "x"], ["tag", "y"]),
        {"name": "a b", "tag": ["x", "y"]}.items(),
    ],
)
def test_a_mapping_and_pairs_are_a_form(form: object) -> None:
    """URL-encoded, in order, with a list repeating its field."""
    assert data_of(form) == b"name=a+b&tag=x&tag=y"
    assert encode_content(form)[1] == FORM


def test_an_empty_mapping_is_a_form_without_fields() -> None:
    """Its length is known to be zero."""
    body, content_type = encode_content({})
    assert (body.length, content_type) == (0, FORM)


@pytest.mark.parametrize(
    "buffer",
    [b"\x01\x02", bytearray(b"\x01\x02"), memoryview(b"\x01\x02"), array.array("B", [1, 2])],
)
def test_bytes_and_other_buffers_are_sent_as_they_are(buffer: object) -> None:
    """We cannot know their type."""
    assert data_of(buffer) == b"\x01\x02"
    assert encode_content(buffer)[1] is None


def test_an_mmap_is_a_buffer_though_it_can_be_read() -> None:
    """It is sent whole, wherever its position is."""
    with mmap.mmap(-1, 8) as content:
        content.write(b"12345678")
        assert data_of(content) == b"12345678"


def test_a_binary_file_is_read() -> None:
    """Not iterated by line."""
    body, content_type = encode_content(io.BytesIO(b"content"))
    assert isinstance(body, FileBody)
    assert (body.length, body.needs_async, content_type) == (7, False, None)


@pytest.mark.parametrize("file", [io.StringIO("text"), AsyncTextFile()])
def test_bd8_a_file_opened_as_text_is_refused(file: object) -> None:
    """At once, with what to do."""
    with pytest.raises(TypeError, match="binary mode"):
        encode_content(file)


def pieces() -> collections.abc.Iterator[bytes]:
    yield b"piece"


@pytest.mark.parametrize(
    "iterable", [[b"one", b"two"], (), [], pieces(), {b"piece": None}.keys(), iter([("a", "b")])]
)
def test_an_iterable_is_sent_piece_by_piece(iterable: object) -> None:
    """Also an empty list, and what cannot be looked at without using it up."""
    body, content_type = encode_content(iterable)
    assert isinstance(body, IteratorBody)
    assert (body.length, body.needs_async, content_type) == (None, False, None)


@pytest.mark.parametrize("source", [AsyncPieces(), AsyncFile()])
def test_an_async_iterable_and_an_async_file_need_an_async_client(source: object) -> None:
    """The body says so, for the sync client to refuse it."""
    body, content_type = encode_content(source)
    assert isinstance(body, (AsyncIteratorBody, AsyncFileBody))
    assert (body.length, body.needs_async, content_type) == (None, True, None)


@pytest.mark.parametrize("nonsense", [42, 1.5, object(), pathlib.Path("a-file")])
def test_anything_else_is_refused_by_its_type(nonsense: object) -> None:
    """A path too: opening it is up to the caller."""
    with pytest.raises(TypeError, match=f"not {type(nonsense).__name__}"):
        encode_content(nonsense)


JSON: st.SearchStrategy[typing.Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda children: st.lists(children) | st.dictionaries(st.text(), children),
    max_leaves=20,
)


@hypothesis.settings(max_examples=100, deadline=None)
@hypothesis.given(JSON)
def test_json_comes_back_as_it_was(value: object) -> None:
    """What we send is what any decoder of JSON reads."""
    body, content_type = encode_json(value)
    assert json.loads(bytes(body.data)) == value
    assert content_type == "application/json"


def test_json_is_compact_and_in_utf8() -> None:
    """No blanks, no escapes of what needs none."""
    assert encode_json({"a": [1, "☃"]})[0].data == '{"a":[1,"☃"]}'.encode()


@pytest.mark.parametrize("written", ["☃", "☃".encode()])
def test_a_codec_writes_json_in_our_place(written: bytes | str) -> None:
    """As bytes or as text; what it raises is the caller's."""
    seen: list[object] = []

    def dumps(value: object) -> bytes | str:
        seen.append(value)
        return written if value else str(1 / 0)

    codec = JSONCodec(dumps=dumps, loads=json.loads)
    body, content_type = encode_json({"at": {1, 2}}, codec)
    assert (body.data, content_type) == ("☃".encode(), "application/json")
    assert seen == [{"at": {1, 2}}]
    with pytest.raises(ZeroDivisionError):
        encode_json(0, codec)


CIRCULAR: dict[str, object] = {}
CIRCULAR["self"] = [CIRCULAR]


@pytest.mark.parametrize(
    ("value", "error", "message"),
    [
        (float("nan"), ValueError, "json is nan"),
        ({"a": [1.5, float("-inf")]}, ValueError, r"json\['a'\]\[1\] is -inf"),
        ({float("nan"): 1}, ValueError, "a key of json is nan"),
        ({"at": (None, datetime.date(2020, 1, 1))}, TypeError, r"json\['at'\]\[1\] is .* date,"),
        ({"k": {1, 2}}, TypeError, r"json\['k'\] is of the type set"),
        (b"bytes", TypeError, "json is of the type bytes"),
        ({(1, 2): 3}, TypeError, "keys must be str, .* not tuple"),
        ({b"k": 1}, TypeError, "a key of json is of the type bytes"),
        ([True, "ok", "\ud800"], ValueError, r"json\[2\] has the lone surrogate '\\ud800'"),
        ({"\udfff": 1}, ValueError, "a key of json has the lone surrogate"),
        (CIRCULAR, ValueError, r"json\['self'\]\[0\] contains itself"),
        pytest.param(10 ** (sys.get_int_max_str_digits() + 1), ValueError, "digits", id="long"),
    ],
)
def test_rq12_what_json_does_not_have_is_named(
    value: object, error: type[Exception], message: str
) -> None:
    """The message says what it is and where it stands."""
    with pytest.raises(error, match=message):
        encode_json(value)
