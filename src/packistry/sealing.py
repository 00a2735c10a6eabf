"""Secrets at rest: what a source needs to know, sealed with a key of the installation. Shown to nobody again."""

import base64
from collections.abc import Mapping, Sequence

import orjson
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from packistry.errors import Unavailable

# Names what the derived key is for, so that another use of the secret key gets another one.
_PURPOSE = b"packistry: secrets at rest, version 1"


class Sealer:
    """Seals with the first of the secret keys and opens with any, so that the key can be rotated."""

    def __init__(self, secret_keys: Sequence[bytes]) -> None:
        fernets = [Fernet(_derived(key)) for key in secret_keys]
        self._present, self._fernet = fernets[0], MultiFernet(fernets)

    def is_sealed_now(self, sealed: bytes) -> bool:
        """Whether it is sealed with the first key, so that the others are not needed for it."""
        try:
            self._present.decrypt(sealed)
        except InvalidToken:
            return False
        return True

    def seal(self, secrets: Mapping[str, str]) -> bytes:
        """Bytes to be kept in a row. The same secrets give other bytes each time."""
        return self._fernet.encrypt(orjson.dumps(dict(secrets)))

    def open(self, sealed: bytes) -> dict[str, str]:
        """What was sealed. Refuses with Unavailable when no key fits, as after the secret key was lost."""
        try:
            return orjson.loads(self._fernet.decrypt(sealed))
        except InvalidToken as error:
            raise Unavailable(
                "A stored credential cannot be read with the present secret key: give back the key it was stored "
                "with (PACKISTRY_SECRET_KEY or PACKISTRY_SECRET_KEY_PREVIOUS), or rotate the source's credential."
            ) from error


def _derived(secret_key: bytes) -> bytes:
    key = HKDF(algorithm=SHA256(), length=32, salt=None, info=_PURPOSE).derive(secret_key)
    return base64.urlsafe_b64encode(key)
