"""Hooks and what they delivered, rules that add projects, and what an administrator has to say about an import."""

import sqlalchemy as sa
from alembic import op

import packistry.db.types

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_TIME = packistry.db.types.UTCDateTime(timezone=True)
_ADDED = (
    ("sources", sa.Column("expiry_warned_for", _TIME, nullable=True)),
    ("sources", sa.Column("expiry_warned_days", sa.Integer(), nullable=True)),
    ("sources", sa.Column("refused_deliveries", sa.Integer(), server_default="0", nullable=False)),
    ("sources", sa.Column("refused_delivery_at", _TIME, nullable=True)),
    ("projects", sa.Column("hooked", sa.Boolean(), server_default=sa.true(), nullable=False)),
    ("projects", sa.Column("rule_id", sa.Integer(), nullable=True)),
    ("projects", sa.Column("problem", sa.Text(), nullable=True)),
    ("projects", sa.Column("renamed_to", sa.Text(), nullable=True)),
    ("projects", sa.Column("rename_refused", sa.Text(), nullable=True)),
    ("import_runs", sa.Column("partial", sa.Boolean(), server_default=sa.false(), nullable=False)),
    ("versions", sa.Column("accepted_commit", sa.String(length=64), nullable=True)),
    ("versions", sa.Column("refused_commit", sa.String(length=64), nullable=True)),
)


def upgrade() -> None:
    for table, column in _ADDED:
        op.add_column(table, column)
    _create_rules()
    _create_looks()
    _create_hooks()
    _create_deliveries()


def downgrade() -> None:
    op.drop_table("deliveries")
    op.drop_table("hooks")
    op.drop_table("project_looks")
    op.drop_table("source_rules")
    for table, column in reversed(_ADDED):
        op.drop_column(table, column.name)


def _create_rules() -> None:
    op.create_table(
        "source_rules",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("source_id", sa.Integer(), nullable=False),
        sa.Column("repository_id", sa.Integer(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("projects", packistry.db.types.JSONBytes(), nullable=False),
        sa.Column("tags", packistry.db.types.JSONBytes(), nullable=False),
        sa.Column("branches", packistry.db.types.JSONBytes(), nullable=False),
        sa.Column("hooked", sa.Boolean(), nullable=False),
        sa.Column("with_archived", sa.Boolean(), nullable=False),
        sa.Column("looked_at", _TIME, nullable=True),
        sa.Column("problem", sa.Text(), nullable=True),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("deleted_at", _TIME, nullable=True),
        sa.ForeignKeyConstraint(["source_id"], ["sources.id"], name=op.f("fk_source_rules_source_id")),
        sa.ForeignKeyConstraint(["repository_id"], ["repositories.id"], name=op.f("fk_source_rules_repository_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_source_rules")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_source_rules_source_id"), "source_rules", ["source_id"], unique=False)
    op.create_index(op.f("ix_source_rules_repository_id"), "source_rules", ["repository_id"], unique=False)


def _create_looks() -> None:
    op.create_table(
        "project_looks",
        sa.Column("source_id", sa.Integer(), nullable=False),
        sa.Column("remote_id", sa.Text(), nullable=False),
        sa.Column("commit", sa.String(length=64), nullable=False),
        sa.Column("is_package", sa.Boolean(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("looked_at", _TIME, nullable=False),
        sa.ForeignKeyConstraint(["source_id"], ["sources.id"], name=op.f("fk_project_looks_source_id")),
        sa.PrimaryKeyConstraint("source_id", "remote_id", name=op.f("pk_project_looks")),
    )


def _create_hooks() -> None:
    op.create_table(
        "hooks",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("source_id", sa.Integer(), nullable=False),
        sa.Column("repository_id", sa.Integer(), nullable=False),
        sa.Column("remote_id", sa.Text(), nullable=False),
        sa.Column("remote_hook_id", sa.Text(), nullable=True),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("due_at", _TIME, nullable=False),
        sa.Column("checked_at", _TIME, nullable=True),
        sa.Column("last_delivery_at", _TIME, nullable=True),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("deleted_at", _TIME, nullable=True),
        sa.ForeignKeyConstraint(["source_id"], ["sources.id"], name=op.f("fk_hooks_source_id")),
        sa.ForeignKeyConstraint(["repository_id"], ["repositories.id"], name=op.f("fk_hooks_repository_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hooks")),
        sa.UniqueConstraint(
            "source_id", "remote_id", "repository_id", name=op.f("uq_hooks_source_id_remote_id_repository_id")
        ),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_hooks_repository_id"), "hooks", ["repository_id"], unique=False)
    op.create_index(op.f("ix_hooks_due_at"), "hooks", ["due_at"], unique=False)


def _create_deliveries() -> None:
    op.create_table(
        "deliveries",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("hook_id", sa.Integer(), nullable=False),
        sa.Column("remote_delivery_id", sa.Text(), nullable=True),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("headers", packistry.db.types.JSONBytes(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("runs", packistry.db.types.JSONBytes(), nullable=False),
        sa.Column("replay_of", sa.Integer(), nullable=True),
        sa.Column("received_at", _TIME, nullable=False),
        sa.ForeignKeyConstraint(["hook_id"], ["hooks.id"], name=op.f("fk_deliveries_hook_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deliveries")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_deliveries_hook_id"), "deliveries", ["hook_id"], unique=False)
    op.create_index(op.f("ix_deliveries_received_at"), "deliveries", ["received_at"], unique=False)
