"""What `addresses=` lets through, and how it says what it does not."""

from __future__ import annotations

import asyncio
import ipaddress
import typing

import hypothesis
import hypothesis.strategies
import pytest

from httpcore.address_rules import refusal


@pytest.mark.parametrize(
    "address",
    [
        "1.1.1.1",
        "8.8.8.8",
        "9.255.255.255",
        "11.0.0.0",
        "100.63.255.255",
        "100.128.0.0",
        "172.15.255.255",
        "172.32.0.0",
        "223.255.255.255",
        "2001:4860:4860::8888",
        "2606:4700::1111",
        "2a00::1",
        "::ffff:8.8.8.8",
        "64:ff9b::8.8.8.8",
    ],
)
def test_ur11_public(address):
    """Addresses of the internet, and what stands for one of them."""
    assert refusal(address, "public") is None


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        ("0.0.0.0", "an unspecified"),
        ("0.1.2.3", "an unspecified"),
        ("10.0.0.1", "a private"),
        ("100.100.100.200", "a shared"),
        ("127.0.0.1", "a loopback"),
        ("127.255.255.254", "a loopback"),
        ("168.63.129.16", "a cloud's metadata"),
        ("169.254.169.254", "a link-local"),
        ("172.16.0.1", "a private"),
        ("172.31.255.255", "a private"),
        ("192.0.0.192", "a special-purpose"),
        ("192.0.2.1", "a documentation"),
        ("192.88.99.1", "a 6to4 relay"),
        ("192.168.1.1", "a private"),
        ("198.18.0.1", "a benchmarking"),
        ("198.51.100.1", "a documentation"),
        ("203.0.113.1", "a documentation"),
        ("224.0.0.251", "a multicast"),
        ("240.0.0.1", "a reserved"),
        ("255.255.255.255", "a reserved"),
        ("::", "an unspecified"),
        ("::1", "a loopback"),
        ("::7f00:1", "an IPv4-compatible"),
        ("64:ff9b:1::1", "a local NAT64"),
        ("100::1", "a discard-only"),
        ("2001:0:1::1", "a Teredo"),
        ("2001:2::1", "a special-purpose"),
        ("2001:db8::1", "a documentation"),
        ("2002:7f00:1::", "a 6to4"),
        ("3fff::1", "a documentation"),
        ("4000::1", "a reserved"),
        ("fc00::1", "a unique-local"),
        ("fd00:ec2::254", "a unique-local"),
        ("fe80::1", "a link-local"),
        ("fe80::1%eth0", "a link-local"),
        ("fec0::1", "a site-local"),
        ("ff02::1", "a multicast"),
    ],
)
def test_ur11_not_public(address, kind):
    """The rule says which kind of address it is."""
    why = refusal(address, "public")
    assert why is not None
    assert why.startswith(f"is {kind}")
    assert why.endswith(" address, and addresses='public' allows none of those")


@pytest.mark.parametrize(
    ("address", "behind"),
    [
        ("::ffff:127.0.0.1", "127.0.0.1"),
        ("::ffff:10.0.0.1", "10.0.0.1"),
        ("::ffff:a9fe:a9fe", "169.254.169.254"),
        ("64:ff9b::7f00:1", "127.0.0.1"),
        ("64:ff9b::10.0.0.1", "10.0.0.1"),
    ],
)
def test_ur11_stands_for_another(address, behind):
    """IPv4 addresses in the shape of IPv6 ones are judged as what they are."""
    assert f"address (it stands for {behind})" in str(refusal(address, "public"))


@hypothesis.given(hypothesis.strategies.ip_addresses())
def test_ur11_what_is_let_through_is_global(address):
    """By the registries that Python knows, whatever the address; those that we know forbid more."""
    if refusal(str(address), "public") is None:
        judged = getattr(address, "ipv4_mapped", None) or address
        assert judged.is_global
        assert not judged.is_multicast


def test_a_rule_of_the_users():
    """It is given an object of `ipaddress`, IPv4-mapped ones as IPv4; messages name it."""
    seen = []

    def not_ten(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
        seen.append(address)
        return address not in ipaddress.ip_network("10.0.0.0/8")

    assert refusal("192.0.2.1", not_ten) is None
    assert refusal("::ffff:10.0.0.1", not_ten) == "is refused by addresses=not_ten"
    assert refusal("fe80::1%eth0", not_ten) is None
    assert [str(address) for address in seen] == ["192.0.2.1", "10.0.0.1", "fe80::1"]


def test_ur11_an_awaitable_allows_nothing():
    """A rule that would have to be awaited is an error, though what it returns is true."""
    waiting: asyncio.Future[bool] = asyncio.Future(loop=asyncio.new_event_loop())
    with pytest.raises(TypeError, match="has to return a bool, not an awaitable"):
        refusal("127.0.0.1", lambda address: typing.cast("bool", waiting))
    waiting.get_loop().close()
