"""E-mail and password by Basic: for reading only, proved once, forgotten with any change of the user, and throttled."""

import asyncio
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager

import pytest
from starlette.testclient import TestClient

from packistry.access.actors import UserActor
from packistry.access.grants import Grant
from packistry.access.permissions import Ability, Role
from packistry.access.views import View
from packistry.accounts.actions import delete_user, reset_password, update_user
from packistry.db.changes import ChangeKey
from packistry.db.engine import Database, ReadSession, WriteSession
from packistry.db.models import User
from packistry.errors import Refusal, TooManyAttempts, Unauthenticated
from packistry.house import House
from packistry.web.throttle import ADDRESS_FACTOR, MAX_KEYS, Throttle
from tests import factories
from tests.factories import OPERATOR
from tests.web.callers import ABROAD, CHEAP, HOME, Desk, at_the_desk, basic, set_password

EMAIL, PASSWORD = "ada@example.test", "correct horse battery"
GOOD = basic(EMAIL, PASSWORD)


@pytest.fixture
def ada(house: House) -> int:
    """The id of a user with a password that is cheap to check, who may read and write the root repository."""
    user_id = factories.user(house, EMAIL, Grant("", write=True))
    set_password(house, user_id, PASSWORD)
    return user_id


@pytest.mark.parametrize("email", [EMAIL, "ADA@Example.TEST", f" {EMAIL} "])
@pytest.mark.usefixtures("ada")
def test_a_password_is_for_reading_only(house: House, email: str) -> None:
    view = at_the_desk(house, lambda desk: desk.view(basic(email, PASSWORD)))

    assert isinstance(view.actor, UserActor)
    assert view.actor.name == EMAIL
    assert view.actor.abilities == {Ability.READ}
    assert view.can_read
    assert view.token_id is None


WRONG = [
    (EMAIL, "wrong", "another password"),
    (EMAIL, "", "none"),
    (EMAIL, PASSWORD + " ", "a space too many"),
    ("eve@example.test", PASSWORD, "nobody's address"),
    ("@", PASSWORD, "no address at all"),
]


@pytest.mark.parametrize(("email", "password", "why"), WRONG, ids=[row[2] for row in WRONG])
@pytest.mark.usefixtures("ada")
def test_a_wrong_pair_is_a_bad_credential(house: House, email: str, password: str, why: str) -> None:
    view = at_the_desk(house, lambda desk: desk.view(basic(email, password)))

    assert view.is_anonymous, why
    assert isinstance(view.refusal, Unauthenticated)


@pytest.mark.usefixtures("ada")
def test_no_answer_tells_which_accounts_exist(house: House) -> None:
    factories.user(house, "off@example.test")
    with house.database.write() as session:
        update_user(session, OPERATOR, session.get_one(User, 2), active=False)
    pairs = [(EMAIL, "wrong"), ("eve@example.test", "wrong"), ("off@example.test", factories.PASSWORD)]

    async def ask(desk: Desk) -> set[str]:
        return {str((await desk.view(basic(*pair))).refusal) for pair in pairs}

    assert len(at_the_desk(house, ask)) == 1


def test_an_account_without_a_password_has_no_way_in(house: House, ada: int) -> None:
    with house.database.write() as session:
        session.get_one(User, ada).password_hash = None

    for password in ("", "None", PASSWORD):
        view = at_the_desk(house, lambda desk, shown=password: desk.view(basic(EMAIL, shown)))
        assert view.is_anonymous


@pytest.mark.usefixtures("ada")
def test_a_proved_pair_is_remembered(house: House) -> None:
    async def twice(desk: Desk) -> tuple[View, View]:
        return await desk.view(GOOD), await desk.view(GOOD)

    first, second = at_the_desk(house, twice)

    # A view is made where argon2 ran: the same one means that it ran once.
    assert second is first


@pytest.mark.usefixtures("ada")
def test_requests_that_come_together_prove_the_pair_once(house: House) -> None:
    async def together(desk: Desk) -> list[View]:
        return await asyncio.gather(*(desk.view(GOOD) for _ in range(12)))

    views = at_the_desk(house, together)

    assert {id(view) for view in views} == {id(views[0])}
    assert views[0].refusal is None


@pytest.mark.usefixtures("ada")
def test_nothing_is_remembered_where_the_setting_says_so(house: House) -> None:
    async def twice(desk: Desk) -> tuple[View, View]:
        return await desk.view(GOOD), await desk.view(GOOD)

    first, second = at_the_desk(house, twice, remember_seconds=0)

    assert second is not first


@pytest.mark.usefixtures("ada")
def test_a_wrong_password_is_not_remembered(house: House) -> None:
    async def wrong(desk: Desk) -> int:
        await desk.view(basic(EMAIL, "wrong"))
        return len(desk.identity.kept)

    assert at_the_desk(house, wrong) == 0


