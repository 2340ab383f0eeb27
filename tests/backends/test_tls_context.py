"""From an SSLConfig to an SSLContext."""

from __future__ import annotations

import os
import pathlib
import ssl
import subprocess
import sys
import tempfile
import threading

import pytest
import trustme
from cryptography.hazmat.primitives import serialization

from httpcore.backends import tls_context
from httpcore.backends.tls_context import cached_ssl_context, ssl_context
from httpcore.exceptions import SSLError
from httpcore.ssl_config import SSLConfig


@pytest.fixture(autouse=True)
def no_contexts(monkeypatch):
    """Each test begins with no context built."""
    monkeypatch.setattr(tls_context, "_contexts", {})


class Files:
    """Two client certificates, and the first one's key encrypted with the password "secret"."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder
        ca = trustme.CA()
        mine, other = ca.issue_cert("me@example.org"), ca.issue_cert("other@example.org")
        self.cert = self.write("cert.pem", mine.cert_chain_pems[0].bytes())
        self.key = self.write("cert.key", mine.private_key_pem.bytes())
        self.both = self.write("both.pem", mine.private_key_and_cert_chain_pem.bytes())
        self.other_cert = self.write("other.pem", other.cert_chain_pems[0].bytes())
        self.other_key = self.write("other.key", other.private_key_pem.bytes())
        key = serialization.load_pem_private_key(mine.private_key_pem.bytes(), password=None)
        encrypted = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"secret"),
        )
        self.encrypted_key = self.write("encrypted.key", encrypted)

    def write(self, name: str, data: bytes) -> str:
        path = self.folder / name
        path.write_bytes(data)
        return str(path)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Certificates and keys."""
    return Files(tmp_path_factory.mktemp("client-certs"))


# Verification.


def test_verified_by_default():
    """certifi's CAs, host names checked, TLS 1.2 at least, and a name in the subject is none."""
    context = ssl_context(SSLConfig(), http2=False)
    assert context.verify_mode == ssl.CERT_REQUIRED
    assert context.check_hostname
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2
    assert not context.hostname_checks_common_name
    assert len(context.get_ca_certs()) > 50


def test_no_verification():
    """`verify=False` accepts everything."""
    context = ssl_context(SSLConfig(verify=False), http2=False)
    assert context.verify_mode == ssl.CERT_NONE
    assert not context.check_hostname


def test_a_ca_file(certs):
    """A CA file is trusted and nothing else; a path object is as good as a string."""
    context = ssl_context(SSLConfig(verify=pathlib.Path(certs.ca)), http2=False)
    assert context.verify_mode == ssl.CERT_REQUIRED
    assert context.check_hostname
    assert len(context.get_ca_certs()) == 1


def test_a_ca_folder(certs, tmp_path):
    """A folder has its certificates under the hashes of their names."""
    (tmp_path / "0123abcd.0").write_bytes(pathlib.Path(certs.ca).read_bytes())
    context = ssl_context(SSLConfig(verify=str(tmp_path)), http2=False)
    assert context.verify_mode == ssl.CERT_REQUIRED
    assert context.check_hostname


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("missing.pem", "no such file or directory"),
        ("empty.pem", "no certificate or crl found"),
        ("junk.pem", "no certificate or crl found"),
        ("nul\0.pem", "embedded null byte"),
        ("folder", "has no certificate under the hash of its name; run `openssl rehash"),
    ],
)
def test_dg1_an_unusable_ca_file(name, reason, tmp_path):
    """The error names it and why; nothing is trusted in its place."""
    (tmp_path / "empty.pem").write_bytes(b"")
    (tmp_path / "junk.pem").write_bytes(b"junk\n")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "README").write_bytes(b"no certificate")
    config = SSLConfig(verify=str(tmp_path / name))
    for _ in range(2):
        with pytest.raises(SSLError) as info:
            ssl_context(config, http2=False)
        assert repr(str(tmp_path / name)) in str(info.value)
        assert reason in str(info.value)
    assert cached_ssl_context(config, http2=False) is None


def test_dg1_an_empty_path():
    """An empty path is a file that is missing, not a default."""
    with pytest.raises(SSLError, match=r"CA certificates from ''"):
        ssl_context(SSLConfig(verify=""), http2=False)


