"""Whether an address leads to this very installation: it is asked there, as anybody from outside would.

Mixes no rows: the proof is made from the secret key, so that any worker can give it.
"""

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterator, Sequence
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from packistry.errors import Refusal
from packistry.findings import CheckLine, bad, good, refused, warning
from packistry.outbound.client import Client, OutboundLimits
from packistry.outbound.guard import Guard
from packistry.settings import Settings, secret_key

PATH: Final = "/-/itself"
CHALLENGE: Final = re.compile(r"[A-Za-z0-9_-]{16,64}")
# Somebody waits, and an address that takes longer is none to give to others.
LIMITS: Final = OutboundLimits(connect_seconds=5, read_seconds=5, deadline_seconds=8, redirects=2, tries=1)
ANSWER_BYTES: Final = 1_024
_PURPOSE: Final = b"packistry: it is me, version 1"
_ON_THIS_MACHINE: Final = ("localhost", "127.0.0.1", "::1")


def proof(settings: Settings, challenge: str) -> str:
    """What only this installation answers to the challenge. It opens nothing: the key is made for this alone."""
    key = hmac.digest(secret_key(settings), _PURPOSE, "sha256")
    return hmac.new(key, challenge.encode(), hashlib.sha256).hexdigest()


def look_from_outside(settings: Settings, public_url: str) -> Sequence[CheckLine]:
    """Asks the address for ourselves, and tells what whoever is given it has to know."""
    return [_asked(settings, public_url), *warnings_of(public_url)]


def warnings_of(public_url: str) -> Iterator[CheckLine]:
    """What can be said of the address without asking anybody."""
    parts = urlsplit(public_url)
    host = parts.hostname or ""
    if host in _ON_THIS_MACHINE:
        yield warning(
            f"{host} leads nowhere from another machine: only you can install from here, and code hosts cannot tell of "
            "pushes, which are looked for every 15 minutes instead."
        )
    elif _is_private(host):
        yield warning(
            "The address is on a private network: code hosts outside of it cannot tell of pushes, which are looked for "
            "every 15 minutes instead."
        )
    if parts.scheme == "http":
        yield warning(
            "By http tokens go over the network in the open, and Composer refuses it unless secure-http is off. Put a "
            "proxy with a certificate in front before others use it."
        )


def _asked(settings: Settings, public_url: str) -> CheckLine:
    challenge = secrets.token_urlsafe(24)
    host = urlsplit(public_url).hostname or ""
    # An administrator typed it, and learns no more of it than whether we are there: it may be on our own network.
    guard = Guard((*settings.outbound_allow, host))
    client = Client(LIMITS, guard, ca_file=settings.outbound_ca_file)
    try:
        answer = client.send("GET", f"{public_url}{PATH}", params={"challenge": challenge}, max_bytes=ANSWER_BYTES)
    except Refusal as refusal:
        return refused(refusal, "Is the proxy or the DNS set up yet?")
    finally:
        client.close()
    if answer.status == 200 and hmac.compare_digest(answer.body, proof(settings, challenge).encode()):
        return good(f"{public_url} leads here.")
    return bad(f"Something else answers at {public_url} (status {answer.status}): correct the address, or the proxy.")


def _is_private(host: str) -> bool:
    try:
        return not ip_address(host).is_global
    except ValueError:
        return "." not in host
