"""The ASGI application behind the uvicorn and hypercorn servers.

Each route is a coroutine `(exchange, argument)`, found by the first segment of the path; `argument`
is what follows it.
"""

from __future__ import annotations

import asyncio
import base64
import collections.abc
import gzip
import hashlib
import json
import typing
import urllib.parse
import zlib

TEXT = "The quick brown fox jumps over the lazy dog. \u00e4\u00f6\u00fc\u20ac\n" * 100
"""What the compressed routes send."""

LINES = ("one", "two", "", "four")
"""What `/lines` sends, with a line end of each kind, each cut in two."""

Message = dict[str, typing.Any]
Fields = collections.abc.Iterable[tuple[str, str]]


class Exchange:
    """One request and its response."""

    def __init__(
        self,
        scope: Message,
        receive: collections.abc.Callable[[], collections.abc.Awaitable[Message]],
        send: collections.abc.Callable[[Message], collections.abc.Awaitable[None]],
    ) -> None:
        self.scope = scope
        self.query = urllib.parse.parse_qsl(scope["query_string"].decode(), keep_blank_values=True)
        self._receive = receive
        self._send = send

    def option(self, name: str, default: str) -> str:
        """The query parameter `name`."""
        return dict(self.query).get(name, default)

    async def read(self) -> bytes | None:
        """The next piece of the request's body; `None` after the last."""
        message = await self._receive()
        if message["type"] == "http.disconnect":
            return None
        self._receive = self._receive if message.get("more_body") else _disconnected
        return typing.cast("bytes", message.get("body", b""))

    async def body(self) -> bytes:
        """The rest of the request's body."""
        pieces = []
        while (piece := await self.read()) is not None:
            pieces.append(piece)
        return b"".join(pieces)

    async def head(self, status: int = 200, headers: Fields = ()) -> None:
        """Begin the response."""
        raw = [(k.lower().encode("latin-1"), v.encode("latin-1")) for k, v in headers]
        await self._send({"type": "http.response.start", "status": status, "headers": raw})

    async def write(self, data: bytes, more: bool = True) -> None:
        """Send a piece of the response; the last one with `more=False`."""
        await self._send({"type": "http.response.body", "body": data, "more_body": more})

    async def reply(
        self, body: bytes = b"", status: int = 200, kind: str = "text/plain", headers: Fields = ()
    ) -> None:
        """Send a whole response."""
        length = [] if status in (204, 304) else [("Content-Length", str(len(body)))]
        await self.head(status, [("Content-Type", kind), *length, *headers])
        await self.write(b"" if self.scope["method"] == "HEAD" else body, more=False)


async def _disconnected() -> Message:
    return {"type": "http.disconnect"}


async def hello(exchange: Exchange, _: str) -> None:
    await exchange.reply(b"Hello, world!", kind="text/plain; charset=utf-8")


async def echo(exchange: Exchange, _: str) -> None:
    """JSON of all that came, with the text of a body of at most 64 KiB."""
    body = await exchange.body()
    scope = exchange.scope
    came = {
        "method": scope["method"],
        "path": scope["raw_path"].partition(b"?")[0].decode("ascii"),
        "query": scope["query_string"].decode("ascii"),
        "http_version": scope["http_version"],
        "headers": [[k.decode("latin-1"), v.decode("latin-1")] for k, v in scope["headers"]],
        "length": len(body),
        "sha256": hashlib.sha256(body).hexdigest(),
        "text": body.decode("utf-8", "replace") if len(body) <= 65536 else None,
    }
    await exchange.reply(json.dumps(came).encode(), kind="application/json")


async def form(exchange: Exchange, _: str) -> None:
    """JSON of the parts of a multipart form, as Werkzeug reads them."""
    from .form_parsers import read_by_werkzeug

    sent = dict(exchange.scope["headers"])
    body = await exchange.body()
    parts = [
        {
            "name": part.name,
            "filename": part.filename,
            "headers": part.headers,
            "length": len(part.content),
            "sha256": hashlib.sha256(part.content).hexdigest(),
        }
        for part in read_by_werkzeug(sent[b"content-type"].decode("latin-1"), body)
    ]
    length = sent.get(b"content-length", b"").decode()
    came = {"parts": parts, "content_length": length, "length": len(body)}
    await exchange.reply(json.dumps(came).encode(), kind="application/json")


async def headers(exchange: Exchange, _: str) -> None:
    """JSON of the request's headers, joined where they repeat."""
    joined: dict[str, str] = {}
    for raw_name, raw_value in exchange.scope["headers"]:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        joined[name] = f"{joined[name]}, {value}" if name in joined else value
    await exchange.reply(json.dumps(joined).encode(), kind="application/json")


async def set_header(exchange: Exchange, _: str) -> None:
    """Each query parameter as a response header: `?Set-Cookie=a=1&Set-Cookie=b=2`."""
    await exchange.reply(b"set", headers=exchange.query)


async def status(exchange: Exchange, argument: str) -> None:
    """A response of that status, with its number as the body."""
    body = b"" if argument in ("204", "304") else argument.encode()
    await exchange.reply(body, status=int(argument))


async def redirect(exchange: Exchange, argument: str) -> None:
    """That many redirects, the last one to `/`."""
    left = int(argument) - 1
    target = f"/redirect/{left}" if left > 0 else "/"
    await exchange.reply(status=302, headers=[("Location", target)])


