"""Response content decoding: gzip, deflate, br and zstd (RFC 9110 section 8.4), in bounded memory.

Raw bytes go in as they arrive, decoded pieces come out.  A hostile body expands by a factor of a
thousand (deflate) to a million (br), so nothing here asks a library for all that it can give: input
is taken in slices of 64 KiB, output in pieces of 256 KiB, and the caller takes them one by one.
Codings that were applied one after the other are undone lazily, each piece of one feeding the next.

Every library is made to look like the standard library's decompressors (bz2, lzma, zstd): a `_Stream`.
A `_Coding` runs one stream after the other, because a body may consist of several: gzip members
(RFC 1952 section 2.2), zstd frames (RFC 8878 section 3).  What may stand behind a complete one:

* gzip: zero bytes are padding and 0x1f begins another member; anything else is ignored with all
  that follows, as gzip(1) and browsers do.
* deflate: anything; it is ignored.
* zstd: another frame.  br: nothing.  Anything else is a `DecodingError`.

A body of no bytes decodes to none, whatever its coding: that is what HEAD, 204 and 304 have.

Not every library takes a limit for its output.  `zstandard` is fed 256 bytes at a time, which give at
most 8 MiB; Brotli before 1.2 is fed 12 bytes at a time, which give at most 16 MiB.  That would not help
brotlipy, which collects such an output in pieces of 5 times the input: its C functions are called
directly, with a buffer of ours.

br and zstd are optional.  They are looked for when the first request says what we accept, and
imported when the first response needs them.
"""

from __future__ import annotations

import abc
import collections.abc
import functools
import importlib
import importlib.util
import types
import typing
import zlib

from ..exceptions import DecodingError

# What one response may have (CVE-2022-32206).
_MAX_CODINGS = 5

_SLICE_BYTES = 64 * 1024
_PIECE_BYTES = 256 * 1024

# The largest window that a zstd frame may ask for is 8 MiB (RFC 9659 section 3).
_ZSTD_WINDOW_LOG = 23

# A zstd block gives up to 128 KiB for 4 bytes.
_ZSTANDARD_STEP_BYTES = 256
# A brotli metablock gives up to 16 MiB, and its header alone takes more than 9 bytes, the command
# to copy so much another 3 (RFC 7932 section 9.2).
_OLD_BROTLI_STEP_BYTES = 12

_BROTLI_MODULES = ("brotli", "brotlicffi")
_ZSTD_MODULES = ("compression.zstd", "backports.zstd", "zstandard")


class ContentDecoder:
    """
    Undoes the content codings of one response.  For one task or thread at a time.

    `codings` are names in the order in which they were applied, at least one.
    """

    __slots__ = ("_codings",)

    def __init__(self, codings: collections.abc.Sequence[str]) -> None:
        self._codings = [_CODINGS[name](name) for name in reversed(codings)]

    def decode(self, data: bytes) -> collections.abc.Iterator[bytes]:
        """
        What can be decoded once `data` has arrived, in pieces of 256 KiB or less that are not empty.

        (Larger with the libraries that take no limit: see the top of this module.)  Take all
        of them before the next `data` is given.  Raises `DecodingError`.
        """
        if len(self._codings) > _MAX_CODINGS and data:
            raise DecodingError(
                f"the response's content is encoded {len(self._codings)} times over, and at most "
                f"{_MAX_CODINGS} codings are decoded; {_RAW_HINT}"
            )
        pieces = self._codings[0].decode(data)
        for coding in self._codings[1:]:
            pieces = _decode_each(coding, pieces)
        return pieces

    def flush(self) -> tuple[bytes, ...]:
        """
        The body has ended: raise `DecodingError` if its coding has not.

        Returns what is still to come, which is nothing: `decode()` gives all there is.
        """
        for coding in self._codings:
            coding.check_complete()
        return ()

    def decode_all(self, data: bytes) -> bytes:
        """A whole body, decoded; its size has no bound.  Raises `DecodingError`."""
        if len(self._codings) == 1:
            return self._codings[0].decode_all(data)
        content = b"".join(self.decode(data))
        self.flush()
        return content


def decoder_for(content_encoding: str | None) -> ContentDecoder | None:
    """
    The decoder that a Content-Encoding field asks for; `None`: the content is as it came.

    That is so without a field, for `identity`, and where one of the codings is unknown to us.  What
    we know but cannot decode (more than 5 codings, br without its library) is a `DecodingError`
    of the decoder's, so that it is none where there is no content.
    """
    if not content_encoding:
        return None
    names = [name.strip(" \t").lower() for name in content_encoding.split(",")]
    codings = [name for name in names if name and name != "identity"]
    if not codings or not all(name in _CODINGS for name in codings):
        return None
    return ContentDecoder(codings)


