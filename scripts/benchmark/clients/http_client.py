"""http.client of the standard library, with one connection an origin and thread."""

from __future__ import annotations

import gzip
import http.client
import json
import platform
import ssl
import threading
import types
import typing

from . import base
from .floor import split_url


class SyncClient(base.SyncClient):
    version = platform.python_version()

    def __init__(self, server: base.ServerInfo, options: base.Options) -> None:
        if options.http2:
            raise base.NotAvailable("no HTTP/2")
        if options.cookies:
            raise base.NotAvailable("no cookie jar")
        self.ca = server.ca
        self.local = threading.local()
        self.context: ssl.SSLContext | None = None

    def _connection(self, url: str) -> http.client.HTTPConnection:
        key, is_tls, host, port, _, _ = split_url(url)
        connections: dict[str, http.client.HTTPConnection] = self.local.__dict__
        if key not in connections:
            if is_tls:
                self.context = self.context or ssl.create_default_context(cafile=self.ca)
                connections[key] = http.client.HTTPSConnection(
                    host, port, timeout=base.TIMEOUT_SECONDS, context=self.context
                )
            else:
                connections[key] = http.client.HTTPConnection(
                    host, port, timeout=base.TIMEOUT_SECONDS
                )
        return connections[key]

    def _send(
        self,
        url: str,
        method: str = "GET",
        body: typing.Any = None,
        headers: typing.Mapping[str, str] = types.MappingProxyType({}),
        encode_chunked: bool = False,
    ) -> http.client.HTTPResponse:
        connection = self._connection(url)
        connection.request(method, split_url(url)[5], body, headers, encode_chunked=encode_chunked)
        return connection.getresponse()

    def get(self, url: str) -> tuple[int, bytes]:
        response = self._send(url)
        return response.status, response.read()

    def get_header(self, url: str, name: str) -> tuple[int, str]:
        response = self._send(url)
        response.read()
        return response.status, response.getheader(name, "")

    def get_json(self, url: str) -> base.JSON:
        response = self._send(url, headers={"Accept-Encoding": "gzip"})
        return json.loads(gzip.decompress(response.read()))

    def post_json(self, url: str, document: base.JSON) -> base.JSON:
        headers = {"Content-Type": "application/json"}
        return json.loads(self._send(url, "POST", json.dumps(document).encode(), headers).read())

    def download(self, url: str) -> tuple[int, int]:
        response = self._send(url)
        total = 0
        while chunk := response.read(65536):
            total += len(chunk)
        return response.status, total

    def upload_chunks(self, url: str, chunks: base.Chunks) -> int:
        headers = {"Transfer-Encoding": "chunked"}
        response = self._send(url, "POST", iter(chunks), headers, encode_chunked=True)
        response.read()
        return response.status

    def upload_file(self, url: str, path: str) -> int:
        with open(path, "rb") as file:
            size = file.seek(0, 2)
            file.seek(0)
            response = self._send(url, "POST", file, {"Content-Length": str(size)})
        response.read()
        return response.status

    def close(self) -> None:
        for connection in self.local.__dict__.values():
            connection.close()
