"""One process that changes things by the real actions, as fast as it can: `python -m tests.db.writers DATA_DIR TURNS`.

Settings come from the environment beside that. It prints how many turns it did; anything that goes wrong ends it.
"""

import sys
from pathlib import Path

from packistry.access.actors import System
from packistry.access.permissions import Ability
from packistry.accounts.actions import update_user
from packistry.db.models import User
from packistry.house import House, open_house
from packistry.packages.downloads import DownloadCounts
from packistry.settings import Settings
from packistry.tokens.actions import create_deploy_token

OPERATOR = System()
VERSION = 7


def main(data_dir: str, turns: str) -> None:
    with open_house(Settings(data_dir=Path(data_dir))) as house:
        counts = DownloadCounts()
        for number in range(int(turns)):
            turn(house, counts, number)
    print(turns)


def turn(house: House, counts: DownloadCounts, number: int) -> None:
    """One download counted, one more in a number that is read and written back, and one new token."""
    counts.add(VERSION, "downloads")
    counts.flush(house.database)
    with house.database.write() as session:
        user = session.get_one(User, 1, with_for_update=True)
        update_user(session, OPERATOR, user, name=str(int(user.name) + 1))
    if number % 10 == 0:
        with house.database.write() as session:
            create_deploy_token(
                session, OPERATOR, name=f"{id(house)} {number}", grants=[], abilities=frozenset({Ability.READ})
            )


if __name__ == "__main__":
    main(*sys.argv[1:])
