"""HPACK (RFC 7541) with a memory: two thirds of the work of an HTTP/2 exchange is here.

Requests to one server are alike, and so are its responses.  While the dynamic table stays as it
is, equal fields encode to equal bytes, and equal blocks decode to equal fields, so the work need
not be done again.  What changes the table (an insertion, another size) makes all that is remembered
worthless; after the first few exchanges that does not happen any more.
"""

from __future__ import annotations

import typing

import hpack

from ..aliases import RawHeaders

# How many results are remembered, and how large a block may be for that.
MAX_RESULTS = 128
MAX_BLOCK_BYTES = 2048

# How many fields at the start of a request, the pseudo-headers, differ more than the rest.
_PSEUDO_HEADERS = 4

R = typing.TypeVar("R")
K = typing.TypeVar("K", bound=typing.Hashable)


class _Memory(typing.Generic[K, R]):
    """Results that hold as long as `table` does not change."""

    __slots__ = ("_table", "_results", "_newest", "_count", "_maxsize")

    def __init__(self, table: typing.Any) -> None:
        self._table = table
        self._results: dict[K, R] = {}
        self._newest: object = None
        self._count = self._maxsize = 0

    def get(self, key: K) -> R | None:
        return self._results.get(key)

    def note(self, key: K, result: R, size: int) -> None:
        """`result` has just been worked out, which may have changed the table."""
        entries, maxsize = self._table.dynamic_entries, self._table.maxsize
        newest, count = entries[0] if entries else None, len(entries)
        # Whatever is inserted comes first, and no two entries are the same object.
        if newest is not self._newest or count != self._count or maxsize != self._maxsize:
            self._newest, self._count, self._maxsize = newest, count, maxsize
            self._results.clear()
        elif size <= MAX_BLOCK_BYTES:
            if len(self._results) >= MAX_RESULTS:
                self._results.clear()
            self._results[key] = result


class RequestEncoder(hpack.Encoder):
    """For h2, in the place of its own."""

    def __init__(self) -> None:
        super().__init__()
        self._memory: _Memory[tuple[typing.Any, ...], bytes] = _Memory(self.header_table)

    @property
    def header_table_size(self) -> int:
        """How large the dynamic table may be, in bytes as HPACK counts them."""
        return self.header_table.maxsize

    @header_table_size.setter
    def header_table_size(self, size: int) -> None:
        # Set to the same size again, hpack would forget to tell the peer of the change before.
        if size != self.header_table.maxsize:
            self.header_table.maxsize = size
            # However often it changes between two blocks: the smallest and the last one (§4.2).
            smallest = min([size, *self.table_size_changes])
            self.table_size_changes[:] = [smallest, size] if smallest < size else [size]

    def encode(self, headers: typing.Any, huffman: bool = True) -> bytes:
        """Pseudo-headers and the rest are done by themselves, as the path differs more often."""
        start = self._encode_part(tuple(headers[:_PSEUDO_HEADERS]))
        return start + self._encode_part(tuple(headers[_PSEUDO_HEADERS:]))

    def _encode_part(self, fields: tuple[typing.Any, ...]) -> bytes:
        if self.header_table.resized:  # which the next block has to tell (§4.2)
            self._memory = _Memory(self.header_table)
            return super().encode(fields)
        block = self._memory.get(fields)
        if block is None:
            block = super().encode(fields)
            self._memory.note(fields, block, len(block))
        return block


class ResponseDecoder(hpack.Decoder):
    """
    Decodes what the peer sends.

    `decode_block()` returns a list that nobody may change.
    """

    def __init__(self, max_header_list_size: int) -> None:
        super().__init__(max_header_list_size)
        self._memory: _Memory[bytes, RawHeaders] = _Memory(self.header_table)

    def decode_block(self, block: bytes) -> RawHeaders:
        """The fields of a whole header block; raises `hpack.HPACKError`."""
        fields = self._memory.get(block)
        if fields is None:
            fields = typing.cast("RawHeaders", self.decode(block, raw=True))
            self._memory.note(block, fields, len(block))
        return fields