def _new_password(session: WriteSession, user: User) -> None:
    reset_password(session, OPERATOR, user, CHEAP.hash("another good password"))


def _new_email(session: WriteSession, user: User) -> None:
    update_user(session, OPERATOR, user, email="countess@example.test")


def _switch_off(session: WriteSession, user: User) -> None:
    update_user(session, OPERATOR, user, active=False)


def _promote(session: WriteSession, user: User) -> None:
    update_user(session, OPERATOR, user, role=Role.ADMINISTRATOR)


def _take_grants(session: WriteSession, user: User) -> None:
    update_user(session, OPERATOR, user, grants=[])


def _delete(session: WriteSession, user: User) -> None:
    delete_user(session, OPERATOR, user)


CHANGES: list[tuple[Callable[[WriteSession, User], None], Callable[[View], bool], str]] = [
    (_new_password, lambda view: view.refusal is not None, "the old password ends"),
    (_new_email, lambda view: view.refusal is not None, "the old address ends"),
    (_switch_off, lambda view: view.refusal is not None, "an account that is switched off"),
    (_delete, lambda view: view.refusal is not None, "an account that is deleted"),
    (_promote, lambda view: view.everything, "an administrator from now on"),
    (_take_grants, lambda view: view.refusal is None and not view.repositories, "grants taken away"),
]


@pytest.mark.parametrize(("change", "holds", "why"), CHANGES, ids=[row[2] for row in CHANGES])
def test_a_change_of_the_user_holds_for_the_next_request(
    house: House, ada: int, change: Callable[[WriteSession, User], None], holds: Callable[[View], bool], why: str
) -> None:
    async def before_and_after(desk: Desk) -> tuple[View, View]:
        before = await desk.view(GOOD)
        with house.database.write() as session:
            change(session, session.get_one(User, ada))
        return before, await desk.view(GOOD)

    before, after = at_the_desk(house, before_and_after)

    assert before.repositories
    assert not holds(before)
    assert holds(after), why


