"""Receivers that demand our certificate: an endpoint may have one of its own."""

from pathlib import Path
from typing import Any

import pytest

from services.notifications import commands
from services.notifications.errors import CertificateRefused
from services.notifications.identity import Credentials
from services.notifications.settings import NotificationsSettings
from services.notifications.tests.builders import OPERATOR, delivered, registered, rows, told
from services.notifications.tests.certificates import certified, serving
from services.notifications.tests.conftest import Sending
from services.notifications.tests.receivers import receiver
from shared.database import Database
from tests.fixtures.eventually import eventually

DEAD = "http://127.0.0.1:1/"


def _credentials(*, days: int) -> Credentials:
    pair = certified("mithaq", days=days)
    return Credentials(pair.pem, pair.key_pem)


async def test_a_receiver_may_demand_our_certificate_and_be_certified_by_its_own_authority(
    database: Database, settings: NotificationsSettings, sending: Sending, tmp_path: Path
) -> None:
    theirs, ours = certified("academie"), certified("mithaq authority")
    client = certified("mithaq", ours)
    tls = serving(certified("receiver", theirs), tmp_path, demands=ours)
    async with receiver(tls=tls) as academy:
        id = (await registered(database, settings, academy.url)).endpoint.id
        await told(database)
        async with sending(retries=(60.0,)):
            await eventually(lambda: _tried(database, "tls_authority"))
        assert not academy.received
        credentials = Credentials(client.pem, client.key_pem, theirs.pem)
        secured = await commands.secure_endpoint(
            database, id, credentials=credentials, keys=settings.key_ring, by=OPERATOR
        )
        assert secured.identity and secured.identity.certificate
        async with sending():
            ((delivery,),) = await rows(database, "select id from delivery")
            await commands.redeliver(database, delivery, by=OPERATOR)
            await delivered(database, 1)
    assert len(academy.received) == 1
    for table in ("endpoint", "endpoint_secret", "journal"):
        dump = "\n".join(map(str, await rows(database, f"select {table}::text from {table}")))
        assert "PRIVATE KEY" not in dump and client.key_pem.encode().hex() not in dump


async def _tried(database: Database, reason: str) -> bool:
    return (reason,) in await rows(database, "select reason from attempt")


@pytest.mark.parametrize(
    ("credentials", "reason"),
    [
        (lambda: Credentials(certificate="nonsense", key="nonsense"), "certificate_unreadable"),
        (lambda: Credentials(authority="nonsense"), "certificate_unreadable"),
        (lambda: Credentials(certificate=certified("alone").pem), "certificate_incomplete"),
        (lambda: Credentials(certified("one").pem, certified("another").key_pem), "certificate_other_key"),
        (lambda: Credentials(certified("nobody").pem, "nonsense"), "certificate_key"),
        (lambda: _credentials(days=-1), "certificate_ended"),
    ],
)
async def test_a_certificate_that_could_not_be_used_is_refused(
    credentials: Any, reason: str, database: Database, settings: NotificationsSettings
) -> None:
    id = (await registered(database, settings, DEAD)).endpoint.id
    with pytest.raises(CertificateRefused) as refusal:
        await commands.secure_endpoint(database, id, credentials=credentials(), keys=settings.key_ring, by=OPERATOR)
    assert reason == refusal.value.values["reason"]
