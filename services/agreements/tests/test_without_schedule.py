"""Whoever acts while nobody lets time pass finds, and is offered, what they would find had the schedule looked."""

import sys
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, NamedTuple

import pytest

from services.agreements import commands, queries, reactions
from services.agreements.agreement import Agreement
from services.agreements.amendment import Amendment
from services.agreements.commands.families import lived_parent_of
from services.agreements.commands.passing import moved_among
from services.agreements.errors import LobbyNotReady
from services.agreements.kinds import KINDS
from services.agreements.papers.drawing import CODE
from services.agreements.permissions import PERMISSIONS
from services.agreements.schemas.obligations import Owed
from services.agreements.schemas.searches import Search
from services.agreements.tables import AGREEMENTS
from services.agreements.tests.branches import agree, propose, reword
from services.agreements.tests.builders import (
    MINISTRY,
    approved,
    attached,
    bound,
    change_kind,
    current,
    director,
    following,
    framework,
    officer,
    owing,
    plan,
    president,
    signed_by_all,
    suspend,
    terminate,
)
from services.agreements.tests.test_offers import LOOKED_UP, TRIES, TakenBack, as_told, carried, read
from services.agreements.tests.test_reactions import tell_twice
from services.agreements.verification import look_up
from shared import files
from shared.actor import NATIONAL, SYSTEM, Actor
from shared.clock import now, today
from shared.database import Database, Transaction
from shared.events.centers import CenterOpened, CenterPlanned
from shared.ids import new_id
from shared.refusals import NotAllowedNow, Refusal
from shared.web import available_actions
from tests.web.routes import WHOLE

OPERATOR = new_id()
PRESIDENT = president(OPERATOR)
PEOPLE = (officer(), director(), PRESIDENT)
SETTINGS: dict[str, Callable[[Database], Awaitable[tuple[Agreement, int]]]] = {}
"""An agreement, and how many days pass that nobody looks at."""


def setting(make: Callable[[Database], Awaitable[tuple[Agreement, int]]]) -> Any:
    """One of the settings, by its name."""
    SETTINGS[make.__name__.replace("_", " ")] = make
    return make


def lasting(days: int, **changes: Any) -> Any:
    """Terms that started yesterday and last for some days from today."""
    dates = {"effective_from": today() - timedelta(days=1), "effective_until": today() + timedelta(days=days)}
    return owing(current(operator=OPERATOR, **dates | changes), {}, {"creditor": None})


@setting
async def the_term_is_over(database: Database) -> tuple[Agreement, int]:
    """Since yesterday."""
    return await bound(database, lasting(40)), 42


@setting
async def obligations_and_a_renewal_fell_due(database: Database) -> tuple[Agreement, int]:
    """And may be claimed and evaluated."""
    return await bound(database, lasting(1000)), 363


@setting
async def a_suspension_has_its_day(database: Database) -> tuple[Agreement, int]:
    """It was announced."""
    it = await attached(database, await bound(database, lasting(1000)), "suspension_decision")
    return await suspend(database, it, effective_on=today() + timedelta(days=2)), 3


@setting
async def all_have_signed_and_it_starts(database: Database) -> tuple[Agreement, int]:
    """Today."""
    later = today() + timedelta(days=2)
    return await signed_by_all(database, current(operator=OPERATOR, effective_from=later)), 2


@setting
async def the_offer_is_over(database: Database) -> tuple[Agreement, int]:
    """Its last day was yesterday."""
    it = await approved(database, lasting(1000))
    assert it.offered_until
    return it, (it.offered_until - today()).days + 1


@setting
async def its_framework_has_ended(database: Database) -> tuple[Agreement, int]:
    """On the announced day, which nobody has looked at either."""
    parent = await bound(database, framework())
    child = await bound(database, following(parent.id, operator=OPERATOR))
    await terminate(database, parent, effective_on=today() + timedelta(days=90), by=MINISTRY)
    return child, 91


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """`later(days)`: it is so many days later for the whole service, whose schedule is not there."""

    def later(days: int) -> None:
        day, instant = today() + timedelta(days=days), now() + timedelta(days=days)
        for name, module in [*sys.modules.items()]:
            for clock, told in (("today", day), ("now", instant)):
                if name.startswith("services.agreements.") and callable(vars(module).get(clock)):
                    monkeypatch.setattr(module, clock, lambda told=told: told)

    return later


