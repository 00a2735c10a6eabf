"""docs/operations.md names what there is: every event that is logged, with its fields."""

import re

from tests.tools import ROOT

PAGE = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
LOGS = PAGE.split("\n## Logs\n")[1].split("\n## ")[0]
# The call may go over several lines; its level may be chosen while it runs.
CALL = re.compile(
    r'(?:log\.\w+|getattr\(log, [\w.]+\))\(\s*"(?P<event>[a-z]+\.[a-z_]+)"(?P<fields>[^"]*?)\)\n', re.DOTALL
)


def logged() -> dict[str, set[str]]:
    """The events of the code, and the fields that each call gives."""
    events: dict[str, set[str]] = {}
    for path in (ROOT / "src").rglob("*.py"):
        for call in CALL.finditer(path.read_text(encoding="utf-8")):
            events.setdefault(call["event"], set()).update(re.findall(r"(\w+)=", call["fields"]))
            if "log.exception" in call[0]:
                events[call["event"]].add("exception")
    return events


def documented() -> dict[str, set[str]]:
    """The table of the page."""
    rows = re.findall(r"^\| `([a-z]+\.[a-z_]+)` \| [^|]+ \| ([^|]+) \|", LOGS, re.MULTILINE)
    return {event: set(re.findall(r"\w+", fields)) for event, fields in rows}


def test_every_logged_event_is_in_the_page_with_its_fields() -> None:
    assert documented() == logged()
    assert len(logged()) > 5, "the calls are not found any more"
