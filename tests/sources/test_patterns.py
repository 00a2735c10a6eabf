"""Which names patterns take."""

import pytest

from packistry.errors import InvalidInput
from packistry.sources.patterns import takes_project, takes_ref, valid_patterns

REFS: dict[str, tuple[list[str], str, bool]] = {
    "no pattern takes all": ([], "anything", True),
    "one that fits": (["v*"], "v1.0.0", True),
    "one that does not": (["v*"], "1.0.0", False),
    "one of several": (["v1.*", "v2.*"], "v2.1", True),
    "only leaving out takes the rest": (["!*-dev"], "main", True),
    "leaving out": (["!*-dev"], "1-dev", False),
    "leaving out wins": (["v*", "!v0.*"], "v0.9", False),
    "a slash is a letter like others": (["feature*"], "feature/one", True),
    "case matters to git": (["V*"], "v1", False),
}

PROJECTS: dict[str, tuple[list[str], str, bool]] = {
    "no pattern takes all": ([], "acme/widgets", True),
    "the last part": (["widgets"], "acme/widgets", True),
    "a beginning of the last part": (["lib-*"], "acme/lib-core", True),
    "the last part alone": (["acme*"], "acme/lib-core", False),
    "the whole name": (["acme/lib-*"], "acme/lib-core", True),
    "of another owner": (["acme/*"], "other/lib-core", False),
    "groups in groups": (["acme/*"], "acme/php/libs/core", True),
    "case does not matter to hosts": (["ACME/Lib-*"], "Acme/LIB-core", True),
    "leaving out": (["!*-archive"], "acme/lib-archive", False),
}


@pytest.mark.parametrize(("patterns", "name", "taken"), REFS.values(), ids=REFS)
def test_refs(patterns: list[str], name: str, taken: bool) -> None:
    assert takes_ref(patterns, name) is taken


@pytest.mark.parametrize(("patterns", "name", "taken"), PROJECTS.values(), ids=PROJECTS)
def test_projects(patterns: list[str], name: str, taken: bool) -> None:
    assert takes_project(patterns, name) is taken


@pytest.mark.parametrize("pattern", ["", "  ", "!", "!!x", "a\nb", "x" * 300])
def test_what_can_be_no_pattern_is_refused(pattern: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        valid_patterns(["v*", pattern], field="tag")

    assert refused.value.field == "tag"


def test_blanks_around_a_pattern_are_not_meant() -> None:
    assert valid_patterns([" v* ", "!v0.*"], field="tag") == ["v*", "!v0.*"]
