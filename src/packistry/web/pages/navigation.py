"""What the sidebar leads to. Only what one may open is shown, and nothing before it leads somewhere."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from packistry.access.actors import Actor, Anonymous
from packistry.access.permissions import Permission
from packistry.access.rules import may


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the sidebar. Without a permission everybody who signed in may open it."""

    label: str
    icon: str
    path: str
    permission: Permission | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """Lines that belong together."""

    label: str
    entries: Sequence[Entry]


GROUPS: Final = (
    Group(
        "Registry",
        (
            Entry("Dashboard", "home", "/-/"),
            Entry("Packages", "package", "/-/packages"),
            Entry("Repositories", "layers", "/-/repositories"),
            Entry("Imports", "download", "/-/imports", Permission.SOURCE_MANAGE),
        ),
    ),
    Group("Connections", (Entry("Sources", "branch", "/-/sources", Permission.SOURCE_MANAGE),)),
    Group(
        "Access",
        (
            Entry("Deploy tokens", "key", "/-/deploy-tokens", Permission.DEPLOY_TOKEN_MANAGE),
            Entry("Personal tokens", "key", "/-/personal-tokens", Permission.PERSONAL_TOKEN_MANAGE),
            Entry("Users", "users", "/-/users", Permission.USER_MANAGE),
        ),
    ),
    Group(
        "Insight",
        (
            Entry("Audit log", "clock", "/-/audit", Permission.AUDIT_READ),
            Entry("Why not?", "issue", "/-/why"),
            Entry("Settings", "sliders", "/-/settings", Permission.INSTALLATION_MANAGE),
        ),
    ),
)


# What is there for those who did not sign in.
PUBLIC: Final = (Group("Registry", (Entry("Public packages", "package", "/-/browse"),)),)


def navigation(actor: Actor) -> list[Group]:
    """The groups with what the actor may open; empty ones are left out."""
    if isinstance(actor, Anonymous):
        return list(PUBLIC)
    shown = [
        Group(group.label, [each for each in group.entries if each.permission is None or may(actor, each.permission)])
        for group in GROUPS
    ]
    return [group for group in shown if group.entries]
