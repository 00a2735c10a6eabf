"""Another process sees whether jobs processes live."""

import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from packistry.db.engine import Database
from packistry.jobs.life import Lives, held_file
from packistry.jobs.presence import LOCK_FILE, count_working
from packistry.settings import Settings


def test_jobs_processes_are_counted_while_they_live(settings: Settings) -> None:
    database = Database(settings.sqlalchemy_url)

    after = before = count_working(database, settings.data_dir)
    with _living(database, settings.data_dir):
        meanwhile = count_working(database, settings.data_dir)
    # PostgreSQL takes a moment to notice that a connection was closed.
    pause = threading.Event()
    for _ in range(100):
        after = count_working(database, settings.data_dir)
        if not after:
            break
        pause.wait(0.05)

    database.dispose()
    assert (before, meanwhile, after) == (0, 1, 0)


@contextmanager
def _living(database: Database, data_dir: Path) -> Generator[None]:
    if database.is_sqlite:
        with held_file(data_dir / LOCK_FILE, is_told_to_stop=lambda: False, wait=lambda _: None):
            yield
        return
    lives = Lives(database.url)
    yield
    lives.close()
