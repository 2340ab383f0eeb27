"""Tests of `httpcore.models.url`."""

from __future__ import annotations

import contextlib
import copy
import pickle
import subprocess
import sys

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from httpcore.exceptions import InvalidURL
from httpcore.models.query_params import QueryParams
from httpcore.models.url import URL, Origin
from tests.cpu_time import assert_takes_no_time

FULL = "https://user:pa%3Ass@Example.ORG:8443/a/b;c?x=1&y#frag"


def invalid(url: str, match: str | None = None) -> str:
    """The message of the error that `url` is."""
    with pytest.raises(InvalidURL, match=match) as info:
        URL(url)
    return str(info.value)


# The attributes.


def test_all_attributes():
    """Of a URL that has everything."""
    url = URL(FULL)
    assert url.scheme == "https"
    assert url.authority == "user:pa%3Ass@example.org:8443"
    assert (url.username, url.password) == ("user", "pa:ss")
    assert url.host == "example.org"
    assert url.port == 8443
    assert url.path == "/a/b;c"
    assert url.query == "x=1&y"
    assert url.full_path == "/a/b;c?x=1&y"
    assert url.fragment == "frag"
    assert url.is_ssl
    assert url.origin == Origin("https://example.org:8443")
    assert url.is_absolute_url
    assert not url.is_relative_url
    assert url.raw_target == b"/a/b;c?x=1&y"
    assert url.host_header == b"example.org:8443"
    assert str(url) == "https://user:pa%3Ass@example.org:8443/a/b;c?x=1&y#frag"


def test_attributes_of_the_shortest_url():
    """What is not there is empty, and what is sent is filled in."""
    url = URL("http://h")
    assert (url.authority, url.host, url.port, url.path) == ("h", "h", 80, "/")
    assert (url.username, url.password, url.query, url.fragment) == ("", "", "", "")
    assert (url.full_path, url.raw_target, url.host_header) == ("/", b"/", b"h")
    assert not url.is_ssl
    assert str(url) == "http://h"


def test_attributes_of_a_relative_url():
    """It has no origin, so asking for it is an error that says why."""
    url = URL("a/b?c#d", allow_relative=True)
    assert (url.scheme, url.authority, url.host, url.port) == ("", "", "", 0)
    assert (url.path, url.query, url.fragment) == ("a/b", "c", "d")
    assert url.is_relative_url
    assert not url.is_absolute_url
    with pytest.raises(InvalidURL, match="no scheme"):
        url.origin  # noqa: B018


def test_attributes_of_another_scheme():
    """It can be looked at, so that an error can name it; and a proxy may have one."""
    url = URL("socks5://u:p@Proxy:1080", allow_relative=True)
    assert (url.scheme, url.host, url.port, url.username) == ("socks5", "proxy", 1080, "u")
    assert url.is_absolute_url
    with pytest.raises(InvalidURL, match="http://"):
        url.origin  # noqa: B018
    url = URL("file:///etc/hosts", allow_relative=True)
    assert (url.scheme, url.host, url.port, url.path) == ("file", "", 0, "/etc/hosts")
    assert str(url) == "file:///etc/hosts"
    assert url.is_relative_url


def test_international_url():
    """Hosts become A-labels, all else percent-encoded UTF-8."""
    url = URL("http://中国.icom.museum:80/é")
    assert url == URL("http://xn--fiqs8s.icom.museum/%C3%A9")
    assert url.host == "xn--fiqs8s.icom.museum"


def test_ipv6():
    """Brackets in the Host field, none where it is dialled."""
    url = URL("http://[2001:DB8::1]:81/")
    assert url.host == "2001:db8::1"
    assert url.host_header == b"[2001:db8::1]:81"
    assert str(url) == "http://[2001:db8::1]:81/"
    assert url.origin.peer == "[2001:db8::1]:81"


# Making one.


def test_a_url_from_a_url_is_that_url():
    """It costs nothing, so functions may take both."""
    url = URL("http://h/")
    assert URL(url) is url
    assert URL("http://h/") is url


