"""How all code hosts are asked and their answers read: refusals, limits, JSON, pages. Knows the API of none of them."""

import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import BinaryIO, NoReturn
from urllib.parse import parse_qs, quote, urljoin, urlsplit

from packistry.clock import now
from packistry.errors import (
    CredentialRefused,
    FileTooLarge,
    HostRefused,
    HostUnavailable,
    NotFound,
    RateLimited,
    Refusal,
    ScopeMissing,
    Unavailable,
)
from packistry.outbound.client import Answer, Client
from packistry.providers.kept import KeptPages, page_key
from packistry.providers.limits import limited_until, pause_seconds
from packistry.providers.payloads import Payload, read_payload, read_payloads

MIB = 1024**2

# The largest composer.json that anybody needs.
FILE_BYTES = MIB
# Against an endless answer only: the limit of archives is the caller's, whose file refuses to take more.
ARCHIVE_BYTES = 4 * 1024 * MIB

# A hundred rows of the wordiest host are below 2 MiB.
JSON_BYTES = 16 * MIB

# A million rows at 100 a page: nobody has more, and a host that goes on for ever must end somewhere.
MAX_PAGES = 10_000

# What a host writes about its refusal is kept for administrators; more of it tells nothing.
_DETAIL_CHARACTERS = 500

_LINK = re.compile(r"<([^>]*)>\s*;[^<]*?\brel=\"?([a-z ]+)\"?", re.IGNORECASE)

# The rows of a page, and the address of the next.
Page = tuple[Sequence[Payload], str | None]


