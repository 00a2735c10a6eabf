"""`make journey`: a clone, `make run`, the wizard in Chromium, and a real Composer; with a clock.

What a person needs to read and type is not in it; the host is a fake one, and its part of each act is said.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from playwright.sync_api import Error as Refused
from playwright.sync_api import Page, sync_playwright

from tests.composer.client import composer
from tests.proofs.journey.host import CHOSEN, TOKEN, TimedGitHub, filled_host
from tests.proofs.journey.pasting import paste
from tests.tools import ROOT, dying_with_us, free_port, program

# From the clone to the package in the project, by machine.
MOST_SECONDS: Final = 180.0
START_SECONDS: Final = 900
STOP_SECONDS: Final = 30
# As far away as a host of the real world.
LATENCY_SECONDS: Final = 0.1
LINK: Final = re.compile(r"http://\S+/-/setup\?code=\S+")


@dataclass
class Clock:
    """What each act took, and how much of that the host was at work."""

    host: TimedGitHub
    acts: list[tuple[str, float, float]] = field(default_factory=list[tuple[str, float, float]])

    @contextmanager
    def act(self, name: str) -> Generator[None]:
        began = time.perf_counter()
        yield
        ended = time.perf_counter()
        self.acts.append((name, ended - began, self.host.seconds_between(began, ended)))
        print(f"{name:<52}{ended - began:7.1f} s   {self.acts[-1][2]:5.1f} s", flush=True)

    @property
    def seconds(self) -> float:
        return sum(seconds for _, seconds, _ in self.acts)


def main() -> int:
    """The journey; 1 when it took longer than it may."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--latency", type=float, default=LATENCY_SECONDS, help="seconds of each answer of the host")
    host = filled_host(arguments.parse_args().latency)
    clock = Clock(host)
    # Whatever else the machine does is in every figure.
    print(f"{f'({os.cpu_count()} processors, load {os.getloadavg()[0]:.1f})':<52}{'in all':>9}   the host", flush=True)
    with host.running(), tempfile.TemporaryDirectory(prefix="packistry-journey-") as folder:
        _travel(clock, Path(folder))
    print(f"{'clone to composer require':<52}{clock.seconds:7.1f} s   of {MOST_SECONDS:.0f} s", flush=True)
    return int(clock.seconds > MOST_SECONDS)


def _travel(clock: Clock, folder: Path) -> None:
    clone, port = folder / "packistry", free_port()
    with clock.act("git clone"):
        subprocess.run(["git", "clone", "--quiet", ROOT, clone], check=True)
    with clock.act("make install (only the dependencies)"):
        subprocess.run(
            ["make", "install", f"PYTHON={sys.executable}"], cwd=clone, check=True, stdout=subprocess.DEVNULL
        )
    log = folder / "server.log"
    with _made(clone, port, log) as process, sync_playwright() as playwright:
        with clock.act("1. make run, until it prints the link"):
            link = _link(process, log)
        browser = playwright.chromium.launch(executable_path=str(program("chromium")), args=["--no-sandbox"])
        page = browser.new_page()
        with clock.act("2. the wizard, until it shows the commands"):
            commands = _wizard(clock, page, link)
        with clock.act("3. composer runs the commands"):
            told = paste(composer("composer-latest"), folder / "person", commands)
        with clock.act("   and the page says that it works"):
            page.get_by_text("It works:").wait_for(timeout=20_000)
        print(f"   {page.locator('.notice.ok').inner_text()}", flush=True)
        assert "Installing" in told
        page.get_by_role("link", name="Open the dashboard").click()
        page.get_by_role("heading", name="Dashboard").wait_for()
        browser.close()


@contextmanager
def _made(clone: Path, port: int, log: Path) -> Generator[subprocess.Popen[bytes]]:
    """`make run` in the clone, with an environment that lets it connect to the host beside us."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PACKISTRY_")}
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*dying_with_us("TERM"), "make", "run", f"ARGUMENTS=--port {port}"],
            cwd=clone,
            env={**environment, "PACKISTRY_OUTBOUND_ALLOW": "127.0.0.1"},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(STOP_SECONDS)


def _link(process: subprocess.Popen[bytes], log: Path) -> str:
    deadline = time.monotonic() + START_SECONDS
    while not (found := LINK.search(log.read_text())):
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.05)
    return found[0]


def _wizard(clock: Clock, page: Page, link: str) -> list[str]:
    """Clicks through it as somebody would who connects a host; gives the commands that it ends with."""
    _open(page, link)
    page.get_by_label("Name").fill("Ada Lovelace")
    page.get_by_label("E-mail address").fill("ada@example.test")
    page.get_by_label("Password").fill("correct horse battery")
    page.get_by_role("button", name="Make administrator").click()
    page.get_by_role("button", name="Test and continue").click()
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("link", name="GitHub").click()
    page.get_by_label("Address").fill(clock.host.address)
    page.get_by_label("Access token").fill(TOKEN)
    page.get_by_role("button", name="Connect and test").click()
    for name in CHOSEN:
        page.get_by_label(name, exact=True).check()
    page.get_by_role("button", name="Import", exact=True).click()
    page.get_by_role("link", name="Continue: install one").click(timeout=60_000)
    page.get_by_role("button", name="Make a token and show the commands").click()
    page.get_by_text("Waiting for the first download").wait_for()
    copied = page.get_by_role("button", name="Copy all commands").get_attribute("data-copy")
    assert copied is not None
    return copied.splitlines()


def _open(page: Page, link: str) -> None:
    """The link is printed a moment before somebody answers there."""
    deadline = time.monotonic() + STOP_SECONDS
    while True:
        try:
            page.goto(link)
        except Refused:
            assert time.monotonic() < deadline, "nobody answers at the link"
            time.sleep(0.1)
        else:
            return


if __name__ == "__main__":
    sys.exit(main())