@pytest.mark.parametrize("value", [b"http://h/", None, 1, object()])
def test_other_types_are_a_type_error(value):
    """The message names the type."""
    with pytest.raises(TypeError, match=type(value).__name__):
        URL(value)


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("", "no scheme"),
        ("/path", "no scheme"),
        ("//h/path", "no scheme"),
        ("example.org/x", "no scheme"),
        ("localhost:8000/x", "does not start with http:// or https://"),
        ("ftp://h/", "does not start with http:// or https://"),
        ("mailto:a@b", "does not start with http:// or https://"),
        ("http:", "no host"),
        ("http://", "no host"),
        ("http:///x", "no host"),
        ("https://:443/", "no host"),
        ("http://u:p@/", "no host"),
    ],
)
def test_only_http_and_https_with_a_host_can_be_requested(url, problem):
    """The error says what is missing."""
    invalid(url, problem)


def test_relative_and_other_urls_pass_where_they_are_allowed():
    """Also as `URL` objects, which are checked again where they are not."""
    for text in ("", "/path", "//h/path", "ftp://h/", "mailto:a@b", "http:g", "?q", "#f"):
        url = URL(text, allow_relative=True)
        assert str(url) == text
        with pytest.raises(InvalidURL):
            URL(url)


def test_errors_name_the_url_and_are_value_errors():
    """As `urllib.parse` has taught people to expect."""
    message = invalid("http://h:99999/x")
    assert "'http://h:99999/x'" in message
    assert "1 to 65535" in message
    assert issubclass(InvalidURL, ValueError)


def test_errors_are_printable_and_not_long():
    """Whatever was given for a URL."""
    for text in ("http://h/\x00\x1b\u202e\ud800", "x" * 10**5, "http://" + "é" * 10**5):
        message = invalid(text)
        assert message.isprintable()
        assert len(message) < 400


def test_the_longest_url():
    """As it is sent: what is escaped is longer than what was typed."""
    longest = "http://h/" + "a" * (65_536 - 9)
    assert str(URL(longest)) == longest
    invalid(f"{longest}a", "65537 characters")
    invalid("http://h/" + " " * 30_000, "90009 characters")
    with pytest.raises(InvalidURL, match="body"):
        URL("http://h/", query_params={"a": "a" * 65_536})


def test_a_long_url_is_parsed_each_time():
    """The cache does not grow by megabytes."""
    text = "http://h/" + "a" * 5000
    assert URL(text) == URL(text)
    assert URL(text) is not URL(text)


# Query parameters.


@pytest.mark.parametrize(
    ("url", "params", "merged"),
    [
        ("http://h", {"a": 1}, "http://h?a=1"),
        ("http://h/?a=1&b=2#f", {"a": 3, "c": True}, "http://h/?a=3&b=2&c=true#f"),
        ("http://h/?a=1", {"a": [2, 3]}, "http://h/?a=2&a=3"),
        ("http://h/?s=%2f&t", "?x=é", "http://h/?s=%2f&t&x=%C3%A9"),
        ("http://h/?a=1", {"a": None}, "http://h/?a=1"),
        ("http://h/?", {}, "http://h/?"),
        ("http://h/?a", None, "http://h/?a"),
        ("http://h/?a=1", QueryParams("b=1 2"), "http://h/?a=1&b=1+2"),
    ],
)
def test_rq11_query_params_are_merged_in_front_of_the_fragment(url, params, merged):
    """Onto the URL's own, of which nothing is lost."""
    assert str(URL(url, query_params=params)) == merged
    assert str(URL(URL(url), query_params=params)) == merged


def test_query_params_of_a_relative_url():
    """It stays relative."""
    assert str(URL("a#b", allow_relative=True, query_params={"c": 1})) == "a?c=1#b"


# Copies with other components.


def test_copy_with():
    """Each component alone, and several."""
    url = URL("https://u@example.org:123/a?b=c#d")
    assert str(url.copy_with(scheme="HTTP")) == "http://u@example.org:123/a?b=c#d"
    assert str(url.copy_with(authority="Other")) == "https://other/a?b=c#d"
    assert str(url.copy_with(path="/é?#")) == "https://u@example.org:123/%C3%A9%3F%23?b=c#d"
    assert str(url.copy_with(query="x y#")) == "https://u@example.org:123/a?x%20y%23#d"
    assert str(url.copy_with(fragment="x#")) == "https://u@example.org:123/a?b=c#x%23"
    assert str(url.copy_with(path="", query="x", fragment="")) == "https://u@example.org:123?x"
    assert str(url.copy_with(path="/\n\\ ")) == "https://u@example.org:123/%0A%5C%20?b=c#d"
    assert url.copy_with() == url


