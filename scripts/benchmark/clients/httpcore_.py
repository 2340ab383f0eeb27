"""The client this is about."""

from __future__ import annotations

import typing

import httpcore

from . import base

VERSION = httpcore.__version__


def _settings(server: base.ServerInfo, options: base.Options) -> dict[str, typing.Any]:
    settings: dict[str, typing.Any] = {
        "ssl": server.ca,
        "timeout": base.TIMEOUT_SECONDS,
        "http2": options.http2,
    }
    if options.pool != base.DEFAULT_POOL:
        settings["pool_limits"] = httpcore.PoolLimits(options.pool, options.pool)
    return settings


class SyncClient(base.SyncClient):
    version = VERSION

    def __init__(self, server: base.ServerInfo, options: base.Options) -> None:
        self.client = httpcore.Client(**_settings(server, options))

    @staticmethod
    def create_default() -> None:
        httpcore.Client().close()

    def get(self, url: str) -> tuple[int, bytes]:
        response = self.client.get(url)
        return response.status_code, response.content

    def protocol(self, url: str) -> str:
        return str(self.client.get(url).protocol)

    def get_header(self, url: str, name: str) -> tuple[int, str]:
        response = self.client.get(url)
        return response.status_code, response.headers[name]

    def get_json(self, url: str) -> base.JSON:
        return self.client.get(url).json()

    def post_json(self, url: str, document: base.JSON) -> base.JSON:
        return self.client.post(url, json=document).json()

    def download(self, url: str) -> tuple[int, int]:
        total = 0
        with self.client.get(url, stream=True) as response:
            for chunk in response.stream():
                total += len(chunk)
        return response.status_code, total

    def upload_chunks(self, url: str, chunks: base.Chunks) -> int:
        return self.client.post(url, content=iter(chunks)).status_code

    def upload_file(self, url: str, path: str) -> int:
        with open(path, "rb") as file:
            return self.client.post(url, content=file).status_code

    def cookie_count(self) -> int:
        return len(self.client.cookies)

    def close(self) -> None:
        self.client.close()


class AsyncClient(base.AsyncClient):
    version = VERSION

    def __init__(self, server: base.ServerInfo, options: base.Options) -> None:
        self.client = httpcore.AsyncClient(**_settings(server, options))

    async def get(self, url: str) -> tuple[int, bytes]:
        response = await self.client.get(url)
        return response.status_code, response.content

    async def protocol(self, url: str) -> str:
        return str((await self.client.get(url)).protocol)

    async def get_header(self, url: str, name: str) -> tuple[int, str]:
        response = await self.client.get(url)
        return response.status_code, response.headers[name]

    async def get_json(self, url: str) -> base.JSON:
        return (await self.client.get(url)).json()

    async def post_json(self, url: str, document: base.JSON) -> base.JSON:
        return (await self.client.post(url, json=document)).json()

    async def download(self, url: str) -> tuple[int, int]:
        total = 0
        async with await self.client.get(url, stream=True) as response:
            async for chunk in response.stream():
                total += len(chunk)
        return response.status_code, total

    async def upload_chunks(self, url: str, chunks: base.AsyncChunks) -> int:
        return (await self.client.post(url, content=chunks)).status_code

    def cookie_count(self) -> int:
        return len(self.client.cookies)

    async def close(self) -> None:
        await self.client.close()
