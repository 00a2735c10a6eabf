"""Plain git over a real sshd: our keys, pinned host keys, and a server that speaks git's first protocol only."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from packistry.errors import CredentialRefused, HostRefused, HostUnavailable, NotFound
from packistry.outbound.client import Client, OutboundLimits
from packistry.outbound.guard import Guard
from packistry.providers.base import Connection, Finding
from packistry.providers.git import PlainGit
from packistry.providers.git_ssh import make_key, private_key_file, public_key
from tests.fakes.git_host import SSHHost, ssh_host
from tests.fakes.git_projects import GitProject, library, make_library, manifest
from tests.providers.git_scene import NAME, archived
from tests.tools import free_port

GIT = PlainGit()


@dataclass(frozen=True, slots=True)
class Scene:
    """A source that reaches one library over ssh, with a key that the host lets in."""

    host: SSHHost
    source: GitProject
    connection: Connection


@pytest.fixture
def source(tmp_path: Path) -> GitProject:
    return make_library(tmp_path / "srv", NAME)


@pytest.fixture
def scene(tmp_path: Path, client: Client, source: GitProject) -> Iterator[Scene]:
    private, public = make_key()
    with ssh_host(tmp_path / "srv", tmp_path / "sshd") as host:
        host.admit(public)
        yield Scene(host, source, connection_to(host.address, private, client, tmp_path))


def connection_to(address: str, private: str, client: Client, tmp_path: Path) -> Connection:
    return Connection(address, {"private_key": private}, {}, client, tmp_path / "source")


def test_refs_and_archives_come_over_ssh(scene: Scene) -> None:
    project = GIT.project(scene.connection, NAME)
    commit = scene.source.commit_of("refs/tags/1.1.0")

    assert project.clone_url == f"{scene.host.address}/{NAME}"
    assert project.default_branch == "main"
    assert len(list(GIT.refs(scene.connection, project))) == 5
    assert GIT.read_file(scene.connection, project, commit, "composer.json") == manifest()
    assert sorted(archived(GIT, scene.connection, project, commit)) == ["README.md", "composer.json", "src/Widget.php"]


def test_a_server_that_gives_no_single_files_is_mirrored_whole(scene: Scene) -> None:
    # This sshd lets no GIT_PROTOCOL in: the first protocol offers to leave files out and then refuses to give them.
    project = GIT.project(scene.connection, NAME)
    commits = [scene.source.push_branch("main", library(note=str(number))) for number in range(3)]

    for commit in commits:
        assert archived(GIT, scene.connection, project, commit)

    later = scene.source.push_branch("main", library(note="later"))
    assert b"later" in archived(GIT, scene.connection, project, later)["README.md"]


def test_a_moved_branch_keeps_its_commit_in_a_whole_mirror(scene: Scene) -> None:
    project, old = GIT.project(scene.connection, NAME), scene.source.commit_of("main")
    archived(GIT, scene.connection, project, old)
    new = scene.source.push_branch("other", library(note="elsewhere"))
    scene.source.reset_branch("main", new)
    scene.source.collect_garbage()

    assert archived(GIT, scene.connection, project, new)
    assert b"On main" in archived(GIT, scene.connection, project, old)["README.md"]


def test_unknown_projects_are_not_found(scene: Scene) -> None:
    with pytest.raises(NotFound, match="has no project acme/nothing"):
        GIT.project_named(scene.connection, "acme/nothing")


def test_the_check_shows_the_pinned_fingerprint_and_our_public_key(scene: Scene) -> None:
    sentences = [line.sentence for line in GIT.check(scene.connection).lines]

    assert any(scene.host.fingerprint() in sentence for sentence in sentences)
    assert any(public_key(scene.connection.credential["private_key"]) in sentence for sentence in sentences)


def test_a_key_that_the_host_does_not_know_is_refused(scene: Scene, client: Client, tmp_path: Path) -> None:
    stranger = connection_to(scene.host.address, make_key()[0], client, tmp_path)

    with pytest.raises(CredentialRefused, match="source rotate"):
        GIT.project(stranger, NAME)
    assert GIT.check(stranger).lines[0].finding is Finding.BAD


@pytest.mark.parametrize("private", ["", "no key at all", "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n"])
def test_what_is_no_private_key_is_refused(scene: Scene, client: Client, tmp_path: Path, private: str) -> None:
    with pytest.raises(CredentialRefused):
        GIT.project(connection_to(scene.host.address, private, client, tmp_path), NAME)


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa"])
def test_a_host_key_that_changed_is_refused(source: GitProject, client: Client, tmp_path: Path, kind: str) -> None:
    # Also one of another kind, which ssh alone takes for a new one.
    private, public = make_key()
    port = free_port()
    with ssh_host(tmp_path / "srv", tmp_path / "first", port=port) as host:
        host.admit(public)
        connection = connection_to(host.address, private, client, tmp_path)
        pinned = host.fingerprint()
        GIT.project(connection, NAME)

    with ssh_host(tmp_path / "srv", tmp_path / "second", port=port, key_kind=kind) as host:
        host.admit(public)
        with pytest.raises(HostRefused, match=r"The host key of 127\.0\.0\.1 is not the one that was pinned"):
            GIT.project(connection, NAME)

        first, *others = GIT.check(connection).lines
        assert first.finding is Finding.BAD
        assert any(pinned in line.sentence for line in others)
        (connection.folder / "known_hosts").unlink()
        assert GIT.project(connection, NAME).default_branch == "main"


def test_a_host_that_is_not_there_is_unavailable(source: GitProject, client: Client, tmp_path: Path) -> None:
    connection = connection_to(f"ssh://git@127.0.0.1:{free_port()}/srv", make_key()[0], client, tmp_path)

    with pytest.raises(HostUnavailable, match="did not answer"):
        GIT.project(connection, NAME)


def test_private_keys_are_written_to_no_disk(scene: Scene) -> None:
    archived(GIT, scene.connection, GIT.project(scene.connection, NAME), scene.source.commit_of("main"))

    secret = scene.connection.credential["private_key"].splitlines()[2].encode()
    assert not any(secret in path.read_bytes() for path in scene.connection.folder.rglob("*") if path.is_file())


def test_a_key_is_made_and_read_again_however_it_was_pasted() -> None:
    private, public = make_key("a comment")

    assert public.startswith("ssh-ed25519 ")
    assert public.endswith(" a comment")
    assert public_key("\r\n" + private.replace("\n", "\r\n").rstrip()) == public
    with private_key_file(private) as path:
        assert Path(path).read_text() == private
    assert not Path(path).exists()


def test_ssh_goes_to_the_address_that_was_checked(scene: Scene, tmp_path: Path) -> None:
    guarded = Client(OutboundLimits(), Guard(["git.invalid"], resolver=lambda host, port: ["127.0.0.1"]))
    address = scene.host.address.replace("127.0.0.1", "git.invalid")
    connection = connection_to(address, scene.connection.credential["private_key"], guarded, tmp_path)

    assert GIT.project(connection, NAME).default_branch == "main"
    assert (connection.folder / "known_hosts").read_text().startswith(f"[git.invalid]:{scene.host.port} ")
    guarded.close()
