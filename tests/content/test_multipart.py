"""Forms with files: what is on the wire, and how two independent parsers read it."""

from __future__ import annotations

import collections.abc
import io
import os
import pathlib
import re
import tempfile
import typing

import hypothesis
import pytest
from hypothesis import strategies as st

import httpcore
from httpcore.content.bodies import Body, BytesBody
from httpcore.content.multipart import MultipartBody, encode_multipart
from httpcore.driver import run_sync
from httpcore.exceptions import InvalidHeader, LocalProtocolError, StreamConsumed
from tests.content.passes import content_of, one_pass, run_here
from tests.servers.form_parsers import Part, read_by_python_multipart, read_by_werkzeug

KIB = 1024
BOUNDARY = "multipart/form-data; boundary=xx"


def check_headers(headers: typing.Any) -> list[tuple[bytes, bytes]]:
    return httpcore.Headers(headers).raw


def encoded(
    files: typing.Any, form: typing.Any = None, content_type: str | None = BOUNDARY
) -> Body:
    return encode_multipart(form, files, content_type, check_headers)[0]


def wire(files: typing.Any, form: typing.Any = None) -> bytes:
    return run_sync(content_of(encoded(files, form)))


def parts(files: typing.Any, form: typing.Any = None) -> list[Part]:
    """What both parsers read."""
    body = wire(files, form)
    read = read_by_python_multipart(BOUNDARY, body)
    assert read == read_by_werkzeug(BOUNDARY, body)
    return read


@pytest.fixture
def path(tmp_path: pathlib.Path) -> pathlib.Path:
    """A file of 600 KiB."""
    path = tmp_path / "photo.jpg"
    path.write_bytes(os.urandom(600 * KIB))
    return path


# What is on the wire.


def test_fields_and_files_are_parts_in_their_order() -> None:
    """First those of the form, as they were given; names may repeat."""
    form = [("b", "1"), ("a", ["2", 3, None]), ("b", b"\xff\r\n")]
    assert wire([("f", ("n.txt", b"x")), ("a", (None, "\u00e9"))], form) == (
        b'--xx\r\nContent-Disposition: form-data; name="b"\r\n\r\n1\r\n'
        b'--xx\r\nContent-Disposition: form-data; name="a"\r\n\r\n2\r\n'
        b'--xx\r\nContent-Disposition: form-data; name="a"\r\n\r\n3\r\n'
        b'--xx\r\nContent-Disposition: form-data; name="b"\r\n\r\n\xff\r\n\r\n'
        b'--xx\r\nContent-Disposition: form-data; name="f"; filename="n.txt"\r\n'
        b"Content-Type: text/plain\r\n\r\nx\r\n"
        b'--xx\r\nContent-Disposition: form-data; name="a"\r\n\r\n\xc3\xa9\r\n'
        b"--xx--\r\n"
    )


def test_a_list_of_files_repeats_the_field() -> None:
    """As a list of values does."""
    files = {"f": [("1", b"one"), ("2", b"two"), b"three"], "g": []}
    read = [(part.name, part.filename, part.content) for part in parts(files)]
    assert read == [("f", "1", b"one"), ("f", "2", b"two"), ("f", "f", b"three")]


def test_mp1_names_cannot_end_their_line() -> None:
    """Quotes and line ends are escaped as browsers do; all else is sent as it is."""
    name = 'a"\r\nX: y\r\n\r\n%22;\\ =\u20ac'
    escaped = "a%22%0D%0AX: y%0D%0A%0D%0A%22;\\ =\u20ac"
    body = wire({name: (name, b"")})
    assert f'name="{escaped}"; filename="{escaped}"\r\n'.encode() in body
    assert body.count(b"\r\n") == 6
    part = read_by_werkzeug(BOUNDARY, body)[0]
    assert part.headers == [("Content-Type", "application/octet-stream")]


@pytest.mark.parametrize("content_type", ["a\r\nX: y", "a\nb", "a\rb", "a\x00b"])
def test_mp1_a_part_type_cannot_end_its_line(content_type: str) -> None:
    """Nor can the headers of a part."""
    with pytest.raises(InvalidHeader):
        encoded({"f": ("n", b"", content_type)})
    with pytest.raises(InvalidHeader):
        encoded({"f": ("n", b"", None, {"X": content_type})})
    with pytest.raises(InvalidHeader):
        encoded({"f": ("n", b"", None, {content_type: "x"})})


def test_mp2_names_are_utf8(tmp_path: pathlib.Path) -> None:
    """As it is, and only once."""
    body = wire({"\u00ef": ("\u00ef.txt", b"")})
    assert b'name="\xc3\xaf"; filename="\xc3\xaf.txt"' in body
    assert b"filename*" not in body


