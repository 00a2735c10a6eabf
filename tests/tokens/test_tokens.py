"""Making, changing, rotating and revoking tokens: who may, what is refused, and the one line each leaves in the log."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from packistry import clock
from packistry.access.actors import Actor, Anonymous, DeployTokenActor, UserActor
from packistry.access.grants import Grant
from packistry.access.permissions import COMPOSER_ABILITIES, Ability, Role
from packistry.access.secrets import TokenKind, digest_of, kind_of
from packistry.db.changes import token_key
from packistry.db.engine import WriteSession
from packistry.db.models import AuditEvent, Token, TokenSecret, User
from packistry.errors import AlreadyExists, Forbidden, InvalidInput, NotFound
from packistry.house import House
from packistry.tokens.actions import (
    create_deploy_token,
    create_personal_token,
    revoke_token,
    rotate_token,
    update_deploy_token,
)
from packistry.tokens.queries import (
    find_deploy_token,
    find_personal_token,
    list_deploy_tokens,
    list_personal_tokens,
)
from tests import factories
from tests.factories import OPERATOR

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
READ = frozenset({Ability.READ})


@pytest.fixture(autouse=True)
def at_noon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: NOON)


def token(house: House, name: str = "ci") -> Token:
    with house.database.read() as session:
        return session.scalars(select(Token).where(Token.name == name)).one()


def secrets_of(house: House, name: str = "ci") -> list[TokenSecret]:
    with house.database.read() as session:
        found = select(TokenSecret).join(Token, Token.id == TokenSecret.token_id).where(Token.name == name)
        return list(session.scalars(found.order_by(TokenSecret.id)))


def events(house: House) -> list[AuditEvent]:
    with house.database.read() as session:
        return list(session.scalars(select(AuditEvent).order_by(AuditEvent.id)))


def in_scope(house: House, change: Callable[[WriteSession], object]) -> None:
    with house.database.write() as session:
        change(session)


def test_a_new_deploy_token_is_shown_once_and_kept_as_a_digest(house: House) -> None:
    plain = factories.deploy_token(house, name="ci")

    [secret] = secrets_of(house)

    assert kind_of(plain) is TokenKind.DEPLOY
    assert (secret.digest, secret.hint, secret.valid_until) == (digest_of(plain), plain[:12], None)
    assert plain not in str(vars(secret)) + str(vars(token(house)))


def test_a_new_token_is_listed_with_everything_but_its_secret(house: House) -> None:
    factories.repository(house, "acme")
    factories.publish(house, "acme/lib")
    expires = NOON + timedelta(days=30)
    plain = factories.deploy_token(
        house, "", Grant("acme", "acme/lib"), abilities="read write", name=" ci ", expires_at=expires
    )

    with house.database.read() as session:
        [summary] = list_deploy_tokens(session, OPERATOR)

    assert (summary.name, summary.user, summary.hints) == ("ci", None, (plain[:12],))
    assert summary.abilities == ("read", "write")
    assert (summary.created_at, summary.expires_at, summary.last_used_at) == (NOON, expires, None)
    # A tie is for reading and writing; the abilities cut it down.
    assert summary.grants == (Grant("", write=True), Grant("acme", "acme/lib", write=True))
    assert plain not in repr(summary)


WRONG: list[tuple[dict[str, object], str, str]] = [
    ({"name": ""}, "1 to 255 characters", "no name"),
    ({"name": "  "}, "1 to 255 characters", "spaces only"),
    ({"name": "x" * 256}, "1 to 255 characters", "a name too long"),
    ({"abilities": frozenset[Ability]()}, "at least one ability", "no ability"),
    ({"expires_at": NOON}, "is in the past", "ends at once"),
    ({"expires_at": NOON - timedelta(days=1)}, "2026-05-31 12:00 UTC is in the past", "ended already"),
]


@pytest.mark.parametrize(("wrong", "words", "why"), WRONG, ids=[row[2] for row in WRONG])
def test_a_token_that_cannot_be_is_refused(house: House, wrong: dict[str, object], words: str, why: str) -> None:
    given: dict[str, object] = {"name": "ci", "grants": [], "abilities": READ, "expires_at": None, **wrong}

    with pytest.raises(InvalidInput, match=words), house.database.write() as session:
        create_deploy_token(session, OPERATOR, **given)  # pyright: ignore[reportArgumentType]

    assert events(house) == [], why


def test_a_name_is_taken_until_its_token_is_revoked(house: House) -> None:
    factories.deploy_token(house, name="ci")
    with pytest.raises(AlreadyExists, match="already a token ci; rotate or delete it"):
        factories.deploy_token(house, name="ci")

    in_scope(house, lambda session: revoke_token(session, OPERATOR, find_deploy_token(session, OPERATOR, "ci")))

    factories.deploy_token(house, name="ci")
    assert len(events(house)) == 3


def test_personal_tokens_of_two_people_may_have_one_name(house: House) -> None:
    ada, eve = factories.user(house, "ada@x.test"), factories.user(house, "eve@x.test")
    factories.personal_token(house, ada, name="laptop")
    factories.personal_token(house, eve, name="laptop")
    factories.deploy_token(house, name="laptop")

    with pytest.raises(AlreadyExists):
        factories.personal_token(house, ada, name="laptop")


def test_a_change_keeps_what_is_not_named(house: House) -> None:
    factories.deploy_token(house, "", name="ci", expires_at=NOON + timedelta(days=1))

    in_scope(house, lambda session: update_deploy_token(session, OPERATOR, session.get_one(Token, 1), name="build"))

    with house.database.read() as session:
        [summary] = list_deploy_tokens(session, OPERATOR)
    assert (summary.name, summary.abilities, summary.grants) == ("build", ("read",), (Grant("", write=True),))
    assert summary.expires_at == NOON + timedelta(days=1)


def test_a_change_changes_what_is_named(house: House) -> None:
    factories.repository(house, "acme")
    factories.deploy_token(house, "", name="ci", expires_at=NOON + timedelta(days=1))

    def change(session: WriteSession) -> None:
        row = session.get_one(Token, 1)
        update_deploy_token(
            session,
            OPERATOR,
            row,
            grants=[Grant("acme")],
            abilities=COMPOSER_ABILITIES,
            expires_at=NOON + timedelta(days=9),
        )
        assert token_key(1) in session.changed_keys

    in_scope(house, change)

    with house.database.read() as session:
        [summary] = list_deploy_tokens(session, OPERATOR)
    assert (summary.abilities, summary.grants) == (("read", "write"), (Grant("acme", write=True),))
    assert summary.expires_at == NOON + timedelta(days=9)
    in_scope(
        house,
        lambda session: update_deploy_token(session, OPERATOR, session.get_one(Token, 1), never_expires=True),
    )
    assert token(house).expires_at is None


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        ({"name": "other"}, AlreadyExists),
        ({"name": ""}, InvalidInput),
        ({"abilities": frozenset[Ability]()}, InvalidInput),
        ({"expires_at": NOON}, InvalidInput),
        ({"grants": [Grant("nowhere")]}, InvalidInput),
    ],
)
def test_a_change_that_is_refused_changes_nothing(
    house: House, change: dict[str, object], refusal: type[Exception]
) -> None:
    factories.deploy_token(house, "", name="ci")
    factories.deploy_token(house, name="other")
    before = len(events(house))

    with pytest.raises(refusal), house.database.write() as session:
        update_deploy_token(session, OPERATOR, session.get_one(Token, 1), **change)  # pyright: ignore[reportArgumentType]

    assert len(events(house)) == before
    with house.database.read() as session:
        found = find_deploy_token(session, OPERATOR, "ci")
        assert found.abilities == ["repository:read"]


def rotate(house: House, overlap: timedelta) -> str:
    with house.database.write() as session:
        return rotate_token(session, OPERATOR, session.get_one(Token, 1), overlap=overlap).plain


def test_a_rotation_gives_a_new_secret_and_lets_the_old_one_run_out(house: House) -> None:
    old = factories.deploy_token(house, name="ci")

    fresh = rotate(house, timedelta(hours=6))

    first, second = secrets_of(house)
    assert (first.digest, first.valid_until) == (digest_of(old), NOON + timedelta(hours=6))
    assert (second.digest, second.valid_until) == (digest_of(fresh), None)
    with house.database.read() as session:
        [summary] = list_deploy_tokens(session, OPERATOR)
    assert summary.hints == (fresh[:12], old[:12]), "both are good, the newer one first"


def test_a_rotation_at_once_ends_those_of_earlier_rotations_too(house: House) -> None:
    """Whoever rotates without overlap has lost a secret."""
    factories.deploy_token(house, name="ci")
    rotate(house, timedelta(days=7))

    fresh = rotate(house, timedelta())

    assert [secret.valid_until for secret in secrets_of(house)] == [NOON, NOON, None]
    with house.database.read() as session:
        [summary] = list_deploy_tokens(session, OPERATOR)
    assert summary.hints == (fresh[:12],)


def test_a_rotation_never_prolongs_an_older_secret(house: House) -> None:
    factories.deploy_token(house, name="ci")
    rotate(house, timedelta(hours=1))

    rotate(house, timedelta(days=7))

    ends = [secret.valid_until for secret in secrets_of(house)]
    assert ends == [NOON + timedelta(hours=1), NOON + timedelta(days=7), None]


def test_an_overlap_is_not_negative(house: House) -> None:
    factories.deploy_token(house, name="ci")

    with pytest.raises(InvalidInput, match="cannot be negative"):
        rotate(house, timedelta(seconds=-1))


def test_a_revoked_token_is_neither_found_nor_listed_and_its_row_stays(house: House) -> None:
    factories.deploy_token(house, name="ci")

    in_scope(house, lambda session: revoke_token(session, OPERATOR, session.get_one(Token, 1)))

    assert token(house).revoked_at == NOON
    with house.database.read() as session:
        assert list_deploy_tokens(session, OPERATOR) == []
        with pytest.raises(NotFound, match="no deploy token ci"):
            find_deploy_token(session, OPERATOR, "ci")
        with pytest.raises(NotFound):
            find_deploy_token(session, OPERATOR, "1")


def test_a_token_is_found_by_name_and_by_id_and_the_name_goes_first(house: House) -> None:
    factories.deploy_token(house, name="first")
    factories.deploy_token(house, name="1")
    ada, eve = factories.user(house, "ada@x.test"), factories.user(house, "eve@x.test")
    factories.personal_token(house, ada, name="laptop")
    factories.personal_token(house, eve, name="3")

    with house.database.read() as session:
        assert find_deploy_token(session, OPERATOR, "first").id == 1
        assert find_deploy_token(session, OPERATOR, "1").id == 2
        assert find_deploy_token(session, OPERATOR, "2").id == 2
        user = session.get_one(User, ada)
        # That somebody else's token is called so matters to nobody.
        assert find_personal_token(session, OPERATOR, user, "3").name == "laptop"
        assert find_personal_token(session, OPERATOR, session.get_one(User, eve), "3").id == 4


@pytest.mark.parametrize("name", ["none", "0", "99", "9" * 30, "٣", "-1", "", "1 "])
def test_what_names_no_token_is_not_found(house: House, name: str) -> None:
    factories.deploy_token(house, name="ci")
    user_id = factories.user(house)
    factories.personal_token(house, user_id, name="laptop")

    with house.database.read() as session:
        with pytest.raises(NotFound):
            find_deploy_token(session, OPERATOR, name)
        with pytest.raises(NotFound, match=r"ada@example\.test has no personal token"):
            find_personal_token(session, OPERATOR, session.get_one(User, user_id), name)
        with pytest.raises(NotFound):
            find_deploy_token(session, OPERATOR, "2")


def test_people_manage_their_own_tokens_and_see_no_others(house: House) -> None:
    ada, eve = factories.user(house, "ada@x.test"), factories.user(house, "eve@x.test", role=Role.ADMINISTRATOR)
    factories.personal_token(house, eve, name="hers")
    actor = UserActor(user_id=ada, name="ada@x.test", is_administrator=False)

    with house.database.write() as session:
        made, secret = create_personal_token(
            session, actor, session.get_one(User, ada), name="mine", abilities=READ, expires_at=NOON + timedelta(1)
        )
        rotate_token(session, actor, made, overlap=timedelta())
        [summary] = list_personal_tokens(session, actor, session.get_one(User, ada))
        revoke_token(session, actor, made)

    assert kind_of(secret.plain) is TokenKind.PERSONAL
    assert (summary.name, summary.user, summary.grants) == ("mine", "ada@x.test", ())
    with house.database.write() as session:
        hers = session.scalars(select(Token).where(Token.name == "hers")).one()
        owner = session.get_one(User, eve)
        for attempt in (
            lambda: create_personal_token(session, actor, owner, name="x", abilities=READ),
            lambda: rotate_token(session, actor, hers, overlap=timedelta()),
            lambda: revoke_token(session, actor, hers),
            lambda: list_personal_tokens(session, actor, owner),
            lambda: find_personal_token(session, actor, owner, "hers"),
        ):
            with pytest.raises(NotFound):
                attempt()


@pytest.mark.parametrize(
    "actor",
    [
        Anonymous(),
        UserActor(user_id=1, name="ada@x.test", is_administrator=False),
        UserActor(user_id=1, name="ada@x.test", is_administrator=True, token_id=5, token_name="x"),
        DeployTokenActor(token_id=1, name="ci", abilities=COMPOSER_ABILITIES),
    ],
)
def test_only_administrators_manage_deploy_tokens(house: House, actor: Actor) -> None:
    factories.deploy_token(house, name="ci")

    with house.database.write() as session:
        row = session.get_one(Token, 1)
        for attempt in (
            lambda: create_deploy_token(session, actor, name="x", grants=[], abilities=READ),
            lambda: update_deploy_token(session, actor, row, name="x"),
            lambda: rotate_token(session, actor, row, overlap=timedelta()),
            lambda: revoke_token(session, actor, row),
            lambda: list_deploy_tokens(session, actor),
            lambda: find_deploy_token(session, actor, "ci"),
        ):
            with pytest.raises(Forbidden, match="deploy_token:manage"):
                attempt()
        session.rollback()
