"""Roles, the abilities of tokens, and the one table of permissions."""

from enum import StrEnum


class Role(StrEnum):
    """What a person is here."""

    ADMINISTRATOR = "admin"
    USER = "user"


class Ability(StrEnum):
    """What a token was given. The first two open Composer's addresses and nothing else; the others open the API, an
    area each or all of it, to personal tokens only. `write` includes `read`.
    """

    READ = "repository:read"
    WRITE = "repository:write"
    ADMIN_READ = "admin:read"
    ADMIN_WRITE = "admin:write"
    REPOSITORIES_READ = "repositories:read"
    REPOSITORIES_WRITE = "repositories:write"
    PACKAGES_READ = "packages:read"
    PACKAGES_WRITE = "packages:write"
    SOURCES_READ = "sources:read"
    SOURCES_WRITE = "sources:write"
    USERS_READ = "users:read"
    USERS_WRITE = "users:write"
    DEPLOY_TOKENS_READ = "deploy_tokens:read"
    DEPLOY_TOKENS_WRITE = "deploy_tokens:write"
    PERSONAL_TOKENS_READ = "personal_tokens:read"
    PERSONAL_TOKENS_WRITE = "personal_tokens:write"
    ACCESS_READ = "access:read"
    AUDIT_READ = "audit:read"
    STATISTICS_READ = "statistics:read"
    SETTINGS_READ = "settings:read"
    SETTINGS_WRITE = "settings:write"

    @property
    def word(self) -> str:
        """As people write it: "read" and "write" are Composer's, any other stands for itself."""
        return self.value.partition(":")[2] if self in COMPOSER_ABILITIES else self.value


COMPOSER_ABILITIES = frozenset({Ability.READ, Ability.WRITE})
ALL_ABILITIES = frozenset(Ability)


class Permission(StrEnum):
    """What a role gives. Each guards at least one action; docs/permissions.md lists them.

    Reading and publishing are not here: they depend on what is asked for, and rules.py decides them by grants.
    """

    REPOSITORY_MANAGE = "repository:manage"
    PACKAGE_MANAGE = "package:manage"
    USER_MANAGE = "user:manage"
    DEPLOY_TOKEN_MANAGE = "deploy_token:manage"
    PERSONAL_TOKEN_MANAGE = "personal_token:manage"
    SOURCE_MANAGE = "source:manage"
    ACCESS_EXPLAIN = "access:explain"
    AUDIT_READ = "audit:read"
    INSTALLATION_MANAGE = "installation:manage"


ROLE_PERMISSIONS: dict[Role, frozenset[Permission]] = {
    Role.ADMINISTRATOR: frozenset(Permission),
    Role.USER: frozenset({Permission.PERSONAL_TOKEN_MANAGE}),
}

# The area of the API in which a token needs an ability, besides the role of its user.
AREAS: dict[Permission, frozenset[Ability]] = {
    Permission.REPOSITORY_MANAGE: frozenset({Ability.REPOSITORIES_READ, Ability.REPOSITORIES_WRITE}),
    Permission.PACKAGE_MANAGE: frozenset({Ability.PACKAGES_READ, Ability.PACKAGES_WRITE}),
    Permission.USER_MANAGE: frozenset({Ability.USERS_READ, Ability.USERS_WRITE}),
    Permission.DEPLOY_TOKEN_MANAGE: frozenset({Ability.DEPLOY_TOKENS_READ, Ability.DEPLOY_TOKENS_WRITE}),
    Permission.PERSONAL_TOKEN_MANAGE: frozenset({Ability.PERSONAL_TOKENS_READ, Ability.PERSONAL_TOKENS_WRITE}),
    Permission.SOURCE_MANAGE: frozenset({Ability.SOURCES_READ, Ability.SOURCES_WRITE}),
    Permission.ACCESS_EXPLAIN: frozenset({Ability.ACCESS_READ}),
    Permission.AUDIT_READ: frozenset({Ability.AUDIT_READ}),
    Permission.INSTALLATION_MANAGE: frozenset({Ability.SETTINGS_READ, Ability.SETTINGS_WRITE}),
}
