"""Real manifests through our reader and Composer's: `python -m tests.composer.rules.corpus_manifests [FOLDER]`.

For each manifest that we accept, what Composer loads from our metadata must be what it would load from the
composer.json itself, in every key but those a warning speaks of, and it must build an autoloader from it. Prints what
was refused, warned of and different, and where Composer's validator is of another opinion; exit code 1 if there is one
difference. FOLDER holds *.json, or *.jsonl.gz with a "manifest" (or the "raw" text of a broken one) and a "ref" a line.
"""

import argparse
import gzip
import json
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

from packistry.composer import versions
from packistry.composer.manifest import Manifest, read_manifest
from packistry.composer.manifest_json import is_list, is_object
from packistry.composer.metadata import PublishedVersion, pack, version_object
from packistry.errors import InvalidManifest
from tests.composer.rules.oracle import NEWEST, ask
from tests.composer.rules.random_manifests import Manifests

SCRIPT = Path(__file__).with_name("documents.php")
SAMPLE = Path(__file__).with_name("manifests")

_DIST = {"type": "zip", "url": "https://example.test/a.zip", "reference": "ab" * 20, "shasum": "cd" * 20}
_SEEN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
# Written by the repository, not by the author.
_OURS = ("source", "notification-url", "installation-source", "transport-options", "uid")
# We sort what is inside these, as Packagist does.
_UNORDERED = ("authors", "funding", "support", "php-ext")
# Composer goes through the values and never looks at the keys, if somebody wrote an object.
_LISTS = ("bin", "include-path", "license", "keywords")
# A blank text there is as good as none.
_BLANKS = ("description", "homepage", "license", "abandoned")
# Answers of two versions and a validation each: a few hundred manifests at a time keep memory small.
_BATCH = 400


@dataclass(frozen=True)
class Written:
    """A composer.json as somebody wrote it, and where it comes from."""

    origin: str
    raw: bytes


@dataclass
class Report:
    """What came of the manifests; each sentence with how often it was said."""

    read: int = 0
    refused: Counter[str] = field(default_factory=Counter[str])
    warnings: Counter[str] = field(default_factory=Counter[str])
    differences: list[str] = field(default_factory=list[str])
    unloadable: list[str] = field(default_factory=list[str])
    stricter: Counter[str] = field(default_factory=Counter[str])
    laxer: Counter[str] = field(default_factory=Counter[str])

    def __str__(self) -> str:
        lines = [f"{self.read} read, {self.refused.total()} refused, {len(self.differences)} differ"]
        for title, counted in (
            ("refused", self.refused),
            ("warned of", self.warnings),
            ("refused here, passed by Composer's validator", self.stricter),
            ("accepted here, refused by Composer's validator", self.laxer),
            ("accepted here, a fault in Composer as written", Counter(self.unloadable)),
            ("different", Counter(self.differences)),
        ):
            lines += [f"\n{title}:", *(f"{count:>7} {sentence}" for sentence, count in counted.most_common())]
        return "\n".join(lines)


