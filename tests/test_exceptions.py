"""One tree of errors: what they are, what they carry, and that they survive a pickle."""

from __future__ import annotations

import copy
import errno
import inspect
import pickle
import socket

import pytest

import httpcore
from httpcore import exceptions

# api.md, "Errors": each class with its bases.
TREE: dict[str, tuple[type[Exception], ...]] = {
    "RequestException": (Exception,),
    "NetworkError": (httpcore.RequestException, OSError),
    "ConnectError": (httpcore.NetworkError,),
    "SSLError": (httpcore.ConnectError,),
    "CertificateError": (httpcore.SSLError,),
    "CertificateDateError": (httpcore.CertificateError,),
    "HostnameMismatch": (httpcore.CertificateError,),
    "UnknownIssuer": (httpcore.CertificateError,),
    "PinMismatch": (httpcore.CertificateError,),
    "ProxyError": (httpcore.ConnectError,),
    "ReadError": (httpcore.NetworkError,),
    "WriteError": (httpcore.NetworkError,),
    "Timeout": (httpcore.RequestException, TimeoutError),
    "ConnectTimeout": (httpcore.Timeout,),
    "ReadTimeout": (httpcore.Timeout,),
    "WriteTimeout": (httpcore.Timeout,),
    "PoolTimeout": (httpcore.Timeout,),
    "TotalTimeout": (httpcore.Timeout,),
    "ProtocolError": (httpcore.RequestException,),
    "LocalProtocolError": (httpcore.ProtocolError,),
    "RemoteProtocolError": (httpcore.ProtocolError,),
    "DecodingError": (httpcore.RequestException,),
    "JSONDecodeError": (httpcore.RequestException, ValueError),
    "ResponseTooLarge": (httpcore.RequestException,),
    "HTTPError": (httpcore.RequestException,),
    "RedirectError": (httpcore.RequestException,),
    "TooManyRedirects": (httpcore.RedirectError,),
    "RedirectLoop": (httpcore.RedirectError,),
    "RedirectBodyUnavailable": (httpcore.RedirectError,),
    "StreamException": (httpcore.RequestException,),
    "StreamConsumed": (httpcore.StreamException,),
    "ResponseNotRead": (httpcore.StreamException,),
    "ResponseClosed": (httpcore.StreamException,),
    "InvalidURL": (httpcore.RequestException, ValueError),
    "InvalidHeader": (httpcore.RequestException, ValueError),
    "CookieConflict": (httpcore.RequestException,),
}
CLASSES = [getattr(httpcore, name) for name in TREE]
TIMEOUTS = [cls for cls in CLASSES if issubclass(cls, httpcore.Timeout)]


def test_tree() -> None:
    """The classes are those of the contract, no more and no less, with these bases."""
    there = {
        name: cls.__bases__
        for name, cls in vars(exceptions).items()
        if inspect.isclass(cls) and issubclass(cls, Exception) and name != "HttpError"
    }
    assert there == TREE
    assert httpcore.HttpError is httpcore.HTTPError


@pytest.mark.parametrize("cls", CLASSES)
def test_carries_request_and_response(cls: type[httpcore.RequestException]) -> None:
    """Both are `None` where there is none, and both survive pickling and copying."""
    bare = cls("what happened")
    assert (bare.request, bare.response) == (None, None)
    request = httpcore.Request("GET", "http://example.org/a")
    response = httpcore.Response(404, content=b"no", request=request)
    error = cls("what happened", request=request, response=response)
    error.add_note("a note")
    for other in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert type(other) is cls
        assert str(other) == "what happened"
        assert other.args == error.args
        assert other.__notes__ == ["a note"]
        assert other.request.url == request.url
        assert (other.response.status_code, other.response.content) == (404, b"no")


@pytest.mark.parametrize("cls", CLASSES)
def test_str_is_never_empty(cls: type[httpcore.RequestException]) -> None:
    """An error without a message has at least its name."""
    assert str(cls("")) == cls.__name__
    assert str(cls("told")) == "told"
    assert cls.__name__ in repr(cls("told"))


@pytest.mark.parametrize("cls", TIMEOUTS)
def test_tm13_timeouts_carry_what_passed(cls: type[httpcore.Timeout]) -> None:
    """Phase, peer, limit and elapsed time survive a pickle."""
    error = cls("told", phase="read from", peer="h:1", limit=5.0, elapsed=5.1)
    other = pickle.loads(pickle.dumps(error))
    assert (other.phase, other.peer, other.limit, other.elapsed) == ("read from", "h:1", 5.0, 5.1)
    bare = cls("told")
    assert (bare.phase, bare.peer, bare.limit, bare.elapsed) == ("", "", None, None)


def test_subclasses_pickle_too() -> None:
    """A subclass with a constructor of its own needs nothing special."""
    error = Special("detail")
    other = pickle.loads(pickle.dumps(error))
    assert (type(other), str(other), other.detail) == (Special, "special: detail", "detail")


class Special(httpcore.ConnectError):
    """Built from something else than a message."""

    def __init__(self, detail: str) -> None:
        super().__init__(f"special: {detail}")
        self.detail = detail


def test_without_arguments() -> None:
    """An error whose `args` were emptied still has a text."""
    error = httpcore.ReadError("told")
    error.args = ()
    assert str(error) == "ReadError"


def test_errno() -> None:
    """An error of the network has the number that the operating system gave, if any."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{sock.getsockname()[1]}"
        with pytest.raises(httpcore.ConnectError) as caught:
            httpcore.get(url)
        assert caught.value.errno == errno.ECONNREFUSED
        with pytest.raises(httpcore.ProxyError) as through_proxy, httpcore.Client(proxies=url) as c:
            c.get("http://example.org")
        assert through_proxy.value.errno == errno.ECONNREFUSED
    assert httpcore.ReadError("closed").errno is None
    assert pickle.loads(pickle.dumps(caught.value)).errno is None
