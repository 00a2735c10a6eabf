"""Recognising callers: every form of credential, everything that is none, and what ends a view that is kept."""

import asyncio
import base64
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as options
from hypothesis import strategies as st
from sqlalchemy import select

from packistry import clock
from packistry.access.actors import DeployTokenActor, UserActor
from packistry.access.grants import Grant, Holder, replace_grants
from packistry.access.permissions import Ability, Role
from packistry.access.secrets import TokenKind, mint
from packistry.access.views import View
from packistry.accounts.actions import delete_user, update_user
from packistry.db.engine import WriteSession
from packistry.db.models import Token, TokenSecret, User
from packistry.errors import Unauthenticated
from packistry.house import House
from packistry.tokens.actions import revoke_token, rotate_token, update_deploy_token
from packistry.web.identity import MAX_HEADER_BYTES, credentials
from tests import factories
from tests.factories import OPERATOR
from tests.web.callers import Desk, at_the_desk, basic

TOKEN = mint(TokenKind.DEPLOY).plain

FORMS: list[tuple[Callable[[str], bytes], str]] = [
    (lambda token: f"Bearer {token}".encode(), "bearer in auth.json"),
    (lambda token: f"bearer {token}".encode(), "schemes have no case"),
    (lambda token: f"BEARER   {token}  ".encode(), "spaces around it"),
    (lambda token: basic("token", token), "Composer's http-basic with the token as password"),
    (lambda token: basic("ada@example.test", token), "whatever the user name is"),
    (lambda token: basic("", token), "or without one"),
    (lambda token: basic(token, ""), "as user name, as curl -u TOKEN: sends it"),
    (lambda token: basic(token, "x-oauth-basic"), "as user name with a filler"),
    (lambda token: b"basic " + base64.b64encode(f"token:{token}".encode()), "schemes have no case"),
]


@pytest.mark.parametrize(("form", "why"), FORMS, ids=[row[1] for row in FORMS])
def test_a_token_is_recognised_in_every_form(house: House, form: Callable[[str], bytes], why: str) -> None:
    token = factories.deploy_token(house, name="ci")

    view = at_the_desk(house, lambda desk: desk.view(form(token)))

    assert isinstance(view.actor, DeployTokenActor), why
    assert view.actor.name == "ci"
    assert view.refusal is None


MALFORMED: list[tuple[bytes, str]] = [
    (b"", "an empty header"),
    (b"Bearer", "a scheme alone"),
    (b"Bearer ", "a scheme and a space"),
    (b"Basic", "a scheme alone"),
    (b"Basic ", "a scheme and a space"),
    (b"Basic ====", "padding alone"),
    (b"Basic abc", "no multiple of four"),
    (b"Basic " + base64.b64encode(b"no colon"), "no colon"),
    (b"Basic " + base64.b64encode(b":"), "neither name nor password"),
    (b"Basic " + base64.b64encode(b"\xff\xfe:\xff"), "no UTF-8"),
    (b"Basic " + base64.b64encode(b"a\0b@x.test:password"), "NUL, which PostgreSQL takes nowhere"),
    (b"Basic !!!" + base64.b64encode(b"a:b"), "signs that base64 has not"),
    (b"Digest username=x", "a scheme that is not ours"),
    (TOKEN.encode(), "a token without a scheme"),
    (b"Bearer \xff\xfe\xfd", "no UTF-8"),
    (f"Bearer {TOKEN} {TOKEN}".encode(), "two tokens"),
    (f"Bearer {TOKEN[:-1]}".encode(), "a token cut off"),
    (b"Bearer pkdt-" + "\N{SNOWMAN}".encode() * 17, "a token's length in bytes"),
    (b"Bearer " + b"x" * MAX_HEADER_BYTES, "longer than any of ours"),
]


@pytest.mark.parametrize(("header", "why"), MALFORMED, ids=[row[1] for row in MALFORMED])
def test_a_malformed_credential_is_a_bad_one(house: House, header: bytes, why: str) -> None:
    view = at_the_desk(house, lambda desk: desk.view(header))

    assert view.is_anonymous, why
    assert isinstance(view.refusal, Unauthenticated)
    assert view.refusal.sentence.endswith(".")


@options(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    header=st.one_of(
        st.binary(max_size=80),
        st.binary(max_size=80).map(lambda raw: b"Basic " + base64.b64encode(raw)),
        # Without a sign that could make an e-mail address of it: those cost 0.2 s each.
        st.text(max_size=20).filter(lambda text: "@" not in text).map(lambda text: basic(text, text)),
        st.binary(max_size=80).map(lambda raw: b"Bearer " + raw),
    ).filter(lambda header: b"@" not in header and b"@" not in "".join(credentials(header)).encode())
)
def test_no_header_at_all_is_a_fault(house: House, header: bytes) -> None:
    view = at_the_desk(house, lambda desk: desk.view(header))

    assert view.is_anonymous
    assert view.refusal is not None


