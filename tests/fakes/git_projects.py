"""Real git repositories for tests: libraries with the refs that people push, made by `git fast-import`."""

import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.tools import program

FIRST_COMMIT_AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)

Files = Mapping[str, bytes]

# What composer.json files of real libraries look like, one of a kind. Names and people are made up.
MANIFESTS: Mapping[str, Mapping[str, Any]] = {
    "plain": {
        "name": "acme/widgets",
        "description": "Widgets of every size",
        "license": "MIT",
        "require": {"php": ">=8.1"},
        "autoload": {"psr-4": {"Acme\\Widgets\\": "src/"}},
    },
    "aliased": {
        "name": "acme/gadgets",
        "type": "library",
        "license": ["LGPL-2.1-only", "GPL-3.0-or-later"],
        "authors": [{"name": "Zoë Müller", "email": "zoe@example.com"}],
        "require": {"php": "^8.1", "acme/widgets": "^1.0"},
        "extra": {"branch-alias": {"dev-main": "2.x-dev"}},
        "autoload": {"classmap": ["lib/"], "files": ["lib/functions.php"]},
    },
    "excluding": {
        "name": "acme/tools",
        "type": "composer-plugin",
        "require": {"composer-plugin-api": "^2.0"},
        "archive": {"exclude": ["/fixtures", "!/fixtures/keep.txt"]},
        "extra": {"class": "Acme\\Tools\\Plugin"},
    },
}


def manifest(kind: str = "plain", **changes: object) -> bytes:
    """One of the composer.json files, with these keys changed; None takes a key away."""
    merged = {**MANIFESTS[kind], **changes}
    return json.dumps({key: value for key, value in merged.items() if value is not None}, indent=4).encode()


def library(kind: str = "plain", *, note: str = "", **changes: object) -> Files:
    """The files of a small library; another note makes another commit of the same package."""
    return {
        "composer.json": manifest(kind, **changes),
        "README.md": f"# A library\n\n{note}\n".encode(),
        "src/Widget.php": b"<?php\n\nnamespace Acme\\Widgets;\n\nfinal class Widget {}\n",
        "tests/WidgetTest.php": b"<?php\n",
        ".gitattributes": b"/tests export-ignore\n/.gitattributes export-ignore\n",
    }


@dataclass(frozen=True, slots=True)
class GitProject:
    """A bare repository, as a git server has it. Names of branches and tags are the short ones."""

    path: Path

    @property
    def name(self) -> str:
        return self.path.name

    def git(self, *words: str, stdin: bytes = b"") -> str:
        """What git answers about the repository."""
        finished = subprocess.run(
            [program("git"), f"--git-dir={self.path}", *words],
            input=stdin,
            capture_output=True,
            check=True,
            env=_ENVIRONMENT,
        )
        return finished.stdout.decode("utf-8", "surrogateescape").rstrip("\n")

    def push_branch(self, name: str, files: Files, *, at: datetime = FIRST_COMMIT_AT) -> str:
        """Adds a commit to the branch, which is made when it is missing, and gives the commit."""
        self.push_branches({name: files}, at=at)
        return self.commit_of(f"refs/heads/{name}")

    def push_branches(self, branches: Mapping[str, Files], *, at: datetime = FIRST_COMMIT_AT) -> None:
        """A commit for each branch, all in one process: hundreds take a second."""
        existing = set(self.git("for-each-ref", "--format=%(refname)", "refs/heads").splitlines())
        parts: list[bytes] = []
        for number, (name, files) in enumerate(branches.items()):
            moment = int((at + timedelta(minutes=number)).timestamp())
            ref = f"refs/heads/{name}"
            parts.append(_commit(ref, files, moment, f"{ref}^0" if ref in existing else None))
        self.git("fast-import", "--quiet", "--force", stdin=b"".join(parts))

    def reset_branch(self, name: str, commit: str) -> None:
        """Moves a branch to where it need not have been before, as a forced push does."""
        self.git("update-ref", f"refs/heads/{name}", commit)

    def push_tag(self, name: str, commit: str, *, annotated: bool = False) -> None:
        """Makes a tag, or moves it as a forced push does."""
        self.push_tags({name: commit}, annotated=annotated)

    def push_tags(self, tags: Mapping[str, str], *, annotated: bool = False) -> None:
        if annotated:
            for name, commit in tags.items():
                self.git("tag", "-f", "-a", "-m", f"Release {name}", "--end-of-options", name, commit)
            return
        commands = "".join(f"update refs/tags/{name}\0{commit}\0\0" for name, commit in tags.items())
        self.git("update-ref", "-z", "--stdin", stdin=commands.encode())

    def delete(self, full_name: str) -> None:
        """Removes a ref by its full name."""
        self.git("update-ref", "-d", full_name)

    def commit_of(self, ref: str) -> str:
        return self.git("rev-parse", "--verify", "--end-of-options", f"{ref}^{{commit}}")

    def refs(self) -> Mapping[str, str]:
        """Full names and the commit each stands for."""
        told = self.git(
            "for-each-ref", "--format=%(refname)%09%(objectname)%09%(*objectname)", "refs/heads", "refs/tags"
        )
        rows = [line.split("\t") for line in told.splitlines()]
        return {row[0]: row[2] or row[1] for row in rows}

    def set_default_branch(self, name: str) -> None:
        self.git("symbolic-ref", "HEAD", f"refs/heads/{name}")

    def collect_garbage(self) -> None:
        """Takes away what no ref has any more, as hosts do after some weeks."""
        self.git("gc", "--quiet", "--prune=now")