@pytest.mark.parametrize("nothing", [None, ""])
def test_copy_with_takes_components_away(nothing):
    """By `None`, and by what `query` and the others are where they are not there."""
    url = URL("https://h/a?b#c")
    assert str(url.copy_with(query=nothing)) == "https://h/a#c"
    assert str(url.copy_with(fragment=nothing)) == "https://h/a?b"
    assert str(url.copy_with(path=nothing)) == "https://h?b#c"
    assert str(url.copy_with(scheme=nothing, authority=nothing)) == "/a?b#c"


def test_copy_with_keeps_an_empty_query():
    """What is not named is not touched."""
    assert str(URL("http://h/?").copy_with(path="/a")) == "http://h/a?"


def test_copy_with_another_scheme_has_that_schemes_default_port():
    """The default port was not part of the URL."""
    assert URL("http://h:80/").copy_with(scheme="https").port == 443


@pytest.mark.parametrize(
    "change",
    [
        {"path": "users"},
        {"authority": "evil/x"},
        {"authority": "evil?x"},
        {"authority": "evil#x"},
        {"authority": "a@b@c"},
        {"authority": "evil\\x"},
        {"authority": None, "path": "//evil/"},
        {"scheme": None, "authority": None, "path": "a:b"},
        {"scheme": "http://evil/"},
        {"scheme": "a b"},
        {"path": "/\ud800"},
        {"query": "é" * 20_000},
    ],
)
def test_copy_with_what_makes_no_url(change):
    """No component can reach into another one."""
    with pytest.raises(InvalidURL, match="the URL '"):
        URL("http://h/a").copy_with(**change)


# Base URLs.


@pytest.mark.parametrize(
    ("base", "reference", "result"),
    [
        ("https://h/api", "users", "https://h/api/users"),
        ("https://h/api", "/users", "https://h/api/users"),
        ("https://h/api/", "users", "https://h/api/users"),
        ("https://h/api/", "/users", "https://h/api/users"),
        ("https://h", "users", "https://h/users"),
        ("https://h", "/users", "https://h/users"),
        ("https://h/", "/users", "https://h/users"),
        ("https://h/api", "/", "https://h/api/"),
        ("https://h/api", "?a=1", "https://h/api?a=1"),
        ("https://h/api", "", "https://h/api"),
        ("https://h/api", "../x", "https://h/api/../x"),
        ("https://h/api", "/a//b/", "https://h/api/a//b/"),
        ("https://h/api", "users?a=%2f#f", "https://h/api/users?a=%2f#f"),
        ("https://h/api", "/users:list", "https://h/api/users:list"),
        ("https://h/api?own=1#own", "users", "https://h/api/users"),
        ("https://u:p@h:81/api", "users", "https://u:p@h:81/api/users"),
        ("https://h/api", "https://i/x", "https://i/x"),
        ("https://h/api", "HTTP://I", "http://i"),
    ],
)
def test_under(base, reference, result):
    """The table of the docstring, and more."""
    assert str(URL(base).under(reference)) == result
    assert str(URL(base).under(URL(reference, allow_relative=True))) == result


@pytest.mark.parametrize(
    "reference",
    ["//evil/x", "///x", "http:/x", "http:x", "ftp://h/", "users:list", "/\\evil", "\n/x"],
)
def test_ur10_no_reference_leaves_the_base_by_accident(reference):
    """Only an absolute URL names another host."""
    with pytest.raises(InvalidURL):
        URL("https://u:p@h/api").under(reference)


@settings(max_examples=200, deadline=None)
@given(st.text("/\\:@?#.[]ab e\t", max_size=8))
def test_ur10_whatever_is_below_a_base_stays_at_its_host(reference):
    """Or it is an `InvalidURL`."""
    try:
        url = URL("https://u:p@h/api").under(reference)
    except InvalidURL:
        return
    assert url.authority == "u:p@h"
    assert url.path.startswith("/api")


# Values.


