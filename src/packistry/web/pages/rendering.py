"""Templates into answers: what every page may say, and the headers that keep a browser from being turned against us."""

import math
import zlib
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.responses import Response

from packistry import clock
from packistry.web.pages.static import static_files

# Nothing from anywhere else, nothing inline: what a README or a name smuggles in does not run.
POLICY: Final = (
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)
SAFE_HEADERS: Final = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    # Pages show what one person may see, and secrets once; the next one at this computer presses "back" in vain.
    "cache-control": "no-store",
    "vary": "cookie, accept-encoding",
}
# A year, as browsers' lists of such sites want it. Only said over https.
STRICT_TRANSPORT: Final = "max-age=31536000"
# Below this a packed answer is no smaller on the wire: it is one segment anyway.
PACKED_FROM_BYTES: Final = 1_024
GZIP_LEVEL: Final = 5
KIBIBYTE: Final = 1024


@cache
def environment() -> Environment:
    """The templates. A name that is missing is a fault, not an empty place."""
    made = Environment(
        loader=PackageLoader("packistry.web", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
        auto_reload=False,
    )
    # English only, for now; every sentence goes through here already.
    made.install_null_translations(newstyle=True)  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType] - the extension adds it
    made.filters.update(
        ago=ago, moment=moment, day=day, thousands=thousands, size=size, initials=initials, device=device
    )
    return made


def html(name: str, context: Mapping[str, Any]) -> str:
    """A template with what it shows."""
    return environment().get_template(name).render(**context)


def static_address(name: str) -> str:
    """Where the browser finds a file of ours, below the installation's public address."""
    return static_files()[name].address


def answer(text: str, *, status: int = 200, packs: bool, secure: bool) -> Response:
    """An HTML answer; `packs` says whether the browser takes gzip, `secure` whether it came by https."""
    body = text.encode()
    headers = dict(SAFE_HEADERS)
    if secure:
        headers["strict-transport-security"] = STRICT_TRANSPORT
    if packs and len(body) >= PACKED_FROM_BYTES:
        packer = zlib.compressobj(GZIP_LEVEL, wbits=31)
        body = packer.compress(body) + packer.flush()
        headers["content-encoding"] = "gzip"
    return Response(body, status, headers, "text/html; charset=utf-8")


def ago(then: datetime | None) -> str:
    """How long it is since, or until, in one word or two: "3 days ago", "in 2 hours", "never"."""
    if then is None:
        return "never"
    seconds = (clock.now() - then).total_seconds()
    amount = _rounded(abs(seconds))
    if amount is None:
        return "just now" if seconds >= 0 else "now"
    return f"{amount} ago" if seconds >= 0 else f"in {amount}"


def _rounded(seconds: float) -> str | None:
    """The time in the largest unit that gives two or more, or one of the unit; None below a minute."""
    for unit, length in (("year", 31_536_000), ("month", 2_592_000), ("day", 86_400), ("hour", 3_600), ("minute", 60)):
        count = math.floor(seconds / length)
        if count:
            return f"{count} {unit}{'s' if count > 1 else ''}"
    return None


def moment(then: datetime | None) -> str:
    """The exact time, for whoever points at it: "2026-11-24 14:05 UTC"."""
    return "" if then is None else f"{then:%Y-%m-%d %H:%M} UTC"


def day(then: datetime | None) -> str:
    """The date as people write it: "24 Nov 2026"."""
    return "" if then is None else f"{then.day} {then:%b %Y}"


def thousands(number: int) -> str:
    """With narrow spaces between its thousands: "20 919"."""
    return f"{number:,}".replace(",", "\N{NARROW NO-BREAK SPACE}")


def size(amount: int) -> str:
    """Bytes in the unit that gives up to four digits: "57 KB"."""
    value = float(amount)
    for unit in ("B", "KB", "MB"):
        if value < KIBIBYTE:
            return f"{value:.0f} {unit}"
        value /= KIBIBYTE
    return f"{value:.1f} GB"


def initials(name: str) -> str:
    """The first letters of the first two words."""
    return "".join(word[0] for word in name.split()[:2]).upper()


# What a browser calls itself names others too, so the first that fits counts. Of any system, and of any browser.
BROWSERS: Final = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("Firefox", "Firefox"),
    ("Chrom", "Chrome"),
    ("Safari", "Safari"),
)
SYSTEMS: Final = (
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)


def device(client: str) -> str:
    """A browser by the name people know: "Firefox on Linux"; what it calls itself when that is nothing known."""
    browser = next((name for mark, name in BROWSERS if mark in client), None)
    system = next((name for mark, name in SYSTEMS if mark in client), None)
    if browser is None:
        return client[:60] or "unknown browser"
    return f"{browser} on {system}" if system else browser
