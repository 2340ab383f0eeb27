"""Charset choice, decoding whole and in chunks, JSON."""

from __future__ import annotations

import codecs
import encodings
import encodings.aliases
import itertools
import pkgutil
import sys

import chardet
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from httpcore.content.text import (
    MAX_GUESSED_BYTES,
    TextDecoder,
    charset,
    decode_json,
    decode_text,
    known_charset,
    stream_charset,
)
from httpcore.exceptions import JSONDecodeError

NO_CHARSETS = {
    *("base64_codec", "bz2_codec", "hex_codec", "quopri_codec", "rot_13", "uu_codec", "zlib_codec"),
    *("idna", "punycode", "undefined", "unicode_escape", "raw_unicode_escape"),  # not of text
    *("mbcs", "oem"),  # whatever the machine is set to
    *("charmap", "palmos"),  # of no message
    "utf_7",  # banned by the WHATWG
    *("aliases", "__init__", "_win_cp_codecs"),  # no codecs
}
CODECS = {module.name for module in pkgutil.iter_modules(encodings.__path__)}
CHARSETS = sorted(CODECS - NO_CHARSETS)
# The standard library does not find its own csHPRoman8 either: it looks in lower case.
ALIASES = sorted(alias for alias in encodings.aliases.aliases if alias.islower())
FRENCH = "Un café crème, une crème brûlée et un thé à la menthe, s'il vous plaît."
JAPANESE = "これは日本語のテキストです。文字コードを推測します。" * 20


def decoded_in_chunks(parts: list[bytes], encoding: str | None) -> str:
    decoder = TextDecoder(encoding)
    return "".join([decoder.feed(part) for part in parts]) + decoder.flush()


# Which charset.


@pytest.mark.parametrize("name", CHARSETS)
def test_every_charset_of_python_is_known(name: str):
    """And can be looked up and decodes anything, in one piece and in chunks of one byte."""
    assert known_charset(name) == name
    content = bytes(range(256)) * 2
    assert decode_text(content, name)
    assert decoded_in_chunks([bytes([byte]) for byte in content], name)


@pytest.mark.parametrize("alias", ALIASES)
def test_aliases_are_known_as_codecs_lookup_knows_them(alias: str):
    """With any separator; a label that is taken is one that Python can look up."""
    for label in (alias, alias.replace("_", "-"), alias.replace("_", " ").upper()):
        found = known_charset(label)
        if encodings.aliases.aliases[alias] in NO_CHARSETS:
            assert found is None
        else:
            assert found == label.lower()
            assert codecs.lookup(found).name == codecs.lookup(alias).name


@pytest.mark.parametrize("label", sorted(NO_CHARSETS))
def test_tx1_what_is_no_charset_of_text_is_not_known(label: str):
    """Neither to whole bodies nor to streams, in any spelling."""
    for spelling in (label, label.upper(), label.replace("_", "-")):
        content_type = f"text/plain; charset={spelling}"
        assert charset(content_type, b"abc") == "utf-8"
        assert stream_charset(content_type) is None


@pytest.mark.parametrize(
    "label",
    [
        *("unknown", "hex", "zip", "rot13", "", "utf‑8", "utf--8", "utf/8", "u\0tf8", "utf.8"),
        *("-utf-8", "utf-8-", "a" * 100_000, "../../aliases", "encodings.utf_8", "ſjis", "\u0664"),
    ],
)
def test_tx1_unknown_labels_fall_to_the_next_rule(label: str):
    """No LookupError, and the byte order mark counts."""
    content_type = f"text/plain; charset={label}"
    assert charset(content_type, b"abc") == "utf-8"
    assert charset(content_type, codecs.BOM_UTF16_BE + b"\0a") == "utf-16-be"
    assert stream_charset(content_type) is None


