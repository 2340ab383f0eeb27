"""From an `SSLConfig` to the `ssl.SSLContext` that carries it out.

Loading the CA bundle costs 20-30 ms and a megabyte, so contexts are built when they are first
needed and kept for the process.  A config is a value: equal configs share one context, and
what its files held then counts for as long as it is kept.

`ssl.create_default_context` is not used: it would write the keys of every connection to a file
that the environment names.
"""

from __future__ import annotations

import collections.abc
import contextlib
import os
import re
import ssl
import threading
import typing
import warnings

from ..aliases import Path
from ..environment import ca_variable
from ..exceptions import SSLError
from ..forks import in_each_child
from ..ssl_config import OLDEST_TLS_VERSION, PEM, ClientCertificate, SSLConfig
from .sockets import reason
from .tls_sessions import TLSSessions

# A program that makes certificates all the time must not keep a context for each.
_MAX_CONTEXTS = 64

_OPEN_FILES = "/proc/self/fd"  # those of this process, by number; Linux

_contexts: dict[tuple[SSLConfig, bool], OwnContext] = {}


class _Building:
    """One thread at a time builds contexts."""

    lock = threading.Lock()

    @classmethod
    def after_fork(cls) -> None:
        """In a forked child: nobody builds; tickets, for one use each, are the parent's."""
        cls.lock = threading.Lock()
        for context in _contexts.values():
            context.sessions = TLSSessions()


in_each_child(_Building.after_fork)


class OwnContext(ssl.SSLContext):
    """
    A context of ours, which nobody changes once it is in use.

    * `alpn`: what it offers, which `ssl.SSLContext` does not tell.
    * `sessions`: what its connections may go on with.
    """

    alpn: tuple[str, ...] = ()
    sessions: TLSSessions


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
        with _Building.lock:
            context = cached_ssl_context(config, http2)
            if context is None:
                context = _build(config, ("h2", "http/1.1") if http2 else ("http/1.1",))
                if len(_contexts) >= _MAX_CONTEXTS:
                    del _contexts[next(iter(_contexts))]
                _contexts[config, http2] = context
    return context


def _build(config: SSLConfig, alpn: tuple[str, ...]) -> OwnContext:
    context = OwnContext(ssl.PROTOCOL_TLS_CLIENT)
    context.sessions = TLSSessions()
    context.alpn = alpn
    context.set_alpn_protocols(list(alpn))
    _limit(context, config)
    if config.verify is False:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif config.verify == "system":
        _load_system_authorities(context)
    elif isinstance(config.verify, bytes):
        _load_authorities_in_memory(context, config.verify)
    elif config.verify is True:
        import certifi  # whoever brings CAs of their own does not need it

        _load_authorities(context, certifi.where())
    else:
        _load_authorities(context, typing.cast("Path", config.verify))
    context.hostname_checks_common_name = False  # RFC 9110 §4.3.4
    if config.cert is not None:
        _load_client_certificate(context, config.cert)
    if config.keylog_file:
        _log_keys(context, config.keylog_file)
    return context


def _limit(context: ssl.SSLContext, config: SSLConfig) -> None:
    """Versions and ciphers, as far as `config` names them."""
    least, latest = config.minimum_version or OLDEST_TLS_VERSION, config.maximum_version
    try:
        context.minimum_version = _version(least)
        if latest is not None:
            context.maximum_version = _version(latest)
        if config.ciphers is not None:
            context.set_ciphers(config.ciphers)
    except (OSError, ValueError) as error:
        raise SSLError(
            f"OpenSSL cannot speak {least} to {latest or 'the latest'} with the ciphers "
            f"{config.ciphers!r}; `openssl ciphers` lists what there is"
        ) from error
    if config.pins:
        # A renegotiation could bring another certificate, of which nobody would check the pin.
        context.options |= ssl.OP_NO_RENEGOTIATION


def _version(name: str) -> ssl.TLSVersion:
    return ssl.TLSVersion[name.replace(".", "_")]


# Whom we trust.


def _load_authorities(context: ssl.SSLContext, path: Path) -> None:
    name = os.fspath(path)
    try:
        if not os.path.isdir(name):
            context.load_verify_locations(cafile=name)
            return
        context.load_verify_locations(capath=name)
        usable = _has_certificates(name)
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


