"""Response content decoding: whole bodies and streamed ones, good and bad."""

from __future__ import annotations

import collections.abc
import gzip
import importlib
import struct
import sys
import zlib

import hypothesis
import pytest
from hypothesis import strategies as st

from httpcore.content import decoders, decompressors
from httpcore.content.decoders import ContentDecoder, accept_encoding, decoder_for
from httpcore.exceptions import DecodingError
from tests.memory import holding_less_than

MIB = 1024 * 1024
TEXT = b"All the world's a stage, and all the men and women merely players. " * 300

zstd = importlib.import_module(
    "compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd"
)
brotli = importlib.import_module("brotli")

Encode = collections.abc.Callable[[bytes], bytes]


def raw_deflate(data: bytes) -> bytes:
    compressor = zlib.compressobj(wbits=-15)
    return compressor.compress(data) + compressor.flush()


def br_compress(data: bytes) -> bytes:
    return bytes(brotli.compress(data, quality=5))


def zstd_compress(data: bytes) -> bytes:
    """With a checksum, so that no flipped bit goes unseen."""
    checked = {zstd.CompressionParameter.checksum_flag: 1}
    return bytes(zstd.compress(data, options=checked))


ENCODERS: dict[str, Encode] = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "raw deflate": raw_deflate,
    "br": br_compress,
    "zstd": zstd_compress,
}


@pytest.fixture(autouse=True)
def fresh_imports() -> collections.abc.Iterator[None]:
    """What was found before is looked for again, before and after the test."""
    decompressors._import.cache_clear()
    accept_encoding.cache_clear()
    yield
    decompressors._import.cache_clear()
    accept_encoding.cache_clear()


@pytest.fixture(params=ENCODERS)
def coding(request: pytest.FixtureRequest) -> str:
    """Each coding in turn."""
    return str(request.param)


def made_for(coding: str) -> ContentDecoder:
    decoder = decoder_for(coding.removeprefix("raw "))
    assert decoder is not None
    return decoder


def streamed(decoder: ContentDecoder, data: bytes, step: int) -> bytes:
    parts: list[bytes] = []
    for offset in range(0, len(data), step):
        parts += decoder.decode(data[offset : offset + step])
    assert all(parts), "an empty piece would end a stream too early"
    return b"".join([*parts, *decoder.flush()])


@pytest.mark.parametrize("step", [1, 17, 4096, MIB])
def test_en4_whatever_the_chunks_the_content_is_the_same(coding: str, step: int) -> None:
    """Both kinds of deflate and all else decode one byte at a time too."""
    assert streamed(made_for(coding), ENCODERS[coding](TEXT), step) == TEXT


def test_a_whole_body_is_decoded_at_once(coding: str) -> None:
    """`decode_all()` is `decode()` and `flush()` in one."""
    assert made_for(coding).decode_all(ENCODERS[coding](TEXT)) == TEXT


@hypothesis.settings(max_examples=100, deadline=None)
@hypothesis.given(
    content=st.binary(max_size=2000),
    codings=st.lists(st.sampled_from(sorted(ENCODERS)), min_size=1, max_size=5),
    step=st.integers(1, 100),
)
def test_any_stack_of_codings_is_undone(content: bytes, codings: list[str], step: int) -> None:
    """What up to five codings did in order is undone, streamed and whole."""
    data = content
    for name in codings:
        data = ENCODERS[name](data)
    field = ", ".join(name.removeprefix("raw ") for name in codings)
    assert streamed(made_for(field), data, step) == content
    assert made_for(field).decode_all(data) == content


@hypothesis.settings(max_examples=100, deadline=None)
@hypothesis.given(
    content=st.binary(min_size=1, max_size=500),
    coding=st.sampled_from(sorted(ENCODERS)),
    step=st.integers(1, 100),
    data=st.data(),
)
def test_en1_a_body_that_is_cut_short_is_an_error(
    content: bytes, coding: str, step: int, data: st.DataObject
) -> None:
    """Wherever a body ends too early, it is never a short success; only no bytes at all are."""
    encoded = ENCODERS[coding](content)
    part = encoded[: data.draw(st.integers(1, len(encoded) - 1))]
    with pytest.raises(DecodingError, match="cut short"):
        streamed(made_for(coding), part, step)
    with pytest.raises(DecodingError, match="cut short"):
        made_for(coding).decode_all(part)


