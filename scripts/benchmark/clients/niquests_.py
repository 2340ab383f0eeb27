"""niquests, the fork of requests with HTTP/2 and asyncio."""

from __future__ import annotations

import typing

import niquests

from . import base


def _pool(options: base.Options) -> int:
    return max(10, options.pool)


def _protocol(response: typing.Any) -> str:
    return "HTTP/2" if response.http_version == 20 else str(response.http_version)


class SyncClient(base.SyncClient):
    version = niquests.__version__

    def __init__(self, server: base.ServerInfo, options: base.Options) -> None:
        self.session = niquests.Session(
            pool_connections=_pool(options),
            pool_maxsize=_pool(options),
            timeout=base.TIMEOUT_SECONDS,
        )
        self.session.verify = server.ca

    @staticmethod
    def create_default() -> None:
        niquests.Session().close()

    def get(self, url: str) -> tuple[int, bytes]:
        response = self.session.get(url)
        return response.status_code, response.content

    def protocol(self, url: str) -> str:
        return _protocol(self.session.get(url))

    def get_header(self, url: str, name: str) -> tuple[int, str]:
        response = self.session.get(url)
        return response.status_code, response.headers[name]

    def get_json(self, url: str) -> base.JSON:
        return self.session.get(url).json()

    def post_json(self, url: str, document: base.JSON) -> base.JSON:
        return self.session.post(url, json=document).json()

    def download(self, url: str) -> tuple[int, int]:
        total = 0
        response = self.session.get(url, stream=True)
        for chunk in response.iter_content(65536):
            total += len(chunk)
        return response.status_code, total

    def upload_chunks(self, url: str, chunks: base.Chunks) -> int:
        return self.session.post(url, data=iter(chunks)).status_code

    def upload_file(self, url: str, path: str) -> int:
        with open(path, "rb") as file:
            return self.session.post(url, data=file).status_code

    def cookie_count(self) -> int:
        return len(self.session.cookies)

    def close(self) -> None:
        self.session.close()


class AsyncClient(base.AsyncClient):
    version = niquests.__version__

    def __init__(self, server: base.ServerInfo, options: base.Options) -> None:
        self.multiplexed = options.http2
        # One connection, or it opens one for each waiting task instead of multiplexing.
        self.session = niquests.AsyncSession(
            pool_connections=_pool(options),
            pool_maxsize=1 if options.http2 else _pool(options),
            multiplexed=options.http2,
            timeout=base.TIMEOUT_SECONDS,
        )
        self.session.verify = server.ca

    async def _get(self, url: str) -> typing.Any:
        response = await self.session.get(url)
        if self.multiplexed:
            await self.session.gather(response)
        return response

    async def get(self, url: str) -> tuple[int, bytes]:
        response = await self._get(url)
        return response.status_code, response.content

    async def protocol(self, url: str) -> str:
        return _protocol(await self._get(url))

    async def get_header(self, url: str, name: str) -> tuple[int, str]:
        response = await self.session.get(url)
        return response.status_code, response.headers[name]

    async def get_json(self, url: str) -> base.JSON:
        return (await self.session.get(url)).json()

    async def post_json(self, url: str, document: base.JSON) -> base.JSON:
        return (await self.session.post(url, json=document)).json()

    async def download(self, url: str) -> tuple[int, int]:
        total = 0
        response = await self.session.get(url, stream=True)
        async for chunk in await response.iter_content(65536):
            total += len(chunk)
        return response.status_code, total

    async def upload_chunks(self, url: str, chunks: base.AsyncChunks) -> int:
        return (await self.session.post(url, data=chunks)).status_code

    def cookie_count(self) -> int:
        return len(self.session.cookies)

    async def close(self) -> None:
        await self.session.close()
