"""A fake Bitbucket Data Center. Each refusal names what it follows: "REST API" is Atlassian's reference of that name
(developer.atlassian.com/server/bitbucket), other pages are of confluence.atlassian.com/bitbucketserver.
"""

import hmac
import json
import uuid
from collections.abc import Sequence
from typing import Any

from tests.fakes.host import Delivery, FakeHost, FakeProject, FakeToken, RateLimit
from tests.fakes.loopback import Reply, Request

_API = "/rest/api/latest"
_REPO = rf"{_API}/projects/(?P<key>[^/]+)/repos/(?P<slug>[^/]+)"
_HOOK = rf"{_REPO}/webhooks/(?P<hook>[^/]+)"

# "HTTP access tokens": each permission includes the ones before it.
PERMISSIONS = ("REPO_READ", "REPO_WRITE", "REPO_ADMIN")


class FakeBitbucketServer(FakeHost):
    """The server's API, with `base_path` below a path."""

    routes = (
        ("GET", f"{_API}/repos", "repositories"),
        ("GET", rf"{_API}/projects/(?P<key>[^/]+)/repos", "repositories_of"),
        ("GET", _REPO, "repository"),
        ("GET", f"{_REPO}/default-branch", "default_branch"),
        ("GET", f"{_REPO}/(?P<listing>branches|tags)", "refs"),
        ("GET", f"{_REPO}/commits", "commits"),
        ("GET", rf"{_REPO}/commits/(?P<sha>[^/]+)", "commit"),
        ("GET", f"{_REPO}/raw/(?P<path>.+)", "raw_file"),
        ("GET", f"{_REPO}/archive", "archive"),
        ("GET", f"{_REPO}/webhooks", "hooks"),
        ("POST", f"{_REPO}/webhooks", "create_hook"),
        ("GET", _HOOK, "hook"),
        ("PUT", _HOOK, "update_hook"),
        ("DELETE", _HOOK, "delete_hook"),
        ("GET", f"{_HOOK}/latest", "last_delivery"),
    )

    def refuse(self, request: Request) -> Reply | None:
        token = self.token(request)
        # "REST API", Authentication: a token that is not known is 401.
        if token is None:
            return _fault(401, "Authentication failed.", "auth.IncorrectPasswordAuthenticationException")
        # "Cross-site request forgery (CSRF) protection changes in Atlassian REST": a change without this may be 403.
        if request.method != "GET" and request.headers.get("x-atlassian-token") != "no-check":
            return Reply(403, b"XSRF check failed")
        needed = "REPO_ADMIN" if "/webhooks" in request.path else "REPO_READ"
        # "REST API", each resource's own text: not permitted is 401 too, with another fault.
        return None if needed in _included(token.scopes) else _not_permitted()

    def unknown(self) -> Reply:
        return Reply(404, b"<status><status-code>404</status-code></status>", {"Content-Type": "application/xml"})

    def limit_headers(self, limit: RateLimit) -> dict[str, str]:
        # "Adjusting your code for rate limiting": a bucket that fills evenly, so there is no end of a window.
        told = super().limit_headers(limit)
        del told["X-RateLimit-Reset"]
        rate, interval = str(limit.requests), str(int(limit.seconds))
        return {**told, "X-RateLimit-FillRate": rate, "X-RateLimit-Interval-Seconds": interval}

    def over_limit(self) -> Reply:
        # The same page: 429, and how long to wait.
        wait = {"Retry-After": str(self.limit.seconds_left if self.limit else 1)}
        return Reply(429, {"errors": [{"message": "You are rate limited."}]}, wait)

    def token(self, request: Request) -> FakeToken | None:
        return self.tokens.get(request.headers.get("authorization", "").removeprefix("Bearer "))

    def push_delivery(self, project: FakeProject, ref: str, secret: str) -> Delivery:
        return push_delivery(project, [ref], secret)

    def repositories(self, request: Request) -> Reply:
        token = self.token(request)
        reply = self._listed(request, list(self.projects.values()))
        return Reply(200, reply.body, {"X-AUSERNAME": token.login if token else ""})

    def repositories_of(self, request: Request, key: str) -> Reply:
        return self._listed(request, [one for one in self.projects.values() if one.owner == key])

    def repository(self, request: Request, key: str, slug: str) -> Reply:
        found = self._found(key, slug)
        return Reply(200, self._row(found)) if found else _no_repository()

    def default_branch(self, request: Request, key: str, slug: str) -> Reply:
        found = self._found(key, slug)
        if found is None or found.default_branch is None:
            return _no_repository()
        # "REST API", Get default branch: 204 where there is no commit yet.
        if not found.branches:
            return Reply(204)
        return Reply(200, {"id": f"refs/heads/{found.default_branch}", "displayId": found.default_branch})

    def refs(self, request: Request, key: str, slug: str, listing: str) -> Reply:
        found = self._found(key, slug)
        if found is None:
            return _no_repository()
        if listing == "branches":
            return _page(request, [_ref(f"refs/heads/{name}", commit) for name, commit in found.branches.items()])
        # "REST API", Get tags: `hash` is the tag object of an annotated tag.
        rows = [
            {**_ref(f"refs/tags/{name}", commit), "hash": found.annotated.get(name)}
            for name, commit in found.tags.items()
        ]
        return _page(request, rows)

    def commits(self, request: Request, key: str, slug: str) -> Reply:
        found, until = self._found(key, slug), request.query.get("until", "")
        if found is None:
            return _no_repository()
        # "REST API", Get commits: `until` is a commit or a ref.
        commit = found.commit_of(until)
        if commit is None:
            return _fault(404, f"Commit '{until}' does not exist in repository.", "commit.NoSuchCommitException")
        return _page(request, [{"id": commit, "displayId": commit[:11]}, {"id": "a" * 40}])

    def commit(self, request: Request, key: str, slug: str, sha: str) -> Reply:
        found = self._found(key, slug)
        if found is None or sha not in found.commits:
            return _fault(404, f"Commit '{sha}' does not exist.", "commit.NoSuchCommitException")
        milliseconds = int(found.commits[sha].at.timestamp() * 1000)
        return Reply(200, {"id": sha, "authorTimestamp": milliseconds, "committerTimestamp": milliseconds})

    def raw_file(self, request: Request, key: str, slug: str, path: str) -> Reply:
        found = self._found(key, slug)
        commit = found.commits.get(request.query.get("at", "")) if found else None
        if commit is None or path not in commit.files:
            return _fault(404, f"The path '{path}' does not exist.", "content.NoSuchPathException")
        return Reply(200, commit.files[path], {"Content-Type": "application/octet-stream"})

    def archive(self, request: Request, key: str, slug: str) -> Reply:
        found, sha = self._found(key, slug), request.query.get("at", "")
        if found is None or sha not in found.commits:
            return _fault(404, f"Commit '{sha}' does not exist.", "commit.NoSuchCommitException")
        # "REST API", Stream archive of repository: zip unless another format is named; the server sends it itself.
        return Reply(200, found.archive(sha), {"Content-Type": "application/octet-stream"})

    def hooks(self, request: Request, key: str, slug: str) -> Reply:
        refusal = self._administered(key, slug)
        return refusal or _page(request, list(self._hooks(key, slug).values()))

    def create_hook(self, request: Request, key: str, slug: str) -> Reply:
        refusal = self._administered(key, slug) or _invalid(request)
        if refusal:
            return refusal
        hooks = self._hooks(key, slug)
        number = str(10 + len(hooks))
        hooks[number] = {"id": int(number), **request.json}
        return Reply(201, hooks[number])

    def hook(self, request: Request, key: str, slug: str, hook: str) -> Reply:
        found = self._hooks(key, slug).get(hook)
        return self._administered(key, slug) or (Reply(200, found) if found else _no_hook())

    def update_hook(self, request: Request, key: str, slug: str, hook: str) -> Reply:
        found = self._hooks(key, slug).get(hook)
        refusal = self._administered(key, slug) or _invalid(request)
        if refusal or found is None:
            return refusal or _no_hook()
        found |= request.json
        return Reply(200, found)

    def delete_hook(self, request: Request, key: str, slug: str, hook: str) -> Reply:
        refusal = self._administered(key, slug)
        if refusal:
            return refusal
        return Reply(204) if self._hooks(key, slug).pop(hook, None) else _no_hook()

    def last_delivery(self, request: Request, key: str, slug: str, hook: str) -> Reply:
        found = self._hooks(key, slug).get(hook)
        outcome = found.get("outcome") if found else None
        return Reply(200, {"result": {"outcome": outcome}}) if outcome else Reply(204)

    def _found(self, key: str, slug: str) -> FakeProject | None:
        return self.project_called(f"{key}/{slug}")

    def _hooks(self, key: str, slug: str) -> dict[str, dict[str, Any]]:
        found = self._found(key, slug)
        return found.hooks if found else {}

    def _administered(self, key: str, slug: str) -> Reply | None:
        """ "REST API", Repository webhooks: REPO_ADMIN is needed for every one of them."""
        found = self._found(key, slug)
        if found is None:
            return _no_repository()
        return None if found.administered else _not_permitted()

    def _listed(self, request: Request, projects: Sequence[FakeProject]) -> Reply:
        # "REST API", Search for repositories: archived ones only when they are asked for.
        wanted = {"ALL": {True, False}, "ARCHIVED": {True}}.get(request.query.get("archived", ""), {False})
        return _page(request, [self._row(one) for one in projects if one.archived in wanted])

    def _row(self, project: FakeProject) -> dict[str, Any]:
        clone = f"{self.address}/scm/{project.full_name}.git".replace("http://", "http://octocat@")
        return {
            **row_of(project),
            "links": {
                "self": [{"href": f"{self.address}/projects/{project.owner}/repos/{project.name}/browse"}],
                "clone": [
                    {"name": "ssh", "href": f"ssh://git@x/{project.full_name}.git"},
                    {"name": "http", "href": clone},
                ],
            },
        }


