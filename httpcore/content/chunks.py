"""Cuts a streamed body into pieces of one size."""

from __future__ import annotations


class Chunker:
    """An incremental cutter: `feed()` it every piece, then `flush()` it once."""

    __slots__ = ("_rest", "_size")

    def __init__(self, size: int) -> None:
        """`size` in bytes; `ValueError` unless it is at least 1."""
        if size < 1:
            raise ValueError(f"chunk_size has to be at least 1 byte, not {size!r}")
        self._size = size
        self._rest = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """The pieces of full size that `data` completes."""
        self._rest += data
        full = len(self._rest) // self._size * self._size
        with memoryview(self._rest) as view:
            pieces = [bytes(view[at : at + self._size]) for at in range(0, full, self._size)]
        del self._rest[:full]
        return pieces

    def flush(self) -> list[bytes]:
        """What is left, which is shorter."""
        rest, self._rest = bytes(self._rest), bytearray()
        return [rest] if rest else []
