"""Splits a streamed body into lines of text.

A line ends at LF, CR LF or CR, as for `bytes.splitlines()`; not at the dozen other characters at
which `str.splitlines()` ends one (U+2028, VT, FS...), which stand in JSON lines and logs as
content.  The lines are the same however the bytes are cut into chunks:

* A CR ends its line at once, since the next chunk may be long in coming; an LF that then begins the
  next text belongs to it and is skipped.
* Text is split after decoding, so that a character cut in two, and an LF byte that is half of a
  UTF-16 character, make no difference.
* Lines in front of one that is too long are still handed out, and the error comes with the next
  call.

The part of a line that is still open is in a `StringIO`: appended to in constant time and looked
at once, however many chunks it comes in.
"""

from __future__ import annotations

import io

from ..exceptions import ResponseTooLarge
from .text import TextDecoder

MAX_LINE_BYTES = 16 * 1024 * 1024


class LineSplitter:
    """
    An incremental splitter: `feed()` it every chunk, then `flush()` it once.

    * `encoding`: the charset; `None`: that of the byte order mark, else UTF-8.
    * `max_line_bytes`: the longest line in bytes of UTF-8, without its end; `None` means no limit.
    * `lf_only`: a CR that no LF follows is content, as line-based protocols have it.

    Raises `ResponseTooLarge` for a line over the limit, and again for every call after that.
    """

    __slots__ = ("_after_cr", "_decoder", "_lf_only", "_max", "_open", "_open_bytes", "_too_long")

    def __init__(
        self,
        encoding: str | None,
        max_line_bytes: int | None = MAX_LINE_BYTES,
        *,
        lf_only: bool = False,
    ) -> None:
        self._decoder = TextDecoder(encoding)
        self._max = max_line_bytes
        self._lf_only = lf_only
        self._open = io.StringIO()
        self._open_bytes = 0
        self._after_cr = False
        self._too_long = False

    def feed(self, chunk: bytes) -> list[str]:
        """The lines that `chunk` completes, without their ends."""
        return self._split(self._decoder.feed(chunk))

    def flush(self) -> list[str]:
        """What is left: the last line, where no line end followed it."""
        lines = self._split(self._decoder.flush())
        if self._lf_only and self._after_cr:
            self._keep("\r")
        if self._too_long:
            raise self._error()
        if self._open_bytes:
            lines.append(self._taken())
        return lines

    def _split(self, text: str) -> list[str]:
        if self._too_long:
            raise self._error()
        if not text:
            return []
        lines = self._with_lf_ends(text).split("\n")
        tail = lines.pop()
        if lines:
            if self._open_bytes:
                lines[0] = self._taken() + lines[0]
            self._cut_at_limit(lines)
        self._keep(tail)
        if self._too_long and not lines:
            raise self._error()
        return lines

    def _with_lf_ends(self, text: str) -> str:
        """`text` (not empty) with LF as its only line end, given how the text before it ended."""
        after_cr, self._after_cr = self._after_cr, text.endswith("\r")
        if self._lf_only:
            # A CR at the end is held back: content, unless the next text begins with LF.
            text = "\r" * after_cr + text.removesuffix("\r")
            return text.replace("\r\n", "\n")
        if after_cr:
            text = text.removeprefix("\n")
        return text.replace("\r\n", "\n").replace("\r", "\n")

    def _cut_at_limit(self, lines: list[str]) -> None:
        """Drop the first line that is too long, and all after it."""
        # Four bytes a character at most: lines are seldom so long that they have to be encoded.
        if self._max is None or 4 * max(map(len, lines)) <= self._max:
            return
        for position, line in enumerate(lines):
            if _utf8_size(line) > self._max:
                self._too_long = True
                del lines[position:]
                return

    def _keep(self, text: str) -> None:
        """Append to the open line."""
        self._open.write(text)
        self._open_bytes += _utf8_size(text)
        if self._max is not None and self._open_bytes > self._max:
            self._too_long = True

    def _taken(self) -> str:
        line = self._open.getvalue()
        self._open = io.StringIO()
        self._open_bytes = 0
        return line

    def _error(self) -> ResponseTooLarge:
        return ResponseTooLarge(
            f"reading the response by lines: a line is longer than {self._max} bytes "
            "(max_line_bytes); give a higher limit or None, or read it with stream()"
        )


def _utf8_size(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
