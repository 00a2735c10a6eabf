"""Following imports: what is told, when a stream ends, and that it costs the others nothing."""

import asyncio
import json
import threading
from collections.abc import AsyncGenerator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import pytest
from sqlalchemy import event, update

from packistry import clock
from packistry.db.models import ImportRef, ImportRun
from packistry.errors import Unavailable
from packistry.house import House
from packistry.web.pages import live
from packistry.web.pages.live import MOST_OF_ONE, LiveRuns
from tests.web.pages.browser import Browser
from tests.web.pages.test_deliveries import project_row, source_row

R = TypeVar("R")
Events = AsyncGenerator[bytes]


@pytest.fixture
def running(house: House, monkeypatch: pytest.MonkeyPatch) -> House:
    """A run of four refs, one of them done."""
    monkeypatch.setattr(live, "LOOK_SECONDS", 0.01)
    moment = clock.now()
    with house.database.write() as session:
        session.add(source_row())
        session.flush()
        session.add(project_row(1))
        session.flush()
        session.add(
            ImportRun(project_id=1, cause="push", state="running", priority=1, due_at=moment, created_at=moment)
        )
        session.flush()
        states = ["imported", "waiting", "waiting", "waiting"]
        session.add_all(
            ImportRef(run_id=1, kind="tag", name=str(at), commit="c", position=at, state=state)
            for at, state in enumerate(states)
        )
    return house


def follow(house: House, use: Callable[[LiveRuns], Awaitable[R]]) -> R:
    """Runs this with streams of the house."""

    async def inside() -> R:
        with ThreadPoolExecutor(2) as executor:
            return await asyncio.wait_for(use(LiveRuns(house.database, executor)), 30)

    return asyncio.run(inside())


def go_on(house: House, *, end: bool = False) -> None:
    """One more ref is done, or all of it."""
    with house.database.write() as session:
        chosen = ImportRef.name != "0" if end else ImportRef.name == "1"
        session.execute(update(ImportRef).where(chosen).values(state="imported"))
        if end:
            session.execute(update(ImportRun).values(state="done"))


async def next_event(events: Events) -> tuple[str, list[dict[str, object]]]:
    """The next event that is none of the stream's own housekeeping."""
    async for chunk in events:
        lines = dict(line.split(": ", 1) for line in chunk.decode().splitlines() if ": " in line)
        if "event" in lines:
            return lines["event"], json.loads(lines["data"])
    return "", []


@pytest.mark.parametrize("run_id", [1, None], ids=["one run", "all that are open"])
def test_a_stream_tells_of_each_step_and_ends_with_the_work(running: House, run_id: int | None) -> None:
    async def watch(runs: LiveRuns) -> list[tuple[str, list[dict[str, object]]]]:
        events = runs.stream(1, run_id)
        told = [await next_event(events)]
        go_on(running)
        told.append(await next_event(events))
        go_on(running, end=True)
        told += [await next_event(events), await next_event(events), await next_event(events)]
        return told

    told = follow(running, watch)

    assert [name for name, _ in told] == ["progress", "progress", "progress", "finished", ""]
    assert told[0][1] == [{"id": 1, "state": "running", "done": 1, "total": 4}]
    assert told[1][1][0]["done"] == 2


def test_of_a_run_that_is_over_a_stream_says_so_at_once(running: House) -> None:
    go_on(running, end=True)

    async def watch(runs: LiveRuns) -> list[str]:
        events = runs.stream(1, 1)
        return [(await next_event(events))[0], (await next_event(events))[0], (await next_event(events))[0]]

    assert follow(running, watch) == ["progress", "finished", ""]


def test_a_stream_ends_after_a_while_and_says_meanwhile_that_it_is_there(
    running: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "STREAM_SECONDS", 0.05)
    monkeypatch.setattr(live, "SILENT_SECONDS", 0.01)

    async def watch(runs: LiveRuns) -> list[bytes]:
        return [chunk async for chunk in runs.stream(1, 1)]

    chunks = follow(running, watch)

    assert chunks[0].startswith(b"retry:")
    assert b": still here\n\n" in chunks
    assert not any(b"finished" in chunk for chunk in chunks)


def test_a_server_that_stops_waits_for_no_stream(running: House, monkeypatch: pytest.MonkeyPatch) -> None:
    stopping = threading.Event()
    monkeypatch.setattr(live, "STOPPING", stopping)

    async def watch(runs: LiveRuns) -> list[bytes]:
        events = runs.stream(1, 1)
        await next_event(events)
        stopping.set()
        return [chunk async for chunk in events]

    assert follow(running, watch) == []


def test_however_many_watch_there_is_one_look(running: House) -> None:
    asked: list[str] = []
    event.listen(running.database._reader, "before_cursor_execute", lambda *said: asked.append(said[2]))  # pyright: ignore[reportPrivateUsage] - counting is not watching

    async def watch(runs: LiveRuns) -> int:
        streams = [runs.stream(number, 1) for number in range(200)]
        await asyncio.gather(*(next_event(each) for each in streams))
        before = len(asked)
        go_on(running)
        told = await asyncio.gather(*(next_event(each) for each in streams))
        assert {events[0]["done"] for _, events in told} == {2}
        for each in streams:
            await each.aclose()
        return before

    joining = follow(running, watch)

    assert joining < 20
    assert len(asked) - joining < 200


def test_nobody_takes_all_streams_away_from_the_others(running: House) -> None:
    async def watch(runs: LiveRuns) -> None:
        streams = [runs.stream(1, 1) for _ in range(MOST_OF_ONE)]
        for each in streams:
            await next_event(each)
        with pytest.raises(Unavailable):
            runs.refuse_too_many(1)
        runs.refuse_too_many(2)
        await streams[0].aclose()
        runs.refuse_too_many(1)
        for each in streams:
            await each.aclose()

    follow(running, watch)


def test_by_page_the_stream_is_for_who_may_see_the_run(administrator: Browser, running: House) -> None:
    page = administrator.open("/-/imports/1")
    go_on(running, end=True)

    answer = administrator.open("/-/imports/1/events").answer

    assert 'data-events="/-/imports/1/events"' in page.html
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.headers["cache-control"] == "no-store"
    assert "content-encoding" not in answer.headers
    assert "event: finished" in answer.text
    assert "event: finished" in administrator.open("/-/imports/events").answer.text
    administrator.open("/-/imports/2/events", status=404)


def test_only_administrators_follow_imports(plain_user: Browser) -> None:
    plain_user.open("/-/imports/events", status=403)
    plain_user.open("/-/imports/1/events", status=403)
