"""The config object for how much of a response is taken that is no content."""

from __future__ import annotations

import math

from .value import Value


class ResponseLimits(Value):
    """
    How much a server may send that is no content, or becomes far more content than it was.

    * `max_head_bytes`: status line and header fields of one response, in bytes; over HTTP/2 the
      header block as it comes and as it is decoded, where each field counts 32 bytes more (RFC
      9113 §6.5.2).  At least 1,024.
    * `max_header_fields`: how many fields a head or the trailers have.  At least 1.
    * `max_informational`: how many 1xx responses come before the final one.  Zero: none.
    * `max_chunk_framing_bytes`: HTTP/1.1: one chunk's size line with its extension, or all
      trailers, in bytes.  At least 1,024.  What is read at once is let through.
    * `max_empty_frames`: HTTP/2: how many frames that bring nothing (PING, SETTINGS, DATA without
      data and the like) come on one connection within a minute with nothing between them.  At
      least 100.
    * `max_expansion`: how many bytes of content one byte of a compressed body becomes; the first
      MiB of content is let through whatever it was.  `None` means no limit, and is the default:
      what is legitimate reaches 1,000 by gzip and more by br and zstd; a body that is streamed
      takes no more memory for it, and for one that is read there is `max_response_size`.

    Except for the last they cannot be switched off: memory and time would follow what peers like.

    What goes beyond one is a `RemoteProtocolError` that names it, or `ResponseTooLarge` for the
    last.  Raises `TypeError` for what is no number, `ValueError` for what is too low.
    """

    __slots__ = (
        "max_head_bytes",
        "max_header_fields",
        "max_informational",
        "max_chunk_framing_bytes",
        "max_empty_frames",
        "max_expansion",
    )

    max_head_bytes: int
    max_header_fields: int
    max_informational: int
    max_chunk_framing_bytes: int
    max_empty_frames: int
    max_expansion: float | None

    def __init__(
        self,
        *,
        max_head_bytes: int = 256 * 1024,
        max_header_fields: int = 1_000,
        max_informational: int = 64,
        max_chunk_framing_bytes: int = 64 * 1024,
        max_empty_frames: int = 10_000,
        max_expansion: float | None = None,
    ) -> None:
        self._set(
            max_head_bytes=_count("max_head_bytes", max_head_bytes, least=1024),
            max_header_fields=_count("max_header_fields", max_header_fields, least=1),
            max_informational=_count("max_informational", max_informational, least=0),
            max_chunk_framing_bytes=_count(
                "max_chunk_framing_bytes", max_chunk_framing_bytes, least=1024
            ),
            max_empty_frames=_count("max_empty_frames", max_empty_frames, least=100),
            max_expansion=_ratio("max_expansion", max_expansion),
        )

    def __repr__(self) -> str:
        fields = [f"{name}={value!r}" for name, value in self.__getstate__().items()]
        return f"ResponseLimits({', '.join(fields)})"


def _count(name: str, value: object, *, least: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name} takes a whole number, not {value!r}")
    if value < least:
        raise ValueError(f"{name} has to be at least {least}, not {value!r}")
    return value


def _ratio(name: str, value: object) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"{name} takes a number or None, not {value!r}")
    if not value >= 1:
        raise ValueError(f"{name} has to be at least 1, not {value!r}; None means no limit")
    return None if math.isinf(value) else float(value)


def checked_response_limits(limits: object) -> ResponseLimits:
    """`limits`, if they are `ResponseLimits`; else `TypeError`."""
    if not isinstance(limits, ResponseLimits):
        raise TypeError(f"response_limits takes ResponseLimits, not {limits!r}")
    return limits


DEFAULT_RESPONSE_LIMITS = ResponseLimits()
