"""Errors of TLS in words."""

from __future__ import annotations

import ssl

import pytest

from httpcore.backends.tls_errors import handshake_error, session_error
from httpcore.exceptions import (
    CertificateDateError,
    CertificateError,
    HostnameMismatch,
    SSLError,
    UnknownIssuer,
    WriteError,
)

HELLO = b"\x16\x03\x03"


def ssl_object() -> ssl.SSLObject:
    """A session in which nothing has happened."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    return context.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_hostname="example.org")


class Showing:
    """A session whose peer showed a certificate that was not accepted."""

    def __init__(self, **certificate: object) -> None:
        self._sslobj = self
        self.certificate = certificate

    def get_unverified_chain(self) -> list[Showing]:
        return [self]

    def get_info(self) -> dict[str, object]:
        return self.certificate


def refused(code: int, session: object = None) -> SSLError:
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_code = code
    error.verify_message = "something of OpenSSL's"
    return handshake_error(error, "example.org:443", session or ssl_object(), HELLO)  # type: ignore[arg-type]


def tls_error(reason: str | None) -> ssl.SSLError:
    error = ssl.SSLError(1, "[SSL] some text (_ssl.c:1)")
    error.reason = reason  # type: ignore[assignment]
    return error


def test_a_certificate_that_is_for_others():
    """The names that it is for are listed, but not hundreds, and escaped."""
    names = [("DNS", f"{name}.example") for name in ("a", "b\x1b", "c", "d", "e", "f", "g")]
    assert str(refused(62, Showing(subjectAltName=names))) == (
        "TLS handshake with example.org:443 failed: its certificate is for another host, namely "
        r"for a.example, b\x1b.example, c.example, d.example, e.example and 2 more; "
        "is the host in the URL right? SSLConfig(server_hostname=...) expects another one"
    )


def test_certificates_out_of_date():
    """When it ended or begins is told."""
    expired = refused(10, Showing(notAfter="Jan  1 00:00:00 2000 GMT"))
    assert "has expired on Jan  1 00:00:00 2000 GMT; its operator" in str(expired)
    early = refused(9, Showing(notBefore="Jan  1 00:00:00 3000 GMT"))
    assert "is not valid yet, but from Jan  1 00:00:00 3000 GMT on; is the clock" in str(early)


@pytest.mark.parametrize(
    ("code", "kind", "words"),
    [
        (2, UnknownIssuer, "issued by a CA that is not known; the server may leave out"),
        (9, CertificateDateError, "is not valid yet; "),
        (10, CertificateDateError, "has expired; "),
        (18, UnknownIssuer, "is self-signed; to trust it all the same"),
        (19, UnknownIssuer, "issued by a CA that is not trusted (its root is self-signed); to"),
        (20, UnknownIssuer, "issued by a CA that is not known; the server may leave out"),
        (21, UnknownIssuer, "issued by a CA that is not known; the server may leave out"),
        (23, CertificateError, "was revoked; "),
        (26, CertificateError, "is not one for servers; "),
        (66, CertificateError, "has a key that is too short to be safe; SSLConfig(ciphers="),
        (62, HostnameMismatch, "is for another host; "),
        (64, HostnameMismatch, "is not for this IP address; "),
        (79, CertificateError, "its certificate was not accepted: something of OpenSSL's"),
    ],
)
def test_a_certificate_of_which_nothing_is_known(code, kind, words):
    """Each reason has its class; where Python shows no certificate, the message is shorter."""
    error = refused(code)
    assert type(error) is kind
    assert words in str(error)


def test_what_does_not_speak_tls():
    """The first bytes are quoted, escaped, and not all of them."""
    error = handshake_error(
        tls_error("WRONG_VERSION_NUMBER"), "h:443", ssl_object(), b"\x1bSSH-2.0" + b"x" * 100
    )
    assert r"what answers there does not speak TLS: b'\x1bSSH-2.0xxx" in str(error)
    assert "is this the port for https?" in str(error)
    assert len(str(error)) < 200


@pytest.mark.parametrize("first", [b"", b"\x15\x03\x01", HELLO])
def test_what_speaks_tls(first):
    """An alert, a handshake or nothing at all may be TLS: OpenSSL's reason is told."""
    error = handshake_error(tls_error("LENGTH_MISMATCH"), "h:443", ssl_object(), first)
    assert type(error) is SSLError
    assert str(error) == "TLS handshake with h:443 failed: length mismatch"


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("TLSV13_ALERT_CERTIFICATE_REQUIRED", "it wants a client certificate; SSLConfig(cert=...)"),
        ("TLSV1_ALERT_PROTOCOL_VERSION", "it speaks no version of TLS that we do; "),
        ("SSLV3_ALERT_HANDSHAKE_FAILURE", "it refused the handshake; "),
        ("NO_PROTOCOLS_AVAILABLE", "there is no version of TLS that we may speak; SSLConfig has"),
        ("DECRYPTION_FAILED_OR_BAD_RECORD_MAC", "decryption failed or bad record mac"),
        (None, "[SSL] some text (_ssl.c:1)"),
    ],
)
def test_a_session_that_broke(reason, words):
    """The class is the caller's choice, the words are ours where OpenSSL's are known."""
    error = session_error(SSLError, tls_error(reason), "read from", "h:443")
    assert type(error) is SSLError
    assert f"read from h:443 failed: {words}" in str(error)


def test_a_renegotiation():
    """OpenSSL's "want read" in a write has a reason that can be told."""
    error = session_error(WriteError, ssl.SSLWantReadError(2, "x"), "write to", "h:443")
    assert type(error) is WriteError
    assert str(error) == (
        "write to h:443 failed: the peer wants to renegotiate before it has the request"
    )
