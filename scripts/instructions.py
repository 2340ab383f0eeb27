"""Counts the machine instructions of six fixed exchanges; run it by `scripts/instructions`.

Unlike seconds these do not depend on what else the machine does.  valgrind counts them: one process
imports the library and runs each exchange a few times, until nothing is new to it; then for each
exchange it forks twice, and the children run it 50 and 100 times.  The difference of the two, for
one exchange, has no start-up in it.  The peers are scripts, so no system call is in it either.

Two runs in the same circumstances differ by less than 0.1 %; another hash seed, a larger
environment, byte code that has to be compiled first move them by less than 1 %.  Another version of
Python moves them by 10 %, and so may another build of one: a record holds for one version on one
kind of machine.  For others there is nothing to compare with, which is said and is no failure; that
there is no valgrind is one where the environment has CI=true.
"""

from __future__ import annotations

import argparse
import collections.abc
import gzip
import importlib.metadata
import importlib.util
import json
import os
import pathlib
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time
import types
import typing

ROOT = pathlib.Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))
RECORD = ROOT / "tests" / "instructions.json"
ALLOWANCE = 0.10
ENGINES = ("h11", "httptools")
REPEATS = 50
WARM_UP = 30
URL = "http://192.0.2.1/"

DOCUMENT = {"id": 1, "name": "benchmark", "items": list(range(200)), "text": "lorem ipsum " * 12}
FORM = {"name": "bench", "n": 12345, "tags": ["a", "b", "c"], "nested": {"x": 1.5}}

Counts = dict[str, int]


# ------------------------------------------------------------------ what the peers send


def response(*fields: str, body: bytes, framing: str | None = None) -> bytes:
    """A response as nginx sends it."""
    head = [
        "HTTP/1.1 200 OK",
        "Server: nginx/1.22.1",
        "Date: Thu, 26 Nov 2026 12:00:00 GMT",
        "Content-Type: application/json",
        framing or f"Content-Length: {len(body)}",
        "Connection: keep-alive",
        *fields,
    ]
    return "\r\n".join([*head, "", ""]).encode() + body


def in_chunks(body: bytes, size: int = 256) -> bytes:
    """`body` in the chunked transfer coding."""
    pieces = [body[start : start + size] for start in range(0, len(body), size)]
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in [*pieces, b""])


def http2_responses(count: int) -> list[bytes]:
    """The settings of an HTTP/2 server, and its responses on the first `count` streams."""
    from h2.config import H2Configuration
    from h2.connection import H2Connection

    client = H2Connection(H2Configuration(client_side=True))
    server = H2Connection(H2Configuration(client_side=False, header_encoding="utf-8"))
    client.initiate_connection()
    server.initiate_connection()
    server.receive_data(client.data_to_send())
    pieces = [server.data_to_send()]
    for stream_id in range(1, 2 * count, 2):
        request = {":method": "GET", ":scheme": "http", ":authority": "192.0.2.1", ":path": "/"}
        client.send_headers(stream_id, list(request.items()), end_stream=True)
        server.receive_data(client.data_to_send())
        head = {":status": "200", "server": "nginx/1.22.1", "content-type": "application/json"}
        server.send_headers(stream_id, [*head.items(), ("content-length", "1024")])
        server.send_data(stream_id, b"x" * 1024, end_stream=True)
        pieces.append(server.data_to_send())
        client.receive_data(pieces[-1])
        client.acknowledge_received_data(1024, stream_id)
        server.receive_data(client.data_to_send())
    return pieces


# ------------------------------------------------------------------ the exchanges


class Exchange(typing.NamedTuple):
    """What the peer sends for so many requests, and how one is sent."""

    script: collections.abc.Callable[[int], list[bytes]]
    method: str = "GET"
    json: object = None
    settings: collections.abc.Mapping[str, typing.Any] = types.MappingProxyType({})


def exchanges() -> dict[str, Exchange]:
    small = response(body=b"x" * 1024)
    many = [f"X-Bench-Header-{number:02}: value number {number} of it" for number in range(35)]
    forty_fields = response(*many, body=b"x" * 1024)
    cookies = [f"Set-Cookie: name{number:02}=value; Path=/; Max-Age=60" for number in range(20)]
    twenty_cookies = response(*cookies, body=b"x" * 1024)
    answer = response(body=b'{"ok": true, "got": 1}')
    packed = gzip.compress(json.dumps(DOCUMENT).encode(), 6, mtime=0)
    chunked = response(
        "Content-Encoding: gzip", framing="Transfer-Encoding: chunked", body=in_chunks(packed)
    )
    return {
        "GET 1 KB": Exchange(lambda count: [small] * count),
        "GET 40 headers": Exchange(lambda count: [forty_fields] * count),
        "GET 20 cookies": Exchange(lambda count: [twenty_cookies] * count),
        "POST JSON": Exchange(lambda count: [answer] * count, "POST", FORM),
        "GET chunked gzip": Exchange(lambda count: [chunked] * count),
        "HTTP/2 GET 1 KB": Exchange(http2_responses, settings={"http2": "only"}),
    }


