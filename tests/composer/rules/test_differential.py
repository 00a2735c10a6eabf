"""A seeded slice of the comparison with Composer's own code; `make differential` runs the whole."""

import pytest

from tests.composer.rules import test_constraints, test_names, test_versions
from tests.composer.rules.differential import compare_questions, question, run
from tests.composer.rules.oracle import ask

# Where Debian 12's client (Composer 2.5.5, composer/semver 3.3.2) is of another opinion than the newest, and why. We go
# with the newest; one as old refuses, or passes over, a version or a constraint that it does not understand.
OLDER = [
    (
        question("normalise", version="100000.0.0"),
        None,
        "100000.0.0",
        "a date ends in two groups that are no pairs; up to 3.3 in one",
    ),
    (question("normalise", version="20230131.0.0"), None, "20230131.0.0", "the same"),
    (
        question("normalise", version="20230131.1.2-dev"),
        "20230131.1.2.9999999-dev",
        "20230131.1.2-dev",
        "so this was no date, but a branch",
    ),
    (
        question("parse", constraint=">=1.0-RC1"),
        [[[">=", "1.0.0.0-RC1-dev"]]],
        [[[">=", "1.0.0.0-RC1"]]],
        "up to 3.4 the constraint was lowered first, and then RC not recognised",
    ),
    (
        question("imported", branches=["fix#12"]),
        [["dev-fix#12", "dev-fix#12"]],
        [["dev-fix+12", "dev-fix+12"]],
        "up to Composer 2.7.7 imports kept the #, so nobody could require such a branch",
    ),
]


@pytest.mark.client
def test_a_slice_of_random_cases_agrees_with_composer() -> None:
    outcomes = run(cases=2_000, seed=20_240_131)

    assert [str(outcome) for outcome in outcomes if outcome.differences] == []
    # A slice that Composer refuses as a whole would prove nothing.
    assert {outcome.title: outcome for outcome in outcomes}["constraints: satisfies"].answered_yes > 200


@pytest.mark.client
def test_the_comparison_sees_the_differences_of_an_older_client() -> None:
    outcomes = run(cases=2_000, seed=20_240_131, client="composer-2.5")

    assert {outcome.title for outcome in outcomes if outcome.differences} >= {
        "versions: normalise",
        "constraints: parse",
        "branches: imported as (by 50)",
    }


@pytest.mark.client
def test_our_tables_are_composers() -> None:
    written = [row[0] for row in test_versions.TABLE] + [row[0] for row in test_versions.NORMALISED]
    short = [version for version in written if len(version) <= test_versions.MAX_VERSION_LENGTH]
    listed = [branch for branch, *_ in test_versions.BRANCHES]
    names = [name for name, _ in test_names.VALID + test_names.INVALID if len(name) <= test_names.MAX_NAME_LENGTH]
    questions = [
        *(question("normalise", version=version) for version in short),
        *(question("stability", version=version) for version, *_ in test_versions.STABILITIES),
        *(question("branch", branch=branch) for branch in listed),
        question("imported", branches=listed),
        *(question("prefix", branch=branch) for branch, *_ in test_versions.PREFIXES),
        *(question("compare", left=left, right=right) for left, right, _ in test_versions.EQUAL),
        *(question("parse", constraint=constraint) for constraint, *_ in test_constraints.MEANINGS),
        *(question("satisfies", version=version, constraint=on) for version, on, *_ in test_constraints.MATCHES),
        *(question("name", name=name) for name in names),
        *(question("platform", name=name) for name in test_names.PLATFORM + test_names.NOT_PLATFORM),
    ]

    outcome = compare_questions("tables", questions)

    assert outcome.differences == []
    assert outcome.asked > 400


@pytest.mark.client
def test_older_clients_differ_where_we_know_it() -> None:
    questions = [row[0] for row in OLDER]

    assert ask(questions, "composer-2.5") == [row[1] for row in OLDER]
    assert ask(questions) == [row[2] for row in OLDER]
    assert compare_questions("older", questions).differences == []
