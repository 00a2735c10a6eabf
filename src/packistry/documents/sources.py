"""What programs are told of sources, projects and imports, key by key; as in `subjects`, a key is never renamed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

from packistry.documents.subjects import shown_path
from packistry.documents.webhooks import WebhookSecretDocument

if TYPE_CHECKING:
    from packistry.sources.outlook import Outlook
    from packistry.sources.queries import AddedProject, ImportRef, RunSummary, Source
    from packistry.sources.rules import RuleSummary


@dataclass(frozen=True, slots=True)
class SourceDocument:
    """A connected code host, without its credential."""

    id: Annotated[int, "number"]
    name: Annotated[str, "name"]
    provider: Annotated[str, "kind of code host"]
    url: Annotated[str, "its base address"]
    settings: Annotated[dict[str, str], "what is known of it beside the credential"]
    projects: Annotated[int, "how many projects were added from it"]
    concurrency: Annotated[int, "refs worked on at once"]
    credential_refused: Annotated[str | None, "why the host refused the credential; null while it is good"]
    credential_expires_at: Annotated[datetime | None, "when the credential ends, if the host tells"]
    last_contact_at: Annotated[datetime | None, "last good answer"]


@dataclass(frozen=True, slots=True)
class CheckedDocument:
    """What a host says of a source's credential."""

    source: Annotated[str, "name of the source"]
    good: Annotated[bool, "whether nothing is bad"]
    account: Annotated[str | None, "whom the credential belongs to"]
    expires_at: Annotated[datetime | None, "when it ends"]
    projects_seen: Annotated[int | None, "how many projects it sees"]
    findings: Annotated[list[str], "a sentence each: good, warning or bad first"]


@dataclass(frozen=True, slots=True)
class ProjectDocument:
    """A project at a code host."""

    id: Annotated[str, "the host's own id"]
    name: Annotated[str, "full name"]
    url: Annotated[str, "its page"]
    default_branch: Annotated[str | None, "default branch"]
    archived: Annotated[bool, "whether it is read-only"]
    added: Annotated[bool, "whether it was added to a repository"]
    package: Annotated[bool | None, "whether composer.json is on its default branch; null when that is not known"]


@dataclass(frozen=True, slots=True)
class AddedProjectDocument:
    """A project that was added to a repository."""

    id: Annotated[int, "number"]
    source: Annotated[str, "name of its source"]
    project: Annotated[str, "full name at the host"]
    remote_id: Annotated[str, "the host's own id"]
    url: Annotated[str, "its page"]
    repository: Annotated[str, "path of where it goes"]
    path: Annotated[str, "directory in the project; empty is all of it"]
    package: Annotated[str | None, "name, once it is known"]
    default_branch: Annotated[str | None, "default branch"]
    archived: Annotated[bool, "whether it is read-only at the host"]
    tags: Annotated[list[str], "patterns of the tags that are taken; empty takes all"]
    branches: Annotated[list[str], "patterns of the branches that are taken; empty takes all"]
    hook: Annotated[bool, "whether the host is to call; it is looked at from time to time anyway"]
    rule: Annotated[int | None, "number of the rule that added it; null when a person did"]
    problem: Annotated[str | None, "what is wrong with it as a whole"]
    renamed_to: Annotated[str | None, "new name in composer.json that waits for an administrator"]
    synced_at: Annotated[datetime | None, "end of the last import that looked at all refs"]


@dataclass(frozen=True, slots=True)
class RuleDocument:
    """A rule: all projects of an organisation, group or workspace are added, those of tomorrow too."""

    id: Annotated[int, "number"]
    source: Annotated[str, "name of its source"]
    owner: Annotated[str, "organisation, group or workspace; empty is all that the credential sees"]
    include: Annotated[list[str], "patterns of the projects that are added; empty adds all"]
    exclude: Annotated[list[str], "patterns of the projects that are left out"]
    archived: Annotated[bool, "whether projects are added that are read-only at the host"]
    repository: Annotated[str, "path of where they go"]
    tags: Annotated[list[str], "patterns of tags that each project gets"]
    branches: Annotated[list[str], "patterns of branches that each project gets"]
    hook: Annotated[bool, "whether the host is to call"]
    projects: Annotated[int, "how many projects it added that are followed"]
    looked_at: Annotated[datetime | None, "when the host was looked at last"]
    problem: Annotated[str | None, "why nothing, or not all, came of the last look"]


