"""What --json prints and the API answers, key by key. docs/commands.md is made from it; keys are only ever added.

Moments are ISO 8601 in UTC. Repositories are named by path, and "/" is the root, as in the flags.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

if TYPE_CHECKING:
    from packistry.access.grants import Grant
    from packistry.accounts.queries import UserSummary
    from packistry.explaining.answers import Answer
    from packistry.packages.queries import PackageSummary, VersionSummary
    from packistry.repositories.queries import RepositorySummary
    from packistry.tokens.queries import TokenSummary


@dataclass(frozen=True, slots=True)
class GrantDocument:
    """A right to a repository, or to one package of it."""

    repository: Annotated[str, "path"]
    package: Annotated[str | None, "name; null means the whole repository"]
    write: Annotated[bool, "whether it includes publishing, for which a token needs the ability too"]


@dataclass(frozen=True, slots=True)
class RepositoryDocument:
    """A repository."""

    id: Annotated[int, "number"]
    path: Annotated[str, "path"]
    name: Annotated[str, "name for people"]
    description: Annotated[str, "description, perhaps empty"]
    public: Annotated[bool, "whether everybody may read it"]
    claims_vendors: Annotated[bool, "whether unknown names of its vendors are answered as empty"]
    packages: Annotated[int, "how many packages it holds"]
    url: Annotated[str, "address for composer.json"]


@dataclass(frozen=True, slots=True)
class UserDocument:
    """A user."""

    id: Annotated[int, "number"]
    name: Annotated[str, "name"]
    email: Annotated[str, "e-mail address"]
    role: Annotated[str, "admin or user"]
    active: Annotated[bool, "false when switched off"]
    created_at: Annotated[datetime, "when it was made"]
    last_seen_at: Annotated[datetime | None, "last request by password or personal token"]
    grants: Annotated[list[GrantDocument], "what was given; an administrator may do everything without"]


@dataclass(frozen=True, slots=True)
class TokenDocument:
    """A deploy or personal token, without its secret."""

    id: Annotated[int, "number"]
    name: Annotated[str, "name"]
    user: Annotated[str | None, "e-mail address of its user; null for a deploy token"]
    hints: Annotated[list[str], "how its secrets that still work begin, newest first"]
    abilities: Annotated[list[str], "read, write"]
    created_at: Annotated[datetime, "when it was made"]
    expires_at: Annotated[datetime | None, "from when on it is refused; null is never"]
    last_used_at: Annotated[datetime | None, "last use"]
    last_used_address: Annotated[str | None, "address of the last caller"]
    last_used_client: Annotated[str | None, "program of the last caller"]
    grants: Annotated[list[GrantDocument], "what a deploy token is tied to; empty for a personal token"]


@dataclass(frozen=True, slots=True)
class NewTokenDocument(TokenDocument):
    """A token with a secret that was just made."""

    token: Annotated[str, "the secret, which is never shown again"]
    old_valid_until: Annotated[datetime | None, "when the secrets before it end; null when there were none"]
    commands: Annotated[list[str], "what to type in a project to use it"]


@dataclass(frozen=True, slots=True)
class PackageDocument:
    """A package."""

    id: Annotated[int, "number"]
    repository: Annotated[str, "path"]
    name: Annotated[str, "vendor/name"]
    type: Annotated[str, "type of its latest version"]
    description: Annotated[str, "description of its latest version"]
    latest_version: Annotated[str | None, "highest stable version, else pre-release, else default branch"]
    abandoned: Annotated[str | None, "set by hand: the replacement, or empty for none; null follows composer.json"]
    downloads: Annotated[int, "downloads of all versions"]


@dataclass(frozen=True, slots=True)
class VersionDocument:
    """A version with the archive it is served from."""

    id: Annotated[int, "number"]
    version: Annotated[str, "as its author spells it"]
    normalised: Annotated[str, "as Composer compares it"]
    reference: Annotated[str, "what locks name"]
    sha1: Annotated[str, "of the archive; Composer's shasum"]
    sha256: Annotated[str, "of the archive"]
    size_bytes: Annotated[int, "of the archive"]
    released_at: Annotated[datetime, "date of the commit or of the upload"]
    first_published_at: Annotated[datetime, "when it was first seen here"]
    default_branch: Annotated[bool, "whether it is the default branch"]
    deleted: Annotated[bool, "out of the metadata; its archive stays until it is purged"]
    downloads: Annotated[int, "downloads"]
    installs: Annotated[int, "installs that clients told us of"]
    warnings: Annotated[list[str], "what of its composer.json is not published, and why"]


@dataclass(frozen=True, slots=True)
class PackageDetailsDocument(PackageDocument):
    """A package with its versions."""

    versions: Annotated[list[VersionDocument], "highest first, deleted ones too"]


@dataclass(frozen=True, slots=True)
class ProblemDocument:
    """A refusal. With --json every command that is refused prints {"error": ...} instead of its answer."""

    code: Annotated[str, "stable word for programs, such as not_found"]
    message: Annotated[str, "sentence for people"]
    field: Annotated[str | None, "input that it is about"]


@dataclass(frozen=True, slots=True)
class ErrorDocument:
    """What a refused command prints."""

    error: Annotated[ProblemDocument, "why"]


@dataclass(frozen=True, slots=True)
class UploadDocument:
    """What became of one file. After a refusal only `file` and `error` say something."""

    file: Annotated[str, "as it was named"]
    outcome: Annotated[str | None, "published, moved (a branch), restored (after a delete) or unchanged"]
    repository: Annotated[str | None, "path"]
    package: Annotated[str | None, "vendor/name"]
    version: Annotated[str | None, "as its author spells it"]
    version_id: Annotated[int | None, "number"]
    reference: Annotated[str | None, "what locks name"]
    sha256: Annotated[str | None, "of the archive served"]
    warnings: Annotated[list[str], "what of its composer.json is not published, and why"]
    error: Annotated[ProblemDocument | None, "why it was refused"]


@dataclass(frozen=True, slots=True)
class LinkDocument:
    """A link that lets somebody in, once."""

    email: Annotated[str, "whom it is for"]
    link: Annotated[str, "address, shown this once"]
    expires_at: Annotated[datetime, "end"]


@dataclass(frozen=True, slots=True)
class DeletedDocument:
    """What was taken away."""

    deleted: Annotated[str, "kind: its noun on the command line, or version"]
    id: Annotated[int, "number it had"]
    name: Annotated[str, "name it had"]


@dataclass(frozen=True, slots=True)
class PurgedDocument:
    """What is gone for good."""

    purged: Annotated[str, "package, and version unless all were purged"]
    files: Annotated[int, "how many archives were removed; one that another version uses stays"]


@dataclass(frozen=True, slots=True)
class ExplanationDocument:
    """Whether somebody may do something, and why."""

    actor: Annotated[str, "who"]
    repository: Annotated[str, "path"]
    package: Annotated[str | None, "name"]
    write: Annotated[bool, "whether publishing was asked about, else reading"]
    may: Annotated[bool, "the answer"]
    reasons: Annotated[list[str], "sentences, the decisive one first"]


@dataclass(frozen=True, slots=True)
class ReasonDocument:
    """One sentence of why something can or cannot be installed."""

    cause: Annotated[
        str,
        "installable, platform, credential, ability, client, no_package, deleted, not_visible, elsewhere, no_version, "
        "no_match, stability, withheld or import",
    ]
    sentence: Annotated[str, "the sentence"]
    next_step: Annotated[str, "what to do about it, perhaps empty"]


@dataclass(frozen=True, slots=True)
class WhyDocument:
    """Whether somebody can install a package, and why not."""

    may: Annotated[bool, "the answer"]
    whom: Annotated[str, "who would install it"]
    package: Annotated[str, "name"]
    constraint: Annotated[str, "the constraint; `*` when none was given"]
    version: Annotated[str | None, "what Composer would take; null when nothing"]
    reasons: Annotated[list[ReasonDocument], "sentences, the decisive one first"]


@dataclass(frozen=True, slots=True)
class UpgradeDocument:
    """What a migration did."""

    database: Annotated[str, "address, without its password"]
    before: Annotated[str | None, "revision it had; null when it was empty"]
    after: Annotated[str, "revision it has"]


@dataclass(frozen=True, slots=True)
class UnnamedFileDocument:
    """A stored file that no version names."""

    file: Annotated[str, "its place below the storage"]
    size_bytes: Annotated[int, "size"]
    kept_at: Annotated[datetime, "when it was stored last"]


@dataclass(frozen=True, slots=True)
class SweptDocument:
    """Stored files that no version names."""

    deleted: Annotated[bool, "whether they were deleted"]
    files: Annotated[list[UnnamedFileDocument], "the files"]


@dataclass(frozen=True, slots=True)
class FindingDocument:
    """One thing that was looked at."""

    finding: Annotated[str, "good, warning or bad"]
    topic: Annotated[str, "settings, disk, database, clock, secrets, programs or imports"]
    sentence: Annotated[str, "what was found, and the next step"]


@dataclass(frozen=True, slots=True)
class DoctorDocument:
    """Whether all is well."""

    good: Annotated[bool, "whether nothing is bad"]
    findings: Annotated[list[FindingDocument], "all that was looked at, the worst first"]


@dataclass(frozen=True, slots=True)
class CheckDocument:
    """What a check found."""

    database: Annotated[str, "address, without its password"]
    revision: Annotated[str | None, "revision it has; null when it is empty"]
    newest: Annotated[str, "revision this Packistry needs"]
    archives: Annotated[int, "archives that were looked for"]
    problems: Annotated[list[str], "sentences; empty when all is well"]


def shown_path(path: str) -> str:
    """A repository's path as flags and documents spell it."""
    return path or "/"


