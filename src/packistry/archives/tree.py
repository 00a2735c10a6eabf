"""What an archive unpacks to, gathered entry by entry.

The tree refuses whatever two programs, or two file systems, would unpack to different things. It keeps no bytes but
those of composer.json and the README: a path, a kind and a digest for everything else.
"""

import hashlib
import unicodedata
from dataclasses import dataclass

from packistry.archives.entries import (
    Entry,
    Kind,
    broken,
    check_path,
    check_paths_bytes,
    check_target,
    levels_up,
    shown,
)
from packistry.archives.limits import Limits

README_BYTES = 256 * 1024
# In the order in which one is chosen when several stand beside composer.json.
READMES = ("readme.md", "readme.markdown", "readme.txt", "readme")

# How a file of Git LFS begins whose content lies elsewhere, and how long it is at most. Source: git-lfs, docs/spec.md.
_LFS_POINTER = b"version https://git-lfs.github.com/spec/v1\n"
_LFS_POINTER_BYTES = 1024

_LETTERS: dict[Kind, bytes] = {"file": b"f", "executable": b"x", "folder": b"d", "link": b"l"}


@dataclass(slots=True)
class Node:
    """A path that is taken; `digest` of the bytes of a file or of the target of a link."""

    path: str
    kind: Kind
    digest: bytes = b""
    size_bytes: int = 0
    is_empty: bool = True