@dataclass(frozen=True, slots=True)
class Host:
    """A code host as one credential sees it: the label for sentences, the API's address without a slash at its end, and
    the headers of every request.

    `what` in its methods is what is asked for, in words that follow "has no": "project 12"; `needs` names the scope.
    """

    label: str
    api: str
    client: Client
    headers: Mapping[str, str] = field(repr=False)
    # What another host's status would be for this answer: some say with a 403 that we are too fast (429).
    status_of: Callable[[Answer], int] = lambda answer: answer.status
    # The headers with another credential, where it is one that ends by itself: asked for once after each 401.
    renewed: Callable[[], Mapping[str, str]] | None = None
    # Where pages of lists are kept, so that the same ones need not be sent again. Only for hosts whose pages are as
    # large as they are asked for.
    kept: KeptPages = field(default=KeptPages(None))

    def address(self, *segments: str) -> str:
        """The API's address with these segments below it, each escaped: a slash inside one leads nowhere."""
        return "/".join([self.api, *(escaped(segment) for segment in segments)])

    def send(
        self,
        method: str,
        url: str,
        *,
        what: str,
        needs: str = "",
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        json: object = None,
        form: Mapping[str, str] | None = None,
    ) -> Answer:
        """An answer of 2xx; every other is refused."""

        def send(own: Mapping[str, str]) -> Answer:
            return self.client.send(
                method,
                url,
                headers={**own, **(headers or {})},
                params=params or {},
                json=json,
                form=form,
                max_bytes=JSON_BYTES,
            )

        return self._good(self._known(send), what, needs)

    def get(self, url: str, *, what: str, needs: str = "", params: Mapping[str, str] | None = None) -> Payload:
        """The object that the host answers."""
        return self.read(self.send("GET", url, what=what, needs=needs, params=params))

    def find(self, url: str, *, what: str, needs: str = "", params: Mapping[str, str] | None = None) -> Payload | None:
        """The object that the host answers; None when it is not there."""
        try:
            return self.get(url, what=what, needs=needs, params=params)
        except NotFound:
            return None

    def delete(self, url: str, *, what: str, needs: str = "") -> None:
        """Afterwards it is gone; not there is success."""
        with suppress(NotFound):
            self.send("DELETE", url, what=what, needs=needs)

    def read(self, answer: Answer) -> Payload:
        return read_payload(answer.body, self._unreadable)

    def read_rows(self, answer: Answer) -> Sequence[Payload]:
        return read_payloads(answer.body, self._unreadable)

    def rows(
        self,
        url: str,
        *,
        what: str,
        needs: str = "",
        params: Mapping[str, str] | None = None,
        page: "Callable[[Host, Answer], Page] | None" = None,
    ) -> Iterator[Payload]:
        """The rows of every page, in order. `page` reads one; without it a page is a list, and Link names the next."""
        read, seen, following = page or linked_page, {url}, params or {}
        while True:
            key = page_key(url, following, self.headers)
            before = self.kept.find(key)
            answer = self._page(url, following, before, what, needs)
            rows, link = read(self, answer)
            # Not a full page without a next one: a row more would come on a next page, and leave this one as it was.
            if answer is not before and (link or len(rows) < _page_size(url, following)):
                self.kept.keep(key, answer)
            yield from rows
            if not link:
                return
            url, following = self._next(url, link, seen), {}

    def file(
        self,
        url: str,
        *,
        what: str,
        needs: str = "",
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer | None:
        """The answer whose body is a file of a project; None when it is not there. Refuses one that is too large."""
        try:
            answer = self.send("GET", url, what=what, needs=needs, params=params, headers=headers)
        except NotFound:
            return None
        if len(answer.body) > FILE_BYTES:
            # Not left to the limit of the request: that one says try again later.
            raise FileTooLarge(f"The file {what} is larger than {FILE_BYTES // MIB} MiB.")
        return answer

    def download(self, url: str, into: BinaryIO, *, what: str, needs: str = "", max_bytes: int) -> None:
        """Writes the body of a good answer into `into`; nothing is written of any other."""
        answer = self._known(lambda own: self.client.download(url, into, headers=own, max_bytes=max_bytes))
        self._good(answer, what, needs)

    def _page(self, url: str, params: Mapping[str, str], before: Answer | None, what: str, needs: str) -> Answer:
        """The page, which is `before` if the host says that nothing changed."""
        condition = {"if-none-match": before.headers["etag"]} if before else {}
        answer = self._known(
            lambda own: self.client.send("GET", url, headers={**own, **condition}, params=params, max_bytes=JSON_BYTES)
        )
        return before if before and answer.status == 304 else self._good(answer, what, needs)

    def _known(self, send: Callable[[Mapping[str, str]], Answer]) -> Answer:
        """What the host answers to our headers. Once more with a renewed credential where the one we had has ended."""
        try:
            answer = send(self.headers)
            if answer.status == 401 and self.renewed is not None:
                answer = send(self.renewed())
        except HostUnavailable:
            raise
        except Unavailable as fault:
            raise HostUnavailable(fault.sentence) from fault
        return answer

    def _good(self, answer: Answer, what: str, needs: str) -> Answer:
        if not 200 <= answer.status < 300:
            raise self._refusal(answer, what, needs)
        if pause := pause_seconds(answer.headers, now()):
            time.sleep(pause)
        return answer

    def _refusal(self, answer: Answer, what: str, needs: str) -> Refusal:
        status = self.status_of(answer)
        if status == 429:
            return self._limited(answer)
        if status in {404, 410}:
            return NotFound(f"{self.label} has no {what}, or hides it from this credential.")
        if not 400 <= status < 500:
            return HostUnavailable(f"{self.label} answered {status} to the request for {what}. Try again later.")
        return self._no(status, answer, what, needs)

    def _no(self, status: int, answer: Answer, what: str, needs: str) -> HostRefused:
        """What asking again does not change."""
        detail = answer.body[: 4 * _DETAIL_CHARACTERS].decode("utf-8", "replace")[:_DETAIL_CHARACTERS]
        if status == 401:
            return CredentialRefused(
                f"{self.label} does not accept the credential of this source: it is wrong, expired or revoked. "
                "Make a new one there and give it to the source with `packistry source rotate`.",
                detail=detail,
            )
        if status == 403:
            missing = f" It needs {needs}." if needs else ""
            return ScopeMissing(f"{self.label} does not give {what} to this credential.{missing}", detail=detail)
        return HostRefused(f"{self.label} refused the request for {what} (status {answer.status}).", detail=detail)

    def _limited(self, answer: Answer) -> RateLimited:
        until = limited_until(answer.headers, now())
        return RateLimited(f"{self.label} asks us to wait until {until:%Y-%m-%d %H:%M:%S} UTC.", until=until)

    def _unreadable(self, reason: str) -> HostUnavailable:
        return HostUnavailable(
            f"{self.label} at {self.api} did not answer as its API does ({reason}). "
            "Is it the address of the API, and does nothing stand before it that asks for a sign-in?"
        )

    def _next(self, url: str, link: str, seen: set[str]) -> str:
        """The address of the next page. It carries our credential, so it must be at the same host."""
        following = urljoin(url, link)
        if _origin(following) != _origin(self.api):
            self._endless("names a next page at another host. Is the address of the source the one it calls itself by?")
        if following in seen or len(seen) >= MAX_PAGES:
            self._endless("does not come to an end with its pages.")
        seen.add(following)
        return following

    def _endless(self, fault: str) -> NoReturn:
        raise HostUnavailable(f"{self.label} at {self.api} {fault}")


def header_text(secret: str) -> str:
    """A secret as a header carries it: without the line end that came along when it was copied.

    Refuses what no host gives out and no header may hold, which would else fail far from here.
    """
    text = secret.strip()
    if not text.isascii() or not text.isprintable() or not text:
        raise CredentialRefused("The credential is empty or holds characters that none has: copy it again, whole.")
    return text


def escaped(segment: str) -> str:
    """One segment of an address. Refuses what would lead elsewhere: nothing, "." and ".."."""
    if segment in {"", ".", ".."}:
        raise NotFound(f'Nothing at a code host is called "{segment}".')
    return quote(segment, safe="")


def linked_page(host: Host, answer: Answer) -> Page:
    """A list of rows whose next page is named by the Link header (RFC 8288)."""
    return host.read_rows(answer), link_to(answer.headers, "next")


def counted(text: str) -> int | None:
    """How many there are, from a header or address; None when it is no number."""
    return int(text) if re.fullmatch(r"[0-9]{1,15}", text) else None


def link_to(headers: Mapping[str, str], relation: str) -> str | None:
    """The address that the Link header names for a relation: "next", "last"."""
    for address, relations in _LINK.findall(headers.get("link", "")):
        if relation in relations.lower().split():
            return str(address)
    return None


def _page_size(url: str, params: Mapping[str, str]) -> int:
    """How many rows a full page has; 0 where the size is not asked for by a name we know."""
    asked = params.get("per_page") or parse_qs(urlsplit(url).query).get("per_page", ["0"])[0]
    return int(asked) if re.fullmatch(r"[0-9]{1,4}", asked) else 0


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    return parts.scheme, parts.hostname, port
