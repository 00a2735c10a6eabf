"""Trying some refs of a run again: only those, and each as if nothing were known of it."""

import threading
from collections.abc import Sequence

import pytest
from sqlalchemy import select

from packistry.db.models import ImportRef, ImportRun
from packistry.errors import Conflict, NotFound
from packistry.sources.pushes import retry_refs
from packistry.sources.queries import refs_of
from packistry.sources.states import Cause
from tests.factories import OPERATOR
from tests.fakes.git_projects import library
from tests.sources.conftest import Connected


@pytest.fixture
def imported(connected: Connected) -> Connected:
    """With a first import: main, a branch that gives no version, and a tag that is none."""
    first = connected.project.push_branch("main", library())
    connected.project.push_branch("empty", {"README.md": b"nothing"})
    connected.project.push_tag("nightly", first)
    connected.run(Cause.FIRST)
    return connected


def retry(connected: Connected, *names: str) -> Sequence[ImportRef]:
    """Works off a run of these refs of the last run; its refs."""
    with connected.house.database.write() as session:
        last = session.scalars(select(ImportRun).order_by(ImportRun.id.desc()).limit(1)).one()
        run = retry_refs(session, OPERATOR, last, names).id
    connected.importer.work(run, threading.Event())
    with connected.house.database.read() as session:
        return refs_of(session, session.get_one(ImportRun, run))


def test_only_the_refs_that_were_named_are_looked_at(imported: Connected) -> None:
    assert [(ref.name, ref.state) for ref in retry(imported, "nightly")] == [("nightly", "skipped")]


def test_a_ref_that_is_known_is_looked_at_anew(imported: Connected) -> None:
    assert [(ref.name, ref.state) for ref in retry(imported, "main")] == [("main", "unchanged")]


def test_a_ref_that_was_mended_comes_in(imported: Connected) -> None:
    imported.project.push_branch("empty", library(note="mended"))

    assert [(ref.name, ref.state) for ref in retry(imported, "empty")] == [("empty", "imported")]


def test_a_name_that_the_run_has_not_is_refused(imported: Connected) -> None:
    with pytest.raises(NotFound, match=r"has no branch or tag 9\.9"):
        retry(imported, "9.9")


def test_a_run_that_goes_on_is_not_tried_again(imported: Connected) -> None:
    with imported.house.database.write() as session:
        run = session.scalars(select(ImportRun)).one()
        again = retry_refs(session, OPERATOR, run, ["main"])

        with pytest.raises(Conflict, match="wait for its end"):
            retry_refs(session, OPERATOR, again, ["main"])
