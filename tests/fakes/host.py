"""What every fake code host is made of: a server on loopback; projects with commits, refs, hooks; pages; troubles."""

import hashlib
import io
import json
import re
import threading
import time
import zipfile
from collections import deque
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

FIRST_COMMIT_AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Request:
    """One request. `path` begins with a slash and is still escaped; header names are lower-case."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    base: str

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer. A body that is not bytes is sent as JSON."""

    status: int
    body: Any = b""
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True)
class Delivery:
    """What a host posts to a hook; header names are lower-case."""

    headers: Mapping[str, str]
    body: bytes


class Loopback:
    """A server on a port of its own that answers with what `answer` returns; every request is kept in `requests`."""

    def __init__(self, answer: Callable[[Request], Reply]) -> None:
        self.requests: list[Request] = []
        self._answer = answer
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        # A client that keeps its connection must not keep us.
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.005,), daemon=True)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def reply(self, request: Request) -> Reply:
        self.requests.append(request)
        return self._answer(request)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        loopback = self

        class Handler(BaseHTTPRequestHandler):
            """Hands every method to the fake."""

            protocol_version = "HTTP/1.1"
            # Headers and body go out at once: on loopback, Nagle's algorithm costs 40 ms an answer.
            wbufsize = -1
            disable_nagle_algorithm = True

            def answer(self) -> None:
                parts = urlsplit(self.path)
                request = Request(
                    method=self.command,
                    path=parts.path,
                    query=dict(parse_qsl(parts.query, keep_blank_values=True)),
                    headers={name.lower(): value for name, value in self.headers.items()},
                    body=self.rfile.read(int(self.headers.get("content-length", 0))),
                    base=loopback.address,
                )
                self._send(loopback.reply(request))

            def _send(self, reply: Reply) -> None:
                is_raw = isinstance(reply.body, bytes)
                body: bytes = reply.body if is_raw else json.dumps(reply.body).encode()
                kind = "application/octet-stream" if is_raw else "application/json; charset=utf-8"
                self.send_response(reply.status)
                for name, value in {"Content-Type": kind, **reply.headers}.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(body)

            do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = answer  # noqa: N815  (http.server's names)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (http.server's name)
                """Silent: a test that fails shows `requests`."""

        return Handler


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


class FakeHost:
    """A code host. A subclass gives `routes`: method and pattern of the path below `base_path`, to the function that
    answers; every named group of the pattern reaches it unescaped. `refuse` looks at each request first.
    """

    routes: Sequence[tuple[str, str, str]] = ()

    def __init__(self, *, base_path: str = "") -> None:
        self.base_path = base_path
        self.projects: dict[int, FakeProject] = {}
        self.tokens: dict[str, FakeToken] = {}
        # Answered instead of anything else, one to a request; for tests of hosts that are in trouble.
        self.troubles: deque[Reply] = deque()
        self.latency_seconds = 0.0
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

    def _answer(self, request: Request) -> Reply:
        time.sleep(self.latency_seconds)
        with self._lock:
            reply = self.troubles.popleft() if self.troubles else self.refuse(request) or self._route(request)
        return Reply(reply.status, reply.body, {**self.extra_headers, **reply.headers})

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
