"""Looking at one page as both themes and widths show it: what is wrong with it, in sentences, and pictures of it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, Literal

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Browser, Page

from tests.chromium import HEIGHT, THEMES, WIDTHS, window
from tests.tools import ROOT
from tests.web.screens.screens import Screen
from tests.web.screens.shown import Shown

# Git does not take it, and CI keeps it.
PICTURES: Final = ROOT / "out" / "screens"
MOST_BYTES: Final = 40 * 1024
MOST_REQUESTS: Final = 6
# A long table may be painted before its last rows came, and its columns then move; nothing else moves.
MOST_SHIFT: Final = 0.1
# More than any page has before its main action: who has to press more often gives up.
MOST_STEPS: Final = 60
MOST_TOLD: Final = 20
TOP: Final = "() => { document.activeElement.blur(); window.scrollTo(0, 0) }"
# What a page has cost, packed as it came; the document itself is none of its resources.
WEIGHT: Final = """() => {
  const parts = [...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')]
  return [parts.length, parts.reduce((sum, part) => sum + part.encodedBodySize, 0)]
}"""
SHIFT: Final = """() => new Promise((done) => {
  let sum = 0
  new PerformanceObserver((list) => { for (const each of list.getEntries()) sum += each.value })
    .observe({ type: 'layout-shift', buffered: true })
  setTimeout(() => done(sum), 20)
})"""
# The element with the focus: what a screen reader calls it, and whether one sees that it has the focus. The browser
# draws the parts of a date itself.
FOCUSED: Final = """() => {
  const one = document.activeElement, style = getComputedStyle(one)
  return [(one.getAttribute('aria-label') || one.innerText || '').trim().replace(/\\s+/g, ' '),
    one === document.body || one.type === 'date' ||
    (style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2)]
}"""
VIOLATIONS: Final = """async (only) => (await axe.run({ resultTypes: ['violations'], ...only })).violations
  .map((each) => `${each.id}: ${each.nodes.map((node) => node.html.slice(0, 160)).slice(0, 3).join(' | ')}`)"""


def look(chromium: Browser, shown: Shown, screen: Screen, pictures: Path = PICTURES) -> list[str]:
    """What is wrong with this page in any theme and width; of each a picture is left in the folder."""
    with window(chromium, "light", WIDTHS[0]) as context:
        if screen.who:
            shown.sign_in(context, screen.who)
        page = context.new_page()
        said: list[str] = []
        page.on("console", lambda message: said.append(f"console: {message.text}"))
        page.on("pageerror", lambda fault: said.append(f"script: {fault}"))
        wrong = list(_opened(page, shown, screen))
        # A page that is refused is one that the browser itself writes a line about.
        wrong += [text for text in said if screen.status < 400 or "server responded with a status of" not in text]
        wrong += _walked(page, screen)
        # By the debugger: the page's own policy stays in force.
        page.evaluate(AXE_SCRIPT)
        page.evaluate(TOP)
        for theme in THEMES:
            page.emulate_media(color_scheme=theme)
            for width in WIDTHS:
                wrong += [f"{theme}, {width} px: {each}" for each in _seen(page, theme, width)]
                page.screenshot(path=pictures / f"{screen.name}-{theme}-{width}.png", full_page=True)
        return wrong


def _opened(page: Page, shown: Shown, screen: Screen) -> Iterator[str]:
    """Goes there, sends the form if there is one, and says what is too much of what came."""
    answer = page.goto(shown.address(screen.path))
    if screen.sent is not None:
        for name, value in screen.sent.items():
            page.locator(f"[name={name}]").first.fill(value)
        with page.expect_navigation() as sent:
            page.get_by_role("button", name=screen.button or screen.action, exact=True).first.click()
        answer = sent.value
    assert answer is not None
    if answer.status != screen.status:
        yield f"status {answer.status} and not {screen.status}"
    requests, size = page.evaluate(WEIGHT)
    if requests > MOST_REQUESTS:
        yield f"{requests} requests"
    if size > MOST_BYTES:
        yield f"{size} bytes"
    if (shift := page.evaluate(SHIFT)) > MOST_SHIFT:
        yield f"what is on it moves by {shift}"


def _walked(page: Page, screen: Screen) -> Iterator[str]:
    """Goes through it by the Tab key, from its top to the main action."""
    page.evaluate(TOP)
    passed: list[str] = []
    while len(passed) < MOST_STEPS and screen.action:
        page.keyboard.press("Tab")
        name, visible = page.evaluate(FOCUSED)
        if not visible:
            yield f"one does not see the focus on {name!r}"
        if name == screen.action:
            return
        passed.append(name)
    if screen.action:
        yield f"the Tab key does not lead to {screen.action!r}, but to {passed[:MOST_TOLD]}"


def _seen(page: Page, theme: Literal["light", "dark"], width: int) -> Iterator[str]:
    page.set_viewport_size({"width": width, "height": HEIGHT})
    wide: Any = page.evaluate("document.documentElement.scrollWidth")
    if wide > width:
        yield f"it is {wide} px wide"
    # What does not hang on colours was found in the first theme.
    only = {} if theme == THEMES[0] else {"runOnly": ["color-contrast"]}
    yield from page.evaluate(VIOLATIONS, only)
