"""Every error that the library raises on purpose, as one tree.

All of them derive from `RequestException`, carry the request (and the response
where there is one), have a message that says what was being done and to whom,
and survive pickling.  An error of h11, h2, ssl, zlib or the operating system is
never raised bare: it is the `__cause__` of one of these.
"""

from __future__ import annotations

import typing

if typing.TYPE_CHECKING:
    from .models.request import Request
    from .models.response_base import ResponseBase


class RequestException(Exception):
    """
    The base of all errors of this library.

    * `request`: the `Request` that failed, or `None` where none had been made yet.
    * `response`: the response that was being received, or `None`.

    A pickled error has both without the secrets in their URLs and header fields.
    """

    request: Request | None
    response: ResponseBase | None

    def __init__(
        self,
        message: str,
        *,
        request: Request | None = None,
        response: ResponseBase | None = None,
    ) -> None:
        super().__init__(message)
        self.request = request
        self.response = response

    def __str__(self) -> str:
        return (str(self.args[0]) if self.args else "") or type(self).__name__

    def __reduce__(self) -> tuple[typing.Any, ...]:
        # BaseException would call the class with `args` alone, and OSError
        # would drop what it does not know: rebuild by state instead.
        state = dict(self.__dict__)
        # Pickled errors end in queues, databases and reports.
        if self.request is not None:
            state["request"] = self.request.without_secrets()
        if self.response is not None:
            state["response"] = self.response.without_secrets()
        return (_rebuild, (type(self), self.args), state)


def _rebuild(cls: type[RequestException], args: tuple[typing.Any, ...]) -> RequestException:
    error = cls.__new__(cls, *args)
    error.args = args
    return error


# The network.


class NetworkError(RequestException, OSError):
    """
    The network, or the peer's end of it, failed.

    `errno`: the number that the operating system has for it, such as `errno.ECONNREFUSED`; `None`
    where it gave none, or for an error that was pickled.
    """

    @property
    def errno(self) -> int | None:  # type: ignore[override]
        cause = self.__cause__
        return cause.errno if isinstance(cause, OSError) else None


class ConnectError(NetworkError):
    """No connection could be made: DNS, TCP, TLS or a proxy."""


class SSLError(ConnectError):
    """The TLS handshake failed, or the TLS settings are unusable."""


class CertificateError(SSLError):
    """The server's certificate was not accepted, for one of the reasons below or for another."""


class CertificateDateError(CertificateError):
    """The certificate, or that of its CA, has expired or is not valid yet."""


class HostnameMismatch(CertificateError):
    """The certificate is for other hosts than the one that was connected to."""


class UnknownIssuer(CertificateError):
    """The certificate was issued by a CA that is not trusted, or by itself."""


class PinMismatch(CertificateError):
    """The certificate fulfils none of `SSLConfig(pins=...)`."""


class ProxyError(ConnectError):
    """
    The proxy cannot be reached, refused, or answered with nonsense.

    * `response`: what it answered, with the start of the body where there is one; `None` where no
      answer came.
    * `__cause__`: where the connection to it failed, the error that a server would have failed
      with, such as a `CertificateError`.
    """


class ReadError(NetworkError):
    """The connection broke while bytes were expected."""


class WriteError(NetworkError):
    """The connection broke while the request was being sent."""


# Time.


class Timeout(RequestException, TimeoutError):
    """
    A time limit passed.

    * `phase`: what was being done, in words.
    * `peer`: the `host:port` it was done to.
    * `limit`: the limit that passed, in seconds.
    * `elapsed`: the seconds since the exchange began.
    """

    def __init__(
        self,
        message: str,
        *,
        phase: str = "",
        peer: str = "",
        limit: float | None = None,
        elapsed: float | None = None,
        request: Request | None = None,
        response: ResponseBase | None = None,
    ) -> None:
        super().__init__(message, request=request, response=response)
        self.phase = phase
        self.peer = peer
        self.limit = limit
        self.elapsed = elapsed


class ConnectTimeout(Timeout):
    """No connection within `connect_timeout`: DNS, TCP, proxies and TLS together."""


class ReadTimeout(Timeout):
    """No byte arrived for `read_timeout` seconds."""


class WriteTimeout(Timeout):
    """The peer took no byte for `write_timeout` seconds."""


class PoolTimeout(Timeout):
    """No connection of the pool became free in time."""


class TotalTimeout(Timeout):
    """The whole exchange took longer than `total_timeout`."""


# The protocol.


class ProtocolError(RequestException):
    """HTTP was violated."""


class LocalProtocolError(ProtocolError):
    """We were asked to send what HTTP does not allow."""


class RemoteProtocolError(ProtocolError):
    """The peer sent what HTTP does not allow, or stopped in the middle."""


# The response's content.


class DecodingError(RequestException):
    """The body does not decode by its Content-Encoding."""


class JSONDecodeError(RequestException, ValueError):
    """The body is not JSON."""


class ResponseTooLarge(RequestException):
    """The response is larger than a limit that was set."""


class HTTPError(RequestException):
    """The response has a status of 4xx or 5xx; see `Response.raise_for_status()`."""


HttpError = HTTPError


# Redirects.


class RedirectError(RequestException):
    """A redirect cannot be followed."""


class TooManyRedirects(RedirectError):
    """There were more redirects than `max_redirects`."""


class RedirectLoop(RedirectError):
    """A redirect leads to a request that was made before."""


class RedirectBodyUnavailable(RedirectError):
    """The request's body has to be sent again, but its iterator is used up."""


# The use of response bodies.


class StreamException(RequestException):
    """A response's body was used in a way that its state does not allow."""


class StreamConsumed(StreamException):
    """The body was streamed before and is gone."""


class ResponseNotRead(StreamException):
    """The content was asked for before `read()`."""


class ResponseClosed(StreamException):
    """The response was closed before its body was read."""


# What the caller gave us.


class InvalidURL(RequestException, ValueError):
    """The URL is malformed, or is not one to send a request to."""


class InvalidHeader(RequestException, ValueError):
    """A header's name or value is not one that may be sent."""


class CookieConflict(RequestException):
    """Several cookies match where exactly one was asked for."""
