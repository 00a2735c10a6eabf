"""Dependents: which packages require another one, told only to those who may see them."""

from typing import Any

import pytest
from sqlalchemy import delete, select

from packistry.access.actors import Actor, Anonymous, UserActor
from packistry.access.grants import Grant
from packistry.db.models import Requirement, Version
from packistry.house import House
from packistry.packages.actions import delete_package, delete_version, purge_version
from packistry.packages.documents import Address
from packistry.packages.queries import Page, find_package_named, find_version
from packistry.packages.requirements import Dependent, count_dependents, list_dependents
from tests import factories

ROOT = Address(None, "")


@pytest.fixture
def published(house: House) -> House:
    """acme/app (twice) and acme/tool require acme/lib in the root; acme/open does in the public /r/open."""
    factories.repository(house, "open", public=True)
    factories.publish(house, "acme/app", "1.0.0", repository="", require={"Acme/Lib": "^1.0", "php": ">=8.1"})
    factories.publish(house, "acme/app", "1.1.0", repository="", require={"acme/lib": "^1.1"})
    tool: Any = {"acme/lib": "dev-main", "acme/other": "*"}
    needed = factories.package_zip("acme/tool", **{"require-dev": tool})
    factories.publish(house, "acme/tool", "1.0.0", repository="", archive=needed)
    factories.publish(house, "acme/open", "1.0.0", repository="open", require={"acme/lib": "*"})
    return house


def found(house: House, actor: Actor = factories.OPERATOR, name: str = "acme/lib") -> list[Dependent]:
    with house.database.read() as session:
        rows, total = list_dependents(session, actor, name, page=Page())
        assert total == len(rows) == count_dependents(session, actor, name)
        return list(rows)


def test_dependents_come_with_what_their_latest_version_asks_for(published: House) -> None:
    app, opened, tool = found(published)

    assert (app.name, app.constraint, app.is_dev, app.versions) == ("acme/app", "^1.1", False, 2)
    assert (opened.name, opened.repository) == ("acme/open", "open")
    assert (tool.name, tool.constraint, tool.is_dev) == ("acme/tool", "dev-main", True)
    assert found(published, name="php") == []


def test_nobody_is_told_of_dependents_he_does_not_see(published: House) -> None:
    bob = UserActor(user_id=factories.user(published, "bob@example.test"), name="bob", is_administrator=False)
    eve = UserActor(
        user_id=factories.user(published, "eve@example.test", Grant("", "acme/tool")),
        name="eve",
        is_administrator=False,
    )

    assert [each.name for each in found(published, Anonymous())] == ["acme/open"]
    assert [each.name for each in found(published, bob)] == ["acme/open"]
    assert [each.name for each in found(published, eve)] == ["acme/open", "acme/tool"]


def test_versions_that_are_gone_depend_on_nothing(published: House) -> None:
    with published.database.write() as session:
        app, _ = find_package_named(session, factories.OPERATOR, "acme/app")
        delete_version(session, factories.OPERATOR, app, find_version(session, app, "1.1.0"), ROOT)
        tool, _ = find_package_named(session, factories.OPERATOR, "acme/tool")
        purge_version(session, factories.OPERATOR, tool, find_version(session, tool, "1.0.0"), ROOT)
        opened, _ = find_package_named(session, factories.OPERATOR, "acme/open")
        delete_package(session, factories.OPERATOR, opened, Address(None, "open"))

    assert [(each.name, each.constraint, each.versions) for each in found(published)] == [("acme/app", "^1.0", 1)]
    with published.database.read() as session:
        orphans = select(Requirement.version_id).where(Requirement.version_id.not_in(select(Version.id)))
        assert session.scalars(orphans).all() == []


def test_a_branch_that_moved_requires_what_it_says_now(house: House) -> None:
    factories.publish(house, "acme/app", "dev-main", repository="", require={"acme/lib": "^1.0"})
    factories.publish(house, "acme/app", "dev-main", repository="", require={"acme/other": "^1.0"})

    assert found(house) == []
    assert [each.constraint for each in found(house, name="acme/other")] == ["^1.0"]


def test_what_was_published_before_there_were_such_rows_is_read_by_the_migration(published: House) -> None:
    from importlib import import_module

    from alembic.migration import MigrationContext
    from alembic.operations import Operations

    before = found(published)
    with published.database.write() as session:
        session.execute(delete(Requirement))
    migration = import_module("packistry.db.migrations.versions.0006_requirements")
    with published.database.engine.begin() as connection, Operations.context(MigrationContext.configure(connection)):
        migration._fill()
    assert found(published) == before
