"""Who may install: every form of credential a client has, the prompt, and what is said to those who may not."""

import json
import shlex
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from packistry.access.grants import Grant
from packistry.repositories.clients import composer_commands
from tests.composer.client import ComposerProject
from tests.composer.registry import Projects, Registry, Shelf, asked, expire, revoke
from tests.factories import PASSWORD, personal_token, user

Auth = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Form:
    """One way to hand a token to a client: as auth.json, as COMPOSER_AUTH, or in the address."""

    why: str
    auth: Auth | None = None
    by_environment: bool = False
    userinfo: str | None = None


BEARER: Auth = {"bearer": {"HOST": "TOKEN"}}
BASIC: Auth = {"http-basic": {"HOST": {"username": "token", "password": "TOKEN"}}}
FORMS = [
    Form("what our printed commands write", BEARER),
    Form("what every other registry has people write", BASIC),
    Form(
        "the token as user name, as update robots do", {"http-basic": {"HOST": {"username": "TOKEN", "password": ""}}}
    ),
    Form("the host taken for a GitHub of one's own", {"github-oauth": {"HOST": "TOKEN"}}),
    Form("in a CI job", BEARER, by_environment=True),
    Form("in a CI job of another registry", BASIC, by_environment=True),
    Form("all in one address", userinfo="token:TOKEN"),
    Form("all in one address, GitHub's way", userinfo="TOKEN:x-oauth-basic"),
]


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.why)
def test_every_form_of_credential_installs(form: Form, shelf: Shelf, projects: Projects) -> None:
    shelf.publish()
    project = _authenticated(form, shelf, projects)

    project.run("require", shelf.name())

    assert project.installed(shelf.name()).is_dir()


def _authenticated(form: Form, shelf: Shelf, projects: Projects) -> ComposerProject:
    token = shelf.token()
    if form.userinfo is not None:
        return projects(shelf.url.replace("://", f"://{form.userinfo.replace('TOKEN', token)}@"))
    text = json.dumps(form.auth).replace("HOST", shelf.host).replace("TOKEN", token)
    project = projects(shelf)
    if form.by_environment:
        project.environment["COMPOSER_AUTH"] = text
    else:
        (project.home / "auth.json").write_text(text)
    return project


def test_the_commands_that_we_print_are_enough(any_shelf: Shelf, projects: Projects) -> None:
    any_shelf.publish()
    project = projects(any_shelf.elsewhere())
    for command in composer_commands(any_shelf.server_url, any_shelf.token(), [any_shelf.path], share_vendors=False):
        project.run(*shlex.split(command)[1:])

    project.run("require", any_shelf.name())

    assert project.installed(any_shelf.name()).is_dir()


def test_a_personal_token_installs_what_its_user_sees(shelf: Shelf, projects: Projects) -> None:
    shelf.publish()
    owner = user(shelf.house, f"{shelf.vendor}@example.test", Grant(shelf.path))
    project = projects(shelf, token=personal_token(shelf.house, owner))

    project.run("require", shelf.name())

    assert project.installed(shelf.name()).is_dir()


def test_without_a_token_the_terminal_says_how_to_get_one(any_shelf: Shelf, projects: Projects) -> None:
    any_shelf.publish()
    project = projects(any_shelf, require={any_shelf.name(): "*"})

    result = project.run("update", check=False)

    assert result.code != 0
    assert "This repository needs a token" in result.output
    assert "packistry deploy-token add" in result.output


def test_a_mistyped_token_is_told_from_an_unknown_one(shelf: Shelf, projects: Projects) -> None:
    token = shelf.token()
    project = projects(shelf, token=token[:-1] + ("0" if token[-1] != "0" else "1"), require={shelf.name(): "*"})

    result = project.run("update", check=False)

    assert result.code != 0
    assert "a character is missing or wrong" in result.output


def test_an_expired_token_is_named_at_the_terminal(any_shelf: Shelf, projects: Projects) -> None:
    any_shelf.publish()
    token = any_shelf.token(name=f"ci of {any_shelf.vendor}")
    project = projects(any_shelf, token=token, require={any_shelf.name(): "*"})
    project.run("update")
    expire(any_shelf.house, token, datetime(2026, 1, 31, tzinfo=UTC))

    result = project.run("update", check=False)

    assert f"The deploy token ci of {any_shelf.vendor} expired on 2026-01-31" in result.output