@pytest.mark.parametrize("codings", [("gzip", "br"), ("zstd", "gzip"), ("br", "deflate")])
def test_en1_an_inner_coding_that_is_cut_short_is_an_error(codings: tuple[str, str]) -> None:
    """The outer coding is complete; the content in it is not."""
    inner, outer = codings
    data = ENCODERS[outer](ENCODERS[inner](TEXT)[:-1])
    with pytest.raises(DecodingError, match=inner):
        made_for(", ".join(codings)).decode_all(data)


def test_en2_garbage_is_an_error_that_names_the_coding(coding: str) -> None:
    """The library's own error is the cause, and the message says what to do."""
    with pytest.raises(DecodingError, match=coding.removeprefix("raw ")) as caught:
        made_for(coding).decode_all(b"\xffThis is in no coding at all.")
    assert caught.value.__cause__ is not None
    assert "raw()" in str(caught.value)


@hypothesis.settings(max_examples=100, deadline=None)
@hypothesis.given(
    coding=st.sampled_from(["gzip", "deflate", "zstd"]),
    where=st.floats(0, 1, exclude_max=True),
    bit=st.integers(0, 7),
)
def test_en2_a_flipped_bit_never_gives_other_content(coding: str, where: float, bit: int) -> None:
    """Codings with a checksum give the content (the bit meant nothing) or an error."""
    data = bytearray(ENCODERS[coding](TEXT))
    data[int(where * len(data))] ^= 1 << bit
    try:
        content = made_for(coding).decode_all(bytes(data))
    except DecodingError:
        return
    assert content == TEXT


@pytest.mark.parametrize("position", [-8, -4], ids=["crc", "size"])
def test_en2_gzip_with_a_wrong_trailer_is_an_error(position: int) -> None:
    """The CRC and the size at the end count (RFC 1952 section 2.3.1)."""
    data = bytearray(gzip.compress(TEXT))
    data[position] ^= 1
    with pytest.raises(DecodingError, match="gzip"):
        made_for("gzip").decode_all(bytes(data))


def gzip_with_extra_field(data: bytes) -> bytes:
    plain = gzip.compress(data)
    extra = b"x" * 65535
    return plain[:3] + b"\x04" + plain[4:10] + struct.pack("<H", len(extra)) + extra + plain[10:]


MEMBERS = {
    "two": gzip.compress(b"one, ") + gzip.compress(b"two"),
    "an empty one between": gzip.compress(b"one, ") + gzip.compress(b"") + gzip.compress(b"two"),
    "a long extra field": gzip_with_extra_field(b"one, two"),
    "zero padding": gzip.compress(b"one, two") + bytes(5000),
    "zero padding between": gzip.compress(b"one, ") + bytes(512) + gzip.compress(b"two"),
    "garbage": gzip.compress(b"one, two") + b"\r\nthat is all",
    "garbage after padding": gzip.compress(b"one, two") + b"\0\0\r\n",
    "a member after garbage": gzip.compress(b"one, two") + b"?" + gzip.compress(b", three"),
}


@pytest.mark.parametrize("step", [1, 20, MIB])
@pytest.mark.parametrize("members", MEMBERS)
def test_en3_gzip_members_are_joined_and_the_rest_ignored(members: str, step: int) -> None:
    """Members follow one another; padding and garbage behind them are no content."""
    assert streamed(made_for("gzip"), MEMBERS[members], step) == b"one, two"
    assert made_for("gzip").decode_all(MEMBERS[members]) == b"one, two"


@pytest.mark.parametrize("step", [1, MIB])
def test_en3_a_gzip_member_that_only_begins_is_an_error(step: int) -> None:
    """The first byte of a member is enough to expect the rest of it."""
    with pytest.raises(DecodingError, match="cut short"):
        streamed(made_for("gzip"), gzip.compress(b"one") + b"\x1f", step)


