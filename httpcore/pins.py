"""Pins: the SHA-256 hashes that a server's certificate, or the public key in it, may have.

Two notations, each the usual one for what it is the hash of:

* `sha256/` and base64: the public key, as a SubjectPublicKeyInfo (RFC 7469 §2.4; so do curl and
  OkHttp write it).  It survives a renewed certificate.
* 64 hexadecimal digits, with or without colons: the whole certificate, as browsers and
  `openssl x509 -fingerprint -sha256` show it.

To get at the key takes a few steps through the certificate's DER (X.690), not a parser of X.509:
whoever can show a certificate that TLS has accepted cannot hide another key behind a wrong step.
"""

from __future__ import annotations

import binascii

_KEY = "sha256/"
_SEQUENCE = 0x30
_VERSION = 0xA0  # [0], explicit
# Those in a TBSCertificate between its version and the key: serial number, signature, issuer,
# validity, subject (RFC 5280 §4.1).
_ELEMENTS_BEFORE_KEY = 5


def parse_pin(pin: str) -> str:
    """`pin` in the one way in which `pins_of` writes it; `ValueError` for what is none."""
    if not isinstance(pin, str):
        raise TypeError(f"a pin is a str, not {type(pin).__name__}")
    try:
        if pin.startswith(_KEY):
            encoded = pin.removeprefix(_KEY)
            if len(encoded) == 45:  # curl writes a second slash; the hash may begin with one, too
                encoded = encoded.removeprefix("/")
            digest = binascii.a2b_base64(encoded, strict_mode=True)
        else:
            digest = binascii.a2b_hex(pin.replace(":", ""))
    except ValueError:
        digest = b""
    if len(digest) != 32:
        raise ValueError(
            f"a pin is 'sha256/' and the base64 of a public key's SHA-256, or the 64 hexadecimal "
            f"digits of a certificate's, not {pin!r}"
        )
    return _key_pin(digest) if pin.startswith(_KEY) else digest.hex()


def pins_of(certificate: bytes) -> tuple[str, ...]:
    """The pins that a certificate (DER) fulfils: its key's, if that can be found, and its own."""
    from hashlib import sha256  # costs its time, and few have pins

    own = sha256(certificate).hexdigest()
    try:
        return _key_pin(sha256(public_key_info(certificate)).digest()), own
    except ValueError:
        return (own,)


def _key_pin(digest: bytes) -> str:
    return _KEY + binascii.b2a_base64(digest, newline=False).decode("ascii")


def public_key_info(certificate: bytes) -> bytes:
    """The SubjectPublicKeyInfo of a certificate, both DER; `ValueError` where there is none."""
    at, end = _sequence(certificate, 0, len(certificate))  # Certificate
    at, end = _sequence(certificate, at, end)  # TBSCertificate
    if certificate[at : at + 1] == bytes([_VERSION]):
        _, at = _content(certificate, at, end)
    for _ in range(_ELEMENTS_BEFORE_KEY):
        _, at = _content(certificate, at, end)
    _, after = _sequence(certificate, at, end)
    return certificate[at:after]


def _sequence(data: bytes, at: int, end: int) -> tuple[int, int]:
    if data[at : at + 1] != bytes([_SEQUENCE]):
        raise ValueError(f"no SEQUENCE at byte {at}")
    return _content(data, at, end)


def _content(data: bytes, at: int, end: int) -> tuple[int, int]:
    """Where the content of the element at `at` starts and ends, which is before `end`."""
    start = at + 2
    if start > end:
        raise ValueError(f"no element at byte {at}")
    length = data[at + 1]
    if length & 0x80:  # the number of bytes that give it
        size = length & 0x7F
        start += size
        if not 1 <= size <= 4 or start > end:
            raise ValueError(f"no length at byte {at + 1}")
        length = int.from_bytes(data[at + 2 : start], "big")
    if start + length > end:
        raise ValueError(f"the element at byte {at} is cut short")
    return start, start + length