def test_a_token_expires_while_the_server_runs(shelf: Shelf, projects: Projects) -> None:
    shelf.publish()
    token = shelf.token(expires_at=datetime.now(UTC) + timedelta(days=1))
    project = projects(shelf, token=token, require={shelf.name(): "*"})
    project.run("update")
    expire(shelf.house, token, datetime.now(UTC))

    result = projects.of_colleague(project).run("install", check=False)

    assert result.code != 0
    assert "expired on" in result.output


def test_a_revoked_token_is_named_at_the_terminal(shelf: Shelf, projects: Projects) -> None:
    shelf.publish()
    token = shelf.token(name=f"ci of {shelf.vendor}")
    project = projects(shelf, token=token, require={shelf.name(): "*"})
    project.run("update")
    revoke(shelf.house, token)

    result = projects.of_colleague(project).run("install", check=False)

    assert result.code != 0
    assert f"The deploy token ci of {shelf.vendor} was revoked on" in result.output


def test_a_token_of_another_repository_does_not_say_that_this_one_exists(
    registry: Registry, shelf: Shelf, projects: Projects
) -> None:
    shelf.publish()
    stranger = registry.shelf().token()
    # As long as the other, because clients break their lines anywhere.
    missing = f"{shelf.server_url}/r/{'x' * len(shelf.path)}"

    answers = [
        projects(address, token=stranger, require={shelf.name(): "*"})
        .run("update", check=False)
        .output.replace(address, "")
        for address in (shelf.url, missing)
    ]

    assert "There is no such repository, or it is not visible to you" in answers[0]
    assert answers[0] == answers[1]


def test_a_writing_token_that_may_not_read_is_told_so(shelf: Shelf, projects: Projects) -> None:
    project = projects(shelf, token=shelf.token(abilities="write"), require={shelf.name(): "*"})

    result = project.run("update", check=False)

    assert "This token lacks the ability read" in result.output


def test_a_person_is_asked_and_the_token_is_the_password(any_shelf: Shelf, projects: Projects) -> None:
    any_shelf.publish()
    project = projects(any_shelf, require={any_shelf.name(): "*"})
    token = any_shelf.token()

    project.talk(["update"], [("Username:", "ada"), ("Password:", token), ("store credentials", "y")])

    assert project.installed(any_shelf.name()).is_dir()
    kept = json.loads((project.home / "auth.json").read_text())
    assert kept["http-basic"] == {any_shelf.host: {"username": "ada", "password": token}}
    # What was kept goes on working without a person.
    projects.of_colleague(project).run("install")


def test_a_person_is_asked_and_signs_in_by_mail_address(shelf: Shelf, projects: Projects) -> None:
    shelf.publish()
    email = f"{shelf.vendor}@example.test"
    user(shelf.house, email, Grant(shelf.path))
    project = projects(shelf, require={shelf.name(): "*"})

    project.talk(["update"], [("Username:", email), ("Password:", PASSWORD), ("store credentials", "n")])

    assert project.installed(shelf.name()).is_dir()


def test_a_person_with_a_wrong_password_is_told_so(shelf: Shelf, projects: Projects) -> None:
    shelf.publish()
    email = f"{shelf.vendor}@example.test"
    user(shelf.house, email, Grant(shelf.path))
    project = projects(shelf, require={shelf.name(): "*"})

    result = project.talk(["update"], [("Username:", email), ("Password:", "guessed")], check=False)

    assert result.code != 0
    assert "The e-mail address or the password is wrong" in result.output
    assert not (project.folder / "vendor").exists()


def test_a_public_repository_asks_for_nothing(registry: Registry, projects: Projects) -> None:
    public = registry.shelf(public=True)
    public.publish()

    project = projects(public)
    project.run("require", public.name())

    assert project.installed(public.name()).is_dir()


@pytest.mark.parametrize("bad", ["mistyped", "expired", "of another repository"])
def test_a_bad_credential_does_no_harm_at_a_public_repository(bad: str, registry: Registry, projects: Projects) -> None:
    public = registry.shelf(public=True)
    public.publish()
    token = registry.shelf().token()
    if bad == "expired":
        expire(registry.house, token, datetime(2026, 1, 31, tzinfo=UTC))
    project = projects(public, token="pkdt-nonsense" if bad == "mistyped" else token)

    result = project.run("require", public.name(), "-vvv")

    assert project.installed(public.name()).is_dir()
    assert {status for status, _ in asked(result, below=public.url)} <= {200, 201, 304}
