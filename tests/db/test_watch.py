"""Watching the generation: each change is told once to every reader, before the answer to whoever asks after it."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from typing import TypeVar

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import make_url, text
from starlette.testclient import TestClient

from packistry.db.changes import ChangeKey
from packistry.db.engine import Database
from packistry.db.generation import CUT_EVERY, FEED_LENGTH
from packistry.db.watch import Watcher, current_generation, watch
from packistry.errors import Unavailable
from packistry.house import House, open_house
from packistry.settings import Settings
from tests import factories

R = TypeVar("R")


class Told:
    """A reader that keeps nothing but what it was told."""

    def __init__(self) -> None:
        self.calls: list[tuple[list[ChangeKey] | None, int]] = []

    def forget(self, changes: Sequence[ChangeKey] | None, generation: int) -> None:
        self.calls.append((None if changes is None else sorted(changes), generation))


def change(database: Database, *names: str) -> int:
    """Tells readers of changes under these keys; the generation that was then."""
    with database.write() as session:
        session.changed(*(ChangeKey(name) for name in names))
    with database.read() as session:
        return current_generation(session)


def watching(house: House, scenario: Callable[[Watcher, Told], Awaitable[R]]) -> R:
    """Runs the scenario in an event loop with a watcher that has looked once."""

    async def run() -> R:
        told = Told()
        watcher = watch(house.database, (told,))
        try:
            await watcher.look()
            return await scenario(watcher, told)
        finally:
            await watcher.close()

    return asyncio.run(run())


def test_the_first_look_forgets_everything(house: House) -> None:
    change(house.database, "a")

    async def nothing(watcher: Watcher, told: Told) -> tuple[int, list[tuple[list[ChangeKey] | None, int]]]:
        return watcher.number, told.calls

    assert watching(house, nothing) == (1, [(None, 1)])


def test_a_look_tells_what_changed_since_the_last_and_nothing_twice(house: House) -> None:
    async def looks(watcher: Watcher, told: Told) -> None:
        told.calls.clear()
        await watcher.look()
        change(house.database, "a", "b")
        change(house.database, "c")
        await watcher.look()
        await watcher.look()
        change(house.database, "a")
        await watcher.look()
        assert told.calls == [(["a", "b", "c"], 2), (["a"], 3)]

    watching(house, looks)


def test_two_readers_on_two_databases_each_see_each_change_once(house: House) -> None:
    async def both() -> None:
        async with AsyncExitStack() as stack:
            readers: list[tuple[Watcher, Told]] = []
            for _ in range(2):
                database = Database(house.settings.sqlalchemy_url)
                stack.callback(database.dispose)
                told = Told()
                watcher = watch(database, (told,))
                stack.push_async_callback(watcher.close)
                await watcher.look()
                readers.append((watcher, told))
            for number in range(20):
                change(house.database, f"key {number}")
                # One looks at each change, the other at every fifth.
                for watcher, _ in readers if number % 5 == 4 else readers[:1]:
                    await watcher.look()
            for _, told in readers:
                keys = [key for changes, _ in told.calls[1:] for key in changes or ()]
                assert keys == sorted(keys, key=lambda key: int(key.split()[1]))
                assert set(keys) == {f"key {number}" for number in range(20)}
                assert len(keys) == 20

    asyncio.run(both())


def fast_forward(house: House, number: int) -> None:
    """As if so many changes had been made."""
    with house.database.write() as session:
        session.execute(text("UPDATE generation SET number = :number"), {"number": number})


def feed(house: House) -> tuple[int, list[int]]:
    """The floor, and the numbers that are still in the feed."""
    with house.database.read() as session:
        floor = session.execute(text("SELECT floor FROM generation")).scalar_one()
        return floor, list(session.scalars(text("SELECT number FROM changes ORDER BY number")))


def test_the_feed_is_cut_now_and_then_and_keeps_its_length(house: House) -> None:
    change(house.database, "old")
    fast_forward(house, FEED_LENGTH + CUT_EVERY - 2)
    change(house.database, "not yet")
    assert feed(house) == (0, [1, FEED_LENGTH + CUT_EVERY - 1])

    change(house.database, "cuts")

    assert feed(house) == (CUT_EVERY, [FEED_LENGTH + CUT_EVERY - 1, FEED_LENGTH + CUT_EVERY])


def test_a_short_feed_is_not_cut_below_nothing(house: House) -> None:
    fast_forward(house, CUT_EVERY - 1)

    change(house.database, "cuts")

    assert feed(house) == (0, [CUT_EVERY])


SLEPT = [
    (CUT_EVERY - 1, True, "it saw less than was cut"),
    (CUT_EVERY, False, "it saw exactly what was cut"),
    (CUT_EVERY + 1, False, "it saw more"),
]


@pytest.mark.parametrize(("seen", "forgets", "why"), SLEPT, ids=[row[2] for row in SLEPT])
def test_a_reader_that_slept_while_the_feed_was_cut_forgets_everything(
    house: House, seen: int, forgets: bool, why: str
) -> None:
    fast_forward(house, seen)

    async def sleep(watcher: Watcher, told: Told) -> None:
        fast_forward(house, FEED_LENGTH + CUT_EVERY - 1)
        change(house.database, "cuts")
        await watcher.look()
        [_, (changes, number)] = told.calls
        assert number == watcher.number == FEED_LENGTH + CUT_EVERY
        assert changes == (None if forgets else ["cuts"]), why

    watching(house, sleep)


def test_a_number_that_went_back_forgets_everything(house: House) -> None:
    """The database was restored from a copy; what is kept may never have been."""
    for _ in range(3):
        change(house.database, "a")

    async def restore(watcher: Watcher, told: Told) -> None:
        fast_forward(house, 1)
        await watcher.look()
        assert told.calls[1:] == [(None, 1)]
        assert watcher.number == 1

    watching(house, restore)


def test_whoever_looks_sees_what_was_committed_before(house: House) -> None:
    """While somebody writes all the time, and many look at once and share their looks."""
    committed = 0
    stop = threading.Event()

    def write() -> None:
        nonlocal committed
        while not stop.is_set():
            committed = change(house.database, "a")

    async def many(watcher: Watcher, told: Told) -> None:
        async def one() -> None:
            while watcher.number < 30:
                before = committed
                await watcher.look()
                assert watcher.number >= before, "a look began before it was asked for"
                await asyncio.sleep(0)

        await asyncio.gather(*(one() for _ in range(8)))
        numbers = [number for _, number in told.calls]
        assert numbers == sorted(set(numbers))

    writer = threading.Thread(target=write)
    writer.start()
    try:
        watching(house, many)
    finally:
        stop.set()
        writer.join(30)


def test_a_client_that_hangs_up_leaves_the_look_to_the_others(house: House) -> None:
    async def hang_up(watcher: Watcher, told: Told) -> None:
        change(house.database, "a")
        looks = [asyncio.ensure_future(watcher.look()) for _ in range(4)]
        await asyncio.sleep(0)
        looks[0].cancel()
        looks[2].cancel()
        await asyncio.gather(looks[1], looks[3])
        assert watcher.number == 1
        assert (["a"], 1) in told.calls
        await asyncio.gather(*looks, return_exceptions=True)

    watching(house, hang_up)


def administer(settings: Settings, statement: str) -> None:
    """Does something to the database of these settings from another one, and ends every connection to it."""
    address = make_url(str(settings.database_url)).set(drivername="postgresql")
    name = str(address.database)
    elsewhere = address.set(database="postgres").render_as_string(hide_password=False)
    with psycopg.connect(elsewhere, autocommit=True) as own:
        if statement:
            own.execute(sql.SQL(statement).format(sql.Identifier(name)))  # pyright: ignore[reportArgumentType]
        own.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()",
            [name],
        )


only_postgresql = pytest.mark.parametrize(
    "settings", [pytest.param("postgresql", marks=pytest.mark.postgresql)], indirect=True
)


@only_postgresql
def test_a_connection_that_was_ended_is_opened_again_and_misses_nothing(house: House) -> None:
    async def ended(watcher: Watcher, told: Told) -> None:
        told.calls.clear()
        administer(house.settings, "")
        change(house.database, "a")
        for _ in range(5):
            try:
                await watcher.look()
                break
            except Unavailable:
                # The first one may find the connection dead only while it asks.
                await asyncio.sleep(0.05)
        assert told.calls == [(["a"], 1)]

    watching(house, ended)


@only_postgresql
def test_while_the_database_is_away_every_look_is_refused_and_then_goes_on(house: House) -> None:
    async def away(watcher: Watcher, told: Told) -> None:
        change(house.database, "a")
        administer(house.settings, "ALTER DATABASE {} ALLOW_CONNECTIONS false")
        await asyncio.sleep(0.05)
        refused = await asyncio.gather(*(watcher.look() for _ in range(5)), return_exceptions=True)
        assert [type(fault) for fault in refused] == [Unavailable] * 5
        administer(house.settings, "ALTER DATABASE {} ALLOW_CONNECTIONS true")
        told.calls.clear()
        await watcher.look()
        assert told.calls == [(["a"], 1)]

    watching(house, away)


@only_postgresql
def test_at_the_door_a_database_that_is_away_is_503_and_no_old_answer(settings: Settings, client: TestClient) -> None:
    with open_house(settings) as house:
        headers = {"Authorization": f"Bearer {factories.deploy_token(house, '')}"}
    assert client.get("/packages.json", headers=headers).status_code == 200

    administer(settings, "ALTER DATABASE {} ALLOW_CONNECTIONS false")
    away = [client.get(path, headers=headers) for path in ("/packages.json", "/p2/acme/lib.json", "/list.json")]
    administer(settings, "ALTER DATABASE {} ALLOW_CONNECTIONS true")

    assert [answer.status_code for answer in away] == [503] * 3
    assert all(answer.headers["retry-after"] and answer.json()["warning"] for answer in away)
    assert client.get("/packages.json", headers=headers).status_code == 200
