"""Digest by hand, as the generator that it is: the examples of the RFCs, and each of its rules."""

from __future__ import annotations

import concurrent.futures
import copy
import hashlib
import pickle
import re
import sys
import threading
import typing

import pytest

from httpcore import DigestAuth, Request, Response
from httpcore.driver import run_sync
from httpcore.policy import digest
from httpcore.policy.challenges import parse_challenges

URL = "http://www.example.org/dir/index.html"


class Server:
    """Plays the other end of flows: hands out challenges, takes requests apart."""

    def __init__(self, *challenges: str, info: str | None = None, url: str = URL) -> None:
        self.challenges = challenges
        self.info = info
        self.url = url
        self.requests: list[Request] = []

    def run(
        self,
        auth: DigestAuth,
        accepts: typing.Callable[[int], bool] = bool,
        request: Request | None = None,
    ) -> int:
        """
        Run one flow, the n-th request of which `accepts(n)` lets in; its last status.

        By default the first one is not let in.
        """
        flow = auth.flow(request or Request("GET", self.url))
        step = next(flow)
        count = 0
        while True:
            if not isinstance(step, Request):
                answer: typing.Any = run_sync(step)  # type: ignore[arg-type]
            else:
                self.requests.append(step.copy())
                if accepts(count):
                    answer = Response(
                        200, {} if self.info is None else {"Authentication-Info": self.info}
                    )
                else:
                    challenges = [("WWW-Authenticate", value) for value in self.challenges]
                    answer = Response(401, challenges)
                count += 1
            try:
                step = flow.send(answer)
            except StopIteration:
                return typing.cast("int", answer.status_code)

    def credentials(self, number: int = -1) -> dict[str, str]:
        """The parameters of the credentials in one of the requests."""
        (challenge,) = parse_challenges(self.requests[number].headers, "Authorization")
        assert challenge.scheme == "digest"
        return challenge.parameters

    @property
    def numbers(self) -> list[str | None]:
        """The nonce count of each request, `None` for those without credentials."""
        return [
            self.credentials(n).get("nc") if "Authorization" in request.headers else None
            for n, request in enumerate(self.requests)
        ]


@pytest.fixture
def cnonce(monkeypatch: pytest.MonkeyPatch) -> typing.Callable[[str], None]:
    """Sets what is random."""
    return lambda text: monkeypatch.setattr(digest, "new_cnonce", lambda: text)


def md5(text: str) -> str:
    return hashlib.md5(text.encode("latin-1")).hexdigest()


# The examples of the RFCs.

MUFASA = (
    'Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm={}, '
    'nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", '
    'opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUo5tdS"'
)
MD5_RESPONSE = "8ca523f5e9506fed4657c9700eebdbec"
SHA256_RESPONSE = "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"


@pytest.mark.parametrize(
    ("algorithms", "algorithm", "expected"),
    [
        (["MD5"], "MD5", MD5_RESPONSE),
        (["SHA-256"], "SHA-256", SHA256_RESPONSE),
        (["SHA-256", "MD5"], "SHA-256", SHA256_RESPONSE),
        (["MD5", "SHA-256"], "SHA-256", SHA256_RESPONSE),
    ],
)
def test_rfc7616_3_9_1(
    cnonce: typing.Any, algorithms: list[str], algorithm: str, expected: str
) -> None:
    """The example with two algorithms; the strongest is taken, in whatever order they come."""
    cnonce("f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ")
    server = Server(*(MUFASA.format(name) for name in algorithms))
    assert server.run(DigestAuth("Mufasa", "Circle of Life")) == 200
    assert server.credentials() == {
        "username": "Mufasa",
        "realm": "http-auth@example.org",
        "uri": "/dir/index.html",
        "algorithm": algorithm,
        "nonce": "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
        "nc": "00000001",
        "cnonce": "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
        "qop": "auth",
        "response": expected,
        "opaque": "FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUo5tdS",
    }


