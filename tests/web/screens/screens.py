"""Which pages are looked at, in which state: the one list that every test of how they look takes its pages from.

A page that is new joins by a row. `make test` looks at HELD, `make screens` at all of them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from tests.web.screens.world import ADMINISTRATOR, CUSTOMER, NOBODY, RICH


class State(StrEnum):
    """What a page has to show."""

    FILLED = "filled"
    # Nothing was ever there: a server with one administrator and nothing else.
    EMPTY = "empty"
    NO_RESULT = "no-result"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Screen:
    """One page in one state. `name` is also the picture's; `action` is what one most likely came to do, by its label.

    `who` signed in, None when nobody did. `sent` are fields of a form that is sent first, by `button`
    or, when it is shown again, by `action`.
    """

    name: str
    path: str
    action: str = ""
    state: State = State.FILLED
    who: str | None = ADMINISTRATOR
    status: int = 200
    sent: Mapping[str, str] | None = None
    button: str = ""


HELD: Final = (
    Screen("sign-in", "/-/sign-in", "Sign in", who=None),
    Screen("dashboard", "/-/", "acme/http-client"),
    Screen("packages", "/-/packages", "acme/billing-sdk"),
    Screen("package", f"/-/packages/{RICH}", "Copy command"),
    Screen("version", f"/-/packages/{RICH}/versions/2.1.3", "Copy command"),
    Screen("repository", "/-/repositories/customers", "Copy command"),
    Screen("source", "/-/sources/1", "Test"),
    Screen("imports", "/-/imports", "acme/http-client"),
    Screen("import", "/-/imports/2", "Import again"),
    Screen("deploy-token-new", "/-/deploy-tokens/new", "Create token"),
    Screen("users", "/-/users", "New user"),
    Screen("audit", "/-/audit", "CSV"),
    Screen("nothing-visible", "/-/packages", state=State.EMPTY, who=NOBODY),
    Screen("lost", "/-/nowhere", "Dashboard", state=State.REFUSED, status=404),
)
# Looked at by `make screens` only.
OTHERS: Final = (
    Screen("sign-in-refused", "/-/sign-in", "Sign in", State.REFUSED, None, 422, {"email": "", "password": ""}),
    Screen("dashboard-user", "/-/", who=CUSTOMER),
    Screen("dashboard-nothing", "/-/", state=State.EMPTY, who=NOBODY),
    Screen("search", "/-/search?q=acme"),
    Screen("search-none", "/-/search?q=nowhere", state=State.NO_RESULT),
    Screen("packages-none", "/-/packages?q=nowhere", "Show all packages", State.NO_RESULT),
    Screen("browse", "/-/browse", who=None),
    Screen("package-public", "/-/r/customers/acme/billing-sdk", "Copy command", who=None),
    Screen("package-long-name", "/-/packages/acme/a-package-whose-name-goes-on-and-on-as-some-of-them-do"),
    Screen("package-without-versions", "/-/packages/acme/module-1"),
    Screen("versions", f"/-/packages/{RICH}/versions"),
    Screen("versions-none", f"/-/packages/{RICH}/versions?q=9.9", state=State.NO_RESULT),
    Screen("version-without-readme", "/-/packages/acme/event-bus/versions/1.0.0"),
    Screen("dependencies", f"/-/packages/{RICH}/dependencies"),
    Screen("dependents", "/-/packages/acme/event-bus/dependents"),
    Screen("dependents-none", f"/-/packages/{RICH}/dependents", state=State.EMPTY),
    Screen("repositories", "/-/repositories"),
    Screen("repository-root", "/-/repositories/-"),
    Screen("repository-new", "/-/repositories/-new", "Create repository"),
    Screen("repository-settings", "/-/repositories/customers/settings", "Save"),
    Screen("deploy-tokens", "/-/deploy-tokens", "New token"),
    Screen("deploy-token", "/-/deploy-tokens/1", "Save"),
    Screen(
        "deploy-token-refused", "/-/deploy-tokens/new", "Create token", State.REFUSED, status=422, sent={"name": ""}
    ),
    Screen("personal-tokens", "/-/personal-tokens", "New token"),
    Screen("personal-token-new", "/-/personal-tokens/new", "Create token"),
    Screen("personal-token", "/-/personal-tokens/3", "Rotate"),
    Screen("token-created", "/-/personal-tokens/new", "Copy token", sent={"name": "A laptop"}, button="Create token"),
    Screen("user-new", "/-/users/new"),
    Screen("user-refused", "/-/users/new", "Create user", State.REFUSED, status=422, sent={"email": ""}),
    Screen("user", "/-/users/2", "Save"),
    Screen("audit-none", "/-/audit?q=nowhere", "Show all", State.NO_RESULT),
    Screen("profile", "/-/profile"),
    Screen("sources", "/-/sources"),
    Screen("source-connect", "/-/sources/new/gitlab", "Connect and test"),
    Screen(
        "source-connect-refused",
        "/-/sources/new/gitlab",
        "Connect and test",
        State.REFUSED,
        status=422,
        sent={"url": ""},
    ),
    Screen("source-projects", "/-/sources/1/projects"),
    Screen("deliveries", "/-/sources/1/deliveries", state=State.EMPTY),
    Screen("imports-open", "/-/imports?show=open"),
    Screen("import-clean", "/-/imports/1", "Import again"),
    Screen("import-failed", "/-/imports/3", "Import again"),
    Screen("import-running", "/-/imports/5", "Cancel"),
    Screen("forgotten", "/-/forgotten", who=None),
    Screen("add", "/-/add"),
    Screen("statistics", f"/-/packages/{RICH}/statistics"),
    Screen("activity", f"/-/packages/{RICH}/activity"),
    Screen("package-settings", f"/-/packages/{RICH}/settings"),
    Screen("package-remove", f"/-/packages/{RICH}/settings/remove"),
    Screen("why", "/-/why"),
    Screen("user-invite", "/-/users/invite"),
    Screen("settings", "/-/settings"),
    Screen("styleguide", "/-/styleguide", "Main action"),
    Screen("not-yours", "/-/users", state=State.REFUSED, who=NOBODY, status=403),
)
# On a server where an administrator is and nothing else.
NEW: Final = (
    Screen("new-dashboard", "/-/", "Connect a source", State.EMPTY),
    Screen("new-packages", "/-/packages", state=State.EMPTY),
    Screen("new-repositories", "/-/repositories", state=State.EMPTY),
    Screen("new-imports", "/-/imports", "To the sources", State.EMPTY),
    Screen("new-sources", "/-/sources", state=State.EMPTY),
    Screen("new-deploy-tokens", "/-/deploy-tokens", "New token", State.EMPTY),
    Screen("new-personal-tokens", "/-/personal-tokens", "New token", State.EMPTY),
    Screen("new-users", "/-/users", "New user", State.EMPTY),
    Screen("new-setup", "/-/setup/address", state=State.EMPTY),
    Screen("new-setup-repository", "/-/setup/repository", state=State.EMPTY),
    Screen("new-setup-packages", "/-/setup/packages", state=State.EMPTY),
    Screen("new-setup-upload", "/-/setup/upload", state=State.EMPTY),
    Screen("new-setup-source", "/-/setup/source/github", state=State.EMPTY),
    Screen("new-browse", "/-/browse", state=State.EMPTY, who=None),
)
