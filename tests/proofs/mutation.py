"""Bends the rules and sees whether the tests notice: `python -m tests.proofs.mutation [versions] [access]`.

Two kinds of mutants. mutmut bends what functions do; it leaves alone what a module says on its first level, where our
expressions are, so each of those is bent here: without one of its characters, as often as that still compiles. Mutants
that no test notices are printed. docs/mutation.md keeps the last figures, and the reason why each survivor may live.
"""

import argparse
import ast
import os
import re
import shutil
import subprocess
import sys
import types
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import hypothesis  # noqa: F401  # pyright: ignore[reportUnusedImport]  # or each mutant's child would import it anew
import pytest

from tests.tools import ROOT

FOLDER = ROOT / ".cache" / "mutation"


@dataclass(frozen=True)
class Target:
    """A file and the tests that should notice everything in it: only fast ones, without clients and PostgreSQL."""

    path: str
    tests: tuple[str, ...]

    @property
    def module(self) -> str:
        """As it is imported."""
        return self.path.removeprefix("src/").removesuffix(".py").replace("/", ".")


TARGETS = {
    "versions": Target("src/packistry/composer/versions.py", ("tests/composer/rules/test_versions.py",)),
    "constraints": Target("src/packistry/composer/constraints.py", ("tests/composer/rules/test_constraints.py",)),
    "access": Target(
        "src/packistry/access/rules.py",
        tuple(f"tests/access/test_{name}.py" for name in ("rules", "explain", "views", "rules_agree")),
    ),
}
# Random order and several processes would only slow a run that ends at the first failure.
_QUIET = [
    "-x", "-q", "--tb=no", "--assert=plain", "-p", "no:randomly", "-p", "no:xdist", "-p", "no:cacheprovider",
    "-m", "not client and not postgresql",
]  # fmt: skip


@dataclass(frozen=True)
class Tally:
    """Of one kind of mutants: how many there were, and those that no test noticed."""

    title: str
    mutants: int
    survivors: list[str]

    def __str__(self) -> str:
        share = f"{self.mutants} mutants, {len(self.survivors)} survived"
        return "\n  ".join([f"{self.title}: {share}", *self.survivors])


def main() -> int:
    """Prints the survivors of the chosen targets. Always 0: whether one may live is for a reader to say."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("targets", nargs="*", choices=[*TARGETS, []], help="all by default")
    arguments.add_argument("--expressions-here", action="store_true", help="only those, and without a copy")
    chosen = arguments.parse_args()
    for name in chosen.targets or TARGETS:
        if chosen.expressions_here:
            print(bend_expressions(TARGETS[name]), flush=True)
            continue
        folder = FOLDER / name
        _copy_project(TARGETS[name], folder)
        print(bend_functions(TARGETS[name], folder), flush=True)
        again = [sys.executable, "-m", "tests.proofs.mutation", "--expressions-here", name]
        subprocess.run(again, cwd=folder, env={**os.environ, "PYTHONPATH": str(folder / "src")}, check=True)
    return 0


def bend_functions(target: Target, folder: Path) -> Tally:
    """mutmut's run over one file of the project in `folder`."""
    words = [sys.executable, "-m", "mutmut"]
    run = subprocess.run(
        [*words, "run", "--max-children", "1"], cwd=folder, capture_output=True, text=True, check=False
    )
    results = subprocess.run(
        [*words, "results", "--all", "true"], cwd=folder, capture_output=True, text=True, check=True
    )
    states = dict(re.findall(r"^\s*(\S+): (.+)$", results.stdout, re.MULTILINE))
    assert states, run.stdout[-3000:] + run.stderr[-3000:]
    unnoticed = [f"{mutant} ({state})" for mutant, state in states.items() if state not in ("killed", "timeout")]
    return Tally(f"{target.path}, functions", len(states), unnoticed)