def manifests_in(folder: Path) -> Iterator[Written]:
    """Every manifest of a folder."""
    for path in sorted(folder.glob("*.json")):
        yield Written(path.name, path.read_bytes())
    for path in sorted(folder.glob("*.jsonl.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for line in lines:
                row: dict[str, Any] = json.loads(line)
                text = row.get("raw") or (row.get("manifest") and json.dumps(row["manifest"], ensure_ascii=False))
                if text:
                    yield Written(f"{path.name.removesuffix('.jsonl.gz')} {row['ref']}", text.encode())


def random_manifests(count: int, seed: int) -> Iterator[Written]:
    """Drawn ones, most of them wrong somewhere."""
    source = Manifests(seed)
    for _ in range(count):
        raw = source.next()
        yield Written(raw.decode(), raw)


def compare(manifests: Iterable[Written], client: str = NEWEST) -> Report:
    """Reads every manifest and asks Composer about each distinct one that is JSON."""
    report, seen = Report(), set[bytes]()
    source = iter(manifests)
    while batch := list(islice(source, _BATCH)):
        accepted: list[tuple[Written, Manifest]] = []
        refused: list[tuple[Written, str]] = []
        for written in batch:
            report.read += 1
            is_new = written.raw not in seen
            seen.add(written.raw)
            try:
                manifest = read_manifest(written.raw)
            except InvalidManifest as error:
                report.refused[error.sentence] += 1
                if is_new:
                    refused.append((written, error.sentence))
                continue
            report.warnings.update(manifest.warnings)
            if is_new:
                accepted.append((written, manifest))
        _ask_loader(accepted, report, client)
        _ask_validator(accepted, refused, report, client)
    return report


def _ask_loader(accepted: Sequence[tuple[Written, Manifest]], report: Report, client: str) -> None:
    pairs = [(written, manifest, version) for written, manifest in accepted for version in _versions(manifest)]
    questions: list[dict[str, Any]] = []
    for written, manifest, version in pairs:
        questions.append({"ask": "load", "version": _as_written(json.loads(written.raw), manifest, version)})
        questions.append({"ask": "load", "version": _as_published(manifest, version)})
    answers = ask(questions, client, SCRIPT)
    for (written, manifest, version), theirs, ours in zip(pairs, answers[::2], answers[1::2], strict=True):
        if "fault" in theirs and "fault" not in ours:
            report.unloadable.append(f"{written.origin} as {version}: {theirs['fault']}")
        elif "fault" in ours:
            report.differences.append(f"{written.origin} as {version}: {ours['fault']}")
        else:
            report.differences += [
                f"{written.origin} as {version}: {key}" for key in different_keys(theirs, ours, manifest.warnings)
            ]


def different_keys(theirs: dict[str, Any], ours: dict[str, Any], warnings: Sequence[str]) -> list[str]:
    """The keys in which two answers of the loader differ and no warning says so."""
    told = {warning.partition(":")[0].partition(".")[0] for warning in warnings}
    different = [] if theirs["alias"] == ours["alias"] else ["alias"]
    left, right = theirs["package"], ours["package"]
    for package in (left, right):
        if "extra" in told:
            # Only aliases that no client takes are left out of it.
            package.get("extra", {}).pop("branch-alias", None)
    keys = sorted({*left, *right} - told | {"extra"})
    return different + [key for key in keys if _act_on(key, left.get(key)) != _act_on(key, right.get(key))]


def _act_on(key: str, value: Any) -> Any:
    """A value as far as Composer acts on it: mostly its exact text, with the order of keys."""
    if key in _UNORDERED:
        return _without_blanks(value)
    if key in _LISTS and is_object(value):
        value = list(value.values())
    if key in _BLANKS:
        value = _without_blanks(value)
    if key == "time" and value:
        return datetime.fromisoformat(value)
    return json.dumps(value or None)


def _without_blanks(value: Any) -> Any:
    if is_object(value):
        return {name: kept for name, item in value.items() if (kept := _without_blanks(item))} or None
    if is_list(value):
        return [kept for item in value if (kept := _without_blanks(item))] or None
    # "0" is empty to PHP.
    return None if isinstance(value, str) and value.strip() in ("", "0") else value


def _versions(manifest: Manifest) -> list[str]:
    """A tag, and a branch that an alias of the manifest may be for."""
    extra = manifest.published.get("extra")
    aliases = extra.get("branch-alias") if is_object(extra) else None
    branches = [branch for branch in aliases or () if branch.startswith("dev-")]
    return ["v1.2.3", branches[0] if branches else "dev-main"]


def _as_written(document: dict[str, Any], manifest: Manifest, version: str) -> dict[str, Any]:
    own = {key: value for key, value in document.items() if key not in _OURS}
    return {
        **own,
        "name": manifest.name,
        "version": version,
        "version_normalized": versions.normalise(version),
        "dist": _DIST,
        "published-time": _SEEN.isoformat(),
    }


def _as_published(manifest: Manifest, version: str) -> dict[str, Any]:
    return version_object(
        PublishedVersion(
            name=manifest.name,
            version=version,
            version_normalized=versions.normalise(version),
            published=pack(manifest.published),
            dist=_DIST,
            published_time=_SEEN,
            time=manifest.time,
            default_branch=manifest.default_branch,
            abandoned=manifest.abandoned,
        )
    )


def _ask_validator(
    accepted: Sequence[tuple[Written, Manifest]], refused: Sequence[tuple[Written, str]], report: Report, client: str
) -> None:
    judged = [(written, "") for written, _ in accepted]
    judged += [(written, sentence) for written, sentence in refused if "JSON" not in sentence]
    questions = [
        {"ask": "validate", "manifest": {"version": "1.2.3", **json.loads(written.raw)}} for written, _ in judged
    ]
    for (_, refusal), answer in zip(judged, ask(questions, client, SCRIPT), strict=True):
        if refusal and not answer["errors"]:
            report.stricter[refusal] += 1
        elif not refusal:
            report.laxer.update(answer["errors"])


def main() -> int:
    """The whole folder, with how long it took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", default=SAMPLE)
    parser.add_argument("--random", type=int, default=0, help="this many drawn ones instead of those of a folder")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--client", default=NEWEST)
    arguments = parser.parse_args()
    started = time.monotonic()
    drawn = random_manifests(arguments.random, arguments.seed)
    report = compare(drawn if arguments.random else manifests_in(arguments.folder), arguments.client)
    print(report, f"\n{time.monotonic() - started:.0f} s")
    return 1 if report.differences else 0


if __name__ == "__main__":
    sys.exit(main())
