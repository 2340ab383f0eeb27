"""What is said about counts of instructions; the counting itself is run by `scripts/test`."""

from __future__ import annotations

import pytest

from scripts.instructions import compare, in_chunks, missing


@pytest.mark.parametrize(
    ("now", "remark", "good"),
    [
        (1000, "+0.0%", True),
        (1100, "+10.0%", True),
        (1101, "+10.1%: more than 10% up", False),
        (900, "-10.0%", True),
        (700, "-30.0%: well done; scripts/instructions --record", True),
    ],
)
def test_ten_percent_are_allowed(now, remark, good):
    """More fails, less is praised."""
    lines, verdict = compare({"GET": 1000}, {"GET": now})
    assert lines[1].endswith(f"  {remark}")
    assert verdict is good


def test_what_has_no_counterpart_is_named_and_fails_nothing():
    """On either side."""
    lines, good = compare({"gone": 5}, {"new": 7})
    assert good
    assert [line.split("  ")[-1] for line in lines[1:]] == [
        "not measured here",
        "not recorded: scripts/instructions --record",
    ]


@pytest.mark.parametrize(("ci", "status"), [("true", 1), ("", 0)])
def test_what_cannot_be_measured_fails_in_ci_only(ci, status, monkeypatch, capsys):
    """Elsewhere it is skipped, and says so."""
    monkeypatch.setenv("CI", ci)
    assert missing("there is no valgrind") == status
    assert "there is no valgrind" in capsys.readouterr().out


def test_chunks():
    """The chunked coding has the body, and an end."""
    assert in_chunks(b"abcde", size=3) == b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
