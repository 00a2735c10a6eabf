"""`packistry serve` as it is when there is background work: run with the arguments of `serve`."""

import sys

import pytest

from packistry import background
from packistry.cli.main import run
from packistry.jobs.kinds import Kind


def main() -> int:
    """The exit code. The kind is never looked at: the jobs process has the house's own list."""
    kind = Kind[background.House](name="toys", find_due=lambda _: (), work=lambda _house, _job: None)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(background, "KINDS", (kind,))
        return run(["serve", *sys.argv[1:]])


if __name__ == "__main__":
    sys.exit(main())
