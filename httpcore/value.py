"""What immutable objects have in common, and the mark for "not given"."""

from __future__ import annotations

import enum
import typing


class Unset(enum.Enum):
    """The type of `UNSET`: "not given", where `None` has a meaning of its own."""

    UNSET = "UNSET"

    def __repr__(self) -> str:
        return "UNSET"


UNSET = Unset.UNSET


class Immutable:
    """An object over `__slots__` whose attributes are set once, when it is made."""

    __slots__: tuple[str, ...] = ()

    def _set(self, **fields: typing.Any) -> None:
        put = object.__setattr__
        for name, value in fields.items():
            put(self, name, value)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{type(self).__name__} is immutable; make a new one")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"{type(self).__name__} is immutable; make a new one")


class Value(Immutable):
    """An immutable object that is equal to all of its class with equal attributes."""

    __slots__: tuple[str, ...] = ()

    def _fields(self) -> tuple[typing.Any, ...]:
        return tuple(getattr(self, name) for name in self.__slots__)

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return self._fields() == other._fields()

    def __hash__(self) -> int:
        return hash((type(self), self._fields()))

    def __getstate__(self) -> dict[str, typing.Any]:
        return dict(zip(self.__slots__, self._fields(), strict=True))

    def __setstate__(self, state: dict[str, typing.Any]) -> None:
        self._set(**state)
