"""The wheel is whole: what is built here runs in a virtual environment that has never seen the sources."""

import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

from tests.server import Installation
from tests.tools import ROOT


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this tree, built with the locked backend."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "build", "--no-isolation", "--wheel", "--outdir", folder, ROOT]
    done = subprocess.run(build, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def bare_environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment with the wheel and what it runs on.

    In CI that is installed from the lock, so that nothing of the tests' own helps out. Elsewhere, to save the quarter
    of a minute, this environment's packages are lent through a .pth file, which the editable project does not follow.
    """
    folder = tmp_path_factory.mktemp("bare") / "venv"
    venv.create(folder, with_pip=False)
    if os.environ.get("CI"):
        _install(folder, "--requirement", str(ROOT / "requirements" / "run.txt"))
    else:
        (_site_packages(folder) / "lent.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")
    _install(folder, "--no-deps", "--no-index", str(wheel))
    return folder


def test_every_file_of_the_package_is_in_the_wheel(wheel: Path) -> None:
    package = ROOT / "src" / "packistry"
    ours = {
        f"packistry/{path.relative_to(package).as_posix()}"
        for path in package.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }

    assert ours - set(zipfile.ZipFile(wheel).namelist()) == set()


def test_the_installed_wheel_serves(bare_environment: Path, tmp_path: Path) -> None:
    packistry = Installation(tmp_path / "data", program=bare_environment / "bin" / "packistry")
    imported = subprocess.run(
        [bare_environment / "bin" / "python", "-c", "import packistry; print(packistry.__file__)"],
        cwd=tmp_path,
        check=True,
        capture_output=True,
        text=True,
    ).stdout

    packistry.run("repository", "add", "Acme", "--path", "acme")
    with packistry.serve() as server:
        status = server.answers("/health")

    assert Path(imported.strip()).is_relative_to(bare_environment)
    assert status == 200


def _install(folder: Path, *what: str) -> None:
    pip = [sys.executable, "-m", "pip", "--python", folder / "bin" / "python", "install", "--quiet"]
    done = subprocess.run([*pip, "--disable-pip-version-check", *what], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def _site_packages(folder: Path) -> Path:
    return Path(sysconfig.get_path("purelib", vars={"base": str(folder)}))
