"""Field sections: what becomes of ours, and what of the peer's is refused."""

from __future__ import annotations

import hpack
import hypothesis
import pytest
from hypothesis import strategies as st

from httpcore.aliases import RawHeaders
from httpcore.exceptions import LocalProtocolError
from httpcore.wire.http2_fields import (
    StreamViolation,
    content_length,
    plain_fields,
    request_fields,
    response_fields,
    section_size,
)


def ours(*headers: tuple[bytes, bytes]) -> RawHeaders:
    """What becomes of `headers`, behind the pseudo-headers."""
    return request_fields("GET", "https", b"/", [(b"Host", b"h"), *headers])[4:]


def test_pseudo_headers() -> None:
    """Host becomes `:authority`, wherever it stands; names are in lower case (section 8.3.1)."""
    headers = [(b"X-First", b"1"), (b"HOST", b"example.org:8443"), (b"Accept", b"*/*")]
    assert request_fields("OPTIONS", "http", b"*", headers) == [
        (b":method", b"OPTIONS"),
        (b":scheme", b"http"),
        (b":authority", b"example.org:8443"),
        (b":path", b"*"),
        (b"x-first", b"1"),
        (b"accept", b"*/*"),
    ]


@pytest.mark.parametrize(
    "name",
    ["Connection", "Keep-Alive", "Proxy-Connection", "Transfer-Encoding", "Upgrade"],
)
def test_rq7_connection_fields_are_dropped(name: str) -> None:
    """RQ7: what belongs to an HTTP/1.1 connection is not sent (section 8.2.2)."""
    assert ours((name.encode(), b"x"), (b"a", b"b")) == [(b"a", b"b")]


def test_rq7_fields_named_by_connection_are_dropped() -> None:
    """RQ7: nor is what Connection names."""
    assert ours((b"Connection", b"close, X-Hop"), (b"X-Hop", b"1"), (b"a", b"b")) == [(b"a", b"b")]
    fields = request_fields("GET", "https", b"/", [(b"Host", b"h"), (b"Connection", b":path, a")])
    assert fields[3:] == [(b":path", b"/")]


def test_rq7_te() -> None:
    """RQ7: TE may say `trailers`, and nothing else."""
    assert ours((b"TE", b"Trailers")) == [(b"te", b"Trailers")]
    with pytest.raises(LocalProtocolError, match="TE 'gzip' cannot be sent over HTTP/2"):
        ours((b"TE", b"gzip"))


def test_secrets_are_never_indexed() -> None:
    """What could be guessed by the size of what is sent stays out of the compression's tables."""
    fields = ours(
        (b"Authorization", b"Basic x"),
        (b"Proxy-Authorization", b"Basic x"),
        (b"Cookie", b"a=1"),
        (b"Cookie", b"session=0123456789abcdef"),
        (b"Accept", b"*/*"),
    )
    never = [isinstance(field, hpack.NeverIndexedHeaderTuple) for field in fields]
    assert never == [True, True, True, False, False]


def test_section_size() -> None:
    """32 bytes for each field besides name and value (RFC 9113 section 6.5.2)."""
    assert section_size([(b"ab", b"cde"), (b"f", b"")]) == 70


def test_response_fields() -> None:
    """A good response is what it says."""
    fields = [(b":status", b"200"), (b"a", b"b c"), (b"set-cookie", b""), (b"a", b"\xff\t.")]
    assert response_fields(fields) == (200, fields[1:])
    assert response_fields([(b":status", b"999")]) == (999, [])


def test_cookie_crumbs() -> None:
    """Cookie may come in pieces (section 8.2.3)."""
    fields = [(b"cookie", b"a=1"), (b"x", b"y"), (b"cookie", b"b=2")]
    assert plain_fields(fields) == [(b"x", b"y"), (b"cookie", b"a=1; b=2")]


