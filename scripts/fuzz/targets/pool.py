"""The pool's decisions: the state machine of the tests, with steps that coverage guides."""

from __future__ import annotations

from hypothesis.stateful import get_state_machine_test

from tests.dispatch.test_pool_state import Pool

_run = get_state_machine_test(Pool)


def pool(data: bytes) -> None:
    """Whatever is done in whatever order, the pool keeps its promises."""
    _run.hypothesis.fuzz_one_input(data)  # type: ignore[attr-defined]
