"""hypercorn, a server of HTTP/2 over TLS, in a process of its own."""

from __future__ import annotations

import asyncio
import socket
import sys
import typing

import hypercorn.asyncio
import hypercorn.config

from .app import app
from .certs import Cert
from .process import ServerProcess, announce, wait_for_end


class HypercornServer(ServerProcess):
    """
    `tests/servers/app.py` over TLS.

    It offers HTTP/2 and HTTP/1.1 by ALPN, or what `alpn` says.
    """

    def __init__(self, cert: Cert, alpn: tuple[str, ...] = ("h2", "http/1.1")) -> None:
        super().__init__("tests.servers.hypercorn_server", *cert, *alpn, scheme="https")


async def serve(cert: str, key: str, *alpn: str) -> None:
    config = hypercorn.config.Config()
    config.certfile, config.keyfile = cert, key
    config.alpn_protocols = list(alpn)
    config.keep_alive_timeout = 600
    config.loglevel = "WARNING"
    config.graceful_timeout = 1
    with socket.create_server((ServerProcess.host, 0), backlog=1024) as listener:
        config.bind = [f"fd://{listener.fileno()}"]

        async def until_end() -> None:
            announce(listener.getsockname()[1])
            await asyncio.to_thread(wait_for_end)

        await hypercorn.asyncio.serve(
            typing.cast("typing.Any", app), config, shutdown_trigger=until_end
        )


if __name__ == "__main__":
    asyncio.run(serve(*sys.argv[1:]))
