"""What a post-receive script posts: signed, and naming a project, perhaps a ref, perhaps its commit."""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from packistry.errors import HostRefused, MalformedEvent
from packistry.outbound.client import Client
from packistry.providers.base import Connection, EventKind, HookEvent, HookState, Project, Ref, RefKind
from packistry.providers.git import PlainGit
from tests.fakes.git_projects import library, make_project
from tests.fakes.host import Loopback, Reply, Request
from tests.tools import ROOT, program

GIT = PlainGit()
SECRET = "secret-of-the-hook"
COMMIT = "1" * 40
GUIDE = ROOT / "docs" / "guides" / "plain-git.md"


def event(**fields: object) -> HookEvent:
    (only,) = GIT.parse_event({}, json.dumps(fields).encode())
    return only


def test_only_a_signature_by_the_secret_over_the_raw_body_is_authentic() -> None:
    body = b'{"project": "acme/widgets"}'
    # Made with: openssl dgst -sha256 -hmac secret-of-the-hook
    signed = subprocess.run(
        [program("openssl"), "dgst", "-sha256", "-hmac", SECRET], input=body, capture_output=True, check=True
    )
    signature = "sha256=" + signed.stdout.decode().split(" ")[-1].strip()

    assert GIT.is_authentic({"x-hub-signature-256": signature}, body, SECRET)
    assert not GIT.is_authentic({"x-hub-signature-256": signature}, body + b" ", SECRET)
    assert not GIT.is_authentic({"x-hub-signature-256": signature}, body, "another")
    assert not GIT.is_authentic({"x-hub-signature": signature}, body, SECRET)
    assert not GIT.is_authentic({}, body, SECRET)
    assert not GIT.is_authentic({"x-hub-signature-256": signature}, body, "")


def test_without_a_ref_the_whole_project_is_looked_at() -> None:
    assert event(project="/acme/widgets.git/") == HookEvent(EventKind.PROJECT_CHANGED, "acme/widgets.git")


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"ref": "refs/heads/a/b"}, (EventKind.REF_CHANGED, Ref(RefKind.BRANCH, "a/b", ""))),
        ({"ref": "refs/tags/1.0"}, (EventKind.REF_CHANGED, Ref(RefKind.TAG, "1.0", ""))),
        ({"ref": "refs/tags/1.0", "commit": COMMIT}, (EventKind.REF_CHANGED, Ref(RefKind.TAG, "1.0", COMMIT))),
        ({"ref": "refs/tags/1.0", "commit": "0" * 40}, (EventKind.REF_DELETED, Ref(RefKind.TAG, "1.0", ""))),
        ({"ref": "refs/heads/-x ü"}, (EventKind.REF_CHANGED, Ref(RefKind.BRANCH, "-x ü", ""))),
    ],
)
def test_a_ref_says_which_one(fields: dict[str, str], expected: tuple[EventKind, Ref]) -> None:
    found = event(project="x", **fields)

    assert (found.kind, found.ref) == expected


def test_other_refs_are_ignored() -> None:
    assert event(project="x", ref="refs/notes/commits").kind is EventKind.IGNORED


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"<html>", b"{}", b'{"project": 1}', b'{"project": "x", "ref": "main"}', b'{"project": "x", "ref": 7}',
     b'{"project": "x", "ref": "refs/heads/x", "commit": "--output=x"}', b'{"project": "x\\ny"}'],
)  # fmt: skip
def test_what_is_no_push_is_refused(body: bytes) -> None:
    with pytest.raises(MalformedEvent, match="cannot be used"):
        GIT.parse_event({}, body)


def test_a_git_server_is_not_asked_for_hooks(client: Client, tmp_path: Path) -> None:
    connection = Connection("http://127.0.0.1:1", {}, {}, client, tmp_path)
    project = Project("x", "x", "", "", "main")

    with pytest.raises(HostRefused, match=r"docs/guides/plain-git\.md"):
        GIT.create_hook(connection, project, "https://packages.example/incoming/git/1", SECRET)
    assert GIT.hook_state(connection, project, "1") is HookState.GONE
    GIT.delete_hook(connection, project, "1")


@pytest.mark.parametrize("push", ["git push --quiet server main release-1 1.0", "git push --quiet server :release-1"])
def test_the_script_of_the_guide_posts_what_a_push_changed(tmp_path: Path, push: str) -> None:
    received: list[Request] = []

    def answer(request: Request) -> Reply:
        received.append(request)
        return Reply(202, {"run": 1})

    host = Loopback(answer)
    host.start()
    server = make_project(tmp_path, "widgets.git")
    work = make_project(tmp_path, "work.git")
    commit = work.push_branch("main", library())
    work.reset_branch("release-1", commit)
    work.push_tag("1.0", commit)
    server.git("config", "core.hooksPath", str(server.path / "hooks"))
    server.git("fetch", "--quiet", "--no-tags", str(work.path), "+release-1:release-1")
    _install(server.path / "hooks" / "post-receive", host.address)

    try:
        subprocess.run(
            push.split(),
            check=True,
            cwd=work.path,
            env={
                "PATH": os.environ["PATH"],
                "GIT_CONFIG_NOSYSTEM": "1",
                "GIT_CONFIG_GLOBAL": os.devnull,
                "GIT_CONFIG_COUNT": "1",
                "GIT_CONFIG_KEY_0": "remote.server.url",
                "GIT_CONFIG_VALUE_0": str(server.path),
            },
        )
    finally:
        host.stop()

    assert all(GIT.is_authentic(request.headers, request.body, SECRET) for request in received)
    events = [event for request in received for event in GIT.parse_event(request.headers, request.body)]
    # What each stands for now, or that it is gone, is asked for. The server has release-1 already: nothing to tell.
    told = (
        [(RefKind.BRANCH, "release-1")]
        if push.endswith(":release-1")
        else [(RefKind.BRANCH, "main"), (RefKind.TAG, "1.0")]
    )
    assert events == [HookEvent(EventKind.REF_CHANGED, "acme/widgets.git", Ref(*ref, "")) for ref in told]


def _install(path: Path, address: str) -> None:
    """The script of the guide, with the three lines at its top filled in."""
    (script,) = re.findall(r"```sh\n(#!/bin/sh\n.*?)```", GUIDE.read_text(), re.DOTALL)
    values = {"url": f"{address}/incoming/git/1", "project": "acme/widgets.git", "secret": SECRET}
    for name, value in values.items():
        script, count = re.subn(rf"(?m)^{name}=.*$", f"{name}='{value}'", script)
        assert count == 1
    path.parent.mkdir(exist_ok=True)
    path.write_text(script)
    path.chmod(0o755)
