"""Sample papers, all fictitious, and pictures of them: python -m services.agreements.papers.samples FOLDER."""

import argparse
import asyncio
import struct
import tempfile
import zlib
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from uuid import UUID

from services.agreements.bilingual import Bilingual
from services.agreements.content import Annex
from services.agreements.kinds import ContentPart
from services.agreements.minutes import Entry, Minutes, PartyEntry, Pause, draw_up
from services.agreements.papers.frames import frames_for
from services.agreements.papers.paper import (
    AgreementPaper,
    AmendmentPaper,
    CenterLine,
    CertificatePaper,
    ChangedPart,
    FileLine,
    Language,
    MinutesPaper,
    Paper,
    PartyLine,
    SealPaper,
    SignatureLine,
    SignedAmendment,
    Value,
)
from services.agreements.papers.printing import pictures, render_agreement
from services.agreements.sealing import Prepared, Signatory, Trust, complete, prepare
from services.agreements.sealing.authority import TrialAuthority
from services.agreements.terms import BudgetLine, Duty, Recurrence
from services.agreements.text import Clause, Prose
from shared.clock import now
from shared.events.agreements import LanguageHashes, PartyRole
from shared.money import Money

AT = datetime(2026, 8, 24, 9, 30, tzinfo=UTC)
HASH = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
ACADEMY = Bilingual(
    ar="الأكاديمية الجهوية للتربية والتكوين الدار البيضاء-سطات",
    fr="Académie régionale d'éducation et de formation Casablanca-Settat",
)
PARTIES: tuple[tuple[Bilingual, tuple[PartyRole, ...]], ...] = (
    (ACADEMY, ("granting_authority",)),
    (Bilingual(ar="جمعية أفق (وهمي)", fr="Association Horizon (fictif)"), ("operator",)),
    (Bilingual(ar="الوزارة (وهمي)", fr="Le ministère (fictif)"), ("supervising_ministry",)),
    (Bilingual(ar="جماعة المثال (وهمي)", fr="Commune Exemple (fictif)"), ("premises_host", "funder")),
    (Bilingual(ar="مركز التكوين المثال (وهمي)", fr="Centre de formation Exemple (fictif)"), ("training_partner",)),
)
TITLE = Bilingual(ar="اتفاقية شراكة لتسيير مركز (وهمي)", fr="Convention de partenariat pour un centre (fictif)")
CLAUSES = (
    (
        Bilingual(ar="الموضوع", fr="Objet"),
        Prose(
            ar="تحدد هذه الاتفاقية شروط تسيير مركز مدرسة الفرصة الثانية (وهمي) لفائدة 120 مستفيدا ومستفيدة.\n"
            "تلتزم الأطراف بتنفيذها بحسن نية.",
            fr="La présente convention fixe les conditions de gestion d'un centre de l'école de la deuxième chance"
            " (fictif) au profit de 120 bénéficiaires.\nLes parties s'engagent à l'exécuter de bonne foi.",
        ),
    ),
    (
        Bilingual(ar="المدة", fr="Durée"),
        Prose(
            ar="تسري هذه الاتفاقية ثلاث سنوات ابتداء من تاريخ دخولها حيز التنفيذ، دون تجديد ضمني.",
            fr="La convention court trois années à compter de son entrée en vigueur, sans reconduction tacite.",
        ),
    ),
    (
        Bilingual(ar="المساهمة المالية", fr="Contribution financière"),
        Prose(
            ar="تساهم الأكاديمية بمبلغ 125 000 درهم في السنة، يصرف على دفعتين. يحمل كل أمر بالصرف المرجع"
            " AREF-06/2026-0016.",
            fr="L'académie contribue à hauteur de 125 000 dirhams par an, versés en deux tranches. Chaque"
            " ordonnancement porte la référence AREF-06/2026-0016.",
        ),
    ),
    (
        Bilingual(ar="التتبع والتقييم", fr="Suivi et évaluation"),
        Prose(
            ar="تجتمع لجنة التتبع مرتين في السنة على الأقل، وتحرر محضرا لكل اجتماع.",
            fr="Le comité de suivi se réunit au moins deux fois par an et dresse un procès-verbal de chaque réunion.",
        ),
    ),
)


