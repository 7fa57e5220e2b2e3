"""What an amendment says, in a language: each part that it changes, before and after."""

from datetime import date

from services.agreements.bilingual import Bilingual
from services.agreements.content import Annex
from services.agreements.papers import saying
from services.agreements.papers.paper import AmendmentPaper, CenterLine, ChangedPart, PartyLine, Value
from services.agreements.papers.saying import Said, day, money, number, of, words
from services.agreements.terms import BudgetLine, Duty
from services.agreements.text import Clause


def amendment(paper: AmendmentPaper, language: str) -> Said:
    """All that an amendment says."""
    said = words(language)
    title = said["changes"]["numbered" if paper.number else "unnumbered"]
    return {
        "title": title.format(number=paper.number, title=of(paper.title, language)),
        "version": number(paper.version, language),
        "type": said["amendment_types"][paper.amendment_type],
        "amends": paper.amends,
        "parties": saying.parties(paper, language),
        "changes": [_change(each, paper, language) for each in paper.changes],
        "signatures": [saying.signature(line, language) for line in paper.signatures],
        "frames": saying.frames(paper, language),
        "hashes": saying.hashes(paper, language) if paper.content_hash else None,
    }


def _change(change: ChangedPart, paper: AmendmentPaper, language: str) -> Said:
    said = words(language)["changes"]
    how = "added" if change.before is None else "removed" if change.after is None else "changed"
    sides = {"before": change.before, "after": change.after}
    titles = {each.title for each in sides.values() if isinstance(each, Clause)}
    return {
        "heading": said["heading"].format(how=said[how], what=change.what[language]),
        **{
            name: None if value is None else _side(value, paper, language, titled=len(titles) > 1)
            for name, value in sides.items()
        },
    }


def _side(value: Value, paper: AmendmentPaper, language: str, *, titled: bool) -> Said:
    """What a part says, in lines; a document beside them, since its name and its hash are in no language."""
    said = words(language)
    match value:
        case Clause():
            lines = [of(value.title, language)] if titled else []
            lines += getattr(value.body, language).splitlines()
        case PartyLine():
            lines = [saying.roles(value, language)]
        case CenterLine():
            named = {name: of(getattr(value, name), language) for name in ("name", "province", "operator")}
            seats = {name: number(getattr(value, name), language) for name in ("funded_seats", "unfunded_seats")}
            lines = [said["changes"]["center"].format(**named, **seats)]
        case Duty():
            lines = _whole_duty(value, paper, language)
        case BudgetLine():
            lines = [
                said["changes"]["budget_line"].format(
                    payer=saying.called(value.payer, (*paper.parties, *paper.gone), language),
                    heading=of(value.heading, language),
                    kind=said["kinds"][value.kind],
                    year=value.budget_year,
                    amount=money(value.amount, language),
                )
            ]
        case Annex():
            return {"lines": [], "annex": saying.annex(value)}
        case Bilingual():
            lines = [of(value, language)]
        case date():
            lines = [day(value, language)]
        case str():
            lines = [value]
        case _:
            lines = [f"{place}. {of(name, language)}" for place, name in enumerate(value, 1)]
    return {"lines": lines, "annex": None}


def _whole_duty(duty: Duty, paper: AmendmentPaper, language: str) -> list[str]:
    """All that an obligation says: what an agreement's paper leaves out may be the very thing that changes."""
    said, parties = words(language)["changes"], (*paper.parties, *paper.gone)
    told, debtor = saying.duty(duty, parties, language), saying.called(duty.debtor, parties, language)
    lines = [said["debtor"].format(debtor=debtor), told["what"], told["to"], told["due"], told["evidence"]]
    if duty.fulfilled_by and duty.center_id:
        center = paper.centers.get(duty.center_id)
        named = of(center, language) if center else str(duty.center_id)
        lines.append(said[duty.fulfilled_by].format(center=named))
    lines += [said[f"blocks_{each}"] for each in duty.blocks]
    if duty.survives:
        lines.append(said["survives"])
    return [line for line in lines if line]
