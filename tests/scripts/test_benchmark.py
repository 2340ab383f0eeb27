"""The arithmetic of the benchmark's report; the measuring is done by `scripts/benchmark/run`."""

from __future__ import annotations

import xml.etree.ElementTree

import pytest

from scripts.benchmark import plot, report
from scripts.benchmark.cases import CASES
from scripts.benchmark.environments import CLIENTS, PLAIN, SPEEDUPS
from scripts.benchmark.measuring import Meter
from scripts.benchmark.results import Results


@pytest.fixture
def results() -> Results:
    made = Results()
    for value in (10e-6, 12e-6, 11e-6):
        made.add("get", "floor", value)
    for value in (66e-6, 44e-6, 55e-6):
        made.add("get", PLAIN, value)
    made.add("get", SPEEDUPS, 33e-6)
    return made


def test_median_spread_and_ratio(results):
    """A cell has all three."""
    assert report.cell(results, CASES["get"], "floor") == "11.0 ±1.00 (1.00)"
    assert report.cell(results, CASES["get"], PLAIN) == "55.0 ±11.0 (5.00)"


def test_one_round_has_no_spread(results):
    """There is nothing to tell it from."""
    assert report.cell(results, CASES["get"], SPEEDUPS) == "33.0 (3.00)"


def test_what_was_not_measured_is_a_dash(results):
    """Not a zero."""
    assert report.cell(results, CASES["get"], "pycurl") == "-"
    assert report.cell(results, CASES["tls"], "floor") == "-"


def test_a_value_without_a_floor_has_no_ratio(results):
    """It stands alone."""
    results.add("create", PLAIN, 0.00002)
    assert report.cell(results, CASES["create"], PLAIN) == "0.02"


def test_targets_are_marked(results):
    """Whether they are met or missed."""
    case = CASES["get"]
    assert report.verdict(results, case, case.plain, PLAIN) == "**reached**: 5.00 of 6.50 × floor"
    assert report.verdict(results, case, case.speedups, SPEEDUPS) == (
        "3.00 of 2.20 × floor: 36% over"
    )
    other = CASES["tls"]
    assert report.verdict(results, other, other.plain, PLAIN) == (
        "not measured (target 6.50 × floor)"
    )


def test_a_target_in_its_own_unit(results):
    """Not all are multiples of the floor."""
    results.add("import", PLAIN, 0.080)
    case = CASES["import"]
    assert report.verdict(results, case, case.plain, PLAIN) == "80.0 of 60.0 ms: 33% over"


def test_a_target_that_is_another_case_of_the_same_client(results):
    """It is compared with that."""
    results.add("origin", PLAIN, 50e-6)
    results.add("origins", PLAIN, 52e-6)
    case = CASES["origins"]
    assert report.verdict(results, case, case.plain, PLAIN) == (
        "**reached**: 1.04 of 1.10 × 1 origin"
    )


def test_the_report_names_what_failed_and_what_there_is_not(results):
    """Nothing is missing without a word."""
    results.failures.append("pycurl could not be installed: no wheel")
    results.give_up("get", SPEEDUPS, "no second engine")
    text = report.markdown(results, report.Circumstances("run", "today", "3", "here", "Quiet."))
    assert "pycurl could not be installed: no wheel" in text
    assert f"* {SPEEDUPS}: no second engine (get)" in text


def test_the_readme_gets_multiples_of_the_floor(results):
    """Between its marks, and nothing else changes."""
    told = report.summary(results, report.Circumstances("run", "today", "3", "here", "Quiet."))
    assert told.startswith("Measured by `run` on today, 3, here. Quiet.\n")
    assert told.endswith(
        f"| **{SPEEDUPS}** | 3.00 | - | - | - | - | - |\n| **{PLAIN}** | 5.00 | - | - | - | - | - |"
    )
    readme = f"a\n{report.SUMMARY_BEGIN}\nold\n{report.SUMMARY_END}\nb\n"
    assert report.with_summary(readme, "new") == readme.replace("old", "new")
    with pytest.raises(ValueError, match="has no"):
        report.with_summary("no marks", "new")


def test_plots_are_well_formed():
    """They are XML."""
    bars = plot.bars([plot.Bars("1 KB <get>", {"floor": 1.0, PLAIN: 6.4}, frozenset({PLAIN}))], "x")
    lines = plot.lines([plot.Lines("origins", "µs", {PLAIN: [(1, 50.0), (10_000, 55.0)]})], "x")
    for drawing in (bars, lines):
        texts = [node.text for node in xml.etree.ElementTree.fromstring(drawing).iter()]
        assert PLAIN in texts
    assert "1 KB &lt;get&gt;" in bars


def test_a_meter_runs_whole_batches_and_at_least_one():
    """However short its time is."""
    meter = Meter(batch=10, seconds=0)
    done = 0
    with meter.running():
        while meter.goes_on():
            done += meter.batch
    assert done == 10
    assert meter.measured().value == meter.cpu_seconds / 10


def test_every_case_and_client_is_known_by_its_name():
    """What `--cases` and `--clients` take."""
    assert all(case.name == name for name, case in CASES.items())
    assert {case.base for case in CASES.values()} <= set(CLIENTS)
