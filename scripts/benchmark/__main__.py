"""Measures the clients side by side; writes docs/benchmark.md and .svg and a part of the README."""

from __future__ import annotations

import argparse
import datetime
import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys
import tempfile
import time

from . import environments, plot, report, server
from .cases import CASES, Case
from .environments import CLIENTS, PLAIN, ROOT, SPEEDUPS, UVLOOP
from .results import Results

DOCS = ROOT / "docs"
SHORT_SECONDS = 165
ROUNDS = 5
ON_UVLOOP = ("async_get", "async_64", "async_512")


def measure(
    case: Case, client: str, info: pathlib.Path, batch: int, seconds: float
) -> dict[str, object]:
    """What the client's process printed; an `error` where it did not."""
    known = CLIENTS[client]
    child = [str(known.python), "-P", "-m", "benchmark.child", case.name, known.module, str(info)]
    try:
        done = subprocess.run(
            [*child, "--batch", str(batch), "--seconds", str(seconds)],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            env=environments.process_variables(known),
        )
    except subprocess.TimeoutExpired:
        return {"error": "no result after two minutes"}
    try:
        result: dict[str, object] = json.loads(done.stdout)
    except ValueError:
        result = {"error": (done.stderr or done.stdout or f"exit {done.returncode}")[-300:]}
    return result


def measure_import(client: str, times: int) -> dict[str, object]:
    """CPU of a process that imports the client, less that of one that does not."""
    known = CLIENTS[client]
    if not known.imports:
        return {"not_available": "nothing to import"}

    def once(code: str) -> float:
        arguments = [str(known.python), "-P", "-c", code]
        process = os.posix_spawn(arguments[0], arguments, environments.process_variables(known))
        _, status, usage = os.wait4(process, 0)
        if status:
            raise RuntimeError(f"{code!r} failed")
        return usage.ru_utime + usage.ru_stime

    try:
        once(f"import {known.imports}")
        bare = statistics.median(once("pass") for _ in range(times))
        full = statistics.median(once(f"import {known.imports}") for _ in range(times))
    except RuntimeError as exc:
        return {"error": str(exc)}
    return {"value": full - bare}


class Run:
    """The measurements that `arguments` ask for."""

    def __init__(
        self, arguments: argparse.Namespace, cases: list[Case], clients: list[str]
    ) -> None:
        self.is_short: bool = arguments.short
        self.rounds = arguments.rounds
        self.cases = cases
        self.clients = clients
        self.results = Results()
        self.ends_at = time.monotonic() + SHORT_SECONDS if self.is_short else float("inf")

    def go(self, info: pathlib.Path) -> None:
        for number in range(self.rounds):
            for case in self.cases:
                shift = number % len(self.clients)
                for client in self.clients[shift:] + self.clients[:shift]:
                    if time.monotonic() > self.ends_at:
                        print("the time of the short mode is over", file=sys.stderr)
                        return
                    if not self.results.has_given_up(case.name, client):
                        self.one(case, client, info)
            print(f"round {number + 1} of {self.rounds} is done", file=sys.stderr, flush=True)

    def one(self, case: Case, client: str, info: pathlib.Path) -> None:
        if client.endswith(UVLOOP) and case.name not in ON_UVLOOP:
            return
        if case.run is None:
            got = measure_import(client, 1 if self.is_short else 5)
        else:
            whole = not self.is_short
            batch = case.batch if whole else max(1, case.batch // 4)
            got = measure(case, client, info, batch, 0.3 if whole else 0.08)
        if "not_available" in got:
            self.results.give_up(case.name, client, str(got["not_available"]))
        elif "error" in got:
            failure = f"{client}, {case.name}: {got['error']}"
            self.results.failures.append(failure)
            print(failure, file=sys.stderr)
        else:
            value = got["value"]
            assert isinstance(value, float)
            self.results.add(case.name, client, value, str(got.get("note", "")))
            if got.get("version"):
                self.results.versions[client] = str(got["version"])


def chosen(given: str | None, known: list[str], what: str) -> list[str]:
    names = given.split(",") if given else known
    for name in names:
        if name not in known:
            raise SystemExit(f"there is no {what} {name!r}; there are: {', '.join(known)}")
    return names


def plotted(results: Results) -> str:
    panels = []
    for case in CASES.values():
        ratios = {
            client: ratio
            for client in results.values.get(case.name, {})
            if (ratio := results.ratio(case.name, client, case.base)) is not None
        }
        if len(ratios) > 1:
            title = f"{case.group}: {case.title}"
            panels.append(plot.Bars(title, ratios, frozenset({PLAIN, SPEEDUPS, SPEEDUPS + UVLOOP})))
    return plot.bars(
        panels, "CPU time a request, × floor (HTTP/2: × raw_h2), logarithmic; less is better"
    )


def circumstances(
    arguments: argparse.Namespace, load: tuple[float, float, float]
) -> report.Circumstances:
    command = "scripts/benchmark/run"
    for option in ("cases", "clients"):
        if getattr(arguments, option):
            command += f" --{option} {getattr(arguments, option)}"
    command += " --short" if arguments.short else ""
    now = os.getloadavg()
    cores = os.cpu_count() or 1
    quiet = max(load[0], now[0] - 1) < 0.7 * cores
    return report.Circumstances(
        command=command,
        date=datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d"),
        python=f"Python {platform.python_version()}",
        machine=f"{platform.system()} {platform.machine()}, {cores} CPUs",
        load=f"The load average was {load[0]:.1f} before and {now[0]:.1f} after"
        + (
            "."
            if quiet
            else ": **others used the machine at the same time**, which makes it less exact."
        ),
    )


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/benchmark/run", description=__doc__)
    parser.add_argument(
        "--short", action="store_true", help="under three minutes: fewer cases, less of each"
    )
    parser.add_argument("--cases", help="comma-separated: " + ", ".join(CASES))
    parser.add_argument("--clients", help="comma-separated: " + ", ".join(CLIENTS))
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--output", type=pathlib.Path, default=DOCS, help="a folder")
    arguments = parser.parse_args()
    usual = [name for name, case in CASES.items() if case.is_short or not arguments.short]
    names = chosen(arguments.cases, list(CASES), "case") if arguments.cases else usual
    clients = chosen(arguments.clients, list(CLIENTS), "client")
    failed = environments.set_up(clients)
    clients = [name for name in clients if name not in failed]
    # With client and server on one CPU, nobody pays for waking the other: that costs more than most
    # clients do, and is never the same.
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    load = os.getloadavg()
    run = Run(arguments, [CASES[name] for name in names], clients)
    run.results.failures += [
        f"{name} could not be installed: {why}" for name, why in failed.items()
    ]
    with server.running() as info, tempfile.TemporaryDirectory() as folder:
        info_file = pathlib.Path(folder, "server.json")
        info_file.write_text(json.dumps(vars(info)), "utf-8")
        run.go(info_file)
    arguments.output.mkdir(parents=True, exist_ok=True)
    measured_under = circumstances(arguments, load)
    text = report.markdown(run.results, measured_under)
    (arguments.output / "benchmark.md").write_text(text, "utf-8")
    (arguments.output / "benchmark.svg").write_text(plotted(run.results), "utf-8")
    print(text)
    if not (arguments.cases or arguments.clients) and arguments.output == DOCS:
        readme = ROOT / "README.md"
        told = report.summary(run.results, measured_under)
        readme.write_text(report.with_summary(readme.read_text("utf-8"), told), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
