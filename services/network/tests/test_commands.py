"""The register's commands against PostgreSQL: one verb, one transaction."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from services.network import commands
from services.network.association import AssociationState
from services.network.errors import AlreadyRegistered, UnknownOrganisation
from services.network.mandate import Mandate
from services.network.organisation import institutions
from services.network.tables import ASSOCIATIONS, MANDATES, ORGANISATIONS, Base
from services.network.tests.builders import (
    DIRECTOR,
    FOREIGN_DIRECTOR,
    MINISTRY,
    OFFICER,
    PERSON,
    actor,
    identity,
)
from shared.actor import NATIONAL, Actor, Role
from shared.clock import today
from shared.database import Database
from shared.ids import new_id
from shared.messaging.journal import link
from shared.migrations import drift
from shared.refusals import Forbidden, NotAllowedNow, NotFound, StaleVersion
from shared.store import Store
from shared.territory import ACADEMIES, MINISTRY_ID, NETWORK_ID
from tests.fixtures.database import Databases

DAY = timedelta(days=1)


async def test_the_institutions_are_registered_once_however_often_they_are_seeded(database: Database) -> None:
    assert await commands.seed_institutions(database) == 0
    async with database.transaction(NATIONAL) as tx:
        told = (await tx.execute(text("select count(*) from journal"))).scalar_one()
    assert told == len(institutions()) == 2 + 12 + 82


async def test_an_association_goes_from_registration_to_accreditation(database: Database) -> None:
    registered = await commands.register_association(database, identity(), by=OFFICER)
    await commands.start_verification(database, registered.id, by=OFFICER, expected=1)
    accredited = await commands.accredit_association(database, registered.id, by=DIRECTOR, expected=2)
    assert accredited.state is AssociationState.accredited
    assert accredited.accredited_on == today()


async def test_a_stale_version_changes_nothing(database: Database) -> None:
    registered = await commands.register_association(database, identity(), by=OFFICER)
    with pytest.raises(StaleVersion):
        await commands.start_verification(database, registered.id, by=OFFICER, expected=7)


async def test_an_officer_does_not_accredit(database: Database) -> None:
    registered = await commands.register_association(database, identity(), by=OFFICER)
    await commands.start_verification(database, registered.id, by=OFFICER)
    with pytest.raises(Forbidden):
        await commands.accredit_association(database, registered.id, by=OFFICER)


async def test_another_academy_does_not_know_the_association(database: Database) -> None:
    registered = await commands.register_association(database, identity(), by=OFFICER)
    with pytest.raises(NotFound):
        await commands.start_verification(database, registered.id, by=FOREIGN_DIRECTOR)


async def test_an_academy_registers_associations_of_its_own_region_only(database: Database) -> None:
    with pytest.raises(NotFound):
        await commands.register_association(database, identity(), by=FOREIGN_DIRECTOR)


async def test_two_associations_never_share_an_ice_even_across_regions(database: Database) -> None:
    first = identity()
    await commands.register_association(database, first, by=OFFICER)
    elsewhere = first.model_copy(update={"academy": "MA-05", "province": "MA-KHN"})
    with pytest.raises(AlreadyRegistered):
        await commands.register_association(database, elsewhere, by=FOREIGN_DIRECTOR)


async def test_of_two_that_register_the_same_ice_at_once_one_is_refused(database: Database) -> None:
    same = identity()
    outcomes = await asyncio.gather(
        *(commands.register_association(database, same, by=OFFICER) for _ in range(4)), return_exceptions=True
    )
    assert sorted(type(each).__name__ for each in outcomes) == ["AlreadyRegistered"] * 3 + ["Association"]


async def test_a_refused_association_may_come_back_with_a_new_file(database: Database) -> None:
    legal = identity()
    refused = await commands.register_association(database, legal, by=OFFICER)
    await commands.start_verification(database, refused.id, by=OFFICER)
    await commands.refuse_association(database, refused.id, reason="(fictif) récépissé provisoire", by=DIRECTOR)
    again = await commands.register_association(database, legal, by=OFFICER)
    assert again.id != refused.id


async def test_a_mandate_is_recorded_for_an_association_and_ended(database: Database) -> None:
    association = await commands.register_association(database, identity(), by=OFFICER)
    mandate = await record(database, association.id, by=OFFICER)
    assert mandate.academy == "MA-06"
    ended = await commands.end_mandate(database, mandate.id, on=today() + DAY, how="resigned", by=OFFICER, expected=1)
    assert ended.valid_until == today()
    with pytest.raises(NotAllowedNow):
        await commands.end_mandate(database, mandate.id, on=today(), how="revoked", by=OFFICER)


async def test_only_its_head_says_who_signs_for_an_academy(database: Database) -> None:
    own = ACADEMIES["MA-06"].organisation_id
    with pytest.raises(Forbidden):
        await record(database, own, by=OFFICER)
    assert (await record(database, own, by=DIRECTOR)).academy == "MA-06"
    with pytest.raises(NotFound):
        await record(database, own, by=FOREIGN_DIRECTOR)


async def test_only_the_ministry_says_who_signs_for_it(database: Database) -> None:
    with pytest.raises(NotFound):
        await record(database, MINISTRY_ID, by=DIRECTOR)
    assert (await record(database, MINISTRY_ID, by=MINISTRY)).academy is None


async def test_the_network_and_an_association_record_their_own_mandates(database: Database) -> None:
    coordinator = actor(Role.network_coordinator, jurisdiction=f"org:{NETWORK_ID}")
    await record(database, NETWORK_ID, by=coordinator)
    association = await commands.register_association(database, identity(), by=OFFICER)
    manager = actor(Role.association_manager, jurisdiction=f"org:{association.id}")
    await record(database, association.id, by=manager)
    with pytest.raises(NotFound):
        await record(database, NETWORK_ID, by=manager)


async def test_a_mandate_names_an_organisation_that_exists(database: Database) -> None:
    with pytest.raises(UnknownOrganisation):
        await record(database, new_id(), by=MINISTRY)


async def test_an_academy_registers_funders_of_its_own_region_only(database: Database) -> None:
    async def register(region: str | None, by: Actor) -> None:
        await commands.register_organisation(
            database, category="funder", academy=region, name_ar="ممول (وهمي)", name_fr="Bailleur (fictif)", by=by
        )

    await register("MA-06", OFFICER)
    await register(None, MINISTRY)
    for region in ("MA-05", None):
        with pytest.raises(Forbidden):
            await register(region, OFFICER)


async def test_every_state_is_the_fold_of_its_journal(database: Database) -> None:
    association = await commands.register_association(database, identity(), by=OFFICER)
    await commands.start_verification(database, association.id, by=OFFICER)
    await commands.accredit_association(database, association.id, by=DIRECTOR)
    await commands.suspend_association(database, association.id, reason="(fictif)", by=DIRECTOR)
    await commands.reinstate_association(database, association.id, by=DIRECTOR)
    mandate = await record(database, association.id, by=OFFICER)
    await commands.end_mandate(database, mandate.id, on=today(), how="revoked", by=OFFICER)
    stores: list[Store[Any]] = [ORGANISATIONS, ASSOCIATIONS, MANDATES]
    async with database.transaction(NATIONAL) as tx:
        for store in stores:
            for (id,) in await tx.execute(text(f"select id from {store.table.name}")):
                folded = store.aggregate.fold(id, [row.event() for row in await store.history(tx, id)])
                assert folded.model_dump() == (await store.read(tx, id)).model_dump()


async def test_every_journal_row_is_linked_to_the_one_before(database: Database) -> None:
    association = await commands.register_association(database, identity(), by=OFFICER)
    await commands.start_verification(database, association.id, by=OFFICER)
    await commands.refuse_association(database, association.id, reason="(fictif)", by=DIRECTOR)
    async with database.transaction(NATIONAL) as tx:
        rows = [row.model_dump(exclude={"xid"}) for row in await ASSOCIATIONS.history(tx, association.id)]
    assert rows[-1]["hash"] == chain(rows)
    edits: list[dict[str, Any]] = [{"data": {}}, {"actor": "somebody else"}, {"aggregate_version": 9}]
    for change in edits:
        assert rows[-1]["hash"] != chain([rows[0] | change, *rows[1:]]), "an edit of the first row is found at the last"
    assert rows[-1]["hash"] != chain(rows[1:])


def chain(rows: list[dict[str, Any]]) -> bytes:
    """The hash at which an auditor arrives who links all rows again."""
    head = b""
    for row in rows:
        head = link(head, row)
    return head


async def test_a_pooled_connection_remembers_no_jurisdiction(databases: Databases) -> None:
    database = await databases("network", pool_size=1)
    await commands.seed_institutions(database)
    async with database.engine.connect() as same:
        assert (await same.execute(text("select count(*) from organisation"))).scalar_one() == 0


async def test_row_level_security_hides_other_regions_without_any_permission_check(database: Database) -> None:
    association = await commands.register_association(database, identity(), by=OFFICER)
    await record(database, association.id, by=OFFICER)
    async with database.transaction(FOREIGN_DIRECTOR.scope) as tx:
        for table in ("association", "mandate"):
            assert (await tx.execute(text(f"select count(*) from {table}"))).scalar_one() == 0
        seen = (await tx.execute(text("select distinct aggregate_type from journal"))).scalars().all()
        assert seen == ["organisation"]


def test_the_database_has_what_the_tables_declare(database_url: Callable[[str], str]) -> None:
    assert drift(database_url("network"), Base.metadata) == []


async def record(database: Database, organisation_id: UUID, *, by: Actor) -> Mandate:
    """A mandate for a year from today on."""
    return await commands.record_mandate(
        database,
        organisation_id=organisation_id,
        person=PERSON,
        holder="Amina Exemple (fictive)",
        valid_from=today(),
        valid_until=today() + 365 * DAY,
        by=by,
    )
