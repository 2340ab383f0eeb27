"""What went wrong in TLS, and what to do about it, in words.

OpenSSL's own texts name neither the host nor a remedy (`[SSL] record layer failure`).
"""

from __future__ import annotations

import collections.abc
import ssl
import typing

from ..exceptions import (
    CertificateDateError,
    CertificateError,
    HostnameMismatch,
    NetworkError,
    SSLError,
    UnknownIssuer,
)
from .sockets import reason

SHAKING_HANDS = "TLS handshake with"  # what was being done; the peer follows

_OWN_CA = (
    "to trust it all the same, give its certificate or CA: ssl='ca.pem', or "
    "ssl='system' if this machine has it"
)
_OTHER_NAME = "is the host in the URL right? SSLConfig(server_hostname=...) expects another one"
_INCOMPLETE = "the server may leave out intermediate certificates"
_CLIENT_CERT = "does it want a client certificate? SSLConfig(cert=...)"
_OLD_VERSION = (
    "SSLConfig has minimum_version and maximum_version; TLS 1.1 and older are broken, and need "
    "ciphers='DEFAULT@SECLEVEL=0' too"
)
_WEAK = "SSLConfig(ciphers='DEFAULT@SECLEVEL=1') allows it"
_UNKNOWN = (
    UnknownIssuer,
    "was issued by a CA that is not known",
    f"{_INCOMPLETE}; {_OWN_CA}",
)
_NOT_TRUSTED = "was issued by a CA that is not trusted (its root is self-signed)"

# The codes of X509_verify_cert: what is wrong with the certificate, and what to do.
_VERIFY: dict[int, tuple[type[CertificateError], str, str]] = {
    2: _UNKNOWN,
    9: (CertificateDateError, "is not valid yet", "is the clock of this machine right?"),
    10: (
        CertificateDateError,
        "has expired",
        "its operator has to renew it, or the clock of this machine is wrong",
    ),
    18: (UnknownIssuer, "is self-signed", _OWN_CA),
    19: (UnknownIssuer, _NOT_TRUSTED, _OWN_CA),
    20: _UNKNOWN,
    21: _UNKNOWN,
    23: (CertificateError, "was revoked", "do not trust this server"),
    26: (CertificateError, "is not one for servers", "its operator has to get one that is"),
    62: (HostnameMismatch, "is for another host", _OTHER_NAME),
    64: (
        HostnameMismatch,
        "is not for this IP address",
        "use the name that the certificate is for",
    ),
    66: (CertificateError, "has a key that is too short to be safe", _WEAK),
    67: (CertificateError, "was issued by a CA whose key is too short to be safe", _WEAK),
    68: (CertificateError, "was issued with a hash that is broken", _WEAK),
}
_HAS_EXPIRED, _NOT_YET_VALID = 10, 9

# By OpenSSL's reason, without TLSV1_, SSLV3_ and the like in front.
_REASONS = {
    "UNSUPPORTED_PROTOCOL": ("it speaks no version of TLS that we do", _OLD_VERSION),
    "ALERT_PROTOCOL_VERSION": ("it speaks no version of TLS that we do", _OLD_VERSION),
    "ALERT_HANDSHAKE_FAILURE": (
        "it refused the handshake",
        "there may be no cipher in common, or it does not know this host name; " + _CLIENT_CERT,
    ),
    "ALERT_CERTIFICATE_REQUIRED": ("it wants a client certificate", "SSLConfig(cert=...)"),
    "ALERT_BAD_CERTIFICATE": ("it refused our client certificate", _CLIENT_CERT),
    "ALERT_CERTIFICATE_EXPIRED": ("our client certificate has expired", "renew it"),
    "ALERT_CERTIFICATE_UNKNOWN": ("it refused our client certificate", _CLIENT_CERT),
    "ALERT_UNKNOWN_CA": (
        "it does not know the CA of our client certificate",
        "the PEM file has to hold the intermediate certificates too",
    ),
    "ALERT_ACCESS_DENIED": ("it denied us access", _CLIENT_CERT),
    "ALERT_NO_APPLICATION_PROTOCOL": (
        "it speaks no protocol that we offer by ALPN",
        "a server for HTTP/2 alone needs http2=True",
    ),
    "UNRECOGNIZED_NAME": ("it does not know this host name", "is the host in the URL right?"),
    "UNSAFE_LEGACY_RENEGOTIATION_DISABLED": (
        "it is too old for secure renegotiation (RFC 5746)",
        "an ssl.SSLContext of your own with OP_LEGACY_SERVER_CONNECT can allow it",
    ),
    "DH_KEY_TOO_SMALL": ("its keys are too short to be safe", _WEAK),
    "NO_PROTOCOLS_AVAILABLE": ("there is no version of TLS that we may speak", _OLD_VERSION),
    "NO_CIPHERS_AVAILABLE": ("there is no cipher that we may use", "SSLConfig(ciphers=...)"),
}
_PREFIXES = ("TLSV13_", "TLSV1_", "SSLV3_")

