"""Who is told of what a decision publishes, in number: to whom it is addressed, and who subscribes to it, each once."""

from services.agreements import queries, reactions
from services.agreements.readers import PeopleTouched, Subscribers, news_of, people_told
from services.agreements.tests.builders import bound, director, officer
from services.agreements.tests.test_reactions import told
from shared.actor import NATIONAL
from shared.database import Database
from shared.events.agreements import AgreementTerminated
from shared.events.centers import CenterAbandoned
from shared.events.notifications import SubscribershipCounted, Wanted
from shared.ids import new_id
from shared.territory import directorates_of

ENDS = Wanted(types=(AgreementTerminated.type,))
ABANDONED = Wanted(types=(CenterAbandoned.type,))


async def follow(database: Database, event: SubscribershipCounted) -> None:
    """Agreements are told of it."""
    async with database.transaction(NATIONAL) as tx:
        await reactions.follow_subscribership(tx, told(event))


async def test_who_subscribes_to_what_the_centers_will_do_is_counted_as_long_as_anybody_does(
    database: Database,
) -> None:
    agreement = await bound(database)
    (center,) = agreement.centers
    office = directorates_of(center.province)[0].code
    elsewhere = {"MA-05": 1, f"org:{new_id()}": 2}
    for home, people in elsewhere.items():
        wanted = {"jurisdiction": home, "wanted": (Wanted(types=()),), "people": people}
        await follow(database, SubscribershipCounted(subscribership_id=new_id(), **wanted))
    same = {"subscribership_id": new_id(), "jurisdiction": office, "wanted": (ABANDONED,)}
    other = {"subscribership_id": new_id(), "jurisdiction": office}
    never = (Wanted(types=ABANDONED.types, academies=("MA-05",)),)
    for _ in range(2):
        for people, more in ((3, 0), (2, 4), (0, 0)):
            await follow(database, SubscribershipCounted(**same, people=people))
            await follow(database, SubscribershipCounted(**other, wanted=(ENDS, ABANDONED), people=more))
            await follow(
                database,
                SubscribershipCounted(subscribership_id=new_id(), jurisdiction=office, wanted=never, people=1),
            )
            looked = await queries.impact(
                database, agreement.id, action="terminate_agreement", notified_on=agreement.signed_on, by=director()
            )
            number = people + more
            expected = [PeopleTouched(jurisdiction=office, number=number, subscribed=number)] if number else []
            assert looked.people == expected
    async with database.transaction(officer("MA-05").scope) as tx:
        rows = await (await tx.connection()).exec_driver_sql("select jurisdiction from subscriber_fact")
        assert {*rows.scalars()} == {"MA-05"}, "an academy sees its own people's number only"


async def test_the_nation_is_counted_by_its_subscriptions_where_it_is_no_party_and_whole_where_it_is(
    database: Database,
) -> None:
    agreement = await bound(database)
    alone = agreement.model_copy(
        update={"parties": tuple(each for each in agreement.parties if "supervising_ministry" not in each.roles)}
    )
    known = {"national": 5, "MA-06": 2}
    home = {"jurisdiction": "national", "people": 3}
    asks = [
        Subscribers(**home, wanted=[ENDS, ENDS]),
        Subscribers(**home, wanted=[Wanted(types=(), academies=("MA-05",))]),
    ]
    of_ma_06 = PeopleTouched(jurisdiction="MA-06", number=2, subscribed=0)
    for one, number, subscribed in ((agreement, 5, 0), (alone, 3, 3)):
        counted = people_told([news_of(one, AgreementTerminated.type)], known, asks)
        assert counted == [of_ma_06, PeopleTouched(jurisdiction="national", number=number, subscribed=subscribed)]
