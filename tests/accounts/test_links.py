"""Links that let somebody in once: their ends, who made them, and how they are mailed."""

import re
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from packistry import clock
from packistry.access.actors import UserActor
from packistry.access.grants import Grant, Holder, grants_of
from packistry.access.permissions import Role
from packistry.accounts.actions import delete_user, reset_password, update_user
from packistry.accounts.links import (
    INVITATION,
    RESET,
    accept_invitation,
    ask_for_reset,
    find_link,
    invite,
    list_invitations,
    make_reset_link,
    reset_by_link,
    revoke_invitation,
)
from packistry.accounts.mailing import PAUSES, Mailing, due_mails
from packistry.accounts.sessions import Place, begin_session
from packistry.audit.events import Event
from packistry.db.engine import WriteSession
from packistry.db.models import AccountLink, AuditEvent, BrowserSession, User
from packistry.errors import AlreadyExists, Forbidden, Gone
from packistry.house import House
from packistry.outbound.mail import MailServer
from tests import factories
from tests.factories import OPERATOR
from tests.fakes.mail_server import MailServerFake

HASH = "$argon2id$another"
BASE = "https://packages.test"


@pytest.fixture
def ada(house: House) -> int:
    """The id of a user who is signed in."""
    user_id = factories.user(house, "ada@example.test")
    with house.database.write() as session:
        begin_session(session, user_id, Place(None, "Tests"))
    return user_id


def reset_link(house: House, user_id: int, maker: UserActor | None = None) -> str:
    """The secret of a link for the user's password."""
    with house.database.write() as session:
        return make_reset_link(session, maker or OPERATOR, session.get_one(User, user_id))


def invitation(house: House, email: str = "eve@example.test", *grants: Grant, maker: UserActor | None = None) -> str:
    """The secret of an invitation."""
    with house.database.write() as session:
        return invite(session, maker or OPERATOR, email=email, role=Role.USER, grants=grants)[1]


def test_a_link_sets_a_password_once_and_signs_everybody_out(house: House, ada: int) -> None:
    plain = reset_link(house, ada)

    with house.database.write() as session:
        reset_by_link(session, plain, HASH, "192.0.2.1")

    with house.database.read() as session:
        assert session.get_one(User, ada).password_hash == HASH
        assert session.scalars(select(BrowserSession)).all() == []
    with house.database.write() as session, pytest.raises(Gone, match="used already"):
        reset_by_link(session, plain, HASH, None)


def test_the_row_does_not_hold_what_opens(house: House, ada: int) -> None:
    plain = reset_link(house, ada)

    with house.database.read() as session:
        row = session.scalars(select(AccountLink)).one()
    assert plain not in str({column.name: getattr(row, column.name) for column in AccountLink.__table__.columns})


def _later(session: WriteSession, _: User) -> None:
    session.execute(update(AccountLink).values(expires_at=clock.now() - timedelta(seconds=1)))


def _another_link(session: WriteSession, user: User) -> None:
    make_reset_link(session, OPERATOR, user)


def _another_password(session: WriteSession, user: User) -> None:
    reset_password(session, OPERATOR, user, HASH)


def _switched_off(session: WriteSession, user: User) -> None:
    update_user(session, OPERATOR, user, active=False)


def _deleted(session: WriteSession, user: User) -> None:
    delete_user(session, OPERATOR, user)


@pytest.mark.parametrize("end", [_later, _another_link, _another_password, _switched_off, _deleted])
def test_a_link_ends(house: House, ada: int, end: Callable[[WriteSession, User], None]) -> None:
    plain = reset_link(house, ada)
    with house.database.write() as session:
        end(session, session.get_one(User, ada))

    with house.database.read() as session, pytest.raises(Gone):
        find_link(session, RESET, plain)


def test_a_link_of_one_kind_opens_nothing_of_the_other(house: House, ada: int) -> None:
    with house.database.read() as session, pytest.raises(Gone):
        find_link(session, INVITATION, reset_link(house, ada))


def test_an_invitation_becomes_an_account_with_what_it_promised(house: House) -> None:
    factories.repository(house, "customers")
    plain = invitation(house, "Eve@example.test", Grant("customers", write=True))

    with house.database.write() as session:
        eve = accept_invitation(session, plain, name="Eve", password_hash=HASH, address=None).id

    with house.database.read() as session:
        assert session.get_one(User, eve).email == "eve@example.test"
        assert grants_of(session, Holder(user_id=eve)) == [Grant("customers", write=True)]
        assert list_invitations(session, OPERATOR) == []
    with house.database.write() as session, pytest.raises(Gone):
        accept_invitation(session, plain, name="Eve", password_hash=HASH, address=None)


def test_an_invitation_of_somebody_who_administers_no_more_is_none(house: House) -> None:
    factories.user(house, "boss@example.test", role=Role.ADMINISTRATOR)
    other = factories.user(house, "ben@example.test", role=Role.ADMINISTRATOR)
    plain = invitation(house, maker=UserActor(user_id=other, name="ben@example.test", is_administrator=True))
    with house.database.write() as session:
        find_link(session, INVITATION, plain)
        update_user(session, OPERATOR, session.get_one(User, other), role=Role.USER)

    with house.database.read() as session, pytest.raises(Gone):
        find_link(session, INVITATION, plain)