def agreement(**changes: object) -> AgreementPaper:
    """An agreement between five parties that have all signed."""
    ids = [UUID(int=at + 1) for at in range(len(PARTIES))]
    paper = AgreementPaper(
        drawn_at=AT,
        title=TITLE,
        academy=ACADEMY,
        reference="AREF-06/2026-0016",
        address="https://mithaq.example/v/01920000-0000-7000-8000-00000000000a?h=9f86d081884c7d65",
        mark="specimen",
        version=12,
        school_year="2026/2027",
        effective_from=date(2026, 9, 1),
        effective_until=date(2029, 8, 31),
        parties=tuple(
            PartyLine(party_id=id, name=name, roles=roles) for id, (name, roles) in zip(ids, PARTIES, strict=True)
        ),
        clauses=tuple(Clause(title=title, body=body) for title, body in CLAUSES),
        obligations=(
            Duty(
                obligation_id=UUID(int=101),
                debtor=ids[0],
                creditor=ids[1],
                what=Bilingual(ar="صرف الدفعة الأولى من المساهمة", fr="Verser la première tranche de la contribution"),
                due_days=30,
                evidence=Bilingual(ar="أمر بالصرف", fr="ordre de paiement"),
            ),
            Duty(
                obligation_id=UUID(int=102),
                debtor=ids[1],
                what=Bilingual(
                    ar="فتح المركز واستقبال المستفيدين", fr="Ouvrir le centre et accueillir les bénéficiaires"
                ),
                due_on=date(2026, 10, 5),
                evidence=Bilingual(ar="محضر الافتتاح", fr="procès-verbal d'ouverture"),
            ),
            Duty(
                obligation_id=UUID(int=103),
                debtor=ids[1],
                creditor=ids[0],
                what=Bilingual(ar="تقديم تقرير عن الحضور", fr="Remettre un rapport d'assiduité"),
                recurrence=Recurrence(first_due_on=date(2026, 12, 31), every_months=3),
            ),
            Duty(
                obligation_id=UUID(int=104),
                debtor=ids[3],
                what=Bilingual(ar="وضع المقر رهن إشارة المركز", fr="Mettre les locaux à la disposition du centre"),
                due_on=date(2026, 9, 15),
            ),
        ),
        budget=(
            BudgetLine(
                line_id=UUID(int=201),
                payer=ids[0],
                heading=Bilingual(ar="التسيير", fr="Fonctionnement"),
                kind="cash",
                amount=Money(centimes=12_500_000),
                budget_year=2026,
            ),
            BudgetLine(
                line_id=UUID(int=202),
                payer=ids[3],
                heading=Bilingual(ar="المقر", fr="Locaux"),
                kind="in_kind",
                amount=Money(centimes=6_000_000),
                budget_year=2026,
            ),
        ),
        centers=(
            CenterLine(
                name=Bilingual(ar="مركز الأمل (وهمي)", fr="Centre Espoir (fictif)"),
                province=Bilingual(ar="عمالة الدار البيضاء", fr="Préfecture de Casablanca"),
                operator=PARTIES[1][0],
                funded_seats=100,
                unfunded_seats=20,
            ),
        ),
        annexes=tuple(
            Annex(document_id=UUID(int=401 + at), name=name, hash=HASH[at:] + HASH[:at], media_type="application/pdf")
            for at, name in enumerate(("Règlement intérieur (fictif).pdf", "جدول الحصص (وهمي).pdf"), 1)
        ),
        signatures=signatures(),
        content_hash=HASH,
        language_hashes=LanguageHashes(ar=HASH[::-1], fr=HASH[32:] + HASH[:32]),
    )
    return paper.model_copy(update=changes)


