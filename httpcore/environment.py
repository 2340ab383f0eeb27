"""What the environment of the process says, and which of it a client goes by.

Whatever is said in code comes over it.  A client reads it once, when it is made.
"""

from __future__ import annotations

import collections.abc
import os
import typing

from .ssl_config import SSLConfig

EnvironmentPart = typing.Literal["proxy", "netrc", "ca"]

TrustEnv = bool | collections.abc.Set[EnvironmentPart]
"""What `trust_env=` takes: all of it, nothing, or a set of its parts."""

PARTS: frozenset[EnvironmentPart] = frozenset(("proxy", "netrc", "ca"))

# The more special one first: OpenSSL's own variables speak to every program.
_CA_VARIABLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR")


def trusted_parts(trust_env: TrustEnv) -> frozenset[EnvironmentPart]:
    """
    The parts of the environment that `trust_env=` stands for.

    `ValueError` for a part that there is not, `TypeError` for what is neither bool nor set.
    """
    if isinstance(trust_env, bool):
        return PARTS if trust_env else frozenset()
    if not isinstance(trust_env, collections.abc.Set):
        raise TypeError(f"trust_env takes a bool or a set of {_parts_text()}, not {trust_env!r}")
    if unknown := trust_env - PARTS:
        raise ValueError(
            f"trust_env takes a bool or a set of {_parts_text()}; it has {min(map(repr, unknown))}"
        )
    return frozenset(trust_env)


def ca_path() -> str | None:
    """
    The CA file or folder that the environment names, `None` where it names none.

    The first of REQUESTS_CA_BUNDLE, CURL_CA_BUNDLE, SSL_CERT_FILE and SSL_CERT_DIR that is not
    empty; of several folders in SSL_CERT_DIR the first.
    """
    for variable in _CA_VARIABLES:
        if path := _path_in(variable):
            return path
    return None


def ca_variable(path: str) -> str | None:
    """The variable that names `path`, for the message of an error about it."""
    return next((name for name in _CA_VARIABLES if _path_in(name) == path), None)


def with_ca(config: SSLConfig, path: str | None) -> SSLConfig:
    """`config`, verified by the CAs at `path` where it does not say itself by which."""
    if path is None or config.verify is not True:
        return config
    return SSLConfig(**{**config.__getstate__(), "verify": path})


def _path_in(variable: str) -> str:
    value = os.environ.get(variable, "")
    return value.partition(os.pathsep)[0] if variable == "SSL_CERT_DIR" else value


def _parts_text() -> str:
    return ", ".join(map(repr, sorted(PARTS)))
