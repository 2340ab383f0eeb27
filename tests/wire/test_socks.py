"""SOCKS as dialogues: what is sent, how much is read, and what is refused."""

from __future__ import annotations

import typing

import pytest

from httpcore.exceptions import ProxyError
from httpcore.wire.socks import Dialogue, Step, socks4, socks5

GRANTED = b"\x05\x00\x00\x01"
ADDRESS = b"\x7f\x00\x00\x01\x00\x50"


def talk(dialogue: Dialogue, *answers: bytes) -> list[Step]:
    """All steps of a dialogue that is given these answers, each of the length it asks for."""
    steps = [next(dialogue)]
    for answer in answers:
        assert len(answer) == steps[-1].read
        try:
            steps.append(dialogue.send(answer))
        except StopIteration:
            break
    return steps


def sent(steps: list[Step]) -> list[bytes]:
    return [step.send for step in steps]


# SOCKS5.


@pytest.mark.parametrize(
    ("host", "where"),
    [
        ("example.org", b"\x03\x0bexample.org"),
        ("127.0.0.1", b"\x01\x7f\x00\x00\x01"),
        ("::1", b"\x04" + bytes(15) + b"\x01"),
        ("fe80::1%eth0", b"\x04\xfe\x80" + bytes(13) + b"\x01"),
    ],
)
def test_socks5(host: str, where: bytes) -> None:
    """Names go to the proxy as they are, addresses as addresses, without their zone."""
    steps = talk(socks5(host, 443, None), b"\x05\x00", GRANTED, ADDRESS)
    assert sent(steps) == [b"\x05\x01\x00", b"\x05\x01\x00" + where + b"\x01\xbb", b""]
    assert [step.read for step in steps] == [2, 4, 6]


@pytest.mark.parametrize(
    ("kind", "answers", "reads"),
    [
        (4, [bytes(18)], [18]),
        (3, [b"\x04", b"host\x00\x50"], [1, 6]),
    ],
)
def test_socks5_bound_address(kind: int, answers: list[bytes], reads: list[int]) -> None:
    """The address that the proxy tells is read to its end, of whatever kind it is."""
    granted = bytes([5, 0, 0, kind])
    steps = talk(socks5("h", 80, None), b"\x05\x00", granted, *answers)
    assert [step.read for step in steps] == [2, 4, *reads]


def test_socks5_with_a_password() -> None:
    """User and password are sent to a proxy that wants them, and not to one that does not."""
    credentials = (b"us", b"pass")
    steps = talk(socks5("h", 80, credentials), b"\x05\x02", b"\x01\x00", GRANTED, ADDRESS)
    assert sent(steps)[:2] == [b"\x05\x02\x00\x02", b"\x01\x02us\x04pass"]
    steps = talk(socks5("h", 80, credentials), b"\x05\x00", GRANTED, ADDRESS)
    assert not any(b"pass" in data for data in sent(steps))