def test_mp2_of_a_path_the_last_part_is_sent(tmp_path: pathlib.Path) -> None:
    """Whether it is given as a path or as a file that has one."""
    path = tmp_path / "na\u00efve.txt"
    path.write_bytes(b"content")
    with path.open("rb") as file, open(os.fsencode(path), "rb") as by_bytes:
        for given in (path, file, by_bytes, ("na\u00efve.txt", path)):
            (part,) = parts({"f": given})
            assert (part.filename, part.content) == ("na\u00efve.txt", b"content")
    assert parts({"f": ("a/b.txt", path)})[0].filename == "a/b.txt"  # what was asked for is sent


@pytest.mark.skipif(os.name != "posix", reason="names of files are bytes on POSIX only")
def test_mp2_a_path_that_is_no_utf8(tmp_path: pathlib.Path) -> None:
    """Its name is shown as browsers show it."""
    path = os.fsencode(tmp_path) + b"/\xe9.txt"
    try:
        with open(path, "wb") as file:
            file.write(b"content")
    except OSError:
        pytest.skip("this file system takes UTF-8 only")
    assert parts({"f": pathlib.Path(os.fsdecode(path))})[0].filename == "\ufffd.txt"


def test_files_without_a_name_of_their_own_have_that_of_their_field() -> None:
    """So that servers take them for files."""
    named = io.BytesIO(b"")
    named.name = "<stdin>"
    with tempfile.TemporaryFile() as unnamed:
        for content in (
            b"",
            bytearray(),
            memoryview(b""),
            io.BytesIO(),
            iter([b""]),
            named,
            unnamed,
        ):
            assert parts({"f": content})[0].filename == "f"


@pytest.mark.parametrize(
    ("filename", "content_type"),
    [
        ("a.txt", "text/plain"),
        ("dir.txt\\a.png", "image/png"),
        ("a.tar.gz", "application/gzip"),
        ("a.svg.br", "application/octet-stream"),
        ("a", "application/octet-stream"),
        ("", "application/octet-stream"),
        ("a.unheardof", "application/octet-stream"),
        ("data:text/html;x=\r\ny,a", "application/octet-stream"),
        ("http://a/b.png", "image/png"),
    ],
)
def test_the_content_type_is_guessed_from_the_name(filename: str, content_type: str) -> None:
    """Of compressed files it is that of the compression, which is what will be received."""
    assert f"\r\nContent-Type: {content_type}\r\n\r\n".encode() in wire({"f": (filename, b"")})


def test_headers_of_a_part() -> None:
    """They are sent as given; a Content-Type among them is not guessed again."""
    headers = {"Content-Type": "a/b", "X-Y": "1"}
    (part,) = parts({"f": ("n", b"", None, headers)})
    assert part.headers == list(headers.items())
    (part,) = parts({"f": ("n", b"", "c/d", [("X-Y", "1")])})
    assert part.headers == [("Content-Type", "c/d"), ("X-Y", "1")]
    (part,) = parts({"f": (None, "{}", "application/json")})
    assert (part.filename, part.headers) == (None, [("Content-Type", "application/json")])


# The boundary.


def test_mp3_the_boundary_cannot_be_guessed() -> None:
    """It has 128 bits of the system's randomness."""
    kinds = {encode_multipart(None, {"f": b""}, None, check_headers)[1] for _ in range(10)}
    assert len(kinds) == 10
    for kind in kinds:
        assert re.fullmatch(r"multipart/form-data; boundary=[0-9a-f]{32}", kind)


@pytest.mark.parametrize(
    ("given", "boundary"),
    [
        ("multipart/form-data; boundary=abc", b"abc"),
        ('Multipart/Related; type="a;boundary=b"; BOUNDARY="a b,c"; x', b"a b,c"),
        ("multipart/form-data; boundary=" + 70 * "x", 70 * b"x"),
    ],
)
def test_mp3_the_boundary_of_the_user_is_used(given: str, boundary: bytes) -> None:
    """With a Content-Type that stays as it is."""
    body, content_type = encode_multipart(None, {"f": b""}, given, check_headers)
    assert content_type == given
    assert run_sync(content_of(body)).startswith(b"--" + boundary + b"\r\n")


def test_mp3_a_multipart_type_without_a_boundary_is_given_one() -> None:
    """Who has to name the type need not think of one."""
    body, kind = encode_multipart(None, {"f": b"x"}, "multipart/mixed; a=b", check_headers)
    assert re.fullmatch(r"multipart/mixed; a=b; boundary=[0-9a-f]{32}", kind)
    assert read_by_werkzeug(kind, run_sync(content_of(body)))[0].content == b"x"


