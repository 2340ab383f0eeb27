"""docs/hazards.md tells which hazards there are, and which tests are about each."""

from __future__ import annotations

from scripts import hazards

TEXT = hazards.TABLE.read_text("utf-8")
TESTS = hazards.tests_by_row()


def test_every_row_has_a_test() -> None:
    """And stands there once."""
    rows = hazards.rows(TEXT)
    assert len(rows) == len(set(rows)) == 232
    assert [row for row in rows if not TESTS.get(row)] == []


def test_every_test_has_a_row() -> None:
    """What is named like a row's test is one."""
    assert sorted(TESTS.keys() - set(hazards.rows(TEXT))) == []


def test_the_table_is_up_to_date() -> None:
    """After a test was added, renamed or moved: scripts/hazards."""
    now = hazards.written(TEXT, TESTS).splitlines()
    outdated = [row for row, old in zip(now, TEXT.splitlines(), strict=True) if row != old]
    assert outdated == [], "run scripts/hazards"


def test_names() -> None:
    """One test may be for several rows."""
    assert hazards.rows_of("test_fr1_length_and_chunked") == ["FR1"]
    assert hazards.rows_of("test_h2_10_push") == ["H2.10"]
    assert hazards.rows_of("test_rd2_mp5_file_at_an_offset") == ["RD2", "MP5"]
    for other in ("test_h11", "test_ipv6_only", "test_http2_x", "test_rfc7616_a", "test_x_fr1_y"):
        assert hazards.rows_of(other) == []
