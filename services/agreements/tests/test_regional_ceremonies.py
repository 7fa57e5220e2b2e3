"""Ceremonies that academies hold of their own agreements, and the day on which any ceremony is held."""

from datetime import timedelta
from typing import Any

import httpx
import pytest

from services.agreements import commands, queries
from services.agreements.agreement import Agreement, AgreementState
from services.agreements.ceremony import Ceremony
from services.agreements.errors.ceremonies import BeforeItsDay, OrderNotKept
from services.agreements.permissions import PERMISSIONS
from services.agreements.screen import boards
from services.agreements.tests.builders import (
    AT,
    MINISTRY,
    approved,
    bound,
    current,
    current_network,
    director,
    fill,
    following,
    framework,
    hold,
    officer,
    operator_of,
    plan,
    president,
    sign_for,
)
from services.agreements.tests.test_schedule import read
from shared.clock import now
from shared.database import Database
from shared.refusals import Forbidden, NotFound
from shared.web import available_actions


def offered(ceremony: Ceremony, by: Any) -> set[str]:
    """What this person may do with it now."""
    return {*available_actions(by, ceremony, PERMISSIONS)}


async def test_an_academy_holds_a_ceremony_of_its_own_agreements_from_its_plan_to_its_minutes(
    database: Database, app: Any
) -> None:
    agreements = [await approved(database) for _ in range(2)]
    ceremony = await plan(database, *(each.id for each in agreements), by=officer())
    assert ceremony.academy == "MA-06"
    await commands.postpone_ceremony(database, ceremony.id, reason="(fictif)", by=officer())
    await commands.reschedule_ceremony(database, ceremony.id, planned_for=AT, by=officer())
    back = [each.id for each in reversed(agreements)]
    await commands.change_order(database, ceremony.id, agreements=back, by=officer())
    await fill(database, ceremony, by=officer())
    secret = await commands.open_screen(database, ceremony.id, by=officer())
    await commands.open_ceremony(database, ceremony.id, by=officer())
    await commands.call_agreement(database, ceremony.id, agreement_id=agreements[0].id, by=officer())
    for each in agreements[0].parties:
        await sign_for(database, agreements[0], each.organisation_id, ceremony_id=ceremony.id)
    shown = await anext(boards(database, secret, app.state.wording))
    assert shown and str(agreements[0].reference) in shown[1] and "1 / 2" in shown[1]
    await commands.interrupt_ceremony(database, ceremony.id, reason="(fictif)", by=officer())
    await commands.resume_ceremony(database, ceremony.id, by=officer())
    await commands.strike_agreement(database, ceremony.id, agreement_id=agreements[1].id, reason="r", by=officer())
    ceremony = await commands.close_ceremony(database, ceremony.id, by=officer())
    assert ceremony.signed == (agreements[0].id,)
    assert (await read(database, agreements[0].id)).state == AgreementState.signed
    assert (await queries.minutes(database, ceremony.id, by=officer())).whole
    with pytest.raises(Forbidden):
        await commands.adopt_minutes(database, ceremony.id, by=officer())
    await commands.adopt_minutes(database, ceremony.id, by=director())


async def test_the_lobby_tells_an_academy_what_the_ministry_is_told(
    as_: Any, http: httpx.AsyncClient, database: Database
) -> None:
    agreement = await approved(database)
    ceremony = await fill(database, await plan(database, agreement.id, by=officer()), by=officer())
    lobby = [(await as_(by).get(f"/ceremonies/{ceremony.id}/lobby")).json() for by in (officer(), MINISTRY)]
    assert lobby[0] == lobby[1] and lobby[0]["items"][0]["ready"] and len(lobby[0]["attendees"]) == 3
    told = (await as_(president(operator_of(agreement))).get(f"/ceremonies/{ceremony.id}")).json()
    assert told["attendees"] == [] and told["available_actions"] == []


async def test_an_academy_holds_the_ceremony_of_agreements_under_a_framework(database: Database) -> None:
    parent = await bound(database, framework())
    children = [(await approved(database, following(parent.id))).id for _ in range(2)]
    ceremony = await fill(database, await plan(database, *children, by=officer()), by=officer())
    assert (await commands.open_ceremony(database, ceremony.id, by=officer())).state == "open"


async def test_the_ministry_supervises_what_an_academy_holds_and_no_other_academy_does(database: Database) -> None:
    ceremony = await plan(database, (await approved(database)).id, by=officer())
    assert offered(ceremony, MINISTRY) == offered(ceremony, director()) >= {"prepare_ceremony", "cancel_ceremony"}
    assert offered(ceremony, officer("MA-07")) == set()
    with pytest.raises(NotFound):
        await commands.prepare_ceremony(database, ceremony.id, by=officer("MA-07"))
    await fill(database, ceremony)
    assert (await commands.open_ceremony(database, ceremony.id, by=MINISTRY)).state == "open"


