"""Opens the byte stream to a server: its addresses, TCP, and TLS where the origin is https.

What is spoken over the stream is not decided here.  A proxy is a server too: its `Origin` gives the
stream that a tunnel to the real one is then asked for.
"""

from __future__ import annotations

from ..backends.base import ConcurrencyBackend, NetworkStream
from ..config import SSLConfig
from ..deadline import Deadline
from ..models.url import Origin


async def open_stream(
    origin: Origin, ssl: SSLConfig, http2: bool, backend: ConcurrencyBackend, deadline: Deadline
) -> NetworkStream:
    """
    A stream to `origin`, secured where it is https, offering HTTP/2 there by ALPN if `http2`.

    Tries each address that the host name stands for.  `deadline` is that of the whole opening
    (`Deadline.connecting()`).  Raises `ConnectError` that lists what became of each address,
    `SSLError`, or the deadline's error.
    """
    addresses = await backend.resolve(origin.host, origin.port, deadline)

    async def secure(stream: NetworkStream) -> NetworkStream:
        return await backend.start_tls(stream, ssl, http2, origin.host, deadline)

    return await backend.connect_tcp(
        addresses, origin.peer, deadline, secure if origin.is_ssl else None
    )
