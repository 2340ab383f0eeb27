"""What was measured, and the arithmetic on it."""

from __future__ import annotations

import dataclasses
import statistics

from .cases import CASES, UNITS, Case, Target
from .environments import CLIENTS


@dataclasses.dataclass
class Results:
    """
    * `values`: by case and client, one value a round, in seconds or KB.
    * `missing`: by case and client, why there is none.
    * `failures`: what went wrong, in words.
    """

    values: dict[str, dict[str, list[float]]] = dataclasses.field(default_factory=dict)
    missing: dict[str, dict[str, str]] = dataclasses.field(default_factory=dict)
    notes: dict[str, dict[str, str]] = dataclasses.field(default_factory=dict)
    failures: list[str] = dataclasses.field(default_factory=list)
    versions: dict[str, str] = dataclasses.field(default_factory=dict)

    def add(self, case: str, client: str, value: float, note: str = "") -> None:
        self.values.setdefault(case, {}).setdefault(client, []).append(value)
        if note:
            self.notes.setdefault(case, {})[client] = note

    def has_given_up(self, case: str, client: str) -> bool:
        return client in self.missing.get(case, {})

    def give_up(self, case: str, client: str, reason: str) -> None:
        self.missing.setdefault(case, {})[client] = reason

    def median(self, case: str, client: str) -> float | None:
        values = self.values.get(case, {}).get(client)
        return statistics.median(values) if values else None

    def spread(self, case: str, client: str) -> float:
        """Half the distance from the smallest to the largest value."""
        values = self.values[case][client]
        return (max(values) - min(values)) / 2

    def ratio(self, case: str, client: str, of: str) -> float | None:
        """The client's median over that of another one in the same case."""
        own, other = self.median(case, client), self.median(case, of)
        return own / other if own is not None and other else None

    def rounds(self) -> int:
        return max((len(v) for case in self.values.values() for v in case.values()), default=0)

    def clients(self, cases: list[Case]) -> list[str]:
        """The clients that have a value in one of `cases`, in their order."""
        return [
            name
            for name in CLIENTS
            if any(name in self.values.get(case.name, {}) for case in cases)
        ]

    def reached(self, case: Case, target: Target, client: str) -> float | None:
        """What there is to compare with the limit of `target`; `None` where it is not known."""
        if not target.of:
            value = self.median(case.name, client)
            return None if value is None else value * UNITS[case.unit]
        if target.of in CASES:
            own, other = self.median(case.name, client), self.median(target.of, client)
            return own / other if own is not None and other else None
        return self.ratio(case.name, client, target.of)
