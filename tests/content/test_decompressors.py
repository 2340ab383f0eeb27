"""The libraries, each in the one shape; the two that cannot be installed beside the others are
imitated over those that are."""

from __future__ import annotations

import collections.abc
import gzip
import importlib
import random
import sys
import types
import typing
import zlib

import pytest

from httpcore.content import decompressors
from httpcore.content.decompressors import Decompressor, Inflate
from httpcore.exceptions import DecodingError

MIB = 1024 * 1024
TEXT = b"To be, or not to be: " * 50 + bytes(random.Random(0).choices(b"abcdef \n", k=40_000))

STANDARD_ZSTD = "compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd"
LIBRARIES = [
    "zlib",
    "brotlipy",
    "brotlicffi",
    "brotlicffi 1.1",
    "Brotli 1.1",
    STANDARD_ZSTD,
    "zstandard",
]

Open = collections.abc.Callable[[], Decompressor]


class Library(typing.NamedTuple):
    """One library, made the one that is found."""

    open: Open
    error: type[Exception]
    compress: collections.abc.Callable[[bytes], bytes]
    bomb: bytes
    bomb_size: int
    largest_piece: int = 256 * 1024


class Brotli11:
    """Google's Brotli 1.1, whose module has the same name as brotlipy's: it takes no limit."""

    def __init__(self) -> None:
        self._real = importlib.import_module("brotlicffi").Decompressor()

    def process(self, data: bytes) -> bytes:
        parts = [self._real.process(data, output_buffer_limit=65536)]
        while parts[-1]:
            parts.append(self._real.process(b"", output_buffer_limit=65536))
        return b"".join(parts)

    def is_finished(self) -> bool:
        return bool(self._real.is_finished())


def brotlicffi_11() -> object:
    """A decompressor of brotlicffi 1.1: the same C object, fewer methods than today's."""
    real = importlib.import_module("brotlicffi").Decompressor()
    module = sys.modules[type(real).__module__]
    old = type("Decompressor", (), {"__module__": module.__name__, "process": None})()
    old._decoder = real._decoder
    return old


def fake_brotli(decompressor: collections.abc.Callable[[], object]) -> types.ModuleType:
    module = types.ModuleType("brotli")
    module.__dict__["Decompressor"] = decompressor
    module.__dict__["error"] = importlib.import_module("brotlicffi").error
    return module


@pytest.fixture(autouse=True)
def fresh_imports() -> collections.abc.Iterator[None]:
    """What was found before is looked for again, before and after the test."""
    decompressors._import.cache_clear()
    yield
    decompressors._import.cache_clear()


