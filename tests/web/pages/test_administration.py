"""Users, repositories, the audit log and one's own account by page, and that only administrators administer."""

import pytest
from sqlalchemy import select

from packistry import clock
from packistry.access.grants import Grant, Holder, grants_of
from packistry.db.models import BrowserSession, Repository, User
from packistry.house import House
from tests import factories
from tests.factories import PASSWORD
from tests.web.callers import set_password
from tests.web.pages.browser import Browser

BOB = {"name": "Bob", "email": "bob@example.test", "password": "another battery", "role": "user"}


def user_named(house: House, email: str) -> User:
    with house.database.read() as session:
        return session.scalars(select(User).where(User.email == email)).one()


def test_an_administrator_makes_a_user_who_sees_what_was_given(administrator: Browser, house: House) -> None:
    factories.repository(house, "customers")

    administrator.send("/-/users/new", {**BOB, "repository:customers": "write", "repository:/": ""})

    bob = user_named(house, "bob@example.test")
    with house.database.read() as session:
        assert grants_of(session, Holder(user_id=bob.id)) == [Grant("customers", write=True)]
    assert "customers (write)" in administrator.open("/-/users").text


def test_changing_a_user_replaces_what_was_given(administrator: Browser, house: House) -> None:
    factories.repository(house, "customers")
    bob = factories.user(house, "bob@example.test", Grant("customers"))

    administrator.send(
        f"/-/users/{bob}", {"name": "Robert", "email": "bob@example.test", "role": "user", "active": "y"}
    )

    with house.database.read() as session:
        assert grants_of(session, Holder(user_id=bob)) == []
    assert "Robert" in administrator.open("/-/users").text


WRONG = {
    "a short password": ({"password": "short"}, "A password has 10 to"),
    "no address": ({"email": "bob"}, "is not an e-mail address"),
    "an address that is taken": ({"email": "ada@example.test"}, "There is already a user ada@example.test"),
}


@pytest.mark.parametrize(("change", "sentence"), WRONG.values(), ids=list(WRONG))
def test_a_user_that_cannot_be_is_refused_beside_the_field(
    administrator: Browser, change: dict[str, str], sentence: str
) -> None:
    shown = administrator.send("/-/users/new", {**BOB, **change}, status=422)

    assert sentence in shown.text
    assert 'aria-invalid="true"' in shown.html
    assert "another battery" not in shown.html


def test_the_last_administrator_stays_one(administrator: Browser, house: House) -> None:
    ada = user_named(house, "ada@example.test")

    shown = administrator.send(f"/-/users/{ada.id}", {"name": "A", "email": ada.email, "role": "user"}, status=422)
    deleted = administrator.send(f"/-/users/{ada.id}/delete", status=422)

    assert "the last active administrator" in shown.text
    assert "the last active administrator" in deleted.text


def test_a_deleted_user_is_gone(administrator: Browser, house: House) -> None:
    bob = factories.user(house, "bob@example.test")

    administrator.send(f"/-/users/{bob}/delete")

    administrator.open(f"/-/users/{bob}", status=404)
    assert "bob@example.test" not in administrator.open("/-/users").text


def test_a_repository_is_made_changed_and_deleted(administrator: Browser, house: House) -> None:
    made = administrator.send("/-/repositories/-new", {"name": "Oss", "path": "oss", "public": "yes"})
    page = administrator.open(made.leads_to)
    administrator.send("/-/repositories/oss/settings", {"name": "Open", "path": "oss", "claims_vendors": "yes"})

    assert "composer config repositories.oss composer http://packistry.test/r/oss" in page.text
    assert "bearer" not in page.text, "a public repository needs no token"
    with house.database.read() as session:
        oss = session.scalars(select(Repository).where(Repository.path == "oss")).one()
        assert (oss.name, oss.public, oss.claims_vendors) == ("Open", False, True)
    administrator.send("/-/repositories/oss/delete")
    administrator.open("/-/repositories/oss", status=404)


