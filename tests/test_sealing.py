"""Secrets at rest: sealed with the present key, opened by it and by former ones, and by no other."""

import base64
from pathlib import Path

import pytest
from cryptography.fernet import Fernet, InvalidToken
from pydantic import SecretStr

from packistry.errors import Unavailable
from packistry.sealing import Sealer
from packistry.settings import Settings, previous_secret_keys, secret_key

OLD, NEW = b"o" * 32, b"n" * 32
CREDENTIAL = {"token": "s3cret", "user": "älice\n", "private_key": ""}


def test_what_is_sealed_can_be_opened() -> None:
    sealer = Sealer([NEW])

    assert sealer.open(sealer.seal(CREDENTIAL)) == CREDENTIAL


def test_what_is_sealed_shows_nothing_and_is_never_the_same() -> None:
    sealer = Sealer([NEW])

    first, second = sealer.seal(CREDENTIAL), sealer.seal(CREDENTIAL)

    assert b"s3cret" not in first
    assert first != second


def test_a_former_key_still_opens_what_it_sealed() -> None:
    assert Sealer([NEW, OLD]).open(Sealer([OLD]).seal(CREDENTIAL)) == CREDENTIAL


def test_the_present_key_is_the_one_that_seals() -> None:
    sealed = Sealer([NEW, OLD]).seal(CREDENTIAL)

    assert Sealer([NEW]).open(sealed) == CREDENTIAL
    with pytest.raises(Unavailable):
        Sealer([OLD]).open(sealed)


@pytest.mark.parametrize(
    "sealed",
    [
        pytest.param(Sealer([OLD]).seal(CREDENTIAL), id="by another key"),
        pytest.param(Sealer([NEW]).seal(CREDENTIAL)[:-10], id="cut off"),
        pytest.param(b"A" + Sealer([NEW]).seal(CREDENTIAL), id="changed"),
        pytest.param(b"", id="nothing"),
        pytest.param(b'{"token": "s3cret"}', id="never sealed"),
    ],
)
def test_what_no_key_fits_is_refused_with_what_to_do(sealed: bytes) -> None:
    with pytest.raises(Unavailable, match="PACKISTRY_SECRET_KEY_PREVIOUS") as refusal:
        Sealer([NEW]).open(sealed)

    assert "s3cret" not in refusal.value.sentence


def test_the_secret_key_itself_is_no_key_of_a_seal() -> None:
    # Derived for this purpose: whoever learns the key of one use has none of the others.
    sealed = Sealer([NEW]).seal(CREDENTIAL)

    with pytest.raises(InvalidToken):
        Fernet(base64.urlsafe_b64encode(NEW)).decrypt(sealed)


def test_the_keys_of_the_settings_rotate(tmp_path: Path) -> None:
    old, new = SecretStr("o" * 32), SecretStr("n" * 32)
    before = Settings(data_dir=tmp_path, secret_key=old)
    after = Settings(data_dir=tmp_path, secret_key=new, secret_key_previous=(old,))
    sealed = Sealer([secret_key(before)]).seal(CREDENTIAL)

    assert Sealer([secret_key(after), *previous_secret_keys(after)]).open(sealed) == CREDENTIAL
