"""One visit of a page: who came, what was asked for, and how it is answered."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote, urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse

from packistry.access.actors import Actor, Anonymous, UserActor
from packistry.accounts.mailing import Mailing
from packistry.accounts.sessions import Place, SignedIn
from packistry.db.engine import Database
from packistry.db.types import is_id
from packistry.errors import NotFound, Unauthenticated
from packistry.packages.upload import Uploads
from packistry.repositories.address import read_public_url
from packistry.settings import Settings
from packistry.sources.desk import SourceDesk
from packistry.web.pages.forms import Form
from packistry.web.pages.navigation import navigation
from packistry.web.pages.rendering import SAFE_HEADERS, answer, html, static_address

# By https the browser itself keeps other hosts of the domain from setting it; by http it takes no such name.
COOKIE: Final = "packistry_session"
SECURE_COOKIE: Final = f"__Host-{COOKIE}"
THEME_COOKIE: Final = "packistry_theme"
THEMES: Final = ("light", "dark")


def cookie_name(here: str) -> str:
    """What the session's cookie is called for a browser at this address."""
    return SECURE_COOKIE if here.startswith("https://") else COOKIE


@dataclass(frozen=True, slots=True)
class PageParts:
    """What pages work with. One per worker."""

    settings: Settings
    database: Database
    uploads: Uploads
    desk: SourceDesk
    mailing: Mailing


@dataclass(frozen=True, slots=True)
class Visit:
    """What a page knows of the one who asks, and gives back. `public_base` is the installation's address, that of
    commands, `here` the one at which the browser is; neither has a slash at its end.
    """

    parts: PageParts
    request: Request
    public_base: str
    here: str
    place: Place
    signed_in: SignedIn | None
    form: Form

    @property
    def database(self) -> Database:
        return self.parts.database

    @property
    def actor(self) -> Actor:
        """Whoever asks, for the rules."""
        return Anonymous(address=self.place.address) if self.signed_in is None else self.signed_in.actor

    @property
    def person(self) -> UserActor:
        """The person who signed in. Refuses with Unauthenticated a page that only somebody known may open."""
        if self.signed_in is None:
            raise Unauthenticated("Sign in to see this page.")
        return self.signed_in.actor

    @property
    def is_secure(self) -> bool:
        return self.here.startswith("https://")

    @property
    def prefix(self) -> str:
        """The path of the address, "" for most: every link begins with it."""
        return urlsplit(self.here).path

    def word(self, name: str) -> str:
        """A part of the page's own address."""
        return str(self.request.path_params[name])

    @property
    def mails(self) -> bool:
        """Whether links can be mailed: a server is set, and an address that no header of a request decides."""
        settings = self.parts.settings
        is_set = settings.smtp_host is not None and settings.smtp_from is not None
        return is_set and read_public_url(self.database, settings.public_url) is not None

    def number(self, name: str) -> int:
        """A part of the page's own address that is an id. Refuses with NotFound what is none."""
        word = self.word(name)
        if not is_id(word):
            raise NotFound("There is no page at this address.")
        return int(word)

    def page(self, template: str, *, status: int = 200, **context: Any) -> Response:
        """The template, for this visitor. With the header X-Partial only the region it names, when there is one."""
        region = self.request.headers.get("x-partial", "")
        if region and region == context.get("region"):
            template = context["region_template"]
        text = html(template, {**self._common(), **context})
        packs = "gzip" in self.request.headers.get("accept-encoding", "")
        return answer(text, status=status, packs=packs, secure=self.is_secure)

    def file(self, chunks: AsyncIterator[bytes], name: str, content_type: str) -> Response:
        """A file to keep, sent while it is made."""
        headers = {**SAFE_HEADERS, "content-disposition": f'attachment; filename="{name}"'}
        return StreamingResponse(chunks, 200, headers, content_type)

    def go(self, path: str) -> Response:
        """Sends the browser on to another page of ours: after a form, so that "reload" does not send it again."""
        return RedirectResponse(self.to(path), 303, {"cache-control": "no-store"})

    def sign_in_first(self) -> Response:
        """Sends somebody who did not sign in to where one does, and from there to what was wanted."""
        return self.go(f"/-/sign-in?next={quote(self._wanted, safe='')}")

    @property
    def _wanted(self) -> str:
        """The page that was asked for, if it is one that can be shown again."""
        if self.request.method != "GET":
            return "/-/"
        return self.request.url.path + (f"?{self.request.url.query}" if self.request.url.query else "")

    @property
    def packages_path(self) -> str:
        """Where the packages are listed that this visitor may see."""
        return "/-/browse" if self.signed_in is None else "/-/packages"

    def _common(self) -> dict[str, Any]:
        theme = self.request.cookies.get(THEME_COOKIE, "")
        return {
            "visit": self,
            "user": None if self.signed_in is None else self.signed_in.user,
            "groups": navigation(self.actor),
            "theme": theme if theme in THEMES else "",
            "path": self.request.url.path,
            "to": self.to,
            "static": self.static,
        }

    def to(self, path: str) -> str:
        """A page of ours, as a link."""
        return self.prefix + path

    def static(self, name: str) -> str:
        """A file of ours, as a link."""
        return self.prefix + static_address(name)
