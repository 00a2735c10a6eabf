"""docs/commands.md, made from the commands themselves: flags, examples, and what --json prints."""

import dataclasses
import types
from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

import typer

from packistry.cli.main import ALIASES, app
from packistry.cli.verbs import PRINTED, Printed
from packistry.documents.subjects import ErrorDocument

HEAD = """# Commands

`packistry NOUN VERB`, with flags; a person at a terminal is asked for what is missing, a script is told which flag it
wants. Every command but `serve` and `worker`, which run until they are stopped, takes `--json` and then prints one
document on standard output and nothing else. Sentences for people, questions and the log of every other command go to
standard error. Commands work before the first `serve` and beside it: whichever comes first makes the database. They
need the same settings as the server.

Things are named by name or id, users by e-mail address or id. A repository is named by its path: `/` is the root, and
`acme`, `/acme` and `/r/acme` are one. `--package` takes `PATH:VENDOR/NAME`, such as `acme:acme/lib` or `/:acme/lib`.

| exit code | means |
|---|---|
| 0 | done |
| 1 | refused; a sentence says why and what to do, and with `--json` standard output is an [error](#document-error) |
| 2 | not understood: an unknown command or flag; with `--json` also an [error](#document-error) |
| 3 | something failed inside Packistry; `PACKISTRY_LOG_LEVEL=debug` shows where |
| 130 | stopped by Ctrl-C |
"""

ALIASES_HEAD = """
## The verbs of the PHP product

They are the commands beside them, flags included. `recalculate:total-downloads` does nothing: totals are counted
whenever they are asked for.

| there | here |
|---|---|
"""

DOCUMENTS_HEAD = """
## Documents

What `--json` prints. Moments are ISO 8601 in UTC. Keys are only ever added.
"""


def commands_page() -> str:
    """Every command in the order of --help, then the aliases, then the documents."""
    program: Any = typer.main.get_command(app)
    return HEAD + "".join(_nouns(program)) + _aliases(program) + DOCUMENTS_HEAD + "".join(_documents())


def _nouns(program: Any) -> Iterator[str]:
    for name, command in program.commands.items():
        if command.hidden:
            continue
        yield f"\n## {name}\n"
        if not hasattr(command, "commands"):
            yield _command(f"packistry {name}", command)
            continue
        yield f"\n{command.help}\n"
        for verb, below in command.commands.items():
            yield f"\n### {name} {verb}\n" + _command(f"packistry {name} {verb}", below)


def _command(words: str, command: Any) -> str:
    examples = command.epilog.partition("Examples:\n")[2]
    shell = "\n".join(line.strip() for line in examples.splitlines())
    rows = "\n".join(_row(parameter) for parameter in command.params if not getattr(parameter, "hidden", False))
    printed = PRINTED.get(command.callback.__wrapped__)
    said = f"\nWith `--json`: {_link(printed)}.\n" if printed else ""
    assert all(line.startswith(words) for line in shell.splitlines()), words
    flags = f"\n| | |\n|---|---|\n{rows}\n" if rows else ""
    return f"\n{command.help}\n\n```sh\n{shell}\n```\n{flags}{said}"


def _row(parameter: Any) -> str:
    spelled = parameter.metavar or ""
    if parameter.param_type_name == "option":
        names = " / ".join([*parameter.opts, *parameter.secondary_opts])
        joint = "" if not spelled or spelled.startswith("[") else " "
        spelled = f"{names}{joint}{spelled}"
    notes = [parameter.help.rstrip(".")]
    if parameter.required:
        notes.append("required")
    # Flags say by their names what holds without them.
    elif parameter.default not in (None, False, "") and parameter.param_type_name == "option":
        notes.append(f"`{getattr(parameter.default, 'value', parameter.default)}` unless given")
    return f"| `{spelled.replace('|', chr(92) + '|')}` | {'; '.join(notes)} |"


def _link(printed: Printed) -> str:
    usual = f"{'a list of ' if printed.several else ''}{_linked(printed.document)}"
    return f"{usual}; with `{printed.given}`: {_linked(printed.otherwise)}" if printed.otherwise else usual


def _aliases(program: Any) -> str:
    callbacks = {
        below.callback.__wrapped__: f"{noun} {verb}"
        for noun, command in program.commands.items()
        if hasattr(command, "commands")
        for verb, below in command.commands.items()
    }
    rows = [f"| `{there}` | `{callbacks[command]}` |" for there, command in ALIASES.items()]
    return ALIASES_HEAD + "\n".join(rows) + "\n"


def _documents() -> Iterator[str]:
    kinds = {printed.document for printed in PRINTED.values()} | {ErrorDocument}
    kinds |= {printed.otherwise for printed in PRINTED.values() if printed.otherwise}
    kinds |= {inner for kind in kinds for inner in _inside(kind)}
    for kind in sorted(kinds, key=_title):
        yield f"\n### document {_title(kind)}\n\n{kind.__doc__}\n\n| key | | what |\n|---|---|---|\n"
        for name, (hint, sentence) in _keys(kind).items():
            yield f"| `{name}` | {_spelled(hint)} | {sentence} |\n"


def _keys(kind: type) -> dict[str, tuple[Any, str]]:
    """The type and the sentence of each key."""
    hints = get_type_hints(kind, include_extras=True)
    assert all(get_origin(hint) is Annotated for hint in hints.values()), kind
    return {name: get_args(hint) for name, hint in hints.items()}


def _inside(kind: type) -> Iterator[type]:
    """The documents inside this one."""
    for hint, _ in _keys(kind).values():
        yield from (inner for inner in (hint, *get_args(hint)) if dataclasses.is_dataclass(inner))  # pyright: ignore[reportReturnType]


def _linked(kind: type) -> str:
    return f"[{_title(kind)}](#document-{_title(kind).replace(' ', '-')})"


def _title(kind: type) -> str:
    """ "NewTokenDocument" → "new token"."""
    words = "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in kind.__name__)
    return words.strip().removesuffix(" document")


def _spelled(hint: Any) -> str:
    if get_origin(hint) in (Union, types.UnionType):
        return " or ".join(_spelled(part) for part in get_args(hint))
    if get_origin(hint) is list:
        return f"list of {_spelled(get_args(hint)[0])}"
    if get_origin(hint) is dict:
        return f"object of {_spelled(get_args(hint)[1])} by name"
    if dataclasses.is_dataclass(hint):
        return _linked(hint)  # pyright: ignore[reportArgumentType]
    names: dict[Any, str] = {str: "text", int: "number", bool: "true or false", datetime: "moment", type(None): "null"}
    return names[hint]
