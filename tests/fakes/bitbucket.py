"""A fake Bitbucket Cloud. Each refusal names the page of developer.atlassian.com/cloud/bitbucket that it follows."""

import base64
import binascii
import hmac
import json
import re
import uuid
from typing import Any
from urllib.parse import parse_qsl, urlencode

from tests.fakes.host import Delivery, FakeHost, FakeProject, FakeToken, RateLimit
from tests.fakes.loopback import Reply, Request

EMAIL = "octocat@example.org"
KEY = "key-of-the-consumer"
GRANTING = "/site/oauth2/access_token"

_REPO = r"/2\.0/repositories/(?P<workspace>[^/]+)/(?P<repo>[^/]+)"
_HOOK = rf"{_REPO}/hooks/(?P<hook>[^/]+)"


class FakeBitbucket(FakeHost):
    """The API and the site's archives at one address; in the cloud the first is below "api."."""

    routes = (
        ("POST", GRANTING, "grant"),
        ("GET", r"/2\.0/user", "account"),
        ("GET", r"/2\.0/repositories/(?P<workspace>[^/]+)", "repositories"),
        ("GET", _REPO, "repository"),
        ("GET", f"{_REPO}/refs/(?P<listing>branches|tags)", "refs"),
        ("GET", rf"{_REPO}/commit/(?P<sha>[^/]+)", "commit"),
        ("GET", rf"{_REPO}/src/(?P<sha>[^/]+)/(?P<path>.+)", "source"),
        ("GET", f"{_REPO}/hooks", "hooks"),
        ("POST", f"{_REPO}/hooks", "create_hook"),
        ("GET", _HOOK, "hook"),
        ("PUT", _HOOK, "update_hook"),
        ("DELETE", _HOOK, "delete_hook"),
        ("GET", r"/(?P<workspace>[^/]+)/(?P<repo>[^/]+)/get/(?P<sha>[^/]+)\.tar\.gz", "archive"),
    )

    def __init__(self, *, base_path: str = "") -> None:
        super().__init__(base_path=base_path)
        # The secret of the consumer that each token was given to. What is taken away has ended.
        self.granted: dict[str, str] = {}
        self.grant_seconds = 7200

    def refuse(self, request: Request) -> Reply | None:
        if request.path == GRANTING:
            return None
        token = self.token(request)
        # "Authentication methods", API tokens: Basic, of the e-mail address and the token.
        if token is None:
            return _error(401, "Token is invalid, expired, or not supported for this endpoint.")
        # "Authentication methods", Forge app and API token scopes.
        needed = _scope(request)
        if needed in token.scopes:
            return None
        detail = {"granted": list(token.scopes), "required": [needed]}
        return _error(403, "Your credentials lack one or more required privilege scopes.", detail)

    def limit_headers(self, limit: RateLimit) -> dict[str, str]:
        # "API request limits": headers tell of it for access tokens of a repository, project or workspace only.
        super().limit_headers(limit)
        return {}

    def unknown(self) -> Reply:
        return _error(404, "Resource not found")

    def token(self, request: Request) -> FakeToken | None:
        kind, _, given = request.headers.get("authorization", "").partition(" ")
        if kind == "Bearer":
            return self.tokens.get(self.granted.get(given, ""))
        email, token = _pair(request)
        # A line end that was encoded along makes another token.
        return self.tokens.get(token) if email == EMAIL else None

    def grant(self, request: Request) -> Reply:
        key, secret = _pair(request)
        # "Use OAuth on Bitbucket Cloud", Client credentials grant: a form, and Basic of the consumer's key and secret.
        if dict(parse_qsl(request.body.decode())) != {"grant_type": "client_credentials"}:
            return Reply(400, {"error": "unsupported_grant_type", "error_description": "Unsupported grant type"})
        if key != KEY or secret not in self.tokens:
            return Reply(400, {"error": "unauthorized_client", "error_description": "Invalid OAuth client credentials"})
        token = f"granted-{len(self.granted)}-{uuid.uuid4()}"
        self.granted[token] = secret
        return Reply(200, {"access_token": token, "token_type": "bearer", "expires_in": self.grant_seconds})

    def push_delivery(self, project: FakeProject, ref: str, secret: str) -> Delivery:
        return push_delivery(project, [ref], secret)

    def account(self, request: Request) -> Reply:
        token = self.token(request)
        return Reply(200, {"username": token.login, "type": "user"}) if token else self.unknown()

    def repositories(self, request: Request, workspace: str) -> Reply:
        rows = [one for one in self.projects.values() if one.owner == workspace]
        if not rows:
            return _error(404, f"No workspace with identifier '{workspace}'.") if self.projects else _page(request, [])
        return _filtered_page(request, [self._row(one) for one in rows])

    def repository(self, request: Request, workspace: str, repo: str) -> Reply:
        found = self._found(workspace, repo)
        return Reply(200, self._row(found)) if found else self.unknown()

    def refs(self, request: Request, workspace: str, repo: str, listing: str) -> Reply:
        found = self._found(workspace, repo)
        if found is None:
            return self.unknown()
        # "Refs": the target of an annotated tag is the commit behind it.
        refs = found.branches if listing == "branches" else found.tags
        return _filtered_page(request, [{"name": name, "target": {"hash": commit}} for name, commit in refs.items()])

    def commit(self, request: Request, workspace: str, repo: str, sha: str) -> Reply:
        found = self._found(workspace, repo)
        if found is None or sha not in found.commits:
            return self.unknown()
        return Reply(200, {"type": "commit", "hash": sha, "date": found.commits[sha].at.isoformat()})

    def source(self, request: Request, workspace: str, repo: str, sha: str, path: str) -> Reply:
        found = self._found(workspace, repo)
        commit = found.commits.get(sha) if found else None
        if commit is None:
            return self.unknown()
        # "Source", Get file or directory contents: with format=meta its description, else a file as it is, a folder as
        # a page of JSON.
        is_folder = any(one.startswith(f"{path}/") for one in commit.files)
        if path not in commit.files and not is_folder:
            return _error(404, f"No such file or directory: {path}")
        if request.query.get("format") == "meta":
            return Reply(200, {"type": "commit_directory" if is_folder else "commit_file", "path": path})
        return _page(request, []) if is_folder else Reply(200, commit.files[path])

    def archive(self, request: Request, workspace: str, repo: str, sha: str) -> Reply:
        found = self._found(workspace, repo)
        return self.redirect_to_archive(found, sha) if found and sha in found.commits else Reply(404)

    def hooks(self, request: Request, workspace: str, repo: str) -> Reply:
        refusal = self._administered(workspace, repo)
        return refusal or _page(request, [_told(one) for one in self._hooks(workspace, repo).values()])

    def create_hook(self, request: Request, workspace: str, repo: str) -> Reply:
        refusal = self._administered(workspace, repo) or _invalid(request)
        if refusal:
            return refusal
        hooks = self._hooks(workspace, repo)
        name = f"{{{uuid.uuid4()}}}"
        hooks[name] = {"uuid": name, **request.json}
        return Reply(201, _told(hooks[name]))

    def hook(self, request: Request, workspace: str, repo: str, hook: str) -> Reply:
        found = self._hooks(workspace, repo).get(hook)
        return self._administered(workspace, repo) or (Reply(200, _told(found)) if found else self.unknown())

    def update_hook(self, request: Request, workspace: str, repo: str, hook: str) -> Reply:
        found = self._hooks(workspace, repo).get(hook)
        refusal = self._administered(workspace, repo) or _invalid(request)
        if refusal or found is None:
            return refusal or self.unknown()
        found |= request.json
        return Reply(200, _told(found))

    def delete_hook(self, request: Request, workspace: str, repo: str, hook: str) -> Reply:
        refusal = self._administered(workspace, repo)
        if refusal:
            return refusal
        return Reply(204) if self._hooks(workspace, repo).pop(hook, None) else self.unknown()

    def _found(self, workspace: str, repo: str) -> FakeProject | None:
        """By its short name or its UUID, in its workspace."""
        rows = [one for one in self.projects.values() if one.owner == workspace]
        return next((one for one in rows if repo in {one.name, one.uuid}), None)

    def _hooks(self, workspace: str, repo: str) -> dict[str, dict[str, Any]]:
        found = self._found(workspace, repo)
        return found.hooks if found else {}

    def _administered(self, workspace: str, repo: str) -> Reply | None:
        """ "Repositories", Webhooks: for administrators of the project only."""
        found = self._found(workspace, repo)
        if found is None:
            return self.unknown()
        return None if found.administered else _error(403, "Your credentials do not have admin access.")

    def _row(self, project: FakeProject) -> dict[str, Any]:
        return row_of(project, self.address)


