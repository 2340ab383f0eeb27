"""What both clients share: their settings, and how a call is merged with them."""

from __future__ import annotations

import collections.abc
import typing

from ..__version__ import __version__
from ..aliases import Content, Files
from ..backends.base import ConcurrencyBackend
from ..config import DEFAULT_POOL_LIMITS, DEFAULT_TIMEOUT, PoolLimits, TimeoutConfig
from ..connect_config import DEFAULT_CONNECT, ConnectConfig, checked_connect
from ..content.decoders import accept_encoding
from ..content.encoding import JSONCodec
from ..deadline import Deadline, timeout_config
from ..dispatch.base import Dispatcher
from ..dispatch.connection import HTTP2
from ..dispatch.pool import ConnectionPool
from ..environment import TrustEnv, ca_path, trusted_parts, with_ca
from ..models.cookies import Cookies, CookieTypes, cookies_from
from ..models.headers import Headers, HeaderTypes
from ..models.query_params import QueryParams, QueryParamTypes
from ..models.request import Request, one_of
from ..models.response import AsyncResponse, Response
from ..models.response_base import ResponseBase
from ..models.url import URL
from ..policy.auth import NO_AUTH, Auth, AuthTypes, auth_from
from ..policy.netrc import netrc_of_environment
from ..policy.proxies import ProxyTypes, proxy_choice
from ..policy.redirects import RedirectPolicy
from ..response_limits import DEFAULT_RESPONSE_LIMITS, ResponseLimits, checked_response_limits
from ..ssl_config import SSLTypes, ssl_config
from ..value import UNSET, Unset
from ..wire.http11_engine import Engine
from .options import (
    BUILD_OPTIONS,
    SEND_OPTIONS,
    BuildOptions,
    NoOptions,
    check_names,
    refuse_names,
    wants_redirects,
)
from .sender import Call, send

USER_AGENT = f"python-httpcore/{__version__}"

# Of the body of a streamed response of 4xx or 5xx that is raised, for the error to tell.
_MAX_ERROR_BYTES = 64 * 1024


def _dispatcher(dispatch: object) -> Dispatcher:
    if not isinstance(dispatch, Dispatcher):
        raise TypeError(f"dispatch takes a Dispatcher, not {dispatch!r}")
    return dispatch


def _redirects(count: object) -> int:
    if isinstance(count, bool) or not isinstance(count, int) or count < 0:
        raise ValueError(f"max_redirects takes a whole number from 0 on, not {count!r}")
    return count


def _base_url(url: URL | str | None) -> URL | None:
    base = None if url is None else URL(url)
    if base is not None and (base.query or base.fragment):
        raise ValueError(
            f"base_url has a query or a fragment, {base.masked}, which no relative URL would take "
            "over; give what goes with every request as query_params="
        )
    return base


def _json_codec(codec: JSONCodec | None) -> JSONCodec | None:
    if codec is None or (hasattr(codec, "dumps") and hasattr(codec, "loads")):
        return codec
    raise TypeError(f"json_codec takes a JSONCodec(dumps, loads) or None, not {codec!r}")


def _size(count: object) -> object:
    if count is not None and (isinstance(count, bool) or not isinstance(count, int) or count < 0):
        raise ValueError(f"max_response_size takes a number of bytes or None, not {count!r}")
    return count


_ATTRIBUTES: dict[str, collections.abc.Callable[[typing.Any], object]] = {
    "headers": Headers,
    "cookies": cookies_from,
    "query_params": QueryParams,
    "base_url": _base_url,
    "timeout": lambda timeout: timeout_config(timeout).over(DEFAULT_TIMEOUT),
    "max_redirects": _redirects,
    "max_response_size": _size,
    "auth": auth_from,
    "json_codec": _json_codec,
    "dispatch": _dispatcher,
}


Given_contra = typing.TypeVar("Given_contra", contravariant=True)
Kept_co = typing.TypeVar("Kept_co", covariant=True)