async def redirect_to(exchange: Exchange, _: str) -> None:
    """`?url=` by `?status=`, 302 by default."""
    target, code = exchange.option("url", "/"), int(exchange.option("status", "302"))
    await exchange.reply(status=code, headers=[("Location", target)])


async def send_bytes(exchange: Exchange, argument: str) -> None:
    """That many bytes, with a Content-Length."""
    await exchange.reply(b"x" * int(argument), kind="application/octet-stream")


async def stream(exchange: Exchange, argument: str) -> None:
    """That many pieces of `?size=` bytes (1,024), without a Content-Length."""
    size = int(exchange.option("size", "1024"))
    await exchange.head(headers=[("Content-Type", "application/octet-stream")])
    for index in range(int(argument)):
        await exchange.write(bytes([65 + index % 26]) * size)
    await exchange.write(b"", more=False)


async def compressed_gzip(exchange: Exchange, _: str) -> None:
    await _compressed(exchange, "gzip", gzip.compress(TEXT.encode()))


async def compressed_deflate(exchange: Exchange, _: str) -> None:
    """In the zlib format as RFC 9110 has it, or with `?raw=1` without, as some servers do."""
    data = zlib.compress(TEXT.encode())
    await _compressed(exchange, "deflate", data[2:-4] if exchange.option("raw", "") else data)


async def compressed_brotli(exchange: Exchange, _: str) -> None:
    import brotli

    await _compressed(exchange, "br", brotli.compress(TEXT.encode()))


async def compressed_zstd(exchange: Exchange, _: str) -> None:
    import zstandard

    await _compressed(exchange, "zstd", zstandard.compress(TEXT.encode()))


async def _compressed(exchange: Exchange, coding: str, body: bytes) -> None:
    kind = "text/plain; charset=utf-8"
    await exchange.reply(body, kind=kind, headers=[("Content-Encoding", coding)])


async def slow(exchange: Exchange, _: str) -> None:
    """The response after `?seconds=`."""
    await asyncio.sleep(float(exchange.option("seconds", "1")))
    await exchange.reply(b"slow")


async def basic_auth(exchange: Exchange, argument: str) -> None:
    """200 for `/basic-auth/USER/PASSWORD` with these, else 401."""
    user, _, password = argument.partition("/")
    wanted = b"Basic " + base64.b64encode(f"{user}:{password}".encode())
    if dict(exchange.scope["headers"]).get(b"authorization") == wanted:
        await exchange.reply(b"welcome")
    else:
        challenge = [("WWW-Authenticate", 'Basic realm="test"')]
        await exchange.reply(b"who are you?", status=401, headers=challenge)


async def early(exchange: Exchange, _: str) -> None:
    """The whole response, before a byte of the request's body is read."""
    await exchange.reply(b"early")
    await exchange.body()


async def echo_stream(exchange: Exchange, _: str) -> None:
    """Each piece of the request's body at once as a piece of the response's."""
    await exchange.head(headers=[("Content-Type", "application/octet-stream")])
    while (piece := await exchange.read()) is not None:
        await exchange.write(piece)
    await exchange.write(b"", more=False)


async def text(exchange: Exchange, _: str) -> None:
    """`TEXT` up to the euro sign, in `?charset=` (UTF-8), announced unless `?announce=0`."""
    charset = exchange.option("charset", "utf-8")
    announced = exchange.option("announce", "1") == "1"
    kind = f"text/plain; charset={charset}" if announced else "text/plain"
    await exchange.reply(TEXT.partition("\u20ac")[0].encode(charset), kind=kind)


async def lines(exchange: Exchange, _: str) -> None:
    one, two, three, four = LINES
    await exchange.head(headers=[("Content-Type", "text/plain; charset=utf-8")])
    for piece in (f"{one[:1]}", f"{one[1:]}\r", f"\n{two}", f"\n{three}\r{four}"):
        await exchange.write(piece.encode())
    await exchange.write(b"", more=False)


ROUTES: dict[str, collections.abc.Callable[[Exchange, str], collections.abc.Awaitable[None]]] = {
    "": hello,
    "basic-auth": basic_auth,
    "brotli": compressed_brotli,
    "bytes": send_bytes,
    "deflate": compressed_deflate,
    "early": early,
    "echo": echo,
    "echo-stream": echo_stream,
    "form": form,
    "gzip": compressed_gzip,
    "headers": headers,
    "lines": lines,
    "redirect": redirect,
    "redirect-to": redirect_to,
    "set-header": set_header,
    "slow": slow,
    "status": status,
    "stream": stream,
    "text": text,
    "zstd": compressed_zstd,
}


async def app(
    scope: Message,
    receive: collections.abc.Callable[[], collections.abc.Awaitable[Message]],
    send: collections.abc.Callable[[Message], collections.abc.Awaitable[None]],
) -> None:
    """The application."""
    assert scope["type"] == "http", scope["type"]  # lifespan is not offered
    exchange = Exchange(scope, receive, send)
    name, _, argument = scope["path"][1:].partition("/")
    route = ROUTES.get(name)
    if route is None:
        await exchange.reply(b"no such route", status=404)
    else:
        await route(exchange, argument)
