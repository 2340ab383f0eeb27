"""The dates of cookies, by the algorithm of RFC 6265bis §5.1.1: tolerant, and unlike HTTP's own."""

from __future__ import annotations

import datetime
import re

_DELIMITERS = re.compile(r"[\t -/;-@\[-`{-~]+")
# "Followed by a non-digit, or by nothing": more digits than these, and it is not that token.
_TIME = re.compile(r"([0-9]{1,2}):([0-9]{1,2}):([0-9]{1,2})(?![0-9])")
_DAY = re.compile(r"([0-9]{1,2})(?![0-9])")
_YEAR = re.compile(r"([0-9]{2,4})(?![0-9])")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


def parse_cookie_date(text: str) -> int | None:
    """Seconds since the epoch, or `None` for what is no date."""
    time = day = month = year = None
    # Each token is the first thing of these that it can be and that has not been found yet.
    for token in _DELIMITERS.split(text):
        if time is None and (found := _TIME.match(token)):
            time = (int(found[1]), int(found[2]), int(found[3]))
        elif day is None and (found := _DAY.match(token)):
            day = int(found[1])
        elif month is None and token[:3].lower() in _MONTHS:
            month = _MONTHS.index(token[:3].lower()) + 1
        elif year is None and (found := _YEAR.match(token)):
            year = int(found[1])
    if time is None or day is None or month is None or year is None:
        return None
    if year < 100:
        year += 1900 if year >= 70 else 2000
    if year < 1601:
        return None
    try:
        moment = datetime.datetime(year, month, day, *time, tzinfo=datetime.UTC)
    except ValueError:
        return None  # February 30, 24:00:00
    return int(moment.timestamp())