def amendment(**changes: object) -> AmendmentPaper:
    """An amendment of that agreement, with a change of every part, which two parties have signed."""
    of = agreement()
    _, operator, _, commune, _ = of.parties
    duty, line, annex = of.obligations[1], of.budget[0], of.annexes[0]
    duration = of.clauses[1]
    longer = Prose(
        ar="تسري هذه الاتفاقية أربع سنوات ابتداء من تاريخ دخولها حيز التنفيذ، دون تجديد ضمني.",
        fr="La convention court quatre années à compter de son entrée en vigueur, sans reconduction tacite.",
    )
    center = of.centers[0]
    parts: tuple[tuple[ContentPart, str, str, Value | None, Value | None], ...] = (
        ("term", "تاريخ نهاية السريان", "la date de fin", of.effective_until, date(2030, 8, 31)),
        ("clause", "البند «المدة»", "la clause « Durée »", duration, duration.model_copy(update={"body": longer})),
        (
            "party",
            "الطرف «جماعة المثال (وهمي)»",
            "la partie « Commune Exemple (fictif) »",
            commune,
            commune.model_copy(update={"roles": ("premises_host",)}),
        ),
        (
            "center",
            "المركز «مركز الأمل (وهمي)»",
            "le centre « Centre Espoir (fictif) »",
            center,
            center.model_copy(update={"funded_seats": 120}),
        ),
        (
            "obligation",
            "الالتزام «فتح المركز واستقبال المستفيدين»",
            "l'engagement « Ouvrir le centre et accueillir les bénéficiaires »",
            duty,
            duty.model_copy(
                update={
                    "due_on": date(2026, 11, 2),
                    "fulfilled_by": "center_opened",
                    "center_id": UUID(int=501),
                    "blocks": ("renewal", "closing"),
                    "survives": True,
                }
            ),
        ),
        (
            "budget_line",
            "باب الميزانية «التسيير»",
            "la ligne budgétaire « Fonctionnement »",
            line,
            line.model_copy(update={"amount": Money(centimes=15_000_000)}),
        ),
        ("annex", f"المرفق «{annex.name}»", f"l'annexe « {annex.name} »", annex, None),
        (
            "order",
            "ترتيب البنود",
            "l'ordre des clauses",
            tuple(each.title for each in of.clauses[2:]),
            tuple(each.title for each in reversed(of.clauses[2:])),
        ),
    )
    paper = AmendmentPaper(
        **of.model_dump(include={"drawn_at", "title", "academy", "mark", "content_hash"}),
        reference="AREF-06/2026-0016/A1",
        address="https://mithaq.example/v/01920000-0000-7000-8000-0000000000a1?h=9f86d081884c7d65",
        version=9,
        number=1,
        amendment_type="scope",
        amends=of.reference,
        parties=of.parties,
        centers={UUID(int=501): center.name},
        changes=tuple(
            ChangedPart(part=part, what={"ar": ar, "fr": fr}, before=before, after=after)
            for part, ar, fr, before, after in parts
        ),
        signatures=tuple(
            line if line.party in (ACADEMY, operator.name) else SignatureLine(party=line.party) for line in signatures()
        ),
        language_hashes=of.language_hashes,
    )
    return paper.model_copy(update=changes)


def signatures() -> tuple[SignatureLine, ...]:
    """The signatures of all parties, in a ceremony."""
    ceremony = Bilingual(ar="حفل التوقيع (وهمي)", fr="Cérémonie de signature (fictif)")
    return tuple(
        SignatureLine(
            party=name,
            signed_at=AT.replace(minute=30 + at),
            level="simple" if at else "advanced",
            mandate_id=UUID(int=300 + at),
            ceremony=ceremony,
            contested=at == 4,
        )
        for at, (name, _) in enumerate(PARTIES)
    )