def test_equality_and_hash():
    """By the normalised text; a `str` compares with that."""
    url = URL("HTTP://Example.org:80/a")
    assert url == URL("http://example.org/a")
    assert hash(url) == hash(URL("http://example.org/a"))
    assert url == "http://example.org/a"
    assert url in {"http://example.org/a"}
    assert url != "HTTP://Example.org:80/a"
    assert url != URL("http://example.org/b")
    assert url != URL("http://u@example.org/a")
    assert url != 1


def test_it_cannot_be_changed():
    """The same object is given to everybody who asks for the same text."""
    url = URL("http://h/")
    with pytest.raises(AttributeError, match="immutable"):
        url.host = "evil"
    with pytest.raises(AttributeError, match="immutable"):
        del url.host
    with pytest.raises(AttributeError, match="immutable"):
        url.origin.port = 1


@pytest.mark.parametrize(
    "text", [FULL, "http://h", "/a?b#c", "ftp://h:1/", "http://[fe80::1%25e]/"]
)
def test_copies_and_pickles(text):
    """A copy is equal to what it was made of, in another process too."""
    url = URL(text, allow_relative=True)
    for twin in (copy.copy(url), copy.deepcopy(url), pickle.loads(pickle.dumps(url))):
        assert twin == url
        assert type(twin) is URL
        assert twin.raw_target == url.raw_target


class Link(URL):
    """A subclass with something of its own."""

    __slots__ = ()

    def shout(self) -> str:
        return str(self).upper()


def test_subclasses():
    """They have all that a URL has, compare with it, and pickle."""
    link = Link("http://h/", query_params={"a": 1})
    assert type(link) is Link
    assert link.shout() == "HTTP://H/?A=1"
    assert link == URL("http://h/?a=1")
    assert link.origin == URL("http://h/").origin
    assert type(pickle.loads(pickle.dumps(link))) is Link
    assert URL(link) is link
    assert repr(link) == "Link('http://h/?a=1')"


def test_a_str_subclass_is_a_str():
    """What it was is of no interest."""

    class Text(str):
        __slots__ = ()

    assert URL(Text("http://h/")) == URL("http://h/")


def test_pr1_repr_and_masked_have_no_secrets():
    """`str` is the URL that is used; `repr` is what ends up in logs."""
    url = URL("https://user:pass@h/a?token=abc&b=1#access_token=def")
    shown = "https://[secure]@h/a?token=[secure]&b=1#access_token=[secure]"
    assert url.masked == shown
    assert repr(url) == f"URL('{shown}')"
    assert str(url) == "https://user:pass@h/a?token=abc&b=1#access_token=def"
    assert repr(URL("http://h/a?b=c")) == "URL('http://h/a?b=c')"


@pytest.mark.parametrize(
    "url",
    [
        "http://user:hunter2@h:99999/",
        "http://user:hunter2/x@h/",
        "http://user:hunter2#x@h/",
        "http://user:x?hunter2@h/",
        "http://user:hun@ter2@h/",
        "http://user:hunter2@",
        "http:\\\\user:hunter2@h/",
        "http:/user:hunter2@h/",
        "user:hunter2@h",
        "ftp://user:hunter2@h/",
        "//user:hunter2@h/",
        "http://user:hunter2@h/\n",
        "http://h:x/?password=hunter2",
        "http://user:hunter2%FF@h/",
    ],
)
def test_pr1_no_error_shows_a_password(url):
    """Not even where it has broken the URL."""
    assert "hunter2" not in invalid(url)
    assert "ter2" not in invalid(url)


def test_pr1_no_error_of_a_base_url_shows_a_password():
    """Neither that of the base nor that of the reference."""
    with pytest.raises(InvalidURL) as info:
        URL("http://user:hunter2@base/").under("//user:hunter2@h/")
    assert "hunter2" not in str(info.value)
    with pytest.raises(InvalidURL) as info:
        URL("//user:hunter2@base/", allow_relative=True).resolve_with("/")
    assert "hunter2" not in str(info.value)


# Origins.


def test_origin():
    """The default port is filled in."""
    origin = Origin("HTTPS://Example.org/path?query")
    assert (origin.scheme, origin.host, origin.port) == ("https", "example.org", 443)
    assert origin.is_ssl
    assert origin.peer == "example.org:443"
    assert str(origin) == "https://example.org:443"
    assert not Origin("http://h").is_ssl


