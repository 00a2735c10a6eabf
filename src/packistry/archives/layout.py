"""Where the package stands in an archive: at its root, or in the one folder around everything.

Composer strips a single top folder and nothing else, in every version we serve; newer ones ignore __MACOSX beside it,
older ones install it. So only these two shapes are accepted, and the refusal of any other says what was found.
"""

from packistry.archives.entries import shown
from packistry.archives.limits import spelled
from packistry.archives.tree import README_BYTES, READMES, Tree, link_out
from packistry.errors import ArchiveTooLarge, InvalidArchive

_LITTER = ("__MACOSX", ".DS_Store")
_WHERE = "composer.json must stand at the root of the archive, or in the one folder that holds everything"


def find_top_folder(tree: Tree) -> str | None:
    """The single folder around the package; None when composer.json stands at the root. Refuses any other shape."""
    if tree.at("composer.json"):
        return None
    top = next(iter(tree.tops), "")
    if len(tree.tops) != 1 or not tree.at(f"{top}/composer.json"):
        raise InvalidArchive(_misplaced(tree), field="file")
    # Stops a link to "../x" in the top folder: Composer strips that folder, and then the link leads out of the package
    # into the project that installs it.
    if tree.link_to_root:
        raise link_out(tree.link_to_root)
    return top


def composer_json(tree: Tree, top_folder: str | None) -> bytes:
    """The bytes of the package's composer.json."""
    data = tree.captured.get(_inside(top_folder, "composer.json"))
    # Stops metadata that is read from a file elsewhere in the archive, or that is a folder.
    if data is None:
        raise InvalidArchive("composer.json is a folder or a link in the archive: make it a plain file.", field="file")
    if len(data) > tree.limits.composer_json_bytes:
        raise ArchiveTooLarge(
            f"The composer.json in the archive is larger than the {spelled(tree.limits.composer_json_bytes)} allowed "
            "here: move large data out of it.",
            field="file",
        )
    return data


def find_readme(tree: Tree, top_folder: str | None) -> tuple[str, bytes] | None:
    """Name and bytes of the README beside composer.json; None without one, or when it is too long to be shown."""
    found: dict[str, tuple[str, bytes]] = {}
    for path, data in tree.captured.items():
        folder, _, name = path.rpartition("/")
        if folder == (top_folder or "") and len(data) <= README_BYTES:
            found[name.lower()] = (name, data)
    return next((found[name] for name in READMES if name in found), None)


def _inside(top_folder: str | None, name: str) -> str:
    return f"{top_folder}/{name}" if top_folder else name


def _misplaced(tree: Tree) -> str:
    """One sentence about an archive without a package where it belongs."""
    paths = tree.paths()
    if not paths:
        return "The archive is empty: pack the folder that holds composer.json."
    found = sorted((path for path in paths if path.endswith("/composer.json")), key=lambda path: path.count("/"))
    in_tops = [path for path in found if path.count("/") == 1]
    if len(in_tops) > 1:
        return (
            f"The archive holds more than one package ({shown(in_tops[0])} and {shown(in_tops[1])}): "
            "upload each in an archive of its own."
        )
    if in_tops:
        return _beside(tree, in_tops[0].partition("/")[0])
    if found:
        return f"{_WHERE}; here it stands at {shown(found[0])}: pack that folder alone."
    other = next((path for path in paths if path.rpartition("/")[2].lower() == "composer.json"), None)
    if other:
        return f"Composer reads only composer.json in lower-case letters: rename {shown(other)} and pack again."
    return f"There is no composer.json in the archive. {_WHERE}."


def _beside(tree: Tree, top: str) -> str:
    other = next(name for name in tree.tops if name != top)
    if any(name in _LITTER for name in tree.tops):
        return (
            f"{shown(next(name for name in _LITTER if name in tree.tops))} beside the folder {shown(top)} would be "
            "installed by older Composers. Take it out with: zip -d PACKAGE.zip '__MACOSX/*' '.DS_Store'"
        )
    return (
        f"{shown(other)} stands beside the folder {shown(top)} with composer.json, so Composer would not strip that "
        f"folder. {_WHERE}."
    )
