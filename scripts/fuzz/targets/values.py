"""Values in one piece: URLs, header fields, NO_PROXY, certificates."""

from __future__ import annotations

import contextlib
import ipaddress
import urllib.parse

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from httpcore.exceptions import InvalidURL
from httpcore.field_values import (
    list_items,
    parse_boundary,
    parse_content_type,
    parse_disposition_filename,
    parse_link_header,
    unquoted,
)
from httpcore.models.url import URL
from httpcore.pins import pins_of, public_key_info
from httpcore.policy.challenges import quoted
from httpcore.policy.no_proxy import NoProxy


def url(data: bytes) -> None:
    """
    Any text is an `InvalidURL` or a URL that is sent as printable ASCII, parses as itself, and has
    the host that Python's urllib sees in it; what it leads to is one, too.
    """
    text = data.decode("utf-8", "surrogateescape")
    try:
        parsed = URL(text, allow_relative=True)
    except InvalidURL as exc:
        assert str(exc).isprintable()
        return
    _check_url(parsed)
    with contextlib.suppress(ValueError):  # urllib refuses some, by what is in brackets
        assert _host(text) in ("", parsed.host) or not text.isascii()
    for follow in (URL("http://u:p@h/a/b?c").resolve_with, URL("https://u:p@h/api").under):
        with contextlib.suppress(InvalidURL):
            _check_url(follow(text))
    with contextlib.suppress(InvalidURL):
        below = URL("https://u:p@h/api").under(text)
        assert parsed.is_absolute_url or below.authority == "u:p@h"


def _check_url(parsed: URL) -> None:
    for sent in (parsed.raw_target, parsed.host_header):
        assert sent.isascii()
        assert sent.decode("ascii").isprintable()
        assert b" " not in sent
    text = str(parsed)
    assert text.isascii()
    assert str(URL(text, allow_relative=True)) == text
    assert parsed.copy_with() == parsed
    assert _host(text) == parsed.host
    userinfo, _, address = parsed.authority.rpartition("@")
    if userinfo:
        assert repr(parsed) == repr(parsed.copy_with(authority=f"x@{address}"))


def _host(text: str) -> str:
    """The host as urllib reads it, in our way of writing it."""
    host = urllib.parse.urlsplit(text).hostname or ""
    if ":" not in host:
        return host
    address, percent, zone = host.partition("%25")
    # urllib puts the zone into lower case.
    return f"{ipaddress.IPv6Address(address).compressed}{'%' if percent else ''}{zone}"


def field_values(data: bytes) -> None:
    """
    No field raises.  A file name is one that can be used; what is quoted is found again.
    """
    value = data.decode("latin-1")
    assert all(item == item.strip(" \t") != "" for item in list_items(value))
    media_type, charset = parse_content_type(value)
    assert media_type == media_type.lower()
    assert charset != ""
    parse_boundary(value)
    for link in parse_link_header(value):
        assert link["url"] == link["url"].strip()
        assert all(name == name.strip().lower() != "" for name in link)
    name = parse_disposition_filename(value)
    if name is not None:
        assert name.isprintable()
        assert name == name.strip().lstrip(".") != ""
        assert not {"/", "\\"} & set(name)
    assert unquoted(quoted(value)) == value
    if value.isprintable():
        assert list_items(f"{quoted(value)}, x") == [quoted(value), "x"]


def no_proxy(data: bytes) -> None:
    """
    Any text can be asked about any host.  Neither case nor the kind of separator count, and what
    is added takes nothing away.  The first line is the host.
    """
    line, _, entries = data.partition(b"\n")
    text = entries.decode("utf-8", "surrogateescape")
    try:
        host = URL(f"http://{line.decode('utf-8', 'surrogateescape')}/").host
    except InvalidURL:
        return
    matches = NoProxy(text).matches(host, 80)
    assert NoProxy(text.replace(",", " , ")).matches(host, 80) == matches
    assert NoProxy(f"{text},example.com").matches("example.com", 80)
    assert NoProxy(f"x.example.com,{text}").matches(host, 80) >= matches
    if text.isascii():
        assert NoProxy(text.upper()).matches(host, 80) == matches
    assert NoProxy(f"*,{text}").matches(host, 80)


def pins(data: bytes) -> None:
    """
    A certificate has a key within it, the one that `cryptography` finds, or there is none.
    """
    assert len(pins_of(data)) in (1, 2)
    try:
        found = public_key_info(data)
    except ValueError:
        found = None
    assert found is None or found in data
    try:
        key = x509.load_der_x509_certificate(data).public_key()
    except Exception:  # whatever it does not like about a broken one
        return
    assert found is not None
    assert serialization.load_der_public_key(found) == key