def certificate(**changes: object) -> CertificatePaper:
    """The certificate of that agreement."""
    of = agreement()
    assert of.content_hash and of.language_hashes
    paper = CertificatePaper(
        **of.model_dump(include={"drawn_at", "title", "academy", "reference", "address", "mark", "version"}),
        head=HASH[16:] + HASH[:16],
        signatures=of.signatures,
        content_hash=of.content_hash,
        language_hashes=of.language_hashes,
        files=(
            FileLine(kind="archived", hash=HASH[8:] + HASH[:8]),
            FileLine(kind="sealed", hash=HASH[4:] + HASH[:4]),
        ),
    )
    return paper.model_copy(update=changes)


def amended_certificate() -> CertificatePaper:
    """The certificate of that agreement once two amendments are applied, each signed by those whom it touches."""
    names = [name for name, _ in PARTIES]
    joined = Bilingual(ar="جمعية التكوين المثال (وهمي)", fr="Association Formation Exemple (fictif)")
    later = AT + timedelta(days=90)

    def signed(number: int, *parties: Bilingual) -> tuple[SignatureLine, ...]:
        return tuple(
            SignatureLine(
                party=party,
                signed_at=later + timedelta(minutes=7 * at),
                signed_on=later.date() if party == joined else None,
                level="handwritten_scan" if party == joined else "simple",
                mandate_id=UUID(int=310 + at),
            )
            for at, party in enumerate(parties, number)
        )

    amendments = (
        SignedAmendment(
            number=1,
            amendment_type="scope",
            amended_on=later.date(),
            signatures=signed(1, *names[:2]),
            content_hash=HASH[20:] + HASH[:20],
            language_hashes=LanguageHashes(ar=HASH[::-1], fr=HASH[32:] + HASH[:32]),
        ),
        SignedAmendment(
            number=2,
            amendment_type="parties",
            amended_on=later.date(),
            signatures=signed(3, *names, joined),
            content_hash=HASH[24:] + HASH[:24],
            language_hashes=LanguageHashes(ar=HASH[28:] + HASH[:28], fr=HASH[36:] + HASH[:36]),
        ),
    )
    of = certificate()
    return certificate(
        version=15,
        address=(of.address or "").replace(HASH[:16], amendments[-1].content_hash[:16]),
        amendments=amendments,
        files=(*of.files, FileLine(kind="scan", hash=HASH[12:] + HASH[:12], party=joined, number=2)),
    )


def minutes(*, whole: bool = True) -> MinutesPaper:
    """The minutes of the ceremony, said as those of any other; or an extract of them."""
    names = [name for name, _ in PARTIES]
    ids = [UUID(int=at + 1) for at in range(len(names))]
    title = Bilingual(ar="حفل التوقيع (وهمي)", fr="Cérémonie de signature (fictif)")

    def entry(number: int, *outcomes: PartyEntry) -> Entry:
        return Entry(
            agreement_id=UUID(int=number),
            reference=f"AREF-06/2026-{number:04}",
            title=TITLE,
            signed=not outcomes,
            parties=(*outcomes, *(signed(at, number) for at in range(len(outcomes), len(names)))),
        )

    def signed(at: int, number: int) -> PartyEntry:
        minute = timedelta(minutes=number - 15 + at)
        return PartyEntry(organisation_id=ids[at], name=names[at], outcome="here", at=AT + minute)

    told = Minutes(
        title=title,
        place=Bilingual(ar="الرباط", fr="Rabat"),
        opened_at=AT,
        closed_at=AT + timedelta(minutes=40),
        chairs=(ACADEMY,),
        present=dict(zip(ids, names, strict=True)),
        pauses=(
            Pause(since=AT + timedelta(minutes=3), until=AT + timedelta(minutes=9), reason="Panne de courant (fictif)"),
        ),
        entries=(
            entry(15, PartyEntry(organisation_id=ids[0], name=names[0], outcome="to_be_checked", on=AT.date())),
            *(entry(number) for number in range(16, 19)),
        ),
        struck=(),
    )
    told = told if whole else told.about(frozenset({UUID(int=15)}))
    said = {language: draw_up(told, language) for language in ("ar", "fr")}
    return MinutesPaper(
        drawn_at=AT,
        title=title,
        address="https://mithaq.example/v/01920000-0000-7000-8000-00000000000c?h=9f86d081884c7d65",
        mark="specimen",
        **said,
        whole=whole,
        adopted=True,
        minutes_hash=HASH,
    )