class Setting(typing.Protocol[Given_contra, Kept_co]):
    """For type checkers: an attribute that takes more than it gives; see `_ATTRIBUTES`."""

    def __get__(self, client: ClientBase, owner: type[ClientBase]) -> Kept_co: ...

    def __set__(self, client: ClientBase, value: Given_contra) -> None: ...


class ClientBase:
    """Settings of a client; see `Client`."""

    response_class: typing.ClassVar[type[ResponseBase]] = AsyncResponse

    headers: Setting[HeaderTypes, Headers]
    cookies: Setting[CookieTypes, Cookies]
    query_params: Setting[QueryParamTypes, QueryParams]
    base_url: Setting[URL | str | None, URL | None]
    timeout: Setting[float | None | TimeoutConfig, TimeoutConfig]
    auth: Setting[AuthTypes | None, Auth | None]

    def __init__(
        self,
        *,
        ssl: SSLTypes = True,
        timeout: float | None | TimeoutConfig = DEFAULT_TIMEOUT,
        pool_limits: PoolLimits = DEFAULT_POOL_LIMITS,
        http2: HTTP2 = True,
        connect: ConnectConfig = DEFAULT_CONNECT,
        max_redirects: int = 20,
        https_only: bool = False,
        max_response_size: int | None = None,
        dispatch: Dispatcher | None = None,
        auth: AuthTypes | None = None,
        headers: HeaderTypes = None,
        query_params: QueryParamTypes = None,
        cookies: CookieTypes = None,
        base_url: URL | str | None = None,
        json_codec: JSONCodec | None = None,
        raise_for_status: bool | collections.abc.Callable[[ResponseBase], bool] = False,
        proxies: ProxyTypes = None,
        trust_env: TrustEnv = True,
        backend: ConcurrencyBackend | None = None,
        engine: Engine | None = None,
        response_limits: ResponseLimits = DEFAULT_RESPONSE_LIMITS,
        **others: typing.Unpack[NoOptions],
    ) -> None:
        """
        * `ssl`: an `SSLConfig`, or what its `verify` may be: `True`, `False` (no verification),
          `"system"`, the path of a CA file or folder, PEM as `bytes`, an `ssl.SSLContext`.
        * `timeout`: a `TimeoutConfig`, seconds, or `None` for no limit.
        * `pool_limits`: a `PoolLimits`.
        * `http2`: whether to speak HTTP/2 with https servers that can; `"only"`: with all servers,
          over plain TCP too, which they have to know.
        * `connect`: a `ConnectConfig`: which addresses, over which sockets.
        * `max_redirects`: how many redirects one call follows; zero: none.
        * `https_only`: whether a request to an http URL, by a redirect too, raises `InvalidURL`
          before it is sent.
        * `max_response_size`: how many bytes the body of a response has at most, decoded, read or
          streamed; more raise `ResponseTooLarge`.  `None` means no limit.
        * `dispatch`: what sends requests in the place of a connection pool of the client's own; the
          client does not close it, and `ssl`, `pool_limits`, `http2`, `connect`, `proxies`,
          `backend`, `engine` and `response_limits` (but for `max_expansion`) are then not its
          business.
        * `auth`: `(user, password)`, an `Auth`, or a callable `Request -> Request`; for requests
          without an Authorization field and, with a `base_url`, to that origin only.
        * `headers`, `query_params`: go with every request; those of the call come over them, and
          so does what the query of its URL says.
        * `cookies`: what the cookie jar begins with: a mapping or an `http.cookiejar.CookieJar`,
          copied; or a `Cookies`, which then is the jar and may be that of other clients too.
          Without a domain they go with every request as headers do, with a `base_url` to that
          origin only.
        * `base_url`: relative URLs are below it; without a query.
        * `json_codec`: a `JSONCodec` that writes and reads JSON; `None`: the standard library.
        * `raise_for_status`: whether every call ends in `response.raise_for_status()`; or a
          callable that is given a response of 4xx or 5xx and tells whether it is to be raised.
          Of one that was to be streamed 64 KiB are read: a longer body is not in `content`.
        * `proxies`: a `Proxy` or its URL, for all requests; a mapping of `"http"`, `"https"`,
          `"all"`, `"all://host"`, `"https://host:port"` and the like to these, or to `None` for no
          proxy; or a callable that is given a `URL` and returns one of these.  `None`: as the
          environment says, see `trust_env`; `{}`: none.
        * `trust_env`: whether what is not said in code is taken from the environment, as it is
          now: `True`, `False`, or a set of its parts.  `"netrc"`: logins for requests that have
          none, from the file that NETRC names or the one in the home folder.  `"ca"`: where
          `verify` is `True`, the CA file or folder of REQUESTS_CA_BUNDLE, CURL_CA_BUNDLE,
          SSL_CERT_FILE or SSL_CERT_DIR in the place of certifi's.  `"proxy"`: where `proxies` is
          `None`, HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY, or in lower case; else the
          settings of macOS or Windows; but not where `connect` has a Unix socket, or judges
          addresses.
        * `backend`: a `ConcurrencyBackend` in the place of the default one.
        * `engine`: what reads HTTP/1.1: `"httptools"`, fast, or `"h11"`, pure Python; they take and
          refuse the same.  `None`: what the variable HTTPCORE_ENGINE says, or else httptools where
          it is installed.  `ImportError` for one that is not.
        * `response_limits`: a `ResponseLimits`: what servers may send beside content.

        There are no `others`: they are a `TypeError`, with the name that they have here.
        """
        refuse_names(others)
        self.trust_env = trusted_parts(trust_env)
        self._ca_path = ca_path() if "ca" in self.trust_env else None
        self.netrc = netrc_of_environment() if "netrc" in self.trust_env else None
        self.headers = self._default_headers().merged(headers)
        self.query_params = query_params
        self.cookies = cookies
        self.base_url = base_url
        self.timeout = timeout
        self.max_redirects = max_redirects
        self.https_only = https_only
        self.max_response_size = max_response_size
        self.response_limits = checked_response_limits(response_limits)
        self.auth = auth
        self.json_codec = json_codec
        self.raise_for_status = raise_for_status
        self.owns_dispatch = dispatch is None
        if dispatch is None:
            # The environment does not say where a Unix socket is, nor lead around a guard.
            connect = checked_connect(connect)
            to_itself = connect.unix_socket is not None or connect.addresses is not None
            trusts_proxies = "proxy" in self.trust_env and not to_itself
            dispatch = ConnectionPool(
                ssl=with_ca(ssl_config(ssl), self._ca_path),
                timeout=self.timeout,
                pool_limits=pool_limits,
                http2=http2,
                proxies=proxy_choice(proxies, trusts_proxies, self._ca_path),
                connect=connect,
                backend=self._default_backend() if backend is None else backend,
                engine=engine,
                response_limits=response_limits,
            )
        self.dispatch = dispatch
        self._closed = False

    def __setattr__(self, name: str, value: typing.Any) -> None:
        """What is assigned, by the constructor or later, is checked and made what it stands for."""
        check = _ATTRIBUTES.get(name)
        super().__setattr__(name, value if check is None else check(value))

    def __repr__(self) -> str:
        base = "" if self.base_url is None else f"{self.base_url.masked!r}, "
        state = "closed" if self._closed else repr(self.dispatch)
        return f"<{type(self).__name__}({base}{state})>"

    @staticmethod
    def _default_backend() -> ConcurrencyBackend | None:
        """`None` leaves it to the pool to find out what runs."""
        return None

    @staticmethod
    def _default_headers() -> Headers:
        return Headers.from_raw(
            [
                (b"User-Agent", USER_AGENT.encode("ascii")),
                (b"Accept", b"*/*"),
                (b"Accept-Encoding", accept_encoding().encode("ascii")),
                (b"Connection", b"keep-alive"),
            ]
        )

    def build_request(
        self, method: str, url: URL | str, **options: typing.Unpack[BuildOptions]
    ) -> Request:
        """A prepared `Request` with all that the client adds, not sent yet; see `request()`."""
        check_names(options, BUILD_OPTIONS)
        request = self._build(method, url, **options)
        if request.default_cookies is not None:
            request.set_cookie_field(request.cookie_field(None))
        request.prepare()
        return request

    def prepare_request(self, request: Request) -> None:
        """Fill in what the wire needs; see `Request.prepare()`."""
        self.dispatch.prepare_request(request)

    def _defaults_for(self, url: URL) -> QueryParams:
        """The client's query parameters but those that the call's URL says itself."""
        if not url.query:
            return self.query_params
        said = QueryParams(url.query)
        pairs = self.query_params.multi_items()
        return QueryParams([(name, value) for name, value in pairs if name not in said])

    def _build(
        self,
        method: str,
        url: URL | str,
        *,
        content: Content | None = None,
        data: Content | None = None,
        json: typing.Any = None,
        files: Files | None = None,
        query_params: QueryParamTypes = None,
        params: QueryParamTypes = None,
        headers: HeaderTypes = None,
        cookies: CookieTypes = None,
    ) -> Request:
        if params is not None:
            query_params = one_of("query_params", query_params, "params", params)
        if self.base_url is not None:
            url = self.base_url.under(url)
        if self.query_params:
            query_params = self._defaults_for(URL(url)).merge(query_params)
        request = Request(
            method,
            url,
            content=content,
            data=data,
            json=json,
            files=files,
            json_codec=self.json_codec,
            query_params=query_params,
            headers=self.headers if headers is None else self.headers.merged(headers),
            cookies=cookies,
        )
        if (
            "" in self.cookies.by_domain
            and self._is_for(request.url)
            and (request.cookies is not None or "Cookie" not in request.headers)
        ):
            request.default_cookies = self.cookies
        return request

    def _request(
        self, method: str, url: URL | str, options: typing.Any
    ) -> collections.abc.Coroutine[typing.Any, typing.Any, ResponseBase]:
        """What `request()` awaits; its `options` are those of the call."""
        send_options = {}
        if not BUILD_OPTIONS.issuperset(options):
            send_options = {name: options.pop(name) for name in SEND_OPTIONS & options.keys()}
            check_names(options, BUILD_OPTIONS)
        return self._send(self._build(method, url, **options), **send_options)

    async def _send(
        self,
        request: Request,
        *,
        stream: bool = False,
        auth: AuthTypes | None | Unset = UNSET,
        allow_redirects: bool | RedirectPolicy | None = None,
        ssl: SSLTypes | None = None,
        timeout: float | None | TimeoutConfig | Unset = UNSET,
    ) -> ResponseBase:
        if self._closed:
            raise RuntimeError("this client has been closed; make a new one")
        if (
            request.body is not None
            and request.body.needs_async
            and self.response_class is Response
        ):
            raise TypeError(
                "an async iterable or file as content needs an AsyncClient; give Client a plain one"
            )
        if ssl is not None and self._ca_path is not None:
            ssl = with_ca(ssl_config(ssl), self._ca_path)
        limits = self.timeout if timeout is UNSET else timeout_config(timeout).over(self.timeout)
        call = Call(self, ssl, Deadline(limits))
        follow = wants_redirects(request, allow_redirects)
        response = await send(call, request, self._auth_for(request, auth), follow, stream)
        if response.status_code >= 400 and self.raise_for_status:
            await self._raise_for_status(response)
        return response

    async def _raise_for_status(self, response: ResponseBase) -> None:
        if callable(self.raise_for_status) and not self.raise_for_status(response):
            return
        await response.load_start(_MAX_ERROR_BYTES)
        response.raise_for_status()

    def _auth_for(self, request: Request, auth: AuthTypes | None | Unset) -> Auth | None:
        """The auth of the call; else the client's, if it is for that origin and no header is."""
        if auth is None:
            return NO_AUTH
        if not isinstance(auth, Unset):
            return auth_from(auth)
        if self.auth is None or "Authorization" in request.headers:
            return None
        return self.auth if self._is_for(request.url) else None

    def _is_for(self, url: URL) -> bool:
        """Whether auth and cookies that were given without a place go to `url`."""
        return self.base_url is None or url.origin == self.base_url.origin

    async def _close(self) -> None:
        self._closed = True
        if self.owns_dispatch:
            await self.dispatch.close()
