"""GitHub's own description of its API, served by Prism: a judge of our requests that comes from outside the project.

`make test` puts both into .cache/host-descriptions (scripts/host-descriptions.sh); nothing here is ours to bend.
"""

import json
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

from tests.tools import ROOT, dying_with_us, free_port, program, require_tool

MODULES = ROOT / ".cache" / "host-descriptions" / "node_modules"

# The parts that Prism is given: all of the description takes it half a minute and a gigabyte.
PATHS = (
    "/user",
    "/user/repos",
    "/orgs/{org}",
    "/orgs/{org}/repos",
    "/users/{username}/repos",
    "/repos/{owner}/{repo}",
    "/repos/{owner}/{repo}/branches",
    "/repos/{owner}/{repo}/tags",
    "/repos/{owner}/{repo}/git/commits/{commit_sha}",
    "/repos/{owner}/{repo}/contents/{path}",
    "/repos/{owner}/{repo}/zipball/{ref}",
    "/repos/{owner}/{repo}/hooks",
    "/repos/{owner}/{repo}/hooks/{hook_id}",
)

START_SECONDS = 60


def described(name: str) -> Path:
    """A file of the packages that describe hosts; the test is left out where it is missing, and fails in CI."""
    path = MODULES / name
    return require_tool(path if path.exists() else None, name)


def github_description() -> dict[str, Any]:
    """OpenAPI of PATHS alone, with everything that they refer to."""
    whole = json.loads(described("@octokit/openapi/generated/api.github.com.json").read_text())
    part: dict[str, Any] = {key: whole[key] for key in ("openapi", "info", "servers")}
    part |= {"paths": {path: whole["paths"][path] for path in PATHS}, "components": {}}
    # Left out of the description, but where GitHub itself sends on to from a former name.
    by_id = {key: value for key, value in part["paths"]["/repos/{owner}/{repo}"]["get"].items() if key != "parameters"}
    number = {"name": "id", "in": "path", "required": True, "schema": {"type": "integer"}}
    part["paths"]["/repositories/{id}"] = {"get": {**by_id, "operationId": "by-id", "parameters": [number]}}
    waiting = set(references(part["paths"]))
    while waiting:
        kind, name = waiting.pop()
        found = whole["components"][kind][name]
        if part["components"].setdefault(kind, {}).setdefault(name, found) is found:
            waiting |= {one for one in references(found) if one[1] not in part["components"].get(one[0], {})}
    for path in part["paths"].values():
        for method in path.keys() & {"get", "post", "patch", "delete"}:
            for answer in path[method]["responses"].values():
                fit(answer)
    return part


def fit(answer: dict[str, Any]) -> None:
    """Makes an answer one that a client can be given here; what is asked for is judged as it stands.

    The examples of Link and Location lead to GitHub itself. The description writes application/json for what the page
    "Media types" tells to ask for by GitHub's own name, and leaves the raw form of files out.
    """
    answer.pop("headers", None)
    content = answer.get("content", {})
    if "application/json" in content:
        content["application/vnd.github+json"] = content["application/json"]
    if "application/vnd.github.object" in content:
        content["application/vnd.github.raw+json"] = {"schema": {"type": "string"}}


def references(value: Any) -> Iterator[tuple[str, str]]:
    """Kind and name of every component that a part of the description refers to."""
    if isinstance(value, dict):
        for key, inner in cast("dict[str, Any]", value).items():
            if key == "$ref" and isinstance(inner, str):
                _, _, kind, name = inner.split("/")
                yield kind, name
            else:
                yield from references(inner)
    elif isinstance(value, list):
        for inner in cast("list[Any]", value):
            yield from references(inner)


@contextmanager
def judged_github(folder: Path) -> Generator[tuple[str, Path]]:
    """The address of a server that answers as the description says, and 422 to what it does not allow; and its log."""
    prism = described("@stoplight/prism-cli/dist/index.js")
    document, log_file, port = folder / "github.json", folder / "prism.log", free_port()
    document.write_text(json.dumps(github_description()))
    command = [*dying_with_us("TERM"), str(program("node")), str(prism), "mock", "--host", "127.0.0.1"]
    with log_file.open("wb") as log:
        process = subprocess.Popen([*command, "--port", str(port), str(document)], stdout=log, stderr=log)
    try:
        address = f"http://127.0.0.1:{port}"
        wait_for(address, process, log_file)
        yield address, log_file
    finally:
        process.terminate()
        process.wait(20)


def wait_for(address: str, process: subprocess.Popen[bytes], log_file: Path) -> None:
    """Returns when it answers anything."""
    deadline = time.monotonic() + START_SECONDS
    while True:
        assert process.poll() is None, log_file.read_text()
        assert time.monotonic() < deadline, log_file.read_text()
        try:
            urllib.request.urlopen(f"{address}/user", timeout=5).close()  # noqa: S310  (loopback)
        except urllib.error.HTTPError as answer:
            answer.close()
        except OSError:
            time.sleep(0.1)
            continue
        return