def test_tx1_unknown_labels_leave_no_trace_in_the_interpreter():
    """codecs.lookup() would remember each for ever: a server could fill the memory."""
    if not hasattr(encodings, "_cache"):
        pytest.skip("the interpreter has no such cache")
    charset("text/plain; charset=never-heard-of-it", b"")
    assert not [name for name in encodings._cache if "heard" in name]


def test_tx1_codecs_of_other_packages_are_not_taken():
    """A server cannot choose a codec that some package has registered."""

    def search(name: str) -> codecs.CodecInfo | None:
        return codecs.lookup("latin-1") if name == "x_plugin" else None

    codecs.register(search)
    try:
        assert "".encode("x_plugin") == b""
        assert known_charset("x_plugin") is None
    finally:
        codecs.unregister(search)


@pytest.mark.parametrize(
    ("content_type", "expected"),
    [
        ("text/html; charset=ISO-8859-1", "iso-8859-1"),
        ('text/html; charset="Shift_JIS"', "shift_jis"),
        ("text/html; charset='latin1'", "latin1"),
        ("text/html; charset=; charset=koi8-r; charset=utf-8", "koi8-r"),
        ("text/html, text/html; charset=windows-1251", "windows-1251"),
    ],
)
def test_tx1_the_charset_of_content_type_comes_first(content_type: str, expected: str):
    """Quoted, twice, in any case; before a byte order mark and for bytes it cannot decode."""
    for content in (b"", b"abc", b"\xff", codecs.BOM_UTF8 + b"a"):
        assert charset(content_type, content) == expected
    assert stream_charset(content_type) == expected


@pytest.mark.parametrize(
    ("content", "expected", "text"),
    [
        (b"", "utf-8", ""),
        (b"abc", "utf-8", "abc"),
        ("é€".encode(), "utf-8", "é€"),
        (codecs.BOM_UTF8 + b"a", "utf-8", "a"),
        (codecs.BOM_UTF16_LE + b"a\0", "utf-16-le", "a"),
        (codecs.BOM_UTF16_BE + b"\0a", "utf-16-be", "a"),
        (codecs.BOM_UTF32_LE + b"a\0\0\0", "utf-32-le", "a"),
        (codecs.BOM_UTF32_BE + b"\0\0\0a", "utf-32-be", "a"),
    ],
)
@pytest.mark.parametrize("content_type", [None, "", "text/plain", "application/unheard-of"])
def test_tx3_without_a_charset(content_type: str | None, content: bytes, expected: str, text: str):
    """A byte order mark, else valid UTF-8."""
    assert charset(content_type, content) == expected
    assert decode_text(content, expected) == text


@pytest.mark.parametrize(
    ("text", "encoding"),
    [(FRENCH, "windows-1252"), (JAPANESE, "shift_jis"), (JAPANESE, "euc_jp")],
)
@pytest.mark.parametrize("content_type", [None, "", "text/plain", "application/unheard-of"])
def test_tx3_guessed(content_type: str | None, text: str, encoding: str):
    """Else a guess, which need not name the encoding in the same way as its writer."""
    content = text.encode(encoding)
    assert decode_text(content, charset(content_type, content)) == text


@pytest.mark.parametrize(
    "content_type",
    [
        *("image/png", "AUDIO/ogg", "video/mp4", "font/woff2"),
        *("application/octet-stream; x=y", "application/zip", "application/pdf"),
    ],
)
def test_tx3_what_is_no_text_is_not_guessed_at(content_type: str, monkeypatch: pytest.MonkeyPatch):
    """It reads as UTF-8 with replacements, and chardet is not asked."""
    monkeypatch.delattr(chardet, "detect")
    assert charset(content_type, b"\x89PNG\xff") == "utf-8"
    assert charset(content_type, codecs.BOM_UTF16_LE) == "utf-16-le"


def test_tx3_an_image_that_is_text_is_guessed_at():
    """SVG is XML."""
    assert charset("image/svg+xml", b"<svg>caf\xe9</svg>") != "utf-8"


