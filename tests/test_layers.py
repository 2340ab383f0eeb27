"""The rules of the design that show in the source: who imports whom, and what is not done."""

from __future__ import annotations

import ast
import collections.abc
import pathlib
import typing

import pytest

PACKAGE = pathlib.Path(__file__).parents[1] / "httpcore"
SOURCES = sorted(path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py"))

FOUNDATIONS = "foundations"
FACE = "face"  # the public face, which may import everything

LOWEST = {FOUNDATIONS}
LAYERS: dict[str, set[str]] = {
    FOUNDATIONS: LOWEST,
    "content": LOWEST,
    "models": LOWEST | {"content", "backends.guard"},  # a lock; it waits for nothing
    "policy": LOWEST | {"content", "models", "backends.guard"},
    "wire": LOWEST,
    "backends": LOWEST,
    "dispatch": LOWEST | {"content", "models", "wire", "backends.base"},
    "client": LOWEST | {"content", "models", "policy", "wire", "dispatch", "backends"},
    FACE: {"*"},
}

# What waits, or makes others wait.
WAITING = {"asyncio", "concurrent", "multiprocessing", "select", "selectors", "socket", "threading"}
WAITING |= {"trio"}

Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


def layer_of(module: str) -> str:
    """The layer of `models.url`, `config` and the like."""
    folder, dot, _ = module.partition(".")
    if dot or (PACKAGE / folder).is_dir():
        return folder
    return FACE if folder in ("__init__", "__main__", "api", "types") else FOUNDATIONS


def without_types(node: ast.AST) -> collections.abc.Iterator[ast.AST]:
    """All nodes below, but for what stands under `if typing.TYPE_CHECKING`."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and ast.unparse(child.test).endswith("TYPE_CHECKING"):
            continue
        yield child
        yield from without_types(child)


def own_nodes(function: ast.AST) -> collections.abc.Iterator[ast.AST]:
    """All nodes of a function's body, but for those of functions inside of it."""
    for child in ast.iter_child_nodes(function):
        yield child
        if not isinstance(child, Function):
            yield from own_nodes(child)


def imported(path: str, node: ast.AST) -> list[str]:
    """The modules of this package that `node` imports, dotted; with a `!` in front the others."""
    if isinstance(node, ast.Import):
        return [f"!{alias.name}" for alias in node.names]
    if not isinstance(node, ast.ImportFrom):
        return []
    if not node.level:
        return [f"!{node.module}"]
    here = path.split("/")[: -node.level]
    target = ".".join([*here, *([node.module] if node.module else [])])
    if (PACKAGE / target.replace(".", "/")).is_dir():  # from . import module
        return [".".join(filter(None, [target, alias.name])) for alias in node.names]
    return [target]


def import_problems(path: str, tree: ast.Module) -> collections.abc.Iterator[str]:
    module = path.removesuffix(".py").replace("/", ".").removesuffix(".__init__")
    layer = layer_of(module)
    allowed = LAYERS[layer]
    for node in without_types(tree):
        for target in imported(path, node):
            if target.startswith("!"):
                name = target[1:].partition(".")[0]
                if name in WAITING and layer != "backends":
                    yield f"imports {name}, which waits"
                continue
            if layer in (layer_of(target), FACE):
                continue
            if layer_of(target) not in allowed and target not in allowed:
                yield f"imports {target}"


def function_problems(path: str, tree: ast.Module) -> collections.abc.Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.AsyncFunctionDef):
            for inner in own_nodes(node):
                if isinstance(inner, (ast.Yield, ast.YieldFrom)):
                    yield f"{node.name} is an async generator"
                if is_call(inner, "next") and len(inner.args) == 1:
                    yield f"{node.name} lets StopIteration escape from a coroutine"
        if isinstance(node, ast.GeneratorExp) and any(part.is_async for part in node.generators):
            yield "has an async generator expression"
        if is_call(node, "print") and path != "__main__.py":
            yield "prints"


