"""Certificates of a CA that exists for one test run only, the good ones and the bad ones."""

from __future__ import annotations

import datetime
import functools
import pathlib
import ssl
import typing

import trustme

HOSTS = ("localhost", "127.0.0.1", "::1")


class Cert(typing.NamedTuple):
    """A certificate (with its chain) and its key, as PEM files."""

    cert: str
    key: str

    def server_context(self, alpn: typing.Sequence[str] = ()) -> ssl.SSLContext:
        """A context for a server that shows this certificate."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self.cert, self.key)
        if alpn:
            context.set_alpn_protocols(list(alpn))
        return context


class Certs:
    """
    `ca` is what clients trust: the path of its PEM file.

    `server` is good for localhost, 127.0.0.1 and ::1.  Each of `expired`, `future`, `wrong_host`,
    `self_signed` and `unknown_ca` has exactly one thing wrong with it.  `client` is for a client
    to show; a server asks for it with `mutual_context()`.
    """

    def __init__(self, folder: pathlib.Path) -> None:
        self._folder = folder
        self._ca = trustme.CA()
        self.ca = self._write("ca", self._ca.cert_pem)

    @functools.cached_property
    def server(self) -> Cert:
        return self._save("server", self._ca.issue_cert(*HOSTS))

    @functools.cached_property
    def expired(self) -> Cert:
        now = datetime.datetime.now(datetime.UTC)
        old, end = now - datetime.timedelta(days=30), now - datetime.timedelta(days=1)
        return self._save("expired", self._ca.issue_cert(*HOSTS, not_before=old, not_after=end))

    @functools.cached_property
    def future(self) -> Cert:
        now = datetime.datetime.now(datetime.UTC)
        start, end = now + datetime.timedelta(days=1), now + datetime.timedelta(days=30)
        return self._save("future", self._ca.issue_cert(*HOSTS, not_before=start, not_after=end))

    @functools.cached_property
    def wrong_host(self) -> Cert:
        return self._save("wrong-host", self._ca.issue_cert("elsewhere.example"))

    @functools.cached_property
    def self_signed(self) -> Cert:
        ca = trustme.CA()  # whose own certificate is the one that it signs itself
        return Cert(
            self._write("self-signed", ca.cert_pem),
            self._write("self-signed-key", ca.private_key_pem),
        )

    @functools.cached_property
    def unknown_ca(self) -> Cert:
        return self._save("unknown-ca", trustme.CA().issue_cert(*HOSTS))

    @functools.cached_property
    def client(self) -> Cert:
        return self._save("client", self._ca.issue_cert("client@example.org"))

    def issue(self, *hosts: str) -> Cert:
        """A good certificate for `hosts`: names, wildcards or IP addresses."""
        name = "for-" + "-".join(hosts).replace("*", "any").replace(":", "-")
        return self._save(name, self._ca.issue_cert(*hosts))

    def mutual_context(self, alpn: typing.Sequence[str] = ()) -> ssl.SSLContext:
        """A context for a server that wants a certificate from its clients too."""
        context = self.server.server_context(alpn)
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(self.ca)
        return context

    def client_context(self) -> ssl.SSLContext:
        """A context for a client of the standard library that trusts `ca`."""
        return ssl.create_default_context(cafile=self.ca)

    def _save(self, name: str, leaf: trustme.LeafCert) -> Cert:
        chain = b"".join(blob.bytes() for blob in leaf.cert_chain_pems)
        return Cert(
            self._write(name, trustme.Blob(chain)),
            self._write(f"{name}-key", leaf.private_key_pem),
        )

    def _write(self, name: str, pem: trustme.Blob) -> str:
        path = self._folder / f"{name}.pem"
        pem.write_to_path(path)
        return str(path)
