"""A server in a process of its own.

Not in a thread of the tests: there, its warnings would be the tests' errors, its open sockets
would be counted with theirs, and it would compete for the same interpreter lock.

The child listens on a free port that it chooses itself, prints the port once it is ready, and
ends when its standard input does: so it cannot outlive a parent that was killed.
"""

from __future__ import annotations

import contextlib
import pathlib
import subprocess
import sys
import tempfile
import threading
import typing

ROOT = pathlib.Path(__file__).parents[2]
SECONDS = 20.0


class ServerProcess:
    """
    Runs `python -m MODULE ARGUMENTS` while its `with` block runs.

    `port` is where it listens, `url` its scheme, host and port.
    """

    host = "127.0.0.1"

    def __init__(self, module: str, *arguments: str, scheme: str = "http") -> None:
        self.port = 0
        self._scheme = scheme
        self._command = [sys.executable, "-m", module, *arguments]

    @property
    def url(self) -> str:
        """Scheme, host and port; no path."""
        return f"{self._scheme}://{self.host}:{self.port}"

    def __enter__(self) -> typing.Self:
        with contextlib.ExitStack() as stack:
            log = stack.enter_context(tempfile.TemporaryFile())
            process = subprocess.Popen(
                self._command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log
            )
            stack.callback(_end, process)
            line = _first_line(process)
            if not line:
                _end(process)
                log.seek(0)
                raise RuntimeError(f"{self._command} did not start:\n{log.read().decode()}")
            self.port = int(line)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._stack.close()


def _first_line(process: subprocess.Popen[bytes]) -> bytes:
    assert process.stdout is not None
    patience = threading.Timer(SECONDS, process.kill)
    patience.start()
    try:
        return process.stdout.readline()
    finally:
        patience.cancel()


def _end(process: subprocess.Popen[bytes]) -> None:
    try:
        process.communicate(timeout=SECONDS)  # which closes its standard input
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()


def announce(port: int) -> None:
    """In the child: tell the parent that the server listens on `port`."""
    print(port, flush=True)


def wait_for_end() -> None:
    """In the child: wait until the parent wants it to end."""
    sys.stdin.buffer.read()
