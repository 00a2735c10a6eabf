"""The refusals: every expected "no", a sentence for the person who reads it, and the one table that answers them.

A refusal is not a bug: it is logged at the level named here and shown to the caller. Anything that is not a Refusal
is a fault, logged once with its traceback at the door. This file knows no HTML, no HTTP library and no database.
"""

import errno
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Literal

LogLevel = Literal["debug", "info", "warning", "error"]


class Refusal(Exception):
    """An expected no. `sentence` says what is wrong and what to do; `field` names the input it is about, if one."""

    def __init__(self, sentence: str, *, field: str | None = None) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.field = field

    def __str__(self) -> str:
        return self.sentence


class InvalidSetting(Refusal):
    """A setting that stops the start; the sentence names it."""


class InvalidInput(Refusal):
    """Something typed or sent that cannot be used as it is."""


class InvalidName(InvalidInput):
    """Not a package name that Composer accepts."""


class InvalidVersion(InvalidInput):
    """Not a version that Composer can normalise."""


class InvalidConstraint(InvalidInput):
    """Not a constraint that Composer can parse."""


class InvalidManifest(InvalidInput):
    """A composer.json that would break a client. The field is the key, or the whole file."""

    def __init__(self, sentence: str, *, field: str = "composer.json") -> None:
        super().__init__(sentence, field=field)


class InvalidArchive(InvalidInput):
    """An archive that is broken, hostile, or not a Composer package."""


class ArchiveTooLarge(InvalidArchive):
    """An archive past one of the limits in the settings."""


class Conflict(Refusal):
    """Cannot be done in the present state of things."""


class VersionConflict(Conflict):
    """Other files for a stable version that is already published."""


class AlreadyExists(Refusal):
    """A name that is taken."""


class NotFound(Refusal):
    """Not there, or not visible to the one who asks: both look the same."""


class Gone(Refusal):
    """Was there and is over: a link that was used, or whose time has passed."""


class Unauthenticated(Refusal):
    """No credential, or one that is wrong, expired or revoked."""


class Forbidden(Refusal):
    """Visible, but not allowed to do this."""


class TooManyAttempts(Refusal):
    """Slow down: too many failed sign-ins from one place."""


class BadRequest(Refusal):
    """The request itself is malformed."""


class Outdated(Refusal):
    """Changed since the caller looked at it, as the caller's If-Match says."""


class TooManyRequests(Refusal):
    """Slow down: more requests in a minute than one caller may send. `retry_seconds` is how long to wait."""

    def __init__(self, sentence: str, *, retry_seconds: int) -> None:
        super().__init__(sentence)
        self.retry_seconds = retry_seconds


class BodyTooLarge(Refusal):
    """A body past what this address reads."""


class Crowded(Refusal):
    """Others are being served; the same request does better in a moment."""


class UnsupportedMediaType(Refusal):
    """The body is of a kind this address does not take."""


class StorageFull(Refusal):
    """No room left for the file; nothing was kept of it."""


# What a disk answers that takes no more bytes: no space, a quota, a limit on the size of a file.
_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


@contextmanager
def refusing_full_disk() -> Generator[None]:
    """Turns an OSError of a full disk into StorageFull; any other is a fault and goes on."""
    try:
        yield
    except OSError as error:
        if error.errno not in _NO_ROOM:
            raise
        raise StorageFull(
            "There is no room left on the server for this file, and nothing was kept of it: "
            "ask the administrator to free space under the data folder, then send it again."
        ) from error


class Unavailable(Refusal):
    """Something we depend on does not answer, or another process holds what we need."""


class Unreachable(Unavailable):
    """No answer to a request of ours: refused, too slow, too large, not to be trusted. Names host and cause."""


class NameUnknown(Unavailable):
    """A name that has no address now."""


class AddressRefused(Refusal):
    """An address that we do not connect to, because it is none of the public internet and nobody allowed it."""


class HostRefused(Refusal):
    """A code host answered, and said no: the sentence says what it refused and what to do about it.

    `detail` is what the host wrote, for administrators only: it may tell of things the caller must not see.
    """

    def __init__(self, sentence: str, *, detail: str = "") -> None:
        super().__init__(sentence)
        self.detail = detail


class CredentialRefused(HostRefused):
    """The host does not know the credential any more: wrong, revoked or expired."""


class ScopeMissing(HostRefused):
    """The credential is good and may not do this; the sentence names the scope that is missing."""


class FileTooLarge(HostRefused):
    """A file of a project that is larger than we read."""


