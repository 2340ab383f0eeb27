"""RFC 3986, Uniform Resource Identifier (URI): Generic Syntax."""

from __future__ import annotations

import itertools

import pytest

from httpcore.exceptions import InvalidURL
from httpcore.models.url import URL
from httpcore.models.url_syntax import Parts, remove_dot_segments, split

BASE = "http://a/b/c/d;p?q"


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("ftp://ftp.is.co.za/rfc/rfc1808.txt", ("ftp", "ftp.is.co.za", "/rfc/rfc1808.txt")),
        ("http://www.ietf.org/rfc/rfc2396.txt", ("http", "www.ietf.org", "/rfc/rfc2396.txt")),
        ("ldap://[2001:db8::7]/c=GB?objectClass?one", ("ldap", "[2001:db8::7]", "/c=GB")),
        ("mailto:John.Doe@example.com", ("mailto", "", "John.Doe@example.com")),
        (
            "news:comp.infosystems.www.servers.unix",
            ("news", "", "comp.infosystems.www.servers.unix"),
        ),
        ("tel:+1-816-555-1212", ("tel", "", "+1-816-555-1212")),
        ("telnet://192.0.2.16:80/", ("telnet", "192.0.2.16:80", "/")),
        (
            "urn:oasis:names:specification:docbook:dtd:xml:4.1.2",
            ("urn", "", "oasis:names:specification:docbook:dtd:xml:4.1.2"),
        ),
    ],
)
def test_section_1_1_2_examples(text, parts):
    """All of them can be represented, though only http and https can be requested."""
    url = URL(text, allow_relative=True)
    assert (url.scheme, url.authority, url.path) == parts
    assert str(url) == text


def test_section_2_1_percent_encoding_keeps_its_case():
    """Upper case is recommended, but a URL that is signed may have the other one."""
    assert URL("http://h/%3a%3A?%3a").raw_target == b"/%3a%3A?%3a"


def test_section_2_4_nothing_is_decoded_or_encoded_twice():
    """An escape that is there stays, and parsing what came out changes nothing."""
    once = str(URL("http://h/a%20b c%zz"))
    assert once == "http://h/a%20b%20c%25zz"
    assert str(URL(once)) == once


def test_section_2_5_characters_beyond_ascii_are_encoded_as_utf8():
    """In path, query and fragment."""
    url = URL("http://h/À?ア#é", allow_relative=True)
    assert (url.path, url.query, url.fragment) == ("/%C3%80", "%E3%82%A2", "%C3%A9")


def test_section_3_components_that_are_empty_are_not_components_that_are_missing():
    """`?` alone is a query, and is sent."""
    assert split("http://h?#") == Parts("http", "h", "", "", "")
    assert split("http://h") == Parts("http", "h", "", None, None)
    assert str(URL("http://h?#")) == "http://h?#"
    assert URL("http://h?").raw_target == b"/?"


def test_section_3_1_scheme_is_in_lower_case():
    """Schemes are case-insensitive."""
    assert URL("HTTP://h/").scheme == "http"


def test_section_3_2_2_host_is_in_lower_case():
    """Hosts are case-insensitive; the path is not."""
    assert str(URL("http://EXAMPLE.org/A")) == "http://example.org/A"


def test_section_3_2_2_ip_future_is_refused():
    """Nobody can connect to one."""
    with pytest.raises(InvalidURL, match="no IPv6 address"):
        URL("http://[v1.fe80::a+en1]/")


def test_section_3_2_3_port_may_be_empty():
    """That is the default port, and the colon is left out."""
    url = URL("http://h:/")
    assert url.port == 80
    assert str(url) == "http://h/"


def test_section_3_5_fragment_may_have_a_question_mark_and_no_number_sign():
    """It goes to the end of the URL."""
    assert URL("http://h/#a?b#c").fragment == "a?b%23c"


@pytest.mark.parametrize(
    ("reference", "target"),
    [
        ("g:h", "g:h"),
        ("g", "http://a/b/c/g"),
        ("./g", "http://a/b/c/g"),
        ("g/", "http://a/b/c/g/"),
        ("/g", "http://a/g"),
        ("//g", "http://g"),
        ("?y", "http://a/b/c/d;p?y"),
        ("g?y", "http://a/b/c/g?y"),
        ("#s", "http://a/b/c/d;p?q#s"),
        ("g#s", "http://a/b/c/g#s"),
        ("g?y#s", "http://a/b/c/g?y#s"),
        (";x", "http://a/b/c/;x"),
        ("g;x", "http://a/b/c/g;x"),
        ("g;x?y#s", "http://a/b/c/g;x?y#s"),
        ("", "http://a/b/c/d;p?q"),
        (".", "http://a/b/c/"),
        ("./", "http://a/b/c/"),
        ("..", "http://a/b/"),
        ("../", "http://a/b/"),
        ("../g", "http://a/b/g"),
        ("../..", "http://a/"),
        ("../../", "http://a/"),
        ("../../g", "http://a/g"),
    ],
)
def test_section_5_4_1_normal_examples(reference, target):
    """Each reference means what the RFC says it means."""
    assert str(URL(BASE).resolve_with(reference)) == target


