"""Settings: what is set and from where, whether all is well, and trying the public address and the mail server."""

from collections.abc import Sequence
from typing import Final

from starlette.responses import Response

from packistry.access.permissions import Permission
from packistry.access.rules import require
from packistry.checkup.configured import configured
from packistry.checkup.page import look_with
from packistry.errors import Unavailable
from packistry.findings import CheckLine, good, refused
from packistry.repositories.outside import look_from_outside
from packistry.sources.deliveries import KEPT
from packistry.web.pages.site import Page
from packistry.web.pages.visits import Visit

PATH: Final = "/-/settings"


def _show(visit: Visit) -> Response:
    return _page(visit)


def _test_address(visit: Visit) -> Response:
    require(visit.actor, Permission.INSTALLATION_MANAGE)
    return _page(visit, address_lines=look_from_outside(visit.parts.settings, visit.public_base))


def _test_mail(visit: Visit) -> Response:
    require(visit.actor, Permission.INSTALLATION_MANAGE)
    email = visit.person.name
    try:
        visit.parts.mailing.try_out(email)
    except Unavailable as refusal:
        return _page(visit, mail_lines=[refused(refusal)])
    return _page(visit, mail_lines=[good(f"The server took a mail to {email}; look whether it arrives.")])


def _page(visit: Visit, *, address_lines: Sequence[CheckLine] = (), mail_lines: Sequence[CheckLine] = ()) -> Response:
    require(visit.actor, Permission.INSTALLATION_MANAGE)
    settings = visit.parts.settings
    return visit.page(
        "settings.html",
        settings=settings,
        configured=configured(settings),
        found=look_with(settings),
        address_lines=address_lines,
        mail_lines=mail_lines,
        mails=visit.mails,
        deliveries_kept=KEPT,
    )


PAGES: Final = (
    Page(PATH, show=_show),
    Page(f"{PATH}/test-address", act=_test_address),
    Page(f"{PATH}/test-mail", act=_test_mail),
)