def bend_expressions(target: Target) -> Tally:
    """Each string on the first level of the file without one of its characters."""
    source = (ROOT / target.path).read_text(encoding="utf-8")
    assert _nobody_notices(target, source), f"the tests of {target.path} fail without any mutant"
    mutants = list(_without_a_character(source))
    survivors = [told for told, mutant in mutants if _nobody_notices(target, mutant)]
    return Tally(f"{target.path}, expressions", len(mutants), survivors)


def _copy_project(target: Target, folder: Path) -> None:
    """A mutant only counts as noticed if its tests pass without it, so nobody may edit them meanwhile."""
    shutil.rmtree(folder, ignore_errors=True)
    for name in ("src", "tests"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    settings = (
        "\n[tool.mutmut]\n"
        f'source_paths = ["src"]\nonly_mutate = ["{target.path}"]\nuse_git_change_detection = false\n'
        f"pytest_add_cli_args = {_QUIET[2:]}\npytest_add_cli_args_test_selection = {list(target.tests)}\n"
    )
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    (folder / "pyproject.toml").write_text(project + settings, encoding="utf-8")


def _without_a_character(source: str) -> Iterator[tuple[str, str]]:
    """What was done, and the file with it done."""
    lines = source.splitlines(keepends=True)
    for text in _first_level_strings(ast.parse(source)):
        line = lines[text.lineno - 1]
        # Columns of the syntax tree count bytes.
        start, end = (len(line.encode()[:offset].decode()) for offset in (text.col_offset, text.end_col_offset or 0))
        for place in range(start, end):
            bent = "".join([*lines[: text.lineno - 1], line[:place] + line[place + 1 :], *lines[text.lineno :]])
            if not _is_in_vain(line, start, place) and _compiles(bent):
                yield f"line {text.lineno} without {line[place]!r}: {line[start:place]}[]{line[place + 1 : end]}", bent


def _is_in_vain(line: str, start: int, place: int) -> bool:
    """Whether the character is a quote or stands before it, or makes an expression possessive, which is about speed."""
    if not line[start : place + 1].strip("rf\"'"):
        return True
    return line[place] in "\"'" or (line[place] == "+" and (line[place - 1] in "+*?}" or line[place + 1] == "+"))


def _first_level_strings(module: ast.Module) -> Iterator[ast.Constant | ast.JoinedStr]:
    """Strings of one line in assignments, an f-string as a whole."""
    for statement in module.body:
        if not isinstance(statement, ast.Assign | ast.AnnAssign) or isinstance(statement.value, ast.Subscript):
            continue  # A subscript on the first level names a type: no test can notice.
        joined = [node for node in ast.walk(statement) if isinstance(node, ast.JoinedStr)]
        within = {part for whole in joined for part in ast.walk(whole)}
        plain = [node for node in ast.walk(statement) if isinstance(node, ast.Constant) and node not in within]
        texts = joined + [node for node in plain if isinstance(node.value, str)]
        yield from (text for text in texts if text.lineno == text.end_lineno)


def _compiles(source: str) -> bool:
    try:
        _execute(source, types.ModuleType("mutant"))
    except (SyntaxError, NameError, ValueError, TypeError, LookupError, re.error):
        return False
    return True


def _execute(source: str, module: types.ModuleType) -> None:
    exec(compile(source, module.__name__, "exec"), module.__dict__)  # noqa: S102  # our own file, less a character


def _nobody_notices(target: Target, mutant: str) -> bool:
    """Run the tests on a mutant in a child process; it puts the mutant in the place of the module before any import."""
    child = os.fork()
    if child == 0:
        os._exit(_run_tests(target, mutant))
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def _run_tests(target: Target, mutant: str) -> int:
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    os.dup2(silence, 2)
    module = types.ModuleType(target.module)
    sys.modules[target.module] = module
    _execute(mutant, module)
    return int(pytest.main([*_QUIET, *target.tests]))


if __name__ == "__main__":
    sys.exit(main())
