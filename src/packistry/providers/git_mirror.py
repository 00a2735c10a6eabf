"""A mirror of one project: a bare repository with all commits and trees, and of the files only what was asked for.

What it once had it keeps: every commit that a branch or tag stood for has a ref of ours below `refs/packistry/kept/`.
Whoever reads holds a lock with others, whoever changes refs holds it alone; git inherits the lock, so that what goes on
after we were killed still keeps others out.
"""

import fcntl
import hashlib
import os
import secrets
import shutil
import time
from collections.abc import Generator, Iterable, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from packistry.errors import HostUnavailable, Refusal
from packistry.providers.git_errors import refusal_of
from packistry.providers.git_process import Finished, Git

_KEPT = "refs/packistry/kept/"
_EVERYTHING = ("+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*")

# Repositories that lack files have the newer format, which names the remote that has them.
_CONFIG = """[core]
\trepositoryformatversion = 1
\tbare = true
[extensions]
\tpartialClone = origin
"""
# In such a mirror nothing is left out: its host gives single files to nobody.
_WHOLE = "packistry-whole"

# How many commits' files are fetched ahead at the most, and how soon the next commit must be asked for.
_MOST_FOLLOWING = 63
_PACE_SECONDS = 60

# What `git cat-file` says of a file before its content: id, kind and size.
_HEADING_BYTES = 200

# Every archive brings a pack of its own; past this many, finding an object in all of them begins to cost.
_PACKS = 50
_LOCK = "packistry.lock"
_MIRROR = ".git"
_TURN = "packistry-turn.lock"
_LOCK_POLL_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class GitMirror:
    """The mirror at `path` of what lies at `url`. `host` and `what` are for sentences; `git` has the credential."""

    git: Git
    path: Path
    url: str
    host: str
    what: str

    @contextmanager
    def reading(self, commit: str) -> Generator["HeldMirror"]:
        """The mirror with that commit in it, fetched when it is not there yet. Refuses with NotFound."""
        with self._locked(fcntl.LOCK_SH) as held:
            if held.has(commit):
                yield held
                return
        with self._locked(fcntl.LOCK_EX) as held:
            # Somebody else may have brought it while we waited.
            if not held.has(commit):
                held.bring(commit)
        with self._locked(fcntl.LOCK_SH) as held:
            yield held

    @contextmanager
    def _locked(self, kind: int) -> Generator["HeldMirror"]:
        with ExitStack() as stack:
            descriptor = self._lock(kind, stack)
            yield HeldMirror(replace(self, git=replace(self.git, held=(*self.git.held, descriptor))))

    def _lock(self, kind: int, stack: ExitStack) -> int:
        """The lock, held until the stack ends. Taken anew when the mirror was removed while we waited for it."""
        while True:
            with suppress(FileNotFoundError):
                self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
                descriptor = stack.enter_context(_opened(self.path / _LOCK))
                # Who waits alone has the turn meanwhile: else readers that come and go would keep it waiting for ever.
                with _opened(self.path / _TURN) as turn:
                    self._wait(turn, fcntl.LOCK_EX)
                    self._wait(descriptor, kind)
                if os.path.samestat(os.fstat(descriptor), (self.path / _LOCK).stat()):
                    return descriptor

    def _wait(self, descriptor: int, kind: int) -> None:
        deadline = time.monotonic() + self.git.limits.lock_seconds
        while True:
            try:
                return fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
            except BlockingIOError as fault:
                if time.monotonic() > deadline:
                    raise HostUnavailable(
                        f"The mirror of {self.what} has been in use for too long. Try again later."
                    ) from fault
            time.sleep(_LOCK_POLL_SECONDS)


