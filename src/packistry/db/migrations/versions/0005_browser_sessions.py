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
    read = ["repository_id", "deleted_at"]
    op.create_index("ix_packages_by_update", "packages", ["updated_at", "name", *read], unique=False)
    op.create_index("ix_packages_by_downloads", "packages", ["downloads", "name", *read], unique=False)
    op.create_index("ix_packages_by_type", "packages", ["type", *read], unique=False)

    op.create_table(
        "installation",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("public_url", sa.Text(), nullable=True),
        sa.Column("setup_digest", sa.String(length=64), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_installation")),
    )
    op.bulk_insert(sa.table("installation", sa.column("id")), [{"id": 1}])
    op.create_table(
        "account_links",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=True),
        sa.Column("user_id", sa.Integer(), nullable=True),
        sa.Column("email", sa.String(length=255), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=True),
        sa.Column("grants", packistry.db.types.JSONBytes(), nullable=False),
        sa.Column("created_by", sa.Integer(), nullable=True),
        sa.Column("created_at", packistry.db.types.UTCDateTime(timezone=True), nullable=False),
        sa.Column("expires_at", packistry.db.types.UTCDateTime(timezone=True), nullable=False),
        sa.Column("used_at", packistry.db.types.UTCDateTime(timezone=True), nullable=True),
        sa.Column("mail_due_at", packistry.db.types.UTCDateTime(timezone=True), nullable=True),
        sa.Column("mail_attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("mail_problem", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_account_links_user_id")),
        sa.ForeignKeyConstraint(["created_by"], ["users.id"], name=op.f("fk_account_links_created_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account_links")),
        sa.UniqueConstraint("digest", name=op.f("uq_account_links_digest")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_account_links_user_id"), "account_links", ["user_id"], unique=False)
    op.create_index(op.f("ix_account_links_mail_due_at"), "account_links", ["mail_due_at"], unique=False)


def downgrade() -> None:
    op.drop_table("account_links")
    op.drop_table("installation")
    for name in ("update", "downloads", "type"):
        op.drop_index(f"ix_packages_by_{name}", table_name="packages")
    op.drop_index(op.f("ix_packages_name_packages_repository_id_packages_deleted_at"), table_name="packages")
    op.drop_table("browser_sessions")
