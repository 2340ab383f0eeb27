"""Pins: what they look like, and which ones a certificate fulfils."""

from __future__ import annotations

import base64
import datetime
import hashlib
import pathlib
import ssl
import typing

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from hypothesis import given
from hypothesis import strategies as st

from httpcore.pins import parse_pin, pins_of, public_key_info
from tests.servers.certs import Certs

DIGEST = bytes(range(32))
KEY_PIN = "sha256/AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
SLASHES = "sha256/" + "/" * 42 + "8="  # of 32 bytes of all ones


@pytest.mark.parametrize(
    ("pin", "canonical"),
    [
        (KEY_PIN, KEY_PIN),
        (KEY_PIN.replace("/", "//", 1), KEY_PIN),  # as curl writes it
        (SLASHES, SLASHES),
        (SLASHES.replace("/", "//", 1), SLASHES),
        (DIGEST.hex(), DIGEST.hex()),
        (DIGEST.hex(":").upper(), DIGEST.hex()),
    ],
)
def test_notations(pin: str, canonical: str) -> None:
    """Each has one canonical form, which stands for itself."""
    assert parse_pin(pin) == canonical
    assert parse_pin(canonical) == canonical


@pytest.mark.parametrize(
    "pin",
    [
        *("", "sha256/", KEY_PIN[:-1], KEY_PIN + "=", KEY_PIN[7:], "sha256/!!", "sha256/\u00e9"),
        *("ab" * 31, "ab" * 33, "zz" * 32, "\u00e9" * 64, "sha1/AAECAwQFBgcICQoLDA0ODxAREhM="),
    ],
)
def test_what_is_no_pin(pin: str) -> None:
    """The error says what one looks like, and shows this."""
    with pytest.raises(ValueError, match=r"^a pin is 'sha256/' and the base64") as info:
        parse_pin(pin)
    assert repr(pin) in str(info.value)


def certificate(key: typing.Any, algorithm: typing.Any) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "example.org" * 4)])
    now = datetime.datetime.now(datetime.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + datetime.timedelta(days=1))
    )
    return builder.sign(key, algorithm)


KEYS = {
    "RSA": (rsa.generate_private_key(65537, 2048), hashes.SHA256()),
    "EC": (ec.generate_private_key(ec.SECP384R1()), hashes.SHA384()),
    "Ed25519": (ed25519.Ed25519PrivateKey.generate(), None),
}
CERTIFICATES = {name: certificate(*key) for name, key in KEYS.items()}
DER = {name: cert.public_bytes(serialization.Encoding.DER) for name, cert in CERTIFICATES.items()}


@pytest.mark.parametrize("kind", KEYS)
def test_the_key_of_a_certificate(kind: str) -> None:
    """It is the one that `cryptography` finds, of whatever kind and length."""
    expected = (
        CERTIFICATES[kind]
        .public_key()
        .public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    assert public_key_info(DER[kind]) == expected
    key_pin = "sha256/" + base64.b64encode(hashlib.sha256(expected).digest()).decode()
    assert pins_of(DER[kind]) == (key_pin, hashlib.sha256(DER[kind]).hexdigest())
    assert [parse_pin(pin) for pin in pins_of(DER[kind])] == list(pins_of(DER[kind]))


def test_the_key_of_a_certificate_as_it_comes(certs: Certs) -> None:
    """A certificate out of a PEM file, as Python's `ssl` hands it out."""
    pem = pathlib.Path(certs.server.cert).read_bytes()
    first = pem.partition(b"-----END CERTIFICATE-----")[0] + b"-----END CERTIFICATE-----"
    key = x509.load_pem_x509_certificate(first).public_key()
    der = key.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    assert public_key_info(ssl.PEM_cert_to_DER_cert(first.decode())) == der


def element(tag: int, *content: bytes) -> bytes:
    data = b"".join(content)
    assert len(data) < 128
    return bytes([tag, len(data)]) + data


def test_a_certificate_of_version_1() -> None:
    """It has no version in front."""
    key = element(0x30, b"key")
    parts = [element(0x02, b"1"), *[element(0x30)] * 4, key]
    assert public_key_info(element(0x30, element(0x30, *parts))) == key


def test_what_is_no_certificate() -> None:
    """It fulfils the pin of its bytes alone."""
    assert pins_of(b"junk") == (hashlib.sha256(b"junk").hexdigest(),)


def key_or_none(data: bytes) -> bytes | None:
    try:
        return public_key_info(data)
    except ValueError:
        return None


@given(st.binary(max_size=200))
def test_garbage(data: bytes) -> None:
    """There is a key in it or a ValueError, and nothing else."""
    found = key_or_none(data)
    assert found is None or found in data


@given(st.sampled_from(sorted(DER)), st.data())
def test_a_certificate_cut_short(kind: str, draw: st.DataObject) -> None:
    """No part of one is taken for the whole."""
    cut = draw.draw(st.integers(0, len(DER[kind]) - 1))
    assert key_or_none(DER[kind][:cut]) is None


@given(st.sampled_from(sorted(DER)), st.data(), st.integers(0, 255))
def test_a_certificate_with_a_wrong_byte(kind: str, draw: st.DataObject, byte: int) -> None:
    """What is found lies within the certificate, wherever a length leads."""
    data = bytearray(DER[kind])
    data[draw.draw(st.integers(0, len(data) - 1))] = byte
    found = key_or_none(bytes(data))
    assert found is None or found in bytes(data)


@pytest.mark.parametrize(
    "length", ["80", "85" + "00" * 5, "8400000000ff", "84ffffffff", "81", "ff"], ids=str
)
def test_lengths_that_are_none(length: str) -> None:
    """Indefinite, absurd, and longer than what is there."""
    assert key_or_none(b"\x30" + bytes.fromhex(length)) is None
