"""Why something cannot be installed: each cause in a sentence, and nobody is told what they may not see."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from packistry import clock
from packistry.access.actors import Actor, UserActor
from packistry.access.grants import Grant
from packistry.access.permissions import Ability, Role
from packistry.accounts.sign_in import user_actor
from packistry.db.models import ImportRef, ImportRun, Project, Source, Token, User
from packistry.errors import Forbidden, InvalidConstraint, InvalidName, NotFound
from packistry.explaining.answers import Answer, Cause
from packistry.explaining.persons import Person, holder_of, oneself, person_named, stranger
from packistry.explaining.why import Question, why
from packistry.house import House
from packistry.packages.actions import delete_package, delete_version, purge_version
from packistry.packages.documents import Address
from packistry.packages.queries import find_package_named, find_version
from tests import factories

ACME = Address(None, "acme")


@pytest.fixture
def acme(house: House) -> House:
    """acme/lib 1.0.0, 1.1.0-beta1 and dev-main (which is 2.x) in the private /r/acme; nothing in /r/other."""
    factories.repository(house, "acme")
    factories.repository(house, "other")
    factories.publish(house, version="1.0.0", require={"php": ">=8.1", "psr/log": "*"})
    factories.publish(house, version="1.1.0-beta1")
    extra = {"branch-alias": {"dev-main": "2.x-dev"}}
    factories.publish(house, version="dev-main", default_branch=True, extra=extra)
    return house


def asked(
    house: House,
    constraint: str = "",
    *,
    token: str = "",
    package: str = "acme/lib",
    asker: Actor = factories.OPERATOR,
    repository: str | None = None,
) -> Answer:
    with house.database.read() as session:
        person = holder_of(session, asker, token) if token else oneself(asker)
        return why(session, asker, person, Question(package, constraint, repository))


def causes(answer: Answer) -> list[Cause]:
    return [reason.cause for reason in answer.reasons]


def user(house: House, *grants: Grant, role: Role = Role.USER, email: str = "bob@example.test") -> UserActor:
    identity = factories.user(house, email, *grants, role=role)
    with house.database.read() as session:
        return user_actor(session.get_one(User, identity), abilities=frozenset(Ability))


TAKEN = {
    "": "1.0.0",
    "^1.0": "1.0.0",
    "^1.0@beta": "1.1.0-beta1",
    "1.1.0-beta1": "1.1.0-beta1",
    "dev-main": "dev-main",
    "^2.0@dev": "dev-main",
    "@dev": "1.1.0-beta1",
}


@pytest.mark.parametrize(("constraint", "version"), TAKEN.items(), ids=list(TAKEN))
def test_what_can_be_installed_is_said_with_the_version(acme: House, constraint: str, version: str) -> None:
    answer = asked(acme, constraint)

    assert (answer.may, answer.version) == (True, version)


def test_what_a_version_needs_of_the_machine_is_said(acme: House) -> None:
    assert "php >=8.1" in asked(acme).reasons[1].sentence


UNSTABLE = {"^1.1": ("less stable than stable: 1.1.0-beta1", "^1.1@beta"), "^2.0": ("dev-main", "acme/lib:dev-main")}


@pytest.mark.parametrize(("constraint", "words"), UNSTABLE.items(), ids=list(UNSTABLE))
def test_what_is_too_unstable_is_said_with_how_to_ask_for_it(
    acme: House, constraint: str, words: tuple[str, str]
) -> None:
    answer = asked(acme, constraint)

    assert (answer.may, causes(answer)) == (False, [Cause.STABILITY])
    assert words[0] in answer.reasons[0].sentence
    assert words[1] in answer.reasons[0].next_step


def test_a_constraint_that_nothing_matches_is_told_from_one_that_is_none(acme: House) -> None:
    answer = asked(acme, "^7.0")

    assert causes(answer) == [Cause.NO_MATCH]
    assert "There are 3: 1.1.0-beta1, 1.0.0, dev-main." in answer.reasons[0].sentence
    with pytest.raises(InvalidConstraint):
        asked(acme, "^^7")
    with pytest.raises(InvalidName):
        asked(acme, package="lib")


def test_a_package_that_there_is_not_is_said_with_the_one_that_was_meant(acme: House) -> None:
    answer = asked(acme, package="acme/libb")

    assert causes(answer) == [Cause.NO_PACKAGE, Cause.NO_PACKAGE]
    assert "Was acme/lib meant?" in answer.reasons[1].sentence


def test_a_package_in_another_repository_is_said(acme: House) -> None:
    answer = asked(acme, repository="other")

    assert causes(answer) == [Cause.ELSEWHERE]
    assert "acme/lib is not in other, but in acme." in answer.reasons[0].sentence


def test_a_token_for_another_repository_is_told_what_it_is_tied_to(acme: House) -> None:
    factories.deploy_token(acme, "other", name="ci")

    answer = asked(acme, token="ci")

    assert causes(answer) == [Cause.NOT_VISIBLE]
    assert "deploy token ci has no grant for repository acme" in answer.reasons[0].sentence
    assert "It is tied to other." in answer.reasons[0].sentence
    assert "/-/deploy-tokens/" in answer.reasons[0].next_step


def test_a_token_that_fits_can_install(acme: House) -> None:
    secret = factories.deploy_token(acme, "acme", name="ci")

    assert asked(acme, token="ci").may
    assert asked(acme, token=secret).may


def test_a_token_that_is_over_says_why(acme: House) -> None:
    factories.deploy_token(acme, "acme", name="old", expires_at=clock.now() + timedelta(days=1))
    secret = factories.deploy_token(acme, "acme", name="gone")
    with acme.database.write() as session:
        for token in session.scalars(select(Token)):
            if token.name == "old":
                token.expires_at = clock.now() - timedelta(days=1)
            else:
                token.revoked_at = clock.now()

    assert "old expired on" in asked(acme, token="old").reasons[0].sentence
    assert "gone was revoked on" in asked(acme, token="gone").reasons[0].sentence
    assert causes(asked(acme, token=secret)) == [Cause.CREDENTIAL]


def test_a_token_that_may_only_write_lacks_an_ability(acme: House) -> None:
    factories.deploy_token(acme, "acme", name="push", abilities="write")

    assert causes(asked(acme, token="push")) == [Cause.ABILITY]


def test_an_old_composer_is_told_apart(acme: House) -> None:
    factories.deploy_token(acme, "other", name="ci")
    with acme.database.write() as session:
        session.scalars(select(Token)).one().last_used_client = "Composer/1.10.27 (Linux; PHP 7.4)"

    assert causes(asked(acme, token="ci"))[0] == Cause.CLIENT


def test_what_was_deleted_withdrawn_or_purged_is_said(acme: House) -> None:
    for version in ("3.0.0", "3.1.0", "3.2.0"):
        factories.publish(acme, version=version)
    with acme.database.write() as session:
        package, _ = find_package_named(session, factories.OPERATOR, "acme/lib")
        for version in ("3.0.0", "3.1.0"):
            delete_version(session, factories.OPERATOR, package, find_version(session, package, version), ACME)
        find_version(session, package, "3.1.0").withdrawn = True
        purge_version(session, factories.OPERATOR, package, find_version(session, package, "3.2.0"), ACME)

    both, purged = asked(acme, "^3.0"), asked(acme, "3.2.0")

    assert [reason.sentence.split(" on ")[0] for reason in both.reasons[:2]] == [
        "acme/lib 3.1.0 was withdrawn",
        "acme/lib 3.0.0 was deleted here",
    ]
    assert "acme/lib 3.2.0 was purged on" in purged.reasons[0].sentence


def test_a_deleted_package_is_said_to_administrators_alone(acme: House) -> None:
    with acme.database.write() as session:
        package, _ = find_package_named(session, factories.OPERATOR, "acme/lib")
        delete_package(session, factories.OPERATOR, package, ACME)
    bob = user(acme, Grant("acme"))

    assert causes(asked(acme)) == [Cause.DELETED]
    assert causes(asked(acme, asker=bob)) == [Cause.NO_PACKAGE]


def imported(house: House, state: str, reason: str, *, run_state: str = "done") -> None:
    """As if acme/lib came from a project of which the tag v4.0.0 ended like this."""
    now = clock.now()
    with house.database.write() as session:
        package, repository = find_package_named(session, factories.OPERATOR, "acme/lib")
        source = Source(name="Code", provider="git", address="https://code.test", credential=b"", settings={})
        source.concurrency, source.created_at = 1, now
        session.add(source)
        session.flush()
        project = Project(source_id=source.id, remote_id="1", full_name="acme/hidden-project", web_url="", clone_url="")
        project.repository_id, project.package_id, project.created_at = repository.id, package.id, now
        project.tags = project.branches = []
        session.add(project)
        session.flush()
        run = ImportRun(project_id=project.id, cause="first", state=run_state, priority=1, due_at=now, created_at=now)
        session.add(run)
        session.flush()
        ref = ImportRef(run_id=run.id, kind="tag", name="v4.0.0", commit="a" * 40, position=1, state=state)
        ref.reason = reason
        session.add(ref)


def test_a_ref_that_was_not_imported_is_said_with_the_reason(acme: House) -> None:
    imported(acme, "failed", "composer.json is not JSON.")

    answer = asked(acme, "^4.0")

    assert causes(answer)[0] == Cause.IMPORT
    assert answer.reasons[0].sentence == "The tag v4.0.0 failed: composer.json is not JSON."
    assert causes(asked(acme, "^9.0")) == [Cause.NO_MATCH]


def test_an_import_that_is_not_over_is_said(acme: House) -> None:
    imported(acme, "waiting", "", run_state="waiting")

    assert "The import of acme/hidden-project is waiting." in asked(acme, "^4.0").reasons[-1].sentence


def test_a_user_learns_of_imports_only_that_there_are_some(acme: House) -> None:
    imported(acme, "failed", "The host said: secret", run_state="failed")
    bob = user(acme, Grant("acme"))

    told = str(asked(acme, "^4.0", asker=bob))

    assert "was not imported" in told
    assert "secret" not in told
    assert "hidden-project" not in told


def test_a_user_is_told_the_same_of_what_is_hidden_and_of_what_there_is_not(acme: House) -> None:
    bob = user(acme, Grant("other"))

    hidden, missing = asked(acme, "^1.0", asker=bob), asked(acme, "^1.0", asker=bob, package="acme/non")

    assert causes(hidden) == [Cause.NO_PACKAGE]
    assert str(hidden).replace("acme/lib", "acme/non") == str(missing)


def test_only_administrators_ask_about_others(acme: House) -> None:
    bob, ada = user(acme, Grant("acme")), user(acme, role=Role.ADMINISTRATOR, email="ada@example.test")
    factories.deploy_token(acme, "acme", name="ci")
    factories.personal_token(acme, bob.user_id, name="laptop")
    with acme.database.read() as session:
        for forbidden in (lambda: stranger(bob), lambda: person_named(session, bob, "ada@example.test")):
            with pytest.raises(Forbidden):
                forbidden()
        with pytest.raises(NotFound):
            holder_of(session, bob, "ci")
        with pytest.raises(NotFound):
            holder_of(session, ada, "laptop")
        with pytest.raises(Forbidden):
            why(session, bob, Person(ada, "ada"), Question("acme/lib"))
        assert why(session, bob, holder_of(session, bob, "laptop"), Question("acme/lib")).may
        assert why(session, bob, person_named(session, bob, "BOB@example.test"), Question("acme/lib")).may
        assert why(session, ada, person_named(session, ada, "bob@example.test"), Question("acme/lib")).may
        assert not why(session, ada, stranger(ada), Question("acme/lib")).may


def test_whoever_has_a_secret_asks_as_its_token(acme: House) -> None:
    bob = user(acme)
    secret = factories.deploy_token(acme, "other", Grant("acme", "acme/lib"))

    with acme.database.read() as session:
        holder = holder_of(session, bob, secret)
        with pytest.raises(Forbidden):
            why(session, bob, holder, Question("acme/lib"))
        assert why(session, holder.actor, holder, Question("acme/lib")).may
        assert causes(why(session, holder.actor, holder, Question("acme/none"))) == [Cause.NO_PACKAGE]
