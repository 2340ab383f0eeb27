"""requests."""

from __future__ import annotations

import requests
import requests.adapters

from . import base


class SyncClient(base.SyncClient):
    version = requests.__version__

    def __init__(self, server: base.ServerInfo, options: base.Options) -> None:
        if options.http2:
            raise base.NotAvailable("no HTTP/2")
        self.session = requests.Session()
        self.session.verify = server.ca
        if options.pool != base.DEFAULT_POOL:
            for scheme in ("http://", "https://"):
                adapter = requests.adapters.HTTPAdapter(
                    pool_connections=options.pool, pool_maxsize=options.pool
                )
                self.session.mount(scheme, adapter)

    @staticmethod
    def create_default() -> None:
        requests.Session().close()

    def get(self, url: str) -> tuple[int, bytes]:
        response = self.session.get(url, timeout=base.TIMEOUT_SECONDS)
        return response.status_code, response.content

    def get_header(self, url: str, name: str) -> tuple[int, str]:
        response = self.session.get(url, timeout=base.TIMEOUT_SECONDS)
        return response.status_code, response.headers[name]

    def get_json(self, url: str) -> base.JSON:
        return self.session.get(url, timeout=base.TIMEOUT_SECONDS).json()

    def post_json(self, url: str, document: base.JSON) -> base.JSON:
        return self.session.post(url, json=document, timeout=base.TIMEOUT_SECONDS).json()

    def download(self, url: str) -> tuple[int, int]:
        total = 0
        with self.session.get(url, stream=True, timeout=base.TIMEOUT_SECONDS) as response:
            for chunk in response.iter_content(65536):
                total += len(chunk)
        return response.status_code, total

    def upload_chunks(self, url: str, chunks: base.Chunks) -> int:
        response = self.session.post(url, data=iter(chunks), timeout=base.TIMEOUT_SECONDS)
        return response.status_code

    def upload_file(self, url: str, path: str) -> int:
        with open(path, "rb") as file:
            return self.session.post(url, data=file, timeout=base.TIMEOUT_SECONDS).status_code

    def cookie_count(self) -> int:
        return len(self.session.cookies)

    def close(self) -> None:
        self.session.close()
