"""What git takes for the name of a branch or tag."""

import pytest

from packistry.providers.refs import may_be_ref


@pytest.mark.parametrize(
    "name",
    ["main", "feature/ä", "-dash", "7.3", "a%2Fb", "%2e%2e/x", "#1", 'a"b', "a&q=b", "@", "a@b", "a{b}", "v1.lockd"],
)
def test_odd_names_may_be_asked_for(name: str) -> None:
    assert may_be_ref(name)


@pytest.mark.parametrize(
    "name",
    [
        *("", "/", ".", "..", "../main", "a/../main", "a//b", "main/", "/main", "a..b"),
        *("a b", "a\nb", "a\0b", "a\x7fb", "\ud800", "a\\b"),
        # Questions that git answers with another ref's commit, or with several refs.
        *("main~1", "main^{}", "main@{1}", "main:composer.json", "mai?", "m*", "[m]ain"),
        *(".main", "a/.b", "main.lock", "a.lock/b", "main."),
    ],
)
def test_what_git_refuses_is_no_name(name: str) -> None:
    assert not may_be_ref(name)