def test_origins_compare_by_scheme_host_and_port():
    """And by nothing else."""
    origin = Origin("https://example.org")
    for same in ("HTTPS://EXAMPLE.ORG:443", "https://u:p@example.org/path?q#f"):
        assert origin == Origin(same)
        assert origin == Origin(URL(same)) == URL(same).origin
        assert hash(origin) == hash(Origin(same))
    for other in ("http://example.org", "https://example.com", "https://example.org:80"):
        assert origin != Origin(other)
    assert origin != "https://example.org:443"


@pytest.mark.parametrize("text", ["https://example.org", "http://[::1]:81", "http://[fe80::1%25e]"])
def test_repr_of_an_origin_rebuilds_it(text):
    """And so do `str`, copies and pickles."""
    origin = Origin(text)
    assert eval(repr(origin)) == origin
    assert Origin(str(origin)) == origin
    for twin in (copy.copy(origin), copy.deepcopy(origin), pickle.loads(pickle.dumps(origin))):
        assert twin == origin
        assert twin.peer == origin.peer


def test_urls_of_one_origin_share_it():
    """The pool finds its key by identity then."""
    assert URL("http://h/a").origin is URL("http://h:80/b").origin


@pytest.mark.parametrize("text", ["/a", "ftp://h", "http:a", "http://h:x"])
def test_what_cannot_be_requested_has_no_origin(text):
    """Nor can one be made from it."""
    with pytest.raises(InvalidURL):
        Origin(text)


# Hazards.


@pytest.mark.parametrize(
    "url",
    [
        "http://good\\@evil/",
        "http:\\\\h",
        "http:/h",
        "http:h",
        "http:/\\h",
        "http://h\\",
        " http://h/",
        "\u00a0http://h/",
        "http ://h/",
        "ht tp://h/",
        "http:// h/",
        "http://h /",
        "http://a b/",
        "http://h :80/",
        "http://h: 80/",
        *(
            template.format(character)
            for character in "\t\r\n\x00\x0b\x1f\x7f"
            for template in (
                "{}http://h/",
                "ht{}tp://h/",
                "http://h{}/",
                "http://h/{}",
                "http://h/?{}",
            )
        ),
        "http://h/#\n",
    ],
)
def test_ur1_what_parsers_read_differently_is_refused(url):
    """Nothing is stripped, and nothing is taken for a slash."""
    invalid(url)


def test_ur2_the_host_is_the_one_that_is_looked_up():
    """A fragment ends the authority, and no `@` behind that counts."""
    for text in ("http://good#@evil/", "http://good?@evil/", "http://good/@evil/"):
        url = URL(text)
        assert url.host == "good"
        assert url.host_header == b"good"
        assert url.username == ""
    message = invalid("http://u:p@x@evil/", "write %40")
    assert "u:p" not in message


@pytest.mark.parametrize(
    "host",
    [
        "h%2Fevil",
        "h%00",
        "h%0d%0aX:",
        "h%",
        "h\u2100",
        "h\uff0fevil",
        "h\uff03",
        "h\uff1a80",
        "h\uff20i",
        "\uff05",
    ],
)
def test_ur3_delimiters_do_not_hide_in_hosts(host):
    """Neither as escapes nor as characters that IDNA maps to them."""
    invalid(f"http://{host}/")


@pytest.mark.parametrize(
    "host",
    [
        "2130706433",
        "0x7f.1",
        "0177.0.0.1",
        "127.1",
        "127.0.0.01",
        "127.0.0.0x1",
        "0x7f000001",
        "1.2.3.256",
        "1.2.3.4.5",
        "127.0.0.1.",
        "a.1",
        "١٢٧.0.0.1",
    ],
)
def test_ur4_numbers_are_dotted_quads_or_nothing(host):
    """What some resolvers take for an address is not looked up."""
    invalid(f"http://{host}/", "IPv4|no name")


@pytest.mark.parametrize(
    "host", ["[::1", "[::1]x", "[v1.a]", "[localhost]", "[::1%eth0]", "::1", "[]"]
)
def test_ur5_brackets_are_for_ipv6_addresses(host):
    """Whole ones."""
    invalid(f"http://{host}/")