@pytest.mark.parametrize("boundary", ["", 71 * "x", "a ", "a\u00e9", "a{b"])
def test_mp3_an_impossible_boundary_is_refused(boundary: str) -> None:
    """RFC 2046 says what it may consist of."""
    with pytest.raises(ValueError, match="boundary"):
        encoded({"f": b""}, content_type=f'multipart/form-data; boundary="{boundary}"')


def test_another_content_type_is_refused() -> None:
    """The server would not find the parts."""
    with pytest.raises(ValueError, match="application/json"):
        encoded({"f": b""}, content_type="application/json")


# The body.


def test_a_small_form_is_one_piece() -> None:
    """It goes out in one write with its head."""
    assert isinstance(encoded({"f": b"x" * KIB, "g": b"y"}, {"a": "b"}), BytesBody)


async def test_mp4_a_large_form_is_streamed_with_its_length(path: pathlib.Path) -> None:
    """No piece is larger than a block of a file."""
    with path.open("rb") as file:
        body = encoded({"f": file, "p": path, "b": b"x" * 100_000}, {"a": "b"})
        pieces = await one_pass(body)
    content = b"".join(pieces)
    assert max(map(len, pieces)) == 512 * KIB
    assert body.length == len(content)
    read = read_by_werkzeug(BOUNDARY, content)
    assert [part.content for part in read[1:3]] == [path.read_bytes()] * 2


async def test_mp4_a_pipe_is_sent_in_chunks() -> None:
    """As is everything that does not know its length; all of that can be sent once."""
    reading, writing = os.pipe()
    with open(writing, "wb") as end:
        end.write(b"through the pipe")
    with open(reading, "rb") as file:
        body = encoded([("f", file), ("g", iter([b"a", b"b"]))])
        assert (body.length, body.replayable, body.can_send) == (None, False, True)
        read = read_by_werkzeug(BOUNDARY, await content_of(body))
        assert [part.content for part in read] == [b"through the pipe", b"ab"]
        assert not body.can_send
        with pytest.raises(StreamConsumed):
            body.rewind()


async def test_what_is_replayable_and_async_is_told_by_the_parts() -> None:
    """One is enough to make the whole so."""

    async def pieces() -> collections.abc.AsyncIterator[bytes]:
        yield b"content"

    assert encoded({"f": io.BytesIO(b"a"), "g": io.BytesIO(b"b")}).replayable
    body = encoded({"f": io.BytesIO(b"a"), "g": pieces()})
    assert (body.replayable, body.needs_async) == (False, True)
    assert read_by_werkzeug(BOUNDARY, await content_of(body))[1].content == b"content"


async def test_a_pass_that_ended_before_an_iterator_can_be_repeated() -> None:
    """What has not been reached has not been used up."""
    body = encoded([("f", io.BytesIO(b"a")), ("g", iter([b"b"]))])
    await body.aclose()
    body.rewind()
    await body.next_chunk(run_here)
    await body.aclose()
    assert body.can_send
    assert [part.content for part in read_by_werkzeug(BOUNDARY, await content_of(body))] == [
        b"a",
        b"b",
    ]


async def test_a_pass_that_has_ended_can_be_given_up() -> None:
    """There is nothing left to be closed."""
    body = encoded([("f", io.BytesIO(b"a")), ("g", iter([b"b"]))])
    await content_of(body)
    await body.aclose()
    await body.aclose()


async def test_mp5_files_are_sent_from_their_position_each_time(path: pathlib.Path) -> None:
    """Also when two fields have the same file."""
    with path.open("rb") as file:
        file.seek(100)
        body = encoded([("f", file), ("g", file)])
        assert body.replayable
        for _ in range(2):
            read = read_by_werkzeug(BOUNDARY, await content_of(body))
            assert [part.content for part in read] == [path.read_bytes()[100:]] * 2


async def test_mp5_an_empty_file_is_a_part(tmp_path: pathlib.Path) -> None:
    """With nothing in it."""
    path = tmp_path / "empty"
    path.touch()
    for empty in (path, io.BytesIO(), b"", iter([b""])):
        assert parts({"f": ("n", empty)})[0].content == b""


def test_mp5_without_a_file_name_there_is_none() -> None:
    """The part is a plain field then; an empty name is one, too."""
    assert wire({"f": (None, io.BytesIO(b"x"))}) == (
        b'--xx\r\nContent-Disposition: form-data; name="f"\r\n\r\nx\r\n--xx--\r\n'
    )
    assert b'; filename=""\r\n' in wire({"f": ("", b"")})


