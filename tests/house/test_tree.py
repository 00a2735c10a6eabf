"""What is in the repository: locks that pip can trust, and nothing that only holds on one machine."""

import re
import subprocess
import sys
import tomllib
from importlib.metadata import distributions
from pathlib import Path

import pytest

from tests.tools import ROOT

LOCKS = ("run.txt", "dev.txt")


def tracked() -> list[Path]:
    """The files git knows, in a checkout; else nothing, as in an unpacked archive of the sources."""
    if not (ROOT / ".git").exists():
        return []
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return [path for name in listed.split("\0") if name and (path := ROOT / name).is_file()]


def registry_hosts() -> set[str]:
    """The hosts this machine installs from, read from its own configuration so that none is written here."""
    pip = [sys.executable, "-m", "pip", "config", "list"]
    texts = [subprocess.run(pip, check=False, capture_output=True, text=True).stdout]
    for pattern in ("sources.list", "sources.list.d/*"):
        texts += [path.read_text(errors="replace") for path in Path("/etc/apt").glob(pattern)]
    hosts = re.findall(r"https?://(?:[^/@\s\"']*@)?([^/\s\"':]+)", "\n".join(texts))
    return {host for host in hosts if not host.startswith(("localhost", "127."))}


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_names_hashes_and_no_address(name: str) -> None:
    text = (ROOT / "requirements" / name).read_text()
    entries = re.split(r"\n(?=[A-Za-z0-9])", text.strip())

    assert "://" not in text
    assert [entry for entry in entries if not re.match(r"[A-Za-z0-9._-]+(\[.*\])?==\S+", entry)] == []
    assert [entry.split()[0] for entry in entries if "--hash=sha256:" not in entry] == []
    assert re.search(r"^-", text, re.MULTILINE) is None


def test_the_locks_agree_and_hold_every_dependency() -> None:
    texts = [(ROOT / "requirements" / name).read_text() for name in LOCKS]
    run, dev = [dict[str, str](re.findall(r"^([^\s\[]+)\S*?==(\S+)", text, re.MULTILINE)) for text in texts]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wanted = [re.split(r"[^A-Za-z0-9._-]", line)[0].lower() for line in project["project"]["dependencies"]]

    assert {name: version for name, version in run.items() if dev.get(name) != version} == {}
    assert [name for name in wanted if name not in run] == []


def test_what_is_wished_for_with_extras_is_locked_with_them() -> None:
    """Or pip takes the newest of it as soon as there is a newer one, and then refuses it for want of a hash."""
    locked = dict[str, str](
        re.findall(r"^([^\s\[]+)(\S*?)==", (ROOT / "requirements/dev.txt").read_text(), re.MULTILINE)
    )
    wishes = [wish for one in distributions() for wish in one.requires or () if "extra ==" not in wish]
    found = {(wish[1].lower(), wish[2]) for text in wishes if (wish := re.match(r"([\w.-]+)\s*\[([\w,-]+)\]", text))}

    assert len(found) > 1
    assert {(name, extra) for name, extra in found if name in locked and extra not in locked[name]} == set()


def test_no_file_names_a_registry_or_a_place_on_one_machine() -> None:
    places = [re.escape(host) for host in registry_hosts()] + [re.escape(f"{ROOT}/"), r"/home/\w", r"/Users/\w"]
    pattern = re.compile("|".join(places))

    found = [
        f"{path.relative_to(ROOT)}: {match[0]}"
        for path in tracked()
        if path != Path(__file__) and (match := pattern.search(path.read_text(encoding="utf-8", errors="replace")))
    ]

    assert found == []
