"""Mailing links. The secret is made when the mail is written, and nothing but the mail ever holds it."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import structlog
from sqlalchemy import select

from packistry import clock
from packistry.accounts.links import INVITATION, RESET, SECRET_BYTES, digest_of
from packistry.db.engine import Database, ReadSession
from packistry.db.models import AccountLink
from packistry.errors import Unavailable
from packistry.outbound.mail import MailServer

log = structlog.get_logger(__name__)

# After a failure; then it is given up, and whoever waits asks again.
PAUSES: Final = (timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=30))
# Where each kind of link leads, below the public address.
PLACES: Final = {RESET: "/-/reset", INVITATION: "/-/invitation"}

_TEXTS: Final = {
    RESET: (
        "Another password for Packistry",
        "Somebody, perhaps you, asked for another password for {email} at {base}.\n\n"
        "Set it here within 24 hours; the link works once:\n\n    {link}\n\n"
        "If it was not you, do nothing: the present password goes on working.\n",
    ),
    INVITATION: (
        "An invitation to Packistry",
        "You were invited to {base} as {email}.\n\n"
        "Choose a name and a password here within 7 days; the link works once:\n\n    {link}\n\n"
        "If you do not know what this is about, do nothing.\n",
    ),
}


@dataclass(frozen=True, slots=True)
class Mailing:
    """What mails links. Without a server, or an address for the links to begin with, nothing is."""

    database: Database
    server: MailServer | None
    base: str | None

    def try_out(self, email: str) -> None:
        """Sends a mail that says nothing. Refuses with Unavailable, with what the server said."""
        if self.server is None:
            raise Unavailable("No mail server is set: PACKISTRY_SMTP_HOST and PACKISTRY_SMTP_FROM name it.")
        self.server.send(email, "Packistry can send mail", "This mail was sent to try out the mail server.\n")

    def work(self, link_id: int) -> None:
        """Mails a link that is due, or says in its row why not."""
        if self.server is None or self.base is None:
            self._put_off(link_id, "No mail server or no public address is set any more.", final=True)
            return
        plain = secrets.token_urlsafe(SECRET_BYTES)
        with self.database.write() as session:
            link = session.get(AccountLink, link_id)
            if link is None or not _is_due(link):
                return
            # Kept before it is sent: a link that arrives works.
            link.digest = digest_of(plain)
            kind, email = link.kind, link.email
        subject, text = _TEXTS[kind]
        address = f"{self.base}{PLACES[kind]}/{plain}"
        try:
            self.server.send(email, subject, text.format(email=email, base=self.base, link=address))
        except Unavailable as refusal:
            log.warning("mail.refused", link=link_id, reason=refusal.sentence)
            self._put_off(link_id, refusal.sentence)
            return
        with self.database.write() as session:
            sent = session.get(AccountLink, link_id)
            if sent is not None:
                sent.mail_due_at, sent.mail_problem = None, None
        log.info("mail.sent", link=link_id, kind=kind)

    def _put_off(self, link_id: int, problem: str, *, final: bool = False) -> None:
        with self.database.write() as session:
            link = session.get(AccountLink, link_id)
            if link is None:
                return
            again = not final and link.mail_attempts < len(PAUSES)
            link.mail_due_at = clock.now() + PAUSES[link.mail_attempts] if again else None
            link.mail_attempts += 1
            link.mail_problem = problem


def due_mails(session: ReadSession) -> Sequence[int]:
    """The links that are to be mailed now."""
    due = (AccountLink.mail_due_at <= clock.now(), AccountLink.used_at.is_(None))
    return session.scalars(select(AccountLink.id).where(*due).order_by(AccountLink.mail_due_at)).all()


def _is_due(link: AccountLink) -> bool:
    return link.used_at is None and link.mail_due_at is not None and link.mail_due_at <= clock.now()
