"""Sending mail through the operator's own server, never with less privacy than was set."""

import smtplib
import ssl
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from typing import Final, Literal

from packistry.errors import Unavailable

# For each answer of the server; the job is tried again.
ANSWER_SECONDS: Final = 20
# A server may quote what it was sent.
CAUSE_CHARACTERS: Final = 200


@dataclass(frozen=True, slots=True)
class MailServer:
    """The server, and how it is spoken to."""

    host: str
    port: int
    security: Literal["starttls", "tls", "none"]
    sender: str
    user: str | None = None
    password: str | None = None

    def send(self, to: str, subject: str, text: str) -> None:
        """Hands a mail over. Refuses with Unavailable, in a sentence for the administrator."""
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = self.sender, to, subject
        message["Date"], message["Message-ID"] = formatdate(), make_msgid(domain=self.sender.rpartition("@")[2])
        # No vacation notice and no "out of office" is wanted. Source: RFC 3834.
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(text)
        try:
            with self._opened() as server:
                if self.user is not None:
                    server.login(self.user, self.password or "")
                server.send_message(message)
        except (OSError, smtplib.SMTPException) as fault:
            raise Unavailable(
                f"The mail server {self.host}:{self.port} did not take the mail: {_cause(fault)}"
            ) from fault

    def _opened(self) -> smtplib.SMTP:
        trusted = ssl.create_default_context()
        if self.security == "tls":
            return smtplib.SMTP_SSL(self.host, self.port, timeout=ANSWER_SECONDS, context=trusted)
        server = smtplib.SMTP(self.host, self.port, timeout=ANSWER_SECONDS)
        try:
            if self.security == "starttls":
                # Refused where the server offers none: a link in clear lets in whoever listens.
                server.starttls(context=trusted)
        except BaseException:
            server.close()
            raise
        return server


def _cause(fault: Exception) -> str:
    """What the server said, in one line. Neither the mail nor a password is in it."""
    if isinstance(fault, smtplib.SMTPResponseException):
        said = fault.smtp_error
        text = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
        return f"{fault.smtp_code} {text}".replace("\n", " ")[:CAUSE_CHARACTERS]
    return (str(fault) or type(fault).__name__).replace("\n", " ")[:CAUSE_CHARACTERS]
