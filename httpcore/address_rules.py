"""Which IP addresses may be connected to, for programs that fetch URLs which others give them.

The word "public" forbids what leads back into the own machine, the own network or the machinery of
a cloud, by the registries of special addresses (RFC 6890, RFC 8190) and what is known of clouds.
An address that stands for an IPv4 address is judged as that one where it is still in use for it
(IPv4-mapped, NAT64), and forbidden as a whole where it is not (6to4, Teredo).
"""

from __future__ import annotations

import functools
import ipaddress
import typing

if typing.TYPE_CHECKING:
    from .connect_config import AddressRule, IPAddress

_Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_NOT_PUBLIC_IPV4 = {
    "168.63.129.16/32": "a cloud's metadata",  # Azure's own; it lies in no special range
    "0.0.0.0/8": "an unspecified",
    "10.0.0.0/8": "a private",
    "100.64.0.0/10": "a shared (carrier-grade NAT)",
    "127.0.0.0/8": "a loopback",
    "169.254.0.0/16": "a link-local (metadata)",
    "172.16.0.0/12": "a private",
    "192.0.0.0/24": "a special-purpose",
    "192.0.2.0/24": "a documentation",
    "192.88.99.0/24": "a 6to4 relay",
    "192.168.0.0/16": "a private",
    "198.18.0.0/15": "a benchmarking",
    "198.51.100.0/24": "a documentation",
    "203.0.113.0/24": "a documentation",
    "224.0.0.0/4": "a multicast",
    "240.0.0.0/4": "a reserved",
}
# All that is outside of 2000::/3 is forbidden; the names are for messages.
_NOT_PUBLIC_IPV6 = {
    "::/128": "an unspecified",
    "::1/128": "a loopback",
    "::/96": "an IPv4-compatible",
    "64:ff9b:1::/48": "a local NAT64",
    "100::/64": "a discard-only",
    "fc00::/7": "a unique-local",
    "fe80::/10": "a link-local",
    "fec0::/10": "a site-local",
    "ff00::/8": "a multicast",
    "2001::/32": "a Teredo",
    "2001::/23": "a special-purpose",
    "2001:db8::/32": "a documentation",
    "2002::/16": "a 6to4",
    "3fff::/20": "a documentation",
}


def refusal(text: str, rule: AddressRule) -> str | None:
    """
    Why the address may not be connected to, as in "is a loopback address"; `None`: it may.

    `text` is an IPv4 or IPv6 address, with or without a zone.
    """
    address: IPAddress = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address):
        address = address.ipv4_mapped or address
    if rule != "public":
        name = getattr(rule, "__name__", repr(rule))
        allowed = rule(address)
        if hasattr(allowed, "__await__"):
            # Which is true, whatever it would come to.
            raise TypeError(f"addresses={name} has to return a bool, not an awaitable")
        return None if allowed else f"is refused by addresses={name}"
    judged = _behind_nat64(address)
    kind = _kind(judged)
    if kind is None:
        return None
    stands_for_another = judged.version != (6 if ":" in text else 4)
    of = f" (it stands for {judged})" if stands_for_another else ""
    return f"is {kind} address{of}, and addresses='public' allows none of those"


def _behind_nat64(address: IPAddress) -> IPAddress:
    """The IPv4 address that a gateway makes of it (RFC 6052 §2.1), or the address itself."""
    if isinstance(address, ipaddress.IPv6Address) and address in _nat64():
        return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    return address


def _kind(address: IPAddress) -> str | None:
    for network, kind in _networks(address.version):
        if address in network:
            return kind
    if isinstance(address, ipaddress.IPv6Address) and int(address) >> 125 != 1:
        return "a reserved"
    return None


@functools.cache
def _nat64() -> ipaddress.IPv6Network:
    return ipaddress.IPv6Network("64:ff9b::/96")


@functools.cache
def _networks(version: int) -> list[tuple[_Network, str]]:
    table = _NOT_PUBLIC_IPV4 if version == 4 else _NOT_PUBLIC_IPV6
    return [(ipaddress.ip_network(text), kind) for text, kind in table.items()]
