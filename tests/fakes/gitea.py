"""A fake Gitea. Each refusal names what it follows: a page of docs.gitea.com, or the API's own description there."""

import hmac
import json
import uuid
from typing import Any

from tests.fakes.host import Delivery, FakeHost, FakeProject, page_of
from tests.fakes.loopback import Reply, Request

_API = "/api/v1"
_REPO = rf"{_API}/repos/(?P<owner>[^/]+)/(?P<repo>[^/]+)"
_HOOK = rf"{_REPO}/hooks/(?P<hook>[^/]+)"


class FakeGitea(FakeHost):
    """Gitea's API, with `base_path` below a path."""

    routes = (
        ("GET", f"{_API}/user", "account"),
        ("GET", f"{_API}/user/repos", "own_repositories"),
        ("GET", rf"{_API}/users/(?P<owner>[^/]+)", "user"),
        ("GET", f"{_API}/repos/search", "search"),
        ("GET", rf"{_API}/repositories/(?P<number>[^/]+)", "by_id"),
        ("GET", _REPO, "repository"),
        ("GET", f"{_REPO}/branches", "branches"),
        ("GET", f"{_REPO}/tags", "tags"),
        ("GET", rf"{_REPO}/branches/(?P<name>.+)", "branch"),
        ("GET", rf"{_REPO}/tags/(?P<name>.+)", "tag"),
        ("GET", rf"{_REPO}/git/commits/(?P<sha>[^/]+)", "commit"),
        ("GET", rf"{_REPO}/raw/(?P<path>.+)", "raw_file"),
        ("GET", rf"{_REPO}/archive/(?P<sha>[^/]+)\.zip", "archive"),
        ("GET", f"{_REPO}/hooks", "hooks"),
        ("POST", f"{_REPO}/hooks", "create_hook"),
        ("GET", _HOOK, "hook"),
        ("DELETE", _HOOK, "delete_hook"),
    )

    def __init__(self, *, base_path: str = "") -> None:
        super().__init__(base_path=base_path)
        self.users = {"octocat": 1, "acme": 2}
        self._hooks_made = 0

    def refuse(self, request: Request) -> Reply | None:
        token = self.tokens.get(request.headers.get("authorization", "").removeprefix("Bearer "))
        # "API Usage", Authentication: 401 without a token that the server knows.
        if token is None:
            return Reply(401, {"message": "user does not exist [uid: 0, name: ]"})
        # "Access Token scopes": reading takes read, anything else write; write includes read.
        room = "user" if request.path.removeprefix(self.base_path).startswith(f"{_API}/user") else "repository"
        needed = {f"write:{room}"} if request.method != "GET" else {f"read:{room}", f"write:{room}"}
        if not needed & set(token.scopes):
            return Reply(403, {"message": f"token does not have at least one of required scope(s): {sorted(needed)}"})
        return None

    def unknown(self) -> Reply:
        return Reply(404, {"message": "The target couldn't be found."})

    def push_delivery(self, project: FakeProject, ref: str, secret: str) -> Delivery:
        commit = project.commit_of(ref)
        payload = {
            "ref": ref,
            "before": "0" * 40,
            "after": project.object_of(ref),
            "head_commit": {"id": commit} if commit else None,
            "repository": self._row(project),
        }
        return delivery("push", payload, secret)

    def account(self, request: Request) -> Reply:
        token = self.tokens[request.headers["authorization"].removeprefix("Bearer ")]
        return Reply(200, {"id": self.users.get(token.login, 1), "login": token.login})

    def own_repositories(self, request: Request) -> Reply:
        return _page(request, [self._row(project) for project in self.projects.values()])

    def user(self, request: Request, owner: str) -> Reply:
        # Organisations are users too, and answered here.
        return Reply(200, {"id": self.users[owner], "login": owner}) if owner in self.users else self.unknown()

    def search(self, request: Request) -> Reply:
        found = [one for one in self.projects.values() if str(self.users.get(one.owner)) == request.query.get("uid")]
        reply = _page(request, [self._row(project) for project in found])
        return Reply(200, {"ok": True, "data": reply.body}, reply.headers)

    def by_id(self, request: Request, number: str) -> Reply:
        found = self.projects.get(int(number)) if number.isdecimal() else None
        return Reply(200, self._row(found)) if found else self.unknown()

    def repository(self, request: Request, owner: str, repo: str) -> Reply:
        found = self._found(owner, repo)
        return Reply(200, self._row(found)) if found else self.unknown()

    def branches(self, request: Request, owner: str, repo: str) -> Reply:
        found = self._found(owner, repo)
        rows = [_branch(found, name) for name in found.branches] if found else []
        return _page(request, rows) if found else self.unknown()

    def tags(self, request: Request, owner: str, repo: str) -> Reply:
        found = self._found(owner, repo)
        if found is None:
            return self.unknown()
        return _page(request, [_tag(found, name) for name in found.tags])

    def branch(self, request: Request, owner: str, repo: str, name: str) -> Reply:
        found = self._found(owner, repo)
        # The API's description, repoGetBranch: the rest of the path is the name, also with slashes.
        return Reply(200, _branch(found, name)) if found and name in found.branches else self.unknown()

    def tag(self, request: Request, owner: str, repo: str, name: str) -> Reply:
        found = self._found(owner, repo)
        return Reply(200, _tag(found, name)) if found and name in found.tags else self.unknown()

    def commit(self, request: Request, owner: str, repo: str, sha: str) -> Reply:
        found = self._found(owner, repo)
        if found is None or sha not in found.commits:
            return self.unknown()
        at = found.commits[sha].at.isoformat()
        return Reply(200, {"sha": sha, "commit": {"author": {"date": at}, "committer": {"date": at}}})

    def raw_file(self, request: Request, owner: str, repo: str, path: str) -> Reply:
        found = self._found(owner, repo)
        commit = found.commits.get(request.query.get("ref", "")) if found else None
        return Reply(200, commit.files[path]) if commit and path in commit.files else self.unknown()

    def archive(self, request: Request, owner: str, repo: str, sha: str) -> Reply:
        found = self._found(owner, repo)
        # "Config Cheat Sheet", SERVE_DIRECT: archives kept in an object store are answered by a redirect to it.
        return self.redirect_to_archive(found, sha) if found and sha in found.commits else self.unknown()

    def hooks(self, request: Request, owner: str, repo: str) -> Reply:
        found = self._found(owner, repo)
        return _denied(found) or _page(request, [_told(hook) for hook in found.hooks.values()] if found else [])

    def create_hook(self, request: Request, owner: str, repo: str) -> Reply:
        found, wanted = self._found(owner, repo), request.json
        refusal = _denied(found)
        if refusal or found is None:
            return refusal or self.unknown()
        # The API's description, CreateHookOption: type and config are required, and in it url and content_type.
        if not wanted.get("type") or not {"url", "content_type"} <= set(wanted.get("config", {})):
            return Reply(422, {"message": "Missing config option"})
        self._hooks_made += 1
        found.hooks[str(self._hooks_made)] = {"id": self._hooks_made, **wanted}
        return Reply(201, _told(found.hooks[str(self._hooks_made)]))

    def hook(self, request: Request, owner: str, repo: str, hook: str) -> Reply:
        found = self._found(owner, repo)
        kept = found.hooks.get(hook) if found else None
        return _denied(found) or (Reply(200, _told(kept)) if kept else self.unknown())

    def delete_hook(self, request: Request, owner: str, repo: str, hook: str) -> Reply:
        found = self._found(owner, repo)
        refusal = _denied(found)
        if refusal or found is None:
            return refusal or self.unknown()
        return Reply(204) if found.hooks.pop(hook, None) else self.unknown()

    def _found(self, owner: str, repo: str) -> FakeProject | None:
        return self.project_called(f"{owner}/{repo}")

    def _row(self, project: FakeProject) -> dict[str, Any]:
        return {
            "id": project.id,
            "full_name": project.full_name,
            "html_url": f"https://gitea.example/{project.full_name}",
            "clone_url": f"https://gitea.example/{project.full_name}.git",
            "default_branch": project.default_branch,
            "archived": project.archived,
            "fork": bool(project.fork_of),
            "updated_at": f"{project.changed_at:%Y-%m-%dT%H:%M:%SZ}",
            "permissions": {"admin": project.administered, "push": project.administered, "pull": True},
        }