@pytest.mark.parametrize(
    ("reference", "target"),
    [
        ("../../../g", "http://a/g"),
        ("../../../../g", "http://a/g"),
        ("/./g", "http://a/g"),
        ("/../g", "http://a/g"),
        ("g.", "http://a/b/c/g."),
        (".g", "http://a/b/c/.g"),
        ("g..", "http://a/b/c/g.."),
        ("..g", "http://a/b/c/..g"),
        ("./../g", "http://a/b/g"),
        ("./g/.", "http://a/b/c/g/"),
        ("g/./h", "http://a/b/c/g/h"),
        ("g/../h", "http://a/b/c/h"),
        ("g;x=1/./y", "http://a/b/c/g;x=1/y"),
        ("g;x=1/../y", "http://a/b/c/y"),
        ("g?y/./x", "http://a/b/c/g?y/./x"),
        ("g?y/../x", "http://a/b/c/g?y/../x"),
        ("g#s/./x", "http://a/b/c/g#s/./x"),
        ("g#s/../x", "http://a/b/c/g#s/../x"),
        ("http:g", "http:g"),
    ],
)
def test_section_5_4_2_abnormal_examples(reference, target):
    """The last one as a strict parser reads it."""
    assert str(URL(BASE).resolve_with(reference)) == target


@pytest.mark.parametrize(
    ("base", "reference", "target"),
    [
        ("http://a", "g", "http://a/g"),
        ("http://a?q", "g", "http://a/g"),
        ("http://a?q", "", "http://a?q"),
        ("http://a/b?q", "?", "http://a/b?"),
        ("http://a/b/../c", "?y", "http://a/b/../c?y"),
        ("https://u:p@a:444/b", "//c:443/d", "https://c/d"),
        ("http://a/b", "HTTPS://C/./d", "https://c/d"),
        ("mailto:a/b", "c", "mailto:a/c"),
        ("mailto:a", "c", "mailto:c"),
        ("http://a/b/c", "%2e%2E/d%2f", "http://a/b/%2e%2E/d%2f"),
        ("http://a/b/c", "..//d", "http://a//d"),
    ],
)
def test_section_5_2_2_other_references(base, reference, target):
    """Merging with an empty path, dot segments that are no reference's, and escaped ones."""
    assert str(URL(base, allow_relative=True).resolve_with(reference)) == target


def test_section_5_1_a_base_has_a_scheme():
    """Else there is nothing to resolve with."""
    with pytest.raises(InvalidURL, match="relative itself"):
        URL("/a", allow_relative=True).resolve_with("b")


def test_section_3_3_a_path_without_authority_never_becomes_one():
    """Resolving must not make a host of what was a path."""
    with pytest.raises(InvalidURL, match="would not be read"):
        URL("g:a/b", allow_relative=True).resolve_with("..//evil")


def naive_remove_dot_segments(path: str) -> str:
    """The steps of section 5.2.4, letter by letter."""
    output = ""
    while path:
        if path.startswith("../"):  # 2A
            path = path[3:]
        elif path.startswith(("./", "/./")):  # 2A, 2B
            path = path[2:]
        elif path == "/.":
            path = "/"
        elif path.startswith("/../") or path == "/..":  # 2C
            path = path[3:] or "/"
            output = output[: max(output.rfind("/"), 0)]
        elif path in (".", ".."):  # 2D
            path = ""
        else:  # 2E
            end = path.find("/", 1)
            end = len(path) if end < 0 else end
            output, path = output + path[:end], path[end:]
    return output


def test_section_5_2_4_removing_dot_segments():
    """All paths of up to six pieces, against the algorithm as it is written down."""
    assert remove_dot_segments("/a/b/c/./../../g") == "/a/g"
    assert remove_dot_segments("mid/content=5/../6") == "mid/6"
    for count in range(7):
        for pieces in itertools.product(["/", ".", "..", "a"], repeat=count):
            path = "".join(pieces)
            assert remove_dot_segments(path) == naive_remove_dot_segments(path), path


def test_section_6_2_3_default_ports_are_left_out():
    """Of their own scheme only."""
    assert str(URL("http://h:80/")) == "http://h/"
    assert str(URL("https://h:443/")) == "https://h/"
    assert str(URL("https://h:80/")) == "https://h:80/"
    assert str(URL("//h:80/", allow_relative=True)) == "//h:80/"