def test_a_path_that_is_none_is_said_beside_its_field(administrator: Browser) -> None:
    shown = administrator.send("/-/repositories/-new", {"name": "x", "path": "A b"}, status=422)

    assert "must be lower-case letters" in shown.text
    assert 'value="A b"' in shown.html


def test_the_root_keeps_its_place(administrator: Browser) -> None:
    administrator.send("/-/repositories/-/settings", {"name": "All", "claims_vendors": "yes"})

    assert "All" in administrator.open("/-/repositories").text
    administrator.send("/-/repositories/-/delete", status=422)


def test_the_audit_log_tells_who_did_what(administrator: Browser) -> None:
    administrator.send("/-/repositories/-new", {"name": "Oss", "path": "oss"})

    assert "repository.created ada@example.test" in administrator.open("/-/audit").text
    assert "repository.created" not in administrator.open("/-/audit?event=user").text
    assert "repository.created" in administrator.open("/-/audit?q=ADA&event=repository").text
    assert "No line is like that." in administrator.open("/-/audit?q=nobody").text


ADMINISTRATION = [
    "/-/users",
    "/-/users/new",
    "/-/users/1",
    "/-/audit",
    "/-/deploy-tokens",
    "/-/deploy-tokens/new",
    "/-/repositories/-new",
    "/-/repositories/oss/settings",
]
FORMS = [
    "/-/users/new",
    "/-/users/1",
    "/-/users/1/password",
    "/-/users/1/delete",
    "/-/deploy-tokens/new",
    "/-/repositories/-new",
    "/-/repositories/oss/settings",
    "/-/repositories/oss/delete",
]


def test_a_user_opens_no_page_of_administrators(plain_user: Browser, house: House) -> None:
    factories.repository(house, "oss", public=True)

    assert {path: plain_user.client.get(path).status_code for path in ADMINISTRATION} == dict.fromkeys(
        ADMINISTRATION, 403
    )
    for path in FORMS:
        plain_user.send(path, {**BOB, "path": "x", "ability": "read"}, status=403)
    links = plain_user.open("/-/").links
    assert not [link for link in links if link in ADMINISTRATION]


def test_one_changes_the_own_password_and_stays_signed_in_here_alone(administrator: Browser, house: House) -> None:
    ada = user_named(house, "ada@example.test")
    set_password(house, ada.id, PASSWORD)
    administrator.sign_in(ada.id)
    elsewhere = administrator.client.cookies["packistry_session"]
    administrator.sign_in(ada.id)

    administrator.send("/-/profile", {"present": PASSWORD, "password": "a new and long one"})

    assert "this browser" in administrator.open("/-/profile").text
    assert "user.password_changed" in administrator.open("/-/audit").text
    administrator.client.cookies.set("packistry_session", elsewhere)
    administrator.open("/-/profile", status=303)


def test_the_present_password_is_asked_for(administrator: Browser, house: House) -> None:
    set_password(house, user_named(house, "ada@example.test").id, PASSWORD)
    administrator.sign_in(user_named(house, "ada@example.test").id)

    shown = administrator.send("/-/profile", {"present": "wrong", "password": "a new and long one"}, status=422)

    assert "This is not the present password." in shown.text


def test_one_signs_out_own_browsers_only(plain_user: Browser, house: House) -> None:
    mine = user_named(house, "bob@example.test").id
    plain_user.sign_in(mine)
    other = factories.user(house, "eve@example.test")
    with house.database.write() as session:
        hers = BrowserSession(
            digest="x", user_id=other, created_at=clock.now(), last_seen_at=clock.now(), address=None, client="Firefox"
        )
        session.add(hers)
        session.flush()
        number = hers.id

    plain_user.send(f"/-/profile/sessions/{number}/end", status=404)
    plain_user.send("/-/profile/sessions/1/end")

    with house.database.read() as session:
        assert len(session.scalars(select(BrowserSession).where(BrowserSession.user_id == mine)).all()) == 1
