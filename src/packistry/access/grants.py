"""Giving and taking: the grants of a user or a deploy token, by the names people use for repositories and packages."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, delete, false, or_, select, update

from packistry.db.changes import ChangeKey, token_key, user_key
from packistry.db.engine import ReadSession, WriteSession
from packistry.db.models import GrantRow, Package, Repository, Token, User
from packistry.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class Grant:
    """One right as people write it: a repository by path ("" is the root), perhaps one package, perhaps writing."""

    repository: str
    package: str | None = None
    write: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """Whoever holds grants: a user or a deploy token, never both."""

    user_id: int | None = None
    token_id: int | None = None

    @property
    def key(self) -> ChangeKey:
        """What readers know the holder by."""
        if self.user_id is not None:
            return user_key(self.user_id)
        assert self.token_id is not None
        return token_key(self.token_id)


def replace_grants(session: WriteSession, holder: Holder, grants: Iterable[Grant]) -> None:
    """The holder has exactly these grants afterwards. Refuses with InvalidInput when one names nothing."""
    wanted: dict[tuple[int | None, int | None], bool] = {}
    for grant in grants:
        target = _target(session, holder, grant)
        # Said twice, once with write: the wider one is meant.
        wanted[target] = wanted.get(target, False) or grant.write
    _lock(session, holder)
    session.execute(delete(GrantRow).where(_of(holder)))
    session.add_all(
        GrantRow(
            user_id=holder.user_id, token_id=holder.token_id, repository_id=repository, package_id=package, write=write
        )
        for (repository, package), write in wanted.items()
    )
    session.changed(holder.key)


def drop_grants(session: WriteSession, affected: ColumnElement[bool]) -> None:
    """Takes these grants (a condition of GrantRow) from whoever holds them."""
    _tell_holders(session, affected)
    session.execute(delete(GrantRow).where(affected))


def end_writing(session: WriteSession, package_id: int) -> None:
    """Whoever may write the package by a grant on it alone may only read it from now on."""
    affected = and_(GrantRow.package_id == package_id, GrantRow.write)
    _tell_holders(session, affected)
    session.execute(update(GrantRow).where(affected).values(write=False))


def grants_of(session: ReadSession, holder: Holder) -> list[Grant]:
    """The holder's grants that still name something, repositories first, by path and name."""
    return grants_of_each(session, [holder])[holder]


def grants_of_each(session: ReadSession, holders: Sequence[Holder]) -> dict[Holder, list[Grant]]:
    """The same of several holders, in two statements however many they are."""
    asked = or_(false(), *_conditions(holders))
    held = (GrantRow.user_id, GrantRow.token_id, GrantRow.write, Repository.path)
    whole = (
        select(*held)
        .join_from(GrantRow, Repository, Repository.id == GrantRow.repository_id)
        .where(asked, Repository.deleted_at.is_(None))
        .order_by(Repository.path)
    )
    single = (
        select(*held, Package.name)
        .join_from(GrantRow, Package, Package.id == GrantRow.package_id)
        .join(Repository, Repository.id == Package.repository_id)
        # Of a deleted package too: old locks still install it by the grant, and who looks must see why.
        .where(asked, Repository.deleted_at.is_(None))
        .order_by(Repository.path, Package.name)
    )
    found: dict[Holder, list[Grant]] = {holder: [] for holder in holders}
    if holders:
        for user_id, token_id, write, path in session.execute(whole):
            found[Holder(user_id=user_id, token_id=token_id)].append(Grant(path, write=write))
        for user_id, token_id, write, path, name in session.execute(single):
            found[Holder(user_id=user_id, token_id=token_id)].append(Grant(path, name, write))
    return found


def _tell_holders(session: WriteSession, affected: ColumnElement[bool]) -> None:
    for user_id, token_id in session.execute(select(GrantRow.user_id, GrantRow.token_id).where(affected)):
        session.changed(Holder(user_id=user_id, token_id=token_id).key)


def _lock(session: WriteSession, holder: Holder) -> None:
    """Two changes of one holder's grants come one after the other; on PostgreSQL the second would add its own twice."""
    mine = select(User.id).where(User.id == holder.user_id)
    if holder.user_id is None:
        mine = select(Token.id).where(Token.id == holder.token_id)
    session.execute(mine.with_for_update(key_share=True)).all()


def _conditions(holders: Sequence[Holder]) -> Iterator[ColumnElement[bool]]:
    """One for each kind of holder there is, so that a database has not to look through the other kind."""
    users = [holder.user_id for holder in holders if holder.user_id is not None]
    tokens = [holder.token_id for holder in holders if holder.token_id is not None]
    if users:
        yield GrantRow.user_id.in_(users)
    if tokens:
        yield GrantRow.token_id.in_(tokens)


def _of(holder: Holder) -> ColumnElement[bool]:
    return GrantRow.user_id == holder.user_id if holder.user_id is not None else GrantRow.token_id == holder.token_id


def _target(session: ReadSession, holder: Holder, grant: Grant) -> tuple[int | None, int | None]:
    """The ids (repository, None) or (None, package) that the grant names."""
    repository_id = session.execute(
        select(Repository.id).where(Repository.path == grant.repository, Repository.deleted_at.is_(None))
    ).scalar_one_or_none()
    shown = grant.repository or "/"
    if repository_id is None:
        raise InvalidInput(
            f"There is no repository {shown}; `packistry repository list` shows them.", field="repositories"
        )
    if grant.package is None:
        return repository_id, None
    package_id = session.execute(
        select(Package.id).where(
            Package.repository_id == repository_id,
            Package.name == grant.package,
            # Of a deleted one nothing is given anew; what is held stays when the others are changed.
            or_(Package.deleted_at.is_(None), Package.id.in_(select(GrantRow.package_id).where(_of(holder)))),
        )
    ).scalar_one_or_none()
    if package_id is None:
        raise InvalidInput(
            f"There is no package {grant.package} in repository {shown}; publish it first, or grant the repository.",
            field="packages",
        )
    return None, package_id
