"""The clients, and a virtual environment for each, since they do not all go into one."""

from __future__ import annotations

import dataclasses
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
PLAIN, SPEEDUPS = "httpcore", "httpcore+speedups"
UVLOOP = "@uvloop"


@dataclasses.dataclass(frozen=True)
class Client:
    """
    * `module`: of `clients/`.
    * `packages`: what its environment holds.
    * `imports`: what its users import; empty where there is nothing.
    * `variables`: what its process finds in the environment.
    """

    module: str
    packages: tuple[str, ...] = ()
    imports: str = ""
    variables: dict[str, str] = dataclasses.field(default_factory=dict)

    @property
    def environment(self) -> pathlib.Path:
        name = "-".join(package.partition("[")[0] for package in self.packages) or "floor"
        return folder() / ("httpcore" if "-e" in self.packages else name)

    @property
    def python(self) -> pathlib.Path:
        return self.environment / "bin" / "python"


HTTPCORE = ("-e", str(ROOT), "httptools", "uvloop")
ENGINES = ("h11", "h2", "httptools", "uvloop")
ON_UVLOOP = {"BENCHMARK_UVLOOP": "1"}

CLIENTS = {
    "floor": Client("floor"),
    "raw_httptools": Client("raw_httptools", ENGINES),
    "raw_h11": Client("raw_h11", ENGINES),
    "raw_h2": Client("raw_h2", ENGINES),
    SPEEDUPS: Client("httpcore_", HTTPCORE, "httpcore", {"HTTPCORE_ENGINE": "httptools"}),
    SPEEDUPS + UVLOOP: Client(
        "httpcore_", HTTPCORE, "", {"HTTPCORE_ENGINE": "httptools", **ON_UVLOOP}
    ),
    PLAIN: Client("httpcore_", HTTPCORE, "httpcore", {"HTTPCORE_ENGINE": "h11"}),
    "pycurl": Client("pycurl_", ("pycurl",), "pycurl"),
    "pyreqwest": Client("pyreqwest_", ("pyreqwest",), "pyreqwest.client"),
    "aiohttp": Client("aiohttp_", ("aiohttp[speedups]", "uvloop"), "aiohttp"),
    "aiohttp" + UVLOOP: Client("aiohttp_", ("aiohttp[speedups]", "uvloop"), "", ON_UVLOOP),
    "http.client": Client("http_client", (), "http.client"),
    "urllib3": Client("urllib3_", ("urllib3>=2",), "urllib3"),
    "httpx2": Client("httpx2", ("httpx2[http2]",), "httpx2"),
    "httpx": Client("httpx", ("httpx[http2]",), "httpx"),
    "niquests": Client("niquests_", ("niquests",), "niquests"),
    "requests": Client("requests_", ("requests",), "requests"),
}


def folder() -> pathlib.Path:
    """Where the environments are: `.benchmark`, or what BENCHMARK_HOME says."""
    return pathlib.Path(os.environ.get("BENCHMARK_HOME") or ROOT / ".benchmark").resolve()


def set_up(names: list[str]) -> dict[str, str]:
    """Make the environments that are missing; the clients that cannot be had, with the reason."""
    failed: dict[str, str] = {}
    for name in names:
        client = CLIENTS[name]
        done = client.environment / "installed"
        wanted = " ".join(client.packages)
        if done.exists() and done.read_text("utf-8") == wanted:
            continue
        print(f"making the environment of {name} ...", file=sys.stderr, flush=True)
        reason = _make(client)
        if reason:
            failed[name] = reason
        else:
            done.write_text(wanted, "utf-8")
    return failed


def _make(client: Client) -> str:
    """Why it failed, or nothing."""
    commands = [[sys.executable, "-m", "venv", str(client.environment)]]
    if client.packages:
        pip = [str(client.python), "-m", "pip", "install", "--quiet"]
        commands.append([*pip, "--disable-pip-version-check", *client.packages])
    for command in commands:
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
        except subprocess.TimeoutExpired:
            return "no end of the installation after ten minutes"
        if done.returncode:
            lines = (done.stderr or done.stdout).strip().splitlines()
            return next((line for line in lines if line.startswith("ERROR")), lines[-1])
    return ""


def process_variables(client: Client) -> dict[str, str]:
    """The environment of a client's process: this one without what would steer a client."""
    hidden = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
    kept = {
        name: value
        for name, value in os.environ.items()
        if not (name in hidden or name.startswith("PYTHON") or name.lower().endswith("_proxy"))
    }
    own = {"PYTHONHASHSEED": "0", "PYTHONPATH": str(ROOT / "scripts")}
    return {**kept, **own, **client.variables}