@functools.cache
def accept_encoding() -> str:
    """The Accept-Encoding field that names what can be decoded here; computed once."""
    names = ["gzip", "deflate"]
    if _is_installed(_BROTLI_MODULES):
        names.append("br")
    if _is_installed(_ZSTD_MODULES):
        names.append("zstd")
    return ", ".join(names)


def _is_installed(modules: tuple[str, ...]) -> bool:
    for name in modules:
        try:
            if importlib.util.find_spec(name) is not None:
                return True
        except ImportError:  # of the package that the module would be in
            continue
    return False


@functools.cache
def _library(modules: tuple[str, ...], extra: str) -> types.ModuleType:
    missing: ImportError | None = None
    for name in modules:
        try:
            return importlib.import_module(name)
        except ImportError as exc:
            missing = exc
    raise DecodingError(
        f"the response's content needs a library that is not here: install the extra "
        f"httpcore[{extra}]; {_RAW_HINT}"
    ) from missing


def _decode_each(
    coding: _Coding, pieces: collections.abc.Iterator[bytes]
) -> collections.abc.Iterator[bytes]:
    for piece in pieces:
        yield from coding.decode(piece)


_RAW_HINT = "raw() of a streamed response has the bytes as they came"


# Codings.


class _Coding(abc.ABC):
    """One coding of one body: its streams, and what may stand between and behind them."""

    __slots__ = ("_name", "_stream", "_begun")

    def __init__(self, name: str) -> None:
        self._name = name
        self._stream: _Stream | None = None
        self._begun = False

    @property
    @abc.abstractmethod
    def errors(self) -> type[Exception]:
        """What the library raises for bytes that do not decode."""

    @abc.abstractmethod
    def open(self, start: bytes) -> _Stream:
        """A stream that will be given `start` first."""

    @abc.abstractmethod
    def next_start(self, rest: bytes) -> bytes:
        """What of `rest`, which follows a complete stream, starts another; none of it: `b""`."""

    def decode(self, data: bytes) -> collections.abc.Iterator[bytes]:
        try:
            for offset in range(0, len(data), _SLICE_BYTES):
                yield from self._decode_slice(data[offset : offset + _SLICE_BYTES])
        except DecodingError:
            raise
        except self.errors as exc:
            raise DecodingError(
                f"the response's content does not decode as {self._name}: {exc}; {_RAW_HINT}"
            ) from exc

    def _decode_slice(self, data: bytes) -> collections.abc.Iterator[bytes]:
        while True:
            stream = self._stream
            if stream is None:
                if self._begun:
                    data = self.next_start(data)
                if not data:
                    return
                stream = self._stream = self.open(data)
                self._begun = True
            piece = stream.decompress(data, _PIECE_BYTES)
            if piece:
                yield piece
            if stream.eof:
                data = stream.unused_data
                self._stream = None
            elif stream.needs_input:
                return
            else:
                data = b""

    def decode_all(self, data: bytes) -> bytes:
        content = b"".join(self.decode(data))
        self.check_complete()
        return content

    def check_complete(self) -> None:
        if self._stream is not None:
            raise DecodingError(
                f"the response's content ends before its {self._name} coding does: "
                "it was cut off before it was sent"
            )


class _Zlib(_Coding):
    """What gzip and deflate have in common."""

    __slots__ = ()

    errors = zlib.error

    @abc.abstractmethod
    def window_bits(self, start: bytes) -> int:
        """zlib's `wbits` for a stream that begins with `start`."""

    def open(self, start: bytes) -> _Stream:
        return _Inflate(self.window_bits(start))

    def decode_all(self, data: bytes) -> bytes:
        # A body is one good stream nearly always, and that is 10 to 15 % faster in one go.
        # Anything else is decoded again, step by step.
        if data:
            inflate = zlib.decompressobj(self.window_bits(data))
            try:
                content = inflate.decompress(data)
            except zlib.error:
                pass
            else:
                if inflate.eof and not inflate.unused_data:
                    return content
        return super().decode_all(data)


class _Gzip(_Zlib):
    """RFC 1952."""

    __slots__ = ("_ignoring",)

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._ignoring = False

    def window_bits(self, start: bytes) -> int:
        return 16 + zlib.MAX_WBITS

    def next_start(self, rest: bytes) -> bytes:
        rest = rest.lstrip(b"\0")
        self._ignoring = self._ignoring or rest[:1] not in {b"\x1f", b""}
        return b"" if self._ignoring else rest


class _Deflate(_Zlib):
    """
    RFC 1950, or the bare RFC 1951 that many servers send by that name.

    The first byte tells: the low half of a zlib header is 8 and its window at most 7.  A bare
    stream that begins so would be a stored block with dirt in its padding.
    """

    __slots__ = ()

    def window_bits(self, start: bytes) -> int:
        return zlib.MAX_WBITS if start[0] & 0x8F == 0x08 else -zlib.MAX_WBITS

    def next_start(self, rest: bytes) -> bytes:
        return b""


