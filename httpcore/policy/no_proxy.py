"""NO_PROXY: the hosts that no proxy is used for, as one text.

    NO_PROXY=localhost,example.org,10.0.0.0/8,fd00::/8,[::1]:8080,intranet:443

Every program reads it its own way.  Here it is read as curl does, and as Python's urllib where that
is alike.  Entries stand between commas or blanks; each is one of these:

| entry                           | matches                                                      |
| ------------------------------- | ------------------------------------------------------------ |
| `*`                             | every host                                                   |
| `example.org`                   | `example.org` and what ends with `.example.org`              |
| `.example.org`, `*.example.org` | the same                                                     |
| `192.0.2.1`, `::1`, `[::1]`     | that address                                                 |
| `10.0.0.0/8`, `fd00::/8`        | addresses in that network; bits behind the prefix do not count |
| any of these but networks, `:80`| the same, and only with that port; IPv6 in brackets          |

Case, a dot at the end, and how an IPv6 address is written do not count, international names match
their A-labels, and an IPv4 address matches its IPv6-mapped form.  Only what stands in the URL is
compared: a name is not looked up, and the zone of an address belongs to this machine.  What is none
of these is skipped.
"""

from __future__ import annotations

import logging
import re
import typing

from ..models.url_syntax import parse_authority

if typing.TYPE_CHECKING:
    import ipaddress

    from ..connect_config import IPAddress

    Network = ipaddress.IPv4Network | ipaddress.IPv6Network

logger = logging.getLogger("httpcore")

_SEPARATORS = re.compile(r"[,\s]+")


class NoProxy:
    """The entries of a NO_PROXY; immutable."""

    def __init__(self, text: str) -> None:
        self._matches_all = False
        # Each with the port that it is for; None: for all ports.
        self._names: set[tuple[str, int | None]] = set()
        self._networks: list[tuple[Network, int | None]] = []
        for entry in filter(None, _SEPARATORS.split(text)):
            try:
                self._add(entry)
            except ValueError as exc:
                logger.warning("NO_PROXY: the entry %a is skipped: %s", entry, exc)

    def _add(self, entry: str) -> None:
        import ipaddress

        if entry == "*":
            self._matches_all = True
        elif "/" in entry:
            try:
                network = ipaddress.ip_network(_bare(entry), strict=False)
            except ValueError:
                raise ValueError("it has a '/' in it, and is no IPv4 or IPv6 network") from None
            self._networks.append((network, None))
        elif entry.count(":") > 1 and not entry.startswith("["):
            self._add_host(entry, ip_address(entry), None)
        else:
            name = entry.removeprefix("*").removeprefix(".")
            if "@" in name:
                raise ValueError("it has an '@' in it")
            _, host, port = parse_authority(name)
            self._add_host(host, ip_address(host), port)

    def _add_host(self, host: str, address: IPAddress | None, port: int | None) -> None:
        import ipaddress

        if address is not None:
            self._networks.append((ipaddress.ip_network(address), port))
        elif ":" in host:
            raise ValueError("it has too many colons, and is no IPv6 address")
        else:
            self._names.add((host.removesuffix("."), port))

    def matches(self, host: str, port: int) -> bool:
        """Whether `host`, as `URL.host` has it, is to be connected to without a proxy."""
        if self._matches_all:
            return True
        address = ip_address(host)
        if address is not None:
            return any(
                address.version == network.version and address in network
                for network, only_port in self._networks
                if only_port in (None, port)
            )
        name = host.removesuffix(".")
        while name:
            if (name, None) in self._names or (name, port) in self._names:
                return True
            name = name.partition(".")[2]
        return False


def ip_address(host: str) -> IPAddress | None:
    """The address that `host` spells out, without its zone; an IPv6-mapped IPv4 one is that."""
    if ":" not in host and not host[-1:].isdigit():
        return None
    import ipaddress

    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return None
    mapped = getattr(address, "ipv4_mapped", None)
    return address if mapped is None else typing.cast("IPAddress", mapped)


def _bare(entry: str) -> str:
    """An address or network without brackets around the address, and without a zone."""
    address, slash, prefix = entry.partition("/")
    return address.strip("[]").partition("%")[0] + slash + prefix
