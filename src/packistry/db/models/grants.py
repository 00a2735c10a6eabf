"""Grants: what was given to a user or a deploy token."""

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from packistry.db.models.base import Base


class GrantRow(Base):
    """One user or deploy token, one repository or package, reading or reading and writing."""

    __tablename__ = "grants"
    __table_args__ = (
        CheckConstraint("(user_id IS NULL) <> (token_id IS NULL)", name="one_holder"),
        CheckConstraint("(repository_id IS NULL) <> (package_id IS NULL)", name="one_target"),
        Index("uq_grants_user_repository", "user_id", "repository_id", unique=True),
        Index("uq_grants_user_package", "user_id", "package_id", unique=True),
        Index("uq_grants_token_repository", "token_id", "repository_id", unique=True),
        Index("uq_grants_token_package", "token_id", "package_id", unique=True),
        Index(None, "repository_id"),
        Index(None, "package_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    token_id: Mapped[int | None] = mapped_column(ForeignKey("tokens.id", ondelete="CASCADE"))
    repository_id: Mapped[int | None] = mapped_column(ForeignKey("repositories.id", ondelete="CASCADE"))
    package_id: Mapped[int | None] = mapped_column(ForeignKey("packages.id", ondelete="CASCADE"))
    write: Mapped[bool] = mapped_column(default=False)
