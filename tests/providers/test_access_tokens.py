"""Tokens that are given for a while: fetched once for all who want them, and again before they end."""

import threading
from collections.abc import Callable
from datetime import timedelta

import pytest

from packistry.clock import now
from packistry.errors import HostUnavailable
from packistry.providers.access_tokens import AccessToken, AccessTokens, token_key

KEY = token_key("https://api.example", "key", "secret")
HOUR = timedelta(hours=1)


def giving(lasting: timedelta = HOUR) -> Callable[[], AccessToken]:
    """Gives "1", "2", and so on."""
    given: list[AccessToken] = []

    def fetch() -> AccessToken:
        given.append(AccessToken(str(len(given) + 1), now() + lasting))
        return given[-1]

    return fetch


def test_a_token_is_fetched_once_for_its_key() -> None:
    tokens, fetch = AccessTokens(), giving()

    assert [tokens.find(KEY, fetch) for _ in range(3)] == ["1", "1", "1"]
    assert tokens.find(token_key("https://api.example", "key", "another"), fetch) == "2"


def test_a_token_is_fetched_again_before_it_ends() -> None:
    tokens, fetch = AccessTokens(), giving(timedelta(seconds=100))

    assert [tokens.find(KEY, fetch) for _ in range(2)] == ["1", "2"]


def test_a_refused_token_is_fetched_again_by_the_first_who_was_refused() -> None:
    tokens, fetch = AccessTokens(), giving()
    tokens.find(KEY, fetch)

    assert [tokens.find(KEY, fetch, refused="1") for _ in range(3)] == ["2", "2", "2"]


def test_many_who_want_one_at_once_get_the_same() -> None:
    tokens, fetch, inside = AccessTokens(), giving(), threading.Barrier(9)
    found: list[str] = []

    def slowly() -> AccessToken:
        threading.Event().wait(0.05)
        return fetch()

    def want() -> None:
        inside.wait()
        found.append(tokens.find(KEY, slowly))

    wanting = [threading.Thread(target=want) for _ in range(8)]
    for thread in wanting:
        thread.start()
    inside.wait()
    for thread in wanting:
        thread.join()

    assert found == ["1"] * 8


def test_a_fetch_that_failed_is_tried_again_by_the_next() -> None:
    tokens, fetch = AccessTokens(), giving()

    def fail() -> AccessToken:
        raise HostUnavailable("Not now.")

    tokens.find(KEY, fetch)
    with pytest.raises(HostUnavailable):
        tokens.find(KEY, fail, refused="1")

    assert tokens.find(KEY, fetch) == "2"


def test_a_token_is_not_shown() -> None:
    assert "s3cret" not in repr(AccessToken("s3cret", now()))
