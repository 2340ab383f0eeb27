"""Decompression libraries in one shape, that of the standard library's decompressors.

br and zstd are optional.  They are looked for when the first request says what we accept, and
imported when the first response needs them.  Any of these will do:

* br: `brotli`, which is brotlipy or Google's Brotli, whichever is installed; `brotlicffi`.
* zstd: the standard library's (Python 3.14), its `backports.zstd`, or `zstandard`.

Not every library takes a limit for its output.  `zstandard` is fed 256 bytes at a time, which give
at most 8 MiB; Brotli before 1.2 is fed 12 bytes at a time, which give at most 16 MiB.  That would
not help with brotlipy and brotlicffi before 1.2, which collect such an output in pieces of 5 times
the input: their C functions are called directly, with a buffer of ours.
"""

from __future__ import annotations

import abc
import functools
import importlib
import importlib.util
import sys
import types
import typing
import zlib

from ..exceptions import DecodingError

RAW_HINT = "raw() of a streamed response has the bytes as they came"

# The largest window that a zstd frame may ask for is 8 MiB (RFC 9659 section 3).
_ZSTD_WINDOW_LOG = 23

# A zstd block gives up to 128 KiB for 4 bytes.
_ZSTANDARD_STEP_BYTES = 256
# A brotli metablock gives up to 16 MiB, and takes more than 12 bytes for that: 77 bits of header at
# least and 24 in the command to copy so much (RFC 7932 section 9.2).
_OLD_BROTLI_STEP_BYTES = 12
_CFFI_OUTPUT_BYTES = 256 * 1024

_BROTLI_MODULES = ("brotli", "brotlicffi")
_ZSTD_MODULES = ("compression.zstd", "backports.zstd", "zstandard")


