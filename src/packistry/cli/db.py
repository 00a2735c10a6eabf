"""`packistry db`: the database's schema, and whether everything is there."""

from typing import Annotated

import typer

from packistry.cli.opening import opened, require_database
from packistry.cli.options import AsJSON
from packistry.cli.printing import answer
from packistry.cli.verbs import noun, verb
from packistry.documents.subjects import CheckDocument, UpgradeDocument

app = noun("db", "The database: upgrade it, check it after a restore.")


@verb(app, "upgrade", "db upgrade", prints=UpgradeDocument)
def upgrade(*, as_json: AsJSON = False) -> None:
    """Make the database, or bring it to the schema of this version. Every other command does so too."""
    from packistry.db import schema

    with opened(migrate=False) as house:
        before = schema.current_revision(house.database)
        schema.upgrade(house.database)
        after = schema.newest_revision()
        document = UpgradeDocument(house.database.url.render_as_string(hide_password=True), before, after)
    change = f"was brought from revision {before or 'nothing'} to {after}" if before != after else f"is at {after}"
    answer(document, [f"The database {document.database} {change}."], as_json=as_json)


@verb(app, "check", "db check", "db check --digests", prints=CheckDocument)
def check(
    *,
    digests: Annotated[bool, typer.Option("--digests", help="Read every archive and compare its digest.")] = False,
    as_json: AsJSON = False,
) -> None:
    """Check the schema, the database file (SQLite), and that every archive is there. Changes nothing."""
    from packistry.db.checks import database_problems
    from packistry.db.schema import current_revision, newest_revision
    from packistry.packages.checks import archive_problems

    require_database()
    with opened(migrate=False) as house:
        problems, archives = database_problems(house.database), 0
        if not problems:
            archives, problems = archive_problems(house.database, house.storage, digests=digests)
        document = CheckDocument(
            database=house.database.url.render_as_string(hide_password=True),
            revision=current_revision(house.database),
            newest=newest_revision(),
            archives=archives,
            problems=problems,
        )
    well = f"All is well: revision {document.revision}, {archives} archives are there."
    answer(document, problems or [well], as_json=as_json)
    if problems:
        raise typer.Exit(1)
