"""`packistry doctor`: whether all is well, on one page."""

import typer

from packistry.cli.options import AsJSON
from packistry.cli.printing import answer
from packistry.documents.subjects import DoctorDocument, FindingDocument


def doctor(*, as_json: AsJSON = False) -> None:
    """Look whether all is well: what is bad first, each with the next step. Changes nothing; ends with 1 when something
    is bad.
    """
    from packistry.checkup.page import look

    findings = [FindingDocument(found.finding, found.topic, found.sentence) for found in look()]
    bad, warnings = (sum(each.finding == word for each in findings) for word in ("bad", "warning"))
    lines = [f"{each.finding:<8} {each.topic}: {each.sentence}" for each in findings]
    summary = f"{bad} bad, {warnings} to be looked at." if bad or warnings else "All is well."
    answer(DoctorDocument(not bad, findings), [*lines, "", summary], as_json=as_json)
    if bad:
        raise typer.Exit(1)
