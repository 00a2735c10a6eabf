"""What Composer clients read from us, as bytes: packages.json, p2 metadata, lists, search, providers, notices, errors.

Pure: it is told what is published and never looks anything up. Metadata is written for the repository it is served
from: addresses in it begin with BASE_MARK until `complete` puts the repository's own address there.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, TypeAlias

import orjson

from packistry.composer import versions as rules
from packistry.composer.manifest_json import is_object, without_controls

# A control character never stands raw in JSON: serialised data, whatever users wrote, holds it only as \u0001. So each
# raw one in a document is ours, and completing a document is one replacement that can meet nothing else.
BASE_MARK: Final = "\x01"

# The keys of a version object in the order Packagist writes them, then those Packagist leaves out. A key that is not
# here is not published: tests hold the table of composer.json keys against this list.
VERSION_KEYS: Final = (
    *("name", "description", "keywords", "homepage", "version", "version_normalized", "license", "authors"),
    *("source", "dist", "type", "support", "php-ext", "funding", "time", "published-time", "autoload", "extra"),
    *("target-dir", "include-path", "bin", "default-branch", "require", "require-dev", "suggest", "conflict"),
    *("provide", "replace", "abandoned", "autoload-dev", "scripts", "archive"),
)

# What a key of a minified object holds when it went; so no key of a version may really have this value.
UNSET: Final = "__unset"

Members: TypeAlias = dict[bytes, bytes]
"""A JSON object cut at its top level: the quoted key → the whole member, b'"type"' → b'"type":"library"'.

