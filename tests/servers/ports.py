"""Ports for those who cannot be given port 0."""

from __future__ import annotations

import contextlib
import random
import socket

# Below what systems give to those who have no wish: nobody comes by one of these by chance, before
# it is used or between two uses.
_PORTS = range(10_000, 30_000)


def free_ports(count: int) -> list[int]:
    """Different ports of 127.0.0.1 that nobody has."""
    ports: list[int] = []
    with contextlib.ExitStack() as stack:
        while len(ports) < count:
            port = random.SystemRandom().choice(
                _PORTS
            )  # `random` is seeded: others choose the same
            with contextlib.suppress(OSError):
                stack.enter_context(socket.create_server(("127.0.0.1", port)))
                ports.append(port)
    return ports
