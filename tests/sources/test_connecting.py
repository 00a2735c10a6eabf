"""What a person fills in for a provider, checked before anything is kept."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from packistry.errors import InvalidInput
from packistry.settings import Settings
from packistry.sources.connecting import Connector, filled_in
from tests.fakes.bitbucket import KEY, FakeBitbucket
from tests.fakes.host import FakeToken

TOKEN = {"email": "zoe@example.org", "token": "t"}
CONSUMER = {"key": "k", "secret": "s"}


@pytest.mark.parametrize("credential", [TOKEN, CONSUMER])
def test_one_of_several_ways_is_filled_in_whole(credential: Mapping[str, str]) -> None:
    filled = filled_in("bitbucket", None, {"workspace": "acme", **credential})

    assert (filled.credential, filled.settings) == (credential, {"workspace": "acme"})


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({}, "either email and token of an API token, or key and secret of an OAuth consumer."),
        ({**TOKEN, **CONSUMER}, "of an OAuth consumer, not parts of both."),
        ({"email": "zoe@example.org", "key": "k"}, "not parts of both."),
        ({**TOKEN, "secret": "s"}, "not parts of both."),
        ({"email": "zoe@example.org"}, "needs API token: "),
        ({"secret": "s"}, "needs Key: "),
        ({"key": "k", "secret": " "}, "needs Secret: "),
    ],
)
def test_none_of_the_ways_or_parts_of_them_are_refused(given: Mapping[str, str], sentence: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        filled_in("bitbucket", None, {"workspace": "acme", **given})

    assert sentence in refused.value.sentence
    assert "zoe@example.org" not in refused.value.sentence


def test_what_every_way_needs_is_needed_in_each() -> None:
    with pytest.raises(InvalidInput, match="needs Workspace"):
        filled_in("bitbucket", None, TOKEN)


def test_a_token_that_a_consumer_was_given_serves_all_work_of_the_process(settings: Settings, tmp_path: Path) -> None:
    settings = settings.model_copy(update={"outbound_allow": ("127.0.0.1",)})
    with FakeBitbucket().running() as host:
        host.tokens["s"] = FakeToken(scopes=("read:repository:bitbucket",))
        asking = host.address, {"key": KEY, "secret": "s"}, {"workspace": "acme"}, tmp_path / "source"
        for _ in range(2):
            with Connector(settings).asking("bitbucket", *asking) as (provider, connection):
                assert list(provider.projects(connection)) == []

    assert len(host.granted) == 1


def test_a_provider_with_one_way_asks_for_what_it_declares() -> None:
    with pytest.raises(InvalidInput, match="GitHub needs Access token"):
        filled_in("github", None, {})
    with pytest.raises(InvalidInput, match="GitHub has no field key"):
        filled_in("github", None, CONSUMER)
    with pytest.raises(InvalidInput, match="Bitbucket Data Center has no usual address"):
        filled_in("bitbucket-server", None, {"token": "t"})
