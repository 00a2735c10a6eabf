"""Settings by page: what is set and from where, without secrets, and trying out the mail server."""

import pytest
from pydantic import SecretStr

from packistry.checkup.configured import Origin, configured
from packistry.settings import Settings
from tests.fakes.mail_server import MailServerFake
from tests.web.pages.browser import Browser


@pytest.fixture(scope="module")
def settings_of_mail() -> dict[str, object]:
    """A password that must be on no page."""
    return {"smtp_password": SecretStr("s3cret-of-the-mail-server"), "smtp_user": "ada"}


@pytest.fixture
def settings(settings: Settings, settings_of_mail: dict[str, object]) -> Settings:
    return settings.model_copy(update={**settings_of_mail, "public_url": "http://packistry.test"})


def test_where_a_setting_comes_from_is_told(settings: Settings) -> None:
    made = Settings(data_dir=settings.data_dir, session_days=30)

    found = {each.name: each for each in configured(made, {"PACKISTRY_LOG_LEVEL": "info"})}

    assert found["log_level"].origin is Origin.ENVIRONMENT
    assert (found["session_days"].value, found["session_days"].origin) == ("30", Origin.FILE)
    assert (found["max_archive_bytes"].value, found["max_archive_bytes"].origin) == ("512 MiB", Origin.DEFAULT)
    assert found["public_url"].value == "not set"


def test_a_page_shows_what_is_set_without_its_secrets(administrator: Browser) -> None:
    shown = administrator.open("/-/settings")

    assert "PACKISTRY_SMTP_PASSWORD The password of that account. set, and shown nowhere" in shown.text
    assert "s3cret" not in shown.html
    assert "Is all well?" in shown.text
    assert "Set by PACKISTRY_PUBLIC_URL." in shown.text


class TestMail:
    """With a server."""

    @pytest.fixture
    def mail_server(self) -> object:
        """One that takes mail."""
        return MailServerFake()

    @pytest.fixture
    def settings(self, settings: Settings, mail_server: MailServerFake) -> Settings:
        mail = {"smtp_host": "127.0.0.1", "smtp_port": mail_server.port, "smtp_security": "none", "smtp_user": None}
        return settings.model_copy(update={**mail, "smtp_from": "packages@example.test"})

    def test_the_mail_server_is_tried_out(self, administrator: Browser, mail_server: MailServerFake) -> None:
        with mail_server.running():
            took = administrator.send("/-/settings/test-mail", status=200)
            mail_server.refusal = "550 no such person"
            refused = administrator.send("/-/settings/test-mail", status=200)

        assert "The server took a mail to ada@example.test" in took.text
        assert len(mail_server.mails) == 1
        assert "did not take the mail" in refused.text


def test_the_public_address_is_tried_out(administrator: Browser) -> None:
    shown = administrator.send("/-/settings/test-address", status=200)

    # Names lead nowhere in tests; what matters is that the finding is on the page.
    assert "packistry.test" in shown.text
    assert 'class="badge bad"' in shown.html


def test_only_administrators_see_settings(plain_user: Browser) -> None:
    plain_user.open("/-/settings", status=403)
    plain_user.send("/-/settings/test-address", status=403)
    plain_user.send("/-/settings/test-mail", status=403)