class Redirected(HostRefused):
    """The host sends git to another address, to which it does not go."""


class HostUnavailable(Unavailable):
    """The host did not answer, or answered what no such host says. Trying again later is right."""


class RateLimited(HostUnavailable):
    """The host wants us to wait; `until` is when it will listen again, in UTC."""

    def __init__(self, sentence: str, *, until: datetime) -> None:
        super().__init__(sentence)
        self.until = until


class MalformedEvent(Refusal):
    """An authentic delivery of a code host that lacks a field we need."""


@dataclass(frozen=True, slots=True)
class Answer:
    """How a refusal is told: HTTP status, stable code for programs, level in the log."""

    status: HTTPStatus
    code: str
    level: LogLevel


ANSWERS: dict[type[Refusal], Answer] = {
    InvalidSetting: Answer(HTTPStatus.INTERNAL_SERVER_ERROR, "invalid_setting", "error"),
    InvalidInput: Answer(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid_input", "info"),
    InvalidName: Answer(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid_name", "info"),
    InvalidVersion: Answer(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid_version", "info"),
    InvalidConstraint: Answer(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid_constraint", "info"),
    InvalidManifest: Answer(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid_manifest", "info"),
    InvalidArchive: Answer(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid_archive", "info"),
    ArchiveTooLarge: Answer(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "archive_too_large", "info"),
    Conflict: Answer(HTTPStatus.CONFLICT, "conflict", "info"),
    VersionConflict: Answer(HTTPStatus.CONFLICT, "version_conflict", "info"),
    AlreadyExists: Answer(HTTPStatus.CONFLICT, "already_exists", "info"),
    NotFound: Answer(HTTPStatus.NOT_FOUND, "not_found", "debug"),
    Gone: Answer(HTTPStatus.GONE, "gone", "info"),
    Unauthenticated: Answer(HTTPStatus.UNAUTHORIZED, "unauthenticated", "info"),
    Forbidden: Answer(HTTPStatus.FORBIDDEN, "forbidden", "info"),
    TooManyAttempts: Answer(HTTPStatus.TOO_MANY_REQUESTS, "too_many_attempts", "warning"),
    BadRequest: Answer(HTTPStatus.BAD_REQUEST, "bad_request", "info"),
    Outdated: Answer(HTTPStatus.PRECONDITION_FAILED, "outdated", "info"),
    TooManyRequests: Answer(HTTPStatus.TOO_MANY_REQUESTS, "too_many_requests", "info"),
    BodyTooLarge: Answer(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "body_too_large", "info"),
    UnsupportedMediaType: Answer(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", "info"),
    StorageFull: Answer(HTTPStatus.INSUFFICIENT_STORAGE, "storage_full", "error"),
    Crowded: Answer(HTTPStatus.SERVICE_UNAVAILABLE, "crowded", "warning"),
    Unavailable: Answer(HTTPStatus.SERVICE_UNAVAILABLE, "unavailable", "error"),
    Unreachable: Answer(HTTPStatus.SERVICE_UNAVAILABLE, "unreachable", "warning"),
    NameUnknown: Answer(HTTPStatus.SERVICE_UNAVAILABLE, "name_unknown", "warning"),
    AddressRefused: Answer(HTTPStatus.UNPROCESSABLE_ENTITY, "address_refused", "warning"),
    HostRefused: Answer(HTTPStatus.BAD_GATEWAY, "host_refused", "warning"),
    CredentialRefused: Answer(HTTPStatus.BAD_GATEWAY, "credential_refused", "warning"),
    ScopeMissing: Answer(HTTPStatus.BAD_GATEWAY, "scope_missing", "warning"),
    FileTooLarge: Answer(HTTPStatus.BAD_GATEWAY, "file_too_large", "warning"),
    Redirected: Answer(HTTPStatus.BAD_GATEWAY, "redirected", "warning"),
    HostUnavailable: Answer(HTTPStatus.SERVICE_UNAVAILABLE, "host_unavailable", "warning"),
    RateLimited: Answer(HTTPStatus.SERVICE_UNAVAILABLE, "rate_limited", "info"),
    MalformedEvent: Answer(HTTPStatus.UNPROCESSABLE_ENTITY, "malformed_event", "info"),
}


def answer_for(refusal: Refusal) -> Answer:
    """The answer of the refusal's own class, or of the nearest class above it that has one."""
    for kind in type(refusal).__mro__:
        if kind in ANSWERS:
            return ANSWERS[kind]
    raise LookupError(f"{type(refusal).__name__} has no answer in ANSWERS")