@dataclass(frozen=True, slots=True)
class GatheredProjectDocument:
    """A project that a rule came by."""

    project: Annotated[str, "full name"]
    state: Annotated[str, "added, there, deleted (by hand), archived, fork, left_out, no_package or unknown"]
    reason: Annotated[str | None, "why it is unknown whether it is a package"]
    run: Annotated[int | None, "number of its first import, when it was added"]


@dataclass(frozen=True, slots=True)
class GatheredDocument:
    """What a rule did at one look at the host."""

    rule: Annotated[RuleDocument, "the rule"]
    projects: Annotated[list[GatheredProjectDocument], "what the host showed, by name"]


@dataclass(frozen=True, slots=True)
class RefDocument:
    """A branch or tag in an import."""

    kind: Annotated[str, "branch or tag"]
    name: Annotated[str, "name"]
    commit: Annotated[str, "commit"]
    state: Annotated[str, "waiting, imported, unchanged, skipped, kept, deleted, failed or cancelled"]
    reason: Annotated[str | None, "why, and what to do"]


@dataclass(frozen=True, slots=True)
class ImportDocument:
    """One bringing in of a project's refs."""

    id: Annotated[int, "number"]
    state: Annotated[str, "waiting, running, done, failed or cancelled"]
    cause: Annotated[str, "first, push, sync, rebuild or retry"]
    source: Annotated[str, "name of the source"]
    project: Annotated[str, "full name at the host"]
    repository: Annotated[str, "path"]
    package: Annotated[str | None, "name, once it is known"]
    reason: Annotated[str | None, "what it waits for, or why it failed"]
    created_at: Annotated[datetime, "when it was asked for"]
    finished_at: Annotated[datetime | None, "when it was over"]
    waits_until: Annotated[datetime | None, "when it is tried again, while it waits for its host"]
    ends_at: Annotated[datetime | None, "when it will be over at its pace so far, while it runs"]
    counts: Annotated[dict[str, int], "how many refs are in each state"]
    refs: Annotated[list[RefDocument], "the refs, where they are shown"]
    webhook: Annotated[
        WebhookSecretDocument | None, "what a person is to put into the host, shown once by `package add`; else null"
    ] = None


def source_document(source: "Source", projects: int) -> SourceDocument:
    """The source, as --json prints it."""
    return SourceDocument(
        id=source.id,
        name=source.name,
        provider=source.provider,
        url=source.address,
        settings=source.settings,
        projects=projects,
        concurrency=source.concurrency,
        credential_refused=source.credential_refused,
        credential_expires_at=source.credential_expires_at,
        last_contact_at=source.last_contact_at,
    )


def project_document(added: "AddedProject") -> AddedProjectDocument:
    """The project that was added, as --json prints it."""
    project = added.project
    return AddedProjectDocument(
        id=project.id,
        source=added.source,
        project=project.full_name,
        remote_id=project.remote_id,
        url=project.web_url,
        repository=shown_path(added.repository),
        path=project.directory,
        package=added.package,
        default_branch=project.default_branch,
        archived=project.archived,
        tags=project.tags,
        branches=project.branches,
        hook=project.hooked,
        rule=project.rule_id,
        problem=project.problem,
        renamed_to=project.renamed_to,
        synced_at=project.synced_at,
    )


def rule_document(summary: "RuleSummary") -> RuleDocument:
    """The rule, as --json prints it."""
    rule = summary.rule
    return RuleDocument(
        id=rule.id,
        source=summary.source,
        owner=rule.owner,
        include=[pattern for pattern in rule.projects if not pattern.startswith("!")],
        exclude=[pattern.removeprefix("!") for pattern in rule.projects if pattern.startswith("!")],
        archived=rule.with_archived,
        repository=shown_path(summary.repository),
        tags=rule.tags,
        branches=rule.branches,
        hook=rule.hooked,
        projects=summary.projects,
        looked_at=rule.looked_at,
        problem=rule.problem,
    )


def import_document(
    summary: "RunSummary", refs: "Sequence[ImportRef]" = (), outlook: "Outlook | None" = None
) -> ImportDocument:
    """The run, as --json prints it."""
    run = summary.run
    return ImportDocument(
        id=run.id,
        state=run.state,
        cause=run.cause,
        source=summary.source.name,
        project=summary.project.full_name,
        repository=shown_path(summary.repository.path),
        package=summary.package,
        reason=run.reason or (outlook.waits_for if outlook else None),
        created_at=run.created_at,
        finished_at=run.finished_at,
        waits_until=outlook.waits_until if outlook else None,
        ends_at=outlook.ends_at if outlook else None,
        counts=summary.refs,
        refs=[RefDocument(ref.kind, ref.name, ref.commit, ref.state, ref.reason) for ref in refs],
    )
