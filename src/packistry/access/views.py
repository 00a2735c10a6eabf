"""Views: what one credential may read, taken out of the database once and kept in memory by the readers.

A view is made by the rules' SQL and answers the same questions without it. It says itself under which changes it
must be forgotten, and when it ends.
"""

from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import select

from packistry.access.actors import Actor, Anonymous, DeployTokenActor, UserActor, has_ability
from packistry.access.permissions import Ability
from packistry.access.rules import granted_packages, granted_repositories, sees_everything
from packistry.db.changes import ChangeKey, token_key, user_key
from packistry.db.engine import ReadSession
from packistry.db.models import Package
from packistry.errors import Refusal

# Measured: a view and its table entries; an id in a set.
VIEW_BYTES: Final = 1_500
ID_BYTES: Final = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What an actor may read now. Ids of things that are gone may remain in it: the thing itself is asked first."""

    actor: Actor
    can_read: bool
    everything: bool = False
    repositories: frozenset[int] = frozenset()
    packages: frozenset[int] = frozenset()
    # Repositories of the single packages: seen, but only in part.
    partial_repositories: frozenset[int] = frozenset()
    # Seconds since 1970 at which the credential runs out.
    expires_at: float | None = None
    # Why the credential is not good, for the one who holds it: the kind of refusal and its sentence. Never the
    # exception itself: a kept one would collect a traceback, and with it whole requests, each time it is raised.
    refused: tuple[type[Refusal], str] | None = None
    depends_on: frozenset[ChangeKey] = field(default_factory=frozenset[ChangeKey])

    @property
    def is_anonymous(self) -> bool:
        return isinstance(self.actor, Anonymous)

    @property
    def refusal(self) -> Refusal | None:
        """Why the credential is not good, made anew each time; None for a good one, and for none at all."""
        if self.refused is None:
            return None
        kind, sentence = self.refused
        return kind(sentence)

    @property
    def user_id(self) -> int | None:
        """The user who asks, by password or personal token."""
        return self.actor.user_id if isinstance(self.actor, UserActor) else None

    @property
    def weight(self) -> int:
        """About how many bytes it takes in memory."""
        return VIEW_BYTES + ID_BYTES * (len(self.repositories) + len(self.packages) + len(self.partial_repositories))

    @property
    def token_id(self) -> int | None:
        """The token that was shown, if one was."""
        # A tuple, because a union would be made anew at every request.
        return self.actor.token_id if isinstance(self.actor, (UserActor, DeployTokenActor)) else None

    def sees_whole(self, repository_id: int, *, public: bool) -> bool:
        """Whether every package of the repository is visible."""
        return public or self.everything or repository_id in self.repositories

    def sees_repository(self, repository_id: int, *, public: bool) -> bool:
        """Whether the repository is visible at all, wholly or through single packages."""
        return self.sees_whole(repository_id, public=public) or repository_id in self.partial_repositories

    def may_read_package(self, repository_id: int, package_id: int, *, public: bool) -> bool:
        """Whether the caller may have a package's metadata and archives. Everybody may those of a public repository."""
        return public or (self.can_read and self.sees_package(repository_id, package_id, public=False))

    def sees_package(self, repository_id: int, package_id: int, *, public: bool) -> bool:
        return self.sees_whole(repository_id, public=public) or package_id in self.packages


NOBODY = View(actor=Anonymous(), can_read=True)


def refused_view(refusal: Refusal, *depends_on: ChangeKey) -> View:
    """The view of a bad credential: that of an anonymous caller, with the reason."""
    refused = type(refusal), refusal.sentence
    return View(actor=Anonymous(), can_read=True, refused=refused, depends_on=frozenset(depends_on))


def load_view(session: ReadSession, actor: Actor, *, expires_at: float | None = None) -> View:
    """The view of a good credential, in at most two selects."""
    if sees_everything(actor):
        return View(
            actor=actor,
            can_read=has_ability(actor, Ability.READ),
            everything=True,
            expires_at=expires_at,
            depends_on=_keys(actor),
        )
    repositories = session.scalars(granted_repositories(actor)).all()
    packages = session.execute(
        select(Package.id, Package.repository_id).where(Package.id.in_(granted_packages(actor)))
    ).all()
    return View(
        actor=actor,
        can_read=has_ability(actor, Ability.READ),
        repositories=frozenset(identity for identity in repositories if identity is not None),
        packages=frozenset(package_id for package_id, _ in packages),
        partial_repositories=frozenset(repository_id for _, repository_id in packages),
        expires_at=expires_at,
        depends_on=_keys(actor),
    )


def _keys(actor: Actor) -> frozenset[ChangeKey]:
    keys: set[ChangeKey] = set()
    if isinstance(actor, UserActor):
        keys.add(user_key(actor.user_id))
    if isinstance(actor, UserActor | DeployTokenActor) and actor.token_id is not None:
        keys.add(token_key(actor.token_id))
    return frozenset(keys)
