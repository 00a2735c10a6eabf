"""What publishing one version writes is what rendering all versions would."""

import random

from sqlalchemy import select

from packistry.db.models import Document, Package, Version
from packistry.house import House
from packistry.packages.actions import delete_version, purge_version, refresh_package
from packistry.packages.documents import Address
from tests import factories

ADDRESS = Address("https://p.test", "acme")
STEPS = 40


def test_after_any_changes_the_documents_are_those_of_all_versions(house: House) -> None:
    factories.repository(house, "acme")
    chance = random.Random(7)

    for step in range(STEPS):
        _change(house, chance, step)

    incremental = _templates(house)
    with house.database.write() as session:
        refresh_package(session, session.get_one(Package, 1), ADDRESS)
    assert _templates(house) == incremental
    assert all(template.count(b"version_normalized") > 2 for template in incremental.values())


def _change(house: House, chance: random.Random, step: int) -> None:
    kind = chance.choice(["stable", "stable", "branch", "default", "delete", "purge"])
    if kind in {"delete", "purge"}:
        _take_away(house, chance, kind)
        return
    version = f"{chance.randint(1, 3)}.{step}.0" if kind == "stable" else chance.choice(["dev-a", "dev-b", "2.x-dev"])
    abandoned = {"abandoned": True} if chance.random() < 0.2 else {}
    archive = factories.package_zip("acme/lib", files={"step": str(step)}, **abandoned)
    factories.publish(house, version=version, archive=archive, default_branch=kind == "default")


def _take_away(house: House, chance: random.Random, kind: str) -> None:
    with house.database.write() as session:
        live = session.scalars(select(Version).where(Version.deleted_at.is_(None)).order_by(Version.id)).all()
        if len(live) < 8:
            return
        package, version = session.get_one(Package, 1), chance.choice(live)
        if kind == "delete":
            delete_version(session, factories.OPERATOR, package, version, ADDRESS)
        else:
            purge_version(session, factories.OPERATOR, package, version, ADDRESS)


def _templates(house: House) -> dict[str, bytes]:
    with house.database.read() as session:
        return {document.name: document.template for document in session.scalars(select(Document))}
