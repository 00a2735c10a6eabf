"""The jobs process beside the web workers: started, started anew when it dies, and stopped with them."""

import os
import subprocess
import threading
import time
from collections.abc import Sequence
from typing import Final

import structlog

# It is started anew after this long, then after twice as long, at most so long; one that lived longer begins anew.
FIRST_SECONDS: Final = 0.5
MOST_SECONDS: Final = 30.0
# It gives running work ten seconds, and needs a moment to start when it is told at once.
STOP_SECONDS: Final = 15.0
NOT_STARTED: Final = 1

log = structlog.get_logger(__name__)


class Companion:
    """Keeps one process of `command` alive, from `start` until `stop`."""

    def __init__(self, command: Sequence[str]) -> None:
        self._command = command
        self._process: subprocess.Popen[bytes] | None = None
        self._stopping = threading.Event()
        # Starting a process waits until a pipe is closed by it. A web worker forked at that moment would have the pipe
        # too, and we would wait until that worker ends: so nothing forks meanwhile.
        self._starting = threading.Lock()
        self._thread = threading.Thread(target=self._keep_alive, name="companion", daemon=True)

    def start(self) -> None:
        held = self._starting
        os.register_at_fork(before=held.acquire, after_in_parent=held.release, after_in_child=held.release)
        self._thread.start()

    def tell_to_stop(self) -> None:
        """Asks it to end, without waiting for it."""
        self._stopping.set()
        if self._process is not None:
            self._process.terminate()

    def stop(self) -> None:
        """Returns when it has ended; one that does not in time is killed, and its work taken up the next time."""
        self.tell_to_stop()
        self._thread.join(STOP_SECONDS)
        if self._thread.is_alive() and self._process is not None:
            self._process.kill()
            self._thread.join()

    def _keep_alive(self) -> None:
        pause = FIRST_SECONDS
        while not self._stopping.is_set():
            started = time.monotonic()
            code = self._run_once()
            if self._stopping.is_set():
                return
            pause = FIRST_SECONDS if time.monotonic() - started > MOST_SECONDS else pause
            log.error("jobs.died", exit_code=code, again_in_seconds=pause)
            self._stopping.wait(pause)
            pause = min(pause * 2, MOST_SECONDS)

    def _run_once(self) -> int:
        """Its exit code, once it has ended."""
        try:
            with self._starting:
                self._process = subprocess.Popen(self._command, stdin=subprocess.DEVNULL)
        except OSError:
            # No memory or no process left for it: perhaps there will be.
            log.exception("jobs.not_started")
            return NOT_STARTED
        if self._stopping.is_set():
            # Told between the question and the start.
            self._process.terminate()
        return self._process.wait()
