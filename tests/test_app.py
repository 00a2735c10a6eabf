"""A worker's life: what it tells the server that starts it."""

import asyncio
from pathlib import Path

from starlette.types import Message

from packistry.app import Worker
from packistry.settings import Settings
from tests.tools import free_port


def test_a_worker_whose_database_is_gone_says_that_it_failed(tmp_path: Path) -> None:
    address = f"postgresql://nobody:secret@127.0.0.1:{free_port()}/nothing"
    worker = Worker(Settings(data_dir=tmp_path / "data", database_url=address))
    said: list[Message] = []

    async def receive() -> Message:
        return {"type": "lifespan.startup"}

    async def send(message: Message) -> None:
        said.append(message)

    asyncio.run(worker({"type": "lifespan"}, receive, send))

    assert [message["type"] for message in said] == ["lifespan.startup.failed"]
    assert "secret" not in said[0]["message"]