def test_cas_in_memory(certs):
    """PEM as bytes, with comments in any encoding."""
    pem = "# Autorit\u00e9\n".encode() + pathlib.Path(certs.ca).read_bytes()
    context = ssl_context(SSLConfig(verify=pem), http2=False)
    assert context.verify_mode == ssl.CERT_REQUIRED
    assert context.check_hostname
    assert len(context.get_ca_certs()) == 1


@pytest.mark.parametrize("pem", [b"", b"junk", b"-----BEGIN CERTIFICATE-----\nAAAA\n"])
def test_dg1_unusable_cas_in_memory(pem):
    """The error says what they have to be."""
    with pytest.raises(SSLError, match=r"from the bytes given as verify: .*; they have to be PEM"):
        ssl_context(SSLConfig(verify=pem), http2=False)


SYSTEM = SSLConfig(verify="system")


def test_the_cas_of_the_system(monkeypatch, certs):
    """Where OpenSSL looks for them, and where its variables say."""
    monkeypatch.setenv("SSL_CERT_FILE", certs.ca)
    context = ssl_context(SYSTEM, http2=False)
    assert context.verify_mode == ssl.CERT_REQUIRED
    assert context.check_hostname
    assert len(context.get_ca_certs()) == 1


def test_the_cas_of_the_system_in_a_folder(monkeypatch, certs, tmp_path):
    """OpenSSL reads a folder when it needs it: there need be nothing in memory before."""
    (tmp_path / "0123abcd.0").write_bytes(pathlib.Path(certs.ca).read_bytes())
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "missing"))
    monkeypatch.setenv("SSL_CERT_DIR", f"{tmp_path / 'missing'}:{tmp_path}")
    assert ssl_context(SYSTEM, http2=False).verify_mode == ssl.CERT_REQUIRED


def test_dg1_a_system_without_cas(monkeypatch, tmp_path):
    """The error says where they were looked for, and what to do; nothing is trusted instead."""
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "missing"))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    with pytest.raises(SSLError, match=r"install them .* or verify=True for certifi's") as info:
        ssl_context(SYSTEM, http2=False)
    assert repr(str(tmp_path / "missing")) in str(info.value)
    assert repr(str(tmp_path)) in str(info.value)


# ALPN.


@pytest.mark.parametrize(("http2", "offered"), [(True, ("h2", "http/1.1")), (False, ("http/1.1",))])
def test_what_is_offered(http2, offered):
    """HTTP/2 is offered only where it is wanted, and first."""
    context = ssl_context(SSLConfig(verify=False), http2)
    assert isinstance(context, tls_context.OwnContext)
    assert context.alpn == offered


# The cache.


def test_equal_configs_share_a_context():
    """Built once for each value; HTTP/2 or not makes two."""
    config = SSLConfig(verify=False)
    assert cached_ssl_context(config, http2=False) is None
    context = ssl_context(config, http2=False)
    assert cached_ssl_context(SSLConfig(verify=False), http2=False) is context
    assert ssl_context(SSLConfig(verify=False), http2=False) is context
    assert ssl_context(config, http2=True) is not context
    assert ssl_context(SSLConfig(), http2=False) is not context


