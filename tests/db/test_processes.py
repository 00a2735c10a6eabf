"""Several processes on one database: nothing is lost, nobody is told that it is locked, and nothing is made twice."""

import os
import subprocess
import sys
from pathlib import Path

from sqlalchemy import func, select

from packistry.db.models import AuditEvent, Change, Download, Repository, Token, User
from packistry.db.watch import current_generation
from packistry.house import House, open_house
from packistry.settings import Settings
from tests import factories
from tests.db.writers import VERSION
from tests.tools import ROOT

PROCESSES = 4
TURNS = 60


def run_together(settings: Settings, turns: int, processes: int = PROCESSES) -> None:
    """Runs the writers side by side; each must end well and silently."""
    database = {"PACKISTRY_DATABASE_URL": settings.database_url} if settings.database_url else {}
    command = [sys.executable, "-m", "tests.db.writers", str(settings.data_dir), str(turns)]
    running = [
        subprocess.Popen(
            command,
            cwd=ROOT,
            env={"PATH": os.environ.get("PATH", os.defpath), **database},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(processes)
    ]
    told = [process.communicate(timeout=120) for process in running]
    assert [(process.returncode, *said) for process, said in zip(running, told, strict=True)] == [
        (0, f"{turns}\n", "")
    ] * processes


def test_writers_in_several_processes_lose_nothing(house: House) -> None:
    user_id = factories.user(house)
    with house.database.write() as session:
        session.get_one(User, user_id).name = "0"

    run_together(house.settings, TURNS)

    changes, tokens = PROCESSES * TURNS, PROCESSES * (TURNS // 10)
    with house.database.read() as session:
        assert session.get_one(User, user_id).name == str(changes)
        assert session.scalars(select(Download.downloads).where(Download.version_id == VERSION)).all() == [changes]
        events = session.execute(select(AuditEvent.event, func.count()).group_by(AuditEvent.event)).all()
        assert {name: count for name, count in events if name != "user.created"} == {
            "user.updated": changes,
            "deploy_token.created": tokens,
        }
        assert session.execute(select(func.count()).select_from(Token)).scalar_one() == tokens
        # Each change has its own number, in order and without a gap: no reader can miss one.
        numbers = session.scalars(select(Change.number).where(Change.number > 1).distinct().order_by(Change.number))
        assert numbers.all() == list(range(2, 2 + changes + tokens))
        assert current_generation(session) == 1 + changes + tokens


def test_processes_that_start_at_once_make_the_tables_once(database_url: str, tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "fresh", database_url=database_url)

    run_together(settings, 0, processes=5)

    with open_house(settings) as house, house.database.read() as session:
        assert session.scalars(select(Repository.path)).all() == [""]
