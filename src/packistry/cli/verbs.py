"""How a command is declared: its name, examples below its help, and the document it prints with --json."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import typer

Command = TypeVar("Command", bound=Callable[..., None])


@dataclass(frozen=True, slots=True)
class Printed:
    """What a command prints with --json: documents of one kind, one or a list; another with the flag `given`."""

    document: type
    several: bool = False
    given: str = ""
    otherwise: type | None = None


# By the function of the command; docs/commands.md is made from it.
PRINTED: Final[dict[Callable[..., None], Printed]] = {}


def noun(name: str, sentence: str) -> typer.Typer:
    """The commands of one noun."""
    # Plain help: rich costs 60 ms a call and draws boxes into pipes.
    return typer.Typer(
        name=name,
        help=sentence,
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode=None,
        context_settings={"help_option_names": ["--help", "-h"]},
    )


def verb(
    app: typer.Typer,
    name: str,
    *examples: str,
    prints: type | None = None,
    several: bool = False,
    given: tuple[str, type] | None = None,
    **options: Any,
) -> Callable[[Command], Command]:
    """`app.command` with examples, which are written without the name of the program. `given` is a flag with which
    another document is printed.
    """

    def declare(command: Command) -> Command:
        if prints is not None:
            PRINTED[command] = Printed(prints, several, *(given or ("", None)))
        return app.command(name, epilog=epilog(examples), **options)(command)

    return declare


def epilog(examples: tuple[str, ...]) -> str | None:
    r"""The examples below each other; \b keeps their lines."""
    if not examples:
        return None
    lines = "\n".join(f"  packistry {example}" for example in examples)
    return f"\b\nExamples:\n{lines}"
