"""One-shot functions: a `Client` for one request, closed behind it."""

from __future__ import annotations

import typing

from .client.client import Client
from .client.options import OneShotOptions
from .models.response import Response
from .models.url import URL


def request(method: str, url: URL | str, **options: typing.Unpack[OneShotOptions]) -> Response:
    """
    Send one request and read its response; the options are those of `Client.request`, but for
    `stream`.

    Each call opens a connection of its own: use a `Client` for more than one request.
    """
    if "stream" in options:
        raise TypeError("a one-shot function cannot stream: its client is closed; use a Client")
    with Client() as client:
        return client.request(method, url, **options)


def get(url: URL | str, **options: typing.Unpack[OneShotOptions]) -> Response:
    """Send one GET request; see `request()`."""
    return request("GET", url, **options)


def options(url: URL | str, **options: typing.Unpack[OneShotOptions]) -> Response:
    """Send one OPTIONS request; see `request()`."""
    return request("OPTIONS", url, **options)


def head(url: URL | str, **options: typing.Unpack[OneShotOptions]) -> Response:
    """Send one HEAD request; see `request()`."""
    return request("HEAD", url, **options)


def post(url: URL | str, **options: typing.Unpack[OneShotOptions]) -> Response:
    """Send one POST request; see `request()`."""
    return request("POST", url, **options)


def put(url: URL | str, **options: typing.Unpack[OneShotOptions]) -> Response:
    """Send one PUT request; see `request()`."""
    return request("PUT", url, **options)


def patch(url: URL | str, **options: typing.Unpack[OneShotOptions]) -> Response:
    """Send one PATCH request; see `request()`."""
    return request("PATCH", url, **options)


def delete(url: URL | str, **options: typing.Unpack[OneShotOptions]) -> Response:
    """Send one DELETE request; see `request()`."""
    return request("DELETE", url, **options)


def query(url: URL | str, **options: typing.Unpack[OneShotOptions]) -> Response:
    """Send one QUERY request; see `request()`."""
    return request("QUERY", url, **options)
