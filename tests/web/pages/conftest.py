"""Browsers of the people that pages are for."""

import pytest
from starlette.testclient import TestClient

from packistry.access.permissions import Role
from packistry.house import House
from tests import factories
from tests.web.pages.browser import Browser


@pytest.fixture
def stranger(client: TestClient, house: House) -> Browser:
    """A browser in which nobody signed in."""
    return Browser(client, house)


@pytest.fixture
def administrator(client: TestClient, house: House) -> Browser:
    """The browser of an administrator, ada@example.test."""
    return Browser(client, house).sign_in(factories.user(house, "ada@example.test", role=Role.ADMINISTRATOR))


@pytest.fixture
def plain_user(client: TestClient, house: House) -> Browser:
    """The browser of a user who was given nothing, bob@example.test."""
    return Browser(client, house).sign_in(factories.user(house, "bob@example.test"))
