"""`Proxy` as a value: what it takes, what it refuses, and what it does not show."""

from __future__ import annotations

import pickle
import typing

import pytest

import httpcore
from httpcore import InvalidURL, Proxy, SSLConfig
from httpcore.models.proxy import as_proxy, proxy_chooser


@pytest.mark.parametrize(
    ("url", "shown", "peer"),
    [
        ("http://p:8080", "http://p:8080", "p:8080"),
        ("http://p:8080/", "http://p:8080", "p:8080"),
        ("http://p:8080/#", "http://p:8080", "p:8080"),
        ("HTTP://P", "http://p", "p:80"),
        ("p:8080", "http://p:8080", "p:8080"),
        ("p", "http://p", "p:80"),
        ("https://p", "https://p", "p:443"),
        ("socks5://p", "socks5://p", "p:1080"),
        ("socks5h://p:9050", "socks5h://p:9050", "p:9050"),
        ("socks4a://[::1]", "socks4a://[::1]", "[::1]:1080"),
        ("http://[fe80::1%25eth0]:3128", "http://[fe80::1%25eth0]:3128", "[fe80::1%eth0]:3128"),
        (httpcore.URL("http://p:8080"), "http://p:8080", "p:8080"),
    ],
)
def test_url(url: str | httpcore.URL, shown: str, peer: str) -> None:
    """A URL, or a host with its port; the usual ports are filled in."""
    proxy = Proxy(url)
    assert (str(proxy.url), proxy.peer, f"{proxy.host}:{proxy.port}") == (
        shown,
        peer,
        peer.replace("[", "").replace("]", ""),
    )
    assert repr(proxy) == f"Proxy({shown!r})"
    assert proxy.is_socks == shown.startswith("socks")


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("ftp://p", "has to start with one of http://, https://, socks4://"),
        ("http://", "has no host"),
        ("socks5://", "has no host"),
        ("http://p:99999", "port is no number"),
        ("http://p/proxy.pac", "PAC files"),
        ("http://p?a=1", "ends with the port"),
        ("http://p#a", "ends with the port"),
        ("http://u:secret@p/x", r"\[secure\]@p/x is no URL of a proxy"),
    ],
)
def test_no_url_of_a_proxy(url: str, problem: str) -> None:
    """What is no proxy is refused when it is given, without its password in the message."""
    with pytest.raises(InvalidURL, match=problem) as caught:
        Proxy(url)
    assert "secret" not in str(caught.value)


def test_credentials_of_the_url() -> None:
    """They are decoded and taken out of the URL; `auth=` counts more."""
    proxy = Proxy("http://us%40er:p%3Ass@p:8080")
    assert proxy == Proxy("http://p:8080", auth=("us@er", "p:ss"))
    assert proxy.credentials == (b"us@er", b"p:ss")
    assert Proxy("http://a:b@p", auth=(b"c", b"d")).credentials == (b"c", b"d")
    assert Proxy("http://a@p").credentials == (b"a", b"")
    assert Proxy("http://p").credentials == (b"", b"")
    assert Proxy("http://@p").auth is None


def test_fields() -> None:
    """Basic credentials, in UTF-8, and the further fields."""
    proxy = Proxy("http://p", auth=("u", "p\xe4"), headers={"X-Team": "a"})
    assert proxy.fields() == [(b"X-Team", b"a"), (b"Proxy-Authorization", b"Basic dTpww6Q=")]
    assert proxy.headers == {"X-Team": "a"}
    assert Proxy("http://p", auth=httpcore.BasicAuth("u", "p")).fields() == []


def test_pr1_repr_hides_secrets() -> None:
    """Neither the password nor a secret header is shown."""
    proxy = Proxy(
        "https://user:hush@p",
        headers={"Proxy-Authorization": "Bearer hush", "X-Team": "a"},
        ssl=False,
    )
    assert repr(proxy) == (
        "Proxy('https://p', auth=('user', '[secret]'), "
        "headers=Headers({'Proxy-Authorization': '[secure]', 'X-Team': 'a'}), "
        "ssl=SSLConfig(cert=None, verify=False))"
    )
    assert repr(Proxy("http://p", auth=httpcore.BasicAuth("user", "hush"))) == (
        "Proxy('http://p', auth=BasicAuth([secret]))"
    )


def test_value() -> None:
    """Equal ones are equal, hash alike, pickle, and do not change."""
    one, same = (Proxy("http://u:p@p", headers={"A": "1"}, ssl=True) for _ in range(2))
    assert one == same
    assert hash(one) == hash(same)
    assert pickle.loads(pickle.dumps(one)) == one
    others = [
        Proxy("http://u:q@p", headers={"A": "1"}, ssl=True),
        Proxy("http://u:p@p", headers={"A": "2"}, ssl=True),
        Proxy("http://u:p@p", headers={"A": "1"}, ssl=SSLConfig(verify=False)),
        Proxy("http://u:p@p:81", headers={"A": "1"}, ssl=True),
    ]
    assert len({one, *others}) == 5
    with pytest.raises(AttributeError):
        one.auth = None
    one.headers["A"] = "2"  # a copy
    assert one == same


@pytest.mark.parametrize(
    ("url", "options", "error", "problem"),
    [
        ("http://p", {"auth": "user"}, TypeError, "not str"),
        ("http://p", {"auth": ("user",)}, TypeError, r"\(user, password\) or an Auth"),
        ("http://p", {"auth": ("user", 1)}, TypeError, r"\(user, password\) or an Auth"),
        ("http://p", {"auth": ("us:er", "p")}, ValueError, "colon"),
        ("http://us%3Aer@p", {}, ValueError, "colon"),
        ("socks5://p", {"auth": ("user", "\ud800")}, ValueError, "half a surrogate pair"),
        ("http://p", {"headers": {"A": "1\r\n"}}, httpcore.InvalidHeader, "control character"),
        ("socks5://p", {"auth": httpcore.BasicAuth("u", "p")}, ValueError, "and no Auth"),
        ("socks5://p", {"headers": {"A": "1"}}, ValueError, "neither headers nor ssl"),
        ("socks5://p", {"ssl": True}, ValueError, "neither headers nor ssl"),
        ("socks4://u:p@p", {}, ValueError, "no password; use socks5"),
        (1, {}, TypeError, "str or URL"),
    ],
)
def test_refused(
    url: typing.Any, options: dict[str, typing.Any], error: type[Exception], problem: str
) -> None:
    """What the proxy could not be told is refused when it is given."""
    with pytest.raises(error, match=problem):
        Proxy(url, **options)


def test_a_colon_is_good_for_socks() -> None:
    """Only Basic cannot carry one in a user name."""
    assert Proxy("socks5://p", auth=("us:er", "p")).credentials == (b"us:er", b"p")


def test_as_proxy() -> None:
    """What stands for a proxy; a text is parsed once."""
    proxy = Proxy("http://p")
    assert as_proxy(proxy) is proxy
    assert as_proxy(None) is None
    assert as_proxy("http://p") == proxy == as_proxy(httpcore.URL("http://p"))
    assert as_proxy("http://p") is as_proxy("http://p")
    with pytest.raises(TypeError, match="a proxy is a URL, a Proxy or None, not int"):
        as_proxy(typing.cast("str", 8080))


def test_chooser() -> None:
    """A callable stays what it is; one proxy is chosen always, none never."""

    def choose(url: httpcore.URL) -> str | None:
        return None

    url = httpcore.URL("http://h")
    assert proxy_chooser(choose) is choose
    assert proxy_chooser(None) is None
    chooser = proxy_chooser("http://p")
    assert chooser is not None
    assert chooser(url) == Proxy("http://p")
