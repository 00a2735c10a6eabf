"""What is told to people: published as far as it is sound, never a reason to refuse."""

from typing import Any

import pytest

from tests.composer.rules.manifest_of import manifest_of, published

CASES: list[tuple[str, Any, Any, str]] = [
    ("description", " as written ", " as written ", "blanks stay"),
    ("description", "two\r\n  lines\t.", "two lines .", "one line"),
    ("description", "  ", None, "blank"),
    ("description", 5, None, "no text"),
    ("homepage", "https://example.test/a?b#c", "https://example.test/a?b#c", "an address"),
    ("homepage", "HTTP://example.test", "HTTP://example.test", "case does not matter"),
    ("homepage", "javascript:alert(1)", None, "nothing a page should link to"),
    ("homepage", "ftp://example.test", None, "another scheme"),
    ("homepage", "example.test", None, "no scheme"),
    ("homepage", "https:///a", None, "no host"),
    ("homepage", "https://[::1", None, "no address at all"),
    ("homepage", ["https://example.test"], None, "no text"),
    ("keywords", ["a", "b c", "ünï", "1.0", "a_b-c", 5, 1.5], ["a", "b c", "ünï", "1.0", "a_b-c", "5", "1.5"], "words"),
    ("keywords", ["c++", "", "a\nb", None, True, ["x"]], [], "none of them"),
    ("keywords", {"x": "a"}, ["a"], "Composer reads the values"),
    ("keywords", "a, b", None, "no list"),
    ("license", "MIT", ["MIT"], "one becomes a list"),
    ("license", [" BSD-2-Clause", "no usage restriction", "", 5], ["BSD-2-Clause", "no usage restriction"], "texts"),
    ("license", True, None, "no text"),
    (
        "authors",
        [{"role": "Developer", "name": "Ada", "email": "ada@example.test", "homepage": "https://example.test"}],
        [{"email": "ada@example.test", "homepage": "https://example.test", "name": "Ada", "role": "Developer"}],
        "sorted keys",
    ),
    (
        "authors",
        [{"name": "Ada", "email": "ada", "homepage": "me", "role": 5, "url": "x"}],
        [{"name": "Ada"}],
        "the good part",
    ),
    ("authors", [{"name": "Ada", "email": None}], [{"name": "Ada"}], "null is missing"),
    ("authors", ["Ada", {}, {"email": "ada"}], [], "nothing left"),
    ("authors", {"name": "Ada"}, [], "an author where a list belongs"),
    ("authors", "Ada", None, "no list"),
    (
        "support",
        {
            "source": "https://example.test",
            "issues": "me",
            "irc": "irc://example.test/a",
            "email": "a@example.test",
            "slack": "#a",
        },
        {"email": "a@example.test", "irc": "irc://example.test/a", "slack": "#a", "source": "https://example.test"},
        "sorted, kinds we do not know too",
    ),
    (
        "support",
        {"irc": "https://example.test", "email": "ada", "rss": "feed:x", "chat": 5, "news": {}},
        {},
        "none of them",
    ),
    ("support", "https://example.test", None, "no object"),
    (
        "funding",
        [{"url": "https://example.test", "type": "other"}],
        [{"type": "other", "url": "https://example.test"}],
        "sorted",
    ),
    ("funding", [{"url": "x", "type": "other"}], [{"type": "other"}], "the good part"),
    ("funding", True, None, "no list"),
]


@pytest.mark.parametrize(
    ("key", "value", "expected"), [case[:3] for case in CASES], ids=[f"{c[0]}: {c[3]}" for c in CASES]
)
def test_what_is_told_to_people_is_published_as_far_as_it_is_sound(key: str, value: Any, expected: Any) -> None:
    assert published(**{key: value}) == expected


WARNINGS: list[tuple[str, Any, str]] = [
    ("description", "a\nb", "description: line breaks were replaced by spaces."),
    ("description", 5, "description: left out: it must be a text, not a number."),
    ("homepage", "me", "homepage: 'me' left out: it must be an address with http:// or https://."),
    ("keywords", ["c++"], "keywords: 'c++' left out: a keyword takes letters, digits, spaces and . _ - only."),
    ("keywords", 5, "keywords: left out: it must be a list of words, not a number."),
    ("license", " MIT", "license: spaces around ' MIT' were taken off."),
    ("license", [5], "license: 5 left out: a licence is a text."),
    ("license", 5, "license: left out: it must be a text or a list of texts, not a number."),
    ("authors", [{"email": "ada"}], "authors.email: 'ada' left out: it must be an e-mail address."),
    ("authors", [{"url": "x"}], "authors.url: left out: Composer knows no such field."),
    ("authors", ["Ada"], "authors: 'Ada' left out: each entry must be an object."),
    ("authors", "Ada", "authors: left out: it must be a list of objects, not a text."),
    ("support", {"irc": "me"}, "support.irc: 'me' left out: it must be an address with irc:// or ircs://."),
    ("support", [1], "support: left out: it must be an object, not a list."),
]


@pytest.mark.parametrize(("key", "value", "warning"), WARNINGS)
def test_what_was_changed_or_left_out_is_said(key: str, value: Any, warning: str) -> None:
    assert manifest_of(**{key: value}).warnings == (warning,)


def test_sound_texts_leave_no_warning() -> None:
    manifest = manifest_of(
        description="x",
        homepage="https://example.test",
        keywords=["a"],
        license=["MIT"],
        authors=[{"name": "Ada"}],
        support={},
    )

    assert manifest.warnings == ()
