"""Advanced and qualified signatures are seals on the agreement's file: on top of one another, and never half-done."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlmodel import col

from services.agreements import commands
from services.agreements.agreement import Agreement, AgreementState
from services.agreements.commands import giving, papers
from services.agreements.commands import sealing as making
from services.agreements.errors import AlreadySigned, NoMandate, TextHashDiffers
from services.agreements.errors.sealing import (
    CertificateNotTrusted,
    CertificateNotValid,
    CertificateRevoked,
    LevelNotOffered,
    NoCertificate,
    SealedFileDamaged,
    SealUnavailable,
)
from services.agreements.errors.signing import TextTampered
from services.agreements.papers.drawing import draw_seal, draw_sealable
from services.agreements.sealing import Seal, configure, examine, sealing
from services.agreements.settings import AgreementsSettings
from services.agreements.tables import AGREEMENTS, PaperRow, SignatureBatchRow
from services.agreements.tests.builders import (
    MINISTRY,
    approved,
    batch_of,
    current,
    hold,
    operator_of,
    outcome_of,
    party,
    person,
    president,
    sign_for,
)
from services.agreements.tests.dying import killed_at
from services.agreements.tests.reading import all_in, text_of
from services.agreements.tests.seals import DAY, Root, seal_with, write_p12, write_roots
from shared import files
from shared.actor import NATIONAL, Role
from shared.clock import now
from shared.database import Database
from shared.events.agreements import AgreementPartySigned
from shared.ids import new_id
from shared.territory import MINISTRY_ID
from shared.worker import in_worker


@pytest.fixture
async def agreement(database: Database) -> Agreement:
    """An agreement whose text is frozen, and nobody has signed: as it is kept, knowing nothing of its surroundings."""
    return await read(database, await approved(database))


async def seal_for(database: Database, agreement: Agreement, organisation: Any, **options: Any) -> Agreement:
    """An advanced signature by the organisation's signer."""
    return await sign_for(database, agreement, organisation, level="advanced", **options)


async def read(database: Database, agreement: Agreement) -> Agreement:
    """The agreement as it is now."""
    async with database.transaction(NATIONAL) as tx:
        return await AGREEMENTS.read(tx, agreement.id)


async def seals_of(agreement: Agreement) -> tuple[Seal, ...]:
    """The seals of its file, examined."""
    return await in_worker(examine, await files.get(agreement.sealed_file or ""), sealing().trust, now())


def is_chain(contents: Sequence[bytes]) -> bool:
    """Whether each file begins with the one before it."""
    return all(later.startswith(earlier) for earlier, later in pairwise(contents))


async def test_every_party_seals_on_top_of_the_others(database: Database, agreement: Agreement) -> None:
    for each in agreement.parties:
        agreement = await seal_for(database, agreement, each.organisation_id)
    assert agreement.state == AgreementState.signed
    assert agreement.archived_file
    given = [await files.get(each.file_hash or "") for each in agreement.signatures]
    assert is_chain([await files.get(agreement.archived_file), *given])
    assert agreement.sealed_file == agreement.signatures[-1].file_hash
    found = await seals_of(agreement)
    assert [each.flaws for each in found] == [(), (), ()]
    assert [each.revision for each in found] == [each.file_hash for each in agreement.signatures]
    assert [each.field for each in found] == [str(each.party_id) for each in agreement.signatures]
    assert {each.content_hash for each in found} == {agreement.content_hash}
    assert [each.made_at for each in found] == [each.signed_at.replace(microsecond=0) for each in agreement.signatures]


async def test_the_event_tells_the_hash_of_the_file(database: Database, agreement: Agreement) -> None:
    signed = await seal_for(database, agreement, MINISTRY_ID)
    async with database.transaction(NATIONAL) as tx:
        event = (await AGREEMENTS.history(tx, agreement.id))[-1].event()
    assert isinstance(event, AgreementPartySigned)
    assert (event.level, event.file_hash) == ("advanced", signed.sealed_file)
    assert "archived_file" not in event.model_dump(), "the file from before is our own affair"


async def test_a_simple_signature_leaves_the_file_alone(database: Database, agreement: Agreement) -> None:
    simple = await sign_for(database, agreement, MINISTRY_ID)
    assert simple.sealed_file is None
    sealed = await seal_for(database, simple, operator_of(agreement))
    after = await sign_for(database, sealed, agreement.parties[0].organisation_id)
    assert after.sealed_file == sealed.sealed_file and after.state == AgreementState.signed
    assert len(await seals_of(after)) == 1