def test_built_once_by_many_threads(monkeypatch):
    """Who comes while it is being built waits for it."""
    built = []
    looks = threading.Semaphore(0)
    build, look = tls_context._build, tls_context.cached_ssl_context

    def counted(config: SSLConfig, http2: bool) -> ssl.SSLContext | None:
        found = look(config, http2)
        looks.release()
        return found

    def slow(config: SSLConfig, alpn: tuple[str, ...]) -> tls_context.OwnContext:
        built.append(config)
        for _ in range(5):  # the four threads have looked, this one twice
            assert looks.acquire(timeout=10)
        return build(config, alpn)

    monkeypatch.setattr(tls_context, "cached_ssl_context", counted)
    monkeypatch.setattr(tls_context, "_build", slow)
    config = SSLConfig(verify=False)
    threads = [threading.Thread(target=ssl_context, args=(config, False)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert built == [config]


def test_the_cache_is_bounded(monkeypatch):
    """Of too many contexts the oldest goes."""
    monkeypatch.setattr(tls_context, "_MAX_CONTEXTS", 2)
    first, second = SSLConfig(verify=False), SSLConfig()
    ssl_context(first, http2=False)
    ssl_context(second, http2=False)
    ssl_context(first, http2=True)
    assert cached_ssl_context(first, http2=False) is None
    assert cached_ssl_context(second, http2=False) is not None
    assert cached_ssl_context(first, http2=True) is not None


def test_a_context_of_the_user():
    """It is taken as it is, and not changed."""
    own = ssl.create_default_context()
    before = (own.options, own.verify_flags, own.minimum_version)
    config = SSLConfig(verify=own)
    assert cached_ssl_context(config, http2=True) is own
    assert ssl_context(config, http2=True) is own
    assert (own.options, own.verify_flags, own.minimum_version) == before


# Versions, ciphers.


def test_versions():
    """The ones that are asked for, at both ends."""
    context = ssl_context(
        SSLConfig(verify=False, minimum_version="TLSv1.3", maximum_version="TLSv1.3"), http2=False
    )
    assert context.minimum_version == context.maximum_version == ssl.TLSVersion.TLSv1_3
    context = ssl_context(SSLConfig(verify=False, maximum_version="TLSv1.2"), http2=False)
    assert context.minimum_version == context.maximum_version == ssl.TLSVersion.TLSv1_2


def test_ciphers():
    """In OpenSSL's words; what it does not have is an SSLError that says so."""
    name = "ECDHE-RSA-AES256-GCM-SHA384"
    context = ssl_context(SSLConfig(verify=False, ciphers=name), http2=False)
    assert [c["name"] for c in context.get_ciphers() if c["protocol"] == "TLSv1.2"] == [name]
    with pytest.raises(SSLError, match=r"TLSv1.2 to the latest with the ciphers 'ROT13'; `op"):
        ssl_context(SSLConfig(ciphers="ROT13"), http2=False)


def test_no_renegotiation_where_there_are_pins():
    """It could bring another certificate."""
    pinned = ssl_context(SSLConfig(verify=False, pins="ab" * 32), http2=False)
    assert pinned.options & ssl.OP_NO_RENEGOTIATION
    assert not ssl_context(SSLConfig(verify=False), http2=False).options & ssl.OP_NO_RENEGOTIATION


# Keys for Wireshark.


@pytest.mark.parametrize("keylog_file", [False, True, "path"])
def test_pr3_keys_are_written_only_where_that_is_asked_for(monkeypatch, tmp_path, keylog_file):
    """SSLKEYLOGFILE of the environment is followed with `keylog_file=True` alone."""
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "environment"))
    if keylog_file == "path":
        keylog_file = tmp_path / "path"
    context = ssl_context(SSLConfig(verify=False, keylog_file=keylog_file), http2=False)
    written = {False: [], True: ["environment"]}.get(keylog_file, ["path"])
    assert [path.name for path in tmp_path.iterdir()] == written
    assert (context.keylog_filename is not None) == bool(written)


@pytest.mark.parametrize("value", [None, ""])
def test_pr3_no_key_log_in_the_environment(monkeypatch, value):
    """Nothing is written where SSLKEYLOGFILE is not set, or empty."""
    if value is not None:
        monkeypatch.setenv("SSLKEYLOGFILE", value)
    context = ssl_context(SSLConfig(verify=False, keylog_file=True), http2=False)
    assert context.keylog_filename is None


@pytest.mark.parametrize("name", ["", "missing/keys", "a\0b"])
def test_pr3_a_key_log_that_cannot_be_written(tmp_path, name):
    """A warning that names it; connections work all the same."""
    config = SSLConfig(verify=False, keylog_file=tmp_path / name)
    with pytest.warns(RuntimeWarning, match=r"^the keys of TLS sessions are not written to .*: "):
        context = ssl_context(config, http2=False)
    assert context.verify_mode == ssl.CERT_NONE


# Client certificates.


def test_client_certificates_that_work(files):
    """In one file, in two, and with a password; a server may ask for them late."""
    for cert in (
        files.both,
        pathlib.Path(files.both),
        (files.cert, files.key),
        (files.cert, files.encrypted_key, "secret"),
    ):
        assert ssl_context(SSLConfig(cert, verify=False), http2=False).post_handshake_auth
    assert not ssl_context(SSLConfig(verify=False), http2=False).post_handshake_auth


