"""Each change of a source, a project or a run leaves its line in the audit log."""

from sqlalchemy import select

from packistry.audit.events import Event
from packistry.db.models import AuditEvent, Project, Source
from packistry.sources.actions import cancel_run, delete_source, request_run, rotate_source
from packistry.sources.credentials import note_credential
from packistry.sources.states import Cause
from tests.factories import OPERATOR
from tests.sources.conftest import Connected

SOURCES = [
    Event.SOURCE_CREATED,
    Event.PROJECT_ADDED,
    Event.SOURCE_CREDENTIAL_REFUSED,
    Event.SOURCE_CREDENTIAL_GOOD,
    Event.SOURCE_ROTATED,
    Event.IMPORT_CANCELLED,
    Event.SOURCE_DELETED,
]


def test_a_source_and_what_comes_of_it_leave_their_lines(connected: Connected) -> None:
    with connected.house.database.write() as session:
        source = session.get_one(Source, 1)
        note_credential(session, source, refused="expired", expires_at=None)
        # Said again, it is no news.
        note_credential(session, source, refused="expired", expires_at=None)
        note_credential(session, source, refused=None, expires_at=None)
        rotate_source(session, OPERATOR, source, b"sealed anew")
        cancel_run(session, OPERATOR, request_run(session, session.get_one(Project, connected.project_id), Cause.SYNC))
        delete_source(session, OPERATOR, source)

    with connected.house.database.read() as session:
        rows = session.scalars(select(AuditEvent.event).order_by(AuditEvent.id)).all()
    assert [event for event in rows if event.startswith(("source.", "project.", "import."))] == SOURCES


def test_a_deleted_source_keeps_no_credential(connected: Connected) -> None:
    with connected.house.database.write() as session:
        source = session.get_one(Source, 1)
        projects = delete_source(session, OPERATOR, source)

    with connected.house.database.read() as session:
        source = session.get_one(Source, 1)
        assert (projects, source.credential) == (1, b"")
        assert source.deleted_at is not None
