"""From the bytes of a body to text, lines' raw material, and JSON.

The charset of a body is, in this order:

1. what Content-Type says, where Python has that charset;
2. what a byte order mark says;
3. UTF-8, where the bytes are valid UTF-8;
4. chardet's guess from the first 64 KiB, windows-1252 where it has none.  Images and other types
   that are not text are not guessed at; they count as UTF-8.

A stream cannot wait for its last byte, so there rules 3 and 4 are: UTF-8.  Decoding never fails:
what the charset cannot decode becomes U+FFFD.  The byte order mark is no part of the text.

What "Python has that charset" means is a list.  `codecs.lookup()` would take whatever a server
names: codecs that are no charsets (`hex`, `zlib`, `unicode_escape`, `idna`), those that other
packages register, and it remembers every name it does not know for ever.  UTF-7 is left out, as by
the WHATWG: text that looks harmless is not, and its decoder keeps what it has read of a run and
reads it again with every chunk.
"""

from __future__ import annotations

import codecs
import collections.abc
import encodings.aliases
import json
import re
import typing

from ..exceptions import JSONDecodeError
from ..field_values import parse_content_type

MAX_GUESSED_BYTES = 64 * 1024
_FALLBACK = "windows-1252"
_EXCERPT_CHARS = 200

# By the names of the codecs in the standard library's `encodings`.
_CHARSETS = frozenset(
    """
    ascii big5 big5hkscs cp037 cp1006 cp1026 cp1125 cp1140 cp1250 cp1251 cp1252 cp1253 cp1254
    cp1255 cp1256 cp1257 cp1258 cp273 cp424 cp437 cp500 cp720 cp737 cp775 cp850 cp852 cp855
    cp856 cp857 cp858 cp860 cp861 cp862 cp863 cp864 cp865 cp866 cp869 cp874 cp875 cp932 cp949
    cp950 euc_jis_2004 euc_jisx0213 euc_jp euc_kr gb18030 gb2312 gbk hp_roman8 hz iso2022_jp
    iso2022_jp_1 iso2022_jp_2 iso2022_jp_2004 iso2022_jp_3 iso2022_jp_ext iso2022_kr iso8859_1
    iso8859_10 iso8859_11 iso8859_13 iso8859_14 iso8859_15 iso8859_16 iso8859_2 iso8859_3
    iso8859_4 iso8859_5 iso8859_6 iso8859_7 iso8859_8 iso8859_9 johab koi8_r koi8_t koi8_u
    kz1048 latin_1 mac_arabic mac_croatian mac_cyrillic mac_farsi mac_greek mac_iceland
    mac_latin2 mac_roman mac_romanian mac_turkish ptcp154 shift_jis shift_jis_2004
    shift_jisx0213 tis_620 utf_16 utf_16_be utf_16_le utf_32 utf_32_be utf_32_le utf_8 utf_8_sig
    """.split()  # noqa: SIM905  (a hundred quotation marks less)
)

# As codecs.lookup() reads them; a dot is part of the name there ("ansi_x3.4-1968").
_LABEL = re.compile(r"[0-9a-z]+(?:[-_.:+ ][0-9a-z]+)*")
_SEPARATOR = re.compile(r"[-_:+ ]")

_NOT_TEXT = re.compile(
    r"(image|audio|video|font|model)/(?!.*\+xml$)"
    r"|application/(octet-stream|pdf|zip|gzip|x-gzip|x-tar|x-bzip2?|x-7z-compressed|zstd|wasm"
    r"|x-protobuf|protobuf|grpc|msgpack|x-msgpack|cbor)\b"
)

