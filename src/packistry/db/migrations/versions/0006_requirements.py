"""Which packages each version requires, so that dependents are found by name; read out of what is published already."""

import json
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

# Versions that are read at once: a manifest may have a megabyte.
BATCH = 200


def upgrade() -> None:
    op.create_table(
        "requirements",
        sa.Column("version_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("package_id", sa.Integer(), nullable=False),
        sa.Column("is_dev", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["version_id"], ["versions.id"], name=op.f("fk_requirements_version_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("version_id", "name", name=op.f("pk_requirements")),
    )
    op.create_index(
        op.f("ix_requirements_name_requirements_package_id"), "requirements", ["name", "package_id"], unique=False
    )
    _fill()


def downgrade() -> None:
    op.drop_table("requirements")


def _fill() -> None:
    connection = op.get_bind()
    versions = sa.table("versions", sa.column("id"), sa.column("package_id"), sa.column("published"))
    requirements = sa.table(
        "requirements", sa.column("version_id"), sa.column("name"), sa.column("package_id"), sa.column("is_dev")
    )
    last = 0
    while True:
        chosen = sa.select(versions).where(versions.c.id > last).order_by(versions.c.id).limit(BATCH)
        read = connection.execute(chosen).all()
        if not read:
            return
        rows = [row for version in read for row in _required(*version)]
        if rows:
            connection.execute(sa.insert(requirements), rows)
        last = read[-1].id


def _required(version_id: int, package_id: int, published: bytes) -> Iterator[dict[str, Any]]:
    """As packages/requirements.py does it today; what that will do tomorrow is none of this migration's business."""
    manifest = json.loads(published)
    seen: set[str] = set()
    for group, is_dev in (("require", False), ("require-dev", True)):
        for name in map(str.lower, manifest.get(group) or {}):
            if "/" in name and len(name) <= 255 and name not in seen:
                seen.add(name)
                yield {"version_id": version_id, "name": name, "package_id": package_id, "is_dev": is_dev}
