"""Response content decoding: gzip, deflate, br and zstd (RFC 9110 section 8.4), in bounded memory.

Raw bytes go in as they arrive, decoded pieces come out.  A hostile body expands by a factor of a
thousand (deflate) to a million (br), so nothing here asks a library for all that it can give: input
is taken in slices of 64 KiB, output in pieces of 256 KiB, and the caller takes them one by one.
(What that means for libraries that take no limit is told in `decompressors`.)  Codings that were
applied one after the other are undone lazily, each piece of one feeding the next.

A coding runs one decompressor after the other, because a body may consist of several streams: gzip
members (RFC 1952 section 2.2), zstd frames (RFC 8878 section 3).  Behind a complete one may stand

* gzip: zero bytes, which are padding; another member, which begins with 0x1f; anything else, which
  is ignored with all that follows, as gzip(1) and browsers do.
* deflate: anything; it is ignored.
* zstd: another frame.  br: nothing.  Anything else is a `DecodingError`.

A body of no bytes decodes to none, whatever its coding: that is what HEAD, 204 and 304 have.
"""

from __future__ import annotations

import abc
import collections.abc
import functools
import zlib

from ..exceptions import DecodingError
from . import decompressors
from .decompressors import RAW_HINT, Decompressor, Inflate

# What one response may have (CVE-2022-32206).
_MAX_CODINGS = 5

# How each gzip member begins: two magic bytes, and deflate as its only method.
_GZIP_HEADER = b"\x1f\x8b\x08"
_GZIP_WINDOW_BITS = 16 + zlib.MAX_WBITS
# The size that a gzip body says it has is believed up to here.
_MAX_SIZE_HINT = 16 * 1024 * 1024

# How much input a decompressor is given, and how much output it may give, at a time.  What it
# leaves of its input is copied: without slices, many small streams would take quadratic time.
_SLICE_BYTES = 64 * 1024
_PIECE_BYTES = 256 * 1024


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
        What can be decoded once `data` has arrived, in pieces that are not empty.

        Pieces have at most 256 KiB, of Google's Brotli up to twice that; with a library that takes
        no limit, 16 MiB.  Take all of them before the next `data` is given.  Raises
        `DecodingError`, after the pieces that came before what is wrong.
        """
        if len(self._codings) > _MAX_CODINGS and data:
            raise DecodingError(
                f"the response's content is encoded {len(self._codings)} times over, and at most "
                f"{_MAX_CODINGS} codings are decoded; {RAW_HINT}"
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
    if decompressors.has_brotli():
        names.append("br")
    if decompressors.has_zstd():
        names.append("zstd")
    return ", ".join(names)


def _decode_each(
    coding: _Coding, pieces: collections.abc.Iterator[bytes]
) -> collections.abc.Iterator[bytes]:
    for piece in pieces:
        yield from coding.decode(piece)


# Codings.


class _Coding(abc.ABC):
    """One coding of one body: its streams, and what may stand between and behind them."""

    __slots__ = ("_name", "_stream", "_begun")

    def __init__(self, name: str) -> None:
        self._name = name
        self._stream: Decompressor | None = None
        self._begun = False

    @property
    @abc.abstractmethod
    def errors(self) -> type[Exception]:
        """What the library raises for bytes that do not decode."""

    @abc.abstractmethod
    def open(self, start: bytes) -> Decompressor:
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
                f"the response's content does not decode as {self._name}: {exc}; {RAW_HINT}"
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
                f"the response's content ends in the middle of its {self._name} coding: "
                f"it was cut short; {RAW_HINT}"
            )


class _Gzip(_Coding):
    """RFC 1952."""

    __slots__ = ("_ignoring",)

    errors = zlib.error

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._ignoring = False

    def open(self, start: bytes) -> Decompressor:
        return Inflate(_GZIP_WINDOW_BITS)

    def next_start(self, rest: bytes) -> bytes:
        rest = rest.lstrip(b"\0")
        self._ignoring = self._ignoring or rest[:1] not in {b"\x1f", b""}
        return b"" if self._ignoring else rest

    def decode_all(self, data: bytes) -> bytes:
        # A body is one good member nearly always: no other one's header is in it, and its last 4
        # bytes are the size of its content.  To have a buffer of that size from the start spares
        # most of the copying.  Anything else is decoded again, step by step.
        if data.rfind(_GZIP_HEADER) == 0:
            size = int.from_bytes(data[-4:], "little")
            try:
                content = zlib.decompress(data, _GZIP_WINDOW_BITS, min(size, _MAX_SIZE_HINT))
            except zlib.error:
                pass
            else:
                if len(content) == size:
                    return content
        return super().decode_all(data)


class _Deflate(_Coding):
    """
    RFC 1950, or the bare RFC 1951 that many servers send by that name.

    The first byte tells: the low half of a zlib header is 8 and its window at most 7.  A bare
    stream that begins so would be a stored block with dirt in its padding.
    """

    __slots__ = ()

    errors = zlib.error

    def open(self, start: bytes) -> Decompressor:
        return Inflate(zlib.MAX_WBITS if start[0] & 0x8F == 0x08 else -zlib.MAX_WBITS)

    def next_start(self, rest: bytes) -> bytes:
        return b""


class _Brotli(_Coding):
    """RFC 7932."""

    __slots__ = ()

    @property
    def errors(self) -> type[Exception]:
        return decompressors.brotli_error()

    def open(self, start: bytes) -> Decompressor:
        return decompressors.open_brotli()

    def next_start(self, rest: bytes) -> bytes:
        if rest:
            raise DecodingError(
                f"the response's content goes on behind the end of its br coding; {RAW_HINT}"
            )
        return b""


class _Zstd(_Coding):
    """RFC 8878, in the profile of RFC 9659: no window over 8 MiB, no dictionary."""

    __slots__ = ()

    @property
    def errors(self) -> type[Exception]:
        return decompressors.zstd_error()

    def open(self, start: bytes) -> Decompressor:
        return decompressors.open_zstd()

    def next_start(self, rest: bytes) -> bytes:
        return rest


_CODINGS: dict[str, type[_Coding]] = {
    "gzip": _Gzip,
    "x-gzip": _Gzip,
    "deflate": _Deflate,
    "br": _Brotli,
    "zstd": _Zstd,
}
