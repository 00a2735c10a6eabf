"""Why a package cannot be installed: asked of the rules in the order in which an installation meets them.

What is told depends on who asks, never on whom it is about: of a package that the asker does not see it says the same
as of one that there is not.
"""

import difflib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from sqlalchemy import select

from packistry.access.actors import Actor, DeployTokenActor, UserActor, has_ability
from packistry.access.explain import explain_read
from packistry.access.grants import Holder, grants_of
from packistry.access.permissions import Ability, Permission
from packistry.access.rules import may, require, visible_packages
from packistry.composer.constraints import parse
from packistry.composer.names import normalise_name, vendor_of
from packistry.composer.versions import Stability
from packistry.db.engine import ReadSession
from packistry.db.models import Package, Repository
from packistry.explaining.answers import Answer, Cause, Reason
from packistry.explaining.imports import unfinished_imports
from packistry.explaining.persons import Person
from packistry.explaining.versions import judge_versions

# Names of one vendor that a wrong one is compared with.
MOST_NAMES: Final = 500
# The first that reads what we serve. Source: the UPGRADE of Composer 2.0 (metadata-url).
OLD_CLIENT: Final = "Composer/1."


@dataclass(frozen=True, slots=True)
class Question:
    """What somebody wants to install: from which repository by its path, or from any (None)."""

    package: str
    constraint: str = ""
    repository: str | None = None
    minimum_stability: Stability = "stable"


_Place = tuple[Package, Repository]


def why(session: ReadSession, asker: Actor, person: Person, question: Question) -> Answer:
    """Whether the person can install it, and if not, why not and what to do.

    About others than themselves only administrators may ask. Refuses with InvalidName and InvalidConstraint.
    """
    _require_own(asker, person)
    name, constraint = normalise_name(question.package), question.constraint.strip() or "*"
    parse(constraint)
    places = _places(session, asker, name)
    reasons = _at_the_door(person, places)
    if not reasons:
        asked = replace(question, package=name, constraint=constraint)
        reasons, chosen = _where(session, asker, person, asked, places)
        if chosen is not None:
            judged = judge_versions(session, asker, chosen[0], constraint, question.minimum_stability)
            reasons = judged.reasons
            if judged.version is not None:
                return Answer(True, person.called, name, constraint, tuple(reasons), judged.version)
    return Answer(False, person.called, name, constraint, (*_old_client(person), *reasons))


def _require_own(asker: Actor, person: Person) -> None:
    """A user asks about himself and his tokens, and whoever has a secret about that one, which tells no more."""
    whom = person.actor
    is_own = isinstance(asker, UserActor) and isinstance(whom, UserActor) and asker.user_id == whom.user_id
    if not is_own and asker != whom and person.refused is None:
        require(asker, Permission.ACCESS_EXPLAIN)


def _places(session: ReadSession, asker: Actor, name: str) -> Sequence[_Place]:
    """Where the package is, as far as the asker may know, the root first."""
    rows = session.execute(
        select(Package, Repository)
        .join(Repository, Repository.id == Package.repository_id)
        .where(visible_packages(asker), Package.name == name)
        .order_by(Repository.path)
    )
    return [(package, repository) for package, repository in rows]


def _at_the_door(person: Person, places: Sequence[_Place]) -> list[Reason]:
    if person.refused is not None:
        return [Reason(Cause.CREDENTIAL, person.refused)]
    if not has_ability(person.actor, Ability.READ) and not any(repository.public for _, repository in places):
        step = "Give it the ability: --ability read, or the box on its page."
        return [Reason(Cause.ABILITY, f"{person.called} lacks the ability read.", step)]
    return []


def _where(
    session: ReadSession, asker: Actor, person: Person, question: Question, places: Sequence[_Place]
) -> tuple[list[Reason], _Place | None]:
    """The place that the person installs from, or why there is none."""
    if not places:
        return _nowhere(session, asker, question.package), None
    ids = [package.id for package, _ in places]
    seen = set(session.scalars(select(Package.id).where(visible_packages(person.actor), Package.id.in_(ids))))
    wanted = [place for place in places if question.repository in {None, place[1].path}]
    chosen = next((place for place in wanted if place[0].id in seen), None)
    if chosen is not None:
        return [], chosen
    if not wanted:
        return [_elsewhere(question, place) for place in places if place[0].id in seen or may_see(asker)], None
    return [_hidden(session, asker, person, place) for place in wanted], None


