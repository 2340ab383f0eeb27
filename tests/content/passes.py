"""Passes over request bodies, with nothing to run blocking reads in."""

from __future__ import annotations

import collections.abc
import typing

from httpcore.content.bodies import Body

T = typing.TypeVar("T")


async def run_here(function: collections.abc.Callable[[], T]) -> T:
    """What a backend's `run_blocking` is, without a thread."""
    return function()


async def one_pass(body: Body) -> list[bytes]:
    """The pieces of one pass, its rewinding first."""
    body.rewind()
    pieces = []
    while (piece := await body.next_chunk(run_here)) is not None:
        assert len(piece) > 0, "a chunk of no bytes would end a chunked body"
        pieces.append(bytes(piece))
    return pieces


async def content_of(body: Body) -> bytes:
    """All of them."""
    return b"".join(await one_pass(body))
