"""What the two classes of responses share: everything but the words `async` and `await`.

All logic is here, as coroutines.  `AsyncResponse` has them awaited, `Response` drives them to
their end; nothing else differs.  A dispatcher may build either: the client hands out the one that
is its own.

The body arrives through a `BodyStream`, raw, as the transfer coding left it.  It is either read
into memory, or handed on piece by piece, once.
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
from ..driver import run_sync
from ..exceptions import (
    DecodingError,
    HTTPError,
    RequestException,
    ResponseClosed,
    ResponseNotRead,
    ResponseTooLarge,
    StreamConsumed,
    StreamException,
)
from ..status_codes import status_from_int
from .connection_info import ConnectionInfo
from .headers import Headers, HeaderTypes
from .request import Request
from .response_head import ResponseHead, printable
from .streams import (
    BodyStream,
    BytesStream,
    DuplexStream,
    IterableStream,
    Piece,
    PieceIterator,
)

# How long a message of ours may be.
_MAX_MESSAGE = 500

ResponseContent = (
    bytes
    | bytearray
    | memoryview
    | str
    | collections.abc.Iterable[bytes]
    | collections.abc.AsyncIterable[bytes]
)
"""What the `content` of a response that is built by hand may be."""

_NOTHING_LEFT = BytesStream(b"")


class ResponseBase(ResponseHead):
    """What `Response` and `AsyncResponse` share; for dispatchers, which need not know the class."""

    history: list[typing.Any]

    # What most responses begin, and many end with.
    send_next: (
        collections.abc.Callable[[ResponseBase], collections.abc.Awaitable[ResponseBase]] | None
    ) = None
    _content: bytes | None = None
    _start: bytes = b""
    _max_size: int | None = None
    _max_expansion: float | None = None
    _closed: bool = False
    _encoding: str | None = None
    _text: str | None = None

    def __init__(
        self,
        status_code: int,
        headers: HeaderTypes = None,
        content: ResponseContent = b"",
        request: Request | None = None,
        *,
        protocol: str = "HTTP/1.1",
        reason_phrase: str | None = None,
        history: collections.abc.Sequence[ResponseBase] = (),
    ) -> None:
        """
        * `status_code`: an `int` of three digits, or an `http.HTTPStatus`.
        * `headers`: as for `Headers`.
        * `content`: the body as it stands on the wire, so encoded where the headers have a
          Content-Encoding: `bytes`, `str` (UTF-8), an iterable of bytes, or an async iterable of
          bytes.
        * `request`: the `Request` that this answers.
        * `protocol`: `"HTTP/1.1"`, `"HTTP/1.0"` or `"HTTP/2"`.
        * `reason_phrase`: `None` for the standard one.
        """
        if not isinstance(status_code, int):
            raise TypeError(f"a status code is an int, not {status_code!r}")
        if not 100 <= status_code <= 999:
            raise ValueError(f"a status code has three digits; {status_code} is none")
        body: BodyStream
        if isinstance(content, str):
            body = BytesStream(content.encode("utf-8"))
        elif isinstance(content, (bytes, bytearray, memoryview)):
            body = BytesStream(bytes(content))
        elif isinstance(content, (collections.abc.Iterable, collections.abc.AsyncIterable)):
            body = IterableStream(content)
        else:
            raise TypeError(
                "the content of a response is bytes, str, or an iterable or async iterable of "
                f"bytes, not {type(content).__name__}"
            )
        self._set(status_code, Headers(headers), body, request, protocol, reason_phrase)
        self.history = list(history)
        if isinstance(body, BytesStream):
            run_sync(self.load())

    @classmethod
    def from_wire(
        cls,
        status_code: int,
        headers: Headers,
        body: BodyStream,
        request: Request,
        protocol: str,
        reason_phrase: str | None,
        carried_by: tuple[ConnectionInfo, int] | None = None,
    ) -> typing.Self:
        """
        A response whose head has arrived and whose body is on its way; for dispatchers.

        `carried_by`: the connection, and how many requests it has carried, this one included.
        """
        response = cls.__new__(cls)
        response._set(status_code, headers, body, request, protocol, reason_phrase)
        response._carried_by = carried_by
        return response

    def _set(
        self,
        status_code: int,
        headers: Headers,
        body: BodyStream,
        request: Request | None,
        protocol: str,
        reason_phrase: str | None,
    ) -> None:
        self.status_code = status_from_int(status_code)
        self.headers = headers
        self.request = request
        self.protocol = protocol
        self.history = []
        self._reason_phrase = reason_phrase
        self._body = body
        # Whoever reads the body takes this one item: of two threads, only one gets it.
        self._turn = [None]

    @classmethod
    def adopt(cls, response: ResponseBase) -> typing.Self:
        """`response` as one of this class, its history too: the same heads, the same bodies."""
        if type(response) is cls and not response.history:
            return response
        history: list[ResponseBase] = []
        for earlier in response.history:
            # Each has those before it as its own history: adopting them from there again would
            # take twice as long with every redirect.
            history.append(cls._adopt_one(earlier, list(history)))
        return cls._adopt_one(response, history)

    @classmethod
    def _adopt_one(cls, response: ResponseBase, history: list[ResponseBase]) -> typing.Self:
        if type(response) is cls:
            return response
        adopted = cls.__new__(cls)
        adopted.__dict__.update(response.__dict__)
        adopted.history = history
        return adopted

    def without_secrets(self) -> typing.Self:
        """A copy without what no `repr` shows, in its request and its history too."""
        history: list[ResponseBase] = []
        for earlier in self.history:
            history.append(earlier._one_without_secrets(list(history)))
        return self._one_without_secrets(history)

    def _one_without_secrets(self, history: list[ResponseBase]) -> typing.Self:
        copied = self.__copy__()
        copied.headers = self.headers.without_secrets()
        copied.request = None if self.request is None else self.request.without_secrets()
        copied.history = history
        return copied

    # Trailers and errors.

    @property
    def trailers(self) -> Headers:
        """The fields that followed the body; empty until it has been read to its end."""
        return Headers.from_raw(self._body.trailers)

    def raise_for_status(self) -> None:
        """Raise `HTTPError` for a status of 4xx or 5xx, with the start of a body that was read."""
        if self.status_code < 400:
            return
        kind = "client error" if self.status_code < 500 else "server error"
        message = f"{kind}: {self._described()}"
        if excerpt := self._excerpt():
            message += f": {excerpt}"
        raise HTTPError(message[:_MAX_MESSAGE], request=self.request, response=self)

    def _excerpt(self) -> str:
        # Not by `encoding`: guessing would cost more than all the rest of the exchange.
        encoding = self._encoding or stream_charset(self.headers.get("Content-Type"))
        return printable(decode_text((self._content or self._start)[: 4 * _MAX_MESSAGE], encoding))

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

    def _not_read(self) -> RequestException:
        kind: type[RequestException] = ResponseNotRead
        message = "the response was not read: call read() first"
        if not self._turn:
            kind, message = StreamConsumed, "the response's body was streamed and is gone"
        elif self._closed:
            kind, message = ResponseClosed, "the response was closed before its body was read"
        return self._error(kind, message)

    def _error(self, kind: type[RequestException], message: str) -> RequestException:
        return kind(f"{message} ({self._described()})", request=self.request, response=self)

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

    async def _next(self) -> ResponseBase:
        if self.send_next is None:
            raise RuntimeError(
                f"there is no next request: {self._described()}, no redirect to follow"
            )
        return await self.send_next(self)

    def note_error(self, exc: BaseException) -> None:
        """Put what is known on an error that is on its way to the caller."""
        if isinstance(exc, RequestException):
            if exc.response is None and isinstance(exc, DecodingError):
                exc.args = (f"{exc} ({self._described()})",)
            exc.request = exc.request or self.request
            exc.response = exc.response or self

    def note_end(self, body: BodyStream) -> None:
        """Note that `body` has ended.  Raises `ResponseClosed` if that is because of `close()`."""
        if self._closed and body is self._body:
            raise self._error(ResponseClosed, "the response was closed while its body was streamed")
        self._closed = True

    def __repr__(self) -> str:
        return f"<{type(self).__name__}({int(self.status_code)}, {self.reason_phrase!r})>"

    def __copy__(self) -> typing.Self:
        """One more response over the same body, which only one of them can stream."""
        copied = type(self).__new__(type(self))
        copied.__dict__.update(self.__dict__)
        return copied

    def __getstate__(self) -> dict[str, typing.Any]:
        state = dict(self.__dict__, send_next=None, _closed=True)
        state["_body"] = BytesStream(b"")
        state["_body"].trailers = list(self._body.trailers)
        return state
