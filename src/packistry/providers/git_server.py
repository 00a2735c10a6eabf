"""A git server as one source sees it: its checked address, and a git that has its credential and goes nowhere else."""

import base64
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path

from packistry.errors import CredentialRefused, HostUnavailable, NotFound, Refusal, Unavailable
from packistry.findings import good, refused, warning
from packistry.outbound.client import Client
from packistry.providers.base import CheckLine, Connection
from packistry.providers.git_address import GitAddress, parse_address
from packistry.providers.git_errors import Redirected, refusal_of, unlike_git
from packistry.providers.git_mirror import GitMirror, mirror_path
from packistry.providers.git_process import Git, GitLimits
from packistry.providers.git_ssh import KNOWN_HOSTS, pinned_fingerprints, private_key_file, public_key, ssh_command

# Of a project without refs: one line says so.
_LISTING_BYTES = 64 * 1024

# What hosts that look at the token only are told; GitHub, GitLab and Bitbucket take any name.
_ANY_USER = "git"


@dataclass(frozen=True, slots=True)
class GitServer:
    """Made by `opened`, for one piece of work. `host` is its name for sentences."""

    address: GitAddress
    git: Git
    folder: Path
    client: Client
    # What the connection shows to the host: a password or the private half of a key.
    credential: str = field(repr=False)
    # The header that carries it over http; empty without one.
    authorization: str = field(repr=False)

    @property
    def host(self) -> str:
        return self.address.host

    def listing(self, project_id: str, *options: str, refs: Sequence[str] = ()) -> str:
        """What `git ls-remote` answers for a project, without cloning it."""
        url = self.address.url(project_id)
        return self._list(url, *options, refs=refs, what=f"project {project_id}")

    def mirror(self, project_id: str) -> GitMirror:
        return GitMirror(
            git=self.git,
            path=mirror_path(self.folder, project_id),
            url=self.address.url(project_id),
            host=self.host,
            what=f"project {project_id}",
        )

    def findings(self) -> Sequence[CheckLine]:
        """What asking for the base address itself shows: any answer but a refused credential is a good one."""
        try:
            self._list(self.address.base_url, what="this address")
            answered = [self._greeting()]
        except (NotFound, Redirected):
            answered = [self._greeting()]
        except CredentialRefused as refusal:
            answered = [self._no_credential(refusal)]
        except Refusal as refusal:
            answered = [refused(refusal)]
        return [*answered, *self._keys()]

    def _greeting(self) -> CheckLine:
        return good(f"{self.host} answers{' and does not refuse the credential' if self.credential else ''}.")

    def _no_credential(self, refusal: CredentialRefused) -> CheckLine:
        if self.credential:
            return refused(refusal)
        return warning(f"{self.host} asks for a credential here; without one only its public projects can be read.")

    def _keys(self) -> Sequence[CheckLine]:
        if not self.address.is_ssh:
            return []
        pinned = pinned_fingerprints(self.folder / KNOWN_HOSTS, self.address)
        return [
            *(good(f"The host key of {self.host} is pinned: {fingerprint}.") for fingerprint in pinned),
            good(f"The server must know this public key: {public_key(self.credential)}"),
        ]

    def _list(self, url: str, *options: str, refs: Sequence[str] = (), what: str) -> str:
        words = ("ls-remote", "--quiet", *options, "--end-of-options", url, *refs)
        finished = self.git.run(*words, seconds=self.git.limits.question_seconds)
        if finished.code:
            raise refusal_of(finished.complaint, host=self.host, what=what)
        if not finished.output and not self.address.is_ssh:
            self._require_git(url, what)
        return finished.output.decode("utf-8", "backslashreplace")

    def _require_git(self, url: str, what: str) -> None:
        """Refuses a page that git took for a project without refs, such as a sign-in page for all addresses."""
        headers = {"authorization": self.authorization} if self.authorization else {}
        try:
            answer = self.client.send(
                "GET",
                f"{url}/info/refs",
                headers=headers,
                params={"service": "git-upload-pack"},
                max_bytes=_LISTING_BYTES,
            )
        except Unavailable as fault:
            raise HostUnavailable(fault.sentence) from fault
        if not answer.headers.get("content-type", "").startswith("application/x-git-"):
            raise unlike_git(self.host, what)


@contextmanager
def opened(connection: Connection, limits: GitLimits) -> Generator[GitServer]:
    """The server of a source, while its key can be read. Refuses with AddressRefused what the guard does not allow, and
    with CredentialRefused a key that cannot be used.
    """
    address = parse_address(connection.address)
    home = connection.folder / "home"
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    with ExitStack() as stack:
        variables: Mapping[str, str] = {}
        config: Sequence[tuple[str, str]] = ()
        authorization = ""
        if address.is_ssh:
            credential = _private_key(connection, address)
            key = stack.enter_context(private_key_file(credential))
            variables = _ssh_variables(connection, address, key)
        else:
            credential, authorization = connection.credential.get("password", ""), _authorization(connection)
            config = [*_route(connection, address), *_header(address, authorization)]
        git = Git(home, variables, config, limits)
        yield GitServer(address, git, connection.folder, connection.client, credential, authorization)


def _checked_addresses(connection: Connection, address: GitAddress) -> Sequence[str]:
    """The network addresses of the host, each allowed: git goes to these, whatever the name resolves to next."""
    try:
        return connection.client.guard.addresses(address.host, address.port)
    except Unavailable as fault:
        raise HostUnavailable(fault.sentence) from fault


def _private_key(connection: Connection, address: GitAddress) -> str:
    private = connection.credential.get("private_key", "")
    if not private.strip():
        raise CredentialRefused(
            f"{address.host} is reached over ssh, which needs a private key: give one to the source, or have one made."
        )
    return private


def _ssh_variables(connection: Connection, address: GitAddress, key: str) -> Mapping[str, str]:
    reached_at = _checked_addresses(connection, address)[0]
    command = ssh_command(address, connection.folder / KNOWN_HOSTS, key=key, reached_at=reached_at)
    return {"GIT_SSH_COMMAND": command, "GIT_SSH_VARIANT": "ssh"}


def _route(connection: Connection, address: GitAddress) -> Iterator[tuple[str, str]]:
    """How git reaches the host. A proxy resolves names itself, and what it may reach is the operator's own choice."""
    client = connection.client
    if client.ca_file:
        yield "http.sslCAInfo", str(client.ca_file)
    if client.proxy:
        yield "http.proxy", client.proxy
        return
    reached_at = _checked_addresses(connection, address)
    if not _is_number(address.host):
        numbers = ",".join(f"[{one}]" if ":" in one else one for one in reached_at)
        yield "http.curloptResolve", f"{address.host}:{address.port}:{numbers}"


def _authorization(connection: Connection) -> str:
    username, password = connection.settings.get("username", ""), connection.credential.get("password", "")
    if not username and not password:
        return ""
    return "Basic " + base64.b64encode(f"{username or _ANY_USER}:{password}".encode()).decode()


def _header(address: GitAddress, authorization: str) -> Iterator[tuple[str, str]]:
    """Bound to this host, though git is sent to no other."""
    if authorization:
        yield f"http.{address.origin}/.extraHeader", f"Authorization: {authorization}"


def _is_number(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