class Tree:
    """Takes the entries of one archive in any order and holds each against all others."""

    def __init__(self, limits: Limits, packed_bytes: int) -> None:
        self.limits = limits
        self.unpacked_bytes = 0
        # The first component of every path, as spelled, in the order of the archive.
        self.tops: dict[str, Kind] = {}
        # The bytes of composer.json and READMEs at the root and in the first top folder.
        self.captured: dict[str, bytes] = {}
        # A link that climbs as high as the root of the archive, if there is one.
        self.link_to_root: str | None = None
        # Files of which Git LFS has the content.
        self.lfs_pointers: list[str] = []
        self._packed_bytes = packed_bytes
        self._paths_bytes = 0
        self._nodes: dict[str, Node] = {}

    def __len__(self) -> int:
        return len(self._nodes)

    def take(self, entry: Entry) -> None:
        """Places an entry, and reads its bytes for their digest. Refuses with InvalidArchive or ArchiveTooLarge."""
        node = self._place(entry)
        if node.kind == "link":
            node.digest = hashlib.sha256(entry.target.encode()).digest()
        elif node.kind != "folder" and entry.kind != "hardlink":
            self._read(entry, node)

    def at(self, path: str) -> Node | None:
        """The node spelled exactly like this."""
        node = self._nodes.get(_folded(path))
        return node if node and node.path == path else None

    def paths(self) -> list[str]:
        """Every path, implied folders included, in the order of the archive."""
        return [node.path for node in self._nodes.values()]

    def is_leaf(self, path: str) -> bool:
        """Whether a path must be packed on its own: all but folders with something in them."""
        node = self.at(path)
        return node is not None and (node.kind != "folder" or node.is_empty)

    def content_digest(self, top_folder: str | None) -> str:
        """SHA-256 over what Composer installs: the sorted paths below the top folder with their kinds and digests.

        A folder counts only when nothing is in it. Each line is a letter, the path, NUL (no path holds one) and
        32 bytes, so no two trees give the same lines.
        """
        cut = len(top_folder) + 1 if top_folder else 0
        kept = (node for node in self._nodes.values() if self.is_leaf(node.path))
        digest = hashlib.sha256()
        for path, node in sorted(((node.path[cut:].encode(), node) for node in kept), key=lambda pair: pair[0]):
            digest.update(_LETTERS[node.kind] + path + b"\0" + node.digest.ljust(32, b"\0"))
        return digest.hexdigest()

    def _place(self, entry: Entry) -> Node:
        """The node of an entry, once its path was held against all others."""
        check_path(entry.path)
        self._make_folders(entry.path)
        if entry.kind == "link":
            self._check_link(entry)
        if entry.kind == "hardlink":
            return self._repeat(entry)
        return self._add(entry.path, entry.kind)

    def _spend(self, node: Node, size_bytes: int) -> None:
        """Counts bytes that were really unpacked, whatever the headers said."""
        node.size_bytes += size_bytes
        self.unpacked_bytes += size_bytes
        self.limits.check_unpacked(self.unpacked_bytes, self._packed_bytes)

    def _make_folders(self, path: str) -> None:
        """The folders above a path, whether entries name them or not; above a known one all are known."""
        top, slash, _ = path.partition("/")
        if slash:
            self.tops.setdefault(top, "folder")
        while "/" in path:
            child, path = path, path.rpartition("/")[0]
            known = self._nodes.get(_folded(path))
            folder = known or self._add(path, "folder")
            # Stops writing through a link ("l" -> "/etc", then "l/passwd"), and a file that is a folder too.
            if folder.kind != "folder":
                raise broken(f"{shown(child)} stands below {shown(folder.path)}, which is no folder: pack it again.")
            folder.is_empty = False
            if known:
                return

    def _add(self, path: str, kind: Kind) -> Node:
        folded = _folded(path)
        known = self._nodes.get(folded)
        if known:
            return _same_folder(known, path, kind)
        node = self._nodes[folded] = Node(path, kind)
        if "/" not in path:
            self.tops[path] = kind
        self.limits.check_entries(len(self._nodes))
        self._paths_bytes += len(path.encode())
        check_paths_bytes(self._paths_bytes)
        return node

    def _check_link(self, entry: Entry) -> None:
        check_target(entry.path, entry.target)
        room = entry.path.count("/") - levels_up(entry.target)
        # Stops links out of the folder the archive is unpacked in: "../../.env", read or written through the link.
        if room < 0:
            raise link_out(entry.path)
        if room == 0 and "/" in entry.path:
            self.link_to_root = self.link_to_root or entry.path

    def _repeat(self, entry: Entry) -> Node:
        """A hard link becomes a copy: same bytes, same kind, and its size counts again."""
        check_path(entry.target)
        first = self.at(entry.target)
        # Stops hard links to files of the machine that unpacks, and to links.
        if first is None or first.kind not in {"file", "executable"}:
            raise broken(
                f"The hard link {shown(entry.path)} points at {shown(entry.target)}, which is no file before it in "
                "the archive: pack it again with copies (tar --hard-dereference)."
            )
        node = self._add(entry.path, first.kind)
        node.digest = first.digest
        # Stops a thousand hard links to one large file, small here and huge as soon as they are unpacked or repacked.
        self._spend(node, first.size_bytes)
        return node

    def _read(self, entry: Entry, node: Node) -> None:
        digest = hashlib.sha256()
        kept = bytearray()
        wanted = self._bytes_wanted(entry.path)
        start = b""
        for chunk in entry.chunks:
            self._spend(node, len(chunk))
            digest.update(chunk)
            kept += chunk[: wanted - len(kept)]
            start = start or chunk[: len(_LFS_POINTER)]
        node.digest = digest.digest()
        if start == _LFS_POINTER and node.size_bytes < _LFS_POINTER_BYTES:
            self.lfs_pointers.append(entry.path)
        if wanted:
            self.captured[entry.path] = bytes(kept)

    def _bytes_wanted(self, path: str) -> int:
        """How much of a file is kept: one byte more than its limit, so that what is too long is seen; mostly 0."""
        folder, _, name = path.rpartition("/")
        # Only at the root and in the first top folder: there is no third place in a valid archive, and a thousand top
        # folders with a composer.json each must not fill the memory.
        if folder and folder != next(top for top, kind in self.tops.items() if kind == "folder"):
            return 0
        if name == "composer.json":
            return self.limits.composer_json_bytes + 1
        return README_BYTES + 1 if name.lower() in READMES else 0


def link_out(path: str) -> Exception:
    """The refusal of a link that leaves the package."""
    return broken(
        f"The link {shown(path)} points out of the package, where nothing or a stranger's file stands after the "
        "installation: replace it by the file and pack again."
    )


def _same_folder(known: Node, path: str, kind: Kind) -> Node:
    """A folder may be named twice, and its name be spelled in two ways; nothing else may."""
    if known.kind == kind == "folder":
        return known
    # Stops duplicates: one program keeps the first entry, another the last, so we would check other bytes than are run.
    if known.path == path:
        raise broken(f"The path {shown(path)} is in the archive twice: pack it again without the duplicate.")
    # Stops the same on macOS and Windows, where Composer fails on it too.
    raise broken(
        f"The paths {shown(known.path)} and {shown(path)} are one file on macOS and Windows: rename one of them."
    )


def _folded(path: str) -> str:
    """The name under which macOS and Windows find a file: letter case and the composition of accents don't count."""
    return path.lower() if path.isascii() else unicodedata.normalize("NFD", path).casefold()
