"""The first tables, the root repository and generation zero."""

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

import packistry.db.types

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    _create_audit_events()
    _create_changes()
    _create_downloads()
    _create_generation()
    _create_repositories()
    _create_users()
    _create_packages()
    _create_tokens()
    _create_documents()
    _create_grants()
    _create_token_secrets()
    _create_versions()
    _create_archives()
    _create_provided_names()
    _first_rows()


def downgrade() -> None:
    for table in [
        "provided_names",
        "archives",
        "versions",
        "token_secrets",
        "grants",
        "documents",
        "tokens",
        "packages",
        "users",
        "repositories",
        "generation",
        "downloads",
        "changes",
        "audit_events",
    ]:
        op.drop_table(table)


def _first_rows() -> None:
    """The root repository exists from the start and is private."""
    now = datetime.now(UTC)
    op.bulk_insert(
        sa.table("generation", sa.column("id"), sa.column("number"), sa.column("floor")),
        [{"id": 1, "number": 0, "floor": 0}],
    )
    repositories = sa.table(
        "repositories",
        *(sa.column(name, sa.Text) for name in ("path", "name", "description")),
        sa.column("public", sa.Boolean),
        sa.column("claims_vendors", sa.Boolean),
        sa.column("listing_modified"),
        sa.column("created_at", packistry.db.types.UTCDateTime),
    )
    root = {"path": "", "name": "Root", "description": "", "public": False, "claims_vendors": True}
    op.bulk_insert(repositories, [{**root, "listing_modified": int(now.timestamp()), "created_at": now}])


