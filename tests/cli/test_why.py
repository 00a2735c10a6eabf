"""`packistry why`: the answer, for people and for programs."""

import pytest

from packistry.documents.subjects import WhyDocument
from packistry.house import House
from tests import factories
from tests.cli.conftest import Packistry


@pytest.fixture(autouse=True)
def published(house: House) -> House:
    """acme/lib 1.0.0 in the private /r/acme, and a token that is tied to nothing."""
    factories.repository(house, "acme")
    factories.publish(house)
    factories.deploy_token(house, name="ci")
    return house


def test_the_answer_is_told_with_its_reasons(packistry: Packistry) -> None:
    shown = packistry("why", "acme/lib", "^1.0", "--token", "ci", code=0).out

    assert shown.startswith("No: deploy token ci cannot install acme/lib ^1.0.")
    assert "deploy token ci has no grant for repository acme" in shown


def test_programs_are_told_the_cause_and_the_version(packistry: Packistry) -> None:
    hidden = packistry("why", "acme/lib", "--anonymous", "--json", code=0).document(WhyDocument)
    seen = packistry("why", "acme/lib", "--json", code=0).document(WhyDocument)

    assert (hidden.may, hidden.reasons[0].cause) == (False, "not_visible")
    assert (seen.may, seen.version) == (True, "1.0.0")


def test_one_person_is_asked_about(packistry: Packistry) -> None:
    refusal = packistry("why", "acme/lib", "--anonymous", "--token", "ci", "--json").refusal

    assert refusal.field == "actor"