def sealed() -> bytes:
    """That agreement, sealed by four of its five parties with a trial authority that is forgotten at once."""
    paper = agreement(signatures=())
    paper = paper.model_copy(update={"frames": frames_for((each.party_id, each.name) for each in paper.parties)})
    file = render_agreement(paper, "both")
    with tempfile.TemporaryDirectory() as folder:
        authority = TrialAuthority(Path(folder) / "authority.pem")
        for place, line in enumerate(signatures()[:4]):
            signature = line.model_copy(update={"level": "advanced"})
            party = Signatory(paper.parties[place].party_id, line.party, "", "advanced")
            pen = asyncio.run(authority.pen_for(party))
            prepared = prepare(
                file,
                SealPaper(drawn_at=AT, title=paper.title, mark=paper.mark, signature=signature),
                field=str(paper.parties[place].party_id),
                frames=() if place else paper.frames,
                about=f"{paper.reference} SHA-256 {paper.content_hash}",
                at=now(),
                chain=pen.chain,
                trust=Trust(pen.chain[1:], (authority.revocations,)),
            )
            assert isinstance(prepared, Prepared), "a fresh certificate is good"
            file = complete(prepared, asyncio.run(pen.sign(prepared.attributes)))
    return file


def picture_of(file: bytes, *, page: int, per_inch: float) -> bytes:
    """A page of a PDF as PNG, with its seals, which Typst does not draw."""
    import pypdfium2  # type: ignore[import-untyped]

    pdf = pypdfium2.PdfDocument(file)
    pdf.init_forms()
    bitmap = pdf[page % len(pdf)].render(scale=per_inch / 72, rev_byteorder=True, prefer_bgrx=False)
    width, height, stride, content = bitmap.width, bitmap.height, bitmap.stride, bytes(bitmap.buffer)
    lines = b"".join(b"\0" + content[at * stride : at * stride + 3 * width] for at in range(height))
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = {b"IHDR": header, b"IDAT": zlib.compress(lines, 9), b"IEND": b""}
    parts = [
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in chunks.items()
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def main() -> None:
    """Write the pictures."""
    parser = argparse.ArgumentParser(description="Writes pictures of sample papers.")
    parser.add_argument("folder", type=Path)
    folder: Path = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    shown: dict[str, tuple[Paper, Language]] = {
        "agreement-ar": (agreement(), "ar"),
        "agreement-fr": (agreement(), "fr"),
        "agreement-both": (agreement(), "both"),
        "amendment-both": (amendment(), "both"),
        "amendment-ar": (amendment(), "ar"),
        "amendment-fr": (amendment(), "fr"),
        "certificate": (certificate(), "both"),
        "certificate-amended": (amended_certificate(), "both"),
        "certificate-amended-ar": (amended_certificate(), "ar"),
        "certificate-amended-fr": (amended_certificate(), "fr"),
        "minutes": (minutes(), "both"),
        "minutes-extract": (minutes(whole=False), "both"),
    }
    for name, (paper, language) in shown.items():
        for number, page in enumerate(pictures(paper, language, per_inch=72), 1):
            (folder / f"{name}-{number}.png").write_bytes(page)
    (folder / "sealed.png").write_bytes(picture_of(sealed(), page=-1, per_inch=72))


if __name__ == "__main__":
    main()