def grant_documents(grants: Iterable["Grant"]) -> list[GrantDocument]:
    """The grants as documents."""
    return [GrantDocument(shown_path(grant.repository), grant.package, grant.write) for grant in grants]


def repository_document(summary: "RepositorySummary", public_url: str) -> RepositoryDocument:
    """The repository as a document; its address lies below `public_url`."""
    from packistry.packages.documents import repository_base

    return RepositoryDocument(
        id=summary.id,
        path=shown_path(summary.path),
        name=summary.name,
        description=summary.description,
        public=summary.public,
        claims_vendors=summary.claims_vendors,
        packages=summary.packages,
        url=repository_base(public_url, summary.path),
    )


def user_document(summary: "UserSummary") -> UserDocument:
    """The user as a document."""
    return UserDocument(
        id=summary.id,
        name=summary.name,
        email=summary.email,
        role=summary.role,
        active=summary.active,
        created_at=summary.created_at,
        last_seen_at=summary.last_seen_at,
        grants=grant_documents(summary.grants),
    )


def token_document(summary: "TokenSummary") -> TokenDocument:
    """The token as a document."""
    return TokenDocument(
        id=summary.id,
        name=summary.name,
        user=summary.user,
        hints=list(summary.hints),
        abilities=list(summary.abilities),
        created_at=summary.created_at,
        expires_at=summary.expires_at,
        last_used_at=summary.last_used_at,
        last_used_address=summary.last_used_address,
        last_used_client=summary.last_used_client,
        grants=grant_documents(summary.grants),
    )