async def test_what_is_sealed_is_the_frozen_text_whoever_seals_first(database: Database, agreement: Agreement) -> None:
    """Its bytes come from the freezing, not from what was signed since."""
    async with database.transaction(NATIONAL) as tx:
        before = await draw_sealable(tx, agreement)
    signed = await sign_for(database, agreement, MINISTRY_ID)
    async with database.transaction(NATIONAL) as tx:
        assert await draw_sealable(tx, signed) == before
    sealed = await seal_for(database, signed, operator_of(agreement))
    archived = await files.get(sealed.archived_file or "")
    assert b"<pdfaid:part>2</pdfaid:part>" in archived
    assert all_in("Chaque cachet électronique est dans le cadre de sa partie", text_of(archived))


async def test_a_seal_shows_party_mandate_and_specimen_and_nobody_s_name(
    database: Database, agreement: Agreement
) -> None:
    ceremony = await hold(database, agreement.id)
    sealed = await seal_for(database, agreement, operator_of(agreement), ceremony_id=ceremony.id)
    file = await files.get(sealed.sealed_file or "")
    [signature] = sealed.signatures
    for named in (signature.person, signature.person.partition("#")[2]):
        assert named.encode() not in file and named not in text_of(file)
    drawn = await drawn_for(database, sealed)
    assert drawn.signature.mandate_id == signature.mandate_id and drawn.mark == "specimen"
    assert drawn.signature.ceremony == ceremony.title


async def drawn_for(database: Database, agreement: Agreement) -> Any:
    """What the last seal shows."""
    async with database.transaction(NATIONAL) as tx:
        event = (await AGREEMENTS.history(tx, agreement.id))[-1].event()
        assert isinstance(event, AgreementPartySigned)
        return await draw_seal(tx, agreement, event, now())


async def test_parties_that_seal_at_once_lose_no_seal(database: Database) -> None:
    agreement = await approved(database, current(others=[party(new_id(), "funder")]))
    await asyncio.gather(*(seal_for(database, agreement, each.organisation_id) for each in agreement.parties))
    final = await read(database, agreement)
    assert final.state == AgreementState.signed and len(await seals_of(final)) == 4
    assert is_chain([await files.get(each.file_hash or "") for each in final.signatures])


