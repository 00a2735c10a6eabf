"""The words that runs and refs are described with, as they stand in the rows, on the command line and in documents."""

from enum import StrEnum
from typing import Final


class Cause(StrEnum):
    """Why a run was made."""

    FIRST = "first"
    PUSH = "push"
    SYNC = "sync"
    REBUILD = "rebuild"
    RETRY = "retry"


# Lower is sooner: somebody waits for a push, nobody for the five hundredth rebuild.
PRIORITIES: Final = {Cause.PUSH: 10, Cause.FIRST: 20, Cause.RETRY: 20, Cause.SYNC: 50, Cause.REBUILD: 60}


# Nobody asked for these at a door; they stop while a source's credential is refused.
BY_ITSELF: Final = (Cause.PUSH, Cause.SYNC)


class RunState(StrEnum):
    """How a run is. A run is done also when refs of it failed: it was worked off, and each says why."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


OPEN: Final = (RunState.WAITING, RunState.RUNNING)


class RefState(StrEnum):
    """What became of a ref. `kept`: it was ours to refuse, because what is served already does not change."""

    WAITING = "waiting"
    IMPORTED = "imported"
    UNCHANGED = "unchanged"
    SKIPPED = "skipped"
    KEPT = "kept"
    DELETED = "deleted"
    FAILED = "failed"
    CANCELLED = "cancelled"


class HookStatus(StrEnum):
    """How a hook is. Whatever it is, its project is also looked at from time to time."""

    # The host is to be told, in a moment.
    WANTED = "wanted"
    ACTIVE = "active"
    # It is there, and the host says that its calls do not get through.
    FAILING = "failing"
    # There can be none, for the reason that it says.
    POLLED = "polled"
    # A person puts a script where the host cannot be asked.
    MANUAL = "manual"
    REMOVED = "removed"


# What is wrong with a project that the host told us is gone.
GONE_AT_HOST: Final = "The host says that it was deleted there. Its versions stay; delete the package, or add it again."

# What is wrong with a project that has versions here and not a single ref any more there.
NOTHING_AT_HOST: Final = (
    "The host lists no branch and no tag of it any more. Its versions stay as they are until it does; if they are to "
    "go, delete the package."
)

# Ends the reason of a ref whose version another ref has: no fault of its commit, so it is looked at again each time.
TAKEN: Final = "gives the same version already."