def why_document(answer: "Answer") -> WhyDocument:
    """The answer as data."""
    reasons = [ReasonDocument(each.cause, each.sentence, each.next_step) for each in answer.reasons]
    return WhyDocument(answer.may, answer.whom, answer.package, answer.constraint, answer.version, reasons)


def package_document(summary: "PackageSummary") -> PackageDocument:
    """The package as a document."""
    return PackageDocument(
        id=summary.id,
        repository=shown_path(summary.repository),
        name=summary.name,
        type=summary.type,
        description=summary.description,
        latest_version=summary.latest_version,
        abandoned=summary.abandoned,
        downloads=summary.downloads,
    )


def version_documents(summaries: Sequence["VersionSummary"]) -> list[VersionDocument]:
    """The versions as documents, in their order."""
    return [
        VersionDocument(
            id=summary.id,
            version=summary.version,
            normalised=summary.normalised,
            reference=summary.reference,
            sha1=summary.sha1,
            sha256=summary.sha256,
            size_bytes=summary.size_bytes,
            released_at=summary.released_at,
            first_published_at=summary.first_published_at,
            default_branch=summary.default_branch,
            deleted=summary.deleted,
            downloads=summary.downloads,
            installs=summary.installs,
            warnings=list(summary.warnings),
        )
        for summary in summaries
    ]