def may_see(asker: Actor) -> bool:
    """Whether the asker may be told what others may not see."""
    return may(asker, Permission.ACCESS_EXPLAIN)


def _nowhere(session: ReadSession, asker: Actor, name: str) -> list[Reason]:
    found = [*_deleted(session, asker, name), *unfinished_imports(session, asker, name)]
    if not found:
        sentence = f"There is no package {name}."
        step = "Publish it, or add its project: packistry package add SOURCE PROJECT."
        if not may_see(asker):
            sentence = f"There is no package {name}, or you may not see it."
            step = "Check the name; an administrator sees on this page which of the two it is."
        found = [Reason(Cause.NO_PACKAGE, sentence, step)]
    return [*found, *_meant(session, asker, name)]


def _deleted(session: ReadSession, asker: Actor, name: str) -> list[Reason]:
    if not may_see(asker):
        return []
    rows = session.execute(
        select(Package.deleted_at, Repository.path, Repository.deleted_at.label("gone"))
        .join(Repository, Repository.id == Package.repository_id)
        .where(Package.name == name)
        .order_by(Repository.path)
    )
    return [
        Reason(
            Cause.DELETED,
            f"{name} was in {path or 'the root repository'}; the repository was deleted on {gone:%Y-%m-%d}."
            if gone is not None
            else f"{name} was deleted from {path or 'the root repository'} on {deleted:%Y-%m-%d}.",
            "Old locks go on installing it unless it was purged. Publish a version again to bring the name back.",
        )
        for deleted, path, gone in rows
        if gone is not None or deleted is not None
    ]


def _meant(session: ReadSession, asker: Actor, name: str) -> list[Reason]:
    """Names that are nearly the same, of those the asker sees."""
    vendor = select(Package.name).where(visible_packages(asker), Package.vendor == vendor_of(name))
    names = session.scalars(vendor.order_by(Package.name).limit(MOST_NAMES)).all()
    near = difflib.get_close_matches(name, dict.fromkeys(names), n=3, cutoff=0.8)
    return [Reason(Cause.NO_PACKAGE, f"Was {' or '.join(near)} meant?")] if near else []


def _elsewhere(question: Question, place: _Place) -> Reason:
    path, asked = place[1].path, question.repository or "the root repository"
    return Reason(
        Cause.ELSEWHERE,
        f"{question.package} is not in {asked}, but in {path or 'the root repository'}.",
        f"Add that repository to the project; its page has the command: /-/repositories/{path or '-'}",
    )


def _hidden(session: ReadSession, asker: Actor, person: Person, place: _Place) -> Reason:
    """Only for administrators: whoever asks about themselves does not get here with what they do not see."""
    package, repository = place
    explained = explain_read(session, asker, person.actor, repository, package.name)
    tied = _tied(session, person.actor)
    return Reason(Cause.NOT_VISIBLE, " ".join((*explained.reasons, *tied)), _grant(person.actor, repository.path))


def _tied(session: ReadSession, actor: Actor) -> list[str]:
    match actor:
        case DeployTokenActor():
            holder = Holder(token_id=actor.token_id)
        case UserActor():
            holder = Holder(user_id=actor.user_id)
        case _:
            return []
    given = [
        f"{each.repository or '/'}{f':{each.package}' if each.package else ''}" for each in grants_of(session, holder)
    ]
    return [f"It is tied to {', '.join(given)}." if given else "Nothing was given to it."]


def _grant(actor: Actor, path: str) -> str:
    match actor:
        case DeployTokenActor():
            return (
                f"Tie the token to it, on /-/deploy-tokens/{actor.token_id} (--repository {path or '/'} adds to none)."
            )
        case UserActor():
            return f"Give {path or 'the root repository'} to the user, on /-/users/{actor.user_id}."
        case _:
            return "Use a token: composer config --auth bearer.HOST TOKEN, or make the repository public."


def _old_client(person: Person) -> list[Reason]:
    if person.client is None or not person.client.startswith(OLD_CLIENT):
        return []
    words = f"{person.called} last came with {person.client.split()[0]}, which cannot read this repository."
    return [Reason(Cause.CLIENT, words, "Update it: composer self-update --2.")]
