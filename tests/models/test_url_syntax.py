"""Tests of `httpcore.models.url_syntax`."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from httpcore.models.url_syntax import (
    PATH,
    QUERY,
    USERINFO,
    Authority,
    Malformed,
    credentials,
    masked_query,
    masked_reference,
    masked_text,
    parse_authority,
    split,
)


@pytest.mark.parametrize(
    ("text", "authority"),
    [
        ("h", Authority("", "h", None)),
        ("H.Org:8080", Authority("", "h.org", 8080)),
        ("h:", Authority("", "h", None)),
        ("h:00080", Authority("", "h", 80)),
        ("@h", Authority("", "h", None)),
        ("u@h", Authority("u", "h", None)),
        ("u:p:q@h:1", Authority("u:p:q", "h", 1)),
        ("u é%40%zz@h", Authority("u%20%C3%A9%40%25zz", "h", None)),
        ("127.0.0.1", Authority("", "127.0.0.1", None)),
        ("[::1]", Authority("", "::1", None)),
        ("[2001:DB8:0:0::1]:80", Authority("", "2001:db8::1", 80)),
        ("[fe80::1%25eth0]", Authority("", "fe80::1%eth0", None)),
        ("_dmarc.my_host-.org.", Authority("", "_dmarc.my_host-.org.", None)),
        ("1.2.3.4.com", Authority("", "1.2.3.4.com", None)),
        ("0xa.b", Authority("", "0xa.b", None)),
    ],
)
def test_authorities(text, authority):
    """Userinfo, host and port, and back."""
    assert parse_authority(text) == authority
    assert parse_authority(str(authority)) == authority


def test_authorities_as_text():
    """The brackets and the escape of a zone come back."""
    assert str(Authority("u:p", "fe80::1%eth0", 81)) == "u:p@[fe80::1%25eth0]:81"
    assert str(Authority("", "h", None)) == "h"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "no host"),
        (":80", "no host"),
        ("u@", "no host"),
        ("a@b@h", "write %40"),
        ("[::1", "not closed"),
        ("[::1]x", "follows the bracket"),
        ("::1", "in brackets"),
        ("[]", "no IPv6 address"),
        ("[::1%eth0]", "behind %25"),
        ("[::1%25]", "zone"),
        ("[::1%25a%25b]", "zone"),
        ("[::1%25a/b]", "zone"),
        ("[1.2.3.4]", "no IPv6 address"),
        ("h:http", "port"),
        ("h:123456", "port"),
        ("h%41", "percent sign"),
        ("a b", "no host name"),
        ("a,b", "no host name"),
        (".", "no host name"),
        ("a" * 300, "longer"),
        (".".join(["a" * 49] * 5) + ".abcd", "longer"),
        ("256.1.1.1", "IPv4"),
        ("1.2.3", "IPv4"),
        ("1.2.3.4.", "IPv4"),
        ("0x", "IPv4"),
        ("h.0xg0.0xf", "IPv4"),
    ],
)
def test_malformed_authorities(text, problem):
    """The message says what is wrong."""
    with pytest.raises(Malformed, match=problem):
        parse_authority(text)


def test_the_longest_host():
    """253 characters, and a dot behind them that is not counted."""
    longest = ".".join(["a" * 49] * 5) + ".abc"
    assert parse_authority(longest).host == longest
    assert parse_authority(f"{longest}.").host == f"{longest}."


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("bücher.example", "xn--bcher-kva.example"),
        ("BÜCHER.Example", "xn--bcher-kva.example"),
        ("my_host.bücher.", "my_host.xn--bcher-kva."),
        ("中国。icom。museum", "xn--fiqs8s.icom.museum"),
        ("faß.de", "xn--fa-hia.de"),
        ("ｅｘａｍｐｌｅ.org", "example.org"),
        ("１２７.0.0.１", "127.0.0.1"),
        ("\u212aelvin", "kelvin"),
    ],
)
def test_international_hosts(text, host):
    """UTS 46, then IDNA 2008; labels in ASCII are left alone."""
    assert parse_authority(text).host == host


@pytest.mark.parametrize(
    "text",
    ["☃.net", "\u0300a.org", "xn--a.\u2028", "é" * 63 + ".org", "a\u3002\u3002é", "\xad", "\ud800"],
)
def test_international_hosts_that_do_not_exist(text):
    """Whatever idna says about them, it is `Malformed`."""
    with pytest.raises(Malformed, match="its host is no"):
        parse_authority(text)


@pytest.mark.parametrize(
    ("userinfo", "decoded"),
    [
        ("", ("", "")),
        ("u", ("u", "")),
        (":p", ("", "p")),
        ("u%40x:p%3A:q", ("u@x", "p::q")),
        ("%C3%BC", ("ü", "")),
    ],
)
def test_credentials(userinfo, decoded):
    """The first colon divides them, before they are decoded."""
    assert credentials(userinfo) == decoded


def test_credentials_have_to_be_utf8():
    """Guessing would make a wrong password of a right one."""
    with pytest.raises(Malformed, match="UTF-8"):
        credentials("u:%FF")


def test_escaping_touches_what_is_illegal_only():
    """Each component has its own set."""
    every = "".join(map(chr, range(0x20, 0x7F)))
    legal = "!$&'()*+,-.0123456789:;=@ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz~"
    assert {c for c in every if PATH.escape(c) == c} == {*legal, "/"}
    assert {c for c in every if QUERY.escape(c) == c} == {*legal, "/", "?"}
    assert {c for c in every if USERINFO.escape(c) == c} == {*legal} - {"@"}


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("%", "%25"),
        ("%a", "%25a"),
        ("%zz", "%25zz"),
        ("%%41", "%25%41"),
        ("%25", "%25"),
        ("%2525", "%2525"),
        ("%af%AF é", "%af%AF%20%C3%A9"),
        ("%4%41%", "%254%41%25"),
    ],
)
def test_escaping_of_percent_signs(text, escaped):
    """An escape that is one stays, a stray sign is escaped."""
    assert PATH.escape(text) == escaped


@settings(max_examples=200, deadline=None)
@given(st.text("%2fA5z é?"))
def test_escaping_twice_is_escaping_once(text):
    """What is escaped is legal."""
    once = PATH.escape(text)
    assert PATH.escape(once) == once


def test_escaping_a_lone_surrogate():
    """It has no UTF-8."""
    with pytest.raises(Malformed, match="surrogate"):
        PATH.escape("a\ud800")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("http://h/\n", "control characters"),
        ("http://h/?\x7f", "control characters"),
        (" http://h/", "blank"),
        ("\u2003http://h/", "blank"),
        ("http://h/a\\b", "backslash"),
        ("http://h\\@i/", "backslash"),
    ],
)
def test_splitting_what_is_malformed_everywhere(text, problem):
    """Some characters are in no URL."""
    with pytest.raises(Malformed, match=problem):
        split(text)


@pytest.mark.parametrize(
    ("query", "masked"),
    [
        ("a=1&token=x&b=2", "a=1&token=[secure]&b=2"),
        ("access_token=x&X-Amz-Signature=y", "access_token=[secure]&X-Amz-Signature=[secure]"),
        (
            "apiKey=x&api_key=y&key=z&sig=w",
            "apiKey=[secure]&api_key=[secure]&key=[secure]&sig=[secure]",
        ),
        ("x-auth=a&auth=b&authorization=c", "x-auth=[secure]&auth=[secure]&authorization=[secure]"),
        ("author=a&keyword=b&monkey=c&design=d", "author=a&keyword=b&monkey=c&design=d"),
        ("password=&token&x", "password=&token&x"),
        ("token=a=b", "token=[secure]"),
        ("", ""),
    ],
)
def test_pr1_masking_queries(query, masked):
    """By the name of the parameter."""
    assert masked_query(query) == masked


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("http://u:p@h/a@b?c=d", "http://[secure]@h/a@b?c=d"),
        ("?a=b&token=x", "?a=b&token=[secure]"),
        ("//u@h", "//[secure]@h"),
        (" http://u:p@h/a@b?token=x", "[secure]@b?token=[secure]"),
        ("a\\b?" + "c" * 70_000, "a\\b?" + "c" * 65_532 + "..."),
    ],
)
def test_pr1_masking_references(text, masked):
    """Exactly what is secret where it can be told, else rather too much."""
    assert masked_reference(text) == masked


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("http://h", "'http://h'"),
        ("http://u:p@h/x", "'http://[secure]@h/x'"),
        ("http://u:p/q#r@h/", "'http://[secure]@h/'"),
        ("//u:p@h", "'//[secure]@h'"),
        ("u:p@h", "'[secure]@h'"),
        ("http:\\\\u:p@h", "'[secure]@h'"),
        ("x?token=a&b=c#key=d", "'x?token=[secure]&b=c#key=[secure]'"),
        ("a\r\nb\x00\u202e\ud800é", r"'a\r\nb\x00\u202e\ud800é'"),
        ("a" * 201, f"'{'a' * 200}...'"),
        ("u" * 300 + ":p@h", "'[secure]@h'"),
    ],
)
def test_pr1_masking_what_is_no_url(text, masked):
    """Rather too much is hidden than too little."""
    assert masked_text(text) == masked
