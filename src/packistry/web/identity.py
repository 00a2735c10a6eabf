"""From a request's credential to a view: who asks, and what that one may read.

Views are kept in memory under a keyed digest of the header, and forgotten when a change names what they depend on.
"""

import asyncio
import base64
import binascii
import hashlib
import os
import time
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final
from weakref import WeakValueDictionary

from packistry import clock
from packistry.access.secrets import kind_of
from packistry.access.views import NOBODY, View, refused_view
from packistry.accounts.sign_in import view_of_password
from packistry.db.engine import Database
from packistry.db.keeping import Copy, Keeper
from packistry.db.watch import current_generation
from packistry.errors import TooManyAttempts, Unauthenticated
from packistry.tokens.queries import view_of_token
from packistry.web.requests import Request
from packistry.web.running import run
from packistry.web.throttle import Throttle

# About ten thousand ordinary views; one with a few thousand packages takes the place of a hundred.
VIEWS_BYTES: Final = 16 * 1024 * 1024
# argon2 takes 0.2 s and 64 MiB each; more at once would take the processor from everybody else.
PASSWORDS_AT_ONCE: Final = 2
# No header of ours is longer; hashing megabytes for a stranger is not our business.
MAX_HEADER_BYTES: Final = 4_096


@dataclass(frozen=True, slots=True)
class KeptView:
    """A view in memory; `until` is set for passwords, in seconds of the monotonic clock."""

    view: View
    until: float | None = None


class Identity:
    """Recognises callers. One per worker, used from its event loop."""

    def __init__(
        self, database: Database, executor: Executor, throttle: Throttle, *, password_cache_seconds: int
    ) -> None:
        self._database = database
        self._executor = executor
        self._passwords = ThreadPoolExecutor(PASSWORDS_AT_ONCE, thread_name_prefix="password")
        self._throttle = throttle
        self._password_cache_seconds = password_cache_seconds
        # Without the key, memory that leaks would hold digests of passwords that can be guessed offline.
        self._key = os.urandom(32)
        self.kept: Keeper[bytes, KeptView] = Keeper(VIEWS_BYTES)
        # Held while a password is proved. Whoever waits looks at `kept` and at the throttle only then: of a hundred
        # requests at once with one right password one pays, and of a thousand guesses no more count than one by one.
        self._slots = asyncio.Semaphore(PASSWORDS_AT_ONCE)
        self._accounts: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def view(self, authorization: bytes | None, request: Request) -> View:
        """The view of this Authorization header. A bad credential gives the view of nobody, with the reason in it."""
        if authorization is None:
            return NOBODY
        if len(authorization) > MAX_HEADER_BYTES:
            return refused_view(Unauthenticated("The Authorization header is too long to be one of ours."))
        digest = hashlib.blake2b(authorization, key=self._key, digest_size=16).digest()
        return self._kept_view(digest) or await self._recognise(authorization, digest, request)

    async def prove(self, email: str, password: str, address: str | None) -> View:
        """The view of a person who signs in; a refused one says why. Nothing of it is kept but the failures.

        Waits its turn: of two attempts at one account the second is only counted when the first was.
        """
        account = email.strip().lower()
        async with self._accounts.setdefault(account, asyncio.Lock()), self._slots:
            return (await self._proved(account, password, address)).value.view

    def close(self) -> None:
        self._passwords.shutdown(cancel_futures=True)

    def _kept_view(self, digest: bytes) -> View | None:
        kept = self.kept.get(digest)
        return kept.view if kept is not None and _still_good(kept) else None

    async def _recognise(self, authorization: bytes, digest: bytes, request: Request) -> View:
        username, password = credentials(authorization)
        for candidate in (password, username):
            if kind_of(candidate) is not None:
                return await self._token(candidate, digest)
        if "@" in username and password:
            return await self._password(username, password, digest, request.address)
        return NOT_A_CREDENTIAL

    async def _token(self, plain: str, digest: bytes) -> View:
        copy = await run(self._executor, self._read_token, plain)
        # What is not known here depends on nothing and would stay for ever; a stranger could fill the memory with it.
        if copy.depends_on:
            self.kept.put(digest, copy)
        return copy.value.view

    def _read_token(self, plain: str) -> Copy[KeptView]:
        with self._database.read() as session:
            generation = current_generation(session)
            view = view_of_token(session, plain)
        return Copy(KeptView(view), generation, view.depends_on, view.weight)

    async def _password(self, email: str, password: str, digest: bytes, address: str | None) -> View:
        account = email.strip().lower()
        one_at_a_time = self._accounts.setdefault(account, asyncio.Lock())
        async with one_at_a_time, self._slots:
            return self._kept_view(digest) or await self._prove(account, password, digest, address)

    async def _prove(self, account: str, password: str, digest: bytes, address: str | None) -> View:
        copy = await self._proved(account, password, address)
        if copy.value.view.refused is None:
            self.kept.put(digest, copy)
        return copy.value.view

    async def _proved(self, account: str, password: str, address: str | None) -> Copy[KeptView]:
        """Held to the throttle. Called with the account's lock and a slot."""
        wait = self._throttle.wait_seconds(account, address)
        if wait:
            sentence = f"Too many wrong passwords for {account} from this address; try again in {wait} s."
            return Copy(KeptView(refused_view(TooManyAttempts(sentence))), 0, frozenset(), 0)
        copy = await run(self._passwords, self._prove_password, account, password)
        if copy.value.view.refused is not None:
            self._throttle.failed(account, address)
        else:
            self._throttle.succeeded(account, address)
        return copy

    def _prove_password(self, email: str, password: str) -> Copy[KeptView]:
        copy = view_of_password(self._database, email, password)
        until = time.monotonic() + self._password_cache_seconds
        return Copy(KeptView(copy.value, until), copy.generation, copy.depends_on, copy.value.weight)


NOT_A_CREDENTIAL: Final = refused_view(
    Unauthenticated(
        "This is no Packistry token: a character is missing or wrong. Send it as Bearer, or as the password of Basic."
    )
)


def credentials(authorization: bytes) -> tuple[str, str]:
    """User name and password of a Basic header, or ("", token) of a Bearer one; ("", "") for anything else.

    A malformed credential is a bad one, never a fault.
    """
    scheme, _, value = authorization.partition(b" ")
    value = value.strip()
    if scheme.lower() == b"bearer":
        return "", value.decode("utf-8", "replace")
    if scheme.lower() != b"basic":
        return "", ""
    try:
        username, _, password = base64.b64decode(value, validate=True).decode("utf-8").partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    # Nobody's name has a NUL in it, and PostgreSQL would not even look.
    return ("", "") if "\0" in username else (username, password)


def _still_good(kept: KeptView) -> bool:
    """Time alone ends a view: the token's own end is compared on every request, and so is a password's."""
    if kept.view.expires_at is not None and kept.view.expires_at <= clock.now().timestamp():
        return False
    return kept.until is None or time.monotonic() < kept.until
