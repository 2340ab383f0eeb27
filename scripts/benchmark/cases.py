"""The cases: what each measures, how long, and what it has to reach."""

from __future__ import annotations

import dataclasses
import typing

from . import async_cases, sync_cases

FLOOR = "floor"
SYNC, ASYNC, BULK, START = "Sync", "Async", "Bulk", "Start"
UNITS = {"µs": 1e6, "ms": 1e3, "KB": 1.0}


class Target(typing.NamedTuple):
    """
    A limit, and of what it is a multiple.

    * `of`: a client in the same case, or a case of the same client; empty: the case's own unit.
    """

    limit: float
    of: str = FLOOR


@dataclasses.dataclass(frozen=True)
class Case:
    """
    * `run`: what runs in the client's process; `None` for the import, which is its start.
    * `batch`: how many operations are run before the clock is looked at.
    * `plain`, `speedups`: what httpcore is to reach with its plain dependencies and with httptools.
    * `base`: the client that the others are compared with.
    * `is_short`: part of the short mode.
    """

    name: str
    title: str
    group: str
    run: sync_cases.Case | async_cases.Case | None
    batch: int
    plain: Target
    speedups: Target
    unit: str = "µs"
    base: str = FLOOR
    is_short: bool = True

    @property
    def is_async(self) -> bool:
        return self.name.startswith("async_")


def _small(
    name: str,
    title: str,
    run: sync_cases.Case | async_cases.Case,
    batch: int,
    limits: tuple[float, float],
    is_short: bool = True,
) -> Case:
    group = ASYNC if name.startswith("async_") else SYNC
    targets = Target(limits[0]), Target(limits[1])
    return Case(name, title, group, run, batch, *targets, is_short=is_short)


def _on_h2(name: str, title: str, run: sync_cases.Case | async_cases.Case, batch: int) -> Case:
    group = ASYNC if name.startswith("async_") else SYNC
    targets = Target(1.15, "raw_h2"), Target(1.0, "raw_h2")
    return Case(name, title, group, run, batch, *targets, base="raw_h2")


def _many_origins(name: str, run: sync_cases.Case | async_cases.Case, one: str) -> Case:
    group = ASYNC if name.startswith("async_") else SYNC
    same = Target(1.1, one)
    return Case(name, "200 origins", group, run, 200, same, same, is_short=False)


def _bulk(name: str, title: str, run: sync_cases.Case | async_cases.Case) -> Case:
    targets = Target(1.5), Target(1.2)
    return Case(name, title, BULK, run, 1, *targets, unit="ms", is_short=False)


def _decoding(name: str, title: str, run: sync_cases.Case | async_cases.Case, unit: str) -> Case:
    targets = Target(1.3, "raw_h11"), Target(1.2, "raw_httptools")
    return Case(name, title, BULK, run, 5 if unit == "ms" else 100, *targets, unit=unit)


MEMORY = Target(16, ""), Target(12, "")

CASES = {
    case.name: case
    for case in [
        _small("get", "1 KB", sync_cases.get, 250, (6.5, 2.2)),
        _small("threads", "8 threads", sync_cases.threads, 800, (6.5, 2.2)),
        _small("tls", "TLS", sync_cases.tls, 250, (6.5, 2.2)),
        _on_h2("http2", "HTTP/2", sync_cases.http2, 200),
        _small("headers", "40 headers", sync_cases.headers, 200, (9, 3)),
        _small("cookies", "20 cookies", sync_cases.cookies, 60, (9, 2.5)),
        _small("post", "POST JSON", sync_cases.post_json, 200, (6.5, 2.3)),
        _small("origin", "1 origin", sync_cases.origins(1), 200, (6.5, 2.2), is_short=False),
        _many_origins("origins", sync_cases.origins(200), "origin"),
        _small("async_get", "1 task", async_cases.get, 200, (4, 2.4)),
        _small("async_64", "64 tasks", async_cases.tasks(64, 64), 320, (7, 3)),
        _small("async_512", "512, pool of 100", async_cases.tasks(512, 100), 1536, (7, 2.3)),
        _small("async_tls", "TLS, 64", async_cases.tasks(64, 64, "https1"), 320, (7, 3)),
        _on_h2("async_http2", "HTTP/2, 64", async_cases.tasks(64, 64, "https"), 640),
        _small("async_headers", "40 headers", async_cases.headers, 200, (9, 3), is_short=False),
        _small("async_cookies", "20 cookies", async_cases.cookies, 60, (9, 2.5), is_short=False),
        _small("async_post", "POST JSON", async_cases.post_json, 200, (6.5, 2.4), is_short=False),
        _small("async_origin", "1 origin", async_cases.origins(1), 200, (4, 2.4), is_short=False),
        _many_origins("async_origins", async_cases.origins(200), "async_origin"),
        _bulk("download", "download 256 MiB", sync_cases.download),
        _bulk("upload_file", "upload, file", sync_cases.upload_file),
        _bulk("upload", "upload, generator", sync_cases.upload_chunks),
        _bulk("async_download", "download, async", async_cases.download),
        _bulk("async_upload", "upload, async", async_cases.upload_chunks),
        _decoding("get_100k", "100 KB", sync_cases.get_100k, "µs"),
        _decoding("gzip", "1 MB gzip JSON", sync_cases.gzip_json, "ms"),
        _decoding("async_gzip", "gzip JSON, async", async_cases.gzip_json, "ms"),
        Case("import", "import", START, None, 1, Target(60, ""), Target(60, ""), unit="ms"),
        Case("create", "new client", START, sync_cases.create, 10, Target(0.1, ""),
             Target(0.1, ""), unit="ms"),
        Case("first_https", "client + first HTTPS GET", START, sync_cases.first_https, 20,
             Target(1.3), Target(1.3), unit="ms"),
        Case("async_first_https", "the same, async", START, async_cases.first_https, 20,
             Target(1.3), Target(1.3), unit="ms", is_short=False),
        Case("async_idle", "an idle connection of 1000", START, async_cases.idle_memory, 1000,
             *MEMORY, unit="KB", is_short=False),
    ]
}  # fmt: skip
