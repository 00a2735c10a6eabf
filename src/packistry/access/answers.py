"""How a reading caller is answered at the door of a repository: the first two columns of the table of cases."""

from enum import Enum, auto

from packistry.access.views import View
from packistry.errors import NotFound, Refusal, Unauthenticated


class Door(Enum):
    """What the door says before anything in the repository is looked at."""

    OPEN = auto()
    # 401: no credential, a bad one, or one without the ability to read.
    CHALLENGE = auto()
    # 404: a good credential that has no business here.
    HIDDEN = auto()


def door(view: View, repository_id: int | None, *, public: bool) -> Door:
    """Unknown and private repositories look the same to everybody who may not see them (None is an unknown one)."""
    if public and repository_id is not None:
        return Door.OPEN
    if view.is_anonymous or not view.can_read:
        return Door.CHALLENGE
    if repository_id is None or not view.sees_repository(repository_id, public=False):
        return Door.HIDDEN
    return Door.OPEN


def door_refusal(view: View, repository_id: int | None, *, public: bool) -> Refusal | None:
    """The refusal that belongs to the door's answer; None when it is open."""
    match door(view, repository_id, public=public):
        case Door.OPEN:
            return None
        case Door.CHALLENGE:
            return _challenge(view)
        case _:
            return NotFound("There is no such repository, or it is not visible to you.")


def publishing_refusal(view: View) -> Refusal | None:
    """Why the caller cannot publish anything, whatever it is; None for those of whom rules.py decides."""
    if not view.is_anonymous:
        return None
    return view.refusal or Unauthenticated(
        "Publishing needs a token with the ability write, as Bearer or as the password of Basic."
    )


def _challenge(view: View) -> Refusal:
    refusal = view.refusal
    if refusal is not None:
        return refusal
    if view.is_anonymous:
        return Unauthenticated(
            "This repository needs a token: composer config --auth bearer.HOST TOKEN, or http-basic.HOST token TOKEN. "
            "An administrator makes one with `packistry deploy-token add`."
        )
    return Unauthenticated("This token lacks the ability read; make one with --ability read.")
