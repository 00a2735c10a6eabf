"""Whether this worker was told to stop: what would go on for minutes ends then, as nobody waits that long."""

import threading
from typing import Final

# Set by the signal that tells a worker to stop; see server.py.
STOPPING: Final = threading.Event()
