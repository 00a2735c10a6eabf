"""Roles, the abilities of tokens, and the one table of permissions."""

from enum import StrEnum


class Role(StrEnum):
    """What a person is here."""

    ADMINISTRATOR = "admin"
    USER = "user"


class Ability(StrEnum):
    """What a token was given; `read` and `write` on the command line."""

    READ = "repository:read"
    WRITE = "repository:write"

    @property
    def word(self) -> str:
        """The short form: "read" or "write"."""
        return self.value.partition(":")[2]


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
