"""Two people who read of a ceremony, each of their own academy and in their own way, and their post."""

from collections import Counter
from dataclasses import dataclass, field
from email import message_from_bytes
from email.policy import default
from fnmatch import fnmatchcase
from typing import Any

from aiosmtpd.smtp import SMTP, Envelope, Session

from cli.demo.academies import Academies, Mailbox
from cli.demo.client import JSON, Client

SIGNED = "ma.mithaq.agreement.party_signed.v1"
IMPORTANCE = ("information", "attention", "urgent")


@dataclass
class Reader:
    """A person, what they asked for, and what the post brought them."""

    persona: str
    academy: str
    prefers: JSON
    """Preferences, but for the address."""
    wants: JSON
    """The conditions of a subscription."""
    id: str = ""
    rule: str = ""
    letters: Counter[str] = field(default_factory=Counter)
    """By Message-ID, each time that it came."""
    texts: dict[str, str] = field(default_factory=dict)
    languages: set[str] = field(default_factory=set)

    @property
    def address(self) -> str:
        """Where letters go."""
        return f"{self.persona}@lecteurs.example"

    async def begin(self, client: Client) -> None:
        """Say how to be told, and of what, from now on."""
        name = {"ar": "قارئ (مثال)", "fr": "Lecteur (exemple)"}
        await client.add_persona(self.persona, name, "academy_officer", self.academy)
        wanted = self.prefers | {"address": self.address}
        self.id = (await client.put(self.persona, "notifications/preferences", wanted, version=0))["person_id"]
        self.rule = (await client.post(self.persona, "subscriptions", self.wants))["id"]

    def asked_for(self, type: str, importance: str) -> bool:
        """Whether the subscription is for such an event."""
        least = self.wants.get("importance", "information")
        return any(fnmatchcase(type, pattern) for pattern in self.wants.get("types", ["*"])) and (
            IMPORTANCE.index(importance) >= IMPORTANCE.index(least)
        )

    def wishes(self, channel: str, type: str) -> str:
        """What is preferred for a channel about such an event."""
        fitting = [each for each in self.prefers.get("by_type", ()) if fnmatchcase(type, each["types"])]
        own: JSON = fitting[0] if fitting else {}
        return str(own.get(channel) or self.prefers[channel])


def two_readers() -> tuple[Reader, Reader]:
    """One is told of agreements at once, of single signatures in the inbox only; one of what matters, once a day."""
    return (
        Reader(
            "reader-ma-06",
            "MA-06",
            {
                "language": "fr",
                "inbox": "immediate",
                "email": "immediate",
                "by_type": [{"types": SIGNED, "email": "off"}],
            },
            {"types": ["ma.mithaq.agreement.*", "ma.mithaq.center.opened.*"]},
        ),
        Reader(
            "reader-ma-04",
            "MA-04",
            {"language": "ar", "inbox": "off", "email": "daily"},
            {"importance": "attention"},
        ),
    )


class Post(Mailbox):
    """The mail server of the academies, which has people's boxes too."""

    def __init__(self, academies: Academies, readers: tuple[Reader, ...]) -> None:
        super().__init__(academies)
        self.readers = {reader.address: reader for reader in readers}

    async def handle_RCPT(  # noqa: N802 - the name is aiosmtpd's
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        """Accept readers, and whom the academies know."""
        if address not in self.readers:
            return await super().handle_RCPT(_server, _session, envelope, address, _options)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Keep a reader's letter; everything else is the academies'."""
        (address,) = envelope.rcpt_tos
        if address not in self.readers:
            return await super().handle_DATA(_server, _session, envelope)
        reader, message = self.readers[address], message_from_bytes(envelope.original_content or b"", policy=default)
        id = str(message["Message-ID"])
        text: Any = message.get_body(("plain",))
        reader.letters[id] += 1
        reader.texts[id] = text.get_content()
        reader.languages.add(message["Content-Language"])
        return "250 OK"
