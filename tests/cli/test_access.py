"""`packistry access explain`."""

import pytest

from packistry.access.grants import Grant
from packistry.documents.subjects import ExplanationDocument
from packistry.house import House
from tests import factories
from tests.cli.conftest import Packistry


@pytest.fixture(autouse=True)
def world(house: House) -> None:
    """A package, a token tied to it, and a user who may read its repository."""
    factories.repository(house, "acme")
    factories.publish(house, "acme/lib")
    factories.deploy_token(house, Grant("acme", "acme/lib"), abilities="read write", name="ci")
    factories.user(house, "ada@example.test", Grant("acme"))


CASES = {
    "a token reads its package": (["--deploy-token", "ci", "--package", "acme/lib"], True, "package acme/lib"),
    "a token publishes its package": (["--deploy-token", "ci", "--package", "Acme/Lib", "--write"], True, "write"),
    "a token publishes nothing else": (["--deploy-token", "ci", "--write"], False, "no grant"),
    "a user reads": (["--user", "ada@example.test"], True, "was given"),
    "a user does not publish": (["--user", "1", "--write"], False, "no grant with write"),
    "nobody reads": (["--anonymous"], False, "no grant"),
}


@pytest.mark.parametrize(("flags", "may", "reason"), CASES.values(), ids=CASES)
def test_the_answer_comes_with_its_reason(packistry: Packistry, flags: list[str], may: bool, reason: str) -> None:
    explain = ("access", "explain", *flags, "--repository", "acme")

    explained = packistry(*explain, "--json", code=0).document(ExplanationDocument)
    said = packistry(*explain, code=0).out

    assert explained.may == may
    assert reason in explained.reasons[0]
    assert said.startswith("Yes: " if may else "No: ")
    assert explained.reasons[0] in said


REFUSED: dict[str, tuple[list[str], str]] = {
    "nobody named": ([], "invalid_input"),
    "two named": (["--anonymous", "--user", "1"], "invalid_input"),
    "an unknown user": (["--user", "nobody@example.test"], "not_found"),
    "an unknown token": (["--deploy-token", "nothing"], "not_found"),
    "an unknown repository": (["--anonymous", "--repository", "nowhere"], "not_found"),
    "a name that is none": (["--anonymous", "--package", "lib"], "invalid_name"),
}


@pytest.mark.parametrize(("flags", "code"), REFUSED.values(), ids=REFUSED)
def test_a_question_that_makes_no_sense_is_refused(packistry: Packistry, flags: list[str], code: str) -> None:
    assert packistry("access", "explain", *flags, "--json").refusal.code == code
