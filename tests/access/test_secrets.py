"""Tokens and passwords: made, recognised by their form alone, and compared."""

import hashlib
import string
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packistry.access.secrets import (
    ALPHABET,
    CHECKSUM_LENGTH,
    RANDOM_LENGTH,
    TokenKind,
    digest_of,
    hash_password,
    kind_of,
    mint,
    password_matches,
)

# Made by the PHP product's rule, 40 characters and their CRC32; the rule itself is spelled out in `by_the_rule`.
PHP_TOKEN = "pkdt-" + "A1b2C3d4E5f6G7h8I9j0" * 2 + "52a37ed0"


def by_the_rule(kind: TokenKind, body: str) -> str:
    """A token of the given random part: what product.md section 8.5 says, written a second time."""
    return f"{kind.value}-{body}{zlib.crc32(body.encode()):08x}"


@pytest.mark.parametrize("kind", TokenKind)
def test_a_new_token_has_256_random_bits_a_checksum_and_the_prefix_of_its_kind(kind: TokenKind) -> None:
    minted = mint(kind)
    prefix, _, rest = minted.plain.partition("-")

    assert prefix == kind.value
    assert len(rest) == RANDOM_LENGTH + CHECKSUM_LENGTH
    assert minted.plain == by_the_rule(kind, rest[:RANDOM_LENGTH])
    assert set(rest) <= set(string.ascii_letters + string.digits)
    assert len(ALPHABET) ** RANDOM_LENGTH > 2**256
    assert kind_of(minted.plain) is kind


def test_what_is_kept_of_a_token_is_its_digest_and_a_hint() -> None:
    minted = mint(TokenKind.DEPLOY)

    assert minted.digest == hashlib.sha256(minted.plain.removeprefix("pkdt-").encode()).hexdigest()
    assert minted.digest == digest_of(minted.plain)
    assert minted.hint == minted.plain[:12]


def test_a_secret_does_not_show_itself() -> None:
    minted = mint(TokenKind.PERSONAL)

    assert minted.plain not in repr(minted)
    assert minted.plain not in str(minted)


def test_no_two_tokens_are_alike() -> None:
    assert len({mint(TokenKind.DEPLOY).plain for _ in range(200)}) == 200


def test_a_token_of_the_php_product_is_recognised() -> None:
    body = PHP_TOKEN.removeprefix("pkdt-")[:40]

    assert by_the_rule(TokenKind.DEPLOY, body) == PHP_TOKEN
    assert kind_of(PHP_TOKEN) is TokenKind.DEPLOY
    assert digest_of(PHP_TOKEN) == hashlib.sha256(PHP_TOKEN[5:].encode()).hexdigest()


BODY = "x" * RANDOM_LENGTH
GOOD = by_the_rule(TokenKind.DEPLOY, BODY)
STRANGE = [
    ("", "nothing"),
    ("pkdt", "a prefix alone"),
    ("pkdt-", "a prefix with its hyphen"),
    (GOOD.replace("-", ""), "no hyphen"),
    (GOOD.replace("-", "_"), "another sign in the hyphen's place"),
    (GOOD.replace("pkdt", "pkdx"), "no prefix of ours, though the checksum fits"),
    (GOOD.replace("pkdt", "PKDT"), "prefixes are lower-case"),
    (GOOD[:-1], "a character is missing at the end"),
    (GOOD + "0", "a character too many"),
    (GOOD[:-1] + ("0" if GOOD[-1] != "0" else "1"), "a wrong checksum"),
    (GOOD[:6] + "y" + GOOD[7:], "a letter of the random part is wrong"),
    (" " + GOOD, "a space before it"),
    (by_the_rule(TokenKind.DEPLOY, "x" * 42), "between the two lengths"),
    (by_the_rule(TokenKind.DEPLOY, "x" * 41), "one more than the PHP product's"),
    (by_the_rule(TokenKind.DEPLOY, "x" * 39), "shorter than the PHP product's"),
    (by_the_rule(TokenKind.DEPLOY, "x" * 44), "longer than ours"),
    (by_the_rule(TokenKind.DEPLOY, "é" * 40), "letters that no token has, though the checksum fits"),
    ("pkdt-" + "\ud800" * 51, "what no encoding can spell"),
]


@pytest.mark.parametrize(("text", "why"), STRANGE, ids=[row[1] for row in STRANGE])
def test_what_cannot_be_a_token_is_told_without_a_database(text: str, why: str) -> None:
    assert kind_of(text) is None, why


@given(st.text())
def test_any_text_at_all_gets_an_answer(text: str) -> None:
    assert kind_of(text) is None
    assert kind_of("pkpat-" + text) is None


@given(st.data())
def test_every_single_typing_error_is_noticed(data: st.DataObject) -> None:
    at = data.draw(st.integers(len("pkdt-"), len(GOOD) - 1))
    typed = data.draw(st.sampled_from(ALPHABET).filter(lambda letter: letter.lower() != GOOD[at].lower()))

    assert kind_of(GOOD[:at] + typed + GOOD[at + 1 :]) is None


def test_a_password_is_known_by_its_hash_alone() -> None:
    stored = hash_password("correct horse battery")

    assert stored.startswith("$argon2id$")
    assert password_matches(stored, "correct horse battery")
    assert not password_matches(stored, "correct horse batterY")
    assert hash_password("correct horse battery") != stored, "each hash has its own salt"


def test_an_account_without_a_password_refuses_every_one() -> None:
    assert not password_matches(None, "")
    assert not password_matches(None, "anything")


@pytest.mark.parametrize(
    "stored", ["", "plain", "$2y$10$abcdefghijklmnopqrstuv", "$argon2id$v=19$m=65536,t=3,p=4$broken"]
)
def test_a_hash_that_is_none_of_ours_matches_nothing(stored: str) -> None:
    assert not password_matches(stored, "plain")
