"""From an `SSLConfig` to the `ssl.SSLContext` that carries it out.

Loading the CA bundle costs 20-30 ms and a megabyte, so contexts are built when they are first
needed and kept for the process.  A config is a value: equal configs share one context, and
what its files held then counts for as long as it is kept.

`ssl.create_default_context` is not used: it would write the keys of every connection to a file
that the environment names.
"""

from __future__ import annotations

import os
import re
import ssl
import threading
import typing

from ..config import Path, SSLConfig
from ..environment import ca_variable
from ..exceptions import SSLError
from .sockets import reason

# A program that makes certificates all the time must not keep a context for each.
_MAX_CONTEXTS = 64

_contexts: dict[tuple[SSLConfig, bool], ssl.SSLContext] = {}
_building = threading.Lock()


class OwnContext(ssl.SSLContext):
    """A context of ours: it knows what it offers by ALPN, which `ssl.SSLContext` does not tell."""

    alpn: tuple[str, ...] = ()


def cached_ssl_context(config: SSLConfig, http2: bool) -> ssl.SSLContext | None:
    """What `ssl_context` would return, if it is there without reading files."""
    if isinstance(config.verify, ssl.SSLContext):
        return config.verify
    return _contexts.get((config, http2))


def ssl_context(config: SSLConfig, http2: bool) -> ssl.SSLContext:
    """
    The context for `config`, which offers HTTP/2 before HTTP/1.1 by ALPN if `http2`.

    Blocks for as long as reading the files takes.  Raises `SSLError` that names the file
    that is missing or unusable.  May be called from any thread.  A context that the user made
    is returned as it is.
    """
    context = cached_ssl_context(config, http2)
    if context is None:
        with _building:
            context = cached_ssl_context(config, http2)
            if context is None:
                context = _build(config, ("h2", "http/1.1") if http2 else ("http/1.1",))
                if len(_contexts) >= _MAX_CONTEXTS:
                    del _contexts[next(iter(_contexts))]
                _contexts[config, http2] = context
    return context


def _build(config: SSLConfig, alpn: tuple[str, ...]) -> OwnContext:
    context = OwnContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.alpn = alpn
    context.set_alpn_protocols(list(alpn))
    if config.verify is False:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif config.verify is True:
        import certifi  # whoever brings CAs of their own does not need it

        _load_authorities(context, certifi.where())
    else:
        _load_authorities(context, typing.cast("Path", config.verify))
    context.hostname_checks_common_name = False  # RFC 9110 §4.3.4
    if config.cert is not None:
        _load_client_certificate(context, config.cert)
    return context


def _load_authorities(context: ssl.SSLContext, path: Path) -> None:
    name = os.fspath(path)
    try:
        if not os.path.isdir(name):
            context.load_verify_locations(cafile=name)
            return
        context.load_verify_locations(capath=name)
        # OpenSSL opens the files of a folder by the hashes of their subjects, when it needs them.
        usable = any(re.fullmatch(r"[0-9a-f]{8}\.[0-9]+", entry) for entry in os.listdir(name))
    except (OSError, ValueError) as error:
        variable = ca_variable(name)
        named = repr(name) if variable is None else f"{name!r}, which {variable} names"
        raise SSLError(
            f"cannot load CA certificates from {named}: {reason(error)}; verify takes a PEM file, "
            "a folder prepared by `openssl rehash`, or True for certifi's certificates"
        ) from error
    if not usable:
        raise SSLError(
            f"the CA folder {name!r} has no certificate under the hash of its name; "
            f"run `openssl rehash {name}`"
        )


def _load_client_certificate(
    context: ssl.SSLContext, cert: Path | tuple[Path, Path] | tuple[Path, Path, str]
) -> None:
    parts = cert if isinstance(cert, tuple) else (cert, cert)
    certificate, key = os.fspath(parts[0]), os.fspath(parts[1])
    password = parts[2] if len(parts) == 3 else None

    def ask_nobody() -> str:
        # Without this OpenSSL would ask on the terminal.
        raise SSLError(f"the key {key!r} is encrypted; give its password as the third part of cert")

    doing = f"cannot use the client certificate {certificate!r}"
    for name in dict.fromkeys((certificate, key)):
        try:
            with open(name, "rb"):
                pass
        except (OSError, ValueError) as error:
            raise SSLError(f"{doing}: {name!r}: {reason(error)}") from error
    try:
        context.load_cert_chain(
            certificate, key, password=ask_nobody if password is None else password
        )
    except SSLError:
        raise
    except (OSError, ValueError) as error:
        if getattr(error, "reason", None) == "KEY_VALUES_MISMATCH":
            raise SSLError(f"{doing}: {key!r} is not its key") from error
        wrong = "no usable PEM" if password is None else "no usable PEM, or the password is wrong"
        raise SSLError(f"{doing} with the key {key!r}: {wrong}") from error
    # Lets a server ask for the certificate when it has seen what is requested (TLS 1.3).
    context.post_handshake_auth = True