@pytest.mark.parametrize("guess", [None, "EUC-TW", "hex"])
def test_tx3_no_usable_guess_is_windows_1252(guess: str | None, monkeypatch: pytest.MonkeyPatch):
    """As the WHATWG has it for text that says nothing."""
    monkeypatch.setattr(chardet, "detect", lambda content: {"encoding": guess})
    assert charset("text/plain", b"\xff") == "windows-1252"


def test_tx4_chardet_sees_64_kib_at_most(monkeypatch: pytest.MonkeyPatch):
    """However large the body is; and UTF-8 needs none of it."""
    seen = []

    def detect(content: bytes) -> dict[str, str]:
        seen.append(len(content))
        return {"encoding": "KOI8-R"}

    monkeypatch.setattr(chardet, "detect", detect)
    assert charset(None, b"\xff" + b"a" * 10_000_000) == "koi8-r"
    assert charset(None, "é".encode() * 1_000_000) == "utf-8"
    assert seen == [MAX_GUESSED_BYTES] == [65536]


def test_tx4_a_character_cut_in_two_at_64_kib_does_not_spoil_the_guess():
    """Whichever of its bytes the limit falls on."""
    text = JAPANESE * 100
    for shift in ("", "a"):
        assert charset(None, (shift + text).encode("euc_jp")) == "euc-jp"


def test_chardet_is_imported_only_where_a_guess_is_needed(monkeypatch: pytest.MonkeyPatch):
    """Importing it takes longer than most requests."""
    monkeypatch.setitem(sys.modules, "chardet", None)
    assert charset("text/plain", "é".encode()) == "utf-8"
    with pytest.raises(ImportError):
        charset("text/plain", b"\xe9")


# Decoding.


@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "utf-16-le", "euc-jp", "cp1252", None])
def test_tx2_what_cannot_be_decoded_becomes_the_replacement_character(encoding: str | None):
    """No exception; the rest of the text is there."""
    content = b"\x81\xff" if encoding == "utf-16-le" else b"a\x81"
    assert "\ufffd" in decode_text(content + b"\x81", encoding)
    assert "\ufffd" in decoded_in_chunks([content, b"\x81"], encoding)


@pytest.mark.parametrize(
    ("encoding", "content", "text"),
    [
        ("utf-8", codecs.BOM_UTF8 * 2 + b"a", "\ufeffa"),
        ("utf-8-sig", codecs.BOM_UTF8 + b"a", "a"),
        ("U8", b"a", "a"),
        ("utf-16", b"a\0", "a"),
        ("utf-16", codecs.BOM_UTF16_BE + b"\0a", "a"),
        ("utf-16", codecs.BOM_UTF32_LE, "\0"),
        ("utf-16-be", codecs.BOM_UTF16_BE + b"\0a", "a"),
        ("utf-16-le", codecs.BOM_UTF16_BE, "\ufffe"),
        ("utf-32", b"a\0\0\0", "a"),
        ("utf-32", codecs.BOM_UTF32_BE + b"\0\0\0a", "a"),
        ("latin-1", codecs.BOM_UTF8, "ï»¿"),
        ("utf-8", b"\xef\xbb", "\ufffd"),
        (None, codecs.BOM_UTF16_LE, ""),
        (None, b"\xef", "\ufffd"),
        (None, b"", ""),
    ],
)
def test_the_byte_order_mark_is_no_part_of_the_text(
    encoding: str | None, content: bytes, text: str
):
    """One of the charset's own, once; without one UTF-16 and UTF-32 are little-endian."""
    assert decode_text(content, encoding) == text
    assert decoded_in_chunks([bytes([byte]) for byte in content], encoding) == text


def test_an_encoding_that_python_does_not_have_is_a_lookup_error():
    """Only a caller can ask for one."""
    with pytest.raises(LookupError):
        decode_text(b"", "no-such-charset")
    with pytest.raises(LookupError):
        TextDecoder("no-such-charset")


