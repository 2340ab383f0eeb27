"""The three config objects: immutable, comparable, hashable values.

None of them reads a file, opens a socket or touches TLS when it is made.
"""

from __future__ import annotations

import collections.abc
import enum
import math
import os
import re
import sys
import typing

from .pins import parse_pin

if typing.TYPE_CHECKING:
    import ssl as ssl_module  # costs as much to import as all the rest of a client


class Unset(enum.Enum):
    """The type of `UNSET`: "not given", where `None` has a meaning of its own."""

    UNSET = "UNSET"

    def __repr__(self) -> str:
        return "UNSET"


UNSET = Unset.UNSET

Seconds = float | None


class Value:
    """A value object over `__slots__`: equality, hash and refusal to change."""

    __slots__: tuple[str, ...] = ()

    def _fields(self) -> tuple[typing.Any, ...]:
        return tuple(getattr(self, name) for name in self.__slots__)

    def _set(self, **fields: typing.Any) -> None:
        for name, value in fields.items():
            object.__setattr__(self, name, value)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{type(self).__name__} is immutable; make a new one")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"{type(self).__name__} is immutable; make a new one")

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return self._fields() == other._fields()

    def __hash__(self) -> int:
        return hash((type(self), self._fields()))

    def __getstate__(self) -> dict[str, typing.Any]:
        return dict(zip(self.__slots__, self._fields(), strict=True))

    def __setstate__(self, state: dict[str, typing.Any]) -> None:
        self._set(**state)


class TimeoutConfig(Value):
    """
    Time limits in seconds.

    `TimeoutConfig(5.0)` sets connect, read and write; or give each by name.
    `None` means no limit.  What is not given is inherited: a call's config
    from the client's, the client's from the default of 5 s for connect, read and
    write and no total limit.  `TimeoutConfig(None)` sets all four to `None`.

    * `connect_timeout`: DNS, TCP, proxies and TLS together.
    * `read_timeout`: the longest silence while bytes are expected.
    * `write_timeout`: the longest time in which the peer takes no byte.
    * `total_timeout`: the whole exchange, from the call to the last byte of the
      body: pool wait, DNS, redirects, auth rounds and resends included.

    Raises `ValueError` for zero, negative numbers and NaN, `TypeError` for what is no
    number.  `math.inf` is the same as `None`.
    """

    __slots__ = ("connect_timeout", "read_timeout", "write_timeout", "total_timeout")

    connect_timeout: Seconds | Unset
    read_timeout: Seconds | Unset
    write_timeout: Seconds | Unset
    total_timeout: Seconds | Unset

    def __init__(
        self,
        timeout: Seconds | TimeoutConfig | Unset = UNSET,
        *,
        connect_timeout: Seconds | Unset = UNSET,
        read_timeout: Seconds | Unset = UNSET,
        write_timeout: Seconds | Unset = UNSET,
        total_timeout: Seconds | Unset = UNSET,
    ) -> None:
        given = {
            "connect_timeout": connect_timeout,
            "read_timeout": read_timeout,
            "write_timeout": write_timeout,
            "total_timeout": total_timeout,
        }
        if isinstance(timeout, TimeoutConfig):
            base = timeout.__getstate__()
        else:
            value = _seconds("timeout", timeout)
            base = dict.fromkeys(given, value)
            if value is not None:
                base["total_timeout"] = UNSET
        self._set(
            **{
                name: base[name] if limit is UNSET else _seconds(name, limit)
                for name, limit in given.items()
            }
        )

    def over(self, base: TimeoutConfig) -> TimeoutConfig:
        """This config with every field that is not given taken from `base`."""
        if (
            self.connect_timeout is not UNSET
            and self.read_timeout is not UNSET
            and self.write_timeout is not UNSET
            and self.total_timeout is not UNSET
        ):
            return self
        return TimeoutConfig(
            **{
                name: getattr(base, name) if value is UNSET else value
                for name, value in self.__getstate__().items()
            }
        )

    def __repr__(self) -> str:
        given = [
            f"{name}={value!r}" for name, value in self.__getstate__().items() if value is not UNSET
        ]
        return f"TimeoutConfig({', '.join(given)})"