def test_rfc7616_3_9_2(cnonce: typing.Any) -> None:
    """The example with SHA-512-256, charset and userhash, its hashes as erratum 4897 has them."""
    cnonce("NTg6RKcb9boFIAS3KrFK9BGeh+iDa/sm6jUMp2wds69v")
    server = Server(
        'Digest realm="api@example.org", qop="auth", algorithm=SHA-512-256, '
        'nonce="5TsQWLVdgBdmrQ0XsxbDODV+57QdFR34I9HAbC/RVvkK", '
        'opaque="HRPCssKJSGjCrkzDg8OhwpzCiGPChXYjwrI2QmXDnsOS", charset=UTF-8, userhash=true',
        url="http://api.example.org/doe.json",
    )
    assert server.run(DigestAuth("J\u00e4s\u00f8n Doe", "Secret, or not?")) == 200
    assert server.credentials() == {
        "username": "793263caabb707a56211940d90411ea4a575adeccb7e360aeb624ed06ece9b0b",
        "realm": "api@example.org",
        "uri": "/doe.json",
        "algorithm": "SHA-512-256",
        "nonce": "5TsQWLVdgBdmrQ0XsxbDODV+57QdFR34I9HAbC/RVvkK",
        "nc": "00000001",
        "cnonce": "NTg6RKcb9boFIAS3KrFK9BGeh+iDa/sm6jUMp2wds69v",
        "qop": "auth",
        "response": "3798d4131c277846293534c3edc11bd8a5e4cdcbff78b05db9d95eeb1cec68a5",
        "opaque": "HRPCssKJSGjCrkzDg8OhwpzCiGPChXYjwrI2QmXDnsOS",
        "userhash": "true",
    }


@pytest.mark.parametrize("qop", ["", ', qop=""'])
def test_cr6_rfc2069(qop: str) -> None:
    """The example of the older RFC, its hash as erratum 749 has it: no count, no cnonce."""
    server = Server(
        'Digest realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", '
        f'opaque="5ccc069c403ebaf9f0171e9517f40e41"{qop}',
        url="http://www.nowhere.org/dir/index.html",
    )
    assert server.run(DigestAuth("Mufasa", "CircleOfLife")) == 200
    assert server.credentials() == {
        "username": "Mufasa",
        "realm": "testrealm@host.com",
        "nonce": "dcd98b7102dd2f0e8b11d0f600bfb0c093",
        "uri": "/dir/index.html",
        "response": "1949323746fe6a43ef61f9606e7febea",
        "opaque": "5ccc069c403ebaf9f0171e9517f40e41",
    }


# What is answered, and how.


@pytest.mark.parametrize(
    ("offered", "taken"),
    [("auth-int,auth", "auth"), ("auth-int", "auth-int"), ("AUTH", "auth"), ("x, auth", "auth")],
)
def test_cr6_qop(offered: str, taken: str) -> None:
    """`auth` is preferred: it needs no body."""
    server = Server(f'Digest realm="a", nonce="b", qop="{offered}"')
    assert server.run(DigestAuth("u", "p")) == 200
    assert server.credentials()["qop"] == taken


@pytest.mark.parametrize(
    "challenges",
    [
        ["Basic realm=a"],
        ["Digest realm=a, nonce=b, algorithm=foo"],
        ["Digest realm=a, nonce=b, algorithm=foo-sess"],
        ["Digest realm=a, nonce=b, qop=foo"],
        ["Digest realm=a"],
        ["Bearer nonce=b"],
        [],
    ],
)
def test_cr8_no_challenge_that_we_know(challenges: list[str]) -> None:
    """They are passed over, and the 401 is the answer."""
    server = Server(*challenges)
    assert server.run(DigestAuth("u", "p")) == 401
    assert len(server.requests) == 1


def test_cr8_algorithms_that_we_know_are_taken() -> None:
    """An unknown one beside a known one does no harm."""
    server = Server("Digest realm=a, nonce=b, algorithm=foo, Digest realm=a, nonce=c")
    assert server.run(DigestAuth("u", "p")) == 200
    assert server.credentials()["nonce"] == "c"


@pytest.mark.parametrize("name", ["md5-sess", "MD5-Sess", "SHA-256-sess", "sha-512-256-SESS"])
def test_cr8_sessions(cnonce: typing.Any, name: str) -> None:
    """`-sess` hashes the password with nonce and cnonce once; the name is echoed as it was."""
    cnonce("first")
    server = Server(f'Digest realm="a", nonce="b", qop=auth, algorithm={name}')
    auth = DigestAuth("u", "p")
    assert server.run(auth) == 200
    cnonce("second")
    assert server.run(auth) == 401  # as the server plays, its first answer
    given = server.credentials(2)
    assert (given["algorithm"], given["nc"], given["cnonce"]) == (name, "00000002", "first")

    def hashed(text: str) -> str:
        library = {"md5": "md5", "sha-256": "sha256", "sha-512-256": "sha512_256"}
        return hashlib.new(library[name.lower()[:-5]], text.encode()).hexdigest()

    ha1 = hashed(f"{hashed('u:a:p')}:b:first")
    ha2 = hashed("GET:/dir/index.html")
    assert given["response"] == hashed(f"{ha1}:b:00000002:first:auth:{ha2}")


