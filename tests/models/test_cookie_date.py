"""Dates of cookies, rule by rule (RFC 6265bis section 5.1.1)."""

from __future__ import annotations

import datetime
import email.utils

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from httpcore.models.cookie_date import parse_cookie_date
from tests.cpu_time import assert_takes_no_time

MOMENT = 1445412480  # 2015-10-21 07:28:00 UTC


@pytest.mark.parametrize(
    "text",
    [
        "Wed, 21 Oct 2015 07:28:00 GMT",
        "Wednesday, 21-Oct-15 07:28:00 GMT",
        "Wed Oct 21 07:28:00 2015",
        "21 oct 2015 7:28:0",
        "07:28:00 2015 October 21",
        "Wed, 21 Oct 2015 07:28:00 +0200",  # zones do not count
        "21st OCTOBER 2015th 07:28:00Z",
        "  21;Oct/2015,,07:28:00  ",
        "21 Oct 2015 07:28:00 08:00:00 22 Nov 2016",  # the first of each counts
        "2015 21 Oct 07:28:00",  # four digits cannot be a day
        "(21)[Oct]{2015}~07:28:00",
    ],
)
def test_dates(text: str) -> None:
    """Any order, any delimiters, anything after the digits, in any case."""
    assert parse_cookie_date(text) == MOMENT


@pytest.mark.parametrize(
    ("year", "means"),
    [
        *(("70", 1970), ("99", 1999), ("00", 2000), ("69", 2069), ("015", 2015)),
        *(("1601", 1601), ("9999", 9999)),
        *(("601", None), ("1600", None), ("5", None), ("99999", None)),
    ],
)
def test_years(year: str, means: int | None) -> None:
    """Two digits are of 1970 to 2069; none before 1601, none of one or five digits."""
    seconds = parse_cookie_date(f"21 Oct {year} 07:28:00")
    if means is None:
        assert seconds is None
    else:
        moment = datetime.datetime(means, 10, 21, 7, 28, tzinfo=datetime.UTC)
        assert seconds == moment.timestamp()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "never",
        "21 Oct 2015",
        "Oct 2015 07:28:00",
        "21 2015 07:28:00",
        "21 Oct 07:28:00",
        "32 Oct 2015 07:28:00",
        "0 Oct 2015 07:28:00",
        "30 Feb 2015 07:28:00",
        "31 Nov 2015 07:28:00",
        "21 Oct 2015 24:00:00",
        "21 Oct 2015 07:60:00",
        "21 Oct 2015 07:28:60",
        "21 Oct 2015 07:28",
        "21 Oct 2015 007:28:00",
        "21 Oct 2015 07:28:000",
        "021 Oct 2015 07:28:00",
        "21 Okt 2015 07:28:00",
        "\u0662\u0661 Oct 2015 07:28:00",  # digits, but not of ASCII
    ],
)
def test_no_dates(text: str) -> None:
    """A part that is missing, out of range or has too many digits; a day that does not exist."""
    assert parse_cookie_date(text) is None


@settings(deadline=None)
@given(st.text())
def test_never_raises(text: str) -> None:
    """Whatever it is."""
    assert parse_cookie_date(text) in (None, parse_cookie_date(text))


@settings(deadline=None)
@given(st.integers(min_value=0, max_value=4_000_000_000))
def test_every_moment(seconds: int) -> None:
    """Dates as HTTP writes them are read."""
    assert parse_cookie_date(email.utils.formatdate(seconds, usegmt=True)) == seconds


@pytest.mark.parametrize("text", ["1" * 65536, "1 " * 32768, ":" * 65536, "1:1:" * 16384])
def test_ck12_digits(text: str) -> None:
    """64 KiB of digits take no time worth speaking of."""
    assert parse_cookie_date(text) is None
    assert_takes_no_time(lambda: parse_cookie_date(text))
