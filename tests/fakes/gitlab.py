"""A fake GitLab. Each refusal names the page of GitLab's documentation that it follows, all below docs.gitlab.com."""

import json
import uuid
from typing import Any
from urllib.parse import urlencode

from tests.fakes.host import Delivery, FakeHost, FakeProject, FakeToken, page_of
from tests.fakes.loopback import Reply, Request

_API = "/api/v4"
_PROJECT = rf"{_API}/projects/(?P<project>[^/]+)"
_REPOSITORY = f"{_PROJECT}/repository"
_HOOK = rf"{_PROJECT}/hooks/(?P<hook>[^/]+)"


class FakeGitLab(FakeHost):
    """GitLab's API, with `base_path` below a path."""

    routes = (
        ("GET", f"{_API}/user", "account"),
        ("GET", f"{_API}/personal_access_tokens/self", "own_token"),
        ("GET", f"{_API}/projects", "list_projects"),
        ("GET", rf"{_API}/groups/(?P<group>[^/]+)", "group"),
        ("GET", rf"{_API}/groups/(?P<group>[^/]+)/projects", "projects_of_group"),
        ("GET", rf"{_API}/users/(?P<user>[^/]+)/projects", "projects_of_user"),
        ("GET", _PROJECT, "project"),
        ("GET", f"{_REPOSITORY}/branches", "branches_of"),
        ("GET", f"{_REPOSITORY}/tags", "tags_of"),
        ("GET", rf"{_REPOSITORY}/branches/(?P<name>[^/]+)", "branch"),
        ("GET", rf"{_REPOSITORY}/tags/(?P<name>[^/]+)", "tag"),
        ("GET", rf"{_REPOSITORY}/commits/(?P<sha>[^/]+)", "commit"),
        ("GET", rf"{_REPOSITORY}/files/(?P<path>[^/]+)/raw", "raw_file"),
        ("GET", rf"{_REPOSITORY}/archive\.zip", "archive"),
        ("GET", f"{_PROJECT}/hooks", "hooks"),
        ("POST", f"{_PROJECT}/hooks", "create_hook"),
        ("GET", _HOOK, "hook"),
        ("PUT", _HOOK, "update_hook"),
        ("DELETE", _HOOK, "delete_hook"),
    )

    # "User and IP rate limits", Response headers.
    limit_prefix = "RateLimit-"
    has_etags = True

    def __init__(self, *, base_path: str = "") -> None:
        super().__init__(base_path=base_path)
        self.groups = {"acme"}

    def refuse(self, request: Request) -> Reply | None:
        token = self.token(request)
        # "REST API", Status codes: 401 without a valid token.
        if token is None:
            return Reply(401, {"message": "401 Unauthorized"})
        needed = {"api"} if request.method != "GET" or "/hooks" in request.path else {"api", "read_api"}
        # "REST API authentication": a token without the scope is 403 insufficient_scope. Its own facts need none.
        # A granular token may do what its own permissions say, which here is all.
        needed.add("granular")
        if not needed & set(token.scopes) and not request.path.endswith("/personal_access_tokens/self"):
            body = {"error": "insufficient_scope", "error_description": "The request requires higher privileges"}
            return Reply(403, body | {"scope": " ".join(sorted(needed))})
        return None

    def unknown(self) -> Reply:
        return Reply(404, {"error": "404 Not Found"})

    def token(self, request: Request) -> FakeToken | None:
        return self.tokens.get(request.headers.get("private-token", ""))

    def push_delivery(self, project: FakeProject, ref: str, secret: str) -> Delivery:
        kind = "tag_push" if ref.startswith("refs/tags/") else "push"
        payload = {
            "object_kind": kind,
            "event_name": kind,
            "ref": ref,
            "before": "0" * 40,
            "after": project.object_of(ref),
            "checkout_sha": project.commit_of(ref),
            "project_id": project.id,
            "project": self._row(project),
        }
        return delivery("Tag Push Hook" if kind == "tag_push" else "Push Hook", payload, secret)

    def account(self, request: Request) -> Reply:
        token = self.token(request)
        return Reply(200, {"id": 1, "username": token.login}) if token else self.unknown()

    def own_token(self, request: Request) -> Reply:
        token = self.token(request)
        if token is None:
            return self.unknown()
        day = token.expires_at.date().isoformat() if token.expires_at else None
        return Reply(200, {"id": 4, "scopes": list(token.scopes), "expires_at": day, "active": True, "revoked": False})

    def list_projects(self, request: Request) -> Reply:
        search = request.query.get("search", "").lower()
        found = [one for one in self.projects.values() if search in one.full_name.lower()]
        rows = [self._row(project) for project in sorted(found, key=lambda one: one.id)]
        return self._keyset(request, rows) if request.query.get("pagination") == "keyset" else _page(request, rows)

    def group(self, request: Request, group: str) -> Reply:
        return Reply(200, {"id": 7, "full_path": group}) if group in self.groups else _missing("Group")

    def projects_of_group(self, request: Request, group: str) -> Reply:
        below = request.query.get("include_subgroups") == "true"
        found = [
            self._row(one)
            for one in self.projects.values()
            if one.owner == group or (below and one.owner.startswith(f"{group}/"))
        ]
        return _page(request, found) if group in self.groups else _missing("Group")

    def projects_of_user(self, request: Request, user: str) -> Reply:
        return _page(request, [self._row(one) for one in self.projects.values() if one.owner == user])

    def project(self, request: Request, project: str) -> Reply:
        found = self._found(project)
        return Reply(200, self._row(found)) if found else _missing("Project")

    def branches_of(self, request: Request, project: str) -> Reply:
        found = self._found(project)
        rows = [_branch(found, name) for name in found.branches] if found else []
        return _page(request, rows) if found else _missing("Project")

    def tags_of(self, request: Request, project: str) -> Reply:
        found = self._found(project)
        if found is None:
            return _missing("Project")
        return _page(request, [_tag(found, name) for name in found.tags])

    def branch(self, request: Request, project: str, name: str) -> Reply:
        found = self._found(project)
        if found is None:
            return _missing("Project")
        # "Branches", Get a single repository branch: the name URL-encoded, as one segment.
        return Reply(200, _branch(found, name)) if name in found.branches else _missing("Branch")

    def tag(self, request: Request, project: str, name: str) -> Reply:
        found = self._found(project)
        if found is None:
            return _missing("Project")
        return Reply(200, _tag(found, name)) if name in found.tags else _missing("Tag")

    def commit(self, request: Request, project: str, sha: str) -> Reply:
        found = self._found(project)
        if found is None or sha not in found.commits:
            return _missing("Commit")
        at = found.commits[sha].at.isoformat()
        return Reply(200, {"id": sha, "authored_date": at, "committed_date": at})

    def raw_file(self, request: Request, project: str, path: str) -> Reply:
        found = self._found(project)
        # "Repository files", Retrieve a raw file: `ref` is a branch, tag or commit.
        commit = found.commits.get(request.query.get("ref", "")) if found else None
        if commit is None or path not in commit.files:
            return _missing("File")
        return Reply(200, commit.files[path], {"Content-Type": "text/plain; charset=utf-8"})

    def archive(self, request: Request, project: str) -> Reply:
        found, sha = self._found(project), request.query.get("sha", "")
        return self.redirect_to_archive(found, sha) if found and sha in found.commits else _missing("File")

    def hooks(self, request: Request, project: str) -> Reply:
        return self._maintained(project) or _page(request, [_told(one) for one in self._hooks(project).values()])

    def create_hook(self, request: Request, project: str) -> Reply:
        refusal = self._maintained(project)
        if refusal:
            return refusal
        # "Project webhooks", Add a webhook: `url` is required; events that are no attribute are passed over.
        if not request.json.get("url"):
            return Reply(400, {"error": "url is missing"})
        hooks = self._hooks(project)
        number = str(1000 + len(hooks))
        hooks[number] = {"id": int(number), "tag_push_events": False, "alert_status": "executable", **request.json}
        return Reply(201, _told(hooks[number]))

    def hook(self, request: Request, project: str, hook: str) -> Reply:
        found = self._hooks(project).get(hook)
        return self._maintained(project) or (Reply(200, _told(found)) if found else _missing("Hook"))

    def update_hook(self, request: Request, project: str, hook: str) -> Reply:
        found = self._hooks(project).get(hook)
        refusal = self._maintained(project)
        if refusal or found is None:
            return refusal or _missing("Hook")
        found |= request.json
        return Reply(200, _told(found))

    def delete_hook(self, request: Request, project: str, hook: str) -> Reply:
        refusal = self._maintained(project)
        if refusal:
            return refusal
        return Reply(204) if self._hooks(project).pop(hook, None) else _missing("Hook")

    def _found(self, project: str) -> FakeProject | None:
        """By id or by the whole name, as every address of a project takes it."""
        return self.projects.get(int(project)) if project.isdigit() else self.project_called(project)

    def _hooks(self, project: str) -> dict[str, dict[str, Any]]:
        found = self._found(project)
        return found.hooks if found else {}

    def _maintained(self, project: str) -> Reply | None:
        """ "Roles and permissions": hooks are for Maintainers; others get 403."""
        found = self._found(project)
        if found is None:
            return _missing("Project")
        return None if found.administered else Reply(403, {"message": "403 Forbidden"})

    def _keyset(self, request: Request, rows: list[Any]) -> Reply:
        """ "REST API", Keyset-based pagination: sorted by id, the next page is named in Link only."""
        if request.query.get("order_by") != "id":
            return Reply(405, {"error": "Keyset pagination is not yet available for this type of request"})
        size = min(int(request.query.get("per_page", 20)), 100)
        left = [row for row in rows if row["id"] > int(request.query.get("id_after", 0))]
        if len(left) <= size:
            return Reply(200, left)
        query = urlencode({**request.query, "id_after": left[size - 1]["id"]})
        return Reply(200, left[:size], {"Link": f'<{request.base}{request.path}?{query}>; rel="next"'})

    def _row(self, project: FakeProject) -> dict[str, Any]:
        access = {"access_level": 40 if project.administered else 30, "notification_level": 3}
        return {
            "id": project.id,
            "path_with_namespace": project.full_name,
            "web_url": f"https://gitlab.example/{project.full_name}",
            "http_url_to_repo": f"https://gitlab.example/{project.full_name}.git",
            "default_branch": project.default_branch,
            "archived": project.archived,
            # "Projects API": only of forks.
            **({"forked_from_project": {"path_with_namespace": project.fork_of}} if project.fork_of else {}),
            "last_activity_at": f"{project.changed_at:%Y-%m-%dT%H:%M:%S.%fZ}",
            "permissions": {"project_access": access, "group_access": None},
        }


