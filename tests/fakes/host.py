"""What every fake code host is made of: a server on loopback; projects with commits, refs, hooks; pages; troubles."""

import hashlib
import io
import math
import re
import threading
import time
import zipfile
from collections import deque
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Self
from urllib.parse import unquote, urlencode

from tests.fakes.loopback import Loopback, Reply, Request

FIRST_COMMIT_AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Delivery:
    """What a host posts to a hook; header names are lower-case."""

    headers: Mapping[str, str]
    body: bytes


@dataclass
class FakeCommit:
    """Files at one moment."""

    files: Mapping[str, bytes]
    at: datetime


@dataclass
class FakeProject:
    """A git repository at a fake host. `annotated` names the tag object of each annotated tag."""

    id: int
    full_name: str
    default_branch: str | None = "main"
    archived: bool = False
    # The full name of the project that it is a fork of.
    fork_of: str = ""
    # The last push, as the host saw it.
    changed_at: datetime = FIRST_COMMIT_AT
    # Whether the credential may create hooks here, which takes more than reading.
    administered: bool = True
    branches: dict[str, str] = field(default_factory=dict[str, str])
    tags: dict[str, str] = field(default_factory=dict[str, str])
    annotated: dict[str, str] = field(default_factory=dict[str, str])
    commits: dict[str, FakeCommit] = field(default_factory=dict[str, FakeCommit])
    # Id of the hook -> what the host keeps of it, in its own words.
    hooks: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])

    @property
    def owner(self) -> str:
        return self.full_name.rpartition("/")[0]

    @property
    def name(self) -> str:
        return self.full_name.rpartition("/")[2]

    @property
    def uuid(self) -> str:
        """For hosts that name projects so: the id as a UUID with braces."""
        return f"{{00000000-0000-4000-8000-{self.id:012d}}}"

    def commit(self, files: Mapping[str, bytes], at: datetime = FIRST_COMMIT_AT) -> str:
        """Adds a commit with these files, of no branch yet, and gives its id."""
        sha = object_id(self.full_name, str(len(self.commits)), repr(sorted(files.items())))
        self.commits[sha] = FakeCommit(files, at)
        return sha

    def push_branch(self, name: str, files: Mapping[str, bytes], at: datetime = FIRST_COMMIT_AT) -> str:
        """Moves or makes a branch to a new commit, and gives the commit."""
        self.branches[name] = self.commit(files, at)
        self.changed_at = datetime.now(UTC)
        return self.branches[name]

    def push_tag(self, name: str, commit: str, *, annotated: bool = False) -> None:
        self.tags[name] = commit
        if annotated:
            self.annotated[name] = object_id("tag", name, commit)

    def commit_of(self, ref: str) -> str | None:
        """The commit of a ref by its full name; None when it is not there (any more)."""
        if ref.startswith("refs/tags/"):
            return self.tags.get(ref.removeprefix("refs/tags/"))
        return self.branches.get(ref.removeprefix("refs/heads/"))

    def object_of(self, ref: str) -> str:
        """What git says a ref points to: of an annotated tag the tag object, zeros when it is not there."""
        return self.annotated.get(ref.removeprefix("refs/tags/")) or self.commit_of(ref) or "0" * 40

    def archive(self, commit: str) -> bytes:
        """A zip with one top folder, as hosts make it."""
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            for path, content in self.commits[commit].files.items():
                archive.writestr(f"{self.owner}-{self.name}-{commit[:7]}/{path}", content)
        return buffer.getvalue()


@dataclass
class FakeToken:
    """A credential that the host knows."""

    login: str = "octocat"
    scopes: Sequence[str] = ()
    expires_at: datetime | None = None
    # GitHub's newer kind, with permissions in place of scopes.
    is_fine_grained: bool = False


@dataclass
class RateLimit:
    """So many requests in so many seconds; then the count begins anew."""

    requests: int
    seconds: float
    used: int = 0
    ends_at: float = 0

    def headers_of_one_more(self) -> dict[str, str]:
        """Counts a request and tells how many are left; the end of the window is a whole second, as hosts write it."""
        if time.time() >= self.ends_at:
            self.used, self.ends_at = 0, math.ceil(time.time() + self.seconds)
        self.used += 1
        left = max(self.requests - self.used, 0)
        return {"Limit": str(self.requests), "Remaining": str(left), "Reset": str(int(self.ends_at))}

    @property
    def seconds_left(self) -> int:
        """Until the count begins anew."""
        return max(math.ceil(self.ends_at - time.time()), 1)

    @property
    def is_passed(self) -> bool:
        return self.used > self.requests


