"""p2 metadata, the document of one package: in which order, how minified, and how it is written anew after a change.

Pure: it is told what is published and never looks anything up. Metadata is written for the repository it is served
from: addresses in it begin with BASE_MARK until `complete` puts the repository's own address there.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple, TypeAlias

import orjson

from packistry.composer import versions as rules
from packistry.composer.manifest_json import is_object

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
# Before any date there is.
_NEVER: Final = -(2**62)


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


# p2 metadata


class Place(NamedTuple):
    """Where a version stands in its document: what the order depends on, as JSON keeps it."""

    version_normalized: str
    # The normalised version that a branch stands for, when its composer.json gives it one.
    alias: str | None
    # Microseconds since 1970.
    moment: int
    leads: bool


class Written(NamedTuple):
    """A p2 document and the places of its entries, from which it can be written anew after a change."""

    document: bytes
    places: Sequence[Place]


LookUp: TypeAlias = Callable[[Collection[str]], Iterable[PublishedVersion]]
"""Gives published versions by their normalised versions, in any order."""


def package_document(name: str, published: Iterable[PublishedVersion]) -> bytes:
    """The p2 document of a package with these versions, minified, newest first.

    Serves `name.json` and `name~dev.json` alike: the name inside never has "~dev", the caller picks the versions.
    """
    return write_document(name, published).document


def write_document(name: str, published: Iterable[PublishedVersion]) -> Written:
    """The document of these versions, with what `revise_document` needs."""
    nothing = Written(_document(name, ()), ())
    return revise_document(name, nothing, {one.version_normalized: one for one in published}, lambda _: ())


def revise_document(
    name: str, written: Written, changed: Mapping[str, PublishedVersion | None], look_up: LookUp
) -> Written:
    """The document after these versions changed, by normalised version; None is gone.

    The same bytes as writing all of it, for the cost of the changed ones: an entry is its difference to the one
    before, so only they and who follows them are cut and compared again; `look_up` is asked for the neighbours.
    """
    texts = dict(zip(_normalised(written.places), _entries(name, written.document), strict=True))
    come = [place_of(version) for version in changed.values() if version is not None]
    places = sorted([place for place in written.places if place[0] not in changed] + come, key=_age, reverse=True)
    followed = _followed(written.places)
    stale = {
        normalised: before
        for normalised, before in _followed(places).items()
        if normalised in changed or before in changed or followed[normalised] != before
    }
    texts |= _differences(stale, _members_of(stale, changed, look_up))
    return Written(_document(name, [texts[normalised] for normalised in _normalised(places)]), places)


def _normalised(places: Iterable[Place]) -> list[str]:
    return [place.version_normalized for place in places]


def _followed(places: Sequence[Place]) -> dict[str, str | None]:
    """Each version and the one before it in the document; in its order."""
    order = _normalised(places)
    return dict(zip(order, [None, *order], strict=False))


def _members_of(
    stale: Mapping[str, str | None], changed: Mapping[str, PublishedVersion | None], look_up: LookUp
) -> dict[str | None, Members]:
    """What is said of the stale versions and of those before them, in the order of the document."""
    wanted = dict.fromkeys(each for pair in stale.items() for each in reversed(pair) if each is not None)
    missing = [each for each in wanted if changed.get(each) is None]
    found = {each.version_normalized: each for each in (look_up(missing) if missing else ())}
    versions = [changed.get(each) or found[each] for each in wanted]
    return {None: Members(), **dict(zip(wanted, _cut(versions), strict=True))}


def _differences(stale: Mapping[str, str | None], members: Mapping[str | None, Members]) -> Iterable[tuple[str, bytes]]:
    for normalised, before in stale.items():
        changed = difference(members[before], members[normalised])
        yield normalised, b"{%b}" % b",".join(changed.values())


# Serialised data has no raw line break, so that entries can be told apart without parsing them.
_BETWEEN: Final = b",\n"
_END: Final = b']},"minified":"composer/2.0"}'


def _document(name: str, entries: Iterable[bytes]) -> bytes:
    return _beginning(name) + _BETWEEN.join(entries) + _END


def _entries(name: str, document: bytes) -> list[bytes]:
    body = document.removeprefix(_beginning(name)).removesuffix(_END)
    return body.split(_BETWEEN) if body else []


def _beginning(name: str) -> bytes:
    return b'{"packages":{%b:[' % orjson.dumps(name)


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
    return sorted(published, key=lambda version: _age(place_of(version)), reverse=True)


def place_of(version: PublishedVersion) -> Place:
    """Where the version stands among others."""
    normalised = version.version_normalized
    branch = rules.is_branch(normalised)
    moment = _NEVER if version.time is None else round(version.time.timestamp() * 1_000_000)
    return Place(normalised, _branch_alias(version) if branch else None, moment, version.default_branch and branch)


def _age(place: Place) -> tuple[bool, rules.SortKey, int, str]:
    normalised, alias, moment, leads = place
    return leads, rules.remembered_sort_key(alias or normalised), moment, normalised


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
    """Each object as its difference to the one before. Source: composer/metadata-minifier."""
    return [difference(before, members) for before, members in zip([Members(), *objects], objects, strict=False)]


def difference(before: Members, members: Members) -> Members:
    """The changed members, then "__unset" for those that went. Only the top level is compared."""
    known = before.get
    changed = {key: member for key, member in members.items() if known(key) != member}
    changed |= {key: key + _UNSET_MEMBER for key in before if key not in members}
    return changed


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