async def test_an_academy_puts_nothing_into_its_order_that_others_keep(database: Database) -> None:
    own, foreign, national = await approved(database), current("MA-07"), current_network()
    for terms, refusal in ((foreign, NotFound), (national, OrderNotKept)):
        other = await approved(database, terms)
        with pytest.raises(refusal):
            await plan(database, own.id, other.id, by=officer())
    ceremony = await plan(database, own.id, by=officer())
    with pytest.raises(OrderNotKept):
        await commands.change_order(database, ceremony.id, agreements=[own.id, other.id], by=officer())


async def test_a_ceremony_of_several_keepers_is_the_ministrys_also_when_what_others_keep_is_struck(
    database: Database,
) -> None:
    own, foreign = await approved(database), await approved(database, current("MA-07"))
    mixed = await plan(database, own.id, foreign.id)
    assert offered(mixed, officer()) == set()
    mixed = await commands.strike_agreement(database, mixed.id, agreement_id=foreign.id, reason="r", by=MINISTRY)
    mixed = await commands.change_order(
        database, mixed.id, agreements=[own.id, (await approved(database)).id], by=MINISTRY
    )
    assert offered(mixed, officer()) == set(), "its minutes tell of what was struck"
    held = await plan(database, (await approved(database)).id, by=officer())
    order = [*held.agreements, foreign.id]
    held = await commands.change_order(database, held.id, agreements=order, by=MINISTRY)
    assert offered(held, officer()) == set()
    with pytest.raises(Forbidden):
        await commands.prepare_ceremony(database, held.id, by=officer())


async def test_why_a_sitting_is_interrupted_is_for_who_sees_all_its_agreements(as_: Any, database: Database) -> None:
    """It may be about a party of one of them; an extract of the minutes does not say it either."""
    own, foreign = await approved(database), await approved(database, current("MA-07"))
    ceremony = await hold(database, own.id, foreign.id)
    await commands.interrupt_ceremony(database, ceremony.id, reason="(fictif)", by=MINISTRY)
    for by, told in ((MINISTRY, "(fictif)"), (officer(), None), (president(operator_of(own)), None)):
        assert (await as_(by).get(f"/ceremonies/{ceremony.id}")).json()["reason"] == told
    alone = await hold(database, (await approved(database)).id)
    await commands.interrupt_ceremony(database, alone.id, reason="(fictif)", by=MINISTRY)
    assert (await as_(officer()).get(f"/ceremonies/{alone.id}")).json()["reason"] == "(fictif)"


async def test_an_older_version_of_a_ceremony_tells_nobody_who_did_what_in_it(as_: Any, database: Database) -> None:
    """It has no history to be read, and who sits there is not for everybody."""
    agreement = await approved(database)
    ceremony = await hold(database, agreement.id)
    for by in (president(operator_of(agreement)), MINISTRY):
        path = f"/ceremonies/{ceremony.id}/interruption"
        refused = await as_(by).post(path, {"reason": "(fictif)"}, If_Match='"1"')
        assert refused.status_code in (403, 412) and refused.json().get("changes", []) == []


async def test_a_ceremony_opens_a_day_before_its_day_and_no_earlier(database: Database) -> None:
    async def planned(days: int) -> tuple[Agreement, Ceremony]:
        agreement = await approved(database)
        at = now() + timedelta(days=days)
        return agreement, await fill(database, await plan(database, agreement.id, planned_for=at))

    _, early = await planned(2)
    with pytest.raises(BeforeItsDay) as refused:
        await commands.open_ceremony(database, early.id, by=MINISTRY)
    assert refused.value.values["planned_for"] == early.planned_for
    await commands.postpone_ceremony(database, early.id, reason="avancée (fictif)", by=MINISTRY)
    await commands.reschedule_ceremony(database, early.id, planned_for=now(), by=MINISTRY)
    await fill(database, early)
    assert (await commands.open_ceremony(database, early.id, by=MINISTRY)).state == "open"
    _, eve = await planned(1)
    assert (await commands.open_ceremony(database, eve.id, by=MINISTRY)).state == "open"


async def test_minutes_say_that_a_ceremony_was_held_on_another_day_than_planned(database: Database) -> None:
    told = []
    for planned_for in (AT, now()):
        ceremony = await plan(database, (await approved(database)).id, planned_for=planned_for)
        await fill(database, ceremony)
        await commands.open_ceremony(database, ceremony.id, by=MINISTRY)
        await commands.close_ceremony(database, ceremony.id, by=MINISTRY)
        told.append(await queries.minutes(database, ceremony.id, by=MINISTRY))
    late, punctual = told
    assert "Prévue pour le 28/06/2024 à 11:00, tenue un autre jour" in late.fr and "كان مقررا في 2024/06/28" in late.ar
    assert "Prévue" not in punctual.fr and "كان مقررا" not in punctual.ar


async def test_a_held_ceremony_stays_the_academys(database: Database) -> None:
    ceremony = await hold(database, (await approved(database)).id, by=director())
    assert offered(ceremony, officer()) >= {"call_agreement", "close_ceremony"}