class Interrupted(Database):
    """A database in which something happens between the first and the second read of a proof, while argon2 works."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.proving = threading.Event()
        self.go_on = threading.Event()
        self._reads = 0

    @contextmanager
    def read(self) -> Generator[ReadSession]:
        self._reads += 1
        if self._reads == 2:
            self.proving.set()
            assert self.go_on.wait(30)
        with super().read() as session:
            yield session


def interrupt(house: House, happening: Callable[[WriteSession], None]) -> tuple[View, int]:
    """The view of a proof during which this happened and was told, and how many views were kept."""
    database = Interrupted(house.settings.sqlalchemy_url)

    async def prove(desk: Desk) -> tuple[View, int]:
        proof = asyncio.ensure_future(desk.view(GOOD))
        await asyncio.to_thread(database.proving.wait, 30)
        with house.database.write() as session:
            happening(session)
        # Another request's look tells everybody what happened.
        await desk.view(None)
        await desk.view(basic("token", "x"))
        database.go_on.set()
        return await proof, len(desk.identity.kept)

    try:
        return at_the_desk(house, prove, database=database)
    finally:
        database.dispose()


@pytest.mark.usefixtures("ada")
def test_a_pair_is_remembered_though_others_publish_meanwhile(house: House) -> None:
    """argon2 takes 0.2 s: where somebody publishes ten times a second, no proof would ever be kept."""
    view, kept = interrupt(house, lambda session: session.changed(ChangeKey("document:1:acme/lib")))

    assert view.refusal is None
    assert kept == 1


@pytest.mark.parametrize("change", [_new_password, _switch_off, _delete])
def test_a_user_who_changes_during_the_proof_is_refused(
    house: House, ada: int, change: Callable[[WriteSession, User], None]
) -> None:
    view, kept = interrupt(house, lambda session: change(session, session.get_one(User, ada)))

    assert view.refusal is not None
    assert kept == 0


def kinds(views: list[View]) -> list[type[Refusal] | None]:
    return [None if view.refusal is None else type(view.refusal) for view in views]


@pytest.mark.usefixtures("ada")
def test_after_too_many_wrong_passwords_the_right_one_waits_too(house: House) -> None:
    async def guess(desk: Desk) -> list[View]:
        return [await desk.view(basic(EMAIL, password)) for password in ("a", "b", "c", "d", PASSWORD)]

    views = at_the_desk(house, guess, attempts=3)

    assert kinds(views) == [Unauthenticated] * 3 + [TooManyAttempts] * 2
    assert f"Too many wrong passwords for {EMAIL} from this address; try again in" in str(views[3].refusal)


@pytest.mark.usefixtures("ada")
def test_a_thousand_guesses_at_once_count_like_one_after_another(house: House) -> None:
    async def guess(desk: Desk) -> list[View]:
        return await asyncio.gather(*(desk.view(basic(EMAIL, f"guess {number}")) for number in range(200)))

    views = at_the_desk(house, guess, attempts=3)

    assert kinds(views).count(Unauthenticated) == 3
    assert kinds(views).count(TooManyAttempts) == 197


@pytest.mark.usefixtures("ada")
def test_a_stranger_elsewhere_cannot_lock_the_owner_out(house: House) -> None:
    async def guess(desk: Desk) -> list[View]:
        for number in range(5):
            await desk.view(basic(EMAIL, f"guess {number}"), ABROAD)
        return [await desk.view(GOOD, ABROAD), await desk.view(GOOD, HOME)]

    assert kinds(at_the_desk(house, guess, attempts=3)) == [TooManyAttempts, None]


@pytest.mark.usefixtures("ada")
def test_who_was_remembered_stays_in_while_others_guess(house: House) -> None:
    async def guess(desk: Desk) -> list[View]:
        before = await desk.view(GOOD)
        for number in range(4):
            await desk.view(basic(EMAIL, f"guess {number}"))
        return [before, await desk.view(GOOD)]

    assert kinds(at_the_desk(house, guess, attempts=3)) == [None, None]


@pytest.mark.usefixtures("ada")
def test_tokens_are_not_throttled(house: House) -> None:
    token = factories.deploy_token(house)

    async def guess(desk: Desk) -> View:
        for number in range(4):
            await desk.view(basic(EMAIL, f"guess {number}"))
        return await desk.view(basic(EMAIL, token))

    assert at_the_desk(house, guess, attempts=3).refusal is None


def test_the_throttle_counts_pairs_and_addresses_but_never_an_account_alone() -> None:
    throttle = Throttle(attempts=2, window_seconds=300)
    throttle.failed("ada", HOME)
    assert throttle.wait_seconds("ada", HOME) == 0

    throttle.failed("ada", HOME)

    assert 0 < throttle.wait_seconds("ada", HOME) <= 300
    assert throttle.wait_seconds("ada", ABROAD) == 0
    assert throttle.wait_seconds("eve", HOME) == 0


def test_one_address_that_tries_many_accounts_is_slowed_down_as_a_whole() -> None:
    throttle = Throttle(attempts=2, window_seconds=300)
    for number in range(2 * ADDRESS_FACTOR):
        assert throttle.wait_seconds(f"account {number}", HOME) == 0
        throttle.failed(f"account {number}", HOME)

    assert throttle.wait_seconds("somebody new", HOME) > 0
    assert throttle.wait_seconds("somebody new", ABROAD) == 0


def test_a_success_clears_the_account_but_not_the_address() -> None:
    throttle = Throttle(attempts=2, window_seconds=300)
    for _ in range(ADDRESS_FACTOR):
        assert throttle.wait_seconds("ada", HOME) == 0
        throttle.failed("ada", HOME)
        throttle.failed("ada", HOME)
        throttle.succeeded("ada", HOME)

    assert throttle.wait_seconds("ada", HOME) > 0


def test_failures_that_left_the_window_count_no_more() -> None:
    throttle = Throttle(attempts=1, window_seconds=0)
    throttle.failed("ada", HOME)

    assert throttle.wait_seconds("ada", HOME) == 0


def test_invented_accounts_do_not_fill_the_memory() -> None:
    throttle = Throttle(attempts=1, window_seconds=300)
    throttle.failed("first", ABROAD)
    for number in range(MAX_KEYS // 2):
        throttle.failed(f"account {number}", f"address {number}")

    assert throttle.wait_seconds("first", ABROAD) == 0
    last = MAX_KEYS // 2 - 1
    assert throttle.wait_seconds(f"account {last}", f"address {last}") > 0


@pytest.mark.usefixtures("ada")
def test_at_the_door_a_password_reads_and_does_not_publish(house: House, client: TestClient) -> None:
    factories.publish(house, "acme/lib", repository="")
    headers = {"Authorization": GOOD.decode()}

    seen = client.get("/p2/acme/lib.json", headers=headers)
    sent = client.post("/acme/lib", files={"file": factories.package_zip()}, headers=headers)

    assert seen.status_code == 200
    assert sent.status_code == 403
    assert "lacks the ability write" in sent.json()["message"]


@pytest.mark.usefixtures("ada")
def test_at_the_door_too_many_attempts_are_429_and_say_when_to_come_again(client: TestClient) -> None:
    answers = [
        client.get("/packages.json", headers={"Authorization": basic(EMAIL, f"guess {number}").decode()})
        for number in range(12)
    ]

    assert [answer.status_code for answer in answers] == [401] * 10 + [429] * 2
    assert int(answers[-1].headers["retry-after"]) > 0
    assert "Too many wrong passwords" in answers[-1].json()["warning"]
    assert "www-authenticate" not in answers[-1].headers