def delivery(event: str, payload: dict[str, Any], secret: str) -> Delivery:
    """A delivery with the secret token ("Webhooks", Delivery headers)."""
    headers = {
        "content-type": "application/json",
        "x-gitlab-event": event,
        "x-gitlab-token": secret,
        "x-gitlab-event-uuid": str(uuid.uuid4()),
        "idempotency-key": str(uuid.uuid4()),
    }
    return Delivery(headers, json.dumps(payload).encode())


def _branch(project: FakeProject, name: str) -> dict[str, Any]:
    return {"name": name, "commit": {"id": project.branches[name]}}


def _tag(project: FakeProject, name: str) -> dict[str, Any]:
    """ "Tags": `target` is the tag object of an annotated tag; `commit` is the commit behind it."""
    commit = project.tags[name]
    return {"name": name, "target": project.annotated.get(name, commit), "commit": {"id": commit}}


def _missing(what: str) -> Reply:
    return Reply(404, {"message": f"404 {what} Not Found"})


def _told(hook: dict[str, Any]) -> dict[str, Any]:
    """A hook as GitLab shows it: never with its token."""
    return {key: value for key, value in hook.items() if key != "token"}


def _page(request: Request, rows: list[Any]) -> Reply:
    # "REST API", Offset-based pagination: 20 a page, at most 100 whatever is asked for.
    wanted, link = page_of(request, rows, size="per_page", default=20, most=100)
    return Reply(200, wanted, {"X-Total": str(len(rows)), **({"Link": link} if link else {})})