def test_session_without_qop(cnonce: typing.Any) -> None:
    """The cnonce is sent, as the server could not check anything without it."""
    cnonce("c")
    server = Server("Digest realm=a, nonce=b, algorithm=MD5-sess")
    assert server.run(DigestAuth("u", "p")) == 200
    given = server.credentials()
    assert given["cnonce"] == "c"
    assert "nc" not in given
    expected = md5(f"{md5(md5('u:a:p') + ':b:c')}:b:{md5('GET:/dir/index.html')}")
    assert given["response"] == expected


def test_cr9_request_target() -> None:
    """`uri` is what stands on the request line, byte for byte."""
    server = Server("Digest realm=a, nonce=b, qop=auth", url="http://h/a%2Fb?x=%20#fragment")
    assert server.run(DigestAuth("u", "p")) == 200
    assert server.credentials()["uri"] == "/a%2Fb?x=%20"
    request = Request("GET", "http://h/", target='/"odd"')
    server = Server("Digest realm=a, nonce=b, qop=auth")
    assert server.run(DigestAuth("u", "p"), request=request) == 200
    assert server.credentials()["uri"] == '/"odd"'


def test_cr10_quotes() -> None:
    """Quotes and backslashes are escaped on the wire, not in the hash."""
    server = Server(r'Digest realm="a\"b\\c", nonce="n\"", opaque="o\\"')
    assert server.run(DigestAuth('u"\\', "p")) == 200
    value = server.requests[-1].headers["Authorization"]
    assert r'username="u\"\\", realm="a\"b\\c", nonce="n\""' in value
    assert r'opaque="o\\"' in value
    ha1 = md5('u"\\:a"b\\c:p')
    expected = md5(f'{ha1}:n":{md5("GET:/dir/index.html")}')
    assert server.credentials()["response"] == expected


def test_cr10_extended_notation_only_where_it_is_needed() -> None:
    """Many servers know only the plain form of the user name."""
    server = Server('Digest realm="a", nonce="b", charset=UTF-8')
    assert server.run(DigestAuth("user", "p")) == 200
    assert server.requests[-1].headers["Authorization"].startswith('Digest username="user", ')


@pytest.mark.parametrize(
    ("charset", "field"),
    [
        ("", b'username="\xc3\xbcx"'),
        (", charset=UTF-8", b"username*=UTF-8''%C3%BCx"),
        (", charset=utf-8, userhash=TRUE", b'username="%s", userhash=true'),
        (", charset=UTF-8, userhash=false", b"username*=UTF-8''%C3%BCx"),
    ],
)
def test_cr10_charset(charset: str, field: bytes) -> None:
    """A user name beyond ASCII: UTF-8; in extended notation where the server knows it; hashed."""
    server = Server(f'Digest realm="a", nonce="b"{charset}')
    assert server.run(DigestAuth("u\u0308x", "p\u00fc")) == 200  # composed on the way (NFC)
    raw = dict(server.requests[-1].headers.raw)[b"Authorization"]
    field = field.replace(b"%s", hashlib.md5("\u00fcx:a".encode()).hexdigest().encode())
    assert raw.startswith(b"Digest " + field + b", realm=")
    ha1 = hashlib.md5("\u00fcx:a:p\u00fc".encode()).hexdigest()
    expected = md5(f"{ha1}:b:{md5('GET:/dir/index.html')}")
    assert server.credentials()["response"] == expected


def test_cr10_realm_in_bytes() -> None:
    """A realm in whatever charset is hashed and given back as it came."""
    server = Server('Digest realm="\xe9\xff", nonce="b"')
    assert server.run(DigestAuth(b"u", b"p")) == 200
    assert b'realm="\xe9\xff"' in dict(server.requests[-1].headers.raw)[b"Authorization"]
    ha1 = md5("u:\xe9\xff:p")
    expected = md5(f"{ha1}:b:{md5('GET:/dir/index.html')}")
    assert server.credentials()["response"] == expected


