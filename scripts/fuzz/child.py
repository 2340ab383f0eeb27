"""Runs one target under atheris: `python -m scripts.fuzz.child TARGET [arguments of libFuzzer]`."""

from __future__ import annotations

import importlib
import logging
import sys

import atheris

# What a target runs through; coverage of the rest would only cost time.
INSTRUMENTED = ["httpcore", "h11", "hpack", "tests.dispatch.test_pool_state"]


def main() -> None:
    logging.getLogger("httpcore").addHandler(logging.NullHandler())
    with atheris.instrument_imports(include=INSTRUMENTED, enable_loader_override=False):
        targets = importlib.import_module("scripts.fuzz.targets").TARGETS
    target = targets[sys.argv.pop(1)]
    atheris.Setup(sys.argv, target)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
