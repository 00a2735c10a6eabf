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
    """What can be asked for. Each guards at least one action; docs/permissions.md lists them."""

    REPOSITORY_READ = "repository:read"
    REPOSITORY_MANAGE = "repository:manage"
    PACKAGE_READ = "package:read"
    PACKAGE_PUBLISH = "package:publish"
    PACKAGE_MANAGE = "package:manage"
    USER_MANAGE = "user:manage"
    DEPLOY_TOKEN_MANAGE = "deploy_token:manage"
    PERSONAL_TOKEN_MANAGE = "personal_token:manage"
    ACCESS_EXPLAIN = "access:explain"


# Rights that come with the role alone. Reading and publishing also depend on what is asked for: see rules.py.
ROLE_PERMISSIONS: dict[Role, frozenset[Permission]] = {
    Role.ADMINISTRATOR: frozenset(Permission),
    Role.USER: frozenset({Permission.PERSONAL_TOKEN_MANAGE}),
}