Equal bytes are exactly what the protocol calls identical: of one type (1 is not 1.0 is not true), one order of keys.
"""

_MEMBER_KEYS: Final = tuple(b'"%b"' % key.encode() for key in VERSION_KEYS)
_UNSET_MEMBER: Final = b':"%b"' % UNSET.encode()
_JSON_TIME: Final = orjson.OPT_OMIT_MICROSECONDS | orjson.OPT_NAIVE_UTC
_NEVER: Final = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class PublishedVersion:
    """What one entry of a p2 document is made of.

    `published` is what `pack` made of the cleaned composer.json (with `type`, without the fields below); `dist` has
    type, url, reference, shasum, and an url of ours begins with BASE_MARK; `source` has type, url, reference. Times are
    in UTC.
    """

    name: str
    version: str
    version_normalized: str
    published: bytes
    dist: Mapping[str, str]
    published_time: datetime
    source: Mapping[str, str] | None = None
    time: datetime | None = None
    default_branch: bool = False
    abandoned: bool | str = False


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


# p2 metadata


def package_document(name: str, published: Iterable[PublishedVersion]) -> bytes:
    """The p2 document of a package with these versions, minified, newest first.

    Serves `name.json` and `name~dev.json` alike: the name inside never has "~dev", the caller picks the versions.
    """
    entries = minify(_cut(order_versions(published)))
    body = b",".join(b"{%b}" % b",".join(entry.values()) for entry in entries)
    return b'{"packages":{%b:[%b]},"minified":"composer/2.0"}' % (orjson.dumps(name), body)


def empty_document(name: str) -> bytes:
    """The p2 document that claims a name and has no version: clients then ask no other repository for it."""
    return package_document(name, ())


def complete(document: bytes, base: str) -> bytes:
    """The document as served from a repository at `base`, an absolute address without a slash at its end."""
    return document.replace(BASE_MARK.encode(), orjson.dumps(base)[1:-1])


def version_object(version: PublishedVersion) -> dict[str, Any]:
    """One version as a client sees it after expansion; keys in the order of VERSION_KEYS."""
    [members] = _cut([version])
    text = b"{%b}" % b",".join(members.values())
    return orjson.loads(text.replace(BASE_MARK.encode(), b"\\u0001"))


def order_versions(published: Iterable[PublishedVersion]) -> list[PublishedVersion]:
    """Newest first, whatever order they came in: neighbours are alike, so little is left to say of each.

    A default branch without number leads; other branches without number stand where their alias would, or last; equal
    versions go by date, then by name. Source: Packagist's order.
    """
    return sorted(published, key=_age, reverse=True)


def _age(version: PublishedVersion) -> tuple[bool, rules.SortKey, datetime, str]:
    normalised = version.version_normalized
    leads = version.default_branch and rules.is_branch(normalised)
    alias = _branch_alias(version) if rules.is_branch(normalised) else None
    return leads, rules.remembered_sort_key(alias or normalised), version.time or _NEVER, normalised


def _branch_alias(version: PublishedVersion) -> str | None:
    """The normalised version that `extra.branch-alias` gives this branch, which Composer finds by any case."""
    member = unpack(version.published).get(b'"extra"', b'"extra":{}')
    extra = orjson.loads(b"{%b}" % member)["extra"]
    aliases = extra.get("branch-alias") if is_object(extra) else None
    # Of an object the manifest's reader left only what Composer accepts: texts that end in "-dev".
    for branch, target in aliases.items() if is_object(aliases) else ():
        if branch.lower() == version.version.lower():
            return rules.normalise_branch(target.removesuffix("-dev"))
    return None


def _cut(published: Iterable[PublishedVersion]) -> list[Members]:
    """Everything each version says of itself, cut into members."""
    objects: list[Members] = []
    packed, manifest = b"", Members()
    for version in published:
        # Neighbours often have the same composer.json, and cutting it is the greater part of the work.
        if version.published != packed:
            packed, manifest = version.published, unpack(version.published)
        objects.append(_with_own_members(manifest, version))
    return objects


def _with_own_members(manifest: Members, version: PublishedVersion) -> Members:
    """The members of composer.json and those we know ourselves, in the order of VERSION_KEYS."""
    members = manifest.copy()
    members[b'"name"'] = b'"name":' + orjson.dumps(version.name)
    members[b'"version"'] = b'"version":' + orjson.dumps(version.version)
    members[b'"version_normalized"'] = b'"version_normalized":' + orjson.dumps(version.version_normalized)
    members[b'"dist"'] = b'"dist":' + _marked(orjson.dumps(version.dist))
    members[b'"published-time"'] = b'"published-time":' + orjson.dumps(version.published_time, option=_JSON_TIME)
    if version.source is not None:
        members[b'"source"'] = b'"source":' + orjson.dumps(version.source)
    if version.time is not None:
        members[b'"time"'] = b'"time":' + orjson.dumps(version.time, option=_JSON_TIME)
    if version.default_branch:
        members[b'"default-branch"'] = b'"default-branch":true'
    if version.abandoned:
        members[b'"abandoned"'] = b'"abandoned":' + orjson.dumps(version.abandoned)
    return {key: members[key] for key in _MEMBER_KEYS if key in members}


def _marked(dist: bytes) -> bytes:
    """A serialised dist with the mark at the head of its url made raw again.

    Only there: inside a string the quotes of this pattern would be escaped, so no value can contain it.
    """
    return dist.replace(b'"url":"\\u0001', b'"url":"\x01', 1)


# Minification, "composer/2.0"


def minify(objects: Sequence[Members]) -> list[Members]:
    """Each object as its difference to the one before: changed members, then "__unset" for those that went.

    Only the top level is compared. Source: composer/metadata-minifier.
    """
    minified: list[Members] = []
    known: Members = {}
    for members in objects:
        changed = {key: member for key, member in members.items() if known.get(key) != member}
        known |= changed
        if len(known) > len(members):
            for key in [key for key in known if key not in members]:
                changed[key] = key + _UNSET_MEMBER
                del known[key]
        minified.append(changed)
    return minified


def expand(minified: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The whole objects again, as a client reads a minified list."""
    expanded: list[dict[str, Any]] = []
    running: dict[str, Any] = {}
    for difference in minified:
        # Of the first object, and one after an empty one, "__unset" is taken for a value.
        gone = [key for key, value in difference.items() if value == UNSET] if running else []
        running = {**running, **difference}
        for key in gone:
            del running[key]
        expanded.append(running)
    return expanded


def pack(published: Mapping[str, Any]) -> bytes:
    """JSON with one top-level member a line: how `Manifest.published` is kept, so that `unpack` need not parse it."""
    members = (orjson.dumps(key) + b":" + orjson.dumps(value) for key, value in published.items())
    return b"{\n%b\n}" % b",\n".join(members)


def unpack(packed: bytes) -> Members:
    """The members of what `pack` wrote, whose keys have no quotes in them.

    A serialised value has no raw line break, so each one ends a member.
    """
    return {line[: line.index(b'":') + 1]: line for line in packed[2:-2].split(b",\n")}


# The other documents


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
