"""Repositories: what may be in a row, who may change it, who sees it, and what readers are told."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from packistry import clock
from packistry.access.actors import Actor, Anonymous, DeployTokenActor, System, UserActor
from packistry.access.grants import Grant, Holder, grants_of
from packistry.access.permissions import ALL_ABILITIES
from packistry.db.changes import listing_key, repository_key, token_key, user_key
from packistry.db.models import AuditEvent, Document, GrantRow, Package, Repository, Token
from packistry.errors import AlreadyExists, Conflict, Forbidden, InvalidInput, NotFound
from packistry.house import House
from packistry.packages.actions import delete_package
from packistry.packages.documents import Address
from packistry.repositories.actions import create_repository, delete_repository, update_repository
from packistry.repositories.queries import (
    find_repository,
    list_repositories,
    repository_facts,
    sharing_repositories,
)
from tests import factories
from tests.access.rows import package
from tests.factories import OPERATOR


def change(house: House, which: str, /, **given: object) -> None:
    with house.database.write() as session:
        row = find_repository(session, OPERATOR, which)
        update_repository(session, OPERATOR, row, **given)  # pyright: ignore[reportArgumentType]


def delete(house: House, path: str, *, with_packages: bool = False) -> None:
    with house.database.write() as session:
        delete_repository(session, OPERATOR, find_repository(session, OPERATOR, path), with_packages=with_packages)


def paths(house: House, actor: Actor = OPERATOR) -> list[tuple[str, int]]:
    with house.database.read() as session:
        return [(found.path, found.packages) for found in list_repositories(session, actor)]


def events(house: House) -> list[str]:
    with house.database.read() as session:
        return list(session.scalars(select(AuditEvent.event).order_by(AuditEvent.id)))


def test_the_root_is_there_from_the_start_and_private(house: House) -> None:
    with house.database.read() as session:
        [root] = list_repositories(session, OPERATOR)

    assert (root.path, root.public, root.claims_vendors, root.packages) == ("", False, True, 0)


def test_a_new_repository_is_what_was_asked_for(house: House) -> None:
    factories.repository(house, "acme", description="Ours", public=True, claims_vendors=False)

    with house.database.read() as session:
        _, acme = list_repositories(session, OPERATOR)
        facts = repository_facts(session, "acme")
    assert (acme.path, acme.description, acme.public, acme.claims_vendors) == ("acme", "Ours", True, False)
    assert facts is not None
    assert (facts.id, facts.public, facts.claims_vendors) == (acme.id, True, False)


@pytest.mark.parametrize("path", ["a", "0", "acme", "acme-internal", "a-b-c", "2026", "x" * 255])
def test_a_slug_is_a_path(house: House, path: str) -> None:
    with house.database.write() as session:
        create_repository(session, OPERATOR, name="x", path=path)

    assert [found for found, _ in paths(house)] == ["", path]


BAD_PATHS = [
    ("", "the root is there already"),
    ("Acme", "capitals: two addresses that look alike"),
    ("a_b", "an underscore"),
    ("a--b", "two hyphens"),
    ("-a", "a hyphen before"),
    ("a-", "a hyphen behind"),
    ("a/b", "a slash"),
    ("a.b", "a dot"),
    ("..", "a way out"),
    ("ä", "a letter beyond ASCII"),
    ("a\n", "a line break, which a $ in a pattern would let through"),
    ("a b", "a space"),
    ("x" * 256, "too long"),
]


@pytest.mark.parametrize(("path", "why"), BAD_PATHS, ids=[row[1] for row in BAD_PATHS])
def test_what_is_no_slug_is_refused_and_never_rewritten(house: House, path: str, why: str) -> None:
    factories.repository(house, "acme")

    with (
        pytest.raises(InvalidInput, match="must be lower-case letters and digits") as refused,
        house.database.write() as session,
    ):
        create_repository(session, OPERATOR, name="x", path=path)
    assert refused.value.field == "path", why
    with pytest.raises(InvalidInput):
        change(house, "acme", path=path)

    assert events(house) == ["repository.created"]


@pytest.mark.parametrize("name", ["", "  ", "x" * 256])
def test_a_name_is_needed_and_not_endless(house: House, name: str) -> None:
    factories.repository(house, "acme")

    with pytest.raises(InvalidInput, match="1 to 255"), house.database.write() as session:
        create_repository(session, OPERATOR, name=name, path="x")
    with pytest.raises(InvalidInput, match="1 to 255"):
        change(house, "acme", name=name)


def test_a_path_is_taken_until_its_repository_is_deleted(house: House) -> None:
    factories.repository(house, "acme")
    factories.repository(house, "other")
    with pytest.raises(AlreadyExists, match="already a repository acme; choose another path"):
        factories.repository(house, "acme")
    with pytest.raises(AlreadyExists, match="already a repository acme"):
        change(house, "other", path="acme")

    delete(house, "acme")

    change(house, "other", path="acme")
    assert [path for path, _ in paths(house)] == ["", "acme"]


def test_a_change_keeps_what_is_not_named_and_tells_readers(house: House) -> None:
    identity = factories.repository(house, "acme", description="Ours")

    with house.database.write() as session:
        row = session.get_one(Repository, identity)
        before = row.listing_modified
        update_repository(session, OPERATOR, row, public=True)
        assert session.changed_keys == {repository_key(identity), listing_key(identity)}

    with house.database.read() as session:
        row = session.get_one(Repository, identity)
    assert (row.name, row.path, row.description, row.public) == ("acme", "acme", "Ours", True)
    assert row.listing_modified > before, "who may see the list changed, so its date does"


def test_a_change_that_changes_nothing_is_no_event(house: House) -> None:
    factories.repository(house, "acme", description="Ours")

    change(house, "acme", name=" acme ", path="acme", description="Ours", public=False, claims_vendors=True)

    assert events(house) == ["repository.created"]


def test_the_root_has_no_path_and_never_goes(house: House) -> None:
    with pytest.raises(InvalidInput, match="The root repository has no path"):
        change(house, "", path="x")
    with pytest.raises(InvalidInput, match="cannot be deleted; make it private instead"):
        delete(house, "", with_packages=True)

    change(house, "", name="Ours", public=True)

    assert paths(house) == [("", 0)]
    assert events(house) == ["repository.updated"]


def test_a_repository_with_packages_goes_only_when_that_is_meant(house: House) -> None:
    factories.repository(house, "acme")
    package(house, "acme", "acme/lib")

    with pytest.raises(Conflict, match="still holds 1 packages"):
        delete(house, "acme")
    assert paths(house) == [("", 0), ("acme", 1)]

    delete(house, "acme", with_packages=True)
    assert paths(house) == [("", 0)]


def test_a_repository_whose_packages_were_all_deleted_is_empty(house: House) -> None:
    factories.repository(house, "acme")
    identity = package(house, "acme", "acme/lib")
    with house.database.write() as session:
        delete_package(session, OPERATOR, session.get_one(Package, identity), Address(None, "acme"))

    delete(house, "acme")

    assert paths(house) == [("", 0)]


def test_a_deleted_repository_takes_the_grants_on_it_and_its_packages_along(house: House) -> None:
    identity = factories.repository(house, "acme")
    package(house, "acme", "acme/lib")
    package(house, "", "acme/lib")
    kept = [Grant("", write=True), Grant("", "acme/lib", write=True)]
    ada = factories.user(house, "ada@x.test", Grant("acme"), *kept)
    factories.deploy_token(house, Grant("acme", "acme/lib"), *kept, name="ci")
    factories.user(house, "eve@x.test", Grant(""))

    with house.database.write() as session:
        token = session.scalars(select(Token)).one()
        delete_repository(session, OPERATOR, find_repository(session, OPERATOR, "acme"), with_packages=True)
        assert session.changed_keys == {repository_key(identity), user_key(ada), token_key(token.id)}

    with house.database.read() as session:
        assert grants_of(session, Holder(user_id=ada)) == kept
        assert grants_of(session, Holder(token_id=token.id)) == kept
        assert len(session.scalars(select(GrantRow)).all()) == 5
        deleted = session.scalars(select(Package.deleted_at).order_by(Package.id)).all()
    assert [moment is None for moment in deleted] == [False, True]


def test_everybody_is_listed_what_they_see_and_how_much_of_it(house: House) -> None:
    factories.repository(house, "open", public=True)
    factories.repository(house, "part")
    factories.repository(house, "secret")
    for path in ("open", "part", "secret"):
        package(house, path, "acme/lib")
        package(house, path, "acme/other")
    ada = factories.user(house, "ada@x.test", Grant("part", "acme/lib"))

    person = UserActor(user_id=ada, name="x", is_administrator=False)
    assert paths(house, Anonymous()) == [("open", 2)]
    assert paths(house, person) == [("open", 2), ("part", 1)]
    assert paths(house) == [("", 0), ("open", 2), ("part", 2), ("secret", 2)]
    with house.database.read() as session:
        assert find_repository(session, person, "part").path == "part"
        for hidden in ("secret", "", "nowhere"):
            with pytest.raises(NotFound, match=f"no repository {hidden or '/'};"):
                find_repository(session, person, hidden)


@pytest.mark.parametrize(
    "actor",
    [
        Anonymous(),
        UserActor(user_id=1, name="ada@x.test", is_administrator=False),
        UserActor(user_id=1, name="ada@x.test", is_administrator=True, token_id=5, token_name="x"),
        DeployTokenActor(token_id=1, name="ci", abilities=ALL_ABILITIES),
    ],
)
def test_only_administrators_manage_repositories(house: House, actor: Actor) -> None:
    factories.repository(house, "acme", public=True)

    with house.database.write() as session:
        row = find_repository(session, System(), "acme")
        for attempt in (
            lambda: create_repository(session, actor, name="x", path="x"),
            lambda: update_repository(session, actor, row, public=False),
            lambda: delete_repository(session, actor, row, with_packages=True),
        ):
            with pytest.raises(Forbidden, match="repository:manage"):
                attempt()
        session.rollback()


def test_repositories_that_share_a_vendor_are_told(house: House) -> None:
    one, two = factories.repository(house, "one"), factories.repository(house, "two")
    package(house, "one", "acme/lib")
    shared = package(house, "two", "acme/other")
    package(house, "two", "beta/lib")
    package(house, "", "gamma/lib")

    with house.database.write() as session:
        assert sharing_repositories(session, {one, two})
        assert not sharing_repositories(session, {one})
        assert not sharing_repositories(session, {1, one})
        session.get_one(Package, shared).deleted_at = session.get_one(Repository, one).created_at
        session.flush()
        assert not sharing_repositories(session, {one, two})


def listed(house: House, path: str) -> int:
    with house.database.read() as session:
        return find_repository(session, OPERATOR, path).listing_modified


@pytest.mark.parametrize("way", ["made", "renamed"])
def test_a_path_that_comes_again_never_passes_through_a_date_it_had(
    house: House, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    monkeypatch.setattr(clock, "now", lambda: datetime(2026, 1, 1, tzinfo=UTC))
    factories.repository(house, "acme")
    for number in range(5):
        factories.publish(house, f"acme/lib{number}")
    before = listed(house, "acme")
    with house.database.write() as session:
        delete_repository(session, OPERATOR, find_repository(session, OPERATOR, "acme"), with_packages=True)

    if way == "made":
        factories.repository(house, "acme")
    else:
        factories.repository(house, "other")
        with house.database.write() as session:
            update_repository(session, OPERATOR, find_repository(session, OPERATOR, "other"), path="acme")

    assert listed(house, "acme") > before


def test_a_date_past_2038_is_kept(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    moment = datetime(2040, 1, 1, tzinfo=UTC)
    monkeypatch.setattr(clock, "now", lambda: moment)
    factories.repository(house, "acme")
    factories.publish(house)

    assert listed(house, "acme") > moment.timestamp()
    with house.database.read() as session:
        assert session.get_one(Document, (2, "acme/lib")).last_modified == moment.timestamp()
