"""Keys of ssh: the ones we show to a host, and the ones hosts show to us, pinned when they are first seen."""

import base64
import binascii
import hashlib
import os
import re
import shlex
import subprocess
import tempfile
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from packistry.errors import CredentialRefused, InvalidSetting, Unavailable
from packistry.providers.git_address import GitAddress

KNOWN_HOSTS = "known_hosts"

_KEYGEN_SECONDS = 30

# Nothing of the person's or the machine's configuration, no agent, no passwords, no questions, no tunnels.
_OPTIONS = (
    "BatchMode=yes",
    "IdentitiesOnly=yes",
    "IdentityAgent=none",
    "PreferredAuthentications=publickey",
    "GlobalKnownHostsFile=/dev/null",
    "HashKnownHosts=no",
    "UpdateHostKeys=no",
    "VerifyHostKeyDNS=no",
    "CheckHostIP=no",
    "ClearAllForwardings=yes",
    "ForwardAgent=no",
    "PermitLocalCommand=no",
    "ProxyCommand=none",
    "ControlMaster=no",
    "ControlPath=none",
    "ConnectTimeout=20",
    # A host that is gone is noticed after a minute.
    "ServerAliveInterval=20",
    "ServerAliveCountMax=3",
    "LogLevel=ERROR",
)


def make_key(comment: str = "packistry") -> tuple[str, str]:
    """A new ed25519 pair: the private key as OpenSSH writes it, and the public one as a line for the host."""
    with tempfile.TemporaryDirectory(prefix="packistry-key-") as folder:
        path = Path(folder, "key")
        _keygen("-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", str(path))
        return path.read_text("ascii"), path.with_suffix(".pub").read_text("ascii").strip()


def public_key(private: str) -> str:
    """The line that the host has to know. Refuses with CredentialRefused what is no private key or has a passphrase."""
    with private_key_file(private) as path:
        # An empty passphrase opens what has none; without the option it would be asked for on the terminal.
        return _keygen("-y", "-P", "", "-f", path)


@contextmanager
def private_key_file(private: str) -> Generator[str]:
    """A path under which the key can be read while the block runs, by programs of our own user only.

    It lies in memory: no disk, backup or process that is killed keeps it. ssh closes what it inherits, hence the path.
    """
    descriptor = os.memfd_create("packistry-key")
    try:
        os.fchmod(descriptor, 0o600)
        # ssh refuses a key without a newline at its end, and what a form sends has those of another system.
        _write_all(descriptor, (private.replace("\r\n", "\n").strip() + "\n").encode())
        yield f"/proc/{os.getpid()}/fd/{descriptor}"
    finally:
        os.close(descriptor)


def ssh_command(address: GitAddress, pinned: Path, *, key: str, reached_at: str) -> str:
    """The value of GIT_SSH_COMMAND: ssh to the checked network address, with the host's key pinned in `pinned`.

    `accept-new` alone would let a host swap its key for one of another kind; so it is for the first time only.
    """
    alias = host_alias(address)
    checking = "yes" if any(_lines_of(pinned, alias)) else "accept-new"
    options = (
        *_OPTIONS,
        f"UserKnownHostsFile={_quoted(pinned)}",
        f"StrictHostKeyChecking={checking}",
        f"HostKeyAlias={alias}",
        f"HostName={reached_at}",
        f"Port={address.port}",
        f"IdentityFile={key}",
    )
    return shlex.join(["ssh", "-F", "/dev/null", *(word for option in options for word in ("-o", option))])


def host_alias(address: GitAddress) -> str:
    """How the host is called in known_hosts, as ssh itself writes it."""
    return address.host.lower() if address.port == 22 else f"[{address.host.lower()}]:{address.port}"


def pinned_fingerprints(pinned: Path, address: GitAddress) -> Sequence[str]:
    """The keys that are pinned for the host, as `ssh-keygen -l` shows them: "SHA256:… (ssh-ed25519)"."""
    return [f"{_fingerprint(key)} ({kind})" for kind, key in _lines_of(pinned, host_alias(address))]


def _lines_of(pinned: Path, alias: str) -> Iterator[tuple[str, str]]:
    """Kind and key of every line for the host; only we write the file, so names are plain."""
    try:
        lines = pinned.read_text("utf-8", "replace").splitlines()
    except FileNotFoundError:
        return
    for line in lines:
        names, _, rest = line.partition(" ")
        words = rest.split(" ")
        if alias in names.split(",") and len(words) >= 2:
            yield words[0], words[1]


def _fingerprint(key: str) -> str:
    try:
        digest = hashlib.sha256(base64.b64decode(key)).digest()
    except binascii.Error:
        return "a line that cannot be read"
    return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")


def _keygen(*words: str) -> str:
    try:
        finished = subprocess.run(
            ["ssh-keygen", *words],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_KEYGEN_SECONDS,
            check=True,
            env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"},
        )
    except FileNotFoundError as fault:
        raise Unavailable("The programs of ssh are not on this server: install openssh-client.") from fault
    except subprocess.CalledProcessError as fault:
        raise CredentialRefused(
            "The private key cannot be used: it must be an OpenSSH or PEM key without a passphrase. "
            "Leave the field empty to have one made."
        ) from fault
    return finished.stdout.decode("utf-8", "replace").strip()


def _quoted(path: Path) -> str:
    """A path for an option of ssh, in which spaces separate and `%` begins a token. Refuses with InvalidSetting."""
    if re.search(r'["\\\n]', str(path)):
        # ssh would go on without a pinned key.
        raise InvalidSetting(f"The data folder cannot be used with ssh: {path} has a quote, backslash or line break.")
    return '"' + str(path).replace("%", "%%") + '"'


def _write_all(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]
