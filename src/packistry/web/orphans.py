"""Ending a worker whose supervisor is gone.

A supervisor that is killed cannot stop its workers: they would go on answering on the shared port, with old code,
beside the server that is started next.
"""

import multiprocessing
import os
import threading
import time
from typing import Final

# The issue is the second server on the port: it must not find the old workers a second later.
LOOK_SECONDS: Final = 0.25


def end_with_parent(parent: int | None = None) -> None:
    """Ends this process at once, from a thread, when the process that started it ends.

    `parent` is its number, for processes that were not started by `multiprocessing`.
    """
    if parent is None:
        starter = multiprocessing.parent_process()
        # Not getppid() where we know better: the supervisor may have died while we were still loading.
        parent = os.getppid() if starter is None else starter.pid

    def look() -> None:
        while os.getppid() == parent:
            time.sleep(LOOK_SECONDS)
        # Nobody is left to answer to: the counts of the last second are lost, as with any kill.
        os._exit(1)

    threading.Thread(target=look, name="parent", daemon=True).start()
