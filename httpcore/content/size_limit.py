"""A bound on the size of a body, decoded: what a client's `max_response_size` does."""

from __future__ import annotations

import collections.abc

from .decoders import ContentDecoder


class SizeLimit:
    """
    In the place of a response's `ContentDecoder`, which it has inside, or `None`: lets at most
    `max_bytes` through.

    * `declared`: how many bytes the peer says there are, or `None`; too many are refused when the
      first of them comes.
    * `too_large`: makes the error for more.
    """

    __slots__ = ("_decoder", "_left", "_declared", "_too_large")

    def __init__(
        self,
        decoder: ContentDecoder | None,
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
