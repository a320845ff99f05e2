"""Imports point down, packages are the ones of the design, and nothing at run time reads test data."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

RANKS: tuple[frozenset[str], ...] = (
    frozenset({"domain"}),
    frozenset({"tools", "prompts"}),
    frozenset({"memory", "inference", "interop", "records"}),
    frozenset({"plugins"}),
    frozenset({"agents"}),
    frozenset({"jobs"}),
    frozenset({"api"}),
    frozenset({"app", "settings"}),
)
RANK = {name: rank for rank, names in enumerate(RANKS) for name in names}
ANYTHING = frozenset({"evals", "benchmarks"})
"""They may import anything; the command line starts them, and nothing else imports them."""

IMPURE = frozenset({"httpx", "requests", "socket", "time", "random", "os", "subprocess", "urllib"})


def modules() -> Iterator[tuple[str, Path]]:
    """Every module of ours with its top-level name."""
    for name in sorted(RANK):
        package = ROOT / name
        paths = package.rglob("*.py") if package.is_dir() else [ROOT / f"{name}.py"]
        for path in paths:
            if path.exists():
                yield name, path


def imports(path: Path) -> Iterator[tuple[str, int]]:
    """(top-level name, line) of every import in a file, wherever it stands."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((alias.name.split(".")[0], node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.split(".")[0], node.lineno


@pytest.mark.parametrize(("name", "path"), [pytest.param(n, p, id=str(p.relative_to(ROOT))) for n, p in modules()])
def test_imports_point_down(name: str, path: Path) -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {other}"
        for other, line in imports(path)
        if name != "app" and (other in ANYTHING or (other in RANK and other != name and RANK[other] >= RANK[name]))
    ]
    assert not wrong


@pytest.mark.parametrize(
    "path", [pytest.param(p, id=str(p.relative_to(ROOT))) for n, p in modules() if n in {"domain", "tools"}]
)
def test_domain_and_tools_are_pure(path: Path) -> None:
    wrong = [f"{path.name}:{line} imports {other}" for other, line in imports(path) if other in IMPURE]
    assert not wrong


def test_only_app_reads_settings() -> None:
    readers = {name for name, path in modules() for other, _ in imports(path) if other == "settings"}
    assert readers <= {"app"}


def test_semantic_kernel_stays_in_agents_and_plugins() -> None:
    users = {name for name, path in modules() for other, _ in imports(path) if other == "semantic_kernel"}
    assert users <= {"agents", "plugins"}


def test_root_holds_only_what_the_layout_names() -> None:
    python = {p.name for p in ROOT.glob("*.py")}
    assert python == {"app.py", "settings.py"}
    packages = {p.parent.name for p in ROOT.glob("*/__init__.py")}
    assert packages <= set(RANK) | ANYTHING