def test_ur5_a_zone_is_dialled_but_not_sent():
    """It means nothing on other machines."""
    url = URL("http://[fe80::1%25eth0]:8080/")
    assert url.host == url.origin.host == "fe80::1%eth0"
    assert url.host_header == b"[fe80::1]:8080"
    assert str(url) == "http://[fe80::1%25eth0]:8080/"
    assert url.origin != Origin("http://[fe80::1]:8080/")


@pytest.mark.parametrize(
    "port", ["65536", "70000", "-1", "+80", "٨٠", "0", "00", "²", "8 0", "0x50", "80:"]
)
def test_ur6_ports_that_are_none(port):
    """1 to 65535, in ASCII digits."""
    invalid(f"http://h:{port}/")


def test_ur6_a_bare_colon_is_the_default_port():
    """RFC 3986 §3.2.3 has it so."""
    assert URL("https://h:/").port == 443
    assert URL("https://h:/").host_header == b"h"
    assert URL("http://h:65535/").port == 65535
    assert URL("http://h:1/").port == 1


def test_ur7_sharp_s_has_its_own_domain():
    """IDNA 2008, not 2003."""
    assert URL("http://faß/").host == "xn--fa-hia"


@pytest.mark.parametrize(
    "host",
    [
        "a" * 64,
        "é" * 64,
        ".".join(["a" * 49] * 5) + ".abcd",
        "a..b",
        ".h",
        "é..b",
        ".é",
        "a.é..",
        "xn--\u0378",
    ],
)
def test_ur7_hosts_that_dns_cannot_carry(host):
    """Always `InvalidURL`, never a `UnicodeError`."""
    invalid(f"http://{host}/", "host")


@pytest.mark.parametrize(
    "url",
    [
        "http://" + "é" * 10**5 + "/",
        "http://" + "é" * 250 + "/",
        "http://" + "@" * 10**4 + "/",
        "http://h/" + "%" * 10**6,
        "http://h/" + "%" * 20_000,
        "http://h/?" + "%41%" * 12_000,
        "http://h/" + "é" * 10_000,
        "http://h/?" + "%" * 10**6,
        "http://h" + "#" * 10**5,
        "http://" + "[" * 10**5,
        "http://[" + ":" * 10**5 + "]/",
        "http://" + "a." * 10**5 + "/",
        "a" * 10**6 + "@",
        "/" * 10**5 + "../" * 10**4,
    ],
)
def test_ur8_long_nonsense_takes_no_time(url):
    """Whether it is refused or not."""

    def parse() -> None:
        with contextlib.suppress(InvalidURL):
            URL(url)

    assert_takes_no_time(parse)


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("http://h/a%2Fb/%7e?x=%zz", b"/a%2Fb/%7e?x=%25zz"),
        ("http://h//x", b"//x"),
        ("http://h?q", b"/?q"),
        ("http://h/?", b"/?"),
        ("http://h/a/../b", b"/a/../b"),
        ("http://h/./a/.", b"/./a/."),
        ("http://h/a;b=c,d!$&'()*+~", b"/a;b=c,d!$&'()*+~"),
        ("http://h/%e9?%C3%a9", b"/%e9?%C3%a9"),
    ],
)
def test_ur9_the_request_target_is_what_was_typed(url, target):
    """Signed URLs depend on it."""
    assert URL(url).raw_target == target
    assert URL(url).full_path == target.decode("ascii")


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("http://h/a b", b"/a%20b"),
        ("http://h/ ", b"/%20"),
        ("http://h/'\"<>^`{|}[]", b"/'%22%3C%3E%5E%60%7B%7C%7D%5B%5D"),
        ("http://h/é?\u2028=\U0001f600", b"/%C3%A9?%E2%80%A8=%F0%9F%98%80"),
        ("http://h/?a=b\\c d", b"/?a=b%5Cc%20d"),
        ("http://h/?q[]=1", b"/?q%5B%5D=1"),
    ],
)
def test_rq2_unsafe_characters_are_encoded_once(url, target):
    """And what came out is not encoded again."""
    assert URL(url).raw_target == target
    assert URL(str(URL(url))).raw_target == target


def test_rq8_the_fragment_is_never_sent():
    """Whatever is in it."""
    assert URL("http://h/a?b#c d?e").raw_target == b"/a?b"
    assert URL("http://h#c").raw_target == b"/"


