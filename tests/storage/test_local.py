"""Files on a local disk: what a crash, a full disk and a second process leave behind."""

import fcntl
import filecmp
import hashlib
import os
import random
import signal
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from packistry.storage.keys import archive_key
from packistry.storage.local import LocalStorage

HELLO = archive_key(hashlib.sha256(b"hello").hexdigest())

# Keeps one file after the other, each of random length, and says so once it is kept.
WRITER = """
import hashlib, random, sys
from pathlib import Path
from packistry.storage.keys import archive_key
from packistry.storage.local import LocalStorage
storage = LocalStorage(Path(sys.argv[1]))
numbers = random.Random(int(sys.argv[2]))
while True:
    data = numbers.randbytes(numbers.randrange(300_000))
    with storage.receive() as incoming:
        for start in range(0, len(data), 10_000):
            incoming.write(data[start:start + 10_000])
        digest = hashlib.sha256(data).hexdigest()
        incoming.keep(archive_key(digest))
    print(digest, flush=True)
"""


def _start(program: str, *arguments: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", program, *(str(argument) for argument in arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


@pytest.mark.parametrize("seed", range(8))
def test_kill_leaves_every_answered_file_whole_and_nothing_else(seed: int, tmp_path: Path) -> None:
    answered: list[str] = []
    with _start(WRITER, tmp_path, seed) as writer:
        assert writer.stdout
        answered += [writer.stdout.readline().strip() for _ in range(1 + seed)]
        # Somewhere in the next files: as long as these sums take, which is different every time.
        hashlib.pbkdf2_hmac("sha256", b"", b"", random.Random(seed).randrange(1, 40_000))
        writer.send_signal(signal.SIGKILL)
        answered += writer.stdout.read().split()
    storage = LocalStorage(tmp_path)

    left_behind = len(list(storage.incoming.iterdir()))
    swept = storage.sweep()

    kept = {key: hashlib.sha256(storage.local_path(key).read_bytes()).hexdigest() for key in list(storage.keys())}
    assert {archive_key(digest) for digest in answered} <= kept.keys()
    assert {archive_key(digest) for digest in kept.values()} == kept.keys()
    assert (swept, list(storage.incoming.iterdir())) == (left_behind, [])


# Receives a file and waits with it until its standard input ends.
RECEIVER = """
import sys
from pathlib import Path
from packistry.storage.keys import BlobKey
from packistry.storage.local import LocalStorage
with LocalStorage(Path(sys.argv[1])).receive() as incoming:
    incoming.write(b"hello")
    print("ready", flush=True)
    sys.stdin.read()
    incoming.keep(BlobKey(sys.argv[2]))
"""


def test_sweep_spares_the_file_of_another_process(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path)
    command = [sys.executable, "-c", RECEIVER, str(tmp_path), HELLO]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as receiver:
        assert receiver.stdin
        assert receiver.stdout
        receiver.stdout.readline()

        swept = storage.sweep()

        receiver.stdin.close()

    assert (swept, receiver.returncode, storage.size(HELLO)) == (0, 0, 5)


def test_sweep_takes_what_a_killed_process_left(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path)
    command = [sys.executable, "-c", RECEIVER, str(tmp_path), HELLO]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as receiver:
        assert receiver.stdout
        receiver.stdout.readline()
        receiver.kill()

    assert (storage.sweep(), list(storage.incoming.iterdir()), list(storage.keys())) == (1, [], [])


def test_sweep_spares_the_kept_file_when_the_kill_came_before_the_temporary_name_went(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path)
    with storage.receive() as incoming:
        incoming.write(b"hello")
        incoming.keep(HELLO)
        (storage.incoming / "left").hardlink_to(incoming.path)

    assert storage.sweep() == 1

    assert storage.local_path(HELLO).read_bytes() == b"hello"


def test_sweep_leaves_folders_alone(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path)
    (storage.incoming / "lost+found").mkdir()

    assert storage.sweep() == 0


def test_many_sweeps_beside_many_writers_lose_nothing(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path)
    done = threading.Event()

    def sweep() -> None:
        while not done.is_set():
            storage.sweep()

    sweepers = [threading.Thread(target=sweep) for _ in range(2)]
    for sweeper in sweepers:
        sweeper.start()
    keys = [archive_key(hashlib.sha256(b"%d" % number).hexdigest()) for number in range(100)]
    try:
        for number, key in enumerate(keys):
            with storage.receive() as incoming:
                incoming.write(b"%d" % number)
                incoming.keep(key)
    finally:
        done.set()
        for sweeper in sweepers:
            sweeper.join()

    assert set(storage.keys()) == set(keys)


def test_file_swept_between_its_making_and_its_lock_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = LocalStorage(tmp_path)
    flock = fcntl.flock
    deleted: list[Path] = []

    def flock_after_a_sweep(descriptor: int, operation: int) -> None:
        if not deleted:
            deleted.extend(storage.incoming.iterdir())
            deleted[0].unlink()
        flock(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", flock_after_a_sweep)

    with storage.receive() as incoming:
        incoming.write(b"hello")
        assert incoming.path not in deleted
        incoming.keep(HELLO)

    assert storage.size(HELLO) == 5


def test_sweep_passes_over_what_ends_or_is_closed_to_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    storage = LocalStorage(tmp_path)
    for name in ("finished", "of another user"):
        (storage.incoming / name).touch()
    refusals = iter([FileNotFoundError, PermissionError])

    def refusing(path: Path, flags: int) -> int:
        raise next(refusals)(path, flags)

    monkeypatch.setattr(os, "open", refusing)

    assert storage.sweep() == 0


def test_everything_reaches_the_disk_before_keep_returns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    storage = LocalStorage(tmp_path)
    synced: list[tuple[str, bool]] = []
    fsync = os.fsync

    def recorded(descriptor: int) -> None:
        path = Path(f"/proc/self/fd/{descriptor}").readlink()
        synced.append((path.relative_to(tmp_path).parts[0] if path != tmp_path else ".", storage.exists(HELLO)))
        fsync(descriptor)

    with storage.receive() as incoming:
        incoming.write(b"hello")
        monkeypatch.setattr(os, "fsync", recorded)
        incoming.keep(HELLO)

    # The bytes before the link; after it the three folders of the key and the root that holds them.
    assert synced == [("incoming", False), ("archives", True), ("archives", True), ("archives", True), (".", True)]


@pytest.mark.parametrize(("umask", "file_mode", "folder_mode"), [(0o022, 0o640, 0o750), (0o077, 0o600, 0o700)])
def test_files_are_for_us_and_our_group_less_the_umask(
    umask: int, file_mode: int, folder_mode: int, tmp_path: Path
) -> None:
    before = os.umask(umask)
    try:
        storage = LocalStorage(tmp_path / "deep" / "storage")
        with storage.receive() as incoming:
            incoming.keep(HELLO)
    finally:
        os.umask(before)

    path = storage.local_path(HELLO)
    folders = [path.parent, path.parent.parent, path.parent.parent.parent, storage.incoming, storage.root]
    assert stat.S_IMODE(path.stat().st_mode) == file_mode
    assert {stat.S_IMODE(folder.stat().st_mode) for folder in folders} == {folder_mode}


def test_relative_root_is_served_like_any(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    storage = LocalStorage(Path("data/storage"))

    with storage.receive() as incoming:
        incoming.write(b"hello")
        incoming.keep(HELLO)

    assert (tmp_path / "data" / "storage" / HELLO).read_bytes() == b"hello"


# Keeps a file of 200,000 bytes where no file may be larger than 150,000.
LIMITED = """
import resource, sys
from pathlib import Path
from packistry.errors import StorageFull
from packistry.storage.local import LocalStorage
resource.setrlimit(resource.RLIMIT_FSIZE, (150_000, 150_000))
try:
    with LocalStorage(Path(sys.argv[1])).receive() as incoming:
        incoming.write(bytes(100_000))
        incoming.write(bytes(100_000))
except StorageFull as refusal:
    print(refusal.sentence)
"""


def test_limit_on_the_size_of_files_is_a_refusal_and_leaves_nothing(tmp_path: Path) -> None:
    with _start(LIMITED, tmp_path) as limited:
        said, _ = limited.communicate()

    assert said.startswith("There is no room left on the server for this file")
    assert list(tmp_path.rglob("*")) == [tmp_path / "incoming"]


# Mounts a disk of 1 MiB, fills it, then frees it; alone in its own view of the file system.
FULL_DISK = """
import subprocess, sys
from pathlib import Path
from packistry.errors import StorageFull
from packistry.storage.keys import archive_key
from packistry.storage.local import LocalStorage
root = Path(sys.argv[1])
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "packistry-test", root], check=True)
storage = LocalStorage(root)
try:
    with storage.receive() as incoming:
        for _ in range(100):
            incoming.write(bytes(100_000))
except StorageFull as refusal:
    print(refusal.sentence)
print([path.name for path in root.rglob("*")])
with storage.receive() as incoming:
    incoming.write(bytes(900_000))
    incoming.keep(archive_key("0" * 64))
print(storage.size(archive_key("0" * 64)))
"""


def _may_mount() -> bool:
    if os.geteuid() != 0:
        return False
    return subprocess.run(["unshare", "--mount", "true"], check=False, capture_output=True).returncode == 0


def test_full_disk_is_a_refusal_and_leaves_nothing(tmp_path: Path) -> None:
    if not _may_mount():
        pytest.skip("only root outside a container may mount a small disk; the limit on file sizes stands in for it")

    done = subprocess.run(
        ["unshare", "--mount", sys.executable, "-c", FULL_DISK, tmp_path], capture_output=True, text=True, check=True
    )

    said, names, size = done.stdout.splitlines()
    assert said.startswith("There is no room left on the server for this file")
    assert (names, size) == ("['incoming']", "900000")


def test_other_troubles_of_the_disk_are_faults(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path)
    (tmp_path / "archives").write_bytes(b"a file where the folder should be")

    with pytest.raises(FileExistsError), storage.receive() as incoming:
        incoming.keep(HELLO)

    assert list(storage.incoming.iterdir()) == []


def test_a_file_that_is_purged_while_it_is_kept_once_more_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = LocalStorage(tmp_path)
    compare, purges = filecmp.cmp, iter([True, False])

    def purged_first(ours: Path, kept: Path, *, shallow: bool) -> bool:
        if next(purges, False):
            storage.delete(HELLO)
        return compare(ours, kept, shallow=shallow)

    monkeypatch.setattr(filecmp, "cmp", purged_first)
    for _ in range(2):
        with storage.receive() as incoming:
            incoming.write(b"hello")
            incoming.keep(HELLO)

    assert storage.local_path(HELLO).read_bytes() == b"hello"
    assert next(purges, None) is False
