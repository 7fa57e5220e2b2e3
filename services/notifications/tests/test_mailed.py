"""Whether an academy would hear by e-mail that an endpoint of its is disabled is said while there is time."""

from uuid import UUID

from sqlalchemy import text

from services.notifications import commands, queries
from services.notifications.settings import NotificationsSettings
from services.notifications.tests.builders import FOREIGNER, OFFICER, OPERATOR, person, registered
from shared.actor import NATIONAL
from shared.database import Database

URL = "https://academie.example/avis"


async def mailed(database: Database, endpoint: UUID) -> bool:
    """What an endpoint's health says of it to its academy."""
    return (await queries.health(database, endpoint, language="fr", by=OFFICER)).mailed_if_disabled


async def test_health_says_that_nobody_would_be_mailed_until_a_person_of_the_academy_gives_an_address(
    database: Database, settings: NotificationsSettings
) -> None:
    id = (await registered(database, settings, URL)).endpoint.id
    await person(database, OFFICER)
    await person(database, FOREIGNER, address="agent@ailleurs.example")
    assert not await mailed(database, id)
    await person(database, OFFICER, address="agent@academie.example")
    assert await mailed(database, id)
    async with database.transaction(NATIONAL) as tx:
        await tx.execute(text("update person set suspended_at = now()"))
    assert not await mailed(database, id)


async def test_health_says_that_another_address_of_the_academy_would_be_mailed_while_it_is_enabled(
    database: Database, settings: NotificationsSettings
) -> None:
    id = (await registered(database, settings, URL)).endpoint.id
    await registered(database, settings, URL + "/2")
    await registered(database, settings, "avis@ailleurs.example", academy="MA-05", channel="email")
    assert not await mailed(database, id)
    other = (await registered(database, settings, "avis@academie.example", channel="email")).endpoint.id
    assert await mailed(database, id)
    assert not await mailed(database, other)  # it would not hear of itself
    await commands.disable_endpoint(database, other, because="decision", by=OPERATOR)
    assert not await mailed(database, id)
