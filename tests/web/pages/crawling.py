"""Following everything: each link and each form that somebody finds, and what is wrong with what comes back."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any, Final
from urllib.parse import parse_qsl, urldefrag, urljoin, urlsplit

from starlette.testclient import TestClient

from tests.web.pages.browser import HOME

# Nobody's input comes back as anything but words.
HOSTILE: Final = "\"'><script>planted()</script>{{7*7}}../../etc/passwd%00"
# Ends our own way through, asks a host, or hashes a password: 0.2 s each.
LEFT_OUT: Final = re.compile(r"/(sign-out|test|credential|projects|sign-in|setup)$|/(sources/new/.*|api/v1/.*)$")
# Takes away what the rest of the way is about; only those may press it who are refused.
TAKES_AWAY: Final = re.compile(r"/(delete|revoke|rotate|end|cancel|retry|password|users/\d+|settings)$")
# What differs in its numbers looks alike: of each kind one is opened.
NUMBER: Final = re.compile(r"\d+")


@dataclass(frozen=True, slots=True)
class Form:
    """A form as a page has it."""

    address: str
    posts: bool
    fields: tuple[str, ...]


@dataclass
class Crawl:
    """One actor's way through all pages. `hidden` are words that the actor may meet nowhere."""

    client: TestClient
    cookies: Mapping[str, str]
    hidden: Sequence[str] = ()
    takes_away: bool = False
    wrong: list[str] = field(default_factory=list[str])
    pages: set[str] = field(default_factory=set[str])
    forms: set[Form] = field(default_factory=set[Form])
    _seen: set[tuple[str, frozenset[str]]] = field(default_factory=set[tuple[str, frozenset[str]]])

    def follow(self, address: str) -> None:
        """Opens the page, and all that it leads to, and so on. A link that leads nowhere is wrong."""
        waiting = [address]
        while waiting:
            here = waiting.pop()
            if self._is_new(here):
                waiting += self._links(here, self._ask("GET", here), own=True)

    def try_addresses(self, addresses: Iterable[str]) -> None:
        """Opens what others found; there it may be that nothing is to be seen."""
        for address in sorted(addresses):
            if self._is_new(address):
                self._links(address, self._ask("GET", address), own=False)

    def fill_in(self, forms: Iterable[Form]) -> None:
        """Sends each form empty, and with what an attacker writes."""
        kinds = {(NUMBER.sub("0", form.address), form.fields): form for form in forms}
        for form in kinds.values():
            path = urlsplit(form.address).path
            if form.posts and (LEFT_OUT.search(path) or (TAKES_AWAY.search(path) and not self.takes_away)):
                continue
            for value in ("", HOSTILE):
                fields = dict.fromkeys(form.fields, value)
                self._ask("POST" if form.posts else "GET", form.address, fields)

    def _is_new(self, address: str) -> bool:
        """Of addresses that differ in numbers and in the values of their query only, one is enough."""
        parts = urlsplit(address)
        kind = NUMBER.sub("0", parts.path), frozenset(name for name, _ in parse_qsl(parts.query))
        if kind in self._seen:
            return False
        self._seen.add(kind)
        return True

    def _ask(self, method: str, address: str, fields: Mapping[str, str] | None = None) -> Any:
        self.client.cookies.clear()
        for name, value in self.cookies.items():
            self.client.cookies.set(name, value)
        sent: dict[str, Any] = {"params" if method == "GET" else "data": fields} if fields else {}
        answer: Any = self.client.request(method, address, headers={"origin": HOME}, follow_redirects=False, **sent)
        asked = f"{method} {address}" + (f" with {fields}" if fields else "")
        if answer.status_code >= 500:
            self.wrong.append(f"{asked}: {answer.status_code}")
        if "<script>planted" in answer.text:
            self.wrong.append(f"{asked}: what was sent is part of the page")
        # An address that has the word itself is repeated, to come back to after signing in.
        words = [word for word in self.hidden if word in answer.text.lower() and word not in address.lower()]
        self.wrong += [f"{asked}: shows {word}" for word in words]
        return answer

    def _links(self, here: str, answer: Any, *, own: bool) -> list[str]:
        """Where the page leads; its forms are kept."""
        if answer.status_code in (302, 303, 307):
            return [answer.headers["location"]] if own else []
        if answer.status_code >= 400:
            if own:
                self.wrong.append(f"{here}: a link leads there, and it says {answer.status_code}")
            return []
        self.pages.add(here)
        if not answer.headers["content-type"].startswith("text/html"):
            return []
        reader = _Reader(here)
        reader.feed(answer.text)
        self.forms |= set(reader.forms)
        return reader.links if own else []


class _Reader(HTMLParser):
    """Links and forms of a page, with whole addresses; those of other sites are left out."""

    def __init__(self, here: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.forms: list[Form] = []
        self._here = here
        self._form: tuple[str, bool] | None = None
        self._fields: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        target = urldefrag(urljoin(self._here, given.get("href", given.get("action", "")))).url
        if tag in {"a", "link"} and "href" in given and target.startswith("/"):
            self.links.append(target)
        elif tag == "form" and given.get("method") != "dialog":
            self._form, self._fields = (target, given.get("method", "get").lower() == "post"), []
        elif tag in {"input", "select", "textarea", "button"} and "name" in given:
            self._fields.append(given["name"])

    def handle_endtag(self, tag: str) -> None:
        if tag == "form" and self._form is not None:
            address, posts = self._form
            self.forms.append(Form(address, posts, tuple(sorted(set(self._fields)))))
            self._form = None
