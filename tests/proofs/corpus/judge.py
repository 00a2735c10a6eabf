"""Composer's own opinion of what was served: its expansion, and what its loader makes of every version."""

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from packistry.composer.metadata import expand
from tests.composer.rules.corpus_manifests import SCRIPT, different_keys
from tests.composer.rules.oracle import ask
from tests.proofs.corpus.expectation import Published, Served

# Two answers a version, of some kilobytes each: a few hundred at a time keep memory small.
_BATCH = 200
# Written by the repository, not by the author.
_OURS = ("source", "notification-url", "installation-source", "transport-options", "uid", "dist", "published-time")
_FROM_US = ("version", "version_normalized", "dist", "published-time", "time", "default-branch", "abandoned")


def expansion_differences(name: str, documents: Sequence[list[dict[str, Any]]]) -> list[str]:
    """Where Composer expands a document to something else than we do; compared as text, with the order of keys."""
    theirs = ask([{"ask": "expand", "objects": document} for document in documents if document], script=SCRIPT)
    ours = [expand(document) for document in documents if document]
    return [
        f"{name}: Composer expands it otherwise"
        for left, right in zip(theirs, ours, strict=True)
        if _text(left) != _text(right)
    ]


def loading_differences(published: Sequence[Published], served: Served) -> list[str]:
    """Where what Composer loads from our metadata is not what it loads from the composer.json itself."""
    found: list[str] = []
    for batch in _batches(published):
        questions: list[dict[str, Any]] = []
        for one in batch:
            version = served.versions[one.offer.normalised]
            questions.append({"ask": "load", "version": _as_written(one.offer.manifest, version)})
            questions.append({"ask": "load", "version": version})
        answers = ask(questions, script=SCRIPT)
        for one, theirs, ours in zip(batch, answers[::2], answers[1::2], strict=True):
            wrong = _judged(theirs, ours, one.warnings)
            found += [f"{served.name} {one.offer.version}: {key}" for key in wrong]
    return found


def _judged(theirs: dict[str, Any], ours: dict[str, Any], warnings: Sequence[str]) -> list[str]:
    if "fault" in ours:
        return [f"a fault in Composer: {ours['fault']}"]
    # As written it may be a fault that we put right, with a warning.
    return [] if "fault" in theirs else different_keys(theirs, ours, warnings)


def _as_written(manifest: Mapping[str, Any], served: Mapping[str, Any]) -> dict[str, Any]:
    """The composer.json with what only the repository can know."""
    own = {key: value for key, value in manifest.items() if key not in _OURS}
    return {**own, "name": served["name"], **{key: served[key] for key in _FROM_US if key in served}}


def _batches(published: Sequence[Published]) -> Iterator[list[Published]]:
    source = iter(published)
    while batch := list(islice(source, _BATCH)):
        yield batch


def _text(value: Any) -> str:
    # PHP knows no empty object.
    return json.dumps(value).replace("{}", "[]")
