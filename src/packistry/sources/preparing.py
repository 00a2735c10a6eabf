"""One ref becomes a version ready to be published, or a reason why not. Asks the host; never writes a row.

The file is stored before its row is written: a crash leaves at most a file that no row names.
"""

import shlex
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import BinaryIO, Final, NamedTuple, cast

from packistry.archives.limits import Limits, spelled
from packistry.archives.reader import ArchiveContents
from packistry.archives.selection import Selection
from packistry.composer.manifest import Manifest, read_manifest
from packistry.composer.refs import branch_version, tag_matches, tag_version
from packistry.composer.versions import normalise
from packistry.errors import (
    AddressRefused,
    CredentialRefused,
    FileTooLarge,
    HostRefused,
    InvalidArchive,
    InvalidInput,
    InvalidManifest,
    NotFound,
    ScopeMissing,
)
from packistry.packages.publishing import Submission
from packistry.providers.base import Connection, Project, Provider, Ref, RefKind
from packistry.sources.lacking import lacking, submodules
from packistry.sources.packing import CommitArchive, Limited, open_commit
from packistry.sources.queries import Served
from packistry.sources.states import RefState
from packistry.storage.base import BlobStorage

COMPOSER_JSON: Final = "composer.json"
# What a host refuses for every ref alike.
OF_ALL_REFS: Final = (CredentialRefused, ScopeMissing)
# A commit that is gone meanwhile, an archive that lies where we do not go: other refs may be well.
OF_ONE_REF: Final = (NotFound, AddressRefused, HostRefused)


class Verdict(NamedTuple):
    """What becomes of a ref without anything being published."""

    state: RefState
    reason: str | None
    # The version that stays as it is though its tag moved; an administrator may accept the other commit.
    moved: int | None = None


@dataclass(frozen=True, slots=True)
class Prepared:
    """A version whose archive is stored, and whose rows are to be written."""

    submission: Submission
    # What its archive lacks, in a sentence.
    warning: str | None = None


