"""Integrity: what is kept is what was frozen, or nothing rests on it."""

import asyncio
from collections.abc import Mapping, Sequence
from uuid import UUID

from pydantic_core import from_json
from sqlalchemy import text

from services.agreements.agreement import Agreement
from services.agreements.agreement.core import AGREED, names_of
from services.agreements.agreement.scans import Scans
from services.agreements.agreement.signing import Signing
from services.agreements.amendment import Amendment
from services.agreements.ceremony import Ceremony
from services.agreements.content import Annex, ClauseRef, content_hash
from services.agreements.errors.documents import FileLost
from services.agreements.errors.signing import TextTampered
from services.agreements.places import frozen_named
from services.agreements.text import get_annexes, get_table
from shared import files
from shared.actor import NATIONAL
from shared.database import Transaction
from shared.events.agreements import AgreementApproved, AgreementDrafted, AgreementTermsRevised
from shared.following import follow_one
from shared.messaging.journal import past
from shared.refusals import Unavailable

# PostgreSQL hashes what it keeps: nothing but the places that differ comes back.
TAMPERED = text("""
    with frozen as (
        select hash, body from content where hash = :text_hash
    ), kept(place, hash) as (
        select clause->>'key' || '/' || language, clause->>language
        from frozen, jsonb_array_elements(
            case jsonb_typeof(body::jsonb) when 'object' then body::jsonb->'clauses' else body::jsonb end
        ) clause, (values ('ar'), ('fr')) languages(language)
    )
    select 'table' from (values (1)) one
    where not exists (select from frozen where encode(sha256(convert_to(body, 'UTF8')), 'hex') = hash)
    union all
    select place from kept left join content using (hash)
    where body is null or encode(sha256(convert_to(body, 'UTF8')), 'hex') <> hash
""")
# What is frozen beside the content, by what the journal says: its hash, once given, is for good.
DRIFTED = text("""
    with told as (
        select aggregate_version as at, type, data, detail from journal
        where aggregate_id = :agreement and type = any(array[:drafted, :revised, :approved])
    ), drafted as (
        select data from told where type = :drafted
    ), termed as (
        select data from told where type <> :approved order by at desc limit 1
    ), approved as (
        select data, detail from told where type = :approved order by at desc limit 1
    )
    select place, was from drafted, termed, approved, lateral (values
        ('kind', drafted.data->>'agreement_kind', cast(:kind as text)),
        ('kind', approved.detail->>'rules', cast(cast(cast(:rules as text) as jsonb) as text)),
        ('framework', termed.data->>'framework_id', cast(:parent as text)),
        ('number', approved.data->>'reference', cast(:reference as text)),
        ('names', coalesce(approved.detail->>'names', '{}'), null)
    ) frozen(place, was, is_now)
    where was is distinct from is_now
""").bindparams(drafted=AgreementDrafted.type, revised=AgreementTermsRevised.type, approved=AgreementApproved.type)

READ_WITHIN = 8.0
"""Seconds. Less than the database lets a transaction say nothing."""
_late = set[asyncio.Future[bool]]()

SIGNING = frozenset(
    event.type for part in (Signing, Scans) for step in vars(part).values() for event in getattr(step, "follows", ())
)
"""The events that tell of signatures, as long as some are awaited."""
GIVEN = {"delegations": ("delegations",), "signatures": ("signatures", "scans")}
"""By place: what these events say of an agreement."""
FROZEN = {
    "number": ("agreement_id", "number", "reference"),
    "kind": ("agreement_kind", "kept_rules", "amendment_type"),
    "terms": ("base_hash", "content_hash", "touched"),
    "parties": ("parties",),
    "names": ("names",),
    "delegations": ("delegations",),
    "signatures": ("signatures", "scans", "sealed_file", "archived_file"),
}
"""By place: what an amendment's journal says beside its two contents, from which nothing departs once it is frozen."""

PLACES = (
    {"agreement_kind": "kind", "parent_id": "framework", "reference": "number", "requests": "delegations"}
    | dict.fromkeys((*AGREED, "duties"), "terms")
    | {name: place for place, names in FROZEN.items() for name in names}
    | {"content_hash": "terms", "text_hash": "table"}
)
"""By field: the place that people are told."""


