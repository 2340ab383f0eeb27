"""What servers ask for, and what a netrc file answers."""

from __future__ import annotations

import contextlib
import re

from httpcore.models.headers import Headers
from httpcore.models.request import Request
from httpcore.models.response import Response
from httpcore.policy.challenges import parse_challenges
from httpcore.policy.digest import DigestAuth
from httpcore.policy.netrc import NetRC, _parse

_CONTROLS = re.compile(rb"[\x00-\x08\x0b-\x1f\x7f]")
_PASSWORD = "Circle of Life"
# The first request, and two answers.
_MAX_REQUESTS = 3


def digest(data: bytes) -> None:
    """
    Any challenges, one a line, are answered a few times or not at all, by Digest alone, with the
    server's own realm and nonce, and never with the password.
    """
    if _CONTROLS.search(data):
        return  # no response has such fields
    lines = data.split(b"\n")
    headers = Headers.from_raw([(b"WWW-Authenticate", line) for line in lines])
    headers["Authentication-Info"] = lines[0].decode("latin-1").strip(" \t")
    asked = [challenge.parameters for challenge in parse_challenges(headers, "WWW-Authenticate")]
    auth = DigestAuth("Mufasa", _PASSWORD)
    for _ in range(2):  # the second time with what was learnt
        request = Request("GET", "http://example.org/dir/index.html")
        flow = auth.flow(request)
        with contextlib.suppress(StopIteration):
            next(flow)
            for count in range(_MAX_REQUESTS + 1):
                assert count < _MAX_REQUESTS, "it does not end"
                if "Authorization" in request.headers:
                    _check_answer(request, asked)
                flow.send(Response(401, headers))


def _check_answer(request: Request, asked: list[dict[str, str]]) -> None:
    value = request.headers["Authorization"]
    assert _PASSWORD not in value
    (answer,) = parse_challenges(request.headers, "Authorization")
    assert answer.scheme == "digest"
    given = answer.parameters
    assert given["uri"] == "/dir/index.html"
    assert re.fullmatch("[0-9a-f]{32}|[0-9a-f]{64}", given["response"])
    assert any(
        given["nonce"] == parameters.get("nonce")
        and given["realm"] == parameters.get("realm", "")
        and given.get("opaque") == parameters.get("opaque")
        for parameters in asked
    )


def netrc(data: bytes) -> None:
    """
    Any file has logins or a line that is malformed, of which nothing is shown; no host gets
    another's, and `default` is not a host.
    """
    text = data.decode("utf-8", "replace")
    try:
        logins = _parse(text)
    except ValueError as exc:
        assert re.fullmatch(r"line \d+ is malformed", str(exc))
        return
    file = NetRC(logins)
    for host, login in logins.items():
        assert host == host.lower()
        assert any(login)
        with contextlib.suppress(ValueError):  # Basic cannot carry it
            assert file.login(host) is not None
    for host in ("example.org", "other.example", "default"):
        with contextlib.suppress(ValueError):
            assert (file.login(host, with_default=False) is not None) == (host in logins)
