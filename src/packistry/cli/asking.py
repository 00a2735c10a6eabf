"""Asking the person at the terminal, and only there: without one a command says which flag it wants instead."""

import sys

import typer

from packistry.errors import InvalidInput


def confirm(question: str, *, yes: bool) -> None:
    """Returns when it may be done: --yes was given, or the person says y. Refuses without a terminal, else aborts."""
    if yes:
        return
    if not at_terminal():
        raise InvalidInput(f"{question} Without a terminal to ask on, say --yes.", field="yes")
    typer.confirm(question, err=True, abort=True)


def read_password(*, from_stdin: bool) -> str:
    """A new password: the first line of standard input, or typed twice."""
    if from_stdin:
        return sys.stdin.readline().removesuffix("\n").removesuffix("\r")
    if not at_terminal():
        raise InvalidInput("A password is needed: give it on standard input with --password-stdin.", field="password")
    return typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)


def at_terminal() -> bool:
    """Whether somebody can be asked."""
    return sys.stdin.isatty() and sys.stderr.isatty()
