"""The fuzzer's targets on their corpus, and on random changes of it."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scripts.fuzz.__main__ import CORPUS
from scripts.fuzz.targets import TARGETS

ENTRIES = {
    name: {path.name: path.read_bytes() for path in sorted((CORPUS / name).iterdir())}
    for name in TARGETS
}
# The state machine of the pool is run by its own test.
CHANGED = sorted(set(TARGETS) - {"pool"})
MAX_CORPUS_BYTES = 200_000


def test_every_target_has_a_corpus():
    """And it is small."""
    assert sorted(TARGETS) == sorted(path.name for path in CORPUS.iterdir())
    assert sum(len(data) for kept in ENTRIES.values() for data in kept.values()) < MAX_CORPUS_BYTES


@pytest.mark.parametrize("target", sorted(TARGETS))
def test_corpus(target: str):
    """What once broke a target does not break it again."""
    for name, data in ENTRIES[target].items():
        try:
            TARGETS[target](data)
        except BaseException as exc:
            exc.add_note(f"by {CORPUS / target / name}")
            raise


@st.composite
def changed(draw: st.DrawFn, entries: list[bytes]) -> bytes:
    """An entry, with pieces that are cut out, put in, replaced, repeated, or from another entry."""
    data = draw(st.sampled_from(entries))
    for _ in range(draw(st.integers(0, 4))):
        start = draw(st.integers(0, len(data)))
        end = min(start + draw(st.integers(0, 20)), len(data))
        match draw(st.sampled_from(["replace", "repeat", "splice"])):
            case "replace":
                data = data[:start] + draw(st.binary(max_size=10)) + data[end:]
            case "repeat":
                data = data[:end] + data[start:end] * draw(st.integers(1, 20)) + data[end:]
            case "splice":
                other = draw(st.sampled_from(entries))
                data = data[:start] + other[draw(st.integers(0, len(other))) :]
    return data


@pytest.mark.parametrize("target", CHANGED)
def test_changes(target: str):
    """What a target promises holds for whatever is near to what was seen."""

    @settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(changed(list(ENTRIES[target].values())) | st.binary(max_size=60))
    def check(data: bytes) -> None:
        TARGETS[target](data)

    check()
