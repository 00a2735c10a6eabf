"""How all code hosts are asked and their answers read: refusals, limits, JSON, pages. Knows the API of none of them."""

import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import BinaryIO, NoReturn
from urllib.parse import quote, urljoin, urlsplit

from packistry.clock import now
from packistry.errors import (
    CredentialRefused,
    HostRefused,
    HostUnavailable,
    NotFound,
    RateLimited,
    Refusal,
    ScopeMissing,
    Unavailable,
)
from packistry.outbound.client import Answer, Client
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

# GitHub: "wait for at least one minute before retrying", where an answer names no time.
_UNNAMED_WAIT = timedelta(minutes=1)
# The hosts' windows are an hour at most; a host that says more must not stop a source for ever.
_LONGEST_WAIT = timedelta(days=1)

# The last tenth of a limit is spread over the time that is left, but a single request is never held up for longer.
_SPARE_SHARE = 0.1
_LONGEST_PAUSE_SECONDS = 5.0

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
    # Whether a 403 of this host means "too fast" and not "not allowed".
    is_limit: Callable[[Answer], bool] = lambda answer: False

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
    ) -> Answer:
        """An answer of 2xx; every other is refused."""
        try:
            answer = self.client.send(
                method,
                url,
                headers={**self.headers, **(headers or {})},
                params=params or {},
                json=json,
                max_bytes=JSON_BYTES,
            )
        except Unavailable as fault:
            raise HostUnavailable(fault.sentence) from fault
        return self._good(answer, what, needs)

    def get(self, url: str, *, what: str, needs: str = "", params: Mapping[str, str] | None = None) -> Payload:
        """The object that the host answers."""
        return self.read(self.send("GET", url, what=what, needs=needs, params=params))

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
        read, seen, following = page or linked_page, {url}, params
        while True:
            answer = self.send("GET", url, what=what, needs=needs, params=following)
            rows, link = read(self, answer)
            yield from rows
            if not link:
                return
            url, following = self._next(url, link, seen), None

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
            raise HostRefused(f"The file {what} is larger than {FILE_BYTES // MIB} MiB.")
        return answer

    def download(self, url: str, into: BinaryIO, *, what: str, needs: str = "", max_bytes: int) -> None:
        """Writes the body of a good answer into `into`; nothing is written of any other."""
        try:
            answer = self.client.download(url, into, headers=self.headers, max_bytes=max_bytes)
        except Unavailable as fault:
            raise HostUnavailable(fault.sentence) from fault
        self._good(answer, what, needs)

    def _good(self, answer: Answer, what: str, needs: str) -> Answer:
        if not 200 <= answer.status < 300:
            raise self._refusal(answer, what, needs)
        if pause := pause_seconds(answer.headers, now()):
            time.sleep(pause)
        return answer

    def _refusal(self, answer: Answer, what: str, needs: str) -> Refusal:
        status = answer.status
        if status == 429 or (status == 403 and self.is_limit(answer)):
            return self._limited(answer)
        if status in {404, 410}:
            return NotFound(f"{self.label} has no {what}, or hides it from this credential.")
        if not 400 <= status < 500:
            return HostUnavailable(f"{self.label} answered {status} to the request for {what}. Try again later.")
        return self._no(answer, what, needs)

    def _no(self, answer: Answer, what: str, needs: str) -> HostRefused:
        """What asking again does not change."""
        detail = answer.body[: 4 * _DETAIL_CHARACTERS].decode("utf-8", "replace")[:_DETAIL_CHARACTERS]
        if answer.status == 401:
            return CredentialRefused(
                f"{self.label} does not accept the credential of this source: it is wrong, expired or revoked. "
                "Make a new one there and give it to the source with `packistry source rotate`.",
                detail=detail,
            )
        if answer.status == 403:
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


def link_to(headers: Mapping[str, str], relation: str) -> str | None:
    """The address that the Link header names for a relation: "next", "last"."""
    for address, relations in _LINK.findall(headers.get("link", "")):
        if relation in relations.lower().split():
            return str(address)
    return None


def limited_until(headers: Mapping[str, str], moment: datetime) -> datetime:
    """When a host that said "too fast" listens again: Retry-After, else the end of a used up window, else a minute."""
    until = _retry_after(headers.get("retry-after", ""), moment)
    if until is None and _limit_header(headers, "remaining") in {0, None}:
        reset = _limit_header(headers, "reset")
        until = None if reset is None else datetime.fromtimestamp(reset, UTC)
    if until is None:
        return moment + _UNNAMED_WAIT
    # Our clock and theirs differ a little: never in the past.
    return min(max(until, moment + timedelta(seconds=1)), moment + _LONGEST_WAIT)


def pause_seconds(headers: Mapping[str, str], moment: datetime) -> float:
    """How long to wait after a good answer, so that the rest of a limit lasts to its end; 0 while plenty is left."""
    limit, remaining, reset = (_limit_header(headers, name) for name in ("limit", "remaining", "reset"))
    if not limit or remaining is None or reset is None or remaining > limit * _SPARE_SHARE:
        return 0
    left_seconds = max(reset - moment.timestamp(), 0)
    if remaining:
        return min(left_seconds / (remaining + 1), _LONGEST_PAUSE_SECONDS)
    # At the wall: it is worth waiting only when it goes down soon. Else the next request is told until when.
    return left_seconds if left_seconds <= _LONGEST_PAUSE_SECONDS else 0


def _limit_header(headers: Mapping[str, str], name: str) -> int | None:
    """A number from `X-RateLimit-...` or, as GitLab writes it, `RateLimit-...`."""
    text = headers.get(f"x-ratelimit-{name}", headers.get(f"ratelimit-{name}", ""))
    # Longer is no time and no count that anybody means.
    return int(text) if re.fullmatch(r"[0-9]{1,11}", text) else None


def _retry_after(text: str, moment: datetime) -> datetime | None:
    """Seconds or a date (RFC 9110, 10.2.3)."""
    if re.fullmatch(r"[0-9]{1,9}", text):
        return moment + timedelta(seconds=int(text))
    try:
        return parsedate_to_datetime(text).astimezone(UTC)
    except ValueError:
        return None


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    return parts.scheme, parts.hostname, port