def row_of(project: FakeProject, site: str = "https://bitbucket.example") -> dict[str, Any]:
    """A project as the API and deliveries tell it."""
    return {
        "type": "repository",
        "uuid": project.uuid,
        "full_name": project.full_name,
        "name": project.name,
        "links": {"html": {"href": f"{site}/{project.full_name}"}},
        # "Repositories", the object: of others it is null.
        "parent": {"type": "repository", "full_name": project.fork_of} if project.fork_of else None,
        "updated_on": f"{project.changed_at:%Y-%m-%dT%H:%M:%S.%f+00:00}",
        "mainbranch": {"type": "branch", "name": project.default_branch} if project.default_branch else None,
    }


def push_delivery(project: FakeProject, refs: list[str], secret: str) -> Delivery:
    """The one delivery of a push of all these refs ("Event payloads", Push)."""
    changes: list[dict[str, Any]] = []
    for full_name in refs:
        commit, kind = project.commit_of(full_name), "tag" if full_name.startswith("refs/tags/") else "branch"
        ref = {
            "type": kind,
            "name": full_name.split("/", 2)[2],
            "target": {"type": "commit", "hash": commit or "b" * 40},
        }
        changes.append({"new": ref if commit else None, "old": None if commit else ref, "closed": commit is None})
    return signed_delivery("repo:push", {"repository": row_of(project), "push": {"changes": changes}}, secret)


