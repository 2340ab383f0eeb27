"""Writes the tests into the tables of docs/hazards.md; run it by `scripts/hazards`.

A test is for a row if its name begins with the row's: `test_fr1_...` is for FR1, `test_h2_10_...`
for H2.10, `test_rd2_mp5_...` for both RD2 and MP5.  The rows and what they are about are written by
hand; the last column is written here, and `tests/test_hazards.py` checks that it is up to date.
"""

from __future__ import annotations

import ast
import collections
import collections.abc
import itertools
import pathlib
import re
import sys
import typing

ROOT = pathlib.Path(__file__).parents[1]
TABLE = ROOT / "docs" / "hazards.md"

_ROW = re.compile(r"\| ([A-Z]{2}\d+|H2\.\d+) \| ([^|]+) \|.*\|")
_ROWS_OF_TEST = re.compile(r"test_((?:(?:h2_\d+|[a-z]{2}\d+)_)+)")
_ROW_OF_TEST = re.compile(r"h2_\d+|[a-z]{2}\d+")


class Test(typing.NamedTuple):
    """One test function; `runs`: how often it runs, in words, or nothing for once."""

    path: str
    name: str
    runs: str


def rows_of(name: str) -> list[str]:
    """The rows that a test of this name is for."""
    match = _ROWS_OF_TEST.match(name)
    if match is None:
        return []
    return [row.replace("_", ".").upper() for row in _ROW_OF_TEST.findall(match[1])]


def tests_by_row() -> dict[str, list[Test]]:
    """The tests that are named by rows."""
    found = collections.defaultdict(list)
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                where = path.relative_to(ROOT / "tests").with_suffix("").as_posix()
                for row in rows_of(node.name):
                    found[row].append(Test(where, node.name, _runs(where, node)))
    return found


def _runs(path: str, node: ast.FunctionDef | ast.AsyncFunctionDef) -> str:
    arguments = {argument.arg for argument in node.args.args}
    words = []
    if isinstance(node, ast.AsyncFunctionDef) or "way" in arguments:
        words.append(_ways(node))
    elif path.startswith("backends/") and arguments & {"kind", "run"}:
        words.append("each loop")
    if arguments & {"read_head", "engine"}:
        words.append("both engines")
    return ", ".join(words)


def _ways(node: ast.FunctionDef | ast.AsyncFunctionDef) -> str:
    for decorator in node.decorator_list:
        if isinstance(decorator, ast.Call) and ast.unparse(decorator.func) == "pytest.mark.ways":
            return ", ".join([ast.literal_eval(argument) for argument in decorator.args])
    return "3 ways"


def written(text: str, tests: dict[str, list[Test]]) -> str:
    """`text`, the table, with `tests` as its last column."""
    lines = []
    for line in text.splitlines():
        match = _ROW.fullmatch(line)
        lines.append(line if match is None else _row(match[1], match[2], tests[match[1]]))
    return "\n".join(lines) + "\n"


def _row(row: str, about: str, tests: collections.abc.Iterable[Test]) -> str:
    cells = [
        f"{path}: {', '.join([_shown(test) for test in of_path])}"
        for path, of_path in itertools.groupby(tests, lambda test: test.path)
    ]
    return f"| {row} | {about} | {'; '.join(cells)} |"


def _shown(test: Test) -> str:
    return f"`{test.name}`" + (f" ({test.runs})" if test.runs else "")


def rows(text: str) -> list[str]:
    """The rows that the table has."""
    return [match[1] for match in map(_ROW.fullmatch, text.splitlines()) if match]


def main() -> None:
    """Bring the table up to date, and say what is missing."""
    tests = tests_by_row()
    text = TABLE.read_text("utf-8")
    if unknown := sorted(tests.keys() - set(rows(text))):
        sys.exit(f"{TABLE} has no rows for the tests of {', '.join(unknown)}")
    TABLE.write_text(written(text, tests), "utf-8")
    count = len({test.name for of_row in tests.values() for test in of_row})
    print(f"{len(rows(text))} rows, {count} tests")


if __name__ == "__main__":
    main()