def test_en3_a_member_that_is_there_twice_counts_twice() -> None:
    """The size at the end of the body, which is the second one's, is also that of the first."""
    data = gzip.compress(TEXT) * 2
    assert made_for("gzip").decode_all(data) == TEXT * 2
    assert streamed(made_for("gzip"), data, 100) == TEXT * 2


def test_a_large_body_is_decoded_at_once() -> None:
    """More than the size that a body may claim beforehand."""
    content = bytes(17 * MIB)
    assert made_for("gzip").decode_all(gzip.compress(content, 1)) == content


def test_en3_many_small_members_take_linear_time() -> None:
    """1.3 MB of empty members, whose input would be copied for each without slices."""
    one = gzip.compress(b"")
    assert made_for("gzip").decode_all(one * 65536) == b""


@pytest.mark.parametrize("step", [1, MIB])
def test_zstd_frames_are_joined_and_skippable_ones_skipped(step: int) -> None:
    """Frames follow one another (RFC 8878 section 3.1)."""
    skippable = b"\x50\x2a\x4d\x18" + struct.pack("<I", 4) + b"skip"
    data = skippable + zstd.compress(b"one, ") + skippable + zstd.compress(b"two") + skippable
    assert streamed(made_for("zstd"), data, step) == b"one, two"


@pytest.mark.parametrize("step", [1, MIB])
@pytest.mark.parametrize("coding", ["deflate", "raw deflate"])
def test_what_follows_deflate_is_ignored(coding: str, step: int) -> None:
    """As of gzip: servers send line ends there."""
    data = ENCODERS[coding](TEXT) + b"\r\n"
    assert streamed(made_for(coding), data, step) == TEXT
    assert made_for(coding).decode_all(data) == TEXT


@pytest.mark.parametrize("step", [1, MIB])
@pytest.mark.parametrize("coding", ["br", "zstd"])
def test_what_follows_br_and_zstd_is_an_error(coding: str, step: int) -> None:
    """Their libraries refuse it, at least some of them, so all of ours do."""
    with pytest.raises(DecodingError, match=coding):
        streamed(made_for(coding), ENCODERS[coding](TEXT) + b"junk", step)


@pytest.mark.parametrize(
    ("coding", "layers"), [("gzip", 1), ("deflate", 1), ("br", 1), ("zstd", 1), ("gzip", 2)]
)
def test_en5_a_bomb_is_decoded_in_bounded_memory(coding: str, layers: int) -> None:
    """64 MiB out of a few KiB pass by in pieces, whole memory staying below 8 MiB."""
    data = ENCODERS[coding](bytes(64 * MIB))
    for _ in range(layers - 1):
        data = ENCODERS[coding](data)
    assert len(data) < 70_000
    decoder = made_for(", ".join([coding] * layers))
    with holding_less_than(8 * MIB):
        total = sum(map(len, decoder.decode(data)))
    decoder.flush()
    assert total == 64 * MIB


@pytest.mark.parametrize("count", [6, 2000])
def test_en6_too_many_codings_are_refused_before_decoding(count: int) -> None:
    """The number is in the message; what is not decoded need not be gzip either."""
    decoder = made_for(", ".join(["gzip"] * count))
    with pytest.raises(DecodingError, match=f"{count} times"):
        decoder.decode(b"anything")
    with pytest.raises(DecodingError, match=f"{count} times"):
        decoder.decode_all(b"anything")


def test_en6_five_codings_and_any_number_of_identities_pass() -> None:
    """What changes nothing does not count."""
    data = TEXT
    for _ in range(5):
        data = gzip.compress(data)
    field = ", ".join(["gzip, identity"] * 5)
    assert made_for(field).decode_all(data) == TEXT


@pytest.mark.parametrize("field", ["x-gzip", "GZIP", " Gzip\t", ",gzip,", "identity, gzip"])
def test_en7_names_have_no_case_and_an_alias(field: str) -> None:
    """All of these are gzip (RFC 9110 section 8.4.1)."""
    assert made_for(field).decode_all(gzip.compress(TEXT)) == TEXT