@pytest.mark.parametrize("status", [b"", b"20", b"2000", b"099", b"20x", b"+20", b" 200", b"\xb2"])
def test_wrong_status(status: bytes) -> None:
    """Three digits, the first of them not 0."""
    with pytest.raises(StreamViolation, match="sent the status"):
        response_fields([(b":status", status)])


def test_ck9_controls_in_a_cookie() -> None:
    """A cookie with control characters is left out, and nothing else with it."""
    fields = [(b"set-cookie", b"a=1"), (b"set-cookie", b"b=\x01"), (b"x", b"1")]
    assert plain_fields([*fields, (b"set-cookie", b"c=\x7f")]) == [fields[0], fields[2]]
    with pytest.raises(StreamViolation, match="'y' with control characters"):
        plain_fields([*fields, (b"y", b"\x01")])
    with pytest.raises(StreamViolation, match="'set-cookie' with control characters"):
        plain_fields([*fields, (b"set-cookie", b"a=\n\x01")])


@pytest.mark.parametrize(
    ("field", "said"),
    [
        ((b"Upper", b""), "'Upper', which is no lower-case field name"),
        ((b"", b""), "'', which is no lower-case field name"),
        ((b"a b", b""), "'a b', which is no"),
        ((b"a\n", b""), r"'a\\n', which is no"),
        ((b"a\nb", b""), r"'a\\nb', which is no"),
        ((b":status", b"200"), "the pseudo-header ':status' where it has no place"),
        ((b":unknown", b""), "the pseudo-header ':unknown'"),
        ((b"connection", b"close"), "'connection', which HTTP/2 forbids"),
        ((b"transfer-encoding", b"chunked"), "'transfer-encoding', which HTTP/2 forbids"),
        ((b"a", b"\n"), "'a' with control characters"),
        ((b"a", b"b\r"), "'a' with control characters"),
        ((b"a", b"b\0c"), "'a' with control characters"),
        ((b"a", b" b"), "'a' with control characters in its value, or blanks"),
        ((b"a", b"b\t"), "'a' with control characters in its value, or blanks"),
        ((b"long" * 99, b" "), r"'longlong(long){8}' with"),
    ],
)
def test_wrong_field(field: tuple[bytes, bytes], said: str) -> None:
    """The field that is wrong is named, wherever it stands."""
    for fields in ([field], [(b"a", b"b"), field], [field, (b"a", b"b")]):
        with pytest.raises(StreamViolation, match=said):
            plain_fields(fields)


@pytest.mark.parametrize(
    "value", [b"", b"+5", b"-5", b"5 ", b"5,5", b"\xb2", b"1" * 20, b"9" * 5000]
)
def test_wrong_content_length(value: bytes) -> None:
    """Digits, not too many of them."""
    with pytest.raises(StreamViolation, match="sent the Content-Length"):
        content_length([(b"content-length", value)])


def test_content_length() -> None:
    """It may be said twice, but not differently."""
    assert content_length([(b"a", b"b")]) is None
    assert content_length([(b"content-length", b"010")]) == 10
    assert content_length([(b"content-length", b"5")] * 2) == 5
    with pytest.raises(StreamViolation):
        content_length([(b"content-length", b"5"), (b"content-length", b"6")])


@hypothesis.settings(max_examples=200, deadline=None)
@hypothesis.given(
    st.lists(
        st.tuples(
            st.sampled_from(
                [b"a", b"b-c", b"A", b"", b":x", b"a\n", b"a\nb", b"upgrade", b"cookie"]
            ),
            st.lists(st.sampled_from([b"a", b" ", b"\t", b"\n", b"\0", b"\x7f"])).map(b"".join),
        )
    )
)
def test_all_in_one_go_is_the_same_as_one_by_one(fields: RawHeaders) -> None:
    """The section is refused if, and only if, one of its fields is."""

    def is_refused(part: RawHeaders) -> bool:
        try:
            plain_fields(part)
        except StreamViolation:
            return True
        return False

    assert is_refused(fields) is any(is_refused([field]) for field in fields)