_Boms = tuple[tuple[bytes, str], ...]
_UTF8: _Boms = ((codecs.BOM_UTF8, "utf-8"),)
_UTF16: _Boms = ((codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_UTF32: _Boms = ((codecs.BOM_UTF32_LE, "utf-32-le"), (codecs.BOM_UTF32_BE, "utf-32-be"))

# For each codec that may have a byte order mark in front: the marks, and the codec without one.
# UTF-32 goes first, because its little-endian mark begins with that of UTF-16.  Little-endian is
# what the WHATWG, and every server that is heard of, takes "utf-16" to be.
_UNKNOWN = ""
_FORMS: dict[str, tuple[_Boms, str]] = {
    _UNKNOWN: (_UTF32 + _UTF16 + _UTF8, "utf-8"),
    "utf-8": (_UTF8, "utf-8"),
    "utf-8-sig": (_UTF8, "utf-8"),
    "utf-16": (_UTF16, "utf-16-le"),
    "utf-16-le": (_UTF16[:1], "utf-16-le"),
    "utf-16-be": (_UTF16[1:], "utf-16-be"),
    "utf-32": (_UTF32, "utf-32-le"),
    "utf-32-le": (_UTF32[:1], "utf-32-le"),
    "utf-32-be": (_UTF32[1:], "utf-32-be"),
}


def known_charset(label: str) -> str | None:
    """`label` in lower case where it names a charset that Python has, else `None`."""
    label = label.strip().lower()
    if _LABEL.fullmatch(label) is None:
        return None
    module = _SEPARATOR.sub("_", label)
    module = encodings.aliases.aliases.get(module, module)
    return label if module in _CHARSETS else None


def charset(content_type: str | None, content: bytes) -> str:
    """The charset of a whole body, by the rules above, in lower case; empty ones are UTF-8."""
    media_type, label = parse_content_type(content_type)
    declared = None if label is None else known_charset(label)
    if declared is not None:
        return declared
    codec, bom_length = _codec(_UNKNOWN, content)
    if bom_length or _is_utf8(content) or _NOT_TEXT.match(media_type):
        return codec
    return _guessed(content[:MAX_GUESSED_BYTES])


def stream_charset(content_type: str | None) -> str | None:
    """The charset to stream text in; `None`: that of the byte order mark, else UTF-8."""
    _, label = parse_content_type(content_type)
    return None if label is None else known_charset(label)


def decode_text(content: bytes, encoding: str | None) -> str:
    """
    The text of a whole body; `None` for the encoding: that of the byte order mark, else UTF-8.

    Raises `LookupError` for an encoding that Python does not have; `charset()` never returns one.
    """
    codec, bom_length = _codec(_codec_name(encoding), content)
    return content[bom_length:].decode(codec, "replace")


class TextDecoder:
    """
    Decodes a body chunk by chunk; all chunks together give what `decode_text` gives.

    `encoding` as for `decode_text`.  A character that is cut in two comes with its second half,
    and a beginning that may become a byte order mark is held back until it is one or is none.
    """

    __slots__ = ("_decoder", "_head", "_name")

    def __init__(self, encoding: str | None) -> None:
        self._name = _codec_name(encoding)
        self._head = b""
        self._decoder: codecs.IncrementalDecoder | None = None

    def feed(self, chunk: bytes) -> str:
        """The text that `chunk` completes."""
        if self._decoder is not None:
            return self._decoder.decode(chunk)
        self._head += chunk
        if _may_become_bom(self._name, self._head):
            return ""
        return self._start(final=False)

    def flush(self) -> str:
        """The rest, once there is no more to come."""
        if self._decoder is not None:
            return self._decoder.decode(b"", final=True)
        return self._start(final=True)

    def _start(self, *, final: bool) -> str:
        codec, bom_length = _codec(self._name, self._head)
        head, self._head = self._head[bom_length:], b""
        self._decoder = codecs.getincrementaldecoder(codec)("replace")
        return self._decoder.decode(head, final)


def decode_json(
    content: bytes,
    *,
    what: collections.abc.Callable[[], str],
    loads: collections.abc.Callable[..., typing.Any] = json.loads,
    **kwargs: typing.Any,
) -> typing.Any:
    """
    The value of a JSON text in UTF-8, UTF-16 or UTF-32, with or without a byte order mark.

    `kwargs` go to `loads`.  Raises `JSONDecodeError` whose message begins with `what()`,
    which says whose body it is ("GET https://example.org answered 200 OK"), and is asked for only
    then.
    """
    try:
        return loads(content, **kwargs)
    except (RecursionError, ValueError) as exc:
        # ValueError: no JSON, bytes not in its encoding, or a number of over 4,300 digits.
        raise JSONDecodeError(f"{what()}, but {_why_no_json(content, exc)}") from exc


def _why_no_json(content: bytes, exc: Exception) -> str:
    if not content.strip():
        return "the body is empty, which is no JSON"
    problem = "it is nested too deeply" if isinstance(exc, RecursionError) else str(exc)
    # Some parsers, PyPy's among them, say which character they did not expect.
    problem = "".join(char if char.isprintable() else repr(char)[1:-1] for char in problem)
    text = decode_text(content[: 4 * _EXCERPT_CHARS], None)
    start = repr(text[:_EXCERPT_CHARS])[1:-1][:_EXCERPT_CHARS]
    return f"the body is not JSON ({problem}); it starts with: {start}"


def _codec_name(encoding: str | None) -> str:
    return _UNKNOWN if encoding is None else codecs.lookup(encoding).name


def _codec(name: str, content: bytes) -> tuple[str, int]:
    """The codec for `content` in the encoding `name`, and the length of its byte order mark."""
    boms, default = _FORMS.get(name, ((), name))
    for bom, codec in boms:
        if content.startswith(bom):
            return codec, len(bom)
    return default, 0


def _may_become_bom(name: str, head: bytes) -> bool:
    boms, _ = _FORMS.get(name, ((), name))
    return any(len(head) < len(bom) and bom.startswith(head) for bom, _ in boms)


def _is_utf8(content: bytes) -> bool:
    if content.isascii():
        return True
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _guessed(content: bytes) -> str:
    import chardet  # costs more to import than all the rest of a client

    guess = chardet.detect(content)["encoding"]
    return (known_charset(guess) if guess else None) or _FALLBACK