def make_project(folder: Path, name: str, *, filters: bool = True) -> GitProject:
    """An empty repository at `folder/name`; `filters` lets clients leave out files, as the large hosts do."""
    path = folder / name
    subprocess.run(
        [program("git"), "init", "--quiet", "--bare", "--template=", "--initial-branch=main", path],
        check=True,
        env=_ENVIRONMENT,
    )
    project = GitProject(path)
    project.git("config", "uploadpack.allowFilter", "true" if filters else "false")
    # What `git http-backend` asks for instead of an export-ok file is said by the server.
    return project


def make_library(
    folder: Path,
    name: str,
    *,
    kind: str = "plain",
    tags: int = 3,
    branches: Sequence[str] = ("main", "1.x"),
    filters: bool = True,
    **changes: object,
) -> GitProject:
    """A library with releases 1.0.0, 1.1.0, ... on commits of their own, and branches after the last of them."""
    project = make_project(folder, name, filters=filters)
    releases = {f"1.{number}.0": library(kind, note=f"Release {number}", **changes) for number in range(tags)}
    project.push_branches({f"release/{release}": files for release, files in releases.items()})
    project.push_tags({release: project.commit_of(f"refs/heads/release/{release}") for release in releases})
    project.git(
        "update-ref", "-z", "--stdin", stdin="".join(f"delete refs/heads/release/{r}\0\0" for r in releases).encode()
    )
    project.push_branches({branch: library(kind, note=f"On {branch}", **changes) for branch in branches})
    return project


# Nothing of the person who runs the tests.
_ENVIRONMENT = {
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "HOME": "/nonexistent",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_AUTHOR_NAME": "Zoë Müller",
    "GIT_AUTHOR_EMAIL": "zoe@example.com",
    "GIT_COMMITTER_NAME": "Zoë Müller",
    "GIT_COMMITTER_EMAIL": "zoe@example.com",
}


def _commit(ref: str, files: Files, moment: int, parent: str | None) -> bytes:
    """A commit with exactly these files, as fast-import reads it. The committer comes an hour after the author."""
    lines = [
        f"commit {ref}".encode(),
        f"author Zoë Müller <zoe@example.com> {moment} +0200".encode(),
        f"committer Zoë Müller <zoe@example.com> {moment + 3600} +0200".encode(),
        b"data 6\nChange",
        *([f"from {parent}".encode()] if parent else []),
        b"deleteall",
    ]
    for path, content in files.items():
        lines += [f'M 100644 inline "{path}"'.encode(), b"data %d" % len(content), content]
    return b"\n".join(lines) + b"\n\n"