@pytest.mark.parametrize("user", ["a\nb", "\x00", b"\x7f"])
def test_users_that_no_header_can_carry(user: str | bytes) -> None:
    """They are refused when they are given."""
    with pytest.raises(ValueError, match="no control characters"):
        DigestAuth(user, "p")


def test_secrets_are_not_shown() -> None:
    """Nor is a user name with a colon refused: Digest can carry it."""
    assert repr(DigestAuth("us:er", "pass")) == "DigestAuth([secret])"


# auth-int.


class Replayed:
    """An iterable that starts over."""

    def __iter__(self) -> typing.Iterator[bytes]:
        return iter([b"bo", b"dy"])


@pytest.mark.parametrize(
    ("content", "hashed"),
    [(None, b""), (b"body", b"body"), (Replayed(), b"body"), ({"a": "b"}, b"a=b")],
    ids=["none", "bytes", "iterable", "form"],
)
def test_auth_int(cnonce: typing.Any, content: typing.Any, hashed: bytes) -> None:
    """The body is part of the hash, and can be sent after that."""
    cnonce("c")
    server = Server("Digest realm=a, nonce=b, qop=auth-int")
    request = Request("POST", URL, content=content)
    assert server.run(DigestAuth("u", "p"), request=request) == 200
    ha2 = md5(f"POST:/dir/index.html:{hashlib.md5(hashed).hexdigest()}")
    expected = md5(f"{md5('u:a:p')}:b:00000001:c:auth-int:{ha2}")
    assert server.credentials()["response"] == expected
    assert run_sync(server.requests[-1].read()) == hashed


def test_auth_int_of_an_iterator(cnonce: typing.Any) -> None:
    """Where the nonce is known already it is read into memory, once."""
    cnonce("c")
    server = Server("Digest realm=a, nonce=b, qop=auth-int")
    auth = DigestAuth("u", "p")
    assert server.run(auth) == 200
    request = Request("POST", URL, content=iter([b"bo", b"dy"]))
    assert server.run(auth, lambda n: True, request) == 200
    ha2 = md5(f"POST:/dir/index.html:{md5('body')}")
    expected = md5(f"{md5('u:a:p')}:b:00000002:c:auth-int:{ha2}")
    assert server.credentials()["response"] == expected
    assert run_sync(server.requests[-1].read()) == b"body"


def test_auth_int_of_a_used_up_iterator() -> None:
    """There is nothing to hash: the sender refuses to send the request (see the client's tests)."""
    server = Server("Digest realm=a, nonce=b, qop=auth-int")
    content = iter([b"body"])
    request = Request("POST", URL, content=content)
    body = request.body
    assert body is not None
    body.rewind()
    assert server.run(DigestAuth("u", "p"), request=request) == 200
    assert not body.can_send


# Rounds.

CHALLENGE = 'Digest realm="a", nonce="b", qop=auth'


def test_wrong_password() -> None:
    """The second 401 is the answer, and the next request begins anew."""
    server = Server(CHALLENGE)
    auth = DigestAuth("u", "p")
    assert server.run(auth, lambda n: False) == 401
    assert server.run(auth, lambda n: False) == 401
    assert server.numbers == [None, "00000001", None, "00000002"]


@pytest.mark.parametrize("stale", ["true", "TRUE", '"true"'])
def test_cr7_stale_for_ever(stale: str) -> None:
    """One more round, then the 401 is returned; with a nonce known before, the same."""
    server = Server(f"{CHALLENGE}, stale={stale}")
    auth = DigestAuth("u", "p")
    assert server.run(auth, lambda n: False) == 401
    assert server.numbers == [None, "00000001", "00000002"]
    server = Server(CHALLENGE)
    assert server.run(auth) == 200
    server = Server(f"{CHALLENGE}, stale={stale}")
    assert server.run(auth, lambda n: False) == 401
    assert len(server.requests) == 3


def test_stale_once() -> None:
    """The new nonce is answered, and kept."""
    auth = DigestAuth("u", "p")
    server = Server('Digest realm="a", nonce="old", qop=auth')
    server.run(auth)
    server.challenges = ('Digest realm="a", nonce="new", qop=auth, stale=true',)
    assert server.run(auth) == 200
    assert server.run(auth, lambda n: True) == 200
    assert server.numbers == [None, "00000001", "00000002", "00000001", "00000002"]
    assert [server.credentials(n)["nonce"] for n in range(1, 5)] == ["old", "old", "new", "new"]