async def test_mp6_a_file_that_grows_or_shrinks(path: pathlib.Path) -> None:
    """What was declared is sent, or an error names both numbers and the field."""
    with path.open("rb") as file:
        body = encoded({"f": file})
        content = path.read_bytes()
        with path.open("ab") as appending:
            appending.write(b"more")
        assert read_by_werkzeug(BOUNDARY, await content_of(body))[0].content == content
        os.truncate(path, 300 * KIB)
        with pytest.raises(LocalProtocolError, match=r"307200.*614400") as raised:
            await content_of(body)
    assert raised.value.__notes__ == ["while sending the file of the form field 'f'"]


async def test_mp6_an_error_of_a_file_passes_as_it_is() -> None:
    """With a note that says which one it was; and the body can be given up."""

    class Broken(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            raise OSError(5, "Input/output error")

    closed = []

    def pieces() -> collections.abc.Iterator[bytes]:
        try:
            yield b"x"
        finally:
            closed.append(True)

    body = encoded({"f": pieces(), "g": Broken(b"x")})
    with pytest.raises(OSError, match="Input/output error") as raised:
        await content_of(body)
    assert raised.value.__notes__ == ["while sending the file of the form field 'g'"]
    await body.aclose()
    body = encoded({"f": pieces()})
    for _ in range(2):
        assert await body.next_chunk(run_here)
    await body.aclose()
    assert closed == [True, True]


# What is refused.


@pytest.mark.parametrize(
    ("file", "message"),
    [
        ("/etc/passwd", "could be a path or the content"),
        (("n",), "tuple of 1"),
        (("n", b"", "a/b", {}, 1), "tuple of 5"),
        ((b"n", b""), "file name"),
        (("n", None), "not NoneType"),
        (("n", {"a": "b"}), "not dict"),
        (("n", [("a", "b")]), "not list"),
        (("n", 1), "not int"),
        (("n", io.StringIO("")), "binary mode"),
        (("n", b"", "a/b", {"Content-Type": "a/b"}), "one of them"),
        (None, "not NoneType"),
        (1, "not int"),
    ],
)
def test_what_is_no_file_is_a_type_error(file: object, message: str) -> None:
    """Before anything is sent; a `str` might be a path that somebody else has chosen."""
    with pytest.raises(TypeError, match=message):
        encoded({"f": file})


def test_other_mistakes() -> None:
    """They are found at once, too."""
    with pytest.raises(TypeError, match="pairs"):
        encoded([b"content"])
    with pytest.raises(ValueError, match="made of its names"):
        encoded({"f": ("n", b"", None, {"content-disposition": "attachment"})})
    with pytest.raises(ValueError, match="lone surrogate"):
        encoded({"f": ("\ud800", b"")})
    with pytest.raises(FileNotFoundError):
        encoded({"f": pathlib.Path("/does/not/exist")})


# Two parsers.

# A backslash is sent as it is, as browsers do, and what parsers make of it differs.
NAMES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\\"), max_size=10)
CONTENTS = st.binary(max_size=50) | st.sampled_from([b"\r\n", b"\r\n--", b"--xx", b"x\r\n--x\r\n"])


@hypothesis.settings(max_examples=200, deadline=None)
@hypothesis.given(
    st.lists(st.tuples(NAMES, CONTENTS)), st.lists(st.tuples(NAMES, st.none() | NAMES, CONTENTS))
)
def test_every_form_is_read_as_it_was_given(
    form: list[tuple[str, bytes]], files: list[tuple[str, str | None, bytes]]
) -> None:
    """All names and all contents, in their order, by both parsers."""
    given = [(name, (filename, io.BytesIO(content))) for name, filename, content in files]
    body, kind = encode_multipart(form, given, None, check_headers)
    content = run_sync(content_of(body))
    assert body.length == len(content)
    if not form and not files:
        return
    expected: list[tuple[str, str | None, bytes]]
    expected = [(escaped(name), None, value) for name, value in form]
    expected += [(escaped(name), escaped(filename), value) for name, filename, value in files]
    read = [(part.name, part.filename, part.content) for part in read_by_werkzeug(kind, content)]
    as_werkzeug = [(quoted(name), quoted(filename), value) for name, filename, value in expected]
    assert read == as_werkzeug
    read = [part[:2] + part[3:] for part in read_by_python_multipart(kind, content)]
    assert read == expected


T = typing.TypeVar("T", str, str | None)


def escaped(name: T) -> T:
    """As it is on the wire."""
    if name is not None:
        name = name.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
    return name


def quoted(name: T) -> T:
    """As Werkzeug shows it."""
    return None if name is None else name.replace("%22", '"')


def test_a_body_of_nothing() -> None:
    """No segment, no bytes."""
    body = MultipartBody([])
    assert (body.length, body.replayable) == (0, True)
    assert run_sync(content_of(body)) == b""
