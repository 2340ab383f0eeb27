"""Forms with files, multipart/form-data (RFC 7578), as the HTML standard has browsers write them.

The body is a list of segments, each a body of its own: what stands between the files, with the
values of plain fields in it, and the files.  A pass goes through them one after the other, so no
more than a block of one file is in memory, and the whole is as long, as replayable and as
asynchronous as its segments are.

Names are UTF-8 as it is, with `"`, CR and LF as `%22`, `%0D` and `%0A`: so no name can end its
line, and there is no `filename*`, which RFC 7578 §4.2 forbids.  Values are sent byte for byte.
"""

from __future__ import annotations

import collections.abc
import mimetypes
import os
import re
import typing

from ..aliases import BlockingRunner, Files, RawHeaders
from ..field_values import parse_boundary, parse_content_type
from .bodies import Body, BytesBody
from .encoding import encode_content, is_form
from .files import PathBody
from .form import FormData, encodable, form_items, form_values, value_text

FORM_DATA = "multipart/form-data"

# In-memory segments up to this size are joined, so that a small form goes out in one write.
_JOINED_BYTES = 64 * 1024

_BOUNDARY = re.compile(r"[0-9A-Za-z'()+_,./:=? -]{0,69}[0-9A-Za-z'()+_,./:=?-]")  # RFC 2046 §5.1.1
_ESCAPES = str.maketrans({'"': "%22", "\r": "%0D", "\n": "%0A"})
_COMPRESSED = {"gzip": "application/gzip", "bzip2": "application/x-bzip2", "xz": "application/x-xz"}
_UNKNOWN_TYPE = "application/octet-stream"

CheckHeaders = collections.abc.Callable[[typing.Any], RawHeaders]
"""Turns what a part has as its headers into fields; raises `InvalidHeader`."""


class MultipartBody(Body):
    """
    Bodies sent one after the other as one.

    `length` is `None` where that of one segment is.  Replayable if all of them are.  An exception
    that a file of the caller's raises has the name of its field as a note.
    """

    __slots__ = (
        "length",
        "replayable",
        "needs_async",
        "may_wait",
        "_segments",
        "_index",
        "_is_inside",
    )

    def __init__(self, segments: collections.abc.Sequence[tuple[Body, str | None]]) -> None:
        """`segments` with the name of the field, for errors; `None` for what is between fields."""
        bodies = [body for body, _ in segments]
        lengths = [body.length for body in bodies if body.length is not None]
        self.length = sum(lengths) if len(lengths) == len(bodies) else None
        self.replayable = all(body.replayable for body in bodies)
        self.needs_async = any(body.needs_async for body in bodies)
        self.may_wait = any(body.may_wait for body in bodies)
        self._segments = segments
        self._index = 0
        self._is_inside = False

    @property
    def can_send(self) -> bool:
        return all(body.can_send for body, _ in self._segments)

    def rewind(self) -> None:
        for body, _ in self._segments:
            if not body.can_send:
                body.rewind()  # raises
        self._index = 0
        self._is_inside = False

    async def next_chunk(self, run_blocking: BlockingRunner) -> bytes | memoryview | None:
        while self._index < len(self._segments):
            body, name = self._segments[self._index]
            try:
                if not self._is_inside:
                    # Only now: two fields may have the same file.
                    body.rewind()
                    self._is_inside = True
                piece = await body.next_chunk(run_blocking)
            except Exception as exc:
                exc.add_note(f"while sending the file of the form field {name!r}")
                raise
            if piece is not None:
                return piece
            self._is_inside = False
            self._index += 1
        return None

    async def aclose(self) -> None:
        if self._is_inside:
            await self._segments[self._index][0].aclose()


def encode_multipart(
    form: FormData | None,
    files: Files,
    content_type: str | None,
    check_headers: CheckHeaders,
) -> tuple[Body, str]:
    """
    The body that has the fields of `form` and then `files`, and its Content-Type.

    * `content_type`: the one that the user has set, whose boundary is used; if it has none, it is
      given one.
    * `check_headers`: see `CheckHeaders`.

    Raises `TypeError` for what is no form or no file, `ValueError` for a `content_type` that is not
    multipart or has an impossible boundary, `InvalidHeader` for the headers of a part, `OSError`
    for a path that cannot be read.
    """
    boundary, content_type = _boundary(content_type)
    writer = _Writer(boundary)
    for name, value in form_values(() if form is None else form):
        is_bytes = isinstance(value, bytes)
        text = value if is_bytes else value_text(name, value).encode("utf-8")
        writer.add(name, _head(name, None, []), BytesBody(text))
    for name, given in form_items(typing.cast("FormData", files)):
        for file in given if isinstance(given, list) else (given,):
            writer.add(name, *_part(name, file, check_headers))
    return writer.body(), content_type