E = typing.TypeVar("E", bound=NetworkError)


def handshake_error(
    error: ssl.SSLError, host: str, ssl_object: ssl.SSLObject, first_bytes: bytes
) -> SSLError:
    """
    The `SSLError` for a handshake with `host` that TLS itself refused; raise it `from error`.

    It is a `CertificateError` where the peer's certificate is what was not accepted.
    `first_bytes` are the first that the peer sent.
    """
    kind: type[SSLError] = SSLError
    if isinstance(error, ssl.SSLCertVerificationError):
        kind, problem, hint = _certificate_problem(error, ssl_object)
    elif first_bytes[:1] not in (b"", b"\x15", b"\x16"):  # neither an alert nor a handshake
        problem = f"what answers there does not speak TLS: {first_bytes[:40]!r}"
        hint = "is this the port for https?"
    else:
        problem, hint = _problem(error)
    return kind(f"{SHAKING_HANDS} {host} failed: {problem}" + (f"; {hint}" if hint else ""))


def session_error(kind: type[E], error: ssl.SSLError, doing: str, peer: str) -> E:
    """The error of class `kind` for a session that TLS gave up later; raise it `from error`."""
    problem, hint = _problem(error)
    return kind(f"{doing} {peer} failed: {problem}" + (f"; {hint}" if hint else ""))


def _problem(error: ssl.SSLError) -> tuple[str, str]:
    if isinstance(error, ssl.SSLWantReadError):
        return "the peer wants to renegotiate before it has the request", ""
    name = getattr(error, "reason", None) or ""
    for prefix in _PREFIXES:
        name = name.removeprefix(prefix)
    return _REASONS.get(name) or (reason(error), "")


def _certificate_problem(
    error: ssl.SSLCertVerificationError, ssl_object: ssl.SSLObject
) -> tuple[type[CertificateError], str, str]:
    code = error.verify_code
    known = _VERIFY.get(code)
    if known is None:
        told = f"its certificate was not accepted: {error.verify_message}"
        return CertificateError, told, ""
    kind, problem, hint = known
    shown = _unverified_certificate(ssl_object)
    names = [value for _, value in shown.get("subjectAltName", ())]
    if kind is HostnameMismatch and names:
        problem += f", namely for {_listed(names)}"
    elif code == _HAS_EXPIRED and "notAfter" in shown:
        problem += f" on {shown['notAfter']}"
    elif code == _NOT_YET_VALID and "notBefore" in shown:
        problem += f", but from {shown['notBefore']} on"
    return kind, f"its certificate {problem}", hint


def _unverified_certificate(ssl_object: ssl.SSLObject) -> dict[str, typing.Any]:
    # The public API shows a certificate only once it has been verified.  This is for a
    # message: where the private one is not there, or is another, the message is shorter.
    try:
        chain = ssl_object._sslobj.get_unverified_chain()  # type: ignore[attr-defined]
        return typing.cast("dict[str, typing.Any]", chain[0].get_info())
    except Exception:
        return {}


def _listed(names: collections.abc.Sequence[str]) -> str:
    # They are the peer's words: escaped, and not too many.
    shown = ", ".join(ascii(name[:100])[1:-1] for name in names[:5])
    return shown if len(names) <= 5 else f"{shown} and {len(names) - 5} more"
