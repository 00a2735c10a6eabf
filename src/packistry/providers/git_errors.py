"""What git says when it fails, told as our refusals. git answers in English because its environment says so."""

import re
from collections.abc import Callable
from datetime import timedelta

from packistry.clock import now
from packistry.errors import (
    CredentialRefused,
    HostRefused,
    HostUnavailable,
    NotFound,
    RateLimited,
    Redirected,
    Refusal,
    StorageFull,
)

# What a host writes is kept for administrators; more of it tells nothing.
_DETAIL_CHARACTERS = 500

# git names no time; GitHub: "wait for at least one minute before retrying".
_UNNAMED_WAIT = timedelta(minutes=1)

_UNPRINTABLE = re.compile(r"[^\x20-\x7e\xa0-\ud7ff\ue000-\uffff]")


def refusal_of(complaint: str, *, host: str, what: str) -> Refusal:
    """The refusal for what git wrote to its standard error. `what` follows "has no": "project acme/widgets"."""
    for make, pattern in _REFUSALS:
        if re.search(pattern, complaint, re.IGNORECASE):
            return make(host, what, complaint)
    return HostUnavailable(f"git could not reach {what} at {host}: {last_word(complaint)}. Try again later.")


def last_word(complaint: str) -> str:
    """git's own last line about the failure; lines of the host, which begin with "remote:", are left out."""
    lines = [_UNPRINTABLE.sub(" ", line).strip() for line in complaint.splitlines()]
    own = [line for line in lines if line and not line.startswith("remote:")]
    named = [line for line in own if line.startswith(("fatal:", "error:"))]
    return (named or own or ["it gave no reason"])[-1][:200].rstrip(".")


def _detail(complaint: str) -> str:
    return _UNPRINTABLE.sub(" ", complaint)[-_DETAIL_CHARACTERS:].strip()


def _host_key(host: str, what: str, complaint: str) -> Refusal:
    return HostRefused(
        f"The host key of {host} is not the one that was pinned when this source was first used, so nothing was sent "
        "to it. Somebody may be in between; if the host was really given a new key, forget the pinned one by removing "
        "its line from the source's file known_hosts in the data folder.",
        detail=_detail(complaint),
    )


def _credential(host: str, what: str, complaint: str) -> Refusal:
    return CredentialRefused(
        f"{host} does not give {what} to the credential of this source: it is missing, wrong, revoked or expired. "
        "Give a new one with `packistry source rotate`.",
        detail=_detail(complaint),
    )


def _redirect(host: str, what: str, complaint: str) -> Refusal:
    return Redirected(
        f"{host} sends us elsewhere when asked for {what}, and git follows nobody. Give the source the address it "
        "really has, or write the project with (or without) `.git` at its end.",
        detail=_detail(complaint),
    )


def _protocol(host: str, what: str, complaint: str) -> Refusal:
    return HostRefused(
        f"{host} wants git to use something else than http, https or ssh, which we do not.", detail=_detail(complaint)
    )


def _missing(host: str, what: str, complaint: str) -> Refusal:
    return NotFound(f"{host} has no {what}, or hides it from this credential.")


def _limited(host: str, what: str, complaint: str) -> Refusal:
    until = now() + _UNNAMED_WAIT
    return RateLimited(f"{host} asks us to wait until {until:%Y-%m-%d %H:%M:%S} UTC.", until=until)


def _full(host: str, what: str, complaint: str) -> Refusal:
    return StorageFull("There is no room left on the server for the mirrors of git: free space under the data folder.")


def _unlike_git(host: str, what: str, complaint: str) -> Refusal:
    return unlike_git(host, what)


def unlike_git(host: str, what: str) -> HostUnavailable:
    """The refusal for an answer that no git server gives."""
    return HostUnavailable(
        f"{host} did not answer as a git server does when asked for {what}. "
        "Is the address right, and does nothing stand before it that asks for a sign-in?"
    )


def _other_ids(host: str, what: str, complaint: str) -> Refusal:
    return HostRefused(
        f"{host} keeps {what} in git's SHA-256 format, which we cannot mirror.", detail=_detail(complaint)
    )


def _incomplete(host: str, what: str, complaint: str) -> Refusal:
    return HostUnavailable(f"{host} did not give all that {what} consists of. Try again later.")


def _gone(host: str, what: str, complaint: str) -> Refusal:
    return HostUnavailable(f"{host} did not answer when asked for {what} ({last_word(complaint)}). Try again later.")


# In this order: an earlier line is the cause of a later one. The words are git's, ssh's, curl's and those of hosts.
_REFUSALS: tuple[tuple[Callable[[str, str, str], Refusal], str], ...] = (
    (_full, r"No space left on device|Disk quota exceeded"),
    (_host_key, r"Host key verification failed|HOST IDENTIFICATION HAS CHANGED"),
    (_protocol, r"transport '.*' not allowed|remote-\S+' is not a git command|Protocol \S+ (disabled|not supported)"),
    (_redirect, r"returned error: 3\d\d|unable to update url base"),
    (_credential, r"returned error: 40[13]|Authentication failed for|could not read (Username|Password)"),
    (_credential, r"Permission denied \(|no mutual signature|Too many authentication failures"),
    (_limited, r"returned error: 429"),
    (_missing, r"returned error: (404|410)|repository '.*' not found|repository not found"),
    (_missing, r"does not appear to be a git repository|No such (project|repository)|project not found"),
    (_missing, r"not our ref|unadvertised object|couldn't find remote ref"),
    (_incomplete, r"lazy fetching disabled|missing (blob|tree|object)"),
    (_other_ids, r"mismatched algorithms"),
    (_unlike_git, r"not valid: is this a git|invalid server response|protocol error|bad line length|bad pack header"),
    (_gone, r"Could not resolve|Failed to connect|Connection (refused|reset|closed|timed out)|returned error: 5\d\d"),
    (_gone, r"timed out|too slow|hung up unexpectedly|early EOF|RPC failed|SSL|unable to access|unexpected disconnect"),
    # ssh let us in, and what it ran there did not like the path.
    (_missing, r"Could not read from remote repository"),
)
