"""Proxies that a test scripts: handlers of a `RawServer` that pass bytes on to a real server."""

from __future__ import annotations

import collections.abc
import select
import socket
import ssl

from .raw import SECONDS, RawConnection

ESTABLISHED = b"HTTP/1.1 200 Connection established\r\n\r\n"


def connect_proxy(
    connection: RawConnection,
    refusals: collections.abc.Sequence[bytes] = (),
    answer: bytes = ESTABLISHED,
    *,
    port: int | None = None,
) -> None:
    """
    Answer the first CONNECTs with `refusals`, and make a tunnel of the next.

    It leads to the host and port that were asked for, or to `port` of this machine.
    """
    for refusal in refusals:
        assert connection.read_request().method == "CONNECT"
        connection.send(refusal)
    request = connection.read_request()
    assert request.method == "CONNECT"
    host, _, asked_port = request.target.rpartition(":")
    if port is not None:
        host, asked_port = "127.0.0.1", str(port)
    with socket.create_connection((host.strip("[]"), int(asked_port)), SECONDS) as upstream:
        connection.send(answer)
        relay(connection, upstream)


def relay(connection: RawConnection, upstream: socket.socket) -> None:
    """Pass bytes on, both ways, until one side closes."""
    ways: dict[socket.socket, socket.socket]
    ways = {connection.sock: upstream, upstream: connection.sock}
    while True:
        for source in _readable(connection.sock, upstream):
            try:
                data = source.recv(65536)
            except OSError:
                return
            if not data:
                return
            try:
                ways[source].sendall(data)
            except OSError:
                return


def _readable(near: socket.socket, far: socket.socket) -> list[socket.socket]:
    if isinstance(near, ssl.SSLSocket) and near.pending():
        return [near]
    return select.select([near, far], [], [], SECONDS)[0]
