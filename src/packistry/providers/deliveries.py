"""What the deliveries of all code hosts have in common: signatures over the raw body, and refs by their full name."""

import base64
import binascii
import hmac
from collections.abc import Sequence

from packistry.errors import MalformedEvent
from packistry.providers.base import EventKind, HookEvent, Ref, RefKind
from packistry.providers.payloads import Payload, is_commit, read_payload

_KINDS = {"refs/heads/": RefKind.BRANCH, "refs/tags/": RefKind.TAG}

_HEX_CHARACTERS = 64

# How a secret of Standard Webhooks begins; what follows is its bytes in base64.
_STANDARD_SECRET = "whsec_"


def is_same_secret(given: str | None, secret: str) -> bool:
    """Constant time in the secret's content. An empty secret fits nothing: it would let everybody in."""
    return bool(secret) and given is not None and hmac.compare_digest(_encoded(given), _encoded(secret))


def has_hex_signature(signature: str | None, body: bytes, secret: str, *, prefix: str = "sha256=") -> bool:
    """Whether it is `prefix` and the HMAC-SHA256 of the raw body in hex, small or capital letters.

    What cannot be one costs no hashing: an unsigned body that is tried with the secrets of 1,000 hooks took seconds.
    """
    if not secret or signature is None or len(signature) != len(prefix) + _HEX_CHARACTERS:
        return False
    expected = prefix + hmac.digest(_encoded(secret), body, "sha256").hex()
    return hmac.compare_digest(_encoded(signature.lower()), _encoded(expected))


def has_standard_signature(signatures: str | None, signed: bytes, secret: str) -> bool:
    """Whether one of the signatures, separated by spaces, is `v1,` and the base64 of the HMAC-SHA256 of `signed`.

    Source: Standard Webhooks, "Signature scheme"; several stand there while a secret is being changed.
    """
    if not signatures:
        return False
    key = _standard_key(secret)
    expected = b"v1," + base64.b64encode(hmac.digest(key, signed, "sha256"))
    found = [hmac.compare_digest(_encoded(one), expected) for one in signatures.split()]
    return bool(key) and any(found)


def read_delivery(body: bytes) -> Payload:
    """The delivery as an object; what is missing in it is MalformedEvent."""
    return read_payload(body, lambda reason: MalformedEvent(f"The delivery cannot be used: {reason}."))


def pushed(project_id: str, full_name: str, commit: str | None) -> HookEvent:
    """The event for a ref by its full name, `refs/heads/main`. No commit, or one of zeros: it was deleted."""
    prefix = next((prefix for prefix in _KINDS if full_name.startswith(prefix)), None)
    if prefix is None:
        return ignored(f"{full_name} is neither a branch nor a tag", project_id)
    return ref_event(project_id, _KINDS[prefix], full_name.removeprefix(prefix), commit)


def ref_event(project_id: str, kind: RefKind, name: str, commit: str | None) -> HookEvent:
    """The event for a ref by its short name."""
    if commit is None or not commit.strip("0"):
        return HookEvent(EventKind.REF_DELETED, project_id, Ref(kind, name, ""))
    if not is_commit(commit):
        raise MalformedEvent(f"The delivery cannot be used: the {kind} {name} has no full commit.")
    return HookEvent(EventKind.REF_CHANGED, project_id, Ref(kind, name, commit))


def push_of(project_id: str, events: Sequence[HookEvent]) -> Sequence[HookEvent]:
    """All changes of one push, for hosts that tell of several at once."""
    return events or [ignored("The push changes no branch and no tag.", project_id)]


def ignored(sentence: str, project_id: str | None = None) -> HookEvent:
    return HookEvent(EventKind.IGNORED, project_id, sentence=sentence)


def _standard_key(secret: str) -> bytes:
    """The key of a signing token; one that is not written as the standard says is taken as it stands."""
    if secret.startswith(_STANDARD_SECRET):
        try:
            return base64.b64decode(secret.removeprefix(_STANDARD_SECRET), validate=True)
        except binascii.Error:
            pass
    return _encoded(secret)


def _encoded(text: str) -> bytes:
    # compare_digest takes no text beyond ASCII, and a header may hold anything.
    return text.encode("utf-8", "backslashreplace")
