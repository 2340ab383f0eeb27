"""Bounds on what a body becomes when it is decoded: its size, and how far it expands."""

from __future__ import annotations

import collections.abc

from .decoders import ContentDecoder

# So much content is nothing to worry about, whatever it was before.
FREE_BYTES = 1024 * 1024


class ExpansionLimit:
    """
    In the place of the `ContentDecoder` inside it: one byte becomes `max_expansion` at most, as
    far as there are more than `FREE_BYTES` of content.

    * `too_large`: makes the error for more.
    """

    __slots__ = ("_decoder", "_max_expansion", "_taken", "_given", "_too_large")

    def __init__(
        self,
        decoder: ContentDecoder,
        max_expansion: float,
        too_large: collections.abc.Callable[[], Exception],
    ) -> None:
        self._decoder = decoder
        self._max_expansion = max_expansion
        self._taken = self._given = 0
        self._too_large = too_large

    def decode(self, data: bytes) -> collections.abc.Iterator[bytes]:
        """The pieces that `data` gives; the one that goes too far is not among them."""
        self._taken += len(data)
        for piece in self._decoder.decode(data):
            self._given += len(piece)
            if self._given > max(FREE_BYTES, self._taken * self._max_expansion):
                raise self._too_large()
            yield piece

    def flush(self) -> tuple[bytes, ...]:
        """As `ContentDecoder.flush()`."""
        return self._decoder.flush()

    def decode_all(self, data: bytes) -> bytes:
        """As `ContentDecoder.decode_all()`."""
        content = b"".join(self.decode(data))
        self.flush()
        return content


class SizeLimit:
    """
    In the place of what decodes a response, which it has inside, or `None`: lets at most
    `max_bytes` through.

    * `declared`: how many bytes the peer says there are, or `None`; too many are refused when the
      first of them comes.
    * `too_large`: makes the error for more.
    """

    __slots__ = ("_decoder", "_left", "_declared", "_too_large")

    def __init__(
        self,
        decoder: ContentDecoder | ExpansionLimit | None,
        max_bytes: int,
        declared: int | None,
        too_large: collections.abc.Callable[[], Exception],
    ) -> None:
        self._decoder = decoder
        self._left = max_bytes
        self._declared = declared
        self._too_large = too_large

    def decode(self, data: bytes) -> collections.abc.Iterator[bytes]:
        """The pieces that `data` gives; the one that goes over the limit is not among them."""
        if self._declared is not None and self._declared > self._left:
            raise self._too_large()
        self._declared = None
        for piece in (data,) if self._decoder is None else self._decoder.decode(data):
            self._left -= len(piece)
            if self._left < 0:
                raise self._too_large()
            yield piece

    def flush(self) -> tuple[bytes, ...]:
        """As `ContentDecoder.flush()`."""
        return () if self._decoder is None else self._decoder.flush()
