"""What servers set."""

from __future__ import annotations

import re

from httpcore.models.cookies import Cookies
from httpcore.models.set_cookie import parse_set_cookie
from httpcore.models.url import URL

_HERE = "a.b.example.org"
_NOT_SENT = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_MAX_FIELD_BYTES = 8192


def cookies(data: bytes) -> None:
    """
    Any Set-Cookie fields, one a line, leave a jar that works; what is sent is a valid field, goes
    to hosts of that domain only, and what is Secure by TLS only.
    """
    fields = data.split(b"\n")
    for field in fields:
        parse_set_cookie(field)
    for scheme in ("https", "http"):
        jar = Cookies()
        jar.receive(f"{scheme}://{_HERE}/x/y", fields)
        _check(jar)
    everything = {one.name: one for one in jar.all()}
    assert set(everything) == set(jar) == set(dict(jar))


def _check(jar: Cookies) -> None:
    cookies = jar.all()
    for host in ("example.com", "xexample.org", "org", "192.0.2.1", "b.example.org.evil.org"):
        assert jar.header_for(f"https://{host}/x/y") is None
    for url in (f"https://{_HERE}/x/y", f"http://{_HERE}/x/y", "https://example.org/"):
        field = jar.header_for(url)
        if field is not None:
            assert not _NOT_SENT.search(field)
            assert len(field) <= _MAX_FIELD_BYTES
    if all(one.secure for one in cookies):
        assert jar.header_for(f"http://{_HERE}/x/y") is None
    for one in cookies:
        assert URL(f"http://{_HERE}/").host.endswith(one.domain)
        assert one.path.startswith("/")
        assert one.host_only <= (one.domain == _HERE)
        assert one.pair.decode("utf-8", "surrogateescape").isascii() or one.pair
    before = len(cookies)
    for one in cookies:
        jar.delete(one.name, domain=one.domain, path=one.path)
    assert before >= len(jar.all()) == 0
