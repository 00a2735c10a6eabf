"""The shape of the code: sizes, docstrings, the files of a subject. A limit is lifted by a written reason only."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.tools import ROOT

LONGEST_FILE = 600
LONGEST_FUNCTION = 80

# File, or file::function, and why it is longer. A line that is no longer needed fails too: the list only shrinks.
LONG: dict[str, str] = {}

SUBJECTS = ("packages", "repositories", "tokens", "accounts")


def sources() -> list[Path]:
    folders = [ROOT / name for name in ("src", "tests", "scripts")]
    return sorted(path for folder in folders for path in folder.rglob("*.py"))


def named(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def functions(tree: ast.AST, prefix: str = "") -> Iterator[tuple[str, int]]:
    """Every function with its lines, those inside classes and functions too, called Class.function."""
    for node in ast.iter_child_nodes(tree):
        name = prefix
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            name = f"{prefix}{node.name}."
            if not isinstance(node, ast.ClassDef):
                yield name.rstrip("."), (node.end_lineno or node.lineno) - node.lineno + 1
        yield from functions(node, name)


def too_long() -> dict[str, int]:
    """What is past its limit, with its lines."""
    found: dict[str, int] = {}
    for path in sources():
        text = path.read_text(encoding="utf-8")
        if (lines := text.count("\n")) > LONGEST_FILE:
            found[named(path)] = lines
        found |= {
            f"{named(path)}::{function}": length
            for function, length in functions(ast.parse(text))
            if length > LONGEST_FUNCTION
        }
    return found


def test_no_file_and_no_function_is_too_long_without_a_reason() -> None:
    found = too_long()

    assert {name: lines for name, lines in found.items() if name not in LONG} == {}
    assert [name for name in LONG if name not in found] == [], "no longer needed: take them out of LONG"
    assert all(len(reason) > 20 for reason in LONG.values())


def test_every_module_begins_with_what_it_is_for() -> None:
    silent = [
        named(path)
        for path in sources()
        if (tree := ast.parse(path.read_text(encoding="utf-8"))).body and not ast.get_docstring(tree)
    ]

    assert silent == []


@pytest.mark.parametrize("subject", SUBJECTS)
def test_a_subject_has_its_three_files_or_says_why(subject: str) -> None:
    room = ROOT / "src" / "packistry" / subject
    explanation = ast.get_docstring(ast.parse((room / "__init__.py").read_text(encoding="utf-8"))) or ""

    # tasks are background work, and come with the room that runs it
    files = ["queries.py", "actions.py", *(["tasks.py"] if (room.parent / "jobs").exists() else [])]
    missing = [name for name in files if not (room / name).exists()]

    assert [name for name in missing if name not in explanation] == []
