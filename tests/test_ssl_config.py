"""What an `SSLConfig` takes; what makes no sense is refused before it can do harm."""

from __future__ import annotations

import pathlib
import ssl
import sys
import typing

import pytest

from httpcore import SSLConfig
from httpcore.ssl_config import ssl_config


@pytest.mark.parametrize("verify", [True, False, "ca.pem", pathlib.Path("cas")])
def test_what_verify_takes(verify: bool | str | pathlib.Path) -> None:
    """`ssl=` is short for an `SSLConfig` with that as its `verify`."""
    assert ssl_config(verify) == SSLConfig(verify=verify)


def test_a_context_verifies() -> None:
    """An `SSLContext` may stand for all settings, and for equality it is itself alone."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    config = ssl_config(context)
    assert config.verify is context
    assert ssl_config(config) is config
    assert config == SSLConfig(verify=context)
    assert config != SSLConfig(verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))


def test_no_context_without_the_module(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where `ssl` was never imported nothing can be a context, and `ssl` stays unloaded."""
    monkeypatch.delitem(sys.modules, "ssl")
    with pytest.raises(TypeError, match="or an SSLContext; what it was given has the type int"):
        SSLConfig(verify=typing.cast("bool", 0))
    assert "ssl" not in sys.modules


@pytest.mark.parametrize(
    "options",
    [
        {"cert": "client.pem"},
        {"minimum_version": "TLSv1.2"},
        {"maximum_version": "TLSv1.3"},
        {"ciphers": "DEFAULT"},
        {"keylog_file": True},
    ],
)
def test_a_context_has_its_own_settings(options: dict[str, typing.Any]) -> None:
    """What would have to change a context is refused beside it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    name = next(iter(options))
    with pytest.raises(TypeError, match=f"^set {name} in the SSLContext, which is not changed"):
        SSLConfig(verify=context, **options)


def test_what_a_context_takes_beside_it() -> None:
    """What is no matter of the context."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    config = SSLConfig(verify=context, server_hostname="example.org", pins="ab" * 32)
    assert config.verify is context


def test_a_context_for_servers() -> None:
    """One that could only accept connections is refused at once."""
    with pytest.raises(ValueError, match="an SSLContext for clients"):
        SSLConfig(verify=ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))


@pytest.mark.parametrize(
    "cert",
    [1, (), ("a", "b", "c", "d"), ("a", 1), ["a", "b"], (None,), bytearray(b"a"), (b"a", 1)],
)
def test_what_cert_does_not_take(cert: typing.Any) -> None:
    """Anything but paths, PEM and a password is refused."""
    with pytest.raises(TypeError, match=r"cert takes a PEM path, \(cert, key\)"):
        SSLConfig(cert)


def test_a_password_is_text() -> None:
    """As it is for the rest of Python's `ssl` when it comes from a person."""
    with pytest.raises(TypeError, match="the password of cert is a str"):
        SSLConfig(typing.cast("typing.Any", ("client.pem", "client.key", b"secret")))


@pytest.mark.parametrize(
    "options",
    [
        {"cert": "-----BEGIN CERTIFICATE-----\n"},
        {"cert": ("client.pem", "-----BEGIN PRIVATE KEY-----\n")},
        {"verify": "-----BEGIN CERTIFICATE-----\n"},
    ],
)
def test_pem_is_bytes(options: dict[str, typing.Any]) -> None:
    """A `str` is a path; the mistake is told at once, without showing a key."""
    name = next(iter(options))
    with pytest.raises(TypeError, match=f"^{name} takes PEM as bytes; a str is the path of a file"):
        SSLConfig(**options)


@pytest.mark.parametrize(
    ("cert", "shown"),
    [
        (("client.pem", "client.key", "secret"), "('client.pem', 'client.key', '[secret]')"),
        ((b"secret", "client.key", "secret"), "(b'[secret]', 'client.key', '[secret]')"),
        (("client.pem", b"secret"), "('client.pem', b'[secret]')"),
        (b"secret", "b'[secret]'"),
    ],
)
def test_secrets_are_not_shown(cert: typing.Any, shown: str) -> None:
    """`repr()` has everything but passwords and what may hold a key."""
    assert repr(SSLConfig(cert)) == f"SSLConfig(cert={shown}, verify=True)"


