"""What a client was told in confidence is in no `repr`, log line, error, or pickled error."""

from __future__ import annotations

import collections.abc
import logging
import pickle
import traceback
import typing

import pytest

import httpcore
from tests.conftest import MakeClient
from tests.servers.raw import RawServer, response

SECRETS = [f"hush{number}" for number in range(8)]
HEADERS = {"Authorization": "Bearer hush1", "Cookie": "a=hush2", "X-Api-Key": "hush3"}


def everything(error: httpcore.RequestException) -> str:
    """All that an error shows, by itself and after it was pickled."""
    shown = []
    for each in (error, pickle.loads(pickle.dumps(error))):
        shown += [str(each), repr(each), repr(each.__cause__), repr(each.request)]
        shown += [repr(each.request.headers), each.request.url.masked, repr(each.response)]
        if each.response is not None:
            shown += [repr(each.response.headers), repr(each.response.history)]
    shown.append(pickle.dumps(error).decode("latin-1"))
    return "\n".join(shown)


def hushed(text: str) -> None:
    assert [secret for secret in SECRETS if secret in text] == []


@pytest.mark.parametrize("scheme", ["http", "https", "socks5h"])
async def test_pr1_behind_a_proxy(
    make_client: MakeClient, scheme: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Nobody listens where the proxy should be."""
    caplog.set_level(logging.DEBUG)
    client = make_client(proxies=f"{scheme}://u:hush4@127.0.0.1:1", headers=HEADERS)
    for origin in ("http://u:hush5@h/?token=hush6", "https://u:hush5@h/?token=hush6#key=hush7"):
        with pytest.raises(httpcore.ProxyError) as caught:
            await client.get(origin)
        hushed(everything(caught.value) + caplog.text + repr(client) + repr(client.headers))


async def test_pr1_along_a_redirect(
    make_client: MakeClient, caplog: pytest.LogCaptureFixture
) -> None:
    """Nor from what the server says; the error itself has it all until it is pickled."""
    caplog.set_level(logging.DEBUG)
    moved = response(b"", "302 Found", [("Location", "/x?token=hush6"), ("Set-Cookie", "s=hush0")])
    gone = response(b"no", "404 Not Found", [("Set-Cookie", "t=hush0")])
    with RawServer.replies([moved, gone]) as server:
        url = server.url.replace("//", "//u:hush5@") + "/?access_token=hush4#key=hush7"
        answer: typing.Any = await make_client(headers=HEADERS).get(url)
        with pytest.raises(httpcore.HTTPError) as caught:
            answer.raise_for_status()
    error = caught.value
    assert error.request.headers["Authorization"] == "Bearer hush1"
    assert error.response.headers["Set-Cookie"] == "t=hush0"
    later = pickle.loads(pickle.dumps(error))
    assert str(later) == str(error)
    assert later.request.headers["Authorization"] == "[secure]"
    assert later.request.url.host == "127.0.0.1"
    assert later.request.url.username == ""
    assert later.request.target == b"/x?token=[secure]"
    assert (later.response.status_code, later.response.content) == (404, b"no")
    assert [hop.status_code for hop in later.response.history] == [302]
    assert later.response.history[0].headers["Set-Cookie"] == "[secure]"
    assert later.response.history[0].headers["Location"] == "/x?token=[secure]"
    hushed(everything(error) + caplog.text)
    plain = getattr(answer, "sync_object", answer)
    assert pickle.loads(pickle.dumps(plain)).request.headers["Authorization"] == "Bearer hush1"


@pytest.mark.parametrize(
    "mistake",
    [
        lambda: httpcore.Client(ssl=("client.pem", "client.key", "hush1")),  # type: ignore[arg-type]
        lambda: httpcore.Client(auth=("user", "hush1", "realm")),  # type: ignore[arg-type]
        lambda: httpcore.Client(auth={"user": "hush1"}),  # type: ignore[arg-type]
        lambda: httpcore.Client(proxies={"http://u:hush1@proxy:80/": "all"}),
        lambda: httpcore.Client(proxies={"u:hush1@proxy:80": "all"}),
        lambda: httpcore.Client(query_params=("token", "hush1")),  # type: ignore[arg-type]
        lambda: httpcore.Client(cookies="sid=hush1"),  # type: ignore[arg-type]
        lambda: httpcore.Client(base_url="//u:hush1@h"),
        lambda: httpcore.Proxy("ftp://u:hush1@h"),
        lambda: httpcore.Request("GET", "http://h", content=[("password", "hush1", "a.txt")]),  # type: ignore[arg-type]
        lambda: httpcore.Request("GET", "http://h", target="http://u:hush1@h/"),
        lambda: httpcore.Request("GET", "http://h", target="/a b?token=hush1"),
        lambda: httpcore.Headers({"Authorization: Bearer hush1": ""}),
    ],
)
def test_pr1_mistakes(mistake: collections.abc.Callable[[], object]) -> None:
    """What is refused is not told in full where it may be a password in the wrong place."""
    with pytest.raises((TypeError, ValueError)) as caught:
        mistake()
    hushed("".join(traceback.format_exception_only(caught.value)))


def test_pr1_long_histories() -> None:
    """Twenty redirects, each of which knows those before it, are each looked at once."""
    history: list[httpcore.Response] = []
    for number in range(60):
        request = httpcore.Request("GET", f"http://h/{number}?token=hush1")
        history.append(httpcore.Response(302, request=request, history=list(history)))
    shown = history[-1].without_secrets()
    assert len(shown.history) == 59
    assert [len(hop.history) for hop in shown.history] == list(range(59))
    hushed(repr([hop.url for hop in shown.history]))
