"""Every refusal is answered, in one way, and the answers are sound."""

from packistry.errors import ANSWERS, InvalidManifest, Refusal, answer_for


def kinds(base: type[Refusal] = Refusal) -> set[type[Refusal]]:
    """All refusals of the project below `base`."""
    below = {kind for kind in base.__subclasses__() if kind.__module__.startswith("packistry.")}
    return below.union(*map(kinds, below))


def test_every_refusal_has_an_answer_of_its_own() -> None:
    assert kinds() == set(ANSWERS)


def test_codes_are_unique_and_statuses_are_errors() -> None:
    codes = [answer.code for answer in ANSWERS.values()]

    assert len(set(codes)) == len(codes)
    assert all(answer.status >= 400 for answer in ANSWERS.values())


def test_a_refusal_reads_as_its_sentence() -> None:
    refusal = InvalidManifest("The name is missing.", field="name")

    assert str(refusal) == "The name is missing."
    assert answer_for(refusal) == ANSWERS[InvalidManifest]


def test_a_refinement_is_answered_as_what_it_refines() -> None:
    class Finer(InvalidManifest):
        """Local to this test."""

    assert answer_for(Finer("No.")) == ANSWERS[InvalidManifest]