@pytest.mark.parametrize(
    ("version", "same"),
    [
        ("TLSv1.2", "TLSv1.2"),
        ("TLSv1_3", "TLSv1.3"),
        (ssl.TLSVersion.TLSv1_3, "TLSv1.3"),
        (ssl.TLSVersion.TLSv1_2, "TLSv1.2"),
        (None, None),
    ],
)
def test_versions(version: typing.Any, same: str | None) -> None:
    """Python's names and OpenSSL's are one thing."""
    assert SSLConfig(minimum_version=version).minimum_version == same
    assert SSLConfig(maximum_version=version) == SSLConfig(maximum_version=same)


@pytest.mark.parametrize("version", ["1.2", "TLSv1.4", 1.2, ssl.TLSVersion.MAXIMUM_SUPPORTED, ""])
def test_versions_that_there_are_not(version: typing.Any) -> None:
    """The error lists those that there are."""
    with pytest.raises(ValueError, match=r"^minimum_version is one of TLSv1, .*TLSv1\.3, not"):
        SSLConfig(minimum_version=version)


def test_versions_of_which_none_is_left() -> None:
    """The latest must not be older than the oldest, which is TLS 1.2 where nothing is said."""
    with pytest.raises(ValueError, match=r"'TLSv1\.2' is below minimum_version, 'TLSv1\.3'"):
        SSLConfig(minimum_version="TLSv1.3", maximum_version="TLSv1.2")
    with pytest.raises(ValueError, match=r"'TLSv1\.1' is below minimum_version, 'TLSv1\.2'"):
        SSLConfig(maximum_version="TLSv1.1")
    assert SSLConfig(minimum_version="TLSv1", maximum_version="TLSv1").maximum_version == "TLSv1"


def test_pins() -> None:
    """One or several, in any order and notation."""
    config = SSLConfig(pins=["cd" * 32, "AB:" * 31 + "AB", "ab" * 32])
    assert config.pins == ("ab" * 32, "cd" * 32)
    assert SSLConfig(pins="ab" * 32).pins == ("ab" * 32,)
    with pytest.raises(ValueError, match="a pin is 'sha256/'"):
        SSLConfig(pins="abc")
    with pytest.raises(TypeError, match="a pin is a str, not bytes"):
        SSLConfig(pins=typing.cast("typing.Any", [b"ab" * 32]))
    with pytest.raises(TypeError, match="ciphers takes a str or None, not 5"):
        SSLConfig(ciphers=typing.cast("typing.Any", 5))
    with pytest.raises(ValueError, match="pins is empty"):
        SSLConfig(pins=[])


@pytest.mark.parametrize(
    "name",
    ["example.org.", "_a.X-1.org", "xn--bcher-kva.example", "192.0.2.1", "::1", "::FFFF:1.2.3.4"],
)
def test_server_hostnames(name: str) -> None:
    """Names and addresses."""
    assert SSLConfig(server_hostname=name).server_hostname == name


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"server_hostname": ""}, ValueError),
        ({"server_hostname": "b\u00fccher.example"}, ValueError),
        ({"server_hostname": "a\0b"}, ValueError),
        ({"server_hostname": "a b"}, ValueError),
        ({"server_hostname": "a:443"}, ValueError),
        ({"server_hostname": "[::1]"}, ValueError),
        ({"server_hostname": b"example.org"}, TypeError),
        ({"keylog_file": 1}, TypeError),
        ({"keylog_file": None}, TypeError),
    ],
)
def test_what_else_an_ssl_config_does_not_take(
    options: dict[str, typing.Any], error: type[Exception]
) -> None:
    """The error names the argument."""
    with pytest.raises(error, match=next(iter(options))):
        SSLConfig(**options)
