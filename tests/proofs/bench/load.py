"""Asking: `wrk` on the core that asks, over a list of requests in turn, and the CPU that an answer took."""

import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, Protocol

from tests.proofs.bench import machine
from tests.tools import program

# As many as a busy CI farm keeps open; both servers get the same.
CONNECTIONS: Final = 64
# Goes through the requests in turn, or picks them by chance; each is written out before the first is sent.
SCRIPT: Final = """
local requests, turn, in_turn = {}, 0, true
function init(arguments)
  in_turn = arguments[2] == "in turn"
  -- Without a seed every round would ask for the same few thousand, which soon are all in the cache.
  math.randomseed(os.time())
  for line in io.lines(arguments[1]) do
    local path, headers = line:match("^(%S+) ?(.*)$")
    local wanted = {}
    for name, value in headers:gmatch("([^:\\t]+): ([^\\t]+)") do wanted[name] = value end
    requests[#requests + 1] = wrk.format("GET", path, wanted)
  end
end
function request()
  turn = in_turn and turn % #requests + 1 or math.random(#requests)
  return requests[turn]
end
function done(summary, latency)
  local errors = summary.errors
  local failed = errors.connect + errors.read + errors.write + errors.timeout + errors.status
  io.write(string.format('\\n{"requests": %d, "failed": %d, "microseconds": %d, "bytes": %d, "p99": %d}\\n',
    summary.requests, failed, summary.duration, summary.bytes, latency:percentile(99)))
end
"""


class Served(Protocol):
    """A server under test."""

    @property
    def port(self) -> int: ...

    @property
    def processes(self) -> list[int]: ...


@dataclass(frozen=True)
class Ask:
    """One GET: an address and its headers."""

    path: str
    headers: Mapping[str, str] = field(default_factory=dict[str, str])

    def __str__(self) -> str:
        return f"{self.path} " + "\t".join(f"{name}: {value}" for name, value in self.headers.items())


@dataclass(frozen=True)
class Measured:
    """What one run of wrk saw, and what the server used meanwhile."""

    requests: int
    seconds: float
    cpu_seconds: float

    @property
    def cpu_microseconds(self) -> float:
        """CPU of one request."""
        return self.cpu_seconds / self.requests * 1e6

    @property
    def per_second(self) -> float:
        return self.requests / self.seconds


def ask(
    server: Served, asks: Sequence[Ask], seconds: float, *, connections: int = CONNECTIONS, in_turn: bool = True
) -> Measured:
    """Asks for so long. Fails when an answer was an error: a fast refusal must not pass for speed."""
    with TemporaryDirectory(prefix="packistry-bench-") as folder:
        script, listed = Path(folder, "ask.lua"), Path(folder, "asks")
        script.write_text(SCRIPT)
        listed.write_text("\n".join(map(str, asks)))
        url = f"http://127.0.0.1:{server.port}"
        command = [program("wrk"), "-t1", f"-c{connections}", f"-d{seconds:.0f}s", "-s", script, url]
        command += ["--", listed, "in turn" if in_turn else "by chance"]
        before = machine.cpu_seconds(server.processes)
        with machine.pinned(machine.ASKING_CORE):
            done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=seconds + 60)
        used = machine.cpu_seconds(server.processes) - before
    shown = json.loads(done.stdout.splitlines()[-1])
    if shown["failed"]:
        raise RuntimeError(f"{shown['failed']} of {shown['requests']} answers were errors:\n{done.stdout}")
    return Measured(shown["requests"], shown["microseconds"] / 1e6, used)
