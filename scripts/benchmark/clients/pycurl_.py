"""pycurl: libcurl's easy interface, with one handle a thread, as handles cannot be shared."""

from __future__ import annotations

import collections.abc
import io
import json
import threading
import typing

import pycurl

from . import base


class SyncClient(base.SyncClient):
    version = pycurl.version.split()[1]

    def __init__(self, server: base.ServerInfo, options: base.Options) -> None:
        self.server, self.options = server, options
        self.local = threading.local()

    @staticmethod
    def create_default() -> None:
        pycurl.Curl().close()

    def _handle(self) -> typing.Any:
        handle = getattr(self.local, "handle", None)
        if handle is None:
            handle = self.local.handle = pycurl.Curl()
            handle.setopt(pycurl.CAINFO, self.server.ca)
            handle.setopt(pycurl.TIMEOUT, int(base.TIMEOUT_SECONDS))
            handle.setopt(pycurl.NOSIGNAL, 1)
            handle.setopt(pycurl.ACCEPT_ENCODING, "")
            handle.setopt(pycurl.FOLLOWLOCATION, 1)
            handle.setopt(pycurl.MAXCONNECTS, self.options.pool)
            if self.options.cookies:
                handle.setopt(pycurl.COOKIEFILE, "")
            version = pycurl.CURL_HTTP_VERSION_1_1
            if self.options.http2:
                version = pycurl.CURL_HTTP_VERSION_2TLS
            handle.setopt(pycurl.HTTP_VERSION, version)
        return handle

    def get(self, url: str) -> tuple[int, bytes]:
        handle, body = self._handle(), io.BytesIO()
        handle.setopt(pycurl.URL, url)
        handle.setopt(pycurl.WRITEDATA, body)
        handle.perform()
        return handle.getinfo(pycurl.RESPONSE_CODE), body.getvalue()

    def protocol(self, url: str) -> str:
        self.get(url)
        version = self._handle().getinfo(pycurl.INFO_HTTP_VERSION)
        return "HTTP/2" if version == pycurl.CURL_HTTP_VERSION_2_0 else str(version)

    def get_header(self, url: str, name: str) -> tuple[int, str]:
        headers: dict[str, str] = {}

        def on_header(line: bytes) -> None:
            key, colon, value = line.decode("latin-1").partition(":")
            if colon:
                headers[key.strip().lower()] = value.strip()

        self._handle().setopt(pycurl.HEADERFUNCTION, on_header)
        status, _ = self.get(url)
        return status, headers[name.lower()]

    def get_json(self, url: str) -> base.JSON:
        return json.loads(self.get(url)[1])

    def post_json(self, url: str, document: base.JSON) -> base.JSON:
        handle = self._handle()
        handle.setopt(pycurl.HTTPHEADER, ["Content-Type: application/json"])
        handle.setopt(pycurl.POSTFIELDS, json.dumps(document))
        return json.loads(self.get(url)[1])

    def download(self, url: str) -> tuple[int, int]:
        total = 0

        def on_body(data: bytes) -> None:
            nonlocal total
            total += len(data)

        handle = self._handle()
        handle.setopt(pycurl.BUFFERSIZE, 65536)
        handle.setopt(pycurl.URL, url)
        handle.setopt(pycurl.WRITEFUNCTION, on_body)
        handle.perform()
        return handle.getinfo(pycurl.RESPONSE_CODE), total

    def _upload(self, url: str, read: collections.abc.Callable[[int], bytes], size: int) -> int:
        handle = self._handle()
        handle.setopt(pycurl.URL, url)
        handle.setopt(pycurl.WRITEDATA, io.BytesIO())
        handle.setopt(pycurl.POST, 1)
        framing = [] if size else ["Transfer-Encoding: chunked"]
        handle.setopt(pycurl.HTTPHEADER, ["Expect:", *framing])
        if size:
            handle.setopt(pycurl.POSTFIELDSIZE_LARGE, size)
        handle.setopt(pycurl.UPLOAD_BUFFERSIZE, 65536 + 4096)
        handle.setopt(pycurl.READFUNCTION, read)
        handle.perform()
        status: int = handle.getinfo(pycurl.RESPONSE_CODE)
        return status

    def upload_chunks(self, url: str, chunks: base.Chunks) -> int:
        iterator, rest = iter(chunks), b""

        def read(size: int) -> bytes:
            nonlocal rest
            data = rest or next(iterator, b"")
            data, rest = data[:size], data[size:]
            return data

        return self._upload(url, read, 0)

    def upload_file(self, url: str, path: str) -> int:
        with open(path, "rb") as file:
            size = file.seek(0, 2)
            file.seek(0)
            return self._upload(url, file.read, size)

    def cookie_count(self) -> int:
        return len(self._handle().getinfo(pycurl.INFO_COOKIELIST))

    def close(self) -> None:
        self._handle().close()