class FakeHost:
    """A code host. A subclass gives `routes`: method and pattern of the path below `base_path`, to the function that
    answers; every named group of the pattern reaches it unescaped. `refuse` looks at each request first.
    """

    routes: Sequence[tuple[str, str, str]] = ()
    # How the host names the headers of its limit.
    limit_prefix = "X-RateLimit-"
    # Whether it sends an ETag with what is read, and answers 304 to who has the same.
    has_etags = False

    def __init__(self, *, base_path: str = "") -> None:
        self.base_path = base_path
        self.projects: dict[int, FakeProject] = {}
        self.tokens: dict[str, FakeToken] = {}
        # Answered instead of anything else, one to a request; for tests of hosts that are in trouble.
        self.troubles: deque[Reply] = deque()
        self.latency_seconds = 0.0
        self.limit: RateLimit | None = None
        # Added to every answer, such as how much of a limit is left.
        self.extra_headers: dict[str, str] = {}
        self._lock = threading.Lock()
        self._api = Loopback(self._answer)
        # Archives lie at another port, which is another host for a client: credentials must not follow there.
        self._files = Loopback(self._archive)

    @property
    def address(self) -> str:
        """The base address that a source is given."""
        return self._api.address + self.base_path

    @property
    def requests(self) -> list[Request]:
        return self._api.requests

    @property
    def archive_requests(self) -> list[Request]:
        return self._files.requests

    @contextmanager
    def running(self) -> Generator[Self]:
        self.start()
        try:
            yield self
        finally:
            self.stop()

    def start(self) -> None:
        self._api.start()
        self._files.start()

    def stop(self) -> None:
        self._api.stop()
        self._files.stop()

    def add(self, project: FakeProject) -> FakeProject:
        self.projects[project.id] = project
        return project

    def project_called(self, full_name: str) -> FakeProject | None:
        return next((one for one in self.projects.values() if one.full_name == full_name), None)

    def refuse(self, request: Request) -> Reply | None:
        """What the host checks before it looks at the path; None lets the request through."""
        raise NotImplementedError

    def unknown(self) -> Reply:
        """How the host says that there is no such address."""
        raise NotImplementedError

    def push_delivery(self, project: FakeProject, ref: str, secret: str) -> Delivery:
        """What a hook with this secret gets after a push that made, moved or deleted the ref, by its full name."""
        raise NotImplementedError

    def redirect_to_archive(self, project: FakeProject, commit: str) -> Reply:
        """Sends the client to the archive at the other port."""
        return Reply(302, headers={"Location": f"{self._files.address}/{project.id}/{commit}"})

    def limit_headers(self, limit: RateLimit) -> dict[str, str]:
        """Counts a request, and tells of the limit as this host does."""
        return {self.limit_prefix + name: value for name, value in limit.headers_of_one_more().items()}

    def over_limit(self) -> Reply:
        """How the host says "too fast"; the headers of the limit come with it."""
        return Reply(429, {"message": "Too Many Requests"})

    def _answer(self, request: Request) -> Reply:
        time.sleep(self.latency_seconds)
        with self._lock:
            limits = self.limit_headers(self.limit) if self.limit else {}
            reply = self._unless_known(request, self._reply(request))
        return Reply(reply.status, reply.body, {**limits, **self.extra_headers, **reply.headers})

    def _unless_known(self, request: Request, reply: Reply) -> Reply:
        if not self.has_etags or request.method != "GET" or reply.status != 200 or isinstance(reply.body, bytes):
            return reply
        etag = f'W/"{object_id(repr(reply.body))}"'
        if request.headers.get("if-none-match") == etag:
            # Without the other headers, Link among them, which RFC 9110 (15.4.5) leaves to the server.
            return Reply(304, headers={"ETag": etag})
        return Reply(200, reply.body, {"ETag": etag, **reply.headers})

    def _reply(self, request: Request) -> Reply:
        if self.troubles:
            return self.troubles.popleft()
        if self.limit and self.limit.is_passed:
            return self.over_limit()
        return self.refuse(request) or self._route(request)

    def _route(self, request: Request) -> Reply:
        if not request.path.startswith(self.base_path):
            return self.unknown()
        for method, pattern, name in self.routes:
            found = re.fullmatch(pattern, request.path.removeprefix(self.base_path))
            if found and method == request.method:
                return getattr(self, name)(
                    request, **{key: unquote(value) for key, value in found.groupdict("").items()}
                )
        return self.unknown()

    def _archive(self, request: Request) -> Reply:
        _, number, commit = request.path.split("/")
        project = self.projects.get(int(number))
        if project is None or commit not in project.commits:
            return Reply(404)
        return Reply(200, project.archive(commit), {"Content-Type": "application/zip"})


def object_id(*parts: str) -> str:
    """An id as git makes them: 40 hex digits, the same for the same parts."""
    return hashlib.sha1("\0".join(parts).encode(), usedforsecurity=False).hexdigest()


def page_of(request: Request, rows: Sequence[Any], *, size: str, default: int, most: int) -> tuple[list[Any], str]:
    """The rows of the page asked for, and its Link header; `size` names the parameter, capped at `most`."""
    per_page = min(int(request.query.get(size, default)), most)
    page = int(request.query.get("page", 1))
    last = max((len(rows) + per_page - 1) // per_page, 1)
    wanted = {"next": page + 1, "last": last} if page < last else {}
    links = [
        f'<{request.base}{request.path}?{urlencode({**request.query, "page": number})}>; rel="{relation}"'
        for relation, number in wanted.items()
    ]
    return list(rows[(page - 1) * per_page : page * per_page]), ", ".join(links)
