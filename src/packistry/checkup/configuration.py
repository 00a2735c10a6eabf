"""Settings that are allowed and still not what somebody wants, and whether the secret key opens what was sealed."""

import os
from collections.abc import Iterator
from urllib.parse import urlsplit

from packistry.db.engine import Database
from packistry.errors import Unavailable
from packistry.findings import CheckLine, bad, good, warning
from packistry.repositories.address import read_public_url
from packistry.sealing import Sealer
from packistry.settings import Settings, previous_secret_keys, secret_key, secret_key_file
from packistry.sources.sealed import sealed_secrets


def setting_lines(settings: Settings) -> Iterator[CheckLine]:
    """What can be seen without opening anything."""
    if settings.public_url is not None:
        yield _public_url("PACKISTRY_PUBLIC_URL", settings.public_url)
    everybody = [str(network) for network in settings.trusted_proxies if network.prefixlen == 0]
    if everybody:
        yield bad(
            f"PACKISTRY_TRUSTED_PROXIES has {', '.join(everybody)}, so that anybody may choose the address they seem "
            "to come from: name your proxies only."
        )
    if settings.outbound_ca_file is not None and not os.access(settings.outbound_ca_file, os.R_OK):
        yield bad(
            f"PACKISTRY_OUTBOUND_CA_FILE names {settings.outbound_ca_file}, which cannot be read: no code host can be "
            "asked. Put it there or unset it."
        )
    yield from _key_file(settings)


def key_lines(settings: Settings, database: Database) -> Iterator[CheckLine]:
    """Whether what is sealed can be opened, and whether a former key is still needed. Makes no key."""
    with database.read() as session:
        secrets = list(sealed_secrets(session))
    if settings.secret_key is None and not secret_key_file(settings).exists():
        if secrets:
            yield bad(
                f"There is no secret key, and {len(secrets)} credentials and hooks are sealed with one: restore "
                f"{secret_key_file(settings)} from the backup, or set PACKISTRY_SECRET_KEY."
            )
        return
    sealer = Sealer((secret_key(settings), *previous_secret_keys(settings)))
    lost = [secret.name for secret in secrets if not _opens(sealer, secret.sealed)]
    former = sum(not sealer.is_sealed_now(secret.sealed) for secret in secrets) - len(lost)
    if lost:
        yield bad(
            f"No secret key opens what is kept of {', '.join(lost[:3])}{' and others' if len(lost) > 3 else ''}: give "
            "back the key it was sealed with (PACKISTRY_SECRET_KEY_PREVIOUS), or `packistry source rotate`."
        )
    elif former:
        yield warning(f"{former} secrets are sealed with a former key; they are sealed anew within an hour.")
    elif settings.secret_key_previous:
        yield good("No secret needs a former key any more: PACKISTRY_SECRET_KEY_PREVIOUS can go.")
    else:
        yield good("The secret key opens all that is sealed.")


def address_lines(settings: Settings, database: Database) -> Iterator[CheckLine]:
    """The public address where no setting gives one: that which was chosen on the pages."""
    if settings.public_url is not None:
        return
    chosen = read_public_url(database, None)
    if chosen is not None:
        yield _public_url("The public address that was chosen on the pages", chosen)
        return
    yield warning(
        "PACKISTRY_PUBLIC_URL is not set: addresses follow whatever name a request was sent to, and code hosts "
        "cannot be told where to call. Set it to the address people use, or choose it at /-/setup/address."
    )


def _public_url(what: str, public_url: str) -> CheckLine:
    parts = urlsplit(public_url)
    if parts.hostname in {"localhost", "127.0.0.1", "::1"}:
        return warning(f"{what} is {public_url}, which leads nowhere from another machine.")
    if parts.scheme != "https":
        return warning(
            f"{what} is {public_url}: Composer refuses http unless secure-http is off, and tokens go "
            "over the network in the open. Serve https, or put a proxy in front that does."
        )
    return good(f"People reach it at {public_url}.")


def _key_file(settings: Settings) -> Iterator[CheckLine]:
    path = secret_key_file(settings)
    if settings.secret_key is None and path.exists() and path.stat().st_mode & 0o077:
        yield warning(f"Others than its owner may read {path}: chmod 600 {path}. The next start does so too.")


def _opens(sealer: Sealer, sealed: bytes) -> bool:
    try:
        sealer.open(sealed)
    except Unavailable:
        return False
    return True
