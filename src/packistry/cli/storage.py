"""`packistry storage`: the stored archives as files."""

from typing import Annotated

import typer

from packistry.cli.opening import opened
from packistry.cli.options import AsJSON
from packistry.cli.printing import answer, moment, table
from packistry.cli.verbs import noun, verb
from packistry.documents.subjects import SweptDocument, UnnamedFileDocument

app = noun("storage", "The stored archives as files.")


@verb(app, "sweep", "storage sweep", "storage sweep --delete", prints=SweptDocument)
def sweep(
    *,
    delete: Annotated[bool, typer.Option("--delete", help="Delete them; else they are only shown.")] = False,
    as_json: AsJSON = False,
) -> None:
    """Show the files that no version names, as crashes leave them. The server sweeps them each day by itself."""
    from packistry.packages.sweeping import sweep_files, unnamed_files

    with opened() as house:
        files = list(unnamed_files(house.database, house.storage, house.files_before))
        if delete:
            files = sweep_files(house.database, house.storage, files, house.files_before)
    documents = [UnnamedFileDocument(file.key, file.size_bytes, file.kept_at) for file in files]
    rows = [(each.file, each.size_bytes, moment(each.kept_at)) for each in documents]
    lines = [*table(("FILE", "BYTES", "SINCE"), rows, empty="Every file has its version.")]
    if documents:
        lines += ["", "They were deleted." if delete else "Nothing was deleted; --delete does so."]
    answer(SweptDocument(delete, documents), lines, as_json=as_json)