@pytest.mark.parametrize(
    ("credentials", "answers", "problem"),
    [
        (None, [b"\x04\x00"], "does not speak this version of SOCKS: its answer begins with 4"),
        (None, [b"\x05\xff"], "wants a user and a password; put them into its URL"),
        ((b"u", b"p"), [b"\x05\xff"], "takes no user and password, and no one without"),
        (None, [b"\x05\x02"], "wants authentication by method 2, which was not offered"),
        (None, [b"\x05\x01"], "wants authentication by method 1, which was not offered"),
        ((b"u", b"p"), [b"\x05\x02", b"\x01\x01"], "refused the user and password"),
        (None, [b"\x05\x00", b"\x04\x00\x00\x01"], "does not speak this version of SOCKS"),
        (None, [b"\x05\x00", b"\x05\x01\x00\x01"], "failed for a reason that it does not tell"),
        (None, [b"\x05\x00", b"\x05\x02\x00\x01"], "does not allow this connection by its rules"),
        (None, [b"\x05\x00", b"\x05\x03\x00\x01"], "cannot reach the network of the host"),
        (None, [b"\x05\x00", b"\x05\x04\x00\x01"], "cannot reach the host"),
        (None, [b"\x05\x00", b"\x05\x05\x00\x01"], "the host refuses the connection"),
        (None, [b"\x05\x00", b"\x05\x06\x00\x01"], "the host does not answer"),
        (None, [b"\x05\x00", b"\x05\x07\x00\x01"], "does not support CONNECT"),
        (None, [b"\x05\x00", b"\x05\x08\x00\x01"], "does not support this kind of address"),
        (None, [b"\x05\x00", b"\x05\x99\x00\x01"], "failed with the unknown code 153"),
        (None, [b"\x05\x00", b"\x05\x00\x00\x09"], "an address of the unknown kind 9"),
    ],
)
def test_px11_socks5_refusals(
    credentials: tuple[bytes, bytes] | None, answers: list[bytes], problem: str
) -> None:
    """Whatever goes wrong has its reason in words."""
    with pytest.raises(ProxyError, match=problem):
        talk(socks5("h", 80, credentials), *answers)


@pytest.mark.parametrize(
    ("host", "credentials", "problem"),
    [
        ("h" * 256, None, "a host name of 256 bytes: SOCKS5 allows 255"),
        ("h", (b"u" * 256, b""), "a user name of 256 bytes"),
        ("h", (b"", b"p" * 256), "a password of 256 bytes"),
    ],
)
def test_px11_too_long(host: str, credentials: typing.Any, problem: str) -> None:
    """What does not fit is refused before there is anything to send."""
    with pytest.raises(ProxyError, match=problem):
        next(socks5(host, 80, credentials))


def test_longest() -> None:
    """255 bytes fit."""
    longest = b"x" * 255
    steps = talk(socks5("h" * 255, 80, (longest, longest)), b"\x05\x02", b"\x01\x00")
    assert steps[1].send == b"\x01\xff" + longest + b"\xff" + longest


# SOCKS4.


@pytest.mark.parametrize(
    ("host", "user", "request_bytes"),
    [
        ("127.0.0.1", b"", b"\x04\x01\x00\x50\x7f\x00\x00\x01\x00"),
        ("127.0.0.1", b"me", b"\x04\x01\x00\x50\x7f\x00\x00\x01me\x00"),
        ("example.org", b"me", b"\x04\x01\x00\x50\x00\x00\x00\x01me\x00example.org\x00"),
    ],
)
def test_socks4(host: str, user: bytes, request_bytes: bytes) -> None:
    """An address is SOCKS4, a name is SOCKS4a."""
    assert talk(socks4(host, 80, user), b"\x00\x5a" + bytes(6)) == [Step(request_bytes, 8)]


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (b"\x05\x5a", "does not speak this version of SOCKS: its answer begins with 5, not 0"),
        (b"\x00\x5b", "refused the connection, or failed to make it"),
        (b"\x00\x5c", "could not reach identd"),
        (b"\x00\x5d", "identd on this machine that the user is somebody else"),
        (b"\x00\x00", "failed with the unknown code 0"),
    ],
)
def test_socks4_refusals(answer: bytes, problem: str) -> None:
    """Its few codes are told in words, too."""
    with pytest.raises(ProxyError, match=problem):
        talk(socks4("127.0.0.1", 80, b""), answer + bytes(6))


@pytest.mark.parametrize(
    ("host", "user", "problem"),
    [("::1", b"", "IPv6 address by SOCKS4; use socks5"), ("h", b"a\0b", "NUL byte")],
)
def test_socks4_cannot(host: str, user: bytes, problem: str) -> None:
    """What SOCKS4 cannot carry is refused before there is anything to send."""
    with pytest.raises(ProxyError, match=problem):
        next(socks4(host, 80, user))
