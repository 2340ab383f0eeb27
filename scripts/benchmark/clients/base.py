"""What a client has to do in the benchmark; each adapter does what its client can."""

from __future__ import annotations

import collections.abc
import dataclasses
import typing

TIMEOUT_SECONDS = 60.0
DEFAULT_POOL = 16

JSON = typing.Any
Chunks = collections.abc.Iterable[bytes]
AsyncChunks = collections.abc.AsyncIterable[bytes]


class NotAvailable(Exception):
    """The client cannot do what the case asks for."""


@dataclasses.dataclass(frozen=True)
class ServerInfo:
    """
    Where the server is.

    * `http`, `https`, `https1`: base URLs; the second speaks HTTP/2 too, the third does not.
    * `origins`: base URLs of 200 more plain origins.
    * `ca`: path of the certificate that signed the server's.
    * `big_bytes`, `json_rows`: sizes of the large file and the large document.
    * `big_file`: path of the large file.
    """

    http: str
    https: str
    https1: str
    origins: list[str]
    ca: str
    big_bytes: int
    json_rows: int
    big_file: str


@dataclasses.dataclass(frozen=True)
class Options:
    """What a case needs of a client."""

    http2: bool = False
    pool: int = DEFAULT_POOL
    cookies: bool = False


class SyncClient:
    """Operations of a sync client; each reads the whole body, `download` without keeping it."""

    version = ""

    def __init__(self, server: ServerInfo, options: Options) -> None:
        raise NotAvailable("no sync API")

    @staticmethod
    def create_default() -> None:
        """Make a client as a user would, and close it."""
        raise NotAvailable("no client object")

    def get(self, url: str) -> tuple[int, bytes]:
        raise NotAvailable("no GET")

    def protocol(self, url: str) -> str:
        """The protocol of a response, such as `HTTP/2`."""
        raise NotAvailable("no HTTP/2")

    def get_header(self, url: str, name: str) -> tuple[int, str]:
        raise NotAvailable("not part of this floor")

    def get_json(self, url: str) -> JSON:
        raise NotAvailable("not part of this floor")

    def post_json(self, url: str, document: JSON) -> JSON:
        raise NotAvailable("not part of this floor")

    def download(self, url: str) -> tuple[int, int]:
        """The status and how many bytes there were."""
        raise NotAvailable("not part of this floor")

    def upload_chunks(self, url: str, chunks: Chunks) -> int:
        raise NotAvailable("not part of this floor")

    def upload_file(self, url: str, path: str) -> int:
        raise NotAvailable("not part of this floor")

    def cookie_count(self) -> int:
        raise NotAvailable("no cookie jar")

    def close(self) -> None: ...


class AsyncClient:
    """The same for asyncio; made while the event loop runs."""

    version = ""

    def __init__(self, server: ServerInfo, options: Options) -> None:
        raise NotAvailable("no asyncio API")

    async def get(self, url: str) -> tuple[int, bytes]:
        raise NotAvailable("no GET")

    async def protocol(self, url: str) -> str:
        raise NotAvailable("no HTTP/2")

    async def get_header(self, url: str, name: str) -> tuple[int, str]:
        raise NotAvailable("not part of this floor")

    async def get_json(self, url: str) -> JSON:
        raise NotAvailable("not part of this floor")

    async def post_json(self, url: str, document: JSON) -> JSON:
        raise NotAvailable("not part of this floor")

    async def download(self, url: str) -> tuple[int, int]:
        raise NotAvailable("not part of this floor")

    async def upload_chunks(self, url: str, chunks: AsyncChunks) -> int:
        raise NotAvailable("not part of this floor")

    def cookie_count(self) -> int:
        raise NotAvailable("no cookie jar")

    async def close(self) -> None: ...
