"""The config object for TLS: how servers are verified, and what we show them.

It reads no file and makes no context: that is done where the first connection needs it.
"""

from __future__ import annotations

import collections.abc
import os
import re
import sys
import typing

from .aliases import Path
from .pins import parse_pin
from .value import Value

if typing.TYPE_CHECKING:
    import ssl as ssl_module  # costs as much to import as all the rest of a client

PEM = Path | bytes
"""PEM: the path of a file, or, as `bytes`, what would be in one."""

ClientCertificate = PEM | tuple[PEM, PEM] | tuple[PEM, PEM, str]
"""What `cert=` of an `SSLConfig` takes: certificate and key in one, or both, or with a password."""

_HOST = re.compile(r"[\w.-]+|[0-9a-f]*:[0-9a-f]*:[0-9a-f:.]*", re.ASCII | re.IGNORECASE)
_TLS_VERSIONS = ("TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3")
OLDEST_TLS_VERSION = "TLSv1.2"


class SSLConfig(Value):
    """
    How servers are verified over TLS, and what we show them.

    * `cert`: our own certificate: the path of a PEM file that holds certificate and key, or
      `(cert, key)`, or `(cert, key, password)`; each of the first two may also be the PEM itself,
      as `bytes`.  `None` for none.
    * `verify`: `True` verifies with certifi's certificates; `"system"` with those of the operating
      system (or of `SSL_CERT_FILE` and `SSL_CERT_DIR`); `False` does not verify at all; the
      path of a CA file or folder, or PEM as `bytes`, verifies with that; an `ssl.SSLContext` is
      used as it is and never changed, so it has to offer `h2` by ALPN itself where HTTP/2 is
      wanted, takes only `server_hostname` and `pins` beside it, and resumes no sessions.
    * `server_hostname`: what is asked for by SNI, and has to be in the certificate, in the place
      of the URL's host.
    * `pins`: the server's certificate has to fulfil one of these, too: `"sha256/..."` with the
      base64 of its public key's SHA-256, or the hexadecimal SHA-256 of the certificate.  A `str` or
      several; `None` for none.  With `verify=False` the pins alone decide.
    * `minimum_version`, `maximum_version`: of TLS, `"TLSv1.2"`, `"TLSv1.3"` or an
      `ssl.TLSVersion`; `None` for TLS 1.2 at least, and the latest that there is.
    * `ciphers`: for TLS 1.2 and older, in OpenSSL's words; `None` for Python's choice.
    * `keylog_file`: append the keys of each session to this file, so that Wireshark can decrypt it;
      `True`: to the file that `SSLKEYLOGFILE` names, if it is set.  If that cannot be done there
      is a `RuntimeWarning`.

    Files are read when the first connection needs them, and kept; what is wrong with them is an
    `SSLError` then.  Sessions are resumed among connections of equal configs to one server.

    Raises `TypeError` and `ValueError` for what cannot be meant.
    """

    __slots__ = (
        "cert",
        "verify",
        "server_hostname",
        "pins",
        "minimum_version",
        "maximum_version",
        "ciphers",
        "keylog_file",
    )

    cert: ClientCertificate | None
    verify: bool | PEM | ssl_module.SSLContext
    server_hostname: str | None
    pins: tuple[str, ...] | None
    minimum_version: str | None
    maximum_version: str | None
    ciphers: str | None
    keylog_file: Path | bool

    def __init__(
        self,
        cert: ClientCertificate | None = None,
        verify: bool | PEM | ssl_module.SSLContext = True,
        *,
        server_hostname: str | None = None,
        pins: str | collections.abc.Iterable[str] | None = None,
        minimum_version: str | ssl_module.TLSVersion | None = None,
        maximum_version: str | ssl_module.TLSVersion | None = None,
        ciphers: str | None = None,
        keylog_file: Path | bool = False,
    ) -> None:
        _check_cert(cert)
        _check_verify(verify)
        if not isinstance(keylog_file, (bool, str, os.PathLike)):
            raise TypeError(f"keylog_file takes a path or a bool, not {keylog_file!r}")
        if not isinstance(ciphers, (str, type(None))):
            raise TypeError(f"ciphers takes a str or None, not {ciphers!r}")
        self._set(
            cert=cert,
            verify=verify,
            server_hostname=_server_hostname(server_hostname),
            pins=_pins(pins),
            minimum_version=_tls_version("minimum_version", minimum_version),
            maximum_version=_tls_version("maximum_version", maximum_version),
            ciphers=ciphers,
            keylog_file=keylog_file,
        )
        least = self.minimum_version or OLDEST_TLS_VERSION
        if self.maximum_version is not None and self.maximum_version < least:
            raise ValueError(
                f"maximum_version {self.maximum_version!r} is below minimum_version, {least!r}"
            )
        if _is_ssl_context(verify):
            self._check_context()

    def _check_context(self) -> None:
        for name in ("cert", "minimum_version", "maximum_version", "ciphers", "keylog_file"):
            if getattr(self, name):
                raise TypeError(
                    f"set {name} in the SSLContext, which is not changed, instead of giving it "
                    "beside it"
                )

    def __repr__(self) -> str:
        others = "".join(
            f", {name}={getattr(self, name)!r}"
            for name in self.__slots__[2:]
            if getattr(self, name) not in (None, False)
        )
        return f"SSLConfig(cert={_without_secrets(self.cert)!r}, verify={self.verify!r}{others})"