@given(header=st.binary(max_size=100))
def test_any_header_comes_apart_into_two_texts(header: bytes) -> None:
    username, password = credentials(header)

    assert "\0" not in username
    # What cannot be encoded could neither be looked for nor be hashed.
    assert (username + password).encode().decode() == username + password


def test_without_a_header_nobody_asks(house: House) -> None:
    view = at_the_desk(house, lambda desk: desk.view(None))

    assert (view.is_anonymous, view.refusal) == (True, None)


def test_the_prefix_must_fit_the_owner(house: House) -> None:
    machines = factories.deploy_token(house)
    persons = factories.personal_token(house, factories.user(house))

    async def swapped(desk: Desk) -> list[View]:
        swap = [machines.replace("pkdt-", "pkpat-"), persons.replace("pkpat-", "pkdt-")]
        return [await desk.view(f"Bearer {token}") for token in swap]

    for view in at_the_desk(house, swapped):
        assert view.is_anonymous
        assert "not known here" in str(view.refusal)


def test_a_personal_token_acts_as_its_user_cut_down_to_its_abilities(house: House) -> None:
    token = factories.personal_token(house, factories.user(house, role=Role.ADMINISTRATOR), name="laptop")

    view = at_the_desk(house, lambda desk: desk.view(f"Bearer {token}"))

    assert isinstance(view.actor, UserActor)
    assert view.actor.is_administrator
    assert view.everything
    assert view.actor.abilities == {Ability.READ}
    assert (view.actor.name, view.actor.token_name) == ("ada@example.test", "laptop")


def test_a_view_is_made_once_and_kept(house: House) -> None:
    token = factories.deploy_token(house)

    async def twice(desk: Desk) -> tuple[View, View, int]:
        return await desk.view(f"Bearer {token}"), await desk.view(f"Bearer {token}"), len(desk.identity.kept)

    first, second, kept = at_the_desk(house, twice)

    assert second is first
    assert kept == 1


def test_a_token_that_is_not_known_is_looked_for_again(house: House) -> None:
    """It may be taken over from the PHP product meanwhile; and strangers must not fill the memory."""
    plain = mint(TokenKind.DEPLOY)
    factories.deploy_token(house, name="taken over")

    async def before_and_after(desk: Desk) -> tuple[View, int, View]:
        before = await desk.view(f"Bearer {plain.plain}")
        kept = len(desk.identity.kept)
        with house.database.write() as session:
            secret = session.scalars(select(TokenSecret)).one()
            secret.digest = plain.digest
        return before, kept, await desk.view(f"Bearer {plain.plain}")

    before, kept, after = at_the_desk(house, before_and_after)

    assert (before.is_anonymous, kept) == (True, 0)
    assert not after.is_anonymous


def _revoke(session: WriteSession, token: Token) -> None:
    revoke_token(session, OPERATOR, token)


def _rotate(session: WriteSession, token: Token) -> None:
    rotate_token(session, OPERATOR, token, overlap=timedelta())


def _cut_down(session: WriteSession, token: Token) -> None:
    update_deploy_token(session, OPERATOR, token, abilities=frozenset({Ability.WRITE}))


def _take_grants(session: WriteSession, token: Token) -> None:
    update_deploy_token(session, OPERATOR, token, grants=[])


TOKEN_CHANGES: list[tuple[Callable[[WriteSession, Token], None], Callable[[View], bool], str]] = [
    (_revoke, lambda view: "was revoked" in str(view.refusal), "revoked"),
    (_rotate, lambda view: "was rotated" in str(view.refusal), "rotated without overlap"),
    (_cut_down, lambda view: not view.can_read, "may not read any more"),
    (_take_grants, lambda view: not view.repositories, "grants taken away"),
]


@pytest.mark.parametrize(("change", "holds", "why"), TOKEN_CHANGES, ids=[row[2] for row in TOKEN_CHANGES])
def test_a_change_of_a_token_holds_for_the_next_request(
    house: House, change: Callable[[WriteSession, Token], None], holds: Callable[[View], bool], why: str
) -> None:
    token = factories.deploy_token(house, "")

    async def before_and_after(desk: Desk) -> tuple[View, View]:
        before = await desk.view(f"Bearer {token}")
        with house.database.write() as session:
            change(session, session.scalars(select(Token)).one())
        return before, await desk.view(f"Bearer {token}")

    before, after = at_the_desk(house, before_and_after)

    assert before.can_read
    assert before.repositories
    assert not holds(before)
    assert holds(after), why


