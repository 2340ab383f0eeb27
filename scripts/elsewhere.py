"""The tests on other Pythons, or with the oldest dependencies; `scripts/test` says how to call it.

Each has an environment of its own beside `.venv`.  Needs nothing but the standard library.
"""

from __future__ import annotations

import argparse
import os
import pathlib
import re
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
NEWEST_MINOR = 20  # of Python 3, that anybody may have

DESCRIBE = """
import platform, sys, sysconfig
free = "t" if sysconfig.get_config_var("Py_GIL_DISABLED") else ""
print(platform.python_implementation(), *sys.version_info[:2], free)
"""


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/test")
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--python", help='a version such as 3.13, a path, or "all"')
    which.add_argument("--lowest", action="store_true")
    options, pytest_options = parser.parse_known_args()
    if options.lowest:
        return run_tests("lowest", sys.executable, pytest_options, lowest=True)
    found = pythons()
    if options.python != "all":
        found = {name: path for name, path in found.items() if name == options.python}
        if not found and (path := shutil.which(options.python)):
            found = {describe(path) or "other": path}
    if not found:
        parser.error(f"there is no Python {options.python} on this machine, from 3.11 on")
    failed = [name for name, path in found.items() if run_tests(name, path, pytest_options)]
    print(f"ran on {', '.join(found)}; failed on {', '.join(failed) or 'none of them'}")
    return len(failed)


def pythons() -> dict[str, str]:
    """
    Every CPython and PyPy from 3.11 on that is on the path or under pyenv, by version: "3.13",
    "3.13t" without the GIL, "pypy3.11".
    """
    minors = range(11, NEWEST_MINOR)
    names = [f"python3.{minor}{kind}" for minor in minors for kind in ("", "t")]
    names += [f"pypy3.{minor}" for minor in minors]
    pyenv = pathlib.Path(os.environ.get("PYENV_ROOT", "~/.pyenv")).expanduser()
    candidates = [shutil.which(name) for name in names]
    candidates += sorted(str(path) for path in pyenv.glob("versions/*/bin/python"))
    found: dict[str, str] = {}
    for path in candidates:
        name = describe(path) if path else None
        if path and name:
            found.setdefault(name, path)
    return found


def describe(path: str) -> str | None:
    """The version of the Python at `path`, as in `pythons()`; `None` if it is none of these."""
    asked = subprocess.run(
        [path, "-c", DESCRIBE], check=False, capture_output=True, text=True, env=plain_environment()
    )
    match = re.fullmatch(r"(CPython|PyPy) 3 (\d+) (t?)\n", asked.stdout)
    if match is None or int(match[2]) < 11:
        return None
    return ("pypy" if match[1] == "PyPy" else "") + f"3.{match[2]}{match[3]}"


def run_tests(name: str, python: str, pytest_options: list[str], lowest: bool = False) -> int:
    """Run all tests in the environment `.venv-NAME`; returns pytest's status."""
    print(f"--- {name}: {python}", flush=True)
    venv = ROOT / f".venv-{name}"
    environment = plain_environment() | {"VENV": str(venv), "PYTHON": python}
    # Not every release of every package has a wheel for every Python.
    environment |= {"REQUIREMENTS": str(tests_requirements(venv)), "PIP_PREFER_BINARY": "1"}
    subprocess.run([str(ROOT / "scripts" / "install")], check=True, env=environment)
    own_python = str(venv / "bin" / "python")
    if lowest:
        pip = [own_python, "-m", "pip", "install", "--quiet", *lowest_versions()]
        subprocess.run(pip, check=True, env=environment)
    pytest = [own_python, "-m", "pytest", "-q", "-n", "auto", "--dist", "worksteal"]
    environment = plain_environment()
    if name.endswith("t"):
        environment["PYTHON_GIL"] = "0"  # else a module that does not know of this brings it back
    return subprocess.run(
        [*pytest, *pytest_options], cwd=ROOT, check=False, env=environment
    ).returncode


def tests_requirements(venv: pathlib.Path) -> pathlib.Path:
    """A file in `venv` with what the tests need; the checks do not install on every Python."""
    needed, _, _ = (ROOT / "requirements.txt").read_text(encoding="utf-8").partition("# Checks")
    venv.mkdir(exist_ok=True)
    path = venv / "requirements.txt"
    path.write_text(needed, encoding="utf-8")
    return path


def lowest_versions() -> list[str]:
    """What `setup.py` requires, each at the oldest version that it allows."""
    source = (ROOT / "setup.py").read_text(encoding="utf-8")
    return [
        f"{name}=={version}{marker}"
        for name, version, marker in re.findall(r'"([\w.-]+)>=([\d.]+)(;[^"]*)?"', source)
    ]


def plain_environment() -> dict[str, str]:
    """The environment without what binds a child to this interpreter."""
    return {key: value for key, value in os.environ.items() if not key.startswith("PYENV_VERSION")}


if __name__ == "__main__":
    sys.exit(main())
