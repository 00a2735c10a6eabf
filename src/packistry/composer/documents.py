"""What Composer clients read from us beside p2 metadata, as bytes: packages.json, lists, search, providers, errors.

Pure: it is told what is published and never looks anything up.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from packistry.composer.manifest_json import without_controls


@dataclass(frozen=True, slots=True)
class SearchHit:
    """One package found; `url` is its page for people, `repository` where its code lives, "" when unknown."""

    name: str
    description: str
    url: str
    repository: str
    downloads: int
    abandoned: bool | str = False


@dataclass(frozen=True, slots=True)
class Provider:
    """One package that provides the virtual package a client asked for."""

    name: str
    description: str
    type: str


def repository_document(
    base: str, *, patterns: Sequence[str], warning: str | None = None, info: str | None = None
) -> bytes:
    """packages.json of the repository at `base`, an absolute address without a slash at its end.

    `patterns` name what the repository hosts ("acme/*"), so that clients ask for nothing else; with none, the key is
    left out, as clients read an empty list like a missing one. Every address is absolute: Composer takes a leading
    slash from the host, not from the repository, and 2.5 does not resolve all of them.
    """
    document: dict[str, Any] = {"packages": [], "metadata-url": f"{base}/p2/%package%.json"}
    if patterns:
        document["available-package-patterns"] = list(patterns)
    document |= {
        "notify-batch": f"{base}/-/notify",
        "providers-api": f"{base}/-/providers/%package%.json",
        "search": f"{base}/search.json?q=%query%&type=%type%",
        "list": f"{base}/list.json",
    }
    if warning:
        document["warning"] = warning
    if info:
        document["info"] = info
    return orjson.dumps(document)


def list_document(names: Iterable[str]) -> bytes:
    """Names of packages, sorted."""
    return orjson.dumps({"packageNames": sorted(names)})


def search_document(results: Iterable[SearchHit], total: int, next_url: str | None = None) -> bytes:
    """One page of what was found, of `total` in all."""
    document: dict[str, Any] = {"results": [_hit(result) for result in results], "total": total}
    if next_url:
        document["next"] = next_url
    return orjson.dumps(document)


def _hit(hit: SearchHit) -> dict[str, Any]:
    row: dict[str, Any] = {
        "name": hit.name,
        "description": hit.description,
        "url": hit.url,
        "repository": hit.repository,
        "downloads": hit.downloads,
        # Packagist counts stars here; we have none, and programs expect the key.
        "favers": 0,
    }
    if hit.abandoned:
        row["abandoned"] = hit.abandoned
    return row


def providers_document(providers: Iterable[Provider]) -> bytes:
    """The packages that provide the name asked for, which is not among them."""
    rows = [{"name": row.name, "description": row.description, "type": row.type} for row in providers]
    return orjson.dumps({"providers": rows})


def notify_document(status: str) -> bytes:
    """The answer to a report of installs: "success", "partial" when some were unknown, "error" for a malformed one."""
    return orjson.dumps({"status": status})


def error_document(
    status: int,
    code: str,
    message: str,
    *,
    warning: str | None = None,
    errors: Mapping[str, Sequence[str]] | None = None,
) -> bytes:
    """The body of an answer that is a no; send it as `application/json` without charset, or 2.5 to 2.10 hide it.

    `code` is stable and for programs; the client prints `warning` to the person at the terminal, where nothing else of
    the body is shown; `errors` names what is wrong with each field of a form.
    """
    # Sentences quote what was asked for, and the client writes them to a terminal as they are.
    document: dict[str, Any] = {"status": status, "code": code, "message": without_controls(message)}
    if warning:
        document["warning"] = without_controls(warning)
    if errors:
        document["errors"] = {field: list(sentences) for field, sentences in errors.items()}
    return orjson.dumps(document)
