"""Fuzzes targets one after the other with atheris; `scripts/fuzz/run` says how to call it.

atheris (libFuzzer for Python) has wheels for some Pythons only, so it is in no requirements: it
gets an environment of its own beside `.venv`, with all that the tests need.  `PYTHON` names the
interpreter; CPython 3.11 will do.

Inputs that reach something new are kept in `.fuzz/TARGET`, so that the next run goes on from there,
and those that break a target in `.fuzz/found`.  The entries in `scripts/fuzz/corpus` are read, not
changed: seeds by hand and, with `found` in front of their names, what once broke a target, made as
small as it goes.  Needs nothing but the standard library.
"""

from __future__ import annotations

import argparse
import pathlib
import re
import subprocess
import sys

from scripts.elsewhere import ROOT, plain_environment

CORPUS = ROOT / "scripts" / "fuzz" / "corpus"
WORK = ROOT / ".fuzz"
FOUND = WORK / "found"
VENV = ROOT / ".venv-fuzz"
PYTHON = str(VENV / "bin" / "python")
MAX_INPUT_BYTES = 4096
MAX_SECONDS_PER_INPUT = 20


def main() -> int:
    """How many targets were broken."""
    names = sorted(path.name for path in CORPUS.iterdir())
    parser = argparse.ArgumentParser(prog="scripts/fuzz/run")
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=", ".join(names))
    parser.add_argument("--seconds", type=int, default=60, help="for each target, 60 by default")
    options = parser.parse_args()
    unknown = set(options.targets) - set(names)
    if unknown:
        parser.error(f"there is no target {', '.join(unknown)}, but {', '.join(names)}")
    install()
    print(f"{'target':13} {'executions':>10}  finding", flush=True)
    broken = 0
    for name in options.targets or names:
        executions, finding = fuzz(name, options.seconds)
        print(f"{name:13} {executions:10}  {finding or '-'}", flush=True)
        broken += finding is not None
    return broken


def install() -> None:
    environment = plain_environment() | {"VENV": str(VENV)}
    subprocess.run([str(ROOT / "scripts" / "install")], check=True, env=environment)
    probe = subprocess.run([PYTHON, "-c", "import atheris"], check=False, capture_output=True)
    if probe.returncode:
        subprocess.run([PYTHON, "-m", "pip", "install", "--quiet", "atheris>=3.0"], check=True)


def fuzz(name: str, seconds: int) -> tuple[int, pathlib.Path | None]:
    """Fuzz one target: how often it ran, and what broke it."""
    own = WORK / name
    for folder in (own, FOUND):
        folder.mkdir(parents=True, exist_ok=True)
    before = set(FOUND.iterdir())
    libfuzzer = [
        f"-max_total_time={seconds}",
        f"-max_len={MAX_INPUT_BYTES}",
        f"-timeout={MAX_SECONDS_PER_INPUT}",
        f"-artifact_prefix={FOUND / name}-",
        "-print_final_stats=1",
    ]
    log = WORK / f"{name}.log"
    with log.open("wb") as output:
        child = subprocess.run(
            [PYTHON, "-m", "scripts.fuzz.child", name, str(own), str(CORPUS / name), *libfuzzer],
            cwd=ROOT,
            check=False,
            env=plain_environment(),
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    said = log.read_text("utf-8", "replace")
    counts = re.findall(r"^stat::number_of_executed_units: (\d+)", said, re.MULTILINE)
    new = set(FOUND.iterdir()) - before
    finding = new.pop() if new else None
    if child.returncode or not counts:
        finding = finding or log
    return int(counts[-1]) if counts else 0, finding


if __name__ == "__main__":
    sys.exit(main())
