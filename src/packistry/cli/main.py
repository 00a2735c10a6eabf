"""The program: its nouns, the verbs of the PHP product, and how a command ends.

Exit codes: 0 done, 1 refused, 2 not understood, 3 a fault of ours, 130 stopped by Ctrl-C. With --json standard output
is one document whatever happens; sentences go to standard error.
"""

import os
import sys
import traceback
from collections.abc import Sequence
from typing import Annotated, Any, Final, cast

import typer

from packistry.cli import (
    access,
    adding,
    db,
    deploy_token,
    doctor,
    imports,
    package,
    personal_token,
    project,
    repository,
    rule,
    serve,
    source,
    storage,
    user,
    webhook,
    why,
    worker,
)
from packistry.cli.printing import make_output_safe, print_json, say
from packistry.cli.refusals import problem
from packistry.cli.verbs import epilog, noun, verb
from packistry.documents.subjects import DoctorDocument, ErrorDocument, ProblemDocument, WhyDocument
from packistry.errors import InvalidInput, Refusal

REFUSED: Final = 1
NOT_UNDERSTOOD: Final = 2
FAULT: Final = 3
INTERRUPTED: Final = 130
# As programs end that write into a pipe which nobody reads any more.
BROKEN_PIPE: Final = 141

NOUNS: Final = (
    repository, package, source, project, rule, imports, webhook,
    user, deploy_token, personal_token, access, db, storage,
)  # fmt: skip

# The verbs of the PHP product.
ALIASES: Final = {
    "add:repository": repository.add,
    "add:source": source.add,
    "add:package": adding.add,
    "rebuild:package": imports.rebuild,
    "add:user": user.add,
    "add:deploy-token": deploy_token.add,
    "delete:repository": repository.delete,
    "delete:package": package.delete,
    "delete:source": source.delete,
    "delete:user": user.delete,
    "delete:deploy-token": deploy_token.delete,
    "reset:password": user.reset_password,
}

app = noun(
    "packistry",
    "A private Composer repository. `packistry NOUN VERB --help` explains a command.\n\n"
    "The verbs of the PHP product (add:user, reset:password, ...) work too.",
)


def run(arguments: Sequence[str]) -> int:
    """Runs one command and returns its exit code."""
    make_output_safe()
    as_json = "--json" in arguments
    try:
        code = _invoke(arguments)
        sys.stdout.flush()
    except (Exception, KeyboardInterrupt) as end:  # noqa: BLE001 this is the door: what is no refusal is told as a fault
        code = _ended(end, as_json=as_json)
    return code


def _ended(end: BaseException, *, as_json: bool) -> int:
    """Tells the person, and with --json the program, how the command ended; returns the exit code."""
    match end:
        case Refusal():
            code = _refused(problem(end), as_json=as_json)
        case typer.TyperException():
            code = _not_understood(end, as_json=as_json)
        case typer.Abort():
            code = _refused(ProblemDocument("not_confirmed", "Nothing was changed.", None), as_json=as_json)
        case KeyboardInterrupt():
            say("Stopped.")
            code = INTERRUPTED
        case BrokenPipeError():
            # Python would complain when it closes what is left of it.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            code = BROKEN_PIPE
        case _:
            code = _failed(end, as_json=as_json)
    return code


def _invoke(arguments: Sequence[str]) -> int:
    for argument in arguments:
        # Bytes that are no text in the terminal's encoding; neither database nor JSON has a place for them.
        if not argument.isprintable() and any("\ud800" <= letter <= "\udfff" for letter in argument):
            raise InvalidInput(f"{argument!r} is not valid text.")
    command = typer.main.get_command(app)
    try:
        with command.make_context("packistry", list(arguments)) as context:
            command.invoke(context)
    except typer.Exit as end:
        return end.exit_code
    return 0


def _refused(why: ProblemDocument, *, as_json: bool, code: int = REFUSED) -> int:
    if as_json:
        print_json(ErrorDocument(why))
    say(why.message)
    return code


def _not_understood(error: typer.TyperException, *, as_json: bool) -> int:
    if as_json:
        print_json(ErrorDocument(ProblemDocument("not_understood", error.format_message(), None)))
    # Usage, where to find help, and what is wrong; declared by a class that typer does not export.
    cast("Any", error).show()
    return NOT_UNDERSTOOD


def _failed(fault: BaseException, *, as_json: bool) -> int:
    """A sentence without the details, which may hold what nobody should see in a shared terminal."""
    if _wants_traceback():
        traceback.print_exception(fault)
    first_line = str(fault).partition("\n")[0]
    sentence = f"Something failed inside Packistry ({type(fault).__name__}: {first_line})."
    hint = "Run it again with PACKISTRY_LOG_LEVEL=debug to see where, and report it."
    return _refused(ProblemDocument("fault", f"{sentence} {hint}", None), as_json=as_json, code=FAULT)


def _wants_traceback() -> bool:
    from packistry.settings import load_settings

    try:
        return load_settings().log_level == "debug"
    except Refusal:
        return False


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        sys.stdout.write(f"packistry {version('packistry')}\n")
        raise typer.Exit


@app.callback(
    epilog=epilog(
        (
            "serve",
            "repository add Acme --path acme",
            "deploy-token add ci --repository acme --ability read --ability write",
            "package upload widgets.zip --repository acme --version 1.0.0",
        )
    )
)
def packistry(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Takes the flags of the program itself."""


app.command("serve", epilog=epilog(("serve", "serve --host 0.0.0.0 --port 443 --tls-cert cert.pem --tls-key key.pem")))(
    serve.serve
)
app.command("worker", epilog=epilog(("worker",)))(worker.worker)
verb(app, "doctor", "doctor", "doctor --json", prints=DoctorDocument)(doctor.doctor)
verb(
    app,
    "why",
    "why acme/lib '^2.0' --token ci",
    "why acme/lib --user ada@example.test --repository acme",
    prints=WhyDocument,
)(why.why)
for module in NOUNS:
    app.add_typer(module.app)
for name, command in ALIASES.items():
    app.command(name, hidden=True)(command)


@app.command("recalculate:total-downloads", hidden=True)
def recalculate_total_downloads() -> None:
    """Nothing to do: totals are counted from the days whenever they are asked for."""
    say("Nothing to do: totals are counted from the days whenever they are asked for.")
