"""Endpoints in the database: their state is the fold of their journal, their secrets are nowhere in the clear."""

import base64
import secrets
from collections.abc import Callable
from datetime import timedelta

import pytest

from services.notifications import commands
from services.notifications.endpoint import Endpoint
from services.notifications.errors import AddressRefused, KeyMissing
from services.notifications.identity import Credentials
from services.notifications.keys import KeyRing, Sealed, shown
from services.notifications.schedule import forget_old_secrets
from services.notifications.sending import Sender
from services.notifications.settings import NotificationsSettings
from services.notifications.tables import ENDPOINTS, SEEN_BY, Base
from services.notifications.tests.builders import FOREIGNER, OFFICER, OPERATOR, actor, happening, registered, rows, told
from services.notifications.tests.certificates import certified
from shared.actor import NATIONAL, Role
from shared.clock import now
from shared.database import Database
from shared.migrations import drift
from shared.refusals import Forbidden, NotAllowedNow, NotFound

DAY = timedelta(hours=24)
DEAD = "http://127.0.0.1:1/"


async def test_the_state_of_an_endpoint_is_the_fold_of_its_journal(
    database: Database, settings: NotificationsSettings
) -> None:
    id = (await registered(database, settings, DEAD)).endpoint.id
    await commands.rotate_secret(database, id, keys=settings.key_ring, overlap=DAY, by=OFFICER)
    await commands.disable_endpoint(database, id, by=OFFICER)
    await commands.enable_endpoint(database, id, by=OFFICER)
    async with database.transaction(NATIONAL) as tx:
        live = await ENDPOINTS.read(tx, id)
        history = await ENDPOINTS.history(tx, id)
    assert Endpoint.fold(id, [row.event() for row in history]).model_dump() == live.model_dump()
    assert [row.aggregate_version for row in history] == [1, 2, 3, 4]


async def test_who_asked_for_a_message_again_is_on_record_and_a_disabled_endpoint_gets_none(
    database: Database, settings: NotificationsSettings
) -> None:
    id = (await registered(database, settings, DEAD)).endpoint.id
    (event,) = await told(database)
    ((delivery,),) = await rows(database, "select id from delivery")
    await commands.redeliver(database, delivery, by=OFFICER)
    async with database.transaction(NATIONAL) as tx:
        *_, last = await ENDPOINTS.history(tx, id)
    assert (last.event().model_dump()["message_id"], last.actor) == (event.id, OFFICER.person)
    await commands.disable_endpoint(database, id, by=OFFICER)
    with pytest.raises(NotAllowedNow):
        await commands.redeliver(database, delivery, by=OFFICER)


async def test_a_secret_that_leaked_can_be_ended_at_once(database: Database, settings: NotificationsSettings) -> None:
    id = (await registered(database, settings, DEAD)).endpoint.id
    await commands.rotate_secret(database, id, keys=settings.key_ring, overlap=timedelta(0), by=OFFICER)
    async with database.transaction(NATIONAL) as tx:
        assert len((await ENDPOINTS.read(tx, id)).live_keys(now())) == 1


async def test_a_dump_of_the_database_holds_no_secret(database: Database, settings: NotificationsSettings) -> None:
    issued = await registered(database, settings, DEAD)
    assert issued.secret
    clear = base64.b64decode(issued.secret.removeprefix("whsec_"))
    for table in ("endpoint", "endpoint_secret", "journal", "lane", "delivery", "notice"):
        dump = "\n".join(map(str, await rows(database, f"select {table}::text from {table}")))
        assert issued.secret not in dump and clear.hex() not in dump


@pytest.mark.parametrize(
    ("channel", "address"),
    [
        ("webhook", "http://academie.example/"),
        ("webhook", "https://10.0.0.1/"),
        ("webhook", "avis@academie.example"),
        ("email", "https://academie.example/"),
        ("email", "not an address"),
        ("email", "avis@academie.example\nBcc: somebody@else.example"),
        ("email", "Name <avis@academie.example>"),
        ("email", "avis@localhost"),
        ("email", "@academie.example"),
    ],
)
async def test_what_cannot_or_must_not_be_told_is_refused(
    database: Database, settings: NotificationsSettings, channel: str, address: str
) -> None:
    with pytest.raises(AddressRefused):
        await registered(database, settings, address, channel=channel)


async def test_an_academy_registers_for_itself_only(database: Database, settings: NotificationsSettings) -> None:
    with pytest.raises(NotFound):
        await commands.register_endpoint(
            database,
            academy="MA-06",
            channel="email",
            address="avis@academie.example",
            language="ar",
            keys=settings.key_ring,
            guard=settings.guard,
            by=FOREIGNER,
        )


