"""What a page says when there is none to show: what happened, why perhaps, and where to go on. Never a dead end."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from packistry.web.pages.visits import Visit

Step = tuple[str, str]
SIGN_IN: Final = ("Sign in", "/-/sign-in")
DASHBOARD: Final = ("To the dashboard", "/-/")


@dataclass(frozen=True, slots=True)
class Trouble:
    """A heading, why it may be so, and links: (label, path), the likeliest first."""

    heading: str
    hint: str
    steps: Sequence[Step]


# By status: heading, and why it may be so for somebody who signed in.
WORDS: Final = {
    403: ("Not allowed", "Your account may see pages like this only in part. An administrator can change that."),
    404: (
        "Not found",
        "The address may be mistyped or old, what was here may be deleted, or it was never given to you: that looks "
        "the same, so that nobody learns of what is not theirs.",
    ),
    409: ("Not possible now", "Something else has changed meanwhile. Go back and look at it anew."),
    410: ("No longer valid", "Links of this kind work once, and only for a while."),
    413: ("Too large", "Send less at once, or ask an administrator about the limits."),
    422: ("That cannot be used", "Go back, change what is named above, and send it again."),
    429: ("Too many attempts", "Nothing is lost: wait as long as it says, then try again."),
    503: ("Not available now", "Something that Packistry needs does not answer. Try again in a moment."),
}
FAULT: Final = ("A fault of ours", "")
OTHERWISE: Final = ("That did not work", "")


def trouble(visit: Visit, status: int) -> Trouble:
    """What to say of this status to the one who came."""
    heading, hint = FAULT if status == 500 else WORDS.get(status, OTHERWISE)
    return Trouble(heading, hint, list(_steps(visit, status)))


def _steps(visit: Visit, status: int) -> Sequence[Step]:
    back = _back(visit)
    again = [("Try again", visit.request.url.path)] if visit.request.method == "GET" and status >= 429 else []
    before = [("Back", back)] if back is not None else []
    if visit.signed_in is None:
        return [*again, *before, SIGN_IN]
    search = [("Search packages", "/-/packages")] if status == 404 else []
    return [*again, *before, *search, DASHBOARD]


def _back(visit: Visit) -> str | None:
    """The page of ours that led here. Browsers tell it to their own site; anything else that is told is passed over."""
    try:
        told = urlsplit(visit.request.headers.get("referer", ""))
    except ValueError:
        return None
    path = told.path.removeprefix(visit.prefix)
    if told.netloc != visit.request.url.netloc or not path.startswith("/-/") or not path.isprintable():
        return None
    if path == visit.request.url.path.removeprefix(visit.prefix):
        return None
    return f"{path}?{told.query}" if told.query else path
