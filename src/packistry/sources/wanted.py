"""Which refs of a project are taken: asked for each ref of a listing, and for each that a push tells of."""

from packistry.db.models import Project
from packistry.providers.base import RefKind
from packistry.sources.patterns import takes_ref


def is_wanted(project: Project, kind: RefKind, name: str, default_branch: str | None) -> bool:
    """By the patterns of the project; the default branch always, for it names the package."""
    if kind is RefKind.BRANCH and name == default_branch:
        return True
    return takes_ref(project.tags if kind is RefKind.TAG else project.branches, name)
