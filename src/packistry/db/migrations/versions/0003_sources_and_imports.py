"""Sources, their projects, and the runs that bring refs in."""

import sqlalchemy as sa
from alembic import op

import packistry.db.types

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _create_sources()
    _create_projects()
    _create_runs()
    op.add_column("versions", sa.Column("project_id", sa.Integer(), nullable=True))
    op.add_column("versions", sa.Column("withdrawn", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.create_index(op.f("ix_versions_project_id"), "versions", ["project_id"], unique=False)


def downgrade() -> None:
    op.drop_index(op.f("ix_versions_project_id"), table_name="versions")
    op.drop_column("versions", "withdrawn")
    op.drop_column("versions", "project_id")
    op.drop_table("import_refs")
    op.drop_index(op.f("ix_import_runs_state_import_runs_priority_import_runs_id"), table_name="import_runs")
    op.drop_index(op.f("ix_import_runs_project_id"), table_name="import_runs")
    op.drop_table("import_runs")
    op.drop_index(op.f("ix_projects_repository_id"), table_name="projects")
    op.drop_index(op.f("ix_projects_package_id"), table_name="projects")
    op.drop_table("projects")
    op.drop_table("sources")


def _create_sources() -> None:
    op.create_table(
        "sources",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("provider", sa.String(length=40), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("credential", sa.LargeBinary(), nullable=False),
        sa.Column("settings", packistry.db.types.JSONBytes(), nullable=False),
        sa.Column("concurrency", sa.Integer(), nullable=False),
        sa.Column("credential_refused", sa.Text(), nullable=True),
        sa.Column("credential_expires_at", packistry.db.types.UTCDateTime(timezone=True), nullable=True),
        sa.Column("last_contact_at", packistry.db.types.UTCDateTime(timezone=True), nullable=True),
        sa.Column("waits_until", packistry.db.types.UTCDateTime(timezone=True), nullable=True),
        sa.Column("created_at", packistry.db.types.UTCDateTime(timezone=True), nullable=False),
        sa.Column("deleted_at", packistry.db.types.UTCDateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sources")),
        sqlite_autoincrement=True,
    )


def _create_projects() -> None:
    op.create_table(
        "projects",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("source_id", sa.Integer(), nullable=False),
        sa.Column("repository_id", sa.Integer(), nullable=False),
        sa.Column("remote_id", sa.Text(), nullable=False),
        sa.Column("directory", sa.Text(), nullable=False),
        sa.Column("full_name", sa.Text(), nullable=False),
        sa.Column("web_url", sa.Text(), nullable=False),
        sa.Column("clone_url", sa.Text(), nullable=False),
        sa.Column("default_branch", sa.Text(), nullable=True),
        sa.Column("archived", sa.Boolean(), nullable=False),
        sa.Column("package_id", sa.Integer(), nullable=True),
        sa.Column("tags", packistry.db.types.JSONBytes(), nullable=False),
        sa.Column("branches", packistry.db.types.JSONBytes(), nullable=False),
        sa.Column("synced_at", packistry.db.types.UTCDateTime(timezone=True), nullable=True),
        sa.Column("created_at", packistry.db.types.UTCDateTime(timezone=True), nullable=False),
        sa.Column("deleted_at", packistry.db.types.UTCDateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["package_id"], ["packages.id"], name=op.f("fk_projects_package_id")),
        sa.ForeignKeyConstraint(["repository_id"], ["repositories.id"], name=op.f("fk_projects_repository_id")),
        sa.ForeignKeyConstraint(["source_id"], ["sources.id"], name=op.f("fk_projects_source_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_projects")),
        sa.UniqueConstraint(
            "source_id",
            "remote_id",
            "repository_id",
            "directory",
            name=op.f("uq_projects_source_id_remote_id_repository_id_directory"),
        ),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_projects_package_id"), "projects", ["package_id"], unique=False)
    op.create_index(op.f("ix_projects_repository_id"), "projects", ["repository_id"], unique=False)


def _create_runs() -> None:
    op.create_table(
        "import_runs",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("cause", sa.String(length=20), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("listed", sa.Boolean(), nullable=False),
        sa.Column("due_at", packistry.db.types.UTCDateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("created_at", packistry.db.types.UTCDateTime(timezone=True), nullable=False),
        sa.Column("started_at", packistry.db.types.UTCDateTime(timezone=True), nullable=True),
        sa.Column("finished_at", packistry.db.types.UTCDateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name=op.f("fk_import_runs_project_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_import_runs")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_import_runs_project_id"), "import_runs", ["project_id"], unique=False)
    op.create_index(
        op.f("ix_import_runs_state_import_runs_priority_import_runs_id"),
        "import_runs",
        ["state", "priority", "id"],
        unique=False,
    )
    op.create_table(
        "import_refs",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("commit", sa.String(length=64), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("version_id", sa.Integer(), nullable=True),
        sa.Column("finished_at", packistry.db.types.UTCDateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["run_id"], ["import_runs.id"], name=op.f("fk_import_refs_run_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["version_id"], ["versions.id"], name=op.f("fk_import_refs_version_id"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_import_refs")),
        sa.UniqueConstraint("run_id", "kind", "name", name=op.f("uq_import_refs_run_id_kind_name")),
    )
