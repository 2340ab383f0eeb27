"""The sync client: drives the shared coroutines to their end over blocking sockets."""

from __future__ import annotations

import typing

from ..backends.sync import SyncBackend
from ..driver import run_sync
from ..models.request import Request, as_request
from ..models.response import Response
from ..models.url import URL
from .base import ClientBase
from .options import RequestOptions, SendOptions


class Client(ClientBase):
    """
    An HTTP client with connection pooling, redirects, cookies and authentication.

    >>> with Client() as client:
    ...     response = client.get("https://example.org")

    May be shared by threads, and used inside a running event loop (which it blocks).  Needs no
    `close()` to work, but holds its idle connections until then.
    """

    response_class = Response

    @staticmethod
    def _default_backend() -> SyncBackend:
        return SyncBackend()

    def request(
        self, method: str, url: URL | str, **options: typing.Unpack[RequestOptions]
    ) -> Response:
        """
        Send a request and return its response.

        What it is made of:

        * `content` (or `data`): the body: `bytes`, `str` (UTF-8), form data (`dict` or pairs; a
          list value repeats its key), a binary file, or an iterable of bytes.
        * `json`: the body as JSON; `None`: no body.
        * `files`: a form with files, multipart/form-data, streamed; its fields, if any, are
          `content`.  A `dict` or pairs of a field and a file; a list value repeats its field.  A
          file is a binary file, `bytes`, a path (`pathlib.Path`), an iterable of bytes, or
          `(filename, content)`, `(filename, content, content_type)`, `(filename, content,
          content_type, headers)`, where `None` as `filename` makes it a plain field, and as
          `content_type` has it guessed from the name.  For a boundary of your own, set it in a
          Content-Type among `headers`.
        * `query_params` (or `params`): `str`, `dict`, pairs or `QueryParams`, merged onto the URL's
          query.
        * `headers`: `dict` or pairs of `str` or `bytes`, over the client's; `None` as a value drops
          the client's.
        * `cookies`: a mapping, a `Cookies` or an `http.cookiejar.CookieJar`, for this request: sent
          to its origin only, before cookies of the client with their names, and not kept.  A Cookie
          field in `headers` is sent as it is, and nothing beside it.

        How it is sent:

        * `stream`: return once the head has arrived; read, iterate over or close the response then.
        * `auth`: `(user, password)`, an `Auth`, a callable, or `None` for none; else the client's.
        * `allow_redirects`: whether to follow redirects; by default all methods but HEAD do.  Or a
          callable that is given a redirect, not read yet, and the `URL` that it leads to, and tells
          whether to follow: else the redirect is what is returned.
        * `ssl`: other TLS settings than the client's.
        * `timeout`: a `TimeoutConfig` whose missing fields are the client's, seconds, or `None` for
          no limit.

        Raises a `RequestException`, `TypeError` or `ValueError` for what makes no request, and
        `RuntimeError` once the client is closed.
        """
        return Response.adopt(run_sync(self._request(method, url, options)))

    def get(self, url: URL | str, **options: typing.Unpack[RequestOptions]) -> Response:
        """Send a GET request; see `request()`."""
        return self.request("GET", url, **options)

    def options(self, url: URL | str, **options: typing.Unpack[RequestOptions]) -> Response:
        """Send an OPTIONS request; see `request()`."""
        return self.request("OPTIONS", url, **options)

    def head(self, url: URL | str, **options: typing.Unpack[RequestOptions]) -> Response:
        """Send a HEAD request; redirects are not followed by default; see `request()`."""
        return self.request("HEAD", url, **options)

    def post(self, url: URL | str, **options: typing.Unpack[RequestOptions]) -> Response:
        """Send a POST request; see `request()`."""
        return self.request("POST", url, **options)

    def put(self, url: URL | str, **options: typing.Unpack[RequestOptions]) -> Response:
        """Send a PUT request; see `request()`."""
        return self.request("PUT", url, **options)

    def patch(self, url: URL | str, **options: typing.Unpack[RequestOptions]) -> Response:
        """Send a PATCH request; see `request()`."""
        return self.request("PATCH", url, **options)

    def delete(self, url: URL | str, **options: typing.Unpack[RequestOptions]) -> Response:
        """Send a DELETE request; see `request()`."""
        return self.request("DELETE", url, **options)

    def query(self, url: URL | str, **options: typing.Unpack[RequestOptions]) -> Response:
        """Send a QUERY request: safe as GET is, with a body as POST has one; see `request()`."""
        return self.request("QUERY", url, **options)

    def send(self, request: Request, **options: typing.Unpack[SendOptions]) -> Response:
        """Send a `Request` as it is, without the client's headers; `options` as for `request()`."""
        return Response.adopt(run_sync(self._send(as_request(request), **options)))

    def close(self) -> None:
        """
        Close every connection at once; the client cannot be used any more.

        Requests under way in other threads raise `NetworkError`.  A `dispatch` that was given to
        the client is left open.
        """
        run_sync(self._close())

    def __enter__(self) -> typing.Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()