@pytest.fixture(params=["memory", "no memfd", "no /proc"])
def holding(request, monkeypatch, tmp_path):
    """The ways in which PEM becomes a file for a moment; the folder where it may show."""
    if request.param == "no memfd":
        monkeypatch.delattr(os, "memfd_create", raising=False)
    elif request.param == "no /proc":
        monkeypatch.setattr(tls_context, "_OPEN_FILES", "/nowhere")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_client_certificates_in_memory(files, holding):
    """As bytes, whole or in part; nothing of them stays on the disk."""
    both, key, encrypted = (
        pathlib.Path(path).read_bytes() for path in (files.both, files.key, files.encrypted_key)
    )
    for cert in (both, (both, key), (files.cert, key), (both, encrypted, "secret")):
        assert ssl_context(SSLConfig(cert, verify=False), http2=False).post_handshake_auth
    assert list(holding.iterdir()) == []


def test_tl9_what_is_wrong_in_memory(files, holding):
    """The errors are those of files; neither a path that is gone nor a key is shown."""
    key = pathlib.Path(files.key).read_bytes()
    encrypted = pathlib.Path(files.encrypted_key).read_bytes()
    for cert, message in (
        (b"junk", "the client certificate in memory with the key in memory: no usable PEM$"),
        ((files.cert, encrypted), "the key in memory is encrypted; give its password as"),
        ((files.cert, encrypted, "wrong"), "with the key in memory: .*the password is wrong"),
        ((files.other_cert, key), "in memory is not its key"),
    ):
        with pytest.raises(SSLError, match=message):
            ssl_context(SSLConfig(cert, verify=False), http2=False)
    assert list(holding.iterdir()) == []


@pytest.mark.parametrize("password", ["wrong", "", "x" * 2000])
def test_tl9_a_wrong_password(files, password):
    """The error names both files and suspects the password."""
    config = SSLConfig((files.cert, files.encrypted_key, password), verify=False)
    with pytest.raises(SSLError, match=r"the password is wrong") as info:
        ssl_context(config, http2=False)
    assert files.cert in str(info.value)
    assert files.encrypted_key in str(info.value)
    assert "secret" not in str(info.value)


def test_tl9_no_password(files):
    """Nobody is asked on the terminal: the error says where the password goes."""
    words = (
        f"the key {files.encrypted_key!r} is encrypted; give its password as the third part of cert"
    )
    with pytest.raises(SSLError) as info:
        ssl_context(SSLConfig((files.cert, files.encrypted_key), verify=False), http2=False)
    assert str(info.value) == words
    script = (
        "import sys\n"
        "from httpcore.backends.tls_context import ssl_context\n"
        "from httpcore.ssl_config import SSLConfig\n"
        "try:\n"
        "    ssl_context(SSLConfig((sys.argv[1], sys.argv[2]), verify=False), False)\n"
        "except Exception as error:\n"
        "    print(type(error).__name__, error)\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script, files.cert, files.encrypted_key],
        input=b"secret\n",
        capture_output=True,
        check=True,
        timeout=20,
        cwd=pathlib.Path(__file__).parents[2],
    )
    assert ended.stderr == b""
    assert ended.stdout.decode() == f"SSLError {words}\n"


def test_tl9_the_key_of_another_certificate(files):
    """The error says which is not whose."""
    with pytest.raises(SSLError) as info:
        ssl_context(SSLConfig((files.cert, files.other_key), verify=False), http2=False)
    assert str(info.value) == (
        f"cannot use the client certificate {files.cert!r}: {files.other_key!r} is not its key"
    )
    assert isinstance(info.value.__cause__, ssl.SSLError)


def test_tl9_no_file(files, tmp_path):
    """The one that is missing is named, certificate or key."""
    missing = str(tmp_path / "missing")
    for cert in (missing, (missing, files.key), (files.cert, missing)):
        with pytest.raises(SSLError, match=r"no such file") as info:
            ssl_context(SSLConfig(cert, verify=False), http2=False)
        assert repr(missing) in str(info.value)


def test_tl9_no_key_in_the_file(files):
    """A certificate alone is no client certificate."""
    with pytest.raises(SSLError, match=r"with the key .*: no usable PEM$"):
        ssl_context(SSLConfig(files.cert, verify=False), http2=False)


def test_a_path_that_is_none():
    """What no file system takes is an SSLError too."""
    with pytest.raises(SSLError, match=r"embedded null byte"):
        ssl_context(SSLConfig("a\0b", verify=False), http2=False)