def is_call(node: ast.AST, name: str) -> typing.TypeGuard[ast.Call]:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name


def form_problems(path: str, tree: ast.Module) -> collections.abc.Iterator[str]:
    if not tree.body:
        return  # the mark of a package
    if not ast.get_docstring(tree) and path != "__version__.py":
        yield "has no docstring"
    futures = [node for node in tree.body if isinstance(node, ast.ImportFrom)]
    if len(tree.body) > 2 and (not futures or futures[0].module != "__future__"):
        yield "does not begin with `from __future__ import annotations`"


def problems(path: str, source: str) -> list[str]:
    tree = ast.parse(source)
    return [
        *import_problems(path, tree),
        *function_problems(path, tree),
        *form_problems(path, tree),
    ]


@pytest.mark.parametrize("path", SOURCES)
def test_source(path: str) -> None:
    """Imports point downwards, only backends wait, and what the design forbids is not there."""
    assert problems(path, (PACKAGE / path).read_text(encoding="utf-8")) == []


def test_every_folder_is_a_layer() -> None:
    """A new folder gets its place in the table."""
    folders = {path.partition("/")[0] for path in SOURCES if "/" in path}
    assert folders == LAYERS.keys() - {FOUNDATIONS, FACE}


HEAD = '"""Doc."""\n\nfrom __future__ import annotations\n\n'


@pytest.mark.parametrize(
    ("path", "source", "problem"),
    [
        ("content/x.py", "from ..models.url import URL", "imports models.url"),
        ("models/x.py", "from ..policy import auth", "imports policy.auth"),
        ("models/x.py", "def f():\n    from ..wire.http11 import x", "imports wire.http11"),
        ("dispatch/x.py", "from ..backends.sync import x", "imports backends.sync"),
        ("dispatch/x.py", "from ..backends import sync", "imports backends.sync"),
        ("dispatch/x.py", "from ..policy.auth import x", "imports policy.auth"),
        ("wire/x.py", "from ..content.text import x", "imports content.text"),
        ("config.py", "from .models.url import URL", "imports models.url"),
        ("config.py", "from . import api", "imports api"),
        ("client/x.py", "import asyncio", "imports asyncio, which waits"),
        ("wire/x.py", "from socket import socket", "imports socket, which waits"),
        ("wire/x.py", "import concurrent.futures", "imports concurrent, which waits"),
        ("wire/x.py", "async def f():\n    yield 1", "f is an async generator"),
        ("wire/x.py", "x = (i async for i in y)", "has an async generator expression"),
        ("wire/x.py", "print(1)", "prints"),
        (
            "wire/x.py",
            "async def f():\n    next(iter(()))",
            "f lets StopIteration escape from a coroutine",
        ),
    ],
)
def test_what_is_found(path: str, source: str, problem: str) -> None:
    """The rules find what they are for."""
    assert problems(path, HEAD + source) == [problem]


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("dispatch/x.py", "from ..backends.base import x"),
        ("client/x.py", "from ..backends.sync import x"),
        ("models/x.py", "from .url import URL\nfrom ..config import x\nfrom ..content import text"),
        ("config.py", "if typing.TYPE_CHECKING:\n    from .models.url import URL"),
        ("__init__.py", "from .client.client import Client"),
        ("backends/x.py", "import asyncio, socket\nfrom trio import sleep"),
        ("wire/x.py", "async def f():\n    def g():\n        yield next(h)\n    next(g(), None)"),
        ("__main__.py", "print(1)"),
    ],
)
def test_what_is_allowed(path: str, source: str) -> None:
    """They find nothing else."""
    assert problems(path, HEAD + source) == []


def test_form() -> None:
    """Every module says what it is, and has annotations that cost nothing."""
    assert problems("wire/x.py", "import re\nimport io\nx = 1") == [
        "has no docstring",
        "does not begin with `from __future__ import annotations`",
    ]
    assert problems("wire/__init__.py", "") == []
