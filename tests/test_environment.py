"""What the environment says counts where nothing is said in code, and where it is trusted."""

from __future__ import annotations

import os
import pathlib
import typing

import pytest

import httpcore
from httpcore import MockDispatch, Response, SSLConfig
from httpcore.environment import ca_path, ca_variable, trusted_parts, with_ca
from httpcore.ssl_config import ssl_config
from tests.conftest import MakeClient
from tests.servers.certs import Certs
from tests.servers.raw import RawServer, response
from tests.servers.uvicorn_server import UvicornServer
from tests.ways import pool_of

SetVariables = typing.Callable[..., None]


@pytest.fixture
def variables(monkeypatch: pytest.MonkeyPatch) -> SetVariables:
    """Sets environment variables for one test."""

    def set_variables(**values: str) -> None:
        for name, value in values.items():
            monkeypatch.setenv(name, value)

    return set_variables


# Which parts.


@pytest.mark.parametrize(
    ("given", "parts"),
    [
        (True, {"proxy", "netrc", "ca"}),
        (False, set()),
        (set(), set()),
        ({"ca"}, {"ca"}),
        (frozenset({"proxy", "netrc"}), {"proxy", "netrc"}),
    ],
)
def test_parts(make_client: MakeClient, given: typing.Any, parts: set[str]) -> None:
    """All, none, or some of them; a client tells which."""
    assert trusted_parts(given) == parts
    assert make_client(trust_env=given).trust_env == parts


@pytest.mark.parametrize("given", ["proxy", None, ["proxy"], 1])
def test_no_parts(given: typing.Any) -> None:
    """A string is no set, though it has letters."""
    with pytest.raises(TypeError, match=r"a bool or a set of 'ca', 'netrc', 'proxy', not"):
        httpcore.Client(trust_env=given)


def test_unknown_part() -> None:
    """A part that there is not is named."""
    with pytest.raises(ValueError, match="it has 'cookies'"):
        httpcore.Client(trust_env={"ca", "cookies"})  # type: ignore[arg-type]


# CA certificates.


@pytest.mark.parametrize(
    ("values", "path", "variable"),
    [
        ({}, None, None),
        ({"SSL_CERT_FILE": "a"}, "a", "SSL_CERT_FILE"),
        ({"SSL_CERT_DIR": "a"}, "a", "SSL_CERT_DIR"),
        ({"SSL_CERT_DIR": os.pathsep.join("ab")}, "a", "SSL_CERT_DIR"),
        ({"SSL_CERT_FILE": "a", "SSL_CERT_DIR": "b"}, "a", "SSL_CERT_FILE"),
        ({"SSL_CERT_FILE": "a", "CURL_CA_BUNDLE": "b"}, "b", "CURL_CA_BUNDLE"),
        ({"CURL_CA_BUNDLE": "a", "REQUESTS_CA_BUNDLE": "b"}, "b", "REQUESTS_CA_BUNDLE"),
        ({"CURL_CA_BUNDLE": "", "SSL_CERT_FILE": "a"}, "a", "SSL_CERT_FILE"),
        ({"CURL_CA_BUNDLE": "", "SSL_CERT_FILE": "", "SSL_CERT_DIR": ""}, None, None),
    ],
)
def test_ca_variables(
    variables: SetVariables, values: dict[str, str], path: str | None, variable: str | None
) -> None:
    """The more special variable counts; an empty one is as good as none."""
    variables(**values)
    assert ca_path() == path
    assert ca_variable(path or "other") == variable


@pytest.mark.parametrize(
    ("config", "verify"),
    [
        (SSLConfig(), "env.pem"),
        (SSLConfig("client.pem"), "env.pem"),
        (SSLConfig(verify=False), False),
        (SSLConfig(verify="mine.pem"), "mine.pem"),
    ],
)
def test_ca_of_a_config(config: SSLConfig, verify: object) -> None:
    """Only what verifies by default takes the environment's CAs, and keeps all else."""
    changed = with_ca(config, "env.pem")
    assert (changed.cert, changed.verify) == (config.cert, verify)
    assert with_ca(config, None) is config