@dataclass(frozen=True, slots=True)
class Preparer:
    """Prepares the refs of one project. Thread-safe; `served` is what was there when the run began."""

    provider: Provider
    connection: Connection
    project: Project
    directory: str
    # The package's name; None when the default branch has none, so that each ref has its own.
    package: str | None
    served: Mapping[str, Served]
    # Refs that gave no version before, by kind, name and commit.
    skipped: Mapping[tuple[str, str, str], str | None]
    storage: BlobStorage
    limits: Limits
    # A rebuild looks at each ref anew, also where the commit is known.
    anew: bool
    # The number of the run, for the command that a reason names.
    run_id: int
    # The name in composer.json of the default branch; another one than the package's is taken by an administrator only.
    says: str | None = None

    def prepare(self, ref: Ref) -> Prepared | Verdict:
        """Refuses with what concerns all refs: the credential, limits, a silent host; everything else is a Verdict."""
        try:
            version = tag_version(ref.name) if ref.kind is RefKind.TAG else branch_version(ref.name)
            return self._settled(ref, version) or self._prepare(ref, version)
        except OF_ALL_REFS:
            raise
        except InvalidArchive as refusal:
            return Verdict(RefState.FAILED, f"The archive of {ref.commit[:12]} was refused: {refusal.sentence}")
        except (InvalidInput, FileTooLarge) as refusal:
            return Verdict(RefState.SKIPPED, refusal.sentence)
        except OF_ONE_REF as refusal:
            return Verdict(RefState.FAILED, refusal.sentence)

    def named(self, default: Ref | None) -> "Preparer":
        """With the name by which all refs go: the package's, before it has one that in composer.json of the default
        branch. Where that has none each ref has its own. Refuses with what the host says no to.
        """
        if default is None:
            return self
        says = self._name_at(default)
        return replace(self, package=says and (self.package or says), says=says)

    def _settled(self, ref: Ref, version: str) -> Verdict | None:
        """What is known without asking the host for anything."""
        served = self.served.get(normalise(version))
        known = (ref.kind.value, ref.name, ref.commit)
        if known in self.skipped and not self.anew:
            return Verdict(RefState.SKIPPED, self.skipped[known])
        if served is None:
            return None
        if not served.live and not served.withdrawn:
            return Verdict(
                RefState.KEPT, f"{served.version} was deleted by hand and stays so; purge it to have it imported again."
            )
        if served.reference != ref.commit:
            return None if served.is_dev or served.accepted == ref.commit else self._moved(served, ref)
        same = served.live and served.default_branch == self._is_default(ref)
        return Verdict(RefState.UNCHANGED, None) if same and not self.anew else None

    def _moved(self, served: Served, ref: Ref) -> Verdict:
        """A stable version stays as it is, until somebody says otherwise of this very commit."""
        reason = (
            f"moved: {served.version} was published from {served.reference[:12]} and stays so; the tag is now at "
            f"{ref.commit[:12]}. Tag a new version, or take that commit on purpose: "
            f"packistry import accept {self.run_id} {shlex.quote(ref.name)}"
        )
        return Verdict(RefState.KEPT, reason, served.version_id)

    def _prepare(self, ref: Ref, version: str) -> Prepared | Verdict:
        if self.package is None:
            # Where the default branch is no package most refs are none, and each archive might be a large one.
            self._read_manifest(ref)
        with self._archive(ref) as archive:
            manifest = self._manifest(ref, archive.composer_json)
            if ref.kind is RefKind.TAG:
                version = tag_matches(ref.name, manifest.version)
            released_at = manifest.time or self._committed_at(ref)
            stored, contents = archive.keep(_selection(ref, manifest))
        warning = self._lacking(ref, contents)
        if warning is not None:
            manifest = replace(manifest, warnings=(*manifest.warnings, warning))
        source = {"type": "git", "url": self.project.clone_url, "reference": ref.commit}
        return Prepared(
            Submission(
                version=version,
                manifest=manifest,
                archive=stored,
                released_at=released_at,
                readme=contents.readme,
                # A checkout of a part of a project would give the whole of it.
                source=None if self.directory else source,
                default_branch=self._is_default(ref),
                by_commit=True,
            ),
            warning,
        )

    def _name_at(self, ref: Ref) -> str | None:
        try:
            return self._read_manifest(ref).name
        except OF_ALL_REFS:
            raise
        except (InvalidInput, *OF_ONE_REF):
            return None

    def _manifest(self, ref: Ref, content: bytes) -> Manifest:
        manifest = self._read(ref, content)
        return manifest if self.package is None else replace(manifest, name=self.package)

    def _read_manifest(self, ref: Ref) -> Manifest:
        """What the host says of the file, without the archive."""
        content = self.provider.read_file(self.connection, self.project, ref.commit, self._path)
        if content is None:
            raise InvalidManifest(f"There is no {self._path} at {ref.commit[:12]}; it is no Composer package there.")
        return self._read(ref, content)

    def _read(self, ref: Ref, content: bytes) -> Manifest:
        # Providers give no more of a file than that, so what is cut there would only be told to be no JSON.
        if len(content) >= self.limits.composer_json_bytes:
            raise InvalidManifest(
                f"{self._path} at {ref.commit[:12]} is larger than {spelled(self.limits.composer_json_bytes)}: move "
                "large data out of it."
            )
        return read_manifest(content)

    @property
    def _path(self) -> str:
        return f"{self.directory}/{COMPOSER_JSON}" if self.directory else COMPOSER_JSON

    def _committed_at(self, ref: Ref) -> datetime:
        return self.provider.committed_at(self.connection, self.project, ref.commit)

    def _lacking(self, ref: Ref, contents: ArchiveContents) -> str | None:
        modules: Sequence[str] = ()
        # Asked only where one may be: of most projects that is nowhere, and each question costs a request.
        if contents.empty_folders:
            named = self.provider.read_file(self.connection, self.project, ref.commit, ".gitmodules")
            modules = submodules(named or b"", self.directory)
        return lacking([path for path in modules if path in contents.empty_folders], contents.lfs_pointers)

    @contextmanager
    def _archive(self, ref: Ref) -> Generator[CommitArchive]:
        with self.storage.receive() as downloaded:
            target = cast("BinaryIO", Limited(downloaded, self.limits.of_project().file_bytes))
            self.provider.download_archive(self.connection, self.project, ref.commit, target)
            with open_commit(self.storage, downloaded, ref.commit, self.limits, self.directory) as archive:
                if archive is None:
                    raise self._no_package(ref)
                yield archive

    def _no_package(self, ref: Ref) -> InvalidArchive:
        """Refuses with InvalidManifest where the commit has no composer.json either."""
        self._read_manifest(ref)
        return InvalidArchive(
            f"It has no {self._path}, though the commit has: take that out of export-ignore in .gitattributes.",
            field="archive",
        )

    def _is_default(self, ref: Ref) -> bool:
        return ref.kind is RefKind.BRANCH and ref.name == self.project.default_branch


def _selection(ref: Ref, manifest: Manifest) -> Selection:
    return Selection(top_folder=f"{manifest.name.replace('/', '-')}-{ref.commit[:12]}", excludes=_excludes(manifest))


def _excludes(manifest: Manifest) -> Sequence[object]:
    """What composer.json has in `archive.exclude`: `composer archive` leaves it out, and so do we."""
    archive = manifest.published.get("archive")
    excludes = cast("Mapping[str, object]", archive).get("exclude") if isinstance(archive, Mapping) else None
    return cast("Sequence[object]", excludes) if isinstance(excludes, list) else ()
