"""Which refs are prepared in which order, and which of those that compete for a version has it."""

import threading
from collections.abc import Mapping, Sequence
from typing import cast

from packistry.db.models import ImportRef
from packistry.errors import HostUnavailable
from packistry.providers.base import Ref
from packistry.sources.preparing import Preparer, Verdict
from packistry.sources.states import RefState
from packistry.sources.working import prepare_all

IMPORTED = Verdict(RefState.UNCHANGED, None)


class Scripted:
    """Answers as told, by the name of a ref; `silent` ones the host does not give."""

    def __init__(self, silent: Sequence[str] = ()) -> None:
        self.asked: list[str] = []
        self._silent = silent

    def prepare(self, ref: Ref) -> Verdict:
        self.asked.append(ref.name)
        if ref.name in self._silent:
            raise HostUnavailable(f"The host does not give {ref.name}.")
        return IMPORTED


def test_a_ref_that_was_not_given_before_comes_last() -> None:
    preparer = Scripted()

    _outcomes(preparer, _row("1.0.0", reason="The host did not give it."), _row("2.0.0"), _row("3.0.0"))

    assert preparer.asked == ["2.0.0", "3.0.0", "1.0.0"]


def test_a_ref_that_is_not_given_waits_and_keeps_its_version() -> None:
    preparer = Scripted(silent=["1.0.0"])

    outcomes = _outcomes(preparer, _row("1.0.0"), _row("v1.0.0"), _row("2.0.0"))

    assert outcomes == {"1.0.0": ("waiting", "The host does not give 1.0.0."), "2.0.0": ("unchanged", None)}


def test_a_version_that_another_ref_has_since_before_a_kill_is_not_given_away() -> None:
    preparer = Scripted()

    outcomes = _outcomes(preparer, _row("1.0.0", state="imported"), _row("v1.0.0"))

    assert preparer.asked == []
    assert outcomes == {"v1.0.0": ("skipped", "The tag '1.0.0' gives the same version already.")}


def test_a_ref_that_gave_no_version_leaves_it_to_the_next() -> None:
    outcomes = _outcomes(Scripted(), _row("1.0.0", state="skipped"), _row("v1.0.0"))

    assert outcomes == {"v1.0.0": ("unchanged", None)}


def _outcomes(preparer: Scripted, *rows: ImportRef) -> Mapping[str, tuple[str, str | None]]:
    """State and reason by name, with one thread."""
    batches = prepare_all(cast("Preparer", preparer), rows, threading.Event(), 1)
    told = {each.row.name: cast("Verdict", each.result) for batch in batches for each in batch}
    return {name: (verdict.state, verdict.reason) for name, verdict in told.items()}


def _row(name: str, *, state: str = "waiting", reason: str | None = None) -> ImportRef:
    return ImportRef(kind="tag", name=name, commit="c" * 40, state=state, reason=reason)