def _seconds(name: str, value: object) -> Seconds | Unset:
    if value is None or isinstance(value, Unset):
        return value
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        hint = " or a TimeoutConfig with a limit for each" if name == "timeout" else ""
        raise TypeError(f"{name} takes seconds or None{hint}, not {value!r}")
    if not value > 0:
        raise ValueError(
            f"{name} has to be more than zero seconds, not {value!r}; None means no limit"
        )
    return None if math.isinf(value) else float(value)


class PoolLimits(Value):
    """
    How many connections a pool keeps and opens.

    * `soft_limit`: idle connections kept open; zero keeps none, `None` all.
    * `hard_limit`: connections open at once, idle ones included; `None` means no limit.
    * `origin_limit`: connections open at once to one origin; `None` means no limit.
    * `pool_timeout`: seconds a request waits for a connection; `None` means no
      limit.  Not given, a request waits as long as connections keep being
      given back, and at most `read_timeout` seconds with none given back.
    * `keepalive_expiry`: seconds an idle connection is kept; `None` means no limit.
      A shorter `Keep-Alive: timeout=` of the server counts instead.
    """

    __slots__ = ("soft_limit", "hard_limit", "origin_limit", "pool_timeout", "keepalive_expiry")

    soft_limit: int | None
    hard_limit: int | None
    origin_limit: int | None
    pool_timeout: Seconds | Unset
    keepalive_expiry: Seconds

    def __init__(
        self,
        soft_limit: int | None = 10,
        hard_limit: int | None = 100,
        *,
        origin_limit: int | None = None,
        pool_timeout: Seconds | Unset = UNSET,
        keepalive_expiry: Seconds = 15.0,
    ) -> None:
        self._set(
            soft_limit=_count("soft_limit", soft_limit, least=0),
            hard_limit=_count("hard_limit", hard_limit, least=1),
            origin_limit=_count("origin_limit", origin_limit, least=1),
            pool_timeout=_seconds("pool_timeout", pool_timeout),
            keepalive_expiry=_seconds("keepalive_expiry", keepalive_expiry),
        )

    def __repr__(self) -> str:
        wait = "" if self.pool_timeout is UNSET else f"pool_timeout={self.pool_timeout!r}, "
        return (
            f"PoolLimits(soft_limit={self.soft_limit!r}, hard_limit={self.hard_limit!r}, "
            f"origin_limit={self.origin_limit!r}, {wait}"
            f"keepalive_expiry={self.keepalive_expiry!r})"
        )


def _count(name: str, value: object, *, least: int) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name} takes a whole number or None, not {value!r}")
    if value < least:
        raise ValueError(f"{name} has to be at least {least}, not {value!r}; None means no limit")
    return value


Path = str | os.PathLike[str]
PEM = Path | bytes
"""PEM: the path of a file, or, as `bytes`, what would be in one."""
ClientCertificate = PEM | tuple[PEM, PEM] | tuple[PEM, PEM, str]

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


def checked_limits(limits: object) -> PoolLimits:
    """`limits`, if it is a `PoolLimits`; else `TypeError`."""
    if not isinstance(limits, PoolLimits):
        raise TypeError(f"pool_limits takes a PoolLimits, not {limits!r}")
    return limits


def _check_verify(verify: object) -> None:
    _check_is_no_pem("verify", verify)
    if _is_ssl_context(verify):
        if typing.cast("ssl_module.SSLContext", verify).protocol.name == "PROTOCOL_TLS_SERVER":
            raise ValueError("verify takes an SSLContext for clients, not one for servers")
    elif not isinstance(verify, (bool, str, os.PathLike, bytes)):
        raise TypeError(
            "ssl, and verify of an SSLConfig, takes a bool, 'system', the path of a CA file or "
            f"folder, PEM as bytes, or an SSLContext, not {verify!r}; a certificate of your own is "
            "SSLConfig(cert=...)"
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


def ssl_config(ssl: SSLTypes) -> SSLConfig:
    """The `SSLConfig` that `ssl=` stands for: itself, or one with `ssl` as its `verify`."""
    return ssl if isinstance(ssl, SSLConfig) else SSLConfig(verify=ssl)


DEFAULT_SSL = SSLConfig()
DEFAULT_TIMEOUT = TimeoutConfig(5.0, total_timeout=None)
DEFAULT_POOL_LIMITS = PoolLimits()
