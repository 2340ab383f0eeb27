"""Runs one case with one client, in a process of its own, and prints what it measured as JSON."""

from __future__ import annotations

import argparse
import asyncio
import importlib
import json
import os
import pathlib
import sys
import traceback
import typing

from .cases import CASES, Case
from .clients.base import AsyncClient, NotAvailable, ServerInfo, SyncClient
from .measuring import Measurement, Meter


def client_classes(module: str) -> tuple[type[SyncClient], type[AsyncClient]]:
    if module in ("httpx", "httpx2"):
        from .clients.httpx_ import client_classes as of_httpx

        return of_httpx(module)
    adapters = importlib.import_module(f"{__package__}.clients.{module}")
    return getattr(adapters, "SyncClient", SyncClient), getattr(
        adapters, "AsyncClient", AsyncClient
    )


def run(
    case: Case,
    classes: tuple[type[SyncClient], type[AsyncClient]],
    server: ServerInfo,
    meter: Meter,
) -> Measurement:
    function: typing.Any = case.run
    if not case.is_async:
        result: Measurement = function(classes[0], server, meter)
        return result
    loop_factory = None
    if os.environ.get("BENCHMARK_UVLOOP"):
        import uvloop

        loop_factory = uvloop.new_event_loop
    with asyncio.Runner(loop_factory=loop_factory) as runner:
        result = runner.run(function(classes[1], server, meter))
        return result


def main() -> typing.NoReturn:
    parser = argparse.ArgumentParser()
    parser.add_argument("case")
    parser.add_argument("module")
    parser.add_argument("server", type=pathlib.Path)
    parser.add_argument("--batch", type=int, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    arguments = parser.parse_args()
    server = ServerInfo(**json.loads(arguments.server.read_text("utf-8")))
    meter = Meter(arguments.batch, arguments.seconds)
    result: dict[str, object] = {}
    try:
        classes = client_classes(arguments.module)
        measurement = run(CASES[arguments.case], classes, server, meter)
        result = {"value": measurement.value, "note": measurement.note}
        result["version"] = classes[0].version or classes[1].version
    except NotAvailable as exc:
        result = {"not_available": str(exc)}
    except BaseException as exc:
        traceback.print_exc()
        result = {"error": f"{type(exc).__name__}: {exc}"[:300]}
    print(json.dumps(result), flush=True)
    sys.stderr.flush()
    os._exit(0)  # what a client does at the end of a process is not our subject, nor its hangs


if __name__ == "__main__":
    main()