def test_text_comes_as_soon_as_it_can():
    """Only the beginning of a possible byte order mark is held back."""
    decoder = TextDecoder(None)
    assert decoder.feed(b"a") == "a"
    assert decoder.feed("é".encode()[:1]) == ""
    assert decoder.feed("é".encode()[1:]) == "é"
    decoder = TextDecoder(None)
    assert decoder.feed(b"\xef\xbb") == ""
    assert decoder.feed(b"\xff") == "\ufffd\ufffd"
    assert TextDecoder("latin-1").feed(b"\xef") == "ï"


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from([None, *CHARSETS]),
    st.one_of(
        st.binary(max_size=12),
        st.builds(
            bytes.__add__,
            st.sampled_from([codecs.BOM_UTF8, codecs.BOM_UTF16, codecs.BOM_UTF32, b"\xff", b"~{"]),
            st.binary(max_size=8),
        ),
    ),
    st.lists(st.integers(0, 16), max_size=5),
)
def test_every_split_decodes_to_the_same_text(encoding: str | None, content: bytes, at: list[int]):
    """A TextDecoder fed in chunks agrees with one fed once, and with decode_text for UTF-8."""
    edges = [0, *sorted(at), len(content)]
    parts = [content[start:end] for start, end in itertools.pairwise(edges)]
    # PyPy's codec replaces what is broken as often as it is cut.
    assume(sys.implementation.name != "pypy" or encoding is None or "utf_32" not in encoding)
    whole = decoded_in_chunks([content], encoding)
    assert decoded_in_chunks(parts, encoding) == whole
    assert decode_text(content, encoding) == whole


# JSON.


def what() -> str:
    return "GET https://example.org/a answered 200 OK"


@pytest.mark.parametrize(
    "encoding",
    ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"],
)
def test_tx7_json_in_every_encoding(encoding: str):
    """RFC 8259 §8.1, and what older servers send; with and without a byte order mark."""
    assert decode_json('{"a": ["é", 1]}'.encode(encoding), what=what) == {"a": ["é", 1]}


def test_tx7_keywords_go_to_json_loads():
    """As in json.loads itself; a keyword that it does not have is a TypeError."""
    assert decode_json(b"1.5", what=what, parse_float=str) == "1.5"
    with pytest.raises(TypeError):
        decode_json(b"1.5", what=what, no_such_keyword=1)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        # What is wrong with it is said in the words of CPython or of PyPy.
        (
            b"<html>",
            r"not JSON \((Expecting value|Unexpected '<'): line 1 column 1 \(char 0\)\); "
            "it starts with: <ht",
        ),
        (
            b'{"a": 1',
            "(Expecting ',' delimiter|Unterminated object).*; it starts with: {\"a\": 1",
        ),
        (b"[" * 100_000, r"nested too deeply\); it starts with: \[\["),
        (b"1" * 100_000, "digits.*starts with: 111"),
        (b'"\xff"', r"'utf-8' codec can't decode.*starts with: \"\ufffd\""),
        (b"\x1b[0m\n", r"starts with: \\x1b\[0m\\n"),
        ("nö".encode("utf-16"), "starts with: nö"),
        (b"\xff\xfe\0", "starts with"),
    ],
)
def test_tx7_what_is_no_json(content: bytes, problem: str):
    """One error for all, with whose body it is, what is wrong with it, and how it starts."""
    with pytest.raises(JSONDecodeError, match=problem) as info:
        decode_json(content, what=what)
    message = str(info.value)
    assert message.startswith("GET https://example.org/a answered 200 OK, but the body is not JSON")
    assert len(message.partition("starts with: ")[2]) <= 200
    assert "\x1b" not in message
    assert isinstance(info.value, ValueError)
    assert info.value.__cause__ is not None


@pytest.mark.parametrize("content", [b"", b" \r\n"])
def test_tx7_an_empty_body(content: bytes):
    """Is called empty, rather than quoted."""
    with pytest.raises(JSONDecodeError, match="200 OK, but the body is empty"):
        decode_json(content, what=what)
