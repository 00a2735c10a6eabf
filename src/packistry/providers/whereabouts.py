"""Names that projects had when they were last seen, for hosts that know a project's id but find it by its name only."""

import secrets
from contextlib import suppress
from pathlib import Path


class Whereabouts:
    """Full names by id, a file each in a folder of one source. A name that is lost or no longer right costs a look
    through all projects, and nothing else.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def last(self, project_id: str) -> str | None:
        """Where the project of that id, which must be a number, was seen."""
        try:
            return self._place(project_id).read_text("utf-8")
        except (OSError, UnicodeDecodeError):
            return None

    def keep(self, project_id: str, full_name: str) -> None:
        if self.last(project_id) == full_name:
            return
        place = self._place(project_id)
        incoming = place.with_name(f"{place.name}-{secrets.token_hex(8)}")
        # A full disk must not end an import here: the project is only looked for again.
        with suppress(OSError):
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            try:
                incoming.write_text(full_name, "utf-8")
                incoming.replace(place)
            finally:
                incoming.unlink(missing_ok=True)

    def _place(self, project_id: str) -> Path:
        return self._folder / project_id
