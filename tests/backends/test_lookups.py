"""Look-ups in threads of their own; what backends make of them is in `test_streams`."""

from __future__ import annotations

import collections
import ipaddress
import os
import socket
import subprocess
import sys
import threading
import typing

import pytest

from httpcore.backends import lookups, threads
from httpcore.backends.base import Address
from httpcore.backends.sync import SyncBackend
from httpcore.connect_config import Resolver
from httpcore.deadline import Deadline
from httpcore.driver import run_sync
from httpcore.exceptions import ConnectError


def look_up(
    host: str, port: int = 80, resolver: Resolver | None = None
) -> list[Address] | BaseException:
    answers: list[list[Address] | BaseException] = []
    answered = threading.Event()

    def done(answer: list[Address] | BaseException) -> None:
        answers.append(answer)
        answered.set()

    lookups.look_up_in_thread(host, port, resolver, done)
    assert answered.wait(10)
    assert len(answers) == 1
    return answers[0]


def resolve(host: str, resolver: Resolver | None = None) -> list[Address]:
    return run_sync(SyncBackend().resolve(host, 80, Deadline(), resolver))


def test_a_look_up():
    """localhost has an address, for stream sockets and with the port."""
    answer = look_up("localhost", 8080)
    assert isinstance(answer, list)
    assert all(address.sockaddr[1] == 8080 for address in answer)
    assert {address.sockaddr[0] for address in answer} <= {"127.0.0.1", "::1"}


def test_each_address_once_in_the_order_of_the_resolver(monkeypatch):
    """What the resolver repeats is tried once."""
    found = [("::1", 80, 0, 0), ("127.0.0.1", 80), ("::1", 80, 0, 0)]
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda *args, **kwargs: [(2, 1, 6, "", addr) for addr in found]
    )
    answer = look_up("example.org")
    assert isinstance(answer, list)
    assert [address.sockaddr for address in answer] == found[:2]


def test_a_resolver_of_the_users():
    """It gives IP addresses, as text or as objects; anything else is told."""
    asked = []

    def resolver(host: str, port: int) -> list[typing.Any]:
        asked.append((host, port))
        return ["192.0.2.1", ipaddress.ip_address("2001:db8::1"), "192.0.2.1"]

    assert look_up("example.org", 80, resolver) == [
        Address(socket.AF_INET, ("192.0.2.1", 80)),
        Address(socket.AF_INET6, ("2001:db8::1", 80, 0, 0)),
    ]
    assert asked == [("example.org", 80)]
    error = look_up("example.org", 80, lambda host, port: ["localhost"])
    assert str(error) == "it gave 'localhost', which is no IP address"
    assert "no address" in str(look_up("example.org", 80, lambda host, port: []))


def test_an_error_of_the_users_resolver_names_it():
    """And has nothing to say about spelling and DNS servers."""

    def resolver(host: str, port: int) -> list[str]:
        raise LookupError("not in the list")

    with pytest.raises(ConnectError) as e:
        resolve("example.org", resolver)
    assert str(e.value).startswith("cannot resolve host example.org: resolver=test_an_error")
    assert str(e.value).endswith("resolver: not in the list")


def test_a_look_up_that_fails(monkeypatch):
    """The resolver's error is handed on, whatever it is; an empty answer is one too."""
    error = socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    def fail(*args: object, **kwargs: object) -> list[object]:
        raise error

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    assert look_up("example.invalid") is error
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: [])
    assert "no address" in str(look_up("example.invalid"))


def test_a_label_that_is_too_long():
    """What the IDNA codec refuses is a failed look-up, not a bare UnicodeError."""
    with pytest.raises(ConnectError, match=r"cannot resolve host a+\.org") as e:
        resolve("a" * 64 + ".org")
    assert isinstance(e.value.__cause__, UnicodeError)


def test_no_thread_for_a_look_up(monkeypatch):
    """A machine out of threads is an error of the look-up."""

    def no_thread(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threads, "_idle", collections.deque())
    monkeypatch.setattr(threading.Thread, "start", no_thread)
    assert isinstance(look_up("example.org"), RuntimeError)


def test_tm5_a_process_with_a_hanging_look_up_can_exit():
    """A resolver that never answers does not keep the process."""
    script = (
        "import socket, time\n"
        "from httpcore.backends.lookups import look_up_in_thread\n"
        "socket.getaddrinfo = lambda *args, **kwargs: time.sleep(60)\n"
        "look_up_in_thread('example.org', 80, None, print)\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script],
        timeout=20,
        capture_output=True,
        check=True,
        cwd=os.path.dirname(os.path.dirname(os.path.dirname(__file__))),
    )
    assert (ended.stdout, ended.stderr) == (b"", b"")
