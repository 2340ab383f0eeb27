"""WWW-Authenticate as servers write it, and as attackers do."""

from __future__ import annotations

import hypothesis
import hypothesis.strategies as st
import pytest

from httpcore import Headers
from httpcore.policy.challenges import Challenge, parse_challenges, parse_parameters, quoted
from tests.cpu_time import assert_takes_no_time

NAME = "WWW-Authenticate"


def parsed(*lines: str | bytes) -> list[Challenge]:
    return parse_challenges(Headers([(NAME, line) for line in lines]), "www-authenticate")


@pytest.mark.parametrize(
    ("line", "challenges"),
    [
        ("Basic", [("basic", {}, "")]),
        ('Basic realm="a"', [("basic", {"realm": "a"}, "")]),
        ("Basic realm=a", [("basic", {"realm": "a"}, "")]),
        ('BASIC Realm = "a" , charset = "UTF-8"', [("basic", {"realm": "a", "charset": "UTF-8"})]),
        ('Digest realm="a", realm="b"', [("digest", {"realm": "a"})]),
        (r'Digest realm="a \"b\\c"', [("digest", {"realm": r"a " + '"b\\c'})]),
        ('Digest realm="never closed, nonce=1', [("digest", {"realm": "never closed, nonce=1"})]),
        ("Negotiate", [("negotiate", {}, "")]),
        ("Negotiate YWJj==", [("negotiate", {}, "YWJj==")]),
        (
            "Negotiate YWJj==, Basic realm=a",
            [("negotiate", {}, "YWJj=="), ("basic", {"realm": "a"})],
        ),
        ("Digest realm=, nonce=a", [("digest", {"nonce": "a"}, "realm=")]),
        ("Basic, Digest nonce=a", [("basic", {}), ("digest", {"nonce": "a"})]),
        ("Basic ,, ,Bearer", [("basic", {}), ("bearer", {})]),
        ('realm="of nobody", Basic realm=a', [("basic", {"realm": "a"})]),
        ("Digest nonce=a, qop", [("digest", {"nonce": "a"}), ("qop", {})]),
        ("Custom a b c", [("custom", {})]),
        ('"Basic"', []),
        ("(Basic) realm=a", []),
        ("", []),
        (",", []),
        # RFC 9110 section 11.6.1
        (
            'Basic realm="simple", Newauth realm="apps", type=1, title="Login to \\"apps\\""',
            [
                ("basic", {"realm": "simple"}),
                ("newauth", {"realm": "apps", "type": "1", "title": 'Login to "apps"'}),
            ],
        ),
    ],
)
def test_one_line(line: str, challenges: list[tuple]) -> None:
    """Schemes and names ignore case; what is no challenge is left out."""
    assert parsed(line) == [Challenge(*challenge) for challenge in challenges]


@pytest.mark.parametrize("separator", [", ", ",", None])
def test_cr12_several(separator: str | None) -> None:
    """Several on one line or on a line each; a comma in a quoted string separates nothing."""
    both = ['Basic realm="a, Digest b"', 'Digest realm="c", nonce="d"']
    lines = both if separator is None else [separator.join(both)]
    assert parsed(*lines) == [
        Challenge("basic", {"realm": "a, Digest b"}),
        Challenge("digest", {"realm": "c", "nonce": "d"}),
    ]


def test_a_quote_ends_with_its_line() -> None:
    """One that is never closed swallows nothing of the next line."""
    assert [challenge.scheme for challenge in parsed('Basic realm="a', "Digest nonce=b")] == [
        "basic",
        "digest",
    ]


def test_endless() -> None:
    """What is far more than any server sends is not looked at."""
    assert len(parsed("Basic," * 10_000)) == 1_000


def test_bytes_as_they_are() -> None:
    """UTF-8 or Latin-1: every byte is a character, so that it can be given back."""
    assert parsed(b'Basic realm="\xc3\xa9\xe9"') == [Challenge("basic", {"realm": "\xc3\xa9\xe9"})]


def test_other_fields_do_not_count() -> None:
    """A proxy's challenges are not the server's."""
    headers = Headers([("Proxy-Authenticate", "Basic"), (NAME, "Digest")])
    assert [challenge.scheme for challenge in parse_challenges(headers, NAME)] == ["digest"]
    assert parse_challenges(Headers(), NAME) == []


def test_parameters() -> None:
    """Authentication-Info has parameters without a scheme."""
    headers = Headers([("Authentication-Info", 'nextnonce="a b", qop=auth'), ("X", "a=b")])
    assert parse_parameters(headers, "Authentication-Info") == {"nextnonce": "a b", "qop": "auth"}
    assert parse_parameters(headers, "Proxy-Authentication-Info") == {}


@pytest.mark.parametrize("text", ["", "a b", 'a"b', "a\\", '\\"', "a, b=c"])
def test_quoted_strings_come_back(text: str) -> None:
    """What is quoted is parsed as what it was."""
    assert parsed(f"A b={quoted(text)}, c=d") == [Challenge("a", {"b": text, "c": "d"})]


PIECES = ["Basic", "Digest", " ", "\t", "=", ",", '"', "\\", "realm", "a", "\xa0", "==", "/", ";"]


@hypothesis.given(st.lists(st.lists(st.sampled_from(PIECES)).map("".join), max_size=4))
def test_whatever_comes(lines: list[str]) -> None:
    """Nothing raises; what is found is well-formed."""
    for challenge in parsed(*(line.encode("latin-1") for line in lines)):
        assert challenge.scheme == challenge.scheme.lower() != ""
        assert all(name == name.lower() != "" for name in challenge.parameters)


@pytest.mark.parametrize(
    "piece",
    [
        b"\xa0",
        b",",
        b'"',
        b"\\",
        b"a",
        b"a=",
        b"=",
        b" ",
        b"a ",
        b"a,",
        b'"\\',
        b'a="',
        b'",',
        b"a=b,",
    ],
)
def test_cr13_hostile(piece: bytes) -> None:
    """64 KiB of anything take no time worth speaking of."""
    line = b"Basic " + piece * (64 * 1024 // len(piece))
    assert_takes_no_time(lambda: parsed(line))
