"""A request as a value: what is to be sent, independent of who sends it."""

from __future__ import annotations

import functools
import re
import typing

from ..aliases import Content, Files, RawHeaders
from ..content.bodies import Body, BytesBody
from ..content.decoders import accept_encoding
from ..content.encoding import JSONCodec, encode_content, encode_json, is_form
from ..exceptions import InvalidHeader, LocalProtocolError
from .cookies import Cookies, CookieTypes, cookie_field, cookies_from
from .headers import Headers, HeaderTypes
from .query_params import QueryParamTypes
from .url import URL
from .url_syntax import masked_query, masked_text

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_LENGTH = re.compile(r"[0-9]{1,18}")

# Methods whose requests say so when they have no body (RFC 9110 §8.6).
_METHODS_WITH_BODY = frozenset({"POST", "PUT", "PATCH"})


class Request:
    """
    An HTTP request.  Can be built by hand for full control of what is sent.

    * `method`: a token, made upper-case; `ValueError` if it is none.
    * `url`: a `str` or `URL`, absolute, http or https; else `InvalidURL`.
    * `query_params` (or `params`): merged onto the URL's own query.
    * `headers`: see `Headers`; fields that are given are sent as they are.
    * `cookies`: a mapping, a `Cookies` (not copied) or an `http.cookiejar.CookieJar`.  They make
      the Cookie field, and those of the client's jar join them when it is sent; where `headers` has
      one, that one is sent as it is, and `cookies` do not count.
    * `content` (or `data`): the body; see `Client.request` for what it may be.
    * `json`: anything the JSON encoder takes, as the body; not beside `content` and `files`.
    * `files`: the files of a form, whose fields are `content`; see `Client.request`.
    * `json_codec`: writes `json`, and reads the JSON of the response; `None`: the standard library.
    * `target`: the request target in the place of the URL's path and query, for what no URL can
      say: `"*"` for `OPTIONS *` (RFC 9112 §3.2.4), or a path with its query that is sent as it is.

    Not to be changed by several threads at once; sending it does not change it beyond `prepare()`.
    """

    __slots__ = (
        "method",
        "url",
        "headers",
        "cookies",
        "default_cookies",
        "body",
        "target",
        "json_codec",
        "_content",
        "_content_type",
    )

    def __init__(
        self,
        method: str,
        url: URL | str,
        *,
        query_params: QueryParamTypes = None,
        params: QueryParamTypes = None,
        headers: HeaderTypes = None,
        cookies: CookieTypes = None,
        content: Content | None = None,
        data: Content | None = None,
        json: typing.Any = None,
        files: Files | None = None,
        json_codec: JSONCodec | None = None,
        target: str | None = None,
    ) -> None:
        if params is not None:
            query_params = one_of("query_params", query_params, "params", params)
        if data is not None:
            content = one_of("content", content, "data", data)
        self.method = _checked_method(method)
        self.url = URL(url, query_params=query_params)
        self.headers = Headers(headers)
        self.cookies: Cookies | None = None
        self.default_cookies: Cookies | None = None
        if cookies is not None and "Cookie" not in self.headers:
            self.cookies = cookies_from(cookies)
            self.set_cookie_field(self.cookie_field(None))
        self.target = self.url.raw_target
        if target is not None:
            self.target = _checked_target(self.method, target)
        self.json_codec = json_codec
        self.body: Body | None = None
        self._content: typing.Any = b""
        self._content_type: str | None = None
        if files:
            self._encode_files(content, json, files)
        elif json is not None:
            if content is not None:
                raise TypeError("give content= or json=, not both")
            self.body, self._content_type = encode_json(json, json_codec)
            self._content = bytes(self.body.data)
        elif content is not None:
            self.body, self._content_type = encode_content(content)
            whole = self.body.data if isinstance(self.body, BytesBody) else None
            self._content = whole if isinstance(whole, bytes) else content

    def _encode_files(self, form: typing.Any, json: typing.Any, files: Files) -> None:
        from ..content.multipart import encode_multipart  # with what it needs, for few requests

        if json is not None:
            raise TypeError("give files= or json=, not both")
        if form and not is_form(form):
            raise TypeError(
                "beside files= content= is the fields of the form, a dict or pairs, not "
                f"{type(form).__name__}"
            )
        given = self.headers.get("Content-Type")
        self.body, self._content_type = encode_multipart(
            form or None, files, given, lambda headers: Headers(headers).raw
        )
        if given not in (None, self._content_type):  # it had no boundary
            self.headers["Content-Type"] = self._content_type
        self._content = bytes(self.body.data) if isinstance(self.body, BytesBody) else files

    @property
    def content(self) -> typing.Any:
        """The body: `bytes` where it is known, else the file, iterable or files that were given."""
        return self._content

    def prepare(self) -> None:
        """
        Fill in the header fields that the wire needs, never over what is there.

        Host comes first (RFC 9110 §7.2); Content-Length where the size of the body is known, else
        Transfer-Encoding.  Raises `LocalProtocolError` where the fields that are there contradict
        each other or the body, `InvalidHeader` for more than one Host.
        """
        index = self.headers.by_name()
        missing: RawHeaders = []
        if b"accept-encoding" not in index:
            missing.append((b"Accept-Encoding", accept_encoding().encode("ascii")))
        if self._content_type is not None and b"content-type" not in index:
            missing.append((b"Content-Type", self._content_type.encode("latin-1")))
        if b"content-length" in index or b"transfer-encoding" in index:
            _check_framing(self)
        elif self.body is not None:
            missing.append(_framing_field(self.body))
        elif self.method in _METHODS_WITH_BODY:
            missing.append((b"Content-Length", b"0"))
        if b"host" not in index:
            self.headers = self.headers.surrounded([(b"Host", self.url.host_header)], missing)
        else:
            self.headers = _with_host_first(self).surrounded([], missing)

    def cookie_field(self, jar: Cookies | None) -> bytes | None:
        """The Cookie field of the request's own cookies and of those that `jar` has for it."""
        return cookie_field(jar, self.cookies, self.default_cookies, self.url)

    def set_cookie_field(self, field: bytes | None) -> None:
        """Replace the Cookie field by one of `cookie_field()`; `None` removes it."""
        if b"cookie" in self.headers.by_name():
            del self.headers["Cookie"]
        if field is not None:
            self.headers = self.headers.surrounded([], [(b"Cookie", field)])

    def copy(self) -> Request:
        """A request with header fields of its own; the body is shared."""
        copy = Request.__new__(Request)
        copy.method = self.method
        copy.url = self.url
        copy.headers = self.headers.copy()
        copy.cookies = self.cookies
        copy.default_cookies = self.default_cookies
        copy.body = self.body
        copy.target = self.target
        copy.json_codec = self.json_codec
        copy._content = self._content
        copy._content_type = self._content_type
        return copy

    def without_secrets(self) -> Request:
        """A copy without what no `repr` shows: userinfo, secret parameters and header fields."""
        copy = self.copy()
        copy.url = self.url.without_secrets()
        path, mark, query = self.target.decode("ascii").partition("?")
        copy.target = f"{path}{mark}{masked_query(query)}".encode("ascii")
        copy.headers = self.headers.without_secrets()
        copy.cookies = copy.default_cookies = None
        return copy

    def derived(self, method: str, url: URL, headers: Headers, with_body: bool) -> Request:
        """A request that follows from this one (a redirect), with the same body or with none."""
        request = self.copy()
        request.method = method
        request.url = url
        request.target = url.raw_target
        request.headers = headers
        if not with_body:
            request.body = request._content_type = None
            request._content = b""
        return request

    @property
    def declared_length(self) -> int | None:
        """The body's size by Content-Length; `None`: it is sent in chunks, or there is none."""
        values = self.headers.by_name().get(b"content-length")
        return None if values is None else int(values[0])

    async def read(self) -> bytes:
        """
        The whole body, also of a request whose content is a file or an iterable.

        What an iterator gave is kept, so that the request can still be sent.
        """
        body = self.body
        if body is None:
            return b""
        if not isinstance(body, BytesBody):
            body.rewind()
            parts = []
            try:
                while (piece := await body.next_chunk(run_here)) is not None:
                    parts.append(bytes(piece))
            finally:
                await body.aclose()
            self._content = b"".join(parts)
            self.body = body = BytesBody(self._content)
        return bytes(body.data)

    def __repr__(self) -> str:
        return f"<Request({self.method!r}, {self.url.masked!r})>"

    def __getstate__(self) -> dict[str, typing.Any]:
        content = bytes(self.body.data) if isinstance(self.body, BytesBody) else None
        return {
            "method": self.method,
            "url": self.url,
            "headers": self.headers,
            "target": self.target,
            "content": content,
            "content_type": self._content_type,
        }

    def __setstate__(self, state: dict[str, typing.Any]) -> None:
        self.method = state["method"]
        self.url = state["url"]
        self.headers = state["headers"]
        self.target = state["target"]
        self.json_codec = None
        self.cookies = self.default_cookies = None  # the field has them
        content = state["content"]
        self._content = b"" if content is None else content
        self._content_type = state["content_type"]
        self.body = None if content is None else BytesBody(content)