def _without_secrets(cert: ClientCertificate | None) -> object:
    if not isinstance(cert, tuple):
        return b"[secret]" if isinstance(cert, bytes) else cert
    shown = [b"[secret]" if isinstance(part, bytes) else part for part in cert]
    return (*shown[:2], *("[secret]" for _ in shown[2:]))


def _check_cert(cert: object) -> None:
    if cert is None:
        return
    parts = cert if isinstance(cert, tuple) else (cert,)
    if len(parts) not in (1, 2, 3) or not all(
        isinstance(part, (str, os.PathLike, bytes)) for part in parts
    ):
        raise TypeError(
            "cert takes a PEM path, (cert, key) or (cert, key, password), or PEM as bytes in the "
            "place of a path"
        )
    if len(parts) == 3 and not isinstance(parts[2], str):
        raise TypeError("the password of cert is a str")
    for part in parts[:2]:
        _check_is_no_pem("cert", part)


def _check_verify(verify: object) -> None:
    _check_is_no_pem("verify", verify)
    if _is_ssl_context(verify):
        if typing.cast("ssl_module.SSLContext", verify).protocol.name == "PROTOCOL_TLS_SERVER":
            raise ValueError("verify takes an SSLContext for clients, not one for servers")
    elif not isinstance(verify, (bool, str, os.PathLike, bytes)):
        raise TypeError(
            "ssl, and verify of an SSLConfig, takes a bool, 'system', the path of a CA file or "
            "folder, PEM as bytes, or an SSLContext; what it was given has the type "
            f"{type(verify).__name__}.  A certificate of your own is SSLConfig(cert=...)"
        )


def _check_is_no_pem(name: str, path: object) -> None:
    if isinstance(path, str) and "-----BEGIN" in path:
        raise TypeError(f"{name} takes PEM as bytes; a str is the path of a file")


def _server_hostname(name: object) -> str | None:
    if name is None:
        return None
    if not isinstance(name, str):
        raise TypeError(f"server_hostname takes a str, not {name!r}")
    if not _HOST.fullmatch(name):
        raise ValueError(
            "server_hostname takes a name as it stands in certificates (xn--...) or an IP address, "
            f"without a port, not {name!r}"
        )
    return name


def _pins(pins: str | collections.abc.Iterable[str] | None) -> tuple[str, ...] | None:
    if pins is None:
        return None
    parsed = {parse_pin(pin) for pin in ((pins,) if isinstance(pins, str) else pins)}
    if not parsed:
        raise ValueError("pins is empty, so that no server would do; None means no pins")
    return tuple(sorted(parsed))


def _tls_version(name: str, version: object) -> str | None:
    if version is None:
        return None
    text = str(getattr(version, "name", version)).replace("_", ".")  # of ssl.TLSVersion
    if text not in _TLS_VERSIONS:
        raise ValueError(f"{name} is one of {', '.join(_TLS_VERSIONS)}, not {version!r}")
    return text


def _is_ssl_context(value: object) -> bool:
    # Whoever has a context has imported the module.
    module = sys.modules.get("ssl")
    return module is not None and isinstance(value, module.SSLContext)


SSLTypes: typing.TypeAlias = "SSLConfig | ssl_module.SSLContext | bool | PEM"
"""What `ssl=` takes."""


def ssl_config(ssl: SSLTypes) -> SSLConfig:
    """The `SSLConfig` that `ssl=` stands for: itself, or one with `ssl` as its `verify`."""
    return ssl if isinstance(ssl, SSLConfig) else SSLConfig(verify=ssl)


DEFAULT_SSL = SSLConfig()