def _create_audit_events() -> None:
    op.create_table(
        "audit_events",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", packistry.db.types.UTCDateTime(timezone=True), nullable=False),
        sa.Column("event", sa.String(length=64), nullable=False),
        sa.Column("actor_kind", sa.String(length=16), nullable=False),
        sa.Column("actor_id", sa.Integer(), nullable=True),
        sa.Column("actor_name", sa.Text(), nullable=False),
        sa.Column("subject_kind", sa.String(length=32), nullable=False),
        sa.Column("subject_id", sa.Integer(), nullable=True),
        sa.Column("subject_name", sa.Text(), nullable=False),
        sa.Column("address", sa.String(length=64), nullable=True),
        sa.Column("details", packistry.db.types.JSONBytes(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_events")),
    )
    with op.batch_alter_table("audit_events", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_audit_events_at"), ["at"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_audit_events_subject_kind_audit_events_subject_id"),
            ["subject_kind", "subject_id"],
            unique=False,
        )


def _create_changes() -> None:
    op.create_table(
        "changes",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("key", sa.String(length=600), nullable=False),
        sa.PrimaryKeyConstraint("number", "key", name=op.f("pk_changes")),
    )


def _create_downloads() -> None:
    op.create_table(
        "downloads",
        sa.Column("version_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("downloads", sa.Integer(), nullable=False),
        sa.Column("installs", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("version_id", "day", name=op.f("pk_downloads")),
    )


def _create_generation() -> None:
    op.create_table(
        "generation",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("floor", sa.BigInteger(), nullable=False),
        sa.Column("public_url", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_generation")),
    )


def _create_repositories() -> None:
    op.create_table(
        "repositories",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("path", sa.String(length=255), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("public", sa.Boolean(), nullable=False),
        sa.Column("claims_vendors", sa.Boolean(), nullable=False),
        sa.Column("listing_modified", sa.BigInteger(), nullable=False),
        sa.Column("created_at", packistry.db.types.UTCDateTime(timezone=True), nullable=False),
        sa.Column("deleted_at", packistry.db.types.UTCDateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_repositories")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("repositories", schema=None) as batch_op:
        batch_op.create_index(
            "uq_repositories_path_live",
            ["path"],
            unique=True,
            sqlite_where=sa.text("deleted_at IS NULL"),
            postgresql_where=sa.text("deleted_at IS NULL"),
        )


def _create_users() -> None:
    op.create_table(
        "users",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("email", sa.String(length=255), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=True),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("created_at", packistry.db.types.UTCDateTime(timezone=True), nullable=False),
        sa.Column("last_seen_at", packistry.db.types.UTCDateTime(timezone=True), nullable=True),
        sa.Column("deleted_at", packistry.db.types.UTCDateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_users")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("users", schema=None) as batch_op:
        batch_op.create_index(
            "uq_users_email_live",
            ["email"],
            unique=True,
            sqlite_where=sa.text("deleted_at IS NULL"),
            postgresql_where=sa.text("deleted_at IS NULL"),
        )


def _create_packages() -> None:
    op.create_table(
        "packages",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("repository_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("vendor", sa.String(length=255), nullable=False),
        sa.Column("type", sa.String(length=255), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("abandoned", sa.Text(), nullable=True),
        sa.Column("shown_abandoned", sa.Text(), nullable=True),
        sa.Column("downloads", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("latest_version", sa.Text(), nullable=True),
        sa.Column("created_at", packistry.db.types.UTCDateTime(timezone=True), nullable=False),
        sa.Column("updated_at", packistry.db.types.UTCDateTime(timezone=True), nullable=False),
        sa.Column("deleted_at", packistry.db.types.UTCDateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["repository_id"], ["repositories.id"], name=op.f("fk_packages_repository_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_packages")),
        sa.UniqueConstraint("repository_id", "name", name=op.f("uq_packages_repository_id_name")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("packages", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_packages_repository_id_packages_vendor"), ["repository_id", "vendor"], unique=False
        )


def _create_tokens() -> None:
    op.create_table(
        "tokens",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=True),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("abilities", packistry.db.types.JSONBytes(), nullable=False),
        sa.Column("created_at", packistry.db.types.UTCDateTime(timezone=True), nullable=False),
        sa.Column("expires_at", packistry.db.types.UTCDateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", packistry.db.types.UTCDateTime(timezone=True), nullable=True),
        sa.Column("last_used_at", packistry.db.types.UTCDateTime(timezone=True), nullable=True),
        sa.Column("last_used_address", sa.String(length=64), nullable=True),
        sa.Column("last_used_client", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_tokens_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tokens")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("tokens", schema=None) as batch_op:
        batch_op.create_index(
            "uq_tokens_deploy_name_live",
            ["name"],
            unique=True,
            sqlite_where=sa.text("user_id IS NULL AND revoked_at IS NULL"),
            postgresql_where=sa.text("user_id IS NULL AND revoked_at IS NULL"),
        )
        batch_op.create_index(
            "uq_tokens_personal_name_live",
            ["user_id", "name"],
            unique=True,
            sqlite_where=sa.text("user_id IS NOT NULL AND revoked_at IS NULL"),
            postgresql_where=sa.text("user_id IS NOT NULL AND revoked_at IS NULL"),
        )


def _create_documents() -> None:
    op.create_table(
        "documents",
        sa.Column("repository_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=300), nullable=False),
        sa.Column("package_id", sa.Integer(), nullable=False),
        sa.Column("template", sa.LargeBinary(), nullable=False),
        sa.Column("gzip", sa.LargeBinary(), nullable=True),
        sa.Column("gzip_base", sa.Text(), nullable=True),
        sa.Column("last_modified", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["package_id"], ["packages.id"], name=op.f("fk_documents_package_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["repository_id"], ["repositories.id"], name=op.f("fk_documents_repository_id")),
        sa.PrimaryKeyConstraint("repository_id", "name", name=op.f("pk_documents")),
    )
    with op.batch_alter_table("documents", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_documents_package_id"), ["package_id"], unique=False)
    if _compresses_by_lz4():
        # PostgreSQL's own way takes 10 ms for the document of 2,000 versions, a tenth of publishing one more.
        op.execute("ALTER TABLE documents ALTER COLUMN template SET COMPRESSION lz4")


def _compresses_by_lz4() -> bool:
    """Whether this is a PostgreSQL that was built with it, as Debian's and the official images are."""
    if op.get_bind().dialect.name != "postgresql":
        return False
    known = sa.text("SELECT 'lz4' = ANY(enumvals) FROM pg_settings WHERE name = 'default_toast_compression'")
    # Before version 14 there is no such setting.
    return bool(op.get_bind().execute(known).scalar())


def _create_grants() -> None:
    op.create_table(
        "grants",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=True),
        sa.Column("token_id", sa.Integer(), nullable=True),
        sa.Column("repository_id", sa.Integer(), nullable=True),
        sa.Column("package_id", sa.Integer(), nullable=True),
        sa.Column("write", sa.Boolean(), nullable=False),
        sa.CheckConstraint("(repository_id IS NULL) <> (package_id IS NULL)", name=op.f("ck_grants_one_target")),
        sa.CheckConstraint("(user_id IS NULL) <> (token_id IS NULL)", name=op.f("ck_grants_one_holder")),
        sa.ForeignKeyConstraint(["package_id"], ["packages.id"], name=op.f("fk_grants_package_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["repository_id"], ["repositories.id"], name=op.f("fk_grants_repository_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["token_id"], ["tokens.id"], name=op.f("fk_grants_token_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_grants_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_grants")),
    )
    with op.batch_alter_table("grants", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_grants_package_id"), ["package_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_grants_repository_id"), ["repository_id"], unique=False)
        batch_op.create_index("uq_grants_token_package", ["token_id", "package_id"], unique=True)
        batch_op.create_index("uq_grants_token_repository", ["token_id", "repository_id"], unique=True)
        batch_op.create_index("uq_grants_user_package", ["user_id", "package_id"], unique=True)
        batch_op.create_index("uq_grants_user_repository", ["user_id", "repository_id"], unique=True)


def _create_token_secrets() -> None:
    op.create_table(
        "token_secrets",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("token_id", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("hint", sa.String(length=16), nullable=False),
        sa.Column("created_at", packistry.db.types.UTCDateTime(timezone=True), nullable=False),
        sa.Column("valid_until", packistry.db.types.UTCDateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["token_id"], ["tokens.id"], name=op.f("fk_token_secrets_token_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_token_secrets")),
        sa.UniqueConstraint("digest", name=op.f("uq_token_secrets_digest")),
    )
    with op.batch_alter_table("token_secrets", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_token_secrets_token_id"), ["token_id"], unique=False)


def _create_versions() -> None:
    op.create_table(
        "versions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("package_id", sa.Integer(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("normalised", sa.Text(), nullable=False),
        sa.Column("is_dev", sa.Boolean(), nullable=False),
        sa.Column("published", sa.LargeBinary(), nullable=False),
        sa.Column("abandoned", sa.Text(), nullable=True),
        sa.Column("readme_name", sa.String(length=255), nullable=True),
        sa.Column("readme", sa.LargeBinary(), nullable=True),
        sa.Column("warnings", packistry.db.types.JSONBytes(), nullable=False),
        sa.Column("released_at", packistry.db.types.UTCDateTime(timezone=True), nullable=False),
        sa.Column("first_published_at", packistry.db.types.UTCDateTime(timezone=True), nullable=False),
        sa.Column("updated_at", packistry.db.types.UTCDateTime(timezone=True), nullable=False),
        sa.Column("deleted_at", packistry.db.types.UTCDateTime(timezone=True), nullable=True),
        sa.Column("default_branch", sa.Boolean(), nullable=False),
        sa.Column("source", packistry.db.types.JSONBytes(), nullable=True),
        sa.Column("archive_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["package_id"], ["packages.id"], name=op.f("fk_versions_package_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_versions")),
        sa.UniqueConstraint("package_id", "normalised", name=op.f("uq_versions_package_id_normalised")),
        sqlite_autoincrement=True,
    )


def _create_archives() -> None:
    op.create_table(
        "archives",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("version_id", sa.Integer(), nullable=False),
        sa.Column("reference", sa.String(length=64), nullable=False),
        sa.Column("sha1", sa.String(length=40), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("content_digest", sa.String(length=64), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("made_at", packistry.db.types.UTCDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["version_id"], ["versions.id"], name=op.f("fk_archives_version_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_archives")),
        sa.UniqueConstraint("version_id", "reference", name=op.f("uq_archives_version_id_reference")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("archives", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_archives_sha256"), ["sha256"], unique=False)


def _create_provided_names() -> None:
    op.create_table(
        "provided_names",
        sa.Column("version_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.ForeignKeyConstraint(
            ["version_id"], ["versions.id"], name=op.f("fk_provided_names_version_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("version_id", "name", name=op.f("pk_provided_names")),
    )
    with op.batch_alter_table("provided_names", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_provided_names_name"), ["name"], unique=False)
