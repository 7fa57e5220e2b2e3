"""E-mail: one message per event and recipient, right to left where the language is, under a Message-ID that stays."""

import asyncio
from datetime import datetime
from email.header import Header
from email.headerregistry import HeaderRegistry, UniqueUnstructuredHeader
from email.message import EmailMessage
from email.policy import SMTP, Policy
from functools import cache
from pathlib import Path
from typing import Any, cast
from uuid import UUID

import aiosmtplib
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from services.notifications.notice import Notice, wording
from services.notifications.outcome import Outcome, excerpt_of
from services.notifications.settings import NotificationsSettings
from shared.bidi import apart
from shared.language import RIGHT_TO_LEFT
from shared.territory import ACADEMIES
from shared.texts import in_one_line


class Subject(UniqueUnstructuredHeader):
    """A subject in encoded words from its first letter on.

    Where it begins in plain ones, the standard library folds it so that readers see two spaces in a row.
    """

    def fold(self, *, policy: Policy) -> str:
        """The header's lines."""
        encoded = Header(str(self), "utf-8", header_name="Subject").encode(linesep=policy.linesep)
        return f"Subject: {encoded}{policy.linesep}"


HEADERS = HeaderRegistry()
HEADERS.map_to_type("subject", cast(Any, Subject))
LETTER = SMTP.clone(header_factory=HEADERS)
OF_US = ("5.7.", "5.1.7", "5.1.8")
"""Who may send (policy, and the sender's address; RFC 3463): a server may hold that back until a recipient is named."""


@cache
def templates() -> Environment:
    """The templates of e-mails."""
    return Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def compose(
    notice: Notice, *, sender: str, recipient: str, endpoint_id: UUID, academy: str, sequence: int, language: str
) -> EmailMessage:
    """The message, as text and as HTML."""
    values: dict[str, Any] = {
        "academy": getattr(ACADEMIES[academy], f"name_{language}"),
        "summary": notice.summary(language),
        "notice": notice,
        "sequence": sequence,
    }
    subject = wording().text("email.subject", language, summary=values["summary"])
    id = f"{notice.event_id}.{endpoint_id}"
    return written(
        "notice", subject, values, id=id, sender=sender, recipient=recipient, date=notice.time, language=language
    )


def written(
    template: str,
    subject: str,
    values: dict[str, Any],
    *,
    id: str,
    sender: str,
    recipient: str,
    date: datetime,
    language: str,
) -> EmailMessage:
    """The message of a template, `.txt` and `.html`, which finds beside the values its language, subject and texts.

    The subject is one line, whatever the names in it hold.
    """
    subject = in_one_line(subject)
    usual: dict[str, Any] = {
        "language": language,
        "direction": "rtl" if language in RIGHT_TO_LEFT else "ltr",
        "apart": apart if language in RIGHT_TO_LEFT else str,
        "subject": subject,
        "text": {key.removeprefix("email."): wording().text(key, language) for key in wording().keys("email.")},
    }
    message = EmailMessage(policy=LETTER)
    message["From"] = sender
    message["To"] = recipient
    message["Subject"] = subject
    message["Date"] = date
    # The same over all attempts: mailboxes drop the duplicate that a crash may cause.
    message["Message-ID"] = f"<{id}@{sender.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(templates().get_template(f"{template}.txt").render(usual | values))
    message.add_alternative(templates().get_template(f"{template}.html").render(usual | values), subtype="html")
    # Only now: setting content clears what describes it.
    message["Content-Language"] = language
    return message


class MailClient:
    """Hands messages to the mail server."""

    def __init__(self, settings: NotificationsSettings) -> None:
        self.settings = settings

    async def send(self, message: EmailMessage) -> Outcome:
        """Send one message to its one recipient: 4xx is tried again, 5xx is final, our own trouble is tried again.

        What the server says of us, or of everybody, is our own trouble too, whatever the code and whenever it is said.
        """
        settings = self.settings
        try:
            # Its own time limit is for each command; ours is for all of them, because the lane's lease is.
            async with asyncio.timeout(settings.deadline):
                _, said = await aiosmtplib.send(
                    message,
                    hostname=settings.smtp_host,
                    port=settings.smtp_port,
                    use_tls=settings.smtp_tls,
                    # Somebody on the way can hide that the server offers TLS: a password is not sent without.
                    start_tls=not settings.smtp_tls if settings.smtp_password else None,
                    username=settings.smtp_username,
                    password=settings.smtp_password.get_secret_value() if settings.smtp_password else None,
                    timeout=settings.deadline,
                )
        except aiosmtplib.SMTPAuthenticationError as error:
            return Outcome("failed", "mail_sign_in", error.code, more=f"SMTP {error.code}")
        except aiosmtplib.SMTPRecipientsRefused as error:
            return _judged(error.recipients[0].code, error.recipients[0].message, of_address=True)
        except aiosmtplib.SMTPDataError as error:
            return _judged(error.code, error.message)
        except aiosmtplib.SMTPResponseException as error:
            # Said of us before anybody was named, so of every letter alike: it is repaired, and none is lost.
            excerpt = excerpt_of(error.message.encode())
            return Outcome("failed", "mail_deferred", error.code, excerpt, more=f"SMTP {error.code}")
        except (aiosmtplib.SMTPTimeoutError, TimeoutError):
            return Outcome("failed", "timeout")
        except aiosmtplib.SMTPServerDisconnected:
            return Outcome("failed", "connection_lost")
        except (aiosmtplib.SMTPException, OSError):
            return Outcome("failed", "not_connected")
        return Outcome("delivered", "taken", 250, excerpt_of(said.encode()), more="SMTP 250")


def _judged(code: int, said: str, *, of_address: bool = False) -> Outcome:
    """4xx passes; 5xx is final. Of the address itself it is a bounce, unless the mailbox is full."""
    final = 500 <= code < 600 and not (of_address and said.startswith(OF_US))
    bounced = final and of_address and not said.startswith("5.2.2")
    excerpt, more = excerpt_of(said.encode()), f"SMTP {code}"
    if final:
        return Outcome("refused", "mail_refused", code, excerpt, bounced=bounced, more=more)
    return Outcome("failed", "mail_deferred", code, excerpt, more=more)