async def test_two_processes_that_seal_at_once_lose_no_seal(
    database: Database, agreement: Agreement, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the turns that one process keeps, the later one is overtaken and seals anew."""

    class Strangers(dict[Any, asyncio.Lock]):
        def setdefault(self, _key: Any, default: Any = None) -> Any:
            return default

    monkeypatch.setattr(making, "_turns", Strangers())
    made = 0
    seal = making.make_seal

    async def counted(*asked: Any) -> Any:
        nonlocal made
        made += 1
        return await seal(*asked)

    monkeypatch.setattr(giving, "make_seal", counted)
    await asyncio.gather(*(seal_for(database, agreement, each.organisation_id) for each in agreement.parties))
    final = await read(database, agreement)
    assert final.state == AgreementState.signed and made > 3
    assert [each.flaws for each in await seals_of(final)] == [(), (), ()]


async def test_the_same_seal_twice_at_once_counts_once(database: Database, agreement: Agreement) -> None:
    outcomes = await asyncio.gather(*(outcome_of(seal_for(database, agreement, MINISTRY_ID)) for _ in range(3)))
    assert outcomes.count(AlreadySigned) == 2
    assert len(await seals_of(await read(database, agreement))) == 1


async def test_no_key_is_asked_for_a_signature_that_would_be_refused(
    database: Database, agreement: Agreement, tmp_path: Path
) -> None:
    root = Root()
    hands = seal_with(root.issue(now() - DAY, now() + DAY), root.trust, tmp_path)
    vice = person("vice", Role.association_manager, f"org:{operator_of(agreement)}")
    with pytest.raises(NoMandate):
        await seal_for(database, agreement, operator_of(agreement), by=vice)
    with pytest.raises(TextHashDiffers):
        await seal_for(database, agreement, operator_of(agreement), text_hash="0" * 64)
    async with database.engine.begin() as connection:
        await connection.execute(text("set local role none"))
        await connection.execute(
            text("update content set body = body || ' ' where hash = :hash"), {"hash": agreement.text_hash}
        )
    with pytest.raises(TextTampered):
        await seal_for(database, agreement, operator_of(agreement))
    assert hands.asked == []


async def test_a_certificate_that_does_not_count_is_refused_for_its_reason(
    database: Database, agreement: Agreement, tmp_path: Path
) -> None:
    root, other = Root(), Root("Ailleurs (fictif)")
    over, ahead = root.issue(now() - 9 * DAY, now() - DAY), root.issue(now() + DAY, now() + 9 * DAY)
    good = root.issue(now() - DAY, now() + DAY)
    revoked = root.revoking(good, now() - timedelta(hours=1))
    for pen, trust, refusal in (
        (over, root.trust, CertificateNotValid),
        (ahead, root.trust, CertificateNotValid),
        (good, other.trust, CertificateNotTrusted),
        (good, revoked, CertificateRevoked),
    ):
        seal_with(pen, trust, tmp_path)
        with pytest.raises(refusal):
            await seal_for(database, agreement, MINISTRY_ID)
    assert (await read(database, agreement)).version == agreement.version
    seal_with(good, root.trust, tmp_path)
    assert (await seal_for(database, agreement, MINISTRY_ID)).signatures


class Forging:
    """A pen whose signatures are of another key."""

    def __init__(self, root: Root) -> None:
        self.chain = root.issue(now() - DAY, now() + DAY).chain
        self._other = root.issue()

    async def sign(self, data: bytes) -> bytes:
        """Sign with the wrong key."""
        return await self._other.sign(data)


class Sleeping(Forging):
    """A pen that never comes back."""

    async def sign(self, data: bytes) -> bytes:
        """Wait for ever."""
        await asyncio.Event().wait()
        return data


@pytest.mark.parametrize("kind", [None, Forging, Sleeping], ids=["away", "forges", "hangs"])
async def test_a_provider_in_trouble_leaves_nothing_half_done(
    database: Database,
    agreement: Agreement,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    kind: type[Forging] | None,
) -> None:
    root = Root()
    hands = seal_with(kind(root) if kind else None, root.trust, tmp_path)
    with monkeypatch.context() as impatient:
        impatient.setattr(making, "PATIENCE", 0.2)
        with pytest.raises(SealUnavailable):
            await seal_for(database, agreement, MINISTRY_ID)
    assert await read(database, agreement) == agreement
    async with database.transaction(NATIONAL) as tx:
        assert len(await AGREEMENTS.history(tx, agreement.id)) == agreement.version
        assert (await tx.execute(select(PaperRow))).first() is None
    hands.pen = root.issue(now() - DAY, now() + DAY)
    assert (await seal_for(database, agreement, MINISTRY_ID)).signatures, "it may be tried again"


async def test_a_crash_between_keeping_and_recording_leaves_a_file_that_nobody_refers_to(
    database: Database, agreement: Agreement, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: list[str] = []
    put = files.put

    async def noted(content: bytes) -> files.StoredFile:
        stored = await put(content)
        kept.append(stored.hash)
        return stored

    def die(_: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(files, "put", noted)
    monkeypatch.setattr(making, "crash_point", die)
    with pytest.raises(KeyboardInterrupt):
        await seal_for(database, agreement, MINISTRY_ID)
    monkeypatch.undo()
    assert len(kept) == 2 and all([await files.exists(each) for each in kept])
    assert await read(database, agreement) == agreement
    sealed = await seal_for(database, agreement, MINISTRY_ID)
    assert sealed.sealed_file not in kept and sealed.archived_file == kept[0]


async def test_a_process_that_is_killed_there_leaves_the_agreement_as_it_was(
    database: Database, agreement: Agreement, tmp_path: Path, own_files: Path
) -> None:
    """It dies with its worker."""
    asked = {"data_dir": str(tmp_path), "files": str(own_files), "agreement": str(agreement.id)}
    await killed_at("seal.kept", database=database, **asked)
    kept = [each for each in own_files.rglob("*") if each.is_file()]
    assert len(kept) == 2, "the file and its beginning"
    assert await read(database, agreement) == agreement
    after = await seal_for(database, agreement, MINISTRY_ID)
    assert len(after.signatures) == 1 and [each.flaws for each in await seals_of(after)] == [()]


async def test_nothing_is_sealed_on_top_of_a_damaged_file(
    database: Database, agreement: Agreement, own_files: Path
) -> None:
    sealed = await seal_for(database, agreement, MINISTRY_ID)
    hash = sealed.sealed_file or ""
    place = own_files / hash[:2] / hash
    place.write_bytes(place.read_bytes()[:-9] + b"%%EOF(x)\n")
    for _ in ("damaged", "gone"):
        with pytest.raises(SealedFileDamaged):
            await seal_for(database, sealed, operator_of(agreement))
        with pytest.raises(SealedFileDamaged):
            await papers.read_sealed(database, agreement.id, by=MINISTRY)
        place.unlink(missing_ok=True)
    assert (await read(database, agreement)).version == sealed.version


async def test_seals_are_void_with_the_text_and_begin_anew(database: Database, agreement: Agreement) -> None:
    sealed = await seal_for(database, agreement, MINISTRY_ID)
    declined = await commands.decline_agreement(
        database,
        agreement.id,
        party_id=agreement.parties[1].party_id,
        text_hash=agreement.text_hash or "",
        reason="(fictif)",
        by=president(operator_of(agreement)),
    )
    assert (declined.sealed_file, declined.archived_file, declined.signatures) == (None, None, ())
    assert await files.exists(sealed.sealed_file or ""), "what was sealed stays known"


async def test_a_batch_seals_every_agreement(database: Database) -> None:
    agreements = [await approved(database) for _ in range(2)]
    ceremony = await hold(database, *(each.id for each in agreements))
    batch = await batch_of(database, agreements, ceremony_id=ceremony.id, level="advanced")
    done = await commands.resume_batch(database, batch)
    assert [item["outcome"] for item in done.items] == ["signed", "signed"] and done.finished_at
    for each in agreements:
        [seal] = await seals_of(await read(database, each))
        assert seal.flaws == () and seal.field == str(each.parties[2].party_id)


async def test_two_that_resume_one_batch_of_seals_take_turns(database: Database) -> None:
    agreements = [await approved(database) for _ in range(2)]
    batch = await batch_of(database, agreements, level="advanced")
    await asyncio.gather(*(commands.resume_batch(database, batch.model_copy()) for _ in range(2)))
    async with database.transaction(NATIONAL) as tx:
        left = (await tx.execute(select(SignatureBatchRow))).scalar_one()
    assert [item["outcome"] for item in left.items] == ["signed", "signed"]
    assert [len(await seals_of(await read(database, each))) for each in agreements] == [1, 1]


async def test_a_batch_waits_for_a_provider_that_is_away_and_records_what_is_refused(
    database: Database, tmp_path: Path
) -> None:
    agreements = [await approved(database) for _ in range(2)]
    await sign_for(database, agreements[0], MINISTRY_ID)
    root = Root()
    hands = seal_with(None, root.trust, tmp_path)
    batch = await commands.resume_batch(database, await batch_of(database, agreements, level="advanced"))
    assert [item["outcome"] for item in batch.items] == ["refused", "pending"] and batch.finished_at is None
    assert batch.items[0]["refusal"]["slug"] == AlreadySigned.slug
    hands.pen = root.issue(now() - DAY, now() + DAY)
    done = await commands.resume_batch(database, batch)
    assert [item["outcome"] for item in done.items] == ["refused", "signed"] and done.finished_at


async def test_a_level_that_nobody_gives_here_is_refused(
    database: Database, agreement: Agreement, tmp_path: Path
) -> None:
    root = Root()
    pen = root.issue(now() - DAY, now() + DAY)
    roots, file = write_roots(tmp_path / "roots.pem", root.trust), write_p12(tmp_path / f"{MINISTRY_ID}.p12", pen)
    settings = {"seal": "pkcs12", "seal_pkcs12": file, "seal_passphrase": "fictif", "seal_roots": roots}
    configure(AgreementsSettings.model_validate(settings))
    with pytest.raises(LevelNotOffered) as refused:
        await sign_for(database, agreement, MINISTRY_ID, level="qualified")
    assert refused.value.values == {"level": "qualified", "offered": ["simple", "advanced"]}
    assert (await seal_for(database, agreement, MINISTRY_ID)).sealed_file
    configure(AgreementsSettings(seal="none"))
    with pytest.raises(LevelNotOffered):
        await seal_for(database, agreement, operator_of(agreement))
    assert len((await sign_for(database, agreement, operator_of(agreement))).signatures) == 2, "it needs no certificate"


async def test_an_organisation_without_a_certificate_is_told_so(
    database: Database, agreement: Agreement, tmp_path: Path
) -> None:
    root = Root()
    write_p12(tmp_path / f"{MINISTRY_ID}.p12", root.issue(now() - DAY, now() + DAY))
    roots = write_roots(tmp_path / "roots.pem", root.trust)
    settings = {"seal": "pkcs12", "seal_pkcs12": tmp_path, "seal_passphrase": "fictif", "seal_roots": roots}
    configure(AgreementsSettings.model_validate(settings))
    with pytest.raises(NoCertificate):
        await seal_for(database, agreement, operator_of(agreement))
    assert (await seal_for(database, agreement, MINISTRY_ID)).sealed_file


async def test_what_is_sealed_is_remembered_as_a_paper(database: Database, agreement: Agreement) -> None:
    sealed = await seal_for(database, agreement, MINISTRY_ID)
    async with database.transaction(NATIONAL) as tx:
        rows = (await tx.execute(select(PaperRow).where(col(PaperRow.subject_id) == agreement.id))).scalars().all()
    assert {row.document: row.hash for row in rows} == {"sealed": sealed.sealed_file, "agreement": sealed.archived_file}
    assert {row.content_hash for row in rows} == {agreement.content_hash}
