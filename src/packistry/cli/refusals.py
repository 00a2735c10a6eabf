"""Telling a refusal at the command line."""

from packistry.documents.subjects import ProblemDocument
from packistry.errors import Refusal, answer_for


def problem(refusal: Refusal) -> ProblemDocument:
    """The refusal as a document."""
    return ProblemDocument(answer_for(refusal).code, refusal.sentence, refusal.field)