def engines() -> list[str]:
    """The HTTP/1.1 engines that are installed."""
    found = [None if name == "h11" else importlib.util.find_spec(name) for name in ENGINES]
    return [name for name, spec in zip(ENGINES, found, strict=True) if name == "h11" or spec]


def run(exchange: Exchange, script: list[bytes], count: int) -> None:
    import httpcore
    from httpcore.backends.scripted import ScriptedBackend

    with httpcore.Client(backend=ScriptedBackend([script]), **exchange.settings) as client:
        for _ in range(count):
            got = client.request(exchange.method, URL, json=exchange.json)
            if got.status_code != 200 or not got.content or not got.headers["content-type"]:
                raise AssertionError(f"{exchange.method} failed: {got!r}")


def measured_process() -> None:
    """Runs under valgrind.  Prints, for each exchange, the processes that ran it once and twice."""
    processes: dict[str, list[int]] = {}
    time.time = lambda: 1e9  # with each second that begins, cookies are looked at anew
    for name, exchange in exchanges().items():
        is_http2 = "http2" in exchange.settings
        for engine in ["h11"] if is_http2 else engines():
            chosen = exchange._replace(settings={**exchange.settings, "engine": engine})
            script = chosen.script(2 * REPEATS)
            run(chosen, script, WARM_UP)
            label = name if is_http2 else f"{name}, {engine}"
            processes[label] = [forked(chosen, script, count) for count in (REPEATS, 2 * REPEATS)]
    print(json.dumps(processes))


def forked(exchange: Exchange, script: list[bytes], count: int) -> int:
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        try:
            run(exchange, script, count)
        except BaseException:
            sys.excepthook(*sys.exc_info())
            os._exit(1)
        os._exit(0)
    if os.waitpid(child, 0)[1]:
        raise SystemExit("an exchange failed")
    return child


# ------------------------------------------------------------------ counting and comparing


def count_all() -> Counts:
    """Instructions of one exchange each."""
    with tempfile.TemporaryDirectory() as folder:
        valgrind = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={folder}/%p"]
        done = subprocess.run(
            [*valgrind, sys.executable, __file__, "--measured-process"],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise SystemExit(f"the measured process failed:\n{done.stderr[-3000:]}")
        processes: dict[str, list[int]] = json.loads(done.stdout)
        return {
            name: (total(folder, twice) - total(folder, once)) // REPEATS
            for name, (once, twice) in processes.items()
        }


def total(folder: str, process: int) -> int:
    found = re.search(
        r"^summary: (\d+)", pathlib.Path(folder, str(process)).read_text("utf-8"), re.MULTILINE
    )
    if found is None:
        raise SystemExit(f"valgrind wrote no summary for process {process}")
    return int(found[1])


def platform_key() -> str:
    return f"{platform.python_implementation()} {platform.python_version()} {platform.machine()}"


def circumstances() -> dict[str, str]:
    """What else the counts depend on, for whoever wonders why they changed."""
    names = ("h11", "h2", "hpack", "httptools")
    installed = {found.name: found.version for found in importlib.metadata.distributions()}
    python = f"{platform.python_version()}, {platform.python_compiler()}"
    return {"python": python} | {name: installed[name] for name in names if name in installed}


def compare(recorded: Counts, counted: Counts) -> tuple[list[str], bool]:
    """Lines for people, and whether nothing costs more than it is allowed to."""
    lines, good = [f"{'instructions an exchange':30} {'recorded':>10} {'now':>10}"], True
    for name in recorded | counted:
        before, now = recorded.get(name), counted.get(name)
        if before is None or now is None:
            remark = (
                "not measured here"
                if now is None
                else "not recorded: scripts/instructions --record"
            )
        else:
            change = now / before - 1
            remark = f"{change:+.1%}"
            if now > before * (1 + ALLOWANCE):
                remark, good = f"{remark}: more than {ALLOWANCE:.0%} up", False
            elif now < before * (1 - ALLOWANCE):
                remark += ": well done; scripts/instructions --record"
        lines.append(f"{name:30} {before or '-':>10} {now or '-':>10}  {remark}")
    return lines, good


def missing(reason: str) -> int:
    required = os.environ.get("CI") == "true"
    print(f"instructions: {'failed' if required else 'skipped'}: {reason}")
    return 1 if required else 0


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/instructions", description=__doc__)
    parser.add_argument(
        "--record", action="store_true", help="write the counts down as the new ones"
    )
    parser.add_argument("--measured-process", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measured_process:
        measured_process()
        return 0
    records = json.loads(RECORD.read_text("utf-8")) if RECORD.exists() else {}
    key = platform_key()
    if shutil.which("valgrind") is None:
        return missing("there is no valgrind; Debian's package has that name")
    if key not in records and not arguments.record:
        print(f"not compared: nothing is recorded for {key}; scripts/instructions --record does it")
        return 0
    counted = count_all()
    record = records.get(key, {"counts": {}, "with": {}})
    lines, good = compare(record["counts"], counted)
    print("\n".join(lines))
    if arguments.record:
        records[key] = {"with": circumstances(), "counts": counted}
        RECORD.write_text(json.dumps(records, indent=2, sort_keys=True) + "\n", "utf-8")
        return 0
    if not good and record["with"] != circumstances():
        print(f"recorded with {record['with']}, now {circumstances()}")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
