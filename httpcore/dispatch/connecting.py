"""Opens the byte stream to a server: its addresses, TCP, and TLS where the origin is https.

What is spoken over the stream is not decided here.  A proxy is a server too: its `Origin` gives the
stream that a tunnel to the real one is then asked for.
"""

from __future__ import annotations

from ..backends.base import Address, ConcurrencyBackend, NetworkStream, unix_address
from ..connect_config import DEFAULT_CONNECT, AddressRule, ConnectConfig
from ..deadline import Deadline
from ..exceptions import ConnectError
from ..models.url import Origin
from ..ssl_config import SSLConfig


async def open_stream(
    origin: Origin,
    ssl: SSLConfig,
    http2: bool,
    backend: ConcurrencyBackend,
    deadline: Deadline,
    connect: ConnectConfig = DEFAULT_CONNECT,
) -> NetworkStream:
    """
    A stream to `origin`, secured where it is https, offering HTTP/2 there by ALPN if `http2`.

    Tries each address that the host name stands for, and none that `connect` forbids.  `deadline`
    is that of the whole opening (`Deadline.connecting()`).  Raises `ConnectError` that lists what
    became of each address, `SSLError`, or the deadline's error.
    """
    if connect.unix_socket is None:
        addresses = await permitted_addresses(origin, backend, deadline, connect)
    else:
        addresses = [unix_address(connect.unix_socket)]

    async def secure(stream: NetworkStream) -> NetworkStream:
        return await backend.start_tls(stream, ssl, http2, origin.host, deadline)

    return await backend.connect_tcp(
        addresses, origin.peer, deadline, connect, secure if origin.is_ssl else None
    )


async def permitted_addresses(
    origin: Origin, backend: ConcurrencyBackend, deadline: Deadline, connect: ConnectConfig
) -> list[Address]:
    """
    The addresses of `origin` that may be connected to, at least one, by what `connect` says.

    Nothing is looked up after this: what was judged is what is connected to.
    """
    host, port = connect.target(origin.host, origin.port, origin.peer)
    addresses = await backend.resolve(host, port, deadline, connect.resolver)
    if connect.family is not None:
        addresses = _of_family(addresses, connect, origin.peer)
    if connect.addresses is not None:
        addresses = _allowed(addresses, connect.addresses, origin.peer)
    return addresses


def _of_family(addresses: list[Address], connect: ConnectConfig, peer: str) -> list[Address]:
    wanted = [each for each in addresses if (":" in each.ip) is (connect.family == "ipv6")]
    if wanted:
        return wanted
    asks = f"family={connect.family!r}"
    if connect.local_address is not None:
        asks = f"local_address={connect.local_address!r}"
    raise ConnectError(
        f"cannot connect to {peer}: {asks} goes with none of its addresses: "
        + ", ".join(map(str, addresses))
    )


def _allowed(addresses: list[Address], rule: AddressRule, peer: str) -> list[Address]:
    from ..address_rules import refusal  # loads ipaddress, which most have no use for

    reasons = {address: refusal(address.ip, rule) for address in addresses}
    allowed = [address for address, why in reasons.items() if why is None]
    if not allowed:
        told = "; ".join(f"{address.ip} {why}" for address, why in reasons.items())
        raise ConnectError(f"cannot connect to {peer}: {told}")
    return allowed
