"""Everything of sources that is sealed, wherever it stands; and sealing it anew when the secret key was changed."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from sqlalchemy import select

from packistry.db.engine import Database, ReadSession
from packistry.db.models import Hook, Source
from packistry.errors import Unavailable
from packistry.sealing import Sealer


@dataclass(frozen=True, slots=True)
class Sealed:
    """Something sealed, and what it is of."""

    name: str
    sealed: bytes = field(repr=False)


def sealed_secrets(session: ReadSession) -> Iterator[Sealed]:
    """Of sources and of hooks; those of a deleted source too, while its hooks are still to be removed."""
    for name, credential in session.execute(select(Source.name, Source.credential).where(Source.credential != b"")):
        yield Sealed(f"source {name}", credential)
    for hook_id, secret in session.execute(select(Hook.id, Hook.secret).where(Hook.secret != b"")):
        yield Sealed(f"hook {hook_id}", secret)


def seal_anew(database: Database, sealer: Sealer) -> int:
    """Seals with the present key what a former one sealed; how many. What no key opens stays as it is."""
    count = 0
    with database.write() as session:
        # Held, so that a credential that is rotated meanwhile is not overwritten by the one before it.
        for source in session.scalars(select(Source).where(Source.credential != b"").with_for_update()):
            source.credential, is_new = _sealed_now(sealer, source.credential)
            count += is_new
        for hook in session.scalars(select(Hook).where(Hook.secret != b"").with_for_update()):
            hook.secret, is_new = _sealed_now(sealer, hook.secret)
            count += is_new
    return count


def _sealed_now(sealer: Sealer, sealed: bytes) -> tuple[bytes, bool]:
    """Sealed with the present key, and whether it was not before."""
    try:
        return (sealed, False) if sealer.is_sealed_now(sealed) else (sealer.seal(sealer.open(sealed)), True)
    except Unavailable:
        return sealed, False