@pytest.fixture(params=LIBRARIES)
def library(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Library:
    """Each library in turn."""
    name = request.param
    modules: dict[str, types.ModuleType | None] = {}
    if name == "brotlicffi":
        modules = {"brotli": None}
    elif name == "brotlicffi 1.1":
        modules = {"brotli": fake_brotli(brotlicffi_11)}
    elif name == "Brotli 1.1":
        modules = {"brotli": fake_brotli(Brotli11)}
    elif name == "zstandard":
        modules = {"compression.zstd": None, "backports.zstd": None}
    for module, replacement in modules.items():
        monkeypatch.setitem(sys.modules, module, replacement)
    made: Library
    if name == "zlib":
        bomb = gzip.compress(bytes(8 * MIB))
        made = Library(lambda: Inflate(31), zlib.error, gzip.compress, bomb, 8 * MIB)
    elif name in {STANDARD_ZSTD, "zstandard"}:
        compress = importlib.import_module(name).compress
        error = decompressors.zstd_error()
        made = Library(decompressors.open_zstd, error, compress, zstd_bomb(256), 32 * MIB)
    else:
        compress = importlib.import_module("brotlicffi").compress
        error = decompressors.brotli_error()
        made = Library(decompressors.open_brotli, error, compress, brotli_bomb(2), 32 * MIB)
    unlimited = {"zstandard": 8 * MIB, "Brotli 1.1": 16 * MIB}
    return made._replace(largest_piece=made.largest_piece + unlimited.get(name, 0))


def drain(stream: Decompressor, data: bytes) -> collections.abc.Iterator[bytes]:
    """What `stream` gives for `data`, taken as its shape asks for."""
    yield stream.decompress(data, 256 * 1024)
    while not stream.eof and not stream.needs_input:
        yield stream.decompress(b"", 256 * 1024)


def brotli_bomb(metablocks: int) -> bytes:
    """16 MiB of zeros for each metablock of 13 bytes: the most that RFC 7932 allows."""
    size = 1 << 24
    bits: list[tuple[int, int]] = [(0b1111, 4)]  # a window of 2^24
    for _ in range(metablocks):
        bits += [(0, 1), (2, 2), (size - 1, 24), (0, 1)]  # not the last; its length in 6 nibbles
        bits += [(0, 3), (0, 6), (0, 2), (0, 2)]  # one block type, one tree of each kind
        bits += [(1, 2), (0, 2), (0, 8)]  # the only literal is 0, in no bits
        bits += [(1, 2), (0, 2), (384 + 8 * 5 + 7, 10)]  # the only command: insert 5, copy 2118+n
        bits += [(1, 2), (0, 2), (0, 6)]  # the only distance: the last one
        bits += [(size - 5 - 2118, 24)]
    bits += [(0b11, 2)]  # the last, and empty
    number = length = 0
    for value, width in bits:
        number |= value << length
        length += width
    return number.to_bytes((length + 7) // 8, "little")


def zstd_bomb(blocks: int) -> bytes:
    """128 KiB of one byte for each block of 4 bytes: the most that RFC 8878 allows."""
    size = 128 * 1024
    head = b"\x28\xb5\x2f\xfd\x00\x58"  # a window of 2 MiB, no size
    block = (size << 3 | 0b010).to_bytes(3, "little") + b"a"
    return head + block * blocks + (0b001).to_bytes(3, "little")


@pytest.mark.parametrize("step", [1, 13, 1000, 100_000])
def test_whatever_the_chunks_the_content_is_the_same(library: Library, step: int) -> None:
    """Bytes in any portions give the content, and the stream knows its end."""
    data = library.compress(TEXT)
    stream = library.open()
    parts: list[bytes] = []
    for offset in range(0, len(data), step):
        assert not stream.eof
        assert stream.needs_input
        parts += drain(stream, data[offset : offset + step])
    assert b"".join(parts) == TEXT
    assert stream.eof
    assert stream.unused_data == b""


def test_en1_a_stream_that_is_cut_short_has_no_end(library: Library) -> None:
    """Without its last byte a stream is not complete."""
    stream = library.open()
    list(drain(stream, library.compress(TEXT)[:-1]))
    assert not stream.eof


def test_en2_garbage_raises_the_error_of_the_library(library: Library) -> None:
    """What is in another coding raises what `..._error()` says, and nothing else."""
    stream = library.open()
    with pytest.raises(library.error):
        list(drain(stream, b"It is in no coding at all, this."))


def test_what_follows_the_end_is_handed_back_or_refused(library: Library) -> None:
    """No library takes bytes behind the end for content or forgets them."""
    stream = library.open()
    behind = b"behind the end of it" * 20
    try:
        content = b"".join(drain(stream, library.compress(TEXT) + behind))
    except library.error:
        return
    assert content == TEXT
    assert stream.eof
    assert stream.unused_data == behind


def test_en5_a_bomb_comes_in_bounded_pieces(library: Library) -> None:
    """However much a few bytes expand to, a piece has the size it may have, and none is lost."""
    assert len(library.bomb) < 10_000
    stream = library.open()
    total = 0
    for piece in drain(stream, library.bomb):
        assert len(piece) <= library.largest_piece
        total += len(piece)
    assert total == library.bomb_size
    assert stream.eof


def test_a_c_buffer_is_never_written_past_its_end() -> None:
    """The buffer beneath brotlipy has a size of its own, whatever limit is asked for."""
    stream = decompressors.open_brotli()
    piece = stream.decompress(brotli_bomb(1), 16 * MIB)
    assert len(piece) == 256 * 1024
    assert not stream.needs_input


@pytest.mark.parametrize(
    ("has", "modules"),
    [
        (decompressors.has_brotli, ("brotli", "brotlicffi")),
        (decompressors.has_zstd, ("compression.zstd", "backports.zstd", "zstandard")),
    ],
)
def test_whether_a_library_is_there_is_asked_without_importing(
    has: collections.abc.Callable[[], bool],
    modules: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Any of the modules will do, and none is imported for the answer."""
    for module in modules:
        monkeypatch.delitem(sys.modules, module, raising=False)
    assert has()
    assert not set(modules) & set(sys.modules)
    for module in modules:
        monkeypatch.setitem(sys.modules, module, None)
    assert not has()


def test_a_module_in_a_package_that_is_missing_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """`backports.zstd` is not there where there is no `backports` either."""
    monkeypatch.setattr(decompressors, "_ZSTD_MODULES", ("no_such_package.zstd",))
    assert not decompressors.has_zstd()


@pytest.mark.parametrize(
    ("open_it", "modules", "extra"),
    [
        (decompressors.open_brotli, ("brotli", "brotlicffi"), "httpcore[brotli]"),
        (
            decompressors.open_zstd,
            ("compression.zstd", "backports.zstd", "zstandard"),
            "httpcore[zstd]",
        ),
    ],
)
def test_en8_without_a_library_the_error_says_what_to_install(
    open_it: Open, modules: tuple[str, ...], extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error names the extra, and its cause is what could not be imported."""
    for module in modules:
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(DecodingError, match="install the extra") as caught:
        open_it()
    assert extra in str(caught.value)
    assert isinstance(caught.value.__cause__, ImportError)
