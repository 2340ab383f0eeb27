"""aiohttp."""

from __future__ import annotations

import ssl

import aiohttp

from . import base


class AsyncClient(base.AsyncClient):
    version = aiohttp.__version__

    def __init__(self, server: base.ServerInfo, options: base.Options) -> None:
        if options.http2:
            raise base.NotAvailable("no HTTP/2")
        context = ssl.create_default_context(cafile=server.ca)
        self.session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=options.pool, ssl=context),
            timeout=aiohttp.ClientTimeout(total=base.TIMEOUT_SECONDS),
        )

    async def get(self, url: str) -> tuple[int, bytes]:
        async with self.session.get(url) as response:
            return response.status, await response.read()

    async def get_header(self, url: str, name: str) -> tuple[int, str]:
        async with self.session.get(url) as response:
            await response.read()
            return response.status, response.headers[name]

    async def get_json(self, url: str) -> base.JSON:
        async with self.session.get(url) as response:
            return await response.json()

    async def post_json(self, url: str, document: base.JSON) -> base.JSON:
        async with self.session.post(url, json=document) as response:
            return await response.json()

    async def download(self, url: str) -> tuple[int, int]:
        total = 0
        async with self.session.get(url) as response:
            async for chunk in response.content.iter_any():
                total += len(chunk)
        return response.status, total

    async def upload_chunks(self, url: str, chunks: base.AsyncChunks) -> int:
        async with self.session.post(url, data=chunks) as response:
            await response.read()
            return response.status

    def cookie_count(self) -> int:
        return len(self.session.cookie_jar)

    async def close(self) -> None:
        await self.session.close()
