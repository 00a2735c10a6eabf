"""How the most used pages look: in both themes, on a desk and on a phone, by keyboard, and without a script."""

import pytest
from playwright.sync_api import Browser

from tests.chromium import window
from tests.factories import PASSWORD
from tests.web.screens.looking import PICTURES, look
from tests.web.screens.screens import HELD, Screen
from tests.web.screens.shown import Shown
from tests.web.screens.world import ADMINISTRATOR


@pytest.mark.parametrize("screen", HELD, ids=lambda screen: screen.name)
def test_a_page_is_light_and_can_be_read_and_used_by_everybody(chromium: Browser, shown: Shown, screen: Screen) -> None:
    assert look(chromium, shown, screen, PICTURES) == []


def test_one_works_without_a_script(chromium: Browser, shown: Shown) -> None:
    with window(chromium, "dark", 390, scripts=False) as context:
        page = context.new_page()
        page.goto(shown.address("/-/packages"))
        page.get_by_label("E-mail address").fill(ADMINISTRATOR)
        page.keyboard.press("Tab")
        page.keyboard.type(PASSWORD)
        page.keyboard.press("Enter")
        page.get_by_label("Find a package").fill("billing")
        page.keyboard.press("Enter")
        page.get_by_role("link", name="acme/billing-sdk").click()
        found = page.url
        page.goto(shown.address("/-/personal-tokens/new"))
        page.get_by_label("Name").fill("Without a script")
        page.get_by_role("button", name="Create token").click()
        shown_once = page.locator("code").first.inner_text()
        page.goto(shown.address("/-/personal-tokens"))
        page.get_by_role("link", name="Without a script").click()
        page.get_by_role("button", name="Revoke token").click()

        assert found == shown.address("/-/r/customers/acme/billing-sdk")
        assert "pkpat-" in shown_once
        assert page.get_by_text("Without a script").is_hidden()
