"""urllib3."""

from __future__ import annotations

import urllib3

from . import base


class SyncClient(base.SyncClient):
    version = urllib3.__version__

    def __init__(self, server: base.ServerInfo, options: base.Options) -> None:
        if options.http2:
            raise base.NotAvailable("HTTP/2 only as an experiment, with another package")
        if options.cookies:
            raise base.NotAvailable("no cookie jar")
        self.pool = urllib3.PoolManager(
            num_pools=max(10, options.pool),
            maxsize=options.pool,
            ca_certs=server.ca,
            timeout=urllib3.Timeout(base.TIMEOUT_SECONDS),
        )

    @staticmethod
    def create_default() -> None:
        urllib3.PoolManager().clear()

    def get(self, url: str) -> tuple[int, bytes]:
        response = self.pool.request("GET", url)
        return response.status, response.data

    def get_header(self, url: str, name: str) -> tuple[int, str]:
        response = self.pool.request("GET", url)
        return response.status, response.headers[name]

    def get_json(self, url: str) -> base.JSON:
        return self.pool.request("GET", url, headers={"Accept-Encoding": "gzip"}).json()

    def post_json(self, url: str, document: base.JSON) -> base.JSON:
        return self.pool.request("POST", url, json=document).json()

    def download(self, url: str) -> tuple[int, int]:
        response = self.pool.request("GET", url, preload_content=False)
        total = 0
        for chunk in response.stream(65536):
            total += len(chunk)
        response.release_conn()
        return response.status, total

    def upload_chunks(self, url: str, chunks: base.Chunks) -> int:
        return self.pool.request("POST", url, body=iter(chunks), retries=False).status

    def upload_file(self, url: str, path: str) -> int:
        with open(path, "rb") as file:
            size = file.seek(0, 2)
            file.seek(0)
            headers = {"Content-Length": str(size)}
            return self.pool.request("POST", url, body=file, headers=headers).status

    def close(self) -> None:
        self.pool.clear()
