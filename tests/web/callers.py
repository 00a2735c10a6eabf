"""Callers without a server: requests with an Authorization header and an address, recognised as a worker does."""

import asyncio
import base64
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from argon2 import PasswordHasher

from packistry.access.views import View
from packistry.accounts.actions import reset_password
from packistry.db.engine import Database
from packistry.db.models import User
from packistry.db.watch import watch
from packistry.house import House
from packistry.repositories.serve import Registry
from packistry.settings import Settings
from packistry.tokens.usage import TokenUses
from packistry.web.calling import Caller
from packistry.web.identity import Identity
from packistry.web.requests import Message, Origin, Request
from packistry.web.throttle import Throttle
from tests.factories import OPERATOR

R = TypeVar("R")

HOME, ABROAD = "192.0.2.1", "198.51.100.7"
# As good as a real one, and verified in a thousandth of the time.
CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


@dataclass
class Desk:
    """Where callers are recognised: one worker's identity, watcher and uses of tokens."""

    identity: Identity
    caller: Caller
    uses: TokenUses
    settings: Settings

    async def view(self, authorization: bytes | str | None, address: str = HOME) -> View:
        """What the sender of this header may read now."""
        return await self.caller.view(request(authorization, address, self.settings))


def request(authorization: bytes | str | None, address: str, settings: Settings) -> Request:
    """A request with this header from this address."""
    raw = authorization.encode() if isinstance(authorization, str) else authorization
    headers = [(b"user-agent", b"Composer/2.8.8"), *([] if raw is None else [(b"authorization", raw)])]
    scope = {"type": "http", "method": "GET", "headers": headers, "client": (address, 5), "query_string": b""}
    return Request(scope, _nothing, Origin(settings))


async def _nothing() -> Message:
    return {"type": "http.disconnect"}


def at_the_desk(
    house: House,
    scenario: Callable[[Desk], Awaitable[R]],
    *,
    attempts: int = 10,
    window_seconds: int = 300,
    remember_seconds: int = 600,
    database: Database | None = None,
) -> R:
    """Runs the scenario in an event loop of its own, with a desk on this house or another database."""

    async def run() -> R:
        opened = database or house.database
        with ThreadPoolExecutor(4) as executor:
            throttle = Throttle(attempts, window_seconds)
            identity = Identity(opened, executor, throttle, password_cache_seconds=remember_seconds)
            registry = Registry(opened, house.storage, executor, cache_bytes=1_000_000)
            watcher = watch(opened, (identity.kept, *registry.subscribers))
            uses = TokenUses()
            try:
                return await scenario(Desk(identity, Caller(watcher, identity, uses, registry), uses, house.settings))
            finally:
                identity.close()
                await watcher.close()

    return asyncio.run(run())


def set_password(house: House, user_id: int, password: str) -> None:
    """Gives the user a password that is cheap to check."""
    hashed = CHEAP.hash(password)
    with house.database.write() as session:
        reset_password(session, OPERATOR, session.get_one(User, user_id), hashed)


def basic(username: str, password: str) -> bytes:
    return b"Basic " + base64.b64encode(f"{username}:{password}".encode())
