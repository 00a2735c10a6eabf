"""What is long over is forgotten, and what the next import needs is not; secrets move to the present key."""

from datetime import timedelta

from sqlalchemy import select, update

from packistry import clock
from packistry.audit.log import forget_addresses
from packistry.db.models import AuditEvent, Hook, ImportRun, Project, Source, Token
from packistry.house import House
from packistry.sealing import Sealer
from packistry.sources.actions import finish_run, request_run
from packistry.sources.retention import BATCH, forget_runs
from packistry.sources.sealed import seal_anew
from packistry.sources.states import Cause, RunState
from packistry.tokens.usage import forget_used_addresses
from tests import factories
from tests.sources.conftest import Connected

DAY = timedelta(days=1)


def _run(connected: Connected, age: timedelta, state: RunState = RunState.DONE, *, partial: bool = False) -> int:
    with connected.house.database.write() as session:
        run = request_run(session, session.get_one(Project, connected.project_id), Cause.SYNC)
        finish_run(session, run, state)
        run.finished_at, run.partial = clock.now() - age, partial
        return run.id


def _left(connected: Connected) -> list[int]:
    with connected.house.database.read() as session:
        return list(session.scalars(select(ImportRun.id).order_by(ImportRun.id)))


def test_runs_that_are_long_over_are_forgotten(connected: Connected) -> None:
    for _ in range(BATCH + 2):
        _run(connected, 100 * DAY)
    young = _run(connected, 10 * DAY)

    forgotten = forget_runs(connected.house.database, clock.now() - 90 * DAY)

    assert (forgotten, _left(connected)) == (BATCH + 2, [young])


def test_the_last_run_and_the_last_look_at_all_refs_stay(connected: Connected) -> None:
    _run(connected, 300 * DAY)
    look = _run(connected, 200 * DAY)
    _run(connected, 150 * DAY, partial=True)
    last = _run(connected, 100 * DAY, RunState.FAILED)

    forget_runs(connected.house.database, clock.now() - 90 * DAY)

    assert _left(connected) == [look, last]


def test_a_run_that_is_not_over_is_not_forgotten(connected: Connected) -> None:
    with connected.house.database.write() as session:
        run = request_run(session, session.get_one(Project, connected.project_id), Cause.SYNC)
        run.created_at = run.due_at = clock.now() - 100 * DAY
    _run(connected, 10 * DAY)

    assert forget_runs(connected.house.database, clock.now() - 90 * DAY) == 0


def test_addresses_of_callers_are_forgotten_and_the_lines_stay(house: House) -> None:
    factories.deploy_token(house, "")
    with house.database.write() as session:
        session.execute(update(AuditEvent).values(address="192.0.2.7", at=clock.now() - 100 * DAY))
        session.execute(update(Token).values(last_used_address="192.0.2.7", last_used_at=clock.now() - 100 * DAY))
        lines = len(session.scalars(select(AuditEvent.id)).all())

    forgotten = forget_addresses(house.database, clock.now() - 90 * DAY)
    used = forget_used_addresses(house.database, clock.now() - 90 * DAY)

    assert (forgotten, used) == (lines, 1)
    with house.database.read() as session:
        assert set(session.scalars(select(AuditEvent.address))) == {None}
        assert session.scalars(select(Token.last_used_address)).one() is None
        assert session.scalars(select(Token.last_used_at)).one() is not None


def test_young_addresses_stay(house: House) -> None:
    factories.deploy_token(house, "")
    with house.database.write() as session:
        session.execute(update(AuditEvent).values(address="192.0.2.7"))

    assert forget_addresses(house.database, clock.now() - 90 * DAY) == 0


def test_what_a_former_key_sealed_is_sealed_with_the_present_one(connected: Connected) -> None:
    former, both, present = Sealer([b"former"]), Sealer([b"present", b"former"]), Sealer([b"present"])
    with connected.house.database.write() as session:
        session.get_one(Source, 1).credential = former.seal({"token": "secret"})
        hook = session.scalars(select(Hook)).first()
        if hook is not None:
            hook.secret = former.seal({"secret": "hook"})

    first = seal_anew(connected.house.database, both)
    again = seal_anew(connected.house.database, both)

    with connected.house.database.read() as session:
        assert present.open(session.get_one(Source, 1).credential) == {"token": "secret"}
    assert (first, again) == (1 + (hook is not None), 0)


def test_what_no_key_opens_stays_as_it_is(connected: Connected) -> None:
    sealed = Sealer([b"lost"]).seal({})
    with connected.house.database.write() as session:
        session.get_one(Source, 1).credential = sealed

    seal_anew(connected.house.database, Sealer([b"present", b"former"]))

    with connected.house.database.read() as session:
        assert session.get_one(Source, 1).credential == sealed
