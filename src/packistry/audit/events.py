"""The catalogue of audit events, in the past tense."""

from enum import StrEnum


class Event(StrEnum):
    """Everything that can be in the audit log; docs/audit-events.md says what each means."""

    REPOSITORY_CREATED = "repository.created"
    REPOSITORY_UPDATED = "repository.updated"
    REPOSITORY_DELETED = "repository.deleted"
    PACKAGE_CREATED = "package.created"
    PACKAGE_UPDATED = "package.updated"
    PACKAGE_DELETED = "package.deleted"
    PACKAGE_PURGED = "package.purged"
    VERSION_PUBLISHED = "version.published"
    VERSION_MOVED = "version.moved"
    VERSION_RESTORED = "version.restored"
    VERSION_DELETED = "version.deleted"
    VERSION_PURGED = "version.purged"
    USER_CREATED = "user.created"
    USER_UPDATED = "user.updated"
    USER_DELETED = "user.deleted"
    USER_PASSWORD_RESET = "user.password_reset"
    DEPLOY_TOKEN_CREATED = "deploy_token.created"
    DEPLOY_TOKEN_UPDATED = "deploy_token.updated"
    DEPLOY_TOKEN_ROTATED = "deploy_token.rotated"
    DEPLOY_TOKEN_REVOKED = "deploy_token.revoked"
    PERSONAL_TOKEN_CREATED = "personal_token.created"
    PERSONAL_TOKEN_ROTATED = "personal_token.rotated"
    PERSONAL_TOKEN_REVOKED = "personal_token.revoked"
