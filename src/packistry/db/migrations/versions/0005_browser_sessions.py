"""Sessions of people who signed in with a browser, and what the pages tell an installation of itself."""

import sqlalchemy as sa
from alembic import op

import packistry.db.types

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "browser_sessions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("created_at", packistry.db.types.UTCDateTime(timezone=True), nullable=False),
        sa.Column("last_seen_at", packistry.db.types.UTCDateTime(timezone=True), nullable=False),
        sa.Column("address", sa.String(length=45), nullable=True),
        sa.Column("client", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_browser_sessions_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_browser_sessions")),
        sa.UniqueConstraint("digest", name=op.f("uq_browser_sessions_digest")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_browser_sessions_user_id"), "browser_sessions", ["user_id"], unique=False)
    op.create_index(op.f("ix_browser_sessions_last_seen_at"), "browser_sessions", ["last_seen_at"], unique=False)
    op.create_index(
        op.f("ix_packages_name_packages_repository_id_packages_deleted_at"),
        "packages",
        ["name", "repository_id", "deleted_at"],
        unique=False,
    )

    op.create_table(
        "installation",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("public_url", sa.Text(), nullable=True),
        sa.Column("setup_digest", sa.String(length=64), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_installation")),
    )
    op.bulk_insert(sa.table("installation", sa.column("id")), [{"id": 1}])


def downgrade() -> None:
    op.drop_table("installation")
    op.drop_index(op.f("ix_packages_name_packages_repository_id_packages_deleted_at"), table_name="packages")
    op.drop_table("browser_sessions")
