"""Callers of the API."""

import pytest
from starlette.testclient import TestClient

from packistry.access.permissions import Ability, Role
from packistry.house import House
from tests import factories
from tests.api.calling import Caller, by_token


@pytest.fixture
def ada(house: House) -> int:
    """An administrator's id."""
    return factories.user(house, "ada@example.test", role=Role.ADMINISTRATOR)


@pytest.fixture
def bob(house: House) -> int:
    """The id of a user who was given nothing."""
    return factories.user(house, "bob@example.test")


@pytest.fixture
def admin(client: TestClient, house: House, ada: int) -> Caller:
    """The administrator with a token that may do everything by the API."""
    return by_token(client, house, ada, Ability.ADMIN_WRITE)
