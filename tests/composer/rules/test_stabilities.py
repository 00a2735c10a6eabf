"""How unstable a version may be for a requirement, against Composer's own code."""

from itertools import product
from typing import Any

import pytest

from packistry.composer.stabilities import ORDER, accepted_stability, accepts, branch_alias
from tests.composer.rules.oracle import ask

CONSTRAINTS = (
    "*", "^1.0", "^1.0@beta", "^1.0@RC", "^1.0@rc", "@dev", "1.0@stable", "dev-main", "dev-main#abc", "1.x-dev",
    "1.0-beta1", "^1.0-alpha2", ">=1.0-RC1 <2.0", "1.0 || dev-main", "1.0@beta || dev-main", "^1.0@alpha || ^2.0@RC",
    "dev-main as 1.0", "1.0.0 - 2.0.0", ">= 1.0-beta", "1.0,2.0-dev", "~1.2@DEV", "dev-feature/x@dev", "",
)  # fmt: skip
ALIASES: tuple[dict[str, Any], ...] = (
    {"version": "dev-main", "extra": {"branch-alias": {"dev-main": "1.x-dev"}}},
    {"version": "dev-main", "extra": {"branch-alias": {"DEV-main": "1.2.x-dev"}}},
    {"version": "dev-main", "extra": {"branch-alias": {"dev-other": "1.x-dev"}}},
    {"version": "dev-main", "extra": {"branch-alias": {"dev-main": "1.0"}}},
    {"version": "dev-main", "extra": {"branch-alias": {"dev-main": "foo-dev"}}},
    {"version": "dev-main", "extra": {"branch-alias": {"dev-main": "9999999-dev"}}},
    {"version": "dev-main", "default-branch": True},
    {"version": "dev-main"},
    {"version": "dev-main", "extra": []},
    {"version": "1.x-dev", "default-branch": True},
)


@pytest.mark.client
def test_a_requirement_accepts_what_composer_accepts() -> None:
    cases = list(product(CONSTRAINTS, ORDER))

    theirs = ask([{"ask": "accepted", "constraint": constraint, "minimum": minimum} for constraint, minimum in cases])

    assert [accepted_stability(constraint, minimum) for constraint, minimum in cases] == theirs


@pytest.mark.client
def test_a_branch_is_found_by_the_number_that_composer_gives_it() -> None:
    theirs = ask([{"ask": "alias", "config": {"name": "acme/lib", **config}} for config in ALIASES])

    ours = [
        branch_alias(config["version"], config, default_branch=config.get("default-branch", False))
        for config in ALIASES
    ]
    assert ours == theirs


def test_what_is_as_stable_as_wanted_is_accepted() -> None:
    assert accepts("beta", "1.0.0.0-RC1")
    assert accepts("beta", "1.0.0.0-beta2")
    assert not accepts("beta", "1.0.0.0-alpha1")
    assert not accepts("stable", "dev-main")
