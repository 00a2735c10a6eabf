"""What the door of a repository says: one table of who stands there and whether there is a repository."""

import pytest

from packistry.access.actors import Anonymous, DeployTokenActor, System
from packistry.access.answers import Door, door, door_refusal, publishing_refusal
from packistry.access.permissions import ALL_ABILITIES, Ability
from packistry.access.views import NOBODY, View, refused_view
from packistry.errors import NotFound, Unauthenticated

MINE, PART, STRANGE = 1, 2, 3


def token_view(abilities: frozenset[Ability]) -> View:
    return View(
        actor=DeployTokenActor(token_id=1, name="ci", abilities=abilities),
        can_read=Ability.READ in abilities,
        repositories=frozenset({MINE}),
        packages=frozenset({20}),
        partial_repositories=frozenset({PART}),
    )


EXPIRED = refused_view(Unauthenticated("The deploy token ci expired on 2026-01-01."))
TOKEN = token_view(ALL_ABILITIES)
WRITER = token_view(frozenset({Ability.WRITE}))
OPERATOR = View(actor=System(), can_read=True, everything=True)

# View, repository (None: there is none at this path), public, the answer, why.
DOORS: list[tuple[View, int | None, bool, Door, str]] = [
    (NOBODY, MINE, True, Door.OPEN, "public is public"),
    (EXPIRED, MINE, True, Door.OPEN, "an expired token never shuts what is public"),
    (WRITER, MINE, True, Door.OPEN, "nor does one that cannot read"),
    (TOKEN, STRANGE, True, Door.OPEN, "nor one that has nothing to do with it"),
    (NOBODY, MINE, False, Door.CHALLENGE, "Composer asks for a credential only when it is challenged"),
    (NOBODY, None, False, Door.CHALLENGE, "unknown looks like private"),
    (EXPIRED, MINE, False, Door.CHALLENGE, "a bad credential counts as none"),
    (EXPIRED, None, False, Door.CHALLENGE, "unknown looks like private"),
    (WRITER, MINE, False, Door.CHALLENGE, "a token that cannot read"),
    (WRITER, None, False, Door.CHALLENGE, "unknown looks like private"),
    (TOKEN, MINE, False, Door.OPEN, "given as a whole"),
    (TOKEN, PART, False, Door.OPEN, "given in part"),
    (TOKEN, STRANGE, False, Door.HIDDEN, "not given"),
    (TOKEN, None, False, Door.HIDDEN, "unknown looks like not given"),
    (OPERATOR, STRANGE, False, Door.OPEN, "sees everything"),
    (OPERATOR, None, False, Door.HIDDEN, "and even so not what is not there"),
]


@pytest.mark.parametrize(("view", "repository", "public", "answer", "why"), DOORS, ids=range(len(DOORS)))
def test_the_door_answers_by_the_table(
    view: View, repository: int | None, public: bool, answer: Door, why: str
) -> None:
    refusal = door_refusal(view, repository, public=public)

    assert door(view, repository, public=public) is answer, why
    kinds = {Door.OPEN: type(None), Door.CHALLENGE: Unauthenticated, Door.HIDDEN: NotFound}
    assert type(refusal) is kinds[answer]


def test_a_bad_credential_is_told_why_it_is_bad() -> None:
    told, again = (door_refusal(EXPIRED, MINE, public=False) for _ in range(2))

    assert str(told) == "The deploy token ci expired on 2026-01-01."
    assert told is not again, "a kept exception would collect a traceback each time it is raised"


def test_nobody_is_told_how_to_show_a_token_and_where_to_get_one() -> None:
    refusal = door_refusal(NOBODY, MINE, public=False)

    assert refusal is not None
    assert "composer config" in refusal.sentence
    assert "packistry deploy-token add" in refusal.sentence


def test_a_token_that_cannot_read_is_told_which_ability_is_missing() -> None:
    refusal = door_refusal(WRITER, MINE, public=False)

    assert refusal is not None
    assert "--ability read" in refusal.sentence


def test_nobody_has_no_token_and_a_token_says_which_it_is() -> None:
    assert (NOBODY.token_id, EXPIRED.token_id, OPERATOR.token_id, TOKEN.token_id) == (None, None, None, 1)
    assert NOBODY.is_anonymous
    assert EXPIRED.is_anonymous
    assert not TOKEN.is_anonymous
    assert isinstance(EXPIRED.actor, Anonymous)


@pytest.mark.parametrize(
    ("view", "words", "why"),
    [
        (NOBODY, "Publishing needs a token with the ability write", "nobody is told what it takes"),
        (EXPIRED, "expired on 2026-01-01", "a bad credential is told why it is bad"),
        (TOKEN, None, "of a good one the rules decide"),
        (WRITER, None, "of one that cannot read too"),
        (OPERATOR, None, "and of the operator"),
    ],
)
def test_nobody_publishes_without_a_good_credential(view: View, words: str | None, why: str) -> None:
    refusal = publishing_refusal(view)

    if words is None:
        assert refusal is None, why
    else:
        assert isinstance(refusal, Unauthenticated)
        assert words in refusal.sentence, why
