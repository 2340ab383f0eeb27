"""Auth flows by hand, as the plain generators that they are, and with which request they go."""

from __future__ import annotations

import pickle
import typing

import pytest

from httpcore import Auth, BasicAuth, Request, Response
from httpcore.policy.auth import AuthFlow, auth_from, auth_of_url

URL = "http://example.org/"


def sent(auth: Auth) -> Request:
    """The only request of a flow."""
    flow = auth.flow(Request("GET", URL))
    first = next(flow)
    assert isinstance(first, Request)
    with pytest.raises(StopIteration):
        flow.send(Response(200))
    return first


# Flows.


def test_the_base_has_no_flow() -> None:
    """A subclass that defines none, or misspells it, is told so."""

    class Mine(Auth):
        def auth_flow(self, request: Request) -> AuthFlow:
            yield request

    with pytest.raises(TypeError, match=r"Mine has no flow\(\): define `def flow"):
        Mine().flow(Request("GET", URL))


def test_rfc7617() -> None:
    """The examples of sections 2 and 2.1; text is composed (NFC), bytes are as they are."""
    assert sent(BasicAuth("Aladdin", "open sesame")).headers["Authorization"] == (
        "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="
    )
    assert sent(BasicAuth("test", "123\u00a3")).headers["Authorization"] == "Basic dGVzdDoxMjPCow=="
    assert BasicAuth("u\u0308", "") == BasicAuth("\u00fc", "") != BasicAuth("u\u0308".encode(), "")


@pytest.mark.parametrize(
    ("user", "password", "value"),
    [
        ("Aladdin", "open sesame", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="),
        (b"Aladdin", b"open sesame", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="),
        ("", "", "Basic Og=="),
        ("u@x", "p:", "Basic dUB4OnA6"),
        ("\u00fc", "\u00fc", "Basic w7w6w7w="),
    ],
)
def test_cr4_basic(user: str | bytes, password: str | bytes, value: str) -> None:
    """User and password in UTF-8 (RFC 7617 section 2); only the user may have no colon."""
    assert sent(BasicAuth(user, password)).headers["Authorization"] == value


def test_cr4_a_long_password_is_one_line() -> None:
    """No line break gets into the header."""
    value = sent(BasicAuth("user", "p" * 300)).headers["Authorization"]
    assert "\n" not in value
    assert len(value) > 400


@pytest.mark.parametrize("user", ["a:b", b"a:b"])
def test_cr4_a_user_with_a_colon(user: str | bytes) -> None:
    """The scheme cannot carry it."""
    with pytest.raises(ValueError, match="must not contain a colon"):
        BasicAuth(user, "")


def test_pr1_text_that_is_none() -> None:
    """The codec's error would hold the password, for whatever collects errors with their values."""
    with pytest.raises(ValueError, match="half a surrogate pair") as caught:
        BasicAuth("user", "secret\ud800")
    assert type(caught.value) is ValueError
    assert caught.value.__context__ is None


@pytest.mark.parametrize(("user", "password"), [(None, ""), ("", 5), ([], "")])
def test_basic_of_something_else(user: typing.Any, password: typing.Any) -> None:
    """User and password are text."""
    with pytest.raises(TypeError, match="a user name or password is str or bytes, not"):
        BasicAuth(user, password)


def test_basic_is_a_secret_value() -> None:
    """Equal ones are equal; `repr` shows nothing; it pickles."""
    auth = BasicAuth("user", "pass")
    assert auth == BasicAuth(b"user", b"pass") != BasicAuth("user", "other")
    assert hash(auth) == hash(BasicAuth("user", "pass"))
    assert auth != "Basic"
    assert repr(auth) == "BasicAuth([secret])"
    assert pickle.loads(pickle.dumps(auth)) == auth


def test_callable() -> None:
    """A function from request to request."""

    def add_token(request: Request) -> Request:
        request.headers["X-Token"] = "abc"
        return request

    auth = auth_from(add_token)
    assert auth is not None
    assert sent(auth).headers["X-Token"] == "abc"


def test_callable_that_forgets_to_return() -> None:
    """The typical mistake is named."""
    auth = auth_from(typing.cast("typing.Any", lambda request: None))
    assert auth is not None
    with pytest.raises(TypeError, match="has to return a Request, not NoneType"):
        next(auth.flow(Request("GET", URL)))


@pytest.mark.parametrize("auth", [BasicAuth, Auth, dict])
def test_a_class_is_no_object(auth: typing.Any) -> None:
    """The typical mistake is named."""
    with pytest.raises(TypeError, match=f"was given the class {auth.__name__}; make an object"):
        auth_from(auth)


def test_what_auth_takes() -> None:
    """A pair, an `Auth`, a callable or nothing."""
    auth = BasicAuth("user", "pass")
    assert auth_from(auth) is auth
    assert auth_from(None) is None
    assert auth_from(("user", "pass")) == auth


@pytest.mark.parametrize("auth", ["user:pass", ("user",), ("a", "b", "c"), 5])
def test_what_auth_does_not_take(auth: typing.Any) -> None:
    """Anything else is a TypeError that says what could be given."""
    with pytest.raises(TypeError, match=r"takes \(user, password\), an Auth or a callable"):
        auth_from(auth)


@pytest.mark.parametrize(
    ("url", "auth"),
    [
        ("http://u%40x:p%3A@h/", BasicAuth("u@x", "p:")),
        ("http://u@h/", BasicAuth("u", "")),
        ("http://:p@h/", BasicAuth("", "p")),
        ("http://h/", None),
        ("http://@h/", None),
    ],
)
def test_cr4_credentials_in_the_url(url: str, auth: Auth | None) -> None:
    """They are decoded, and are no part of Host."""
    request = Request("GET", url)
    request.prepare()
    assert auth_of_url(request) == auth
    assert request.headers["Host"] == "h"


def test_credentials_in_the_url_and_a_header() -> None:
    """A header says more."""
    request = Request("GET", "http://u:p@h/", headers={"authorization": "mine"})
    assert auth_of_url(request) is None
