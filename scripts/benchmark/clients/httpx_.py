"""httpx; and httpx2, its fork, which has the same API."""

from __future__ import annotations

import importlib
import ssl
import types
import typing

from . import base


def client_classes(module: str) -> tuple[type[base.SyncClient], type[base.AsyncClient]]:
    """The adapters of `httpx` or `httpx2`."""
    library = importlib.import_module(module)

    class SyncClient(_SyncClient):
        version = library.__version__
        httpx = library

        @staticmethod
        def create_default() -> None:
            library.Client().close()

    class AsyncClient(_AsyncClient):
        version = library.__version__
        httpx = library

    return SyncClient, AsyncClient


def _settings(
    httpx: types.ModuleType, server: base.ServerInfo, options: base.Options
) -> dict[str, typing.Any]:
    return {
        "http2": options.http2,
        "timeout": base.TIMEOUT_SECONDS,
        "verify": ssl.create_default_context(cafile=server.ca),
        "limits": httpx.Limits(
            max_connections=options.pool, max_keepalive_connections=options.pool
        ),
    }


class _SyncClient(base.SyncClient):
    httpx: types.ModuleType

    def __init__(self, server: base.ServerInfo, options: base.Options) -> None:
        self.client = self.httpx.Client(**_settings(self.httpx, server, options))

    def get(self, url: str) -> tuple[int, bytes]:
        response = self.client.get(url)
        return response.status_code, response.content

    def protocol(self, url: str) -> str:
        return self.client.get(url).http_version

    def get_header(self, url: str, name: str) -> tuple[int, str]:
        response = self.client.get(url)
        return response.status_code, response.headers[name]

    def get_json(self, url: str) -> base.JSON:
        return self.client.get(url).json()

    def post_json(self, url: str, document: base.JSON) -> base.JSON:
        return self.client.post(url, json=document).json()

    def download(self, url: str) -> tuple[int, int]:
        total = 0
        with self.client.stream("GET", url) as response:
            for chunk in response.iter_bytes():
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


class _AsyncClient(base.AsyncClient):
    httpx: types.ModuleType

    def __init__(self, server: base.ServerInfo, options: base.Options) -> None:
        self.client = self.httpx.AsyncClient(**_settings(self.httpx, server, options))

    async def get(self, url: str) -> tuple[int, bytes]:
        response = await self.client.get(url)
        return response.status_code, response.content

    async def protocol(self, url: str) -> str:
        return (await self.client.get(url)).http_version

    async def get_header(self, url: str, name: str) -> tuple[int, str]:
        response = await self.client.get(url)
        return response.status_code, response.headers[name]

    async def get_json(self, url: str) -> base.JSON:
        return (await self.client.get(url)).json()

    async def post_json(self, url: str, document: base.JSON) -> base.JSON:
        return (await self.client.post(url, json=document)).json()

    async def download(self, url: str) -> tuple[int, int]:
        total = 0
        async with self.client.stream("GET", url) as response:
            async for chunk in response.aiter_bytes():
                total += len(chunk)
        return response.status_code, total

    async def upload_chunks(self, url: str, chunks: base.AsyncChunks) -> int:
        return (await self.client.post(url, content=chunks)).status_code

    def cookie_count(self) -> int:
        return len(self.client.cookies)

    async def close(self) -> None:
        await self.client.aclose()