class Decompressor(typing.Protocol):
    """
    One compressed stream, in the shape of `compression.zstd.ZstdDecompressor`.

    * `needs_input`: whether all has been given out for what came in; else go on with `b""`.
    * `eof`: whether the stream is complete; `unused_data` is then what follows it.
    """

    @property
    def needs_input(self) -> bool: ...

    @property
    def eof(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    def decompress(self, data: bytes, max_length: int) -> bytes: ...


def has_brotli() -> bool:
    """Whether br can be decoded.  Imports nothing."""
    return _is_installed(_BROTLI_MODULES)


def open_brotli() -> Decompressor:
    """A decompressor for one br stream.  Raises `DecodingError` where there is no library."""
    decompressor = _brotli().Decompressor()
    if hasattr(decompressor, "can_accept_more_data"):
        return _Brotli(decompressor)
    if hasattr(decompressor, "_decoder"):
        return _CffiBrotli(decompressor, brotli_error())
    return _OldBrotli(decompressor)


def brotli_error() -> type[Exception]:
    """What is raised for bytes that are not br."""
    return typing.cast("type[Exception]", _brotli().error)


def has_zstd() -> bool:
    """Whether zstd can be decoded.  Imports nothing."""
    return _is_installed(_ZSTD_MODULES)


def open_zstd() -> Decompressor:
    """A decompressor for one zstd frame.  Raises `DecodingError` where there is no library."""
    module = _zstd()
    if hasattr(module, "DecompressionParameter"):
        limit = {module.DecompressionParameter.window_log_max: _ZSTD_WINDOW_LOG}
        return typing.cast("Decompressor", module.ZstdDecompressor(options=limit))
    decompressor = module.ZstdDecompressor(max_window_size=1 << _ZSTD_WINDOW_LOG)
    return _Zstandard(decompressor.decompressobj())


def zstd_error() -> type[Exception]:
    """What is raised for bytes that are not zstd."""
    return typing.cast("type[Exception]", _zstd().ZstdError)


def _brotli() -> types.ModuleType:
    return _import(_BROTLI_MODULES, "brotli")


def _zstd() -> types.ModuleType:
    return _import(_ZSTD_MODULES, "zstd")


def _is_installed(modules: tuple[str, ...]) -> bool:
    for name in modules:
        try:
            if importlib.util.find_spec(name) is not None:
                return True
        except ModuleNotFoundError:  # of the package that the module would be in
            continue
    return False


@functools.cache
def _import(modules: tuple[str, ...], extra: str) -> types.ModuleType:
    missing: ImportError | None = None
    for name in modules:
        try:
            return importlib.import_module(name)
        except ImportError as exc:
            missing = exc
    raise DecodingError(
        "the response's content is in a coding whose library is not installed: "
        f"install the extra httpcore[{extra}]; {RAW_HINT}"
    ) from missing


class Inflate:
    """zlib, whose `window_bits` also say what stands around the data: see `zlib.decompressobj`."""

    __slots__ = ("_inflate", "needs_input")

    def __init__(self, window_bits: int) -> None:
        self._inflate = zlib.decompressobj(window_bits)
        self.needs_input = True

    @property
    def eof(self) -> bool:
        return self._inflate.eof

    @property
    def unused_data(self) -> bytes:
        return self._inflate.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        inflate = self._inflate
        piece = inflate.decompress(data or inflate.unconsumed_tail, max_length)
        self.needs_input = len(piece) < max_length and not inflate.unconsumed_tail
        return piece


class _Brotli:
    """Google's Brotli and brotlicffi, both from 1.2 on.  They refuse what follows the end."""

    __slots__ = ("_decompressor", "needs_input")

    unused_data = b""

    def __init__(self, decompressor: typing.Any) -> None:
        self._decompressor = decompressor
        self.needs_input = True

    @property
    def eof(self) -> bool:
        return bool(self._decompressor.is_finished())

    def decompress(self, data: bytes, max_length: int) -> bytes:
        piece: bytes = self._decompressor.process(data, output_buffer_limit=max_length)
        # Google's says that it can accept more in the middle of a long copy, too.
        self.needs_input = len(piece) < max_length and self._decompressor.can_accept_more_data()
        return piece


class _CffiBrotli:
    """
    The C functions beneath brotlipy 0.7 and brotlicffi before 1.2.

    Both have the same private names for them, and neither changes any more.
    """

    __slots__ = (
        "_decompressor", "_error", "_ffi", "_lib", "_input", "_next_in", "_available_in", "_output",
        "needs_input", "eof",
    )  # fmt: skip

    def __init__(self, decompressor: typing.Any, error: type[Exception]) -> None:
        binding: typing.Any = sys.modules[type(decompressor).__module__]
        self._ffi, self._lib = binding.ffi, binding.lib
        self._decompressor = decompressor  # owns the C object
        self._error = error
        self._next_in = self._ffi.new("const uint8_t **")
        self._available_in = self._ffi.new("size_t *")
        self._output = self._ffi.new("uint8_t[]", _CFFI_OUTPUT_BYTES)
        self.needs_input = True
        self.eof = False

    @property
    def unused_data(self) -> bytes:
        return bytes(self._ffi.buffer(self._next_in[0], self._available_in[0]))

    def decompress(self, data: bytes, max_length: int) -> bytes:
        ffi, lib, decoder = self._ffi, self._lib, self._decompressor._decoder
        if data:
            self._input = self._next_in[0] = ffi.from_buffer("uint8_t[]", data)
            self._available_in[0] = len(data)
        size = min(max_length, _CFFI_OUTPUT_BYTES)
        available_out = ffi.new("size_t *", size)
        next_out = ffi.new("uint8_t **", self._output)
        result = lib.BrotliDecoderDecompressStream(
            decoder, self._available_in, self._next_in, available_out, next_out, ffi.NULL
        )
        if result == lib.BROTLI_DECODER_RESULT_ERROR:
            code = lib.BrotliDecoderGetErrorCode(decoder)
            raise self._error(ffi.string(lib.BrotliDecoderErrorString(code)).decode("ascii"))
        self.eof = result == lib.BROTLI_DECODER_RESULT_SUCCESS
        self.needs_input = result == lib.BROTLI_DECODER_RESULT_NEEDS_MORE_INPUT
        return bytes(ffi.buffer(self._output, size - available_out[0]))


class _Unlimited(abc.ABC):
    """A library that takes no limit: fed so little at a time that what it gives is bounded."""

    __slots__ = ("_decompressor", "_input", "_offset")

    step: typing.ClassVar[int]

    def __init__(self, decompressor: typing.Any) -> None:
        self._decompressor = decompressor
        self._input = b""
        self._offset = 0

    @property
    @abc.abstractmethod
    def eof(self) -> bool: ...

    @abc.abstractmethod
    def feed(self, data: bytes) -> bytes:
        """What the library gives for `data`."""

    @property
    def needs_input(self) -> bool:
        return self._offset >= len(self._input)

    @property
    def unused_data(self) -> bytes:
        return self._input[self._offset :]

    def decompress(self, data: bytes, max_length: int) -> bytes:
        if data:
            self._input, self._offset = data, 0
        pieces = []
        size = 0
        while size < max_length and not self.needs_input and not self.eof:
            piece = self.feed(self._input[self._offset : self._offset + self.step])
            self._offset += self.step
            if piece:
                pieces.append(piece)
                size += len(piece)
        return b"".join(pieces)


class _OldBrotli(_Unlimited):
    """Google's Brotli before 1.2.  It refuses what follows the end."""

    __slots__ = ()

    step = _OLD_BROTLI_STEP_BYTES

    @property
    def eof(self) -> bool:
        return bool(self._decompressor.is_finished())

    def feed(self, data: bytes) -> bytes:
        return typing.cast("bytes", self._decompressor.process(data))


class _Zstandard(_Unlimited):
    """The package `zstandard`."""

    __slots__ = ()

    step = _ZSTANDARD_STEP_BYTES

    @property
    def eof(self) -> bool:
        return bool(self._decompressor.eof)

    @property
    def unused_data(self) -> bytes:
        return typing.cast("bytes", self._decompressor.unused_data) + super().unused_data

    def feed(self, data: bytes) -> bytes:
        return typing.cast("bytes", self._decompressor.decompress(data))