def one_of(name: str, value: typing.Any, other_name: str, other: typing.Any) -> typing.Any:
    """The argument of two spellings, `other` being one that was given; both are a `TypeError`."""
    if value is not None:
        raise TypeError(
            f"{name}= and {other_name}= are two spellings of one argument; give one of them"
        )
    return other


async def run_here(read: typing.Callable[[], bytes]) -> bytes:
    """A `BlockingRunner` that blocks."""
    return read()


@functools.lru_cache(maxsize=64)  # the same few come all the time
def _checked_method(method: str) -> str:
    if not isinstance(method, str):
        raise TypeError(f"the method is a str, not {type(method).__name__}")
    if not _TOKEN.fullmatch(method):
        raise ValueError(
            f"{method!r} is no HTTP method: it has to be a token (RFC 9110 section 9.1)"
        )
    upper = method.upper()
    if upper == "CONNECT":
        raise ValueError(
            "CONNECT is not a request of its own here: give proxies= to have a tunnel opened"
        )
    return upper


def as_request(request: object) -> Request:
    """`request`; `TypeError` for what is none."""
    if isinstance(request, Request):
        return request
    raise TypeError(
        f"send() takes a Request, not {type(request).__name__}; request() takes a method and a URL"
    )


def _checked_target(method: str, target: str) -> bytes:
    if not (target.startswith("/") or (target == "*" and method == "OPTIONS")):
        raise ValueError(
            f"{masked_text(target)} is no request target for {method}: it has to be a path, or "
            "'*' for OPTIONS"
        )
    if not (target.isascii() and target.isprintable()) or " " in target or "#" in target:
        raise ValueError(
            f"{masked_text(target)} is no request target: it has to be printable ASCII without "
            "blanks and '#'"
        )
    return target.encode("ascii")


