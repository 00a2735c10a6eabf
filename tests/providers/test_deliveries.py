"""Signatures over raw bodies, and refs by their full names."""

import base64
import hmac

import pytest

from packistry.errors import MalformedEvent
from packistry.providers.base import EventKind, Ref, RefKind
from packistry.providers.deliveries import (
    has_hex_signature,
    has_standard_signature,
    is_same_secret,
    pushed,
    read_delivery,
)

BODY = b'{"ref": "refs/heads/main"}'
COMMIT = "0123456789" * 4


def test_a_signature_as_github_documents_it() -> None:
    # "Validating webhook deliveries", Testing the webhook payload validation.
    signature = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"

    assert has_hex_signature(signature, b"Hello, World!", "It's a Secret to Everybody")
    assert not has_hex_signature(signature, b"Hello, World?", "It's a Secret to Everybody")


def test_a_bare_signature_and_capital_letters_fit_too() -> None:
    digest = hmac.new(b"secret", BODY, "sha256").hexdigest()

    assert has_hex_signature(digest, BODY, "secret", prefix="")
    assert has_hex_signature("sha256=" + digest.upper(), BODY, "secret")


@pytest.mark.parametrize("signature", [None, "", "sha256=", "sha1=abc", "é", "sha256=" + "0" * 64])
def test_a_wrong_signature_does_not_fit(signature: str | None) -> None:
    assert not has_hex_signature(signature, BODY, "secret")


def test_an_empty_secret_lets_nobody_in() -> None:
    signature = "sha256=" + hmac.new(b"", BODY, "sha256").hexdigest()
    standard = "v1," + base64.b64encode(hmac.new(b"", BODY, "sha256").digest()).decode()

    assert not has_hex_signature(signature, BODY, "")
    assert not is_same_secret("", "")
    assert not has_standard_signature(standard, BODY, "")
    assert not has_standard_signature(standard, BODY, "whsec_")


def test_a_standard_signature_is_made_with_the_bytes_of_the_secret() -> None:
    # The example of the Standard Webhooks specification.
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    signed = b'msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330.{"test": 2432232314}'
    signature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="

    assert has_standard_signature(signature, signed, secret)
    assert has_standard_signature(f"v1,b3RoZXI= {signature}", signed, secret)
    assert not has_standard_signature(signature, signed + b" ", secret)
    assert not has_standard_signature(signature.replace("v1", "v2"), signed, secret)
    assert not has_standard_signature(None, signed, secret)


def test_a_secret_in_no_standard_form_is_taken_as_it_stands() -> None:
    signature = "v1," + base64.b64encode(hmac.new(b"whsec_%%%", BODY, "sha256").digest()).decode()

    assert has_standard_signature(signature, BODY, "whsec_%%%")


@pytest.mark.parametrize(
    ("ref", "expected"),
    [
        ("refs/heads/main", Ref(RefKind.BRANCH, "main", COMMIT)),
        ("refs/heads/refs/heads/x", Ref(RefKind.BRANCH, "refs/heads/x", COMMIT)),
        ("refs/tags/v1/final", Ref(RefKind.TAG, "v1/final", COMMIT)),
        ("refs/heads/../x y", Ref(RefKind.BRANCH, "../x y", COMMIT)),
    ],
)
def test_a_full_name_tells_kind_and_short_name(ref: str, expected: Ref) -> None:
    event = pushed("12", ref, COMMIT)

    assert (event.kind, event.project_id, event.ref) == (EventKind.REF_CHANGED, "12", expected)


@pytest.mark.parametrize("commit", [None, "0" * 40, "0" * 64, ""])
def test_no_commit_means_deleted(commit: str | None) -> None:
    event = pushed("12", "refs/tags/v1", commit)

    assert (event.kind, event.ref) == (EventKind.REF_DELETED, Ref(RefKind.TAG, "v1", ""))


@pytest.mark.parametrize("ref", ["main", "refs/notes/commits", "refs/pull/1/head", ""])
def test_other_refs_are_ignored_with_a_reason(ref: str) -> None:
    event = pushed("12", ref, COMMIT)

    assert event.kind is EventKind.IGNORED
    assert "neither a branch nor a tag" in event.sentence


@pytest.mark.parametrize("commit", ["main", "abc123", "-" * 40])
def test_a_push_without_a_whole_commit_is_refused(commit: str) -> None:
    with pytest.raises(MalformedEvent):
        pushed("12", "refs/heads/main", commit)


def test_a_delivery_without_a_field_is_refused_by_its_name() -> None:
    with pytest.raises(MalformedEvent, match=r"repository\.id is missing"):
        read_delivery(BODY).identifier("repository", "id")
