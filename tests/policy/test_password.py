"""A password by the scheme that is asked for, by hand, as the generator that it is."""

from __future__ import annotations

import pickle

import pytest

from httpcore import PasswordAuth, Request, Response
from httpcore.policy import password

BASIC = 'Basic realm="a"'
MD5 = 'Digest realm="a", nonce="n", qop="auth"'
SHA = 'Digest realm="a", nonce="n", qop="auth", algorithm=SHA-256'
UNKNOWN = 'Digest realm="a", nonce="n", qop="auth", algorithm=FOO'
# Of user and password.
CREDENTIALS = "Basic dXNlcjpwYXNzd29yZA=="


def run(
    auth: PasswordAuth,
    challenges: list[str],
    path: str = "/a/b",
    good: str | None = None,
    method: str = "GET",
) -> tuple[int, list[str]]:
    """
    The last status, and the scheme of each request, of a flow with a server that wants `good`.

    `None`: it takes each scheme that its challenges name, and no request without credentials.
    """
    request = Request(method, f"http://h{path}" if path.startswith("/") else path)
    flow = auth.flow(request)
    step = next(flow)
    schemes = []
    while True:
        assert isinstance(step, Request)
        scheme = step.headers.get("Authorization", "").partition(" ")[0]
        schemes.append(scheme)
        offered = bool(scheme) and scheme in " ".join(challenges)
        let_in = offered if good is None else scheme == good
        fields = [("WWW-Authenticate", challenge) for challenge in challenges]
        answer = Response(200) if let_in else Response(401, fields)
        try:
            step = flow.send(answer)
        except StopIteration:
            return int(answer.status_code), schemes


@pytest.mark.parametrize(
    ("challenges", "scheme"),
    [
        ([BASIC], "Basic"),
        ([MD5], "Digest"),
        ([BASIC, MD5], "Digest"),
        ([SHA, MD5, BASIC], "Digest"),
        ([f"{BASIC}, {MD5}"], "Digest"),
        ([UNKNOWN, BASIC], "Basic"),
        (["Negotiate", BASIC], "Basic"),
    ],
)
def test_the_strongest(challenges: list[str], scheme: str) -> None:
    """Nothing is sent before it is asked for; Digest comes before Basic, in whatever order."""
    auth = PasswordAuth("user", "password")
    assert run(auth, challenges) == (200, ["", scheme])
    assert run(auth, challenges) == (200, [scheme])


@pytest.mark.parametrize("challenges", [[], ["Bearer"], [UNKNOWN], ["Negotiate abc="]])
def test_nothing_that_we_have(challenges: list[str]) -> None:
    """The 401 is returned."""
    assert run(PasswordAuth("user", "password"), challenges) == (401, [""])


def test_a_wrong_password() -> None:
    """One that Digest did not let in is not sent by Basic; and Basic is not tried again."""
    auth = PasswordAuth("user", "wrong")
    assert run(auth, [MD5, BASIC], good="none") == (401, ["", "Digest"])
    assert run(auth, [BASIC], good="none") == (401, ["", "Basic"])
    assert run(auth, [BASIC], good="none") == (401, ["", "Basic"])


def test_basic_below_a_folder() -> None:
    """Where it was let in, and below that; elsewhere and at other origins it is asked first."""
    auth = PasswordAuth("user", "password")
    assert run(auth, [BASIC], "/a/b?c=/d/e") == (200, ["", "Basic"])
    assert run(auth, [BASIC], "/a/") == (200, ["Basic"])
    assert run(auth, [BASIC], "/a/x/y") == (200, ["Basic"])
    assert run(auth, [BASIC], "/ab") == (200, ["", "Basic"])
    assert run(auth, [BASIC], "/c") == (200, ["Basic"])
    assert run(auth, [BASIC], "http://other/a/b") == (200, ["", "Basic"])


def test_a_server_that_changes() -> None:
    """What was let in before may be refused, or asked for in another way."""
    auth = PasswordAuth("user", "password")
    assert run(auth, [BASIC]) == (200, ["", "Basic"])
    assert run(auth, [BASIC], good="none") == (401, ["Basic"])
    assert run(auth, [BASIC]) == (200, ["", "Basic"])
    assert run(auth, [MD5]) == (200, ["Basic", "Digest"])
    assert run(auth, [MD5]) == (200, ["Digest"])
    assert run(auth, [BASIC]) == (200, ["Digest", "Basic"])


def test_a_proxy() -> None:
    """It is one space, whatever goes through it; its requests have other targets."""
    auth = PasswordAuth("user", "password")
    schemes = []
    for target in (b"a.example:443", b"http://b.example/x", b"c.example:443"):
        request = Request("GET", "http://proxy:3128")
        request.target = target
        flow = auth.flow(request)
        step = next(flow)
        assert isinstance(step, Request)
        schemes.append(step.headers.get("Authorization"))
        if schemes[-1] is None:
            step = flow.send(Response(401, {"WWW-Authenticate": BASIC}))
            assert isinstance(step, Request)
            assert step.headers["Authorization"] == CREDENTIALS
        with pytest.raises(StopIteration):
            flow.send(Response(200))
    assert schemes == [None, CREDENTIALS, CREDENTIALS]


def test_what_is_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not more than a few folders, and origins, each."""
    auth = PasswordAuth("user", "password")
    for number in range(password._MAX_FOLDERS + 1):
        assert run(auth, [BASIC], f"/{number}/") == (200, ["", "Basic"])
    assert run(auth, [BASIC], "/1/") == (200, ["Basic"])
    assert run(auth, [BASIC], "/0/") == (200, ["", "Basic"])
    monkeypatch.setattr(password, "_MAX_ORIGINS", 2)
    for origin in ("http://a/", "http://b/", "http://h/20/"):
        assert run(auth, [BASIC], origin) == (200, ["", "Basic"])


@pytest.mark.parametrize("user", ["a:b", "a\nb"])
def test_a_user_that_cannot_be_sent(user: str) -> None:
    """By one of the two schemes."""
    with pytest.raises(ValueError, match="user name"):
        PasswordAuth(user, "password")


def test_pr1_repr() -> None:
    """It shows nothing, and a copy by pickle works."""
    auth = PasswordAuth("user", "password")
    assert repr(auth) == "PasswordAuth([secret])"
    assert run(pickle.loads(pickle.dumps(auth)), [BASIC]) == (200, ["", "Basic"])
