"""Addresses of git servers: the base that a source has, and the project below it. Asks nobody."""

import re
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from packistry.errors import InvalidInput, NotFound

_PORTS = {"http": 80, "https": 443, "ssh": 22}

# Whom hosts of git let in, where an address names nobody. ssh would take the name of our own user.
_SSH_USER = "git"

# Neither begins with a dash: ssh and git would read it as an option.
_USER = r"[A-Za-z0-9_][A-Za-z0-9._-]*"
_NAME = r"[A-Za-z0-9_](?:[A-Za-z0-9._-]*[A-Za-z0-9_])?"
_AUTHORITY = re.compile(rf"(?:(?P<user>{_USER})@)?(?P<host>{_NAME}|\[[0-9A-Fa-f:.]+\])(?::(?P<port>[0-9]{{1,5}}))?")
# As scp writes it. With a second colon it would be `ext::command`.
_LIKE_SCP = re.compile(rf"(?:(?P<user>{_USER})@)?(?P<host>{_NAME}|\[[0-9A-Fa-f:.]+\]):(?P<path>(?!:).*)", re.DOTALL)

_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
# What a path keeps as it is; all else is percent-encoded, so a name with a question mark is a name.
_PLAIN = "/~!$&'()*+,;=:@-._"


@dataclass(frozen=True, slots=True)
class GitAddress:
    """A base address that git may be given: http, https or ssh, the last also as `git@host:path`.

    `host` has no brackets; `path` has no slash at its end, and where it begins with one it is absolute.
    """

    scheme: str
    user: str | None
    host: str
    port: int
    path: str
    is_like_scp: bool = False

    def url(self, project: str) -> str:
        """Where the project lies: the path below the base. Refuses with NotFound what leads elsewhere or is no path."""
        checked_path(project)
        if self.is_like_scp:
            # Not decoded by git, so not encoded; without a base path it counts from the home of the user.
            return f"{self.base_url}{'/' if self.path else ''}{project}"
        return f"{self.base_url}/{quote(project, safe=_PLAIN)}"

    @property
    def base_url(self) -> str:
        return f"{self.origin}:{self.path}" if self.is_like_scp else f"{self.origin}{self.path}"

    @property
    def origin(self) -> str:
        """What stands before the path."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        if self.is_like_scp:
            return f"{self.user}@{host}"
        user = f"{self.user}@" if self.user else ""
        port = "" if self.port == _PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{user}{host}{port}"

    @property
    def is_ssh(self) -> bool:
        return self.scheme == "ssh"


def parse_address(text: str) -> GitAddress:
    """The address in its parts. Refuses with InvalidInput what is not http, https or ssh, or could be an option."""
    if text.startswith("-") or _UNPRINTABLE.search(text) or " " in text:
        raise _unusable(text, "it begins with a dash, or has a space or an unprintable character")
    if "://" not in text and (found := _LIKE_SCP.fullmatch(text)):
        path = found["path"].rstrip("/")
        user, host = found["user"] or _SSH_USER, _bare(found["host"]).lower()
        return GitAddress("ssh", user, host, _PORTS["ssh"], _base_path(text, path), True)
    try:
        parts = urlsplit(text)
    except ValueError as fault:
        raise _unusable(text, "it cannot be read") from fault
    if parts.scheme not in _PORTS:
        raise _unusable(text, "it is none of these")
    return _with_authority(text, parts.scheme, parts.netloc, parts.path, bool(parts.query or parts.fragment))


def checked_path(project: str) -> str:
    """The path of a project or file, without slashes at its ends. Refuses with NotFound what could lead elsewhere."""
    segments = project.split("/")
    if any(segment in {"", ".", ".."} or segment.startswith("-") for segment in segments) or _UNPRINTABLE.search(
        project
    ):
        raise NotFound(f'"{project}" is no path of a project: name it as it stands after the address of the source.')
    return project


def _with_authority(text: str, scheme: str, netloc: str, path: str, has_more: bool) -> GitAddress:
    found = _AUTHORITY.fullmatch(netloc)
    if has_more or not found or int(found["port"] or 1) not in range(1, 65536):
        raise _unusable(text, "it must name a host, and have no password, query or fragment")
    if found["user"] and scheme != "ssh":
        raise _unusable(text, "the user name is a field of its own")
    user = (found["user"] or _SSH_USER) if scheme == "ssh" else None
    port = int(found["port"] or _PORTS[scheme])
    return GitAddress(scheme, user, _bare(found["host"]).lower(), port, _base_path(text, path.rstrip("/")))


def _base_path(text: str, path: str) -> str:
    if any(segment in {".", ".."} or segment.startswith("-") for segment in path.split("/")) or "//" in path:
        raise _unusable(text, "its path must be plain, without //, /./, /../ and leading dashes")
    return path


def _bare(host: str) -> str:
    return host.removeprefix("[").removesuffix("]")


def _unusable(text: str, reason: str) -> InvalidInput:
    shown = _UNPRINTABLE.sub("?", text)[:200]
    if "@" in shown:
        shown = f"…@{shown.rpartition('@')[2]}"  # what stands before it may be a password
    return InvalidInput(
        f'"{shown}" cannot be the address of a git server: {reason}. '
        "Use https://host/path, http://host/path, ssh://git@host/path or git@host:path.",
        field="address",
    )
