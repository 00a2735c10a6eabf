"""Every page in every state, in both themes and widths: `python -m tests.proofs.screens [--only packages,package]`.

Says what is wrong with each, leaves the pictures in out/screens, and ends with 1 when something is wrong, or when a
page of docs/pages.md is in no row of tests/web/screens/screens.py.
"""

import argparse
import re
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from playwright.sync_api import Browser

from packistry.db.engine import Database
from packistry.db.schema import upgrade
from packistry.house import House
from tests.chromium import running_chromium
from tests.tools import ROOT
from tests.web.screens.looking import PICTURES, look
from tests.web.screens.screens import HELD, NEW, OTHERS, Screen
from tests.web.screens.shown import showing
from tests.web.screens.world import fill, only_an_administrator

SHOWN: Final = re.compile(r"^\| GET[A-Z, ]* \| `([^`]+)` \|", re.MULTILINE)
# Addresses that lead on, answer other than with a page, or are the same page under another address.
NO_SCREEN: Final = re.compile(r"^/$|static|export|events|/-/itself|/-/r/|/-/setup|secret|deliveries/\{")
WORLDS: Final[Sequence[tuple[Callable[[House], None], Sequence[Screen]]]] = (
    (fill, (*HELD, *OTHERS)),
    (only_an_administrator, NEW),
)


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="screens", description="Every page in every state.")
    parser.add_argument("--only", type=lambda text: set(text.split(",")), default=set(), help="names of screens")
    only: set[str] = parser.parse_args(arguments).only
    wrong = [] if only else [f"no screen shows {page}" for page in _unseen()]
    with TemporaryDirectory(prefix="packistry-screens-") as name:
        folder = Path(name)
        migrated = _migrated(folder)
        with running_chromium(folder) as chromium:
            for number, (filled, screens) in enumerate(WORLDS):
                chosen = [screen for screen in screens if not only or screen.name in only]
                place = folder / str(number)
                place.mkdir()
                wrong += _look(chromium, place, migrated, filled, chosen) if chosen else []
    print("\n".join(wrong) or "Nothing is wrong.")
    print(f"The pictures are in {PICTURES.relative_to(ROOT)}.")
    return int(bool(wrong))


def _look(
    chromium: Browser, folder: Path, migrated: Path, filled: Callable[[House], None], screens: Sequence[Screen]
) -> list[str]:
    found: list[str] = []
    with showing(folder, migrated, filled) as shown:
        for screen in screens:
            began = time.monotonic()
            wrong = look(chromium, shown, screen)
            print(f"{screen.name}: {len(wrong)} wrong [{time.monotonic() - began:.1f} s]", flush=True)
            found += [f"{screen.name}: {each}" for each in wrong]
    return found


def _migrated(folder: Path) -> Path:
    path = folder / "migrated.sqlite3"
    database = Database(f"sqlite:///{path}")
    upgrade(database)
    database.dispose()
    return path


def _unseen() -> list[str]:
    """The pages that are in the list of pages, and on no screen."""
    pages = SHOWN.findall((ROOT / "docs" / "pages.md").read_text(encoding="utf-8"))
    paths = [screen.path.partition("?")[0] for screen in (*HELD, *OTHERS, *NEW)]
    return [
        page
        for page in pages
        if not NO_SCREEN.search(page)
        and not any(re.fullmatch(re.sub(r"\\\{[^}]+\\\}", "[^/]+", re.escape(page)), path) for path in paths)
    ]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
