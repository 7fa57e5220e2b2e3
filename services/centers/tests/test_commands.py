"""The commands on centers against PostgreSQL: one verb, one transaction."""

from collections.abc import Callable

import pytest
from sqlalchemy import text

from services.centers import commands
from services.centers.center import Center, CenterState
from services.centers.tables import CENTERS, SEEN_BY, Base
from services.centers.tests.builders import (
    AGREEMENT,
    DIRECTOR,
    DIRECTORATE,
    FOREIGN_DIRECTOR,
    MANAGER,
    OFFICER,
    PLANNED,
    actor,
)
from shared.actor import NATIONAL, Role
from shared.clock import today
from shared.database import Database
from shared.migrations import drift
from shared.refusals import Forbidden, NotFound, StaleVersion


@pytest.fixture
async def center(database: Database) -> Center:
    """A planned center."""
    async with database.transaction(NATIONAL) as tx:
        return await CENTERS.read(tx, PLANNED.center_id)


async def to_opening(database: Database, center: Center) -> Center:
    """Open a planned center."""
    await commands.start_fitting_out(database, center.id, by=MANAGER)
    await commands.grant_visa(database, center.id, visa_number="(fictif) 1", granted_on=today(), by=DIRECTORATE)
    return await commands.open_center(database, center.id, by=OFFICER, expected=3)


async def test_a_center_is_fitted_out_by_its_operator_visaed_by_its_directorate_and_opened(
    database: Database, center: Center
) -> None:
    opened = await to_opening(database, center)
    assert opened.state is CenterState.opened
    assert opened.opened_on == today()


async def test_an_operator_grants_itself_no_visa(database: Database, center: Center) -> None:
    await commands.start_fitting_out(database, center.id, by=MANAGER)
    with pytest.raises(Forbidden):
        await commands.grant_visa(database, center.id, visa_number="(fictif) 1", granted_on=today(), by=MANAGER)


async def test_another_academy_another_directorate_and_another_operator_do_not_know_the_center(
    database: Database, center: Center
) -> None:
    strangers = (
        FOREIGN_DIRECTOR,
        actor(Role.directorate_officer, jurisdiction="DP-NOU"),
        actor(Role.association_manager, jurisdiction=f"org:{AGREEMENT}"),
    )
    for stranger in strangers:
        with pytest.raises(NotFound):
            await commands.start_fitting_out(database, center.id, by=stranger)


async def test_a_stale_version_changes_nothing(database: Database, center: Center) -> None:
    with pytest.raises(StaleVersion):
        await commands.start_fitting_out(database, center.id, by=OFFICER, expected=2)


async def test_every_state_is_the_fold_of_its_journal(database: Database, center: Center) -> None:
    await to_opening(database, center)
    await commands.suspend_center(database, center.id, reason="(fictif) travaux", by=DIRECTOR)
    await commands.resume_center(database, center.id, by=DIRECTOR)
    await commands.close_center(database, center.id, reason="(fictif) fin de bail", by=DIRECTOR)
    async with database.transaction(NATIONAL) as tx:
        folded = Center.fold(center.id, [row.event() for row in await CENTERS.history(tx, center.id)])
        assert folded.model_dump() == (await CENTERS.read(tx, center.id)).model_dump()


async def test_row_level_security_hides_other_regions_without_any_permission_check(
    database: Database, center: Center
) -> None:
    async with database.transaction(FOREIGN_DIRECTOR.scope) as tx:
        for table in ("center", "journal"):
            assert (await tx.execute(text(f"select count(*) from {table}"))).scalar_one() == 0


def test_the_database_has_what_the_tables_declare(database_url: Callable[[str], str]) -> None:
    assert drift(database_url("centers"), Base.metadata, SEEN_BY) == []
