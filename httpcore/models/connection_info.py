"""What is known about the connection that brought a response."""

from __future__ import annotations

import typing

from ..value import Value

if typing.TYPE_CHECKING:
    import socket
    import ssl

Address = tuple[str, int] | str | bytes
"""Host and port, or the name of a Unix socket."""


class ConnectionInfo(Value):
    """
    The connection that a response came over, as it was then: `response.connection`.

    * `local_address`, `remote_address`: `(host, port)`, the host as an IP address, or the name of a
      Unix socket; `None` where it is not known.  Through a proxy the remote one is the proxy's.
    * `tls_version`: such as `"TLSv1.3"`; this and what follows is `None` without TLS.
    * `cipher`: OpenSSL's name of it.
    * `alpn_protocol`: such as `"h2"`; `None` also where the server does not know ALPN.
    * `peer_certificate`: the server's certificate, DER.
    * `peer_certificate_dict`: the same as `ssl.SSLSocket.getpeercert()` shows it; empty where it
      was not verified, or has something in it that Python does not read.
    * `session_resumed`: whether TLS went on with the session of an earlier connection.
    * `request_count`: how many requests it has carried, this one included.
    """

    __slots__ = (
        "local_address",
        "remote_address",
        "tls_version",
        "cipher",
        "alpn_protocol",
        "peer_certificate",
        "peer_certificate_dict",
        "session_resumed",
        "request_count",
    )

    local_address: Address | None
    remote_address: Address | None
    tls_version: str | None
    cipher: str | None
    alpn_protocol: str | None
    peer_certificate: bytes | None
    peer_certificate_dict: dict[str, typing.Any] | None
    session_resumed: bool
    request_count: int

    def __init__(
        self,
        *,
        local_address: Address | None = None,
        remote_address: Address | None = None,
        tls_version: str | None = None,
        cipher: str | None = None,
        alpn_protocol: str | None = None,
        peer_certificate: bytes | None = None,
        peer_certificate_dict: dict[str, typing.Any] | None = None,
        session_resumed: bool = False,
        request_count: int = 1,
    ) -> None:
        self._set(
            local_address=local_address,
            remote_address=remote_address,
            tls_version=tls_version,
            cipher=cipher,
            alpn_protocol=alpn_protocol,
            peer_certificate=peer_certificate,
            peer_certificate_dict=peer_certificate_dict,
            session_resumed=session_resumed,
            request_count=request_count,
        )

    @classmethod
    def of(cls, sock: socket.socket | None, tls: ssl.SSLObject | None) -> ConnectionInfo:
        """What there is to know once it has been opened; a closed socket does not tell any more."""
        local = remote = None
        if sock is not None:
            try:
                local, remote = _address(sock.getsockname()), _address(sock.getpeername())
            except OSError:
                pass  # the peer is gone already
        if tls is None:
            return cls(local_address=local, remote_address=remote)
        cipher = tls.cipher()
        return cls(
            local_address=local,
            remote_address=remote,
            tls_version=tls.version(),
            cipher=cipher and cipher[0],
            alpn_protocol=tls.selected_alpn_protocol(),
            peer_certificate=tls.getpeercert(binary_form=True),
            peer_certificate_dict=_decoded_certificate(tls),
            session_resumed=bool(tls.session_reused),
        )

    def at_request(self, count: int) -> ConnectionInfo:
        """The same connection, `count` requests old."""
        return ConnectionInfo(**{**self.__getstate__(), "request_count": count})

    @property
    def is_reused(self) -> bool:
        """Whether it had been used before, by another request."""
        return self.request_count > 1

    def __hash__(self) -> int:  # of what can be hashed: the certificate as a dict cannot
        return hash((self.local_address, self.remote_address, self.request_count))

    def __repr__(self) -> str:
        parts = [f"remote_address={self.remote_address!r}"]
        if self.tls_version is not None:
            parts.append(f"tls_version={self.tls_version!r}")
        return f"<ConnectionInfo({', '.join(parts)}, request_count={self.request_count})>"


def _address(name: typing.Any) -> Address:
    # An IPv6 address comes with two numbers more, of which the zone is in the host, too.
    return name[:2] if isinstance(name, tuple) else name


def _decoded_certificate(tls: ssl.SSLObject) -> dict[str, typing.Any]:
    try:
        return tls.getpeercert() or {}
    except Exception:  # a warning, too, if warnings are errors: names of an unknown kind
        return {}
