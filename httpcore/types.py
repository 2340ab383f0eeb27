"""The types that stand in the signatures of this library, for annotations of your own.

    from httpcore.types import AuthFlow, HeaderTypes

Nothing here is needed at run time, and `import httpcore` does not load it.
"""

from __future__ import annotations

from .aliases import Content, Files, Path, RawHeaders
from .client.options import BuildOptions, NoOptions, OneShotOptions, RequestOptions, SendOptions
from .config import Seconds
from .connect_config import AddressRule, Resolver, SocketOption
from .deadline import TimeoutTypes
from .dispatch.connection import HTTP2
from .dispatch.mock import Handler
from .environment import TrustEnv
from .models.connection_info import Address
from .models.cookie import SameSite
from .models.cookies import CookieTypes, FileFormat
from .models.headers import HeaderTypes, HeaderValue
from .models.proxy import ChosenProxy, ProxyAuthTypes, ProxyChooser
from .models.query_params import QueryParamTypes
from .models.response_base import ResponseContent
from .policy.auth import AuthFlow, AuthTypes
from .policy.bearer import TokenSource
from .policy.proxies import ProxyTypes
from .policy.redirects import RedirectPolicy
from .ssl_config import PEM, ClientCertificate, SSLTypes
from .value import UNSET, Unset
from .wire.http11_engine import Engine

__all__ = [
    "Address",
    "AddressRule",
    "AuthFlow",
    "AuthTypes",
    "BuildOptions",
    "ChosenProxy",
    "ClientCertificate",
    "Content",
    "CookieTypes",
    "Engine",
    "FileFormat",
    "Files",
    "Handler",
    "HeaderTypes",
    "HeaderValue",
    "HTTP2",
    "NoOptions",
    "OneShotOptions",
    "Path",
    "PEM",
    "ProxyAuthTypes",
    "ProxyChooser",
    "ProxyTypes",
    "QueryParamTypes",
    "RawHeaders",
    "RedirectPolicy",
    "RequestOptions",
    "Resolver",
    "ResponseContent",
    "SameSite",
    "Seconds",
    "SendOptions",
    "SocketOption",
    "SSLTypes",
    "TimeoutTypes",
    "TokenSource",
    "TrustEnv",
    "UNSET",
    "Unset",
]
