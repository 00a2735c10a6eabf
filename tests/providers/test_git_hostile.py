"""Servers that lie, refuse or lead elsewhere, addresses that git must not see, and what is kept from it."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from packistry.errors import (
    CredentialRefused,
    HostRefused,
    HostUnavailable,
    InvalidInput,
    NotFound,
    RateLimited,
    Refusal,
)
from packistry.outbound.client import Client, OutboundLimits
from packistry.outbound.guard import AddressRefused, Guard
from packistry.providers.base import Connection, Finding
from packistry.providers.git import PlainGit
from packistry.providers.git_process import GitLimits
from tests.fakes.git_host import GitHost, Reply
from tests.providers.git_scene import NAME, Scene, archived, open_scene, troubled


@pytest.fixture
def scene(tmp_path: Path, client: Client) -> Iterator[Scene]:
    with open_scene(tmp_path, client) as scene:
        yield scene


@pytest.mark.parametrize("path", ["../srv/acme/widgets.git", "acme//widgets", "-u/x", "a/-b", "a\nb", "", ".", "a/./b"])
def test_paths_that_lead_elsewhere_are_no_projects(scene: Scene, path: str) -> None:
    with pytest.raises(NotFound, match="no path of a project"):
        scene.provider.project(scene.connection, path)

    assert scene.host.paths == []


def test_refs_that_git_itself_forbids_do_not_harm_the_rest(scene: Scene) -> None:
    commit = scene.source.commit_of("main")
    lines = b"".join(
        b"%04x%s" % (len(line) + 4, line)
        for line in (
            f"{commit} refs/heads/main\n".encode(),
            f"{commit} refs/heads/../../escape\n".encode(),
            f"{commit} refs/heads/with space\n".encode(),
            f"{commit} refs/tags/a..b\n".encode(),
            b"not-an-id refs/heads/broken\n",
        )
    )
    greeting = f"{commit} refs/heads/-first\0side-band-64k ofs-delta agent=hostile\n".encode()
    body = b"001e# service=git-upload-pack\n0000%04x%s%s0000" % (len(greeting) + 4, greeting, lines)
    reply = Reply(200, {"Content-Type": "application/x-git-upload-pack-advertisement"}, body)
    project = scene.project

    with troubled(scene, lambda path: reply if path.endswith("info/refs") else None):
        try:
            names = {ref.name for ref in scene.provider.refs(scene.connection, project)}
        except HostUnavailable:
            names = set[str]()

    assert names <= {"-first", "main", "../../escape", "with space", "a..b"}
    assert not list(scene.connection.folder.rglob("escape"))


def test_a_password_is_sent_in_a_header_and_never_shown(scene: Scene, client: Client) -> None:
    scene.host.users["zoe"] = "s3cret-of-zoe"
    connection = Connection(
        scene.connection.address, {"password": "s3cret-of-zoe"}, {"username": "zoe"}, client, scene.connection.folder
    )

    project = scene.provider.project(connection, NAME)
    files = archived(scene.provider, connection, project, scene.source.commit_of("main"))

    assert "composer.json" in files
    assert "s3cret" not in repr(project) + repr(scene.provider.check(connection))
    assert not any(b"s3cret" in path.read_bytes() for path in connection.folder.rglob("*") if path.is_file())
    assert set(scene.host.credentials) == {"Basic em9lOnMzY3JldC1vZi16b2U="}


@pytest.mark.parametrize("password", ["", "wrong"])
def test_a_wrong_password_is_refused_without_asking_anybody(scene: Scene, client: Client, password: str) -> None:
    scene.host.users["zoe"] = "right"
    connection = Connection(
        scene.connection.address, {"password": password}, {"username": "zoe"}, client, scene.connection.folder
    )

    with pytest.raises(CredentialRefused, match="source rotate"):
        scene.provider.project(connection, NAME)
    assert scene.provider.check(connection).lines[0].finding is (Finding.BAD if password else Finding.WARNING)


def statuses() -> list[tuple[int, type[Refusal]]]:
    return [
        (403, CredentialRefused),
        (404, NotFound),
        (410, NotFound),
        (429, RateLimited),
        (500, HostUnavailable),
        (503, HostUnavailable),
    ]


@pytest.mark.parametrize(("status", "refusal"), statuses())
def test_every_status_has_its_refusal(scene: Scene, status: int, refusal: type[Refusal]) -> None:
    with troubled(scene, lambda path: Reply(status)), pytest.raises(refusal) as refused:
        scene.provider.project(scene.connection, NAME)

    assert type(refused.value) is refusal


def test_a_page_of_html_is_no_git_server(scene: Scene) -> None:
    page = Reply(200, {"Content-Type": "text/html"}, b"<html>Sign in</html>")

    with troubled(scene, lambda path: page), pytest.raises(HostUnavailable, match="did not answer as a git server"):
        scene.provider.project(scene.connection, NAME)


@pytest.mark.parametrize(
    "location", ["file:///etc/", "ext::sh -c touch% /tmp/pwned", "http://127.0.0.1:{other}/x", "git://x/y"]
)
@pytest.mark.parametrize("status", [301, 302, 307])
def test_redirects_are_followed_nowhere(scene: Scene, tmp_path: Path, status: int, location: str) -> None:
    with GitHost(tmp_path / "srv").running() as other:
        there = location.format(other=other.address.rpartition(":")[2])
        reply = Reply(status, {"Location": f"{there}/info/refs?service=git-upload-pack"})

        with troubled(scene, lambda path: reply), pytest.raises(HostRefused, match="sends us elsewhere"):
            scene.provider.project(scene.connection, NAME)

        assert other.paths == []


def test_a_server_without_smart_http_cannot_lead_elsewhere(scene: Scene, tmp_path: Path) -> None:
    commit = scene.source.commit_of("main")
    with GitHost(tmp_path / "srv").running() as other:
        answers = {
            "info/refs": Reply(200, {"Content-Type": "text/plain"}, f"{commit}\trefs/heads/main\n".encode()),
            "http-alternates": Reply(200, {}, f"{other.address}/{NAME}/objects\n".encode()),
            "alternates": Reply(200, {}, b"/etc\n"),
            "HEAD": Reply(200, {}, b"ref: refs/heads/main\n"),
        }
        project = scene.project

        def dumb(path: str) -> Reply:
            return next((reply for end, reply in answers.items() if path.endswith(end)), Reply(404))

        with troubled(scene, dumb), pytest.raises(Refusal):
            archived(scene.provider, scene.connection, project, commit)

        assert other.paths == []


@pytest.mark.parametrize(
    "address",
    [
        "file:///srv/git",
        "ext::sh -c id",
        "-oProxyCommand=id",
        "ssh://-oProxyCommand=id/x",
        "ssh://git@-host/x",
        "-x@host:path",
        "git@-host:path",
        "git@host::path",
        "/srv/git",
        "git://host/x",
        "https://zoe:secret@host/x",
        "https://host/../x",
        "https://host/x?y=z",
        "https://host:99999/",
        "https:///x",
        "https://ho st/",
        "http://host\n/",
    ],
)
def test_addresses_that_git_must_not_see_are_refused(client: Client, tmp_path: Path, address: str) -> None:
    connection = Connection(address, {"private_key": "x"}, {}, client, tmp_path)

    with pytest.raises(InvalidInput, match="cannot be the address of a git server") as refused:
        PlainGit().project(connection, "x")

    assert "secret" not in refused.value.sentence


def test_nothing_of_the_machine_or_the_person_is_read(
    scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    marker = tmp_path / "marker"
    (tmp_path / ".gitconfig").write_text(
        f'[core]\n\tsshCommand = touch {marker}\n[url "file:///"]\n\tinsteadOf = http://\n'
    )
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / ".gitconfig"))
    monkeypatch.setenv("GIT_DIR", str(tmp_path))
    monkeypatch.setenv("GIT_EXEC_PATH", str(tmp_path))
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    # A repository around the data folder, whose configuration git would find by itself.
    subprocess.run(["git", "init", "-q", scene.connection.folder.parent], check=True, env={"PATH": os.environ["PATH"]})
    with (scene.connection.folder.parent / ".git" / "config").open("a") as config:
        config.write('[url "file:///"]\n\tinsteadOf = http://\n')

    assert scene.archive(scene.source.commit_of("main"))
    assert not marker.exists()


def test_an_archive_past_the_limit_is_refused(scene: Scene) -> None:
    small = PlainGit(GitLimits(archive_bytes=4096))

    with pytest.raises(HostUnavailable, match="most we take"):
        archived(small, scene.connection, scene.project, scene.source.commit_of("main"))


def test_a_date_that_no_calendar_knows_is_refused(scene: Scene) -> None:
    tree = scene.source.git("rev-parse", "main^{tree}")
    raw = f"tree {tree}\nauthor A <a@b.c> 99999999999999 +0000\ncommitter A <a@b.c> 1 +0000\n\nx\n".encode()
    commit = scene.source.git("hash-object", "-t", "commit", "-w", "--literally", "--stdin", stdin=raw)
    scene.source.reset_branch("odd", commit)

    with pytest.raises(HostRefused, match="no date"):
        scene.provider.committed_at(scene.connection, scene.project, commit)


def test_a_host_on_a_private_net_is_not_asked_unless_it_is_allowed(scene: Scene) -> None:
    guarded = Client(OutboundLimits(), Guard())
    connection = Connection(scene.host.address, {}, {}, guarded, scene.connection.folder)

    with pytest.raises(AddressRefused, match="PACKISTRY_OUTBOUND_ALLOW"):
        PlainGit().project(connection, NAME)

    guarded.close()
    assert scene.host.paths == []


def test_git_goes_to_the_address_that_was_checked_and_asks_no_resolver_again(scene: Scene) -> None:
    guarded = Client(OutboundLimits(), Guard(["git.invalid"], resolver=lambda host, port: ["127.0.0.1"]))
    port = scene.host.address.rpartition(":")[2]
    connection = Connection(f"http://git.invalid:{port}", {}, {}, guarded, scene.connection.folder)

    project = PlainGit().project(connection, NAME)

    assert archived(PlainGit(), connection, project, scene.source.commit_of("main"))
    assert project.clone_url == f"http://git.invalid:{port}/{NAME}"
    guarded.close()


def test_a_name_without_an_address_is_unavailable(tmp_path: Path) -> None:
    def resolver(host: str, port: int) -> list[str]:
        raise OSError("no such name")

    guarded = Client(OutboundLimits(), Guard(resolver=resolver))

    with pytest.raises(HostUnavailable, match=r"no address for the name git\.invalid"):
        PlainGit().project(Connection("https://git.invalid", {}, {}, guarded, tmp_path), "x")
    guarded.close()
