"""
An HTTP client for Python, sync and async.

Everything that is importable from here is public; everything else is private.
"""

from __future__ import annotations

import typing

from .__version__ import __version__
from .api import delete, get, head, options, patch, post, put, query, request
from .backends.base import ConcurrencyBackend
from .backends.sync import SyncBackend
from .client.async_client import AsyncClient, TrioClient
from .client.client import Client
from .config import PoolLimits, TimeoutConfig
from .connect_config import ConnectConfig
from .content.encoding import JSONCodec
from .dispatch.base import Dispatcher
from .dispatch.connection import HTTPConnection
from .dispatch.mock import MockDispatch
from .dispatch.pool import ConnectionPool
from .driver import SuspendedInSyncCode
from .exceptions import (
    CertificateDateError,
    CertificateError,
    ConnectError,
    ConnectTimeout,
    CookieConflict,
    DecodingError,
    HostnameMismatch,
    HTTPError,
    HttpError,
    InvalidHeader,
    InvalidURL,
    JSONDecodeError,
    LocalProtocolError,
    NetworkError,
    PinMismatch,
    PoolTimeout,
    ProtocolError,
    ProxyError,
    ReadError,
    ReadTimeout,
    RedirectBodyUnavailable,
    RedirectError,
    RedirectLoop,
    RemoteProtocolError,
    RequestException,
    ResponseClosed,
    ResponseNotRead,
    ResponseTooLarge,
    SSLError,
    StreamConsumed,
    StreamException,
    Timeout,
    TooManyRedirects,
    TotalTimeout,
    UnknownIssuer,
    WriteError,
    WriteTimeout,
)
from .models.connection_info import ConnectionInfo
from .models.cookie import Cookie
from .models.cookies import Cookies
from .models.headers import SECRET_HEADERS, Headers
from .models.proxy import Proxy
from .models.query_params import QueryParams
from .models.request import Request
from .models.response import AsyncResponse, Response
from .models.response_base import ResponseBase
from .models.url import URL, Origin
from .policy.auth import Auth, BasicAuth
from .policy.bearer import BearerAuth
from .policy.digest import DigestAuth
from .policy.netrc import NetRCAuth
from .policy.password import PasswordAuth
from .response_limits import ResponseLimits
from .ssl_config import SSLConfig
from .status_codes import codes

# Without TrioBackend, so that `from httpcore import *` works where trio is not installed.
__all__ = [
    "__version__",
    # Clients.
    "Client",
    "AsyncClient",
    "TrioClient",
    # One-shot functions.
    "request",
    "get",
    "options",
    "head",
    "post",
    "put",
    "patch",
    "delete",
    "query",
    # Messages.
    "Request",
    "Response",
    "AsyncResponse",
    "ResponseBase",
    "ConnectionInfo",
    "URL",
    "Origin",
    "Headers",
    "SECRET_HEADERS",
    "QueryParams",
    "Cookies",
    "Cookie",
    "codes",
    # Configuration.
    "SSLConfig",
    "TimeoutConfig",
    "PoolLimits",
    "Proxy",
    "ConnectConfig",
    "ResponseLimits",
    "JSONCodec",
    # Authentication.
    "Auth",
    "BasicAuth",
    "DigestAuth",
    "PasswordAuth",
    "BearerAuth",
    "NetRCAuth",
    # Dispatchers.
    "Dispatcher",
    "ConnectionPool",
    "HTTPConnection",
    "MockDispatch",
    # Backends.
    "ConcurrencyBackend",
    "AsyncioBackend",
    "SyncBackend",
    # Errors.
    "RequestException",
    "NetworkError",
    "ConnectError",
    "SSLError",
    "CertificateError",
    "CertificateDateError",
    "HostnameMismatch",
    "UnknownIssuer",
    "PinMismatch",
    "ProxyError",
    "ReadError",
    "WriteError",
    "Timeout",
    "ConnectTimeout",
    "ReadTimeout",
    "WriteTimeout",
    "PoolTimeout",
    "TotalTimeout",
    "ProtocolError",
    "LocalProtocolError",
    "RemoteProtocolError",
    "DecodingError",
    "JSONDecodeError",
    "ResponseTooLarge",
    "HTTPError",
    "HttpError",
    "RedirectError",
    "TooManyRedirects",
    "RedirectLoop",
    "RedirectBodyUnavailable",
    "StreamException",
    "StreamConsumed",
    "ResponseNotRead",
    "ResponseClosed",
    "InvalidURL",
    "InvalidHeader",
    "CookieConflict",
    "SuspendedInSyncCode",
]

if typing.TYPE_CHECKING:
    from .backends.asyncio_streams import AsyncioBackend
    from .backends.trio_streams import TrioBackend as TrioBackend
else:
    # Not for type checkers, to which any name at all would then be one of this module.
    def __getattr__(name: str) -> typing.Any:
        # asyncio costs as much to import as all the rest, and trio need not be installed.
        if name == "AsyncioBackend":
            from .backends.asyncio_streams import AsyncioBackend

            return AsyncioBackend
        if name == "TrioBackend":
            from .backends.trio_streams import TrioBackend

            return TrioBackend
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