class Refused(NamedTuple):
    """Why nothing came of it."""

    slug: str
    values: str


def told_of(outcome: object) -> Any:
    """What somebody is answered, but for what is another at every try."""
    if isinstance(outcome, Refusal):
        return Refused(outcome.slug, str(outcome.values))
    if isinstance(outcome, Agreement):
        own = {"state", "version", "effective_until", "suspension", "announcement", "renewal", "editions", "offer_over"}
        return outcome.model_dump(include=own), [each.state for each in outcome.obligations]
    return type(outcome)


async def outcome(tx: Transaction, it: Agreement, by: Actor, action: str, *, looked: bool) -> Any:
    """What comes of an action, with the schedule's look before it or without; taken back."""
    done: object = None
    try:
        async with tx.begin_nested():
            if looked:
                await commands.let_time_pass(tx, it.id, on=today())
            done = await TRIES[action](tx, await as_told(tx, it, by), by)
            raise TakenBack  # noqa: TRY301 - it ends the savepoint
    except TakenBack:
        return told_of(done)
    except Refusal as refusal:
        return told_of(refusal)


@pytest.mark.parametrize("name", SETTINGS)
async def test_whoever_acts_first_finds_what_the_schedule_would_have_made(
    database: Database, later: Callable[[int], None], name: str
) -> None:
    it, days = await SETTINGS[name](database)
    await files.put(b"(fictif)")
    later(days)
    wrong = []
    async with database.transaction(NATIONAL) as tx:
        stale = await AGREEMENTS.read(tx, it.id)
        for by in PEOPLE:
            told = await as_told(tx, it, by)
            offered = available_actions(by, told, PERMISSIONS)
            assert told != stale, "the days that passed make a difference"
            for action in (each for each in TRIES if PERMISSIONS.may_ever(by, each)):
                first = await outcome(tx, it, by, action, looked=False)
                if first != (after := await outcome(tx, it, by, action, looked=True)):
                    wrong.append(f"{action} by {by.person}: {first} before, {after} after the schedule's look")
                if (action in offered) == isinstance(first, Refused):
                    wrong.append(f"{action} by {by.person}: {first}, offered: {action in offered}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("name", SETTINGS)
async def test_lists_and_their_files_show_what_single_reads_show(
    as_: Any, database: Database, later: Callable[[int], None], name: str
) -> None:
    it, days = await SETTINGS[name](database)
    later(days)
    beside = {"available_actions", "unavailable_actions", "outdated_clauses"}
    for by in PEOPLE:
        (row,) = [each for each in (await as_(by).get("/agreements")).json()["items"] if each["id"] == str(it.id)]
        one = (await as_(by).get(f"/agreements/{it.id}")).json()
        assert {key: row[key] for key in row.keys() - beside} == {key: one[key] for key in one.keys() - beside}
        assert {*one["available_actions"]} ^ {*row["available_actions"]} <= LOOKED_UP
        (line,) = [each for each in await queries.exported(database, Search(), by=by) if each.id == it.id]
        assert (line.status, str(line.effective_until)) == (one["state"], one["effective_until"])
        ledger = (await as_(by).get(f"/agreements/{it.id}/obligations")).json()["items"]
        theirs = {(each["obligation_id"], each["occurrence"]): (each["state"], each["late_since"]) for each in ledger}
        owed = (await as_(by).get("/obligations", limit=100)).json()["items"]
        of_it = [each for each in owed if each["agreement_id"] == str(it.id)]
        listed = {(each["obligation_id"], each["occurrence"]): (each["state"], each["late_since"]) for each in of_it}
        assert listed == theirs
        lines = await queries.exported_obligations(database, Owed(), today=today(), by=by)
        filed = {
            (str(each.obligation_id), each.occurrence): each.state for each, _ in lines if each.agreement_id == it.id
        }
        assert filed == {key: state for key, (state, _) in theirs.items()}


@pytest.mark.parametrize("name", SETTINGS)
async def test_what_the_schedule_has_recorded_is_looked_at_by_no_list(
    database: Database, later: Callable[[int], None], name: str
) -> None:
    it, days = await SETTINGS[name](database)
    later(days)
    async with database.transaction(NATIONAL) as tx:
        assert await moved_among(tx, {it.id}, today()) == {it.id}
        await commands.let_time_pass(tx, it.id, on=today())
        assert await moved_among(tx, {it.id}, today()) == frozenset()


async def test_whoever_asks_of_a_paper_is_told_how_it_stands_today(
    database: Database, later: Callable[[int], None]
) -> None:
    it, days = await the_term_is_over(database)
    assert it.content_hash
    later(days)
    told = await look_up(database, str(it.id), it.content_hash[:CODE])
    assert told and told.state == "expired"


async def test_a_center_that_opens_fulfils_what_binds_since_today(
    database: Database, later: Callable[[int], None]
) -> None:
    terms = current(operator=OPERATOR, effective_from=today() + timedelta(days=2))
    center = {"center_id": terms.centers[0].center_id}
    it = await signed_by_all(database, owing(terms, {"fulfilled_by": "center_opened", **center}))
    named = {name: str(value) for name, value in center.items()}
    await tell_twice(database, reactions.know_center, CenterPlanned, agreement_id=str(it.id), **named)
    later(2)
    await tell_twice(database, reactions.note_center_opened, CenterOpened, opened_on=str(today()), **named)
    told = await read(database, it)
    assert (told.state, [each.state for each in told.obligations]) == ("in_force", ["fulfilled"])


async def test_a_signature_is_contested_in_what_time_has_made_of_its_agreement(
    database: Database, later: Callable[[int], None]
) -> None:
    it, days = await all_have_signed_and_it_starts(database)
    later(days)
    mandate_id = it.signatures[0].mandate_id
    told = await commands.contest_signatures(database, it.id, mandate_id, ended_on=it.signatures[0].day)
    async with database.transaction(NATIONAL) as tx:
        types = [each.type.split(".")[3] for each in await AGREEMENTS.history(tx, it.id)][it.version :]
    assert (told.state, types) == ("in_force", ["came_into_force", "edition_opened", "signature_contested"])


async def test_a_signature_that_a_batch_is_refused_finds_the_offer_over(
    database: Database, later: Callable[[int], None]
) -> None:
    it, days = await the_offer_is_over(database)
    later(days)
    given = {"agreement_id": it.id, "party_id": it.parties[0].party_id, "text_hash": it.text_hash or ""}
    batch = await commands.sign_batch(database, [commands.SignatureRequest(**given)], by=director())
    (item,) = (await commands.resume_batch(database, batch)).items
    assert item["refusal"]["slug"] == "offer-expired"
    assert (await read(database, it)).offer_over, "that stays: it is true whoever finds it"


async def test_a_lobby_does_not_open_for_what_time_has_made_of_its_agreements_and_their_parents(
    database: Database, later: Callable[[int], None]
) -> None:
    parent = await bound(database, framework())
    child = await approved(database, following(parent.id))
    ceremony = await plan(database, child.id)
    await terminate(database, parent, effective_on=today() + timedelta(days=90), by=MINISTRY)
    later(91)
    (item,) = (await queries.lobby(database, ceremony.id, page=WHOLE, by=MINISTRY)).items
    assert "parent" in item.missing
    with pytest.raises(LobbyNotReady) as refused:
        await commands.prepare_ceremony(database, ceremony.id, by=MINISTRY)
    assert "parent" in {each["what"] for each in refused.value.values["missing"]}


async def test_a_child_that_waits_for_its_day_is_read_without_its_parents_life(
    database: Database, later: Callable[[int], None]
) -> None:
    parent = await bound(database, framework())
    child = await signed_by_all(database, following(parent.id, effective_from=today() + timedelta(days=2)))
    async with database.transaction(NATIONAL) as tx:
        waits = await lived_parent_of(tx, child, today(), reading=True)
        begins = await lived_parent_of(tx, child, today() + timedelta(days=2), reading=True)
        assert waits and begins and (waits.life, len(begins.life)) == ((), parent.version)
    later(2)
    told = await queries.agreement(database, child.id, action="read_agreement", by=MINISTRY)
    assert told.state == "in_force"


async def test_what_time_brought_about_is_told_before_what_was_done_after_it(
    database: Database, later: Callable[[int], None]
) -> None:
    it, days = await obligations_and_a_renewal_fell_due(database)
    later(days)
    entry = next(each for each in it.obligations if each.debtor_id == OPERATOR)
    claimed = await commands.claim_obligation(database, it.id, entry.obligation_id, evidence="(fictif)", by=PRESIDENT)
    async with database.transaction(NATIONAL) as tx:
        told = [each for each in await AGREEMENTS.history(tx, it.id) if each.aggregate_version > it.version]
    *before, last = [(each.type.split(".")[3], each.actor) for each in told]
    assert last == ("obligation_claimed", PRESIDENT.person)
    assert {actor for _, actor in before} == {SYSTEM.person}
    assert {"obligation_fell_due", "renewal_fell_due"} <= {kind for kind, _ in before}
    assert claimed.version == it.version + len(told)


async def test_what_is_refused_leaves_time_to_the_schedule(database: Database, later: Callable[[int], None]) -> None:
    it, days = await the_term_is_over(database)
    later(days)
    with pytest.raises(NotAllowedNow) as refused:
        await commands.propose_amendment(database, it.id, amendment_type="scope", reason="(fictif)", by=officer())
    assert refused.value.values["state"] == "expired"
    assert (await read(database, it)).state == "in_force", "nothing half done"
    await commands.let_time_pass(database, it.id, on=today())
    assert (await read(database, it)).state == "expired"


async def test_what_is_shown_has_the_version_that_a_command_expects(
    as_: Any, database: Database, later: Callable[[int], None]
) -> None:
    it, days = await the_offer_is_over(database)
    later(days)
    shown = await as_(officer()).get(f"/agreements/{it.id}")
    assert "renew_offer" in shown.json()["available_actions"]
    assert (shown.headers["ETag"], shown.json()["version"]) == (f'"{it.version}"', it.version)
    renewed = await as_(officer()).post(f"/agreements/{it.id}/offer", If_Match=shown.headers["ETag"])
    assert renewed.status_code == 200 and renewed.json()["version"] == it.version + 2, "the old offer ended first"


@pytest.fixture
async def branch(database: Database) -> Amendment:
    """An amendment that is offered for signature."""
    agreement = await bound(database, lasting(1000))
    return await agree(database, await reword(database, await propose(database, agreement), "article-1", "Un"))


async def test_the_offer_of_an_amendment_is_over_for_whoever_comes_after_it(
    as_: Any, database: Database, branch: Amendment, later: Callable[[int], None]
) -> None:
    assert branch.offered_until
    later((branch.offered_until - today()).days + 1)
    url = f"/amendments/{branch.id}"
    shown = await as_(officer()).get(url)
    assert "renew_amendment_offer" in shown.json()["available_actions"]
    (row,) = (await as_(officer()).get(f"/agreements/{branch.agreement_id}/amendments")).json()["items"]
    assert row["available_actions"] == shown.json()["available_actions"]
    (line,) = await queries.exported_amendments(database, state=None, agreement=None, by=officer())
    assert (line.status, line.offered_until) == ("agreed", None)
    renewed = await as_(officer()).post(f"{url}/offer", If_Match=shown.headers["ETag"])
    assert (renewed.status_code, renewed.json()["version"]) == (200, branch.version + 2)


async def test_an_amendment_loses_its_base_before_anybody_acts_on_it(
    as_: Any, database: Database, monkeypatch: pytest.MonkeyPatch, later: Callable[[int], None]
) -> None:
    editions = KINDS["academy-association"].editions
    assert editions
    change_kind(monkeypatch, editions=editions.model_copy(update={"most": 2}))
    agreement = await bound(database, lasting(700))
    later((agreement.editions[0].ends_on - today()).days - 9)
    await commands.evaluate_renewal(database, agreement.id, outcome="favourable", reason="(fictif)", by=officer())
    told = await queries.agreement(database, agreement.id, action="read_agreement", by=director())
    await commands.renew_agreement(database, agreement.id, **carried(told), by=director())
    branch = await propose(database, agreement)
    later(10)
    shown = (await as_(officer()).get(f"/amendments/{branch.id}")).json()
    assert shown["state"] == "rebase_needed", "the last edition has come, and the agreement ends with it"
    assert "rebase_amendment" in shown["available_actions"]
    (row,) = (await as_(officer()).get(f"/agreements/{agreement.id}/amendments")).json()["items"]
    (line,) = await queries.exported_amendments(database, state=None, agreement=None, by=officer())
    assert row["state"] == line.status == "rebase_needed"
    assert row["available_actions"] == shown["available_actions"]
    with pytest.raises(NotAllowedNow) as refused:
        await commands.submit_amendment(database, branch.id, by=officer(), expected=branch.version)
    assert refused.value.values["state"] == "rebase_needed"
    rebased = await commands.rebase_amendment(database, branch.id, by=officer(), expected=branch.version)
    assert rebased.state == "proposed"