def test_a_new_nonce_without_stale() -> None:
    """A server that was restarted does not know the nonce, and often does not say `stale`."""
    auth = DigestAuth("u", "p")
    server = Server(CHALLENGE)
    server.run(auth)
    server.challenges = ('Digest realm="a", nonce="new", qop=auth',)
    assert server.run(auth) == 200
    assert len(server.requests) == 4


def test_the_same_nonce_again() -> None:
    """What is let in no more is not tried twice, and not tried first the next time."""
    auth = DigestAuth("u", "p")
    server = Server(CHALLENGE)
    server.run(auth)
    assert server.run(auth, lambda n: False) == 401
    assert server.run(auth) == 200
    assert server.numbers == [None, "00000001", "00000002", None, "00000003"]


def test_somebody_elses_nonce_stays() -> None:
    """A request that is not let in takes back what it learned, not what others learned since."""
    auth = DigestAuth("u", "p")
    slow = auth.flow(Request("GET", URL))
    next(slow)
    refusal = Response(401, {"WWW-Authenticate": 'Digest realm="a", nonce="old", qop=auth'})
    slow.send(refusal)
    server = Server(CHALLENGE)
    assert server.run(auth, lambda n: False) == 401
    server.challenges = (f"{CHALLENGE}, stale=true",)
    assert server.run(auth) == 200
    with pytest.raises(StopIteration):
        slow.send(refusal)
    assert server.run(auth, lambda n: True) == 200
    assert server.credentials()["nonce"] == "b"


def test_no_digest_any_more() -> None:
    """A 401 that asks for something else is the answer, and says nothing about the nonce."""
    auth = DigestAuth("u", "p")
    server = Server(CHALLENGE)
    server.run(auth)
    server.challenges = ("Basic",)
    assert server.run(auth, lambda n: False) == 401
    assert server.run(auth, lambda n: True) == 200
    assert server.numbers == [None, "00000001", "00000002", "00000003"]


def test_public_pages_need_nothing() -> None:
    """Without a challenge nothing is sent, and nothing is learned."""
    auth = DigestAuth("u", "p")
    server = Server(CHALLENGE)
    assert server.run(auth, lambda n: True) == 200
    assert server.run(auth, lambda n: True) == 200
    assert server.numbers == [None, None]


@pytest.mark.parametrize(
    ("info", "nonces"),
    [
        (None, ["b", "b"]),
        ('nextnonce="next", qop=auth', ["b", "next"]),
        ('rspauth="whatever"', ["b", "b"]),
        ('nextnonce=""', ["b", "b"]),
    ],
)
def test_nextnonce(info: str | None, nonces: list[str]) -> None:
    """Authentication-Info names the nonce of the next request, whose count starts anew."""
    server = Server(CHALLENGE, info=info)
    auth = DigestAuth("u", "p")
    server.run(auth)
    server.run(auth, lambda n: True)
    server.run(auth, lambda n: True)
    assert [server.credentials(n)["nonce"] for n in (1, 2)] == nonces
    third = "00000002" if nonces[1] == "next" else "00000003"
    assert server.numbers[3] == third


@pytest.mark.parametrize(
    ("domain", "target", "covered"),
    [
        ("/dir", "/dir/a", True),
        ("/dir/", "/dir?a", False),
        ("/x /dir/", "/dir/b", True),
        ("http://www.example.org/dir/", "/dir/b", True),
        ("http://www.example.org", "/other", True),
        ("http://www.example.org:80/dir/", "/dir/b", True),
        ("https://www.example.org/dir/", "/dir/b", False),
        ("http://other.org/", "/dir/b", False),
        ("sub/", "/dir/sub/a", True),
        ("http://[ http://:99999/ /dir/", "/dir/b", True),
        ("http://[", "/dir/b", False),
        ("", "/other", True),
    ],
)
def test_domain(domain: str, target: str, covered: bool) -> None:
    """Only what is below one of the URIs of `domain` is answered for unasked."""
    server = Server(f'{CHALLENGE}, domain="{domain}"')
    auth = DigestAuth("u", "p")
    server.run(auth)
    server.url = f"http://www.example.org{target}"
    server.run(auth, lambda n: True)
    assert ("Authorization" in server.requests[-1].headers) == covered


