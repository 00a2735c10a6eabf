"""People sign in with a real browser."""

from playwright.sync_api import Browser

from tests.chromium import window
from tests.factories import PASSWORD
from tests.web.screens.shown import Shown


def test_one_signs_in_with_the_keyboard(chromium: Browser, shown: Shown) -> None:
    with window(chromium, "dark", 390) as context:
        page = context.new_page()
        page.goto(shown.address("/-/packages"))

        page.get_by_label("E-mail address").fill("ada@example.test")
        page.keyboard.press("Tab")
        page.keyboard.type(PASSWORD)
        page.keyboard.press("Enter")
        page.wait_for_url("**/-/packages")

        assert page.get_by_role("link", name="acme/widgets").is_visible()
