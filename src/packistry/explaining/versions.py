"""Which version of a package Composer would take, and if none, which would fit and why it is not to be had."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import select

from packistry.access.actors import Actor
from packistry.access.permissions import Permission
from packistry.access.rules import may
from packistry.audit.events import Event
from packistry.composer.constraints import Constraint, parse
from packistry.composer.names import is_platform_name
from packistry.composer.stabilities import ORDER, accepted_stability, accepts, branch_alias
from packistry.composer.versions import Stability, is_branch, normalise, sort_key, stability
from packistry.db.engine import ReadSession
from packistry.db.models import AuditEvent, Package, Version
from packistry.errors import InvalidVersion
from packistry.explaining.answers import Cause, Reason
from packistry.explaining.imports import refs_that_would_fit, state_of_imports


@dataclass(frozen=True, slots=True)
class Judged:
    """The version that is taken, None when there is none, and the sentences about it."""

    version: str | None
    reasons: list[Reason]


@dataclass(frozen=True, slots=True)
class _Line:
    """A version with the number of its branch, if it has one."""

    version: str
    normalised: str
    deleted_at: datetime | None
    withdrawn: bool
    alias: str | None

    def fits(self, constraint: Constraint) -> bool:
        return constraint.matches(self.normalised) or (self.alias is not None and constraint.matches(self.alias))

    @property
    def order(self) -> Any:
        return not is_branch(self.normalised), sort_key(self.normalised)


def judge_versions(session: ReadSession, asker: Actor, package: Package, constraint: str, minimum: Stability) -> Judged:
    """What Composer makes of the constraint; the asker sees the package."""
    lines = sorted(_lines(session, package), key=lambda line: line.order, reverse=True)
    wanted, accepted = parse(constraint), accepted_stability(constraint, minimum)
    live = [line for line in lines if line.deleted_at is None]
    fitting = [line for line in live if line.fits(wanted)]
    taken = _taken(fitting, accepted)
    if taken is not None:
        return Judged(taken.version, [_installable(package, taken), *_platform(session, package, taken)])
    reasons = [*_too_unstable(package, constraint, accepted, fitting)]
    reasons += [_withheld(package, line) for line in lines if line.deleted_at is not None and line.fits(wanted)]
    reasons += _purged(session, asker, package, constraint)
    reasons += refs_that_would_fit(session, asker, package, constraint, wanted)
    if not reasons or not fitting:
        reasons.append(_no_match(package, constraint, live))
    return Judged(None, [*reasons, *state_of_imports(session, asker, package)])


def _lines(session: ReadSession, package: Package) -> Iterator[_Line]:
    rows = session.execute(
        select(
            Version.id,
            Version.version,
            Version.normalised,
            Version.deleted_at,
            Version.withdrawn,
            Version.is_dev,
            Version.default_branch,
        ).where(Version.package_id == package.id)
    ).all()
    # Of branches alone what they publish is read: a tag has no other number.
    manifests = _manifests(session, [row.id for row in rows if row.is_dev])
    for row in rows:
        manifest = manifests.get(row.id, {})
        alias = branch_alias(row.version, manifest, default_branch=row.default_branch) if row.is_dev else None
        yield _Line(row.version, row.normalised, row.deleted_at, row.withdrawn, alias)


def _manifests(session: ReadSession, ids: Sequence[int]) -> Mapping[int, Mapping[str, Any]]:
    rows = session.execute(select(Version.id, Version.published).where(Version.id.in_(ids)))
    return {version_id: orjson.loads(published) for version_id, published in rows}


def _taken(fitting: Sequence[_Line], accepted: Stability) -> _Line | None:
    """The highest that is stable enough."""
    return next((line for line in fitting if accepts(accepted, line.normalised)), None)


def _installable(package: Package, line: _Line) -> Reason:
    command = f"composer require {package.name}:{line.version}"
    words = f"{package.name} {line.version} can be installed."
    return Reason(Cause.INSTALLABLE, words, f"If Composer says otherwise, let it tell why: {command}")


def _platform(session: ReadSession, package: Package, line: _Line) -> list[Reason]:
    published = session.execute(
        select(Version.published).where(Version.package_id == package.id, Version.normalised == line.normalised)
    ).scalar_one()
    require: Mapping[str, str] = orjson.loads(published).get("require") or {}
    needs = [f"{name} {constraint}" for name, constraint in require.items() if is_platform_name(name)]
    if not needs:
        return []
    words = f"It needs {', '.join(needs)} on the machine that installs it."
    return [Reason(Cause.PLATFORM, words, "Compare with: composer show --platform")]


def _too_unstable(package: Package, constraint: str, accepted: Stability, fitting: Sequence[_Line]) -> Iterator[Reason]:
    if not fitting:
        return
    best = min(fitting, key=lambda line: ORDER.index(stability(line.normalised)))
    kind = stability(best.normalised)
    shown = "" if constraint == "*" else f" that match {constraint}"
    yield Reason(
        Cause.STABILITY,
        f"The only versions{shown} are less stable than {accepted}: {_some(fitting)}.",
        f"Ask for it: composer require {package.name}:{best.version if kind == 'dev' else f'{constraint}@{kind}'}, "
        f'or set "minimum-stability" to "{kind}" in composer.json.',
    )


def _withheld(package: Package, line: _Line) -> Reason:
    moment = f"{line.deleted_at:%Y-%m-%d}"
    if line.withdrawn:
        return Reason(
            Cause.WITHHELD,
            f"{package.name} {line.version} was withdrawn on {moment}: its branch or tag is gone at the code host.",
            "Push it there again; old locks go on installing it.",
        )
    return Reason(
        Cause.WITHHELD,
        f"{package.name} {line.version} was deleted here on {moment}; old locks go on installing it.",
        "Ask an administrator to publish it again, or require another version.",
    )


def _purged(session: ReadSession, asker: Actor, package: Package, constraint: str) -> list[Reason]:
    """Of a version that is asked for by itself, the audit log knows more than the versions."""
    if not may(asker, Permission.AUDIT_READ):
        return []
    try:
        wanted = normalise(constraint)
    except InvalidVersion:
        return []
    lines = session.execute(
        select(AuditEvent.subject_name, AuditEvent.at)
        .where(AuditEvent.event == Event.VERSION_PURGED, AuditEvent.subject_name.like(f"{package.name} %"))
        .order_by(AuditEvent.id.desc())
    )
    for name, at in lines:
        version = name.removeprefix(f"{package.name} ")
        if normalise(version) == wanted:
            words = f"{package.name} {version} was purged on {at:%Y-%m-%d}: its archive is gone for good."
            return [Reason(Cause.WITHHELD, words, "Publish it again, or require another version.")]
    return []


def _no_match(package: Package, constraint: str, live: Sequence[_Line]) -> Reason:
    if not live:
        return Reason(Cause.NO_VERSION, f"{package.name} has no version that is served.", "Publish one, or import it.")
    words = f"No version of {package.name} matches {constraint}. There are {len(live)}: {_some(live)}."
    return Reason(Cause.NO_MATCH, words, "Change the constraint, or publish such a version.")


def _some(lines: Sequence[_Line]) -> str:
    """The first few, and how many there are besides."""
    shown = [line.version for line in lines[:5]]
    return ", ".join(shown) + (f" and {len(lines) - 5} more" if len(lines) > 5 else "")