def row_of(project: FakeProject) -> dict[str, Any]:
    """A repository as deliveries tell it, without links."""
    return {
        "id": project.id,
        "slug": project.name,
        "name": project.name.title(),
        "project": {"key": project.owner, "id": 1},
        "archived": project.archived,
        # "Repository", the object: only of forks.
        **({"origin": {"slug": project.fork_of.rpartition("/")[2]}} if project.fork_of else {}),
    }


def push_delivery(project: FakeProject, refs: Sequence[str], secret: str) -> Delivery:
    """The one delivery of a push of all these refs ("Event payload", Push)."""
    changes: list[dict[str, Any]] = []
    for full_name in refs:
        after = project.object_of(full_name)
        kind = "TAG" if full_name.startswith("refs/tags/") else "BRANCH"
        short = full_name.split("/", 2)[2]
        changes.append(
            {
                "ref": {"id": full_name, "displayId": short, "type": kind},
                "refId": full_name,
                "fromHash": "0" * 40,
                "toHash": after,
                "type": "ADD" if after.strip("0") else "DELETE",
            }
        )
    return signed_delivery("repo:refs_changed", {"repository": row_of(project), "changes": changes}, secret)


def signed_delivery(event: str, payload: dict[str, Any], secret: str) -> Delivery:
    """A delivery with its signature ("Manage webhooks", Webhook secrets)."""
    body = json.dumps({"eventKey": event, **payload}).encode()
    headers = {
        "content-type": "application/json; charset=utf-8",
        "x-event-key": event,
        "x-request-id": str(uuid.uuid4()),
        "x-hub-signature": "sha256=" + hmac.new(secret.encode(), body, "sha256").hexdigest(),
    }
    return Delivery(headers, body)


