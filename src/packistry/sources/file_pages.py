"""Where the files of a version are shown by the host that it came from, so that links of its README lead there."""

import posixpath
from dataclasses import dataclass
from urllib.parse import quote, unquote, urlsplit

from sqlalchemy import select

from packistry.access.actors import Actor, Anonymous
from packistry.db.engine import ReadSession
from packistry.db.models import Archive, Project, Source, Version
from packistry.sources.connecting import find_provider


@dataclass(frozen=True, slots=True)
class FilePages:
    """The pages of the files at one commit: what stands before and behind the path. `folder` is the package's own."""

    before: str
    behind: str
    folder: str

    def address(self, link: str) -> str | None:
        """The page that a relative link of a README means; None when it leads out of the project.

        A path from the root ("/docs") is one of the project, as hosts read it. What is written there is hostile.
        """
        parts = urlsplit(link)
        path = unquote(parts.path)
        path = path.lstrip("/") if path.startswith("/") else posixpath.join(self.folder, path)
        path = posixpath.normpath(path)
        if path == ".." or path.startswith("../") or "\0" in path:
            return None
        fragment = f"#{parts.fragment}" if parts.fragment else ""
        return f"{self.before}{quote('' if path == '.' else path)}{self.behind}{fragment}"


def file_pages(session: ReadSession, actor: Actor, version_id: int) -> FilePages | None:
    """The pages of the commit that the version was made from; None for an upload, and for a host without such pages.

    A stranger is told of no project that the metadata does not name: of a part of a project it names none.
    """
    row = session.execute(
        select(Project.web_url, Project.directory, Source.provider, Archive.reference, Version.source)
        .join(Version, Version.project_id == Project.id)
        .join(Archive, Archive.id == Version.archive_id)
        .join(Source, Source.id == Project.source_id)
        # An upload over what was imported is named by the digest of its bytes, which is no commit.
        .where(Version.id == version_id, Archive.reference != Archive.sha256)
    ).one_or_none()
    if row is None or (isinstance(actor, Anonymous) and row.source is None):
        return None
    return _pages(row.provider, row.web_url, row.reference, row.directory)


def _pages(provider: str, web_url: str, commit: str, folder: str) -> FilePages | None:
    pattern = find_provider(provider).file_page
    # The address is the host's word.
    if not pattern or urlsplit(web_url).scheme not in {"http", "https"}:
        return None
    before, _, behind = (part.replace("{commit}", quote(commit)) for part in pattern.partition("{path}"))
    return FilePages(before.replace("{project}", web_url), behind, folder)
