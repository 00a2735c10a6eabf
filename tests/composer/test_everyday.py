"""What people do every day: require, update, remove, install from a lock; at the root and below /r/."""

import json
import shutil

from tests.composer.registry import Projects, Shelf, asked


def test_a_package_is_required_with_what_it_requires(any_shelf: Shelf, projects: Projects) -> None:
    any_shelf.publish("base", "2.3.4", files={"src/base.php": "<?php // base"})
    any_shelf.publish("lib", require={any_shelf.name("base"): "^2.0"})
    project = projects(any_shelf, token=any_shelf.token())

    project.run("require", any_shelf.name())

    assert (project.installed(any_shelf.name("base")) / "src/base.php").read_text() == "<?php // base"
    versions = {name: package["version"] for name, package in project.locked.items()}
    assert versions == {any_shelf.name(): "1.0.0", any_shelf.name("base"): "2.3.4"}
    assert json.loads((project.folder / "composer.json").read_text())["require"] == {any_shelf.name(): "^1.0"}


def test_update_takes_what_was_published_since(any_shelf: Shelf, projects: Projects) -> None:
    any_shelf.publish(files={"VERSION": "old"})
    project = projects(any_shelf, token=any_shelf.token(), require={any_shelf.name(): "^1.0"})
    project.run("update")
    any_shelf.publish(version="1.1.0", files={"VERSION": "new"})
    any_shelf.publish(version="2.0.0", files={"VERSION": "not asked for"})

    project.run("update")

    assert project.locked[any_shelf.name()]["version"] == "1.1.0"
    assert (project.installed(any_shelf.name()) / "VERSION").read_text() == "new"


def test_a_removed_package_is_gone_and_the_rest_stays(shelf: Shelf, projects: Projects) -> None:
    shelf.publish("lib")
    shelf.publish("base")
    project = projects(shelf, token=shelf.token(), require={shelf.name("lib"): "*", shelf.name("base"): "*"})
    project.run("update")

    project.run("remove", shelf.name("lib"))

    assert list(project.locked) == [shelf.name("base")]
    assert not (project.folder / "vendor" / shelf.name("lib")).exists()


def test_a_lock_installs_on_a_machine_that_has_nothing(any_shelf: Shelf, projects: Projects) -> None:
    any_shelf.publish(files={"src/lib.php": "<?php"})
    first = projects(any_shelf, token=any_shelf.token(), require={any_shelf.name(): "*"})
    first.run("update", "--no-install")
    any_shelf.publish(version="1.1.0")
    colleague = projects.of_colleague(first)

    result = colleague.run("install", "-vvv")

    assert (colleague.installed(any_shelf.name()) / "src/lib.php").is_file()
    dist = first.locked[any_shelf.name()]["dist"]["url"].removeprefix(any_shelf.url)
    # The newest client looks at the root, for lists of malware; none asks for metadata.
    assert [request for request in asked(result, below=any_shelf.url) if request[1] != "/packages.json"] == [
        (200, dist),
        (201, "/-/notify"),
    ]


def test_a_lock_installs_from_the_cache_of_a_machine_that_has_it(shelf: Shelf, projects: Projects) -> None:
    shelf.publish(files={"src/lib.php": "<?php"})
    project = projects(shelf, token=shelf.token(), require={shelf.name(): "*"})
    project.run("update")
    shutil.rmtree(project.folder / "vendor")

    result = project.run("install", "-vvv")

    assert (project.installed(shelf.name()) / "src/lib.php").is_file()
    assert {address for _, address in asked(result, below=shelf.url)} <= {"/packages.json", "/-/notify"}


def test_a_second_update_downloads_no_document(any_shelf: Shelf, projects: Projects) -> None:
    any_shelf.publish()
    any_shelf.publish(version="dev-main")
    project = projects(any_shelf, token=any_shelf.token(), require={any_shelf.name(): "@dev"})
    project.run("update")

    result = project.run("update", "-vvv")

    name = any_shelf.name()
    assert set(asked(result, below=any_shelf.url)) == {
        (304, "/packages.json"),
        (304, f"/p2/{name}.json"),
        (304, f"/p2/{name}~dev.json"),
    }


def test_a_project_is_created_from_a_package(shelf: Shelf, projects: Projects) -> None:
    shelf.publish("skeleton", files={"public/index.php": "<?php"}, type="project")
    project = projects(shelf, token=shelf.token())
    repository = json.dumps({"type": "composer", "url": shelf.url})

    project.run("create-project", shelf.name("skeleton"), "shop", "--repository", repository, "--no-secure-http")

    assert (project.folder / "shop/public/index.php").is_file()


def test_only_names_of_our_vendors_are_asked_of_us(shelf: Shelf, projects: Projects) -> None:
    elsewhere = shelf.elsewhere()
    elsewhere.publish("thing")
    shelf.publish(require={elsewhere.name("thing"): "*", "psr/container-implementation": "*"})
    elsewhere.publish("container", provide={"psr/container-implementation": "1.0"})
    require = {shelf.name(): "*", elsewhere.name("container"): "*"}
    project = projects(shelf, elsewhere, token=shelf.token(), require=require)

    result = project.run("update", "-vvv")

    assert sorted(project.locked) == sorted([*require, elsewhere.name("thing")])
    documents = {address for _, address in asked(result, below=shelf.url) if address.startswith("/p2/")}
    assert documents == {f"/p2/{shelf.name()}.json"}
