"""Which pages are looked at, in which state: the one list that every test of how they look takes its pages from.

A page that is new joins by a row. `make test` looks at those that are `held`, `make screens` at all of them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from tests.web.screens.world import ADMINISTRATOR, NOBODY, RICH


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

    `who` signed in, None when nobody did. `sent` are fields of a form that is sent first, by the button `action`.
    """

    name: str
    path: str
    action: str = ""
    state: State = State.FILLED
    who: str | None = ADMINISTRATOR
    status: int = 200
    sent: Mapping[str, str] | None = None
    held: bool = False


HELD: Final = (
    Screen("sign-in", "/-/sign-in", "Sign in", who=None, held=True),
    Screen("dashboard", "/-/", "acme/http-client", held=True),
    Screen("packages", "/-/packages", "acme/billing-sdk", held=True),
    Screen("package", f"/-/packages/{RICH}", "Copy command", held=True),
    Screen("version", f"/-/packages/{RICH}/versions/2.1.3", "Copy command", held=True),
    Screen("repository", "/-/repositories/customers", "Copy command", held=True),
    Screen("source", "/-/sources/1", "Test", held=True),
    Screen("imports", "/-/imports", "acme/http-client", held=True),
    Screen("import", "/-/imports/2", "Import again", held=True),
    Screen("deploy-token-new", "/-/deploy-tokens/new", "Create token", held=True),
    Screen("users", "/-/users", "New user", held=True),
    Screen("audit", "/-/audit", "CSV", held=True),
    Screen("nothing-visible", "/-/packages", state=State.EMPTY, who=NOBODY, held=True),
    Screen("lost", "/-/nowhere", "Dashboard", state=State.REFUSED, status=404, held=True),
)
