"""Which proxy is chosen: by `proxies=`, by the environment, by the system's settings."""

from __future__ import annotations

import typing
import urllib.request

import pytest

import httpcore
from httpcore import URL, Proxy, ProxyError
from httpcore.policy.proxies import ProxyMap, environment_choice, proxy_choice


def chosen(chooser: typing.Any, url: str) -> str | None:
    """The URL of the proxy for `url`."""
    proxy = None if chooser is None else chooser(URL(url))
    return None if proxy is None else str(proxy.url)


# By what the caller says.

MAP = ProxyMap(
    {
        "http": "http://for-http",
        "https://": Proxy("http://for-https"),
        "ALL": URL("http://for-all"),
        "all://a.org": "http://for-a",
        "https://a.org": "http://for-a-https",
        "all://a.org:8443": "http://for-a-8443",
        "all://Internal.example/": None,
        "http://[::1]:80": None,
    }
)


@pytest.mark.parametrize(
    ("url", "proxy"),
    [
        ("http://b.org", "http://for-http"),
        ("https://b.org", "http://for-https"),
        ("http://a.org", "http://for-a"),
        ("https://a.org", "http://for-a-https"),
        ("https://a.org:8443", "http://for-a-8443"),
        ("https://x.a.org", "http://for-https"),
        ("http://internal.example", None),
        ("http://[::1]", None),
        ("http://[::1]:81", "http://for-http"),
    ],
)
def test_mapping(url: str, proxy: str | None) -> None:
    """The key that says most counts; a value of None is no proxy."""
    assert chosen(MAP.choose, url) == proxy


def test_mapping_without_all() -> None:
    """What no key is for has no proxy; `all` is for both schemes."""
    assert chosen(ProxyMap({"https": "p"}).choose, "http://a.org") is None
    assert chosen(ProxyMap({"all": "p"}).choose, "http://a.org") == "http://p"


@pytest.mark.parametrize("key", ["ftp", "", "a.org", "http://a b", "all://a:99999", "://a"])
def test_no_key(key: str) -> None:
    """A misspelt key is an error, and no proxy that is never used."""
    with pytest.raises(ValueError, match="is no key of proxies="):
        proxy_choice({key: "http://p"}, False, None)


def test_choice(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is said in code comes over the environment, which counts where it is trusted."""
    monkeypatch.setenv("ALL_PROXY", "http://from-env")
    url = "http://a.org"
    assert chosen(proxy_choice(None, True, None), url) == "http://from-env"
    assert proxy_choice(None, False, None) is None
    assert proxy_choice({}, True, None) is None
    assert chosen(proxy_choice({"http": "http://p"}, True, None), url) == "http://p"
    for said in ("http://p", Proxy("http://p"), lambda url: None):
        assert proxy_choice(said, True, None) is said


def test_ca_of_the_environment() -> None:
    """Https proxies are verified by it, those that name other CAs or none at all excepted."""

    def verify(proxies: typing.Any) -> object:
        choose: typing.Any = proxy_choice(proxies, True, "ca.pem")
        proxy = choose(URL("http://a.org"))
        return None if proxy is None or proxy.ssl is None else proxy.ssl.verify

    assert proxy_choice(None, True, "ca.pem") is None
    assert verify("https://u:p@p") == "ca.pem"
    assert verify({"all": Proxy("https://p", auth=("u", "p"), headers={"A": "1"})}) == "ca.pem"
    assert verify(lambda url: Proxy("https://p", ssl=True)) == "ca.pem"
    assert verify(Proxy("https://p", ssl="own.pem")) == "own.pem"
    assert verify(Proxy("https://p", ssl=False)) is False
    assert verify("http://p") is None
    assert verify("socks5://p") is None
    assert verify(lambda url: None) is None
    choose: typing.Any = proxy_choice("https://u:p@p", True, "ca.pem")
    url = URL("http://a.org")
    assert choose(url) == Proxy("https://p", auth=("u", "p"), ssl="ca.pem")
    assert choose(url) is choose(url)


# By the environment.


@pytest.mark.parametrize(
    ("environ", "url", "proxy"),
    [
        ({}, "http://a.org", None),
        ({"HTTP_PROXY": "http://p"}, "http://a.org", "http://p"),
        ({"HTTP_PROXY": "http://p"}, "https://a.org", None),
        ({"HTTPS_PROXY": "http://p"}, "https://a.org", "http://p"),
        ({"HTTPS_PROXY": "http://p"}, "http://a.org", None),
        ({"ALL_PROXY": "socks5h://p"}, "http://a.org", "socks5h://p"),
        ({"ALL_PROXY": "http://p", "HTTPS_PROXY": "http://q"}, "https://a.org", "http://q"),
        ({"http_proxy": "http://p", "HTTP_PROXY": "http://q"}, "http://a.org", "http://p"),
        ({"http_proxy": "", "HTTP_PROXY": "http://q"}, "http://a.org", None),
        ({"http_proxy": "", "ALL_PROXY": "http://q"}, "http://a.org", "http://q"),
        ({"HTTP_PROXY": " http://p "}, "http://a.org", "http://p"),
        ({"HTTP_PROXY": "http://p", "NO_PROXY": "a.org"}, "http://x.a.org", None),
        ({"HTTP_PROXY": "http://p", "no_proxy": "a.org"}, "http://b.org", "http://p"),
        ({"HTTP_PROXY": "http://p", "no_proxy": "*"}, "http://b.org", None),
        ({"NO_PROXY": "a.org"}, "http://b.org", None),
    ],
)
def test_environment(environ: dict[str, str], url: str, proxy: str | None) -> None:
    """A scheme's own variable counts before ALL_PROXY, lower case before upper."""
    assert chosen(environment_choice(environ), url) == proxy


@pytest.mark.parametrize(
    ("environ", "proxy"),
    [
        ({"HTTP_PROXY": "http://evil"}, None),
        ({"HTTP_PROXY": "http://evil", "http_proxy": "http://p"}, "http://p"),
        ({"HTTP_PROXY": "http://evil", "ALL_PROXY": "http://p"}, "http://p"),
    ],
)
def test_px8_cgi(environ: dict[str, str], proxy: str | None) -> None:
    """Under CGI, HTTP_PROXY comes from whoever sent the request: the lower case counts only."""
    assert chosen(environment_choice({**environ, "REQUEST_METHOD": "GET"}), "http://a") == proxy
    https = {"HTTPS_PROXY": "http://p", "REQUEST_METHOD": "GET"}
    assert chosen(environment_choice(https), "https://a") == "http://p"


@pytest.mark.parametrize(
    ("value", "proxy"),
    [("p:8080", "http://p:8080"), ("", None), ("  ", None), ("https://p/", "https://p")],
)
def test_px9_values(value: str, proxy: str | None) -> None:
    """Without a scheme it is http; empty is none."""
    assert chosen(environment_choice({"HTTPS_PROXY": value}), "https://a.org") == proxy


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("foo://x", "has to start with one of"),
        ("http://u:hush@p:99999", "port is no number"),
        ("socks4://u:hush@p", "SOCKS4 knows a user, but no password"),
        ("http://p/proxy.pac", "PAC files"),
    ],
)
def test_px9_junk(value: str, problem: str) -> None:
    """What is no proxy is an error that names the variable, once it would count."""
    choose = environment_choice({"https_proxy": value, "NO_PROXY": "b.org"})
    assert choose is not None
    assert choose(URL("http://a.org")) is None
    assert choose(URL("https://b.org")) is None
    with pytest.raises(ProxyError, match=problem) as caught:
        choose(URL("https://a.org"))
    assert "the environment variable https_proxy" in str(caught.value)
    assert "trust_env=False" in str(caught.value)
    assert "hush" not in str(caught.value)