def signed_delivery(event: str, payload: dict[str, Any], secret: str) -> Delivery:
    """A delivery with its signature ("Manage webhooks", Webhook security)."""
    body = json.dumps(payload).encode()
    headers = {
        "content-type": "application/json",
        "x-event-key": event,
        "x-hook-uuid": str(uuid.uuid4()),
        "x-request-uuid": str(uuid.uuid4()),
        "x-attempt-number": "1",
        "x-hub-signature": "sha256=" + hmac.new(secret.encode(), body, "sha256").hexdigest(),
    }
    return Delivery(headers, body)


def _pair(request: Request) -> tuple[str, str]:
    """Name and secret of Basic authentication; empty where there are none."""
    kind, _, pair = request.headers.get("authorization", "").partition(" ")
    try:
        name, _, secret = base64.b64decode(pair, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return (name, secret) if kind == "Basic" else ("", "")


def _scope(request: Request) -> str:
    if request.path == "/2.0/user":
        return "read:user:bitbucket"
    verb = {"GET": "read", "DELETE": "delete"}.get(request.method, "write")
    return f"{verb}:webhook:bitbucket" if "/hooks" in request.path else f"{verb}:repository:bitbucket"


def _invalid(request: Request) -> Reply | None:
    # "Repositories", Create a webhook: url, events and description are wanted.
    wanted = {"url", "events", "description"}
    return None if all(request.json.get(name) for name in wanted) else _error(400, "Bad request")


def _told(hook: dict[str, Any]) -> dict[str, Any]:
    """A hook as Bitbucket shows it: never with its secret."""
    return {**{key: value for key, value in hook.items() if key != "secret"}, "secret_set": "secret" in hook}


def _error(status: int, message: str, detail: object = None) -> Reply:
    return Reply(status, {"type": "error", "error": {"message": message, "detail": detail}})


def _filtered_page(request: Request, rows: list[dict[str, Any]]) -> Reply:
    """ "Filter and sort API objects": ~ is "contains", whatever the case, and = the same; strings are quoted, with
    backslashes.
    """
    query = request.query.get("q")
    if query is None:
        return _page(request, rows)
    found = re.fullmatch(r'name (~|=) "((?:[^"\\]|\\.)*)"', query)
    if found is None:
        return _error(400, "Invalid query")
    text = re.sub(r"\\(.)", r"\1", found[2])
    if found[1] == "=":
        return _page(request, [row for row in rows if row["name"] == text])
    return _page(request, [row for row in rows if text.lower() in row["name"].lower()])


def _page(request: Request, rows: list[Any]) -> Reply:
    # "Pagination": 10 a page; more than 100 is refused; `next` is there unless it is the last page.
    size, number = int(request.query.get("pagelen", 10)), int(request.query.get("page", 1))
    if size > 100:
        return _error(400, "Invalid pagelen")
    page: dict[str, Any] = {
        "values": rows[(number - 1) * size : number * size],
        "pagelen": size,
        "size": len(rows),
        "page": number,
    }
    if number * size < len(rows):
        query = urlencode({**request.query, "page": number + 1})
        page["next"] = f"{request.base}{request.path}?{query}"
    return Reply(200, page)
