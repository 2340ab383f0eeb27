"""Opens the byte stream to a server: its addresses, TCP, and TLS where the origin is https.

What is spoken over the stream is not decided here.  A proxy is a server too: its `Origin` gives the
stream that a tunnel to the real one is then asked for.
"""

from __future__ import annotations

import time

from ..backends.base import ConcurrencyBackend, NetworkStream
from ..config import SSLConfig
from ..deadline import Deadline
from ..exceptions import ConnectError, ConnectTimeout, SSLError
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
    failures: list[ConnectError | ConnectTimeout] = []
    for tried, address in enumerate(addresses):
        others = len(addresses) - tried - 1
        try:
            stream = await backend.connect_tcp(address, origin.peer, _share(deadline, others))
            if not origin.is_ssl:
                return stream
            return await backend.start_tls(stream, ssl, http2, origin.host, deadline)
        except SSLError:
            raise
        except (ConnectError, ConnectTimeout) as exc:
            failures.append(exc)
    raise _all_failed(origin.peer, failures)


def _share(deadline: Deadline, others: int) -> Deadline:
    """The time for one address, so that one that does not answer leaves some to the `others`."""
    if deadline.ends_at is None or others == 0:
        return deadline
    return deadline.phase((deadline.ends_at - time.monotonic()) / (others + 1), ConnectTimeout)


def _all_failed(
    peer: str, failures: list[ConnectError | ConnectTimeout]
) -> ConnectError | ConnectTimeout:
    if len(failures) == 1 or isinstance(failures[-1], ConnectTimeout):
        return failures[-1]
    error = ConnectError(
        f"cannot connect to {peer}, any of its {len(failures)} addresses: "
        + "; ".join(str(failure) for failure in failures)
    )
    error.__cause__ = failures[-1]
    return error
