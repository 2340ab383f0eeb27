"""Status codes by name, as `requests.codes` has them: `codes.not_found == 404`."""

from __future__ import annotations

import http


class StatusCodes:
    """
    Each `http.HTTPStatus` as an attribute, in upper and in lower case.

    >>> codes.NOT_FOUND, codes.not_found
    (<HTTPStatus.NOT_FOUND: 404>, <HTTPStatus.NOT_FOUND: 404>)
    """

    ok: http.HTTPStatus

    def __getattr__(self, name: str) -> http.HTTPStatus:
        try:
            return http.HTTPStatus[name.upper()]
        except KeyError:
            raise AttributeError(f"no status code is named {name!r}") from None

    def __dir__(self) -> list[str]:
        names = list(http.HTTPStatus.__members__)
        return names + [name.lower() for name in names]


codes = StatusCodes()

_BY_VALUE: dict[int, http.HTTPStatus] = {int(status): status for status in http.HTTPStatus}


def status_from_int(code: int) -> int:
    """The `http.HTTPStatus` for `code` where there is one, else `code` itself."""
    return _BY_VALUE.get(code, code)


def reason_phrase(code: int) -> str:
    """The standard phrase for `code`, `""` where there is none."""
    status = _BY_VALUE.get(code)
    return "" if status is None else status.phrase
