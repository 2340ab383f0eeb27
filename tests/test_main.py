"""`python -m httpcore`, run as that."""

from __future__ import annotations

import logging
import os
import pathlib
import runpy
import signal
import socket
import subprocess
import sys
import typing

import pytest

from tests.servers.raw import RawConnection, RawServer, response
from tests.servers.uvicorn_server import UvicornServer


class Ran(typing.NamedTuple):
    """What came of one run of the command."""

    code: object
    out: bytes
    err: str


Run = typing.Callable[..., Ran]


@pytest.fixture
def run(
    monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]
) -> typing.Iterator[Run]:
    """Runs the command in this process."""

    def run(*arguments: str) -> Ran:
        monkeypatch.setattr(sys, "argv", ["httpcore", *arguments])
        with pytest.raises(SystemExit) as caught:
            runpy.run_module("httpcore", run_name="__main__", alter_sys=True)
        out, err = capsysbinary.readouterr()
        return Ran(caught.value.code, out, err.decode())

    level, handlers = logging.root.level, list(logging.root.handlers)
    yield run
    logging.root.level, logging.root.handlers = level, handlers


def test_shows_the_response(run: Run) -> None:
    """Status line, header fields as they came, a blank line, the body."""
    reply = response(b"\x00body\xff", "200 Fine", [("X", "1"), ("x", "gr\xfcn")])
    with RawServer.replies([reply]) as server:
        ran = run(server.url)
    assert ran == (
        0,
        "HTTP/1.1 200 Fine\nContent-Length: 6\nX: 1\nx: gr\xfcn\n\n".encode() + b"\x00body\xff",
        "",
    )
    assert server.requests[0].method == "GET"


def test_redirects_are_followed(run: Run, app_server: UvicornServer) -> None:
    """As everywhere."""
    ran = run(f"{app_server.url}/redirect/2")
    assert ran.out.endswith(b"\n\nHello, world!")


def test_options(run: Run) -> None:
    """Method, header fields and body."""
    with RawServer.replies([response(), response()]) as server:
        run(server.url, "-d", "gr\xfcn", "-H", "X: 1", "-H", "X:2")
        run("-X", "delete", server.url)
    first, second = server.requests
    assert (first.method, first.body) == ("POST", "gr\xfcn".encode())
    assert first.values("X") == ["1", "2"]
    assert (second.method, second.body) == ("DELETE", b"")


def test_verbose(run: Run, app_server: UvicornServer) -> None:
    """Each exchange is a line on standard error."""
    logging.root.handlers = []
    ran = run("-v", f"{app_server.url}/redirect/1")
    lines = ran.err.splitlines()
    assert lines[0].startswith(f"GET {app_server.url}/redirect/1 answered 302 over HTTP/1.1 in")
    assert lines[1].startswith(f"GET {app_server.url}/ answered 200")


def test_error_statuses_are_answers(run: Run, app_server: UvicornServer) -> None:
    """A 404 is shown like any other response."""
    ran = run(f"{app_server.url}/status/404")
    assert ran.code == 0
    assert ran.out.startswith(b"HTTP/1.1 404 Not Found\n")


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (("ftp://example.org",), "InvalidURL: "),
        (("http://example.org", "-X", "GE T"), "ValueError: 'GE T'"),
        (("http://example.org", "-H", "X: a\nb"), "InvalidHeader: "),
    ],
)
def test_mistakes(run: Run, arguments: tuple[str, ...], error: str) -> None:
    """What makes no request is one line on standard error, and the exit code 1."""
    ran = run(*arguments)
    assert (ran.code, ran.out) == (1, b"")
    assert ran.err.startswith(error)
    assert ran.err.count("\n") == 1


def test_no_connection(run: Run) -> None:
    """So is an error of the network."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        ran = run(f"http://127.0.0.1:{sock.getsockname()[1]}")
    assert ran.code == 1
    assert ran.err.startswith("ConnectError: cannot connect to 127.0.0.1:")
    assert ran.err.count("\n") == 1


def test_broken_off(run: Run) -> None:
    """What had come is shown before the error."""

    def half(connection: RawConnection) -> None:
        connection.read_request()
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")

    with RawServer(half) as server:
        ran = run(server.url)
    assert ran.code == 1
    assert ran.out.endswith(b"\n\nhalf")
    assert ran.err.startswith("RemoteProtocolError: ")


@pytest.mark.parametrize("arguments", [(), ("http://example.org", "-H", "no-colon"), ("a", "b")])
def test_usage(run: Run, arguments: tuple[str, ...]) -> None:
    """Arguments that make no sense are answered by the usage, and the exit code 2."""
    ran = run(*arguments)
    assert ran.code == 2
    assert ran.err.startswith("usage: python -m httpcore")


def test_as_a_process(app_server: UvicornServer) -> None:
    """The real thing, once."""
    command = [sys.executable, "-m", "httpcore", f"{app_server.url}/bytes/3"]
    ran = subprocess.run(command, capture_output=True, check=True, timeout=30)
    assert ran.stdout.endswith(b"\n\nxxx")
    assert ran.stderr == b""


def test_a_pipe_that_is_closed(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """`| head -1` ends it without a word, also when the interpreter exits."""
    readable, writable = os.pipe()
    os.close(readable)
    with RawServer.replies([response(b"body")]) as server, open(writable, "w") as output:
        monkeypatch.setattr(sys, "stdout", output)
        ran = run(server.url)
    assert (ran.code, ran.err) == (141, "")


def test_output_that_cannot_be_written(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path
) -> None:
    """That it fails is one line."""
    (tmp_path / "file").touch()
    read_only = os.open(tmp_path / "file", os.O_RDONLY)
    with RawServer.replies([response(b"body")]) as server, open(read_only, "w") as output:
        monkeypatch.setattr(sys, "stdout", output)
        ran = run(server.url)
    assert ran.code == 1
    assert ran.err.startswith("OSError: ")
    assert ran.err.count("\n") == 1


@pytest.mark.skipif(sys.platform == "win32", reason="a signal does not end a wait there")
def test_ctrl_c(run: Run) -> None:
    """So does Ctrl-C, with the exit code that shells know it by."""

    def interrupts(connection: RawConnection) -> None:
        connection.read_request()
        os.kill(os.getpid(), signal.SIGINT)
        connection.wait_closed()

    with RawServer(interrupts) as server:
        ran = run(server.url)
    assert ran == (130, b"", "")


def test_importing_it_does_nothing() -> None:
    """Tools that import every module make no requests."""
    runpy.run_module("httpcore.__main__", run_name="imported")
