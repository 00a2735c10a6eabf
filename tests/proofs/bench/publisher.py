"""A process that publishes: `python -m tests.proofs.bench.publisher DATA_DIR REPOSITORY RATE` until SIGTERM.

Moves the development version of the packages that are asked for, one after the other, through the same action as
every upload. Prints "ready" when it begins and how many it has published when it ends.
"""

import signal
import sys
import time
from pathlib import Path
from types import FrameType

from packistry.house import House, open_house
from packistry.settings import Settings
from tests import factories
from tests.proofs.bench.seeding import manifest, package_name
from tests.proofs.bench.stage import PACKAGES


def publish_until_told(house: House, repository: str, per_second: float) -> int:
    """Publishes so many a second, evenly; returns how many there were."""
    ended: list[int] = []

    def end(number: int, _: FrameType | None) -> None:
        ended.append(number)

    signal.signal(signal.SIGTERM, end)
    print("ready", flush=True)
    beginning, count = time.monotonic(), 0
    while not ended:
        name = package_name(count % PACKAGES)
        # Other bytes each time, or nothing would be published.
        files: dict[str, str | bytes] = {"moved": f"{time.time_ns()}"}
        archive = factories.package_zip(files=files, **manifest(name))
        factories.publish(house, name, "dev-main", repository=repository, archive=archive)
        count += 1
        time.sleep(max(0.0, beginning + count / per_second - time.monotonic()))
    return count


def main() -> None:
    data_dir, repository, per_second = sys.argv[1:]
    with open_house(Settings(data_dir=Path(data_dir))) as house:
        print(publish_until_told(house, repository, float(per_second)), flush=True)


if __name__ == "__main__":
    main()
