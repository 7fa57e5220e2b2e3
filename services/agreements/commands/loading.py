"""How every command on an agreement or an amendment begins.

Whatever touches both locks the agreement first and its amendments after it, in id order: nobody waits in a circle. The
agreement is looked at whoever asks: a party that an amendment brings in does not see it yet.
"""

from datetime import date
from uuid import UUID

from services.agreements.agreement import Agreement
from services.agreements.amendment import Amendment, AmendmentState
from services.agreements.commands.former import outdated_on
from services.agreements.commands.passing import let_both_pass, let_pass
from services.agreements.commands.substitutions import told_for_whom
from services.agreements.commands.vetting import look_around, unmandated_on, unvetted_of
from services.agreements.content import Content
from services.agreements.errors.texts import TextLost
from services.agreements.merge import touched_by
from services.agreements.permissions import PERMISSIONS
from services.agreements.steps import SENDS_BACK
from services.agreements.surroundings import Surroundings
from services.agreements.tables import AGREEMENTS, AMENDMENTS
from services.agreements.text import get_content, get_table, require_bodies
from shared.actor import NATIONAL, Actor
from shared.clock import today
from shared.database import Transaction

BRANCHING = frozenset({AmendmentState.proposed, AmendmentState.under_review})
"""While its branch is written and reviewed."""


async def load_for(tx: Transaction, id: UUID, action: str, by: Actor, expected: int | None = None) -> Agreement:
    """The agreement, locked and told of its surroundings, if this person may take the action on it.

    What time has brought about and nobody has looked at yet is recorded first.

    Raises NotFound, StaleVersion, Forbidden.
    """
    agreement = await let_pass(tx, await AGREEMENTS.load(tx, id, expected=expected), today())
    if action in SENDS_BACK:
        agreement = await told_for_whom(tx, agreement, by, today())
    PERMISSIONS.allow(by, action, agreement)
    return await look_around(tx, agreement, today(), action)


async def load_both_for(
    tx: Transaction, id: UUID, action: str, by: Actor, expected: int | None = None
) -> tuple[Agreement, Amendment]:
    """The agreement and its amendment, locked and told the day, if this person may take the action on the amendment.

    Raises NotFound, StaleVersion, Forbidden.
    """
    agreement, amendment = await load_both(tx, id, expected)
    if action in SENDS_BACK:
        amendment = await told_for_whom(tx, amendment, by, today())
    PERMISSIONS.allow(by, action, amendment)
    return agreement, amendment.amid(await _branching(tx, agreement, amendment, today()))


async def amendable(
    tx: Transaction, id: UUID, action: str, by: Actor, expected: int | None = None
) -> tuple[Agreement, Amendment]:
    """The same, for a step that leads on: refused by the amendment itself once its agreement is over."""
    agreement, amendment = await load_both_for(tx, id, action, by, expected)
    amendment.require(action)
    return agreement, amendment


async def load_both(tx: Transaction, id: UUID, expected: int | None = None) -> tuple[Agreement, Amendment]:
    """An amendment and its agreement, both locked, whoever asks. Raises NotFound, StaleVersion."""
    seen = await AMENDMENTS.read(tx, id)
    async with tx.widened(NATIONAL):
        agreement = await AGREEMENTS.load(tx, seen.agreement_id)
    return await let_both_pass(tx, agreement, await AMENDMENTS.load(tx, id, expected=expected), today())


def beside(agreement: Agreement, day: date) -> Surroundings:
    """What an amendment is told of its agreement on a day."""
    return Surroundings(day, over=agreement.refusal_of("propose_amendment"))


async def look_ahead(tx: Transaction, agreement: Agreement, amendment: Amendment, day: date) -> Amendment:
    """The amendment, told of its agreement; while it is reviewed, what is lost of its text.

    Before it is frozen, what still stands in the way of that, and what is outdated.
    """
    around = await _branching(tx, agreement, amendment, day)
    if amendment.state != AmendmentState.under_review:
        return amendment.amid(around)
    try:
        base, branch = await contents_of(tx, amendment)
        await require_bodies(tx, branch.clauses, base.clauses)
    except TextLost as lost:
        return amendment.amid(around._replace(lost=lost))
    if amendment.nearly_frozen:
        signing = [amendment.party(each).organisation_id for each in touched_by(base, branch)]
        # One that leaves signs too, and needs no accreditation for it.
        async with tx.widened(NATIONAL):
            unvetted = await unvetted_of(tx, [party.organisation_id for party in branch.parties])
        unmandated = await unmandated_on(tx, agreement, signing, day)
        around = around._replace(unvetted=tuple(unvetted), unmandated=unmandated)
    return amendment.amid(around)


async def _branching(tx: Transaction, agreement: Agreement, amendment: Amendment, day: date) -> Surroundings:
    around = beside(agreement, day)
    if amendment.state not in BRANCHING:
        return around
    return around._replace(outdated=tuple(await outdated_on(tx, agreement, amendment)))


async def content_of(tx: Transaction, agreement: Agreement) -> Content:
    """All that is agreed now."""
    assert agreement.text_hash is not None, "signed without a text"
    return agreement.content(await get_table(tx, agreement.text_hash))


async def contents_of(tx: Transaction, amendment: Amendment) -> tuple[Content, Content]:
    """What an amendment began from, and its branch."""
    return await get_content(tx, amendment.base_hash), await get_content(tx, amendment.content_hash)
