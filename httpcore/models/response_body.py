"""The body of a response: read into memory, or handed on piece by piece, once.

It arrives through a `BodyStream`, raw, as the transfer coding left it, and what is handed on is
decoded by its Content-Encoding and within the limits of the client.
"""

from __future__ import annotations

import collections.abc
import json
import typing

from ..content.chunks import Chunker
from ..content.decoders import ContentDecoder, decoder_for
from ..content.lines import LineSplitter
from ..content.size_limit import ExpansionLimit, SizeLimit
from ..content.text import TextDecoder, charset, decode_json, decode_text, stream_charset
from ..exceptions import (
    DecodingError,
    RequestException,
    ResponseClosed,
    ResponseNotRead,
    ResponseTooLarge,
    StreamConsumed,
    StreamException,
)
from .headers import Headers
from .response_head import ResponseHead
from .streams import BodyStream, BytesStream, DuplexStream, Piece, PieceIterator

if typing.TYPE_CHECKING:
    from .response_base import ResponseBase

_NOTHING_LEFT = BytesStream(b"")


class ResponseBody(ResponseHead):
    """The part of a response that follows its head."""

    _body: BodyStream
    # Whoever reads the body takes its one item: of two threads, only one gets it.
    _turn: list[None]

    # What most responses begin, and many end with.
    _content: bytes | None = None
    _start: bytes = b""
    _max_size: int | None = None
    _max_expansion: float | None = None
    _closed: bool = False
    _encoding: str | None = None
    _text: str | None = None

    @property
    def trailers(self) -> Headers:
        """The fields that followed the body; empty until it has been read to its end."""
        return Headers.from_raw(self._body.trailers)

    # The body, once it is in memory.

    @property
    def content(self) -> bytes:
        """The body, decoded by its Content-Encoding; `ResponseNotRead` before `read()`."""
        if self._content is None:
            raise self._not_read()
        return self._content

    @property
    def encoding(self) -> str:
        """
        The charset that `text` decodes with; may be set, to one that Python has: `LookupError`.

        The charset of Content-Type where Python knows it; else a BOM; else UTF-8 where the bytes
        are valid UTF-8; else a guess from the first 64 KiB.
        """
        if self._encoding is None:
            self._encoding = charset(self.headers.get("Content-Type"), self.content)
        return self._encoding

    @encoding.setter
    def encoding(self, encoding: str) -> None:
        "".encode(encoding)  # LookupError for what is no charset
        self._encoding = encoding
        self._text = None

    @property
    def text(self) -> str:
        """The body as text; bytes that the charset cannot decode become U+FFFD."""
        if self._text is None:
            self._text = decode_text(self.content, self.encoding)
        return self._text

    def json(self, **kwargs: typing.Any) -> typing.Any:
        """
        The body as JSON, in UTF-8, UTF-16 or UTF-32 (RFC 8259 §8.1).

        Read by the client's `json_codec`, or else by `json.loads`, to which `kwargs` go.  Raises
        `JSONDecodeError`.
        """
        codec = None if self.request is None else self.request.json_codec
        loads = json.loads if codec is None else codec.loads
        try:
            return decode_json(self.content, what=self._described, loads=loads, **kwargs)
        except RequestException as exc:
            self.note_error(exc)
            raise

    # The body on its way.

    def _claim_body(self) -> None:
        if self._closed:
            raise self._not_read()
        try:
            self._turn.pop()
        except IndexError:
            raise self._not_read() from None

    async def load(self) -> bytes:
        """What `read()` does; for dispatchers."""
        if self._content is None:
            self._claim_body()
            try:
                if self._max_size is None:
                    raw = await self._body.read()
                    decoder = self._decoder()
                    self._content = raw if decoder is None else decoder.decode_all(raw)
                else:
                    self._content = await self._collect(self._max_size)
            except BaseException as exc:
                self.note_error(exc)
                await self._body.aclose()
                raise
            self._closed = True
            # Whoever keeps responses need not keep their connections, which are larger.
            if not self._body.trailers and self.status_code != 101:
                self._body = _NOTHING_LEFT
        return self._content

    async def load_start(self, max_bytes: int) -> None:
        """
        Read the body if it has not more than `max_bytes`; else close it, and keep its start for
        what `raise_for_status()` says; for clients.
        """
        if self._content is not None:
            return
        pieces = self._iter_decoded(None)
        start = b""
        async for piece in pieces:
            start += piece
            if len(start) > max_bytes:
                self._start = start
                await pieces.aclose()
                return
        self._content = start

    async def loaded(self) -> typing.Self:
        """The response itself, its body read, but of a 101, whose end nobody waits for."""
        if self.status_code != 101:
            await self.load()
        return self

    async def _write(self, data: bytes) -> None:
        if self.status_code != 101 or not isinstance(self._body, DuplexStream):
            raise self._error(
                StreamException, "only what was switched to another protocol can be written to"
            )
        if self._closed:
            raise self._error(ResponseClosed, "the response was closed, and its connection with it")
        try:
            await self._body.write(data)
        except BaseException as exc:
            self.note_error(exc)
            raise

    def limit_size(self, max_bytes: int | None, max_expansion: float | None) -> None:
        """
        Have a body of more than `max_bytes`, decoded, or one that becomes more than `max_expansion`
        times as large, raise `ResponseTooLarge`; `None` means no limit.  For clients.

        That is at once where the body is in memory already, else when it is read or streamed.
        """
        self._max_size, self._max_expansion = max_bytes, max_expansion
        if max_bytes is not None and self._content is not None and len(self._content) > max_bytes:
            raise self._too_large()

    def _too_large(self) -> RequestException:
        return self._error(
            ResponseTooLarge,
            f"the response is larger than {self._max_size} bytes (max_response_size); give the "
            "client a higher limit, or None",
        )

    def _expands(self) -> RequestException:
        return self._error(
            ResponseTooLarge,
            f"the response becomes more than {self._max_expansion:g} times as large when it is "
            "decoded (max_expansion of ResponseLimits); give the client a higher limit, or None",
        )

    def _limited(
        self, decoder: ContentDecoder | ExpansionLimit | None, max_bytes: int
    ) -> SizeLimit:
        length = self.headers.get("Content-Length", "") if decoder is None else ""
        declared = int(length) if length.isascii() and length.isdecimal() else None
        return SizeLimit(decoder, max_bytes, declared, self._too_large)

    async def _collect(self, max_bytes: int) -> bytes:
        limit = self._limited(self._decoder(), max_bytes)
        pieces: list[bytes] = []
        async for part in self._body:
            pieces.extend(limit.decode(part))
        limit.flush()
        return b"".join(pieces)

    def _decoder(self) -> ContentDecoder | ExpansionLimit | None:
        if b"content-encoding" not in self.headers.by_name():
            return None
        decoder = decoder_for(self.headers["Content-Encoding"])
        if decoder is None or self._max_expansion is None:
            return decoder
        return ExpansionLimit(decoder, self._max_expansion, self._expands)

    def _take_body(
        self, raw: bool
    ) -> tuple[BodyStream, ContentDecoder | ExpansionLimit | SizeLimit | None]:
        """
        The body to iterate over and what it goes through, a decoder unless `raw`; from memory once
        it has been read.
        """
        if self._content is not None:
            return BytesStream(self._content), None
        self._claim_body()
        decoder = None if raw else self._decoder()
        if self._max_size is None or self.status_code == 101:
            return self._body, decoder
        return self._body, self._limited(decoder, self._max_size)

    def _iter_decoded(self, chunk_size: int | None) -> PieceIterator[bytes]:
        return self._iter_bytes(chunk_size, raw=False)

    def _iter_raw(self, chunk_size: int | None) -> PieceIterator[bytes]:
        if self._content and self._decoder() is not None:
            raise self._error(StreamConsumed, "the body was decoded; its raw bytes are gone")
        return self._iter_bytes(chunk_size, raw=True)

    def _iter_bytes(self, chunk_size: int | None, raw: bool) -> PieceIterator[bytes]:
        if chunk_size is not None:
            chunker = Chunker(chunk_size)
            return self._iter_through(chunker.feed, chunker.flush, raw)
        body, decoder = self._take_body(raw)
        if decoder is None:
            return PieceIterator(self, body, None, None)
        return PieceIterator(self, body, decoder.decode, decoder.flush)

    def _iter_text(self) -> PieceIterator[str]:
        decoder = TextDecoder(self._stream_encoding())

        def feed(chunk: bytes) -> tuple[str, ...]:
            text = decoder.feed(chunk)
            return (text,) if text else ()

        def flush() -> tuple[str, ...]:
            text = decoder.flush()
            return (text,) if text else ()

        return self._iter_through(feed, flush)

    def _iter_lines(self, max_line_bytes: int | None, lf_only: bool) -> PieceIterator[str]:
        splitter = LineSplitter(self._stream_encoding(), max_line_bytes, lf_only=lf_only)
        return self._iter_through(splitter.feed, splitter.flush)

    def _stream_encoding(self) -> str | None:
        if self._content is not None:
            return self.encoding
        return self._encoding or stream_charset(self.headers.get("Content-Type"))

    def _iter_through(
        self,
        feed: collections.abc.Callable[[bytes], collections.abc.Iterable[Piece]],
        flush: collections.abc.Callable[[], collections.abc.Iterable[Piece]],
        raw: bool = False,
    ) -> PieceIterator[Piece]:
        """The body, decoded unless `raw`, each piece fed to what makes other pieces of it."""
        body, decoder = self._take_body(raw)
        if decoder is None:
            return PieceIterator(self, body, feed, flush)
        decode, check_complete = decoder.decode, decoder.flush

        def convert(raw: bytes) -> collections.abc.Iterator[Piece]:
            for decoded in decode(raw):
                yield from feed(decoded)

        def end() -> collections.abc.Iterator[Piece]:
            check_complete()
            yield from flush()

        return PieceIterator(self, body, convert, end)

    async def release(self) -> None:
        """What `close()` does; for dispatchers."""
        self._closed = True
        await self._body.aclose()

    async def drain(self) -> None:
        """Close, but read a short rest of the body first, so that its connection is kept."""
        self._closed = True
        await self._body.drain()

    def note_end(self, body: BodyStream) -> None:
        """Note that `body` has ended.  Raises `ResponseClosed` if that is because of `close()`."""
        if self._closed and body is self._body:
            raise self._error(ResponseClosed, "the response was closed while its body was streamed")
        self._closed = True

    # Errors.

    def note_error(self, exc: BaseException) -> None:
        """Put what is known on an error that is on its way to the caller."""
        if isinstance(exc, RequestException):
            if exc.response is None and isinstance(exc, DecodingError):
                exc.args = (f"{exc} ({self._described()})",)
            exc.request = exc.request or self.request
            exc.response = exc.response or self._whole()

    def _not_read(self) -> RequestException:
        kind: type[RequestException] = ResponseNotRead
        message = "the response was not read: call read() first"
        if not self._turn:
            kind, message = StreamConsumed, "the response's body was streamed and is gone"
        elif self._closed:
            kind, message = ResponseClosed, "the response was closed before its body was read"
        return self._error(kind, message)

    def _error(self, kind: type[RequestException], message: str) -> RequestException:
        return kind(
            f"{message} ({self._described()})", request=self.request, response=self._whole()
        )

    def _whole(self) -> ResponseBase:
        # Nothing else derives from this class, and nobody makes one of it alone.
        return typing.cast("ResponseBase", self)
