"""`packistry webhook`, in front of a real git server, with deliveries as its script posts them."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from starlette.testclient import TestClient

from packistry.app import Worker
from packistry.documents.sources import ImportDocument
from packistry.documents.webhooks import (
    DeliveryDocument,
    WebhookDocument,
    WebhookSecretDocument,
    WholeDeliveryDocument,
)
from packistry.settings import load_settings
from tests.cli.conftest import Called, Packistry
from tests.fakes.git_host import GitHost
from tests.fakes.git_projects import library, make_project
from tests.web.hosts import git_delivery

ADD = ("package", "add", "local", "widgets.git", "--repository", "acme")


@dataclass
class Posting:
    """Commands in a house with one project, and its script."""

    packistry: Packistry
    webhook: WebhookSecretDocument

    def __call__(self, *words: str, **options: Any) -> Called:
        return self.packistry("webhook", *words, **options)

    def post(self, secret: str | None = None, **fields: str) -> int:
        """What the server answers."""
        delivery = git_delivery(secret or self.webhook.secret or "", None, project="widgets.git", **fields)
        with TestClient(Worker(load_settings()), base_url="http://packistry.test") as client:
            path = urlsplit(self.webhook.address).path
            return client.post(path, content=delivery.body, headers=dict(delivery.headers)).status_code

    def deliveries(self, *words: str) -> list[DeliveryDocument]:
        return self("deliveries", *words, "--json", code=0).documents(DeliveryDocument)


@pytest.fixture
def git(packistry: Packistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Packistry]:
    monkeypatch.setenv("PACKISTRY_OUTBOUND_ALLOW", "127.0.0.1")
    monkeypatch.setenv("PACKISTRY_PUBLIC_URL", "https://packages.example.com")
    make_project(tmp_path / "git", "widgets.git").push_branch("main", library())
    with GitHost(tmp_path / "git").running() as host:
        packistry("repository", "add", "Acme", "--path", "acme", code=0)
        packistry("source", "add", "local", "--provider", "git", "--url", host.address, code=0)
        yield packistry


@pytest.fixture
def posting(git: Packistry) -> Posting:
    [added] = git(*ADD, "--json", code=0).documents(ImportDocument)
    assert added.webhook is not None
    return Posting(git, added.webhook)


def test_a_person_is_shown_address_and_secret_once_beside_the_answer(git: Packistry) -> None:
    added = git(*ADD, code=0)

    assert "https://packages.example.com/r/acme/incoming/git/1/1" in added.err
    assert "secret:" in added.err
    assert "secret" not in added.out
    assert "secret" not in git(*ADD, code=0).err


def test_no_hook_has_no_secret(git: Packistry) -> None:
    [added] = git(*ADD, "--no-hook", "--json", code=0).documents(ImportDocument)

    assert added.webhook is None
    assert git("webhook", "list", "--json", code=0).documents(WebhookDocument) == []
    assert git("webhook", "list", code=0).out == "There is no webhook; `packistry package add`.\n"


def test_webhooks_are_listed_with_their_addresses(posting: Posting) -> None:
    [listed] = posting("list", "--source", "local", "--json", code=0).documents(WebhookDocument)

    assert (listed.source, listed.project, listed.repository) == ("local", "widgets.git", "acme")
    assert (listed.state, listed.address, listed.last_delivery_at) == ("manual", posting.webhook.address, None)
    assert posting.post() == 202
    assert posting("list", code=0).out.splitlines()[1].split()[:4] == ["1", "local", "widgets.git", "manual"]


def test_deliveries_are_listed_newest_first_and_by_what_they_are_of(posting: Posting) -> None:
    assert posting.post(ref="refs/heads/main") == 202
    assert posting.post(ref="refs/heads/a b") == 200

    newest, first = posting.deliveries()

    assert (newest.status, newest.event) == (200, "ref_changed")
    assert "no name that git gives" in newest.answer
    assert (first.status, first.imports, first.project) == (202, [1], "widgets.git")
    assert posting.deliveries("widgets.git", "--limit", "1") == posting.deliveries("local", "--limit", "1") == [newest]
    assert posting.deliveries("other.git") == []
    assert "import 1" in posting("deliveries", code=0).out


def test_a_delivery_is_shown_whole_without_its_signature(posting: Posting) -> None:
    posting.post(ref="refs/heads/größe")

    whole = posting("show", "1", "--json", code=0).document(WholeDeliveryDocument)

    assert whole.headers["content-type"] == "application/json"
    assert not [name for name in whole.headers if "signature" in name]
    assert whole.body == git_delivery(project="widgets.git", ref="refs/heads/größe").body.decode()
    assert whole.body in posting("show", "1", code=0).out


def test_a_delivery_is_played_again(posting: Posting) -> None:
    posting.post(ref="refs/heads/main")

    again = posting("replay", "1", "--json", code=0).document(DeliveryDocument)

    assert (again.id, again.replay_of, again.status, again.imports) == (2, 1, 202, [1])
    assert "was played again as 3: 202 import 1" in posting("replay", "1", code=0).out


def test_another_secret_is_shown_once_and_works(posting: Posting) -> None:
    rotated = posting("rotate", "1", "--json", code=0).document(WebhookSecretDocument)

    assert rotated.address == posting.webhook.address
    assert rotated.secret not in {None, posting.webhook.secret}
    assert posting.post(rotated.secret) == posting.post() == 202
    assert posting.post("wrong") == 401
    assert "secret:" in posting("rotate", "1", code=0).out


@pytest.mark.parametrize("words", [("show", "9"), ("replay", "9"), ("rotate", "9"), ("list", "--source", "nobody")])
def test_what_is_not_there_is_refused(posting: Posting, words: tuple[str, ...]) -> None:
    assert posting(*words, "--json").refusal.code == "not_found"