@pytest.mark.parametrize(
    "field",
    [None, "", " ", ",", "identity", "IDENTITY, ,", "foo", "gzip, foo", "foo, gzip", "gzip;q=1"],
)
def test_en7_without_a_coding_that_we_know_there_is_nothing_to_decode(field: str | None) -> None:
    """One that is unknown makes all of them moot: the bytes are handed on as they came."""
    assert decoder_for(field) is None


@pytest.mark.parametrize(
    ("coding", "modules"),
    [
        ("br", ["brotli", "brotlicffi"]),
        ("zstd", ["compression.zstd", "backports.zstd", "zstandard"]),
    ],
)
def test_en8_without_the_library_decoding_says_what_to_install(
    coding: str, modules: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is an error only where there is content, and it is not among what we accept."""
    data = ENCODERS[coding](TEXT)
    for module in modules:
        monkeypatch.setitem(sys.modules, module, None)
    assert coding not in accept_encoding()
    assert made_for(coding).decode_all(b"") == b""
    for field in (coding, f"gzip, {coding}"):
        with pytest.raises(DecodingError, match="install the extra httpcore"):
            streamed(made_for(field), data, 100)


def test_what_we_accept_is_what_is_installed() -> None:
    """With both extras it is all four, the ones that every server has first."""
    assert accept_encoding() == "gzip, deflate, br, zstd"


@pytest.mark.parametrize("field", [*ENCODERS, "gzip, br", ", ".join(["gzip"] * 6)])
def test_en9_no_content_is_no_error(field: str) -> None:
    """HEAD, 204, 304 and empty bodies have a coding and no bytes."""
    assert made_for(field).decode_all(b"") == b""
    assert list(made_for(field).decode(b"")) == []
    assert made_for(field).flush() == ()


def zstd_frame_head(window_descriptor: int, dictionary: bytes = b"") -> bytes:
    return b"\x28\xb5\x2f\xfd" + bytes([len(dictionary), window_descriptor]) + dictionary


LAST_BLOCK = (5 << 3 | 0b001).to_bytes(3, "little") + b"hello"


def test_en10_a_zstd_window_of_8_mib_is_decoded() -> None:
    """RFC 9659: what every receiver has to take."""
    assert made_for("zstd").decode_all(zstd_frame_head(13 << 3) + LAST_BLOCK) == b"hello"


@pytest.mark.parametrize("descriptor", [13 << 3 | 1, 21 << 3], ids=["9 MiB", "2 GiB"])
def test_en10_a_larger_zstd_window_is_refused(descriptor: int) -> None:
    """Before the memory for it is taken."""
    with pytest.raises(DecodingError, match="zstd"):
        made_for("zstd").decode_all(zstd_frame_head(descriptor) + LAST_BLOCK)


def test_en10_a_zstd_dictionary_that_we_do_not_have_is_an_error() -> None:
    """The frame asks for dictionary 77."""
    with pytest.raises(DecodingError, match="zstd"):
        made_for("zstd").decode_all(zstd_frame_head(0, b"\x4d") + LAST_BLOCK)


def test_deflate_with_a_dictionary_that_we_do_not_have_is_an_error() -> None:
    """zlib's header has a bit for it."""
    compressor = zlib.compressobj(zdict=b"the dictionary")
    data = compressor.compress(b"the dictionary") + compressor.flush()
    with pytest.raises(DecodingError, match="deflate"):
        made_for("deflate").decode_all(data)


def test_en11_what_came_before_an_error_is_handed_out() -> None:
    """An error in mid-stream takes back nothing."""
    good = gzip.compress(TEXT)
    decoder = made_for("gzip")
    assert b"".join(decoder.decode(good)) == TEXT
    pieces = decoder.decode(gzip.compress(bytes(MIB))[:-8] + b"wrong it")
    assert next(pieces) == bytes(decoders._PIECE_BYTES)
    with pytest.raises(DecodingError):
        list(pieces)
