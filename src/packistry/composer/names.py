"""Package names by Composer's rules: which can be published, which belong to the platform. Never asks who owns one."""

import re

from packistry.errors import InvalidName

# A client keeps the metadata of a package in one file, "provider-{vendor}~{package}~dev.json". Most file systems stop
# at 255 bytes; 200 leaves room for that and for what we may add. The longest name of 232 real projects has 48.
MAX_NAME_LENGTH = 200

# Vendor: words joined by one of _ . - and nothing else. Package: the same, and two dashes in a row are allowed.
_NAME = re.compile(r"[a-z0-9](?:[_.-]?[a-z0-9]++)*+/[a-z0-9](?:(?:[_.]|-{1,2})?[a-z0-9]++)*+", re.ASCII | re.IGNORECASE)
_PLATFORM = re.compile(
    r"php(?:-64bit|-ipv6|-zts|-debug)?"
    r"|hhvm"
    r"|(?:ext|lib)-[a-z0-9](?:[_.-]?[a-z0-9]++)*+"
    r"|composer(?:-(?:plugin|runtime)-api)?",
    re.ASCII | re.IGNORECASE,
)
# Names of devices: Windows cannot make a folder that is called so, whatever the case.
_RESERVED = frozenset({"nul", "con", "prn", "aux", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10))})

_CAMEL_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_NOT_A_WORD = re.compile(r"[^a-z0-9]+")


def normalise_name(name: str) -> str:
    """The name in lower case, as clients ask for it and as we keep it.

    Upper case is folded, not refused: Composer 1 allowed it and old tags still carry it. Whatever else a client
    would abort on is refused with InvalidName, and so are platform names ("php", "ext-json"): nobody publishes them.
    Source: Composer's ValidatingArrayLoader::hasPackageNamingError.
    """
    if len(name) > MAX_NAME_LENGTH:
        raise InvalidName(
            f"The package name {name!r:.60}… has {len(name)} characters, the limit is {MAX_NAME_LENGTH}: shorten it.",
            field="name",
        )
    if is_platform_name(name):
        raise InvalidName(
            f"{name!r} is the name of a part of the platform, which no repository serves: "
            "publish it as 'vendor/package'.",
            field="name",
        )
    if _NAME.fullmatch(name) is None:
        raise InvalidName(
            f"{name!r} is not a package name: it takes a vendor, one slash and a package, each made of letters and "
            f"digits joined by single '-', '.' or '_'.{_suggestion(name)}",
            field="name",
        )
    lowered = name.lower()
    _refuse_reserved(lowered)
    _refuse_exhausting(lowered)
    return lowered


def is_valid_name(name: str) -> bool:
    """Whether Composer takes it as it stands: lower case, two parts, within our length. False for platform names."""
    try:
        return normalise_name(name) == name
    except InvalidName:
        return False


def is_platform_name(name: str) -> bool:
    """Whether clients answer for it themselves ("php", "ext-json", "composer") and never ask a repository."""
    return _PLATFORM.fullmatch(name) is not None


def vendor_of(name: str) -> str:
    """What stands before the slash of a normalised name; the whole of a platform name."""
    return name.partition("/")[0]


def _refuse_reserved(lowered: str) -> None:
    for part in lowered.split("/"):
        if part in _RESERVED:
            raise InvalidName(
                f"{lowered!r} contains {part!r}, which is the name of a device on Windows: choose another word.",
                field="name",
            )
    if lowered.endswith(".json"):
        better = lowered.removesuffix(".json") + "-json"
        raise InvalidName(
            f"{lowered!r} ends in '.json', like the addresses of our documents: {better!r} would do.", field="name"
        )


def _refuse_exhausting(lowered: str) -> None:
    """Refuse a long vendor that begins like a platform name, since no client survives it.

    Before Composer knows that "lib-something/x" is no platform name, it has tried every way to cut the words after
    "lib-" or "ext-" into pieces, at three steps a piece (measured; two where PHP does not compile expressions). PHP
    stops at a million steps, and the client aborts: seen in 2.5.5, 2.8.8 and 2.11.0, with one word of 20 letters.
    """
    vendor = vendor_of(lowered)
    if not vendor.startswith(("ext-", "lib-")):
        return
    first, *others = re.split(r"[_.-]", vendor[len("ext-") :])
    pieces = ways = 1
    for word in [first[1:], *others]:
        pieces += ways * (2 ** len(word) - 1)
        ways *= 2 ** max(len(word) - 1, 0)
    if 3 * pieces > 1_000_000:
        raise InvalidName(
            f"{lowered!r} makes Composer abort, because its vendor is long and begins with {vendor[:4]!r}: "
            "shorten the vendor or let it begin with another word.",
            field="name",
        )


def _suggestion(name: str) -> str:
    """A sentence with the nearest valid name, or nothing if none is near."""
    vendor, _, package = name.partition("/")
    nearest = [_slug(vendor), _slug(package)]
    return f" {'/'.join(nearest)!r} would do." if all(nearest) and _RESERVED.isdisjoint(nearest) else ""


def _slug(text: str) -> str:
    return _NOT_A_WORD.sub("-", _CAMEL_HUMP.sub("-", text).lower()).strip("-")