@pytest.mark.parametrize(
    ("trust_env", "of_client", "of_call", "used"),
    [
        (True, None, None, "env"),
        (True, True, None, "env"),
        (True, "client", None, "client"),
        (True, False, None, False),
        (True, None, True, "env"),
        (True, "client", True, "env"),
        (True, None, "call", "call"),
        (True, None, False, False),
        (True, "client", "call", "call"),
        ({"ca"}, None, None, "env"),
        ({"netrc", "proxy"}, None, None, True),
        (False, None, None, True),
        (False, "client", None, "client"),
        (False, "client", True, True),
    ],
)
async def test_precedence_of_cas(
    make_client: MakeClient,
    variables: SetVariables,
    trust_env: typing.Any,
    of_client: typing.Any,
    of_call: typing.Any,
    used: object,
) -> None:
    """The call, then the client, then the environment, then certifi."""
    variables(SSL_CERT_FILE="env")
    options = {} if of_client is None else {"ssl": of_client}
    client = make_client(trust_env=trust_env, **options)
    given = pool_of(client)._ssl

    class Noting(MockDispatch):
        async def send(self, request, stream=False, ssl=None, timeout=None):
            nonlocal given
            given = given if ssl is None else ssl_config(ssl)
            return await super().send(request, stream, ssl, timeout)

    client.dispatch = Noting(lambda request: Response(200))
    await client.get("https://example.org", ssl=of_call)
    assert given.verify == used


async def test_ca_bundle_at_work(
    make_client: MakeClient, variables: SetVariables, app_tls_server: UvicornServer, certs: Certs
) -> None:
    """The CA that the environment names verifies a server; clients made before know nothing."""
    late = make_client()
    variables(REQUESTS_CA_BUNDLE=str(certs.ca))
    assert (await make_client().get(app_tls_server.url)).status_code == 200
    with pytest.raises(httpcore.SSLError, match="certificate"):
        await late.get(app_tls_server.url)
    with pytest.raises(httpcore.SSLError, match="certificate"):
        await make_client(trust_env=False).get(app_tls_server.url)


@pytest.mark.parametrize("empty", [False, True], ids=["missing", "empty"])
async def test_dg1_unusable_ca(
    make_client: MakeClient,
    variables: SetVariables,
    tmp_path: pathlib.Path,
    app_tls_server: UvicornServer,
    empty: bool,
) -> None:
    """A file that has no CAs is named, with its variable, by requests that need it; http works."""
    path = tmp_path / "cas.pem"
    if empty:
        path.touch()
    variables(SSL_CERT_FILE=str(path))
    client = make_client()
    with pytest.raises(httpcore.SSLError, match=r"cas\.pem', which SSL_CERT_FILE names: "):
        await client.get(app_tls_server.url)
    with RawServer.replies([response(b"plain")]) as server:
        assert (await client.get(server.url)).content == b"plain"


async def test_dg1_empty_variable(
    make_client: MakeClient, variables: SetVariables, app_tls_server: UvicornServer
) -> None:
    """An empty variable does not switch verification off."""
    variables(CURL_CA_BUNDLE="", REQUESTS_CA_BUNDLE="", SSL_CERT_FILE="", SSL_CERT_DIR="")
    with pytest.raises(httpcore.SSLError, match="certificate"):
        await make_client().get(app_tls_server.url)


@pytest.mark.parametrize("kind", ["file", "empty", "unwritable"])
async def test_pr3_key_log_is_not_asked_for(
    make_client: MakeClient,
    variables: SetVariables,
    tmp_path: pathlib.Path,
    app_tls_server: UvicornServer,
    certs: Certs,
    kind: str,
) -> None:
    """SSLKEYLOGFILE alone writes no keys, and does no harm."""
    path = tmp_path / "keys"
    named = {"file": path, "empty": "", "unwritable": tmp_path / "none" / "keys"}[kind]
    variables(SSLKEYLOGFILE=str(named), SSL_CERT_FILE=str(certs.ca))
    assert (await make_client().get(app_tls_server.url)).status_code == 200
    assert not path.exists()
