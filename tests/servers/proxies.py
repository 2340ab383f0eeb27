"""Real proxies: tinyproxy and squid, which speak HTTP, and microsocks, which speaks SOCKS5."""

from __future__ import annotations

import contextlib
import hashlib
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile
import time
import typing

from .ports import free_ports

SECONDS = 20.0

USER, PASSWORD = "user", "pass-word"


class ProxyMissing(Exception):
    """There is no such proxy on this machine."""


class ProxyProcess:
    """
    A proxy that wants `USER` and `PASSWORD`, while its `with` block runs.

    `ProxyMissing` where its program is not installed.  `address` is its `host:port`, `url(scheme)`
    its URL with the credentials in it.
    """

    host = "127.0.0.1"
    program: typing.ClassVar[str]
    package: typing.ClassVar[str]

    def __init__(self) -> None:
        self.port = 0
        # Debian has some of them in a folder that is not on every user's PATH.
        path = os.environ.get("PATH", os.defpath) + os.pathsep + "/usr/sbin"
        found = shutil.which(self.program, path=path)
        if found is None:
            raise ProxyMissing(
                f"{self.program} is not installed; on Debian: apt-get install {self.package}"
            )
        self._path = found

    @property
    def address(self) -> str:
        return f"{self.host}:{self.port}"

    def url(self, scheme: str) -> str:
        return f"{scheme}://{USER}:{PASSWORD}@{self.address}"

    def arguments(self, folder: pathlib.Path) -> list[str]:
        """What the program is started with; `folder` is for its files."""
        raise NotImplementedError

    def __enter__(self) -> typing.Self:
        with contextlib.ExitStack() as stack:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="httpcore-proxy-"))
            (self.port,) = free_ports(1)
            log = stack.enter_context(tempfile.TemporaryFile())
            process = subprocess.Popen(
                [self._path, *self.arguments(pathlib.Path(folder))],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
            stack.callback(self.stop, process)
            ends_at = time.monotonic() + SECONDS
            while not self._accepts():
                if process.poll() is not None or time.monotonic() > ends_at:
                    log.seek(0)
                    text = log.read().decode(errors="replace")
                    raise RuntimeError(f"{self.program} did not start:\n{text}")
                time.sleep(0.02)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._stack.close()

    def _accepts(self) -> bool:
        try:
            socket.create_connection((self.host, self.port), 1).close()
        except OSError:
            return False
        return True

    def stop(self, process: subprocess.Popen[bytes]) -> None:
        """End the program."""
        process.terminate()
        try:
            process.wait(SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(SECONDS)


class Tinyproxy(ProxyProcess):
    """Forwards http, and makes tunnels by CONNECT; Basic authentication."""

    program = "tinyproxy"
    package = "tinyproxy-bin"

    def arguments(self, folder: pathlib.Path) -> list[str]:
        config = folder / "tinyproxy.conf"
        config.write_text(
            f"Port {self.port}\nListen {self.host}\nAllow {self.host}\nTimeout 60\n"
            f"MaxClients 100\nBasicAuth {USER} {PASSWORD}\n"
        )
        return ["-d", "-c", str(config)]


class Microsocks(ProxyProcess):
    """SOCKS5, with names looked up by it or not; user and password."""

    program = "microsocks"
    package = "microsocks"

    def arguments(self, folder: pathlib.Path) -> list[str]:
        return ["-i", self.host, "-p", str(self.port), "-u", USER, "-P", PASSWORD]


class Squid(ProxyProcess):
    """Forwards http, and makes tunnels by CONNECT; Digest authentication."""

    program = "squid"
    package = "squid"

    def arguments(self, folder: pathlib.Path) -> list[str]:
        folder.chmod(0o755)  # squid reads it as another user where root starts it
        secret = hashlib.md5(f"{USER}:proxy:{PASSWORD}".encode()).hexdigest()
        (folder / "users").write_text(f"{USER}:proxy:{secret}\n")
        config = folder / "squid.conf"
        config.write_text(SQUID_CONFIG.format(address=self.address, folder=folder))
        # The name is that of its shared memory, too.
        self._name = f"httpcore{self.port}"
        return ["-N", "-n", self._name, "-f", str(config)]

    def stop(self, process: subprocess.Popen[bytes]) -> None:
        # Asked to end it would take some seconds.
        process.kill()
        process.wait(SECONDS)
        for left in pathlib.Path("/dev/shm").glob(f"{self._name}-*"):
            left.unlink()


SQUID_CONFIG = """
http_port {address}
auth_param digest program /usr/lib/squid/digest_file_auth -c {folder}/users
auth_param digest children 1 startup=0 idle=1
auth_param digest realm proxy
acl users proxy_auth REQUIRED
http_access allow users
http_access deny all
cache deny all
cache_log /dev/null
access_log none
pid_filename none
coredump_dir {folder}
"""
