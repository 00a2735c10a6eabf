"""What git takes for the name of a branch or tag."""

import pytest

from packistry.errors import HostUnavailable
from packistry.providers.base import Ref, RefKind
from packistry.providers.payloads import read_payload
from packistry.providers.refs import may_be_ref, told_ref

COMMIT = b"c" * 40


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


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (b'{"name": "main", "commit": {"id": "%s"}}' % COMMIT, Ref(RefKind.BRANCH, "main", COMMIT.decode())),
        (b'{"name": "Main", "commit": {"id": "%s"}}' % COMMIT, None),
        (b'{"name": "main-longer", "commit": {"id": "%s"}}' % COMMIT, None),
        (b'{"name": "main", "commit": null}', None),
        (b'{"name": "main"}', None),
    ],
)
def test_an_answer_counts_for_the_ref_it_is_about(body: bytes, found: Ref | None) -> None:
    assert told_ref(read_payload(body, HostUnavailable), RefKind.BRANCH, "main", "commit", "id") == found