def test_an_invitation_is_taken_back(house: House) -> None:
    plain = invitation(house)
    with house.database.write() as session:
        [link] = list_invitations(session, OPERATOR)
        revoke_invitation(session, OPERATOR, link.id)

    with house.database.read() as session, pytest.raises(Gone):
        find_link(session, INVITATION, plain)


def test_nobody_is_invited_who_has_an_account(house: House, ada: int) -> None:
    assert ada
    with pytest.raises(AlreadyExists, match="already a user"):
        invitation(house, "ADA@example.test")


def test_only_administrators_make_links(house: House, ada: int) -> None:
    plain_user = UserActor(user_id=ada, name="ada@example.test", is_administrator=False)

    with pytest.raises(Forbidden):
        reset_link(house, ada, plain_user)
    with pytest.raises(Forbidden):
        invitation(house, maker=plain_user)


@pytest.fixture(scope="module")
def mail_server() -> Iterator[MailServerFake]:
    """A server that takes mail."""
    with MailServerFake().running() as server:
        yield server


def mailing(house: House, server: MailServerFake, *, security: str = "none") -> Mailing:
    """What mails by this server."""
    kept = MailServer("127.0.0.1", server.port, security, "packages@example.test")  # pyright: ignore[reportArgumentType] - one of its words
    return Mailing(house.database, kept, BASE)


def due(house: House) -> list[int]:
    """The links that are to be mailed now."""
    with house.database.read() as session:
        return list(due_mails(session))


def ask(house: House, email: str) -> list[int]:
    """Asks for a mail as the sign-in page does; what is due then."""
    with house.database.write() as session:
        ask_for_reset(session, email, None)
    return due(house)


def test_a_link_that_is_asked_for_comes_by_mail_and_works(house: House, ada: int, mail_server: MailServerFake) -> None:
    mail_server.mails.clear()
    [link_id] = ask(house, " ADA@example.test")

    mailing(house, mail_server).work(link_id)

    [mail] = mail_server.mails
    found = re.search(rf"{BASE}/-/reset/(\S+)", mail)
    assert found is not None
    assert "To: ada@example.test" in mail
    with house.database.read() as session:
        assert find_link(session, RESET, found[1]).user_id == ada
    assert due(house) == []


def test_nothing_is_mailed_to_who_has_no_account(house: House, ada: int) -> None:
    with house.database.write() as session:
        session.get_one(User, ada).active = False

    assert ask(house, "ada@example.test") == []
    assert ask(house, "nobody@example.test") == []


def test_a_mail_that_is_refused_is_tried_again_a_few_times(
    house: House, mail_server: MailServerFake, monkeypatch: pytest.MonkeyPatch
) -> None:
    with house.database.write() as session:
        invite(session, OPERATOR, email="eve@example.test", role=Role.USER, grants=[], mailed=True)
    monkeypatch.setattr(mail_server, "refusal", "450 greylisted")
    now, passed = clock.now(), [timedelta()]
    monkeypatch.setattr(clock, "now", lambda: now + passed[0])
    tries = 0

    while waiting := due(house):
        mailing(house, mail_server).work(waiting[0])
        tries += 1
        assert due(house) == []
        passed[0] += timedelta(hours=1)

    assert tries == len(PAUSES) + 1
    with house.database.read() as session:
        problem = session.scalars(select(AccountLink.mail_problem)).one()
    assert problem is not None
    assert "did not take the mail" in problem


def test_without_the_privacy_that_was_set_nothing_is_sent(house: House, ada: int, mail_server: MailServerFake) -> None:
    assert ada
    mail_server.mails.clear()
    [link_id] = ask(house, "ada@example.test")

    mailing(house, mail_server, security="starttls").work(link_id)

    assert mail_server.mails == []


def test_each_step_of_a_link_is_in_the_log_without_what_opens(house: House, ada: int) -> None:
    secrets = [reset_link(house, ada), invitation(house), invitation(house, "ben@example.test")]
    with house.database.write() as session:
        reset_by_link(session, secrets[0], HASH, "192.0.2.1")
        accept_invitation(session, secrets[1], name="Eve", password_hash=HASH, address="192.0.2.2")
        [ben] = list_invitations(session, OPERATOR)
        revoke_invitation(session, OPERATOR, ben.id)

    with house.database.read() as session:
        lines = session.scalars(select(AuditEvent).order_by(AuditEvent.id)).all()
    told = [Event(line.event) for line in lines]
    wanted = [
        Event.USER_RESET_LINK_CREATED,
        Event.USER_INVITED,
        Event.USER_INVITED,
        Event.USER_PASSWORD_RESET,
        Event.USER_CREATED,
        Event.USER_INVITATION_ACCEPTED,
        Event.USER_INVITATION_REVOKED,
    ]
    assert told[-len(wanted) :] == wanted
    assert not [line for line in lines if any(plain in f"{line.subject_name} {line.details}" for plain in secrets)]