def _switch_off(session: WriteSession, user: User) -> None:
    update_user(session, OPERATOR, user, active=False)


def _demote(session: WriteSession, user: User) -> None:
    update_user(session, OPERATOR, user, role=Role.USER)


def _grant(session: WriteSession, user: User) -> None:
    replace_grants(session, Holder(user_id=user.id), [Grant("")])


def _delete(session: WriteSession, user: User) -> None:
    delete_user(session, OPERATOR, user)


USER_CHANGES: list[tuple[Callable[[WriteSession, User], None], Callable[[View], bool], str]] = [
    (_switch_off, lambda view: "switched off" in str(view.refusal), "switched off"),
    (_demote, lambda view: not view.everything, "no administrator any more"),
    (_delete, lambda view: view.refusal is not None, "deleted"),
]


@pytest.mark.parametrize(("change", "holds", "why"), USER_CHANGES, ids=[row[2] for row in USER_CHANGES])
def test_a_personal_token_never_exceeds_its_user_as_he_is_now(
    house: House, change: Callable[[WriteSession, User], None], holds: Callable[[View], bool], why: str
) -> None:
    factories.user(house, "other@example.test", role=Role.ADMINISTRATOR)
    user_id = factories.user(house, role=Role.ADMINISTRATOR)
    token = factories.personal_token(house, user_id)

    async def before_and_after(desk: Desk) -> tuple[View, View]:
        before = await desk.view(f"Bearer {token}")
        with house.database.write() as session:
            change(session, session.get_one(User, user_id))
        return before, await desk.view(f"Bearer {token}")

    before, after = at_the_desk(house, before_and_after)

    assert before.everything
    assert holds(after), why


def test_a_grant_to_the_user_opens_the_users_tokens_too(house: House) -> None:
    user_id = factories.user(house)
    token = factories.personal_token(house, user_id)

    async def before_and_after(desk: Desk) -> tuple[View, View]:
        before = await desk.view(f"Bearer {token}")
        with house.database.write() as session:
            _grant(session, session.get_one(User, user_id))
        return before, await desk.view(f"Bearer {token}")

    before, after = at_the_desk(house, before_and_after)

    assert (len(before.repositories), len(after.repositories)) == (0, 1)


NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


def test_a_token_ends_at_its_moment_though_its_view_is_kept(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    now = NOON
    monkeypatch.setattr(clock, "now", lambda: now)
    token = factories.deploy_token(house, "", expires_at=NOON + timedelta(hours=1))

    async def through_the_hours(desk: Desk) -> list[View]:
        nonlocal now
        views: list[View] = []
        for minutes in (0, 59, 60, 61):
            now = NOON + timedelta(minutes=minutes)
            views.append(await desk.view(f"Bearer {token}"))
        return views

    first, still, ended, after = at_the_desk(house, through_the_hours)

    assert still is first
    assert first.refusal is None
    assert "expired on 2026-06-01" in str(ended.refusal)
    assert "expired on 2026-06-01" in str(after.refusal)


def test_both_secrets_work_until_the_overlap_ends(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    now = NOON
    monkeypatch.setattr(clock, "now", lambda: now)
    old = factories.deploy_token(house, "")
    with house.database.write() as session:
        fresh = rotate_token(session, OPERATOR, session.scalars(select(Token)).one(), overlap=timedelta(hours=1)).plain

    async def through_the_hours(desk: Desk) -> list[tuple[bool, bool]]:
        nonlocal now
        good: list[tuple[bool, bool]] = []
        for minutes in (0, 59, 60):
            now = NOON + timedelta(minutes=minutes)
            views = [await desk.view(f"Bearer {token}") for token in (old, fresh)]
            good.append((views[0].refusal is None, views[1].refusal is None))
        return good

    assert at_the_desk(house, through_the_hours) == [(True, True), (True, True), (False, True)]


def test_a_client_that_hangs_up_takes_nothing_from_the_others(house: House) -> None:
    token = factories.deploy_token(house)

    async def one_hangs_up(desk: Desk) -> list[View]:
        calls = [asyncio.ensure_future(desk.view(f"Bearer {token}")) for _ in range(5)]
        await asyncio.sleep(0)
        calls[0].cancel()
        return await asyncio.gather(*calls[1:])

    assert all(view.refusal is None for view in at_the_desk(house, one_hangs_up))
