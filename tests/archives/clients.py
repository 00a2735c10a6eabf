"""What three readers make of one zip: ours, and the two that Composer clients unpack with."""

import hashlib
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from packistry.archives.limits import Limits
from packistry.archives.reader import gather
from packistry.archives.tree import Tree
from packistry.archives.zips import read_zip
from tests.tools import program

# Path -> kind ("f", "x" executable, "d", "l") and the SHA-256 of the bytes or of the target.
Listing = dict[str, tuple[str, str]]

LETTERS = {"file": "f", "executable": "x", "folder": "d", "link": "l"}
# Names on the disk are the bytes of the zip: in the C locale unzip writes "#U00e9" instead of an accent.
ENVIRONMENT = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8"}


def read_by_us(path: Path) -> Listing:
    """Every path of an accepted zip, implied folders included."""
    with path.open("rb") as file:
        size_bytes = path.stat().st_size
        tree = gather(read_zip(file, size_bytes, Limits()).entries(), Tree(Limits(), size_bytes))
    nodes = [node for path in tree.paths() if (node := tree.at(path))]
    return {node.path: (LETTERS[node.kind], node.digest.hex()) for node in nodes}


def unpacked_by_unzip(path: Path, folder: Path) -> Listing | str:
    """What Info-ZIP's unzip leaves on the disk, called as Composer calls it; or what it complains about."""
    command = [program("unzip"), "-qq", "-o", path, "-d", folder]
    done = subprocess.run(command, check=False, capture_output=True, env=ENVIRONMENT, stdin=subprocess.DEVNULL)
    if done.returncode:
        return f"{done.returncode} {done.stderr.decode(errors='replace')}"
    return on_disk(folder)


def unpacked_by_php(zips: Sequence[tuple[Path, Path]]) -> list[Listing | str]:
    """What PHP's ZipArchive leaves on the disk, for many pairs of zip and folder; or what it answers instead."""
    lines = "".join(f"{path}\t{folder}\n" for path, folder in zips)
    command = [program("php"), Path(__file__).with_name("unpack.php")]
    done = subprocess.run(command, check=True, input=lines, text=True, capture_output=True, env=ENVIRONMENT)
    answers = done.stdout.splitlines()
    return [on_disk(folder) if said == "true" else said for said, (_, folder) in zip(answers, zips, strict=True)]


def on_disk(folder: Path) -> Listing:
    """All that lies below a folder."""
    return {path.relative_to(folder).as_posix(): _entry(path) for path in folder.rglob("*")}


def _entry(path: Path) -> tuple[str, str]:
    if path.is_symlink():
        return "l", hashlib.sha256(os.fsencode(path.readlink())).hexdigest()
    if path.is_dir():
        return "d", ""
    return "x" if path.stat().st_mode & 0o100 else "f", hashlib.sha256(path.read_bytes()).hexdigest()


def as_php_unpacks(listing: Listing) -> Listing:
    """ZipArchive knows neither modes nor links: a link becomes a file with its target inside."""
    return {path: ("d" if kind == "d" else "f", digest) for path, (kind, digest) in listing.items()}


def disagreements(paths: Sequence[Path], folder: Path) -> list[str]:
    """A line for every zip that unzip or PHP unpack to something else than we read; empty is what we want."""
    found: list[str] = []
    by_php = unpacked_by_php([(path, folder / f"{path.name}-php") for path in paths])
    for path, php in zip(paths, by_php, strict=True):
        ours = read_by_us(path)
        unzip = unpacked_by_unzip(path, folder / f"{path.name}-unzip")
        if unzip != ours:
            found.append(f"{path.name}: unzip {_difference(unzip, ours)}")
        if php != as_php_unpacks(ours):
            found.append(f"{path.name}: ZipArchive {_difference(php, as_php_unpacks(ours))}")
    return found


def _difference(theirs: Listing | str, ours: Listing) -> str:
    if isinstance(theirs, str):
        return f"says {theirs}"
    return f"{sorted(theirs.items() - ours.items())} instead of {sorted(ours.items() - theirs.items())}"
