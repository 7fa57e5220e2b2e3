"""The days of amendments in calendar feeds."""

from datetime import timedelta
from typing import Any

import httpx

from services.agreements import commands
from services.agreements.tests.branches import agree, carry, propose, revise, reword, running
from services.agreements.tests.branches import sign_for as sign_amendment_for
from services.agreements.tests.builders import (
    LEGAL,
    MINISTRY,
    bound,
    know,
    officer,
    operator_of,
    party,
    president,
)
from services.agreements.tests.feeds import a_feed, appointments
from shared.clock import business_date, now, today
from shared.database import Database
from shared.ids import new_id


async def test_the_deadline_of_an_amendment_under_review_is_told_to_its_parties(
    as_: Any, http: httpx.AsyncClient, database: Database
) -> None:
    agreement = await bound(database)
    newcomer = new_id()
    proposed = await propose(database, agreement)
    parties = (*agreement.parties, party(newcomer, "funder"))
    amendment = await revise(database, await reword(database, proposed, "article-1", "Autrement"), parties=parties)
    amendment = await commands.submit_amendment(database, amendment.id, by=officer())
    due = business_date(amendment.climbing.since + timedelta(days=10))
    uid = f"amendment-{amendment.id}@mithaq"
    for by, named in ((officer(), agreement.reference), (president(newcomer), agreement.id)):
        told = await appointments(http, await a_feed(as_, by, language="en"))
        assert told[uid] == (due, f"Last day to approve an amendment of agreement {named}")
    await commands.return_amendment(database, amendment.id, remarks="r", by=LEGAL)
    assert uid not in await appointments(http, await a_feed(as_, officer()))


async def test_the_last_day_to_sign_an_amendment_is_told_to_all_its_parties_until_all_have_signed(
    as_: Any, http: httpx.AsyncClient, database: Database
) -> None:
    agreement = await bound(database, running())
    newcomer = new_id()
    joining = party(newcomer, "funder")
    await know(database, running().model_copy(update={"parties": (joining,)}))
    proposed = await propose(database, agreement)
    amendment = await agree(database, await revise(database, proposed, parties=(*agreement.parties, joining)))
    uid = f"amendment-offer-{amendment.id}@mithaq"
    those = (officer(), MINISTRY, president(operator_of(agreement)), president(newcomer))
    paths = [await a_feed(as_, by, language="en") for by in those]
    for path in paths:
        told = await appointments(http, path)
        assert told[uid] == (amendment.expires_on, f"Last day to sign amendment {amendment.reference}")
    foreign = [officer("MA-07"), president(new_id())]
    for by in foreign:
        assert await appointments(http, await a_feed(as_, by)) == {}
    for party_id in amendment.touched:
        amendment = await sign_amendment_for(database, amendment, party_id)
    for path in paths:
        assert uid not in await appointments(http, path)


async def test_the_last_day_to_sign_an_amendment_is_told_no_more_once_it_is_over_and_anew_once_it_is_renewed(
    as_: Any, http: httpx.AsyncClient, database: Database
) -> None:
    agreement = await bound(database, running())
    amendment = await agree(database, await reword(database, await propose(database, agreement), "article-1", "Un"))
    assert amendment.expires_on
    path, uid = await a_feed(as_, officer()), f"amendment-offer-{amendment.id}@mithaq"
    assert uid in await appointments(http, path)
    over = amendment.expires_on + timedelta(days=1)
    await commands.let_amendment_time_pass(database, amendment.id, on=over)
    assert uid not in await appointments(http, path)
    at = now() + timedelta(days=300)
    amendment = await commands.renew_amendment_offer(database, amendment.id, by=officer(), at=at)
    assert amendment.expires_on and amendment.expires_on > over
    assert (await appointments(http, path))[uid][0] == amendment.expires_on
    await commands.withdraw_amendment(database, amendment.id, reason="r", by=officer())
    assert uid not in await appointments(http, path)


async def test_the_day_from_which_an_amendment_counts_is_told_to_its_parties_and_its_offices(
    as_: Any, http: httpx.AsyncClient, database: Database
) -> None:
    agreement = await bound(database, running())
    amendment = await reword(database, await propose(database, agreement), "article-1", "Un")
    uid = f"amended-{amendment.id}@mithaq"
    operator = operator_of(agreement)
    paths = [
        await a_feed(as_, president(operator), language="en"),
        *[await a_feed(as_, by, language="en") for by in (officer(), MINISTRY)],
        await a_feed(as_, officer(), language="en", organisation_id=str(operator)),
    ]
    for path in paths:
        assert uid not in await appointments(http, path), "it may never count"
    amendment = await carry(database, amendment)
    for path in paths:
        told = await appointments(http, path)
        assert told[uid] == (today(), f"Amendment {amendment.reference} counts from this day on")
    for by in (president(new_id()), officer("MA-07")):
        assert await appointments(http, await a_feed(as_, by)) == {}
    foreign = await a_feed(as_, officer("MA-07"), organisation_id=str(operator))
    assert await appointments(http, foreign) == {}, "the party is another academy's"
