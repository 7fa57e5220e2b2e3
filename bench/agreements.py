"""agreements: lists, reads and the past of agreements in a big register, against the same SQL on the bare driver.

A register of 100,000 agreements with 2,000,000 journal rows; everything up to the bytes of the answer counts as ours.
The bare driver begins a transaction, sets its scope, sends the same statements, decodes their JSON and commits, each in
a round trip of its own as ours are. To get a connection from its pool and to give it back is not counted.
"""

import json
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, cast
from uuid import UUID

import asyncpg
from fastapi import FastAPI, Request
from sqlalchemy import event, text

import services.agreements
from bench.environment import a_server, databases, prepare, run
from bench.rows import Row, percentile
from services.agreements import queries
from services.agreements.agreement import Agreement
from services.agreements.bilingual import Bilingual
from services.agreements.schemas import AgreementAnswer
from services.agreements.schemas.searches import Search
from services.agreements.tables import AGREEMENTS
from services.agreements.terms import Terms
from shared.actor import NATIONAL, Actor, Role
from shared.clock import now
from shared.database import SET_SCOPE, Database
from shared.events.agreements import AgreementParty, AgreementTextRevised, CenterToOpen
from shared.ids import new_id
from shared.language import Wording
from shared.settings import database_on
from shared.store import put_texts
from shared.territory import ACADEMIES, MINISTRY_ID
from shared.web import WORDING, PageRequest, answer, page
from shared.web.problems import reader

MANY = 100_000
PER_AGREEMENT = 20
"""Journal rows of each."""
LIFE = 500
"""Events of the agreement whose past is asked for."""
TIMES, WARM = 2_000, 3
"""Requests that are timed, and rounds before that which are not."""
AT_ONCE = 5_000
"""Agreements that one statement copies."""
ASSOCIATIONS = 2_000

MINISTRY = Actor("https://identity.example", "bench", frozenset({Role.ministry_officer}), "national")
OFFICER = Actor("https://identity.example", "bench", frozenset({Role.academy_officer}), "MA-06")

