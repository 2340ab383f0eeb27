"""A network of two hosts, in network namespaces: what no loopback interface can show.

There a host may be silent, vanish in mid-sentence, or have addresses of any kind.  The namespaces
have no way out, so that nothing in them leaves the machine, and no name: nothing is left behind,
however the process ends.  All threads that are started inside are inside, too.
"""

from __future__ import annotations

import collections.abc
import contextlib
import ctypes
import os
import shutil
import subprocess
import sys
import typing

from .raw import RawServer

_CLONE_NEWNET = 0x40000000


class NoNamespaces(Exception):
    """They cannot be made here."""


class Namespace:
    """A network namespace, to be entered by one thread at a time; needs root."""

    def __init__(self) -> None:
        with _back_again():
            _system_call("unshare", _CLONE_NEWNET)
            self._fd = _own_namespace()
        self.ip("link", "set", "lo", "up")

    @contextlib.contextmanager
    def entered(self) -> collections.abc.Iterator[None]:
        """In this block, sockets of this thread are made in the namespace."""
        with _back_again():
            _system_call("setns", self._fd, _CLONE_NEWNET)
            yield

    def ip(self, *arguments: str) -> None:
        """Run `ip` in the namespace."""
        with self.entered():
            ran = subprocess.run(
                ["ip", *arguments], capture_output=True, text=True, check=False, timeout=20
            )
        if ran.returncode:
            raise NoNamespaces(f"ip {' '.join(arguments)}: {ran.stderr.strip()}")

    @property
    def path(self) -> str:
        """Where other processes find it."""
        return f"/proc/{os.getpid()}/fd/{self._fd}"

    def close(self) -> None:
        """It ends with its last socket."""
        os.close(self._fd)


class Network:
    """
    Two hosts and a link between them, which can be cut.  `NoNamespaces` where that cannot be.

    `here` is the client's host: it has `HERE` and `HERE_TOO`, and IPv6.  `there` has `THERE`,
    `THERE6` and, as a link-local one, `THERE_LOCAL`.  Nobody has `SILENT` and `SILENT6`; what is
    sent there, over another interface, is never answered.  Addresses are those that are set aside
    for documentation (RFC 5737, RFC 3849).
    """

    HERE, HERE_TOO, THERE = "198.51.100.1", "198.51.100.3", "198.51.100.2"
    HERE6, THERE6 = "2001:db8:1::1", "2001:db8:1::2"
    THERE_LOCAL = "fe80::2"
    SILENT, SILENT6 = "203.0.113.9", "2001:db8:2::9"
    # Names of interfaces.
    LINK, NOWHERE = "link0", "nowhere0"

    _there6 = (f"{THERE6}/64", f"{THERE_LOCAL}/64")

    def __init__(self) -> None:
        if not sys.platform.startswith("linux"):
            raise NoNamespaces("network namespaces are Linux's")
        if shutil.which("ip") is None:
            raise NoNamespaces("ip is not installed; on Debian: apt-get install iproute2")
        with contextlib.ExitStack() as stack:
            self.here = Namespace()
            stack.callback(self.here.close)
            self.there = Namespace()
            stack.callback(self.there.close)
            for name in (self.LINK, self.NOWHERE):
                peer = ("peer", "name", name, "netns", self.there.path)
                self.here.ip("link", "add", name, "type", "veth", *peer)
            # Nobody is asked for the way, so what is sent is lost without an error.
            self.here.ip("link", "set", self.NOWHERE, "arp", "off")
            for host in (self.here, self.there):
                for name in (self.LINK, self.NOWHERE):
                    host.ip("link", "set", name, "up")
            self._add(self.here, self.LINK, f"{self.HERE}/24", f"{self.HERE_TOO}/24")
            self._add(self.here, self.LINK, f"{self.HERE6}/64", "fe80::1/64")
            self._add(self.here, self.NOWHERE, "203.0.113.1/24", "2001:db8:2::1/64")
            self._add(self.there, self.LINK, f"{self.THERE}/24", *self._there6)
            self._stack = stack.pop_all()

    def _add(self, host: Namespace, interface: str, *addresses: str) -> None:
        for address in addresses:
            # "nodad": of use at once, and not after a second in which others may object.
            flags = ["nodad"] if ":" in address else []
            host.ip("address", "replace", address, "dev", interface, *flags)

    @contextlib.contextmanager
    def cut(self) -> collections.abc.Iterator[None]:
        """In this block nothing comes through."""
        self.there.ip("link", "set", self.LINK, "down")
        try:
            yield
        finally:
            self.there.ip("link", "set", self.LINK, "up")
            self._add(self.there, self.LINK, *self._there6)  # which it has lost

    def close(self) -> None:
        self._stack.close()


class DistantServer(RawServer):
    """A `RawServer` at `host` in `place`."""

    def __init__(
        self,
        place: Namespace,
        handler: collections.abc.Callable[..., None],
        host: str = Network.THERE,
    ) -> None:
        super().__init__(handler, host=host)
        self._place = place

    def __enter__(self) -> typing.Self:
        with self._place.entered():
            return super().__enter__()

    def __exit__(self, *exc_info: typing.Any) -> None:
        with self._place.entered():  # it wakes its thread by a connection
            super().__exit__(*exc_info)


def _own_namespace() -> int:
    return os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)


@contextlib.contextmanager
def _back_again() -> collections.abc.Iterator[None]:
    own = _own_namespace()
    try:
        yield
    finally:
        try:
            _system_call("setns", own, _CLONE_NEWNET)
        finally:
            os.close(own)


def _system_call(name: str, *arguments: int) -> None:
    # `os` has both since Python 3.12.
    if getattr(ctypes.CDLL(None, use_errno=True), name)(*arguments) != 0:
        number = ctypes.get_errno()
        raise NoNamespaces(
            f"network namespaces take root, with all its capabilities: {os.strerror(number)}"
        )
