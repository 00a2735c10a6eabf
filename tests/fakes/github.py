"""A fake GitHub. Each refusal names the page of GitHub's REST API documentation (docs.github.com/rest) it follows."""

import hmac
import json
import re
import uuid
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

from tests.fakes.host import Delivery, FakeHost, FakeProject, FakeToken, page_of
from tests.fakes.loopback import Reply, Request

_OWNER = r"/(?P<owner>[^/]+)"
_REPO = r"/repos/(?P<owner>[^/]+)/(?P<repo>[^/]+)"


class FakeGitHub(FakeHost):
    """The cloud's API, or with `base_path="/api/v3"` the one of an Enterprise server."""

    routes = (
        ("GET", "/user", "account"),
        ("GET", "/user/repos", "own_repositories"),
        ("GET", f"/orgs{_OWNER}", "organisation"),
        ("GET", f"/orgs{_OWNER}/repos", "repositories_of"),
        ("GET", f"/users{_OWNER}/repos", "repositories_of"),
        ("GET", r"/repositories/(?P<number>\d+)(?P<rest>/.*)?", "by_id"),
        ("GET", _REPO, "repository"),
        ("GET", f"{_REPO}/branches", "branches"),
        ("GET", f"{_REPO}/tags", "tags"),
        ("GET", f"{_REPO}/git/ref/(?P<ref>.+)", "git_ref"),
        ("GET", f"{_REPO}/git/tags/(?P<sha>[^/]+)", "git_tag"),
        ("GET", f"{_REPO}/git/commits/(?P<sha>[^/]+)", "commit"),
        ("GET", f"{_REPO}/contents/(?P<path>.+)", "contents"),
        ("GET", f"{_REPO}/zipball/(?P<ref>[^/]+)", "zipball"),
        ("GET", f"{_REPO}/hooks", "hooks"),
        ("POST", f"{_REPO}/hooks", "create_hook"),
        ("GET", f"{_REPO}/hooks/(?P<hook>[^/]+)", "hook"),
        ("PATCH", f"{_REPO}/hooks/(?P<hook>[^/]+)", "update_hook"),
        ("DELETE", f"{_REPO}/hooks/(?P<hook>[^/]+)", "delete_hook"),
    )

    # "Best practices for using the REST API", Use conditional requests.
    has_etags = True

    def __init__(self, *, base_path: str = "") -> None:
        super().__init__(base_path=base_path)
        self.organisations = {"acme"}
        self._former_names: dict[str, int] = {}

    def rename(self, project: FakeProject, full_name: str) -> None:
        """Afterwards the former name leads to the project too, by a redirect."""
        self._former_names[project.full_name] = project.id
        project.full_name = full_name

    def refuse(self, request: Request) -> Reply | None:
        # "Getting started with the REST API", User agent: requests without one are rejected.
        if not request.headers.get("user-agent"):
            return _message(
                403, "Request forbidden by administrative rules. Please make sure your request has a User-Agent"
            )
        # "API Versions": an unknown version is 400.
        if request.headers.get("x-github-api-version", "2022-11-28") != "2022-11-28":
            return _message(400, "The version is not supported.")
        # "Authenticating to the REST API", Failed login limit: invalid credentials are 401 first.
        if self.token(request) is None:
            return _message(401, "Bad credentials")
        return self._moved(request)

    def _moved(self, request: Request) -> Reply | None:
        """The way on from a former name."""
        found = re.match(r"/repos/([^/]+/[^/]+)(/.*)?$", request.path.removeprefix(self.base_path))
        number = self._former_names.get(found[1]) if found else None
        if found is None or number is None:
            return None
        # "Best practices for using the REST API", Follow redirects: 301, and 307 for what must not become a GET.
        rest = (found[2] or "") + (f"?{urlencode(request.query)}" if request.query else "")
        location = {"Location": f"{self.address}/repositories/{number}{rest}"}
        return Reply(301 if request.method == "GET" else 307, {"message": "Moved Permanently"}, location)

    def unknown(self) -> Reply:
        # "Troubleshooting the REST API", 404 Not Found: also for private things one may not see.
        return _message(404, "Not Found")

    def token(self, request: Request) -> FakeToken | None:
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        return self.tokens.get(token) if kind in {"Bearer", "token"} else None

    def over_limit(self) -> Reply:
        # "Rate limits for the REST API", Exceeding the rate limit: 403 or 429, with nothing remaining.
        return _message(403, "API rate limit exceeded for user ID 1.")

    def push_delivery(self, project: FakeProject, ref: str, secret: str) -> Delivery:
        commit = project.commit_of(ref)
        payload = {
            "ref": ref,
            "before": "0" * 40,
            "after": project.object_of(ref),
            "deleted": commit is None,
            "head_commit": {"id": commit} if commit else None,
            "repository": self._repository(project),
        }
        return signed_delivery("push", payload, secret)

    def account(self, request: Request) -> Reply:
        token = self.tokens[request.headers["authorization"].partition(" ")[2]]
        headers: dict[str, str] = {}
        # "Scopes for OAuth apps": the header is there for classic tokens only.
        if not token.is_fine_grained:
            headers["X-OAuth-Scopes"] = ", ".join(token.scopes)
        if token.expires_at:
            headers["GitHub-Authentication-Token-Expiration"] = f"{token.expires_at:%Y-%m-%d %H:%M:%S} UTC"
        return Reply(200, {"login": token.login, "id": 1}, headers)

    def own_repositories(self, request: Request) -> Reply:
        return _page(request, [self._repository(project) for project in self.projects.values()])

    def organisation(self, request: Request, owner: str) -> Reply:
        return Reply(200, {"login": owner}) if owner in self.organisations else self.unknown()

    def repositories_of(self, request: Request, owner: str) -> Reply:
        if request.path.startswith(f"{self.base_path}/orgs/") and owner not in self.organisations:
            return self.unknown()
        return _page(request, [self._repository(one) for one in self.projects.values() if one.owner == owner])

    def by_id(self, request: Request, number: str, rest: str) -> Reply:
        project = self.projects.get(int(number))
        if project is None:
            return self.unknown()
        path = request.path.removeprefix(f"{self.base_path}/repositories/{number}")
        return self._route(replace(request, path=f"{self.base_path}/repos/{project.full_name}{path}"))

    def repository(self, request: Request, owner: str, repo: str) -> Reply:
        project = self.project_called(f"{owner}/{repo}")
        return Reply(200, self._repository(project)) if project else self.unknown()

    def branches(self, request: Request, owner: str, repo: str) -> Reply:
        return self._refs(request, self.project_called(f"{owner}/{repo}"), "branches")

    def tags(self, request: Request, owner: str, repo: str) -> Reply:
        return self._refs(request, self.project_called(f"{owner}/{repo}"), "tags")

    def git_ref(self, request: Request, owner: str, repo: str, ref: str) -> Reply:
        project = self.project_called(f"{owner}/{repo}")
        # "Git references", Get a reference: 404 unless one is called exactly so, 409 where there are no commits at all.
        if project and not project.branches and not project.tags:
            return _message(409, "Git Repository is empty.")
        full_name = f"refs/{ref}"
        if project is None or project.commit_of(full_name) is None:
            return self.unknown()
        sha = project.object_of(full_name)
        kind = "commit" if sha == project.commit_of(full_name) else "tag"
        return Reply(200, {"ref": full_name, "object": {"type": kind, "sha": sha}})

    def git_tag(self, request: Request, owner: str, repo: str, sha: str) -> Reply:
        project = self.project_called(f"{owner}/{repo}")
        # "Git tags", Get a tag: by the id of its object, which only annotated ones have.
        name = next((name for name, tag in project.annotated.items() if tag == sha), None) if project else None
        if project is None or name is None:
            return self.unknown()
        return Reply(200, {"tag": name, "sha": sha, "object": {"type": "commit", "sha": project.tags[name]}})

    def commit(self, request: Request, owner: str, repo: str, sha: str) -> Reply:
        project = self.project_called(f"{owner}/{repo}")
        if project is None or sha not in project.commits:
            return self.unknown()
        author = {"name": "Mona", "date": f"{project.commits[sha].at:%Y-%m-%dT%H:%M:%SZ}"}
        return Reply(200, {"sha": sha, "author": author, "committer": author})

    def contents(self, request: Request, owner: str, repo: str, path: str) -> Reply:
        project = self.project_called(f"{owner}/{repo}")
        commit = project.commits.get(request.query.get("ref", "")) if project else None
        if commit is None:
            return self.unknown()
        if path in commit.files:
            # "Repository contents": the raw media type gives the bytes, any other an object with base64 in it.
            is_raw = request.headers.get("accept") == "application/vnd.github.raw+json"
            kind = {"Content-Type": "application/vnd.github.raw+json; charset=utf-8"}
            return Reply(200, commit.files[path], kind) if is_raw else Reply(200, {"encoding": "base64"})
        below = [name for name in commit.files if name.startswith(f"{path}/")]
        return Reply(200, [{"path": name, "type": "file"} for name in below]) if below else self.unknown()

    def zipball(self, request: Request, owner: str, repo: str, ref: str) -> Reply:
        project = self.project_called(f"{owner}/{repo}")
        # "Repository contents", Download a repository archive: 302 to another host.
        return self.redirect_to_archive(project, ref) if project and ref in project.commits else self.unknown()

    def hooks(self, request: Request, owner: str, repo: str) -> Reply:
        project = self._administered(owner, repo)
        return _page(request, [_told(hook) for hook in project.hooks.values()]) if project else self.unknown()

    def create_hook(self, request: Request, owner: str, repo: str) -> Reply:
        project = self._administered(owner, repo)
        if project is None:
            return self.unknown()
        # "Archiving repositories": everything of an archived one is read-only.
        if project.archived:
            return _message(403, "Repository was archived so is read-only.")
        config = request.json.get("config", {})
        # "Repository webhooks", Create: config.url is required.
        if not config.get("url"):
            return _message(422, "Validation Failed")
        # The same address twice is refused with these words.
        if any(hook["config"]["url"] == config["url"] for hook in project.hooks.values()):
            return _message(422, "Hook already exists on this repository")
        number = str(1000 + len(project.hooks))
        hook = {"id": int(number), "active": True, "events": ["push"], "last_response": {"code": None}, **request.json}
        project.hooks[number] = hook
        return Reply(201, _told(hook))

    def hook(self, request: Request, owner: str, repo: str, hook: str) -> Reply:
        project = self._administered(owner, repo)
        return Reply(200, _told(project.hooks[hook])) if project and hook in project.hooks else self.unknown()

    def update_hook(self, request: Request, owner: str, repo: str, hook: str) -> Reply:
        project = self._administered(owner, repo)
        if project is None or hook not in project.hooks:
            return self.unknown()
        project.hooks[hook] |= request.json
        return Reply(200, _told(project.hooks[hook]))

    def delete_hook(self, request: Request, owner: str, repo: str, hook: str) -> Reply:
        project = self._administered(owner, repo)
        if project is None or project.hooks.pop(hook, None) is None:
            return self.unknown()
        return Reply(204)

    def _administered(self, owner: str, repo: str) -> FakeProject | None:
        """None without the right to administer: "Repository webhooks" are then not found."""
        project = self.project_called(f"{owner}/{repo}")
        return project if project and project.administered else None

    def _refs(self, request: Request, project: FakeProject | None, kind: str) -> Reply:
        if project is None:
            return self.unknown()
        refs: dict[str, str] = getattr(project, kind)
        return _page(request, [{"name": name, "commit": {"sha": commit}} for name, commit in refs.items()])

    def _repository(self, project: FakeProject) -> dict[str, Any]:
        return {
            "id": project.id,
            "name": project.name,
            "full_name": project.full_name,
            "owner": {"login": project.owner},
            "html_url": f"https://github.example/{project.full_name}",
            "clone_url": f"https://github.example/{project.full_name}.git",
            "default_branch": project.default_branch,
            "archived": project.archived,
            "fork": bool(project.fork_of),
            "pushed_at": f"{project.changed_at:%Y-%m-%dT%H:%M:%SZ}",
            "disabled": False,
            "permissions": {"admin": project.administered, "pull": True},
        }


def signed_delivery(event: str, payload: dict[str, Any], secret: str) -> Delivery:
    """A delivery as GitHub signs it ("Validating webhook deliveries")."""
    body = json.dumps(payload).encode()
    headers = {
        "content-type": "application/json",
        "x-github-event": event,
        "x-github-delivery": str(uuid.uuid4()),
        "x-hub-signature-256": f"sha256={hmac.new(secret.encode(), body, 'sha256').hexdigest()}",
    }
    return Delivery(headers, body)


def _message(status: int, message: str) -> Reply:
    return Reply(status, {"message": message, "documentation_url": "https://docs.github.com/rest"})


def _told(hook: dict[str, Any]) -> dict[str, Any]:
    """A hook as GitHub shows it: never with its secret."""
    return hook | {"config": hook["config"] | {"secret": "********"}}


def _page(request: Request, rows: list[Any]) -> Reply:
    # "Using pagination in the REST API": 30 a page, at most 100 whatever is asked for.
    wanted, link = page_of(request, rows, size="per_page", default=30, most=100)
    return Reply(200, wanted, {"Link": link} if link else {})