# Copies of one agreement, spread over states, academies, days and parties as a register is.
COPIES = f"""
    select ('01900000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid as id, n,
           'MA-' || lpad((n % 12 + 1)::text, 2, '0') as academy,
           ('01900000-0000-7000-9000-' || lpad(to_hex(n % {ASSOCIATIONS}), 12, '0'))::uuid as association
    from generate_series($1::int, $2::int) n
"""
FILL = (
    f"""
    insert into agreement (id, version, head, visible_to, state, status, agreement_kind, agreement_type, academy,
                           reference, effective_from, effective_until, updated_at)
    select copies.id, version, head, array[copies.academy, 'org:' || association], state,
           (array['draft', 'signed', 'in_force', 'in_force', 'expired'])[n % 5 + 1], agreement_kind, agreement_type,
           copies.academy, case when n % 5 > 0 then 'AREF-' || substr(copies.academy, 4) || '/' || n end,
           effective_from + n % 1500, effective_until + n % 1500, updated_at + n * interval '1 minute'
    from ({COPIES}) copies, agreement
    where agreement.id = $3
    """,
    f"""
    insert into agreement_term (agreement_id, term)
    select id, unnest(array['org:' || association, 'convention', 'partenariat', 'association', 'fictif',
                            'شراكه', 'name' || n % {ASSOCIATIONS}, n::text, 'place' || n % 12]
                      || case when n % 5 = 4 or n % 1999 = 0 then array['ended'] end)
    from ({COPIES}) copies
    where $3::uuid is not null
    """,
    # Twenty clauses that all have, one of its own, in every 33rd and 1,000th another one that these share, and one that
    # a seventh has, hardly any of them in force; what is in force has two more, and nothing else has them.
    f"""
    insert into agreement_term (agreement_id, term)
    select id, '§' || clause
    from ({COPIES}) copies,
         unnest(array(select 'shared' || which from generate_series(1, 20) which)
                || ('own' || n) || case when n % 33 = 0 then 'some' end
                || case when n % 1000 = 0 then 'rare' end
                || case when n % 15 in (0, 4) or n % 1999 = 0 then 'lapsing' end
                || case when n % 5 in (2, 3) then array['binding1', 'binding2'] end) clause
    where $3::uuid is not null and clause is not null
    """,
    f"""
    insert into clause_word (word, clause)
    select unnest(array['seats', 'own' || n, 'center' || n % {ASSOCIATIONS}]
                  || case when n % 5 in (2, 3) then array['enacted'] end), '§own' || n
    from ({COPIES}) copies
    where $3::uuid is not null
    """,
    f"""
    insert into journal (event_id, aggregate_type, aggregate_id, aggregate_version, type, audience, actor, occurred_at,
                         data, detail, correlation, hash)
    select gen_random_uuid(), 'agreement', copies.id, version, type, array[copies.academy], actor, occurred_at,
           data, detail, correlation, hash
    from ({COPIES}) copies, generate_series(1, {PER_AGREEMENT}) version, journal
    where journal.aggregate_id = $3 and journal.aggregate_version = 2
    """,
)
BEFORE = "alter table journal no force row level security"
CLAUSE_WORDS = """
    insert into clause_word (word, clause)
    select word, '§shared' || which from generate_series(1, 20) which, unnest(array['article', 'subject' || which]) word
    union all values ('sometimes', '§some'), ('lapsed', '§lapsing'), ('منحه', '§rare'), ('subvention', '§rare'),
                     ('binding', '§binding1'), ('binding', '§binding2')
"""
AFTER = (
    "vacuum analyze clause_word",
    "vacuum analyze agreement",
    "vacuum analyze agreement_term",
    "vacuum analyze journal",
    "checkpoint",
)
ASSOCIATION = Actor(
    "https://identity.example",
    "bench",
    frozenset({Role.association_manager}),
    "org:01900000-0000-7000-9000-000000000007",
)
SEARCHES: tuple[tuple[Actor, dict[str, Any]], ...] = (
    (MINISTRY, {}),
    (MINISTRY, {"sort": "-updated_at", "state": ("in_force", "signed")}),
    (MINISTRY, {"q": "conv name77"}),
    (MINISTRY, {"q": "شراكة", "sort": "reference"}),
    (MINISTRY, {"party": UUID("01900000-0000-7000-9000-000000000009")}),
    (OFFICER, {"sort": "-effective_until"}),
    (OFFICER, {"state": ("draft",), "q": "association"}),
    (MINISTRY, {"q": "subject7"}),
    (MINISTRY, {"q": "seats", "sort": "-updated_at"}),
    (MINISTRY, {"q": "sometimes"}),
    # Of another academy alone; and of what an academy sees of the nation's.
    (MINISTRY, {"q": "place5", "academy": ("MA-07",)}),
    (OFFICER, {"q": "sometimes", "sort": "-updated_at"}),
    (OFFICER, {"q": "منحة"}),
    # Words of more than a tenth of the register, which hardly any agreement has in the state that is asked for.
    (MINISTRY, {"q": "ended", "state": ("in_force",)}),
    (MINISTRY, {"q": "lapsed", "state": ("in_force",), "sort": "-updated_at"}),
    (OFFICER, {"q": "ended", "state": ("in_force",), "agreement_kind": ("academy-association",)}),
    (OFFICER, {"state": ("in_force",), "sort": "reference"}),
    # Words of too many clauses, and of too many agreements, to be followed; none has them in the state asked for.
    (MINISTRY, {"q": "enacted", "state": ("draft",)}),
    (OFFICER, {"q": "binding", "state": ("draft", "signed"), "sort": "-updated_at"}),
    (MINISTRY, {"awaits": "visa"}),
    (ASSOCIATION, {}),
    (ASSOCIATION, {"sort": "-updated_at", "q": "parten"}),
)
Timed = Callable[[], Awaitable[object]]


def measure(only: str | None) -> list[Row]:
    """The rows of this group, or of one benchmark in it."""
    if only not in (None, "agreements_list", "agreements_read", "agreements_as_of"):
        return []
    with a_server() as server_url:
        prepare(server_url, "agreements")
        return [each for each in run(_measure(server_url)) if only in (None, each.name)]


