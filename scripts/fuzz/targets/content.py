"""Content codings of responses, and forms with files."""

from __future__ import annotations

import itertools
import re

from httpcore.content.decoders import ContentDecoder, decoder_for
from httpcore.content.multipart import encode_multipart
from httpcore.driver import run_sync
from httpcore.exceptions import DecodingError, InvalidHeader
from httpcore.models.headers import Headers
from httpcore.models.request import run_here

# What is decoded of a body, which may have a million times its size, and how much of one at once.
_MAX_CONTENT_BYTES = 1024 * 1024
_MAX_PIECE_BYTES = 512 * 1024


def decoding(data: bytes) -> None:
    """
    Any body gives content or `DecodingError`: the same whole, in pieces and byte by byte, in
    bounded pieces.  The first line is the Content-Encoding.
    """
    line, _, body = data.partition(b"\n")
    field = line.decode("latin-1")
    if decoder_for(field) is None:
        return
    decoded = [_decoded(field, body, step) for step in (1, 7, len(body) or 1)]
    shortest = min(len(content) for content, _ in decoded)
    # Where a library stops before an error, or we do because it is enough, depends on the pieces.
    assert len({content[:shortest] for content, _ in decoded}) == 1
    if "complete" not in {how for _, how in decoded}:
        return
    assert len(set(decoded)) == 1
    content, _ = decoded[0]
    if "," not in field:
        assert _decoder(field).decode_all(body) == content


def _decoder(field: str) -> ContentDecoder:
    decoder = decoder_for(field)
    assert decoder is not None
    return decoder


def _decoded(field: str, body: bytes, step: int) -> tuple[bytes, str]:
    """The content, and how it ended."""
    decoder = _decoder(field)
    content = bytearray()
    try:
        for at in range(0, len(body), step):
            for piece in decoder.decode(body[at : at + step]):
                assert 0 < len(piece) <= _MAX_PIECE_BYTES
                content += piece
                if len(content) >= _MAX_CONTENT_BYTES:
                    return bytes(content), "enough"
        decoder.flush()
    except DecodingError:
        return bytes(content), "an error"
    return bytes(content), "complete"


_DISPOSITION = re.compile(
    rb'Content-Disposition: form-data; name="([^"\r\n]*)"(?:; filename="([^"\r\n]*)")?'
)


def multipart(data: bytes) -> None:
    """
    Any names and contents give a form that has exactly these parts, with no line that they made.
    Parts stand between bytes 0xFF; in each, 0xFE stands between name, file name, type and content.
    """
    names: list[tuple[bytes, bytes | None, bytes]] = []
    files = []
    for given in data.split(b"\xff"):
        name, *more = given.split(b"\xfe", 3)
        filename, kind, content = itertools.islice([*more, b"", b"", b""], 3)
        texts = [text.decode("utf-8", "replace") for text in (name, filename, kind)]
        has_filename = bool(more)
        try:
            files.append(
                (texts[0], (texts[1] if has_filename else None, content, texts[2] or None))
            )
            _encoded(files[-1:])
        except (InvalidHeader, ValueError):  # its type
            files.pop()
            continue
        names.append((_escaped(texts[0]), _escaped(texts[1]) if has_filename else None, content))
    if files:
        kind_field, body = _encoded(files)
        assert _parts(kind_field, body) == names


def _encoded(files: list[tuple[str, tuple[str | None, bytes, str | None]]]) -> tuple[str, bytes]:
    body, kind = encode_multipart(None, files, None, _check_headers)
    body.rewind()
    pieces = []
    while (piece := run_sync(body.next_chunk(run_here))) is not None:
        pieces.append(bytes(piece))
    content = b"".join(pieces)
    assert body.length == len(content)
    return kind, content


def _check_headers(given: object) -> list[tuple[bytes, bytes]]:
    return list(Headers(given).raw)  # type: ignore[arg-type]


def _parts(kind: str, body: bytes) -> list[tuple[bytes, bytes | None, bytes]]:
    """The parts of a form, read strictly."""
    boundary = kind.rpartition("=")[2].encode("ascii")
    first, *parts, last = (b"\r\n" + body).split(b"\r\n--" + boundary)
    assert (first, last) == (b"", b"--\r\n")
    read = []
    for part in parts:
        head, blank, content = part.partition(b"\r\n\r\n")
        assert blank
        start, disposition, *types = head.split(b"\r\n")
        assert start == b""
        assert len(types) <= 1
        assert all(line.startswith(b"Content-Type: ") for line in types)
        match = _DISPOSITION.fullmatch(disposition)
        assert match is not None
        read.append((match[1], match[2], content))
    return read


def _escaped(name: str) -> bytes:
    return name.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A").encode("utf-8")
