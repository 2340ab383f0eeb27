"""What a response over HTTP/1.1 is made of, and what the engines behind the reader do."""

from __future__ import annotations

import collections.abc
import dataclasses
import enum
import typing

from ..aliases import RawHeaders

_CONTROLS = bytes({*range(0x20), 0x7F} - {0x09})


class _NeedData(enum.Enum):
    NEED_DATA = "NEED_DATA"


NEED_DATA = _NeedData.NEED_DATA


@dataclasses.dataclass(slots=True)  # whose fields are read faster than those of a tuple
class ResponseHead:
    """The status line and the header section of a final response."""

    status: int
    reason: bytes
    headers: RawHeaders
    http_version: str  # "HTTP/1.1" or "HTTP/1.0"
    is_clean: bool = False  # whether its engine has made sure that no control character is in it


class InformationalHead(typing.NamedTuple):
    """A 1xx response: it announces something, and another response follows."""

    status: int
    headers: RawHeaders


class EndOfMessage(typing.NamedTuple):
    """The response is complete."""

    trailers: RawHeaders


Event = _NeedData | ResponseHead | InformationalHead | bytes | EndOfMessage


ReadHead = collections.abc.Callable[[bytes], ResponseHead | InformationalHead]
"""What an engine does: reads a head, up to and with its empty line; or `RemoteProtocolError`."""


def has_controls(text: bytes) -> bool:
    """Whether `text` has a character that no field value and no reason phrase may have."""
    return len(text.translate(None, _CONTROLS)) < len(text)
