"""What the head of a response says: its status, its fields, and where it came from."""

from __future__ import annotations

import datetime
import typing

from ..field_values import parse_disposition_filename, parse_link_header
from ..status_codes import reason_phrase
from .connection_info import ConnectionInfo
from .cookies import Cookies
from .headers import Headers
from .url import URL

if typing.TYPE_CHECKING:
    from .request import Request

# How much of the URL and of the server's reason a message has at most.
_MAX_SHOWN_URL = 200
_MAX_SHOWN_REASON = 60


class ResponseHead:
    """The part of a response that is there before its body."""

    status_code: int
    headers: Headers
    request: Request | None
    protocol: str
    _reason_phrase: str | None

    # What most responses begin, and many end with.
    elapsed_seconds: float = 0.0
    _carried_by: tuple[ConnectionInfo, int] | None = None
    _cookies: Cookies | None = None

    @property
    def reason_phrase(self) -> str:
        """What the server sent as its reason (HTTP/1.1), or the standard phrase for the status."""
        if self._reason_phrase is None:
            return reason_phrase(self.status_code)
        return self._reason_phrase

    @property
    def http_version(self) -> str:
        """The same as `protocol`."""
        return self.protocol

    @property
    def url(self) -> URL | None:
        """The URL that answered, after redirects; `None` for a response without a request."""
        return None if self.request is None else self.request.url

    @property
    def connection(self) -> ConnectionInfo | None:
        """
        The connection that it came over: addresses, TLS, the server's certificate, and whether it
        had been used before.  `None` for a response that came over none, such as a mock's.
        """
        if self._carried_by is None:
            return None
        connection, count = self._carried_by
        return connection.at_request(count)

    @property
    def ok(self) -> bool:
        """Whether the status is below 400."""
        return self.status_code < 400

    @property
    def is_redirect(self) -> bool:
        """Whether it asks for another request: 301, 302, 303, 307 or 308 with a Location."""
        # The first is a short cut past most responses.
        return (
            self.status_code >= 300
            and self.status_code in (301, 302, 303, 307, 308)
            and "Location" in self.headers
        )

    @property
    def elapsed(self) -> datetime.timedelta:
        """The time from sending the request to its response's head; of the last hop only."""
        return datetime.timedelta(seconds=self.elapsed_seconds)

    @property
    def cookies(self) -> Cookies:
        """
        The cookies that this response sets, by the rules of `Cookies`.

        Those of the redirects before it are in `history`; a client has them all in its `cookies`.
        """
        if self._cookies is None:
            self._cookies = Cookies()
            self._cookies.receive(self.url, self.headers.by_name().get(b"set-cookie", ()))
        return self._cookies

    @property
    def links(self) -> dict[str, dict[str, str]]:
        """The Link header (RFC 8288), by `rel` or, without one, by URL."""
        found: dict[str, dict[str, str]] = {}
        for value in self.headers.getlist("Link"):
            for link in parse_link_header(value):
                for relation in link.get("rel", "").split() or [link["url"]]:
                    found.setdefault(relation, link)
        return found

    @property
    def filename(self) -> str | None:
        """
        The file name that Content-Disposition proposes (RFC 6266), safe to be used in a folder of
        one's own: without any path, control characters or leading dots.  `None` if there is none.
        """
        return parse_disposition_filename(self.headers.get("Content-Disposition"))

    def _described(self) -> str:
        reason = printable(self.reason_phrase)[:_MAX_SHOWN_REASON]
        answered = f"{int(self.status_code)} {reason}".strip()
        if self.request is None:
            return answered
        url = self.request.url.masked
        if len(url) > _MAX_SHOWN_URL:
            url = f"{url[:_MAX_SHOWN_URL]}..."
        return f"{self.request.method} {url} answered {answered}"


def printable(text: str) -> str:
    """`text` on one line, without what a terminal might obey."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())
