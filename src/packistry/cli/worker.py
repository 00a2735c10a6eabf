"""`packistry worker`: a jobs process alone, or the one that `serve` starts beside its web workers."""

import os
import sys
from typing import Annotated, Final

import typer

# Beside web workers: where there is not enough processor for all, somebody waits for their answers, and for packing an
# archive mostly nobody. It still gets a third of what one of them gets.
NICENESS: Final = 5
# Four times what Python gives a thread before another one gets its turn: nobody waits for an answer here, and among
# threads that pack, write and ask hosts each change of turns costs. An import is a fifteenth faster.
TURN_SECONDS: Final = 0.02


def worker(
    *,
    supervisor: Annotated[
        int | None, typer.Option(hidden=True, help="End when the process with this number, our parent, has ended.")
    ] = None,
) -> None:
    """Do the background work until Ctrl-C. `serve` starts one by itself; on PostgreSQL any number may run beside it."""
    from packistry import logs
    from packistry.house import open_house
    from packistry.settings import load_settings

    settings = load_settings()
    logs.configure(settings, sys.stdout)
    if supervisor is not None:
        from packistry.web.orphans import end_with_parent

        end_with_parent(supervisor)
        os.nice(NICENESS)
    sys.setswitchinterval(TURN_SECONDS)
    with open_house(settings) as house:
        # Imported here: the job engine costs 0.6 s, which only this process may pay.
        from packistry.background import all_kinds
        from packistry.jobs.process import Workplace, work_until_told

        place = Workplace(
            house.database, settings.data_dir, at_once=settings.jobs_at_once, log_level=settings.log_level
        )
        work_until_told(house, all_kinds(), place)
