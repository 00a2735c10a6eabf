"""The styleguide is there for those who work on Packistry itself, and for nobody else."""

from starlette.testclient import TestClient

from packistry.access.permissions import Role
from packistry.app import Worker
from packistry.house import House
from packistry.settings import Settings
from tests import factories
from tests.web.pages.browser import Browser


def test_the_styleguide_shows_the_parts_in_development_only(house: House, settings: Settings) -> None:
    user = factories.user(house, role=Role.ADMINISTRATOR)
    developing = settings.model_copy(update={"development": True})

    with TestClient(Worker(developing), base_url="http://packistry.test") as client:
        shown = Browser(client, house).sign_in(user).open("/-/styleguide")
    with TestClient(Worker(settings), base_url="http://packistry.test") as client:
        Browser(client, house).sign_in(user).open("/-/styleguide", status=404)

    assert "Why, and what to do next." in shown.text