@pytest.mark.parametrize(
    ("location", "target"),
    [
        ("//i/p", "https://i/p"),
        ("?q", "https://u@h/a/b?q"),
        ("../x", "https://u@h/x"),
        ("#f", "https://u@h/a/b?c#f"),
        ("", "https://u@h/a/b?c"),
        ("/x y", "https://u@h/x%20y"),
        ("http://u:p@b/", "http://u:p@b/"),
    ],
)
def test_rd8_locations_are_joined_by_rfc_3986(location, target):
    """`tests/conformance/test_rfc3986.py` has all of the RFC's examples."""
    assert str(URL("https://u@h/a/b?c").resolve_with(location)) == target


@pytest.mark.parametrize(
    ("location", "path"), [("/c%C3%A9u", "/c%C3%A9u"), ("/%F8", "/%F8"), ("/%f8", "/%f8")]
)
def test_rd9_escaped_bytes_that_are_no_utf8_survive_resolving(location, path):
    """The caller escapes the raw bytes of a Location; from there on they stay as they are."""
    assert URL("http://h/").resolve_with(location).path == path


@pytest.mark.parametrize("location", ["http://", "https://:443/", "http://[::1", "http://h:99999"])
def test_rd10_locations_that_are_no_urls(location):
    """They are refused when they are resolved, or when they become a URL to request."""
    with pytest.raises(InvalidURL):
        URL(URL("http://h/").resolve_with(location))


# Properties.

URLS = st.one_of(
    st.text(),
    st.text("htps:/?#[]@.%\\ \t\n01xé\u2100\uff0fa-\ud800"),
    st.builds("http://{}".format, st.text("[]:@.%01xaé-_/?#")),
    st.builds("https://{}/{}?{}#{}".format, st.text(max_size=9), st.text(), st.text(), st.text()),
)


@settings(max_examples=400, deadline=None)
@given(URLS, st.booleans())
@example("http://h/\ud800", False)
@example("http://\udcff/", False)
@example("http://\u200d.a/", False)
def test_any_text_is_a_url_or_invalid(text, allow_relative):
    """What is sent is printable ASCII without blanks, and parsing the result changes nothing."""
    try:
        url = URL(text, allow_relative=allow_relative)
    except InvalidURL:
        return
    for sent in (url.raw_target, url.host_header):
        assert sent.isascii()
        assert sent.decode("ascii").isprintable()
        assert b" " not in sent
    assert str(url).isascii()
    assert str(URL(str(url), allow_relative=True)) == str(url)
    assert url.copy_with() == url


@settings(max_examples=200, deadline=None)
@given(URLS)
def test_any_location_resolves_or_is_invalid(text):
    """And the result is a URL that parses as itself."""
    try:
        url = URL("http://h/a/b?c").resolve_with(text)
    except InvalidURL:
        return
    assert str(URL(str(url), allow_relative=True)) == str(url)
    if url.scheme == "http" and url.host == "h":
        assert url.path.startswith("/")


@settings(max_examples=400, deadline=None)
@given(URLS | st.text("a/:?#"), URLS | st.text("a/:?#"), st.dictionaries(st.text(), st.text()))
@example("", "a:b", {})
@example("//h", "/", {"a": ""})
@example("mailto:a", "?", {})
def test_what_is_put_together_without_parsing(base, reference, params):
    """A URL below another, or with parameters, is in all its parts what parsing it would give."""
    try:
        below = URL(base, allow_relative=True).under(reference)
        with_params = URL(base, allow_relative=True, query_params=params)
    except (InvalidURL, ValueError):
        return
    for made in (below, with_params):
        parsed = URL(str(made), allow_relative=True)
        for name in URL.__slots__:
            assert getattr(made, name) == getattr(parsed, name)


def test_what_is_put_together_has_the_same_limit():
    """That is the length of a whole URL."""
    url = URL("http://h/")
    with pytest.raises(InvalidURL, match="is malformed: it has 65550 characters"):
        URL(url, query_params={"abc": "d" * 65536})


def test_importing_costs_no_parser():
    """rfc3986 and idna are loaded by the first URL."""
    code = (
        "import sys, httpcore.models.url as url\n"
        "assert not {'rfc3986', 'idna'} & set(sys.modules)\n"
        "url.URL('http://h/')\n"
        "assert 'rfc3986' in sys.modules\n"
        "assert 'idna.uts46data' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=30)
