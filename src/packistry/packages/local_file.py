"""A file on this machine becomes a version: what `packistry package upload` does. Mixes files and rows."""

import shutil
import stat
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final, cast

from packistry.access.actors import Actor
from packistry.composer.names import normalise_name
from packistry.errors import InvalidInput
from packistry.packages.publishing import Publication
from packistry.packages.upload import Uploads

if TYPE_CHECKING:
    from _typeshed import SupportsWrite

COPY_BYTES: Final = 1024 * 1024


def publish_file(
    uploads: Uploads,
    actor: Actor,
    path: Path,
    *,
    repository: str,
    name: str | None = None,
    version: str | None = None,
    default_branch: bool = False,
) -> Publication:
    """Publishes a copy of the file, under the name in its composer.json, which must be `name` when that is given.

    Refuses what cannot be read, and whatever an upload is refused for.
    """
    expected = None if name is None else normalise_name(name)
    with _open(path, uploads) as file, uploads.receive() as incoming:
        shutil.copyfileobj(file, cast("SupportsWrite[bytes]", incoming), COPY_BYTES)
        return uploads.publish_as_named(
            actor, incoming, repository=repository, name=expected, version=version, default_branch=default_branch
        )


def _open(path: Path, uploads: Uploads) -> BinaryIO:
    try:
        status = path.stat()
        # A pipe would wait for ever.
        if not stat.S_ISREG(status.st_mode):
            raise InvalidInput(f"{path} is no file; give a zip or a tar.", field="file")
        # Before it is copied: a file of 100 GB must not fill the disk on its way to being refused.
        uploads.limits.check_file(status.st_size)
        return path.open("rb")
    except OSError as error:
        raise InvalidInput(f"{path} cannot be read: {error.strerror}.", field="file") from error