async def _measure(server_url: str) -> list[Row]:
    reader.set(_request())
    async with databases(server_url, "agreements") as (owner, app, _relay):
        lived = await _a_life(app)
        await _fill(owner, database_on(server_url, "agreements"), lived)
        ids = [UUID(f"01900000-0000-7000-8000-{number:012x}") for number in range(1, MANY, MANY // 9)]

        def reading(id: UUID) -> Timed:
            async def read() -> object:
                found = await queries.agreement(app, id, action="read_agreement", by=MINISTRY)
                return answer(AgreementAnswer.of(found, MINISTRY, reasons=True), version=found.version)

            return read

        def listing(by: Actor, wanted: dict[str, Any]) -> Timed:
            async def find() -> object:
                asked = PageRequest(cast(Request, None), None, 20)
                found, _next = await queries.agreements(app, Search(**wanted), page=asked, by=by)
                return page(asked, [AgreementAnswer.of(each, by) for each in found], None)

            return find

        async def remember() -> object:
            found = await queries.agreement(app, lived, as_of=now(), action="read_agreement", by=MINISTRY)
            return answer(AgreementAnswer.of(found, None))

        lists = [listing(by, wanted) for by, wanted in SEARCHES]
        reads = [reading(id) for id in ids]
        return [
            await _compare(app, server_url, "agreements_list", lists, "<= 3, p99 <= 50 ms"),
            await _compare(app, server_url, "agreements_read", reads, "<= 3, p99 <= 50 ms"),
            await _compare(app, server_url, "agreements_as_of", [remember], "p99 <= 20 ms"),
        ]


def _request() -> Request:
    """Whose language the reasons are told in."""
    application = FastAPI()
    application.state.wording = Wording(WORDING, Path(services.agreements.__file__).parent / "wording")
    return Request({"type": "http", "headers": [], "app": application})


async def _compare(app: Database, server_url: str, name: str, requests: Sequence[Timed], aim: str) -> Row:
    """The p99 of ours and of the same statements on the bare driver, in turn."""
    asked = [await _statements(app, request) for request in requests]
    ours: list[float] = []
    raw: list[float] = []
    url = database_on(server_url, "agreements")
    role = {"role": "mithaq_app"}
    async with asyncpg.create_pool(url, min_size=1, max_size=1, server_settings=role, init=_decode_json) as pool:
        for number in range(TIMES + WARM * len(requests)):
            which = number % len(requests)
            started = time.perf_counter()
            await requests[which]()
            taken = time.perf_counter() - started
            alone = await _send(pool, asked[which])
            if number >= WARM * len(requests):
                ours.append(1000 * taken)
                raw.append(1000 * alone)
    ours_p99, raw_p99 = percentile(ours, 0.99), percentile(raw, 0.99)
    return Row("agreements", name, ours_p99, raw_p99, "ms, p99", ours_p99 / raw_p99, aim)


async def _statements(app: Database, request: Timed) -> list[tuple[str, Any]]:
    """What a request sends, first of all its scope: without it row-level security shows nothing."""
    sent: list[tuple[str, Any]] = []

    def keep(connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if not sent:
            sent.append((SET_SCOPE, (connection.connection.driver_connection.scope,)))
        sent.append((statement, parameters))

    event.listen(app.engine.sync_engine, "before_cursor_execute", keep)
    await request()
    event.remove(app.engine.sync_engine, "before_cursor_execute", keep)
    return sent


async def _decode_json(connection: Any) -> None:
    """A state is of no use as text."""
    await connection.set_type_codec("jsonb", schema="pg_catalog", encoder=json.dumps, decoder=json.loads)


async def _send(pool: Any, statements: Sequence[tuple[str, Any]]) -> float:
    """Seconds that the statements take in one transaction."""
    async with pool.acquire() as connection:
        started = time.perf_counter()
        async with connection.transaction():
            for statement, parameters in statements:
                await connection.fetch(statement, *parameters)
        return time.perf_counter() - started


async def _a_life(app: Database) -> UUID:
    """An agreement with as many events as LIFE says: its text goes back and forth."""
    id, association = new_id(), new_id()
    academy = ACADEMIES["MA-06"]
    parties = (
        AgreementParty(party_id=new_id(), organisation_id=academy.organisation_id, roles=("granting_authority",)),
        AgreementParty(party_id=new_id(), organisation_id=association, roles=("operator",)),
        AgreementParty(party_id=new_id(), organisation_id=MINISTRY_ID, roles=("supervising_ministry",)),
    )
    center = CenterToOpen(
        center_id=new_id(),
        province="MA-CAS",
        operator_id=association,
        name_ar="مركز (وهمي)",
        name_fr="Centre (fictif)",
        funded_seats=60,
        unfunded_seats=20,
    )
    start = now().date()
    terms = Terms(
        agreement_kind="academy-association",
        academy="MA-06",
        title=Bilingual(ar="اتفاقية شراكة (وهمي)", fr="Convention de partenariat (fictif)"),
        parties=parties,
        centers=(center,),
        school_year="2024/2025",
        effective_from=start,
        effective_until=start.replace(year=start.year + 3, day=1),
    )
    names = {each.organisation_id: Bilingual(ar="منظمة (وهمية)", fr="Organisation (fictive)") for each in parties}
    async with app.transaction(NATIONAL) as tx:
        agreement = await AGREEMENTS.record(
            tx, Agreement(id=id), Agreement.draft(id, terms, names=names, by=MINISTRY.person), by=MINISTRY
        )
        # Texts without a clause, each of them another one.
        texts = await put_texts(tx, [f"[{' ' * number}]" for number in range(LIFE - 1)])
        revised = [AgreementTextRevised(agreement_id=id, text_hash=each).keeping(by=MINISTRY.person) for each in texts]
        await AGREEMENTS.record(tx, agreement, revised, by=MINISTRY)
    return id


async def _fill(owner: Database, url: str, template: UUID) -> None:
    """The register, copied from one agreement."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(BEFORE)
        for first in range(1, MANY, AT_ONCE):
            for statement in FILL:
                await connection.execute(statement, first, first + AT_ONCE - 1, template)
        for statement in (CLAUSE_WORDS, *AFTER):
            await connection.execute(statement)
    finally:
        await connection.close()
    async with owner.transaction(NATIONAL) as tx:
        assert (await tx.execute(text("select count(*) from agreement"))).scalar_one() > MANY
