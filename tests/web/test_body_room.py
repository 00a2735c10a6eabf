"""Whose memory bodies of deliveries take when there is little of it."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import pytest
from starlette.requests import Request

from packistry.errors import Crowded
from packistry.web import webhooks
from packistry.web.webhooks import BodyRoom


def request(*chunks: bytes, then: asyncio.Event | None = None) -> Request:
    """One that sends its chunks, and its end when `then` says so."""
    messages: list[dict[str, object]] = [{"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks]

    async def receive() -> dict[str, object]:
        if messages:
            return messages.pop(0)
        if then is not None:
            await then.wait()
        return {"type": "http.request", "body": b"", "more_body": False}

    return Request({"type": "http", "headers": []}, receive)  # pyright: ignore[reportArgumentType] a plain dictionary


async def read(room: BodyRoom, asked: Request) -> bytes:
    async with room.body(asked) as body:
        return body


async def among(room: BodyRoom, slow: Sequence[Request], quick: Callable[[], Awaitable[object]]) -> list[object]:
    """What becomes of the slow ones, when another comes while they are under way."""
    tasks = [asyncio.create_task(read(room, each)) for each in slow]
    await asyncio.sleep(0.01)
    await quick()
    return await asyncio.gather(*tasks, return_exceptions=True)


def test_who_has_been_sending_longest_gives_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhooks, "SPARED_SECONDS", 0)

    async def scenario() -> None:
        room, end = BodyRoom(100), asyncio.Event()
        first, second = request(b"1" * 50, then=end), request(b"2" * 40, then=end)

        async def come() -> None:
            assert await read(room, request(b"3" * 60)) == b"3" * 60
            end.set()

        became = await among(room, [first, second], come)

        assert isinstance(became[0], Crowded)
        assert became[1] == b"2" * 40
        assert await read(room, request(b"4" * 100)) == b"4" * 100

    asyncio.run(scenario())


def test_who_has_just_begun_is_spared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhooks, "SPARED_SECONDS", 60)

    async def scenario() -> None:
        room, end = BodyRoom(100), asyncio.Event()

        async def come() -> None:
            with pytest.raises(Crowded):
                await read(room, request(b"2" * 60))
            end.set()

        became = await among(room, [request(b"1" * 50, then=end)], come)

        assert became == [b"1" * 50]

    asyncio.run(scenario())


def test_nobody_gives_way_to_himself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhooks, "SPARED_SECONDS", 0)

    async def scenario() -> None:
        room = BodyRoom(100)

        with pytest.raises(Crowded):
            await read(room, request(b"1" * 60, b"1" * 60))
        assert await read(room, request(b"2" * 100)) == b"2" * 100

    asyncio.run(scenario())
