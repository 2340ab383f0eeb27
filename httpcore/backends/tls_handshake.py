"""The TLS handshake: from a connected stream to a `TLSStream`, or to an error that helps.

A connection that breaks is told apart from a TLS that is refused: after a `ConnectError`
the next address of the host may do better, after an `SSLError` it would not.
"""

from __future__ import annotations

import ssl

from ..deadline import Deadline
from ..exceptions import (
    ConnectError,
    ConnectTimeout,
    NetworkError,
    PinMismatch,
    SSLError,
    Timeout,
)
from ..pins import pins_of
from .base import NetworkStream
from .sockets import reason
from .tls import TLSStream
from .tls_context import OwnContext
from .tls_errors import SHAKING_HANDS, handshake_error

# What a context of the user's may have offered: that is all we speak.
_PROTOCOLS = ("h2", "http/1.1")


async def start_tls(
    stream: NetworkStream,
    context: ssl.SSLContext,
    server_hostname: str,
    deadline: Deadline,
    pins: tuple[str, ...] | None = None,
) -> TLSStream:
    """
    Shake hands over `stream`, whose peer has to be `server_hostname`: a name or an IP address;
    and has to show a certificate that fulfils one of `pins`, if there are any.

    Raises `SSLError` for what TLS refuses, `ConnectError` if the connection breaks (another
    address may do better), or the deadline's error; then `stream` is closed.
    """
    peer = stream.peer
    who = peer if server_hostname in peer else f"{server_hostname} through {peer}"
    try:
        secure = await _handshake(stream, context, server_hostname, who, deadline)
        if pins is not None:
            _check_pins(secure.ssl_object, pins, who)
        return secure
    except BaseException as error:
        stream.close()
        if isinstance(error, Timeout):
            raise deadline.error(ConnectTimeout, SHAKING_HANDS, who) from None
        if isinstance(error, NetworkError) and not isinstance(error, ConnectError):
            raise ConnectError(
                f"{SHAKING_HANDS} {who} failed: {reason(error.__cause__ or error)}"
            ) from error
        raise


async def _handshake(
    stream: NetworkStream, context: ssl.SSLContext, host: str, who: str, deadline: Deadline
) -> TLSStream:
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    # No certificate has the final dot of a name, or the zone of an IPv6 address.
    name = host.partition("%")[0] if ":" in host else host.removesuffix(".")
    sessions = context.sessions if isinstance(context, OwnContext) else None
    server = (name, stream.peer)
    session = None if sessions is None else sessions.take(server)
    try:
        ssl_object = context.wrap_bio(incoming, outgoing, server_hostname=name, session=session)
    except ValueError as error:
        raise SSLError(
            f"{SHAKING_HANDS} {who} failed: no certificate can be for {host!r}"
        ) from error
    first_bytes = b""
    shaken = False
    while not shaken:
        try:
            ssl_object.do_handshake()
            shaken = True
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError as error:
            await _send_alert(stream, outgoing.read(), deadline)
            raise handshake_error(error, who, ssl_object, first_bytes) from error
        if outgoing.pending:
            await stream.write(outgoing.read(), deadline)
        if not shaken:
            received = await stream.read(deadline)
            if not received:
                raise ConnectError(
                    f"{SHAKING_HANDS} {who} failed: the peer closed the connection; "
                    "is this the port for https, and does the server know this host?"
                )
            first_bytes = first_bytes or received
            incoming.write(received)
    _check_protocol(ssl_object, context, who)
    secure = TLSStream(stream, ssl_object, incoming, outgoing)
    if sessions is not None:
        secure.leave_session(sessions, server, session)
    return secure


async def _send_alert(stream: NetworkStream, alert: bytes, deadline: Deadline) -> None:
    """Tell the peer what OpenSSL did not like, for its log."""
    try:
        await stream.write(alert, deadline)
    except (NetworkError, Timeout):
        pass


def _check_protocol(ssl_object: ssl.SSLObject, context: ssl.SSLContext, who: str) -> None:
    # OpenSSL takes the peer's word for it (RFC 7301 §3.2).
    offered = context.alpn if isinstance(context, OwnContext) else _PROTOCOLS
    try:
        chosen = ssl_object.selected_alpn_protocol()
    except UnicodeDecodeError as error:
        chosen = repr(error.object)
    if chosen is not None and chosen not in offered:
        raise SSLError(
            f"{SHAKING_HANDS} {who} failed: the peer chose the protocol {chosen!a}, "
            f"but was offered {', '.join(offered)}"
        )


def _check_pins(ssl_object: ssl.SSLObject, pins: tuple[str, ...], who: str) -> None:
    seen = pins_of(ssl_object.getpeercert(binary_form=True) or b"")
    if set(pins).isdisjoint(seen):
        raise PinMismatch(
            f"{SHAKING_HANDS} {who} failed: its certificate fulfils none of the {len(pins)} pins, "
            f"but {' and '.join(seen)}; if its operator has a new key, tell so in "
            "SSLConfig(pins=...), else somebody is in between"
        )
