"""uvicorn, a server of HTTP/1.1 that many of our users talk to, in a process of its own."""

from __future__ import annotations

import asyncio
import socket
import sys

import uvicorn

from .app import app
from .certs import Cert
from .process import ServerProcess, announce, wait_for_end


class UvicornServer(ServerProcess):
    """`tests/servers/app.py` over HTTP/1.1, with `cert` over TLS."""

    def __init__(self, cert: Cert | None = None) -> None:
        scheme = "http" if cert is None else "https"
        super().__init__("tests.servers.uvicorn_server", *(cert or ()), scheme=scheme)


async def serve(cert: str | None = None, key: str | None = None) -> None:
    config = uvicorn.Config(
        app,
        ssl_certfile=cert,
        ssl_keyfile=key,
        lifespan="off",
        ws="none",
        log_level="warning",
        timeout_keep_alive=600,
        timeout_graceful_shutdown=1,
    )
    with socket.create_server((ServerProcess.host, 0), backlog=1024) as listener:
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        announce(listener.getsockname()[1])  # it listens already; who connects will be served
        await asyncio.to_thread(wait_for_end)
        server.should_exit = True
        await serving


if __name__ == "__main__":
    asyncio.run(serve(*sys.argv[1:]))