def _included(scopes: Sequence[str]) -> set[str]:
    return {one for scope in scopes for one in PERMISSIONS[: PERMISSIONS.index(scope) + 1]}


def _ref(full_name: str, commit: str) -> dict[str, Any]:
    return {"id": full_name, "displayId": full_name.split("/", 2)[2], "latestCommit": commit}


def _invalid(request: Request) -> Reply | None:
    # "REST API", Create webhook: name, url and events are wanted.
    wanted = {"name", "url", "events"}
    is_valid = all(request.json.get(name) for name in wanted)
    return None if is_valid else _fault(400, "The webhook is not valid.", "validation.ArgumentValidationException")


def _not_permitted() -> Reply:
    return _fault(401, "You are not permitted to access this resource", "AuthorisationException")


def _no_repository() -> Reply:
    return _fault(404, "Repository does not exist.", "repository.NoSuchRepositoryException")


def _no_hook() -> Reply:
    return _fault(404, "The webhook does not exist.", "webhook.NoSuchWebhookException")


def _fault(status: int, message: str, name: str) -> Reply:
    fault = {"context": None, "message": message, "exceptionName": f"com.atlassian.bitbucket.{name}"}
    return Reply(status, {"errors": [fault]})


def _page(request: Request, rows: list[Any]) -> Reply:
    # "REST API", Paging: 25 a page, at most 1000; the next begins at `nextPageStart`, unless it is the last.
    limit, start = min(int(request.query.get("limit", 25)), 1000), int(request.query.get("start", 0))
    is_last = start + limit >= len(rows)
    page: dict[str, Any] = {
        "start": start,
        "limit": limit,
        "isLastPage": is_last,
        "values": rows[start : start + limit],
    }
    return Reply(200, {**page, "size": len(page["values"]), "nextPageStart": None if is_last else start + limit})