# By the system's settings.


@pytest.mark.parametrize("platform", ["darwin", "win32"])
def test_system(monkeypatch: pytest.MonkeyPatch, platform: str) -> None:
    """Where no variable names a proxy, macOS and Windows are asked, once, at the first request."""
    asked: list[str] = []

    def getproxies() -> dict[str, str]:
        asked.append("proxies")
        return {"http": "http://p:8080", "https": "ftp://q"}

    def proxy_bypass(host: str) -> int:
        asked.append(host)
        return host == "internal.example"

    monkeypatch.setattr("sys.platform", platform)
    monkeypatch.setattr(urllib.request, "getproxies", getproxies)
    monkeypatch.setattr(urllib.request, "proxy_bypass", proxy_bypass)
    choose = environment_choice({"NO_PROXY": "x"})
    assert asked == []
    for _ in range(2):
        assert chosen(choose, "http://a.org") == "http://p:8080"
        assert chosen(choose, "http://internal.example") is None
    assert asked == ["proxies", "a.org", "internal.example"]
    with pytest.raises(ProxyError, match=r"settings of this system: .*ftp://q"):
        chosen(choose, "https://a.org")
    variables = environment_choice({"ALL_PROXY": "http://from-env"})
    assert chosen(variables, "http://a.org") == "http://from-env"


def test_system_without_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    """A system that has none is not asked about hosts."""
    monkeypatch.setattr("sys.platform", "darwin")
    monkeypatch.setattr(urllib.request, "getproxies", dict)
    monkeypatch.setattr(urllib.request, "proxy_bypass", None)
    assert chosen(environment_choice({}), "http://a.org") is None


def test_px9_client_is_made_anyway(monkeypatch: pytest.MonkeyPatch) -> None:
    """PX7: no variable keeps a client from being made; what is said in code is checked at once."""
    monkeypatch.setenv("HTTPS_PROXY", "foo://x")
    monkeypatch.setenv("NO_PROXY", "[::1,,10.0.0.0/99")
    with httpcore.Client() as client:
        with pytest.raises(ProxyError, match="HTTPS_PROXY") as caught:
            client.get("https://a.org")
        assert caught.value.request is not None
    with pytest.raises(httpcore.InvalidURL, match="foo://x is no URL of a proxy"):
        httpcore.Client(proxies="foo://x")
    with pytest.raises(TypeError, match="a proxy is a URL, a Proxy or None, not int"):
        httpcore.Client(proxies=typing.cast("str", 8080))