def _has_certificates(folder: str) -> bool:
    # OpenSSL opens the files of a folder by the hashes of their subjects, when it needs them.
    return any(re.fullmatch(r"[0-9a-f]{8}\.[0-9]+", entry) for entry in os.listdir(folder))


def _load_authorities_in_memory(context: ssl.SSLContext, pem: bytes) -> None:
    try:
        # What is not ASCII can only be a comment.
        context.load_verify_locations(cadata=pem.decode("ascii", "ignore"))
    except (OSError, ValueError) as error:
        raise SSLError(
            f"cannot load CA certificates from the bytes given as verify: {reason(error)}; "
            "they have to be PEM, with at least one BEGIN CERTIFICATE"
        ) from error


def _load_system_authorities(context: ssl.SSLContext) -> None:
    context.load_default_certs()
    if context.cert_store_stats()["x509_ca"]:
        return
    paths = ssl.get_default_verify_paths()
    file = os.environ.get(paths.openssl_cafile_env, paths.openssl_cafile)
    folders = os.environ.get(paths.openssl_capath_env, paths.openssl_capath)
    for folder in folders.split(os.pathsep):
        if os.path.isdir(folder) and _has_certificates(folder):
            return
    raise SSLError(
        f"the system has no CA certificates where OpenSSL looks for them, in {file!r} and "
        f"{folders!r}; install them (on Debian: ca-certificates), or verify=True for certifi's"
    )


# What we show.


def _load_client_certificate(context: ssl.SSLContext, cert: ClientCertificate) -> None:
    parts = cert if isinstance(cert, tuple) else (cert,)
    certificate, key = parts[0], parts[1] if len(parts) > 1 else parts[0]
    password = parts[2] if len(parts) == 3 else None
    doing = f"cannot use the client certificate {_named(certificate)}"

    def ask_nobody() -> str:
        # Without this OpenSSL would ask on the terminal.
        raise SSLError(
            f"the key {_named(key)} is encrypted; give its password as the third part of cert"
        )

    with contextlib.ExitStack() as files:
        certificate_file, key_file = (
            files.enter_context(_file_of(part))
            if isinstance(part, bytes)
            else _readable(part, doing)
            for part in (certificate, key)
        )
        try:
            context.load_cert_chain(
                certificate_file, key_file, password=ask_nobody if password is None else password
            )
        except SSLError:
            raise
        except (OSError, ValueError) as error:
            if getattr(error, "reason", None) == "KEY_VALUES_MISMATCH":
                raise SSLError(f"{doing}: {_named(key)} is not its key") from error
            wrong = "no usable PEM"
            if password is not None:
                wrong += ", or the password is wrong"
            raise SSLError(f"{doing} with the key {_named(key)}: {wrong}") from error
    # Lets a server ask for the certificate when it has seen what is requested (TLS 1.3).
    context.post_handshake_auth = True


def _named(part: PEM) -> str:
    return "in memory" if isinstance(part, bytes) else repr(os.fspath(part))


def _readable(path: Path, doing: str) -> str:
    name = os.fspath(path)
    try:
        with open(name, "rb"):
            pass
    except (OSError, ValueError) as error:
        raise SSLError(f"{doing}: {name!r}: {reason(error)}") from error
    return name


@contextlib.contextmanager
def _file_of(pem: bytes) -> collections.abc.Iterator[str]:
    """
    The path of a file that holds `pem` for a moment: Python loads keys from nothing else.

    On Linux it is in memory; elsewhere in a folder that nobody else may open.
    """
    if hasattr(os, "memfd_create") and os.path.isdir(_OPEN_FILES):
        with open(os.memfd_create("pem"), "wb") as memory:
            memory.write(pem)
            memory.flush()
            yield f"{_OPEN_FILES}/{memory.fileno()}"
        return
    import tempfile  # costs its time, and few need it

    with tempfile.TemporaryDirectory(prefix="httpcore-") as folder:
        path = os.path.join(folder, "pem")
        with open(path, "wb") as file:
            file.write(pem)
        yield path


def _log_keys(context: ssl.SSLContext, keylog_file: Path | bool) -> None:
    path = os.environ.get("SSLKEYLOGFILE") if keylog_file is True else keylog_file
    if not path:
        return
    try:
        context.keylog_filename = os.fspath(path)
    except (OSError, ValueError) as error:
        warnings.warn(
            f"the keys of TLS sessions are not written to {path!r}: {reason(error)}",
            RuntimeWarning,
            stacklevel=2,
        )