def delivery(event: str, payload: dict[str, Any], secret: str, *, software: str = "gitea") -> Delivery:
    """A delivery as "Webhooks", Event information, shows it; `software` is the name in its headers."""
    body = json.dumps(payload).encode()
    digest = hmac.new(secret.encode(), body, "sha256").hexdigest()
    headers = {
        "content-type": "application/json",
        f"x-{software}-delivery": str(uuid.uuid4()),
        f"x-{software}-event": event,
        f"x-{software}-signature": digest,
        "x-hub-signature-256": f"sha256={digest}",
    }
    return Delivery(headers, body)


def _branch(project: FakeProject, name: str) -> dict[str, Any]:
    return {"name": name, "commit": {"id": project.branches[name]}}


def _tag(project: FakeProject, name: str) -> dict[str, Any]:
    """The API's description, Tag: `id` is the tag object of an annotated tag; `commit` is the commit behind it."""
    commit = project.tags[name]
    return {"name": name, "id": project.annotated.get(name, commit), "commit": {"sha": commit}}


def _denied(project: FakeProject | None) -> Reply | None:
    """ "Permissions": hooks are for administrators of the project; others get 403."""
    if project is None:
        return Reply(404, {"message": "The target couldn't be found."})
    return None if project.administered else Reply(403, {"message": "user should be an owner or a collaborator"})


def _told(hook: dict[str, Any]) -> dict[str, Any]:
    """A hook as the server shows it: never with its secret."""
    return {**hook, "config": {key: value for key, value in hook["config"].items() if key != "secret"}}


def _page(request: Request, rows: list[Any]) -> Reply:
    # "API Usage", Pagination: at most 50 a page (MAX_RESPONSE_ITEMS), and the count of all in X-Total-Count.
    wanted, _ = page_of(request, rows, size="limit", default=30, most=50)
    return Reply(200, wanted, {"X-Total-Count": str(len(rows))})
