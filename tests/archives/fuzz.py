"""Random archives without end: `python -m tests.archives.fuzz --seconds 600`; part of `make fuzz`.

Two things are held. Whatever happened to the bytes, the answer is ArchiveContents or a refusal. And a zip that we
accept is unpacked by unzip and by PHP's ZipArchive to exactly what we read in it.
"""

import argparse
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from packistry.archives.limits import Limits
from packistry.archives.reader import ArchiveContents, read_archive
from packistry.errors import Refusal
from tests.archives.clients import disagreements
from tests.archives.mutations import mutated_tar, mutated_zip, renamed_zip, rival_zip, twice_mutated_zip

# The most a mutated archive may unpack to; its originals are a few kilobytes.
LIMITS = Limits(file_bytes=2**20, unpacked_bytes=2**22, ratio_from_bytes=2**20, entries=500, composer_json_bytes=4096)

MAKERS: dict[str, Callable[[random.Random], bytes]] = {
    "zip": mutated_zip,
    "zip twice": twice_mutated_zip,
    "zip renamed": renamed_zip,
    "zip rival": rival_zip,
    "tar": mutated_tar,
}


def made(maker: str, seed: int) -> bytes:
    """The archive of this number; the same one every time."""
    return MAKERS[maker](random.Random(f"{maker} {seed}"))


def answer(data: bytes, path: Path) -> ArchiveContents | Refusal:
    """What is said about an archive; any other exception is a bug and goes through."""
    path.write_bytes(data)
    try:
        return read_archive(path, LIMITS)
    except Refusal as refusal:
        return refusal


def accepted_zips(maker: str, seeds: range, folder: Path) -> list[Path]:
    """The zips of these numbers that we accept, each in a file of its own."""
    paths: list[Path] = []
    for seed in seeds:
        path = folder / f"{maker} {seed}.zip"
        if isinstance(answer(made(maker, seed), path), ArchiveContents):
            paths.append(path)
        else:
            path.unlink()
    return paths


def main() -> None:
    """Runs for a while, prints what was tried, and ends with an error when something was found."""
    parser = argparse.ArgumentParser(description="Random archives against the reader, unzip and PHP.")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    first: int = arguments.seed
    tried: Counter[str] = Counter()
    accepted: Counter[str] = Counter()
    found: list[str] = []
    started = time.monotonic()
    while time.monotonic() - started < arguments.seconds:
        for maker in MAKERS:
            with tempfile.TemporaryDirectory() as name:
                paths = accepted_zips(maker, range(first, first + 500), Path(name))
                tried[maker] += 500
                accepted[maker] += len(paths)
                found += disagreements(paths, Path(name)) if maker.startswith("zip") else []
        first += 500
    seconds = time.monotonic() - started
    for maker in MAKERS:
        print(f"{maker}: {tried[maker]} archives, {accepted[maker]} accepted")
    print(f"{tried.total() / seconds:.0f} archives a second, seeds {arguments.seed} to {first - 1}")
    print(f"{len(found)} disagreements")
    print("\n".join(found))
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
