"""Every key that Composer or Packagist knows in a composer.json, and what becomes of it here: one table.

The rule behind it: what Composer's loader reads of a package is published; what only means something in the root
project is dropped; what we know better (where the archive lies, when it was published) is written by us alone.
docs/manifest-keys.md is made from this table by `make docs`.
"""

from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final, Literal, TypeAlias

from packistry.composer import manifest_about as about
from packistry.composer import manifest_files as files
from packistry.composer import manifest_links as links
from packistry.composer.manifest_extension import php_extension
from packistry.composer.manifest_reading import Check
from packistry.composer.manifest_version import extra

Fate: TypeAlias = Literal["published", "kept", "dropped"]
"""published: in the metadata, after its check. kept: in a field of the version, which decides what is published.
dropped: stays in the archive and nowhere else."""


@dataclass(frozen=True, slots=True)
class Key:
    """One row. `rule` says what a value must be and what happens to another; a dropped key is `told` by a warning."""

    name: str
    fate: Fate
    reason: str
    rule: str = ""
    check: Check | None = None
    told: bool = False


_LINK_RULE: Final = "package names and constraints; refused if a client could not read one"
_OURS: Final = "the repository writes its own"
_ROOT: Final = "Composer reads it in the root project only"

KEYS: Final = (
    Key("name", "kept", "what clients ask for; written in lower case", "vendor/package; else refused"),
    Key("version", "kept", "used when the upload names no other", "one Composer can normalise; else refused"),
    Key("type", "kept", "decides which plugin installs the package; written in lower case", "a text; else refused"),
    Key("time", "kept", "the date of the version, if no commit says better", "an ISO date; else left out"),
    Key("abandoned", "kept", "clients warn, and name the replacement", "true, false or a text; else left out"),
    Key("default-branch", "kept", "asks to be the default branch", "true; anything else is no"),
    # For people
    Key("description", "published", "shown by show and search", "a text; else left out", about.text),
    Key("keywords", "published", "searched for", "plain words; others are left out", about.keywords),
    Key("homepage", "published", "shown by show, opened by browse", "http(s); else left out", about.web_address),
    Key("license", "published", "listed by licenses, checked by policies", "texts; others are left out", about.licence),
    Key("authors", "published", "shown by show", "objects of texts; others are left out", about.authors),
    Key(
        "support", "published", "where to ask; shown by show", "addresses and texts; others are left out", about.support
    ),
    Key("funding", "published", "listed by fund", "type and url; others are left out", about.funding),
    Key("suggest", "published", "listed by suggests", "texts; others are left out", links.suggestions),
    # For the resolver
    Key("require", "published", "what must be installed with it", _LINK_RULE, links.links),
    Key("require-dev", "published", "clients parse it though they never install it", _LINK_RULE, links.links),
    Key("conflict", "published", "what must not be installed with it", _LINK_RULE, links.links),
    Key("provide", "published", "which virtual packages it satisfies", _LINK_RULE, links.links),
    Key("replace", "published", "which packages it takes the place of", _LINK_RULE, links.links),
    # For the installer
    Key("autoload", "published", "the autoloader is made from it", "paths by kind; else refused", files.autoload),
    Key("autoload-dev", "published", "locks keep it", "an object; else left out", files.autoload_dev),
    Key(
        "include-path", "published", "added to PHP's include path", "a list of texts; else refused", files.include_path
    ),
    Key("target-dir", "published", "shifts the folder; not with psr-4", "a text; else refused", files.target_dir),
    Key("bin", "published", "programs for vendor/bin", "paths inside the package; else refused", files.binaries),
    Key("php-ext", "published", "PIE builds from it", "as PIE needs it; else refused", php_extension),
    Key("extra", "published", "plugins act on it; branch aliases", "aliases of no use are left out", extra),
    Key("scripts", "published", "locks keep it; never run for a dependency", "an object; else left out", files.scripts),
    Key("archive", "published", "locks keep it", "name and exclude; else left out", files.archive),
    # Ours
    Key("dist", "dropped", f"{_OURS}, for the archive it serves", told=True),
    Key("source", "dropped", f"{_OURS}, for what it imported", told=True),
    Key("published-time", "dropped", f"{_OURS}; the cooldown policy relies on it", told=True),
    Key("version_normalized", "dropped", f"{_OURS}; a wrong one would match wrong constraints", told=True),
    Key("notification-url", "dropped", f"{_OURS}, and counts installs there", told=True),
    Key("uid", "dropped", "only for repositories that list packages inline", told=True),
    Key("installation-source", "dropped", "set by the client in its own files", told=True),
    Key("transport-options", "dropped", "set by the client in its own files", told=True),
    # The root project's
    Key("config", "dropped", _ROOT),
    Key("repositories", "dropped", _ROOT),
    Key("minimum-stability", "dropped", _ROOT),
    Key("prefer-stable", "dropped", _ROOT),
    Key("scripts-descriptions", "dropped", _ROOT),
    Key("scripts-aliases", "dropped", _ROOT),
    Key("non-feature-branches", "dropped", _ROOT),
    Key("readme", "dropped", "clients have no use for it; the page of the package reads the archive"),
    Key("_comment", "dropped", "a comment, like every key that begins with _ or $"),
)

BY_NAME: Final = {key.name: key for key in KEYS}


def is_comment(name: str) -> bool:
    """Whether a key nobody knows is a comment by its spelling ("_readme", "$schema"): dropped without a word."""
    return name.startswith(("_", "$"))


def nearest(name: str) -> str | None:
    """The known key that was meant by an unknown one ("suggests"), if there is one like it."""
    # Names of keys are short; comparing long ones costs time that only a hostile manifest asks for.
    matches = get_close_matches(name, BY_NAME, n=1, cutoff=0.8) if len(name) < 40 else []
    return matches[0] if matches else None
