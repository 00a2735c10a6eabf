"""Debian's Chromium as our tests drive it: nothing of the one who runs them, no address but loopback, one font."""

import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Literal

from playwright.sync_api import Browser, BrowserContext, sync_playwright

from tests.tools import program

Theme = Literal["light", "dark"]
THEMES: Final[tuple[Theme, ...]] = ("light", "dark")
# A desktop's and a phone's window, in CSS pixels.
WIDTHS: Final = (1440, 390)
HEIGHT: Final = 900
# As root Chromium does not start with its sandbox. It asks nobody for updates, and no name leads anywhere.
OPTIONS: Final = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)
# Without it a page's system font is whatever the machine has, and no two machines' pictures are alike.
FONTS: Final = """<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir>/usr/share/fonts</dir>
  <cachedir>{folder}/fonts</cachedir>
  <alias binding="same"><family>system-ui</family><prefer><family>Inter</family></prefer></alias>
  <alias binding="same"><family>sans-serif</family><prefer><family>Inter</family></prefer></alias>
  <alias binding="same"><family>monospace</family><prefer><family>DejaVu Sans Mono</family></prefer></alias>
</fontconfig>
"""


@contextmanager
def running_chromium(folder: Path) -> Generator[Browser]:
    """A Chromium that keeps what it writes in this folder. About 1 s to start; it ends with the block."""
    fonts = folder / "fonts.conf"
    fonts.write_text(FONTS.format(folder=folder))
    environment = {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(folder),
        "LC_ALL": "C.UTF-8",
        "FONTCONFIG_FILE": str(fonts),
    }
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=program("chromium"), args=list(OPTIONS), env={**environment}
        )
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def window(browser: Browser, theme: Theme, width: int, *, scripts: bool = True) -> Generator[BrowserContext]:
    """A window of somebody whose system is light or dark, without cookies; `scripts` says whether pages run any."""
    context = browser.new_context(
        viewport={"width": width, "height": HEIGHT},
        color_scheme=theme,
        java_script_enabled=scripts,
        # Nothing moves while it is looked at.
        reduced_motion="reduce",
    )
    # What does not come at once from a server on this machine does not come.
    context.set_default_timeout(10_000)
    try:
        yield context
    finally:
        context.close()