@dataclass(frozen=True, slots=True)
class HeldMirror:
    """A mirror while its lock is held."""

    mirror: GitMirror

    def has(self, commit: str) -> bool:
        """Whether the commit is here for good."""
        ref = _KEPT + commit
        # As git keeps refs, read without starting git: this is asked with every call.
        if (self.mirror.path / ref).exists():
            return True
        try:
            return f" {ref}\n".encode() in (self.mirror.path / "packed-refs").read_bytes()
        except FileNotFoundError:
            return False

    def bring(self, commit: str) -> None:
        """Fetches what is new at the host, under a lock of our own. Refuses with NotFound when it lacks the commit."""
        self._prepare()
        self._fetch("--prune", "--force", refs=_EVERYTHING)
        self._keep()
        if not self.has(commit):
            # No branch or tag stands for it any more; many hosts give what they still have by its id.
            self._fetch(refs=(f"+{commit}:{_KEPT}{commit}",))
        self._tidy()

    def fill(self, commit: str) -> None:
        """Fetches all files of the commit that are not here yet, at once: git would ask for them one by one.

        Where commit after commit is asked for, as when all refs are imported, those of others come along.
        """
        if self._is_filled(commit):
            return
        commits = [commit]
        if self._missing(commit):
            commits += self._following(commit)
            self._fetch_files(self._missing(*commits))
            if self._missing(*commits):
                # What others lack is found out when they are asked for.
                commits = [commit]
                self._require_all(commit)
        self._filled.mkdir(exist_ok=True)
        for one in commits:
            (self._filled / one).touch()

    def authored_at(self, commit: str) -> str:
        """The author date, in seconds of Unix."""
        return self._checked("log", "-1", "--format=%at", "--end-of-options", commit).output.decode().strip()

    def read(self, commit: str, path: str, max_bytes: int) -> bytes | None:
        """The first bytes of a file at the commit; None when there is no such file."""
        if not self._is_filled(commit):
            if not self._has_file(commit, path):
                return None
            # Whoever reads a file of a commit mostly wants its archive next: one fetch brings both.
            self.fill(commit)
        asked, cap = f"{commit}:{path}\0".encode(), max_bytes + _HEADING_BYTES
        told = self._git("cat-file", "--batch", "-z", stdin=asked, max_bytes=cap, cut=True)
        if told.code and not told.is_cut:
            raise self._refusal(told)
        heading, _, content = told.output.partition(b"\n")
        words = heading.rsplit(b" ", 2)
        if len(words) < 3 or words[1] != b"blob":
            return None
        return content[: min(int(words[2]), max_bytes)]

    def _has_file(self, commit: str, path: str) -> bool:
        listed = self._checked("ls-tree", "--full-tree", "-z", "--end-of-options", commit, path).output
        described, _, name = listed.removesuffix(b"\0").partition(b"\t")
        return described.split(b" ")[1:2] == [b"blob"] and name == path.encode()

    @property
    def _filled(self) -> Path:
        """A folder with an empty file for each commit of which all files are here."""
        return self.mirror.path / "packistry-filled"

    def _is_filled(self, commit: str) -> bool:
        return (self._filled / commit).exists()

    def archive(self, commit: str, into: BinaryIO, top_folder: str) -> None:
        """Writes the tar of the commit, in one top folder, without what its .gitattributes marks export-ignore."""
        limits = self.mirror.git.limits
        words = ("archive", "--format=tar", f"--prefix={top_folder}/", "--end-of-options", commit)
        finished = self._git(*words, into=into, max_bytes=limits.archive_bytes, seconds=limits.archive_seconds)
        if finished.code:
            raise self._refusal(finished)

    def _prepare(self) -> None:
        """Makes the repository, or mends what was left by a git that was killed."""
        # The lock is ours alone, and git children of a dead process would still hold it: so these belong to nobody.
        for pattern in ("*.lock", "refs/**/*.lock", "objects/pack/tmp_*", "objects/pack/.tmp-*"):
            for left in self.mirror.path.glob(pattern):
                if left.name not in {_LOCK, _TURN}:
                    left.unlink(missing_ok=True)
        self._checked("init", "--quiet", "--bare", "--template=")
        (self.mirror.path / "HEAD").write_text("ref: refs/heads/nobody-asks-for-this\n", "ascii")
        (self.mirror.path / "config").write_text(_CONFIG, "ascii")

    def _keep(self) -> None:
        """Gives every commit of a branch or tag a ref of ours, which no pruning takes away."""
        known = self._checked("for-each-ref", "--format=%(objectname)", _KEPT).output.decode("ascii", "replace")
        new = set(self._tips()) - set(known.split())
        commands = "".join(f"create {_KEPT}{commit} {commit}\n" for commit in sorted(new)).encode()
        if commands:
            self._checked("update-ref", "--stdin", stdin=commands)

    def _tips(self) -> Iterable[str]:
        """The commits of branches and tags in the order of their names, each once."""
        named = self._checked("for-each-ref", "--format=%(objectname)^{commit}", "refs/heads", "refs/tags").output
        # What stands for no commit, or for one that the host kept back, is said to be missing and stops nobody.
        told = self._checked("cat-file", "--batch-check=%(objecttype) %(objectname)", stdin=named).output
        lines = told.decode("ascii", "replace").splitlines()
        return dict.fromkeys(line.removeprefix("commit ") for line in lines if line.startswith("commit "))

    def _following(self, commit: str) -> Sequence[str]:
        """Commits that will be asked for next: none the first time, and twice as many each time within a minute."""
        pace = self.mirror.path / "packistry-pace"
        is_new = not pace.exists() or time.time() - pace.stat().st_mtime > _PACE_SECONDS
        count = 0 if is_new else min(2 * pace.stat().st_size + 1, _MOST_FOLLOWING)
        # Its size is the count, so that writing it needs no care: any size is a good one.
        pace.write_bytes(b"." * count)
        tips = list(self._tips())
        after = tips.index(commit) + 1 if commit in tips else 0
        return (tips[after:] + tips[:after])[:count]

    def _missing(self, *commits: str) -> Sequence[str]:
        words = ("rev-list", "--objects", "--no-walk", "--missing=print", "--end-of-options", *commits)
        listed = self._checked(*words)
        return [line[1:] for line in listed.output.decode("ascii", "replace").splitlines() if line.startswith("?")]

    def _fetch_files(self, names: Sequence[str]) -> None:
        # What git itself does when it finds an object missing, for many objects.
        wanted = "".join(f"{name}\n" for name in names).encode()
        fetched = self._try_fetch("--filter=blob:none", "--stdin", stdin=wanted)
        if fetched.code and "unadvertised object" in fetched.complaint:
            self._fetch_whole()
        elif fetched.code:
            raise self._refusal(fetched)

    def _require_all(self, commit: str) -> None:
        if self._missing(commit):
            raise HostUnavailable(
                f"{self.mirror.host} did not give all files of commit {commit} of {self.mirror.what}. Try again later."
            )

    def _fetch(self, *options: str, refs: Sequence[str]) -> None:
        """Fetches without files, from hosts that can leave them out; git takes everything from others by itself."""
        is_whole = (self.mirror.path / _WHOLE).exists()
        fetched = self._try_fetch("--no-filter" if is_whole else "--filter=blob:none", *options, refs=refs)
        if fetched.code:
            raise self._refusal(fetched)

    def _fetch_whole(self) -> None:
        """Once for a host that leaves files out of a fetch and then refuses to give them."""
        (self.mirror.path / _WHOLE).touch()
        self._fetch("--refetch", refs=_EVERYTHING)

    def _try_fetch(self, *options: str, refs: Sequence[str] = (), stdin: bytes = b"") -> Finished:
        words = (
            "fetch",
            "--quiet",
            "--no-tags",
            "--no-write-fetch-head",
            *options,
            "--end-of-options",
            "origin",
            *refs,
        )
        # Without it, a fetch of single files would begin by telling the host of all that we have.
        config = ("-c", "fetch.negotiationAlgorithm=noop") if stdin else ()
        return self._git(*config, *words, stdin=stdin, seconds=self.mirror.git.limits.fetch_seconds)

    def _tidy(self) -> None:
        """Puts many packs into one. That it could not is no fault of what was asked for: the next fetch tries again."""
        if sum(1 for _ in self.mirror.path.glob("objects/pack/*.pack")) > _PACKS:
            self._git("gc", "--quiet", "--prune=now", seconds=self.mirror.git.limits.fetch_seconds)

    def _checked(self, *words: str, stdin: bytes = b"") -> Finished:
        finished = self._git(*words, stdin=stdin)
        if finished.code:
            raise self._refusal(finished)
        return finished

    def _git(
        self, *words: str, stdin: bytes = b"", into: BinaryIO | None = None, max_bytes: int | None = None,
        cut: bool = False, seconds: float | None = None,
    ) -> Finished:  # fmt: skip
        git = self.mirror.git
        # Given each time and not kept in the mirror: an address may change, and the mirror outlives it.
        remote = (("remote.origin.url", self.mirror.url), ("remote.origin.promisor", "true"))
        return replace(git, config=(*git.config, *remote)).run(
            f"--git-dir={self.mirror.path}", *words, stdin=stdin, into=into, max_bytes=max_bytes, cut=cut,
            seconds=git.limits.question_seconds if seconds is None else seconds,
        )  # fmt: skip

    def _refusal(self, finished: Finished) -> Refusal:
        return refusal_of(finished.complaint, host=self.mirror.host, what=self.mirror.what)


@contextmanager
def _opened(path: Path) -> Generator[int]:
    """Opened anew each time: a lock belongs to what is opened, so threads keep each other out as processes do."""
    descriptor = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def remove_mirror(path: Path) -> bool:
    """Takes the mirror at `path` away, or what is left of one; False when it is in use."""
    doomed = path
    if path.suffix == _MIRROR:
        doomed = path.with_name(f"{path.name}-{secrets.token_hex(8)}")
        with _opened(path / _LOCK) as descriptor:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            # Under another name it is nobody's any more, and a kill leaves no half of a mirror at its place.
            path.rename(doomed)
    shutil.rmtree(doomed)
    return True


def mirror_path(folder: Path, project_id: str) -> Path:
    """Where the mirror of a project lies in a source's folder. Its name is a digest, for an id may hold anything."""
    return folder / "mirrors" / f"{hashlib.blake2b(project_id.encode(), digest_size=16).hexdigest()}{_MIRROR}"