async def test_another_academy_s_endpoint_and_deliveries_do_not_exist(
    database: Database, settings: NotificationsSettings
) -> None:
    id = (await registered(database, settings, DEAD)).endpoint.id
    await told(database, happening())
    ((delivery,),) = await rows(database, "select id from delivery")
    with pytest.raises(NotFound):
        await commands.disable_endpoint(database, id, by=FOREIGNER)
    with pytest.raises(NotFound):
        await commands.redeliver(database, delivery, by=FOREIGNER)


async def test_who_only_reads_changes_nothing(database: Database, settings: NotificationsSettings) -> None:
    id = (await registered(database, settings, DEAD)).endpoint.id
    with pytest.raises(Forbidden):
        await commands.disable_endpoint(database, id, by=actor(Role.auditor, jurisdiction="national"))


async def test_secrets_move_under_a_new_key_while_they_are_used_and_the_old_key_may_go(
    database: Database, settings: NotificationsSettings
) -> None:
    old, new = secrets.token_bytes(32), secrets.token_bytes(32)
    issued = [
        await commands.register_endpoint(
            database,
            academy="MA-06",
            channel="webhook",
            address=DEAD,
            language="ar",
            keys=KeyRing([old]),
            guard=settings.guard,
            by=OFFICER,
        )
        for _ in range(3)
    ]
    ring = KeyRing([new, old])
    assert await commands.rewrap_secrets(database, keys=ring, by=OPERATOR) == 3
    assert await commands.rewrap_secrets(database, keys=ring, by=OPERATOR) == 0
    for each in issued:
        key_id = each.endpoint.keys[0].key_id
        (row,) = await rows(database, "select * from endpoint_secret where key_id = :key_id", key_id=key_id)
        sealed = Sealed(row.kek_id, row.wrapped_key, row.ciphertext)
        assert shown(KeyRing([new]).open(sealed, key_id)) == each.secret


async def test_a_secret_and_a_client_key_that_were_replaced_go_once_they_have_been_of_no_use_for_a_while(
    database: Database, settings: NotificationsSettings
) -> None:
    keys, ours = settings.key_ring, certified("mithaq")
    other = (await registered(database, settings, DEAD)).endpoint
    endpoint = (await registered(database, settings, DEAD)).endpoint
    for overlap in (timedelta(0), DAY, timedelta(0), DAY):
        await commands.rotate_secret(database, endpoint.id, keys=keys, overlap=overlap, by=OPERATOR)
    credentials = Credentials(ours.pem, ours.key_pem)
    for _ in range(2):
        endpoint = await commands.secure_endpoint(
            database, endpoint.id, credentials=credentials, keys=keys, by=OPERATOR
        )
    assert len(await rows(database, "select key_id from endpoint_secret")) == 8
    assert await commands.forget_secrets(database, kept=timedelta(hours=1)) == 0
    assert await commands.forget_secrets(database, kept=timedelta(0)) == 4
    assert endpoint.identity
    useful = [key.key_id for key in (*endpoint.live_keys(now()), *other.keys)] + [endpoint.identity.key_id]
    left = await rows(database, "select key_id from endpoint_secret")
    assert {row.key_id for row in left} == set(useful)
    assert len(useful) == 4
    await commands.disable_endpoint(database, endpoint.id, by=OPERATOR)
    await forget_old_secrets(database)
    assert await rows(database, "select key_id from endpoint_secret") == left


async def test_a_sender_has_in_hand_only_the_secrets_that_its_endpoint_names(
    database: Database, settings: NotificationsSettings
) -> None:
    id = (await registered(database, settings, DEAD)).endpoint.id
    for _ in range(3):
        rotated = await commands.rotate_secret(database, id, keys=settings.key_ring, overlap=timedelta(0), by=OPERATOR)
    await told(database)
    (lane,) = await Sender(settings, database).claims.look()
    assert lane.secrets.keys() == {key.key_id for key in rotated.endpoint.keys}


async def test_a_key_that_is_not_listed_any_more_is_asked_for_and_nothing_is_wrapped(
    database: Database, settings: NotificationsSettings
) -> None:
    rings = [KeyRing([secrets.token_bytes(32)]) for _ in range(2)]
    for ring in rings:
        await commands.register_endpoint(
            database,
            academy="MA-06",
            channel="webhook",
            address=DEAD,
            language="ar",
            keys=ring,
            guard=settings.guard,
            by=OFFICER,
        )
    query = "select kek_id from endpoint_secret order by kek_id"
    before = await rows(database, query)
    with pytest.raises(KeyMissing) as refused:
        await commands.rewrap_secrets(database, keys=KeyRing([secrets.token_bytes(32)]), by=OPERATOR)
    assert refused.value.values["key"] in {ring.current for ring in rings}
    assert await rows(database, query) == before


def test_the_migrations_make_what_the_tables_declare(database_url: Callable[[str], str]) -> None:
    assert drift(database_url("notifications"), Base.metadata, SEEN_BY) == []
