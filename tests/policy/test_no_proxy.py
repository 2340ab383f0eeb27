"""NO_PROXY by its written grammar."""

from __future__ import annotations

import ipaddress
import logging
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

import httpcore
from httpcore.policy.no_proxy import NoProxy


def matches(text: str, url: str) -> bool:
    parsed = httpcore.URL(url if "://" in url else f"http://{url}")
    return NoProxy(text).matches(parsed.host, parsed.port)


@pytest.mark.parametrize(
    ("text", "yes", "no"),
    [
        ("a.org", "a.org A.ORG x.a.org y.x.a.org a.org. a.org:8080 https://a.org", "xa.org org"),
        (".a.org", "a.org x.a.org", "xa.org a.org.evil"),
        ("*.a.org", "a.org x.a.org", "xa.org"),
        ("a.org.", "a.org x.a.org. ", "xa.org"),
        ("A.Org", "a.org", "b.org"),
        ("*", "a.org 192.0.2.1 [::1] localhost", ""),
        ("localhost", "localhost localhost:81", "127.0.0.1"),
        ("a.org:80", "a.org http://x.a.org", "a.org:81 https://a.org"),
        ("*.a.org:443", "https://x.a.org", "a.org"),
        ("b\xfccher.example", "xn--bcher-kva.example b\xfccher.example", "bucher.example"),
        ("192.0.2.1", "192.0.2.1 192.0.2.1:81 [::ffff:192.0.2.1]", "192.0.2.10 x.org"),
        ("192.0.2.1:81", "192.0.2.1:81", "192.0.2.1"),
        ("10.0.0.0/8", "10.0.0.1 10.255.255.255:81 [::ffff:10.1.2.3]", "11.0.0.1 [::a00:1] a10"),
        ("10.1.2.3/8", "10.9.9.9", "11.0.0.1"),
        ("0.0.0.0/0", "192.0.2.1", "[::1] a.org"),
        ("::1", "[::1] [0:0::1]:81", "[::2]"),
        ("0:0:0:0:0:0:0:1", "[::1]", "[::2]"),
        ("[::1]", "[::1] [::1]:81", "[::2]"),
        ("[::1]:81", "[::1]:81", "[::1]"),
        ("fd00::/8", "[fd12::1]", "[fe80::1] 10.0.0.1"),
        ("[fd00::]/8", "[fd12::1]", "[fe80::1]"),
        ("::ffff:10.0.0.1", "10.0.0.1 [::ffff:10.0.0.1]", "10.0.0.2"),
        ("a.org,b.org", "a.org b.org", "c.org"),
        (" a.org , ,,b.org\tc.org;", "a.org b.org", "c.org"),
        ("", "", "a.org 192.0.2.1 [::1]"),
    ],
)
def test_px7_grammar(text: str, yes: str, no: str) -> None:
    """Each kind of entry matches what the grammar says, and nothing else."""
    assert [url for url in yes.split() if not matches(text, url)] == []
    assert [url for url in no.split() if matches(text, url)] == []


@pytest.mark.parametrize(
    ("text", "yes", "no"),
    [
        ("fe80::/10", "[fe80::1%25eth0]", "[fd00::1]"),
        ("fe80::1", "[fe80::1%25eth0] [fe80::1]", "[fe80::2%25eth0]"),
        ("fe80::1%eth0", "[fe80::1%25eth1]", "[fe80::2]"),
        ("eth0,.evil,evil", "", "[fe80::1%25eth0] [fe80::1%25x.evil]"),
    ],
)
def test_ur5_zones_have_no_say(text: str, yes: str, no: str) -> None:
    """The zone of an address is looked at neither in an entry nor in a URL."""
    test_px7_grammar(text, yes, no)


@pytest.mark.parametrize(
    "junk",
    [
        *("http://a.org", "a.org/path", "10.0.0.0/99", "10.0.0.0/8/8", "[::1", "a.org:99999"),
        *(".", "*.", "a b@c", "1:2:3:4", "256.0.0.1", "\x00", "a..b", "**", "[::1]x", "/", ":"),
    ],
)
def test_px7_junk_is_skipped(junk: str, caplog: pytest.LogCaptureFixture) -> None:
    """What is no entry is skipped, with a warning in the log that says which and why."""
    with caplog.at_level(logging.WARNING, "httpcore"):
        assert matches(f"{junk},good.org", "good.org")
        assert not matches(f"{junk},good.org", "a.org")
    assert re.search(r"NO_PROXY: the entry '.*' is skipped: \w", caplog.text)


LABELS = st.from_regex(r"[a-z][a-z0-9-]{0,8}", fullmatch=True)
NAMES = st.lists(LABELS, min_size=1, max_size=4).map(".".join)
PORTS = st.integers(1, 65535)


@given(name=NAMES, below=NAMES, port=PORTS)
def test_px7_names(name: str, below: str, port: int) -> None:
    """A name matches itself and all below it, and nothing that only ends with its letters."""
    no_proxy = NoProxy(name)
    assert no_proxy.matches(name, port)
    assert no_proxy.matches(f"{below}.{name}", port)
    assert not no_proxy.matches(f"x{name}", port)
    assert not no_proxy.matches(f"{name}.not-in-name", port)


@given(name=NAMES, port=PORTS, other=PORTS)
def test_px7_ports(name: str, port: int, other: int) -> None:
    """An entry with a port is for that port only."""
    assert NoProxy(f"{name}:{port}").matches(name, other) == (port == other)


@given(address=st.ip_addresses(), other=st.ip_addresses(), data=st.data())
def test_px7_networks(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
    other: ipaddress.IPv4Address | ipaddress.IPv6Address,
    data: st.DataObject,
) -> None:
    """A network matches what Python says is in it; of a mapped address the IPv4 one counts."""
    prefix = data.draw(st.integers(0, address.max_prefixlen))
    network = ipaddress.ip_network(f"{address}/{prefix}", strict=False)
    other = getattr(other, "ipv4_mapped", None) or other
    expected = other.version == network.version and other in network
    assert NoProxy(f"{address}/{prefix}").matches(str(other), 80) == expected


@given(text=st.text(max_size=40), name=NAMES)
def test_px7_any_text(text: str, name: str) -> None:
    """No text makes it raise, and a good entry behind it counts."""
    assert NoProxy(f"{text},{name}").matches(name, 80)
