"""The same from other houses: behind a proxy below a path, and on PostgreSQL."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from packistry.settings import Settings
from tests.composer.client import NAMES, composer
from tests.composer.registry import Projects, Registry, revoke, running_registry
from tests.factories import package_zip
from tests.postgresql import Cluster
from tests.tools import dying_with_us, free_port, program

PROXY = """
daemon off; pid {folder}/pid; error_log stderr; worker_processes 1;
events {{ }}
http {{
  access_log off; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  server {{
    listen 127.0.0.1:{port};
    location /internal/packages/ {{ proxy_pass http://127.0.0.1:{behind}/; }}
  }}
}}
"""


@pytest.fixture(scope="module")
def behind_proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """A registry with a public address below a path of a proxy, which passes on no header that tells of it."""
    nginx, folder = program("nginx"), tmp_path_factory.mktemp("proxied")
    port, behind = free_port(), free_port()
    (folder / "nginx.conf").write_text(PROXY.format(folder=folder, port=port, behind=behind))
    settings = Settings(data_dir=folder / "data", public_url=f"http://127.0.0.1:{port}/internal/packages")
    command = [*dying_with_us("TERM"), nginx, "-e", "stderr", "-p", folder, "-c", folder / "nginx.conf"]
    with running_registry(settings, port=behind) as registry, subprocess.Popen(command) as proxy:
        yield registry
        proxy.terminate()


@pytest.mark.parametrize("path", ["", None], ids=["/", "/r/path"])
def test_everything_lies_below_the_public_address(path: str | None, behind_proxy: Registry, projects: Projects) -> None:
    shelf = behind_proxy.shelf(path)
    shelf.publish("base", "dev-main")
    archive = package_zip(shelf.name(), require={shelf.name("base"): "*"})
    status = shelf.upload(archive, token=shelf.token(abilities="read write"))
    project = projects(shelf, token=shelf.token(), minimum_stability="dev")

    project.run("require", shelf.name())
    found = project.run("search", "-N", f"{shelf.vendor}/li").stdout.split()

    assert status == 201
    assert all(package["dist"]["url"].startswith(shelf.url) for package in project.locked.values())
    assert all(package["notification-url"].startswith(shelf.url) for package in project.locked.values())
    assert set(found) == {shelf.name()}


@pytest.mark.client
@pytest.mark.postgresql
def test_a_day_on_postgresql(postgresql: Cluster, migrated_name: str, tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "data", database_url=postgresql.url(postgresql.create(migrated_name)))
    with running_registry(settings) as registry:
        shelf = registry.shelf()
        shelf.publish("base", "dev-main", files={"STATE": "old"})
        shelf.publish("lib", require={shelf.name("base"): "*"}, description="Sends letters")
        token = shelf.token()
        projects = Projects(composer(NAMES[-1]), tmp_path)
        project = projects(shelf, token=token, minimum_stability="dev")

        project.run("require", shelf.name())
        shelf.publish("base", "dev-main", files={"STATE": "new"})
        old = projects.of_colleague(project)
        old.run("install")
        project.run("update")
        found = project.run("search", "letters").output
        shelf.delete("lib", "1.0.0")
        gone = project.run("update", check=False)
        revoke(shelf.house, token)
        refused = project.run("update", check=False)

        assert (old.installed(shelf.name("base")) / "STATE").read_text() == "old"
        assert (project.installed(shelf.name("base")) / "STATE").read_text() == "new"
        assert shelf.name() in found
        assert gone.code == 2
        assert "was revoked on" in refused.output
