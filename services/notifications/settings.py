"""The notifications service's settings: `MITHAQ_NOTIFICATIONS_…`."""

from functools import cached_property
from ipaddress import IPv4Network, IPv6Network
from typing import Self

from pydantic import Field, SecretStr, model_validator

from services.notifications.guard import LOOPBACK, PORTS, Guard
from services.notifications.keys import KeyRing
from shared.settings import ServiceSettings, settings_config
from shared.territory import AcademyCode

RETRIES = (5.0, 300.0, 1800.0, 7200.0, 18000.0, 36000.0, 50400.0, 72000.0, 86400.0)
"""Standard Webhooks' example schedule: with the first attempt ten in all, over 75.6 hours."""


class NotificationsSettings(ServiceSettings):
    """What sending needs to know; every default works on one machine."""

    model_config = settings_config("MITHAQ_NOTIFICATIONS_")

    key_encryption_key: SecretStr | None = Field(
        None,
        description="32 bytes in base64 that seal the endpoints' secrets; several, comma separated: the first seals,"
        " all of them open. Empty makes a key file in the data directory; production demands one",
    )
    rotation_overlap: float = Field(
        86400.0, ge=0, description="seconds for which a replaced secret signs beside its successor"
    )
    allowed_networks: tuple[IPv4Network | IPv6Network, ...] = Field(
        (), description="networks that may be called although they are not public: academies' internal ones"
    )
    academy_networks: dict[AcademyCode, tuple[IPv4Network | IPv6Network, ...]] = Field(
        {},
        description="networks that it opens to one academy's endpoints (a public one is open to all anyhow), as"
        ' `{"MA-06": ["10.7.0.0/16"]}`',
    )
    allowed_ports: tuple[int, ...] = Field(
        PORTS, description="ports that may be called at public addresses; allowed networks are free to use any"
    )
    slots: int = Field(
        32, ge=4, description="messages that one process sends at the same time; one academy gets a quarter"
    )
    batch: int = Field(256, ge=1, description="deliveries taken from one endpoint's lane at a time")
    deadline: float = Field(15.0, gt=0, description="seconds for one attempt, the answer's body included")
    lease: float = Field(
        30.0, gt=0, description="seconds a sender keeps a lane; what a killed one held is taken over then"
    )
    retries: tuple[float, ...] = Field(
        RETRIES, description="seconds before the second attempt, the third, …; each ± 20 %"
    )
    breaker_failures: int = Field(
        5, ge=1, description="failures in a row after which an endpoint is left alone for a while"
    )
    breaker_pause: float = Field(
        60.0, gt=0, description="seconds for which it is left alone; one attempt then shows whether it is back"
    )
    attempts_kept: int = Field(90, ge=1, description="days for which attempts are kept; deliveries and feeds stay")
    idle_poll: float = Field(1.0, gt=0, description="longest pause in seconds between two looks for due deliveries")
    smtp_host: str = Field("127.0.0.1", description="the mail server")
    smtp_port: int = Field(1025, description="its port")
    smtp_tls: bool = Field(False, description="TLS from the first byte; otherwise STARTTLS where the server offers it")
    smtp_username: str | None = Field(None, description="who signs in to the mail server; empty does not")
    smtp_password: SecretStr | None = Field(None, description="with which password; it is never sent without TLS")
    mail_from: str = Field("mithaq@localhost", description="the sender of e-mails")
    most_bounces: int = Field(
        3, ge=1, description="e-mails in a row that an address may return before it is written to no more"
    )
    hears_for: int = Field(
        90,
        ge=1,
        description="days after somebody's last visit for which they count as one who hears statutory notices; they"
        " are told after that too",
    )
    stream_queue: int = Field(256, ge=1, description="frames that wait for a slow live stream before it is closed")

    @model_validator(mode="after")
    def _lease_outlasts_an_attempt(self) -> Self:
        if self.lease <= self.deadline:
            raise ValueError("MITHAQ_NOTIFICATIONS_LEASE must be longer than MITHAQ_NOTIFICATIONS_DEADLINE")
        return self

    @cached_property
    def key_ring(self) -> KeyRing:
        """The installation's key-encryption keys. ValueError in production if none is configured."""
        if self.key_encryption_key:
            return KeyRing.from_base64(self.key_encryption_key.get_secret_value())
        if self.platform.profile == "production":
            raise ValueError("production needs MITHAQ_NOTIFICATIONS_KEY_ENCRYPTION_KEY: 32 random bytes in base64")
        return KeyRing.in_file(self.platform.data_dir / "notifications.key")

    @cached_property
    def guard(self) -> Guard:
        """What may be called: on a developer's machine loopback too, over plain HTTP."""
        dev = self.platform.profile == "dev"
        return Guard(
            (*self.allowed_networks, *(LOOPBACK if dev else ())),
            plain_http=dev,
            ports=self.allowed_ports,
            by_academy=self.academy_networks,
        )