def test_a_long_domain_is_cut() -> None:
    """Reading it costs no more than a few URIs."""
    server = Server(f'{CHALLENGE}, domain="{"/x " * 1000} /dir/"')
    auth = DigestAuth("u", "p")
    server.run(auth)
    server.run(auth, lambda n: True)
    assert "Authorization" not in server.requests[-1].headers


def test_cr5_every_origin_for_itself() -> None:
    """What one origin said is not used at another; both are remembered."""
    auth = DigestAuth("u", "p")
    one = Server(CHALLENGE, url="http://one.org/")
    other = Server(CHALLENGE, url="http://other.org/")
    tls = Server(CHALLENGE, url="https://one.org/")
    for server in (one, other, tls):
        server.run(auth)
        assert server.numbers == [None, "00000001"]
    one.run(auth, lambda n: True)
    assert one.numbers[-1] == "00000002"


def test_endless_origins(monkeypatch: pytest.MonkeyPatch) -> None:
    """They do not fill the memory; what is forgotten costs a round."""
    monkeypatch.setattr(digest, "_MAX_SPACES", 3)
    auth = DigestAuth("u", "p")
    for number in range(10):
        assert Server(CHALLENGE, url=f"http://h{number}/").run(auth) == 200
        assert len(auth._spaces) <= 3


def test_endless_nonces(monkeypatch: pytest.MonkeyPatch) -> None:
    """They do not either; the one in use goes on being counted."""
    monkeypatch.setattr(digest, "_MAX_NONCES", 3)
    auth = DigestAuth("u", "p")
    for number in range(10):
        server = Server(f'Digest realm="a", nonce="{number}", qop=auth, stale=true')
        assert server.run(auth) == 200
        assert server.run(auth, lambda n: True) == 200
        assert server.numbers[-1] == "00000002"
    (space,) = auth._spaces.values()
    assert len(space._counts) <= 3


def test_cr11_threads() -> None:
    """Eight threads share one auth and one nonce: each number is used once."""
    auth = DigestAuth("u", "p")
    server = Server(CHALLENGE)
    start = threading.Barrier(8)

    def work() -> None:
        start.wait()
        for _ in range(50):
            flow = auth.flow(Request("GET", URL))
            request: typing.Any = next(flow)
            while True:
                server.requests.append(request.copy())
                let_in = "Authorization" in request.headers
                fields = {} if let_in else {"WWW-Authenticate": CHALLENGE}
                try:
                    request = flow.send(Response(200 if let_in else 401, fields))
                except StopIteration:
                    break

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            for future in [pool.submit(work) for _ in range(8)]:
                future.result()
    finally:
        sys.setswitchinterval(interval)
    numbers = [number for number in server.numbers if number is not None]
    assert len(numbers) == 400
    assert sorted(numbers) == [f"{n:08x}" for n in range(1, len(numbers) + 1)]


def test_cnonces_are_random() -> None:
    """Each request has its own."""
    server = Server(CHALLENGE)
    auth = DigestAuth("u", "p")
    server.run(auth)
    server.run(auth, lambda n: True)
    first, second = (server.credentials(n)["cnonce"] for n in (1, 2))
    assert first != second
    assert re.fullmatch("[0-9a-f]{32}", first)


def test_hashes_that_the_system_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    """A weaker challenge is answered where there is one."""
    monkeypatch.setattr(hashlib, "algorithms_available", {"md5", "sha256"})
    server = Server(
        "Digest realm=a, nonce=strong, algorithm=SHA-512-256", "Digest realm=a, nonce=weak"
    )
    assert server.run(DigestAuth("u", "p")) == 200
    assert server.credentials()["nonce"] == "weak"


def test_pickle_and_copy() -> None:
    """User and password go along; what was learned, and the numbers of its nonces, does not."""
    auth = DigestAuth("user", "w\u00f6rd")
    assert Server('Digest realm="r", nonce="n", qop="auth"').run(auth) == 200
    for other in (pickle.loads(pickle.dumps(auth)), copy.deepcopy(auth)):
        assert type(other) is DigestAuth
        assert (other._user, other._password) == (auth._user, auth._password)
        assert other._spaces == {}
    assert auth._spaces