def _with_host_first(request: Request) -> Headers:
    host = [field for field in request.headers.raw if field[0].lower() == b"host"]
    if len(host) > 1:
        raise InvalidHeader(
            "the request has more than one Host field; a request has one", request=request
        )
    others = [field for field in request.headers.raw if field[0].lower() != b"host"]
    return Headers.from_raw([*host, *others])


def _framing_field(body: Body) -> tuple[bytes, bytes]:
    if body.length is None:
        return (b"Transfer-Encoding", b"chunked")
    return (b"Content-Length", b"%d" % body.length)


def _check_framing(request: Request) -> None:
    """Refuse what would make our request end elsewhere than it says (RFC 9112 §6)."""
    problem = _framing_problem(request.headers, request.body)
    if problem is not None:
        raise LocalProtocolError(problem, request=request)


def _framing_problem(headers: Headers, body: Body | None) -> str | None:
    lengths = headers.getlist("Content-Length")
    codings = headers.getlist("Transfer-Encoding")
    if lengths and codings:
        return "the request has both Content-Length and Transfer-Encoding; leave one of them out"
    if codings:
        if body is None:
            return "the request has Transfer-Encoding, but no body; leave the field out"
        if [coding.lower() for coding in codings] != ["chunked"]:
            return f"Transfer-Encoding {', '.join(codings)!r} cannot be sent: only 'chunked' can"
        return None
    if len(lengths) > 1 or not _LENGTH.fullmatch(lengths[0]):
        return f"Content-Length {', '.join(lengths)!r} is not one number"
    actual = 0 if body is None else body.length
    if actual is not None and actual != int(lengths[0]):
        return f"Content-Length says {lengths[0]} bytes, but the body has {actual}"
    return None
