"""Which engine reads HTTP/1.1: h11, or httptools where it is installed."""

from __future__ import annotations

import functools
import os
import re
import typing

from .http11_events import ReadHead

Engine = typing.Literal["h11", "httptools"]
"""What `engine=` takes."""

VARIABLE = "HTTPCORE_ENGINE"
# The one before takes field names with blanks in them.
OLDEST_HTTPTOOLS = (0, 6, 4)


def head_reader(engine: Engine | None) -> ReadHead:
    """
    What reads heads for `engine`; `None`: for what $HTTPCORE_ENGINE says, or else of the fastest.

    Raises `ValueError` for an engine that does not exist, `ImportError` for one that is not
    installed.
    """
    return _default() if engine is None else _named(engine, "engine=")


@functools.cache
def _default() -> ReadHead:
    chosen = os.environ.get(VARIABLE)
    if chosen:
        return _named(chosen, f"${VARIABLE}=")
    try:
        return _named("httptools", "")
    except ImportError:
        return _named("h11", "")


def _named(engine: str, where: str) -> ReadHead:
    if engine == "h11":
        from . import http11_h11  # h11 takes a while to load

        return http11_h11.read_head
    if engine != "httptools":
        raise ValueError(f"{where}{engine!r} is no engine for HTTP/1.1: say 'h11' or 'httptools'")
    try:
        return _httptools()
    except ImportError as exc:
        raise ImportError(
            f"{where}{engine!r} cannot be used ({exc}); pip install 'httptools>=0.6.4'",
            name="httptools",
        ) from exc


def _httptools() -> ReadHead:
    import httptools  # need not be installed

    if tuple(map(int, re.findall(r"\d+", httptools.__version__)[:3])) < OLDEST_HTTPTOOLS:
        raise ImportError(f"httptools {httptools.__version__} is older than 0.6.4, and too lax")
    from . import http11_httptools

    return http11_httptools.read_head
