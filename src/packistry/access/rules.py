"""The rules, as conditions inside a statement: "may X read Y?" and "every Y that X may read" are the same SQL.

Visible = public repositories, assigned repositories, assigned packages; administrators see all. A repository seen only
through packages shows only those. Writing needs a grant that says so: being public gives nobody write.
"""

from sqlalchemy import ColumnElement, Select, and_, false, or_, select, true

from packistry.access.abilities import holds
from packistry.access.actors import Actor, Anonymous, DeployTokenActor, System, UserActor, describe, has_ability
from packistry.access.permissions import AREAS, ROLE_PERMISSIONS, Ability, Permission, Role
from packistry.db.engine import ReadSession
from packistry.db.models import GrantRow, Package, Repository
from packistry.errors import Forbidden, NotFound, Unauthenticated


def sees_everything(actor: Actor) -> bool:
    """Administrators and the operator; a personal token of an administrator too."""
    return isinstance(actor, System) or (isinstance(actor, UserActor) and actor.is_administrator)


def visible_repositories(actor: Actor) -> ColumnElement[bool]:
    """Of Repository: those the actor sees, wholly or in part."""
    seen = or_(
        whole_repositories(actor),
        # Deleted packages count: their archives stay for the locks of those who were given them.
        Repository.id.in_(select(Package.repository_id).where(Package.id.in_(granted_packages(actor)))),
    )
    return and_(Repository.deleted_at.is_(None), seen)


def whole_repositories(actor: Actor) -> ColumnElement[bool]:
    """Of Repository: those in which the actor sees every package."""
    if sees_everything(actor):
        return Repository.deleted_at.is_(None)
    seen = or_(Repository.public, Repository.id.in_(granted_repositories(actor)))
    return and_(Repository.deleted_at.is_(None), seen)


def visible_packages(actor: Actor) -> ColumnElement[bool]:
    """Of Package: those the actor sees."""
    return and_(
        Package.deleted_at.is_(None),
        or_(
            Package.repository_id.in_(select(Repository.id).where(whole_repositories(actor))),
            and_(
                Package.id.in_(granted_packages(actor)),
                Package.repository_id.in_(select(Repository.id).where(Repository.deleted_at.is_(None))),
            ),
        ),
    )


def hosted_packages(actor: Actor) -> ColumnElement[bool]:
    """Of Package, deleted ones too: those whose vendor the actor may know to be hosted here.

    A vendor stays claimed when its packages are gone: else a name that was ours could be taken by anybody elsewhere.
    """
    return or_(
        Package.repository_id.in_(select(Repository.id).where(whole_repositories(actor))),
        Package.id.in_(granted_packages(actor)),
    )


def writable_repositories(actor: Actor) -> ColumnElement[bool]:
    """Of Repository: those in which the actor may publish any name, new ones too."""
    if not has_ability(actor, Ability.WRITE):
        return false()
    granted = true() if sees_everything(actor) else Repository.id.in_(granted_repositories(actor, write=True))
    return and_(Repository.deleted_at.is_(None), granted)


def writable_packages(actor: Actor) -> ColumnElement[bool]:
    """Of Package: those of which the actor may publish new versions. A deleted package needs the repository's right."""
    if not has_ability(actor, Ability.WRITE):
        return false()
    return or_(
        Package.repository_id.in_(select(Repository.id).where(writable_repositories(actor))),
        and_(
            Package.deleted_at.is_(None),
            Package.id.in_(granted_packages(actor, write=True)),
            Package.repository_id.in_(select(Repository.id).where(Repository.deleted_at.is_(None))),
        ),
    )


def may(actor: Actor, permission: Permission) -> bool:
    """Whether the actor's role gives the permission, and the token that was shown, if one was, an ability in its area.

    Composer's abilities are none of those: by them no token administers, nor does a password that was shown for
    reading only. Reading and changing are told apart at the door of the API, which names an ability of each call.
    """
    match actor:
        case System():
            return True
        case UserActor(token_id=None) if Ability.WRITE not in actor.abilities:
            return False
        case UserActor():
            role = Role.ADMINISTRATOR if actor.is_administrator else Role.USER
            if permission not in ROLE_PERMISSIONS[role]:
                return False
            return actor.token_id is None or any(holds(actor.abilities, ability) for ability in AREAS[permission])
        case _:
            return False


def require(actor: Actor, permission: Permission) -> None:
    """Refuses with Forbidden unless the actor may."""
    if not may(actor, permission):
        raise Forbidden(f"{describe(actor)} lacks the permission {permission}; ask an administrator.")


def require_personal_tokens(actor: Actor, user_id: int) -> None:
    """Refuses unless these are the actor's own personal tokens: others' are not found, also by administrators."""
    require(actor, Permission.PERSONAL_TOKEN_MANAGE)
    if isinstance(actor, UserActor) and actor.user_id != user_id:
        raise NotFound("There is no such personal token, or it is not yours.")


def repository_to_publish(session: ReadSession, actor: Actor, path: str, name: str) -> Repository:
    """The repository at this path, in which the actor may publish versions of this package name.

    Refuses with Unauthenticated for anonymous callers, NotFound for what the actor does not see, else Forbidden.
    """
    if isinstance(actor, Anonymous):
        raise Unauthenticated("Publishing needs a token with the ability write, as Bearer or as the password of Basic.")
    seen = select(Repository).where(Repository.path == path, visible_repositories(actor))
    repository = session.execute(seen).scalar_one_or_none()
    if repository is None:
        raise NotFound("There is no such repository, or it is not visible to you.")
    package = (Package.repository_id == repository.id, Package.name == name)
    if _holds(session, select(Repository.id).where(Repository.id == repository.id, writable_repositories(actor))):
        return repository
    if _holds(session, select(Package.id).where(*package, writable_packages(actor))):
        return repository
    raise Forbidden(_why_not_publish(actor, name))


def _why_not_publish(actor: Actor, name: str) -> str:
    if not has_ability(actor, Ability.WRITE):
        return f"{describe(actor)} lacks the ability write; make a token with --ability write."
    return f"{describe(actor)} may not publish {name} here; it needs a grant with write on the repository or package."


def _holds(session: ReadSession, statement: Select[int]) -> bool:
    return session.execute(statement.limit(1)).first() is not None


def granted_repositories(actor: Actor, *, write: bool = False) -> Select[int | None]:
    """Ids of the repositories assigned to the actor, to read or, with `write`, to write."""
    return select(GrantRow.repository_id).where(
        GrantRow.repository_id.is_not(None), _held_by(actor), GrantRow.write if write else true()
    )


def granted_packages(actor: Actor, *, write: bool = False) -> Select[int | None]:
    """Ids of the single packages assigned to the actor, to read or, with `write`, to write."""
    return select(GrantRow.package_id).where(
        GrantRow.package_id.is_not(None), _held_by(actor), GrantRow.write if write else true()
    )


def _held_by(actor: Actor) -> ColumnElement[bool]:
    match actor:
        case UserActor():
            return GrantRow.user_id == actor.user_id
        case DeployTokenActor():
            return GrantRow.token_id == actor.token_id
        case _:
            return false()