async def require_untampered(tx: Transaction, file: Agreement | Amendment) -> None:
    """Refuse TextTampered unless all is as it was frozen: every clause in both languages, every term, every annex.

    Refuses FileLost if an annex's file is not, and raises Unavailable if the storage does not answer.
    Of an amendment: its base and its branch. Delegations and signatures are those of which the journal tells.
    """
    for hash in [file.text_hash] if isinstance(file, Agreement) else [file.base_hash, file.content_hash]:
        await require_kept(tx, hash)
    if places := await (_drifted(tx, file) if isinstance(file, Agreement) else _departed(tx, file)):
        raise _tampered(places)
    await require_files(file.annexes if isinstance(file, Agreement) else await get_annexes(tx, file.content_hash))


async def require_files(annexes: Sequence[Annex]) -> None:
    """Refuse FileLost for an annex that the storage has no more, or has something else in its place.

    Raises Unavailable if it does not answer, or is not done in READ_WITHIN: what it gives later is known when somebody
    tries again, while a transaction that waits holds up everybody and is ended before long.
    """
    reading = {each.hash: asyncio.ensure_future(files.is_whole(each.hash)) for each in annexes}
    if not reading:
        return
    done, late = await asyncio.wait(reading.values(), timeout=READ_WITHIN)
    _late.update(late)
    for each in late:
        each.add_done_callback(_late.discard)
    if lost := [hash for hash, whole in reading.items() if whole in done and not whole.result()]:
        raise FileLost(hash=lost[0])
    if late:
        raise Unavailable()


async def require_as_told(tx: Transaction, file: Agreement | Amendment | Ceremony) -> None:
    """Refuse TextTampered unless all that is kept of the file is what its journal tells, and nothing there was edited.

    So of what is told with it: an amendment's agreement, and an agreement's amendments and ceremony. What of a text is
    another is lost (TextLost) where it is read. The transaction reads as of one moment.
    """
    beside: set[tuple[str, UUID]] = set()
    match file:
        case Agreement():
            beside = {(Amendment.kind, each.amendment_id) for each in file.amendments}
            beside |= {(Ceremony.kind, each.ceremony_id) for each in file.signatures if each.ceremony_id}
        case Amendment():
            beside = {(Agreement.kind, file.agreement_id)}
    # Whoever may see the file may not have been told of all that made it.
    async with tx.widened(NATIONAL):
        for kind, id in [(file.kind, file.id), *beside]:
            if fields := await (await follow_one(tx, kind, id)).differing(tx):
                raise _tampered(sorted({PLACES.get(each, "file") for each in fields}))


async def require_kept(tx: Transaction, hash: str | None) -> None:
    """Refuse TextTampered unless a table of clauses, or a content with one, is kept under its hash with each clause."""
    places = (await (await tx.connection()).execute(TAMPERED, {"text_hash": hash})).scalars().all()
    if places:
        table = () if hash is None or "table" in places else await get_table(tx, hash)
        raise _tampered(places, table)


async def _drifted(tx: Transaction, agreement: Agreement) -> list[str]:
    """Where an agreement is not as it was frozen."""
    assert agreement.text_hash is not None, "frozen without a text"
    content = agreement.content(await get_table(tx, agreement.text_hash))
    # What was frozen before contents had a hash vouches for its clauses alone.
    if agreement.content_hash not in (None, content_hash(content)):
        same_annexes = content.annexes == await get_annexes(tx, agreement.text_hash)
        return ["terms" if same_annexes else "annexes"]
    beside = {
        "agreement": agreement.id,
        "kind": agreement.agreement_kind,
        "rules": agreement.kept_rules,
        "parent": str(agreement.parent_id) if agreement.parent_id else None,
        "reference": agreement.reference,
    }
    drifted = (await (await tx.connection()).execute(DRIFTED, beside)).all()
    # How a name is written may change with what there is beside it: names are compared as what they say.
    places = [
        place for place, was in drifted if place != "names" or names_of({"names": from_json(was)}) != agreement.names
    ]
    told = Scans(id=agreement.id, agreement_kind=agreement.agreement_kind, parties=agreement.parties)
    told.evolve(each.event for each in await past(tx, agreement.id, types=SIGNING))
    return places + _differing(told, agreement, GIVEN)


async def _departed(tx: Transaction, amendment: Amendment) -> list[str]:
    """Where an amendment is not as the journal tells it."""
    told = Amendment.fold(amendment.id, (each.event for each in await past(tx, amendment.id)))
    return _differing(told, amendment, FROZEN)


def _differing(told: object, kept: object, fields: Mapping[str, Sequence[str]]) -> list[str]:
    return [
        place for place, names in fields.items() if any(getattr(told, name) != getattr(kept, name) for name in names)
    ]


def _tampered(places: Sequence[str], table: Sequence[ClauseRef] = ()) -> TextTampered:
    return TextTampered(places=list(places), where=[frozen_named(place, table) for place in places])