class _Writer:
    """Collects the segments of a body; small ones that are in memory are joined."""

    def __init__(self, boundary: str) -> None:
        self._delimiter = f"--{boundary}".encode("ascii")
        self._segments: list[tuple[Body, str | None]] = []
        self._joined = bytearray()

    def add(self, name: str, head: bytes, body: Body) -> None:
        self._joined += b"%b\r\n%b\r\n" % (self._delimiter, head)
        if isinstance(body, BytesBody) and body.length <= _JOINED_BYTES:
            self._joined += body.data
        else:
            self._flush()
            self._segments.append((body, name))
        self._joined += b"\r\n"

    def body(self) -> Body:
        self._joined += self._delimiter + b"--\r\n"
        self._flush()
        return self._segments[0][0] if len(self._segments) == 1 else MultipartBody(self._segments)

    def _flush(self) -> None:
        self._segments.append((BytesBody(bytes(self._joined)), None))
        self._joined.clear()


def _boundary(content_type: str | None) -> tuple[str, str]:
    """The boundary, and the Content-Type that has it."""
    boundary = None
    if content_type is not None:
        if not parse_content_type(content_type)[0].startswith("multipart/"):
            raise ValueError(
                f"files= makes a body of {FORM_DATA}, but the Content-Type of the request is "
                f"{content_type!r}; leave it out, or drop the client's by None as its value"
            )
        boundary = parse_boundary(content_type)
    if boundary is None:
        # Nobody who can choose a part of the content may guess it (CVE-2025-7783).
        boundary = os.urandom(16).hex()
        return boundary, f"{content_type or FORM_DATA}; boundary={boundary}"
    if not _BOUNDARY.fullmatch(boundary):
        raise ValueError(
            f"{boundary!r} cannot be the boundary of a multipart body: it has to be 1 to 70 "
            "characters out of a small set (RFC 2046 section 5.1.1)"
        )
    return boundary, typing.cast("str", content_type)


def _part(name: str, file: typing.Any, check_headers: CheckHeaders) -> tuple[bytes, Body]:
    """The head and the body of one file."""
    content_type = headers = None
    if not isinstance(file, tuple):
        if isinstance(file, str):
            raise TypeError(
                f"the file of {name!r} is a str, which could be a path or the content: give "
                "pathlib.Path(...), bytes, or (filename, content)"
            )
        filename: str | None = _own_name(file) or name
        content = file
    elif 2 <= len(file) <= 4:
        filename, content = file[:2]
        content_type = file[2] if len(file) > 2 else None
        headers = file[3] if len(file) > 3 else None
    else:
        raise TypeError(
            f"the file of {name!r} is a tuple of {len(file)}; it has to be (filename, content), "
            "(filename, content, content_type), or these with headers"
        )
    if filename is not None and not isinstance(filename, str):
        raise TypeError(
            f"the file name of {name!r} is a str or None, not {type(filename).__name__}"
        )
    fields = _part_fields(name, filename, content_type, check_headers(headers), check_headers)
    return _head(name, filename, fields), _part_body(name, content)


def _part_fields(
    name: str,
    filename: str | None,
    content_type: str | None,
    given: RawHeaders,
    check_headers: CheckHeaders,
) -> RawHeaders:
    """The header fields of a part, but for Content-Disposition."""
    names = {field.lower() for field, _ in given}
    if b"content-disposition" in names:
        raise ValueError(
            f"the Content-Disposition of the file of {name!r} is made of its names; leave it out "
            "of its headers"
        )
    if b"content-type" in names:
        if content_type is not None:
            raise TypeError(
                f"the file of {name!r} has a content_type and a Content-Type in its headers; give "
                "one of them"
            )
        return given
    if content_type is None and filename is not None:
        content_type = _guessed_type(filename)
    if content_type is None:
        return given
    return [*check_headers([("Content-Type", content_type)]), *given]


def _part_body(name: str, content: typing.Any) -> Body:
    if isinstance(content, os.PathLike):
        return PathBody(content)
    if content is None or is_form(content):
        raise TypeError(
            f"the content of the file of {name!r} is bytes, str, a binary file, a path, or an "
            f"iterable of bytes, not {type(content).__name__}"
        )
    return encode_content(content)[0]


def _head(name: str, filename: str | None, fields: RawHeaders) -> bytes:
    disposition = f'Content-Disposition: form-data; name="{name.translate(_ESCAPES)}"'
    if filename is not None:
        disposition += f'; filename="{encodable(name, filename).translate(_ESCAPES)}"'
    lines = [disposition.encode("utf-8"), *(b"%b: %b" % field for field in fields)]
    return b"".join(line + b"\r\n" for line in lines)


def _own_name(file: object) -> str | None:
    """The last part of a file's path, where it has one."""
    path = file if isinstance(file, os.PathLike) else getattr(file, "name", None)
    if not isinstance(path, (str, bytes, os.PathLike)):
        return None  # files made from a descriptor have its number
    name = os.path.basename(os.fsdecode(path))
    if name.startswith("<") and name.endswith(">"):
        return None  # <stdin>
    # What the file system has of bytes that are no UTF-8 is shown as such, as browsers do.
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _guessed_type(filename: str) -> str:
    # With a slash in front no name is taken for a URL: that of a data: URL could say anything.
    guessed, encoding = mimetypes.guess_type("/" + filename.replace("\\", "/").rpartition("/")[2])
    if encoding is not None:
        return _COMPRESSED.get(encoding, _UNKNOWN_TYPE)
    return guessed or _UNKNOWN_TYPE
