"""A source over ssh gets a key of its own when it is given none."""

import pytest

from packistry.providers.git_ssh import make_key, public_key
from packistry.sources.connecting import filled_in


@pytest.mark.parametrize("address", ["ssh://git@git.example.test/srv", "git@git.example.test:srv"])
def test_a_key_is_made_for_ssh(address: str) -> None:
    first, second = (filled_in("git", address, {}).credential["private_key"] for _ in range(2))

    assert public_key(first).startswith("ssh-ed25519 ")
    assert first != second


def test_a_key_that_was_given_is_taken() -> None:
    private, _ = make_key()

    filled = filled_in("git", "ssh://git@git.example.test/srv", {"private_key": private})

    assert filled.credential == {"private_key": private.strip()}


def test_no_key_is_made_for_https() -> None:
    assert filled_in("git", "https://git.example.test", {"username": "me", "password": "x"}).credential == {
        "password": "x"
    }
