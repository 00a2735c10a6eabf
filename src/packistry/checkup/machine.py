"""The machine: room and rights on the disk, the programs that are needed, and who looks."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from packistry.db.engine import Database
from packistry.findings import CheckLine, bad, good, warning
from packistry.settings import GIB, MIB, Settings
from packistry.sources.health import programs_needed

# The largest archive that may be uploaded, twice, is 1 GiB by default; below the other nothing works for long.
LITTLE_BYTES: Final = 2 * GIB
TOO_LITTLE_BYTES: Final = 256 * MIB
PROGRAM_SECONDS: Final = 5


def disk_lines(settings: Settings) -> Iterator[CheckLine]:
    """Of the data folder, and of that of an SQLite file that lies elsewhere."""
    if not settings.data_dir.is_dir():
        yield bad(
            f"There is no data folder {settings.data_dir}: is its disk mounted, and PACKISTRY_DATA_DIR right? The "
            "first start makes it."
        )
        return
    path = settings.sqlite_path
    folders = {settings.data_dir, path.parent} if path is not None else {settings.data_dir}
    for folder in sorted(folders):
        yield _room(folder)
        yield from _rights(folder)


def program_lines(database: Database) -> Iterator[CheckLine]:
    """The programs that sources of plain git need."""
    with database.read() as session:
        needed = programs_needed(session)
    for program, argument in (("git", "--version"), ("ssh", "-V")):
        found = _version_of(program, argument)
        if found is not None:
            yield good(f"{program} is here: {found}.")
        elif program in needed:
            yield bad(f"The program {program} is missing, and {', '.join(needed[program])} needs it: install it.")


def _room(folder: Path) -> CheckLine:
    free = shutil.disk_usage(folder).free
    told = f"{folder} has {free / GIB:.1f} GiB of room left"
    if os.statvfs(folder).f_files and not os.statvfs(folder).f_favail:
        return bad(f"{folder} has no room for more files (inodes): free some, or use another file system.")
    if free < TOO_LITTLE_BYTES:
        return bad(f"{told}: free some now, before writing fails.")
    if free < LITTLE_BYTES:
        return warning(f"{told}: soon a large archive will not fit.")
    return good(f"{told}.")


def _rights(folder: Path) -> Iterator[CheckLine]:
    """Whether it can be written to and the disk takes it, tried with a file that is gone again afterwards."""
    try:
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".doctor-") as file:
            file.write(b"written to see whether it can be")
            file.flush()
            os.fsync(file.fileno())
    except OSError as fault:
        owner = _name_of(folder.stat().st_uid)
        yield bad(f"{folder} cannot be written to ({fault.strerror}); it belongs to {owner}. Is the disk read-only?")
        return
    owner = folder.stat().st_uid
    if os.geteuid() != owner:
        yield warning(
            f"You are {_name_of(os.geteuid())}, and {folder} belongs to {_name_of(owner)}: what a command makes here "
            f"now may be out of the server's reach. Run commands as {_name_of(owner)}."
        )


def _name_of(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"


def _version_of(program: str, argument: str) -> str | None:
    """Its first line about itself; None when it is not there or does not start."""
    try:
        finished = subprocess.run(
            [program, argument], capture_output=True, check=True, text=True, timeout=PROGRAM_SECONDS
        )
    except (OSError, subprocess.SubprocessError):
        return None
    # ssh tells it on standard error.
    return (finished.stdout or finished.stderr).strip().partition("\n")[0]
