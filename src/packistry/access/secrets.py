"""Tokens and passwords: made, recognised, hashed and compared. A plain secret is shown once and never stored."""

import hashlib
import secrets
import string
import zlib
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from argon2 import PasswordHasher


class TokenKind(StrEnum):
    """The prefix says whose token it is; it must fit the owner."""

    DEPLOY = "pkdt"
    PERSONAL = "pkpat"


ALPHABET: Final = string.digits + string.ascii_letters
# 62 ** 43 > 2 ** 256.
RANDOM_LENGTH: Final = 43
# The PHP product's tokens: taken over by their digest, so they go on being recognised.
PHP_RANDOM_LENGTH: Final = 40
CHECKSUM_LENGTH: Final = 8
HINT_LENGTH: Final = 12


@dataclass(frozen=True, slots=True)
class MintedSecret:
    """A new secret: the plain text for its owner, once; the digest and the hint for us."""

    plain: str = field(repr=False)
    digest: str
    hint: str


def mint(kind: TokenKind) -> MintedSecret:
    """A secret of 256 random bits, followed by a checksum so that typing errors and leaks are recognised offline."""
    body = "".join(secrets.choice(ALPHABET) for _ in range(RANDOM_LENGTH))
    plain = f"{kind}-{body}{_checksum(body)}"
    return MintedSecret(plain=plain, digest=digest_of(plain), hint=plain[:HINT_LENGTH])


def kind_of(plain: str) -> TokenKind | None:
    """Which token this is by its form alone; None for anything that cannot be one of ours, without a database."""
    prefix, hyphen, rest = plain.partition("-")
    body, checksum = rest[:-CHECKSUM_LENGTH], rest[-CHECKSUM_LENGTH:]
    known_length = len(body) in (RANDOM_LENGTH, PHP_RANDOM_LENGTH)
    if not hyphen or not known_length or not rest.isascii() or _checksum(body) != checksum.lower():
        return None
    return next((kind for kind in TokenKind if kind == prefix), None)


def digest_of(plain: str) -> str:
    """SHA-256 in hex of what follows the first hyphen. 256 random bits need no slow hash."""
    return hashlib.sha256(plain.partition("-")[2].encode()).hexdigest()


def _checksum(body: str) -> str:
    return f"{zlib.crc32(body.encode('utf-8', 'surrogatepass')):08x}"


def hash_password(password: str) -> str:
    """argon2id with the library's present parameters; about 0.2 s and 64 MiB."""
    return _hasher().hash(password)


def password_matches(stored: str | None, password: str) -> bool:
    """Whether the password is the stored one. An account without one costs the same time as a wrong password."""
    # Imported here: the command line must not pay for it at every call.
    from argon2.exceptions import InvalidHashError, VerificationError

    try:
        return _hasher().verify(stored or _unknown_account(), password) and stored is not None
    except (VerificationError, InvalidHashError):
        return False


@cache
def _hasher() -> "PasswordHasher":
    from argon2 import PasswordHasher

    return PasswordHasher()


@cache
def _unknown_account() -> str:
    # Verifying against this takes as long as against a real hash: no oracle for which accounts exist.
    return hash_password(secrets.token_urlsafe(16))