class _Brotli(_Coding):
    """RFC 7932, by brotlipy, Google's Brotli or brotlicffi."""

    __slots__ = ()

    @property
    def errors(self) -> type[Exception]:
        return typing.cast("type[Exception]", self._module.error)

    @property
    def _module(self) -> types.ModuleType:
        return _library(_BROTLI_MODULES, "brotli")

    def open(self, start: bytes) -> _Stream:
        decompressor = self._module.Decompressor()
        if not hasattr(decompressor, "process"):
            return _Brotlipy(decompressor, self.errors)
        if not hasattr(decompressor, "can_accept_more_data"):
            return _OldBrotli(decompressor)
        return _GoogleBrotli(decompressor)

    def next_start(self, rest: bytes) -> bytes:
        if rest:
            raise DecodingError(
                f"the response's content goes on behind the end of its br coding; {_RAW_HINT}"
            )
        return b""


class _Zstd(_Coding):
    """RFC 8878, in the profile of RFC 9659: no window over 8 MiB, no dictionary."""

    __slots__ = ()

    @property
    def errors(self) -> type[Exception]:
        return typing.cast("type[Exception]", self._module.ZstdError)

    @property
    def _module(self) -> types.ModuleType:
        return _library(_ZSTD_MODULES, "zstd")

    def open(self, start: bytes) -> _Stream:
        module = self._module
        if hasattr(module, "DecompressionParameter"):
            limit = {module.DecompressionParameter.window_log_max: _ZSTD_WINDOW_LOG}
            return typing.cast("_Stream", module.ZstdDecompressor(options=limit))
        decompressor = module.ZstdDecompressor(max_window_size=1 << _ZSTD_WINDOW_LOG)
        return _Zstandard(decompressor.decompressobj())

    def next_start(self, rest: bytes) -> bytes:
        return rest


_CODINGS: dict[str, type[_Coding]] = {
    "gzip": _Gzip,
    "x-gzip": _Gzip,
    "deflate": _Deflate,
    "br": _Brotli,
    "zstd": _Zstd,
}


# Streams: the libraries in one shape.


class _Stream(typing.Protocol):
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


class _Inflate:
    """zlib."""

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


class _GoogleBrotli:
    """Google's Brotli and brotlicffi, both from 1.2 on.  They refuse what follows the end."""

    __slots__ = ("_decompressor",)

    unused_data = b""

    def __init__(self, decompressor: typing.Any) -> None:
        self._decompressor = decompressor

    @property
    def needs_input(self) -> bool:
        return bool(self._decompressor.can_accept_more_data())

    @property
    def eof(self) -> bool:
        return bool(self._decompressor.is_finished())

    def decompress(self, data: bytes, max_length: int) -> bytes:
        piece: bytes = self._decompressor.process(data, output_buffer_limit=max_length)
        return piece


class _Brotlipy:
    """The C functions beneath brotlipy 0.7, which is the last there will be."""

    __slots__ = (
        "_decompressor", "_error", "_ffi", "_lib", "_input", "_next_in", "_available_in", "_output",
        "needs_input", "eof",
    )  # fmt: skip

    def __init__(self, decompressor: typing.Any, error: type[Exception]) -> None:
        binding = importlib.import_module("brotli._brotli")
        self._ffi, self._lib = binding.ffi, binding.lib
        self._decompressor = decompressor  # owns the C object
        self._error = error
        self._next_in = self._ffi.new("const uint8_t **")
        self._available_in = self._ffi.new("size_t *")
        self._output = self._ffi.new("uint8_t[]", _PIECE_BYTES)
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
        available_out = ffi.new("size_t *", max_length)
        next_out = ffi.new("uint8_t **", self._output)
        result = lib.BrotliDecoderDecompressStream(
            decoder, self._available_in, self._next_in, available_out, next_out, ffi.NULL
        )
        if result == lib.BROTLI_DECODER_RESULT_ERROR:
            code = lib.BrotliDecoderGetErrorCode(decoder)
            raise self._error(ffi.string(lib.BrotliDecoderErrorString(code)).decode("ascii"))
        self.eof = result == lib.BROTLI_DECODER_RESULT_SUCCESS
        self.needs_input = result == lib.BROTLI_DECODER_RESULT_NEEDS_MORE_INPUT
        return bytes(ffi.buffer(self._output, max_length - available_out[0]))


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
            pieces.append(piece)
            size += len(piece)
        return b"".join(pieces)


class _OldBrotli(_Unlimited):
    """Google's Brotli and brotlicffi before 1.2.  They ignore up to 11 bytes behind the end."""

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
